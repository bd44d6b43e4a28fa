"""Promo codes: one word that many members may use, as often as it says, from when to when.

What a code gives is the programme's definition; what is used is counted by one conditional statement, in all and
for each member, within the receipt: a thousand members at once with a code for a hundred give exactly a hundred
discounts. Undoing a receipt gives its use back.
"""

from __future__ import annotations

from functools import partial

from . import coupons, stock
from .definition import PromoPart
from .errors import Conflict, LimitReached, NotFound, OutOfStock
from .points.discounts import Bill, off
from .points.moves import Act, Effect, Move
from .points.orders import Case
from .points.purses import MEMBER, Draft
from .programmes import Programme
from .store import Connection


class PromoOver(Conflict):
    """The code is not yet, or no longer, taken."""

    code = "promo_over"


class PromoNotYours(Conflict):
    """The code is for members of another tier."""

    code = "promo_not_yours"


def used(tx: Connection, programme: Programme, part: PromoPart) -> int:
    """How often a code was used and not given back."""
    return stock.gone(tx, programme.id, _thing(part.key))


def use(tx: Connection, case: Case, left: Bill) -> Move | None:
    """The receipt's promo code; nothing is written."""
    if not case.order.promo:
        return None
    part = _usable(tx, case, case.order.promo.strip().upper())
    taken = off(part.off, left, case.order.total, "promo")
    act = partial(_use, part, case, taken.amount)
    told = {"promo": {"promo": part.key, "discount": taken.amount}}
    drafts: tuple[Draft, ...] = ()
    acts: tuple[Act, ...] = (act,)
    if part.give is not None and part.give.coupon:
        coupons.refuse_useless(tx, case, part.give.coupon, "promo")
        acts = (act, coupons.gift(case, part.give.coupon, f"promo:{part.key}"))
    elif part.give is not None:
        unit = case.definition.short(part.give.unit)
        ends = case.definition.ends(unit, case.now)
        why = {"promo": part.key, "rule": f"promo:{part.key}", "gives": part.give.amount}
        drafts = (Draft("earn", "earned", MEMBER, part.give.amount, why, ends, unit=unit),)
    return Move(taken.amount, taken.cuts, drafts, acts, told)


def undo(tx: Connection, effect: Effect, now: int) -> None:
    """The use is there again."""
    thing = _thing(effect["promo"])
    stock.give_back(tx, effect["programme"], thing, effect["card"])
    stock.give_back(tx, effect["programme"], thing)


def _usable(tx: Connection, case: Case, code: str) -> PromoPart:
    """The promise behind the code, if this card may use it now."""
    part = next((part for part in case.definition.promos if part.code == code), None)
    if part is None:
        raise NotFound("This programme has no such promo code.", field="promo")
    if part.starts is not None and case.now < part.starts:
        raise PromoOver(f"The promo code {part.code} is not taken yet.", field="promo")
    if part.ends is not None and part.ends <= case.now:
        raise PromoOver(f"The promo code {part.code} is over.", field="promo")
    if part.tiers and case.place.tier not in part.tiers:
        tiers = ", ".join(part.tiers)
        raise PromoNotYours(f"The promo code {part.code} is for members of these tiers: {tiers}.", field="promo")
    programme_id, card_id, thing = case.programme.id, case.held.id, _thing(part.key)
    if part.total is not None and used(tx, case.programme, part) >= part.total:
        raise _used_up(part)
    if part.per_member is not None and stock.gone(tx, programme_id, thing, card_id) >= part.per_member:
        raise _had(part)
    return part


def _use(part: PromoPart, case: Case, discount: int, tx: Connection) -> Effect:
    programme_id, card_id, thing = case.programme.id, case.held.id, _thing(part.key)
    if not stock.take(tx, programme_id, thing, _most(part.per_member), card_id):
        raise _had(part)
    if not stock.take(tx, programme_id, thing, _most(part.total)):
        raise _used_up(part)
    return {"kind": "promo", "promo": part.key, "programme": programme_id, "card": card_id, "discount": discount}


def _most(limit: int | None) -> int:
    return stock.NO_LIMIT if limit is None else limit


def _used_up(part: PromoPart) -> OutOfStock:
    return OutOfStock(f"The promo code {part.code} was for {part.total} uses, and all are used.", field="promo")


def _had(part: PromoPart) -> LimitReached:
    return LimitReached(f"One member may use the promo code {part.code} {part.per_member} times.", field="promo")


def _thing(key: str) -> str:
    return f"promo:{key}"
