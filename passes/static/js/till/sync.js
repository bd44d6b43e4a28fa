// Sends what waits in this till: when a page opens, when the connection is back, and now and then. Each action has a name
// of its own, so that one sent twice, or by two pages at once, is applied once.

import { open } from "./queue.js";

const PATIENCE_MS = 30_000;

/** @typedef {"done" | "lost" | "login"} Outcome */

/** @param {string} address @returns {Promise<Outcome>} */
export async function sync(address) {
  if (!navigator.locks) return sendAll(address);
  // Another page of this till may be at it; then there is nothing to do.
  return navigator.locks.request("till sync", { ifAvailable: true }, (lock) => (lock ? sendAll(address) : "done"));
}

/** @param {string} address @returns {Promise<Outcome>} */
async function sendAll(address) {
  const queue = await open();
  for (let actions = await queue.take(); actions.length; actions = await queue.take()) {
    const outcome = await send(address, actions);
    if (outcome === null) return "lost";
    if (outcome === "login") return "login";
    // An answer that settles nothing would be asked for again and again.
    if (!(await queue.settle(outcome))) return "lost";
  }
  return "done";
}

/**
 * @param {string} address
 * @param {import("./queue.js").Action[]} actions
 * @returns {Promise<import("./queue.js").Result[] | "login" | null>}
 */
async function send(address, actions) {
  const sent = actions.map(({ state, card, why, ...action }) => action);
  try {
    const answer = await fetch(address, {
      method: "POST",
      headers: { Accept: "application/json", "Content-Type": "application/json" },
      body: JSON.stringify({ till_seq_from: actions[0].seq, actions: sent }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (answer.status === 401 || answer.status === 403) return "login";
    return answer.ok ? (await answer.json()).results : null;
  } catch {
    return null;
  }
}
