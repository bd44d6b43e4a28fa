// What scripts say at the till. The server wrote the words, in the page's language, on the body.

/** @type {Record<string, string | Record<string, string>>} */
const kept = JSON.parse(document.body.dataset.words || "{}");

export const language = document.documentElement.lang;
const plural = new Intl.PluralRules(language);
const number = new Intl.NumberFormat(language);

/**
 * The sentence under `key`, with its gaps filled; `n` chooses the plural form.
 * @param {string} key
 * @param {Record<string, string | number>} [names]
 */
export function say(key, names = {}) {
  const entry = kept[key] ?? key;
  const sentence = typeof entry === "string" ? entry : entry[plural.select(Number(names.n ?? 0))] ?? entry.other;
  return sentence.replace(/\{(\w+)\}/g, (gap, name) => {
    if (!(name in names)) return gap;
    return typeof names[name] === "number" ? number.format(names[name]) : names[name];
  });
}

/** @param {string} key */
export const has = (key) => key in kept;

/**
 * So many of a unit, as people say it: "5 points".
 * @param {number} n
 * @param {string} unit
 */
export function amount(n, unit) {
  const noun = has(`unit.${unit}`) ? say(`unit.${unit}`, { n: Math.abs(n) }) : unit;
  return `${number.format(n)}\u00a0${noun}`;
}

/**
 * Money in the currency's smallest unit, as people write it.
 * @param {number} minor
 * @param {string} currency
 * @param {number} digits
 */
export function money(minor, currency, digits) {
  return new Intl.NumberFormat(language, { style: "currency", currency }).format(minor / 10 ** digits);
}

/**
 * The time, with its day unless that is today.
 * @param {number} seconds since 1970
 */
export function moment(seconds) {
  const at = new Date(seconds * 1000);
  if (at.toDateString() === new Date().toDateString()) return time(seconds);
  return new Intl.DateTimeFormat(language, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }).format(at);
}

/** @param {number} seconds since 1970 */
export function time(seconds) {
  return new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" }).format(new Date(seconds * 1000));
}
