"""The rules of a programme, and what they look at: values, made once from what the owner wrote.

A rule says what it measures, what that gives, of which goods and when. A `Purchase` and a `Standing` are all that a
rule may look at; time comes in as a value and everything is a whole number. What a purchase does by them is its
`outcome`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, tzinfo
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

Rounding = Literal["down", "nearest", "up"]
Measure = Literal["money", "visit", "item", "event"]
Period = Literal["ever", "month", "year"]
Key = tuple[str, str]
"""A counter: its name and its period, such as ("goal:espresso", "2026-11")."""

MAIN = ""
"""The unit a programme mainly counts in."""
EVER = ""
BASKETS: Key = ("baskets", EVER)
SPENT: Key = ("baskets:spent", EVER)
"""How many purchases a card has made and what they came to, counted while some rule looks at their average."""
NOTHING_COUNTED: Mapping[Key, int] = MappingProxyType({})
NOTHING_USED: Mapping[str, int] = MappingProxyType({})
# What one receipt may hand out of one gift; whatever is due beyond comes with the receipts that follow.
MOST_GIFTS = 20
# Of a shop's articles, those sold of late.
MOST_REMEMBERED = 16_384


class Moment(NamedTuple):
    """An instant as the calendar on the shop's wall shows it. `weekday` 1 is Monday; the last three name periods."""

    at: int
    ordinal: int
    weekday: int
    minute: int
    day: str
    month: str
    year: str

    def period(self, kind: str) -> str:
        """The name of the day, month or year it is in, or of all time."""
        if kind == "ever":
            return EVER
        if kind == "month":
            return self.month
        return self.day if kind == "day" else self.year


@lru_cache(maxsize=1024)
def moment(at: int, zone: tzinfo) -> Moment:
    local = datetime.fromtimestamp(at, zone)
    day = local.date().isoformat()
    return Moment(at, local.toordinal(), local.isoweekday(), local.hour * 60 + local.minute, day, day[:7], day[:4])


class Line(NamedTuple):
    """Articles on a receipt; `price` is for all of them together."""

    price: int
    quantity: int = 1
    sku: str | None = None
    category: str | None = None


class Purchase(NamedTuple):
    """What was bought. `paid` is what was left to pay in money of `total`, and what earns.

    `cut` is what came off certain lines; their prices are those after it. (A tuple, as all that is made for each
    receipt: a replay makes millions, and tuples are the quickest to make.)
    """

    moment: Moment
    total: int = 0
    paid: int = 0
    lines: tuple[Line, ...] = ()
    event: str | None = None
    location: str | None = None
    cut: int = 0

    @property
    def is_visit(self) -> bool:
        return self.total > 0 or self.event == "visit"


@dataclass(frozen=True)
class Last:
    """The purchase before: the day it was made (as an ordinal) and its total."""

    ordinal: int
    total: int


@dataclass(frozen=True)
class Baskets:
    """The purchases before: how many, and what they came to in all."""

    number: int
    total: int

    @classmethod
    def of(cls, counts: Mapping[Key, int]) -> Baskets:
        return cls(counts.get(BASKETS, 0), counts.get(SPENT, 0))


class Standing(NamedTuple):
    """Where a card stood when the purchase was made; all that a rule may look at beside the purchase itself."""

    tier: str | None = None
    counts: Mapping[Key, int] = NOTHING_COUNTED
    last: Last | None = None
    birth_month: int | None = None
    is_paid: bool = False
    stamps: int = 0
    baskets: Baskets | None = None
    used: Mapping[str, int] = NOTHING_USED
    """Of the coupons that rules give and a member may use so often, by kind; with those of the purchase itself."""

    def counted(self, name: str, period: str) -> int:
        return self.counts.get((name, period), 0)


@dataclass(frozen=True)
class Goods:
    """Which lines are meant: those named, without those excluded."""

    categories: frozenset[str] = frozenset()
    skus: frozenset[str] = frozenset()
    not_categories: frozenset[str] = frozenset()
    not_skus: frozenset[str] = frozenset()

    def has(self, sku: str | None, category: str | None) -> bool:
        if category in self.not_categories or sku in self.not_skus:
            return False
        return self.is_open or category in self.categories or sku in self.skus

    @cached_property
    def is_open(self) -> bool:
        """Whether everything is meant that is not excluded."""
        return not self.categories and not self.skus


