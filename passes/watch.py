"""What a manager should look at: patterns in the log of the tills that honest work rarely makes.

Pure detection over rows; nothing is blocked, nothing is shown at the till or to a customer, and every sign names
what it was seen in. What is usual is taken from the shop itself: how often a person serves a card is held against
who else worked there that day, how often they undo against their colleagues. A sign is a question, not a verdict.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import select

from .rights import EARNING, GIFTS, GIVING, SPENDING
from .staff import own_cards
from .store import Connection
from .store import tables as t

DAY = 86_400
SEEN_DAYS = 30
MOST_DEEDS = 100_000
SURPRISE = 1e-6
"""How unlikely something must be by chance: a shop makes some ten thousand receipts in the time looked at."""

LEAST_PAIR, LEAST_UNDOS, LEAST_UNSEEN, LEAST_COLLEAGUE = 8, 5, 3, 5
LEAST_SPLIT, SPLIT_SECONDS = 3, 600
SEEN_SECONDS = 900
AGAIN_SECONDS = 600
GIFTS_A_DAY, GIFTS_TO_ONE = 5, 3
TRAVEL_SECONDS = 600
LEAST_GUESSES = 5
LEAST_EMPTY, EMPTY_SECONDS = 8, 3 * DAY
"""Eight gifts for joining are worth a meal; whoever joined in earnest has mostly bought something with it or by now."""


@dataclass(frozen=True)
class Deed:
    """A line of the log: who did what to which card, where and when. `is_live`: with a connection."""

    id: int
    at: int
    staff: int
    till: str
    location: str
    card: int | None
    what: str
    outcome: str = "done"
    is_live: bool = True


@dataclass(frozen=True)
class Sign:
    """Something to look at: `kind` is a key of the words, `deeds` what it was seen in, the newest last."""

    kind: str
    staff: int
    card: int | None
    n: int
    at: int
    deeds: tuple[int, ...]


@dataclass(frozen=True)
class Hours:
    """When a shop is open, as HH:MM; the same twice: day and night."""

    opens: str
    closes: str
    zone: ZoneInfo

    def hold(self, at: int) -> bool:
        if self.opens == self.closes:
            return True
        now = datetime.fromtimestamp(at, self.zone).strftime("%H:%M")
        if self.opens < self.closes:
            return self.opens <= now < self.closes
        return now >= self.opens or now < self.closes


Key = TypeVar("Key")
Seen = Sequence[Deed]
Own = Mapping[int, int]
"""Whose card a card is: staff by card."""


def signs(deeds: Iterable[Deed], own: Own, hours: Hours) -> list[Sign]:
    """Everything to look at, the newest first."""
    known = sorted(deeds, key=lambda deed: (deed.at, deed.id))
    done = [deed for deed in known if deed.outcome == "done"]
    found = [
        *own_card(known, own),
        *colleagues_card(done, own),
        *_each(done, (pairs, splits, undos, unseen, gifts, empty_cards)),
    ]
    found += [*after_hours(done, hours), *travels(done), *guesses(known)]
    return sorted(found, key=lambda sign: (-sign.at, sign.kind, sign.staff))


def own_card(deeds: Seen, own: Own) -> Iterator[Sign]:
    """Somebody tried to give points to the card that is linked to them, or did before it was."""
    mine = [deed for deed in deeds if deed.card is not None and own.get(deed.card) == deed.staff]
    tried = [deed for deed in mine if deed.what in GIVING and deed.outcome in ("done", "own_card")]
    for (staff, card), some in _grouped(tried, lambda deed: (deed.staff, deed.card)):
        yield _sign("own_card", staff, card, some)


def colleagues_card(deeds: Seen, own: Own) -> Iterator[Sign]:
    """One person gives points to a colleague's card again and again."""
    theirs = [d for d in deeds if d.what in EARNING and d.card is not None and own.get(d.card, d.staff) != d.staff]
    for (staff, card, _), some in _grouped(theirs, lambda d: (d.staff, d.card, d.at // DAY)):
        if len(some) >= LEAST_COLLEAGUE:
            yield _sign("colleagues_card", staff, card, some)


def pairs(deeds: Seen) -> Iterator[Sign]:
    """A card that one person serves far more often than who works when explains."""
    earns = [deed for deed in deeds if deed.what in EARNING and deed.card is not None]
    by_day = Counter((d.location, d.at // DAY) for d in earns)
    by_person = Counter((d.location, d.at // DAY, d.staff) for d in earns)
    of_card = Counter((d.location, d.at // DAY, d.card) for d in earns)
    of_both = Counter((d.location, d.at // DAY, d.staff, d.card) for d in earns)
    visits = dict(_grouped(earns, lambda d: d.card))
    for (staff, card), some in _grouped(earns, lambda d: (d.staff, d.card)):
        if len(some) < LEAST_PAIR:
            continue
        expected = 0.0
        for visit in visits[card]:
            place = (visit.location, visit.at // DAY)
            others = by_day[place] - of_card[*place, card]
            served = by_person[*place, staff] - of_both[*place, staff, card]
            # With nobody else to compare with, whoever was there had to serve.
            expected += served / others if others else 1.0
        if _chance(len(some), expected) < SURPRISE:
            yield _sign("pair", staff, card, some)


def splits(deeds: Seen) -> Iterator[Sign]:
    """One bill rung up as several, to earn more often or to stay under a limit."""
    rung = [deed for deed in deeds if deed.what in ("earn", "undo") and deed.card is not None]
    for (staff, card, _), some in _grouped(rung, lambda d: (d.staff, d.card, d.till)):
        for run in _runs(some, SPLIT_SECONDS):
            earns = [deed for deed in run if deed.what == "earn"]
            # A bill that was mistyped, undone and typed again is one bill.
            if 2 * len(earns) - len(run) >= LEAST_SPLIT:
                yield _sign("split", staff, card, earns)


def undos(deeds: Seen) -> Iterator[Sign]:
    """Far more purchases undone and not rung up again than by colleagues: goods given, then taken off the books."""
    counted = [d for d in deeds if d.what in ("earn", "redeem", "reward")]
    rung = _times(counted)
    # What was mistyped is soon typed again.
    undone = [d for d in deeds if d.what == "undo" and not _within(rung[d.till, d.card], d.at, d.at + AGAIN_SECONDS)]
    made = Counter(d.staff for d in counted)
    for staff, some in _grouped(undone, lambda d: d.staff):
        others, theirs = len(counted) - made[staff], len(undone) - len(some)
        usual = max(theirs, 1) / others if others else 1.0
        if len(some) >= LEAST_UNDOS and _chance(len(some), made[staff] * usual) < SURPRISE:
            yield _sign("undo", staff, None, some)


def unseen(deeds: Seen) -> Iterator[Sign]:
    """Points for a card that nobody showed at that till."""
    shown = _times(d for d in deeds if d.what in ("scan", "join"))
    live = [d for d in deeds if d.what == "earn" and d.is_live and d.card is not None]
    without = [d for d in live if not _within(shown[d.till, d.card], d.at - SEEN_SECONDS, d.at)]
    for (staff, _), some in _grouped(without, lambda d: (d.staff, d.at // DAY)):
        if len(some) >= LEAST_UNSEEN:
            yield _sign("unseen", staff, some[0].card if len({d.card for d in some}) == 1 else None, some)


def gifts(deeds: Seen) -> Iterator[Sign]:
    """Many gifts in a day, or several to one card."""
    given = [deed for deed in deeds if deed.what in GIFTS]
    for (staff, _), some in _grouped(given, lambda d: (d.staff, d.at // DAY)):
        if len(some) >= GIFTS_A_DAY:
            yield _sign("gifts", staff, None, some)
    for (staff, card), some in _grouped(given, lambda d: (d.staff, d.card)):
        if len(some) >= GIFTS_TO_ONE:
            yield _sign("gifts_to_one", staff, card, some)


def empty_cards(deeds: Seen) -> Iterator[Sign]:
    """Many new cards in a day that never earned, far more than of colleagues: made for the gift that joining brings."""
    earned = {deed.card for deed in deeds if deed.what in EARNING}
    made = [d for d in deeds if d.what == "join" and d.card is not None and d.at <= deeds[-1].at - EMPTY_SECONDS]
    empty = [deed for deed in made if deed.card not in earned]
    by_person, empty_by_person = Counter(d.staff for d in made), Counter(d.staff for d in empty)
    by_day = Counter((d.staff, d.at // DAY) for d in made)
    for (staff, day), some in _grouped(empty, lambda d: (d.staff, d.at // DAY)):
        # Where a shop's own system counts the sales, nobody's cards earn here.
        others, theirs = len(made) - by_person[staff], len(empty) - empty_by_person[staff]
        usual = max(theirs, 1) / others if others else 1.0
        if len(some) >= LEAST_EMPTY and _chance(len(some), by_day[staff, day] * usual) < SURPRISE:
            yield _sign("empty_cards", staff, None, some)


def after_hours(deeds: Seen, hours: Hours) -> Iterator[Sign]:
    """Points moved when no customer can have been there."""
    late = [d for d in deeds if d.what in ("earn", *SPENDING, *GIFTS) and not hours.hold(d.at)]
    for (staff, _), some in _grouped(late, lambda d: (d.staff, (d.at - DAY // 2) // DAY)):
        yield _sign("after_hours", staff, some[0].card if len({d.card for d in some}) == 1 else None, some)


def travels(deeds: Seen) -> Iterator[Sign]:
    """One card at two places sooner than anybody gets from one to the other: it is shared, or its code is."""
    used = [d for d in deeds if d.what in ("earn", "redeem", "reward") and d.card is not None and d.location]
    for card, some in _grouped(used, lambda d: d.card):
        hops = [
            (before, after)
            for before, after in pairwise(some)
            if before.location != after.location and after.at - before.at <= TRAVEL_SECONDS
        ]
        if hops:
            seen = sorted({deed for hop in hops for deed in hop}, key=lambda deed: deed.at)
            yield _sign("travel", seen[-1].staff, card, seen)


def guesses(deeds: Seen) -> Iterator[Sign]:
    """The PIN of one card, wrong again and again: its owner knows it after a try or two."""
    wrong = [d for d in deeds if d.what == "pin" and d.outcome in ("wrong_pin", "too_many_tries")]
    for (staff, card, _), some in _grouped(wrong, lambda d: (d.staff, d.card, d.at // DAY)):
        if len(some) >= LEAST_GUESSES:
            yield _sign("guesses", staff, card, some)


def read(tx: Connection, now: int) -> tuple[list[Deed], dict[int, int]]:
    """The last days of the log, and whose own card is which."""
    action = t.Action
    query = select(
        action.id,
        action.at,
        action.noted,
        action.staff_id,
        action.till,
        action.location,
        action.card_id,
        action.what,
        action.outcome,
    ).where(action.at > now - SEEN_DAYS * DAY, action.staff_id.is_not(None))
    rows = tx.execute(query.order_by(action.id.desc()).limit(MOST_DEEDS)).all()
    deeds = [
        Deed(r.id, r.at, r.staff_id, r.till, r.location, r.card_id, r.what, r.outcome, r.at == r.noted) for r in rows
    ]
    own = {row.card_id: row.staff_id for row in tx.execute(own_cards())}
    return deeds, own


def _chance(seen: int, expected: float) -> float:
    """At most how likely so many are when so many are expected (Chernoff's bound)."""
    if seen <= expected or expected <= 0:
        return 1.0 if expected > 0 else 0.0
    return math.exp(seen - expected - seen * math.log(seen / expected))


def _each(deeds: Seen, rules: Iterable[Callable[[Seen], Iterator[Sign]]]) -> Iterator[Sign]:
    for rule in rules:
        yield from rule(deeds)


def _grouped(deeds: Seen, key: Callable[[Deed], Key]) -> Iterator[tuple[Key, list[Deed]]]:
    groups: defaultdict[Key, list[Deed]] = defaultdict(list)
    for deed in deeds:
        groups[key(deed)].append(deed)
    yield from groups.items()


def _times(deeds: Iterable[Deed]) -> defaultdict[tuple[str, int | None], list[int]]:
    """When each card was at each till, in order."""
    times: defaultdict[tuple[str, int | None], list[int]] = defaultdict(list)
    for deed in deeds:
        times[deed.till, deed.card].append(deed.at)
    return times


def _within(times: Sequence[int], first: int, last: int) -> bool:
    place = bisect_left(times, first)
    return place < len(times) and times[place] <= last


def _runs(deeds: Seen, seconds: int) -> Iterator[list[Deed]]:
    """Deeds that follow each other, none of them later than so long after the first."""
    run: list[Deed] = []
    for deed in deeds:
        if run and deed.at - run[0].at > seconds:
            yield run
            run = []
        run.append(deed)
    if run:
        yield run


def _sign(kind: str, staff: int, card: int | None, deeds: Seen) -> Sign:
    return Sign(kind, staff, card, len(deeds), deeds[-1].at, tuple(deed.id for deed in deeds))
