"""Gift cards and prepaid visits: paid in, spent in parts, moved, behind a PIN; and the cash book. On both databases."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, select

from passes import cardpins, cards, transfers
from passes.cardpins import PinNeeded
from passes.errors import BadInput, Conflict, NotEnoughPoints, TooManyTries
from passes.points.orders import Order
from passes.store import tables as t
from tests.corner_shop import DAY, KEYS, CornerShop, together

GIFT: dict[str, Any] = {
    "kind": "gift",
    "unit": "money",
    "earn": {"points": 0},
    "worth_of_one": 0,
    "expire_days": None,
    "tiers": [],
    "rewards": [],
    "gift": {"most": 100_000},
}


@pytest.fixture
def shop(store_url: str) -> Iterator[CornerShop]:
    shop = CornerShop.open(store_url, **GIFT)
    yield shop
    assert shop.flaws() == []
    shop.close()


def moves(shop: CornerShop, giver: str, taker: str, amount: int, receipt: str = "") -> dict[str, Any]:
    order = Order(receipt or secrets.token_hex(6), transfer=amount, other=taker)
    with shop.store.transaction() as tx:
        return transfers.transfer(tx, *transfers.lock_both(tx, giver, taker), order, shop.now)


def cash_book(shop: CornerShop) -> int:
    """Paid in less spent, from the other side of the double entry."""
    with shop.store.reading() as tx:
        paid = tx.execute(select(func.sum(t.Posting.amount)).where(t.Posting.source == "paid")).scalar() or 0
        spent = tx.execute(select(func.sum(t.Posting.amount)).where(t.Posting.target == "spent")).scalar() or 0
        back = tx.execute(select(func.sum(t.Posting.amount)).where(t.Posting.source == "spent")).scalar() or 0
        return int(paid) - int(spent) + int(back)


def test_stored_money_is_spent_in_parts_and_never_ends(shop: CornerShop) -> None:
    anna = shop.joins()
    told = shop.posts(anna, top_up=10_000)
    assert told["entries"][0]["kind"] == "topup" and shop.lots(anna) == [(10_000, None)]
    spent = shop.posts(anna, "R1", total=3_250, redeem=3_250)
    assert (spent["effects"]["discount"], spent["balances"]["money"]) == (3_250, 6_750)
    with pytest.raises(BadInput, match="at most 1000"):
        shop.posts(anna, total=1_000, redeem=2_000)
    with pytest.raises(NotEnoughPoints, match="250 are missing"):
        shop.posts(anna, total=7_000, redeem=7_000)
    shop.now += 3000 * DAY
    shop.sweeps()
    shop.takes_back("R1")
    assert shop.balance(anna) == 10_000 == cash_book(shop)


def test_a_card_holds_no_more_than_is_allowed(shop: CornerShop) -> None:
    anna, boris = shop.joins("Anna"), shop.joins("Boris")
    shop.posts(anna, top_up=90_000)
    shop.posts(boris, top_up=20_000)
    by_hand: dict[str, Any] = {"adjust": 10_001, "reason": "a miscount"}
    for attempt in (
        lambda: shop.posts(anna, top_up=10_001),
        lambda: moves(shop, boris, anna, 10_001),
        lambda: shop.posts(anna, **by_hand),
        lambda: shop.quotes(anna, **by_hand),
    ):
        with pytest.raises(Conflict, match="at most 100000") as refusal:
            attempt()
        assert refusal.value.field == "amount"
    assert (shop.balance(anna), shop.balance(boris)) == (90_000, 20_000)
    shop.posts(anna, adjust=10_000, reason="a miscount")
    shop.posts(anna, adjust=-1, reason="another")
    assert shop.balance(anna) == 99_999


def test_concurrent_spends_never_go_below_zero(shop: CornerShop) -> None:
    anna = shop.joins()
    shop.posts(anna, top_up=5_000)
    outcomes = together(*(lambda: shop.posts(anna, total=1_000, redeem=1_000) for _ in range(12)))
    assert sum(isinstance(each, NotEnoughPoints) for each in outcomes) == 7
    assert shop.balance(anna) == 0 == cash_book(shop)


def test_money_moves_to_a_friend_once_and_the_other_way_at_the_same_time(shop: CornerShop) -> None:
    anna, boris = shop.joins("Anna"), shop.joins("Boris")
    for serial in (anna, boris):
        shop.posts(serial, top_up=10_000)
    told = moves(shop, anna, boris, 2_500, "T1")
    assert told["entries"][0]["amount"] == -2_500 and moves(shop, anna, boris, 2_500, "T1") == told
    assert (shop.balance(anna), shop.balance(boris)) == (7_500, 12_500)
    crossing = [lambda: moves(shop, anna, boris, 100), lambda: moves(shop, boris, anna, 100)] * 5
    assert all(isinstance(each, dict) for each in together(*crossing))
    assert shop.balance(anna) + shop.balance(boris) == 20_000 == cash_book(shop)
    with pytest.raises(Conflict, match="transfer the amount back"):
        shop.takes_back("T1")
    with pytest.raises(NotEnoughPoints):
        moves(shop, anna, boris, 7_501)
    with pytest.raises(BadInput, match="to itself"):
        moves(shop, anna, anna, 1)


def test_what_is_moved_keeps_its_end(shop: CornerShop) -> None:
    shop.promises(**GIFT | {"key": "dated", "expire_days": 10})
    anna, boris = shop.joins("Anna", "dated"), shop.joins("Boris", "dated")
    shop.posts(anna, top_up=100)
    shop.now += 5 * DAY
    shop.posts(anna, top_up=100)
    ends = [end for _, end in shop.lots(anna)]
    shop.now += DAY
    moves(shop, anna, boris, 150)
    assert shop.lots(boris) == [(100, ends[0]), (50, ends[1])] and shop.lots(anna) == [(50, ends[1])]


def test_points_are_neither_topped_up_nor_moved(shop: CornerShop) -> None:
    shop.promises(key="points")
    anna, boris = shop.joins("Anna", "points"), shop.joins("Boris", "points")
    shop.gives(anna, 100)
    with pytest.raises(Conflict, match="Only gift cards"):
        shop.posts(anna, top_up=100)
    with pytest.raises(Conflict, match="cannot be transferred"):
        moves(shop, anna, boris, 10)
    clara = shop.joins("Clara")
    shop.posts(clara, top_up=100)
    with pytest.raises(Conflict, match="of one programme"):
        moves(shop, clara, anna, 10)


def test_a_card_with_a_pin_spends_with_it_alone(shop: CornerShop) -> None:
    anna, boris = shop.joins("Anna"), shop.joins("Boris")
    shop.posts(anna, top_up=5_000)
    with shop.store.transaction() as tx:
        held = cards.by_serial(tx, anna)
        for easy in ("1111", "2345", "98765", "12", "12345678901", "١٢٣٤"):
            with pytest.raises(BadInput):
                cardpins.put(tx, KEYS, held, easy, shop.now)
        cardpins.put(tx, KEYS, held, "4812", shop.now)
    with pytest.raises(PinNeeded):
        shop.posts(anna, total=100, redeem=100)
    with pytest.raises(PinNeeded):
        moves(shop, anna, boris, 100)
    shop.posts(anna, total=100)
    shop.posts(anna, total=100, redeem=100, proved=True)
    assert tries(shop, anna, "4812") and not tries(shop, anna, "4813")


def tries(shop: CornerShop, serial: str, pin: str) -> bool:
    with shop.store.transaction() as tx:
        return cardpins.check(tx, KEYS, cards.by_serial(tx, serial), pin, shop.now)


def test_a_guesser_of_pins_waits(shop: CornerShop) -> None:
    anna = shop.joins()
    with shop.store.transaction() as tx:
        cardpins.put(tx, KEYS, cards.by_serial(tx, anna), "4812", shop.now)
    for _ in range(4):
        assert not tries(shop, anna, "0007")
    assert tries(shop, anna, "4812"), "and all is forgiven"
    for _ in range(5):
        assert not tries(shop, anna, "0007")
    with pytest.raises(TooManyTries, match="60 seconds"):
        tries(shop, anna, "4812")
    shop.now += 61
    assert tries(shop, anna, "4812")


def test_prepaid_visits_are_sold_and_used_one_by_one(shop: CornerShop) -> None:
    shop.promises(**GIFT | {"key": "gym", "kind": "visits", "unit": "visits", "gift": None})
    anna = shop.joins(programme="gym")
    shop.posts(anna, top_up=10)
    for left in (9, 8):
        assert shop.posts(anna, event="visit", redeem=1)["balances"]["visits"] == left
    assert shop.balance(anna) == 8
