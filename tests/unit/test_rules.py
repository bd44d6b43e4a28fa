"""How many points a purchase earns, against fractions."""

from __future__ import annotations

import math
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from passes.points.rules import EarnRule, Rounding, earn

amounts = st.integers(0, 10_000_000)
rules = st.builds(EarnRule, amounts, st.integers(1, 10_000_000), st.sampled_from(["down", "nearest", "up"]))


def expected(exact: Fraction, rounding: Rounding) -> int:
    match rounding:
        case "down":
            return math.floor(exact)
        case "up":
            return math.ceil(exact)
        case "nearest":
            return math.floor(exact + Fraction(1, 2))


@given(rules, amounts)
def test_points_are_the_rounded_fraction_and_say_why(rule: EarnRule, paid: int):
    earned = earn(rule, paid)
    assert earned.points == expected(Fraction(paid * rule.points, rule.per), rule.rounding)
    assert earned.why == {"paid": paid, "points": rule.points, "per": rule.per, "rounding": rule.rounding}


@given(rules, st.integers(-10_000_000, 0))
def test_nothing_paid_earns_nothing(rule: EarnRule, paid: int):
    assert earn(rule, paid).points == 0


@given(rules, amounts, amounts)
def test_paying_more_never_earns_less(rule: EarnRule, paid: int, more: int):
    assert earn(rule, paid).points <= earn(rule, paid + more).points
