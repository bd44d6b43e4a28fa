"""The reward catalogue: what stands between a member and a reward, and how a limited one is taken.

Whoever comes second to the last piece is refused before anything is written, so nothing is lost to them. A
limited reward that runs out, or is there again, changes every card that shows it.
"""

from __future__ import annotations

from typing import Any

from . import programmes, stock
from .card import Reward, why_not
from .cards import Held
from .errors import Conflict, LimitReached, NotFound, OutOfStock
from .programmes import Programme
from .store import Connection


class RewardNotYours(Conflict):
    """Not for this member, or not now; the sentence says which."""

    code = "reward_not_available"


def preview(tx: Connection, programme: Programme, held: Held, key: str, now: int) -> Reward:
    """The reward, if this member can have it; its cost is the ledger's affair. Nothing is written."""
    reward = next((reward for reward in programme.promise.rewards if reward.key == key), None)
    if reward is None:
        raise NotFound(f"This programme has no reward “{key[:40]}”.", field="reward")
    gone = had = 0
    if reward.stock is not None:
        gone = stock.gone(tx, programme.id, _thing(key))
    if reward.per_member is not None:
        had = stock.gone(tx, programme.id, _thing(key), held.id)
    if why := why_not(reward, held.row.tier, gone, had, now):
        raise _refusal(reward, why)
    return reward


def apply(tx: Connection, programme: Programme, held: Held, reward: Reward, now: int) -> dict[str, Any]:
    """Take it; what `undo` needs to know."""
    thing = _thing(reward.key)
    if reward.per_member is not None and not stock.take(tx, programme.id, thing, reward.per_member, held.id):
        raise _refusal(reward, "limit")
    if reward.stock is not None:
        if not stock.take(tx, programme.id, thing, reward.stock):
            raise _refusal(reward, "stock")
        if stock.gone(tx, programme.id, thing) == reward.stock:
            programmes.changed(tx, programme.id, now)
    limits = {"stock": reward.stock, "per_member": reward.per_member}
    return {"kind": "reward", "reward": reward.key, "programme": programme.id, "card": held.id, **limits}


def undo(tx: Connection, effect: dict[str, Any], now: int) -> None:
    """One more is there again."""
    programme_id, thing = effect["programme"], _thing(effect["reward"])
    if effect["per_member"] is not None:
        stock.give_back(tx, programme_id, thing, effect["card"])
    if effect["stock"] is not None:
        stock.give_back(tx, programme_id, thing)
        if stock.gone(tx, programme_id, thing) == effect["stock"] - 1:
            programmes.changed(tx, programme_id, now)


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
