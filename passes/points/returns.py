"""Taking receipts back: the whole, or the lines that a customer returns.

A return judges what is left of the purchase again, by the rules and the standing of its day, and takes back what it
gave too much: so several partial returns come to the same as one, and none gives back more than the receipt gave. What
was spent goes back to the very lots it came from, with their own end. A reversal is itself a receipt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, select, update

from .. import programmes
from ..cards import Held
from ..errors import BadInput, Conflict
from ..reminders import schedule
from ..store import Connection, Row
from ..store import tables as t
from . import ledger, mechanisms, receipts, tallies, tiers
from .debts import Debts
from .moves import Effect
from .orders import Answer, Case, Order
from .outcome import Outcome, evaluate
from .plans import Plan, place_after, tier_counts
from .purses import MEMBER, Draft, Lot, Purse, account_of, changes, is_member, rehearse, unit_of
from .remainder import Kept, Returned, left_of
from .rules import NOTHING_USED, Baskets, Key, Last, Standing, moment
from .tiers import Place


def reverse(
    tx: Connection,
    held: Held,
    original: Row,
    receipt: str,
    now: int,
    staff: str = "",
    reason: str = "",
    forgives: bool = False,
) -> Answer:
    """Take back a whole receipt, or what earlier returns left of it.

    What goes back to a lot that has ended meanwhile ends again at once. Points the receipt gave that were spent
    meanwhile are taken from the card's other points; when those do not suffice, the programme says whether it is
    refused, and nothing changes, or the rest is forgiven; `forgives` decides it whatever the programme says.
    """
    order = Order(receipt, reason=reason or None, event=f"reverse {original.receipt}")
    return _take_back(tx, held, original, order, None, now, staff, forgives)


def give_back(
    tx: Connection,
    held: Held,
    original: Row,
    returned: Sequence[Returned],
    receipt: str,
    now: int,
    staff: str = "",
    reason: str = "",
) -> Answer:
    """Take back some lines of a receipt; its effects shrink to what the rest of the purchase brings."""
    lines = [vars(each) for each in returned]
    order = Order(receipt, reason=reason or None, event=f"return {original.receipt}", lines=lines)
    return _take_back(tx, held, original, order, returned, now, staff)


def returned_before(tx: Connection, original: Row) -> list[Returned]:
    """What came back of a receipt's lines until now."""
    earlier = select(t.Receipt.content).where(t.Receipt.reverses == original.id)
    return [
        Returned(line["line"], line["quantity"])
        for content in tx.execute(earlier).scalars()
        for line in content.get("lines", [])
    ]


def _take_back(
    tx: Connection,
    held: Held,
    original: Row,
    order: Order,
    returned: Sequence[Returned] | None,
    now: int,
    staff: str,
    forgives: bool = False,
) -> Answer:
    if (earlier := receipts.earlier_answer(tx, held, order)) is not None:
        return earlier
    _refuse(original)
    programme = programmes.of_card(tx, held)
    rules = programmes.ruleset(tx, programme, (original.context or {}).get("rules", 1))
    account = ledger.expire(tx, receipts.opened(tx, programme, held), now)
    place = receipts.place_now(tx, programme, held, account, now)
    case = Case(programme, rules, held, place, account, order, moment(now, rules.definition.zone))
    undoing = _Undoing(tx, case, original, forgives or programme.definition.overdraw == "forgive")
    return undoing.do(None if returned is None else undoing.left_after(returned), staff)


def _refuse(original: Row) -> None:
    if original.reverses is not None:
        raise Conflict("This receipt is itself a reversal and cannot be reversed.", field="receipt")
    if original.reversed_by is not None:
        raise Conflict("This receipt was reversed already.", field="receipt")
    if original.content.get("transfer"):
        raise Conflict("A transfer is not reversed; transfer the amount back.", field="receipt")


