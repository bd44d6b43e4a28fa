"""Gives what referrals bring, and takes it back: a worker's round over those that are due.

Two cards are two locks, taken in one order and never at a till. Each gift has a receipt of its own, numbered after the
referral, so that nothing is given twice however often a worker dies in between. Before anything is given, the two are
compared once more: a contact, or a phone that both are on, may have been added since the friend joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import func, select, update

from . import cards, coupons, programmes, referrals
from .cards import Held
from .definition import GivePart
from .errors import NotFound
from .points import receipts, returns
from .points.orders import Order
from .points.plans import without_rules
from .points.purses import MEMBER, Draft
from .referrals import Contacts
from .store import Connection, Row, Store
from .store import tables as t

LIMIT = 50


def settle(store: Store, contacts: Contacts, now: int, limit: int = LIMIT) -> int:
    """One round; how many referrals were looked at, so that the caller knows whether to rest."""
    with store.reading() as tx:
        query = select(t.Referral.id, t.Referral.referrer_id, t.Referral.friend_id).where(t.Referral.due <= now)
        due: Sequence[Row] = tx.execute(query.order_by(t.Referral.due, t.Referral.id).limit(limit)).all()
    for row in due:
        with store.transaction() as tx:
            _settle(tx, row, contacts, now)
    return len(due)


def next_due(tx: Connection) -> int | None:
    return tx.execute(select(func.min(t.Referral.due)).where(t.Referral.due.is_not(None))).scalar()


def _settle(tx: Connection, which: Row, contacts: Contacts, now: int) -> None:
    # The cards first, as every till does; only then the referral, which a till may be changing.
    held = {id: _held(tx, id) for id in sorted((which.referrer_id, which.friend_id))}
    row = tx.execute(select(t.Referral).where(t.Referral.id == which.id).with_for_update()).one()
    if row.due is None:
        return
    referrer, friend = held[row.referrer_id], held[row.friend_id]
    programme = programmes.get(tx, row.programme_id)
    if row.state == "returned":
        for one, role in ((referrer, "referrer"), (friend, "friend")):
            _take(tx, one, _number(row, role), now)
        _set(tx, row.id, "joined")
    elif why := referrals.refusal(tx, programme, referrer.row, friend.row, contacts):
        _set(tx, row.id, "refused", why)
    else:
        part = programme.definition.referral
        assert part is not None
        for one, role, gift in ((referrer, "referrer", part.give), (friend, "friend", part.friend)):
            if gift is not None and one.row.status == "active":
                _give(tx, one, role, gift, _number(row, role), now)
        _set(tx, row.id, "paid")


def _give(tx: Connection, held: Held, role: str, gift: GivePart, number: str, now: int) -> None:
    case = receipts.case_of(tx, held, Order(number, event="referral"), now)
    if gift.coupon is not None:
        plan = without_rules(case, ())
        plan = replace(plan, acts=(coupons.gift_if_any(case, gift.coupon, "referral"),))
    else:
        unit = case.definition.short(gift.unit)
        ends = case.definition.ends(unit, now)
        draft = Draft("referral", "referred", MEMBER, gift.amount, {"referral": role}, ends, unit=unit)
        plan = without_rules(case, (draft,))
    receipts.conclude(tx, case, plan, "")


def _take(tx: Connection, held: Held, number: str, now: int) -> None:
    """What is still there of a gift; what was spent of it is forgiven."""
    try:
        original = receipts.find(tx, number, held.row.programme)
    except NotFound:
        return
    if original.reversed_by is None:
        returns.reverse(tx, held, original, f"{number}~returned", now, forgives=True)


def _number(row: Row, role: str) -> str:
    return f"referral-{row.id}-{row.turn}-{role}"


def _held(tx: Connection, card_id: int) -> Held:
    held = cards.find(tx, "id", card_id, lock=True)
    assert held is not None
    return held


def _set(tx: Connection, id: int, state: str, why: str | None = None) -> None:
    tx.execute(update(t.Referral).where(t.Referral.id == id).values(state=state, why=why, due=None))
