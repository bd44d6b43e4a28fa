"""When somebody must be looked at again: one row a card, due at once after each purchase and each return.

A purchase thereby takes back whatever was to come after the one before. The till writes this one row; what follows is
reckoned by a worker.
"""

from __future__ import annotations

from sqlalchemy import func, select

from ..definition import Definition
from ..store import Connection, insert_into
from ..store import tables as t


def look_again(tx: Connection, definition: Definition, card_id: int, now: int) -> None:
    """What the card bought has changed; the caller holds its row."""
    if definition.reminders:
        added = insert_into(tx, t.Rhythm).values(card_id=card_id, due=now)
        tx.execute(added.on_conflict_do_update(index_elements=["card_id"], set_={"due": now}))


def next_due(tx: Connection) -> int | None:
    return tx.execute(select(func.min(t.Rhythm.due)).where(t.Rhythm.due.is_not(None))).scalar()
