// The layout of a till's keyboard: a scanner types as on an English one, whatever the till has. The same table as the
// server's.

const TYPED_RUSSIAN = "ЙЦУКЕНГШЩЗФЫВАПРОЛДЯЧСМИТЬЮ";
const MEANT = "QWERTYUIOPASDFGHJKLZXCVBNM.";
const TYPED_GERMAN = "YZyzß";
const MEANT_THERE = "ZYzy-";

/** As it was meant, where a letter gives the layout away. In capitals. @param {string} text */
export function latin(text) {
  if (text.includes("ß")) return german(text).toUpperCase();
  return text.toUpperCase().replace(/[А-ЯЁ]/g, (letter) => MEANT[TYPED_RUSSIAN.indexOf(letter)] ?? letter);
}

/** As it was meant if the layout was a German one; mostly no letter tells. @param {string} text */
export function german(text) {
  return text.replace(/[YZß]/gi, (letter) => MEANT_THERE[TYPED_GERMAN.indexOf(letter)] ?? letter);
}
