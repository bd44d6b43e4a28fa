"""Receipts: one purchase or action at a till, and everything it causes.

The caller brings the receipt's number, because tills lose their connection and people press buttons twice:
the same number with the same content gets the same answer and nothing happens again; with other content
it is refused. A receipt and its effects are one transaction, and the row keeps what it was judged by and what it
changed, so that `returns` can take it back, wholly or in part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from .. import possessions, programmes, revisions
from ..cards import Held
from ..drawing import Lot
from ..errors import Conflict, KeyReused, NotFound
from ..programmes import Programme
from ..reminders import schedule
from ..store import Connection, Row
from ..store import tables as t
from . import ledger, tallies, tiers
from .moves import Effect
from .orders import Answer, Case, Order
from .plans import Plan, place_after, plan_of
from .purses import MEMBER, Account, Draft, after_expiry, latest
from .rules import MAIN, Key, moment
from .tiers import Place


def quote(tx: Connection, held: Held, order: Order, now: int) -> dict[str, Any]:
    """What would happen; nothing is stored."""
    held.refuse_unless_active()
    programme = programmes.of_card(tx, held)
    case = _case(tx, programme, held, after_expiry(opened(tx, programme, held), now), order, now)
    return body(case, plan_of(tx, case), None)


def post(tx: Connection, held: Held, order: Order, now: int, staff: str = "") -> Answer:
    """Do it, once. The caller holds the card's row."""
    if (earlier := earlier_answer(tx, held, order)) is not None:
        return earlier
    held.refuse_unless_active()
    case = case_of(tx, held, order, now)
    return conclude(tx, case, plan_of(tx, case), staff)


def find(tx: Connection, receipt: str, programme: str | None = None) -> Row:
    """The receipt with this number; needs the programme's key when several programmes use the number."""
    query = select(t.Receipt, t.Card.serial).join(t.Card, t.Card.id == t.Receipt.card_id)
    query = query.where(t.Receipt.receipt == receipt)
    if programme is not None:
        query = query.join(t.Programme, t.Programme.id == t.Receipt.programme_id).where(t.Programme.key == programme)
    found = tx.execute(query.limit(2)).all()
    if not found:
        raise NotFound("There is no receipt with this number.", field="receipt")
    if len(found) > 1:
        raise Conflict("Several programmes have a receipt with this number; say which programme.", field="programme")
    return found[0]


def id_of(tx: Connection, held: Held, receipt: str) -> int:
    """The row of a receipt that the card's programme has."""
    which = {"b_programme_id": held.row.programme_id, "b_receipt": receipt}
    return int(tx.execute(_ID, which).scalar_one())


def welcome(tx: Connection, programme: Programme, card_id: int, now: int) -> Place:
    """The gift for joining, if the programme promises one; the place it gives the card among the tiers."""
    rules = programme.at(now)
    definition = rules.definition
    gift, policy = definition.welcome, definition.policy
    if gift:
        why = {"welcome": gift, "programme": programme.version[:8], "rules": rules.number}
        draft = Draft("welcome", "welcome", MEMBER, gift, why, definition.ends(MAIN, now))
        ledger.write(tx, Account(card_id, programme.id), [draft], now)
    counts: dict[str, int] = {}
    if gift and policy.by == "earned" and policy.unit == MAIN:
        period = tiers.months_back(policy, now, definition.zone)[0]
        counts[period] = gift
        if not policy.is_simple:
            tallies.add(tx, programme.id, card_id, {(policy.tally, period): gift})
    return tiers.reckon(policy, counts, Place(None), now, definition.zone)


def behind(tx: Connection, cards: Sequence[Held], now: int) -> list[Held]:
    """Those of the cards for which time or new rules have something in store (see `catch_up`)."""
    of_programme: dict[Programme, list[Held]] = {}
    for held in cards:
        programme = programmes.of_card(tx, held)
        of_programme.setdefault(programme, []).append(held)
    found: list[Held] = []
    for programme, group in of_programme.items():
        definition, ids = programme.at(now).definition, [held.id for held in group]
        ended = ledger.have_ended(tx, {held.id: definition.idle_ends(held.active) for held in group}, now)
        counted = possessions.gather(tx, programme, ids, now)
        for held in group:
            count = counted[held.id].counted
            tier = definition.policy.tier_at(held.row.earned if count is None else count)
            lapses = held.row.tier_until is not None and held.row.tier_until <= now
            if held.id in ended or lapses or tier != held.row.tier:
                found.append(held)
    return found


