"""Control groups: who of those an offer is for never sees it, so that it shows whether the offer brings anybody.

Who is left out follows from the card and the offer alone, by a lot that Python and the store draw alike: nothing is
kept, and it is the same whenever a card is drawn or its receipts are counted. Who is counted is settled when the offer
is published, before it can change anything: every card there is then, or for a tier's offer those that stand in it,
which are remembered because tiers move.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from sqlalchemy import ColumnElement, Float, Subquery, cast, exists, func, insert, literal, select

from .effect import LEAST_PEOPLE, Arm, Effect
from .store import Connection, Row
from .store import tables as t

MOST_PERCENT = 50
USUAL_PERCENT = 10
WORTHWHILE_CARDS = 1_000
"""With fewer, a tenth of them seldom shows anything."""
ENOUGH = LEAST_PEOPLE * 4 // 3
"""Of either group; some will be fewer by the time anybody counts."""
LONGEST_DAYS = 90
"""An offer that runs for longer is judged by its first days; later everybody has forgotten what it changed."""
_PRIME = 2**31 - 1
_DAY = 86_400


@dataclass(frozen=True)
class Split:
    """How many cards get an offer, in how many places they are installed, and how many by lot do not get it."""

    given: int
    places: int
    left_out: int

    @property
    def tells(self) -> bool:
        """Whether so many can show anything."""
        return min(self.given, self.left_out) >= ENOUGH


@dataclass(frozen=True)
class Outcome:
    """What an offer has done until `until`. Nothing is to be concluded before it is over."""

    effect: Effect
    until: int
    is_over: bool


def left_out(card_id: int, controls: Mapping[str, int]) -> frozenset[str]:
    """Of these offers, by key with the percentage to be left out, those that the card does not get."""
    return frozenset(key for key, percent in controls.items() if _draws(card_id, key) < _threshold(percent))


def is_left_out(key: str, percent: int) -> ColumnElement[bool]:
    """As `left_out`, for the store to draw."""
    draws: ColumnElement[int] = _draws(t.Card.id, key)
    return draws < _threshold(percent)


def fewest_cards(tx: Connection) -> int:
    """In use, of the programme that has fewest; 0: there are none at all."""
    each = select(func.count().label("cards")).where(t.Card.status == "active").group_by(t.Card.programme_id).subquery()
    return tx.execute(select(func.min(each.c.cards))).scalar() or 0


def split(tx: Connection, programme_id: int, tier: str | None, key: str, percent: int) -> Split:
    """Cards in use that stand in the programme, or in one tier of it, now."""
    which = [t.Card.programme_id == programme_id, t.Card.status == "active"]
    if tier is not None:
        which.append(t.Card.tier == tier)
    out = is_left_out(key, percent)
    counts = select(func.count().filter(~out), func.count().filter(out)).select_from(t.Card).where(*which)
    given, without = tx.execute(counts).one()
    installed = select(func.count()).select_from(t.Installation).join(t.Card, t.Card.id == t.Installation.card_id)
    return Split(given, tx.execute(installed.where(*which, ~out)).scalar_one(), without)


def remember(tx: Connection, offer_id: int, programme_id: int, tier: str) -> None:
    """Whom a tier's offer found in it."""
    found = select(literal(offer_id), t.Card.id).where(t.Card.programme_id == programme_id, t.Card.tier == tier)
    tx.execute(insert(t.OfferAudience).from_select(["offer_id", "card_id"], found))


def outcome(tx: Connection, offer: Row, now: int) -> Outcome | None:
    """Who came while the offer ran, of those who got it and of those left out by lot; None: it never ran."""
    begins = max(offer.starts, offer.created)
    last = begins + LONGEST_DAYS * _DAY
    ends = last if offer.ends is None else min(offer.ends, last)
    if ends <= begins:
        return None
    until = max(begins, min(now, ends))
    during = (t.Receipt.programme_id == offer.programme_id, t.Receipt.created >= begins, t.Receipt.created < until)
    bought = select(t.Receipt.card_id, func.sum(t.Receipt.total).label("spent")).where(*during, t.BOUGHT)
    bills = bought.group_by(t.Receipt.card_id).subquery()
    cards = select(is_left_out(offer.key, offer.control).label("out"), bills.c.spent).select_from(t.Card)
    each = cards.outerjoin(bills, bills.c.card_id == t.Card.id).where(*_counted(offer))
    return Outcome(compared(tx, each.subquery()), until, now >= ends)


def compared(tx: Connection, each: Subquery) -> Effect:
    """Of rows that each say whether somebody was left `out`, and what they `spent` if they came."""
    spent = cast(each.c.spent, Float)
    sums = select(each.c.out, func.count(), func.count(spent), func.sum(each.c.spent), func.sum(spent * spent))
    arms = {bool(arm[0]): Arm.of(*arm[1:]) for arm in tx.execute(sums.group_by(each.c.out))}
    return Effect(arms.get(False, Arm()), arms.get(True, Arm()))


def _counted(offer: Row) -> list[ColumnElement[bool]]:
    """Cards that it was for when it was published; whatever became of them since."""
    if offer.tier is None:
        return [t.Card.programme_id == offer.programme_id, t.Card.created <= offer.created]
    mine = t.OfferAudience.card_id == t.Card.id
    return [exists().where(t.OfferAudience.offer_id == offer.id, mine)]


def _draws(card_id: Any, key: str) -> Any:
    """The card's lot, from 0 to the prime: an affine step that the offer chooses, then the fifth power, which mixes.

    Each step has its own answer for every card below the prime, so the lots of all cards are spread evenly.
    """
    digest = blake2b(key.encode(), digest_size=16).digest()
    factor = 1 + int.from_bytes(digest[:8]) % (_PRIME - 1)
    shift = int.from_bytes(digest[8:]) % _PRIME
    line = (card_id % _PRIME * factor + shift) % _PRIME
    square = line * line % _PRIME
    return square * square % _PRIME * line % _PRIME


def _threshold(percent: int) -> int:
    return _PRIME * percent // 100
