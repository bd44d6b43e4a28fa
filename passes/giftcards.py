"""Stored value and prepaid visits: what is paid in, and how much a card may hold.

What is paid in is posted from outside like everything else, so the sum of all cards is the cash book's. How it leaves
a card is `points.spending`'s affair, how it moves to another one that of `transfers`.
"""

from __future__ import annotations

from .definition import Definition
from .errors import Conflict
from .points.discounts import Bill
from .points.moves import Move
from .points.orders import Case
from .points.purses import MEMBER, Draft
from .points.rules import MAIN
from .store import Connection

KINDS = ("gift", "visits")


class CardFull(Conflict):
    """It would hold more than a card of its programme may."""

    code = "card_full"


def top_up(tx: Connection, case: Case, left: Bill) -> Move | None:
    """What was paid in."""
    amount = case.order.top_up
    if not amount:
        return None
    definition = case.definition
    if definition.kind not in KINDS:
        raise Conflict("Only gift cards and prepaid visits are topped up; give points by hand instead.", field="amount")
    refuse_too_much(case, amount)
    draft = Draft("topup", "paid", MEMBER, amount, {"topup": amount}, definition.ends(MAIN, case.now))
    return Move(drafts=(draft,))


def refuse_too_much(case: Case, amount: int) -> None:
    refuse_overfull(case.definition, case.account.balance + amount)


def refuse_overfull(definition: Definition, would_hold: int, field: str = "amount") -> None:
    """A gift card holds no more than the programme allows; what other cards earn has no such end."""
    gift = definition.gift
    if definition.kind in KINDS and gift is not None and would_hold > gift.most:
        raise CardFull(f"A card of this programme holds at most {gift.most}.", field=field)