class _Undoing:
    """One receipt, and what is done to take it back."""

    def __init__(self, tx: Connection, case: Case, original: Row, forgives: bool) -> None:
        self.tx, self.case, self.original, self.forgives = tx, case, original, forgives
        self.postings = tx.execute(
            select(t.Posting).where(t.Posting.receipt_id == original.id).order_by(t.Posting.seq)
        ).all()
        self.before = returned_before(tx, original)
        self.effects: list[Effect] = [dict(effect) for effect in original.effects or []]
        self.debts = Debts(tx, case, original.id, self.effects)
        taken = self._taken_back()
        self.kept = {posting.seq: posting.amount - taken.get(posting.seq, 0) for posting in self.postings}
        # By posting: what could not be taken back and never will be.
        self.forgiven: dict[int, int] = {}

    def left_after(self, returned: Sequence[Returned]) -> Kept:
        """The purchase without what comes back now and what came back before."""
        gone: dict[int, int] = {}
        for each in (*self.before, *returned):
            gone[each.line] = gone.get(each.line, 0) + each.quantity
        lines = self.original.content.get("lines", [])
        if not lines:
            raise BadInput("This receipt has no lines; reverse the whole receipt.", field="lines")
        for place, quantity in gone.items():
            has = lines[place].get("quantity", 1)
            if quantity > has:
                has -= quantity - sum(r.quantity for r in returned if r.line == place)
                raise Conflict(f"Of line {place} only {has} can come back.", field="lines")
        return left_of(self.original, self.case.definition.zone, gone)

    def do(self, kept: Kept | None, staff: str) -> Answer:
        """Post the difference to what is kept (None: nothing is)."""
        if kept is not None and kept.is_nothing:
            kept = None
        outcome = self._judged(kept) if kept else Outcome()
        drafts = self._drafts(self._targets(kept, outcome) if kept else dict.fromkeys(self.kept, 0))
        dropped, stays = self._split_effects(outcome if kept else None)
        return self._conclude(drafts, self._counts(kept, outcome), dropped, stays, kept is None, staff)

    def _taken_back(self) -> dict[int, int]:
        """How much of each posting earlier returns took back, by its number in the chain."""
        query = (
            select(t.Posting.why, t.Posting.amount)
            .join(t.Receipt, t.Receipt.id == t.Posting.receipt_id)
            .where(t.Receipt.reverses == self.original.id, t.Posting.kind == "reverse")
        )
        taken: dict[int, int] = {}
        for row in self.tx.execute(query):
            taken[row.why["posting"]] = taken.get(row.why["posting"], 0) + row.amount
        for effect in self.effects:
            if effect["kind"] == "forgiven":
                taken[effect["posting"]] = taken.get(effect["posting"], 0) + effect["amount"]
        return taken

    def _judged(self, kept: Kept) -> Outcome:
        """What the rest of the purchase brings, beside all that happened to the card since."""
        return evaluate(
            self.case.definition.rules_at(self.original.content.get("partner")), kept.purchase, self._standing()
        )

    def _standing(self) -> Standing:
        """That of its day; counters as they are now without this receipt's own part in them."""
        context = self.original.context or {}
        own = _counts_of(self.effects)
        periods = {period for _, period in own} | {period for _, period, _ in context.get("counts", [])}
        now = tallies.read(self.tx, self.case.programme.id, self.case.held.id, periods) if periods else {}
        counts = {key: max(0, amount - own.get(key, 0)) for key, amount in now.items()}
        last, baskets = context.get("last"), context.get("baskets")
        return Standing(
            tier=context.get("tier"),
            counts=counts,
            last=Last(*last) if last else None,
            birth_month=context.get("birth_month"),
            is_paid=context.get("is_paid", False),
            stamps=context.get("stamps", 0),
            baskets=Baskets(*baskets) if baskets else None,
            used=context.get("used", NOTHING_USED),
        )

    def _targets(self, kept: Kept, outcome: Outcome) -> dict[int, int]:
        """What is to remain of each posting; never more than remains of it now."""
        given: dict[tuple[str, str], int] = {}
        for grant in outcome.grants:
            given[grant.unit, grant.rule] = given.get((grant.unit, grant.rule), 0) + grant.amount
        targets = {}
        for posting in self.postings:
            unit = _unit(posting)
            match posting.kind:
                case "earn":
                    rule = (unit, posting.why.get("rule", "earn"))
                    targets[posting.seq] = min(self.kept[posting.seq], given.get(rule, 0))
                    given[rule] = given.get(rule, 0) - targets[posting.seq]
                case "redeem":
                    targets[posting.seq] = min(self.kept[posting.seq], kept.redeemed)
                case "full":
                    targets[posting.seq] = min(self.kept[posting.seq], outcome.used)
                case _:
                    targets[posting.seq] = self.kept[posting.seq]
        return targets

    def _drafts(self, targets: Mapping[int, int]) -> list[Draft]:
        """Gifts first, so that what the receipt took can pay for what it gave."""
        drafts: list[Draft] = []
        for posting in self.postings:
            if is_member(posting.source) and targets[posting.seq] < self.kept[posting.seq]:
                drafts += self._give_back(posting, targets[posting.seq])
        for posting in self.postings:
            if is_member(posting.target) and targets[posting.seq] < self.kept[posting.seq]:
                amount = self.kept[posting.seq] - targets[posting.seq]
                drafts += self._take(posting, amount, drafts)
        return [*drafts, *self.debts.collect(drafts)]

    def _give_back(self, posting: Row, target: int) -> list[Draft]:
        """Amounts back into the lots they came from, the last taken first; then the end of those that have ended."""
        unit, now = _unit(posting), self.case.now
        purse = self.case.account.purse(unit)
        taken = select(t.Lot.id, t.Lot.expires, t.Lot.ripens, t.LotUse.amount).join(
            t.LotUse, t.LotUse.lot_id == t.Lot.id
        )
        uses = self.tx.execute(taken.where(t.LotUse.posting_id == posting.id).order_by(t.Lot.id)).all()
        into = _portion(uses, target, self.kept[posting.seq])
        amount = sum(part for _, part in into)
        why = _undoing(posting)
        back = Draft("reverse", account_of(posting.target, unit), MEMBER, amount, why, into=into, unit=unit)
        ended = [(lot, part) for lot, part in into if purse.has_ended(lot, now)]
        if not ended:
            return [back]
        expired = {"expired": min(purse.end(lot) or now for lot, _ in ended)}
        return [back, Draft("expire", MEMBER, "expired", sum(part for _, part in ended), expired, unit=unit)]

    def _take(self, posting: Row, amount: int, before: Sequence[Draft]) -> list[Draft]:
        unit = _unit(posting)
        why = _undoing(posting)
        if self.forgives or self._is_used_up_by_itself(unit):
            has = self.case.account.purse(unit).balance + changes(before).get(unit, 0)
            if has < amount:
                why |= {"forgiven": amount - has}
                self.forgiven[posting.seq] = amount - has
                amount = has
        if not amount:
            return []
        return [
            Draft("reverse", MEMBER, account_of(posting.source, unit), amount, why, first=posting.lot_id, unit=unit)
        ]

    def _is_used_up_by_itself(self, unit: str) -> bool:
        """Stamps are; that they are gone must not keep goods from coming back."""
        card = self.case.definition.rules_in_force.stamps
        return card is not None and card.unit == unit

    def _counts(self, kept: Kept | None, outcome: Outcome) -> dict[Key, int]:
        """By how much the counters move: to what the rest of the purchase adds to them."""
        own = _counts_of(self.effects)
        target: dict[Key, int] = {}
        if kept is not None:
            definition = self.case.definition
            target = dict(outcome.counts) | tier_counts(definition, kept.purchase.moment, kept.purchase, outcome)
        return {key: min(target.get(key, 0), amount) - amount for key, amount in own.items()}

    def _split_effects(self, outcome: Outcome | None) -> tuple[list[Effect], list[Effect]]:
        """Effects to take back, and those that stay: coupons that the rest of the purchase brings no more go, the last
        first."""
        acts = [effect for effect in self.effects if effect["kind"] not in ("tally", "tier")]
        if outcome is None:
            return acts, [effect for effect in acts if effect["kind"] == "forgiven"]
        left: dict[tuple[Any, Any], int] = {(issue.coupon, issue.rule): issue.times for issue in outcome.issues}
        dropped, stays = [], []
        for effect in acts:
            by_rule = (effect.get("coupon"), effect.get("rule"))
            if effect.get("rule") is None or left.get(by_rule, 0) > 0:
                left[by_rule] = left.get(by_rule, 0) - 1
                stays.append(effect)
            else:
                dropped.append(effect)
        return dropped, stays

    def _conclude(
        self,
        drafts: Sequence[Draft],
        counts: Mapping[Key, int],
        dropped: Sequence[Effect],
        stays: Sequence[Effect],
        is_whole: bool,
        staff: str,
    ) -> Answer:
        tx, case, held = self.tx, self.case, self.case.held
        purses = rehearse(case.account, drafts, case.now).purses if drafts else case.account.purses
        plan = Plan(tuple(drafts), purses, self._place(counts, purses))
        # Before the chain, as when it was done.
        mechanisms.undo(tx, dropped, case.now)
        chain = ledger.head(tx, held.row.programme_id) if drafts else None
        told = receipts.body(case, plan, chain.seq + 1 if chain else 0)
        receipt_id = receipts.keep(tx, case, told, staff, reverses=self.original.id)
        tallies.add(tx, held.row.programme_id, held.id, counts)
        changed: dict[str, Any] = {"effects": self._effects_left(counts, stays, is_whole)}
        if is_whole:
            changed["reversed_by"] = receipt_id
        tx.execute(update(t.Receipt).where(t.Receipt.id == self.original.id).values(changed))
        self.debts.keep()
        schedule.look_again(tx, case.definition, held.id, case.now)
        receipts.write(tx, case, plan, _active(tx, held), receipt_id, chain)
        return Answer(told)

    def _effects_left(self, counts: Mapping[Key, int], stays: Sequence[Effect], is_whole: bool) -> list[Effect]:
        """What the original still holds, and what of it was forgiven."""
        forgiven = [{"kind": "forgiven", "posting": seq, "amount": amount} for seq, amount in self.forgiven.items()]
        if is_whole:
            return [*stays, *forgiven]
        own = _counts_of(self.effects)
        left = [[*key, amount + counts.get(key, 0)] for key, amount in sorted(own.items())]
        tier = [effect for effect in self.effects if effect["kind"] == "tier"]
        return [*([{"kind": "tally", "counts": left}] if left else []), *tier, *stays, *forgiven]

    def _place(self, counts: Mapping[Key, int], purses: Mapping[str, Purse]) -> Place:
        """Back to where the card stood, if it is this receipt that brought it here; then by what still counts."""
        case = self.case
        definition = case.programme.at(case.now).definition
        held = case.place
        for effect in self.effects:
            if effect["kind"] == "tier" and effect["after"]["tier"] == held.tier:
                held = Place(**effect["before"])
        counted: dict[Key, int] = {}
        policy = definition.policy
        if policy.is_tallied:
            months = tiers.months_back(policy, case.now, definition.zone)
            counted = tallies.read(self.tx, case.programme.id, case.held.id, months)
        return place_after(definition, counted, counts, purses, held, case.now)


