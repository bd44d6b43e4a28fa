"""What every part of a definition is made of: kinds of values, when something holds, which goods, when it ends.

A part checks what it can see of itself; what must fit together across parts is `consistency`'s. Nothing reads a clock.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from ..points.rules import Above, Goods, Next, When
from ..words import LANGUAGES, is_currency
from ..zones import end_of_day, end_of_year_day

MAX_AMOUNT = 10_000_000
MOST_MONEY = 1_000_000_000
LAST_INSTANT = 32_503_680_000
Key = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$", max_length=40)]
UnitKey = Annotated[str, Field(pattern=r"^[a-z]{1,20}$")]
Amount = Annotated[int, Field(ge=1, le=MAX_AMOUNT)]
Money = Annotated[int, Field(ge=1, le=MOST_MONEY)]
Instant = Annotated[int, Field(ge=0, le=LAST_INSTANT)]
Days = Annotated[int, Field(ge=1, le=3660)]
Name = Annotated[str, Field(min_length=1, max_length=80)]
Percent = Annotated[int, Field(ge=1, le=100)]
Kind = Literal["points", "cashback", "stamps", "threshold", "gift", "visits", "membership", "coupons"]
UnitKind = Literal["points", "money", "stamps", "visits", "status"]


def _languages(text: dict[str, str]) -> dict[str, str]:
    if not text or set(text) - set(LANGUAGES):
        raise ValueError(f"words in at least one of {', '.join(LANGUAGES)}")
    return text


def _currency(code: str) -> str:
    if not is_currency(code):
        raise ValueError("an ISO 4217 currency such as PLN")
    return code


def _day_of_year(text: str) -> str:
    try:
        # No leap year: an end that comes once in four years is not meant.
        date(2023, int(text[:2]), int(text[3:]))
    except ValueError:
        raise ValueError("a day of the year as month and day, such as 12-31") from None
    return text


ShortText = Annotated[
    dict[str, Annotated[str, Field(min_length=1, max_length=80)]],
    Field(max_length=3),
    AfterValidator(_languages),
]
Currency = Annotated[str, AfterValidator(_currency)]
LongText = Annotated[dict[str, Annotated[str, Field(max_length=4000)]], Field(max_length=3), AfterValidator(_languages)]
DayOfYear = Annotated[str, Field(pattern=r"^[0-9]{2}-[0-9]{2}$"), AfterValidator(_day_of_year)]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ExpiryPart(Part):
    """When what was earned ends: after `days`, on a day of the year (`years` later), at an instant, or by idleness.

    The earliest of those that are set counts. `idle_days` is counted from the last thing that happened to the card.
    """

    days: Days | None = None
    yearly: DayOfYear | None = None
    years: int = Field(default=0, ge=0, le=10)
    at: Instant | None = None
    idle_days: Days | None = None

    def end(self, now: int, zone: ZoneInfo) -> int | None:
        """When what is earned now ends; idleness apart."""
        ends = [end_of_day(now, self.days, zone)] if self.days else []
        if self.yearly:
            ends.append(end_of_year_day(now, self.yearly, self.years, zone))
        if self.at is not None and self.at > now:
            ends.append(self.at)
        return min(ends, default=None)


class UnitPart(Part):
    """Something else a card of the programme counts in, beside its main unit."""

    key: UnitKey
    kind: UnitKind = "points"
    name: ShortText | None = None
    expiry: ExpiryPart = ExpiryPart()


class GoodsPart(Part):
    """Which lines of a receipt are meant: those named, without those excluded; nothing named means all."""

    categories: tuple[Name, ...] = Field(default=(), max_length=100)
    skus: tuple[Name, ...] = Field(default=(), max_length=500)
    not_categories: tuple[Name, ...] = Field(default=(), max_length=100)
    not_skus: tuple[Name, ...] = Field(default=(), max_length=500)

    @property
    def goods(self) -> Goods | None:
        parts = (self.categories, self.skus, self.not_categories, self.not_skus)
        return Goods(*map(frozenset, parts)) if any(parts) else None


class NextPart(Part):
    """The purchase before was at most `days` ago and of at least `after_total`."""

    days: Days
    after_total: int = Field(default=0, ge=0, le=MOST_MONEY)


class AbovePart(Part):
    """`percent` of the card's own average purchase or more, once `after_purchases` say what that is."""

    percent: int = Field(default=120, ge=100, le=1000)
    after_purchases: int = Field(default=3, ge=1, le=1000)


class WhenPart(Part):
    """When a rule holds; everything that is set must. Days and minutes are those of the programme's time zone."""

    min_total: int = Field(default=0, ge=0, le=MOST_MONEY)
    tiers: tuple[Key, ...] = Field(default=(), max_length=10)
    weekdays: tuple[Annotated[int, Field(ge=1, le=7)], ...] = Field(default=(), max_length=7)
    from_minute: int | None = Field(default=None, ge=0, le=1439)
    until_minute: int | None = Field(default=None, ge=0, le=1440)
    starts: Instant | None = None
    ends: Instant | None = None
    locations: tuple[Name, ...] = Field(default=(), max_length=100)
    event: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    first_purchase: bool = False
    next_within: NextPart | None = None
    birthday_month: bool = False
    member_paid: bool = False
    above_own_average: AbovePart | None = None

    @model_validator(mode="after")
    def _possible(self) -> WhenPart:
        if self.starts is not None and self.ends is not None and self.ends <= self.starts:
            raise ValueError("`ends` after `starts`")
        if (self.from_minute is None) != (self.until_minute is None):
            raise ValueError("`from_minute` and `until_minute` together")
        if self.from_minute is not None and self.from_minute == self.until_minute:
            raise ValueError("`from_minute` and `until_minute` that differ")
        if self.first_purchase and self.next_within:
            raise ValueError("either `first_purchase` or `next_within`: a first purchase has none before it")
        if self.first_purchase and self.above_own_average:
            raise ValueError("either `first_purchase` or `above_own_average`: a first purchase has none before it")
        return self

    @property
    def is_foreseeable(self) -> bool:
        """Whether it will hold for the member's next purchase, if that is large enough and made in season."""
        known = {"min_total", "tiers", "starts", "ends", "above_own_average"}
        return self == WhenPart(**{name: getattr(self, name) for name in known})

    @property
    def when(self) -> When:
        following = Next(self.next_within.days, self.next_within.after_total) if self.next_within else None
        average = self.above_own_average
        return When(
            min_total=self.min_total,
            tiers=frozenset(self.tiers),
            weekdays=frozenset(self.weekdays),
            from_minute=self.from_minute,
            until_minute=self.until_minute,
            starts=self.starts,
            ends=self.ends,
            locations=frozenset(self.locations),
            event=self.event,
            first_purchase=self.first_purchase,
            next_within=following,
            birthday_month=self.birthday_month,
            member_paid=self.member_paid,
            above_own_average=Above(average.percent, average.after_purchases) if average else None,
        )


class CapsPart(Part):
    """The most that a rule gives one card on one receipt, in a day, in a month, ever."""

    receipt: Amount | None = None
    day: Amount | None = None
    month: Amount | None = None
    ever: Amount | None = None


class GivePart(Part):
    """What is given: an amount of a unit, or a coupon."""

    amount: int = Field(default=0, ge=0, le=MAX_AMOUNT)
    unit: UnitKey | None = None
    coupon: Key | None = None

    @model_validator(mode="after")
    def _one(self) -> GivePart:
        if bool(self.amount) == (self.coupon is not None):
            raise ValueError("either an `amount` or a `coupon`")
        return self
