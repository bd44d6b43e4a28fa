"""A programme's rules in sentences: few, complete to the last number, and right in every language."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest
from pydantic import ValidationError

from passes.definition import Definition
from passes.home import EXAMPLE
from passes.points.amounts import Amounts
from passes.points.outcome import evaluate
from passes.points.rules import Purchase, Standing, moment
from passes.points.sentences import MOST, rules, text
from passes.words import LANGUAGES

from .rich_programme import DAY, RICH, START, rich, spoken

NOT_FOR_MEMBERS = ("partners.0.gives_at", "partners.0.takes_at")
"""What partners pay each other."""


def english(n: int, one: str, many: str) -> str:
    return one if n == 1 else many


def polish(n: int, one: str, few: str, many: str) -> str:
    if n == 1:
        return one
    return few if n % 10 in (2, 3, 4) and n % 100 not in (12, 13, 14) else many


def russian(n: int, one: str, few: str, many: str) -> str:
    if n % 10 == 1 and n % 100 != 11:
        return one
    return few if n % 10 in (2, 3, 4) and n % 100 not in (12, 13, 14) else many


NOUNS: list[tuple[str, str, Callable[..., str], tuple[str, ...]]] = [
    ("en", "points", english, ("point", "points")),
    ("en", "stamps", english, ("stamp", "stamps")),
    ("ru", "points", russian, ("балл", "балла", "баллов")),
    ("ru", "stamps", russian, ("штамп", "штампа", "штампов")),
    ("ru", "miles", russian, ("миля", "мили", "миль")),
    ("pl", "points", polish, ("punkt", "punkty", "punktów")),
    ("pl", "stamps", polish, ("pieczątka", "pieczątki", "pieczątek")),
]
COUNTED: list[tuple[str, str, Callable[..., str], tuple[str, ...]]] = [
    ("en", "days", english, ("day", "days")),
    ("ru", "days", russian, ("день", "дня", "дней")),
    ("pl", "days", polish, ("dzień", "dni", "dni")),
    ("ru", "months", russian, ("месяц", "месяца", "месяцев")),
    ("pl", "months", polish, ("miesiąc", "miesiące", "miesięcy")),
    ("ru", "items", russian, ("товар", "товара", "товаров")),
    ("pl", "items", polish, ("produkt", "produkty", "produktów")),
    ("ru", "times", russian, ("раз", "раза", "раз")),
]


@pytest.mark.parametrize(("language", "unit", "plural", "forms"), NOUNS)
def test_every_amount_up_to_125_has_its_noun(
    language: str, unit: str, plural: Callable[..., str], forms: tuple[str, ...]
) -> None:
    amounts = Amounts.of(rich(), spoken(language))
    said = [amounts.say(n, unit) for n in range(126)]
    assert said == [f"{n}\N{NO-BREAK SPACE}{plural(n, *forms)}" for n in range(126)]


@pytest.mark.parametrize(("language", "key", "plural", "forms"), COUNTED)
def test_days_items_and_times_do_too(
    language: str, key: str, plural: Callable[..., str], forms: tuple[str, ...]
) -> None:
    said = [spoken(language).say(f"rules.{key}", n=n) for n in range(126)]
    assert said == [f"{n} {plural(n, *forms)}" for n in range(126)]


@pytest.mark.parametrize(
    ("language", "said"), [("en", ["1.5", "2", "1.25"]), ("ru", ["1,5", "2", "1,25"]), ("pl", ["1,5", "2", "1,25"])]
)
def test_half_of_something_is_written_as_people_write_it(language: str, said: list[str]) -> None:
    amounts = Amounts.of(rich(), spoken(language))
    assert [amounts.factor(percent) for percent in (150, 200, 125)] == said


def test_units_have_their_own_words_and_money_is_money() -> None:
    amounts = Amounts.of(rich(), spoken("pl"))
    assert amounts.say(250, "cash") == "2,50\N{NO-BREAK SPACE}zł"
    named = rich(units=[*RICH["units"], {"key": "beans", "name": {"en": "Beans", "pl": "Ziarna"}}])
    assert Amounts.of(named, spoken("pl")).say(3, "beans") == "3\N{NO-BREAK SPACE}Ziarna"


def test_the_example_programme_in_three_languages() -> None:
    said = {language: rules(EXAMPLE, spoken(language)) for language in LANGUAGES}
    plain = {language: said[language][0].replace("\N{NO-BREAK SPACE}", " ") for language in LANGUAGES}
    assert plain["en"] == "1 point for every PLN1.00 spent, rounded down: a purchase of PLN45.90 gives 45 points."
    assert plain["pl"] == "Za każde wydane 1,00 zł – 1 punkt, zaokrąglone w dół: zakupy za 45,90 zł dają 45 punktów."
    assert plain["ru"].startswith("За каждые потраченные 1,00 PLN — 1 балл, с округлением вниз: за покупку на 45,90")
    assert said["en"][1:] == tuple(
        each.replace("_", "\N{NO-BREAK SPACE}")
        for each in (
            "10_points for joining.",
            "1_point pays PLN0.05 of a bill.",
            "Espresso for 80_points.",
            "Breakfast for 250_points.",
            "Levels: Silver from 200_points, Gold from 1,000_points, counted from the beginning.",
            "Points: valid 365 days.",
        )
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_are_at_most_seven(language: str) -> None:
    for definition in (EXAMPLE, rich(), rich(rules=[], coupons=RICH["coupons"])):
        said = rules(definition, spoken(language))
        assert 0 < len(said) <= MOST
        assert all(sentence[0] == sentence[0].upper() and sentence.endswith(".") for sentence in said)
    lines = text(rich(), {language: spoken(language)})[language].splitlines()
    assert tuple(lines) == rules(rich(), spoken(language))


def test_a_sentence_is_one_line_whatever_a_name_has_in_it() -> None:
    mug = {"key": "mug", "name": {"en": "A mug\nof\u2028tea"}, "cost": 5}
    definition = Definition.model_validate({"key": "p", "name": {"en": "P"}, "look": "cafe", "rewards": [mug]})
    english_text = text(definition, {"en": spoken("en")})["en"].splitlines()
    assert tuple(english_text) == rules(definition, spoken("en"))
    assert english_text[1].startswith("A mug of tea for 5")


def numbers(part: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where in a definition a number stands."""
    if isinstance(part, dict | list | tuple):
        for key, value in part.items() if isinstance(part, dict) else enumerate(part):
            yield from numbers(value, (*path, key))
    elif isinstance(part, int) and not isinstance(part, bool):
        yield path


