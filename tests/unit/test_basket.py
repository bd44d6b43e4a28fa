"""A bill that was typed in, as lines: stamps are earned by the programme's own rules, and by nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passes.basket import ANYTHING, Piece, lines, needs_price, stamping
from passes.definition import Definition
from passes.points.rules import Goods

COFFEE, CAKE = Goods(frozenset({"coffee"})), Goods(skus=frozenset({"cheesecake"}))
BY_VISIT: dict[str, Any] = {"key": "visit", "measure": "visit", "amount": 1}
BY_COFFEE: dict[str, Any] = {"key": "coffee", "measure": "item", "amount": 1, "goods": {"categories": ["coffee"]}}
STAMP_CARD: dict[str, Any] = {"kind": "stamps", "unit": "stamps", "earn": {"points": 0}}


def promise(**parts: Any) -> Definition:
    return Definition.model_validate({"key": "cafe", "name": {"en": "Café"}, "look": "cafe", **parts})


def test_a_stamp_card_of_visits_gives_one_at_a_time_and_leads() -> None:
    found = stamping(promise(**STAMP_CARD, rules=[BY_VISIT]))
    assert found and (found.unit, found.kind, found.goods, found.most, found.leads) == ("", "stamps", None, 1, True)


def test_a_stamp_card_of_coffees_gives_several() -> None:
    found = stamping(promise(**STAMP_CARD, rules=[BY_COFFEE]))
    assert found and found.goods == COFFEE and found.most == 20 and found.leads


def test_stamps_beside_points_are_found_before_points_for_a_visit() -> None:
    units = [{"key": "stamps", "kind": "stamps"}]
    found = stamping(promise(units=units, rules=[BY_VISIT, BY_COFFEE | {"unit": "stamps"}]))
    assert found and (found.unit, found.goods, found.leads) == ("stamps", COFFEE, True)


def test_where_money_brings_stamps_the_bill_leads() -> None:
    found = stamping(promise(kind="stamps", unit="stamps", rules=[BY_VISIT]))
    assert found and not found.leads


@pytest.mark.parametrize(
    "rules",
    [
        [],
        [BY_VISIT | {"when": {"min_total": 1000}}],
        [BY_VISIT | {"when": {"first_purchase": True}}],
        [BY_COFFEE | {"when": {"event": "tasting"}}],
        [{"key": "review", "measure": "event", "amount": 5, "when": {"event": "review"}}],
        [{"key": "more", "amount": 5}],
    ],
)
def test_what_needs_a_bill_is_not_given_without_one(rules: list[Any]) -> None:
    assert stamping(promise(rules=rules)) is None


def test_a_task_of_visits_counts_them_without_a_bill() -> None:
    task = {"key": "five", "name": {"en": "Five visits"}, "target": 5, "give": {"amount": 10}}
    found = stamping(promise(challenges=[task]))
    assert found and found.kind == "visit" and found.most == 1 and not found.leads


def test_a_coupon_for_certain_goods_needs_their_price() -> None:
    free, tenth = {"free_item": True}, {"percent": 10}
    coffee = {"categories": ["coffee"]}
    kinds: list[dict[str, Any]] = [
        {"discount": free},
        {"discount": tenth, "goods": coffee},
        {"discount": tenth},
        {},
        {"goods": coffee},
    ]
    parts = [{"key": f"c{place}", "name": {"en": "C"}, **kind} for place, kind in enumerate(kinds)]
    assert [needs_price(part) for part in promise(coupons=parts).coupons] == [True, True, False, False, False]


def test_a_sum_alone_has_no_lines() -> None:
    assert lines(2450, None, [], 0) == () == lines(2450, COFFEE, [], 0)


def test_stamped_goods_have_their_line_and_the_rest_its_own() -> None:
    coffees = {"quantity": 3, "price": 0, "category": "coffee"}
    assert lines(0, COFFEE, [], 3) == (coffees,)
    assert lines(2450, COFFEE, [], 3) == (coffees, {"quantity": 1, "price": 2450})
    assert lines(2450, ANYTHING, [], 3) == ({"quantity": 3, "price": 2450},)


def test_what_a_coupon_gives_is_one_of_the_pieces() -> None:
    free = {"quantity": 1, "price": 1200, "category": "coffee"}
    assert lines(2450, COFFEE, [Piece(COFFEE, 1200)], 1) == (free, {"quantity": 1, "price": 1250})
    others = {"quantity": 2, "price": 0, "category": "coffee"}
    assert lines(1200, COFFEE, [Piece(COFFEE, 1200)], 3) == (free, others)
    assert lines(1200, None, [Piece(CAKE, 1200)], 0) == ({"quantity": 1, "price": 1200, "sku": "cheesecake"},)


@given(
    total=st.integers(0, 100_000),
    counted=st.sampled_from([None, COFFEE, CAKE, ANYTHING]),
    prices=st.lists(st.tuples(st.sampled_from([COFFEE, CAKE, ANYTHING]), st.integers(1, 5000)), max_size=3),
    number=st.integers(0, 20),
)
def test_lines_cost_what_the_bill_costs(
    total: int, counted: Goods | None, prices: list[tuple[Goods, int]], number: int
) -> None:
    pieces = [Piece(goods, price) for goods, price in prices]
    total += sum(piece.price for piece in pieces)
    made = lines(total, counted, pieces, number)
    assert not made or sum(line["price"] for line in made) == total
    assert all(line["quantity"] > 0 and line["price"] >= 0 for line in made)
