"""What an order does to a card: reckoned wholly before anything is written, so that a quote and the deed cannot differ.

A plan reads and never writes. Points and coupons are spent first, what is left of the bill earns by the rules, then the
card's tier follows. An order that cannot be is refused here, with the field that is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import bindparam, select

from .. import coupons, memberships, partners
from ..definition import Definition
from ..errors import BadInput
from ..programmes import Programme
from ..store import Connection
from ..store import tables as t
from . import mechanisms, tallies, tiers
from .moves import Act
from .orders import Case, Order
from .outcome import Note, Outcome, evaluate
from .purses import MEMBER, Draft, Purse, rehearse
from .rules import BASKETS, MAIN, NOTHING_USED, SPENT, Baskets, Key, Last, Moment, Purchase, Standing, moment
from .tiers import Place, Policy

MOST_EARNED = 1_000_000_000
NOTHING, NOWHERE = Outcome(), Standing()


@dataclass(frozen=True)
class Plan:
    """What an order does to a card, before or after it is done."""

    drafts: tuple[Draft, ...]
    purses: Mapping[str, Purse]
    place: Place
    discount: int = 0
    outcome: Outcome = NOTHING
    standing: Standing = NOWHERE
    counts: Mapping[Key, int] = field(default_factory=dict)
    acts: tuple[Act, ...] = ()
    notes: tuple[Note, ...] = ()
    cuts: tuple[int, ...] = ()
    told: Mapping[str, Any] = field(default_factory=dict)


def plan_of(tx: Connection, case: Case) -> Plan:
    """What mechanisms take and give, what the rules grant for the rest of the bill, and where the card then stands."""
    order, definition = case.order, case.definition
    _refuse_other_money(order, definition)
    moves, left = mechanisms.preview(tx, case)
    discount = sum(move.discount for move in moves)
    cuts = tuple(line.price - kept.price for line, kept in zip(order.goods, left.lines, strict=True))
    purchase = Purchase(case.moment, order.total, left.total, left.lines, order.event, order.location, sum(cuts))
    counted = _counted(tx, case)
    standing = _standing(tx, case, counted)
    outcome = evaluate(definition.rules_at(order.partner), purchase, standing)
    gifts, missed = mechanisms.gifts(tx, case, outcome)
    moved = [*(draft for move in moves for draft in move.drafts), *granted(case, outcome)]
    drafts = _by_rules(case, partners.routed(case, moved))
    purses = rehearse(case.account, drafts, case.now).purses if drafts else case.account.purses
    counts = dict(outcome.counts) | tier_counts(definition, case.moment, purchase, outcome)
    return Plan(
        drafts=drafts,
        purses=purses,
        place=place_after(definition, counted, counts, purses, case.place, case.now),
        discount=discount,
        outcome=outcome,
        standing=standing,
        counts=counts,
        acts=(*(act for move in moves for act in move.acts), *gifts),
        notes=(*outcome.notes, *missed),
        cuts=cuts if any(cuts) else (),
        told={name: value for move in moves for name, value in move.told.items()},
    )


def for_anybody(programme: Programme, order: Order, now: int) -> Outcome:
    """What a purchase brings a member of whom nothing is known; refused where no card could have it."""
    definition = programme.at(now).definition
    _refuse_other_money(order, definition)
    if order.partner is not None:
        partners.find(definition, order.partner)
    when = moment(now, definition.zone)
    purchase = Purchase(when, order.total, order.total, order.goods, order.event, order.location)
    outcome = evaluate(definition.rules_at(order.partner), purchase, NOWHERE)
    _refuse_too_much(outcome)
    return outcome


def without_rules(case: Case, drafts: tuple[Draft, ...]) -> Plan:
    """These postings and nothing else: what moves by other ways than buying earns nothing."""
    return Plan(_by_rules(case, drafts), rehearse(case.account, drafts, case.now).purses, case.place)


def _by_rules(case: Case, drafts: Sequence[Draft]) -> tuple[Draft, ...]:
    """Each says which version of which rules it went by."""
    version = {"programme": case.programme.version[:8], "rules": case.rules.number}
    return tuple(replace(draft, why={**draft.why, **version}) for draft in drafts)


def granted(case: Case, outcome: Outcome) -> tuple[Draft, ...]:
    """What the rules give, as postings, and the stamps of cards that became full."""
    definition, now = case.definition, case.now
    _refuse_too_much(outcome)
    drafts = [
        Draft(
            "earn",
            "earned",
            MEMBER,
            grant.amount,
            grant.why,
            definition.ends(grant.unit, now),
            definition.ripens(grant.ripens_days, now),
            unit=grant.unit,
        )
        for grant in outcome.grants
    ]
    card = definition.rules_in_force.stamps
    if outcome.used and card is not None:
        why = {"rule": card.key, "cards": outcome.used // card.of, "of": card.of}
        drafts.append(Draft("full", MEMBER, "stamped", outcome.used, why, unit=card.unit))
    return tuple(drafts)


def _refuse_other_money(order: Order, definition: Definition) -> None:
    if order.currency is not None and order.currency != definition.currency:
        raise BadInput(f"This programme counts in {definition.currency}.", field="currency")


def _refuse_too_much(outcome: Outcome) -> None:
    if sum(grant.amount for grant in outcome.grants) > MOST_EARNED:
        raise BadInput("One receipt cannot earn that many points; check the total.", field="total")


def tier_counts(definition: Definition, when: Moment, purchase: Purchase, outcome: Outcome) -> dict[Key, int]:
    """What the receipt adds to the count tiers go by, where no purse knows it."""
    policy = definition.policy
    if not policy.is_tallied:
        return {}
    added = _added(policy, purchase, outcome)
    return {(policy.tally, "" if policy.period == "ever" else when.month): added} if added else {}


def _added(policy: Policy, purchase: Purchase, outcome: Outcome) -> int:
    match policy.by:
        case "earned":
            return sum(grant.amount for grant in outcome.grants if grant.unit == policy.unit)
        case "spend":
            return purchase.paid
        case "visits":
            return int(purchase.is_visit)


def place_after(
    definition: Definition,
    counted: Mapping[Key, int],
    changes: Mapping[Key, int],
    purses: Mapping[str, Purse],
    held: Place,
    now: int,
) -> Place:
    """Where the card stands among the tiers after the changes."""
    policy = definition.policy
    if policy.is_simple:
        counts = {"": purses.get(policy.unit, Purse()).earned}
    else:
        sums = dict(counted)
        for key, amount in changes.items():
            sums[key] = sums.get(key, 0) + amount
        counts = {period: amount for (name, period), amount in sums.items() if name == policy.tally}
    return tiers.reckon(policy, counts, held, now, definition.zone)


def _counted(tx: Connection, case: Case) -> dict[Key, int]:
    """The card's counters that rules and tiers look at; nothing is read where nothing is counted."""
    definition, when = case.definition, case.moment
    policy = definition.policy
    periods = {MAIN, when.day, when.month, when.year} if definition.rules_in_force.counts else set()
    if policy.is_tallied:
        periods |= set(tiers.months_back(policy, case.now, definition.zone))
    return tallies.read(tx, case.programme.id, case.held.id, periods) if periods else {}


