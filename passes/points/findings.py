"""What a replay found: what was and what would have been, card by card added up.

Findings of some cards and of others add to those of all, in whatever order they come. `report` says them in units and
money, for people and for machines alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import nlargest, nsmallest
from typing import Any

from ..definition import Definition
from ..liability import worth_of

MOST_NAMED = 10


@dataclass(slots=True)
class Sums:
    """What came, was spent and ended since the draft is in force, and what is held in the end.

    `had`: what was spent at its recorded cost, whatever it would have cost.
    """

    given: int = 0
    spent: int = 0
    ended: int = 0
    outstanding: int = 0
    had: int = 0

    def add(self, other: Sums) -> None:
        self.given += other.given
        self.spent += other.spent
        self.ended += other.ended
        self.outstanding += other.outstanding
        self.had += other.had


@dataclass
class Gains:
    """How many cards gain and lose, and those that do most: serial and by how much."""

    gaining: int = 0
    losing: int = 0
    winners: list[tuple[int, str]] = field(default_factory=list)
    losers: list[tuple[int, str]] = field(default_factory=list)

    def note(self, serial: str, gain: int) -> None:
        if gain > 0:
            self.add(Gains(1, 0, [(gain, serial)]))
        elif gain < 0:
            self.add(Gains(0, 1, [], [(gain, serial)]))

    def add(self, other: Gains) -> None:
        self.gaining += other.gaining
        self.losing += other.losing
        if other.winners:
            self.winners = nlargest(MOST_NAMED, [*self.winners, *other.winners])
        if other.losers:
            self.losers = nsmallest(MOST_NAMED, [*self.losers, *other.losers])


@dataclass
class Findings:
    """What was and what would have been, of some cards or of all. Units are named as the ledger does."""

    cards: int = 0
    active: int = 0
    """Of the cards, those to which something happened since."""
    receipts: int = 0
    losing: int = 0
    was: dict[str, Sums] = field(default_factory=dict)
    would: dict[str, Sums] = field(default_factory=dict)
    gains: dict[str, Gains] = field(default_factory=dict)
    tiers: Counter[tuple[str | None, str | None]] = field(default_factory=Counter)
    coupons_were: Counter[str] = field(default_factory=Counter)
    coupons_would: Counter[str] = field(default_factory=Counter)

    @property
    def is_the_ledger(self) -> bool:
        """Nothing would have been otherwise."""
        units, nothing = {*self.was, *self.would}, Sums()
        is_same = all(self.was.get(unit, nothing) == self.would.get(unit, nothing) for unit in units)
        nobody = not any(each.gaining or each.losing for each in self.gains.values())
        return is_same and nobody and not self.tiers and self.coupons_were == self.coupons_would

    def add(self, other: Findings) -> None:
        self.cards += other.cards
        self.active += other.active
        self.receipts += other.receipts
        self.losing += other.losing
        add(self.was, other.was)
        add(self.would, other.would)
        for unit, gains in other.gains.items():
            self.gains.setdefault(unit, Gains()).add(gains)
        self.tiers.update(other.tiers)
        self.coupons_were.update(other.coupons_were)
        self.coupons_would.update(other.coupons_would)

    def report(self, was: Definition, would: Definition) -> dict[str, Any]:
        """All of it; money is in the currency's smallest unit, and null where a unit has no worth in it."""
        units = ["", *(unit.key for unit in would.units)]
        tiers = sorted(self.tiers.items(), key=lambda move: -move[1])
        kinds = sorted({*self.coupons_were, *self.coupons_would})
        return {
            "programme": was.key,
            "currency": was.currency,
            "cards": self.cards,
            "active": self.active,
            "receipts": self.receipts,
            "losing": self.losing,
            "is_the_ledger": self.is_the_ledger,
            "units": [self._unit(unit, was, would) for unit in units],
            "tiers": [{"was": before, "would": after, "cards": cards} for (before, after), cards in tiers],
            "coupons": [
                {"coupon": kind, "was": self.coupons_were[kind], "would": self.coupons_would[kind]} for kind in kinds
            ],
        }

    def _unit(self, unit: str, was: Definition, would: Definition) -> dict[str, Any]:
        gains = self.gains.get(unit) or Gains()
        return {
            "unit": would.long(unit),
            "was": _in_money(self.was.get(unit) or Sums(), worth_of(was, unit)),
            "would": _in_money(self.would.get(unit) or Sums(), worth_of(would, unit)),
            "gaining": gains.gaining,
            "losing": gains.losing,
            "winners": [{"serial": serial, "gain": gain} for gain, serial in gains.winners],
            "losers": [{"serial": serial, "gain": gain} for gain, serial in gains.losers],
        }


def add(mine: dict[str, Sums], theirs: Mapping[str, Sums]) -> None:
    """Unit by unit."""
    for unit, sums in theirs.items():
        mine.setdefault(unit, Sums()).add(sums)


def _in_money(sums: Sums, worth: int | None) -> dict[str, int | None]:
    """`cost` is what was given, `owed` what is held in the end."""
    told = {name: getattr(sums, name) for name in ("given", "spent", "ended", "outstanding")}
    cost, owed = (None if worth is None else amount * worth for amount in (sums.given, sums.outstanding))
    return told | {"cost": cost, "owed": owed}
