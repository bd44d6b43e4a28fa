"""The ledger: every point that moved, from which account to which, chained and never changed.

`member` is the account of all cards; the others say where points come from and go to. Points
earned together form a lot; points are taken from the lot that expires first. The balance of a card is the sum of
its postings and the sum of its open lots, at every commit. Each posting carries the hash of the one
before, so a change to any stored row is found and located by `verify`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import bindparam, case, func, insert, select, update
from sqlalchemy.exc import DBAPIError

from ..errors import NotEnoughPoints
from ..store import Connection, Row
from ..store import tables as t

Kind = Literal["earn", "welcome", "adjust", "redeem", "reward", "reverse", "expire"]
MEMBER = "member"
GENESIS = bytes(32)
_CHUNK = 1000
_CHAINED = (
    "programme_id",
    "seq",
    "card_id",
    "receipt_id",
    "kind",
    "source",
    "target",
    "amount",
    "why",
    "created",
)


@dataclass(frozen=True)
class Draft:
    """A posting to be. Points come to the member as a lot, or leave the member's lots.

    `expires` is the new lot's end. `into` gives points back to lots they came from: lot id to amount.
    `first` names the posting whose lots are taken from before any other.
    """

    kind: Kind
    source: str
    target: str
    amount: int
    why: Mapping[str, Any] = field(default_factory=dict)
    expires: int | None = None
    into: Mapping[int, int] | None = None
    first: int | None = None

    @property
    def change(self) -> int:
        """What it does to the card's balance."""
        return self.amount if self.target == MEMBER else -self.amount

    @property
    def earned(self) -> int:
        """What it does to all that was ever earned, which tiers are counted by."""
        counts = self.kind in ("earn", "welcome") or self.why.get("of") in ("earn", "welcome")
        return self.change if counts else 0


@dataclass(frozen=True)
class Posted:
    """A posting as written."""

    id: int
    seq: int
    draft: Draft


@dataclass(frozen=True)
class Account:
    """What the ledger needs of a card: its row, locked by the caller."""

    id: int
    programme_id: int
    balance: int
    earned: int


@dataclass(frozen=True)
class Flaw:
    """A place where the stored ledger is not what was written."""

    programme_id: int
    seq: int
    what: str


def write(
    tx: Connection,
    account: Account,
    drafts: Sequence[Draft],
    now: int,
    receipt_id: int | None = None,
) -> list[Posted]:
    """Post the drafts in order; raises `NotEnoughPoints` before anything is written."""
    _refuse_overdraft(account, drafts)
    seq, head = tx.execute(_LOCK_CHAIN, {"b_programme_id": account.programme_id}).one()
    posted = []
    for draft in drafts:
        seq += 1
        values = _posting(account, draft, seq, receipt_id, now)
        values |= {"previous": head, "hash": (head := chain_hash(head, values))}
        id = tx.execute(_INSERT_POSTING, values).scalar_one()
        _move(tx, account, draft, id)
        posted.append(Posted(id, seq, draft))
    tx.execute(_UPDATE_CHAIN, {"b_programme_id": account.programme_id, "seq": seq, "head": head})
    _settle(tx, account, drafts, now)
    return posted


def next_entry(tx: Connection, account: Account) -> int:
    """The number the next posting will have; ours from now until the commit."""
    return int(tx.execute(_LOCK_CHAIN, {"b_programme_id": account.programme_id}).one().seq) + 1


def expire(tx: Connection, account: Account, now: int) -> Account:
    """Post the end of the lots whose time has come; the account as it is afterwards."""
    lots = tx.execute(_SELECT_ENDED, {"b_card_id": account.id, "b_now": now}).all()
    if not lots:
        return account
    amount = sum(lot.left for lot in lots)
    why = {"expired": lots[0].expires}
    write(tx, account, [Draft("expire", MEMBER, "expired", amount, why)], now)
    return Account(account.id, account.programme_id, account.balance - amount, account.earned)


def after_expiry(tx: Connection, account: Account, now: int) -> Account:
    """The account as `expire` would leave it; nothing is written."""
    ended = tx.execute(_SELECT_ENDED, {"b_card_id": account.id, "b_now": now})
    balance = account.balance - sum(lot.left for lot in ended)
    return Account(account.id, account.programme_id, balance, account.earned)


