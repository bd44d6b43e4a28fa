"""Coupons: issued, claimed, redeemed once by one till, given back, ended; and promo codes that many share.

On both databases.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from passes import cards, couponcodes, coupons, programmes, revisions
from passes.cli import main
from passes.errors import BadInput, Conflict, LimitReached, NotFound, OutOfStock, TooManyTries
from passes.points.discounts import DoesNotFit
from passes.promos import PromoNotYours, PromoOver
from passes.store import Row
from passes.store import tables as t
from tests.corner_shop import DAY, KEYS, START, CornerShop, together
from tests.shop_system import open_shop

KINDS: list[dict[str, Any]] = [
    {"key": "tenth", "name": {"en": "10 % off"}, "discount": {"percent": 10}, "valid_days": 13, "per_member": 2},
    {"key": "cake", "name": {"en": "A cake"}, "discount": {"free_item": True}, "goods": {"categories": ["cake"]}},
    {"key": "pack", "name": {"en": "From a pack"}, "discount": {"money": 500}, "stacks": True, "stock": 3},
    {"key": "big", "name": {"en": "For a big bill"}, "discount": {"money": 2000}, "min_total": 10_000, "stacks": True},
    {"key": "hello", "name": {"en": "Welcome drink"}, "on_join": True},
]
PROMOS: list[dict[str, Any]] = [
    {"key": "summer", "code": "SUMMER", "name": {"en": "Summer"}, "discount": {"percent": 50}, "per_member": 1},
    {
        "key": "gold",
        "code": "GOLD-ONLY",
        "name": {"en": "For gold"},
        "give": {"amount": 100},
        "tiers": ["gold"],
        "starts": START + DAY,
        "ends": START + 2 * DAY,
    },
    {"key": "rush", "code": "RUSH", "name": {"en": "Rush"}, "discount": {"money": 100}, "total": 100},
    {"key": "feast", "code": "FEAST", "name": {"en": "Feast"}, "discount": {"money": 100}, "min_total": 10_000},
]
BASKET = [
    {"sku": "latte", "category": "coffee", "quantity": 2, "price": 3000},
    {"sku": "cheesecake", "category": "cake", "quantity": 3, "price": 4500},
]


@pytest.fixture
def shop(store_url: str) -> Iterator[CornerShop]:
    shop = CornerShop.open(store_url, coupons=KINDS, promos=PROMOS)
    yield shop
    assert shop.flaws() == []
    shop.close()


def issue(shop: CornerShop, kind: str, serial: str | None = None, n: int = 1) -> list[str]:
    with shop.store.transaction() as tx:
        card_id = cards.by_serial(tx, serial, lock=True).id if serial else None
        codes = coupons.issue(tx, programmes.find(tx, "cafe"), kind, card_id, shop.now, n)
        if card_id:
            revisions.record(tx, card_id, shop.now)
        return codes


def claim(shop: CornerShop, serial: str, code: str) -> None:
    with shop.store.transaction() as tx:
        coupons.claim(tx, cards.by_serial(tx, serial, lock=True), code, shop.now)


def coupon(shop: CornerShop, code: str) -> Row:
    with shop.store.reading() as tx:
        return coupons.find(tx, couponcodes.written(code))


def on_card(shop: CornerShop, serial: str) -> list[str]:
    return [coupon.key for coupon in shop.card(serial).coupons if coupon.key != "hello"]


def test_a_coupon_takes_its_share_off_and_what_is_paid_earns(shop: CornerShop) -> None:
    anna = shop.joins()
    (code,) = issue(shop, "tenth", anna)
    assert on_card(shop, anna) == ["tenth"]
    quoted = shop.quotes(anna, total=5000, coupons=[couponcodes.written(code)])
    told = shop.posts(anna, "R1", total=5000, coupons=[couponcodes.written(code)])
    assert told["effects"]["discount"] == quoted["effects"]["discount"] == 500
    assert told["effects"]["earned"] == 45
    assert (coupon(shop, code).state, coupon(shop, code).receipt) == ("redeemed", "R1")
    assert on_card(shop, anna) == []
    with pytest.raises(coupons.CouponUsed, match="used already, on 2026-09-21 at 00:00"):
        shop.posts(anna, total=5000, coupons=[code_of(code)])


def code_of(code: str) -> str:
    """As a hurried cashier types it."""
    return couponcodes.written(code).lower().replace("-", " ").replace("0", "o").replace("1", "l")


def test_the_free_piece_is_the_cheapest_that_matches(shop: CornerShop) -> None:
    anna = shop.joins()
    codes = [couponcodes.written(code) for code in issue(shop, "cake", anna, 2)]
    told = shop.posts(anna, total=7500, lines=BASKET, coupons=codes[:1])
    assert told["effects"]["discount"] == 1500
    with pytest.raises(DoesNotFit, match="Nothing on this bill"):
        shop.posts(anna, total=3000, lines=BASKET[:1], coupons=codes[1:])
    with pytest.raises(BadInput, match="send the bill's lines"):
        shop.posts(anna, total=3000, coupons=codes[1:])


def test_coupons_that_stack_follow_each_other_and_others_stand_alone(shop: CornerShop) -> None:
    anna = shop.joins()
    (pack,), (big,), (tenth,) = (issue(shop, kind, anna) for kind in ("pack", "big", "tenth"))
    written = [couponcodes.written(code) for code in (pack, big, tenth)]
    with pytest.raises(BadInput, match="“tenth” cannot be used together"):
        shop.posts(anna, total=20_000, coupons=written)
    with pytest.raises(BadInput, match="there twice"):
        shop.posts(anna, total=20_000, coupons=[written[0], written[0]])
    with pytest.raises(DoesNotFit, match="10000; 1 are missing"):
        shop.posts(anna, total=9999, coupons=written[1:2])
    # The bill of 100.00 counts as it was, though another coupon came first.
    assert shop.posts(anna, total=10_000, coupons=written[:2])["effects"]["discount"] == 2500


def test_undoing_a_receipt_gives_the_coupon_back(shop: CornerShop) -> None:
    anna, boris = shop.joins("Anna"), shop.joins("Boris")
    (own,) = issue(shop, "tenth", anna)
    (found,) = issue(shop, "pack")
    shop.posts(anna, "R1", total=5000, coupons=[couponcodes.written(own)])
    shop.posts(boris, "R2", total=5000, coupons=[couponcodes.written(found)])
    assert coupon(shop, found).card_id == shop.held(boris).id
    for receipt in ("R1", "R2"):
        shop.takes_back(receipt)
    assert on_card(shop, anna) == ["tenth"]
    assert (coupon(shop, found).card_id, coupon(shop, found).state) == (None, "issued"), "a bearer's again"
    shop.posts(anna, total=5000, coupons=[couponcodes.written(found)])


def test_what_comes_back_after_its_time_has_ended(shop: CornerShop) -> None:
    anna = shop.joins()
    (code,) = issue(shop, "tenth", anna)
    shop.posts(anna, "R1", total=5000, coupons=[couponcodes.written(code)])
    shop.now += 20 * DAY
    shop.takes_back("R1")
    assert on_card(shop, anna) == []
    with pytest.raises(coupons.CouponOver, match="ended on 2026-10-05"):
        shop.posts(anna, total=5000, coupons=[couponcodes.written(code)])
    shop.sweeps()
    assert coupon(shop, code).state == "expired"


def test_two_tills_with_the_same_coupon(shop: CornerShop) -> None:
    anna, boris = shop.joins("Anna"), shop.joins("Boris")
    for bearer in (None, anna):
        (code,) = issue(shop, "big", bearer)
        order: dict[str, Any] = {"total": 20_000, "coupons": [couponcodes.written(code)]}
        second = boris if bearer is None else anna
        outcomes = together(lambda: shop.posts(anna, **order), lambda: shop.posts(second, **order))  # noqa: B023
        refused = [each for each in outcomes if isinstance(each, Conflict)]
        assert len(refused) == 1 and isinstance(refused[0], coupons.CouponUsed), outcomes


def test_one_member_uses_only_so_many(shop: CornerShop) -> None:
    anna = shop.joins()
    codes = [couponcodes.written(code) for code in issue(shop, "tenth", anna, 3)]
    shop.posts(anna, total=1000, coupons=codes[:1])
    assert on_card(shop, anna) == ["tenth"] * 2
    shop.posts(anna, "R2", total=1000, coupons=codes[1:2])
    with pytest.raises(LimitReached, match="“tenth” 2 times"):
        shop.posts(anna, total=1000, coupons=codes[2:])
    assert on_card(shop, anna) == [], "what cannot be used is not offered"
    with shop.store.reading() as tx:
        assert "its member has used as many as one may" in str(coupons.told(tx, codes[2], shop.now))
    (pack,) = issue(shop, "tenth")
    with pytest.raises(LimitReached):
        claim(shop, anna, couponcodes.written(pack))
    shop.takes_back("R2")
    assert on_card(shop, anna) == ["tenth"] * 2
    claim(shop, anna, couponcodes.written(pack))


def test_a_kind_has_only_so_many(shop: CornerShop) -> None:
    assert len(issue(shop, "pack", n=2)) == 2
    with pytest.raises(OutOfStock, match="only 3"):
        issue(shop, "pack", n=2)
    outcomes = together(lambda: issue(shop, "pack"), lambda: issue(shop, "pack"))
    assert sum(isinstance(each, OutOfStock) for each in outcomes) == 1
    with pytest.raises(NotFound, match="no coupon “none”"):
        issue(shop, "none")


def test_a_pack_code_is_claimed_by_one_card(shop: CornerShop) -> None:
    anna, boris = shop.joins("Anna"), shop.joins("Boris")
    (code,) = issue(shop, "pack")
    written = couponcodes.written(code)
    outcomes = together(lambda: claim(shop, anna, written), lambda: claim(shop, boris, written))
    assert [type(each) for each in outcomes if each is not None] == [coupons.NotYours]
    winner, other = (anna, boris) if outcomes[0] is None else (boris, anna)
    assert on_card(shop, winner) == ["pack"]
    claim(shop, winner, written)
    assert on_card(shop, winner) == ["pack"]
    with pytest.raises(coupons.NotYours, match="another card"):
        shop.posts(other, total=1000, coupons=[written])


def test_a_coupon_ends_by_the_clock_on_the_card_and_in_the_store(shop: CornerShop) -> None:
    anna = shop.joins()
    (code,) = issue(shop, "tenth", anna)
    ends = START + 14 * DAY
    assert coupon(shop, code).ends == ends
    shop.now = ends - 1
    shop.sweeps()
    assert on_card(shop, anna) == ["tenth"]
    shop.now = ends
    shop.sweeps()
    assert on_card(shop, anna) == [] and coupon(shop, code).state == "expired"


def test_a_void_coupon_is_worth_nothing(shop: CornerShop) -> None:
    anna = shop.joins()
    used, spoilt = (couponcodes.written(code) for code in issue(shop, "tenth", anna, 2))
    shop.posts(anna, total=1000, coupons=[used])
    with shop.store.transaction() as tx:
        assert coupons.void(tx, spoilt, shop.now).state == coupons.void(tx, spoilt, shop.now).state == "void"
        with pytest.raises(coupons.CouponUsed, match="reverse its receipt"):
            coupons.void(tx, used, shop.now)
    assert on_card(shop, anna) == []
    with pytest.raises(coupons.CouponOver, match="made void"):
        shop.posts(anna, total=1000, coupons=[spoilt])


def test_whoever_joins_has_a_gift_without_buying_anything(shop: CornerShop) -> None:
    anna = shop.joins()
    assert [coupon.name for coupon in shop.card(anna).coupons] == [{"en": "Welcome drink"}]
    told = shop.posts(anna, coupons=[shop.card(anna).coupons[0].code])
    assert told["effects"]["discount"] == 0 and shop.card(anna).coupons == ()


def test_every_five_hundred_spent_bring_exactly_one_voucher(shop: CornerShop) -> None:
    voucher = {"key": "voucher", "spend": 50_000, "give": {"coupon": "pack"}}
    shop.promises(key="spender", every=[voucher], coupons=[KINDS[2] | {"stock": None}])
    anna = shop.joins(programme="spender")
    shop.posts(anna, "R1", total=49_999)
    assert on_card(shop, anna) == []
    shop.posts(anna, "R2", total=1)
    assert on_card(shop, anna) == ["pack"]
    shop.takes_back("R2")
    assert on_card(shop, anna) == [], "the voucher goes with the receipt that brought it"
    shop.posts(anna, "R3", total=1)
    code = shop.card(anna).coupons[0].code
    shop.posts(anna, total=500, coupons=[code])
    shop.takes_back("R3")
    with shop.store.reading() as tx:
        assert coupons.find(tx, code).state == "redeemed", "what was used stays used"


def test_a_coupon_that_somebody_has_keeps_its_worth(shop: CornerShop) -> None:
    anna = shop.joins()
    (code,) = issue(shop, "tenth", anna)
    others = [kind for kind in KINDS if kind["key"] != "tenth"]
    with pytest.raises(BadInput, match="still have a coupon “tenth”") as refused:
        shop.amends(coupons=others)
    assert refused.value.field == "coupons"
    shop.amends(coupons=[*others, KINDS[0] | {"stock": 0}])
    with pytest.raises(OutOfStock):
        issue(shop, "tenth", anna)
    assert shop.posts(anna, total=1000, coupons=[couponcodes.written(code)])["effects"]["discount"] == 100
    shop.amends(coupons=others)


def test_another_step_is_another_promise(shop: CornerShop) -> None:
    voucher = {"key": "voucher", "spend": 50_000, "give": {"coupon": "pack"}}
    kinds = [KINDS[2] | {"stock": None}]
    shop.promises(key="spender", every=[voucher], coupons=kinds)
    with pytest.raises(BadInput, match="steps of 50000") as refused:
        shop.amends("spender", every=[voucher | {"spend": 30_000}], coupons=kinds)
    assert refused.value.field == "every.0.spend"
    anna = shop.joins(programme="spender")
    shop.posts(anna, total=290_000)
    assert len(on_card(shop, anna)) == 5
    shop.amends("spender", every=[voucher | {"key": "sooner", "spend": 30_000}], coupons=kinds)
    shop.posts(anna, total=29_999)
    assert len(on_card(shop, anna)) == 5
    shop.posts(anna, total=1)
    assert len(on_card(shop, anna)) == 6


def test_no_purchase_fails_because_a_rules_coupon_has_run_out(shop: CornerShop) -> None:
    voucher = {"key": "voucher", "spend": 1000, "give": {"coupon": "pack"}}
    shop.promises(key="few", every=[voucher], coupons=[KINDS[2] | {"stock": 2}])
    anna, boris, cem = (shop.joins(name, programme="few") for name in ("Anna", "Boris", "Cem"))
    assert shop.posts(anna, "R1", total=1000)["notes"] == []
    outcomes = together(lambda: shop.posts(boris, total=1000), lambda: shop.posts(cem, total=1000))
    assert [told["balances"] for told in outcomes] == [{"points": 10}, {"points": 10}]
    assert len(on_card(shop, boris) + on_card(shop, cem)) == 1, "the last one goes to one of the two"
    quoted, told = (do(anna, total=3000)["notes"] for do in (shop.quotes, shop.posts))
    assert told == quoted == [{"rule": "voucher", "cap": "stock", "limit": 0, "lost": 3}]
    shop.takes_back("R1")
    shop.posts(anna, total=1000)
    assert on_card(shop, anna) == ["pack"], "what was taken back is there again"


def test_nobody_is_given_what_they_may_not_use_any_more(shop: CornerShop) -> None:
    once = {"key": "once", "name": {"en": "Once"}, "discount": {"money": 100}, "per_member": 1}
    promo = {"key": "tip", "code": "TIP", "name": {"en": "Tip"}, "give": {"coupon": "once"}}
    treat = {"key": "treat", "name": {"en": "Treat"}, "cost": 5, "coupon": "once"}
    voucher = {"key": "voucher", "spend": 1000, "give": {"coupon": "once"}}
    shop.promises(key="limited", every=[voucher], coupons=[once], promos=[promo], rewards=[treat])
    anna = shop.joins(programme="limited")
    shop.posts(anna, "R1", total=1000)
    bill = {"total": 1200, "coupons": [shop.card(anna).coupons[0].code]}
    quoted, told = shop.quotes(anna, **bill), shop.posts(anna, "R2", **bill)
    assert quoted["notes"] == told["notes"] == [{"rule": "voucher", "cap": "member", "limit": 1, "lost": 1}]
    assert on_card(shop, anna) == [] and shop.state(anna)["coupons"] == [], "none is there that the member does not see"
    for asked, field in (({"reward": "treat"}, "reward"), ({"promo": "TIP"}, "promo")):
        with pytest.raises(LimitReached, match="One member may use the coupon “once” 1 times") as refused:
            shop.posts(anna, **asked)
        assert refused.value.field == field and shop.balance(anna) == 21
    shop.takes_back("R2")
    assert on_card(shop, anna) == ["once"], "what was not used after all can be used"
    shop.posts(anna, promo="TIP")
    assert on_card(shop, anna) == ["once", "once"]


def test_a_discount_for_some_goods_leaves_the_others_their_points(shop: CornerShop) -> None:
    beans = {"key": "beans", "amount": 5, "per": 100, "goods": {"categories": ["coffee"]}}
    shop.promises(key="roastery", earn={"points": 0}, rules=[beans], coupons=[KINDS[1]])
    anna = shop.joins(programme="roastery")
    with shop.store.transaction() as tx:
        held = cards.by_serial(tx, anna, lock=True)
        (code,) = coupons.issue(tx, programmes.find(tx, "roastery"), "cake", held.id, shop.now)
    told = shop.posts(anna, total=7500, lines=BASKET, coupons=[couponcodes.written(code)])
    # The free piece of cake is worth 15.00; the coffee for 30.00 was paid in full.
    assert (told["effects"]["discount"], told["effects"]["earned"]) == (1500, 150)


def test_guessing_is_slowed_down_after_twenty_wrong_codes(shop: CornerShop) -> None:
    anna = shop.joins()
    (code,) = issue(shop, "pack")

    def tries(what: str) -> None:
        with shop.store.transaction() as tx:
            coupons.count_try(tx, KEYS, cards.by_serial(tx, anna), what, shop.now)

    for _ in range(19):
        tries("C-0000-0000-0000")
    tries(couponcodes.written(code))
    tries("C-0000-0000-0000")
    with pytest.raises(TooManyTries, match="try again in 60 seconds") as refused:
        tries(couponcodes.written(code))
    assert refused.value.status == 429
    shop.now += 61
    tries(couponcodes.written(code))


@pytest.mark.slow
def test_a_hundred_thousand_codes_are_all_different(tmp_path: Path) -> None:
    shop = CornerShop.open(f"sqlite:///{tmp_path}/passes.db", coupons=KINDS)
    codes = issue(shop, "big", n=100_000)
    assert len(set(codes)) == 100_000 == shop.count(t.Coupon)
    shop.close()


def test_codes_are_read_as_people_write_them() -> None:
    code = couponcodes.new()
    printed = couponcodes.written(code)
    for written in (printed, code_of(code), f" C{code} ", printed.replace("-", "–")):
        assert couponcodes.read(written) == code
    for other in ("", "C", code, f"C{code}0", f"LC1.{code}", "CУУУУУУУУУУУУ", "С-0000-0000-0000"):
        assert couponcodes.read(other) is None


def test_codes_for_packs_are_printed_by_a_command(tmp_path: Path) -> None:
    shop = open_shop(tmp_path / "home")
    kinds = {"key": "packs", "name": {"en": "Packs"}, "look": "cafe", "coupons": [KINDS[2] | {"stock": None}]}
    assert shop.post("/programmes", kinds).status_code == 201
    arguments = ["--home", str(tmp_path / "home"), "coupons", "make", "pack", "--programme", "packs", "--count", "1200"]
    done = CliRunner().invoke(main, arguments)
    codes = done.stdout.split()
    assert done.exit_code == 0 and len(set(codes)) == 1200
    assert shop.get(f"/coupons/{codes[-1]}").said["state"] == "issued"


# --- Promo codes ---


def test_a_promo_code_is_used_once_by_each_member(shop: CornerShop) -> None:
    anna, boris = shop.joins("Anna"), shop.joins("Boris")
    told = shop.posts(anna, "R1", total=3000, promo="summer ")
    assert told["effects"]["discount"] == 1500
    with pytest.raises(LimitReached, match="SUMMER 1 times"):
        shop.posts(anna, total=3000, promo="SUMMER")
    shop.posts(boris, total=3000, promo="SUMMER")
    shop.takes_back("R1")
    assert shop.quotes(anna, total=3000, promo="SUMMER")["effects"]["discount"] == 1500
    with pytest.raises(NotFound, match="no such promo code"):
        shop.posts(anna, total=3000, promo="WINTER")


def test_the_whole_bill_says_whether_it_is_large_enough_for_a_promo_code(shop: CornerShop) -> None:
    anna = shop.joins()
    (code,) = issue(shop, "big", anna)
    with pytest.raises(DoesNotFit, match="a bill of 10000; 1 are missing") as refusal:
        shop.quotes(anna, total=9_999, promo="FEAST")
    assert refusal.value.field == "promo"
    # As a second coupon would be judged: what the first took off makes the bill no smaller.
    told = shop.posts(anna, total=10_000, coupons=[couponcodes.written(code)], promo="FEAST")
    assert told["effects"]["discount"] == 2_000 + 100


def test_a_promo_code_is_for_its_time_and_tier_and_may_give_points(shop: CornerShop) -> None:
    anna = shop.joins()
    with pytest.raises(PromoOver, match="not taken yet"):
        shop.posts(anna, promo="GOLD-ONLY")
    shop.now += DAY
    with pytest.raises(PromoNotYours, match="gold"):
        shop.posts(anna, promo="GOLD-ONLY")
    shop.posts(anna, total=100_000)
    before = shop.balance(anna)
    told = shop.posts(anna, "R1", promo="GOLD-ONLY")
    assert (told["effects"]["earned"], shop.balance(anna)) == (100, before + 100)
    shop.takes_back("R1")
    assert shop.balance(anna) == before
    shop.now += DAY
    with pytest.raises(PromoOver, match="is over"):
        shop.posts(anna, promo="GOLD-ONLY")


def test_a_code_for_a_hundred_gives_a_hundred_however_many_come(shop: CornerShop) -> None:
    cards_ = [shop.joins(f"Member {number}") for number in range(10)]

    def hurries(serial: str) -> int:
        taken = 0
        for _ in range(100):
            try:
                shop.posts(serial, total=1000, promo="RUSH")
                taken += 1
            except OutOfStock:
                pass
        return taken

    taken = together(*(lambda serial=serial: hurries(serial) for serial in cards_), wait_seconds=120)
    assert sum(taken) == 100
    receipts = shop.count(t.Receipt)
    assert receipts == 100, "a refused receipt leaves nothing"
