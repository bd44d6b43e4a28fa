"""What a purchase earns: against fractions, and against tables computed by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passes.points.outcome import Issue, Note, Outcome, evaluate
from passes.points.rules import (
    BASKETS,
    MAIN,
    SPENT,
    Above,
    Baskets,
    Caps,
    Gift,
    Goal,
    Goods,
    Last,
    Line,
    Multiplier,
    Next,
    Prize,
    Purchase,
    Rounding,
    Rule,
    RuleSet,
    StampCard,
    Standing,
    When,
    moment,
)

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


# --- Hand-computed: a café in Warsaw, Monday 21 September 2026, 16:13 ---


def buys(
    rules: RuleSet, total: int = 0, *lines: Line, standing: Standing | None = None, **more: Any
) -> tuple[dict[str, int], Outcome]:
    """What each rule gives."""
    total = total or sum(line.price for line in lines)
    purchase = Purchase(NOON, total, more.pop("paid", total), lines, **more)
    outcome = evaluate(rules, purchase, standing or Standing())
    given: dict[str, int] = {}
    for grant in outcome.grants:
        given[grant.rule] = given.get(grant.rule, 0) + grant.amount
    return given, outcome


BASE = Rule("earn", MAIN, "money", 1, 100)
COFFEE, TEA, CUP = Line(1250, 1, "latte", "coffee"), Line(900, 2, "assam", "tea"), Line(3999, 1, "cup", "goods")


def test_the_clock_on_the_wall():
    assert (NOON.day, NOON.month, NOON.weekday, NOON.minute) == ("2026-09-21", "2026-09", 1, 16 * 60 + 13)


@pytest.mark.parametrize(
    ("percent", "rounding", "paid", "cents"),
    [
        (5, "down", 1999, 99),
        (5, "nearest", 1999, 100),
        (5, "up", 1999, 100),
        (5, "down", 19, 0),
        (5, "nearest", 10, 1),
        (5, "nearest", 9, 0),
        (5, "up", 1, 1),
        (3, "down", 33_33, 99),
        (3, "nearest", 33_33, 100),
        (7, "down", 100_00, 700),
        (7, "nearest", 12_34, 86),
        (1, "up", 99, 1),
    ],
)
def test_cashback_to_the_cent(percent: int, rounding: Rounding, paid: int, cents: int):
    given, _ = buys(RuleSet((Rule("earn", MAIN, "money", percent, 100, rounding),)), paid)
    assert given.get("earn", 0) == cents


@pytest.mark.parametrize(
    ("goods", "points"),
    [
        (Goods(), 61),
        (Goods(categories=frozenset({"coffee"})), 12),
        (Goods(skus=frozenset({"assam"})), 9),
        (Goods(categories=frozenset({"coffee"}), skus=frozenset({"cup"})), 52),
        (Goods(not_categories=frozenset({"goods"})), 21),
        (Goods(categories=frozenset({"coffee", "goods"}), not_skus=frozenset({"cup"})), 12),
        (Goods(categories=frozenset({"wine"})), 0),
    ],
)
def test_only_the_goods_that_are_meant(goods: Goods, points: int):
    rules = RuleSet((replace(BASE, goods=goods),))
    assert sum(buys(rules, 0, COFFEE, TEA, CUP)[0].values()) == points


def test_a_discount_lies_on_all_lines_alike():
    rules = RuleSet((replace(BASE, goods=Goods(categories=frozenset({"goods"}))),))
    assert buys(rules, 6149, COFFEE, TEA, CUP, paid=3074)[0] == {"earn": 3999 * 3074 // 6149 // 100}


def test_a_bill_without_lines_has_all_goods_but_none_that_is_named():
    assert buys(RuleSet((replace(BASE, goods=Goods(not_skus=frozenset({"cup"}))),)), 1000)[0] == {"earn": 10}
    assert buys(RuleSet((replace(BASE, goods=Goods(skus=frozenset({"cup"}))),)), 1000)[0] == {}


def test_items_visits_and_events_count_too():
    rules = RuleSet(
        (
            Rule("tea", MAIN, "item", 5, 1, goods=Goods(categories=frozenset({"tea"}))),
            Rule("visit", MAIN, "visit", 10, 1),
            Rule("review", MAIN, "event", 30, 1, when=When(event="review")),
        )
    )
    assert buys(rules, 0, COFFEE, TEA)[0] == {"tea": 10, "visit": 10}
    assert buys(rules, event="review")[0] == {"review": 30}
    assert buys(rules, event="visit")[0] == {"visit": 10}


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        (When(min_total=1000), True),
        (When(min_total=1001), False),
        (When(weekdays=frozenset({1})), True),
        (When(weekdays=frozenset({2, 7})), False),
        (When(from_minute=16 * 60, until_minute=17 * 60), True),
        (When(from_minute=17 * 60, until_minute=16 * 60), False),
        (When(from_minute=22 * 60, until_minute=16 * 60 + 14), True),
        (When(from_minute=22 * 60, until_minute=16 * 60 + 13), False),
        (When(starts=NOON.at), True),
        (When(starts=NOON.at + 1), False),
        (When(ends=NOON.at + 1), True),
        (When(ends=NOON.at), False),
        (When(tiers=frozenset({"gold"})), True),
        (When(tiers=frozenset({"silver"})), False),
        (When(locations=frozenset({"Main street"})), True),
        (When(locations=frozenset({"Airport"})), False),
        (When(birthday_month=True), True),
        (When(member_paid=True), False),
        (When(first_purchase=True), False),
        (When(next_within=Next(14, 5000)), True),
        (When(next_within=Next(14, 5001)), False),
        (When(next_within=Next(13, 5000)), False),
        (When(above_own_average=Above(250, 3)), True),
        (When(above_own_average=Above(251, 3)), False),
        (When(above_own_average=Above(100, 4)), False),
    ],
)
def test_when_a_rule_holds(when: When, holds: bool):
    last, baskets = Last(NOON.ordinal - 14, 5000), Baskets(3, 1199)
    standing = Standing(tier="gold", last=last, birth_month=9, baskets=baskets)
    given, _ = buys(RuleSet((replace(BASE, when=when),)), 1000, standing=standing, location="Main street")
    assert bool(given) == holds


def test_a_first_purchase_is_the_first_and_a_purchase():
    rules = RuleSet((Rule("hello", MAIN, "visit", 50, 1, when=When(first_purchase=True)),))
    assert buys(rules, 1)[0] == {"hello": 50}
    assert buys(rules, event="visit")[0] == {}
    assert buys(rules, 1, standing=Standing(last=Last(1, 1)))[0] == {}


@given(percent=st.integers(100, 1000), totals=st.lists(st.integers(1, 10**9), min_size=1, max_size=20))
def test_a_step_is_the_smallest_bill_that_is_enough_and_never_below_the_average(percent: int, totals: list[int]):
    exact = Fraction(percent, 100) * Fraction(sum(totals), len(totals))
    above = Above(percent, len(totals))
    threshold = above.threshold(Baskets(len(totals), sum(totals)))
    assert threshold is not None and threshold - 1 < exact <= threshold
    assert threshold * len(totals) >= sum(totals)
    assert above.threshold(Baskets(len(totals) - 1, sum(totals))) is None and above.threshold(None) is None


def test_baskets_are_counted_where_a_rule_asks_for_their_average_and_only_there():
    rule = Rule("more", MAIN, "visit", 50, 1, when=When(above_own_average=Above(120, 2)))
    given, outcome = buys(RuleSet((rule,)), 700, standing=Standing(baskets=Baskets(2, 1000)))
    assert given == {"more": 50} and outcome.counts == {BASKETS: 1, SPENT: 700}
    assert outcome.grants[0].why["threshold"] == 600
    assert buys(RuleSet((rule,)), 0, event="review")[1].counts == {}
    assert buys(RuleSet((BASE,)), 700)[1].counts == {}


DOUBLE, HALF_MORE = Multiplier("double", MAIN, 200), Multiplier("more", MAIN, 150)
ON_COFFEE = Multiplier("coffee", MAIN, 300, Goods(categories=frozenset({"coffee"})))


@pytest.mark.parametrize(
    ("stack", "multipliers", "points"),
    [
        ("best", (DOUBLE,), 42),
        ("best", (DOUBLE, HALF_MORE), 42),
        ("all", (DOUBLE, HALF_MORE), 63),
        ("all", (HALF_MORE, HALF_MORE), 21 + 10 + 15),
        ("best", (ON_COFFEE,), 21 + 2 * (21 * 1250 // 2150)),
        ("best", (ON_COFFEE, DOUBLE), 21 + 2 * (21 * 1250 // 2150)),
        ("best", (replace(DOUBLE, unit="miles"),), 21),
        ("best", (replace(DOUBLE, when=When(weekdays=frozenset({7}))),), 21),
    ],
)
def test_multipliers(stack: Literal["best", "all"], multipliers: tuple[Multiplier, ...], points: int):
    given, outcome = buys(RuleSet((BASE,), multipliers, stack), 0, COFFEE, TEA)
    assert given == {"earn": points}
    why = outcome.grants[0].why
    assert why.get("base", points) + sum(times["extra"] for times in why.get("times", [])) == points


@pytest.mark.parametrize(
    ("caps", "counts", "points", "cap"),
    [
        (Caps(receipt=30), {}, 30, "receipt"),
        (Caps(day=50), {("rule:earn", "2026-09-21"): 20}, 30, "day"),
        (Caps(day=50), {("rule:earn", "2026-09-20"): 50}, 42, None),
        (Caps(month=100), {("rule:earn", "2026-09"): 99}, 1, "month"),
        (Caps(ever=100), {("rule:earn", ""): 100}, 0, "ever"),
        (Caps(receipt=40, day=30, month=35), {}, 30, "day"),
        (Caps(ever=10), {("rule:earn", ""): 11}, 0, "ever"),
    ],
)
def test_caps(caps: Caps, counts: dict[tuple[str, str], int], points: int, cap: str | None):
    given, outcome = buys(RuleSet((replace(BASE, caps=caps),)), 4200, standing=Standing(counts=counts))
    assert given.get("earn", 0) == points
    assert [(note.cap, note.lost) for note in outcome.notes[-1:]] == ([(cap, 42 - points)] if cap else [])
    assert set(outcome.counts.values()) <= {points}


def test_every_so_much_spent_gives_something_once_each():
    """499.99 and 0.01: exactly one voucher."""
    rules = RuleSet(goals=(Goal("voucher", "spend", 500_00, Gift(coupon="ten-off"), repeats=True),))
    _, first = buys(rules, 499_99)
    assert first.issues == () and first.counts == {("goal:voucher", ""): 499_99}
    _, second = buys(rules, 1, standing=Standing(counts=first.counts))
    assert second.issues == (Issue("ten-off", 1, "voucher"),)
    _, third = buys(rules, 1000_00, standing=Standing(counts={("goal:voucher", ""): 500_00, GIVEN: 1}))
    assert third.issues == (Issue("ten-off", 2, "voucher"),)


@pytest.mark.parametrize(("used", "given"), [(0, 3), (1, 2), (3, 0), (4, 0)])
def test_no_coupon_is_given_to_whoever_may_not_use_it_any_more(used: int, given: int):
    gift = Gift(coupon="ten-off", per_member=3)
    rules = RuleSet(goals=(Goal("voucher", "spend", 500_00, gift, repeats=True),))
    _, outcome = buys(rules, 1500_00, standing=Standing(used={"ten-off": used, "cookie": 9}))
    assert sum(issue.times for issue in outcome.issues) == given and rules.asks_used == {"ten-off"}
    assert outcome.notes == ((Note("voucher", "member", 3, 3 - given),) if given < 3 else ())


GIVEN = ("goal:voucher:given", "")


def test_without_carrying_over_what_is_above_is_lost():
    rules = RuleSet(goals=(Goal("voucher", "spend", 500, Gift(MAIN, 7), repeats=True, carry_over=False),))
    given, outcome = buys(rules, 1700)
    assert given == {"voucher": 7} and outcome.counts == {("goal:voucher", ""): 500, GIVEN: 1}


def test_what_came_back_must_be_spent_anew_before_it_gives_again():
    rules = RuleSet(goals=(Goal("voucher", "spend", 500, Gift(MAIN, 7), repeats=True),))
    standing = Standing(counts={("goal:voucher", ""): 300, GIVEN: 1})
    assert buys(rules, 400, standing=standing)[0] == {}
    assert buys(rules, 700, standing=standing)[0] == {"voucher": 7}


def test_a_challenge_is_won_once():
    rules = RuleSet(goals=(Goal("five", "visits", 2, Gift(MAIN, 100)),))
    assert buys(rules, 1, standing=Standing(counts={("goal:five", ""): 1}))[0] == {"five": 100}
    won = Standing(counts={("goal:five", ""): 2, ("goal:five:given", ""): 1})
    assert buys(rules, 1, standing=won)[0] == {}


STAMP = Rule("stamp", "stamps", "item", 1, 1, goods=Goods(categories=frozenset({"coffee"})))
PRIZES = (Prize(3, Gift(coupon="cookie")), Prize(10, Gift(coupon="coffee")))


@pytest.mark.parametrize(
    ("filled", "coffees", "carry", "stamps", "used", "coupons"),
    [
        (0, 1, True, 1, 0, {}),
        (2, 1, True, 1, 0, {"cookie": 1}),
        (9, 1, True, 1, 10, {"coffee": 1}),
        (8, 4, True, 4, 10, {"coffee": 1}),
        (8, 5, True, 5, 10, {"coffee": 1, "cookie": 1}),
        (8, 5, False, 2, 10, {"coffee": 1}),
        (0, 23, True, 23, 20, {"cookie": 3, "coffee": 2}),
    ],
)
def test_stamp_cards(filled: int, coffees: int, carry: bool, stamps: int, used: int, coupons: dict[str, int]):
    rules = RuleSet((STAMP,), stamps=StampCard("stamps", "stamps", 10, PRIZES, carry))
    line = Line(1250 * coffees, coffees, "latte", "coffee")
    given, outcome = buys(rules, 0, line, standing=Standing(stamps=filled))
    assert (given, outcome.used) == ({"stamp": stamps}, used)
    assert {issue.coupon: issue.times for issue in outcome.issues} == coupons


@pytest.mark.parametrize(("filled", "prizes"), [(7, 0), (8, 1), (9, 1), (16, 1), (17, 2), (26, 3)])
def test_a_card_that_is_full_by_smaller_rules_brings_its_prize(filled: int, prizes: int):
    rules = RuleSet((STAMP,), stamps=StampCard("stamps", "stamps", 9, (Prize(9, Gift("points", 1)),)))
    given, outcome = buys(rules, 0, Line(0, 1, "latte", "coffee"), standing=Standing(stamps=filled))
    assert given.get("stamps", 0) == prizes and outcome.used == 9 * prizes


def test_what_one_receipt_cannot_bring_of_coupons_is_told_and_points_are_not_cut():
    prizes = (Prize(5, Gift("points", 7)), Prize(10, Gift(coupon="coffee")))
    rules = RuleSet((STAMP,), stamps=StampCard("stamps", "stamps", 10, prizes))
    given, outcome = buys(rules, 0, Line(0, 255, "latte", "coffee"))
    assert given == {"stamp": 255, "stamps": 26 * 7} and outcome.used == 250
    assert [(issue.coupon, issue.times) for issue in outcome.issues] == [("coffee", 20)]
    assert outcome.notes == (Note("stamps", "gifts", 20, 5),)


@given(st.integers(0, 9), st.integers(1, 40), st.integers(1, 40))
def test_stamps_at_once_or_one_after_the_other_are_the_same(filled: int, one: int, other: int):
    rules = RuleSet((STAMP,), stamps=StampCard("stamps", "stamps", 10, PRIZES))

    def after(filled: int, coffees: int) -> tuple[int, int]:
        _, outcome = buys(rules, 0, Line(1, coffees, "latte", "coffee"), standing=Standing(stamps=filled))
        return filled + coffees - outcome.used, sum(issue.times for issue in outcome.issues)

    left, prizes = after(filled, one)
    end, more = after(left, other)
    assert (end, prizes + more) == after(filled, one + other)
