"""Promo codes: one word that many members may use, as often as it says, from when to when.

What a code gives is the programme's definition; what is used is counted by one conditional statement, in all and
for each member, within the receipt: a thousand members at once with a code for a hundred give exactly a hundred
discounts. Undoing a receipt gives its use back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import stock
from .cards import Held
from .definition import GivePart, PromoPart
from .errors import Conflict, LimitReached, NotFound, OutOfStock
from .points.discounts import Bill, Off, off
from .programmes import Programme
from .store import Connection


class PromoOver(Conflict):
    """The code is not yet, or no longer, taken."""

    code = "promo_over"


class PromoNotYours(Conflict):
    """The code is for members of another tier."""

    code = "promo_not_yours"


@dataclass(frozen=True)
class Found:
    """A code that this card may use, what it takes off the bill at hand and what it gives beside."""

    part: PromoPart
    off: Off
    give: GivePart | None


def used(tx: Connection, programme: Programme, part: PromoPart) -> int:
    """How often a code was used and not given back."""
    return stock.gone(tx, programme.id, _thing(part.key))


def preview(tx: Connection, programme: Programme, held: Held, code: str, bill: Bill, whole: int, now: int) -> Found:
    """What the code does for this card and bill, or why not; nothing is written."""
    known = code.strip().upper()
    part = next((part for part in programme.definition.promos if part.code == known), None)
    if part is None:
        raise NotFound("This programme has no such promo code.", field="promo")
    if part.starts is not None and now < part.starts:
        raise PromoOver(f"The promo code {part.code} is not taken yet.", field="promo")
    if part.ends is not None and part.ends <= now:
        raise PromoOver(f"The promo code {part.code} is over.", field="promo")
    if part.tiers and held.row.tier not in part.tiers:
        tiers = ", ".join(part.tiers)
        raise PromoNotYours(f"The promo code {part.code} is for members of these tiers: {tiers}.", field="promo")
    if part.total is not None and used(tx, programme, part) >= part.total:
        raise _used_up(part)
    if part.per_member is not None and stock.gone(tx, programme.id, _thing(part.key), held.id) >= part.per_member:
        raise _had(part)
    return Found(part, off(part.off, bill, whole, "promo"), part.give)


def apply(tx: Connection, programme: Programme, found: Found, held: Held) -> dict[str, Any]:
    """Use it within the receipt; what `undo` needs to know."""
    part, thing = found.part, _thing(found.part.key)
    if not stock.take(tx, programme.id, thing, _most(part.per_member), held.id):
        raise _had(part)
    if not stock.take(tx, programme.id, thing, _most(part.total)):
        raise _used_up(part)
    return {
        "kind": "promo",
        "promo": part.key,
        "programme": programme.id,
        "card": held.id,
        "discount": found.off.amount,
    }


def undo(tx: Connection, effect: dict[str, Any], now: int) -> None:
    """The use is there again."""
    thing = _thing(effect["promo"])
    stock.give_back(tx, effect["programme"], thing, effect["card"])
    stock.give_back(tx, effect["programme"], thing)


def _most(limit: int | None) -> int:
    return stock.NO_LIMIT if limit is None else limit


def _used_up(part: PromoPart) -> OutOfStock:
    return OutOfStock(f"The promo code {part.code} was for {part.total} uses, and all are used.", field="promo")


def _had(part: PromoPart) -> LimitReached:
    return LimitReached(f"One member may use the promo code {part.code} {part.per_member} times.", field="promo")


def _thing(key: str) -> str:
    return f"promo:{key}"
