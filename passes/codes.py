"""The code on the card: made, read and checked without a database.

`LC1.<id>.<mac>` is static: 80 random bits that name the card and a 64-bit proof that this service made it; it
says which card, not who holds it. `LC2.<id>.<generation>.<seconds>.<digits>` rotates: the
generation of the card's links that it came by, the instant it was made, and two RFC 6238 values of that half minute
under two keys of this card alone, which are 53 bits that nobody guesses at a till. `LC3` is a rotating code with a
signed credential before it: a card, a day, a level and a balance that a till without a network checks with our
public key, while a till with one checks the rest. Made-up codes of each are refused before any look-up. All are
plain ASCII in capitals, so every scanner and the QR alphanumeric mode take them. A version is never
changed, only joined by another: issued cards outlive it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

ID_BYTES = 10
MAC_BYTES = 8
STEP_SECONDS = 30
DIGITS = 8
ROTATING_KEYS = 2
NEIGHBOURS = 1
"""How many steps a phone's clock may be away from ours, either way."""
CREDENTIAL_DAYS = 2
"""A credential is good on the day it was signed for and the next, so that midnight strands nobody."""
DAY_SECONDS = 86_400
MOST_TIER, MOST_BALANCE_DIGITS = 8, 9
MOST_LENGTH = 200

_STATIC = re.compile(r"LC1\.([A-Z2-7]{16})\.([A-Z2-7]{13})", re.ASCII)
_ROTATING = re.compile(r"LC2\.([A-Z2-7]{16})\.([0-9]{1,6})\.([0-9]{10})\.([0-9]{16})", re.ASCII)
_CREDENTIAL = re.compile(
    r"(LC3\.([A-Z2-7]{16})\.([0-9]{1,6})\.([0-9]{5})\.([A-Z2-7]{4})\.([A-Z0-9-]{0,8})\.([0-9]{0,9}))"
    r"\.([A-Z2-7]{103})",
    re.ASCII,
)
_SIGNED = re.compile(r"(LC3\..*)\.([0-9]{10})\.([0-9]{16})", re.ASCII)

Prove = Callable[[bytes], bytes]
"""Derives the proof for an id: at least MAC_BYTES of a keyed hash."""

Rotate = Callable[[bytes, int], tuple[bytes, ...]]
"""Derives the keys of the rotating codes of an id, in one generation of its links."""

Kind = Literal["static", "rotating", "signed"]


@dataclass(frozen=True)
class Key:
    """How codes are checked under one of our keys. `signer` names its public key."""

    prove: Prove
    rotate: Rotate
    signer: str
    is_signed: Callable[[bytes, bytes], bool]


@dataclass(frozen=True)
class Foreign:
    """Not a code of ours at all: another shop's card, a link, a barcode on a bottle."""


@dataclass(frozen=True)
class Forged:
    """It looks like ours and was not made by this service."""


@dataclass(frozen=True)
class Known:
    """Made by this service for the card with this id; one that rotates was made in this step and generation."""

    id: bytes
    kind: Kind = "static"
    generation: int | None = None
    step: int | None = None

    def is_fresh(self, now: int) -> bool:
        """Whether it proves that the card is here now, and is no picture of it."""
        return self.step is not None and abs(self.step - step_of(now)) <= NEIGHBOURS

    @property
    def good_until(self) -> int | None:
        """The first instant at which it will be fresh no more."""
        return None if self.step is None else (self.step + NEIGHBOURS + 1) * STEP_SECONDS


@dataclass(frozen=True)
class Credential:
    """What a signed code says for itself. An empty `tier`, no `balance`: too long to be in it, or none."""

    id: bytes
    generation: int
    day: int
    signer: str
    tier: str = ""
    balance: int | None = None

    def is_live(self, now: int) -> bool:
        return 0 <= now // DAY_SECONDS - self.day < CREDENTIAL_DAYS

    @property
    def text(self) -> str:
        """What is signed."""
        balance = "" if self.balance is None else self.balance
        return f"LC3.{_text(self.id)}.{self.generation}.{self.day:05d}.{self.signer}.{self.tier.upper()}.{balance}"


def make(id: bytes, prove: Prove) -> str:
    """The static code of the card with this id."""
    return f"LC1.{_text(id)}.{_text(prove(id)[:MAC_BYTES])}"


