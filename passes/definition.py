"""What an owner writes of a programme, checked before it is kept.

A `Definition` and its parts say what is promised in the words of the field; every part but the first four may be
left out. Nothing here moves a point: `rules` turns a definition into the values that `points.rules` and `points.tiers`
count by, and a definition that cannot be kept is refused with the field that is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from functools import cached_property
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from .card import Challenge, Prize, Reward, Stamps, Tier
from .card import Perk as ShownPerk
from .points.discounts import Discount
from .points.rules import MAIN, Caps, Gift, Goal, Goods, Multiplier, Next, Rule, RuleSet, StampCard, When
from .points.rules import Prize as StampPrize
from .points.tiers import Perk, Policy
from .words import LANGUAGES, is_currency
from .zones import TimeZone, end_of_day, end_of_year_day

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
Measure = Literal["money", "visit", "item", "event"]
Rounding = Literal["down", "nearest", "up"]


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
LongText = Annotated[dict[str, Annotated[str, Field(max_length=4000)]], Field(max_length=3), AfterValidator(_languages)]
DayOfYear = Annotated[str, Field(pattern=r"^[0-9]{2}-[0-9]{2}$"), AfterValidator(_day_of_year)]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EarnPart(Part):
    """So many points for every `per` of money, in the currency's smallest unit."""

    points: int = Field(default=1, ge=0, le=MAX_AMOUNT)
    per: int = Field(default=100, ge=1, le=MAX_AMOUNT)
    rounding: Rounding = "down"


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
        return self

    @property
    def when(self) -> When:
        following = Next(self.next_within.days, self.next_within.after_total) if self.next_within else None
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
        )


class CapsPart(Part):
    """The most that a rule gives one card on one receipt, in a day, in a month, ever."""

    receipt: Amount | None = None
    day: Amount | None = None
    month: Amount | None = None
    ever: Amount | None = None


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


class PerkPart(Part):
    """What members of a tier have. Which other fields count depends on the kind:

    `multiplier`: `percent`; `early_access`: `opens` (they may come from then on) and `ends`; `manager`: `contact`;
    `discount`: `percent` off, from `starts` until `ends`, for `categories`; `free_delivery`: from `least` on; `text`.
    """

    key: Key
    kind: Literal["multiplier", "early_access", "manager", "free_delivery", "discount", "text"]
    name: ShortText
    percent: int | None = Field(default=None, ge=1, le=10_000)
    unit: UnitKey | None = None
    starts: Instant | None = None
    ends: Instant | None = None
    contact: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    least: int | None = Field(default=None, ge=0, le=MOST_MONEY)
    categories: tuple[Name, ...] = Field(default=(), max_length=100)

    @model_validator(mode="after")
    def _complete(self) -> PerkPart:
        if self.kind == "multiplier" and (self.percent is None or self.percent <= 100):
            raise ValueError("`percent` above 100 for a multiplier")
        if self.kind == "discount" and (self.percent is None or self.percent > 100):
            raise ValueError("`percent` of at most 100 for a discount")
        if self.kind == "early_access" and self.starts is None:
            raise ValueError("`starts` for early access")
        if self.kind == "manager" and self.contact is None:
            raise ValueError("`contact` for a manager")
        return self

    @property
    def perk(self) -> Perk:
        values = self.model_dump(exclude={"key", "kind", "name", "starts", "ends"}, exclude_none=True, mode="json")
        return Perk(self.key, self.kind, self.name, {k: v for k, v in values.items() if v}, self.starts, self.ends)

    @property
    def shown(self) -> ShownPerk:
        return ShownPerk(self.key, self.name, self.starts, self.ends, self.contact or "")


class TierPart(Part):
    key: Key
    name: ShortText
    threshold: int = Field(ge=0, le=1_000_000_000)
    perks: tuple[PerkPart, ...] = Field(default=(), max_length=20)


class TierPolicyPart(Part):
    """What tiers are counted by, over which time, and how they are lost.

    `year`: what a calendar year reached holds through the next; `months`: the last so many months, this one included.
    `down`: to the tier the count reaches, one tier at a time, or never. For `grace_days` after the turn the tier stays.
    """

    by: Literal["earned", "spend", "visits"] = "earned"
    unit: UnitKey | None = None
    period: Literal["ever", "year", "months"] = "ever"
    months: int = Field(default=12, ge=1, le=36)
    down: Literal["recount", "step", "never"] = "recount"
    grace_days: int = Field(default=0, ge=0, le=365)
    warn_days: int = Field(default=30, ge=0, le=365)


