"""Control groups: who of those an offer is for never sees it, so that it shows whether the offer brings anybody.

Who is left out follows from the card and the offer alone, by a lot that Python and the store draw alike: nothing is
kept, and it is the same whenever a card is drawn or its receipts are counted. Both groups are counted by the same
rule: cards there were when the offer began, and their purchases that still stand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from sqlalchemy import ColumnElement, func, select

from .effect import Arm, Effect
from .programmes import Programme
from .store import Connection, Row
from .store import tables as t

MOST_PERCENT = 50
USUAL_PERCENT = 10
WORTHWHILE_CARDS = 300
"""With fewer cards, a tenth of them is too few to tell anything by."""
LONGEST_DAYS = 90
"""An offer that runs for longer is judged by its first days; later everybody has forgotten what it changed."""
_PRIME = 2**31 - 1
_DAY = 86_400


@dataclass(frozen=True)
class Split:
    """How many cards get an offer, and how many by lot do not."""

    given: int
    left_out: int


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


def cards_in_use(tx: Connection, programme_id: int) -> int:
    which = (t.Card.programme_id == programme_id, t.Card.status == "active")
    return tx.execute(select(func.count()).select_from(t.Card).where(*which)).scalar_one()


def split(tx: Connection, programme_id: int, tier: str | None, key: str, percent: int) -> Split:
    """Cards in use that stand in the programme, or in one tier of it, now."""
    which = [t.Card.programme_id == programme_id, t.Card.status == "active"]
    if tier is not None:
        which.append(t.Card.tier == tier)
    out = is_left_out(key, percent)
    counts = select(func.count().filter(~out), func.count().filter(out)).select_from(t.Card).where(*which)
    given, without = tx.execute(counts).one()
    return Split(given, without)


def outcome(tx: Connection, programme: Programme, offer: Row, now: int) -> Outcome:
    """Who came while the offer ran, of those who got it and of those left out by lot."""
    last = offer.starts + LONGEST_DAYS * _DAY
    ends = last if offer.ends is None else min(offer.ends, last)
    until = max(offer.starts, min(now, ends))
    during = (
        t.Receipt.card_id == t.Card.id,
        t.Receipt.created >= offer.starts,
        t.Receipt.created < until,
        t.BOUGHT,
    )
    spent = select(func.sum(t.Receipt.total)).where(*during).correlate(t.Card).scalar_subquery()
    which = [t.Card.programme_id == programme.id, t.Card.status == "active", t.Card.created <= offer.starts]
    if offer.tier is not None:
        which.append(t.Card.tier.in_(_tier_and_above(programme, offer.tier)))
    each = select(is_left_out(offer.key, offer.control).label("out"), spent.label("spent")).where(*which).subquery()
    sums = select(each.c.out, func.count(), func.count(each.c.spent), func.sum(each.c.spent)).group_by(each.c.out)
    arms = {bool(out): Arm(people, came, int(total or 0)) for out, people, came, total in tx.execute(sums)}
    return Outcome(Effect(arms.get(False, Arm()), arms.get(True, Arm())), until, now >= ends)


def _tier_and_above(programme: Programme, tier: str) -> list[str]:
    """Whoever an offer moved up is counted where it found them; without this it would seem to lose its best."""
    levels = sorted(programme.definition.levels, key=lambda level: level.threshold)
    keys = [level.key for level in levels]
    return keys[keys.index(tier) :] if tier in keys else [tier]


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
