"""The engine: twenty rules and five lines beside the bare ledger, a card with a long history beside a new one.

In process on SQLite; the ledger is verified afterwards. What is timed is the processor's time, so that a busy machine
and its disk do not blur what the rules cost.
"""

from __future__ import annotations

import tempfile
import time
from itertools import count
from typing import Any

from passes import cards
from passes.points import ledger, purses, receipts
from passes.points.orders import Order
from tests.corner_shop import CornerShop

from . import rounds
from .figures import Report, most

LONG = 100_000
LINES: list[dict[str, Any]] = [
    {"sku": f"s{n}", "category": f"c{n}", "quantity": 1 + n % 2, "price": 1_250 + 100 * n} for n in range(5)
]
WHENS: tuple[dict[str, Any], ...] = ({}, {"weekdays": [1, 3, 5]}, {"min_total": 5_000}, {"tiers": ["silver"]})
RULES: list[dict[str, Any]] = [
    {
        "key": f"r{n}",
        "amount": 1 + n % 3,
        "per": 1_000,
        "goods": {"categories": [f"c{n % 8}"]},
        "when": WHENS[n % 4],
        "caps": {"day": 500} if n % 5 == 0 else {},
    }
    for n in range(20)
]


class Till:
    """Posts receipts, each to the next of fifty cards."""

    def __init__(self, folder: str, lines: list[dict[str, Any]], **definition: Any) -> None:
        self.shop = CornerShop.open(f"sqlite:///{folder}/passes.db", **definition)
        self.serials = [self.shop.joins() for _ in range(50)]
        self._lines, self._numbers = lines, count()

    def sells(self, serial: str | None = None) -> None:
        number = next(self._numbers)
        order = Order(f"R{number}", total=7_250, lines=self._lines)
        with self.shop.store.transaction() as tx:
            held = cards.by_serial(tx, serial or self.serials[number % 50], lock=True)
            receipts.post(tx, held, order, self.shop.now)

    def looks(self, serial: str) -> None:
        with self.shop.store.reading() as tx:
            held = cards.by_serial(tx, serial)
            ledger.account(tx, held.id, held.row.programme_id)


def run(report: Report) -> None:
    times, turns = (50, 3) if report.quick else (200, 9)
    with tempfile.TemporaryDirectory() as bare, tempfile.TemporaryDirectory() as ruled:
        plain, till = Till(bare, []), Till(ruled, LINES, rules=RULES)
        variants = {"rules": rounds.repeated(till.sells, times), "bare": rounds.repeated(plain.sells, times)}
        measured = rounds.in_turn(variants, turns, time.thread_time)
        report.add(
            "engine",
            "receipts with 20 rules and 5 lines",
            f"{measured.rate('rules'):,.0f}/s",
            f"the bare ledger {measured.rate('bare'):,.0f}/s",
            1 / measured.ratio("rules", "bare"),
            most(2),
        )
        _grows(report, plain, times, turns)
        assert not plain.shop.flaws() and not till.shop.flaws()


def _grows(report: Report, till: Till, times: int, turns: int) -> None:
    """Balance and tier of a card with a hundred thousand entries, and of one with ten."""
    old, new = till.serials[0], till.serials[1]
    with till.shop.store.transaction() as tx:
        held = cards.by_serial(tx, old, lock=True)
        account = ledger.account(tx, held.id, held.row.programme_id)
        for _ in range(0, LONG // (20 if report.quick else 1), 1000):
            drafts = [purses.Draft("earn", "earned", purses.MEMBER, 1) for _ in range(1000)]
            account = ledger.write(tx, account, drafts, till.shop.now)
    variants = {
        "old": rounds.repeated(lambda: till.looks(old), times),
        "new": rounds.repeated(lambda: till.looks(new), times),
    }
    measured = rounds.in_turn(variants, turns, time.thread_time)
    report.add(
        "engine",
        "balance and tier of a card with 100,000 entries",
        f"{measured.rate('old'):,.0f}/s",
        f"with few {measured.rate('new'):,.0f}/s",
        1 / measured.ratio("old", "new"),
        most(1.5),
    )
