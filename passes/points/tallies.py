"""Counters of a card by period: what caps look at, how far goals are, what tiers are counted by.

A counter moves in the transaction of its receipt and by amounts that the receipt remembers, so undoing subtracts them:
in whatever order receipts come and go, a counter is the sum of those that stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from ..store import Connection
from ..store import tables as t
from .rules import Key

WHOLE_PROGRAMME = 0
"""In place of a card, for what is counted of all cards together."""


def read(tx: Connection, programme_id: int, card_id: int, periods: Iterable[str]) -> dict[Key, int]:
    """The card's counters of these periods; those that stand at nothing are left out."""
    which = {"b_programme_id": programme_id, "b_card_id": card_id, "periods": sorted(set(periods))}
    return {(row.key, row.period): row.amount for row in tx.execute(_SELECT, which)}


def add(tx: Connection, programme_id: int, card_id: int, changes: Mapping[Key, int]) -> None:
    """Move the counters; the caller holds the card's row. One that comes to nothing is as if it had never been."""
    rows: list[dict[str, Any]] = [
        {"programme_id": programme_id, "card_id": card_id, "key": key, "period": period, "amount": amount}
        for (key, period), amount in sorted(changes.items())
        if amount
    ]
    if not rows:
        return
    tx.execute(_ADD[tx.dialect.name], rows)
    if any(row["amount"] < 0 for row in rows):
        tx.execute(_DELETE_EMPTY, {"b_programme_id": programme_id, "b_card_id": card_id})


_tally = t.table(t.Tally)
_own = (_tally.c.programme_id == bindparam("b_programme_id"), _tally.c.card_id == bindparam("b_card_id"))
_SELECT = select(_tally.c.key, _tally.c.period, _tally.c.amount).where(
    *_own, _tally.c.period.in_(bindparam("periods", expanding=True))
)


def _adding(made: Any) -> Any:
    which = ["programme_id", "card_id", "period", "key"]
    return made.on_conflict_do_update(index_elements=which, set_={"amount": _tally.c.amount + made.excluded.amount})


_ADD = {"sqlite": _adding(sqlite.insert(_tally)), "postgresql": _adding(postgresql.insert(_tally))}
_DELETE_EMPTY = delete(_tally).where(*_own, _tally.c.amount == 0)
