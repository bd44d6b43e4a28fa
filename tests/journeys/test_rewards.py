"""The reward catalogue: what is limited is given to one, and who came second has lost nothing. On both databases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from passes.errors import Conflict, LimitReached, NotEnoughPoints, OutOfStock
from passes.rewards import RewardNotYours
from tests.corner_shop import DAY, START, CornerShop, together

REWARDS: list[dict[str, Any]] = [
    {"key": "espresso", "name": {"en": "Espresso"}, "cost": 80},
    {"key": "poster", "name": {"en": "Poster"}, "cost": 50, "stock": 1},
    {"key": "mug", "name": {"en": "Mug"}, "cost": 30, "per_member": 2},
    {"key": "dinner", "name": {"en": "Dinner"}, "cost": 100, "tiers": ["gold"]},
    {"key": "cake", "name": {"en": "Cake"}, "cost": 20, "starts": START + DAY, "ends": START + 2 * DAY},
    {"key": "ticket", "name": {"en": "Ticket"}, "cost": 10, "coupon": "ticket"},
]
COUPONS = [{"key": "ticket", "name": {"en": "Cinema ticket"}, "valid_days": 30}]


@pytest.fixture
def shop(store_url: str) -> Iterator[CornerShop]:
    shop = CornerShop.open(store_url, rewards=REWARDS, coupons=COUPONS)
    yield shop
    assert shop.flaws() == []
    shop.close()


def stands(shop: CornerShop, serial: str) -> dict[str, str]:
    return {reward.key: reward.stands for reward in shop.card(serial).rewards}


def test_the_card_says_what_can_be_had_and_why_the_rest_cannot(shop: CornerShop) -> None:
    anna = shop.joins()
    shop.gives(anna, 100)
    assert stands(shop, anna) == {
        "espresso": "ready",
        "poster": "ready",
        "mug": "ready",
        "dinner": "tier",
        "cake": "later",
        "ticket": "ready",
    }
    shop.now += DAY
    shop.sweeps()
    assert stands(shop, anna)["cake"] == "ready"
    shop.now += DAY
    shop.sweeps()
    assert "cake" not in stands(shop, anna)


def test_a_reward_whose_coupon_is_used_up_is_not_ready(shop: CornerShop) -> None:
    shop.amends(rewards=REWARDS, coupons=[COUPONS[0] | {"per_member": 1}])
    anna = shop.joins()
    shop.gives(anna, 100)
    shop.posts(anna, reward="ticket")
    assert stands(shop, anna)["ticket"] == "ready"
    (ticket,) = shop.card(anna).coupons
    shop.posts(anna, "cinema", total=1_000, coupons=[ticket.code])
    assert stands(shop, anna)["ticket"] == "limit"
    with pytest.raises(Conflict):
        shop.posts(anna, reward="ticket")
    shop.takes_back("cinema")
    assert stands(shop, anna)["ticket"] == "ready"


def test_the_last_piece_goes_to_one_and_the_other_keeps_the_points(shop: CornerShop) -> None:
    anna, boris = shop.joins("Anna"), shop.joins("Boris")
    for serial in (anna, boris):
        shop.gives(serial, 60)
    outcomes = together(lambda: shop.posts(anna, "A", reward="poster"), lambda: shop.posts(boris, "B", reward="poster"))
    refused = [each for each in outcomes if isinstance(each, Conflict)]
    assert len(refused) == 1 and isinstance(refused[0], OutOfStock)
    assert "nothing was taken from the card" in str(refused[0])
    winner, other = (anna, boris) if isinstance(outcomes[1], Conflict) else (boris, anna)
    assert (shop.balance(winner), shop.balance(other)) == (10, 60)
    shop.sweeps()
    assert stands(shop, other)["poster"] == "stock"

    shop.takes_back("A" if winner == anna else "B")
    shop.sweeps()
    assert stands(shop, other)["poster"] == "ready"
    shop.posts(other, reward="poster")
    assert shop.balance(other) == 10


def test_one_member_has_only_so_many(shop: CornerShop) -> None:
    anna, boris = shop.joins("Anna"), shop.joins("Boris")
    for serial in (anna, boris):
        shop.gives(serial, 200)
    shop.posts(anna, "R1", reward="mug")
    shop.posts(anna, "R2", reward="mug")
    assert stands(shop, anna)["mug"] == "limit"
    with pytest.raises(LimitReached, match="2 times to one member"):
        shop.quotes(anna, reward="mug")
    assert stands(shop, boris)["mug"] == "ready"
    shop.takes_back("R1")
    assert stands(shop, anna)["mug"] == "ready"


def test_a_reward_is_refused_with_its_reason(shop: CornerShop) -> None:
    anna = shop.joins()
    shop.gives(anna, 500)
    with pytest.raises(RewardNotYours, match="these tiers: gold"):
        shop.posts(anna, reward="dinner")
    with pytest.raises(RewardNotYours, match="not given yet"):
        shop.posts(anna, reward="cake")
    shop.now += 2 * DAY
    with pytest.raises(RewardNotYours, match="not given any more"):
        shop.posts(anna, reward="cake")
    shop.posts(anna, redeem=480)
    with pytest.raises(NotEnoughPoints, match="60 are missing"):
        shop.posts(anna, reward="espresso")


def test_a_reward_may_be_a_coupon_for_later(shop: CornerShop) -> None:
    anna = shop.joins()
    shop.gives(anna, 10)
    shop.posts(anna, "R1", reward="ticket")
    (ticket,) = shop.card(anna).coupons
    assert ticket.name == {"en": "Cinema ticket"} and ticket.ends == START + 31 * DAY
    shop.takes_back("R1")
    assert shop.card(anna).coupons == () and shop.balance(anna) == 10
