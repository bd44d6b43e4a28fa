"""What a card's page offers at the till: the coupons that can be used, how a stamp is given, and two things to say."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from passes import programmes
from passes.card import Balance, Card, Contact, Coupon, Expiring, Prize, Reward, Stamps
from passes.guests import Guest
from passes.points.orders import Order
from passes.wallets.ecard.face import face
from passes.web.staff.attempt import whats_of
from passes.web.staff.sale import balances, hints, purse, stepper, tickets
from passes.web.staff.story import tell
from tests.corner_shop import CornerShop
from tests.unit.rich_programme import DAY, START, rich, spoken

ZONE = ZoneInfo("UTC")
COFFEE = {"en": "Free coffee", "ru": "Кофе в подарок", "pl": "Darmowa kawa"}
FIVE = {"en": "Five off", "ru": "Минус пять", "pl": "Pięć mniej"}
ANNA = Card(
    serial="serial",
    number="400012345678",
    code="LC1.A.B",
    programme="rich",
    programme_name={"en": "Rich"},
    kind="points",
    look="cafe",
    look_digest="",
    contact=Contact("Café"),
    name="Anna",
    language="en",
    status="active",
    joined=START,
    unit="points",
    balance=120,
    currency="PLN",
    balances=(Balance("stamps", "stamps", 7), Balance("cash", "money", 450, {"en": "Cash"})),
    stamps=Stamps("stamps", 10, (Prize(10, COFFEE),), 7),
    coupons=(
        Coupon("C-1", "five", FIVE, START, START + 3 * DAY),
        Coupon("C-2", "coffee", COFFEE, START, START + 60 * DAY),
        Coupon("C-3", "five", FIVE, START + DAY, START + 90 * DAY),
    ),
)


def said(card: Card, language: str) -> list[str]:
    words = spoken(language)
    return [re.sub(r"\s", " ", hint) for hint in hints(card, face(card, words, ZONE, START), words, ZONE, START)]


def test_only_coupons_that_can_be_used_now_are_offered() -> None:
    listed = tickets(ANNA, rich(), spoken("en"), ZONE, START)
    assert [(one.code, one.is_ending, one.needs_price) for one in listed] == [
        ("C-1", True, False),
        ("C-2", False, True),
    ]
    assert [note.replace("\xa0", " ") for note in listed[0].notes] == [
        "until September 23, 2026",
        "for bills from PLN20.00",
    ]
    later = tickets(ANNA, rich(), spoken("en"), ZONE, START + 3 * DAY)
    assert [one.code for one in later] == ["C-2", "C-3"]


ENDING = {
    "en": "Coupon ends soon: Five off, until September 23, 2026",
    "ru": "Купон скоро закончится: Минус пять, до 23 сентября 2026 г.",
    "pl": "Kupon wkrótce się skończy: Pięć mniej, do 23 września 2026",
}


@pytest.mark.parametrize(
    ("language", "missing", "told"),
    [
        ("en", 1, "1 stamp to Free coffee"),
        ("en", 3, "3 stamps to Free coffee"),
        ("ru", 1, "Ещё 1 штамп до награды «Кофе в подарок»"),
        ("ru", 3, "Ещё 3 штампа до награды «Кофе в подарок»"),
        ("ru", 5, "Ещё 5 штампов до награды «Кофе в подарок»"),
        ("pl", 1, "Jeszcze 1 pieczątka"),
        ("pl", 3, "Jeszcze 3 pieczątki"),
        ("pl", 5, "Jeszcze 5 pieczątek"),
    ],
)
def test_a_coupon_that_ends_and_the_stamps_that_are_missing_are_said(language: str, missing: int, told: str) -> None:
    assert ANNA.stamps
    ending, stamps = said(replace(ANNA, stamps=replace(ANNA.stamps, filled=10 - missing)), language)
    assert ending == ENDING[language] and stamps.startswith(told)


def test_no_more_than_two_things_are_said_and_a_reward_first() -> None:
    card = replace(ANNA, rewards=(Reward("cup", {"en": "Cup"}, 80),), expiring=Expiring(20, START + 5 * DAY))
    assert said(card, "en") == ["Reward ready: Cup", "Ends soon: 20 points until September 25, 2026"]
    lasting = replace(card, expiring=None)
    assert said(lasting, "en") == ["Reward ready: Cup", "Coupon ends soon: Five off, until September 23, 2026"]
    assert said(replace(ANNA, coupons=(), stamps=None), "en") == []


def test_a_guest_is_greeted_first() -> None:
    card, words = replace(ANNA, coupons=(), stamps=None), spoken("pl")
    guest = Guest(birth_month=9, came_before=START - 70 * DAY)
    told = hints(card, face(card, words, ZONE, START), words, ZONE, START, guest)
    assert told == ["Urodziny w tym miesiącu", "Ostatnia wizyta: 13 lipca 2026"]
    lately = Guest(birth_month=8, came_before=START - 5 * DAY)
    assert hints(card, face(card, words, ZONE, START), words, ZONE, START, lately) == []
    with_coupons = hints(ANNA, face(ANNA, words, ZONE, START), words, ZONE, START, guest)
    assert with_coupons == told, "whoever it is comes before what is still to come"


def test_every_balance_of_the_card_is_told() -> None:
    assert [each.replace("\xa0", " ") for each in balances(ANNA, spoken("en"))] == ["7 stamps", "PLN4.50"]


def test_stamps_pay_nothing_unless_they_are_worth_something() -> None:
    card = replace(ANNA, unit="stamps", unit_kind="stamps", balance=5)
    assert (
        purse(card, rich(worth_of_one=0), spoken("en")) is None is purse(replace(ANNA, balance=0), rich(), spoken("en"))
    )
    found = purse(card, rich(worth_of_one=100), spoken("en"))
    assert found and found.hint.replace("\xa0", " ") == "The card holds 5 stamps, worth PLN5.00." and not found.is_money


def test_a_gift_card_pays_by_itself_and_is_counted_in_money() -> None:
    card = replace(ANNA, kind="gift", unit="money", unit_kind="money", balance=12_345)
    found = purse(card, rich(), spoken("en"))
    assert found and (found.title, found.is_money, found.pays) == ("Pay from the card", True, 12_345)
    assert found.hint.replace("\xa0", " ") == "The card holds PLN123.45."
    saved = purse(replace(card, kind="cashback"), rich(), spoken("en"))
    assert saved and saved.pays is None


@pytest.mark.parametrize(("language", "says"), [("en", "Stamp"), ("ru", "Штамп"), ("pl", "Pieczątka")])
def test_a_stamp_card_has_one_large_button(language: str, says: str) -> None:
    by_coffee = {"key": "coffee", "name": COFFEE, "unit": "stamps", "measure": "item", "amount": 1}
    found = stepper(ANNA, rich(rules=[by_coffee]), spoken(language))
    assert found and (found.button, found.label, found.most, found.leads) == (says, COFFEE[language], 20, True)


def test_prepaid_visits_are_taken_off_while_there_are_any() -> None:
    card = replace(ANNA, kind="visits", unit="visits", balance=3)
    found = stepper(card, rich(), spoken("en"))
    assert found and (found.field, found.most, found.leads) == ("points", 3, True)
    assert stepper(replace(card, balance=0), rich(), spoken("en")) is None


@pytest.mark.parametrize(
    ("order", "needs"),
    [
        (Order("r", total=100), ("earn",)),
        (Order("r", event="visit"), ("earn",)),
        (Order("r", lines=({"quantity": 1, "price": 0},)), ("earn",)),
        (Order("r", total=100, redeem=5, coupons=("C-1",)), ("earn", "redeem", "coupon")),
        (Order("r", promo="SPRING"), ("coupon",)),
    ],
)
def test_each_part_of_a_sale_needs_its_right(order: Order, needs: tuple[str, ...]) -> None:
    assert whats_of(order) == needs


def test_the_story_tells_every_unit_that_moved_and_no_stamps_of_a_full_card(tmp_path: Path) -> None:
    units = [{"key": "stamps", "kind": "stamps"}]
    rules = [{"key": "visit", "unit": "stamps", "measure": "visit", "amount": 3}]
    shop = CornerShop.open(
        f"sqlite:///{tmp_path}/passes.db", units=units, rules=rules, stamps={"unit": "stamps", "of": 5}
    )
    anna = shop.joins()
    first, second = shop.posts(anna, total=1200), shop.posts(anna, event="visit")
    with shop.store.reading() as tx:
        programme = programmes.find(tx, "cafe")
    told = [tell(body, programme, spoken("en")) for body in (first, second)]
    assert [story.change.replace("\xa0", " ") for story in told] == ["+12 points · +3 stamps", "+3 stamps"]
    assert [story.balance.replace("\xa0", " ") for story in told] == ["12 points · 3 stamps", "1 stamp"]
    shop.close()
