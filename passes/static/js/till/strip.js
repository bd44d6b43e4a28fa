// The strip at the top: whether there is a connection, how much waits in this till, and what became of it.

import { isUsable, permit } from "./permit.js";
import * as practice from "./practice.js";
import { changes, isOut, open } from "./queue.js";
import { moment, say, time } from "./words.js";

const MOST_LISTED = 30;
let isAway = false;
let isLoggedOut = false;
let asked = 0;

export async function show() {
  const place = document.getElementById("strip");
  if (!place) return;
  const turn = ++asked;
  const actions = await (await open()).list();
  const out = actions.filter(isOut).length;
  const trouble = actions.filter((action) => action.state === "conflict" || action.state === "refused").length;
  const state = isAway ? await alone() : isLoggedOut && out ? "login" : out ? "sending" : trouble ? "trouble" : "";
  const rows = [...(state === "away" ? [await asOf()] : []), ...actions.slice(0, MOST_LISTED).map(line)];
  // Whoever asked later knows more.
  if (turn !== asked) return;
  place.hidden = !state;
  place.dataset.strip = state;
  const sentence = /** @type {HTMLElement} */ (place.querySelector("[data-part=sentence]"));
  const text = state && say(`till.strip.${state}`, { n: trouble });
  // Said aloud only when it says something else.
  if (sentence.textContent !== text) sentence.textContent = text;
  count(place, out);
  place.querySelector("[data-part=list]")?.replaceChildren(...rows);
}

/** Until when the till knows which cards were blocked. */
async function asOf() {
  const row = document.createElement("li");
  row.dataset.part = "as-of";
  row.textContent = say("till.strip.as_of", { time: moment((await permit())?.issued ?? 0) });
  return row;
}

/** What can be done without a connection. */
async function alone() {
  if (practice.isOn()) return "practice";
  return isUsable(await permit()) ? "away" : "cut";
}

/** @param {boolean} away */
export function away(away) {
  isAway = away;
  return show();
}

/** @param {boolean} out */
export function loggedOut(out) {
  isLoggedOut = out;
  return show();
}

changes.addEventListener("change", show);

/** @param {HTMLElement} place @param {number} out */
function count(place, out) {
  const counter = /** @type {HTMLElement} */ (place.querySelector("[data-part=count]"));
  counter.hidden = !out;
  counter.textContent = say("till.waiting", { n: out });
}

/** @param {import("./queue.js").Action} action */
function line(action) {
  const row = document.createElement("li");
  row.dataset.state = action.state;
  const state = action.why || say(`till.state.${action.state}`);
  row.textContent = say("till.action", { time: time(action.at), receipt: action.receipt.slice(-6), state });
  return row;
}