def _portion(uses: Sequence[Row], target: int, kept: int) -> list[tuple[Lot, int]]:
    """The part of each use that lies above `target` and below what is kept now, counted from the first use."""
    into, begins = [], 0
    for use in uses:
        ends = begins + use.amount
        part = min(ends, kept) - max(begins, target)
        if part > 0:
            into.append((Lot(use.id, 0, use.expires, use.ripens), part))
        begins = ends
    return into


def _counts_of(effects: Sequence[Effect]) -> dict[Key, int]:
    return {
        (name, period): amount
        for effect in effects
        if effect["kind"] == "tally"
        for name, period, amount in effect["counts"]
    }


def _unit(posting: Row) -> str:
    return unit_of(posting.source, posting.target)


def _undoing(posting: Row) -> dict[str, Any]:
    return {"of": posting.kind, "posting": posting.seq}


def _active(tx: Connection, held: Held) -> int | None:
    """When something happened last that still stands."""
    active = tx.execute(_SELECT_ACTIVE, {"b_card_id": held.id}).scalar()
    return None if active is None else int(active)


_receipt = t.table(t.Receipt)
_SELECT_ACTIVE = (
    select(_receipt.c.created)
    .where(
        _receipt.c.card_id == bindparam("b_card_id"),
        _receipt.c.reverses.is_(None),
        _receipt.c.reversed_by.is_(None),
    )
    .order_by(_receipt.c.id.desc())
    .limit(1)
)
