// Digits for thumbs: writes the bill without the system's own keyboard, which would hide half of the card.

/**
 * @param {HTMLElement} pad
 * @param {HTMLInputElement} field
 * @param {() => void} changed
 */
export function attach(pad, field, changed) {
  pad.hidden = false;
  pad.addEventListener("click", (event) => {
    const key = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-key]"));
    if (!key) return;
    press(field, key.dataset.key ?? "");
    changed();
  });
  if (matchMedia("(pointer: coarse)").matches) field.inputMode = "none";
}

/**
 * @param {HTMLInputElement} field
 * @param {string} key
 */
function press(field, key) {
  if (key === "back") field.value = field.value.slice(0, -1);
  else if (field.value.length < field.maxLength) field.value += key;
}
