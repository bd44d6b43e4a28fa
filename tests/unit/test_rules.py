"""How many points a purchase earns, against fractions."""

from __future__ import annotations

import math
from fractions import Fraction
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from passes.points.rules import MAIN, Outcome, Purchase, Rounding, Rule, RuleSet, Standing, evaluate, moment

NOON = moment(1_790_000_000, ZoneInfo("Europe/Warsaw"))
amounts = st.integers(0, 10_000_000)
rules = st.builds(
    Rule,
    st.just("earn"),
    st.just(MAIN),
    st.just("money"),
    amounts,
    st.integers(1, 10_000_000),
    st.sampled_from(["down", "nearest", "up"]),
)


def earned(rule: Rule, paid: int) -> Outcome:
    return evaluate(RuleSet((rule,)), Purchase(NOON, max(0, paid), paid), Standing())


def points(outcome: Outcome) -> int:
    return sum(grant.amount for grant in outcome.grants)


def expected(exact: Fraction, rounding: Rounding) -> int:
    match rounding:
        case "down":
            return math.floor(exact)
        case "up":
            return math.ceil(exact)
        case "nearest":
            return math.floor(exact + Fraction(1, 2))


@given(rules, amounts)
def test_points_are_the_rounded_fraction_and_say_why(rule: Rule, paid: int):
    outcome = earned(rule, paid)
    assert points(outcome) == expected(Fraction(paid * rule.amount, rule.per), rule.rounding)
    numbers = {"paid": paid, "points": rule.amount, "per": rule.per, "rounding": rule.rounding, "rule": "earn"}
    assert [grant.why for grant in outcome.grants] == ([numbers] if points(outcome) else [])


@given(rules, st.integers(-10_000_000, 0))
def test_nothing_paid_earns_nothing(rule: Rule, paid: int):
    assert points(earned(rule, paid)) == 0


@given(rules, amounts, amounts)
def test_paying_more_never_earns_less(rule: Rule, paid: int, more: int):
    assert points(earned(rule, paid)) <= points(earned(rule, paid + more))
