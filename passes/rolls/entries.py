"""A row of a roll as what it says of a member, or the sentence that says what is wrong with it. Pure.

Amounts are exact: `12,50` and `12.50` are 1250 of a currency with cents, and what has more digits than that is refused.
Only the digits 0 to 9 count; a number in other digits looks the same to people and not to every program.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from .. import contacts
from ..definition import Definition
from ..errors import BadInput
from ..words import LANGUAGES, minor_digits
from .sheet import MOST_CELL

MOST_AMOUNT = 10_000_000
_SERIAL = re.compile(r"[A-Za-z0-9_-]{8,40}", re.ASCII)
_AMOUNT = re.compile(r"([0-9]{1,12})(?:[.,]([0-9]{1,4}))?", re.ASCII)
_DAY = re.compile(r"(?:([0-9]{4})-([0-9]{2})-([0-9]{2})|([0-9]{1,2})[./]([0-9]{1,2})[./]([0-9]{4}))", re.ASCII)
_LANGUAGES = {"english": "en", "russian": "ru", "polish": "pl", "русский": "ru", "polski": "pl", "angielski": "en"}


@dataclass(frozen=True)
class Entry:
    """What a row says of a member. `balances` are whole numbers of each unit."""

    line: int
    external_id: str | None = None
    serial: str | None = None
    name: str = ""
    email: str = ""
    phone: str = ""
    language: str | None = None
    joined: int | None = None
    birth_month: int | None = None
    balances: Mapping[str, int] = field(default_factory=dict)

    @property
    def numbers(self) -> tuple[str, ...]:
        """What the other system told its members apart by."""
        return tuple(filter(None, (self.external_id, self.serial)))

    @property
    def contacts(self) -> tuple[str, ...]:
        """What several members of a family may share."""
        return tuple(filter(None, (self.email, self.phone)))


@dataclass(frozen=True)
class Mistake:
    """Why a row cannot be taken."""

    line: int
    field: str
    sentence: str


class Reader:
    """Reads the rows of one roll."""

    def __init__(self, fields: Mapping[int, str], columns: int, definition: Definition, country: str) -> None:
        self._fields, self._columns, self._definition, self._country = fields, columns, definition, country

    def read(self, line: int, cells: Sequence[str]) -> Entry | Mistake:
        if len(cells) > self._columns:
            return Mistake(line, "row", f"{len(cells)} cells, and the header has {self._columns}.")
        values: dict[str, Any] = {"balances": {}}
        for place, name in self._fields.items():
            written = unescaped(cells[place].strip()) if place < len(cells) else ""
            if not written:
                continue
            try:
                self._take(values, name, written)
            except BadInput as wrong:
                return Mistake(line, name, str(wrong))
        if not any(values.get(name) for name in ("external_id", "serial", "email", "phone")):
            return Mistake(line, "row", "No external_id, serial, e-mail or phone tells who this is.")
        return Entry(line, **values)

    def _take(self, values: dict[str, Any], name: str, written: str) -> None:
        if len(written) > MOST_CELL or not written.isprintable():
            raise BadInput(f"At most {MOST_CELL} letters, and none that cannot be seen.")
        if name.startswith("balance:"):
            unit = name.partition(":")[2]
            values["balances"][unit] = self._amount(unit, written)
        elif name == "external_id":
            values[name] = _short(written, 80)
        elif name == "serial":
            values[name] = _serial(written)
        elif name == "email":
            values[name] = contacts.email(written)
        elif name == "phone":
            values[name] = contacts.phone(written, self._country)
        elif name == "language":
            values[name] = _language(written)
        elif name == "joined":
            values[name] = int(datetime.combine(_day(written), time(12), self._zone).timestamp())
        elif name == "birth_month":
            values[name] = _month(written)
        else:
            values[name] = _short(written, 60)

    @property
    def _zone(self) -> ZoneInfo:
        return self._definition.zone

    def _amount(self, unit: str, written: str) -> int:
        """Money is written in the currency's main unit, everything else in whole numbers."""
        plain = re.sub(r"[\s\u00a0\u202f]", "", written)
        match = _AMOUNT.fullmatch(plain)
        if match is None:
            raise BadInput("A number such as 120 or 12,50, in the digits 0 to 9, not below zero.")
        whole, part = match[1], (match[2] or "").rstrip("0")
        digits = minor_digits(self._definition.currency) if self._definition.kinds[unit] == "money" else 0
        if len(part) > digits:
            raise BadInput(f"At most {digits} digits after the point." if digits else "A whole number.")
        amount = int(whole + part.ljust(digits, "0"))
        if amount > MOST_AMOUNT:
            raise BadInput(f"At most {MOST_AMOUNT}.")
        return amount


FORMULA = tuple("=+-@\t\r＝＋－＠")


def escaped(cell: str) -> str:
    """The cell as a spreadsheet shows it and never reckons with it."""
    return f"'{cell}" if cell.lstrip("' \u00a0\u202f\ufeff\n").startswith(FORMULA) else cell


def unescaped(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and escaped(cell[1:]) == cell else cell


def _short(written: str, most: int) -> str:
    if len(written) > most:
        raise BadInput(f"At most {most} letters.")
    return written


def _serial(written: str) -> str:
    if not _SERIAL.fullmatch(written):
        raise BadInput("A serial number has 8 to 40 letters, digits, - and _.")
    return written


def _language(written: str) -> str:
    code = _LANGUAGES.get(written.casefold(), written.casefold()[:2])
    if code not in LANGUAGES or (len(written) > 5 and written.casefold() not in _LANGUAGES):
        raise BadInput(f"The language is one of {', '.join(LANGUAGES)}.")
    return code


def _day(written: str) -> date:
    match = _DAY.fullmatch(written.partition(" ")[0].partition("T")[0])
    try:
        if match:
            parts = match[1], match[2], match[3]
            return date(*map(int, parts if match[1] else (match[6], match[5], match[4])))
    except ValueError:
        pass
    raise BadInput("A day such as 2026-11-25 or 25.11.2026.")


def _month(written: str) -> int:
    if re.fullmatch("[0-9]{1,2}", written, re.ASCII) and 1 <= int(written) <= 12:
        return int(written)
    return _day(written).month
