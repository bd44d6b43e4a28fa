"""What the slip of a receipt that is claimed later says in one language: on paper, at the till, on a phone. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from . import claims
from .definition import Definition
from .points.amounts import Amounts
from .programmes import Programme
from .store import Row
from .words import Words


@dataclass(frozen=True)
class Slip:
    """`state` is open, claimed, void or expired; `title` and `what` say so to people."""

    state: str
    title: str
    what: str
    programme: str
    money: str
    bought: str
    about: str
    until: str


def slip(row: Row, programme: Programme, said: Words, now: int) -> Slip:
    definition, state = programme.definition, claims.state(row, now)
    since, until = (said.date(at, definition.zone) for at in (claims.since(row), row.ends - 1))
    amounts, place = Amounts.of(definition, said), row.content.get("location", "")
    money, bought = amounts.money(row.content.get("total", 0)), said.date(row.created, definition.zone)
    return Slip(
        state=state,
        title=said.say(f"claim.state.{state}"),
        what=said.say(f"claim.state.{state}_what", date=since),
        programme=said.pick(programme.promise.name),
        money=money,
        bought=said.say("claim.bought_at" if place else "claim.bought", date=bought, place=place, money=money),
        about=about(claims.worth(programme, claims.bought(row), now), definition, said),
        until=said.say("claim.until", date=until),
    )


def about(brought: Mapping[str, int], definition: Definition, said: Words) -> str:
    """What it brings, as far as anybody can know before it is claimed."""
    amounts = Amounts.of(definition, said)
    told = " · ".join(amounts.say(n, unit) for unit, n in brought.items())
    return said.say("claim.about", amount=told) if told else said.say("claim.counts")
