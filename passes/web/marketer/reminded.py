"""What reminders did, in words: when each comes, how many had one, and whether more came for it. Pure.

The figures are those of `reminders.report`; nothing is claimed that its interval does not show.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...card import Text
from ...definition import Definition, ReminderPart
from ...reminders.effect import Effect
from ...reminders.report import Cohort
from ...words import Words

_LEVELS = {"more come": "good", "fewer come": "bad", "no effect shown": "plain", "too few": "plain"}


@dataclass(frozen=True)
class Share:
    """How many of how many came, of those who had a reminder, had none by lot, or first bought in a month."""

    name: str
    came: str


@dataclass(frozen=True)
class Reminded:
    """One reminder. `result` is by how much more came, and between which bounds; empty where nothing compares."""

    name: str
    rule: tuple[str, ...]
    sent: str
    waiting: str
    groups: tuple[Share, ...]
    verdict: str
    level: str
    result: tuple[str, ...]


@dataclass(frozen=True)
class Told:
    """A programme's reminders and returning members."""

    name: str
    reminders: tuple[Reminded, ...]
    months: tuple[Share, ...]


def told(
    definition: Definition,
    effects: Mapping[str, Effect],
    sent: Mapping[str, int],
    months: Sequence[Cohort],
    said: Words,
) -> Told:
    reminders = (
        _reminded(definition, part, effects[part.key], sent.get(part.key, 0), said) for part in definition.reminders
    )
    return Told(said.pick(definition.name), tuple(reminders), tuple(_months(months, said)))


def _reminded(definition: Definition, part: ReminderPart, effect: Effect, sent: int, said: Words) -> Reminded:
    coupons: dict[str, Text] = {coupon.key: coupon.name for coupon in definition.coupons}
    waiting = sent - effect.given.people
    compares = part.control > 0 or effect.control.people > 0
    word = effect.verdict.replace(" ", "_") if compares else "nobody_alone"
    return Reminded(
        name=said.pick(coupons[part.coupon]),
        rule=tuple(_rule(part, said)),
        sent=said.say("console.reminders.sent", n=sent),
        waiting=said.say("console.reminders.waiting", n=waiting) if waiting else "",
        groups=tuple(_groups(effect, said)[: 1 + compares]),
        verdict=said.say(f"console.reminders.{word}"),
        level=_LEVELS[effect.verdict],
        result=tuple(_result(definition, effect, said)),
    )


def _rule(part: ReminderPart, said: Words) -> Iterator[str]:
    days = said.say("rules.days", n=part.days)
    yield said.say(f"console.reminders.{part.when}", days=days, percent=said.number(part.share))
    yield said.say("console.reminders.answer", days=said.say("rules.days", n=part.answer_days))
    if part.control:
        yield said.say("console.reminders.control", n=part.control)


def _groups(effect: Effect, said: Words) -> list[Share]:
    """As far as their time to answer is over."""
    arms = (("given", effect.given), ("alone", effect.control))
    return [Share(said.say(f"console.reminders.{name}"), _share(arm.came, arm.people, said)) for name, arm in arms]


def _result(definition: Definition, effect: Effect, said: Words) -> Iterator[str]:
    """The difference with its interval; what it brought only where it is shown to be one."""
    if effect.verdict == "too few":
        return
    low, high = (_signed(said, each) for each in effect.interval)
    yield said.say("console.reminders.uplift", uplift=_signed(said, effect.uplift), low=low, high=high)
    if effect.verdict == "more come":
        spent = said.money(effect.extra_spent, definition.currency)
        yield said.say("console.reminders.extra", n=effect.extra_visits, money=spent)
        yield said.say("console.reminders.anyway", share=_percent(said, effect.came_anyway))


def _months(cohorts: Sequence[Cohort], said: Words) -> Iterator[Share]:
    """The newest first."""
    for each in reversed(cohorts):
        yield Share(each.month, _share(each.second, each.first, said))


def _share(came: int, people: int, said: Words) -> str:
    if not people:
        return said.say("console.reminders.nobody_yet")
    percent = _percent(said, came / people)
    return said.say("console.reminders.came", came=said.number(came), people=said.number(people), percent=percent)


def _percent(said: Words, share: float) -> str:
    return f"{said.number(round(share * 100))}\N{NO-BREAK SPACE}%"


def _signed(said: Words, share: float) -> str:
    """In hundredths, with its sign."""
    points = round(share * 100)
    return f"{'+' if points > 0 else '−' if points < 0 else ''}{said.number(abs(points))}"