class Assortment:
    """All goods that some rules mean, a bit for each, and which of them an article belongs to."""

    def __init__(self, goods: Sequence[Goods]) -> None:
        self._bits = {each: 1 << place for place, each in enumerate(dict.fromkeys(goods))}
        self.bits = lru_cache(MOST_REMEMBERED)(self._sort)
        self.narrow = sum(bit for each, bit in self._bits.items() if not each.is_open)
        """The bits of goods that name what they mean: a bill without lines holds none of them."""

    def bit(self, goods: Goods | None) -> int:
        """What stands for the goods in sums of bits; none of them: everything."""
        return 0 if goods is None else self._bits[goods]

    def _sort(self, sku: str | None, category: str | None) -> int:
        """The bits of all goods that mean the article."""
        return sum(bit for each, bit in self._bits.items() if each.has(sku, category))


@dataclass(frozen=True)
class Next:
    """The purchase before was at most `days` ago and of at least `after_total`."""

    days: int
    after_total: int = 0


@dataclass(frozen=True)
class Above:
    """The purchase comes to `percent` of the card's own average or more; `after_purchases` say what that is."""

    percent: int
    after_purchases: int

    def threshold(self, before: Baskets | None) -> int | None:
        """What a purchase must come to, never less than the average; None: too few to tell."""
        if before is None or before.number < self.after_purchases:
            return None
        return -(-before.total * self.percent // (100 * before.number))


@dataclass(frozen=True)
class When:
    """Conditions; all that are set must hold."""

    min_total: int = 0
    tiers: frozenset[str] = frozenset()
    weekdays: frozenset[int] = frozenset()
    from_minute: int | None = None
    until_minute: int | None = None
    starts: int | None = None
    ends: int | None = None
    locations: frozenset[str] = frozenset()
    event: str | None = None
    first_purchase: bool = False
    next_within: Next | None = None
    birthday_month: bool = False
    member_paid: bool = False
    above_own_average: Above | None = None
    is_always: bool = field(init=False, repr=False, compare=False)
    """Whether nothing is asked."""

    def __post_init__(self) -> None:
        is_always = all(getattr(self, each.name) == each.default for each in fields(self) if each.init)
        object.__setattr__(self, "is_always", is_always)

    def holds(self, purchase: Purchase, standing: Standing) -> bool:
        return self.is_always or (
            purchase.total >= self.min_total
            and (not self.tiers or standing.tier in self.tiers)
            and (not self.weekdays or purchase.moment.weekday in self.weekdays)
            and (self.from_minute is None or self.has_minute(purchase.moment.minute))
            and (self.starts is None or self.starts <= purchase.moment.at)
            and (self.ends is None or purchase.moment.at < self.ends)
            and (not self.locations or purchase.location in self.locations)
            and (self.event is None or purchase.event == self.event)
            and (not self.first_purchase or (standing.last is None and purchase.total > 0))
            and (self.next_within is None or self._follows(self.next_within, purchase, standing.last))
            and (not self.birthday_month or standing.birth_month == int(purchase.moment.month[5:]))
            and (not self.member_paid or standing.is_paid)
            and (self.above_own_average is None or self._exceeds(purchase, standing))
        )

    def has_minute(self, minute: int) -> bool:
        begins, ends = self.from_minute or 0, self.until_minute or 0
        return begins <= minute < ends if begins < ends else minute >= begins or minute < ends

    def _follows(self, following: Next, purchase: Purchase, last: Last | None) -> bool:
        if last is None or not purchase.total or last.total < following.after_total:
            return False
        return purchase.moment.ordinal - last.ordinal <= following.days

    def _exceeds(self, purchase: Purchase, standing: Standing) -> bool:
        threshold = self.threshold(standing)
        return threshold is not None and 0 < purchase.total >= threshold

    def threshold(self, standing: Standing) -> int | None:
        """What the card's own average asks for, if anything does."""
        return self.above_own_average.threshold(standing.baskets) if self.above_own_average else None


ALWAYS = When()


@dataclass(frozen=True)
class Caps:
    """The most that a rule gives one card."""

    receipt: int | None = None
    day: int | None = None
    month: int | None = None
    ever: int | None = None
    limits: tuple[tuple[str, int], ...] = field(init=False, repr=False, compare=False)
    """Those that are set: what each is counted by, and how much."""

    def __post_init__(self) -> None:
        kinds = {"receipt": self.receipt, "day": self.day, "month": self.month, "ever": self.ever}
        object.__setattr__(self, "limits", tuple((kind, most) for kind, most in kinds.items() if most is not None))


UNCAPPED = Caps()


@dataclass(frozen=True)
class Rule:
    """`amount` of `unit` for every `per` of what is measured."""

    key: str
    unit: str
    measure: Measure
    amount: int
    per: int
    rounding: Rounding = "down"
    goods: Goods | None = None
    when: When = ALWAYS
    caps: Caps = UNCAPPED
    ripens_days: int | None = None


@dataclass(frozen=True)
class Multiplier:
    """`percent` of what the rules of a unit gave (200 is double), or of what `goods` earned of it."""

    key: str
    unit: str
    percent: int
    goods: Goods | None = None
    when: When = ALWAYS


@dataclass(frozen=True)
class Gift:
    """An amount of a unit, or a coupon, of which one member may use so many (None: any number)."""

    unit: str = MAIN
    amount: int = 0
    coupon: str | None = None
    per_member: int | None = None


@dataclass(frozen=True)
class Goal:
    """Something given when a count reaches `target`: once, or each time anew when it `repeats`."""

    key: str
    measure: Literal["visits", "spend", "items", "events"]
    target: int
    gift: Gift
    goods: Goods | None = None
    when: When = ALWAYS
    period: Period = "ever"
    repeats: bool = False
    carry_over: bool = True

    @cached_property
    def reached(self) -> str:
        return f"goal:{self.key}"

    @cached_property
    def given(self) -> str:
        return f"goal:{self.key}:given"


@dataclass(frozen=True)
class Prize:
    at: int
    gift: Gift


@dataclass(frozen=True)
class StampCard:
    """`of` stamps of a unit fill it; a new one begins at once."""

    key: str
    unit: str
    of: int
    prizes: tuple[Prize, ...] = ()
    carry_over: bool = True


@dataclass(frozen=True)
class RuleSet:
    """All rules of a programme that are in force together."""

    rules: tuple[Rule, ...] = ()
    multipliers: tuple[Multiplier, ...] = ()
    stack: Literal["best", "all"] = "best"
    goals: tuple[Goal, ...] = ()
    stamps: StampCard | None = None

    def __post_init__(self) -> None:
        parts: list[Any] = [*self.rules, *self.multipliers, *self.goals]
        whens = [part.when for part in parts]
        assortment = Assortment([part.goods for part in parts if part.goods is not None])
        by_unit: dict[str, list[tuple[Multiplier, int]]] = {}
        for multiplier in self.multipliers:
            by_unit.setdefault(multiplier.unit, []).append((multiplier, assortment.bit(multiplier.goods)))
        # Asked with every receipt, answered once: the fields are frozen, these follow from them.
        set_ = object.__setattr__
        set_(self, "by_unit", {unit: tuple(parts) for unit, parts in by_unit.items()})
        set_(self, "by_order", tuple((rule, assortment.bit(rule.goods)) for rule in self.rules))
        set_(self, "by_goal", tuple((goal, assortment.bit(goal.goods)) for goal in self.goals))
        set_(self, "assortment", assortment)
        set_(self, "asks_last", any(when.first_purchase or when.next_within for when in whens))
        set_(self, "asks_birthday", any(when.birthday_month for when in whens))
        set_(self, "asks_baskets", any(when.above_own_average for when in whens))
        prizes = self.stamps.prizes if self.stamps else ()
        gifts = [*(goal.gift for goal in self.goals), *(prize.gift for prize in prizes)]
        set_(self, "asks_used", frozenset(gift.coupon for gift in gifts if gift.coupon and gift.per_member is not None))
        is_capped = any(rule.caps.limits for rule in self.rules)
        set_(self, "counts", bool(self.goals) or is_capped or self.asks_baskets)

    def __reduce__(self) -> tuple[Any, ...]:
        """Sent to another process as what was written; the rest is worked out there."""
        return RuleSet, (self.rules, self.multipliers, self.stack, self.goals, self.stamps)

    by_unit: dict[str, tuple[tuple[Multiplier, int], ...]] = field(init=False, repr=False, compare=False)
    """Each with the bit of the goods it means, as in the next two."""
    by_order: tuple[tuple[Rule, int], ...] = field(init=False, repr=False, compare=False)
    by_goal: tuple[tuple[Goal, int], ...] = field(init=False, repr=False, compare=False)
    assortment: Assortment = field(init=False, repr=False, compare=False)
    asks_last: bool = field(init=False, repr=False, compare=False)
    """Whether some rule looks at the purchase before."""
    asks_birthday: bool = field(init=False, repr=False, compare=False)
    asks_baskets: bool = field(init=False, repr=False, compare=False)
    """Whether some rule looks at the average of the purchases before."""
    asks_used: frozenset[str] = field(init=False, repr=False, compare=False)
    """The coupons of which it matters how many the member has used."""
    counts: bool = field(init=False, repr=False, compare=False)
    """Whether some rule looks at counters."""
