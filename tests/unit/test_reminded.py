"""Reminders in the console's words: the figures of the report, and no claim that they do not bear."""

from __future__ import annotations

from typing import Any

import pytest

from passes.definition import Definition
from passes.effect import Arm, Effect
from passes.reminders.report import Cohort
from passes.web.marketer.reminded import Told, told
from passes.words import LANGUAGES

from .rich_programme import spoken

CLUB: dict[str, Any] = {
    "key": "club",
    "name": {"en": "Club"},
    "look": "cafe",
    "coupons": [{"key": "cake", "name": {"en": "A cake"}}],
    "reminders": [
        {"key": "again", "when": "second", "coupon": "cake", "days": 5, "control": 20},
        {"key": "soon", "when": "rhythm", "coupon": "cake", "percent": 75},
        {"key": "back", "when": "lapsed", "coupon": "cake", "control": 0, "answer_days": 21},
    ],
}
MORE = Effect(Arm(400, 120, 240_000, 120 * 2_000**2), Arm(100, 10, 20_000, 10 * 2_000**2))
NOT_SHOWN = Effect(Arm(400, 42, 84_000), Arm(100, 10, 20_000))
EFFECTS = {"again": MORE, "soon": NOT_SHOWN, "back": Effect(Arm(9, 3, 900), Arm())}
MONTHS = (Cohort("2026-10", 8, 2), Cohort("2026-11", 3, 3))


def said(language: str = "en", effects: dict[str, Effect] | None = None) -> Told:
    sent = {"again": 412, "soon": 400, "back": 9}
    return told(Definition.model_validate(CLUB), effects or EFFECTS, sent, MONTHS, spoken(language))


def test_more_who_come_are_told_with_their_interval_and_what_they_spent() -> None:
    again = said().reminders[0]
    assert again.name == "A cake" and again.sent == "412 coupons given"
    assert again.waiting == "12 of them may still be answered"
    assert again.rule == (
        "Comes 5 days after a first purchase that no second one followed.",
        "Whoever buys at most 14 days later has answered.",
        "20 in a hundred get none, for comparison.",
    )
    assert [(group.name, group.came) for group in again.groups] == [
        ("With a reminder", "120 of 400 came (30\N{NO-BREAK SPACE}%)"),
        ("Without, by lot", "10 of 100 came (10\N{NO-BREAK SPACE}%)"),
    ]
    low, high = (round(100 * each) for each in MORE.interval)
    least, most = (spoken("en").money(each, "PLN") for each in MORE.spent_interval)
    assert (again.verdict, again.level) == ("More come for it", "good")
    assert again.result == (
        f"Difference in a hundred people: +20. Nineteen times out of twenty it lies between +{low} and +{high}.",
        "That is about 80 members more who came.",
        f"They spent about PLN1,600.00 more; nineteen times out of twenty it lies between {least} and {most}.",
        "33\N{NO-BREAK SPACE}% of those who came would have come anyway.",
    )


def test_where_the_margin_is_known_it_is_told_what_is_left() -> None:
    definition = Definition.model_validate(CLUB | {"margin": 30})
    again = told(definition, EFFECTS, {}, (), spoken("en")).reminders[0]
    assert again.result[3] == "At a margin of 30 % that leaves PLN480.00, before what it cost to give."


def test_more_who_come_need_not_have_spent_more() -> None:
    """One large bill among those left alone outweighs all the others."""
    effect = Effect(Arm(1_000, 400, 400_000, 400 * 1_000**2), Arm(100, 25, 64_000, 40_000**2 + 24 * 1_000**2))
    assert effect.verdict == "more come" and effect.extra_spent < 0 < effect.spent_interval[1]
    result = said(effects={"again": effect, "soon": effect, "back": effect}).reminders[0].result
    assert "Whether they also spent more, so few bills do not show." in result
    assert not any("PLN" in sentence for sentence in result)


def test_what_is_not_shown_is_not_claimed() -> None:
    _, soon, back = said().reminders
    assert soon.rule[0].startswith("Comes at 75 % of a member's usual time") and soon.waiting == ""
    assert (soon.verdict, soon.level, len(soon.result)) == ("No effect is shown", "plain", 1)
    assert "between −" in soon.result[0]
    assert (back.verdict, back.result) == ("Nobody was left without, so nothing can be compared", ())
    assert len(back.groups) == 1 and len(back.rule) == 2


def test_fewer_and_too_few_have_their_words() -> None:
    fewer, few = Effect(MORE.control, MORE.given), Effect(Arm(29, 29, 1), Arm(29, 0, 0))
    told_ = said(effects={"again": fewer, "soon": few, "back": few}).reminders
    assert [(each.verdict, each.level) for each in told_[:2]] == [
        ("Fewer come for it", "bad"),
        ("Too few to tell yet: it takes 30 on each side", "plain"),
    ]
    assert len(told_[0].result) == 1 and told_[1].result == ()


def test_the_newest_month_comes_first() -> None:
    assert [(each.name, each.came) for each in said().months] == [
        ("2026-11", "3 of 3 came (100\N{NO-BREAK SPACE}%)"),
        ("2026-10", "2 of 8 came (25\N{NO-BREAK SPACE}%)"),
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_all_of_it(language: str) -> None:
    for each in said(language).reminders:
        sentences: list[str] = [*each.rule, each.sent, each.verdict, *each.result]
        assert all(sentences) and not any("{" in sentence for sentence in sentences)
