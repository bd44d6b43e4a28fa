"""Words: sentences and plurals in each language, numbers and money as people write them."""

from __future__ import annotations

import string
from pathlib import Path

import pytest

from passes import words
from passes.errors import ConfigError
from passes.words import LANGUAGES, Catalogue, Words

PAGES = Path(__file__).parents[2] / "templates" / "pages" / "words"
POINTS = {
    "en": {"points": {"one": "{n} point", "other": "{n} points"}},
    "ru": {"points": {"one": "{n} балл", "few": "{n} балла", "many": "{n} баллов", "other": "{n} балла"}},
    "pl": {"points": {"one": "{n} punkt", "few": "{n} punkty", "many": "{n} punktów", "other": "{n} punktu"}},
}


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ["0 points", "1 point", "2 points", "5 points", "21 points", "-1 point"]),
        ("ru", ["0 баллов", "1 балл", "2 балла", "5 баллов", "21 балл", "-1 балл"]),
        ("pl", ["0 punktów", "1 punkt", "2 punkty", "5 punktów", "21 punktów", "-1 punkt"]),
    ],
)
def test_a_number_takes_its_form(language: str, said: list[str]):
    spoken = Words(language, POINTS[language])
    assert [spoken.say("points", n=n).replace("−", "-") for n in (0, 1, 2, 5, 21, -1)] == said


def test_money_has_its_currencys_decimals():
    english = Words("en", {})
    assert english.money(1250, "PLN") == "PLN\xa012.50" or "12.50" in english.money(1250, "PLN")
    assert "1,250" in english.money(1250, "JPY")
    assert "12,50" in Words("pl", {}).money(1250, "PLN")
    assert (words.minor_digits("PLN"), words.minor_digits("JPY")) == (2, 0)
    assert words.is_currency("PLN") and not words.is_currency("pln") and not words.is_currency("XYZ1")


def test_a_text_falls_back_to_english_and_then_to_whatever_there_is():
    polish = Words("pl", {})
    assert polish.pick({"pl": "Ciasto", "en": "Cake"}) == "Ciasto"
    assert polish.pick({"ru": "Торт", "en": "Cake"}) == "Cake"
    assert polish.pick({"ru": "Торт", "en": ""}) == "Торт"
    assert polish.pick({}) == ""


def test_a_missing_key_is_a_bug_and_braces_in_a_name_are_not():
    english = Words("en", {"hello": "Hello, {name}!"})
    with pytest.raises(KeyError):
        english.say("bye")
    assert english.say("hello", name="{n} {0} {name.__class__}") == "Hello, {n} {0} {name.__class__}!"
    assert not english.has("bye")


def test_words_are_laid_over_others():
    ours = Catalogue({"en": {"hello": "Hello!", "bye": "Bye!"}, "pl": {"hello": "Cześć!"}})
    looks = ours.over({"en": {"hello": "Ahoy!"}, "pl": {}})
    assert [looks["en"].say(key) for key in ("hello", "bye")] == ["Ahoy!", "Bye!"]
    assert (looks["pl"].say("hello"), ours["en"].say("hello")) == ("Cześć!", "Hello!")


def test_an_unknown_language_is_english():
    catalogue = Catalogue({"en": {}, "pl": {}})
    assert catalogue["de"].language == "en" and "de" not in catalogue
    assert (list(catalogue), len(catalogue)) == (["en", "pl"], 2)


def test_later_folders_win_and_damaged_files_are_named(tmp_path: Path):
    for folder, text in (("one", '[a]\nb = "1"\nc = "1"'), ("two", '[a]\nb = "2"')):
        (tmp_path / folder / "en").mkdir(parents=True)
        (tmp_path / folder / "en" / "page.toml").write_text(text)
    assert words.load(tmp_path / "one", tmp_path / "two")["en"] == {"a.b": "2", "a.c": "1"}
    (tmp_path / "two" / "en" / "page.toml").write_bytes(b"a = \xff")
    with pytest.raises(ConfigError, match=r"en/page\.toml is not valid TOML"):
        words.load(tmp_path / "two")


def names_in(entry: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(entry) if name is not None}


def test_every_language_says_the_same_things_with_the_same_names():
    entries = words.load(PAGES)
    for language in LANGUAGES:
        assert entries[language].keys() == entries["en"].keys(), language
        for key, entry in entries[language].items():
            english = entries["en"][key]
            forms = [entry] if isinstance(entry, str) else list(entry.values())
            expected = names_in(english if isinstance(english, str) else english["other"]) - {"n"}
            assert all(names_in(form) - {"n"} == expected for form in forms), (language, key)


def test_every_plural_has_every_form_its_language_needs():
    needed = {"en": {"one", "other"}, "ru": {"one", "few", "many", "other"}, "pl": {"one", "few", "many", "other"}}
    for language, entries in words.load(PAGES).items():
        for key, entry in entries.items():
            assert isinstance(entry, str) or set(entry) >= needed[language], (language, key)
