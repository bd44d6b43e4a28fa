"""Members who come by their rhythm, once, or no more; what they are reminded of, and what that did."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from passes import create_app, programmes
from passes.definition import Definition
from passes.members import Agreement
from passes.reminders import giving, report, schedule
from passes.store import tables as t
from tests.corner_shop import CAFE, DAY, CornerShop, together
from tests.home import PROGRAMME, new_home
from tests.journeys.running import passes
from tests.shop_system import ShopSystem

AGREED = tuple(Agreement(purpose, "hash", "join page") for purpose in ("messages", "profiling"))
COUPONS = [{"key": key, "name": {"en": key.capitalize()}, "valid_days": 7} for key in ("again", "soon", "back")]
REMINDERS = [
    {"key": "again", "when": "second", "coupon": "again", "days": 5, "control": 0},
    {"key": "soon", "when": "rhythm", "coupon": "soon", "control": 0},
    {"key": "back", "when": "lapsed", "coupon": "back", "control": 0},
]


@pytest.fixture
def shop(store_url: str) -> Iterator[CornerShop]:
    shop = CornerShop.open(store_url, coupons=COUPONS, reminders=REMINDERS)
    yield shop
    shop.close()


def passes_days(shop: CornerShop, days: float) -> None:
    """The worker comes by every hour."""
    until = shop.now + int(days * DAY)
    while shop.now < until:
        shop.now = min(until, shop.now + DAY // 24)
        works(shop)


def works(shop: CornerShop) -> None:
    while giving.settle(shop.store, shop.now):
        pass


def comes_every(shop: CornerShop, serial: str, days: float, times: int) -> None:
    for _ in range(times):
        shop.posts(serial, total=1_000)
        passes_days(shop, days)


def holds(shop: CornerShop, serial: str) -> list[str]:
    """The kinds of coupons on the card, as drawn."""
    return [str(coupon.key) for coupon in shop.card(serial).coupons]


def reminded(shop: CornerShop, key: str) -> int:
    return shop.count(t.Reminder, t.Reminder.key == key)


def test_a_first_purchase_is_followed_by_an_offer_for_the_second(shop: CornerShop) -> None:
    anna = shop.joins("Anna", agreements=AGREED)
    shop.posts(anna, total=1_000)
    passes_days(shop, 4.9)
    assert holds(shop, anna) == []
    passes_days(shop, 0.2)
    assert holds(shop, anna) == ["again"]
    passes_days(shop, 30)
    assert reminded(shop, "again") == 1


def test_who_has_used_as_many_as_one_may_is_reminded_of_no_more(shop: CornerShop) -> None:
    once = [COUPONS[0], COUPONS[1] | {"per_member": 1}, COUPONS[2]]
    shop.amends(coupons=once, reminders=REMINDERS)
    anna = shop.joins("Anna", agreements=AGREED)
    comes_every(shop, anna, 10, 3)
    shop.posts(anna, total=1_000)
    passes_days(shop, 9)
    (soon,) = [coupon.code for coupon in shop.card(anna).coupons if coupon.key == "soon"]
    passes_days(shop, 1)
    shop.posts(anna, total=1_000, coupons=[soon])
    passes_days(shop, 9)
    assert reminded(shop, "soon") == 1 and holds(shop, anna) == []


@pytest.mark.parametrize("over", ["stock", "ends"])
@pytest.mark.parametrize("control", [0, 50])
def test_a_coupon_that_is_over_neither_reminds_nor_compares(shop: CornerShop, over: str, control: int) -> None:
    gone = {"stock": 0} if over == "stock" else {"ends": shop.now + DAY}
    part = REMINDERS[0] | {"control": control}
    shop.amends(coupons=[COUPONS[0] | gone, *COUPONS[1:]], reminders=[part])
    for number in range(8):
        shop.posts(shop.joins(f"M{number}", agreements=AGREED), total=1_000)
    passes_days(shop, 6)
    assert reminded(shop, "again") == 0


def test_who_bought_again_meanwhile_gets_none(shop: CornerShop) -> None:
    anna = shop.joins("Anna", agreements=AGREED)
    comes_every(shop, anna, 3, 2)
    passes_days(shop, 10)
    assert reminded(shop, "again") == 0


def test_a_purchase_taken_back_is_none(shop: CornerShop) -> None:
    anna = shop.joins("Anna", agreements=AGREED)
    shop.posts(anna, total=1_000)
    passes_days(shop, 1)
    shop.posts(anna, "mistaken", total=1_000)
    shop.takes_back("mistaken")
    passes_days(shop, 5)
    assert holds(shop, anna) == ["again"]


def test_somebody_with_a_rhythm_is_reminded_just_before_they_come(shop: CornerShop) -> None:
    anna = shop.joins("Anna", agreements=AGREED)
    comes_every(shop, anna, 10, 3)
    assert reminded(shop, "soon") == 0
    shop.posts(anna, total=1_000)
    passes_days(shop, 7.9)
    assert holds(shop, anna) == []
    passes_days(shop, 0.2)
    assert holds(shop, anna) == ["soon"]
    passes_days(shop, 5)
    assert reminded(shop, "soon") == 1
    # Whoever comes sooner needs none; the next gap has its own.
    shop.posts(anna, total=1_000)
    passes_days(shop, 7)
    shop.posts(anna, total=1_000)
    passes_days(shop, 7.9)
    assert reminded(shop, "soon") == 1


def test_somebody_who_stays_away_is_asked_back_once(shop: CornerShop) -> None:
    anna = shop.joins("Anna", agreements=AGREED)
    comes_every(shop, anna, 4, 4)
    passes_days(shop, 5.9)
    assert reminded(shop, "back") == 0
    passes_days(shop, 60)
    assert reminded(shop, "back") == 1 and reminded(shop, "soon") == 1


@pytest.mark.parametrize("purposes, expected", [((), 0), (("messages",), 0), (("profiling",), 1)])
def test_nobody_is_watched_who_did_not_agree(shop: CornerShop, purposes: tuple[str, ...], expected: int) -> None:
    agreed = tuple(Agreement(purpose, "hash", "join page") for purpose in purposes)
    anna = shop.joins("Anna", agreements=agreed)
    comes_every(shop, anna, 10, 5)
    assert reminded(shop, "soon") == expected * 2
    assert reminded(shop, "again") == ("messages" in purposes)


def test_a_worker_that_was_away_reminds_nobody_too_late(shop: CornerShop) -> None:
    anna = shop.joins("Anna", agreements=AGREED)
    comes_every(shop, anna, 10, 3)
    shop.posts(anna, total=1_000)
    shop.now += 11 * DAY
    works(shop)
    assert reminded(shop, "soon") == 0


def test_two_workers_remind_once(shop: CornerShop) -> None:
    serials = [shop.joins(f"M{number}", agreements=AGREED) for number in range(8)]
    for serial in serials:
        shop.posts(serial, total=1_000)
    shop.now += 6 * DAY
    assert not [each for each in together(*[lambda: works(shop)] * 2) if isinstance(each, Exception)]
    assert reminded(shop, "again") == len(serials)
    assert [holds(shop, serial) for serial in serials] == [["again"]] * len(serials)
    with shop.store.reading() as tx:
        assert schedule.next_due(tx) is None


def test_a_blocked_card_and_a_forgotten_member_are_left_in_peace(shop: CornerShop) -> None:
    anna, ben = (shop.joins(name, agreements=AGREED) for name in ("Anna", "Ben"))
    for serial in (anna, ben):
        shop.posts(serial, total=1_000)
    shop.sets(anna, "blocked")
    shop.erases(ben)
    passes_days(shop, 6)
    assert reminded(shop, "again") == 0


def test_what_a_reminder_did_is_counted_from_receipts_that_stand(store_url: str) -> None:
    part = {"key": "again", "when": "second", "coupon": "again", "days": 5, "control": 50, "answer_days": 3}
    shop = CornerShop.open(store_url, coupons=COUPONS, reminders=[part])
    serials = [shop.joins(f"M{number}", agreements=AGREED) for number in range(40)]
    for serial in serials:
        shop.posts(serial, total=1_000)
    passes_days(shop, 5.1)
    with_one = [serial for serial in serials if holds(shop, serial)]
    assert 0 < len(with_one) < 40 and reminded(shop, "again") == 40
    came = with_one[: len(with_one) // 2]
    for number, serial in enumerate(came):
        shop.posts(serial, f"second-{number}", total=2_000)
    shop.takes_back("second-0")
    with shop.store.reading() as tx:
        programme = programmes.find(tx, "cafe")
        assert report.effects(tx, programme, shop.now)["again"].given.people == 0
    shop.now += 4 * DAY
    shop.posts(with_one[-1], total=9_000)
    with shop.store.reading() as tx:
        effect = report.effects(tx, programmes.find(tx, "cafe"), shop.now)["again"]
    stood = len(came) - 1
    assert (effect.given.people, effect.given.came, effect.given.spent) == (len(with_one), stood, stood * 2_000)
    assert (effect.control.people, effect.control.came) == (40 - len(with_one), 0)
    shop.close()


def test_both_reports_are_printed(tmp_path: Path) -> None:
    """For whoever runs the shop, in columns that other programs read as well."""
    home = new_home(tmp_path / "home")
    system = ShopSystem(create_app(home))
    part = {"key": "again", "when": "second", "coupon": "again"}
    definition = PROGRAMME.model_dump(mode="json") | {"coupons": COUPONS, "reminders": [part]}
    assert system.call("PUT", "/programmes/cafe", definition).status_code == 200
    _, serial = system.joins(name="Anna", consents=[{"purpose": "messages"}])
    for number in range(2):
        assert system.post(f"/cards/{serial}/receipts", {"receipt": f"r-{number}", "total": 100}).status_code == 201
    said = passes("--home", home, "programme", "reminders", "cafe")
    assert said.code == 0 and "again\t0\t0\t0\t0\t+0.0%" in said.said and "too few" in said.said
    said = passes("--home", home, "programme", "returning", "cafe")
    assert said.said.splitlines()[1].split("\t")[1:] == ["1", "1", "100.0%"]


def test_how_many_come_again_is_what_a_recount_says(shop: CornerShop) -> None:
    expected: dict[str, list[int]] = {}
    for number in range(30):
        serial = shop.joins(f"M{number}")
        month = f"{datetime.fromtimestamp(shop.now, UTC):%Y-%m}"
        times = number % 3
        for time in range(times):
            shop.posts(serial, f"{number}-{time}", total=1_000)
        if times == 2 and number % 2:
            shop.takes_back(f"{number}-1")
        if times:
            counted = expected.setdefault(month, [0, 0])
            counted[0] += 1
            counted[1] += times == 2 and not number % 2
        shop.now += 5 * DAY
    with shop.store.reading() as tx:
        found = report.second_purchases(tx, programmes.find(tx, "cafe"))
    assert {each.month: [each.first, each.second] for each in found} == expected and len(found) > 3


@pytest.mark.parametrize(
    "part, says",
    [
        ({"when": "rhythm", "coupon": "none"}, "a coupon of this programme"),
        ({"when": "rhythm", "coupon": "soon", "percent": 100}, "below 100"),
        ({"when": "lapsed", "coupon": "soon", "percent": 110}, "120 or more"),
        ({"when": "second", "coupon": "soon", "percent": 80}, "no `percent`"),
        ({"when": "sometimes", "coupon": "soon"}, "second"),
        ({"when": "second", "coupon": "soon", "control": 51}, "50"),
        ({"when": "second", "coupon": "soon", "days": 0}, "days"),
    ],
)
def test_a_reminder_that_cannot_be_is_refused(part: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Definition.model_validate(CAFE | {"coupons": COUPONS, "reminders": [{"key": "r"} | part]})
