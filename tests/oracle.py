"""One café's rules, kept by a person with a pencil: a second account of what the engine does. Shares no code with it.

The rules, in words: a point for each złoty, double on Tuesdays; ten points for a visit, at most twenty a day, that may
be spent from the third midnight on; a star for each coffee; fifty points for every hundred złoty spent; a hundred for
the third visit; seven for a bill of a quarter more than the member's bills before it, once there are two (what is left
of it when goods come back is held against the same bills). Points end thirty midnights after they were earned, stars
never. Silver from 200 złoty, gold from 600, spent in this month and the one before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

DAY = 86_400
RULES: dict[str, Any] = {
    "units": [{"key": "stars", "kind": "status"}],
    "expire_days": 29,
    "rules": [
        {"key": "visit", "measure": "visit", "amount": 10, "caps": {"day": 20}, "ripens_days": 3},
        {"key": "star", "measure": "item", "amount": 1, "unit": "stars", "goods": {"categories": ["coffee"]}},
        {
            "key": "more",
            "measure": "visit",
            "amount": 7,
            "when": {"above_own_average": {"percent": 125, "after_purchases": 2}},
        },
    ],
    "multipliers": [{"key": "tuesday", "percent": 200, "when": {"weekdays": [2]}}],
    "every": [{"key": "hundred", "spend": 10_000, "give": {"amount": 50}}],
    "challenges": [{"key": "third", "name": {"en": "Three visits"}, "target": 3, "give": {"amount": 100}}],
    "tiers": [
        {"key": "silver", "name": {"en": "Silver"}, "threshold": 20_000},
        {"key": "gold", "name": {"en": "Gold"}, "threshold": 60_000},
    ],
    "tier_policy": {"by": "spend", "period": "months", "months": 2},
}


class Refused(Exception):
    """There is not enough on the card."""


@dataclass
class Heap:
    """Points or stars that end and ripen together."""

    unit: str
    ends: int | None
    ripe: int | None
    left: int


@dataclass
class Bill:
    """A receipt in the book: coffees and cakes at so much each, and what still stands of what it did."""

    at: int
    coffees: int
    coffee_price: int
    cakes: int
    cake_price: int
    given: dict[str, int] = field(default_factory=dict)
    heaps: dict[str, Heap] = field(default_factory=dict)
    took: list[tuple[Heap, int]] = field(default_factory=list)
    counted: dict[tuple[str, str], int] = field(default_factory=dict)
    before: list[int] = field(default_factory=list)
    is_undone: bool = False

    @property
    def total(self) -> int:
        return self.coffees * self.coffee_price + self.cakes * self.cake_price


class Oracle:
    """One card."""

    def __init__(self) -> None:
        self.heaps: list[Heap] = []
        self.bills: dict[str, Bill] = {}

    def counter(self, name: str, period: str, but: Bill | None = None) -> int:
        return sum(bill.counted.get((name, period), 0) for bill in self.bills.values() if bill is not but)

    def balance(self, unit: str = "points") -> int:
        return sum(heap.left for heap in self.heaps if heap.unit == unit)

    def tier(self, now: int) -> str | None:
        today = datetime.fromtimestamp(now, UTC)
        before = f"{today.year - (today.month == 1)}-{(today.month - 2) % 12 + 1:02d}"
        spent = self.counter("spent", f"{today:%Y-%m}") + self.counter("spent", before)
        return "gold" if spent >= 60_000 else "silver" if spent >= 20_000 else None

    def time_is(self, now: int) -> None:
        for heap in self.heaps:
            if heap.ends is not None and heap.ends <= now:
                heap.left = 0

    def bills_so_far(self) -> list[int]:
        return [bill.total for bill in self.bills.values() if bill.total and not bill.is_undone]

    def next_step(self) -> list[int]:
        """The smallest bill that would bring the seven, once it can be told: found by trying, whole grosz by grosz."""
        before = self.bills_so_far()
        if len(before) < 2:
            return []
        least = sum(before) // len(before)
        while not is_a_quarter_more(least, before):
            least += 1
        return [least]

    def buys(self, receipt: str, bill: Bill) -> None:
        self.time_is(bill.at)
        bill.before = self.bills_so_far()
        given, counted = self.worth(bill)
        for rule, amount in given.items():
            bill.heaps[rule] = self.fill(rule, bill.at, amount)
        bill.given, bill.counted = given, counted
        self.bills[receipt] = bill

    def worth(self, bill: Bill) -> tuple[dict[str, int], dict[tuple[str, str], int]]:
        """What the bill gives by each rule, and what it counts for, beside all other bills that stand."""
        when = datetime.fromtimestamp(bill.at, UTC)
        day, month = f"{when:%Y-%m-%d}", f"{when:%Y-%m}"
        times = 2 if when.weekday() == 1 else 1
        given: dict[str, int] = {"earn": bill.total // 100 * times, "star": bill.coffees}
        counted: dict[tuple[str, str], int] = {("spent", month): bill.total, ("hundred", ""): bill.total}
        if bill.total:
            given["visit"] = min(10 * times, 20 - self.counter("visit", day, bill))
            counted |= {("visit", day): given["visit"], ("third", ""): 1}
            if len(bill.before) >= 2 and is_a_quarter_more(bill.total, bill.before):
                given["more"] = 7 * times
        spent = self.counter("hundred", "", bill) + bill.total
        fifties = max(0, spent // 10_000 - self.counter("fifties", "", bill)) if bill.total else 0
        given["hundred"], counted["fifties", ""] = 50 * fifties, fifties
        if bill.total and self.counter("third", "", bill) + 1 >= 3 and not self.counter("won", "", bill):
            given["third"], counted["won", ""] = 100, 1
        return {rule: n for rule, n in given.items() if n}, counted

    def fill(self, rule: str, at: int, amount: int) -> Heap:
        midnight = at - at % DAY
        unit = "stars" if rule == "star" else "points"
        key = (unit, None if unit == "stars" else midnight + 30 * DAY, midnight + 3 * DAY if rule == "visit" else None)
        heap = next((h for h in self.heaps if (h.unit, h.ends, h.ripe) == key and h.left), None)
        if heap is None:
            heap = Heap(*key, 0)
            self.heaps.append(heap)
        heap.left += amount
        return heap

    def spends(self, receipt: str, amount: int, now: int) -> None:
        self.time_is(now)
        ripe = [h for h in self.heaps if h.unit == "points" and (h.ripe is None or h.ripe <= now)]
        if sum(heap.left for heap in ripe) < amount:
            raise Refused
        bill = Bill(now, 0, 0, 0, 0)
        bill.took = self.takes(ripe, amount, now, None)
        self.bills[receipt] = bill

    def takes(self, heaps: list[Heap], amount: int, now: int, first: Heap | None) -> list[tuple[Heap, int]]:
        """From the first, then what is ripe, then what ends soonest, then the oldest."""
        took = []
        for heap in sorted(heaps, key=lambda h: (h is not first, bool(h.ripe and h.ripe > now), h.ends or 10**18)):
            part = min(amount, heap.left)
            if part:
                heap.left -= part
                took.append((heap, part))
                amount -= part
        assert amount == 0
        return took

    def takes_back(self, receipt: str, now: int, coffees: int = 0, cakes: int = 0, whole: bool = False) -> None:
        bill = self.bills[receipt]
        self.time_is(now)
        less = Bill(bill.at, bill.coffees - coffees, bill.coffee_price, bill.cakes - cakes, bill.cake_price)
        less.before = bill.before
        given: dict[str, int] = {}
        counted: dict[tuple[str, str], int] = {}
        if not whole and (less.coffees or less.cakes):
            others = self.bills
            self.bills = {name: other for name, other in others.items() if name != receipt}
            given, counted = self.worth(less)
            self.bills = others
        owed = {rule: n - min(n, given.get(rule, 0)) for rule, n in bill.given.items()}
        self.refuse_unless_there(bill, owed, whole, now)
        if whole or not (less.coffees or less.cakes):
            for heap, amount in bill.took:
                heap.left += amount
            self.time_is(now)
            bill.is_undone, bill.took = True, []
        for rule, amount in owed.items():
            mine = bill.heaps[rule]
            self.takes([h for h in self.heaps if h.unit == mine.unit], amount, now, mine)
            bill.given[rule] -= amount
        bill.counted = {key: min(n, counted.get(key, 0)) for key, n in bill.counted.items()}
        bill.coffees, bill.cakes = less.coffees, less.cakes

    def refuse_unless_there(self, bill: Bill, owed: dict[str, int], whole: bool, now: int) -> None:
        comes = sum(n for heap, n in bill.took if whole and (heap.ends is None or heap.ends > now))
        points = sum(n for rule, n in owed.items() if rule != "star")
        if self.balance() + comes < points or self.balance("stars") < owed.get("star", 0):
            raise Refused


def is_a_quarter_more(total: int, before: list[int]) -> bool:
    return Fraction(total) >= Fraction(5, 4) * Fraction(sum(before), len(before))
