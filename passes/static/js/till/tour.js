// The clock of whoever practises: how long it has taken so far. It stops when every task is done.

const TICK_MS = 1000;
let ticking = 0;

/** @param {HTMLElement} main */
export function begin(main) {
  clearInterval(ticking);
  const clock = /** @type {HTMLElement | null} */ (main.querySelector("[data-since]"));
  if (!clock) return;
  show(clock);
  if (!("over" in clock.dataset)) ticking = window.setInterval(() => show(clock), TICK_MS);
}

/** @param {HTMLElement} clock */
function show(clock) {
  const seconds = Math.max(0, Math.floor(Date.now() / 1000 - Number(clock.dataset.since)));
  clock.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
