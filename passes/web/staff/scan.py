"""What came from the scanner or the keyboard: a card's number, one of our codes, or something else.

Pure. A scanner that types as a keyboard types on whatever layout the till has: on a Russian one the letters
of a code arrive as Cyrillic, on a German one Y and Z in each other's place, and are read all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ... import claimcodes, codes, couponcodes
from ...members import NUMBER_DIGITS
from . import layout

_NUMBER = re.compile(r"[0-9]+", re.ASCII)


@dataclass(frozen=True)
class Number:
    """A card's number, to be looked up."""

    digits: str


@dataclass(frozen=True)
class Code:
    """A code made by this service, and what it says."""

    known: codes.Known


@dataclass(frozen=True)
class Coupon:
    """A coupon's code, where a card was expected."""

    code: str


@dataclass(frozen=True)
class Claim:
    """The code of a receipt's claim, where a card was expected."""

    code: str


@dataclass(frozen=True)
class Wrong:
    """Not a card: `why` is empty, number_length, join, foreign or forged."""

    why: str


def read(scanned: str, keys: Iterable[codes.Key]) -> Number | Code | Coupon | Claim | Wrong:
    text = scanned.strip()
    digits = re.sub(r"[\s\-]", "", text)
    if not digits:
        return Wrong("empty")
    if _NUMBER.fullmatch(digits):
        # A barcode on a bottle is digits too; ours have exactly so many.
        return Number(digits) if len(digits) == NUMBER_DIGITS else Wrong("number_length")
    code = layout.latin(text)
    if coupon := couponcodes.read(code):
        return Coupon(couponcodes.written(coupon))
    # Of a link that was typed on a Russian layout only the end can be read.
    if claim := claimcodes.read(code) or claimcodes.read(code.rpartition(".")[2]):
        return Claim(claimcodes.written(claim))
    if claimcodes.instead(text) == "join":
        return Wrong("join")
    return _of_ours(code, tuple(keys))


def _of_ours(code: str, keys: tuple[codes.Key, ...]) -> Code | Wrong:
    """One of our codes, as it stands or else as it was meant on a German layout: either proves itself or is none."""
    asked = codes.read(code, *keys)
    if not isinstance(asked, codes.Known):
        meant = codes.read(layout.german(code), *keys)
        if not isinstance(meant, codes.Known):
            return Wrong("forged" if isinstance(asked, codes.Forged) else "foreign")
        asked = meant
    return Code(asked)
