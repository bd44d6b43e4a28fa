"""Reads a card's history from the ledger: what moved, when, where, and the numbers behind it."""

from __future__ import annotations

from sqlalchemy import select

from ...points.purses import is_member, unit_of
from ...store import Connection
from ...store import tables as t
from .face import Happened

MOST_ENTRIES = 50
MOST_PLACE = 60


def entries(tx: Connection, card_id: int) -> list[Happened]:
    """The latest entries, the newest first."""
    query = (
        select(t.Posting, t.Receipt.content, t.Lot.ripens)
        .outerjoin(t.Receipt, t.Receipt.id == t.Posting.receipt_id)
        .outerjoin(t.Lot, t.Lot.id == t.Posting.lot_id)
        .where(t.Posting.card_id == card_id)
        .order_by(t.Posting.id.desc())
        .limit(MOST_ENTRIES)
    )
    return [
        Happened(
            kind=row.kind,
            amount=row.amount if is_member(row.target) else -row.amount,
            at=row.created,
            place=str((row.content or {}).get("location") or "")[:MOST_PLACE],
            why=row.why or {},
            unit=unit_of(row.source, row.target),
            ripens=row.ripens,
        )
        for row in tx.execute(query)
    ]
