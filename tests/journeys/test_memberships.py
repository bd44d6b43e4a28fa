"""Paid memberships: periods, grace, renewal, and what a card says of them. On both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from passes import cards, memberships, programmes
from passes.card import Membership
from passes.errors import BadInput, Conflict
from tests.corner_shop import CornerShop

ZONE = ZoneInfo("Europe/Warsaw")


def at(day: str) -> int:
    """Midnight in the shop."""
    return int(datetime.fromisoformat(day).replace(tzinfo=ZONE).timestamp())


@pytest.fixture
def shop(store_url: str) -> Iterator[CornerShop]:
    club = {"months": 1, "grace_days": 5}
    bonus = {"key": "club", "measure": "visit", "amount": 10, "when": {"member_paid": True}}
    shop = CornerShop.open(
        store_url, kind="membership", time_zone="Europe/Warsaw", membership=club, rules=[bonus], expire_days=None
    )
    shop.now = at("2027-01-31") + 36_000
    yield shop
    shop.close()


def renews(shop: CornerShop, serial: str, periods: int = 1) -> Membership:
    with shop.store.transaction() as tx:
        held = cards.by_serial(tx, serial, lock=True)
        return memberships.renew(tx, programmes.find(tx, "cafe"), held, periods, shop.now)


def shown(shop: CornerShop, serial: str) -> Any:
    shop.sweeps()
    return shop.card(serial).membership


def test_a_month_is_the_calendars_and_keeps_its_day(shop: CornerShop) -> None:
    anna = shop.joins()
    assert shown(shop, anna) == Membership("unpaid")
    assert renews(shop, anna).until == at("2027-02-28")
    assert renews(shop, anna).until == at("2027-03-31"), "the 31st again"
    assert renews(shop, anna, 11).until == at("2028-02-29")


def test_benefits_stay_through_the_grace_and_end_with_it(shop: CornerShop) -> None:
    anna = shop.joins()
    earned = lambda: shop.posts(anna, total=100)["effects"]["earned"]  # noqa: E731
    assert earned() == 1
    renews(shop, anna)
    assert shown(shop, anna) == Membership("paid", at("2027-02-28"))
    assert earned() == 11
    shop.now = at("2027-02-28")
    assert shown(shop, anna).state == "grace"
    assert earned() == 11
    shop.now = at("2027-03-05") - 1
    assert earned() == 11
    shop.now += 1
    assert earned() == 1
    assert shown(shop, anna) == Membership("over", at("2027-02-28"))


def test_a_renewal_in_time_goes_on_and_a_late_one_begins_anew(shop: CornerShop) -> None:
    anna, boris = shop.joins("Anna"), shop.joins("Boris")
    for serial in (anna, boris):
        renews(shop, serial)
    shop.now = at("2027-03-03") + 3600
    assert renews(shop, anna).until == at("2027-03-31")
    shop.now = at("2027-03-10") + 3600
    assert renews(shop, boris).until == at("2027-04-10")
    assert shown(shop, boris).state == "paid"


def test_the_shops_own_system_may_say_until_when(shop: CornerShop) -> None:
    anna = shop.joins()
    with shop.store.transaction() as tx:
        held = cards.by_serial(tx, anna, lock=True)
        memberships.pay_until(tx, programmes.find(tx, "cafe"), held, at("2027-06-01"), shop.now)
    assert shown(shop, anna) == Membership("paid", at("2027-06-01"))
    with shop.store.transaction() as tx:
        held = cards.by_serial(tx, anna, lock=True)
        memberships.pay_until(tx, programmes.find(tx, "cafe"), held, at("2027-01-01"), shop.now)
    assert shown(shop, anna).state == "over", "a payment was taken back"


def test_a_programme_without_membership_and_a_silly_number_are_refused(shop: CornerShop) -> None:
    anna = shop.joins()
    with pytest.raises(BadInput, match="Between 1 and 36"):
        renews(shop, anna, 37)
    shop.promises(key="plain")
    boris = shop.joins("Boris", "plain")
    with shop.store.transaction() as tx:
        held = cards.by_serial(tx, boris, lock=True)
        with pytest.raises(Conflict, match="no membership"):
            memberships.renew(tx, programmes.find(tx, "plain"), held, 1, shop.now)
