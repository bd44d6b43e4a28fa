"""What a purchase earns: pure arithmetic over rules that are data, with its explanation.

`evaluate` takes the rules, the purchase and where the card stands, and says what is granted, which counters move and
which gifts fall due. Time comes in as a value, everything is a whole number, every rounding is the rule's own, and each
grant carries the numbers it came from, so that anyone can compute it again: the same input gives the same outcome for
ever, which is what a quote, a return of goods and a replay of history rest on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any, Literal

Rounding = Literal["down", "nearest", "up"]
Measure = Literal["money", "visit", "item", "event"]
Period = Literal["ever", "month", "year"]
Key = tuple[str, str]
"""A counter: its name and its period, such as ("goal:espresso", "2026-11")."""

MAIN = ""
"""The unit a programme mainly counts in."""
EVER = ""
# What one receipt may hand out of one gift; whatever is due beyond comes with the receipts that follow.
MOST_GIFTS = 20


@dataclass(frozen=True)
class Moment:
    """An instant as the calendar on the shop's wall shows it. `weekday` 1 is Monday; the last three name periods."""

    at: int
    ordinal: int
    weekday: int
    minute: int
    day: str
    month: str
    year: str


def moment(at: int, zone: tzinfo) -> Moment:
    local = datetime.fromtimestamp(at, zone)
    day = local.date().isoformat()
    return Moment(at, local.toordinal(), local.isoweekday(), local.hour * 60 + local.minute, day, day[:7], day[:4])


@dataclass(frozen=True)
class Line:
    """Articles on a receipt; `price` is for all of them together."""

    price: int
    quantity: int = 1
    sku: str | None = None
    category: str | None = None


