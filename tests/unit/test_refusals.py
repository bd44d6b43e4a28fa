"""A refusal at the till is in the cashier's language: what code could say in English alone has words there."""

from __future__ import annotations

import pytest

from passes import words
from passes.cardpins import PinNeeded, WrongPin
from passes.errors import BadInput, Conflict, NotFound, PassesError, TooManyTries
from passes.pins import PinTooShort
from passes.rewards import RewardNotYours
from passes.web.login.backstage import sentence
from passes.web.staff.older import ManagerPinWrong, NoTill
from passes.words import LANGUAGES, Words
from tests.unit.test_words import PAGES

REFUSALS: tuple[PassesError, ...] = (
    PinNeeded("English.", field="pin"),
    WrongPin("English.", field="pin"),
    TooManyTries("English", 61, field="pin"),
    TooManyTries("English", 2),
    RewardNotYours("English.", field="reward"),
    PinTooShort("English."),
    ManagerPinWrong("English."),
    NoTill("English."),
    *(BadInput("English.", field=field) for field in ("redeem", "total", "note", "query", "location")),
    *(Conflict("English.", field=field) for field in ("lines", "receipt", "conflict", "programme")),
    *(NotFound("English.", field=field) for field in ("receipt", "code", "coupon", "promo")),
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_refusal_of_the_till_has_words(language: str) -> None:
    said = Words(language, words.load(PAGES)[language])
    assert [wrong.field for wrong in REFUSALS if "English" in sentence(wrong, said)] == []


@pytest.mark.parametrize(
    ("language", "wait", "told"),
    [
        ("ru", 1, "Подождите 1 секунду"),
        ("ru", 3, "Подождите 3 секунды"),
        ("ru", 60, "Подождите 60 секунд"),
        ("ru", 61, "Подождите 61 секунду"),
        ("pl", 1, "Odczekaj 1 sekundę"),
        ("pl", 22, "Odczekaj 22 sekundy"),
        ("pl", 60, "Odczekaj 60 sekund"),
    ],
)
def test_how_long_to_wait_is_said_as_people_say_it(language: str, wait: int, told: str) -> None:
    said = Words(language, words.load(PAGES)[language])
    assert told in sentence(TooManyTries("Too often", wait, field="pin"), said)
