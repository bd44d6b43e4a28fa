"""The pass as Apple's format names its parts, built on the classes of wallet-py3k.

That package gives the vocabulary: styles, groups of fields, enumerations. What it writes is not used, because
it drops `barcodes`, `expirationDate` and `sharingProhibited`, adds an empty `changeMessage` and a forbidden
alignment to every field, and hands the key's password to another process. So JSON, manifest, signature and
zip are replaced here, and the tests look at the bytes. No other module imports `wallet`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


class Field(wallet.Field):
    """One field: exactly what it is given is written, nothing else."""

    def __init__(self, key: str, value: str | int | float, label: str = "", **shown: Any) -> None:
        # Not the base's __init__, which adds changeMessage "" and an alignment: both make the pass invalid.
        self.__dict__ = shown
        self.key = key
        self.value = value
        if label:
            self.label = label


def number(key: str, value: int, label: str = "") -> Field:
    """A number the phone writes in its owner's way."""
    return Field(key, value, label, numberStyle=wallet.NumberStyle.DECIMAL)


def money(key: str, value: float, currency: str, label: str = "") -> Field:
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
    def __init__(self, message: str, text: str) -> None:
        super().__init__(message, wallet.BarcodeFormat.QR, text)
        if not message.isascii():
            self.messageEncoding = "utf-8"


class Location(wallet.Location):
    def __init__(self, latitude: float, longitude: float, text: str) -> None:
        self.latitude = latitude
        self.longitude = longitude
        self.relevantText = text


class Packing(Protocol):
    """What turns a written pass into a signed archive (see `bundle`)."""

    def pack(self, pass_json: bytes, texts: Texts, at: int) -> bytes: ...


@dataclass(frozen=True)
class Common:
    """The part of pass.json that many passes share, already written: its beginning and its end."""

    style: str
    beginning: bytes
    end: bytes

    @classmethod
    def of(cls, style: str, keys: Mapping[str, Any], back: Sequence[Field]) -> Common:
        """`keys` come first in the pass, the fields of `back` last on it."""
        fields = to_json([field.json_dict() for field in back])
        return cls(style, to_json(dict(keys))[:-1], fields[1:])


class Pass(wallet.Pass):
    """One member's pass: fields in their groups, every other key of pass.json by its own name, words per language."""

    def __init__(self, common: Common, keys: dict[str, Any], texts: Texts) -> None:
        # Not the base's __init__: its fixed list of keys is what silently loses those it does not know.
        self.passInformation = STYLES[common.style]()
        self.common = common
        self.keys = keys
        self.texts = texts

    def json_dict(self) -> dict[str, Any]:
        """What is this member's own; the fields of the back come last, so that the shared ones can follow."""
        groups = self.passInformation.json_dict()
        groups["backFields"] = groups.pop("backFields")
        return {**self.keys, self.passInformation.jsonname: groups}

    def create(self, packing: Packing, at: int) -> bytes:
        """The .pkpass. Takes the place of the base's manifest, openssl process and zip file."""
        return packing.pack(self._createPassJson(), self.texts, at)

    def _createPassJson(self) -> bytes:
        own = to_json(self.json_dict())
        # `own` is {...,"storeCard":{...,"backFields":[...]}}: opened after its brace, closed by `end`.
        return b",".join((self.common.beginning, own[1:-3], self.common.end)) + b"}}"
