"""What reminders did, in words: when each comes, how many had one, and whether more came for it. Pure.

The figures are those of `reminders.report`; nothing is claimed that its interval does not show.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...card import Text
from ...definition import Definition, ReminderPart
from ...effect import Arm, Effect
from ...reminders.report import Cohort
from ...words import Words
from . import effects
from .effects import Share


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
    found: Mapping[str, Effect],
    sent: Mapping[str, int],
    months: Sequence[Cohort],
    said: Words,
) -> Told:
    reminders = (
        _reminded(definition, part, found[part.key], sent.get(part.key, 0), said) for part in definition.reminders
    )
    return Told(said.pick(definition.name), tuple(reminders), tuple(_months(months, said)))


def _reminded(definition: Definition, part: ReminderPart, effect: Effect, sent: int, said: Words) -> Reminded:
    coupons: dict[str, Text] = {coupon.key: coupon.name for coupon in definition.coupons}
    waiting = sent - effect.given.people
    compares = part.control > 0 or effect.control.people > 0
    found = effects.verdict(definition, effect, said)
    return Reminded(
        name=said.pick(coupons[part.coupon]),
        rule=tuple(_rule(part, said)),
        sent=said.say("console.reminders.sent", n=sent),
        waiting=said.say("console.reminders.waiting", n=waiting) if waiting else "",
        # As far as their time to answer is over.
        groups=tuple(effects.groups(effect, said.say("console.reminders.given"), said)[: 1 + compares]),
        verdict=found.sentence if compares else said.say("console.reminders.nobody_alone"),
        level=found.level,
        result=found.result,
    )


def _rule(part: ReminderPart, said: Words) -> Iterator[str]:
    days = said.say("rules.days", n=part.days)
    yield said.say(f"console.reminders.{part.when}", days=days, percent=said.number(part.share))
    yield said.say("console.reminders.answer", days=said.say("rules.days", n=part.answer_days))
    if part.control:
        yield said.say("console.reminders.control", n=part.control)


def _months(cohorts: Sequence[Cohort], said: Words) -> Iterator[Share]:
    """The newest first."""
    for each in reversed(cohorts):
        yield Share(each.month, effects.share(Arm(each.first, each.second), said))
