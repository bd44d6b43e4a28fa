// Sends what waits in this till: when a page opens, when the connection is back, and now and then. Each action has a name
// of its own, so that one sent twice, or by two pages at once, is applied once.

import { open } from "./queue.js";

const ADDRESS = "/staff/sync";
const PATIENCE_MS = 30_000;

/** @typedef {"done" | "lost" | "login"} Outcome */

/** @returns {Promise<Outcome>} */
export async function sync() {
  if (!navigator.locks) return sendAll();
  // Another page of this till may be at it; then there is nothing to do.
  return navigator.locks.request("till sync", { ifAvailable: true }, (lock) => (lock ? sendAll() : "done"));
}

/** @returns {Promise<Outcome>} */
async function sendAll() {
  const queue = await open();
  for (let actions = await queue.take(); actions.length; actions = await queue.take()) {
    const outcome = await send(actions);
    if (outcome === null) return "lost";
    if (outcome === "login") return "login";
    // An answer that settles nothing would be asked for again and again.
    if (!(await queue.settle(outcome))) return "lost";
  }
  return "done";
}

/**
 * @param {import("./queue.js").Action[]} actions
 * @returns {Promise<import("./queue.js").Result[] | "login" | null>}
 */
async function send(actions) {
  const sent = actions.map(({ state, card, why, ...action }) => action);
  try {
    const answer = await fetch(ADDRESS, {
      method: "POST",
      headers: { Accept: "application/json", "Content-Type": "application/json", "X-CSRFToken": await token() },
      body: JSON.stringify({ till_seq_from: actions[0].seq, actions: sent }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (answer.status === 401 || answer.status === 403) return "login";
    return answer.ok ? (await answer.json()).results : null;
  } catch {
    return null;
  }
}

/** The present login's token, from a page that carries one: the page for offline times was made for everybody. */
async function token() {
  const answer = await fetch("/staff", { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(PATIENCE_MS) });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return /** @type {HTMLInputElement | null} */ (page.querySelector("[name=csrf_token]"))?.value ?? "";
}
