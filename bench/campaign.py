"""An offer to a hundred thousand of a million cards: what publishing costs, and what a till feels of the rest.

Publishing is one row, whatever the number of cards; the sweep then draws the cards again in small transactions. The
sweep runs here, the till goes over HTTP to a server on the same store.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import event

from passes import offers, programmes, sweep
from passes.offers import Draft
from passes.service import Service

from . import rounds, servers, shop
from .cast import Till
from .figures import Report, most
from .receipts import new_key

GOLD_EARNED = 1_000
SALES_PER_SECOND = 20
LONGEST_SECONDS = 200


def run(report: Report) -> None:
    members, share = (100_000, 20) if report.quick else (1_000_000, 10)
    with shop.home(members) as home:
        raw_seconds, chosen = _raise_tier(home, share)
        service = shop.service(home)
        held = Held(service)
        key = new_key(service)
        till_seats = shop.seats(service, 2_000, 7)
        with servers.granian(home) as served:
            till = Till(served.port, key, till_seats, "till")
            with till.at_work(SALES_PER_SECOND):
                time.sleep(1)
                till.taken()
                time.sleep(3 if report.quick else 15)
            idle = till.taken()
            published = _publish(service)
            held.seconds.clear()
            with till.at_work(SALES_PER_SECOND):
                drawn, seconds = _sweep(service, 10 if report.quick else LONGEST_SECONDS)
            busy = till.taken()
    said = f"one UPDATE of those rows {raw_seconds * 1_000:,.0f} ms"
    report.add(
        "G17",
        f"publishing an offer to {chosen:,} of {members:,} cards",
        f"{published * 1_000:.1f} ms",
        said,
        published / raw_seconds,
        most(1.5),
    )
    usual, longest = rounds.percentile(held.seconds, 0.5) * 1_000, max(held.seconds) * 1_000
    report.add(
        "G17",
        "longest write lock of the sweep",
        f"{longest:.0f} ms",
        f"half of them {usual:.0f} ms",
        longest,
        most(50, unit=" ms"),
    )
    report.add("G17", "till beside the sweep", str(busy), f"idle {idle}", busy.at(0.99) / idle.at(0.99), most(3))
    report.add("G17", f"cards drawn again ({drawn:,})", f"{drawn / seconds:,.0f}/s", f"{seconds:.0f} s")
    report.add("", "errors at the till", str(till.errors), "", till.errors, most(0))


class Held:
    """How long this process held the store's write lock, transaction by transaction, the commit included."""

    def __init__(self, service: Service) -> None:
        self.seconds: list[float] = []
        engine = service.store.engine
        event.listen(engine, "begin", self._begins)
        event.listen(engine, "checkin", self._ends)

    def _begins(self, connection: Any) -> None:
        if connection.get_execution_options().get("passes_writes"):
            connection.info["bench_began"] = time.perf_counter()

    def _ends(self, _: object, record: Any) -> None:
        began = record.info.pop("bench_began", None)
        if began is not None:
            self.seconds.append(time.perf_counter() - began)


def _raise_tier(home: Path, share: int) -> tuple[float, int]:
    """Make one card in so many a gold one; then how long the plainest mass UPDATE of those takes, undone again."""
    with closing(sqlite3.connect(home / "passes.db", isolation_level=None)) as raw:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-65536"):
            raw.execute(f"PRAGMA {pragma}")
        chosen = raw.execute(f"UPDATE card SET tier = 'gold' WHERE id % {share} = 0").rowcount
        earned = f"SELECT id, '', 0, {GOLD_EARNED} FROM card WHERE tier = 'gold'"
        raw.execute(f"INSERT OR REPLACE INTO purse (card_id, unit, balance, earned) {earned}")
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        raw.execute("BEGIN IMMEDIATE")
        began = time.perf_counter()
        raw.execute("UPDATE card SET revision = revision + 1 WHERE tier = 'gold'")
        seconds = time.perf_counter() - began
        raw.execute("ROLLBACK")
    return seconds, chosen


def _publish(service: Service) -> float:
    began = time.perf_counter()
    with service.store.transaction() as tx:
        draft = Draft({"en": "Cake for gold"}, service.now, tier="gold", announce=True)
        offers.publish(tx, programmes.find(tx, "cafe"), draft, service.now)
    return time.perf_counter() - began


def _sweep(service: Service, most_seconds: float) -> tuple[int, float]:
    """Until nothing is left to draw, or the time is over; how many cards in how many seconds."""
    began, drawn = time.perf_counter(), 0
    while (step := sweep.sweep(service.store, service.now)) and time.perf_counter() - began < most_seconds:
        drawn += step
    return drawn, time.perf_counter() - began