class RedeemPolicyPart(Part):
    """How points pay: at most `share_percent` of the bill, in steps of `step`, no fewer than `least` points."""

    share_percent: Percent = 100
    step: Amount = 1
    least: Amount = 1


class DiscountPart(Part):
    """What comes off the bill: a share, a sum, or an item (the cheapest that matches)."""

    percent: Percent | None = None
    money: Money | None = None
    free_item: bool = False
    most: Money | None = None

    @model_validator(mode="after")
    def _one(self) -> DiscountPart:
        if sum((self.percent is not None, self.money is not None, self.free_item)) != 1:
            raise ValueError("one of `percent`, `money` and `free_item`")
        return self


class CouponPart(Part):
    """A coupon members hold on their card, each with a code of its own; `stock` is how many are issued at most.

    Without a discount it is what its name says. One that does not stack is used alone; `on_join`: a gift for joining.
    """

    key: Key
    name: ShortText
    discount: DiscountPart | None = None
    goods: GoodsPart = GoodsPart()
    min_total: int = Field(default=0, ge=0, le=MOST_MONEY)
    valid_days: Days | None = None
    starts: Instant | None = None
    ends: Instant | None = None
    per_member: Amount | None = None
    stock: int | None = Field(default=None, ge=0, le=MAX_AMOUNT)
    stacks: bool = False
    on_join: bool = False

    @property
    def off(self) -> Discount:
        return _discount(self)


class PromoPart(Part):
    """A code that many may use, with caps in all and for each member."""

    key: Key
    code: Annotated[str, Field(pattern=r"^[A-Z0-9-]{3,40}$")]
    name: ShortText
    discount: DiscountPart | None = None
    give: GivePart | None = None
    goods: GoodsPart = GoodsPart()
    min_total: int = Field(default=0, ge=0, le=MOST_MONEY)
    total: Amount | None = None
    per_member: Amount | None = None
    starts: Instant | None = None
    ends: Instant | None = None
    tiers: tuple[Key, ...] = Field(default=(), max_length=10)

    @model_validator(mode="after")
    def _one(self) -> PromoPart:
        if (self.discount is None) == (self.give is None):
            raise ValueError("either a `discount` or something to `give`")
        return self

    @property
    def off(self) -> Discount:
        return _discount(self)


class RewardPart(Part):
    """Something a unit buys. `coupon`: it is handed out as that coupon."""

    key: Key
    name: ShortText
    cost: int = Field(ge=1, le=MAX_AMOUNT)
    unit: UnitKey | None = None
    stock: int | None = Field(default=None, ge=0, le=MAX_AMOUNT)
    per_member: Amount | None = None
    tiers: tuple[Key, ...] = Field(default=(), max_length=10)
    starts: Instant | None = None
    ends: Instant | None = None
    coupon: Key | None = None

    @property
    def reward(self) -> Reward:
        """As it is promised to everybody."""
        return Reward(
            key=self.key,
            name=self.name,
            cost=self.cost,
            unit=self.unit or "",
            tiers=self.tiers,
            starts=self.starts,
            ends=self.ends,
            stock=self.stock,
            per_member=self.per_member,
        )


class MembershipPart(Part):
    """A paid membership: how long one payment holds, and how long its benefits stay after that."""

    months: int = Field(default=12, ge=1, le=120)
    grace_days: int = Field(default=0, ge=0, le=365)
    price: Money | None = None


class GiftPart(Part):
    """Stored value: with a PIN or without, and the most a card may hold."""

    pin: bool = True
    most: Money = MOST_MONEY
    transfer: bool = True


class ReferralPart(Part):
    """Who brings a friend gets `give` after the friend's first paid receipt of at least `min_total`; the friend too."""

    give: GivePart
    friend: GivePart | None = None
    min_total: int = Field(default=0, ge=0, le=MOST_MONEY)
    most: Amount | None = None


class PartnerPart(Part):
    """A partner of a coalition: what it pays for a hundred points given at its tills, and is paid for as many taken.

    `earn`: its own base rule in place of the programme's.
    """

    key: Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,28}[a-z0-9])?$", max_length=30)]
    name: ShortText
    gives_at: int = Field(default=0, ge=0, le=MAX_AMOUNT)
    takes_at: int = Field(default=0, ge=0, le=MAX_AMOUNT)
    earn: EarnPart | None = None


