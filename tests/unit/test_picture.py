"""The e-card in words and as pictures: plurals, long names, and codes that an independent reader reads."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from passes import look, words
from passes.card import Balance, Card, Contact, Expiring, News, Offer, Prize, Progress, Reward, Stamps, Tier
from passes.home import EXAMPLE
from passes.look import Look
from passes.look.colours import LEAST_CONTRAST, Colour, contrast
from passes.points.why import Teller
from passes.wallets.ecard.face import Face, Happened, face, history
from passes.wallets.ecard.picture import card_png, code_path, code_size, icon_png, modules
from passes.wallets.ecard.sheet import style_sheet
from passes.words import Words

ROOT = Path(__file__).parents[2]
WARSAW = ZoneInfo("Europe/Warsaw")
MIDNIGHT = 1_795_302_000  # 22 November 2026, 00:00 in Warsaw
CODE = "LC1.ABCDEFGHIJKLMNOP.ABCDEFGHIJKLM"
ANNA = Card(
    serial="0123456789abcdef",
    number="482019375562",
    code=CODE,
    programme="cafe",
    programme_name={"en": "Coffee Club", "ru": "Кофейный клуб", "pl": "Klub Kawowy"},
    kind="points",
    look="cafe",
    look_digest="0",
    contact=Contact("Corner Café"),
    name="Anna",
    language="en",
    status="active",
    joined=MIDNIGHT,
    unit="points",
    balance=340,
    currency="PLN",
)


def test_every_amount_has_its_noun_in_the_right_form() -> None:
    shown = {n: _face(replace(ANNA, balance=n), "ru").unit for n in (0, 1, 2, 5, 11, 21, 112)}
    assert shown == {0: "баллов", 1: "балл", 2: "балла", 5: "баллов", 11: "баллов", 21: "балл", 112: "баллов"}
    shown = {n: _face(replace(ANNA, balance=n), "pl").unit for n in (1, 2, 5, 12, 22)}
    assert shown == {1: "punkt", 2: "punkty", 5: "punktów", 12: "punktów", 22: "punkty"}


def test_a_unit_without_words_stands_as_it_is_written() -> None:
    assert _face(replace(ANNA, unit="beans")).unit == "beans"


def test_an_offer_that_ends_at_midnight_is_good_until_the_day_before() -> None:
    offer = Offer("o", {"en": "Double points"}, {}, ends=MIDNIGHT)
    assert _face(replace(ANNA, offers=(offer,))).offers[0].note == "until November 21, 2026"
    assert _face(replace(ANNA, expiring=Expiring(5, MIDNIGHT))).ends_soon == ("5 points until November 21, 2026",)


def test_only_what_ends_within_a_month_is_called_soon() -> None:
    day = 86_400
    soon = {
        days: bool(_face(replace(ANNA, expiring=Expiring(5, MIDNIGHT + days * day))).ends_soon) for days in (1, 30, 31)
    }
    assert soon == {1: True, 30: True, 31: False}
    assert not _face(ANNA).ends_soon


def test_each_unit_that_ends_is_said_in_its_own_words() -> None:
    day = 86_400
    cash = Balance("cash", "money", 900)
    ends = (Expiring(3, MIDNIGHT + day, "stamps"), Expiring(450, MIDNIGHT + 90 * day, "cash"))
    face = _face(replace(ANNA, balances=(Balance("stamps", "stamps", 3), cash), also_expiring=ends, currency="PLN"))
    assert [said.replace("\N{NO-BREAK SPACE}", " ") for said in face.ends_soon] == ["3 stamps until November 22, 2026"]
    assert "4.50" in face.ends_later[0]


def test_rewards_say_what_is_missing_or_that_they_are_ready() -> None:
    rewards = (Reward("a", {"en": "Espresso"}, 80), Reward("b", {"en": "Breakfast"}, 341, missing=1))
    ready, missing = _face(replace(ANNA, rewards=rewards)).rewards
    assert ready.good and not missing.good
    assert missing.sentence == "1\N{NO-BREAK SPACE}point missing"


def test_a_card_of_stamps_shows_its_stamps() -> None:
    stamps = Stamps("stamps", 10, (Prize(10, {"en": "Free coffee"}),), filled=3)
    seen = _face(replace(ANNA, unit="stamps", balance=3, stamps=stamps)).stamps
    assert seen is not None and [place.is_filled for place in seen.places] == [True] * 3 + [False] * 7
    assert [place.prize for place in seen.places] == [""] * 9 + ["Free coffee"]
    assert "3" in seen.sentence and seen.in_a_row == 5
    assert _face(replace(ANNA, unit="stamps", stamps=replace(stamps, of=100))).stamps is None
    assert _face(ANNA).stamps is None


def test_history_gives_the_reason_for_every_line() -> None:
    happened = [
        Happened("earn", 45, MIDNIGHT, "Nowy Świat 12", {"paid": 4550, "points": 1, "per": 100, "rounding": "down"}),
        Happened("redeem", -20, MIDNIGHT, why={"worth_of_one": 5}),
        Happened("reverse", -45, MIDNIGHT, why={"of": "earn", "posting": 1}),
        Happened("adjust", 5, MIDNIGHT, why={"reason": "sorry for the wait"}),
        Happened("expire", -5, MIDNIGHT, why={"expired": MIDNIGHT}),
        Happened("of a later version", 1, MIDNIGHT, why={"new": ["kind"]}),
    ]
    lines = history(ANNA, _words("en"), WARSAW, happened, Teller(EXAMPLE, _words("en")))
    paid = "PLN45.50 paid, 1\N{NO-BREAK SPACE}point for every PLN1.00, rounded down: 45\N{NO-BREAK SPACE}points."
    assert lines[0].sentence == paid
    assert lines[0].small.startswith("Nowy Świat 12 · Nov 22, 2026")
    assert [line.note for line in lines[:3]] == ["+45", "\N{MINUS SIGN}20", "\N{MINUS SIGN}45"]
    assert "PLN1.00 off" in lines[1].sentence
    assert "Purchase" in lines[2].sentence
    assert "sorry for the wait" in lines[3].sentence
    assert lines[5].title == "of a later version"


def test_news_is_one_sentence_in_every_language() -> None:
    for kind in ("earn", "welcome", "redeem", "reward", "reverse", "adjust", "expire", "offer"):
        for language in words.LANGUAGES:
            assert _face(replace(ANNA, news=News(kind, -5, 0, {"en": "Double"})), language).news
    assert _face(replace(ANNA, news=News("unheard of", 1, 0))).news == ""


def test_pages_say_the_same_things_in_every_language() -> None:
    entries = words.load(ROOT / "templates" / "pages" / "words")
    for language in words.LANGUAGES:
        assert entries[language].keys() == entries["en"].keys(), language
        for key, entry in entries[language].items():
            assert _places(entry) == _places(entries["en"][key]), (language, key)


def test_the_drawn_code_is_read_by_an_independent_reader() -> None:
    size = code_size(CODE)
    drawn = Image.new("L", (size * 4, size * 4), 255)
    pen = ImageDraw.Draw(drawn)
    for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\d+z", code_path(CODE)):
        pen.rectangle((int(x) * 4, int(y) * 4, (int(x) + int(length)) * 4 - 1, int(y) * 4 + 3), fill=0)
    assert _read(drawn) == CODE


def test_a_scratched_code_is_still_read() -> None:
    drawn = Image.open(io.BytesIO(card_png(_face(ANNA), CODE, _look())))
    ImageDraw.Draw(drawn).line((380, 1300, 700, 1330), fill="white", width=30)
    assert _read(drawn) == CODE


@pytest.mark.parametrize("language", words.LANGUAGES)
@pytest.mark.parametrize("name", ["cafe", "salon", "shop"])
def test_the_picture_of_the_card_holds_everything(name: str, language: str) -> None:
    way = Progress("reward", "b", {"en": "Breakfast for two"}, 340, 900)
    card = replace(ANNA, name="Ż" * 60, balance=2**53, tier=Tier("g", {"en": "Gold " * 8}), progress=way)
    picture = Image.open(io.BytesIO(card_png(_face(card, language), CODE, _look(name))))
    assert picture.width == 1080 and 1500 < picture.height < 3000
    assert _read(picture) == CODE


def test_an_ended_card_has_no_code_on_its_picture() -> None:
    card = replace(ANNA, status="closed")
    assert _read(Image.open(io.BytesIO(card_png(_face(card), CODE, _look())))) == ""


@settings(max_examples=20, deadline=None)
@given(name=st.text(max_size=60), balance=st.integers(0, 10**15))
def test_any_name_can_be_drawn(name: str, balance: int) -> None:
    assert card_png(_face(replace(ANNA, name=name, balance=balance)), CODE, _look())


def test_an_icon_has_room_for_a_round_mask() -> None:
    assert Image.open(io.BytesIO(icon_png(_look().images["icon@3x"], 192))).size == (192, 192)


colours = st.tuples(*[st.integers(0, 255)] * 3)


@settings(max_examples=200, deadline=None)
@given(background=colours, foreground=colours, label=colours)
def test_the_page_is_readable_whatever_colours_a_shop_has(
    background: Colour, foreground: Colour, label: Colour
) -> None:
    sheet = style_sheet(replace(_look(), background=background, foreground=foreground, label=label))
    light, dark = sheet.split("@media")
    for part, grounds in ((light, ("#f5f4f0", "#ffffff")), (dark, ("#101114", "#1a1c21"))):
        accent, on_accent, tint = (_colour(part, name) for name in ("accent", "on-accent", "accent-tint"))
        for ground in (*map(_parsed, grounds), tint, on_accent):
            assert contrast(accent, ground) >= LEAST_CONTRAST


def test_a_code_is_large_enough_in_its_quiet_zone() -> None:
    assert code_size(CODE) - len(modules(CODE)) == 8


def _face(card: Card, language: str = "en") -> Face:
    return face(card, _words(language), WARSAW, MIDNIGHT)


@cache
def _look(name: str = "cafe") -> Look:
    return look.load(ROOT / "templates" / "cards" / name)


@cache
def _words(language: str) -> Words:
    pages = words.load(ROOT / "templates" / "pages" / "words")
    return words.Catalogue(pages).over(_look().words)[language]


def _places(entry: words.Entry) -> set[str]:
    forms = [entry] if isinstance(entry, str) else entry.values()
    return {place for form in forms for place in re.findall(r"\{(\w+)\}", form)}


def _colour(sheet: str, name: str) -> Colour:
    found = re.search(rf"--{name}:(#\w{{6}})", sheet)
    assert found, name
    return _parsed(found[1])


def _parsed(colour: str) -> Colour:
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def _read(picture: Image.Image) -> str:
    read = zxingcpp.read_barcodes(picture.convert("L"))
    return read[0].text if read else ""
