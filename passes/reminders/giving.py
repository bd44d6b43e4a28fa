"""Gives reminders that have fallen due: a worker's round over cards that must be looked at.

A card's past is read anew each time, so no purchase is forgotten and none is waited for twice. Each reminder happens
once for the purchase it follows, whatever becomes of the worker, and never without the member's consent. Whether
somebody is reminded or left alone for comparison follows from the card and the purchase alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from hashlib import blake2b

from sqlalchemy import Select, insert, select, update

from .. import cards, coupons, programmes, revisions
from ..cards import Held
from ..definition import Definition, ReminderPart
from ..errors import Conflict
from ..programmes import Programme
from ..store import Connection, Store
from ..store import tables as t
from .rhythm import MOST_GAPS, Rhythm, rhythm_of

LIMIT = 50
DAY = 86_400
# Several purchases may fall on one day.
_MOST_PURCHASES = 4 * MOST_GAPS
_CONSENTS = {"second": "messages", "rhythm": "profiling", "lapsed": "profiling"}


def settle(store: Store, now: int, limit: int = LIMIT) -> int:
    """One round; how many cards were looked at, so that the caller knows whether to rest."""
    with store.reading() as tx:
        query = select(t.Rhythm.card_id).where(t.Rhythm.due <= now)
        due = tx.execute(query.order_by(t.Rhythm.due, t.Rhythm.card_id).limit(limit)).scalars().all()
    for card_id in due:
        with store.transaction() as tx:
            _look(tx, card_id, now)
    return len(due)


def falls_due(part: ReminderPart, visits: Sequence[int], rhythm: Rhythm | None, now: int) -> int | None:
    """When the reminder comes after the last of these purchases (instants, the newest first); None: not at all."""
    if part.when == "second":
        return visits[0] + part.days * DAY if len(visits) == 1 else None
    if rhythm is None:
        return None
    due = visits[0] + int(rhythm.gap * DAY * part.share / 100)
    # Just before somebody comes, or not at all: who is late anyway is for another reminder.
    is_over = part.when == "rhythm" and now >= visits[0] + int(rhythm.gap * DAY)
    return None if is_over else due


def is_control(serial: str, key: str, anchor: int, percent: int) -> bool:
    """Whether this time the card is among those who are left alone."""
    lot = blake2b(f"{serial} {key} {anchor}".encode(), digest_size=8).digest()
    return int.from_bytes(lot) % 100 < percent


def _look(tx: Connection, card_id: int, now: int) -> None:
    held = cards.find(tx, "id", card_id, lock=True)
    assert held is not None
    due = tx.execute(select(t.Rhythm.due).where(t.Rhythm.card_id == card_id)).scalar()
    if due is None or due > now:
        return
    programme = programmes.of_card(tx, held)
    following = _remind(tx, programme, held, now) if held.row.status == "active" else None
    tx.execute(update(t.Rhythm).where(t.Rhythm.card_id == card_id).values(due=following))


def _remind(tx: Connection, programme: Programme, held: Held, now: int) -> int | None:
    """Give what is due now; when more will be."""
    definition = programme.at(now).definition
    bought = tx.execute(_bought(held.id)).all()
    if not bought:
        return None
    visits = [row.created for row in bought]
    rhythm = rhythm_of([_day(at, definition) for at in visits])
    agreed, later = _agreed(tx, held.row.member_id), []
    for part in definition.reminders:
        due = falls_due(part, visits, rhythm, now) if _CONSENTS[part.when] in agreed else None
        if due is not None and due > now:
            later.append(due)
        elif due is not None:
            _give(tx, programme, held, part, bought[0].id, now)
    return min(later, default=None)


def _give(tx: Connection, programme: Programme, held: Held, part: ReminderPart, anchor: int, now: int) -> None:
    this = (t.Reminder.card_id == held.id, t.Reminder.key == part.key, t.Reminder.anchor_id == anchor)
    if tx.execute(select(t.Reminder.id).where(*this)).first():
        return
    kind = next(kind for kind in programme.at(now).definition.coupons if kind.key == part.coupon)
    # A coupon that is over, or that the member may not use, reminds nobody, and is no comparison either.
    if coupons.left(tx, programme, kind.key, now) == 0 or not coupons.may_use(tx, kind, held.id):
        return
    control, code = is_control(held.serial, part.key, anchor, part.control), None
    if not control:
        # Another card may have the last one just now.
        with suppress(Conflict):
            (code,) = coupons.issue(tx, programme, part.coupon, held.id, now)
        if code is None:
            return
        revisions.record(tx, held.id, now)
    values = {"programme_id": programme.id, "card_id": held.id, "key": part.key, "anchor_id": anchor}
    tx.execute(insert(t.Reminder).values(values | {"is_control": control, "coupon": code, "at": now}))


def _agreed(tx: Connection, member_id: int) -> set[str]:
    stands = select(t.Consent.purpose).where(t.Consent.member_id == member_id, t.Consent.withdrawn.is_(None))
    return set(tx.execute(stands).scalars())


def _bought(card_id: int) -> Select[int, int]:
    return (
        select(t.Receipt.id, t.Receipt.created)
        .where(t.Receipt.card_id == card_id, t.BOUGHT)
        .order_by(t.Receipt.id.desc())
        .limit(_MOST_PURCHASES)
    )


def _day(at: int, definition: Definition) -> int:
    return datetime.fromtimestamp(at, definition.zone).toordinal()