class NoticePart(Part):
    """Rules by which more than `percent` of the active members lose come into force `days` from now at the soonest."""

    days: int = Field(default=30, ge=0, le=365)
    percent: int = Field(default=10, ge=0, le=100)


class LocationPart(Part):
    name: str = Field(min_length=1, max_length=80)
    latitude: float = Field(ge=-90, le=90, allow_inf_nan=False)
    longitude: float = Field(ge=-180, le=180, allow_inf_nan=False)


class Definition(Part):
    """A programme as its owner writes it."""

    key: Key
    kind: Kind = "points"
    name: ShortText
    look: Key
    unit: UnitKey = "points"
    units: tuple[UnitPart, ...] = Field(default=(), max_length=5)
    currency: Annotated[str, AfterValidator(_currency)] = "PLN"
    earn: EarnPart = EarnPart()
    rules: tuple[RulePart, ...] = Field(default=(), max_length=100)
    multipliers: tuple[MultiplierPart, ...] = Field(default=(), max_length=50)
    stack: Literal["best", "all"] = "best"
    every: tuple[EveryPart, ...] = Field(default=(), max_length=20)
    stamps: StampPart | None = None
    challenges: tuple[ChallengePart, ...] = Field(default=(), max_length=20)
    welcome: int = Field(default=0, ge=0, le=MAX_AMOUNT)
    time_zone: TimeZone | None = None
    expire_days: int | None = Field(default=None, ge=1, le=3660)
    expiry: ExpiryPart | None = None
    worth_of_one: int = Field(default=0, ge=0, le=MAX_AMOUNT)
    # How many points a day may be spent without the changing code on the member's phone; None: all.
    spend_floor: int | None = Field(default=None, ge=0, le=MAX_AMOUNT)
    redeem_policy: RedeemPolicyPart = RedeemPolicyPart()
    overdraw: Literal["refuse", "forgive"] = "refuse"
    tiers: tuple[TierPart, ...] = Field(default=(), max_length=10)
    tier_policy: TierPolicyPart = TierPolicyPart()
    rewards: tuple[RewardPart, ...] = Field(default=(), max_length=50)
    coupons: tuple[CouponPart, ...] = Field(default=(), max_length=50)
    promos: tuple[PromoPart, ...] = Field(default=(), max_length=50)
    membership: MembershipPart | None = None
    gift: GiftPart | None = None
    referral: ReferralPart | None = None
    partners: tuple[PartnerPart, ...] = Field(default=(), max_length=20)
    leaderboard: bool = False
    notice: NoticePart = NoticePart()
    locations: tuple[LocationPart, ...] = Field(default=(), max_length=10)
    terms: LongText | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Definition:
        for sentence in (*_repeated(self), *_unknown_units(self), *_unknown_keys(self)):
            raise ValueError(sentence)
        if len({tier.threshold for tier in self.tiers}) != len(self.tiers):
            raise ValueError("tiers with different thresholds")
        if self.expire_days is not None and self.expiry is not None:
            raise ValueError("either `expire_days` or `expiry`")
        stamps = self.stamps
        if stamps and any(p.give.amount and self.short(p.give.unit) == self.short(stamps.unit) for p in stamps.prizes):
            raise ValueError("stamps.prizes: something else than stamps, which would fill the card that gives them")
        return self

    @property
    def zone(self) -> ZoneInfo:
        """In which days begin and end."""
        return ZoneInfo(self.time_zone or "UTC")

    @property
    def levels(self) -> tuple[Tier, ...]:
        return tuple(
            Tier(tier.key, tier.name, tier.threshold, tuple(perk.shown for perk in tier.perks)) for tier in self.tiers
        )

    @property
    def shown_stamps(self) -> Stamps | None:
        """The stamp card, as an empty one is drawn. A prize is named after its coupon."""
        if self.stamps is None:
            return None
        names = {coupon.key: coupon.name for coupon in self.coupons}
        prizes = (Prize(prize.at, names.get(prize.give.coupon or "", {})) for prize in self.stamps.prizes)
        return Stamps(self.short(self.stamps.unit), self.stamps.of, tuple(sorted(prizes, key=lambda p: p.at)))

    @property
    def shown_challenges(self) -> tuple[Challenge, ...]:
        return tuple(Challenge(c.key, c.name, c.measure, c.target, c.starts, c.ends) for c in self.challenges)

    @property
    def worth(self) -> int:
        """What one of the main unit is worth in money; stored money is worth itself."""
        return self.worth_of_one or int(self.main_kind == "money")

    @property
    def main_kind(self) -> UnitKind:
        kinds: dict[str, UnitKind] = {"cashback": "money", "gift": "money", "stamps": "stamps", "visits": "visits"}
        return kinds.get(self.kind, "points")

    def short(self, unit: str | None) -> str:
        """A unit as the ledger names it: nothing for the main one."""
        return MAIN if unit in (None, self.unit) else str(unit)

    def long(self, unit: str) -> str:
        """A unit of the ledger as people name it."""
        return unit or self.unit

    @cached_property
    def expiries(self) -> dict[str, ExpiryPart]:
        """By unit, as the ledger names it."""
        main = self.expiry or ExpiryPart(days=self.expire_days)
        return {MAIN: main} | {unit.key: unit.expiry for unit in self.units}

    def ends(self, unit: str, now: int) -> int | None:
        """When what is earned of a unit now ends."""
        return self.expiries[unit].end(now, self.zone)

    def idle_ends(self, active: int) -> dict[str, int]:
        """When each unit ends for idleness, of a card to which something happened last at `active`."""
        return {
            unit: end_of_day(active, expiry.idle_days, self.zone)
            for unit, expiry in self.expiries.items()
            if expiry.idle_days
        }

    def ripens(self, days: int | None, now: int) -> int | None:
        """When what is earned now may be spent (none: at once)."""
        return end_of_day(now, days - 1, self.zone) if days else None

    @property
    def tier_unit(self) -> str:
        """What tiers are counted in: nothing for the main unit, another one, or `spend` or `visits`."""
        policy = self.tier_policy
        return self.short(policy.unit) if policy.by == "earned" else policy.by

    @cached_property
    def policy(self) -> Policy:
        policy = self.tier_policy
        levels = tuple(sorted((tier.threshold, tier.key) for tier in self.tiers))
        return Policy(
            levels=levels,
            by=policy.by,
            unit=self.short(policy.unit),
            period=policy.period,
            months=policy.months,
            down=policy.down,
            grace_days=policy.grace_days,
            warn_days=policy.warn_days,
        )

    @cached_property
    def perks(self) -> dict[str, tuple[Perk, ...]]:
        """By tier."""
        return {tier.key: tuple(part.perk for part in tier.perks) for tier in self.tiers}

    @cached_property
    def rules_in_force(self) -> RuleSet:
        """The earn rule and all others as `evaluate` counts by them."""
        return RuleSet(
            rules=(*self._base(), *(self._rule(part) for part in self.rules)),
            multipliers=(*(self._multiplier(part) for part in self.multipliers), *self._tier_multipliers()),
            stack=self.stack,
            goals=(*map(self._every, self.every), *map(self._challenge, self.challenges)),
            stamps=self._stamp_card(self.stamps) if self.stamps else None,
        )

    def rules_at(self, partner: str | None) -> RuleSet:
        """The rules at a partner's till, whose own earn rule stands in place of the programme's."""
        return self._rules_of_partners.get(partner or "", self.rules_in_force)

    @cached_property
    def _rules_of_partners(self) -> dict[str, RuleSet]:
        others = tuple(rule for rule in self.rules_in_force.rules if rule.key != "earn")
        own = {part.key: part.earn for part in self.partners if part.earn is not None}
        return {key: replace(self.rules_in_force, rules=(_base(earn), *others)) for key, earn in own.items()}

    def _base(self) -> Iterator[Rule]:
        if self.earn.points:
            yield _base(self.earn)

    def _rule(self, part: RulePart) -> Rule:
        per = part.per or (100 if part.measure == "money" else 1)
        caps = Caps(**part.caps.model_dump())
        return Rule(
            part.key,
            self.short(part.unit),
            part.measure,
            part.amount,
            per,
            part.rounding,
            part.goods.goods,
            part.when.when,
            caps,
            part.ripens_days,
        )

    def _multiplier(self, part: MultiplierPart) -> Multiplier:
        return Multiplier(part.key, self.short(part.unit), part.percent, part.goods.goods, part.when.when)

    def _tier_multipliers(self) -> Iterator[Multiplier]:
        for tier in self.tiers:
            for perk in tier.perks:
                if perk.kind == "multiplier" and perk.percent:
                    when = When(tiers=frozenset((tier.key,)), starts=perk.starts, ends=perk.ends)
                    yield Multiplier(perk.key, self.short(perk.unit), perk.percent, None, when)

    def _gift(self, part: GivePart) -> Gift:
        return Gift(self.short(part.unit), part.amount, part.coupon)

    def _every(self, part: EveryPart) -> Goal:
        return Goal(
            part.key,
            "spend",
            part.spend,
            self._gift(part.give),
            goods=part.goods.goods,
            when=part.when.when,
            period=part.period,
            repeats=True,
            carry_over=part.carry_over,
        )

    def _challenge(self, part: ChallengePart) -> Goal:
        when = part.when.model_copy(update={"starts": part.starts, "ends": part.ends}).when
        return Goal(part.key, part.measure, part.target, self._gift(part.give), goods=part.goods.goods, when=when)

    def _stamp_card(self, part: StampPart) -> StampCard:
        prizes = tuple(
            StampPrize(prize.at, self._gift(prize.give)) for prize in sorted(part.prizes, key=lambda p: p.at)
        )
        return StampCard(part.key, self.short(part.unit), part.of, prizes, part.carry_over)


