"""How things beside the rules take part in a receipt: coupons, promo codes, rewards, paying with points.

A mechanism is asked before anything is written: its preview reads and says, as a `Move`, what it takes off the bill,
what it posts, and what it will do. Only when the receipt is posted are its acts done, in the same transaction; each
returns an effect, which the receipt keeps, and which the mechanism of that kind takes back when the receipt is undone.
A refusal is a `PassesError` with the field; the receipt then changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from .. import coupons, giftcards, promos, referrals, rewards
from ..store import Connection
from . import spending
from .discounts import Bill, Off
from .moves import Act, Effect, Move
from .orders import Case
from .outcome import Note, Outcome

Preview = Callable[[Connection, Case, Bill], Move | None]
"""Given the case and what is left of the bill."""

PREVIEWS: tuple[Preview, ...] = (
    spending.refuse_without_pin,
    coupons.redeem,
    promos.use,
    spending.pay,
    rewards.hand_out,
    spending.adjust,
    giftcards.top_up,
    referrals.notice,
)
"""In the order in which they take from the bill."""
UNDO: Mapping[str, Callable[[Connection, Effect, int], None]] = {
    "coupon": coupons.undo,
    "issue": coupons.take_back,
    "promo": promos.undo,
    "reward": rewards.undo,
    "referral": referrals.undo,
}
"""By the kind of an effect."""


def preview(tx: Connection, case: Case) -> tuple[list[Move], Bill]:
    """What every mechanism would do, in their order, and what is left of the bill."""
    moves: list[Move] = []
    left = Bill(case.order.total, case.order.goods)
    for each in PREVIEWS:
        if (move := each(tx, case, left)) is not None:
            moves.append(move)
            left = left.less(Off(move.discount, move.cuts))
    return moves, left


def gifts(tx: Connection, case: Case, outcome: Outcome) -> tuple[list[Act], list[Note]]:
    """The coupons that rules give, each of them an act, and those that cannot be had any more."""
    acts: list[Act] = []
    notes: list[Note] = []
    for issue in outcome.issues:
        left = coupons.left(tx, case.programme, issue.coupon, case.now)
        times = issue.times if left is None else min(issue.times, left)
        acts += [coupons.gift_if_any(case, issue.coupon, issue.rule)] * times
        if times < issue.times:
            notes.append(Note(issue.rule, "stock", times, issue.times - times))
    return acts, notes


def undo(tx: Connection, effects: Iterable[Effect], now: int) -> None:
    """Take the effects back, the last first."""
    for effect in reversed(list(effects)):
        if effect["kind"] in UNDO:
            UNDO[effect["kind"]](tx, effect, now)
