// Actions that wait in this till: nothing is lost when the page, the browser or the tablet stops, and nothing is sent
// under a second name. An action is waiting, sending (out, maybe applied), then sent, conflict or refused.

import * as practice from "./practice.js";
import { answer, database, settled } from "./store.js";

const KEPT_SECONDS = 86_400;
/** A request of so many stays well below what the server takes, even when each code is a long signed one. */
export const MOST_AT_ONCE = 100;

/**
 * @typedef {{ code: string, kind: "earn" | "redeem" | "reward", total?: number, redeem?: number, reward?: string,
 *   stamps?: number, receipt: string, card?: string }} Order
 * @typedef {Order & { id: string, seq: number, at: number, state: string, why?: string }} Action
 * @typedef {{ id: string, outcome: "applied" | "repeated" | "conflict" | "refused", why?: string, balance?: number }} Result
 */

/** This card spent without a connection already. */
export class SpentAlready extends Error {}

/** What is only practised is never kept: all that waits here is counted in earnest. */
export class Practised extends Error {}

export const changes = new EventTarget();

export async function open() {
  return new Queue(await database());
}

class Queue {
  /** @param {IDBDatabase} database */
  constructor(database) {
    this.database = database;
  }

  /** @param {Order} order @returns {Promise<Action>} */
  async add(order) {
    if (practice.isOn()) throw new Practised();
    const work = this.database.transaction(["actions", "kept"], "readwrite");
    const [actions, kept] = [work.objectStore("actions"), work.objectStore("kept")];
    if (order.kind !== "earn") await refuseSecond(actions, order.card ?? "", work);
    const seq = ((await answer(kept.get("seq"))) ?? 0) + 1;
    const action = { ...order, id: crypto.randomUUID(), seq, at: Math.floor(Date.now() / 1000), state: "waiting" };
    actions.add(action);
    kept.put(seq, "seq");
    await settled(work);
    changed();
    return action;
  }

  /** The next to go out, in the order in which they were done; from now on they cannot be taken back here. */
  async take() {
    const work = this.database.transaction("actions", "readwrite");
    const actions = work.objectStore("actions");
    const all = await answer(actions.getAll());
    const next = all.filter(isOut).slice(0, MOST_AT_ONCE);
    for (const action of next) actions.put({ ...action, state: "sending" });
    await settled(work);
    return next;
  }

  /** Returns how many were settled. @param {Result[]} results */
  async settle(results) {
    const work = this.database.transaction("actions", "readwrite");
    const actions = work.objectStore("actions");
    const outcomes = new Map(results.map((result) => [result.id, result]));
    const mine = (await answer(actions.getAll())).filter((action) => outcomes.has(action.id) && isOut(action));
    for (const action of mine) actions.put(settledAs(action, /** @type {Result} */ (outcomes.get(action.id))));
    await settled(work);
    changed();
    return mine.length;
  }

  /** Takes an action back that never went out. @param {string} receipt */
  async withdraw(receipt) {
    const work = this.database.transaction("actions", "readwrite");
    const actions = work.objectStore("actions");
    const found = (await answer(actions.getAll())).find((one) => one.receipt === receipt && one.state === "waiting");
    if (found) actions.delete(found.seq);
    await settled(work);
    changed();
    return Boolean(found);
  }

  /** @returns {Promise<Action[]>} newest first; what was settled a day ago is forgotten */
  async list() {
    const work = this.database.transaction("actions", "readwrite");
    const actions = work.objectStore("actions");
    const oldest = Date.now() / 1000 - KEPT_SECONDS;
    const all = await answer(actions.getAll());
    const old = all.filter((action) => !isOut(action) && action.at < oldest);
    for (const action of old) actions.delete(action.seq);
    await settled(work);
    return all.filter((action) => !old.includes(action)).reverse();
  }
}

/** @param {Action} action */
export const isOut = (action) => action.state === "waiting" || action.state === "sending";

/**
 * What is settled keeps no code: a till is no place to collect them.
 * @param {Action} action
 * @param {Result} result
 */
function settledAs({ code, card, ...rest }, { outcome, why }) {
  const state = outcome === "applied" || outcome === "repeated" ? "sent" : outcome;
  return { ...rest, state, why: state === "sent" ? "" : why };
}

/**
 * @param {IDBObjectStore} actions
 * @param {string} card
 * @param {IDBTransaction} work
 */
async function refuseSecond(actions, card, work) {
  const all = await answer(actions.getAll());
  if (!all.some((action) => isOut(action) && action.card === card && action.kind !== "earn")) return;
  work.abort();
  throw new SpentAlready(card);
}

const others = "BroadcastChannel" in window ? new BroadcastChannel("till queue") : null;
others?.addEventListener("message", () => changes.dispatchEvent(new Event("change")));

function changed() {
  changes.dispatchEvent(new Event("change"));
  others?.postMessage("changed");
}
