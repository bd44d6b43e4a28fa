"""The code on the card: made, read and checked without a database.

A static code `LC1.<id>.<mac>` holds 80 random bits that name the card and a 64-bit proof that this
service made it; it says which card, not who holds it. Made-up codes are refused before any
look-up. It is plain ASCII in capitals, 35 characters, so every scanner and the QR alphanumeric mode take it.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass

ID_BYTES = 10
MAC_BYTES = 8
_STATIC = re.compile(r"LC1\.([A-Z2-7]{16})\.([A-Z2-7]{13})", re.ASCII)

Prove = Callable[[bytes], bytes]
"""Derives the proof for an id: at least MAC_BYTES of a keyed hash."""


@dataclass(frozen=True)
class Foreign:
    """Not a code of ours at all: another shop's card, a link, a barcode on a bottle."""


@dataclass(frozen=True)
class Forged:
    """It looks like ours and was not made by this service."""


@dataclass(frozen=True)
class Known:
    """Made by this service; names the card with this id."""

    id: bytes


def make(id: bytes, prove: Prove) -> str:
    """The static code of the card with this id."""
    return f"LC1.{_text(id)}.{_text(prove(id)[:MAC_BYTES])}"


def read(scanned: str, *proofs: Prove) -> Known | Forged | Foreign:
    """What a scanned text is; `proofs` are the present key's and every older one's."""
    match = _STATIC.fullmatch(scanned.strip().upper()) if len(scanned) <= 64 and scanned.isascii() else None
    if match is None:
        return Foreign()
    id = base64.b32decode(match[1])
    # The texts are compared, not the bytes: thirteen letters have a bit to spare, which anyone could change.
    if any(hmac.compare_digest(_text(prove(id)[:MAC_BYTES]), match[2]) for prove in proofs):
        return Known(id)
    return Forged()


def _text(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=")