def chain_hash(previous: bytes, values: Mapping[str, Any]) -> bytes:
    """SHA-256 over the previous hash and the posting as canonical JSON."""
    canonical = json.dumps([values[name] for name in _CHAINED], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(previous + canonical.encode()).digest()


def verify(tx: Connection) -> Iterator[Flaw]:
    """Every flaw found, the first of a programme's chain by its sequence number; nothing when all is whole."""
    heads = select(t.Programme.id, t.Chain.seq, t.Chain.head).outerjoin(t.Chain, t.Chain.programme_id == t.Programme.id)
    for chain in tx.execute(heads.order_by(t.Programme.id)).all():
        yield from _verify_chain(tx, chain)
    yield from _verify_balances(tx)


def _refuse_overdraft(account: Account, drafts: Sequence[Draft]) -> None:
    balance = account.balance
    for draft in drafts:
        if balance + draft.change < 0:
            raise NotEnoughPoints(balance, draft.amount)
        balance += draft.change


def _posting(account: Account, draft: Draft, seq: int, receipt_id: int | None, now: int) -> dict[str, Any]:
    return {
        "programme_id": account.programme_id,
        "seq": seq,
        "card_id": account.id,
        "receipt_id": receipt_id,
        "kind": draft.kind,
        "source": draft.source,
        "target": draft.target,
        "amount": draft.amount,
        "why": dict(draft.why),
        "created": now,
    }


def _move(tx: Connection, account: Account, draft: Draft, posting_id: int) -> None:
    if draft.target != MEMBER:
        _take(tx, account, draft, posting_id)
    elif draft.into is not None:
        for lot_id, amount in draft.into.items():
            tx.execute(_CHANGE_LOT, {"b_id": lot_id, "b_change": amount})
    else:
        lot = {
            "posting_id": posting_id,
            "amount": draft.amount,
            "left": draft.amount,
            "expires": draft.expires,
        }
        tx.execute(_INSERT_LOT, lot | {"card_id": account.id})


def _take(tx: Connection, account: Account, draft: Draft, posting_id: int) -> None:
    missing = draft.amount
    for lot in tx.execute(_SELECT_OPEN, {"b_card_id": account.id, "b_first": draft.first or 0}).all():
        taken = min(missing, lot.left)
        tx.execute(_CHANGE_LOT, {"b_id": lot.id, "b_change": -taken})
        tx.execute(_INSERT_LOT_USE, {"posting_id": posting_id, "lot_id": lot.id, "amount": taken})
        missing -= taken
        if not missing:
            return
    raise RuntimeError("the open lots of a card do not add up to its balance")


def _settle(tx: Connection, account: Account, drafts: Sequence[Draft], now: int) -> None:
    """The card's running sums. `next_change` says "now", so that a card nobody draws is found by the sweep."""
    # What happened is named after its largest part: paying with 100 points and earning 5 is paying.
    largest = max(drafts, key=lambda draft: draft.amount)
    values = {
        "b_id": account.id,
        "balance": account.balance + sum(draft.change for draft in drafts),
        "earned": max(0, account.earned + sum(draft.earned for draft in drafts)),
        "latest": {"kind": largest.kind, "amount": sum(draft.change for draft in drafts), "at": now},
        "next_change": now,
    }
    tx.execute(_SETTLE_CARD, values)


def _verify_chain(tx: Connection, chain: Row) -> Iterator[Flaw]:
    head, seq = GENESIS, 0
    for row in _stored(tx, chain.id):
        seq += 1
        if row is not None and row.seq != seq:
            yield Flaw(chain.id, seq, "is missing")
            return
        if row is None or not _follows(row, head):
            yield Flaw(chain.id, seq, "was changed")
            return
        head = row.hash
    if chain.seq is None:
        yield Flaw(chain.id, 0, "has no record of its end")
    elif seq < chain.seq:
        yield Flaw(chain.id, seq + 1, "was cut off")
    elif seq > chain.seq:
        yield Flaw(chain.id, chain.seq + 1, "was added")
    elif head != chain.head:
        yield Flaw(chain.id, seq, "was changed")


def _stored(tx: Connection, programme_id: int) -> Iterator[Row | None]:
    """A programme's postings in order; the last is None if nobody can read it any more."""
    after, size = 0, _CHUNK
    while True:
        try:
            which = {"b_programme_id": programme_id, "b_after": after, "b_size": size}
            rows = tx.execute(_SELECT_POSTINGS, which).all()
        except (DBAPIError, ValueError):
            if size == 1:
                yield None
                return
            # One row spoils the whole answer; read alone, it can be named.
            size = 1
            continue
        if not rows:
            return
        yield from rows
        after = rows[-1].seq


def _follows(row: Row, head: bytes) -> bool:
    try:
        return bool(row.previous == head and row.hash == chain_hash(head, dict(row._mapping)))
    except TypeError:
        # A column holds what we never write.
        return False


def _verify_balances(tx: Connection) -> Iterator[Flaw]:
    """The three ways to know a balance must agree for every card."""
    signed = func.sum(case((t.Posting.target == MEMBER, t.Posting.amount), else_=-t.Posting.amount))
    posted = select(t.Posting.card_id, signed.label("sum")).group_by(t.Posting.card_id).subquery()
    open_lots = select(t.Lot.card_id, func.sum(t.Lot.left).label("sum")).group_by(t.Lot.card_id).subquery()
    by_postings, by_lots = func.coalesce(posted.c.sum, 0), func.coalesce(open_lots.c.sum, 0)
    wrong = (
        select(t.Card.id, t.Card.programme_id)
        .outerjoin(posted, posted.c.card_id == t.Card.id)
        .outerjoin(open_lots, open_lots.c.card_id == t.Card.id)
        .where((t.Card.balance != by_postings) | (t.Card.balance != by_lots))
    )
    for card in tx.execute(wrong):
        yield Flaw(card.programme_id, 0, f"does not add up for the card with row {card.id}")


# Every receipt runs these; built once, because putting a statement together costs more than running it.
_lot, _card, _chain = t.table(t.Lot), t.table(t.Card), t.table(t.Chain)
# The head is ours until the commit, so postings are numbered in the order they are committed.
_LOCK_CHAIN = (
    select(_chain.c.seq, _chain.c.head).where(_chain.c.programme_id == bindparam("b_programme_id")).with_for_update()
)
_UPDATE_CHAIN = (
    update(_chain)
    .where(_chain.c.programme_id == bindparam("b_programme_id"))
    .values(seq=bindparam("seq"), head=bindparam("head"))
)
_INSERT_POSTING = insert(t.table(t.Posting)).returning(t.table(t.Posting).c.id)
_INSERT_LOT = insert(_lot)
_INSERT_LOT_USE = insert(t.table(t.LotUse))
_CHANGE_LOT = update(_lot).where(_lot.c.id == bindparam("b_id")).values(left=_lot.c.left + bindparam("b_change"))
_SELECT_POSTINGS = (
    select(t.table(t.Posting))
    .where(t.Posting.programme_id == bindparam("b_programme_id"), t.Posting.seq > bindparam("b_after"))
    .order_by(t.Posting.seq)
    .limit(bindparam("b_size"))
)
_SELECT_ENDED = (
    select(_lot.c.id, _lot.c.left, _lot.c.expires)
    .where(_lot.c.card_id == bindparam("b_card_id"), _lot.c.left > 0, _lot.c.expires <= bindparam("b_now"))
    .order_by(_lot.c.expires, _lot.c.id)
)
# The lots of one posting may come first; then the one that ends first, those without an end last, ties by age.
_SELECT_OPEN = (
    select(_lot.c.id, _lot.c.left)
    .where(_lot.c.card_id == bindparam("b_card_id"), _lot.c.left > 0)
    .order_by(_lot.c.posting_id != bindparam("b_first"), _lot.c.expires.is_(None), _lot.c.expires, _lot.c.id)
)
_SETTLE_CARD = (
    update(_card)
    .where(_card.c.id == bindparam("b_id"))
    .values({name: bindparam(name) for name in ("balance", "earned", "latest", "next_change")})
)