def catch_up(tx: Connection, held: Held, now: int) -> None:
    """What time alone does to a card whose row the caller holds: what it holds ends, and its tier lapses."""
    programme = programmes.of_card(tx, held)
    account = ledger.expire(tx, opened(tx, programme, held), now)
    settle(tx, held, _reckoned(tx, programme, held, account, now), held.row.active)


def place_now(tx: Connection, programme: Programme, held: Held, account: Account, now: int) -> Place:
    """Where the card stands among the tiers at this moment, even if its tier has lapsed and nobody swept."""
    until = held.place.until
    return held.place if until is None or now < until else _reckoned(tx, programme, held, account, now)


def _reckoned(tx: Connection, programme: Programme, held: Held, account: Account, now: int) -> Place:
    definition = programme.at(now).definition
    counted: Mapping[Key, int] = {}
    if definition.policy.is_tallied:
        months = tiers.months_back(definition.policy, now, definition.zone)
        counted = tallies.read(tx, programme.id, held.id, months)
    return place_after(definition, counted, {}, account.purses, held.place, now)


def opened(tx: Connection, programme: Programme, held: Held) -> Account:
    """The card's account, with the times at which its units end for idleness."""
    return ledger.account(tx, held.id, programme.id, programme.definition.idle_ends(held.active))


def case_of(tx: Connection, held: Held, order: Order, now: int) -> Case:
    """An order on a card whose row the caller holds, after what has ended was posted."""
    programme = programmes.of_card(tx, held)
    return _case(tx, programme, held, ledger.expire(tx, opened(tx, programme, held), now), order, now)


def _case(tx: Connection, programme: Programme, held: Held, account: Account, order: Order, now: int) -> Case:
    rules, place = programme.at(now), place_now(tx, programme, held, account, now)
    return Case(programme, rules, held, place, account, order, moment(now, rules.definition.zone))


def earlier_answer(tx: Connection, held: Held, order: Order) -> Answer | None:
    """What was told when the number came before, if it came with the same content."""
    which = {"b_programme_id": held.row.programme_id, "b_receipt": order.receipt}
    earlier = tx.execute(_EARLIER, which).first()
    if earlier is None:
        return None
    if earlier.card_id != held.id or earlier.fingerprint != order.fingerprint:
        raise _used_before()
    return Answer(earlier.answer, repeated=True)


def _used_before() -> KeyReused:
    return KeyReused("This receipt number was used before, with other content or another card.", field="receipt")


def conclude(tx: Connection, case: Case, plan: Plan, staff: str) -> Answer:
    """Write everything down; the card follows, and the answer is kept for whoever asks again."""
    held = case.held
    # Before the chain: whoever holds it waits for nobody.
    done = [act(tx) for act in plan.acts]
    chain = ledger.head(tx, held.row.programme_id) if plan.drafts else None
    told = body(case, plan, chain.seq + 1 if chain else 0)
    effects = [*_effects(case, plan), *done]
    receipt_id = keep(tx, case, told, staff, total=case.order.total, context=context(case, plan), effects=effects)
    tallies.add(tx, held.row.programme_id, held.id, plan.counts)
    if case.order.total:
        schedule.look_again(tx, case.definition, held.id, case.now)
    write(tx, case, plan, case.now, receipt_id, chain)
    return Answer(told)


def write(
    tx: Connection, case: Case, plan: Plan, active: int | None, receipt_id: int, chain: ledger.Head | None
) -> None:
    """Post what is planned, and draw the card with what that makes of it."""
    account, now = case.account, case.now
    columns: dict[str, Any] = {"active": active}
    if plan.drafts:
        account = ledger.write(tx, account, plan.drafts, now, receipt_id, chain, marks=False)
        columns["latest"] = latest(plan.drafts, now)
    columns |= {"tier": plan.place.tier, "tier_since": plan.place.since, "tier_until": plan.place.until}
    lots = tuple(
        Lot(lot.left, lot.expires, unit, lot.ripens) for unit, purse in account.purses.items() for lot in purse.lots
    )
    revisions.settle(tx, case.held.id, now, columns, lots)


def settle(tx: Connection, held: Held, place: Place, active: int | None) -> None:
    """What the card's row says beside its purses."""
    values = {"tier": place.tier, "tier_since": place.since, "tier_until": place.until, "active": active}
    if any(getattr(held.row, name) != value for name, value in values.items()):
        tx.execute(_SETTLE, {"b_id": held.id} | values)


