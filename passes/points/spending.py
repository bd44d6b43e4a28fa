"""Paying with points, taking a reward of the catalogue, and what staff give or take by hand."""

from __future__ import annotations

from ..errors import BadInput, NotFound
from ..store import Connection
from .ledger import MEMBER, Draft
from .moves import Move
from .orders import Case


def pay(tx: Connection, case: Case, left: int) -> Move | None:
    """Points as money, at their worth, as far as the programme allows."""
    redeem, worth = case.order.redeem, case.definition.worth_of_one
    if not redeem:
        return None
    policy = case.definition.redeem_policy
    if redeem < policy.least:
        raise BadInput(f"Paying with points begins at {policy.least}.", field="redeem")
    if redeem % policy.step:
        raise BadInput(f"Points pay in steps of {policy.step}.", field="redeem")
    if case.order.total and worth:
        most = left * policy.share_percent // 100 // worth // policy.step * policy.step
        if redeem > most:
            raise BadInput(
                f"{redeem} points are worth more than may be paid with points; at most {most}.", field="redeem"
            )
    draft = Draft("redeem", MEMBER, "spent", redeem, {"worth_of_one": worth})
    return Move(discount=redeem * worth, drafts=(draft,))


def reward(tx: Connection, case: Case, left: int) -> Move | None:
    """Something of the catalogue, for its cost."""
    if not case.order.reward:
        return None
    wanted = next((r for r in case.definition.rewards if r.key == case.order.reward), None)
    if wanted is None:
        raise NotFound(f"This programme has no reward “{case.order.reward[:40]}”.", field="reward")
    why = {"reward": wanted.key, "cost": wanted.cost}
    unit = case.definition.short(wanted.unit)
    return Move(drafts=(Draft("reward", MEMBER, "spent", wanted.cost, why, unit=unit),))


def adjust(tx: Connection, case: Case, left: int) -> Move | None:
    amount, why = case.order.adjust, {"reason": case.order.reason}
    if amount > 0:
        expires = case.definition.ends("", case.now)
        return Move(drafts=(Draft("adjust", "adjusted", MEMBER, amount, why, expires),))
    if amount < 0:
        return Move(drafts=(Draft("adjust", MEMBER, "adjusted", -amount, why),))
    return None
