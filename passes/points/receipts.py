"""Receipts: one purchase or action at a till, everything it causes, and its undoing.

The caller brings the receipt's number, because tills lose their connection and people press buttons twice:
the same number with the same content gets the same answer and nothing happens again; with other content
it is refused. A receipt and its effects are one transaction; a reversal is a new receipt.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from .. import programmes, revisions
from ..cards import Held
from ..errors import BadInput, Conflict, KeyReused, NotEnoughPoints, NotFound
from ..programmes import Programme
from ..store import Connection, Row
from ..store import tables as t
from ..zones import end_of_day
from . import ledger
from .ledger import MEMBER, Account, Draft
from .rules import earn
from .tiers import tier_for

MOST_EARNED = 1_000_000_000


@dataclass(frozen=True)
class Order:
    """What a till asks for. `total` is money in the smallest unit; `redeem` is points to pay with.

    `reward` is a key of the programme's catalogue. `adjust` gives or takes points for a `reason`.
    """

    receipt: str
    total: int = 0
    currency: str | None = None
    location: str | None = None
    event: str | None = None
    lines: Sequence[Mapping[str, Any]] = ()
    redeem: int = 0
    reward: str | None = None
    adjust: int = 0
    reason: str | None = None

    @property
    def content(self) -> dict[str, Any]:
        """What was asked, without what was not."""
        return {name: value for name, value in vars(self).items() if value not in (None, 0, (), [])}

    @property
    def fingerprint(self) -> bytes:
        return hashlib.sha256(json.dumps(self.content, sort_keys=True).encode()).digest()


@dataclass(frozen=True)
class Effects:
    """What an order does to a card, before or after it is done."""

    drafts: tuple[Draft, ...]
    balance: int
    earned: int
    tier: str | None
    discount: int = 0


@dataclass(frozen=True)
class Answer:
    """What the till is told. `body` is JSON-able and stored with the receipt; `repeated`: told before."""

    body: dict[str, Any] = field(default_factory=dict)
    repeated: bool = False


def quote(tx: Connection, held: Held, order: Order, now: int) -> dict[str, Any]:
    """What would happen; nothing is stored."""
    programme = programmes.at_version(tx, held.row.programme_id, held.row.programme_version)
    held.refuse_unless_active()
    effects = _effects(programme, ledger.after_expiry(tx, held.account, now), order, now)
    return _body(order, effects, held.row.tier, None)


def post(tx: Connection, held: Held, order: Order, now: int, staff: str = "") -> Answer:
    """Do it, once. The caller holds the card's row."""
    earlier = _earlier(tx, held.row.programme_id, order.receipt)
    if earlier is not None:
        return _again(earlier, held.id, order.fingerprint)
    held.refuse_unless_active()
    programme = programmes.at_version(tx, held.row.programme_id, held.row.programme_version)
    account = held.account if held.is_current(now) else ledger.expire(tx, held.account, now)
    effects = _effects(programme, account, order, now)
    return _conclude(tx, held, account, order, effects, staff, now)


def reverse(
    tx: Connection, held: Held, original: Row, receipt: str, now: int, staff: str = "", reason: str = ""
) -> Answer:
    """Take back a whole receipt: every lot gets back what was taken, with its original end.

    What goes back to a lot that has ended meanwhile ends again at once. Points the receipt gave that were spent
    meanwhile are taken from the card's other points; when those do not suffice, it is refused and nothing changes.
    """
    order = Order(receipt, reason=reason or None, event=f"reverse {original.receipt}")
    earlier = _earlier(tx, held.row.programme_id, receipt)
    if earlier is not None:
        return _again(earlier, held.id, order.fingerprint)
    _refuse_reversal(original)
    programme = programmes.at_version(tx, held.row.programme_id, held.row.programme_version)
    account = held.account if held.is_current(now) else ledger.expire(tx, held.account, now)
    effects = _after(programme, account, _opposites(tx, original.id, now))
    return _conclude(tx, held, account, order, effects, staff, now, reverses=original.id)


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


