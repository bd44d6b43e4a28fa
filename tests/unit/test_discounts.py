"""What comes off a bill, by tables counted by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passes.errors import BadInput
from passes.points.discounts import Bill, Discount, DoesNotFit, Off, off, spread
from passes.points.rules import Goods, Line

LATTE = Line(1800, 2, "latte", "coffee")
BEANS = Line(4500, 1, "beans", "coffee")
CAKE = Line(1250, 1, "cheesecake", "cake")
BILL = Bill(7550, (LATTE, BEANS, CAKE))


def goods(**names: str) -> Goods:
    return Goods(**{kind: frozenset({name}) for kind, name in names.items()})


def taken(discount: Discount, bill: Bill = BILL) -> Off:
    return off(discount, bill, bill.total)


@pytest.mark.parametrize(
    ("discount", "amount", "cuts"),
    [
        (Discount(percent=10), 755, (180, 450, 125)),
        (Discount(percent=10, most=500), 500, (119, 298, 83)),
        (Discount(percent=15, goods=goods(categories="cake")), 187, (0, 0, 187)),
        (Discount(percent=100), 7550, (1800, 4500, 1250)),
        (Discount(percent=50, goods=goods(categories="coffee", not_skus="beans")), 900, (900, 0, 0)),
        (Discount(money=1000), 1000, (238, 596, 166)),
        (Discount(money=5000, goods=goods(skus="cheesecake")), 1250, (0, 0, 1250)),
        (Discount(money=1000, goods=goods(not_categories="coffee")), 1000, (0, 0, 1000)),
        # Two lattes for 18.00: one of them costs 9.00, which is less than the cake.
        (Discount(free_item=True), 900, (900, 0, 0)),
        (Discount(free_item=True, goods=goods(categories="cake"), most=1000), 1000, (0, 0, 1000)),
        (Discount(), 0, (0, 0, 0)),
    ],
)
def test_what_comes_off(discount: Discount, amount: int, cuts: tuple[int, ...]) -> None:
    assert taken(discount) == Off(amount, cuts)
    left = BILL.less(taken(discount))
    assert left.total == BILL.total - amount == sum(line.price for line in left.lines)


def test_without_lines_only_the_whole_bill_can_be_cheaper() -> None:
    assert taken(Discount(percent=20), Bill(999)) == Off(199)
    assert taken(Discount(money=5000), Bill(999)) == Off(999)
    assert Bill(999).less(Off(199)) == Bill(800)
    for discount in (Discount(free_item=True), Discount(money=1, goods=goods(skus="latte"))):
        with pytest.raises(BadInput, match="lines") as refused:
            taken(discount, Bill(999))
        assert refused.value.field == "lines"


def test_a_bill_that_does_not_fit_is_told_why() -> None:
    with pytest.raises(DoesNotFit, match="2450 are missing"):
        taken(Discount(percent=10, min_total=10_000))
    with pytest.raises(DoesNotFit, match="Nothing on this bill"):
        taken(Discount(percent=10, goods=goods(categories="books")))
    assert taken(Discount(percent=10, min_total=7550)).amount == 755


def test_nothing_is_used_up_for_nothing() -> None:
    for bill in (Bill(0), Bill(9), Bill(9, (Line(9, 1),))):
        with pytest.raises(DoesNotFit, match="take nothing off"):
            taken(Discount(percent=10), bill)
    assert taken(Discount(percent=10), Bill(10)).amount == 1


def test_the_free_piece_is_never_a_line_that_costs_nothing() -> None:
    assert taken(Discount(free_item=True), Bill(500, (Line(0, 1), Line(500, 1)))) == Off(500, (0, 500))


def test_two_discounts_follow_each_other_and_the_second_sees_what_is_left() -> None:
    bill = Bill(2000, (Line(1000, 1, "a"), Line(1000, 1, "b")))
    left = bill.less(off(Discount(money=1000, goods=goods(skus="a")), bill, bill.total))
    second = off(Discount(percent=50, min_total=2000), left, bill.total)
    assert second == Off(500, (0, 500))
    with pytest.raises(DoesNotFit):
        off(Discount(free_item=True, goods=goods(skus="a")), left, bill.total)


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=20), st.data())
def test_shares_add_up_and_none_is_larger_than_its_line(weights: list[int], data: st.DataObject) -> None:
    amount = data.draw(st.integers(0, sum(weights)))
    shares = spread(amount, weights)
    assert sum(shares) == amount
    assert all(0 <= share <= weight for share, weight in zip(shares, weights, strict=True))
