"""What a class and an object say: whole bodies, in every language, and nothing that Google would refuse."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from passes import look
from passes.card import (
    Balance,
    Card,
    Challenge,
    Contact,
    Coupon,
    Expiring,
    Location,
    Membership,
    News,
    Offer,
    Pending,
    Perk,
    Prize,
    Progress,
    Promise,
    Reward,
    Stamps,
    Step,
    Tier,
)
from passes.wallets.google import modules, points, render, texts
from passes.wallets.google.render import Issuer, Made
from passes.words import Words
from tests.fakes.google.rules import Policy, check
from tests.fakes.google.shapes import clean

LOOK = look.load(Path(__file__).parents[2] / "templates" / "cards" / "cafe")
WORDS = {language: Words(language, entries) for language, entries in LOOK.words.items()}
ISSUER = Issuer("3388000000000000001", "https://cards.example.org", "PL", "pl")
ID = "3388000000000000001.7f3a9c00112233445566778899aabbcc"
MADE = Made(ID, "https://cards.example.org/card/s/k", "LC2.AAAA.1.{totp_value_0}{totp_value_1}", (b"1" * 20, b"2" * 20))
GOLD = Tier("gold", {"en": "Gold", "ru": "Золото", "pl": "Złoto"}, 1000)
CONTACT = Contact("Кофе & Łódź", "+48 600 100 200", "hello@cafe.example.org", "cafe.example.org")
CARD = Card(
    serial="s",
    number="7000123456789",
    code="code-of-the-card",
    programme="cafe",
    programme_name={"en": "Coffee Club", "ru": "Кофейный клуб", "pl": "Klub Kawowy"},
    kind="points",
    look="cafe",
    look_digest=LOOK.digest,
    contact=CONTACT,
    name="Анна",
    language="ru",
    status="active",
    joined=1_790_000_000,
    unit="points",
    balance=1250,
    tier=GOLD,
    progress=Progress("tier", "platinum", {"en": "Platinum"}, 1250, 5000),
    rewards=(Reward("espresso", {"en": "Espresso", "ru": "Эспрессо"}, 80), Reward("cake", {"en": "Cake"}, 2000, 750)),
    offers=(Offer("0a1b", {"en": "Free <a href=x>cake</a>"}, {"en": ""}, ends=1_790_100_000),),
    news=News("earn", 50, 1_790_000_500),
    expiring=Expiring(20, 1_790_200_000),
    currency="PLN",
    worth=6250,
    locations=(Location("Centrum", 52.23, 21.01),),
)
PROMISE = Promise(
    key="cafe",
    kind="points",
    name=CARD.programme_name,
    unit="points",
    look="cafe",
    look_digest=LOOK.digest,
    contact=CONTACT,
    terms={"en": "One point for each złoty."},
    tiers=(GOLD,),
    locations=tuple(Location(f"L{n}", 50.0 + n, 20.0) for n in range(12)),
)


def drawn(card: Card = CARD, **changes: Any) -> dict[str, Any]:
    return render.loyalty_object(replace(card, **changes), LOOK, WORDS, ISSUER, MADE)


def said(body: dict[str, Any], id: str, language: str = "pl") -> str:
    """What a module says in a language, with plain spaces."""
    written = next(module for module in body["textModulesData"] if module["id"] == id)["localizedBody"]
    spoken = {each["language"]: each["value"] for each in (written["defaultValue"], *written["translatedValues"])}
    return str(spoken[language]).replace("\N{NO-BREAK SPACE}", " ")


def shown(body: dict[str, Any], name: str = "loyaltyPoints") -> tuple[str, dict[str, Any]]:
    """The label and the balance of a value on the face."""
    check("LoyaltyObject", clean("LoyaltyObject", body), Policy())
    return body[name]["label"], body[name]["balance"]


def test_a_class_has_all_that_google_requires_and_no_more_than_it_takes() -> None:
    body = render.loyalty_class(PROMISE, LOOK, WORDS, ISSUER, None)
    check("LoyaltyClass", clean("LoyaltyClass", body), Policy())
    assert body["reviewStatus"] == "UNDER_REVIEW" and len(body["merchantLocations"]) == 10
    assert body["multipleDevicesAndHoldersAllowedStatus"] == "ONE_USER_ALL_DEVICES"
    assert body["programName"] == "Klub Kawowy"
    assert {"language": "ru", "value": "Кофейный клуб"} in body["localizedProgramName"]["translatedValues"]
    assert LOOK.digest in body["programLogo"]["sourceUri"]["uri"]


def test_an_object_is_one_that_google_takes() -> None:
    body = drawn()
    check("LoyaltyObject", clean("LoyaltyObject", body), Policy())
    assert body["loyaltyPoints"]["balance"] == {"int": 1250}
    assert body["secondaryLoyaltyPoints"]["balance"] == {"string": "Золото"}
    assert body["accountName"] == "Анна" and body["barcode"]["value"] == CARD.code
    assert len(body["textModulesData"]) <= modules.MOST_MODULES
    assert all(re.fullmatch("[A-Za-z0-9_-]+", module["id"]) for module in body["textModulesData"])
    assert "<a" not in json.dumps(body)


@pytest.mark.parametrize(
    ("amount", "written"),
    [(0, {"int": 0}), (2_147_483_647, {"int": 2_147_483_647}), (2_147_483_648, {"string": "2147483648"})],
)
def test_large_balances_are_text(amount: int, written: dict[str, Any]) -> None:
    assert points.number(amount) == written
    patched = render.patch_of(drawn(balance=amount))["loyaltyPoints"]["balance"]
    assert {name: value for name, value in patched.items() if value is not None} == written
    assert set(patched) == {"int", "string", "money"}, "what another balance left behind is cleared"


def test_money_is_in_millionths() -> None:
    assert points.money(1050, "PLN") == {"currencyCode": "PLN", "micros": "10500000"}
    assert points.money(12, "JPY")["micros"] == "12000000"


def test_without_a_level_the_worth_is_the_second_value() -> None:
    assert drawn(tier=None)["secondaryLoyaltyPoints"]["balance"]["money"]["micros"] == "62500000"
    plain = drawn(tier=None, worth=None)
    assert "secondaryLoyaltyPoints" not in plain
    assert render.patch_of(plain)["secondaryLoyaltyPoints"] is None


def test_a_look_may_give_a_level_a_class_and_a_colour() -> None:
    golden = replace(LOOK, tier_colours={"gold": (184, 134, 11)})
    body = render.loyalty_class(PROMISE, golden, WORDS, ISSUER, "gold")
    assert body["id"].endswith(".cafe.gold") and body["hexBackgroundColor"] == "#b8860b"
    assert body["rewardsTier"] == "Złoto"
    card = render.loyalty_object(CARD, golden, WORDS, ISSUER, MADE)
    assert card["classId"] == body["id"] and "money" in card["secondaryLoyaltyPoints"]["balance"]


@pytest.mark.parametrize(("status", "state"), [("closed", "EXPIRED"), ("blocked", "INACTIVE")])
def test_what_ended_says_nothing_but_that(status: Any, state: str) -> None:
    assert drawn(status=status) == {"id": ID, "classId": "3388000000000000001.cafe", "state": state}


def test_the_code_that_changes_and_the_one_that_does_not() -> None:
    body = drawn()
    assert (body["barcode"]["value"], body["barcode"]["alternateText"]) == (CARD.code, CARD.number)
    turning = body["rotatingBarcode"]
    assert (turning["type"], turning["valuePattern"]) == ("QR_CODE", MADE.pattern)
    values = [{"key": "31" * 20, "valueLength": 8}, {"key": "32" * 20, "valueLength": 8}]
    assert turning["totpDetails"] == {"algorithm": "TOTP_SHA1", "periodMillis": "30000", "parameters": values}


def test_readers_over_the_air_get_the_code_where_somebody_has_them() -> None:
    tapped = replace(ISSUER, redeems="3388000000000000002")
    body = render.loyalty_object(CARD, LOOK, WORDS, tapped, MADE)
    of = render.loyalty_class(PROMISE, LOOK, WORDS, tapped, None)
    assert body["smartTapRedemptionValue"] == CARD.code and CARD.code.isascii()
    assert (of["enableSmartTap"], of["redemptionIssuers"]) == (True, ["3388000000000000002"])
    check("LoyaltyObject", clean("LoyaltyObject", body), Policy())
    check("LoyaltyClass", clean("LoyaltyClass", of), Policy())
    plain = render.patch_of(render.loyalty_class(PROMISE, LOOK, WORDS, ISSUER, None))
    assert plain["enableSmartTap"] is plain["redemptionIssuers"] is None
    assert render.patch_of(drawn())["smartTapRedemptionValue"] is None


def test_a_patch_says_the_whole_card() -> None:
    """Google replaces lists whole, merges the rest, and leaves alone what is not named."""
    body, patch = drawn(name="", tier=None, worth=None), render.patch_of(drawn(name="", tier=None, worth=None))
    for name in ("textModulesData", "linksModuleData", "rotatingBarcode"):
        assert patch[name] == body[name]
    assert patch["loyaltyPoints"]["balance"] == {"int": 1250, "string": None, "money": None}
    assert patch["accountName"] is patch["secondaryLoyaltyPoints"] is patch["validTimeInterval"] is None


def test_the_link_for_friends_stands_below_the_card_of_whoever_has_one() -> None:
    link = "https://cards.example.org/join/cafe?friend=7K2M9QRT4W"
    body = render.loyalty_object(CARD, LOOK, WORDS, ISSUER, replace(MADE, friends=link))
    card, friends = body["linksModuleData"]["uris"]
    assert (card["id"], friends["id"], friends["uri"]) == ("card", "friends", link)
    assert friends["localizedDescription"]["defaultValue"] == {"language": "ru", "value": "Приведите друга"}


def test_equal_cards_are_equal_bytes() -> None:
    assert render.digest(drawn()) == render.digest(drawn())
    assert render.digest(drawn()) != render.digest(drawn(balance=1251))


def test_peoples_text_is_bounded_and_shows() -> None:
    assert texts.clean("a\x00b\u202ec", 60) == "a b c"
    assert texts.clean("x" * 100, 10) == "x" * 9 + "…"
    assert len(drawn(name="Ж" * 500)["accountName"]) == texts.NAME


def test_every_id_is_one_that_google_takes() -> None:
    form = re.compile(r"^[0-9]+\.[A-Za-z0-9._-]+$")
    assert form.fullmatch(render.class_id(ISSUER, "cafe", None)) and form.fullmatch(ID)
    assert form.fullmatch(render.class_id(ISSUER, "cafe", "gold"))


def test_the_next_step_is_a_module_of_the_object() -> None:
    body = drawn(steps=(Step("more", {}, amount=50, needed=2500), Step("feast", {"pl": "Uczta <a>"}, needed=4000)))
    check("LoyaltyObject", clean("LoyaltyObject", body), Policy())
    assert said(body, "steps") == ("Następnym razem od 25,00 zł: +50 punktów\nNastępnym razem od 40,00 zł: Uczta ‹a>")


def test_coupons_and_a_membership_are_modules_of_the_object() -> None:
    coupon = Coupon("C-7K2M-9QRT-4WXZ", "cake", {"en": "Cake", "pl": "Ciasto"}, 0, 1_790_300_000)
    body = drawn(coupons=(coupon,), membership=Membership("paid", 1_800_000_000))
    check("LoyaltyObject", clean("LoyaltyObject", body), Policy())
    assert "Ciasto, do" in said(body, "coupons") and "C-7K2M-9QRT-4WXZ" in said(body, "coupons")
    assert said(body, "membership").startswith("Opłacone do")


def test_cashback_is_money() -> None:
    """12.50 złoty, wherever the card says how much there is of it."""
    body = drawn(
        kind="cashback",
        unit="money",
        unit_kind="money",
        tier=None,
        worth=None,
        progress=None,
        rewards=(Reward("tea", {"pl": "Herbata"}, 2000, 750),),
        pending=Pending(300, 1_790_300_000),
    )
    assert shown(body) == ("Баланс", {"money": {"currencyCode": "PLN", "micros": "12500000"}})
    assert said(body, "news") == "+0,50 zł. Stan karty: 12,50 zł."
    assert said(body, "rewards") == "Herbata: jeszcze 7,50 zł"
    assert said(body, "expiring").startswith("0,20 zł do ") and said(body, "pending").startswith("3,00 zł od ")


def test_a_gift_card_is_money_in_any_currency() -> None:
    gift: dict[str, Any] = {"kind": "gift", "unit": "money", "unit_kind": "money", "tier": None, "worth": None}
    assert shown(drawn(**gift, balance=10_000))[1] == {"money": {"currencyCode": "PLN", "micros": "100000000"}}
    assert shown(drawn(**gift, balance=1250, currency="JPY"))[1]["money"]["micros"] == "1250000000"
    patched = render.patch_of(drawn(**gift))["loyaltyPoints"]["balance"]
    assert patched["int"] is patched["string"] is None and patched["money"]["currencyCode"] == "PLN"


def test_prepaid_visits_are_those_that_are_left() -> None:
    assert shown(drawn(kind="visits", unit="visits", unit_kind="visits", balance=7)) == ("Осталось визитов", {"int": 7})


def test_stamps_are_so_many_of_so_many() -> None:
    stamps = Stamps("", 8, (Prize(8, {"pl": "Kawa"}),), filled=3)
    body = drawn(kind="stamps", unit="stamps", unit_kind="stamps", balance=3, stamps=stamps, tier=None, worth=None)
    assert shown(body)[1] == {"string": "3 из 8"}
    assert body["heroImage"]["sourceUri"]["uri"].endswith("/3.png")
    assert render.patch_of(drawn())["heroImage"] is None, "without stamps the class's picture is shown"
    assert said(body, "stamps") == "3 z 8. Jeszcze 5 pieczątek do nagrody „Kawa”\n8 pieczątek: Kawa"


def test_a_hybrid_card_shows_points_stamps_and_other_units() -> None:
    hybrid = drawn(
        tier=None,
        stamps=Stamps("coffees", 6, (Prize(6, {"pl": "Kawa"}),), filled=2),
        balances=(Balance("coffees", "stamps", 2, {"pl": "Kawy"}), Balance("purse", "money", 1999, {"pl": "Portfel"})),
    )
    assert shown(hybrid)[1] == {"int": 1250}
    assert shown(hybrid, "secondaryLoyaltyPoints")[1] == {"string": "2 из 6"}
    assert said(hybrid, "stamps").startswith("2 z 6. ")
    assert said(hybrid, "balances") == "Kawy: 2\nPortfel: 19,99 zł"
    purse = drawn(tier=None, worth=None, balances=(Balance("purse", "money", 1999, {"ru": "Кошелёк"}),))
    assert shown(purse, "secondaryLoyaltyPoints") == (
        "Кошелёк",
        {"money": {"currencyCode": "PLN", "micros": "19990000"}},
    )


def test_a_membership_shows_until_when_it_is_paid_and_coupons_how_many_there_are() -> None:
    label, until = shown(drawn(kind="membership", membership=Membership("grace", 1_800_000_000), balance=0))
    assert (label, until["string"]) == ("Оплачено до", "15 января 2027\u202fг.")
    assert shown(drawn(kind="membership", membership=Membership("unpaid")))[1] == {"string": "Пока не оплачено"}
    assert said(drawn(membership=Membership("grace", 1_800_000_000)), "membership").startswith(
        "Było opłacone do 15 stycznia"
    )
    assert shown(drawn(kind="coupons", coupons=()))[1] == {"int": 0}


def test_the_way_to_a_level_is_told_in_what_it_is_counted_in() -> None:
    way = Progress("tier", "platinum", {"pl": "Platyna"}, 1250, 5000)
    assert said(drawn(progress=way), "progress") == "Jeszcze 3 750 punktów do poziomu „Platyna”"
    assert said(drawn(progress=way, tier_unit="spend"), "progress") == "Jeszcze 37,50 zł do poziomu „Platyna”"
    assert said(drawn(progress=replace(way, reached=4995), tier_unit="visits"), "progress").startswith(
        "Jeszcze 5 wizyt "
    )


def test_a_level_about_to_be_lost_says_what_keeps_it() -> None:
    held: dict[str, Any] = {"tier_until": 1_800_000_000, "tier_missing": 4000, "tier_unit": "spend"}
    assert said(drawn(**held), "tier") == "Złoto do 15 stycznia 2027"
    assert (
        said(drawn(**held, tier_warning=True), "tier")
        == "Złoto do 15 stycznia 2027; aby go zachować, potrzeba jeszcze: 40,00 zł"
    )


def test_perks_with_whom_to_call_and_challenges_are_modules() -> None:
    body = drawn(
        perks=(Perk("manager", {"pl": "Opiekun"}, contact="Ola, +48 600"), Perk("tea", {"pl": "Herbata"})),
        challenges=(Challenge("visits", {"pl": "Trzy wizyty"}, "visits", 3, reached=1),),
    )
    assert said(body, "perks") == "Opiekun: Ola, +48 600\nHerbata"
    assert said(body, "challenges") == "Trzy wizyty: 1 z 3"


def test_a_card_with_more_than_ten_things_to_tell_tells_all_of_them() -> None:
    full = drawn(
        offers=tuple(Offer(f"o{n}", {"pl": f"Oferta {n}"}, {}) for n in range(5)),
        coupons=(Coupon("C-7K2M", "cake", {"pl": "Ciasto"}, 0),),
        membership=Membership("paid", 1_800_000_000),
        stamps=Stamps("coffees", 6, filled=2),
        balances=(Balance("coffees", "stamps", 2),),
        pending=Pending(3, 1_790_300_000),
        tier_until=1_800_000_000,
        perks=(Perk("tea", {"pl": "Herbata"}),),
        challenges=(Challenge("visits", {"pl": "Trzy wizyty"}, "visits", 3),),
        steps=(Step("more", {}, amount=50, needed=2500),),
    )
    check("LoyaltyObject", clean("LoyaltyObject", full), Policy())
    names = [module["id"] for module in full["textModulesData"]]
    assert len(names) == modules.MOST_MODULES and names[:2] == ["news", "offers"] and names[-1] == "more"
    assert all(f"Oferta {n}" in said(full, "offers") for n in range(5))
    rest = said(full, "more")
    assert "Wyzwania\nTrzy wizyty: 0 z 3" in rest and "Herbata" in rest and "20 punktów do" in rest


def test_rules_too_long_for_google_end_with_a_sentence_and_say_where_the_rest_is() -> None:
    rule = "One point for each złoty that you spend on coffee. Cakes count twice"
    short = render.loyalty_class(replace(PROMISE, rules={"en": rule}), LOOK, WORDS, ISSUER, None)
    assert said(short, "rules") == rule
    long = render.loyalty_class(
        replace(PROMISE, rules={"en": "\n".join([rule] * 50)}, terms={"en": "y" * 9000}), LOOK, WORDS, ISSUER, None
    )
    lines = said(long, "rules", "en").split("\n")
    assert lines[-1] == "All of it is on your card's own page."
    assert set(lines[:-2]) == {rule} and lines[-2] in (rule, rule.partition(" Cakes")[0])
    assert len(said(long, "rules", "en")) <= texts.TERMS
    assert said(long, "terms", "en").endswith("y…\nAll of it is on your card's own page.")
