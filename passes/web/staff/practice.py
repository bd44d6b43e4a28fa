"""What practice plays with: the shop's own rules, and members who do not exist. Pure; nothing here is ever stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...programmes import Definition
from ...words import Words, minor_digits

PEOPLE = (("anna", 1.2, False), ("maks", 0.1, False), ("jan", 0.5, True))
"""Who comes to the counter: their name, how much of the dearest reward they hold, whether they are blocked."""
USUAL_BALANCE = 100


@dataclass(frozen=True)
class Person:
    code: str
    name: str
    balance: int
    is_blocked: bool


@dataclass(frozen=True)
class Practised:
    """`rules` go to the script as they are; `tasks` are keys of words, in the order in which they are done."""

    rules: dict[str, Any]
    people: tuple[Person, ...]
    tasks: tuple[str, ...]
    bill: str


def practised(definition: Definition, words: Words) -> Practised:
    most = max((reward.cost for reward in definition.rewards), default=USUAL_BALANCE)
    people = tuple(
        Person(f"PRACTICE-{key.upper()}", words.say(f"till.practice.{key}"), round(most * share), is_blocked)
        for key, share, is_blocked in PEOPLE
    )
    can_spend = bool(definition.rewards or definition.worth_of_one)
    tasks = ("scan", "count", "undo", *(("reward",) if can_spend else ()), "blocked")
    digits = minor_digits(definition.currency)
    return Practised(
        _rules(definition, words), people, tasks, words.money(24_50 * 10**digits // 100, definition.currency)
    )


def _rules(definition: Definition, words: Words) -> dict[str, Any]:
    return {
        "unit": definition.unit,
        "currency": definition.currency,
        "digits": minor_digits(definition.currency),
        "worth": definition.worth_of_one,
        "earn": definition.earn.model_dump(),
        "rewards": [{"key": r.key, "name": words.pick(r.name), "cost": r.cost} for r in definition.rewards],
    }
