"""Checks the stored ledger against itself: every chain link by link, every balance three ways.

Nothing is mended here; a flaw is named with its place, so that a person can compare it with a backup.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import bindparam, case, func, literal, select
from sqlalchemy.exc import DBAPIError

from ..store import Connection, Row
from ..store import tables as t
from .ledger import GENESIS, chain_hash
from .purses import MEMBER

_CHUNK = 1000


@dataclass(frozen=True)
class Flaw:
    """A place where the stored ledger is not what was written."""

    programme_id: int
    seq: int
    what: str


def verify(tx: Connection) -> Iterator[Flaw]:
    """Every flaw found, the first of a programme's chain by its sequence number; nothing when all is whole."""
    heads = select(t.Programme.id, t.Chain.seq, t.Chain.head).outerjoin(t.Chain, t.Chain.programme_id == t.Programme.id)
    for chain in tx.execute(heads.order_by(t.Programme.id)).all():
        yield from _verify_chain(tx, chain)
    yield from _verify_balances(tx)


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
    """The three ways to know a balance must agree for every card and unit."""
    posting, lot = t.table(t.Posting), t.table(t.Lot)
    gives = posting.c.target.like(f"{MEMBER}%")
    account = case((gives, posting.c.target), else_=posting.c.source).label("account")
    signed = func.sum(case((gives, posting.c.amount), else_=-posting.c.amount)).label("amount")
    posted = select(posting.c.card_id, account, signed).group_by(posting.c.card_id, account).subquery()
    own = case((t.Purse.unit == "", literal(MEMBER)), else_=literal(f"{MEMBER}:") + t.Purse.unit)
    held = select(lot.c.card_id, lot.c.unit, func.sum(lot.c.left).label("amount")).group_by(lot.c.card_id, lot.c.unit)
    lots = held.subquery()
    wrong = (
        select(t.Card.programme_id, t.Purse.card_id)
        .join(t.Card, t.Card.id == t.Purse.card_id)
        .outerjoin(posted, (posted.c.card_id == t.Purse.card_id) & (posted.c.account == own))
        .outerjoin(lots, (lots.c.card_id == t.Purse.card_id) & (lots.c.unit == t.Purse.unit))
        .where(
            (t.Purse.balance != func.coalesce(posted.c.amount, 0))
            | (t.Purse.balance != func.coalesce(lots.c.amount, 0))
        )
    )
    lost = (
        select(t.Card.programme_id, posted.c.card_id)
        .join(t.Card, t.Card.id == posted.c.card_id)
        .outerjoin(t.Purse, (t.Purse.card_id == posted.c.card_id) & (own == posted.c.account))
        .where(t.Purse.card_id.is_(None))
    )
    for card in [*tx.execute(wrong), *tx.execute(lost)]:
        yield Flaw(card.programme_id, 0, f"does not add up for the card with row {card.card_id}")


_SELECT_POSTINGS = (
    select(t.table(t.Posting))
    .where(t.Posting.programme_id == bindparam("b_programme_id"), t.Posting.seq > bindparam("b_after"))
    .order_by(t.Posting.seq)
    .limit(bindparam("b_size"))
)