def _standing(tx: Connection, case: Case, counted: Mapping[Key, int]) -> Standing:
    rules = case.definition.rules_in_force
    stamps = case.account.purse(rules.stamps.unit).balance if rules.stamps else 0
    last = _last(tx, case) if rules.asks_last else None
    birth_month = _birth_month(tx, case) if rules.asks_birthday else None
    baskets = Baskets.of(counted) if rules.asks_baskets else None
    own = {key: amount for key, amount in counted.items() if _is_asked_by_name(key)}
    used = coupons.used(tx, case, rules.asks_used) if rules.asks_used else NOTHING_USED
    return Standing(case.place.tier, own, last, birth_month, _is_paid(tx, case), stamps, baskets, used)


def _is_asked_by_name(key: Key) -> bool:
    """Tiers and averages are counted beside the rules, which are told what comes of it."""
    return not key[0].startswith("tier:") and key not in (BASKETS, SPENT)


def _is_paid(tx: Connection, case: Case) -> bool:
    stands = memberships.state(tx, case.definition, case.held.id, case.now)
    return stands is not None and stands.is_good


def _last(tx: Connection, case: Case) -> Last | None:
    """The purchase before this one, of those that still stand."""
    row = tx.execute(_SELECT_LAST, {"b_card_id": case.held.id}).first()
    return Last(moment(row.created, case.definition.zone).ordinal, row.total) if row else None


def _birth_month(tx: Connection, case: Case) -> int | None:
    month = tx.execute(select(t.Member.birth_month).where(t.Member.id == case.held.row.member_id)).scalar()
    return None if month is None else int(month)


_receipt = t.table(t.Receipt)
_SELECT_LAST = (
    select(_receipt.c.created, _receipt.c.total)
    .where(
        _receipt.c.card_id == bindparam("b_card_id"),
        _receipt.c.total > 0,
        _receipt.c.reverses.is_(None),
        _receipt.c.reversed_by.is_(None),
    )
    .order_by(_receipt.c.id.desc())
    .limit(1)
)
