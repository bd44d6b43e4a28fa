"""Spending asks for the code that only the phone shows now, once; a picture of a card earns, and buys little."""

from __future__ import annotations

import random
import secrets
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from passes import cards, codes, stepup
from passes.errors import PassesError
from passes.points import receipts
from passes.points.receipts import Order
from passes.stepup import CodeUsed, OtherCard, StepUpNeeded
from tests.corner_shop import DAY, KEYS, START, CornerShop, together

FLOOR = 50


class CarefulShop(CornerShop):
    """Fifty points a day are spent on a code that does not change."""

    def shows(self, serial: str, away: int = 0) -> str:
        """What the phone shows whose clock is so many seconds away from ours."""
        row = self.held(serial).row
        keys = cards.rotating_keys(KEYS, row.code_id, row.link_version, row.key_id)
        return codes.rotating(row.code_id, row.link_version, keys, self.now + away)

    def printed(self, serial: str) -> str:
        return self.held(serial).revision.card.code

    def spends(self, serial: str, points: int, code: str | None = None, receipt: str | None = None) -> Any:
        """As a till does: what it is told, or why not."""
        order = Order(receipt or secrets.token_hex(6), redeem=points)
        try:
            with self.store.transaction() as tx:
                held = cards.by_serial(tx, serial, lock=True)
                answer = receipts.post(tx, held, order, self.now)
                if not answer.repeated:
                    proof = stepup.read(code, held, KEYS, self.now)
                    stepup.settle(tx, held, proof, answer.body["effects"]["spent"], self.now)
                return answer.body
        except PassesError as refusal:
            return refusal

    def has_rich_member(self) -> str:
        anna = self.joins()
        self.gives(anna, 1000)
        return anna


@pytest.fixture
def shop(store_url: str) -> Iterator[CarefulShop]:
    shop = CarefulShop.open(store_url, spend_floor=FLOOR)
    assert isinstance(shop, CarefulShop)
    yield shop
    assert shop.flaws() == []
    shop.close()


def test_the_same_code_at_many_tills_at_once_is_accepted_once(shop: CarefulShop):
    anna = shop.has_rich_member()
    for _ in range(25):
        shop.now += 30
        code, before = shop.shows(anna), shop.balance(anna)
        told = together(*[partial(shop.spends, anna, 10, code)] * random.choice((2, 2, 2, 8)))
        assert Counter(type(answer) for answer in told) == {dict: 1, CodeUsed: len(told) - 1}
        assert shop.balance(anna) == before - 10


def test_a_thief_with_a_picture_buys_no_more_than_the_floor_a_day(shop: CarefulShop):
    anna = shop.has_rich_member()
    picture, screenshot = shop.printed(anna), shop.shows(anna)
    shop.now += 120
    assert isinstance(shop.spends(anna, 51, picture), StepUpNeeded)
    for _ in range(20):
        shop.spends(anna, 10, random.choice((picture, screenshot, None)))
    assert shop.balance(anna) == 1000 - FLOOR
    shop.now += DAY
    assert isinstance(shop.spends(anna, 30, picture), dict)
    refused = shop.spends(anna, 30, screenshot)
    assert isinstance(refused, StepUpNeeded) and "This code is over" in str(refused) and "at most 20" in str(refused)
    assert shop.balance(anna) == 1000 - FLOOR - 30


@pytest.mark.parametrize(("away", "is_taken"), [(0, True), (-30, True), (30, True), (-90, False), (90, False)])
def test_a_phones_clock_may_be_half_a_minute_wrong(shop: CarefulShop, away: int, is_taken: bool):
    anna = shop.has_rich_member()
    told = shop.spends(anna, 500, shop.shows(anna, away))
    assert isinstance(told, dict if is_taken else StepUpNeeded)
    assert shop.balance(anna) == (500 if is_taken else 1000)


def test_no_code_is_accepted_after_a_later_one(shop: CarefulShop):
    anna = shop.has_rich_member()
    earlier, later = shop.shows(anna, -30), shop.shows(anna)
    assert isinstance(shop.spends(anna, 100, later), dict)
    assert isinstance(shop.spends(anna, 100, earlier), CodeUsed)
    assert isinstance(shop.spends(anna, 100, shop.shows(anna, 30)), dict)


def test_a_till_that_repeats_itself_is_told_the_same(shop: CarefulShop):
    anna = shop.has_rich_member()
    code = shop.shows(anna)
    first = shop.spends(anna, 100, code, receipt="R1")
    assert shop.spends(anna, 100, code, receipt="R1") == first
    assert shop.balance(anna) == 900


def test_a_refusal_leaves_nothing_behind(shop: CarefulShop):
    anna = shop.has_rich_member()
    code = shop.shows(anna)
    assert isinstance(shop.spends(anna, 2000, code), PassesError)
    assert isinstance(shop.spends(anna, 500, code), dict), "the code was not used up"
    assert isinstance(shop.spends(anna, 60), StepUpNeeded)
    assert isinstance(shop.spends(anna, 50), dict), "nothing was counted"


def test_another_members_code_proves_nothing(shop: CarefulShop):
    anna, boris = shop.has_rich_member(), shop.has_rich_member()
    assert isinstance(shop.spends(anna, 10, shop.shows(boris)), OtherCard)
    assert isinstance(shop.spends(anna, 10, shop.shows(boris).replace("LC2", "LC9")), PassesError)
    assert shop.balance(anna) == shop.balance(boris) == 1000


def test_links_that_were_taken_back_take_their_codes_along(shop: CarefulShop):
    anna = shop.has_rich_member()
    old = shop.shows(anna)
    with shop.store.transaction() as tx:
        cards.revoke_links(tx, cards.by_serial(tx, anna, lock=True))
    assert isinstance(shop.spends(anna, 500, old), cards.CodeRevoked)
    assert isinstance(shop.spends(anna, 500, shop.shows(anna)), dict)


def test_a_programme_that_sets_no_floor_takes_any_code(store_url: str):
    shop = CarefulShop.open(store_url)
    assert isinstance(shop, CarefulShop)
    anna = shop.has_rich_member()
    for code in (None, shop.printed(anna), shop.shows(anna, -600), shop.shows(anna)):
        assert isinstance(shop.spends(anna, 200, code), dict)
    assert isinstance(shop.spends(anna, 200, shop.shows(anna)), CodeUsed)
    assert shop.balance(anna) == 200
    assert shop.now == START
    shop.close()
