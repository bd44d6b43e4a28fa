"""Goods come back, receipts are undone, and a whole programme of mechanisms follows: on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from passes.errors import Conflict, NotEnoughPoints
from passes.store import tables as t
from tests import servers
from tests.corner_shop import DAY, START, CornerShop

EVERYTHING: dict[str, Any] = {
    "units": [{"key": "stamps", "kind": "stamps"}, {"key": "status", "kind": "status"}],
    "expire_days": None,
    "expiry": {"days": 29, "idle_days": 20},
    "rules": [
        {"key": "coffee", "measure": "item", "amount": 1, "unit": "stamps", "goods": {"categories": ["coffee"]}},
        {"key": "status", "amount": 1, "per": 100, "unit": "status"},
        {"key": "daily", "measure": "visit", "amount": 10, "caps": {"day": 20}, "ripens_days": 3},
        {"key": "review", "measure": "event", "amount": 30, "when": {"event": "review"}, "caps": {"day": 30}},
    ],
    "multipliers": [{"key": "cups", "percent": 200, "goods": {"categories": ["goods"]}}],
    "every": [{"key": "voucher", "spend": 10_000, "give": {"coupon": "ten-off"}}],
    "stamps": {"unit": "stamps", "of": 5, "prizes": [{"at": 5, "give": {"coupon": "free-coffee"}}]},
    "challenges": [
        {"key": "thrice", "name": {"en": "Three visits"}, "target": 3, "give": {"amount": 100}},
    ],
    "coupons": [
        {"key": "ten-off", "name": {"en": "10 off"}, "discount": {"money": 1000}},
        {"key": "free-coffee", "name": {"en": "A coffee"}, "discount": {"free_item": True}},
    ],
    "tiers": [
        {"key": "silver", "name": {"en": "Silver"}, "threshold": 20_000},
        {"key": "gold", "name": {"en": "Gold"}, "threshold": 60_000},
    ],
    "tier_policy": {"by": "spend", "period": "months", "months": 2, "grace_days": 5},
}
BASKET: list[dict[str, Any]] = [
    {"sku": "latte", "category": "coffee", "quantity": 3, "price": 3_600},
    {"sku": "cup", "category": "goods", "quantity": 2, "price": 8_001},
    {"sku": "cake", "category": "food", "quantity": 1, "price": 1_399},
]


@pytest.fixture(params=["sqlite", "postgresql"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CornerShop]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'passes.db'}"
    else:
        server: servers.Postgres = request.getfixturevalue("postgres")
        url = server.create()
    shop = CornerShop.open(url, **EVERYTHING)
    yield shop
    shop.close()


def buys(shop: CornerShop, serial: str, receipt: str, lines: list[dict[str, Any]] | None = None, **order: Any) -> Any:
    lines = BASKET if lines is None else lines
    return shop.posts(serial, receipt, total=sum(line["price"] for line in lines), lines=lines, **order)


def test_one_receipt_has_all_its_effects_at_once(shop: CornerShop):
    anna = shop.joins()
    told = buys(shop, anna, "R1")
    # 13000 paid: 130 points and as many again for the cups' share, 10 pending for the visit, 3 stamps, 130 status.
    assert told["balances"] == {"points": 130 + 80 + 10, "stamps": 3, "status": 130}
    assert [(e["kind"], e["unit"], e["amount"]) for e in told["entries"]] == [
        ("earn", "points", 210),
        ("earn", "stamps", 3),
        ("earn", "status", 130),
        ("earn", "points", 10),
    ]
    assert told["entries"][0]["why"]["times"] == [{"rule": "cups", "percent": 200, "extra": 80}]
    card = shop.card(anna)
    assert (card.balance, card.pending and card.pending.amount, card.stamps and card.stamps.filled) == (220, 10, 3)
    assert [(c.key, c.reached, c.needed) for c in card.challenges] == [("thrice", 1, 3)]
    assert [coupon.key for coupon in card.coupons] == ["ten-off"]
    assert shop.flaws() == []


@pytest.mark.parametrize("before", [0, 1, 2])
def test_undone_is_as_before(shop: CornerShop, before: int):
    anna = shop.joins()
    for number in range(before):
        buys(shop, anna, f"B{number}", BASKET[number:])
        shop.now += 3600
    state, card = shop.state(anna), shop.card(anna)
    buys(shop, anna, "R1", redeem=100 if before > 1 else 0)
    assert shop.state(anna) != state
    shop.now += 60
    shop.takes_back("R1")
    assert shop.state(anna) == state
    after = shop.card(anna)
    assert (after.balance, after.balances, after.stamps, after.challenges, after.coupons, after.tier) == (
        card.balance,
        card.balances,
        card.stamps,
        card.challenges,
        card.coupons,
        card.tier,
    )
    assert shop.flaws() == []


def test_lines_come_back_one_by_one_and_in_the_end_it_is_as_before(shop: CornerShop):
    anna = shop.joins()
    buys(shop, anna, "R0", BASKET[2:])
    state = shop.state(anna)
    buys(shop, anna, "R1", redeem=5)
    assert shop.takes_lines_back("R1", (0, 1))["balances"]["stamps"] == 2
    shop.takes_lines_back("R1", (1, 1))
    with pytest.raises(Conflict, match="Of line 1 only 1 can come back"):
        shop.takes_lines_back("R1", (1, 2))
    shop.takes_lines_back("R1", (1, 1), (2, 1))
    shop.takes_lines_back("R1", (0, 2))
    assert shop.state(anna) == state
    with pytest.raises(Conflict, match="reversed already"):
        shop.takes_lines_back("R1", (0, 1))
    assert shop.flaws() == []


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_after_returns_it_is_as_if_only_the_rest_had_been_bought(shop: CornerShop, order: tuple[int, ...]):
    anna, ben = shop.joins(), shop.joins("Ben")
    buys(shop, anna, "R1")
    for line in order[:2]:
        for _ in range(BASKET[line]["quantity"]):
            shop.takes_lines_back("R1", (line, 1))
    buys(shop, ben, "R2", [BASKET[order[2]]])
    mine, bens = shop.state(anna), shop.state(ben)
    assert {name: mine[name] for name in ("purses", "lots", "tier")} == {
        name: bens[name] for name in ("purses", "lots", "tier")
    }
    assert [each.split(", ", 1)[1] for each in mine["counts"]] == [each.split(", ", 1)[1] for each in bens["counts"]]


def test_what_the_bill_has_beyond_its_lines_stays_bought(shop: CornerShop):
    anna, ben = shop.joins(), shop.joins("Ben")
    shop.posts(anna, "R1", total=9_000, lines=BASKET[2:])
    assert shop.takes_lines_back("R1", (0, 1))["balances"]["points"] == 76 + 10
    shop.posts(ben, "R2", total=9_000 - 1_399)
    assert shop.state(anna)["purses"] == shop.state(ben)["purses"]
    shop.takes_back("R1")
    assert shop.balance(anna) == 0 and shop.flaws() == []


def test_a_voucher_that_is_no_longer_earned_goes_unless_it_was_used(shop: CornerShop):
    anna, ben = shop.joins(), shop.joins("Ben")
    buys(shop, anna, "R1")
    assert shop.count(t.Coupon, t.Coupon.state == "issued") == 1
    shop.takes_lines_back("R1", (1, 1))
    assert shop.count(t.Coupon, t.Coupon.state == "issued") == 0
    buys(shop, anna, "R2", [BASKET[1]])
    assert shop.count(t.Coupon, t.Coupon.state == "issued") == 1, "with the rest of the first it is earned again"
    buys(shop, ben, "R3")
    code = next(coupon.code for coupon in shop.card(ben).coupons)
    buys(shop, ben, "R4", coupons=[code])
    shop.takes_back("R3")
    assert shop.count(t.Coupon, t.Coupon.state == "redeemed") == 1


def test_the_third_visit_wins_and_its_return_loses(shop: CornerShop):
    anna = shop.joins()
    for number in (1, 2, 3):
        told = buys(shop, anna, f"R{number}", BASKET[2:])
        shop.now += DAY
    assert [e["why"]["rule"] for e in told["entries"]] == ["earn", "status", "daily", "thrice"]
    before = told["balances"]["points"]
    assert shop.takes_back("R3")["balances"]["points"] == before - 123
    assert [(c.reached, c.needed) for c in shop.card(anna).challenges] == [(2, 3)]


def test_a_full_stamp_card_begins_anew_and_undone_is_filled_again(shop: CornerShop):
    anna = shop.joins()
    coffee = [BASKET[0]]
    buys(shop, anna, "R1", coffee)
    told = buys(shop, anna, "R2", coffee)
    assert told["balances"]["stamps"] == 1
    stamps = shop.card(anna).stamps
    assert stamps is not None and (stamps.filled, stamps.of) == (1, 5)
    shop.takes_lines_back("R2", (0, 2))
    stamps = shop.card(anna).stamps
    assert stamps is not None and stamps.filled == 4
    assert [coupon.key for coupon in shop.card(anna).coupons] == []


def test_caps_let_in_one_answer_with_the_reason(shop: CornerShop):
    anna = shop.joins()
    answers = [shop.posts(anna, f"E{n}", event="review") for n in range(3)]
    assert [a["effects"]["earned"] for a in answers] == [30, 0, 0]
    assert [a["notes"] for a in answers[1:]] == [[{"rule": "review", "cap": "day", "limit": 30, "lost": 30}]] * 2
    shop.takes_back("E0")
    assert shop.posts(anna, "E3", event="review")["effects"]["earned"] == 30
    shop.now += DAY
    assert shop.posts(anna, "E4", event="review")["effects"]["earned"] == 30


def test_pending_points_count_and_wait(shop: CornerShop):
    anna = shop.joins()
    buys(shop, anna, "R1", BASKET[2:])
    with pytest.raises(NotEnoughPoints, match="holds 13 points and 14 are needed"):
        shop.posts(anna, redeem=14)
    shop.now = START + 3 * DAY - 1
    assert shop.card(anna).pending is not None
    with pytest.raises(NotEnoughPoints):
        shop.posts(anna, redeem=14)
    shop.now += 1
    shop.sweeps()
    assert shop.card(anna).pending is None
    assert shop.posts(anna, redeem=14)["balances"]["points"] == 9


def test_idleness_ends_everything_and_a_visit_keeps_it(shop: CornerShop):
    anna, ben = shop.joins(), shop.joins("Ben")
    shop.posts(anna, total=1000)
    shop.posts(ben, total=1000)
    shop.now = START + 20 * DAY
    shop.posts(ben, total=100)
    shop.now = START + 21 * DAY - 1
    shop.sweeps()
    assert (shop.balance(anna), shop.balance(ben)) == (20, 31)
    shop.now += 1
    shop.sweeps()
    assert (shop.balance(anna), shop.balance(ben)) == (0, 31)
    shop.now = START + 30 * DAY
    shop.sweeps()
    assert shop.balance(ben) == 11, "by age all the same"
    assert shop.flaws() == []


def test_a_tier_is_reached_at_once_warned_of_and_lost(shop: CornerShop):
    """START lies in September; October still counts it, and five days of November are grace."""
    anna = shop.joins()
    assert shop.posts(anna, "R1", total=20_000)["tier"] == "silver"
    card = shop.card(anna)
    november = START + (9 + 31 + 5 + 1) * DAY
    assert card.tier_until is not None and abs(card.tier_until - november) <= DAY * 5
    assert not card.tier_warning
    shop.now = card.tier_until - 30 * DAY
    shop.sweeps()
    assert shop.card(anna).tier_warning
    shop.now = card.tier_until - 1
    shop.sweeps()
    tier = shop.card(anna).tier
    assert tier is not None and tier.key == "silver"
    shop.now += 1
    shop.sweeps()
    assert shop.card(anna).tier is None and shop.held(anna).row.tier_until is None


def test_a_tier_is_lost_with_the_goods_that_brought_it(shop: CornerShop):
    anna = shop.joins()
    buys(shop, anna, "R1", [{"sku": "machine", "quantity": 3, "price": 60_000}])
    assert shop.held(anna).row.tier == "gold"
    assert shop.takes_lines_back("R1", (0, 1))["tier"] == "silver"
    assert shop.takes_back("R1")["tier"] is None


def test_spent_points_may_be_forgiven(shop: CornerShop):
    shop.promises(key="kind", overdraw="forgive", **{"expire_days": None})
    anna = shop.joins(programme="kind")
    shop.posts(anna, "R1", total=10_000, lines=[{"sku": "a", "quantity": 2, "price": 10_000}])
    shop.posts(anna, "R2", reward="espresso")
    told = shop.takes_lines_back("R1", (0, 1))
    assert told["balances"]["points"] == 0
    assert told["entries"][0]["why"]["forgiven"] == 30
    shop.takes_back("R1")
    assert shop.balance(anna) == 0 and shop.flaws() == []


def test_what_was_forgiven_is_not_kept_when_its_spending_is_undone(shop: CornerShop):
    shop.promises(key="kind", overdraw="forgive", **{"expire_days": None})
    anna = shop.joins(programme="kind")
    shop.posts(anna, "R1", total=10_000, lines=[{"sku": "a", "quantity": 2, "price": 10_000}])
    shop.posts(anna, "R2", reward="espresso")
    shop.takes_lines_back("R1", (0, 1))
    shop.takes_back("R1")
    shop.posts(anna, "R3", total=1_000)
    assert shop.balance(anna) == 10, "what is earned later is one's own"
    told = shop.takes_back("R2")
    assert [(each["amount"], each["why"]["of"]) for each in told["entries"]] == [
        (80, "reward"),
        (-30, "forgiven"),
        (-50, "forgiven"),
    ]
    assert shop.balance(anna) == 10
    shop.posts(anna, "R4", redeem=10)
    assert shop.takes_back("R4")["balances"]["points"] == 10, "and is taken once"
    assert shop.flaws() == []


def test_a_stamp_card_that_was_filled_and_given_back_leaves_nothing(shop: CornerShop):
    anna = shop.joins()
    coffees = [BASKET[0]]
    buys(shop, anna, "R1", coffees)
    before = [coupon.key for coupon in shop.card(anna).coupons]
    buys(shop, anna, "R2", coffees)
    assert [coupon.key for coupon in shop.card(anna).coupons] == [*before, "free-coffee"]
    for receipt in ("R1", "R2"):
        shop.takes_back(receipt)
    card = shop.card(anna)
    assert (card.stamps and card.stamps.filled, card.coupons) == (0, ()) and shop.flaws() == []


def test_a_coupon_whose_receipt_came_back_is_used_but_once(shop: CornerShop):
    anna = shop.joins()
    buys(shop, anna, "R1")
    code = shop.card(anna).coupons[0].code
    shop.posts(anna, "R2", total=2_000, coupons=[code])
    shop.takes_back("R1")
    shop.takes_back("R2")
    assert shop.card(anna).coupons == () and shop.balance(anna) == 0
    with pytest.raises(Conflict, match="ended"):
        shop.posts(anna, "R3", total=2_000, coupons=[code])


def test_part_of_what_was_paid_with_points_goes_back_to_its_lots(shop: CornerShop):
    anna = shop.joins()
    shop.gives(anna, 100)
    shop.now += 5 * DAY
    shop.gives(anna, 100)
    buys(shop, anna, "R1", [{"sku": "a", "quantity": 3, "price": 3_000}], redeem=150)
    # 2250 of the bill were paid in money: 22 points lie with those that end on the same day.
    assert max(left for left, expires in shop.lots(anna) if expires == START + 35 * DAY) == 50 + 22
    shop.takes_lines_back("R1", (0, 1))
    later = max(left for left, expires in shop.lots(anna) if expires == START + 35 * DAY)
    assert later == 100 + 15, "the lot taken from last gets its part back first"
    shop.takes_back("R1")
    assert sorted(left for left, _ in shop.lots(anna)) == [100, 100]
