"""The leaderboard: who earned most in a period, among members who chose to be seen, by the name they chose.

Nobody is on it without a nickname, and giving the nickname up leaves it at once. Whoever earned the same has the
same rank, and the next one counts on from all before: 1, 1, 3. What was returned is not counted.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, case, delete, func, insert, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from . import programmes
from .cards import Held
from .errors import BadInput, Conflict
from .points.purses import MEMBER
from .programmes import Programme
from .store import Connection
from .store import tables as t
from .text import one_line
from .zones import span

LEAST_NAME, MOST_NAME = 2, 24
BEST, MOST_RANKED = 3, 1000
"""So many are shown to whoever is on it; who is further down than the last has no place to be told."""
KEPT_SECONDS = 60


class NicknameTaken(Conflict):
    code = "nickname_taken"


@dataclass(frozen=True)
class Place:
    """A line of the leaderboard."""

    rank: int
    nickname: str
    earned: int


def nickname(tx: Connection, card_id: int) -> str | None:
    return tx.execute(select(t.Nickname.name).where(t.Nickname.card_id == card_id)).scalar()


def appear(tx: Connection, held: Held, name: str, now: int) -> str:
    """Be seen under this name from now on; the name as it is shown. The caller holds the card's row."""
    held.refuse_unless_active()
    if not programmes.of_card(tx, held).definition.leaderboard:
        raise Conflict("This programme has no leaderboard.", field="nickname")
    shown = one_line(name)
    if not LEAST_NAME <= len(shown) <= MOST_NAME:
        raise BadInput(f"A nickname has {LEAST_NAME} to {MOST_NAME} letters.", field="nickname")
    if "@" in shown or sum(letter.isdigit() for letter in shown) >= 7:
        raise BadInput("A nickname is seen by everybody: no address and no telephone number.", field="nickname")
    vanish(tx, held)
    values = {"card_id": held.id, "programme_id": held.row.programme_id, "name": shown, "name_key": _key(shown)}
    try:
        with tx.begin_nested():
            tx.execute(insert(t.Nickname).values(values | {"created": now}))
    except IntegrityError:
        raise NicknameTaken("Another member has this nickname; choose another.", field="nickname") from None
    return shown


def vanish(tx: Connection, held: Held) -> None:
    """Be seen no more; doing it again changes nothing."""
    tx.execute(delete(t.Nickname).where(t.Nickname.card_id == held.id))


def ranking(
    tx: Connection, programme: Programme, period: str | None, location: str | None, limit: int = 100
) -> list[Place]:
    """The best of a month or a year (None: ever), at one location or all of them."""
    total = func.sum(case((t.Posting.target == MEMBER, t.Posting.amount), else_=-t.Posting.amount))
    query = (
        select(t.Nickname.name, total.label("earned"))
        .join(t.Card, t.Card.id == t.Nickname.card_id)
        .join(t.Posting, t.Posting.card_id == t.Nickname.card_id)
        .where(t.Nickname.programme_id == programme.id, t.Card.status == "active", *_counted())
        .group_by(t.Nickname.card_id, t.Nickname.name, t.Nickname.name_key)
        .having(total > 0)
        .order_by(total.desc(), t.Nickname.name_key)
        .limit(limit)
    )
    if period is not None:
        begins, ends = span(period, programme.definition.zone)
        query = query.where(t.Posting.created >= begins, t.Posting.created < ends)
    if location is not None:
        query = query.where(t.Posting.receipt_id.in_(_receipts_at(programme, location)))
    return _ranked(tx.execute(query).all())


class Board:
    """The ranking of all time, for a page that many open: it adds up all that was ever earned, so once a minute."""

    def __init__(self) -> None:
        self._reckoned: dict[int, tuple[int, list[Place]]] = {}

    def around(self, tx: Connection, programme: Programme, nickname: str, now: int) -> tuple[Place, ...]:
        """The best, and the member's own place wherever it is, without those who have left since."""
        at, places = self._reckoned.get(programme.id, (now + 1, []))
        if not at <= now < at + KEPT_SECONDS:
            places = ranking(tx, programme, None, None, MOST_RANKED)
            self._reckoned[programme.id] = now, places
        seen = [*places[:BEST], *(place for place in places[BEST:] if place.nickname == nickname)]
        which = (t.Nickname.programme_id == programme.id, t.Nickname.name.in_([place.nickname for place in seen]))
        here = set(tx.execute(select(t.Nickname.name).where(*which)).scalars())
        return tuple(place for place in seen if place.nickname in here)


def _counted() -> tuple[ColumnElement[bool], ...]:
    """What was earned by buying in the main unit, and what of it was given back."""
    earned = and_(t.Posting.target == MEMBER, t.Posting.kind == "earn")
    returned = and_(t.Posting.source == MEMBER, t.Posting.kind == "reverse", t.Posting.why["of"].as_string() == "earn")
    return (or_(earned, returned),)


def _receipts_at(programme: Programme, location: str) -> Any:
    """A reversal belongs to the location of what it reverses."""
    original = aliased(t.Receipt)
    place = func.coalesce(original.content["location"].as_string(), t.Receipt.content["location"].as_string())
    joined = select(t.Receipt.id).outerjoin(original, original.id == t.Receipt.reverses)
    return joined.where(t.Receipt.programme_id == programme.id, place == location)


def _ranked(rows: Any) -> list[Place]:
    places: list[Place] = []
    for position, row in enumerate(rows, 1):
        is_tied = bool(places) and places[-1].earned == int(row.earned)
        places.append(Place(places[-1].rank if is_tied else position, row.name, int(row.earned)))
    return places


def _key(name: str) -> str:
    """Names that look alike are one name."""
    return unicodedata.normalize("NFKC", name).casefold().replace(" ", "")
