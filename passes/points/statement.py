"""A card's statement: every entry of the ledger that moved its points, newest first, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from ..store import Connection, Row
from ..store import tables as t
from .purses import is_member, unit_of


@dataclass(frozen=True)
class Line:
    """An entry as its owner sees it. `hash` chains it to the one before, so that nobody can rewrite it."""

    entry: int
    kind: str
    unit: str
    amount: int
    why: dict[str, Any]
    receipt: str | None
    at: int
    hash: str


def page(tx: Connection, card_id: int, before: int | None, limit: int) -> tuple[list[Line], int | None]:
    """At most `limit` lines older than entry `before`, and the entry to go on before."""
    query = (
        select(t.Posting, t.Receipt.receipt)
        .outerjoin(t.Receipt, t.Receipt.id == t.Posting.receipt_id)
        .where(t.Posting.card_id == card_id)
    )
    if before is not None:
        query = query.where(t.Posting.seq < before)
    # A card's rows are numbered in the order of its entries, and by row there is an index.
    rows = tx.execute(query.order_by(t.Posting.id.desc()).limit(limit + 1)).all()
    return [_line(row) for row in rows[:limit]], rows[limit - 1].seq if len(rows) > limit else None


def _line(row: Row) -> Line:
    amount = row.amount if is_member(row.target) else -row.amount
    return Line(
        row.seq, row.kind, unit_of(row.source, row.target), amount, row.why, row.receipt, row.created, row.hash.hex()
    )