def welcome(tx: Connection, programme: Programme, account: Account, now: int) -> None:
    """The gift for joining, if the programme promises one."""
    points = programme.definition.welcome
    if points:
        draft = Draft("welcome", "welcome", MEMBER, points, {"welcome": points}, _expiry(programme, now))
        ledger.write(tx, account, [draft], now)


def _effects(programme: Programme, account: Account, order: Order, now: int) -> Effects:
    """What the order does: points are spent first, then the rest of the bill earns."""
    definition = programme.definition
    if order.currency is not None and order.currency != definition.currency:
        raise BadInput(f"This programme counts in {definition.currency}.", field="currency")
    drafts = [*_spending(programme, account, order), *_adjusting(programme, order, now)]
    discount = order.redeem * definition.worth_of_one
    earned = earn(definition.rule, order.total - discount)
    if earned.points > MOST_EARNED:
        raise BadInput("One receipt cannot earn that many points; check the total.", field="total")
    if earned.points:
        why = earned.why | {"programme": programme.version[:8]}
        drafts.append(Draft("earn", "earned", MEMBER, earned.points, why, _expiry(programme, now)))
    return _after(programme, account, tuple(drafts), discount)


def _after(programme: Programme, account: Account, drafts: tuple[Draft, ...], discount: int = 0) -> Effects:
    balance = account.balance
    for draft in drafts:
        if balance + draft.change < 0:
            raise NotEnoughPoints(balance, draft.amount)
        balance += draft.change
    earned = max(0, account.earned + sum(draft.earned for draft in drafts))
    return Effects(drafts, balance, earned, tier_for(earned, programme.definition.levels), discount)


def _spending(programme: Programme, account: Account, order: Order) -> list[Draft]:
    drafts = []
    if order.redeem:
        worth = programme.definition.worth_of_one
        if order.total and worth and order.redeem * worth > order.total:
            raise BadInput(
                f"{order.redeem} points are worth more than the bill; at most {order.total // worth}.",
                field="redeem",
            )
        drafts.append(Draft("redeem", MEMBER, "spent", order.redeem, {"worth_of_one": worth}))
    if order.reward:
        reward = next((r for r in programme.definition.rewards if r.key == order.reward), None)
        if reward is None:
            raise NotFound(f"This programme has no reward “{order.reward[:40]}”.", field="reward")
        drafts.append(Draft("reward", MEMBER, "spent", reward.cost, {"reward": reward.key, "cost": reward.cost}))
    return drafts


def _adjusting(programme: Programme, order: Order, now: int) -> list[Draft]:
    why = {"reason": order.reason}
    if order.adjust > 0:
        return [Draft("adjust", "adjusted", MEMBER, order.adjust, why, _expiry(programme, now))]
    if order.adjust < 0:
        return [Draft("adjust", MEMBER, "adjusted", -order.adjust, why)]
    return []


def _expiry(programme: Programme, now: int) -> int | None:
    days = programme.definition.expire_days
    return end_of_day(now, days, programme.definition.zone) if days else None


def _opposites(tx: Connection, receipt_id: int, now: int) -> tuple[Draft, ...]:
    """The postings that undo a receipt: gifts first, so that what it took can pay for what it gave."""
    postings = _postings(tx, receipt_id)
    drafts = []
    for posting in postings:
        if posting.source == MEMBER:
            drafts += _give_back(tx, posting, now)
    for posting in postings:
        if posting.target == MEMBER:
            draft = Draft("reverse", MEMBER, posting.source, posting.amount, _undoing(posting), first=posting.id)
            drafts.append(draft)
    return tuple(drafts)


def _give_back(tx: Connection, posting: Row, now: int) -> list[Draft]:
    """Points back into the lots they came from; then the end of those whose lot has ended."""
    taken = select(t.LotUse.lot_id, t.LotUse.amount, t.Lot.expires).join(t.Lot, t.Lot.id == t.LotUse.lot_id)
    uses = tx.execute(taken.where(t.LotUse.posting_id == posting.id)).all()
    into = {use.lot_id: use.amount for use in uses}
    back = Draft("reverse", posting.target, MEMBER, posting.amount, _undoing(posting), into=into)
    ended = [use for use in uses if use.expires is not None and use.expires <= now]
    if not ended:
        return [back]
    why = {"expired": min(use.expires for use in ended)}
    return [back, Draft("expire", MEMBER, "expired", sum(use.amount for use in ended), why)]


