"""How members earn: rules, multipliers, what comes of every so much spent, stamp cards and challenges."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from ..points.rules import Measure, Rounding
from .parts import (
    MAX_AMOUNT,
    Amount,
    CapsPart,
    Days,
    GivePart,
    GoodsPart,
    Instant,
    Key,
    Money,
    Part,
    ShortText,
    UnitKey,
    WhenPart,
)


class EarnPart(Part):
    """So many points for every `per` of money, in the currency's smallest unit."""

    points: int = Field(default=1, ge=0, le=MAX_AMOUNT)
    per: int = Field(default=100, ge=1, le=MAX_AMOUNT)
    rounding: Rounding = "down"


class RulePart(Part):
    """`amount` for every `per` of what is measured: money, visits, items or events."""

    key: Key
    name: ShortText | None = None
    unit: UnitKey | None = None
    measure: Measure = "money"
    amount: Amount
    per: int | None = Field(default=None, ge=1, le=MAX_AMOUNT)
    rounding: Rounding = "down"
    goods: GoodsPart = GoodsPart()
    when: WhenPart = WhenPart()
    caps: CapsPart = CapsPart()
    ripens_days: Days | None = None

    @model_validator(mode="after")
    def _possible(self) -> RulePart:
        if self.measure == "event" and self.when.event is None:
            raise ValueError("`when.event` says which event")
        if self.per is not None and self.measure in ("visit", "event"):
            raise ValueError("`per` for money and items alone")
        if self.goods.goods is not None and self.measure in ("visit", "event"):
            raise ValueError("`goods` for money and items alone")
        return self


class MultiplierPart(Part):
    """`percent` of what the rules of a unit gave: 200 is double. `goods`: only of what those earned."""

    key: Key
    name: ShortText | None = None
    unit: UnitKey | None = None
    percent: int = Field(ge=101, le=10_000)
    goods: GoodsPart = GoodsPart()
    when: WhenPart = WhenPart()


class EveryPart(Part):
    """For every `spend` of money something is given. `carry_over`: what is above it counts for the next."""

    key: Key
    name: ShortText | None = None
    spend: Money
    give: GivePart
    period: Literal["ever", "month", "year"] = "ever"
    carry_over: bool = True
    goods: GoodsPart = GoodsPart()
    when: WhenPart = WhenPart()


class PrizePart(Part):
    at: int = Field(ge=1, le=100)
    give: GivePart


class StampPart(Part):
    """A stamp card: `of` stamps of a unit fill it and a new one begins. `carry_over`: stamps above it go there."""

    key: Key = "stamps"
    unit: UnitKey | None = None
    of: int = Field(ge=2, le=100)
    prizes: tuple[PrizePart, ...] = Field(default=(), max_length=10)
    carry_over: bool = True

    @model_validator(mode="after")
    def _possible(self) -> StampPart:
        if any(prize.at > self.of for prize in self.prizes):
            raise ValueError(f"prizes at no more than {self.of} stamps")
        if len({prize.at for prize in self.prizes}) != len(self.prizes):
            raise ValueError("one prize for each number of stamps")
        return self


class ChallengePart(Part):
    """So many visits, so much money, so many items or events from `starts` until `ends`, and something is given."""

    key: Key
    name: ShortText
    measure: Literal["visits", "spend", "items", "events"] = "visits"
    target: Money
    give: GivePart
    starts: Instant | None = None
    ends: Instant | None = None
    goods: GoodsPart = GoodsPart()
    when: WhenPart = WhenPart()

    @model_validator(mode="after")
    def _possible(self) -> ChallengePart:
        if self.starts is not None and self.ends is not None and self.ends <= self.starts:
            raise ValueError("`ends` after `starts`")
        if self.when.starts is not None or self.when.ends is not None:
            raise ValueError("a challenge's own `starts` and `ends`, not those of `when`")
        if self.measure == "events" and self.when.event is None:
            raise ValueError("`when.event` says which event")
        return self