def id_of(static: str) -> bytes:
    """The id in a static code that we made ourselves."""
    return base64.b32decode(static.split(".")[1])


def head(id: bytes, generation: int) -> str:
    """The part of a rotating code that does not change."""
    return f"LC2.{_text(id)}.{generation}"


def pattern(id: bytes, generation: int) -> str:
    """The rotating code with names where its numbers go, as a wallet that makes it by itself takes it."""
    values = "".join(f"{{totp_value_{place}}}" for place in range(ROTATING_KEYS))
    return f"{head(id, generation)}.{{totp_timestamp_seconds}}.{values}"


def turn(keys: tuple[bytes, ...], now: int) -> str:
    """The part of a rotating code that changes: when it was made, and the proof."""
    return f"{now:010d}.{_digits(keys, step_of(now))}"


def rotating(id: bytes, generation: int, keys: tuple[bytes, ...], now: int) -> str:
    """The code that a wallet with these keys shows at this instant."""
    return f"{head(id, generation)}.{turn(keys, now)}"


def short(credential: Credential) -> Credential:
    """The credential without what would make its code too large to scan."""
    tier = credential.tier if len(credential.tier) <= MOST_TIER else ""
    is_long = credential.balance is None or len(str(credential.balance)) > MOST_BALANCE_DIGITS
    return replace(credential, tier=tier, balance=None if is_long else credential.balance)


def signed(credential: Credential, sign: Callable[[bytes], bytes]) -> str:
    """A credential and its signature; with a `turn` after it, the code that our own page shows."""
    return f"{credential.text}.{_text(sign(credential.text.encode()))}"


def read(scanned: str, *keys: Key) -> Known | Forged | Foreign:
    """What a scanned text is; `keys` are the present one and every older one."""
    text = scanned.strip().upper() if len(scanned) <= MOST_LENGTH and scanned.isascii() else ""
    if match := _STATIC.fullmatch(text):
        id = base64.b32decode(match[1])
        # The texts are compared, not the bytes: thirteen letters have a bit to spare, which anyone could change.
        ours = any(hmac.compare_digest(_text(key.prove(id)[:MAC_BYTES]), match[2]) for key in keys)
        return Known(id) if ours else Forged()
    if match := _ROTATING.fullmatch(text):
        return _turned("rotating", base64.b32decode(match[1]), int(match[2]), match[3], match[4], keys)
    if match := _SIGNED.fullmatch(text):
        shown = read_credential(match[1], *keys)
        if not isinstance(shown, Credential):
            return shown
        return _turned("signed", shown.id, shown.generation, match[2], match[3], keys)
    return Foreign()


def read_credential(text: str, *keys: Key) -> Credential | Forged | Foreign:
    """The signed part of a code by itself, as a till without a network reads it; mind `is_live`."""
    match = _CREDENTIAL.fullmatch(text)
    if match is None:
        return Foreign()
    text_signed, id, generation, day, signer, tier, balance, signature_text = match.groups()
    signature = _bytes(signature_text)
    if signature is None or not any(
        key.signer == signer and key.is_signed(signature, text_signed.encode()) for key in keys
    ):
        return Forged()
    points = int(balance) if balance else None
    return Credential(base64.b32decode(id), int(generation), int(day), signer, tier.lower(), points)


def step_of(now: int) -> int:
    return now // STEP_SECONDS


def totp(key: bytes, step: int) -> str:
    """The value of one step. (RFC 6238, with the SHA-1 that it and Google ask for.)"""
    mac = hmac.digest(key, step.to_bytes(8, "big"), hashlib.sha1)
    start = mac[-1] & 0x0F
    number = int.from_bytes(mac[start : start + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def _turned(kind: Kind, id: bytes, generation: int, seconds: str, digits: str, keys: tuple[Key, ...]) -> Known | Forged:
    step = step_of(int(seconds))
    ours = any(hmac.compare_digest(_digits(key.rotate(id, generation), step), digits) for key in keys)
    return Known(id, kind, generation, step) if ours else Forged()


def _digits(keys: tuple[bytes, ...], step: int) -> str:
    return "".join(totp(key, step) for key in keys)


def _text(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes | None:
    """None when another text gives the same bytes: the last letter has bits to spare, which anyone could change."""
    try:
        raw = base64.b32decode(text + "=" * (-len(text) % 8))
    except binascii.Error:
        return None
    return raw if _text(raw) == text else None
