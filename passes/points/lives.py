"""One card's life as other rules would have had it: what its member did is history, what came of it is reckoned anew.

A `Life` is told what happened, in order, and keeps balances, counters and tier in memory. Purchases are judged by
`outcome.evaluate` as when they were made; what was paid with points or taken as a reward is taken again, as far as the
card then has the points; what was given by hand, paid in or moved between cards is taken as recorded, with its end.
Its lots are kept apart from the ledger's arithmetic on purpose: that both come to the same is what is tested.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Mapping, Sequence

from . import tiers
from .book import Book, Rules
from .events import Done, Happened, Posted, Recorded
from .findings import Sums
from .orders import goods
from .outcome import NO_WHY, Grant, Outcome, evaluate
from .plans import tier_counts
from .pots import Pot
from .purses import SPENDING, USED
from .remainder import left_of
from .rules import MAIN, NOTHING_USED, Baskets, Key, Last, Moment, Purchase, Standing, moment
from .tiers import Place

_EARNED = ("earn", "welcome")
NO_ISSUES: Counter[tuple[str, str]] = Counter()


class Life:
    """A card from its first day on. `remembers`: the receipts of which each amount is asked for later."""

    def __init__(self, book: Book, created: int, birth_month: int | None, remembers: Container[int]) -> None:
        self.book, self.created, self.birth_month, self.remembers = book, created, birth_month, remembers
        self.pots: defaultdict[str, Pot] = defaultdict(Pot)
        self.counts: dict[Key, int] = {}
        self.sums: defaultdict[str, Sums] = defaultdict(Sums)
        self.issued: Counter[str] = Counter()
        self.place = Place(None)
        # Of the counters those that tiers go by, so that nobody looks for them among all others.
        self._tiers: dict[str, dict[str, int]] = {}
        self._rules, self._at = book.at(created), created
        self._standing_receipts: list[Happened] = []
        self._done: dict[int, Done] = {}
        # By receipt: what was let go when it was taken back.
        self._debts: dict[int, list[tuple[Posted, int]]] = {}

    def joins(self, is_welcomed: bool) -> list[Posted]:
        """The gift for joining, if this card had one or would have."""
        rules = self._rules
        gift = rules.definition.welcome if is_welcomed else 0
        when = moment(self.created, rules.zone)
        posted = [self._gives("welcome", MAIN, gift, rules.ends(MAIN, when))] if gift else []
        policy = rules.policy
        if gift and policy.is_tallied and policy.by == "earned" and policy.unit == MAIN:
            self._move((policy.tally, "" if policy.period == "ever" else when.month), gift)
        self._settle(rules, self.created)
        return posted

    def goes_through(self, happened: Happened) -> list[Posted]:
        """What came to the card and left it by this receipt; what rules gave, rule by rule if that is remembered."""
        if happened.reverses is not None:
            return self._takes_back(self._done[happened.reverses], happened)
        rules = self.book.at(happened.created, happened.context.get("rules"))
        self.comes_to(happened.created, rules)
        posted = self._is_judged(rules, happened) if happened.is_by_rules else self._moves_alone(rules, happened)
        self._standing_receipts.append(happened)
        return posted

    def comes_to(self, now: int, rules: Rules | None = None) -> None:
        """What time alone does until `now`: rules come into force, points end, tiers lapse."""
        for at, following in self.book.changes(self._at, now):
            self._passes_time(self._rules, at)
            self._rules = following
            self._settle(following, at)
        self._rules = rules or self._rules
        self._passes_time(self._rules, now)

    def end(self, now: int) -> dict[str, Sums]:
        """The card at `now`; its sums by unit."""
        self.comes_to(now)
        for unit, pot in self.pots.items():
            self.sums[unit].outstanding = pot.balance
        return self.sums

    def _passes_time(self, rules: Rules, now: int) -> None:
        if rules.policy.period != "ever" and self.place.tier is not None:
            for turn in rules.turns(self._at, now):
                self._settle(rules, turn)
        for unit, pot in self.pots.items():
            ended = pot.expire(now, self._idle_end(rules, unit))
            if ended and self.book.counts(self._at):
                self.sums[unit].ended += ended
        self._at = now

    def _idle_end(self, rules: Rules, unit: str) -> int | None:
        if unit not in rules.idles:
            return None
        stands = self._standing_receipts
        return rules.definition.idle_ends(stands[-1].created if stands else self.created)[unit]

    def _moves_alone(self, rules: Rules, happened: Happened) -> list[Posted]:
        posted = [self._moves(rules, moved, happened) for moved in happened.moved]
        if happened.id in self.remembers:
            done = Done(happened, rules, Standing(), posted, {}, NO_ISSUES, self.place, self.place)
            self._done[happened.id] = done
        return posted

    def _is_judged(self, rules: Rules, happened: Happened) -> list[Posted]:
        """One receipt across all mechanisms, in the order in which the till has it done."""
        before = self.place
        posted, redeemed = self._is_done(rules, happened)
        purchase = self._purchase(rules, happened, redeemed)
        standing = self._standing(rules, happened)
        outcome = evaluate(rules.at_partner(happened.content.get("partner")), purchase, standing, explains=False)
        is_remembered = happened.id in self.remembers
        posted += self._granted(rules, outcome, purchase.moment, is_remembered)
        counts = {**outcome.counts, **tier_counts(rules.definition, purchase.moment, purchase, outcome)}
        for key, amount in counts.items():
            self._move(key, amount)
        issues = _issued(outcome)
        if issues:
            self._issue(issues, happened.created)
        self._settle(rules, happened.created)
        if is_remembered:
            happened = happened._replace(context={**happened.context, "paid": purchase.paid})
            done = Done(happened, rules, standing, posted, counts, issues, before, self.place)
            self._done[happened.id] = done
        return posted

    def _is_done(self, rules: Rules, happened: Happened) -> tuple[list[Posted], int]:
        """What comes before the rules: a promo code's gift, paying with points, rewards, amounts by hand."""
        posted = []
        part = rules.promos.get(happened.content.get("promo", "").strip().upper())
        if part is not None and part.give is not None and part.give.amount:
            unit = rules.definition.short(part.give.unit)
            ends = rules.ends(unit, moment(happened.created, rules.zone))
            posted.append(self._gives("earn", unit, part.give.amount, ends, rule=f"promo:{part.key}"))
        posted += [self._moves(rules, moved, happened) for moved in happened.moved]
        return posted, sum(each.amount for each in posted if each.kind == "redeem")

    def _moves(self, rules: Rules, moved: Recorded, happened: Happened) -> Posted:
        now = happened.created
        if moved.change > 0:
            return self._gives(moved.kind, moved.unit, moved.change, moved.expires, moved.ripens)
        unit, wanted = moved.unit, -moved.change
        pot, idle_end = self.pots[unit], self._idle_end(rules, unit)
        has = pot.spendable(now, idle_end) if moved.kind in SPENDING else pot.balance
        if moved.kind == "reward":
            cost = rules.rewards.get(happened.content.get("reward", ""), 0)
            amount = cost if cost <= has else 0
            return self._takes("reward", unit, amount, now, idle_end, wanted if amount else 0)
        return self._takes(moved.kind, unit, min(wanted, has), now, idle_end)

    def _purchase(self, rules: Rules, happened: Happened, redeemed: int) -> Purchase:
        """What is left to pay is as recorded, but for what the points that were paid with are worth."""
        content, context = happened.content, happened.context
        recorded = self.book.recorded(happened.created, context.get("rules")).worth
        paid = context.get("paid", happened.total) + content.get("redeem", 0) * recorded - redeemed * rules.worth
        lines, cuts = tuple(goods(content.get("lines", ()))), context.get("cuts")
        if cuts:
            lines = tuple(line._replace(price=line.price - cut) for line, cut in zip(lines, cuts, strict=True))
        return Purchase(
            moment(happened.created, rules.zone),
            happened.total,
            max(0, min(happened.total, paid)),
            lines,
            content.get("event"),
            content.get("location"),
            sum(cuts) if cuts else 0,
        )

    def _standing(self, rules: Rules, happened: Happened) -> Standing:
        context, asked = happened.context, rules.in_force
        stamps = self.pots[asked.stamps.unit].balance if asked.stamps else 0
        # Whoever was not asked then for the month has it now, or never told.
        was_asked = self.book.recorded(happened.created, context.get("rules")).in_force.asks_birthday
        month = context.get("birth_month") if was_asked else self.birth_month
        last = self._last(rules) if asked.asks_last else None
        baskets = Baskets.of(self.counts) if asked.asks_baskets else None
        is_paid, used = context.get("is_paid", False), context.get("used", NOTHING_USED)
        return Standing(self.place.tier, self.counts, last, month, is_paid, stamps, baskets, used)

    def _last(self, rules: Rules) -> Last | None:
        stands = reversed(self._standing_receipts)
        found = next((each for each in stands if each.total > 0), None)
        return Last(moment(found.created, rules.zone).ordinal, found.total) if found else None

    def _granted(self, rules: Rules, outcome: Outcome, when: Moment, is_remembered: bool) -> list[Posted]:
        posted = []
        for unit, amount, rule, _, ripens_days in outcome.grants if is_remembered else _together(outcome.grants):
            ripens = None if ripens_days is None else rules.ripens(ripens_days, when)
            posted.append(self._gives("earn", unit, amount, rules.ends(unit, when), ripens, rule))
        card = rules.in_force.stamps
        if outcome.used and card is not None:
            posted.append(self._takes("full", card.unit, outcome.used, when.at, self._idle_end(rules, card.unit)))
        return posted

    def _takes_back(self, done: Done, happened: Happened) -> list[Posted]:
        """The whole, or what some returned lines brought: as `returns` does it, of what these rules gave."""
        now = happened.created
        self.comes_to(now)
        for line in happened.content.get("lines", ()):
            done.gone[line["line"]] = done.gone.get(line["line"], 0) + line["quantity"]
        kept = left_of(done.happened, done.rules.zone, done.gone) if done.gone else None
        is_whole = kept is None or kept.is_nothing or "lines" not in happened.content
        outcome, target = Outcome(), dict[Key, int]()
        if kept is not None and not is_whole:
            outcome = self._judged_again(done, kept.purchase)
            tallied = tier_counts(done.rules.definition, kept.purchase.moment, kept.purchase, outcome)
            target = dict(outcome.counts) | tallied
        posted = self._undo(done, kept.redeemed if kept and not is_whole else 0, outcome, is_whole, now)
        posted += self._collects(posted, now)
        for key, amount in done.counts.items():
            left = min(target.get(key, 0), amount)
            self._move(key, left - amount)
            done.counts[key] = left
        stays = _issued(outcome) & done.issues
        self._issue(done.issues - stays, done.happened.created, -1)
        done.issues = stays
        if is_whole:
            self._standing_receipts = [each for each in self._standing_receipts if each.id != done.happened.id]
        held = done.before if done.before != done.after and done.after.tier == self.place.tier else self.place
        self.place = held
        self._settle(self.book.at(now), now)
        return posted

    def _judged_again(self, done: Done, purchase: Purchase) -> Outcome:
        """By the standing of its day, but for the counters: those of now without this receipt's own part."""
        counts = {key: max(0, amount - done.counts.get(key, 0)) for key, amount in self.counts.items()}
        rules = done.rules.at_partner(done.happened.content.get("partner"))
        return evaluate(rules, purchase, done.standing._replace(counts=counts), explains=False)

    def _undo(self, done: Done, redeemed: int, outcome: Outcome, is_whole: bool, now: int) -> list[Posted]:
        """Gifts back first, so that what the receipt took can pay for what it gave."""
        given: Counter[tuple[str, str]] = Counter()
        for grant in outcome.grants:
            given[grant.unit, grant.rule] += grant.amount
        targets = [0 if is_whole else _target(each, given, redeemed, outcome.used) for each in done.posted]
        pairs = list(zip(done.posted, targets, strict=True))
        back = [self._gives_back(each, target, now) for each, target in pairs if not each.lot and target < each.kept]
        mine = self._debts.setdefault(done.happened.id, [])
        gone = [self._takes_again(each, target, now, mine) for each, target in pairs if each.lot and target < each.kept]
        for each, target in pairs:
            each.kept = target
        return back + gone

    def _gives_back(self, posted: Posted, target: int, now: int) -> Posted:
        pot, rules = self.pots[posted.unit], self._rules
        first = None
        begins = 0
        for lot, amount in sorted(posted.uses, key=lambda use: use[0].number):
            part = min(begins + amount, posted.kept) - max(begins, target)
            begins += amount
            if part > 0:
                pot.give_back(lot, part)
                first = first or lot
        self._count(posted, -(posted.kept - target), now)
        ended = pot.expire(now, self._idle_end(rules, posted.unit))
        if self.book.counts(now):
            self.sums[posted.unit].ended += ended
        return Posted("reverse", posted.unit, posted.kept - target, lot=first)

    def _takes_again(self, posted: Posted, target: int, now: int, debts: list[tuple[Posted, int]]) -> Posted:
        """What the card does not have any more is let go."""
        pot, wanted = self.pots[posted.unit], posted.kept - target
        amount = min(wanted, pot.balance)
        uses = pot.take(amount, now, self._idle_end(self._rules, posted.unit), first=posted.lot)
        if posted.kind in _EARNED:
            pot.earned = max(0, pot.earned - wanted)
        self._count(posted, -amount, now)
        if amount < wanted:
            debts.append((posted, wanted - amount))
        return Posted("reverse", posted.unit, amount, uses=uses)

    def _collects(self, undone: Sequence[Posted], now: int) -> list[Posted]:
        """What was let go is taken after all from what comes back."""
        back = {each.unit: each.amount for each in undone if each.lot}
        taken = []
        for _, debts in sorted(self._debts.items()) if back else ():
            for place, (posted, owed) in enumerate(debts):
                pot = self.pots[posted.unit]
                amount = min(owed, back.get(posted.unit, 0), pot.balance)
                if amount:
                    debts[place] = posted, owed - amount
                    back[posted.unit] -= amount
                    idle_end = self._idle_end(self._rules, posted.unit)
                    uses = pot.take(amount, now, idle_end, first=posted.lot)
                    self._count(posted, -amount, now)
                    taken.append(Posted("reverse", posted.unit, amount, uses=uses))
        return taken

    def _settle(self, rules: Rules, now: int) -> None:
        """Where the card stands among the tiers."""
        policy = rules.policy
        if not policy.levels:
            self.place = Place(None)
            return
        counts = {"": self.pots[policy.unit].earned} if policy.is_simple else self._tiers.get(policy.tally, {})
        self.place = tiers.settled(policy, counts, self.place, now, rules.zone)

    def _gives(
        self, kind: str, unit: str, amount: int, expires: int | None, ripens: int | None = None, rule: str = ""
    ) -> Posted:
        pot = self.pots[unit]
        posted = Posted(kind, unit, amount, rule, pot.fill(amount, expires, ripens))
        if kind in _EARNED:
            pot.earned += amount
        self._count(posted, amount, self._at)
        return posted

    def _takes(
        self, kind: str, unit: str, amount: int, now: int, idle_end: int | None, had: int | None = None
    ) -> Posted:
        uses = self.pots[unit].take(amount, now, idle_end, spends=kind in SPENDING)
        posted = Posted(kind, unit, amount, uses=uses)
        self._count(posted, amount, now, had)
        return posted

    def _count(self, posted: Posted, amount: int, now: int, had: int | None = None) -> None:
        """What was taken back is taken off what it had been."""
        if not self.book.counts(now):
            return
        sums = self.sums[posted.unit]
        if posted.kind in USED:
            sums.spent += amount
            sums.had += amount if had is None else had
        else:
            sums.given += amount if posted.lot else -amount

    def _issue(self, issues: Mapping[tuple[str, str], int], now: int, sign: int = 1) -> None:
        if self.book.counts(now):
            for (coupon, _), times in issues.items():
                self.issued[coupon] += sign * times

    def _move(self, key: Key, amount: int) -> None:
        self.counts[key] = self.counts.get(key, 0) + amount
        if key[0].startswith("tier:"):
            periods = self._tiers.setdefault(key[0], {})
            periods[key[1]] = periods.get(key[1], 0) + amount


def _together(grants: Sequence[Grant]) -> list[Grant]:
    """What lies in one lot, whatever rule gave it."""
    sums: dict[tuple[str, int | None], int] = {}
    for unit, amount, _, _, ripens_days in grants:
        lot = unit, ripens_days
        sums[lot] = sums.get(lot, 0) + amount
    return [Grant(unit, amount, "", NO_WHY, ripens_days) for (unit, ripens_days), amount in sums.items()]


def _issued(outcome: Outcome) -> Counter[tuple[str, str]]:
    if not outcome.issues:
        return NO_ISSUES
    return Counter({(issue.coupon, issue.rule): issue.times for issue in outcome.issues})


def _target(posted: Posted, given: Counter[tuple[str, str]], redeemed: int, used: int) -> int:
    """What is to remain of it; never more than remains now."""
    match posted.kind:
        case "earn":
            target = min(posted.kept, given[posted.unit, posted.rule])
            given[posted.unit, posted.rule] -= target
            return target
        case "redeem":
            return min(posted.kept, redeemed)
        case "full":
            return min(posted.kept, used)
        case _:
            return posted.kept
