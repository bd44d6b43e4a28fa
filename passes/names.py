"""The words that a name is found by: without case and accents, as people type them who are in a hurry. Pure."""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"[^\W_]+")
# Letters of their own right, which no accent makes of a plain one.
_PLAIN = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ŧ": "t"}
)


def words(name: str) -> list[str]:
    """Each once: `Anna Żak-Łęcka` has anna, lecka and zak."""
    letters = unicodedata.normalize("NFD", name.casefold()).translate(_PLAIN)
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return sorted(set(_WORD.findall(plain)))