@dataclass(frozen=True)
class Purchase:
    """What was bought. `paid` is what was left to pay in money of `total`, and what earns.

    `cut` is what came off certain lines; their prices are those after it.
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
class Standing:
    """Where a card stood when the purchase was made; all that a rule may look at beside the purchase itself."""

    tier: str | None = None
    counts: Mapping[Key, int] = field(default_factory=dict)
    last: Last | None = None
    birth_month: int | None = None
    is_paid: bool = False
    stamps: int = 0

    def count(self, name: str, period: str) -> int:
        return self.counts.get((name, period), 0)


@dataclass(frozen=True)
class Goods:
    """Which lines are meant: those named, without those excluded."""

    categories: frozenset[str] = frozenset()
    skus: frozenset[str] = frozenset()
    not_categories: frozenset[str] = frozenset()
    not_skus: frozenset[str] = frozenset()

    def has(self, line: Line) -> bool:
        if line.category in self.not_categories or line.sku in self.not_skus:
            return False
        return self.is_open or line.category in self.categories or line.sku in self.skus

    @property
    def is_open(self) -> bool:
        """Whether everything is meant that is not excluded."""
        return not self.categories and not self.skus


@dataclass(frozen=True)
class Next:
    """The purchase before was at most `days` ago and of at least `after_total`."""

    days: int
    after_total: int = 0


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

    def holds(self, purchase: Purchase, standing: Standing) -> bool:
        return (
            purchase.total >= self.min_total
            and (not self.tiers or standing.tier in self.tiers)
            and (not self.weekdays or purchase.moment.weekday in self.weekdays)
            and (self.from_minute is None or self._has_minute(purchase.moment.minute))
            and (self.starts is None or self.starts <= purchase.moment.at)
            and (self.ends is None or purchase.moment.at < self.ends)
            and (not self.locations or purchase.location in self.locations)
            and (self.event is None or purchase.event == self.event)
            and (not self.first_purchase or (standing.last is None and purchase.total > 0))
            and (self.next_within is None or self._follows(self.next_within, purchase, standing.last))
            and (not self.birthday_month or standing.birth_month == int(purchase.moment.month[5:]))
            and (not self.member_paid or standing.is_paid)
        )

    def _has_minute(self, minute: int) -> bool:
        begins, ends = self.from_minute or 0, self.until_minute or 0
        return begins <= minute < ends if begins < ends else minute >= begins or minute < ends

    def _follows(self, following: Next, purchase: Purchase, last: Last | None) -> bool:
        if last is None or not purchase.total or last.total < following.after_total:
            return False
        return purchase.moment.ordinal - last.ordinal <= following.days


ALWAYS = When()


@dataclass(frozen=True)
class Caps:
    """The most that a rule gives one card."""

    receipt: int | None = None
    day: int | None = None
    month: int | None = None
    ever: int | None = None


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
    """An amount of a unit, or a coupon."""

    unit: str = MAIN
    amount: int = 0
    coupon: str | None = None


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

    @property
    def reached(self) -> str:
        return f"goal:{self.key}"

    @property
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
        by_unit: dict[str, list[Multiplier]] = {}
        for multiplier in self.multipliers:
            by_unit.setdefault(multiplier.unit, []).append(multiplier)
        # Asked with every receipt, answered once: the fields are frozen, these follow from them.
        set_ = object.__setattr__
        set_(self, "by_unit", {unit: tuple(parts) for unit, parts in by_unit.items()})
        set_(self, "asks_last", any(when.first_purchase or when.next_within for when in whens))
        set_(self, "asks_birthday", any(when.birthday_month for when in whens))
        set_(self, "counts", bool(self.goals) or any(rule.caps != UNCAPPED for rule in self.rules))

    by_unit: dict[str, tuple[Multiplier, ...]] = field(init=False, repr=False, compare=False)
    asks_last: bool = field(init=False, repr=False, compare=False)
    """Whether some rule looks at the purchase before."""
    asks_birthday: bool = field(init=False, repr=False, compare=False)
    counts: bool = field(init=False, repr=False, compare=False)
    """Whether some rule looks at counters."""


@dataclass(frozen=True)
class Grant:
    """An amount a rule gives, and why."""

    unit: str
    amount: int
    rule: str
    why: dict[str, Any]
    ripens_days: int | None = None


@dataclass(frozen=True)
class Issue:
    """Coupons a rule gives."""

    coupon: str
    times: int
    rule: str


@dataclass(frozen=True)
class Note:
    """What a rule would have given and did not: which cap stood in the way, and how much was lost to it."""

    rule: str
    cap: str
    limit: int
    lost: int


@dataclass(frozen=True)
class Outcome:
    """All that a purchase does by rules. `used` are the stamps of cards that became full."""

    grants: tuple[Grant, ...] = ()
    counts: Mapping[Key, int] = field(default_factory=dict)
    issues: tuple[Issue, ...] = ()
    notes: tuple[Note, ...] = ()
    used: int = 0


def evaluate(rules: RuleSet, purchase: Purchase, standing: Standing) -> Outcome:
    """What the purchase does, in the order the rules are written in."""
    return _Evaluation(rules, purchase, standing).outcome()


def divide(product: int, per: int, rounding: Rounding) -> int:
    """Half goes up when rounding to the nearest."""
    if rounding == "down":
        return product // per
    if rounding == "up":
        return -(-product // per)
    return (2 * product + per) // (2 * per)


class _Evaluation:
    """One evaluation while it runs."""

    def __init__(self, rules: RuleSet, purchase: Purchase, standing: Standing) -> None:
        self.rules, self.purchase, self.standing = rules, purchase, standing
        self.grants: list[Grant] = []
        self.counts: dict[Key, int] = {}
        self.issues: list[Issue] = []
        self.notes: list[Note] = []
        self.used = 0
        listed = sum(line.price for line in purchase.lines)
        # A discount on the whole bill lies on every line in the same share.
        self.whole = max(purchase.total - purchase.cut, listed)
        live = {
            unit: [m for m in multipliers if m.when.holds(purchase, standing)]
            for unit, multipliers in rules.by_unit.items()
        }
        self.live = {unit: multipliers for unit, multipliers in live.items() if multipliers}

    def outcome(self) -> Outcome:
        for rule in self.rules.rules:
            if rule.when is ALWAYS or rule.when.holds(self.purchase, self.standing):
                self._rule(rule)
        for goal in self.rules.goals:
            if goal.when.holds(self.purchase, self.standing):
                self._goal(goal)
        if self.rules.stamps is not None:
            self._stamps(self.rules.stamps)
        return Outcome(tuple(self.grants), self.counts, tuple(self.issues), tuple(self.notes), self.used)

    def _rule(self, rule: Rule) -> None:
        measured = self._measured(rule)
        base = divide(measured * rule.amount, rule.per, rule.rounding)
        if not base:
            return
        times, amount = self._multiplied(rule, measured, base)
        amount, capped = self._capped(rule, amount)
        if amount:
            why = self._why(rule, measured, base, times, capped)
            self.grants.append(Grant(rule.unit, amount, rule.key, why, rule.ripens_days))

    def _why(
        self, rule: Rule, measured: int, base: int, times: list[dict[str, Any]], capped: Note | None
    ) -> dict[str, Any]:
        """The arithmetic: what was measured times `points`, by `per`, rounded; `base` before multipliers and caps."""
        measure = "paid" if rule.measure == "money" else rule.measure
        why: dict[str, Any] = {
            measure: measured,
            "points": rule.amount,
            "per": rule.per,
            "rounding": rule.rounding,
            "rule": rule.key,
        }
        if rule.when.event is not None:
            why["event"] = rule.when.event
        if times or capped:
            why["base"] = base
        if times:
            why["times"] = times
        if capped:
            why["capped"] = {"cap": capped.cap, "limit": capped.limit, "lost": capped.lost}
        return why

    def _measured(self, rule: Rule) -> int:
        match rule.measure:
            case "money":
                return self._money(rule.goods)
            case "item":
                return self._items(rule.goods)
            case "visit":
                return int(self.purchase.is_visit)
            case "event":
                return int(self.purchase.event is not None)

    def _money(self, goods: Goods | None, also: Goods | None = None) -> int:
        """What was paid for the goods meant."""
        paid, lines = max(0, self.purchase.paid), self.purchase.lines
        if (goods is None and also is None) or (not lines and all(g is None or g.is_open for g in (goods, also))):
            return paid
        meant = [line for line in lines if (not goods or goods.has(line)) and (not also or also.has(line))]
        price = sum(line.price for line in meant)
        return price * paid // self.whole if self.whole else 0

    def _items(self, goods: Goods | None, also: Goods | None = None) -> int:
        return sum(
            line.quantity
            for line in self.purchase.lines
            if (goods is None or goods.has(line)) and (also is None or also.has(line))
        )

    def _multiplied(self, rule: Rule, measured: int, base: int) -> tuple[list[dict[str, Any]], int]:
        multipliers = self.live.get(rule.unit, ())
        if not multipliers:
            return [], base
        if self.rules.stack == "all":
            times, amount = [], base
            for multiplier in multipliers:
                if extra := self._extra(multiplier, rule, measured, amount):
                    times.append({"rule": multiplier.key, "percent": multiplier.percent, "extra": extra})
                    amount += extra
            return times, amount
        extras = [(self._extra(multiplier, rule, measured, base), multiplier) for multiplier in multipliers]
        extra, best = max(extras, key=lambda pair: pair[0])
        return ([{"rule": best.key, "percent": best.percent, "extra": extra}] if extra else []), base + extra

    def _extra(self, multiplier: Multiplier, rule: Rule, measured: int, amount: int) -> int:
        if multiplier.goods is not None:
            amount = amount * self._meant(rule, multiplier.goods) // measured
        return divide(amount * (multiplier.percent - 100), 100, rule.rounding)

    def _meant(self, rule: Rule, goods: Goods) -> int:
        """How much of what a rule measured belongs to these goods; visits and events have none."""
        if rule.measure == "money":
            return self._money(rule.goods, goods)
        return self._items(rule.goods, goods) if rule.measure == "item" else 0

    def _capped(self, rule: Rule, amount: int) -> tuple[int, Note | None]:
        if rule.caps is UNCAPPED:
            return amount, None
        name, wanted, note = f"rule:{rule.key}", amount, None
        for cap, limit, period in self._limits(rule.caps):
            room = limit if period is None else max(0, limit - self.standing.count(name, period))
            if amount > room:
                amount, note = room, Note(rule.key, cap, limit, wanted - room)
        for _, _, period in self._limits(rule.caps):
            if period is not None and amount:
                self.counts[name, period] = amount
        if note:
            self.notes.append(note)
        return amount, note

    def _limits(self, caps: Caps) -> Iterator[tuple[str, int, str | None]]:
        if caps.receipt is not None:
            yield "receipt", caps.receipt, None
        if caps.day is not None:
            yield "day", caps.day, self.purchase.moment.day
        if caps.month is not None:
            yield "month", caps.month, self.purchase.moment.month
        if caps.ever is not None:
            yield "ever", caps.ever, EVER

    def _goal(self, goal: Goal) -> None:
        added = self._progress(goal)
        if added <= 0:
            return
        period = {"ever": EVER, "month": self.purchase.moment.month, "year": self.purchase.moment.year}[goal.period]
        before, given = (self.standing.count(name, period) for name in (goal.reached, goal.given))
        due, reached = _due(goal, before + added, given)
        self.counts[goal.reached, period] = max(0, reached - before)
        if due:
            self.counts[goal.given, period] = due
            why = {"measure": goal.measure, "reached": reached, "needed": goal.target}
            self._give(goal.key, goal.gift, due, why)

    def _progress(self, goal: Goal) -> int:
        match goal.measure:
            case "spend":
                return self._money(goal.goods)
            case "items":
                return self._items(goal.goods)
            case "visits":
                return int(self.purchase.is_visit)
            case "events":
                return 1

    def _stamps(self, card: StampCard) -> None:
        """Stamps of this receipt go on the card; each number they pass has its prize, and a full card is used up."""
        added = sum(grant.amount for grant in self.grants if grant.unit == card.unit)
        if not added:
            return
        filled = self.standing.stamps
        if not card.carry_over and filled + added > card.of:
            self._trim(card, filled + added - card.of)
            added = card.of - filled
        for prize in card.prizes:
            passed = (filled + added - prize.at) // card.of - (filled - prize.at) // card.of
            if passed:
                self._give(card.key, prize.gift, min(passed, MOST_GIFTS), {"stamps": prize.at, "of": card.of})
        self.used = (filled + added) // card.of * card.of

    def _trim(self, card: StampCard, over: int) -> None:
        """Stamps beyond the last place are not given when nothing is carried over."""
        self.notes.append(Note(card.key, "card", card.of, over))
        for place in range(len(self.grants) - 1, -1, -1):
            grant = self.grants[place]
            if grant.unit == card.unit and over:
                lost = min(over, grant.amount)
                over -= lost
                # With what an earlier cap took, so that the numbers still add up.
                before = grant.why.get("capped", {"lost": 0})["lost"]
                why = grant.why | {"capped": {"cap": "card", "limit": card.of, "lost": before + lost}}
                self.grants[place] = Grant(grant.unit, grant.amount - lost, grant.rule, why, grant.ripens_days)
        self.grants = [grant for grant in self.grants if grant.amount]

    def _give(self, key: str, gift: Gift, times: int, why: dict[str, Any]) -> None:
        if gift.coupon is not None:
            self.issues.append(Issue(gift.coupon, times, key))
        else:
            why = {"rule": key, "gives": gift.amount, "times_given": times} | why
            self.grants.append(Grant(gift.unit, gift.amount * times, key, why))


def _due(goal: Goal, reached: int, given: int) -> tuple[int, int]:
    """How often the gift falls due, and what of the count stays."""
    if not goal.repeats:
        return int(reached >= goal.target and not given), reached
    if goal.carry_over:
        return max(0, min(MOST_GIFTS, reached // goal.target - given)), reached
    following = (given + 1) * goal.target
    return (1, following) if reached >= following else (0, reached)
