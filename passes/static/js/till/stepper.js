// One more, one less: buttons for thumbs beside a number that can be typed as well.

/**
 * @param {HTMLElement} root
 * @param {() => void} changed
 */
export function attach(root, changed) {
  const number = /** @type {HTMLInputElement} */ (root.querySelector("input"));
  for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (root.querySelectorAll("[data-by]"))) {
    button.hidden = false;
    button.addEventListener("click", () => {
      // Both stop at the least and the most.
      button.dataset.by === "1" ? number.stepUp() : number.stepDown();
      changed();
    });
  }
}
