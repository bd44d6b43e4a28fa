"""Paying with points, behind the card's PIN where it has one, and what staff give or take by hand."""

from __future__ import annotations

from .. import cardpins, giftcards
from ..errors import BadInput
from ..store import Connection
from .discounts import Bill
from .moves import Move
from .orders import Case
from .purses import MEMBER, Draft


def refuse_without_pin(tx: Connection, case: Case, left: Bill) -> Move | None:
    """A card that has a PIN spends with it alone."""
    order = case.order
    if (order.redeem or order.reward or order.transfer) and not order.proved and cardpins.has_one(tx, case.held):
        raise cardpins.PinNeeded("This card has a PIN; send it along.", field="pin")
    return None


def pay(tx: Connection, case: Case, left: Bill) -> Move | None:
    """Points as money, at their worth, as far as the programme allows."""
    redeem, worth = case.order.redeem, case.definition.worth
    if not redeem:
        return None
    policy = case.definition.redeem_policy
    if redeem < policy.least:
        raise BadInput(f"Paying with points begins at {policy.least}.", field="redeem")
    if redeem % policy.step:
        raise BadInput(f"Points pay in steps of {policy.step}.", field="redeem")
    if case.order.total and worth:
        most = left.total * policy.share_percent // 100 // worth // policy.step * policy.step
        if redeem > most:
            raise BadInput(
                f"{redeem} points are worth more than may be paid with points; at most {most}.", field="redeem"
            )
    draft = Draft("redeem", MEMBER, "spent", redeem, {"worth_of_one": worth})
    return Move(discount=redeem * worth, drafts=(draft,))


def adjust(tx: Connection, case: Case, left: Bill) -> Move | None:
    """What staff give (above zero) or take of a unit; nobody decides here whether they may."""
    amount, why, definition = case.order.adjust, {"reason": case.order.reason}, case.definition
    if not amount:
        return None
    unit = definition.short(case.order.unit)
    if unit not in definition.expiries:
        raise BadInput(f"This programme does not count in {unit[:20]}.", field="unit")
    if amount > 0:
        if not unit:
            giftcards.refuse_too_much(case, amount)
        ends = definition.ends(unit, case.now)
        return Move(drafts=(Draft("adjust", "adjusted", MEMBER, amount, why, ends, unit=unit),))
    return Move(drafts=(Draft("adjust", MEMBER, "adjusted", -amount, why, unit=unit),))
