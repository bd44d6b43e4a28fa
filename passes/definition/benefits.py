"""What members get: tiers and their perks, rewards, coupons, codes, memberships, gifts among friends and partners."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ..card import Perk as ShownPerk
from ..card import Reward
from ..points.discounts import Discount
from ..points.tiers import Perk
from .earning import EarnPart
from .parts import (
    MAX_AMOUNT,
    MOST_MONEY,
    Amount,
    Days,
    GivePart,
    GoodsPart,
    Instant,
    Key,
    Money,
    Name,
    Part,
    Percent,
    ShortText,
    UnitKey,
)


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


class ReminderPart(Part):
    """A coupon when a member may need it.

    `second`: so many `days` after a first purchase that none followed. `rhythm`: at this `percent` of the usual gap
    between purchases, just before the next. `lapsed`: at this `percent` of it, long after. Of those who are due,
    `control` in a hundred get nothing, for comparison; who comes within `answer_days` has answered.
    """

    key: Key
    when: Literal["second", "rhythm", "lapsed"]
    coupon: Key
    days: Days = 7
    percent: Annotated[int, Field(ge=10, le=1000)] | None = None
    control: int = Field(default=10, ge=0, le=50)
    answer_days: Days = 14

    @property
    def share(self) -> int:
        """The part of the usual gap at which it comes, in hundredths."""
        return self.percent or {"second": 0, "rhythm": 80, "lapsed": 250}[self.when]

    @model_validator(mode="after")
    def _at_its_time(self) -> ReminderPart:
        if self.when == "second" and self.percent is not None:
            raise ValueError("no `percent`: a second purchase has no gap before it")
        if self.when == "rhythm" and self.share > 99:
            raise ValueError("a `percent` below 100: before the next purchase")
        if self.when == "lapsed" and self.share < 120:
            raise ValueError("a `percent` of 120 or more: well after the next purchase was due")
        return self


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


def _discount(part: CouponPart | PromoPart) -> Discount:
    """What the part takes off a bill."""
    values = part.discount.model_dump() if part.discount else {}
    return Discount(**values, goods=part.goods.goods, min_total=part.min_total)


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
