"""The code of a receipt's claim: printed or shown, scanned, typed. Pure.

Twenty letters that cannot be mistaken for each other, a hundred bits. A phone's camera finds the code at the end of a
link, a customer types its letters, and what people hold out instead of it is told apart.
"""

from __future__ import annotations

import re

from . import couponcodes
from .couponcodes import LETTERS

LENGTH = 20
PATH = "/claim/"
MOST_LENGTH = 400

_GROUP = 4
_LETTER_BITS = 5
_CODE = re.compile(rf"R([{LETTERS}]{{{LENGTH}}})", re.ASCII)
_LINK = re.compile(rf"https?://[^?#\s]*{PATH}([^/?#]+)(?:\?[^#\s]*)?", re.ASCII | re.IGNORECASE)
_CARD = re.compile(r"https?://[^?#\s]*/card/\S+|LC[123]\..*|[0-9]{12}", re.ASCII | re.IGNORECASE)
_JOIN = re.compile(r"https?://[^?#\s]*/join/\S+", re.ASCII | re.IGNORECASE)
_SPACES = str.maketrans("", "", " -\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{EN DASH}\N{EM DASH}")
_MEANT = str.maketrans("OIL", "011")


def of(secret: bytes) -> str:
    """The code that these bytes, thirteen or more, stand for."""
    bits = int.from_bytes(secret[:13], "big") >> (13 * 8 - LENGTH * _LETTER_BITS)
    places = range((LENGTH - 1) * _LETTER_BITS, -1, -_LETTER_BITS)
    return "".join(LETTERS[bits >> place & 31] for place in places)


def read(scanned: str) -> str | None:
    """The code in what was scanned or typed, link or letters; None when there is none."""
    if len(scanned) > MOST_LENGTH:
        return None
    link = _LINK.fullmatch(scanned.strip())
    typed = (link[1] if link else scanned.strip()).upper().translate(_SPACES).translate(_MEANT)
    match = _CODE.fullmatch(typed)
    return match[1] if match else None


def written(code: str) -> str:
    """A code as it is printed: R-7K2M-9QRT-4WXZ-0A1B-2C3D."""
    return "-".join(["R", *(code[start : start + _GROUP] for start in range(0, LENGTH, _GROUP))])


def link(public_url: str, code: str) -> str:
    """Where a phone's camera goes. Without dashes, which would make the code to scan larger."""
    return f"{public_url}{PATH}R{code}"


def instead(scanned: str) -> str:
    """What was held out where a receipt's claim was expected; card, join, coupon, or empty: nothing of ours."""
    text = scanned.strip()[:MOST_LENGTH]
    if _JOIN.fullmatch(text):
        return "join"
    if couponcodes.read(text):
        return "coupon"
    return "card" if _CARD.fullmatch(text) or _CARD.fullmatch(text.translate(_SPACES)) else ""
