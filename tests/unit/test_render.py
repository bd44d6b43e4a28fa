"""What a phone shows of a card, told by the bytes that leave the service."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from passes.card import Card, Contact, Coupon, Expiring, Location, Membership, News, Offer, Progress, Reward, Tier
from passes.phrases import noun, number
from passes.wallets.apple.sentences import NAME, clean
from passes.words import Catalogue

from ..passcheck import check
from .apple_cards import ANNA, CAKE, COFFEE, DAY, GOLD, LINK, NOW, built, cafe, certs, fields, files, shown

LANGUAGES = ("en", "ru", "pl")


def raw(bundle: bytes) -> dict[str, object]:
    return dict(json.loads(files(bundle)["pass.json"]))


def test_the_front_shows_balance_level_name_worth_goal_and_what_expires() -> None:
    face = shown(built(), "en")["storeCard"]
    assert [(f["label"], f["value"]) for f in face["headerFields"]] == [("Level", "Gold")]
    assert [(f["label"], f["value"]) for f in face["primaryFields"]] == [("Points", 1234)]
    assert [f["label"] for f in face["secondaryFields"]] == ["Member", "Worth"]
    goal, expiring = face["auxiliaryFields"]
    assert (goal["label"], goal["value"]) == ("Cake of the day", "1234 / 1500")
    assert expiring["label"] == "Expiring soon"


def test_the_back_speaks_every_language_with_its_own_plurals() -> None:
    said = {language: fields(built(), language)["rewards.words"]["value"].split("\n") for language in LANGUAGES}
    assert said["en"] == ["Free coffee: yours now", "Cake of the day: 266 points to go"]
    assert said["ru"] == ["Кофе в подарок: можно получить сейчас", "Торт дня: ещё 266 баллов"]
    assert said["pl"] == ["Darmowa kawa: do odebrania teraz", "Ciasto dnia: jeszcze 266 punktów"]


@pytest.mark.parametrize(("n", "noun"), [(1, "балл"), (2, "балла"), (5, "баллов"), (11, "баллов"), (1021, "балл")])
def test_points_take_the_form_that_their_number_asks_for(n: int, noun: str) -> None:
    card = replace(ANNA, news=News("earn", n, NOW))
    assert f" {noun}. " in fields(built(card), "ru")["news"]["value"]


def test_only_the_news_announces_itself_and_its_value_changes_with_every_piece() -> None:
    def announcing(card: Card) -> list[dict[str, object]]:
        groups = raw(built(card))["storeCard"]
        assert isinstance(groups, dict)
        return [field for group in groups.values() for field in group if "changeMessage" in field]

    first, second = announcing(ANNA), announcing(replace(ANNA, news=News("earn", 50, NOW)))
    assert [field["key"] for field in first] == ["news"]
    assert first[0]["changeMessage"] == "%@"
    assert first[0]["value"] != second[0]["value"]
    assert announcing(replace(ANNA, news=None)) == []


def test_an_announced_offer_is_news_in_every_language() -> None:
    card = replace(ANNA, news=News("offer", 0, NOW, ANNA.offers[0].title))
    assert [fields(built(card), each)["news"]["value"] for each in LANGUAGES] == [
        "Double points",
        "Двойные баллы",
        "Podwójne punkty",
    ]


@pytest.mark.parametrize("status", ["blocked", "closed"])
def test_a_card_that_ended_is_void_says_why_and_promises_nothing(status: str) -> None:
    bundle = built(replace(ANNA, status=status))  # type: ignore[arg-type]
    assert raw(bundle)["voided"] is True
    shown_fields = fields(bundle)
    assert shown_fields["status"]["value"].startswith(status.capitalize())
    assert not {"rewards.words", "offer.0", "progress", "expiring", "worth"} & shown_fields.keys()
    assert "locations" not in raw(bundle)


def test_an_active_card_is_not_void() -> None:
    assert "voided" not in raw(built())
    assert "expirationDate" not in raw(built())


def test_a_membership_that_ends_has_its_date_on_the_card_and_for_the_phone() -> None:
    bundle = built(replace(ANNA, expires=NOW + 30 * DAY))
    assert datetime.fromisoformat(str(raw(bundle)["expirationDate"])).timestamp() == NOW + 30 * DAY
    assert fields(bundle)["valid_until"]["dateStyle"] == "PKDateStyleMedium"


def test_a_date_is_the_last_day_on_which_it_still_holds() -> None:
    midnight = int(datetime.fromisoformat("2031-06-01T00:00:00+02:00").timestamp())
    card = replace(ANNA, expiring=Expiring(40, midnight))
    assert fields(built(card))["expiring"]["value"] == "2031-05-31T23:59:59+02:00"
    assert fields(built(card))["expiring.words"]["value"] == "40 points until May 31, 2031"


def test_the_phone_is_told_where_and_with_what_to_ask_again() -> None:
    told = raw(built())
    assert told["webServiceURL"] == "https://cards.example.org/apple"
    assert len(str(told["authenticationToken"])) >= 16
    assert told["sharingProhibited"] is True
    assert told["semantics"] == {"balance": {"amount": "12.34", "currencyCode": "PLN"}}
    assert "userInfo" not in told


def test_money_has_as_many_decimals_as_its_currency() -> None:
    told = raw(built(replace(ANNA, currency="JPY", worth=1234)))
    assert told["semantics"] == {"balance": {"amount": "1234", "currencyCode": "JPY"}}


def test_the_code_is_a_qr_code_with_the_number_below() -> None:
    assert raw(built())["barcodes"] == [
        {
            "format": "PKBarcodeFormatQR",
            "message": ANNA.code,
            "messageEncoding": "iso-8859-1",
            "altText": "4000 1234 5678",
        }
    ]


def test_at_most_ten_places_bring_the_card_up_in_the_members_own_language() -> None:
    many = tuple(Location(f"Café {n}", 52 + n / 100, 21.0) for n in range(14))
    places = raw(built(replace(ANNA, language="pl", locations=many)))["locations"]
    assert isinstance(places, list) and len(places) == 10
    assert places[0]["relevantText"] == "Café 0 jest blisko: przygotuj kartę"


def test_the_link_is_ours_escaped_and_also_there_as_plain_text() -> None:
    history = fields(built(link='https://example.org/?a="><script>'))["history"]
    assert history["attributedValue"].startswith('<a href="https://example.org/?a=&quot;&gt;&lt;script&gt;">')
    assert history["value"] == 'https://example.org/?a="><script>'
    assert "history" not in fields(built(link="javascript:alert(1)"))


def test_the_link_for_friends_is_on_the_back_of_whoever_has_one() -> None:
    link = "https://cards.example.org/join/cafe?friend=7K2M9QRT4W"
    told = fields(built(friends=link))["friends"]
    assert (told["value"], told["label"]) == (link, "Bring a friend")
    assert told["attributedValue"].startswith(f'<a href="{link}">Отправьте эту ссылку другу.')
    assert fields(built(friends=link), "pl")["friends"]["label"] == "Poleć znajomym"
    assert "friends" not in fields(built())


def test_a_marketers_link_stays_text() -> None:
    body = {"en": 'Win! <A HREF="https://evil.example">here</a> I <3 you'}
    offer = replace(ANNA.offers[0], body=body, ends=None)
    said = fields(built(replace(ANNA, offers=(offer,))))["offer.0"]
    assert "<A" not in said["value"] and "</a" not in said["value"] and "<3 you" in said["value"]
    assert "attributedValue" not in said


def test_a_name_that_is_one_of_our_keys_is_not_translated() -> None:
    assert fields(built(replace(ANNA, name="label.balance")))["member"]["value"].strip() == "label.balance"


def test_a_member_without_a_name_has_no_empty_field() -> None:
    assert "member" not in fields(built(replace(ANNA, name=" \u202e\n")))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("  Anna \t Maria\n", "Anna Maria"),
        ("Anna\u202egnissap", "Annagnissap"),
        ("a\u0301", "á"),
        ("👩\u200d🔧 Anna\u200d", "👩\u200d🔧 Anna"),
        ("Анна\x00\ufeff", "Анна"),
        ("\ud800x\uffff", "x"),
        ("x" * 70, "x" * (NAME - 1) + "…"),
        ("x" * (NAME - 2) + "👩\u200d🔧!!", "x" * (NAME - 2) + "…"),
        ("< / A>", "‹ / A>"),
    ],
)
def test_peoples_text_is_cleaned_and_cut(text: str, kept: str) -> None:
    assert clean(text, NAME) == kept


@given(st.text(max_size=200))
def test_clean_text_hides_nothing_and_stays_as_it_is_when_cleaned_again(text: str) -> None:
    once = clean(text, NAME)
    assert len(once) <= NAME
    assert clean(once, NAME) == once
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Co") for c in once if c != "\n")


@given(st.integers(-(10**15), 10**15))
def test_numbers_are_written_as_unicode_says(n: int) -> None:
    for words in Catalogue(cafe().words).values():
        assert number(words, n) == words.number(n)


@given(st.integers(0, 10**7))
def test_every_number_finds_its_noun_though_few_are_asked(n: int) -> None:
    for words in Catalogue(cafe().words).values():
        assert noun(words, "points", n) == words.say("unit.points", n=n)


# Whoever the member is

anybody = st.one_of(
    st.sampled_from(["Łukasz Żółć", "Анна", "محمد بن علي", "👩\u200d🔧 Zoë", 'O\'Neil "Bob" \\']),
    st.sampled_from(["X\u202eevil", "<a href=x>", "label.tier", ""]),
    st.text(max_size=90),
)
texts = st.fixed_dictionaries({}, optional=dict.fromkeys(LANGUAGES, anybody))
amounts = st.one_of(st.integers(0, 300), st.integers(0, 10**12))
moments = st.integers(NOW - 900 * DAY, NOW + 9000 * DAY)


@st.composite
def cards(draw: st.DrawFn) -> Card:
    rewards = tuple(Reward(f"r{n}", draw(texts), draw(amounts), draw(amounts)) for n in range(draw(st.integers(0, 3))))
    goal = draw(st.sampled_from([None, "tier", *(["reward"] if rewards else [])]))
    return Card(
        serial="p" + draw(st.text("abcXYZ019_-", min_size=8, max_size=40)),
        number=draw(st.text("0123456789 ", min_size=4, max_size=19)).strip() or "1",
        code="LC1.ABCDEFGHIJKLMNOP.ABCDEFGHIJKLM",
        programme="cafe",
        programme_name=draw(texts),
        kind=draw(st.sampled_from(["points", "stamps", "coupon", "something"])),
        look="cafe",
        look_digest="0" * 32,
        contact=Contact(draw(anybody) or "Shop", "+48 600 100 200", "", draw(st.sampled_from(["", "coffee.pl"]))),
        name=draw(anybody),
        language=draw(st.sampled_from(LANGUAGES)),
        status=draw(st.sampled_from(["active", "blocked", "closed"])),
        joined=draw(moments),
        unit=draw(st.sampled_from(["points", "stars", "beans"])),
        balance=draw(amounts),
        tier=draw(st.sampled_from([None, Tier("gold", GOLD, 10)])),
        progress=goal and Progress(goal, "r0", draw(texts), draw(amounts), draw(amounts)),  # type: ignore[arg-type]
        rewards=rewards,
        offers=tuple(
            Offer(f"o{n}", draw(texts), draw(texts), NOW, draw(st.none() | moments))
            for n in range(draw(st.integers(0, 3)))
        ),
        news=draw(st.none() | st.builds(News, st.sampled_from(["earn", "expire", "offer"]), amounts, moments, texts)),
        expiring=draw(st.none() | st.builds(Expiring, amounts, moments)),
        currency=draw(st.sampled_from([None, "PLN", "JPY"])),
        worth=draw(st.none() | amounts),
        terms=draw(texts),
        locations=tuple(Location(draw(anybody), 52.1, -21.5) for _ in range(draw(st.integers(0, 12)))),
        expires=draw(st.none() | moments),
    )


@pytest.mark.parametrize("style", ["store", "coupon", "generic"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(card=cards())
def test_every_members_pass_is_one_that_a_phone_takes(style: str, card: Card) -> None:
    assert [str(each) for each in check(built(card, style), certs() / "dev-root.pem", NOW + 1)] == []


def test_each_shape_of_card_is_an_entry_of_the_table() -> None:
    for style, name in (("store", "storeCard"), ("coupon", "coupon"), ("generic", "generic")):
        bundle = built(ANNA, style)
        assert fields(bundle, "pl", name)["balance"]["label"] == "Punkty"
        assert ("strip@2x.png" in files(bundle)) == (style != "generic")
        assert ("thumbnail@2x.png" in files(bundle)) == (style == "generic")


def test_rewards_and_coffee_are_named_in_the_members_phone_language() -> None:
    card = replace(ANNA, progress=Progress("tier", "gold", GOLD, 10, 15), rewards=(Reward("c", COFFEE, 5, 0),))
    assert fields(built(card), "ru")["progress.words"]["value"] == "Ещё 5 баллов до уровня «Золотой»"
    assert fields(built(card), "pl")["progress"]["label"] == "Złoty"
    assert fields(built(replace(card, language="pl")), "ru")["rewards.words"]["value"].startswith(COFFEE["ru"])
    assert CAKE["pl"] not in str(shown(built(card), "pl"))
    assert LINK in str(shown(built(card), "pl"))


def test_coupons_and_a_membership_are_on_the_back_and_an_ended_reward_is_not_promised() -> None:
    coupons = (Coupon("C-7K2M-9QRT-4WXZ", "cake", CAKE, NOW, NOW + 3 * DAY), Coupon("C-0000", "c", COFFEE, NOW))
    rewards = (Reward("c", COFFEE, 5, 0, "stock"), Reward("d", CAKE, 9, 0))
    card = replace(ANNA, coupons=coupons, membership=Membership("grace", NOW), rewards=rewards)
    said = {language: fields(built(card), language) for language in LANGUAGES}
    dated, open_ended = said["en"]["coupons.words"]["value"].split("\n")
    assert dated.startswith("Cake of the day, until ") and dated.endswith(": C-7K2M-9QRT-4WXZ")
    assert open_ended == "Free coffee: C-0000"
    assert said["ru"]["coupons.words"]["label"] == "Купоны" and said["pl"]["coupons.words"]["label"] == "Kupony"
    assert said["en"]["membership.words"]["value"].endswith("renew it soon to keep your benefits")
    assert said["pl"]["rewards.words"]["value"].split("\n") == [
        "Ciasto dnia: do odebrania teraz",
        "Darmowa kawa: chwilowo brak",
    ]
