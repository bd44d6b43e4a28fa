"""How a programme's amounts are said: so many of a unit with the noun that fits, money as money, dates. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from ..card import Text
from ..definition import Definition
from ..words import Words, amount


@dataclass(frozen=True)
class Amounts:
    """A programme's units and currency in one language. `kinds` and `names` are by unit."""

    words: Words
    currency: str
    main: str
    kinds: Mapping[str, str]
    names: Mapping[str, Text]
    zone: ZoneInfo

    @classmethod
    def of(cls, definition: Definition, words: Words) -> Amounts:
        names = {unit.key: unit.name for unit in definition.units if unit.name}
        return cls(words, definition.currency, definition.unit, definition.kinds, names, definition.zone)

    def say(self, n: int, unit: str | None = None) -> str:
        """So many of a unit (none: the main one)."""
        key = unit or self.main
        if self.kinds.get(key) == "money":
            return self.money(n)
        if key in self.names and not self.words.has(f"unit.{key}"):
            return f"{self.words.number(n)}\N{NO-BREAK SPACE}{self.words.pick(self.names[key])}"
        return amount(self.words, key, n)

    def money(self, minor: int) -> str:
        return self.words.money(minor, self.currency)

    def factor(self, percent: int) -> str:
        """200 percent is 2, 150 is 1.5."""
        return self.words.number(Decimal(percent) / 100)

    def begin(self, at: int) -> str:
        """The day something begins, with the time unless that is midnight."""
        return self.words.date(at, self.zone) if self._is_midnight(at) else self.words.moment(at, self.zone)

    def end(self, at: int) -> str:
        """What ends at midnight ends, as people say, the day before."""
        return self.words.date(at - 1, self.zone) if self._is_midnight(at) else self.words.moment(at, self.zone)

    def _is_midnight(self, at: int) -> bool:
        local = datetime.fromtimestamp(at, self.zone)
        return not (local.hour or local.minute)
