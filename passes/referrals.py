"""Friends: a member's personal link, and what both get when a friend who came by it has paid the first time.

Whoever joins by a link is noted with the one who sent it; somebody's own link, and a ring of people who bring each
other, are noted as refused with the reason. The till only marks the referral as due: both rewards, on two cards, are
a worker's affair, in one transaction with receipts of their own, so that nobody at a till waits for another's card.
Taking the first receipt back takes the rewards back, as far as they are still there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import aliased

from . import couponcodes
from .points.discounts import Bill
from .points.moves import Effect, Move
from .points.orders import Case
from .programmes import Programme
from .store import Connection, Row
from .store import tables as t

CODE_LENGTH = 10
LONGEST_RING = 50

Contacts = Callable[[Connection, int], frozenset[bytes]]
"""The keyed hashes by which a member's e-mail and telephone are recognised."""


def give_codes(tx: Connection, programme: Programme, card_ids: Sequence[int]) -> None:
    """A link for each of these cards that has none, where the programme rewards it. The caller holds their rows."""
    if programme.definition.referral is None:
        return
    cards = select(t.Card.id).outerjoin(t.FriendCode, t.FriendCode.card_id == t.Card.id).order_by(t.Card.id)
    without = cards.where(t.Card.id.in_(card_ids), t.Card.status == "active", t.FriendCode.card_id.is_(None))
    if made := [{"card_id": id, "code": couponcodes.new(CODE_LENGTH)} for id in tx.execute(without).scalars()]:
        tx.execute(insert(t.FriendCode), made)


def note(
    tx: Connection, programme: Programme, friend: Row, friend_code: str, contacts: Contacts, now: int
) -> str | None:
    """Remember who brought the card `friend`; why it does not count, None when it does."""
    referrer = _referrer(tx, programme, friend_code)
    if referrer is None:
        return "unknown"
    why = refusal(tx, programme, referrer, friend, contacts)
    values = {
        "programme_id": programme.id,
        "referrer_id": referrer.id,
        "friend_id": friend.id,
        "state": "refused" if why else "joined",
        "why": why,
        "created": now,
    }
    tx.execute(insert(t.Referral).values(values))
    return why


def notice(tx: Connection, case: Case, left: Bill) -> Move | None:
    """Whether this is the first receipt that a friend pays and that is large enough; nothing is written."""
    part = case.definition.referral
    if part is None or left.total < max(1, part.min_total):
        return None
    waiting = select(t.Referral.id).where(t.Referral.friend_id == case.held.id, t.Referral.state == "joined")
    id = tx.execute(waiting).scalar()
    return Move(acts=(partial(_fall_due, id, case.now),)) if id is not None else None


def undo(tx: Connection, effect: Effect, now: int) -> None:
    """The receipt that counted was taken back: nothing is given, and what was given is taken back."""
    which = t.Referral.id == effect["referral"]
    tx.execute(update(t.Referral).where(which, t.Referral.state == "earned").values(state="joined", due=None))
    tx.execute(update(t.Referral).where(which, t.Referral.state == "paid").values(state="returned", due=now))


def _fall_due(id: int, now: int, tx: Connection) -> Effect:
    due = {"state": "earned", "due": now, "turn": t.Referral.turn + 1}
    tx.execute(update(t.Referral).where(t.Referral.id == id).values(due))
    return {"kind": "referral", "referral": id}


def told(tx: Connection, card_id: int) -> dict[str, int]:
    """How many friends came by this card's link, by state."""
    count = select(t.Referral.state, func.count().label("n")).where(t.Referral.referrer_id == card_id)
    return {row.state: row.n for row in tx.execute(count.group_by(t.Referral.state))}


def _referrer(tx: Connection, programme: Programme, friend_code: str) -> Row | None:
    query = (
        select(t.Card.id, t.Card.member_id, t.Card.status)
        .join(t.FriendCode, t.FriendCode.card_id == t.Card.id)
        .where(t.FriendCode.code == friend_code.strip().upper()[:16], t.Card.programme_id == programme.id)
    )
    return tx.execute(query).first()


def refusal(tx: Connection, programme: Programme, referrer: Row, friend: Row, contacts: Contacts) -> str | None:
    """Why a friend does not count, None when they do.

    closed, limit, device (both cards are on one), self (the contact is the sender's own) or ring (it is that of
    somebody above the sender).
    """
    part = programme.definition.referral
    if part is None or referrer.status != "active":
        return "closed"
    if part.most is not None and told(tx, referrer.id).get("paid", 0) >= part.most:
        return "limit"
    if _share_a_device(tx, referrer.id, friend.id):
        return "device"
    mine = contacts(tx, friend.member_id)
    above = referrer
    for step in range(LONGEST_RING):
        if above.member_id == friend.member_id or mine & contacts(tx, above.member_id):
            return "ring" if step else "self"
        higher = _who_brought(tx, above.id)
        if higher is None:
            return None
        above = higher
    return "ring"


def _share_a_device(tx: Connection, one: int, other: int) -> bool:
    """As far as wallets tell: of what a phone registered, not of what it may have kept to itself."""
    mine, theirs = t.Installation, aliased(t.Installation)
    both = (mine.wallet == theirs.wallet) & (mine.place == theirs.place)
    query = select(mine.id).join(theirs, both).where(mine.card_id == one, theirs.card_id == other)
    return tx.execute(query.limit(1)).first() is not None


def _who_brought(tx: Connection, card_id: int) -> Row | None:
    query = (
        select(t.Card.id, t.Card.member_id)
        .join(t.Referral, t.Referral.referrer_id == t.Card.id)
        .where(t.Referral.friend_id == card_id)
    )
    return tx.execute(query).first()
