"""The places where cards live: added when a wallet says so, forgotten when it says so.

A new installation has been told of nothing (`pushed` is 0), so it is stale and the reconciler speaks to
it at once: a card that changed between download and registration is mended by that. The card's row is
locked while one is added, so no revision can slip in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, delete, func, insert, select, update

from .store import Connection, Row, Store, mark_stale
from .store import tables as t

MOST_PER_CARD = 20
MOST_PER_PLACE = 200


@dataclass(frozen=True)
class Counted:
    """How a wallet's installations stand."""

    all: int
    stale: int
    set_aside: int


def add(
    tx: Connection, card_id: int, revision: int, wallet: str, place: str, address: str, now: int, now_ms: int
) -> bool:
    """Remember a place; True when it is new. The caller holds the card's row.

    A place that registers again gets its new address everywhere, because the old one is dead.
    """
    here = (t.Installation.wallet == wallet) & (t.Installation.place == place)
    lock(tx, locking(here | (t.Installation.card_id == card_id)))
    known = tx.execute(select(t.Installation.id, t.Installation.address).where(*_which(card_id, wallet, place))).first()
    _readdress(tx, wallet, place, address, now)
    if known:
        return False
    _make_room(tx, card_id, wallet, place)
    values = {
        "card_id": card_id,
        "wallet": wallet,
        "place": place,
        "address": address,
        "registered": now,
        "wanted": revision,
        "due": now,
        "changed_ms": now_ms,
    }
    tx.execute(insert(t.Installation).values(values))
    mark_stale(tx)
    return True


def locking(which: ColumnElement[bool]) -> Select[Any]:
    """For `lock`: these rows, taken in one order by everybody, so that no two ever wait for each other.

    Tills, phones, the sweep and the reconciler change many rows at a time. Cards are always locked before.
    """
    return select(t.Installation.id).where(which).order_by(t.Installation.id).with_for_update()


def lock(tx: Connection, rows: Select[Any], **parameters: object) -> None:
    """Hold these rows until the commit. On SQLite whoever writes holds everything anyway."""
    if tx.dialect.name != "sqlite":
        tx.execute(rows, parameters)


def forget(tx: Connection, card_id: int, wallet: str, place: str) -> bool:
    """The card was removed there; the member stays a member. True when there was such a place."""
    return tx.execute(delete(t.Installation).where(*_which(card_id, wallet, place))).rowcount > 0


def at_place(store: Store, wallet: str, place: str) -> dict[str, int]:
    """The revision of every card at this place by serial number, oldest card first."""
    return {row.serial: row.revision for row in store.glance(_AT_PLACE, b_wallet=wallet, b_place=place)}


def of_card(tx: Connection, card_id: int) -> Sequence[Row]:
    """Every installation of a card, for people who want to know why a phone shows what it shows."""
    return tx.execute(select(t.Installation).where(t.Installation.card_id == card_id).order_by(t.Installation.id)).all()


def count(tx: Connection) -> dict[str, Counted]:
    """Installations by wallet: all, stale, set aside."""
    query = select(
        t.Installation.wallet,
        func.count(),
        func.count(t.Installation.due),
        func.count().filter(t.Installation.set_aside),
    ).group_by(t.Installation.wallet)
    return {wallet: Counted(*counts) for wallet, *counts in tx.execute(query)}


def reasons(tx: Connection, limit: int = 50) -> Sequence[Row]:
    """Why installations are set aside or keep failing: (wallet, why, set_aside, how many), most first."""
    many = func.count().label("many")
    query = (
        select(t.Installation.wallet, t.Installation.why, t.Installation.set_aside, many)
        .where(t.Installation.why.is_not(None))
        .group_by(t.Installation.wallet, t.Installation.why, t.Installation.set_aside)
        .order_by(many.desc())
        .limit(limit)
    )
    return tx.execute(query).all()


def retry_set_aside(tx: Connection, wallet: str, now: int) -> int:
    """A person has acted: try again whatever was set aside in this wallet. How many that are."""
    aside = (t.Installation.wallet == wallet, t.Installation.set_aside)
    lock(tx, locking(and_(*aside)))
    values = {"set_aside": False, "due": now, "attempts": 0, "why": None, "bulk": True}
    retried = tx.execute(update(t.Installation).where(*aside).values(values)).rowcount
    if retried:
        mark_stale(tx)
    return retried


def _which(card_id: int, wallet: str, place: str) -> tuple[Any, ...]:
    return (t.Installation.card_id == card_id, t.Installation.wallet == wallet, t.Installation.place == place)


def _readdress(tx: Connection, wallet: str, place: str, address: str, now: int) -> None:
    """An address belongs to the place, not to one card in it; what the old one was told does not count."""
    here = (t.Installation.wallet == wallet, t.Installation.place == place)
    tx.execute(update(t.Installation).where(*here).values(registered=now))
    afresh = {
        "address": address,
        "pushed": 0,
        "due": now,
        "lease": None,
        "attempts": 0,
        "why": None,
        "set_aside": False,
    }
    if tx.execute(update(t.Installation).where(*here, t.Installation.address != address).values(afresh)).rowcount:
        mark_stale(tx)


def _make_room(tx: Connection, card_id: int, wallet: str, place: str) -> None:
    """A card or a place with absurdly many installations loses its oldest, so that no one can flood us."""
    ids = t.Installation.id
    of_card_ = select(ids).where(t.Installation.card_id == card_id).order_by(ids.desc()).offset(MOST_PER_CARD - 1)
    here = (t.Installation.wallet == wallet, t.Installation.place == place)
    of_place = select(ids).where(*here).order_by(ids.desc()).offset(MOST_PER_PLACE - 1)
    for crowd in (of_card_, of_place):
        excess = tx.execute(crowd.limit(1000)).scalars().all()
        if excess:
            tx.execute(delete(t.Installation).where(ids.in_(excess)))


# Built once: every phone asks it after every nudge.
_AT_PLACE = (
    select(t.Card.serial, t.Card.revision)
    .join(t.Installation, t.Installation.card_id == t.Card.id)
    .where(t.Installation.wallet == bindparam("b_wallet"), t.Installation.place == bindparam("b_place"))
    .order_by(t.Card.id)
    .limit(MOST_PER_PLACE)
)
