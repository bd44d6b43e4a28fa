"""Memberships: until when a card's benefits are paid for. Paying itself happens elsewhere and is told to us.

Whoever renews in time, or in the time of grace, goes on from the end of what was paid; whoever comes later
begins anew. Months are the calendar's, and a membership that began on the 31st ends on the last day of short ones.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from . import revisions
from .card import Membership
from .cards import Held
from .definition import Definition
from .drawing import membership
from .errors import BadInput, Conflict
from .programmes import Programme
from .store import Connection, insert_into
from .store import tables as t

MOST_PERIODS = 36


def state(tx: Connection, definition: Definition, card_id: int, now: int) -> Membership | None:
    """Where a card's membership stands; None: the programme has none."""
    if definition.membership is None:
        return None
    until = tx.execute(select(t.Membership.paid_until).where(t.Membership.card_id == card_id)).scalar()
    return membership(until, definition.membership.grace_days, now)


def renew(tx: Connection, programme: Programme, held: Held, periods: int, now: int) -> Membership:
    """So many periods were paid. The caller holds the card's row."""
    held.refuse_unless_active()
    part = programme.definition.membership
    stands = state(tx, programme.definition, held.id, now)
    if part is None or stands is None:
        raise _none_promised()
    if not 1 <= periods <= MOST_PERIODS:
        raise BadInput(f"Between 1 and {MOST_PERIODS} periods.", field="periods")
    zone = programme.definition.zone
    kept = tx.execute(select(t.Membership).where(t.Membership.card_id == held.id)).first()
    goes_on = kept is not None and stands.is_good
    start = kept.paid_until if kept is not None and goes_on else _midnight(now, zone)
    day = kept.day if kept is not None and goes_on else datetime.fromtimestamp(start, zone).day
    return _put(tx, programme, held, _later(start, part.months * periods, day, zone), day, now)


def pay_until(tx: Connection, programme: Programme, held: Held, until: int, now: int) -> Membership:
    """It is paid until then, as the shop's own system counts; an earlier time takes a payment back."""
    if programme.definition.membership is None:
        raise _none_promised()
    day = datetime.fromtimestamp(until, programme.definition.zone).day
    return _put(tx, programme, held, until, day, now)


def _put(tx: Connection, programme: Programme, held: Held, until: int, day: int, now: int) -> Membership:
    values: dict[str, Any] = {"paid_until": until, "day": day, "changed": now}
    added = insert_into(tx, t.Membership).values(card_id=held.id, **values)
    tx.execute(added.on_conflict_do_update(index_elements=["card_id"], set_=values))
    revisions.record(tx, held.id, now)
    stands = state(tx, programme.definition, held.id, now)
    assert stands is not None
    return stands


def _later(at: int, months: int, day: int, zone: ZoneInfo) -> int:
    """Midnight so many months later, on this day of the month or the last one it has."""
    then = datetime.fromtimestamp(at, zone)
    year, month = divmod(then.year * 12 + then.month - 1 + months, 12)
    last = monthrange(year, month + 1)[1]
    return int(datetime(year, month + 1, min(day, last), tzinfo=zone).timestamp())


def _midnight(at: int, zone: ZoneInfo) -> int:
    """The day a membership is paid on is its first."""
    return int(datetime.combine(datetime.fromtimestamp(at, zone).date(), time(), zone).timestamp())


def _none_promised() -> Conflict:
    return Conflict("This programme has no membership.", field="programme")
