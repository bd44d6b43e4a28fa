"""A pass of every kind of programme, told by the bytes that leave the service: stamps in the picture, balances and
dates as the phone writes them, what has no room in front told on the back, in three languages."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from itertools import pairwise
from typing import Any, cast

import pytest
from PIL import Image

from passes.card import Balance, Card, Challenge, Coupon, Membership, News, Pending, Perk, Prize, Stamps, Step

from ..passcheck import check
from .apple_cards import ANNA, COFFEE, DAY, GOLD, NOW, built, certs, fields, files, shown

CAKE_PRIZE = {"en": "Slice of cake", "ru": "Кусочек торта", "pl": "Kawałek ciasta"}
STAMPS = Stamps("", 10, (Prize(5, CAKE_PRIZE), Prize(10, COFFEE)))
MIDNIGHT = 1_938_031_200  # the first of June 2031 in Warsaw, when May's last day is over

STAMP_CARD = replace(
    ANNA,
    kind="stamps",
    unit="stamps",
    unit_kind="stamps",
    balance=0,
    stamps=STAMPS,
    worth=None,
    currency=None,
    progress=None,
    rewards=(),
    expiring=None,
    news=None,
)
EVERYTHING = replace(
    ANNA,
    stamps=replace(STAMPS, unit="visits-stamps", filled=7),
    balances=(
        Balance("visits-stamps", "stamps", 7, {"en": "Coffees"}),
        Balance("gift", "money", 1250, {"en": "Gift balance", "ru": "Подарочный баланс", "pl": "Saldo podarunkowe"}),
        Balance("visits", "visits", 3),
    ),
    pending=Pending(40, MIDNIGHT),
    perks=(
        Perk("manager", {"en": "Your manager", "ru": "Ваш менеджер"}, contact="Olga, +48 600 100 200"),
        Perk("sale", {"en": "20 % off coats"}, ends=MIDNIGHT),
    ),
    challenges=(
        Challenge("three", {"en": "Five lunches", "ru": "Пять обедов"}, "visits", 5, ends=MIDNIGHT, reached=3),
    ),
    steps=(
        Step("more", {}, amount=50, needed=2500),
        Step("twice", {}, percent=250, unit="visits", needed=3000),
        Step("feast", {"en": "Cake for two"}, needed=4000),
        Step("else", {}, needed=5000),
    ),
    tier_until=MIDNIGHT,
    tier_warning=True,
    tier_missing=120,
    coupons=(Coupon("ABCD-EFGH-JKLM", "cake", CAKE_PRIZE, NOW, MIDNIGHT), Coupon("WXYZ", "cup", COFFEE, NOW)),
    membership=Membership("paid", MIDNIGHT),
)


def stamped(filled: int) -> Card:
    return replace(STAMP_CARD, balance=filled, stamps=replace(STAMPS, filled=filled))


def strip(bundle: bytes, scale: str = "@3x") -> bytes:
    return files(bundle)[f"strip{scale}.png"]


def errors(bundle: bytes) -> list[Any]:
    return [finding for finding in check(bundle, certs() / "dev-root.pem", NOW + 1) if finding.severity == "E"]


def warnings(bundle: bytes) -> list[str]:
    return [finding.id for finding in check(bundle, certs() / "dev-root.pem", NOW + 1)]


def test_each_stamp_is_seen_and_the_eleventh_begins_a_new_card() -> None:
    seen = [sha256(strip(built(stamped(n % 10)))).digest() for n in range(12)]
    assert all(one != after for one, after in pairwise(seen))
    assert len(set(seen[:10])) == 10
    assert seen[11] == seen[1]


def test_stamps_are_drawn_in_every_size_a_phone_wants_and_weigh_little() -> None:
    bundle = built(stamped(4))
    for scale, times in (("", 1), ("@2x", 2), ("@3x", 3)):
        assert Image.open(BytesIO(strip(bundle, scale))).size == (375 * times, 144 * times)
    assert len(bundle) < 120_000
    assert warnings(bundle) == []


def test_a_filled_place_bears_the_cup_and_an_empty_one_only_its_outline() -> None:
    picture = Image.open(BytesIO(strip(built(stamped(1))))).convert("RGB")
    cream, ground = (255, 244, 227), (42, 22, 13)

    def share(colour: tuple[int, int, int], left: int, right: int) -> float:
        """How much of the part is of about this colour."""
        part = picture.crop((left, 40, right, 216))
        counted = cast("list[tuple[int, tuple[int, int, int]]]", part.getcolors(part.width * part.height))
        near = [n for n, pixel in counted if sum(abs(a - b) for a, b in zip(pixel, colour, strict=True)) < 60]
        return sum(near) / (part.width * part.height)

    assert share(cream, 130, 290) > 0.4 > 0.05 > share(cream, 310, 470)
    assert share(ground, 310, 470) > 0.5


def test_nothing_lies_over_the_stamps_and_the_count_stands_above() -> None:
    face = shown(built(stamped(7)))["storeCard"]
    assert not face.get("primaryFields")
    assert [(f["label"], f["value"]) for f in face["headerFields"]] == [("Stamps", "7 / 10"), ("Level", "Gold")]


def test_cards_that_are_equally_full_share_their_beginning() -> None:
    first, second = built(stamped(3)), built(replace(stamped(3), name="Ben", serial="another"))
    size = first.index(b"en.lproj") - 100
    assert first[:size] == second[:size]


@pytest.mark.parametrize("status", ["blocked", "closed"])
def test_a_stamp_card_that_ended_shows_no_stamps(status: str) -> None:
    ended = built(replace(stamped(3), status=status))  # type: ignore[arg-type]
    assert strip(ended) == strip(built())


def test_a_card_of_a_hundred_stamps_tells_their_number() -> None:
    many = replace(STAMP_CARD, balance=64, stamps=Stamps("", 100, (), 64))
    bundle = built(many)
    assert strip(bundle) == strip(built())
    assert fields(bundle)["balance"]["value"] == 64 and fields(bundle)["stamps.words"]["value"] == "64 of 100"


def test_a_card_with_everything_obeys_the_format_and_keeps_to_its_room() -> None:
    for style in ("store", "coupon", "generic"):
        bundle = built(EVERYTHING, style)
        assert errors(bundle) == [] and "J17" not in warnings(bundle)
        assert len(bundle) < 150_000


def test_what_has_no_room_in_front_is_told_on_the_back() -> None:
    back = fields(built(EVERYTHING))
    assert back["balances.words"]["value"] == "Coffees: 7\nGift balance: PLN12.50\nVisits: 3"
    assert back["pending.words"]["value"] == "40 points from June 1, 2031"
    assert back["perks.words"]["value"].split("\n") == [
        "Your manager: Olga, +48 600 100 200",
        "20 % off coats (until May 31, 2031)",
    ]
    assert back["perks.words"]["dataDetectorTypes"] == ["PKDataDetectorTypePhoneNumber"]
    assert back["challenges.words"]["value"] == "Five lunches: 3 of 5, until May 31, 2031"
    assert back["steps.words"]["label"] == "Next step"
    assert back["steps.words"]["value"].replace("\N{NO-BREAK SPACE}", " ").split("\n") == [
        "Next time from PLN25.00: +50 points",
        "Next time from PLN30.00: Visits ×2.5",
        "Next time from PLN40.00: Cake for two",
        "Next time from PLN50.00: something extra",
    ]
    assert back["tier.words"]["value"] == "Gold until May 31, 2031; 120 points more keep it"
    assert back["coupons.words"]["value"].split("\n") == [
        "Slice of cake, until May 31, 2031: ABCD-EFGH-JKLM",
        "Free coffee: WXYZ",
    ]
    assert back["stamps.words"]["value"].split("\n")[0] == "7 of 10. 3 Coffees to Free coffee"


@pytest.mark.parametrize(
    ("language", "key", "said"),
    [
        ("ru", "tier.words", "Золотой до 31 мая 2031\xa0г.; чтобы сохранить, нужно ещё 120 баллов"),
        ("pl", "tier.words", "Złoty do 31 maja 2031; aby go zachować, potrzeba jeszcze: 120 punktów"),
        ("ru", "challenges.words", "Пять обедов: 3 из 5, до 31 мая 2031\xa0г."),
        ("pl", "pending.words", "40 punktów od 1 czerwca 2031"),
        ("ru", "membership.words", "Оплачено до 31 мая 2031\xa0г."),
    ],
)
def test_the_back_speaks_each_language(language: str, key: str, said: str) -> None:
    assert fields(built(EVERYTHING), language)[key]["value"].replace("\u202f", "\xa0") == said


def test_stored_money_is_written_by_the_phone_and_in_the_sentence() -> None:
    card = replace(ANNA, kind="gift", unit="money", unit_kind="money", balance=12550, worth=None, rewards=())
    card = replace(card, progress=None, expiring=None, news=News("topup", 5000, NOW))
    bundle = built(card)
    face = fields(bundle, "pl")
    assert face["balance"]["value"] == 125.5 and face["balance"]["currencyCode"] == "PLN"
    assert face["balance"]["label"] == "Saldo"
    assert face["news"]["value"] == "Doładowanie: +50,00\xa0zł. Stan karty: 125,50\xa0zł."
    assert shown(bundle)["semantics"] == {"balance": {"amount": "125.50", "currencyCode": "PLN"}}
    assert errors(bundle) == []


def test_news_of_another_unit_tells_what_the_card_holds_of_it() -> None:
    card = replace(ANNA, balances=(Balance("visits", "visits", 2),), news=News("earn", 1, NOW, unit="visits"))
    assert fields(built(card), "ru")["news"]["value"] == "+1 визит. Теперь на карте 2 визита."


def test_visits_that_are_paid_for_are_those_left() -> None:
    card = replace(ANNA, kind="visits", unit="visits", unit_kind="visits", balance=4, worth=None)
    assert [fields(built(card), each)["balance"]["label"] for each in ("en", "ru", "pl")] == [
        "Visits left",
        "Осталось визитов",
        "Pozostałe wizyty",
    ]


@pytest.mark.parametrize(
    ("state", "label"),
    [("paid", "Paid until"), ("grace", "Paid until"), ("over", "Ended on"), ("unpaid", "Membership")],
)
def test_a_membership_is_a_generic_card_about_its_date(state: Any, label: str) -> None:
    until = None if state == "unpaid" else MIDNIGHT
    card = replace(ANNA, kind="membership", membership=Membership(state, until), balance=0, worth=None)
    bundle = built(card)
    first = shown(bundle)["generic"]["primaryFields"][0]
    assert first["label"] == label
    assert first["value"] == ("2031-05-31T23:59:59+02:00" if until else "Not paid yet")
    assert errors(bundle) == [] and "strip.png" not in files(bundle) and "thumbnail.png" in files(bundle)


def test_coupons_are_a_coupon_named_after_the_first() -> None:
    card = replace(EVERYTHING, kind="coupons", stamps=None, balance=0, worth=None)
    bundle = built(card)
    assert [f["value"] for f in shown(bundle, "pl")["coupon"]["primaryFields"]] == ["Kawałek ciasta"]
    assert errors(bundle) == []
    assert fields(built(replace(card, coupons=())), "ru", "coupon")["coupon"]["value"] == "Сейчас купонов нет"


def test_members_with_the_same_fields_keep_their_own_stamps_and_words() -> None:
    cards = [stamped(2), stamped(3), EVERYTHING, replace(EVERYTHING, perks=()), replace(EVERYTHING, tier_warning=False)]
    alone = [built(card) for card in cards]
    assert [built(card) for card in reversed(cards)] == alone[::-1]
    assert GOLD["en"] in fields(alone[-1])["tier.words"]["value"] and DAY
