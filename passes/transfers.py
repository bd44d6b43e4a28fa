"""Money or visits from one card to another: one transaction over both, locked in one order everywhere.

Every amount keeps the end it had. Each card has a receipt of its own for it; a transfer is not reversed but
transferred back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select

from . import cards, giftcards
from .cards import Held
from .errors import BadInput, Conflict
from .points import receipts, spending
from .points.discounts import Bill
from .points.orders import Case, Order
from .points.plans import without_rules
from .points.purses import MEMBER, Draft
from .store import Connection
from .store import tables as t

_INCOMING = "~in"


def lock_both(tx: Connection, one: str, other: str) -> tuple[Held, Held]:
    """Both cards by their serials, locked in the order in which every transaction locks two."""
    serials = {cards.by_serial(tx, serial).id: serial for serial in (one, other)}
    if len(serials) < 2:
        raise BadInput("A card cannot transfer to itself.", field="to")
    held = {serials[id]: cards.by_serial(tx, serials[id], lock=True) for id in sorted(serials)}
    return held[one], held[other]


def transfer(tx: Connection, giver: Held, taker: Held, order: Order, now: int, staff: str = "") -> dict[str, Any]:
    """Move an amount from card to card, once. The caller holds both rows (see `lock_both`)."""
    if (earlier := receipts.earlier_answer(tx, giver, order)) is not None:
        return earlier.body
    for held in (giver, taker):
        held.refuse_unless_active()
    case = receipts.case_of(tx, giver, order, now)
    spending.refuse_without_pin(tx, case, Bill(0))
    _refuse_transfer(case, taker)
    out = Draft("transfer", MEMBER, "moved", order.transfer, {"to": taker.row.number[-4:]})
    told = receipts.conclude(tx, case, without_rules(case, (out,)), staff).body
    incoming = Order(f"{order.receipt}{_INCOMING}", transfer=order.transfer, other=giver.serial)
    theirs = receipts.case_of(tx, taker, incoming, now)
    giftcards.refuse_too_much(theirs, order.transfer)
    why = {"from": giver.row.number[-4:]}
    parts = [
        Draft("transfer", "moved", MEMBER, amount, why, expires) for expires, amount in _taken(tx, giver, order.receipt)
    ]
    receipts.conclude(tx, theirs, without_rules(theirs, tuple(parts)), staff)
    return told


def _refuse_transfer(case: Case, taker: Held) -> None:
    gift = case.definition.gift
    if case.definition.kind not in giftcards.KINDS or (gift is not None and not gift.transfer):
        raise Conflict("Cards of this programme cannot be transferred to others.", field="amount")
    if taker.row.programme_id != case.programme.id:
        raise Conflict("Both cards must be of one programme.", field="to")


def _taken(tx: Connection, giver: Held, receipt: str) -> Sequence[tuple[int | None, int]]:
    """What left the giver's card: amounts by the end they have."""
    query = (
        select(t.Lot.expires, func.sum(t.LotUse.amount))
        .join(t.LotUse, t.LotUse.lot_id == t.Lot.id)
        .join(t.Posting, t.Posting.id == t.LotUse.posting_id)
        .join(t.Receipt, t.Receipt.id == t.Posting.receipt_id)
        .where(t.Receipt.programme_id == giver.row.programme_id, t.Receipt.receipt == receipt)
        .group_by(t.Lot.expires)
        .order_by(t.Lot.expires.is_(None), t.Lot.expires)
    )
    return [(expires, int(amount)) for expires, amount in tx.execute(query)]