def with_another(path: tuple[Any, ...]) -> Definition:
    """The rich programme with the number there changed to the nearest that is allowed."""
    for step in (1, -1, 2, -2, 5, 100):
        values = deepcopy(RICH)
        part: Any = values
        for key in path[:-1]:
            part = part[key]
        part[path[-1]] += step * (DAY if part[path[-1]] >= START else 1)
        try:
            return Definition.model_validate(values)
        except ValidationError:
            continue
    raise AssertionError(f"no other number is allowed at {path}")


PATHS = [path for path in numbers(RICH) if ".".join(map(str, path)) not in NOT_FOR_MEMBERS]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: ".".join(map(str, path)))
def test_every_number_of_the_rules_is_in_the_text(path: tuple[Any, ...]) -> None:
    other = with_another(path)
    for language in LANGUAGES:
        assert rules(other, spoken(language)) != rules(rich(), spoken(language)), language


@pytest.mark.parametrize("earn", [(1, 100, "down"), (3, 700, "nearest"), (2, 100_000, "up"), (5, 1, "down")])
def test_the_worked_example_is_what_the_rules_count(earn: tuple[int, int, Any]) -> None:
    points, per, rounding = earn
    definition = rich(earn={"points": points, "per": per, "rounding": rounding}, rules=[], multipliers=[], every=[])
    sentence = rules(definition, spoken("en"))[0].replace(",", "").replace("\N{NO-BREAK SPACE}", " ")
    total = next(
        total for total in (4590, 45_900, 459_000, 4_590_000) if f"purchase of PLN{total / 100:.2f}" in sentence
    )
    at = moment(START, definition.zone)
    grants = evaluate(definition.rules_in_force, Purchase(at, total, total), Standing()).grants
    assert f"gives {next(grant.amount for grant in grants if not grant.unit)} points" in sentence


@pytest.mark.parametrize(
    ("language", "filled", "brought"),
    [
        ("en", "10 visits and the card is full", "5 items and you can have “Mug”"),
        ("ru", "10 визитов — и карта заполнена", "5 товаров — и можно получить «Mug»"),
        ("pl", "10 wizyt i karta jest pełna", "5 produktów i można odebrać „Mug”"),
    ],
)
def test_stamps_are_worked_out_in_visits_or_items(language: str, filled: str, brought: str) -> None:
    plain = {"key": "s", "kind": "stamps", "unit": "stamps", "name": {"en": "S"}, "look": "cafe", "earn": {"points": 0}}
    visit, item = ({"key": "k", "measure": measure, "amount": 1} for measure in ("visit", "item"))
    card = Definition.model_validate(plain | {"rules": [visit], "stamps": {"of": 10}})
    mugs = {"rewards": [{"key": "mug", "name": {"en": "Mug"}, "cost": 9}], "rules": [item | {"amount": 2}]}
    bought = Definition.model_validate(plain | mugs)
    assert filled in rules(card, spoken(language))[0]
    assert brought in rules(bought, spoken(language))[0]
    several = card.model_copy(update={"rules": (*card.rules, bought.rules[0])})
    assert filled not in "".join(rules(several, spoken(language))), "which of them is meant cannot be said"
