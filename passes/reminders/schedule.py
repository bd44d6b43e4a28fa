"""When somebody must be looked at again: one row a card, due at once after each purchase and each return.

A purchase thereby takes back whatever was to come after the one before. The till writes this one row; what follows is
reckoned by a worker.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite

from ..definition import Definition
from ..store import Connection
from ..store import tables as t


def look_again(tx: Connection, definition: Definition, card_id: int, now: int) -> None:
    """What the card bought has changed; the caller holds its row."""
    if definition.reminders:
        tx.execute(_DUE[tx.dialect.name], {"card_id": card_id, "due": now})


def next_due(tx: Connection) -> int | None:
    return tx.execute(select(func.min(t.Rhythm.due)).where(t.Rhythm.due.is_not(None))).scalar()


def _due(made: Any) -> Any:
    return made.on_conflict_do_update(index_elements=["card_id"], set_={"due": made.excluded.due})


_rhythm = t.table(t.Rhythm)
_DUE = {"sqlite": _due(sqlite.insert(_rhythm)), "postgresql": _due(postgresql.insert(_rhythm))}