def _undoing(posting: Row) -> dict[str, Any]:
    return {"of": posting.kind, "posting": posting.seq}


def _postings(tx: Connection, receipt_id: int) -> Sequence[Row]:
    return tx.execute(select(t.Posting).where(t.Posting.receipt_id == receipt_id).order_by(t.Posting.seq)).all()


def _refuse_reversal(original: Row) -> None:
    if original.reverses is not None:
        raise Conflict("This receipt is itself a reversal and cannot be reversed.", field="receipt")
    if original.reversed_by is not None:
        raise Conflict("This receipt was reversed already.", field="receipt")


def _earlier(tx: Connection, programme_id: int, receipt: str) -> Row | None:
    return tx.execute(_EARLIER, {"b_programme_id": programme_id, "b_receipt": receipt}).first()


def _again(earlier: Row, card_id: int, fingerprint: bytes) -> Answer:
    if earlier.card_id != card_id or earlier.fingerprint != fingerprint:
        raise _used_before()
    return Answer(earlier.answer, repeated=True)


def _used_before() -> KeyReused:
    return KeyReused("This receipt number was used before, with other content or another card.", field="receipt")


def _conclude(
    tx: Connection,
    held: Held,
    account: Account,
    order: Order,
    effects: Effects,
    staff: str,
    now: int,
    reverses: int | None = None,
) -> Answer:
    """Write everything down; the card follows, and the answer is kept for whoever asks again."""
    first = ledger.next_entry(tx, account) if effects.drafts else 0
    body = _body(order, effects, held.row.tier, first)
    values = {
        "programme_id": held.row.programme_id,
        "card_id": held.id,
        "receipt": order.receipt,
        "fingerprint": order.fingerprint,
        "content": order.content,
        "answer": body,
        "staff": staff,
        "reverses": reverses,
        "created": now,
    }
    receipt_id = _insert(tx, values)
    if reverses is not None:
        tx.execute(update(t.Receipt).where(t.Receipt.id == reverses).values(reversed_by=receipt_id))
    if effects.drafts:
        ledger.write(tx, account, effects.drafts, now, receipt_id)
    if effects.tier != held.row.tier:
        tx.execute(update(t.Card).where(t.Card.id == held.id).values(tier=effects.tier))
    revisions.record(tx, held.id, now)
    return Answer(body)


def _insert(tx: Connection, values: dict[str, Any]) -> int:
    try:
        return int(tx.execute(_INSERT, values).scalar_one())
    except IntegrityError:
        # At this very moment another card took the number; the same card waits for its row.
        raise _used_before() from None


def _body(order: Order, effects: Effects, tier: str | None, first: int | None) -> dict[str, Any]:
    """The answer; `first` numbers its first entry, None when nothing is written."""
    entries: list[dict[str, Any]] = [
        {
            "entry": None if first is None else first + place,
            "kind": draft.kind,
            "amount": draft.change,
            "why": dict(draft.why),
            "expires": draft.expires,
        }
        for place, draft in enumerate(effects.drafts)
    ]
    return {
        "receipt": order.receipt,
        "entries": entries,
        "balances": {"points": effects.balance},
        "tier": effects.tier,
        "effects": {
            "earned": sum(d.amount for d in effects.drafts if d.kind == "earn"),
            "spent": sum(d.amount for d in effects.drafts if d.kind in ("redeem", "reward")),
            "discount": effects.discount,
            "tier_changed": effects.tier != tier,
        },
        "why": [entry["why"] | {"kind": entry["kind"], "amount": entry["amount"]} for entry in entries],
    }


_INSERT = insert(t.table(t.Receipt)).returning(t.table(t.Receipt).c.id)
_EARLIER = select(t.Receipt.card_id, t.Receipt.fingerprint, t.Receipt.answer).where(
    t.Receipt.programme_id == bindparam("b_programme_id"), t.Receipt.receipt == bindparam("b_receipt")
)
