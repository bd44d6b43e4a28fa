"""What came of reminders, and how many come a second time: counted from receipts that still stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, select

from ..controls import compared
from ..definition import ReminderPart
from ..effect import Effect
from ..programmes import Programme
from ..store import Connection
from ..store import tables as t
from .giving import DAY


@dataclass(frozen=True)
class Cohort:
    """Members whose first purchase fell into a month such as 2026-11, and those who came again, ever."""

    month: str
    first: int
    second: int


def effects(tx: Connection, programme: Programme, now: int) -> dict[str, Effect]:
    """By reminder; only those whose time to answer is over."""
    return {part.key: _effect(tx, programme, part, now) for part in programme.definition.reminders}


def sent(tx: Connection, programme: Programme) -> dict[str, int]:
    """By reminder: how many coupons were given, those included whose time to answer is not over."""
    given = select(t.Reminder.key, func.count().label("sent")).where(
        t.Reminder.programme_id == programme.id, t.Reminder.is_control.is_(False)
    )
    return {row.key: row.sent for row in tx.execute(given.group_by(t.Reminder.key))}


def second_purchases(tx: Connection, programme: Programme) -> Sequence[Cohort]:
    """By month of the first purchase, in the programme's time zone, the oldest first."""
    query = (
        select(func.min(t.Receipt.created), func.count())
        .join(t.Card, t.Card.id == t.Receipt.card_id)
        .where(t.Card.programme_id == programme.id, t.BOUGHT)
        .group_by(t.Receipt.card_id)
    )
    months: dict[str, list[int]] = {}
    for first, purchases in tx.execute(query):
        counted = months.setdefault(f"{datetime.fromtimestamp(first, programme.definition.zone):%Y-%m}", [0, 0])
        counted[0] += 1
        counted[1] += purchases > 1
    return [Cohort(month, first, second) for month, (first, second) in sorted(months.items())]


def _effect(tx: Connection, programme: Programme, part: ReminderPart, now: int) -> Effect:
    window = part.answer_days * DAY
    after = and_(
        t.Receipt.card_id == t.Reminder.card_id,
        t.Receipt.created > t.Reminder.at,
        t.Receipt.created <= t.Reminder.at + window,
        t.BOUGHT,
    )
    spent = select(func.sum(t.Receipt.total)).where(after).correlate(t.Reminder).scalar_subquery()
    which = (t.Reminder.programme_id == programme.id, t.Reminder.key == part.key, t.Reminder.at <= now - window)
    each = select(t.Reminder.is_control.label("out"), spent.label("spent")).where(*which)
    return compared(tx, each.subquery())