def _base(part: EarnPart) -> Rule:
    """The rule that every programme has."""
    return Rule("earn", MAIN, "money", part.points, part.per, part.rounding)


def _discount(part: CouponPart | PromoPart) -> Discount:
    """What the part takes off a bill."""
    values = part.discount.model_dump() if part.discount else {}
    return Discount(**values, goods=part.goods.goods, min_total=part.min_total)


def _repeated(definition: Definition) -> Iterator[str]:
    """Keys that name two things. Rules, multipliers, goals and the stamp card share one space: entries name them."""
    naming: list[Any] = [*definition.rules, *definition.multipliers, *definition.every, *definition.challenges]
    giving = [part.key for part in naming] + ([definition.stamps.key] if definition.stamps else [])
    if "earn" in giving:
        yield "no rule with the key “earn”: it is the base rule's"
    lists: dict[str, Iterable[Any]] = {
        "units": definition.units,
        "tiers": definition.tiers,
        "rewards": definition.rewards,
        "coupons": definition.coupons,
        "promos": definition.promos,
        "partners": definition.partners,
        "perks": [perk for tier in definition.tiers for perk in tier.perks],
    }
    named = {"rules": giving} | {name: [part.key for part in parts] for name, parts in lists.items()}
    for name, keys in named.items():
        if len(set(keys)) != len(keys):
            yield f"{name} with different keys"
    codes = [promo.code for promo in definition.promos]
    if len(set(codes)) != len(codes):
        yield "promos with different codes"
    if definition.unit in {unit.key for unit in definition.units}:
        yield f"units other than the main one, “{definition.unit}”"


