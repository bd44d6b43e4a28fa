"""What points do, counted by hand: earned, spent, ended, given back, refused. On both databases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from passes import idempotency
from passes.errors import BadInput, CardNotActive, Conflict, KeyReused, NotEnoughPoints, NotFound
from passes.points import receipts, statement
from passes.points.audit import Flaw
from passes.store import tables as t
from tests.corner_shop import DAY, START, CornerShop


@pytest.fixture
def shop(store_url: str) -> Iterator[CornerShop]:
    shop = CornerShop.open(store_url)
    yield shop
    assert shop.flaws() == []
    shop.close()


@pytest.mark.parametrize(
    ("rounding", "points"),
    [("down", [0, 0, 0, 0, 1, 2, 4]), ("nearest", [0, 0, 0, 1, 1, 2, 5]), ("up", [0, 1, 1, 1, 1, 3, 5])],
)
def test_a_fraction_of_a_point_is_rounded_as_the_programme_says(shop: CornerShop, rounding: str, points: list[int]):
    shop.promises(key="rounding", earn={"points": 1, "per": 300, "rounding": rounding})
    anna = shop.joins(programme="rounding")
    totals = [0, 1, 149, 150, 300, 601, 1499]
    assert [shop.posts(anna, total=total)["effects"]["earned"] for total in totals] == points
    assert shop.balance(anna) == sum(points)


def test_points_pay_and_the_rest_of_the_bill_earns(shop: CornerShop):
    anna = shop.joins()
    shop.gives(anna, 100)
    # 60 points are worth 3.00; what remains of 12.50 is 9.50, which earns 9.
    told = shop.posts(anna, total=1250, redeem=60)
    assert [(e["kind"], e["amount"]) for e in told["entries"]] == [("redeem", -60), ("earn", 9)]
    assert told["balances"] == {"points": 49}
    assert told["effects"] == {"earned": 9, "spent": 60, "discount": 300, "tier_changed": False}
    with pytest.raises(BadInput, match="at most 4"):
        shop.posts(anna, total=20, redeem=5)


def test_a_quote_says_what_the_receipt_then_does(shop: CornerShop):
    anna = shop.joins()
    shop.gives(anna, 300)
    order: dict[str, Any] = {"total": 20_000, "redeem": 40, "reward": "breakfast"}
    quoted, told = shop.quotes(anna, **order), shop.posts(anna, "R1", **order)
    for answer in (quoted, told):
        answer["receipt"] = ""
        for entry in answer["entries"]:
            entry["entry"] = None
    assert quoted == told
    assert told["balances"] == {"points": 300 - 40 - 250 + 198}


def test_the_welcome_gift_is_the_first_entry_and_counts_for_the_tier(shop: CornerShop):
    shop.promises(key="generous", welcome=250)
    anna = shop.joins(programme="generous")
    assert shop.balance(anna) == 250
    assert shop.lots(anna) == [(250, START + 30 * DAY)]
    tier = shop.card(anna).tier
    assert tier is not None and tier.key == "silver"


def test_the_points_that_end_first_are_spent_first(shop: CornerShop):
    anna = shop.joins()
    for _ in range(3):
        shop.posts(anna, total=10_000)
        shop.now += DAY
    shop.posts(anna, redeem=150)
    assert [left for left, _ in shop.lots(anna)] == [50, 100]
    shop.now = START + 31 * DAY
    shop.sweeps()
    assert shop.lots(anna) == [(100, START + 32 * DAY)]
    assert shop.balance(anna) == 100
    shop.now = START + 32 * DAY
    assert shop.balance(anna) == 100, "as drawn last"
    with pytest.raises(NotEnoughPoints, match="holds 0 points and 1 are needed; 1 are missing"):
        shop.posts(anna, redeem=1)
    shop.sweeps()
    assert (shop.balance(anna), shop.lots(anna)) == (0, [])


def test_points_earned_on_one_day_end_together_with_a_day(shop: CornerShop):
    anna = shop.joins()
    shop.gives(anna, 10)
    shop.now += DAY - 1
    shop.gives(anna, 20)
    assert {ends for _, ends in shop.lots(anna)} == {START + 30 * DAY}
    shop.now = START + 30 * DAY - 1
    shop.sweeps()
    assert shop.balance(anna) == 30
    shop.now += 1
    shop.sweeps()
    assert shop.balance(anna) == 0


def test_points_that_never_end_are_spent_last(shop: CornerShop):
    shop.promises(key="forever", expire_days=None)
    anna = shop.joins(programme="forever")
    shop.gives(anna, 10)
    shop.gives(anna, 20)
    shop.posts(anna, redeem=15)
    assert shop.lots(anna) == [(15, None)]
    shop.now += 4000 * DAY
    shop.sweeps()
    assert shop.balance(anna) == 15


def test_a_lot_ends_once_however_often_somebody_looks(shop: CornerShop):
    anna = shop.joins()
    shop.gives(anna, 100)
    shop.now += 30 * DAY
    for _ in range(3):
        shop.sweeps()
        shop.renames(anna, f"Anna {shop.now}")
        shop.now += 1
    assert shop.count(t.Posting, t.Posting.kind == "expire") == 1
    assert shop.balance(anna) == 0


def test_points_that_ended_cannot_be_spent_though_nobody_swept(shop: CornerShop):
    """A name changed after the end is drawn without those points; they must still be taken off."""
    anna = shop.joins()
    shop.gives(anna, 100)
    shop.now += 30 * DAY
    shop.renames(anna, "Anna Maria")
    assert shop.balance(anna) == 0
    with pytest.raises(NotEnoughPoints):
        shop.posts(anna, redeem=1)
    shop.sweeps()
    assert shop.held(anna).row.balance == 0


def test_a_purchase_undone_leaves_the_card_as_before(shop: CornerShop):
    anna = shop.joins()
    shop.gives(anna, 100)
    shop.now += DAY
    shop.gives(anna, 50)
    before = (shop.lots(anna), shop.balance(anna), shop.held(anna).row.earned, shop.card(anna).tier)
    shop.posts(anna, "R1", total=100_000, redeem=120)
    tier = shop.card(anna).tier
    assert tier is not None
    told = shop.takes_back("R1")
    assert told["balances"] == {"points": 150}
    assert (shop.lots(anna), shop.balance(anna), shop.held(anna).row.earned, shop.card(anna).tier) == before
    with pytest.raises(Conflict, match="reversed already"):
        shop.takes_back("R1")


def test_a_reversal_cannot_be_reversed(shop: CornerShop):
    anna = shop.joins()
    shop.gives(anna, 10, "R1")
    shop.takes_back("R1", by="R2")
    with pytest.raises(Conflict, match="is itself a reversal"):
        shop.takes_back("R2")
    with pytest.raises(NotFound):
        shop.takes_back("R3")


def test_the_same_reversal_twice_is_one(shop: CornerShop):
    anna = shop.joins()
    shop.gives(anna, 10, "R1")
    assert shop.takes_back("R1", by="R2") == shop.takes_back("R1", by="R2")
    assert shop.balance(anna) == 0


def test_spent_points_go_back_to_their_lots_with_their_own_end(shop: CornerShop):
    anna = shop.joins()
    shop.gives(anna, 100)
    shop.now += 10 * DAY
    shop.gives(anna, 100)
    shop.posts(anna, "R1", redeem=130)
    shop.now += 5 * DAY
    shop.takes_back("R1")
    assert shop.lots(anna) == [(100, START + 30 * DAY), (100, START + 40 * DAY)]


def test_what_goes_back_to_a_lot_that_ended_meanwhile_ends_again(shop: CornerShop):
    anna = shop.joins()
    shop.gives(anna, 100)
    shop.now += 10 * DAY
    shop.gives(anna, 100)
    shop.posts(anna, "R1", redeem=130)
    shop.now = START + 30 * DAY
    shop.sweeps()
    told = shop.takes_back("R1")
    assert [(e["kind"], e["amount"]) for e in told["entries"]] == [("reverse", 130), ("expire", -100)]
    assert told["balances"] == {"points": 100}
    assert shop.lots(anna) == [(100, START + 40 * DAY)]
    assert shop.balance(anna) == shop.held(anna).row.balance == 100


def test_what_a_receipt_took_pays_for_what_it_gave(shop: CornerShop):
    """Anna pays with 100 points, spends the 30 she got for it, and brings the first purchase back."""
    anna = shop.joins()
    shop.gives(anna, 100)
    shop.posts(anna, "R1", redeem=100, total=3500)
    shop.posts(anna, "R2", redeem=30)
    assert shop.takes_back("R1")["balances"] == {"points": 70}


def test_an_undoing_that_would_overdraw_is_refused_whole(shop: CornerShop):
    anna = shop.joins()
    shop.posts(anna, "R1", total=10_000)
    shop.posts(anna, "R2", reward="espresso")
    with pytest.raises(NotEnoughPoints, match="holds 20 points and 100 are needed; 80 are missing"):
        shop.takes_back("R1")
    assert shop.balance(anna) == 20
    shop.takes_back("R2")
    shop.takes_back("R1")
    assert shop.balance(anna) == 0


def test_an_undoing_takes_from_the_very_lot_the_receipt_gave(shop: CornerShop):
    anna = shop.joins()
    shop.gives(anna, 10)
    shop.now += DAY
    shop.posts(anna, "R1", total=1000)
    shop.takes_back("R1")
    assert shop.lots(anna) == [(10, START + 30 * DAY)]


def test_too_little_is_refused_with_what_is_missing_and_nothing_stays(shop: CornerShop):
    anna = shop.joins()
    shop.gives(anna, 79)
    before = shop.count(t.Receipt), shop.count(t.Posting)
    with pytest.raises(NotEnoughPoints, match="holds 79 points and 80 are needed; 1 are missing"):
        shop.posts(anna, reward="espresso", total=99_999)
    with pytest.raises(NotEnoughPoints):
        shop.gives(anna, -80)
    assert (shop.count(t.Receipt), shop.count(t.Posting)) == before


def test_a_blocked_card_neither_earns_nor_spends(shop: CornerShop):
    anna = shop.joins()
    shop.gives(anna, 50, "R1")
    shop.sets(anna, "blocked")
    for order in ({"total": 1000}, {"redeem": 1}, {"adjust": 5, "reason": "sorry"}):
        with pytest.raises(CardNotActive, match="blocked"):
            shop.posts(anna, **order)
    assert shop.gives(anna, 50, "R1")["balances"] == {"points": 50}, "what was told before is told again"
    shop.sets(anna, "active")
    shop.posts(anna, total=1000)
    assert shop.balance(anna) == 60


def test_the_same_receipt_counts_once_and_another_under_its_number_never(shop: CornerShop):
    anna, ben = shop.joins(), shop.joins("Ben")
    first = shop.posts(anna, "R1", total=1000)
    assert shop.posts(anna, "R1", total=1000) == first
    for serial, order in ((anna, {"total": 1001}), (ben, {"total": 1000})):
        with pytest.raises(KeyReused):
            shop.posts(serial, "R1", **order)
    assert (shop.balance(anna), shop.balance(ben)) == (10, 0)


def test_two_programmes_may_use_the_same_numbers(shop: CornerShop):
    shop.promises(key="bakery")
    anna, ben = shop.joins(), shop.joins("Ben", programme="bakery")
    shop.gives(anna, 5, "R1")
    shop.gives(ben, 7, "R1")
    with shop.store.reading() as tx:
        with pytest.raises(Conflict, match="say which programme"):
            receipts.find(tx, "R1")
        assert receipts.find(tx, "R1", "bakery").serial == ben


def test_another_currency_or_an_unknown_reward_is_refused(shop: CornerShop):
    anna = shop.joins()
    with pytest.raises(BadInput, match="counts in PLN"):
        shop.posts(anna, total=100, currency="EUR")
    with pytest.raises(NotFound, match="no reward"):
        shop.posts(anna, reward="yacht")


def test_sums_beyond_32_bits_stay_exact(shop: CornerShop):
    shop.promises(key="rich", earn={"points": 99, "per": 1}, worth_of_one=0)
    anna = shop.joins(programme="rich")
    for _ in range(30):
        shop.posts(anna, total=10_000_000)
    assert shop.balance(anna) == shop.held(anna).row.balance == 30 * 990_000_000
    shop.posts(anna, "R1", redeem=29_000_000_001)
    assert shop.balance(anna) == 699_999_999
    shop.takes_back("R1")
    assert shop.balance(anna) == 29_700_000_000
    shop.promises(key="dear", earn={"points": 0}, worth_of_one=10_000_000, tiers=[], rewards=[])
    olga = shop.joins(programme="dear")
    for _ in range(30):
        shop.posts(olga, adjust=10_000_000, reason="a bet")
    assert shop.card(olga).worth == 300_000_000 * 10_000_000


def test_tiers_follow_what_was_earned_and_not_what_is_left(shop: CornerShop):
    anna = shop.joins()
    told = shop.posts(anna, "R1", total=20_000)
    assert (told["tier"], told["effects"]["tier_changed"]) == ("silver", True)
    told = shop.posts(anna, redeem=200)
    assert (told["tier"], told["effects"]["tier_changed"]) == ("silver", False)
    told = shop.posts(anna, total=80_000)
    assert told["tier"] == "gold"
    shop.gives(anna, 5000)
    assert shop.takes_back("R1")["tier"] == "silver", "a present does not count, an undone purchase no longer"


def test_a_statement_shows_every_entry_once_page_by_page(shop: CornerShop):
    anna, ben = shop.joins(), shop.joins("Ben")
    for number in range(1, 8):
        shop.gives(anna, number, f"A{number}")
        shop.gives(ben, 100)
    card_id, amounts, before = shop.held(anna).id, [], None
    with shop.store.reading() as tx:
        while True:
            lines, before = statement.page(tx, card_id, before, 3)
            amounts += [line.amount for line in lines]
            if before is None:
                break
    assert amounts == [7, 6, 5, 4, 3, 2, 1]


def test_the_news_is_named_after_its_largest_part(shop: CornerShop):
    anna = shop.joins()
    shop.gives(anna, 100)
    shop.posts(anna, total=1500, redeem=100)
    news = shop.card(anna).news
    assert news is not None and (news.kind, news.amount) == ("redeem", -90)


def test_a_key_kept_for_a_request_gives_its_answer_again(shop: CornerShop):
    said: list[int] = []

    def asks(content: dict[str, Any]) -> idempotency.Said:
        def do() -> idempotency.Said:
            said.append(1)
            return 201, {"number": len(said)}

        with shop.store.transaction() as tx:
            return idempotency.once(tx, "till-1", "key", content, shop.now, do)

    assert asks({"a": 1}) == asks({"a": 1}) == (201, {"number": 1})
    with pytest.raises(KeyReused):
        asks({"a": 2})
    with shop.store.transaction() as tx:
        idempotency.forget_old(tx, shop.now + 31 * DAY)
    assert asks({"a": 2}) == (201, {"number": 2})


def test_a_flaw_in_a_balance_is_named(shop: CornerShop):
    anna = shop.joins()
    shop.gives(anna, 10)
    with shop.store.transaction() as tx:
        tx.execute(t.table(t.Purse).update().values(balance=11))
    assert shop.flaws() == [Flaw(1, 0, "does not add up for the card with row 1")]
    with shop.store.transaction() as tx:
        tx.execute(t.table(t.Purse).update().values(balance=10))
