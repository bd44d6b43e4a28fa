"""How many points a purchase earns: pure arithmetic, with its explanation.

A rule says so many points per so much money, and how a fraction is rounded; nothing else decides.
Every outcome carries the numbers it came from, so that anyone can compute it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Rounding = Literal["down", "nearest", "up"]


@dataclass(frozen=True)
class EarnRule:
    """`points` for every `per` of money (in the currency's smallest unit)."""

    points: int
    per: int
    rounding: Rounding = "down"


@dataclass(frozen=True)
class Earned:
    """Points and the arithmetic behind them."""

    points: int
    why: dict[str, Any]


def earn(rule: EarnRule, paid: int) -> Earned:
    """The points for `paid` money; never negative."""
    product = max(0, paid) * rule.points
    points = _divide(product, rule.per, rule.rounding)
    return Earned(points, {"paid": paid, "points": rule.points, "per": rule.per, "rounding": rule.rounding})


def _divide(product: int, per: int, rounding: Rounding) -> int:
    """Half goes up when rounding to the nearest."""
    if rounding == "down":
        return product // per
    if rounding == "up":
        return -(-product // per)
    return (2 * product + per) // (2 * per)
