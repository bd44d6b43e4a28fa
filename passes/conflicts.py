"""Conflicts: what a till did without a connection and could not be counted as it was done.

Nothing is dropped and nothing is cut to fit: each stays on the list until a manager has settled it and said how. The
same action sent again is the same conflict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select, update

from .errors import BadInput, Conflict, NotFound
from .staff import Person
from .store import Connection, Row, insert_into
from .store import tables as t
from .text import one_line

MOST_NOTE = 300


def record(
    tx: Connection,
    till_id: int,
    fingerprint: bytes,
    why: str,
    content: Mapping[str, Any],
    at: int,
    now: int,
    staff_id: int | None = None,
    card_id: int | None = None,
) -> None:
    """Keep it for a manager; `at` is the till's time and `now` ours, in seconds. The same once more changes nothing."""
    values = {"till_id": till_id, "fingerprint": fingerprint, "why": why, "content": dict(content)}
    values |= {"staff_id": staff_id, "card_id": card_id, "at": at, "created": now}
    tx.execute(insert_into(tx, t.Conflict).values(values).on_conflict_do_nothing())


def latest(tx: Connection, limit: int = 100) -> Sequence[Row]:
    """Those that wait, then those that were settled, the newest first."""
    query = (
        select(t.Conflict, t.Till.name.label("till"), t.Staff.name, t.Staff.email)
        .add_columns(t.Card.number, t.Card.serial, t.Card.programme_id)
        .join(t.Till, t.Till.id == t.Conflict.till_id)
        .outerjoin(t.Staff, t.Staff.id == t.Conflict.staff_id)
        .outerjoin(t.Card, t.Card.id == t.Conflict.card_id)
    )
    return tx.execute(query.order_by(t.Conflict.resolved.is_not(None), t.Conflict.id.desc()).limit(limit)).all()


def waiting(tx: Connection) -> int:
    """How many nobody has settled."""
    return int(tx.execute(select(func.count()).where(t.Conflict.resolved.is_(None))).scalar_one())


def resolve(tx: Connection, id: int, person: Person, note: str, now: int) -> None:
    """A manager has settled it with the customer; the note says how."""
    said = one_line(note)
    if not 0 < len(said) <= MOST_NOTE:
        raise BadInput(f"Say in 1 to {MOST_NOTE} letters how it was settled.", field="note")
    row = tx.execute(select(t.Conflict.resolved).where(t.Conflict.id == id).with_for_update()).first()
    if row is None:
        raise NotFound("There is no such conflict.", field="conflict")
    if row.resolved is not None:
        raise Conflict("This was settled already.", field="conflict")
    values = {"resolved": now, "resolved_by": person.id, "note": said}
    tx.execute(update(t.Conflict).where(t.Conflict.id == id).values(values))