def keep(
    tx: Connection,
    case: Case,
    told: Mapping[str, Any],
    staff: str,
    total: int = 0,
    context: Mapping[str, Any] | None = None,
    effects: Sequence[Effect] | None = None,
    reverses: int | None = None,
) -> int:
    """Write the receipt's own row; its id."""
    values = {
        "programme_id": case.held.row.programme_id,
        "card_id": case.held.id,
        "receipt": case.order.receipt,
        "fingerprint": case.order.fingerprint,
        "content": case.order.content,
        "answer": told,
        "staff": staff,
        "reverses": reverses,
        "total": total,
        "context": context,
        "effects": effects,
        "created": case.now,
    }
    try:
        return int(tx.execute(_INSERT, values).scalar_one())
    except IntegrityError:
        # At this very moment another card took the number; the same card waits for its row.
        raise _used_before() from None


def context(case: Case, plan: Plan) -> dict[str, Any]:
    """What the receipt was judged by, so that it can be judged again."""
    standing = plan.standing
    last = [standing.last.ordinal, standing.last.total] if standing.last else None
    baskets = [standing.baskets.number, standing.baskets.total] if standing.baskets else None
    kept = {
        "rules": case.rules.number,
        "paid": max(0, case.order.total - plan.discount),
        "tier": standing.tier,
        "counts": [[*key, amount] for key, amount in sorted(standing.counts.items())],
        "last": last,
        "birth_month": standing.birth_month,
        "is_paid": standing.is_paid,
        "stamps": standing.stamps,
        "used": dict(standing.used),
        "baskets": baskets,
        "cuts": list(plan.cuts),
    }
    return {name: value for name, value in kept.items() if value not in (None, [], {}, False, 0) or name == "paid"}


def _effects(case: Case, plan: Plan) -> list[Effect]:
    effects: list[Effect] = []
    if plan.counts:
        effects.append({"kind": "tally", "counts": [[*key, amount] for key, amount in sorted(plan.counts.items())]})
    before = case.place
    if plan.place != before:
        names = ("tier", "since", "until")
        effects.append(
            {
                "kind": "tier",
                "before": {name: getattr(before, name) for name in names},
                "after": {name: getattr(plan.place, name) for name in names},
            }
        )
    return effects


def body(case: Case, plan: Plan, first: int | None) -> dict[str, Any]:
    """The answer; `first` numbers its first entry, None when nothing is written."""
    definition = case.definition
    entries: list[dict[str, Any]] = [
        {
            "entry": None if first is None else first + place,
            "kind": draft.kind,
            "unit": definition.long(draft.unit),
            "amount": draft.change,
            "why": dict(draft.why),
            "expires": draft.expires,
            "ripens": draft.ripens,
        }
        for place, draft in enumerate(plan.drafts)
    ]
    balances = {definition.long(unit): purse.balance for unit, purse in plan.purses.items()}
    main = [draft for draft in plan.drafts if draft.unit == MAIN]
    return {
        "receipt": case.order.receipt,
        "entries": entries,
        "balances": {definition.unit: 0} | balances,
        "tier": plan.place.tier,
        "effects": {
            "earned": sum(d.amount for d in main if d.kind == "earn"),
            "spent": sum(d.amount for d in main if d.kind in ("redeem", "reward")),
            "discount": plan.discount,
            "tier_changed": plan.place.tier != case.held.row.tier,
            **plan.told,
        },
        "notes": [vars(note) for note in plan.notes],
        "why": [entry["why"] | {name: entry[name] for name in ("kind", "unit", "amount")} for entry in entries],
    }


_receipt, _card = t.table(t.Receipt), t.table(t.Card)
_INSERT = insert(_receipt).returning(_receipt.c.id)
_NAMED = (_receipt.c.programme_id == bindparam("b_programme_id"), _receipt.c.receipt == bindparam("b_receipt"))
_ID = select(_receipt.c.id).where(*_NAMED)
_EARLIER = select(_receipt.c.card_id, _receipt.c.fingerprint, _receipt.c.answer).where(*_NAMED)
_SETTLE = (
    update(_card)
    .where(_card.c.id == bindparam("b_id"))
    .values({name: bindparam(name) for name in ("tier", "tier_since", "tier_until", "active")})
)
