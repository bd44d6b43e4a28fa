"""Words that people wrote, as they look: composed letters, and no signs that hide or turn text round."""

from __future__ import annotations

import unicodedata

_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn")
_JOINER = "\u200d"


def one_line(written: str) -> str:
    """On one line, each run of white space a single space."""
    composed = unicodedata.normalize("NFC", written)
    # The joiner holds emoji together; every other invisible sign could fool a reader.
    shown = "".join(c if c == _JOINER or unicodedata.category(c) not in _INVISIBLE else " " for c in composed)
    return "" if not shown.strip(_JOINER + " ") else " ".join(shown.split())


def lines(written: str) -> str:
    """The same for a text of several lines."""
    return "\n".join(one_line(line) for line in written.splitlines()).strip()
