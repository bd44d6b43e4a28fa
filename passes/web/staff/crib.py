"""One page to hang beside the till, written from the programme's own rules. Pure.

It says what a cashier is asked most: what a purchase earns, what points buy, how to take something back, what to do
without a connection.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...definition import Definition
from ...wallets.ecard.face import amount
from ...words import Words, minor_digits

EXAMPLE_BILL = 40
MOST_ROWS = 10
"""More do not fit on a page that is read in a hurry."""


@dataclass(frozen=True)
class Crib:
    """`rewards` and `tiers` are names with what they cost or need."""

    programme: str
    earn: str
    example: str
    pay: str
    rewards: tuple[tuple[str, str], ...]
    tiers: tuple[tuple[str, str], ...]


def crib(definition: Definition, words: Words) -> Crib:
    unit, currency = definition.unit, definition.currency
    # A whole number of steps, so that no rounding comes into it.
    steps = max(1, EXAMPLE_BILL * 10 ** minor_digits(currency) // definition.earn.per)
    rewards = sorted(definition.rewards, key=lambda reward: reward.cost)[:MOST_ROWS]
    tiers = sorted(definition.tiers, key=lambda tier: tier.threshold)
    worth = words.money(definition.worth_of_one, currency)
    return Crib(
        programme=words.pick(definition.name),
        earn=words.say(
            "crib.earn",
            amount=amount(words, unit, definition.earn.points),
            money=words.money(definition.earn.per, currency),
        ),
        example=words.say(
            "crib.example",
            money=words.money(steps * definition.earn.per, currency),
            amount=amount(words, unit, steps * definition.earn.points),
        ),
        pay=words.say("crib.pay", amount=amount(words, unit, 1), money=worth) if definition.worth_of_one else "",
        rewards=tuple((words.pick(reward.name), amount(words, unit, reward.cost)) for reward in rewards),
        tiers=tuple((words.pick(tier.name), amount(words, unit, tier.threshold)) for tier in tiers),
    )
