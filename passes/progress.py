"""How far the cards have followed the latest change: what is still to be drawn, and what is still to be told.

Counts only, taken from what the store says is due; nothing is kept beside it, so the figures cannot drift
from the truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_, select

from .store import Connection
from .store import tables as t


@dataclass(frozen=True)
class Standing:
    """`waiting` cards are to be drawn, `stale` installations to be told, those `set_aside` wait for a person."""

    cards: int
    waiting: int
    installations: int
    stale: int
    set_aside: int

    @property
    def all(self) -> int:
        return self.cards + self.installations - self.set_aside

    @property
    def left(self) -> int:
        return self.waiting + self.stale


@dataclass(frozen=True)
class Figures:
    """What the console opens with."""

    members: int
    cards: int
    active: int


def standing(tx: Connection, programme_id: int | None = None, tier: str | None = None) -> Standing:
    """Of all cards, of one programme, or of one tier of it."""
    which = _which(programme_id, tier)
    cards = tx.execute(select(func.count()).select_from(t.Card).where(*which)).scalar_one()
    told = select(func.count(), func.count(t.Installation.due), func.count().filter(t.Installation.set_aside))
    told = told.select_from(t.Installation).join(t.Card, t.Card.id == t.Installation.card_id).where(*which)
    installations, stale, set_aside = tx.execute(told).one()
    return Standing(cards, _waiting(tx, which), installations, stale, set_aside)


def figures(tx: Connection) -> Figures:
    members = tx.execute(select(func.count()).select_from(t.Member).where(t.Member.erased.is_(None))).scalar_one()
    active = func.count().filter(t.Card.status == "active")
    cards, active_cards = tx.execute(select(func.count(), active).select_from(t.Card)).one()
    return Figures(members, cards, active_cards)


def _waiting(tx: Connection, which: Sequence[ColumnElement[bool]]) -> int:
    """A card that two changes have touched is still one card."""
    same_tier = or_(t.Touch.tier.is_(None), t.Touch.tier == t.Card.tier)
    touched = select(t.Touch.id).where(
        t.Touch.programme_id == t.Card.programme_id, t.Touch.after < t.Card.id, same_tier
    )
    waiting = select(func.count()).select_from(t.Card).where(*which, touched.exists())
    return tx.execute(waiting).scalar_one()


def _which(programme_id: int | None, tier: str | None) -> list[ColumnElement[bool]]:
    which: list[ColumnElement[bool]] = []
    if programme_id is not None:
        which.append(t.Card.programme_id == programme_id)
    if tier is not None:
        which.append(t.Card.tier == tier)
    return which
