// What a scanned text is, as far as a till can tell by itself. A signed code is checked with the service's public key; of
// the others it can only be seen that they look like ours, so they may earn and not spend.

import { german, latin } from "./layout.js";
import { say } from "./words.js";

const NUMBER_DIGITS = 12;
const DAY_SECONDS = 86_400;
const CREDENTIAL_DAYS = 2;

const STATIC = /^LC1\.([A-Z2-7]{16})\.[A-Z2-7]{13}$/;
const CLAIM = /(?:^|[/.])R(?:-?[0-9A-Z]{4}){5}(?:\?.*)?$/;
const COUPON = /^C(?:-?[0-9A-Z]{4}){3}$/;
const ROTATING = /^LC2\.([A-Z2-7]{16})\.[0-9]{1,6}\.[0-9]{10}\.[0-9]{16}$/;
const SIGNED =
  /^(LC3\.([A-Z2-7]{16})\.[0-9]{1,6}\.([0-9]{5})\.([A-Z2-7]{4})\.([A-Z0-9-]{0,8})\.([0-9]{0,9}))\.([A-Z2-7]{103})(?:\.[0-9]{10}\.[0-9]{16})?$/;

/**
 * `card` tells one card from another; `isProved` says whether the code was signed for today.
 * @typedef {{ code: string, card: string, isProved: boolean, tier: string, balance: number | null }} Read
 */

/** Not a card of ours; `why` is a key of the words. */
export class Wrong extends Error {
  /** @param {string} why */
  constructor(why) {
    super(why);
    this.why = why;
  }

  get title() {
    return say(`till.code.${this.why}`);
  }

  get next() {
    return say(`till.code.${this.why}_next`);
  }
}

/**
 * @param {string} scanned
 * @param {{ id: string, public: string }[]} keys
 * @returns {Promise<Read>}
 */
export async function read(scanned, keys, now = Date.now() / 1000) {
  const digits = scanned.replace(/[\s-]/g, "");
  if (/^[0-9]+$/.test(digits)) {
    if (digits.length !== NUMBER_DIGITS) throw new Wrong("number_length");
    return { code: digits, card: digits, isProved: false, tier: "", balance: null };
  }
  const code = latin(scanned.trim());
  const known = STATIC.exec(code) ?? ROTATING.exec(code);
  if (known) return { code, card: known[1], isProved: false, tier: "", balance: null };
  if (COUPON.test(code)) throw new Wrong("coupon");
  if (CLAIM.test(code)) throw new Wrong("claim");
  const signed = SIGNED.exec(code);
  if (!signed) throw new Wrong("foreign");
  return readSigned(signed, keys, now);
}

/**
 * As it stands or as it was meant on a German layout: whichever the service signed.
 * @param {RegExpExecArray} signed
 * @param {{ id: string, public: string }[]} keys
 * @param {number} now
 */
async function readSigned(signed, keys, now) {
  const asMeant = SIGNED.exec(german(signed[0]));
  const isGerman = asMeant && (await verified(signed, keys)) !== "proved" && (await verified(asMeant, keys)) === "proved";
  return told(isGerman ? asMeant : signed, keys, now);
}

/** @param {RegExpExecArray} match @param {{ id: string, public: string }[]} keys */
const verified = ([, text, , , signer, , , signature], keys) => verify(text, signature, keys.filter((key) => key.id === signer));

/**
 * @param {RegExpExecArray} match
 * @param {{ id: string, public: string }[]} keys
 * @param {number} now
 */
async function told(match, keys, now) {
  const [code, , card, day, , tier, balance] = match;
  const verdict = await verified(match, keys);
  if (verdict === "forged") throw new Wrong("forged");
  const age = Math.floor(now / DAY_SECONDS) - Number(day);
  const isProved = verdict === "proved" && age >= 0 && age < CREDENTIAL_DAYS;
  const says = verdict === "proved" ? { tier: tier.toLowerCase(), balance: balance ? Number(balance) : null } : { tier: "", balance: null };
  return { code, card, isProved, ...says };
}

/**
 * Unknown: this browser cannot check it, or the key is newer than what this till was given.
 * @param {string} text
 * @param {string} signature
 * @param {{ public: string }[]} keys
 * @returns {Promise<"proved" | "forged" | "unknown">}
 */
async function verify(text, signature, keys) {
  try {
    for (const key of keys) {
      const raw = Uint8Array.from(atob(key.public), (letter) => letter.charCodeAt(0));
      const imported = await crypto.subtle.importKey("raw", raw, { name: "Ed25519" }, false, ["verify"]);
      const signed = new TextEncoder().encode(text);
      if (await crypto.subtle.verify({ name: "Ed25519" }, imported, base32(signature), signed)) return "proved";
    }
  } catch {
    return "unknown";
  }
  return keys.length ? "forged" : "unknown";
}

/** @param {string} text */
function base32(text) {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bytes = [];
  let [held, bits] = [0, 0];
  for (const letter of text) {
    held = ((held << 5) | letters.indexOf(letter)) & 0xfff;
    bits += 5;
    if (bits >= 8) bytes.push((held >> (bits -= 8)) & 0xff);
  }
  return new Uint8Array(bytes);
}
