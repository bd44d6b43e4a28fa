"""When somebody is reminded by their own rhythm, and what reminders are said to have done."""

from __future__ import annotations

import random
from itertools import accumulate

import pytest

from passes.effect import Arm, Effect
from passes.reminders.giving import is_control
from passes.reminders.rhythm import rhythm_of

# A reminder is useful within the last two fifths of the wait.
USEFUL = 0.6


def test_the_usual_gap_is_the_middle_one() -> None:
    assert rhythm_of([1, 8, 15, 22]).gap == 7  # type: ignore[union-attr]
    holiday = rhythm_of([1, 8, 15, 45, 52, 59])
    assert holiday is not None and holiday.gap == 7
    assert rhythm_of([22, 8, 15, 1, 15, 15, 8]) == rhythm_of([1, 8, 15, 22])


@pytest.mark.parametrize("days", [[], [5], [5, 12], [5, 12, 19], [5, 5, 12, 12, 19], [1, 2, 40, 41, 90, 93, 200, 201]])
def test_nothing_is_said_of_few_gaps_or_of_none_like_another(days: list[int]) -> None:
    assert rhythm_of(days) is None


def test_the_rhythm_beats_any_fixed_day_by_far() -> None:
    """Two thousand shoppers who come every 4 to 40 days, a third of that sooner or later, after seven visits each."""
    chance = random.Random(11)
    waits, guesses = [], []
    for _ in range(2_000):
        usual = chance.uniform(4, 40)
        gaps = [max(1, round(chance.gauss(usual, 0.33 * usual))) for _ in range(7)]
        rhythm = rhythm_of(list(accumulate(gaps[:-1], initial=1)))
        if rhythm is not None:
            waits.append(gaps[-1])
            guesses.append(rhythm.gap * 0.8)
    hits = sum(USEFUL * wait <= guess < wait for wait, guess in zip(waits, guesses, strict=True))
    best = max(sum(USEFUL * wait <= day < wait for wait in waits) for day in range(1, 60))
    assert len(waits) > 1_700
    assert hits >= 1.4 * best


def population(chance: random.Random, people: int, reminded: float, alone: float, control: int = 10) -> Effect:
    arms = {True: [0, 0, 0], False: [0, 0, 0]}
    for number in range(people):
        left_alone = is_control(f"card {number} {chance.random()}", "back", number, control)
        came = chance.random() < (alone if left_alone else reminded)
        spent = chance.randint(500, 1_500) if came else 0
        arms[left_alone] = [had + more for had, more in zip(arms[left_alone], (1, came, spent), strict=True)]
    return Effect(Arm(*arms[False]), Arm(*arms[True]))


def test_a_known_effect_is_found() -> None:
    """Half of 5,000 come when reminded, a quarter come anyway."""
    effect = population(random.Random(3), 5_000, reminded=0.5, alone=0.25)
    assert 450 < effect.control.people < 550
    assert effect.uplift == pytest.approx(0.25, rel=0.2)
    assert effect.extra_members == pytest.approx(0.25 * effect.given.people, rel=0.2)
    assert effect.extra_spent == pytest.approx(0.25 * effect.given.people * 1_000, rel=0.2)
    assert effect.came_anyway == pytest.approx(0.5, rel=0.2)
    low, high = effect.interval
    assert low < 0.25 < high and effect.verdict == "more come"


def test_where_there_is_no_effect_none_is_shown() -> None:
    runs = [population(random.Random(seed), 2_000, reminded=0.3, alone=0.3) for seed in range(100)]
    assert sum(effect.verdict == "no effect shown" for effect in runs) >= 90


def test_little_is_said_of_few() -> None:
    assert Effect(Arm(500, 400, 1), Arm(29, 1, 1)).verdict == "too few"
    assert Effect(Arm(), Arm()).verdict == "too few"
    assert (Effect(Arm(), Arm()).uplift, Effect(Arm(), Arm()).came_anyway, Effect(Arm(), Arm()).extra_spent) == (
        0,
        0,
        0,
    )
    assert Effect(Arm(400, 40, 1), Arm(400, 200, 1)).verdict == "fewer come"


def test_the_share_that_is_left_alone_is_what_was_said() -> None:
    for percent in (0, 10, 50):
        alone = sum(is_control(f"card-{number}", "back", number, percent) for number in range(10_000))
        assert alone == pytest.approx(percent * 100, abs=150)
    assert is_control("card-1", "back", 7, 50) == is_control("card-1", "back", 7, 50)
