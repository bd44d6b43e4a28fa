"""The rule time machine over a million receipts: twenty rules, five lines on each receipt.

Some members live through the engine itself for a year, with returns, undone receipts and points spent; their rows are
then copied under new numbers until there are enough. What is measured reads all of it, judges every receipt again by a
draft and compares with the ledger; the programme's own rules must come to the ledger exactly.
"""

from __future__ import annotations

import os
import random
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from passes import programmes
from passes.points import replay
from passes.store import tables as t
from tests.corner_shop import DAY, CornerShop

from . import market
from .figures import Report, most

MODELS, EACH = 40, 50
MILLION_SECONDS = 60
DRAFT: dict[str, Any] = {"earn": {"points": 2, "per": 300}, "stack": "all", "expiry": {"days": 180}}
# What refers to a row of which table, and what must be different in every row.
_REFERS = {
    "member_id": t.Member,
    "card_id": t.Card,
    "receipt_id": t.Receipt,
    "reverses": t.Receipt,
    "reversed_by": t.Receipt,
    "lot_id": t.Lot,
    "seq": t.Posting,
}
_OWN = {"public_id", "serial", "number", "receipt"}
_TABLES = (t.Member, t.Card, t.Lot, t.Receipt, t.Posting)


def run(report: Report) -> None:
    receipts = 20_000 if report.quick else 1_000_000
    with TemporaryDirectory(prefix="passes-bench-") as folder:
        shop = years(Path(folder), receipts)
        workers = os.cpu_count() or 1
        for what, changes in (("its own rules", None), ("a draft", DRAFT)):
            draft = market.definition(**changes) if changes is not None else None
            began = time.perf_counter()
            with shop.store.reading() as tx:
                programme = programmes.find(tx, "market")
            found = replay.run(shop.store, programme, draft, 0, shop.now, workers)
            seconds = time.perf_counter() - began
            assert found.is_the_ledger is (draft is None), found
            per_million = seconds * 1_000_000 / found.receipts
            said = f"{found.receipts:,} receipts in {seconds:.1f} s, {found.receipts / seconds:,.0f}/s"
            target = most(MILLION_SECONDS, unit=" s")
            report.add("", f"{what} replayed, a million receipts", said, f"{workers} processes", per_million, target)
        shop.close()


def years(folder: Path, receipts: int) -> CornerShop:
    """A shop with so many receipts."""
    file = folder / "passes.db"
    shop = CornerShop.open(f"sqlite:///{file}")
    shop.promises(**{"tiers": [], "rewards": [], "expire_days": None} | market.TWENTY)
    _live(shop)
    shop.close()
    _copy(file, receipts // (MODELS * EACH))
    return shop


def _live(shop: CornerShop) -> None:
    """A year of the models, through the engine."""
    chance = random.Random(7)
    cards = [shop.joins(f"M{number}", "market") for number in range(MODELS)]
    sold: list[str] = []
    for number in range(MODELS * EACH):
        shop.now += 365 * DAY // (MODELS * EACH)
        if number % 20 == 0:
            shop.sweeps()
        what = chance.random()
        if what < 0.03 and sold:
            shop.takes_back(sold.pop())
        elif what < 0.06 and sold:
            shop.takes_lines_back(sold.pop(), (0, 1))
        elif what < 0.08:
            shop.posts(chance.choice(cards), event="review")
        else:
            card, basket = chance.choice(cards), market.basket(chance)
            has = shop.held(card).row.balance // 4 if what < 0.2 else 0
            receipt = f"R{number}"
            shop.posts(card, receipt, **basket, redeem=min(has, basket["total"] // 2))
            sold = [*sold[-3:], receipt]
    shop.sweeps()


def _copy(file: Path, times: int) -> None:
    """The same years, lived by so many times as many members."""
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-400000", "foreign_keys=OFF"):
            database.execute(f"PRAGMA {pragma}")
        widths = {
            row: database.execute(f"SELECT max(id) FROM {row.__tablename__}").fetchone()[0] or 0 for row in _TABLES
        }
        for turn in range(1, times):
            database.execute("BEGIN")
            for row in _TABLES:
                names = [column.name for column in row.__table__.columns]
                values = ", ".join(_copied(name, row, widths, turn) for name in names)
                quoted = ", ".join(f'"{name}"' for name in names)
                table = row.__tablename__
                database.execute(
                    f"INSERT INTO {table} ({quoted}) SELECT {values} FROM {table} WHERE id <= {widths[row]}"
                )
            database.execute("COMMIT")
        database.execute("ANALYZE")
        database.execute("PRAGMA journal_mode=WAL")


def _copied(name: str, row: Any, widths: dict[Any, int], turn: int) -> str:
    if name == "code_id":
        return "randomblob(10)"
    if name in _OWN:
        return f"{name} || '-{turn}'"
    if name == "id" or name in _REFERS:
        return f"{name} + {turn * widths[_REFERS.get(name, row)]}"
    return f'"{name}"'
