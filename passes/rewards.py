"""The reward catalogue: what stands between a member and a reward, and how a limited one is taken.

Whoever comes second to the last piece is refused before anything is written, so nothing is lost to them. A
limited reward that runs out, or is there again, changes every card that shows it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from . import coupons, programmes, stock
from .card import Reward
from .drawing import why_not
from .errors import Conflict, LimitReached, NotFound, OutOfStock
from .points.discounts import Bill
from .points.moves import Act, Effect, Move
from .points.orders import Case
from .points.purses import MEMBER, Draft
from .store import Connection


class RewardNotYours(Conflict):
    """Not for this member, or not now; the sentence says which."""

    code = "reward_not_available"


def hand_out(tx: Connection, case: Case, left: Bill) -> Move | None:
    """The reward that is asked for, for its cost, if this member can have it; nothing is written."""
    key = case.order.reward
    if not key:
        return None
    part = next((part for part in case.definition.rewards if part.key == key), None)
    if part is None:
        raise NotFound(f"This programme has no reward “{key[:40]}”.", field="reward")
    reward, held = part.reward, case.held
    gone = stock.gone(tx, case.programme.id, _thing(key)) if reward.stock is not None else 0
    had = stock.gone(tx, case.programme.id, _thing(key), held.id) if reward.per_member is not None else 0
    if why := why_not(reward, case.place.tier, gone, had, case.now):
        raise _refusal(reward, why)
    draft = Draft("reward", MEMBER, "spent", reward.cost, {"reward": key, "cost": reward.cost})
    acts: list[Act] = [partial(_take, reward, case)] if reward.stock is not None or reward.per_member else []
    if part.coupon is not None:
        coupons.refuse_useless(tx, case, part.coupon, "reward")
        acts.append(coupons.gift(case, part.coupon, f"reward:{key}"))
    return Move(drafts=(replace(draft, unit=case.definition.short(part.unit)),), acts=tuple(acts))


def undo(tx: Connection, effect: Effect, now: int) -> None:
    """One more is there again."""
    programme_id, thing = effect["programme"], _thing(effect["reward"])
    if effect["per_member"] is not None:
        stock.give_back(tx, programme_id, thing, effect["card"])
    if effect["stock"] is not None:
        stock.give_back(tx, programme_id, thing)
        if stock.gone(tx, programme_id, thing) == effect["stock"] - 1:
            programmes.changed(tx, programme_id, now)


def _take(reward: Reward, case: Case, tx: Connection) -> Effect:
    thing, programme_id, card_id = _thing(reward.key), case.programme.id, case.held.id
    if reward.per_member is not None and not stock.take(tx, programme_id, thing, reward.per_member, card_id):
        raise _refusal(reward, "limit")
    if reward.stock is not None:
        if not stock.take(tx, programme_id, thing, reward.stock):
            raise _refusal(reward, "stock")
        if stock.gone(tx, programme_id, thing) == reward.stock:
            programmes.changed(tx, programme_id, case.now)
    limits = {"stock": reward.stock, "per_member": reward.per_member}
    return {"kind": "reward", "reward": reward.key, "programme": programme_id, "card": card_id, **limits}


def _thing(key: str) -> str:
    return f"reward:{key}"


def _refusal(reward: Reward, why: str) -> Conflict:
    name = f"The reward “{reward.key}”"
    match why:
        case "limit":
            return LimitReached(f"{name} is given {reward.per_member} times to one member.", field="reward")
        case "stock":
            return OutOfStock(f"{name} has run out; nothing was taken from the card.", field="reward")
        case "tier":
            tiers = ", ".join(reward.tiers)
            return RewardNotYours(f"{name} is for members of these tiers: {tiers}.", field="reward")
        case "later":
            return RewardNotYours(f"{name} is not given yet.", field="reward")
        case _:
            return RewardNotYours(f"{name} is not given any more.", field="reward")
