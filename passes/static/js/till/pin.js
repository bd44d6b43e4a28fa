// The card's PIN on a form: shown when something leaves the card, sent with what counts, and kept nowhere.

/** Everything but the PIN, which only counting needs. @param {HTMLFormElement} form @returns {string[][]} */
export const withoutPin = (form) => pairs(form).filter(([name]) => name !== "pin");

/** @param {HTMLFormElement} form */
export const pinOf = (form) => pairs(form).filter(([name]) => name === "pin");

/** @param {HTMLFormElement} form @param {boolean} isAsked */
export function show(form, isAsked) {
  const place = /** @type {HTMLElement | null} */ (form.querySelector("[data-part=pin]"));
  if (place) place.hidden = !isAsked;
}

/** It was wrong, or missing: said beside the field, because the bill is far away on a phone. @param {HTMLFormElement} form @param {string} sentence */
export function askAgain(form, sentence) {
  const typed = /** @type {HTMLInputElement} */ (form.elements.namedItem("pin"));
  show(form, true);
  const hint = /** @type {HTMLElement} */ (form.querySelector("#pin-hint"));
  hint.textContent = sentence;
  hint.className = "error";
  typed.value = "";
  typed.focus();
}

/** @param {HTMLFormElement} form @returns {string[][]} */
const pairs = (form) => [...new FormData(form)].map(([name, value]) => [name, String(value)]);
