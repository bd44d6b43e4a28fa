"""What an effect comes to, in words: how many came of either group, and whether it shows that more do. Pure.

Nothing is claimed that the interval does not show; until it does, figures alone are said.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...definition import Definition
from ...effect import Arm, Effect
from ...words import Words

_LEVELS = {"more come": "good", "fewer come": "bad", "no effect shown": "plain", "too few": "plain"}


@dataclass(frozen=True)
class Share:
    """How many of how many came, of those who had it, had none by lot, or first bought in a month."""

    name: str
    came: str


@dataclass(frozen=True)
class Verdict:
    """`sentence` in a word, `level` for its colour; `result` is by how much more came, and between which bounds."""

    sentence: str
    level: str
    result: tuple[str, ...]


def groups(effect: Effect, given: str, said: Words) -> list[Share]:
    """Those who had it, named `given`, and those who by lot did not."""
    alone = said.say("console.effect.alone")
    return [Share(given, share(effect.given, said)), Share(alone, share(effect.control, said))]


def verdict(definition: Definition, effect: Effect, said: Words) -> Verdict:
    sentence = said.say(f"console.effect.{effect.verdict.replace(' ', '_')}")
    return Verdict(sentence, _LEVELS[effect.verdict], tuple(_result(definition, effect, said)))


def share(arm: Arm, said: Words) -> str:
    if not arm.people:
        return said.say("console.effect.nobody_yet")
    came, people = said.number(arm.came), said.number(arm.people)
    return said.say("console.effect.came", came=came, people=people, percent=_percent(said, arm.share))


def _result(definition: Definition, effect: Effect, said: Words) -> Iterator[str]:
    """The difference with its interval; what it brought only where it is shown to be one."""
    if effect.verdict == "too few":
        return
    low, high = (_signed(said, each) for each in effect.interval)
    yield said.say("console.effect.uplift", uplift=_signed(said, effect.uplift), low=low, high=high)
    if effect.verdict == "more come":
        yield said.say("console.effect.extra", n=effect.extra_members)
        yield from _money(definition, effect, said)
        yield said.say("console.effect.anyway", share=_percent(said, effect.came_anyway))


def _money(definition: Definition, effect: Effect, said: Words) -> Iterator[str]:
    if not effect.shows_spending:
        yield said.say("console.effect.no_money")
        return
    low, high = (said.money(each, definition.currency) for each in effect.spent_interval)
    spent = said.money(effect.extra_spent, definition.currency)
    yield said.say("console.effect.spent", money=spent, low=low, high=high)
    if definition.margin is not None:
        margin = said.money(effect.extra_margin(definition.margin), definition.currency)
        yield said.say("console.effect.margin", money=margin, percent=said.number(definition.margin))


def _percent(said: Words, share: float) -> str:
    return f"{said.number(round(share * 100))}\N{NO-BREAK SPACE}%"


def _signed(said: Words, share: float) -> str:
    """In hundredths, with its sign."""
    points = round(share * 100)
    return f"{'+' if points > 0 else '−' if points < 0 else ''}{said.number(abs(points))}"
