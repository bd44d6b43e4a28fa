"""The layout of a till's keyboard: a scanner types as on an English one, whatever the till has. Pure.

The same table is in the till's `layout.js`.
"""

from __future__ import annotations

TYPED_RUSSIAN = "ЙЦУКЕНГШЩЗФЫВАПРОЛДЯЧСМИТЬЮ"
MEANT = "QWERTYUIOPASDFGHJKLZXCVBNM."
TYPED_GERMAN = "YZyzß"
MEANT_THERE = "ZYzy-"
_RUSSIAN = str.maketrans(TYPED_RUSSIAN, MEANT)
_GERMAN = str.maketrans(TYPED_GERMAN, MEANT_THERE)


def latin(text: str) -> str:
    """As it was meant, where a letter gives the layout away."""
    if text.isascii():
        return text
    return german(text) if "ß" in text else text.upper().translate(_RUSSIAN)


def german(text: str) -> str:
    """As it was meant if the layout was a German one. Mostly no letter tells: only what proves itself is believed."""
    return text.translate(_GERMAN)
