"""The pass as Apple's format names its parts, built on the classes of wallet-py3k.

That package gives the vocabulary: styles, groups of fields, enumerations. What it writes is not used, because
it drops `barcodes`, `expirationDate` and `sharingProhibited`, adds an empty `changeMessage` and a forbidden
alignment to every field, and hands the key's password to another process. So JSON, manifest, signature and
zip are replaced here, and the tests look at the bytes. No other module imports `wallet`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Protocol

from pydantic_core import to_json
from wallet import models as wallet

STYLES: dict[str, type[wallet.PassInformation]] = {
    "storeCard": wallet.StoreCard,
    "coupon": wallet.Coupon,
    "generic": wallet.Generic,
}

Texts = Mapping[str, str]
"""Language -> lines of pass.strings."""

Values = Mapping[str, bytes]
"""Name of a blank -> the JSON that fills it."""


def blank(name: str) -> str:
    """Stands for a value, text or number, that each member has for themselves. No text of people's holds a NUL."""
    return f"\0{name}\0"


_BLANK = re.compile(rb'"\\u0000(\w+)\\u0000"')


class Field(wallet.Field):
    """One field: exactly what it is given is written, nothing else."""

    def __init__(self, key: str, value: str | int | float, label: str = "", **shown: Any) -> None:
        # Not the base's __init__, which adds changeMessage "" and an alignment: both make the pass invalid.
        self.__dict__ = shown
        self.key = key
        self.value = value
        if label:
            self.label = label


def number(key: str, value: int | str, label: str = "") -> Field:
    """A number the phone writes in its owner's way."""
    return Field(key, value, label, numberStyle=wallet.NumberStyle.DECIMAL)


def money(key: str, value: float | str, currency: str, label: str = "") -> Field:
    return Field(key, value, label, currencyCode=currency)


def date(key: str, value: str, label: str = "") -> Field:
    """A day; `value` is an ISO instant with its zone, so no phone moves it to the neighbouring day."""
    return Field(
        key,
        value,
        label,
        dateStyle=wallet.DateStyle.MEDIUM,
        timeStyle=wallet.DateStyle.NONE,
        ignoresTimeZone=True,
    )


class Barcode(wallet.Barcode):
    def __init__(self, message: str, text: str, is_ascii: bool) -> None:
        super().__init__(message, wallet.BarcodeFormat.QR, text)
        if not is_ascii:
            self.messageEncoding = "utf-8"


class Location(wallet.Location):
    def __init__(self, latitude: float, longitude: float, text: str) -> None:
        self.latitude = latitude
        self.longitude = longitude
        self.relevantText = text


class Packing(Protocol):
    """What turns a written pass into a signed archive (see `bundle`)."""

    def pack(self, pass_json: bytes, texts: Texts, at: int) -> bytes: ...


class Pass(wallet.Pass):
    """The pass of members whose cards have the same fields, blank where each has a value of their own."""

    def __init__(self, style: str, keys: Mapping[str, Any]) -> None:
        # Not the base's __init__: its fixed list of keys is what silently loses those it does not know.
        self.passInformation = STYLES[style]()
        self.keys = keys

    def json_dict(self) -> dict[str, Any]:
        return {**self.keys, self.passInformation.jsonname: self.passInformation.json_dict()}

    def create(self, values: Values, texts: Texts, packing: Packing, at: int) -> bytes:
        """A member's .pkpass. Takes the place of the base's manifest, openssl process and zip file."""
        return packing.pack(self._createPassJson(values), texts, at)

    def _createPassJson(self, values: Values) -> bytes:
        """pass.json with every blank filled by its value, which is JSON already."""
        between, names = self._written
        pieces = between.copy()
        pieces[1::2] = [values[name] for name in names]
        return b"".join(pieces)

    @cached_property
    def _written(self) -> tuple[list[bytes], list[str]]:
        """pass.json, written once and cut at its blanks: every second piece is the name of one."""
        pieces = _BLANK.split(to_json(self.json_dict()))
        return pieces, [name.decode() for name in pieces[1::2]]
