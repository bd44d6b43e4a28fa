"""The outcome of a purchase: pure arithmetic over rules that are data, with its explanation.

`evaluate` takes the rules, the purchase and where the card stands, and says what is granted, which counters move and
which gifts fall due. Time comes in as a value, everything is a whole number, every rounding is the rule's own, and each
grant carries the numbers it came from, so that anyone can compute it again: the same input gives the same outcome for
ever, which is what a quote, a return of goods and a replay of history rest on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .rules import (
    BASKETS,
    EVER,
    MOST_GIFTS,
    SPENT,
    UNCAPPED,
    Caps,
    Gift,
    Goal,
    Goods,
    Key,
    Line,
    Multiplier,
    Purchase,
    Rounding,
    Rule,
    RuleSet,
    StampCard,
    Standing,
    When,
)

ALL = -1
"""Every line, whatever their number: each bit is set."""


class Grant(NamedTuple):
    """An amount a rule gives, and why. A replay makes millions of them."""

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
    """What a rule would have given and did not: which cap stood in the way, and how much was lost to it.

    `stock` and `gifts` are about coupons: how many were left to give, and how many one receipt may bring.
    """

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
        self._bits: dict[int, int] = {}
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
            if rule.when.holds(self.purchase, self.standing):
                self._rule(rule)
        for goal in self.rules.goals:
            if goal.when.holds(self.purchase, self.standing):
                self._goal(goal)
        if self.rules.stamps is not None:
            self._stamps(self.rules.stamps)
        if self.rules.asks_baskets and self.purchase.total > 0:
            self.counts |= {BASKETS: 1, SPENT: self.purchase.total}
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
        why |= self._threshold(rule.when)
        if times or capped:
            why["base"] = base
        if times:
            why["times"] = times
        if capped:
            why["capped"] = {"cap": capped.cap, "limit": capped.limit, "lost": capped.lost}
        return why

    def _threshold(self, when: When) -> dict[str, int]:
        """What the card's own average asked for, where that was asked."""
        threshold = when.threshold(self.standing)
        return {} if threshold is None else {"threshold": threshold}

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
        price = sum(line.price for line in self._lines(goods, also))
        return price * paid // self.whole if self.whole else 0

    def _items(self, goods: Goods | None, also: Goods | None = None) -> int:
        return sum(line.quantity for line in self._lines(goods, also))

    def _lines(self, goods: Goods | None, also: Goods | None) -> list[Line]:
        """The lines that both mean."""
        meant = self._meant(goods) & self._meant(also)
        return [line for place, line in enumerate(self.purchase.lines) if meant >> place & 1] if meant else []

    def _meant(self, goods: Goods | None) -> int:
        """Which lines are meant, a bit for each: many rules and multipliers ask, one answer is enough."""
        if goods is None:
            return ALL
        bits = self._bits.get(id(goods))
        if bits is None:
            bits, bit = 0, 1
            for line in self.purchase.lines:
                if goods.has(line):
                    bits |= bit
                bit <<= 1
            self._bits[id(goods)] = bits
        return bits

    def _multiplied(self, rule: Rule, measured: int, base: int) -> tuple[list[dict[str, Any]], int]:
        multipliers = self.live.get(rule.unit, ())
        if not multipliers:
            return [], base
        if self.rules.stack == "all":
            times, amount = [], base
            for multiplier in multipliers:
                if extra := self._extra(multiplier, rule, measured, amount):
                    times.append(self._times(multiplier, extra))
                    amount += extra
            return times, amount
        extras = [(self._extra(multiplier, rule, measured, base), multiplier) for multiplier in multipliers]
        extra, best = max(extras, key=lambda pair: pair[0])
        return ([self._times(best, extra)] if extra else []), base + extra

    def _times(self, multiplier: Multiplier, extra: int) -> dict[str, Any]:
        told = {"rule": multiplier.key, "percent": multiplier.percent, "extra": extra}
        return told | self._threshold(multiplier.when)

    def _extra(self, multiplier: Multiplier, rule: Rule, measured: int, amount: int) -> int:
        if multiplier.goods is not None:
            amount = amount * self._share(rule, multiplier.goods) // measured
        return divide(amount * (multiplier.percent - 100), 100, rule.rounding)

    def _share(self, rule: Rule, goods: Goods) -> int:
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
            why = {"measure": goal.measure, "reached": reached, "needed": goal.target} | self._threshold(goal.when)
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
        # Rules of before may have had room for more stamps; then the card is full by these, and its prizes are due.
        before = min(filled, card.of - 1)
        for prize in card.prizes:
            passed = (filled + added - prize.at) // card.of - (before - prize.at) // card.of
            # Of amounts the receipt's own limit is enough; of coupons each is a row.
            times = passed if prize.gift.coupon is None else min(passed, MOST_GIFTS)
            if times:
                self._give(card.key, prize.gift, times, {"stamps": prize.at, "of": card.of})
            if times < passed:
                self.notes.append(Note(card.key, "gifts", MOST_GIFTS, passed - times))
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
