"""The outcome of a purchase: pure arithmetic over rules that are data, with its explanation.

`evaluate` takes the rules, the purchase and where the card stands, and says what is granted, which counters move and
which gifts fall due. Time comes in as a value, everything is a whole number, every rounding is the rule's own, and each
grant carries the numbers it came from, so that anyone can compute it again: the same input gives the same outcome for
ever, which is what a quote, a return of goods and a replay of history rest on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from .rules import (
    BASKETS,
    MOST_GIFTS,
    NOTHING_COUNTED,
    SPENT,
    Gift,
    Goal,
    Key,
    Multiplier,
    Purchase,
    Rounding,
    Rule,
    RuleSet,
    StampCard,
    Standing,
    When,
)

NO_WHY: dict[str, Any] = {}
_NO_TIMES: Sequence[dict[str, Any]] = ()


class Grant(NamedTuple):
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
    """What a rule would have given and did not: which cap stood in the way, and how much was lost to it.

    `stock`, `gifts` and `member` are about coupons: how many were left to give, how many one receipt may bring, and how
    many one member may use.
    """

    rule: str
    cap: str
    limit: int
    lost: int


class Outcome(NamedTuple):
    """All that a purchase does by rules. `used` are the stamps of cards that became full."""

    grants: tuple[Grant, ...] = ()
    counts: Mapping[Key, int] = NOTHING_COUNTED
    issues: tuple[Issue, ...] = ()
    notes: tuple[Note, ...] = ()
    used: int = 0


def evaluate(rules: RuleSet, purchase: Purchase, standing: Standing, *, explains: bool = True) -> Outcome:
    """What the purchase does, in the order the rules are written in; who only counts needs no `why`."""
    return _Evaluation(rules, purchase, standing, explains).outcome()


def divide(product: int, per: int, rounding: Rounding) -> int:
    """Half goes up when rounding to the nearest."""
    if rounding == "down":
        return product // per
    if rounding == "up":
        return -(-product // per)
    return (2 * product + per) // (2 * per)


class _Evaluation:
    """One evaluation while it runs."""

    def __init__(self, rules: RuleSet, purchase: Purchase, standing: Standing, explains: bool) -> None:
        self.rules, self.purchase, self.standing, self.explains = rules, purchase, standing, explains
        self.grants: list[Grant] = []
        self.counts: dict[Key, int] = {}
        self.issues: list[Issue] = []
        self.notes: list[Note] = []
        self.used, self.paid = 0, max(0, purchase.paid)
        bits = rules.assortment.bits
        self._sorted = [(bits(line.sku, line.category), line) for line in purchase.lines]
        self._sums: dict[int, tuple[int, int]] = {}
        # A discount on the whole bill lies on every line in the same share.
        self.whole = max(purchase.total - purchase.cut, sum([line.price for line in purchase.lines]))
        self.live = {unit: self._live(multipliers) for unit, multipliers in rules.by_unit.items()}

    def _live(self, multipliers: Sequence[tuple[Multiplier, int]]) -> list[tuple[Multiplier, int]]:
        """Those whose time it is, and whose goods are on the receipt."""
        purchase, standing = self.purchase, self.standing
        live = [each for each in multipliers if each[0].when.is_always or each[0].when.holds(purchase, standing)]
        return [each for each in live if not each[1] or not self._sorted or self._sum(each[1])[1]]

    def outcome(self) -> Outcome:
        purchase, standing = self.purchase, self.standing
        for rule, meant in self.rules.by_order:
            if rule.when.is_always or rule.when.holds(purchase, standing):
                self._rule(rule, meant)
        for goal, meant in self.rules.by_goal:
            if goal.when.is_always or goal.when.holds(purchase, standing):
                self._goal(goal, meant)
        if self.rules.stamps is not None:
            self._stamps(self.rules.stamps)
        if self.rules.asks_baskets and purchase.total > 0:
            self.counts |= {BASKETS: 1, SPENT: purchase.total}
        return Outcome(tuple(self.grants), self.counts, tuple(self.issues), tuple(self.notes), self.used)

    def _rule(self, rule: Rule, meant: int) -> None:
        measured = self._measured(rule, meant)
        base = divide(measured * rule.amount, rule.per, rule.rounding)
        if not base:
            return
        times, amount = _NO_TIMES, base
        if multipliers := self.live.get(rule.unit):
            times, amount = self._multiplied(multipliers, rule, meant, measured, base)
        capped = None
        if rule.caps.limits:
            amount, capped = self._capped(rule, amount)
        if amount:
            why = self._why(rule, measured, base, times, capped) if self.explains else NO_WHY
            self.grants.append(Grant(rule.unit, amount, rule.key, why, rule.ripens_days))

    def _why(
        self, rule: Rule, measured: int, base: int, times: Sequence[dict[str, Any]], capped: Note | None
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
        self._note_threshold(rule.when, why)
        if times or capped:
            why["base"] = base
        if times:
            why["times"] = [*times]
        if capped:
            why["capped"] = {"cap": capped.cap, "limit": capped.limit, "lost": capped.lost}
        return why

    def _note_threshold(self, when: When, why: dict[str, Any]) -> None:
        """What the card's own average asked for, where a rule looks at it."""
        if when.above_own_average is not None:
            why["threshold"] = when.threshold(self.standing)

    def _measured(self, rule: Rule, meant: int) -> int:
        measure = rule.measure
        if measure == "money":
            return self._money(meant) if meant else self.paid
        if measure == "item":
            return self._sum(meant)[1]
        return int(self.purchase.is_visit if measure == "visit" else self.purchase.event is not None)

    def _money(self, meant: int) -> int:
        """What was paid for the goods whose bits these are."""
        if not meant or (not self._sorted and not meant & self.rules.assortment.narrow):
            return self.paid
        price, _ = self._sum(meant)
        return price * self.paid // self.whole if price else 0

    def _sum(self, meant: int) -> tuple[int, int]:
        """Price and pieces of the lines that have all the bits: many rules ask, one answer is enough."""
        known = self._sums.get(meant)
        if known is None:
            price = pieces = 0
            for bits, line in self._sorted:
                if bits & meant == meant:
                    price += line.price
                    pieces += line.quantity
            known = self._sums[meant] = price, pieces
        return known

    def _multiplied(
        self, multipliers: Sequence[tuple[Multiplier, int]], rule: Rule, meant: int, measured: int, base: int
    ) -> tuple[Sequence[dict[str, Any]], int]:
        if self.rules.stack == "all":
            times, amount = [], base
            for multiplier, also in multipliers:
                if extra := self._extra(multiplier, also, rule, meant, measured, amount):
                    amount += extra
                    if self.explains:
                        times.append(self._times(multiplier, extra))
            return times, amount
        best, extra = None, 0
        for multiplier, also in multipliers:
            more = self._extra(multiplier, also, rule, meant, measured, base)
            if best is None or more > extra:
                best, extra = multiplier, more
        return ([self._times(best, extra)] if best and extra and self.explains else _NO_TIMES), base + extra

    def _times(self, multiplier: Multiplier, extra: int) -> dict[str, Any]:
        times: dict[str, Any] = {"rule": multiplier.key, "percent": multiplier.percent, "extra": extra}
        self._note_threshold(multiplier.when, times)
        return times

    def _extra(self, multiplier: Multiplier, also: int, rule: Rule, meant: int, measured: int, amount: int) -> int:
        if also:
            amount = amount * self._share(rule, meant | also) // measured
        return divide(amount * (multiplier.percent - 100), 100, rule.rounding)

    def _share(self, rule: Rule, meant: int) -> int:
        """How much of what a rule measured belongs to these goods; visits and events have none."""
        if rule.measure == "money":
            return self._money(meant)
        return self._sum(meant)[1] if rule.measure == "item" else 0

    def _capped(self, rule: Rule, amount: int) -> tuple[int, Note | None]:
        name, wanted, note = f"rule:{rule.key}", amount, None
        limits = [
            (kind, limit, None if kind == "receipt" else self.purchase.moment.period(kind))
            for kind, limit in rule.caps.limits
        ]
        for kind, limit, period in limits:
            room = limit if period is None else max(0, limit - self.standing.counted(name, period))
            if amount > room:
                amount, note = room, Note(rule.key, kind, limit, wanted - room)
        if amount:
            self.counts.update({(name, period): amount for _, _, period in limits if period is not None})
        if note:
            self.notes.append(note)
        return amount, note

    def _goal(self, goal: Goal, meant: int) -> None:
        added = self._progress(goal, meant)
        if added <= 0:
            return
        period, count = self.purchase.moment.period(goal.period), self.standing.counts.get
        before, given = count((goal.reached, period), 0), count((goal.given, period), 0)
        due, reached = _due(goal, before + added, given)
        self.counts[goal.reached, period] = max(0, reached - before)
        if due:
            self.counts[goal.given, period] = due
            why = {"measure": goal.measure, "reached": reached, "needed": goal.target}
            self._note_threshold(goal.when, why)
            self._give(goal.key, goal.gift, due, why)

    def _progress(self, goal: Goal, meant: int) -> int:
        match goal.measure:
            case "spend":
                return self._money(meant)
            case "items":
                return self._sum(meant)[1]
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
            self._issue(key, gift.coupon, times, gift.per_member)
        else:
            told = {"rule": key, "gives": gift.amount, "times_given": times} | why if self.explains else NO_WHY
            self.grants.append(Grant(gift.unit, gift.amount * times, key, told))

    def _issue(self, key: str, coupon: str, times: int, per_member: int | None) -> None:
        """Nobody is given what they may not use any more."""
        given = times if per_member is None else min(times, max(0, per_member - self.standing.used.get(coupon, 0)))
        if given:
            self.issues.append(Issue(coupon, given, key))
        if per_member is not None and given < times:
            self.notes.append(Note(key, "member", per_member, times - given))


def _due(goal: Goal, reached: int, given: int) -> tuple[int, int]:
    """How often the gift falls due, and what of the count stays."""
    if not goal.repeats:
        return int(reached >= goal.target and not given), reached
    if goal.carry_over:
        return max(0, min(MOST_GIFTS, reached // goal.target - given)), reached
    following = (given + 1) * goal.target
    return (1, following) if reached >= following else (0, reached)
