// The button that prints a page, on whatever page it is.

document.addEventListener("click", (event) => {
  if (/** @type {Element} */ (event.target).closest("#print")) print();
});
