// Amounts as people type them, exact: the same rules as the server's, so that nothing is taken here that it refuses.

const SPACES = " \u00a0\u202f\u2009'";
const DIGITS = `[0-9]{1,10}|[0-9]{1,3}(?:[${SPACES}][0-9]{3}){1,3}`;
const MONEY = new RegExp(`^(${DIGITS})(?:[.,]([0-9]{1,4}))?$`);
const WHOLE = new RegExp(`^(?:${DIGITS})$`);
const TOGETHER = new RegExp(`[${SPACES}]`, "g");
const MOST = 10_000_000;

/** Not an amount; `why` is a key of the words that say what is wrong. */
export class NotAnAmount extends Error {
  /** @param {string} why */
  constructor(why) {
    super(why);
    this.why = why;
  }
}

/**
 * In the currency's smallest unit; empty is 0.
 * @param {string} typed
 * @param {number} digits
 */
export function money(typed, digits) {
  const text = typed.trim();
  if (!text) return 0;
  const match = MONEY.exec(text);
  if (!match) throw new NotAnAmount("amount_form");
  const decimals = match[2] ?? "";
  if (decimals.length > digits) throw new NotAnAmount("amount_decimals");
  return atMost(Number(match[1].replace(TOGETHER, "") + decimals.padEnd(digits, "0")));
}

/**
 * As people type it, to be put into a field.
 * @param {number} minor
 * @param {number} digits
 * @param {string} point
 */
export function typedAs(minor, digits, point) {
  const text = String(minor).padStart(digits + 1, "0");
  return digits ? `${text.slice(0, -digits)}${point}${text.slice(-digits)}` : text;
}

/** @param {string} typed */
export function points(typed) {
  const text = typed.trim();
  if (!text) return 0;
  if (!WHOLE.test(text)) throw new NotAnAmount("points_form");
  return atMost(Number(text.replace(TOGETHER, "")));
}

/** @param {number} amount */
function atMost(amount) {
  if (amount > MOST) throw new NotAnAmount("amount_large");
  return amount;
}
