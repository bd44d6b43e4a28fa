"""The log of what staff do, or try to do: who, at which till, in which shift, to which card, what, when.

Only ever added to; the database itself refuses changes. It names people by row and never holds a name, a contact
or a code. Budgets and shift reports are counted from it.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, insert, select

from .staff import Presence
from .store import Connection, Row
from .store import tables as t

DONE = "done"
REPEATED = "repeated"


def write(
    tx: Connection,
    who: Presence,
    what: str,
    outcome: str,
    now: int,
    *,
    card_id: int | None = None,
    amount: int = 0,
    receipt_id: int | None = None,
    at: int | None = None,
) -> None:
    """`at` is when it was done, if that was not now."""
    values = {
        "staff_id": who.person.id,
        "till": who.till,
        "shift_id": who.shift_id,
        "location": who.location,
        "card_id": card_id,
        "what": what,
        "outcome": outcome,
        "amount": amount,
        "receipt_id": receipt_id,
        "at": now if at is None else at,
        "noted": now,
    }
    tx.execute(_INSERT, values)


def amount_by_person(tx: Connection, who: Presence, what: tuple[str, ...], since: int) -> int:
    return _sum(tx, t.Action.staff_id == who.person.id, t.Action.what.in_(what), t.Action.at >= since)


def amount_at_till(tx: Connection, who: Presence, what: tuple[str, ...], since: int) -> int:
    return _sum(tx, t.Action.till == who.till, t.Action.what.in_(what), t.Action.at >= since)


def times_for_card(tx: Connection, card_id: int, what: Sequence[str], since: int) -> int:
    return _times(tx, t.Action.card_id == card_id, t.Action.what.in_(what), t.Action.at >= since)


def times_without_card(tx: Connection, who: Presence, what: str, since: int) -> int:
    """At an enrolled till, of all who work there; elsewhere of the person."""
    here = t.Action.staff_id == who.person.id if who.till_id is None else t.Action.till == who.till
    return _times(tx, here, t.Action.what == what, t.Action.card_id.is_(None), t.Action.at >= since)


def first_of_card(tx: Connection, card_id: int, what: Sequence[str], since: int) -> Row | None:
    """The first of these that was done to the card: when, in which shop, and by whom (their key)."""
    which = (t.Action.card_id == card_id, t.Action.what.in_(what), t.Action.at >= since, t.Action.outcome == DONE)
    query = select(t.Action.at, t.Action.location, t.Staff.key).join(t.Staff, t.Staff.id == t.Action.staff_id)
    return tx.execute(query.where(*which).order_by(t.Action.at, t.Action.id).limit(1)).first()


def times_by_person(tx: Connection, who: Presence, what: str, since: int) -> int:
    which = (t.Action.staff_id == who.person.id, t.Action.what == what, t.Action.at >= since)
    return int(tx.execute(select(func.count()).where(*which)).scalar_one())


def _times(tx: Connection, *which: ColumnElement[bool]) -> int:
    return int(tx.execute(select(func.count()).where(t.Action.outcome == DONE, *which)).scalar_one())


def _sum(tx: Connection, *which: object) -> int:
    total = select(func.coalesce(func.sum(t.Action.amount), 0)).where(t.Action.outcome == DONE, *which)  # type: ignore[arg-type]
    return int(tx.execute(total).scalar_one())


_INSERT = insert(t.table(t.Action))
