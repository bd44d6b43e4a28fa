"""How things beside the rules take part in a receipt: coupons, promo codes, rewards, paying with points.

A mechanism is asked before anything is written: its preview reads and says, as a `Move`, what it takes off the bill,
what it posts, and what it will do. Only when the receipt is posted are its acts done, in the same transaction; each
returns an effect, which the receipt keeps, and which the mechanism of that kind takes back when the receipt is undone.
A refusal is a `PassesError` with the field; the receipt then changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ..store import Connection
from . import spending
from .moves import Effect, Move
from .orders import Case

Preview = Callable[[Connection, Case, int], Move | None]
"""Given the case and what is left of the bill."""

PREVIEWS: tuple[Preview, ...] = (spending.pay, spending.reward, spending.adjust)
"""In the order in which they take from the bill."""
UNDO: Mapping[str, Callable[[Connection, Effect, int], None]] = {}
"""By the kind of an effect."""


def preview(tx: Connection, case: Case) -> list[Move]:
    """What every mechanism would do, in their order."""
    moves, left = [], case.order.total
    for each in PREVIEWS:
        if (move := each(tx, case, left)) is not None:
            moves.append(move)
            left = max(0, left - move.discount)
    return moves


def undo(tx: Connection, effects: Iterable[Effect], now: int) -> None:
    """Take the effects back, the last first."""
    for effect in reversed(list(effects)):
        if effect["kind"] in UNDO:
            UNDO[effect["kind"]](tx, effect, now)
