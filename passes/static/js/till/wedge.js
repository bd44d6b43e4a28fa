// A reader that types as a keyboard does: some thirty keys within a fraction of a second, then Enter. No person does
// that, so it works wherever the focus is.

const FAST_MS = 60;
const LEAST_KEYS = 8;
let typed = "";
let lastKey = 0;
/** @type {{ field: HTMLInputElement | null, value: string }} */
let before = { field: null, value: "" };

/**
 * Calls `scanned` with whatever was read, from now on. The field for codes needs no help.
 * @param {(code: string) => boolean} scanned says whether anything took it
 */
export function listen(scanned) {
  addEventListener("keydown", (event) => {
    // The key's own time: a page that is busy hears of keys late and in a heap.
    if (event.timeStamp - lastKey > FAST_MS) typed = "";
    if (!typed) before = remembered();
    lastKey = event.timeStamp;
    if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) typed += event.key;
    else if (event.key === "Enter") {
      if (!isField(document.activeElement) && typed.length >= LEAST_KEYS) take(event, scanned);
      typed = "";
    }
  }, true);
}

/** @param {Element | null} at */
const isField = (at) => at?.id === "code";

function remembered() {
  const field = /** @type {HTMLInputElement | null} */ (document.activeElement);
  return { field, value: field?.value ?? "" };
}

/**
 * @param {KeyboardEvent} event
 * @param {(code: string) => boolean} scanned
 */
function take(event, scanned) {
  // What it typed into some field on its way does not belong there, even if the field had no room for all of it.
  if (before.field?.matches("input")) before.field.value = before.value;
  if (scanned(typed)) event.preventDefault();
}
