"""What an owner writes of a programme, checked before it is kept.

A `Definition` and its parts say what is promised in the words of the field; every part but the first four may be
left out. Nothing here moves a point: `rules` turns a definition into the values that `points.rules` and `points.tiers`
count by, and a definition that cannot be kept is refused with the field that is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from ..card import Challenge, Prize, Stamps, Step, Tier
from ..points.rules import MAIN, Caps, Gift, Goal, Multiplier, Rule, RuleSet, StampCard, When
from ..points.rules import Prize as StampPrize
from ..points.tiers import Perk, Policy
from ..zones import TimeZone, end_of_day
from .benefits import (
    CouponPart,
    DiscountPart,
    GiftPart,
    LocationPart,
    MembershipPart,
    NoticePart,
    PartnerPart,
    PerkPart,
    PromoPart,
    RedeemPolicyPart,
    ReferralPart,
    ReminderPart,
    RewardPart,
    TierPart,
    TierPolicyPart,
)
from .consistency import refuse_misfits, walk
from .earning import ChallengePart, EarnPart, EveryPart, MultiplierPart, RulePart, StampPart
from .parts import (
    LAST_INSTANT,
    MAX_AMOUNT,
    MOST_MONEY,
    CapsPart,
    Currency,
    ExpiryPart,
    GivePart,
    GoodsPart,
    Key,
    Kind,
    LongText,
    Part,
    Percent,
    ShortText,
    UnitKey,
    UnitKind,
    UnitPart,
    WhenPart,
)

__all__ = [
    "LAST_INSTANT",
    "MAX_AMOUNT",
    "MOST_MONEY",
    "CapsPart",
    "ChallengePart",
    "CouponPart",
    "Definition",
    "DiscountPart",
    "EarnPart",
    "EveryPart",
    "ExpiryPart",
    "GivePart",
    "GoodsPart",
    "MultiplierPart",
    "PartnerPart",
    "PerkPart",
    "PromoPart",
    "ReminderPart",
    "RewardPart",
    "RulePart",
    "WhenPart",
    "walk",
]

_Earning = RulePart | MultiplierPart | EveryPart | ChallengePart


class Definition(Part):
    """A programme as its owner writes it."""

    key: Key
    kind: Kind = "points"
    name: ShortText
    look: Key
    unit: UnitKey = "points"
    units: tuple[UnitPart, ...] = Field(default=(), max_length=5)
    currency: Currency = "PLN"
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
    # What is left of a hundred of turnover when the goods are paid for; None: not said.
    margin: Percent | None = None
    # How many points a day may be spent without the changing code on the member's phone; None: all.
    spend_floor: int | None = Field(default=None, ge=0, le=MAX_AMOUNT)
    redeem_policy: RedeemPolicyPart = RedeemPolicyPart()
    overdraw: Literal["refuse", "forgive"] = "refuse"
    tiers: tuple[TierPart, ...] = Field(default=(), max_length=10)
    tier_policy: TierPolicyPart = TierPolicyPart()
    rewards: tuple[RewardPart, ...] = Field(default=(), max_length=50)
    coupons: tuple[CouponPart, ...] = Field(default=(), max_length=50)
    promos: tuple[PromoPart, ...] = Field(default=(), max_length=50)
    reminders: tuple[ReminderPart, ...] = Field(default=(), max_length=10)
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
        refuse_misfits(self)
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
    def shown_steps(self) -> tuple[Step, ...]:
        """What a larger purchase than usual brings, as far as a card can tell it beforehand."""
        parts: list[_Earning] = [*self.rules, *self.multipliers, *self.every, *self.challenges]
        return tuple(self._step(part) for part in parts if part.when.above_own_average and part.when.is_foreseeable)

    def _step(self, part: _Earning) -> Step:
        season = part if isinstance(part, ChallengePart) else part.when
        step = Step(part.key, part.name or {}, tiers=part.when.tiers, starts=season.starts, ends=season.ends)
        if isinstance(part, MultiplierPart) and part.goods.goods is None:
            return replace(step, percent=part.percent, unit=self.short(part.unit))
        if isinstance(part, RulePart) and part.measure == "visit" and part.caps == CapsPart():
            return replace(step, amount=part.amount, unit=self.short(part.unit))
        return step

    @cached_property
    def asked_of_average(self) -> dict[str, When]:
        """By the key of each step that cards show."""
        shown = {step.key for step in self.shown_steps}
        rules = self.rules_in_force
        parts: list[Rule | Multiplier | Goal] = [*rules.rules, *rules.multipliers, *rules.goals]
        return {part.key: part.when for part in parts if part.key in shown}

    @cached_property
    def limited_rewards(self) -> dict[str, tuple[str, int]]:
        """Rewards that are a coupon which one member may use so many times, by their key."""
        limits = {part.key: part.per_member for part in self.coupons if part.per_member is not None}
        rewards = ((part.key, part.coupon) for part in self.rewards if part.coupon in limits)
        return {key: (coupon, limits[coupon]) for key, coupon in rewards if coupon is not None}

    @property
    def worth(self) -> int:
        """What one of the main unit is worth in money; stored money is worth itself."""
        return self.worth_of_one or int(self.main_kind == "money")

    @property
    def kinds(self) -> dict[str, UnitKind]:
        """What each unit is, by its key."""
        return {self.unit: self.main_kind} | {unit.key: unit.kind for unit in self.units}

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
        limits = {coupon.key: coupon.per_member for coupon in self.coupons}
        return Gift(self.short(part.unit), part.amount, part.coupon, limits.get(part.coupon or ""))

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
