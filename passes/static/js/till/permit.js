// The permission to work without a connection, for a day: how points are earned, what may be spent, which cards are
// blocked, and the keys that signed codes are checked with. Asked for whenever there is a connection.

import { countFrom, keep, recall } from "./store.js";

const PATIENCE_MS = 8000;
const CLOCK_MAY_LAG = 300;

/**
 * @typedef {{ points: number, per: number, rounding: "down" | "nearest" | "up" }} Earn
 * @typedef {{ label: string, button: string, most: number, leads: boolean }} Stamps
 * @typedef {{ key: string, unit: string, currency: string, digits: number, earn: Earn, stamps: Stamps | null }} Programme
 * @typedef {{ till: any, shift: any, issued: number, valid_until: number, keys: { id: string, public: string }[],
 *   seq: number, floor: number, blocked: string[], behind_pin: string[], programmes: Programme[] }} Permit
 */

/** Asks for a new one. Throws when nobody answers. @param {string} address @returns {Promise<Permit | null>} */
export async function renew(address) {
  const answer = await fetch(address, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(PATIENCE_MS) });
  if (answer.status >= 500) throw new Error("busy");
  // A till that was taken off the list must not go on with what it was once given.
  if (answer.status === 403 || answer.status === 404) await keep("permit", null);
  if (!answer.ok) return null;
  const permit = await answer.json();
  await keep("permit", permit);
  await countFrom(permit.seq);
  return permit;
}

/** @returns {Promise<Permit | null>} */
export async function permit() {
  return (await recall("permit")) ?? null;
}

/** @param {Permit | null} permit */
export function isUsable(permit, now = Date.now() / 1000) {
  // A clock that was set back would make it last for ever.
  return permit !== null && permit.issued - CLOCK_MAY_LAG <= now && now < permit.valid_until;
}

/** What a bill earns, as the server will reckon it. @param {Earn} rule @param {number} paid */
export function earned(rule, paid) {
  const [whole, rest] = [Math.floor((paid * rule.points) / rule.per), (paid * rule.points) % rule.per];
  if (rule.rounding === "up") return whole + (rest ? 1 : 0);
  return whole + (rule.rounding === "nearest" && 2 * rest >= rule.per ? 1 : 0);
}