def _unknown_units(definition: Definition) -> Iterator[str]:
    known = {definition.unit, *(unit.key for unit in definition.units)}
    for path, part in walk(definition):
        unit = getattr(part, "unit", None)
        if path and isinstance(unit, str) and unit not in known:
            yield f"{path}.unit: a unit of this programme, one of {', '.join(sorted(known))}"


def _unknown_keys(definition: Definition) -> Iterator[str]:
    tiers = {tier.key for tier in definition.tiers}
    coupons = {coupon.key for coupon in definition.coupons}
    for path, part in walk(definition):
        if isinstance(part, WhenPart | RewardPart | PromoPart):
            for key in part.tiers:
                if key not in tiers:
                    yield f"{path}.tiers: “{key}” is no tier of this programme"
        coupon = getattr(part, "coupon", None)
        if isinstance(coupon, str) and coupon not in coupons:
            yield f"{path}.coupon: “{coupon}” is no coupon of this programme"


def walk(part: Part, path: str = "") -> Iterator[tuple[str, Part]]:
    """Every part within, with where it stands, such as rules.0.when."""
    yield path, part
    for name in type(part).model_fields:
        value = getattr(part, name)
        where = f"{path}.{name}" if path else name
        if isinstance(value, Part):
            yield from walk(value, where)
        elif isinstance(value, tuple):
            for place, item in enumerate(value):
                if isinstance(item, Part):
                    yield from walk(item, f"{where}.{place}")
