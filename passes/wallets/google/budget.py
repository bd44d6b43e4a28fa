"""What Google allows: so many requests a second from all of our processes, so many notices a day on one pass.

Both are kept in the store. A pace in each process alone would be several times the rate; and a notice that
Google refuses is an error for the whole update, so we count before we ask.
("General FAQ" and "Trigger push notifications", Google Wallet.)
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from sqlalchemy import delete, func, insert, select, update

from ...store import Connection, Store
from ...store import tables as t

NOTICES_A_DAY = 3
DAY_SECONDS = 86_400
TOGETHER_SECONDS = 0.25
# Of a stretch, added to it: who gets away late from one must not make a second too full with those who do not.
BREATH = 0.04
PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 10
SECOND = 1_000_000


class Pace:
    """Lets calls go one after the other, `rate` a second over all processes that use the store.

    Several that go in one request take a turn each. In each process one waits at a time, and whoever waits behind
    has no turn yet: turns taken far ahead would keep a member at the button waiting in another process.
    """

    def __init__(
        self,
        store: Store,
        rate: int,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store, self._rate, self._clock, self._sleep = store, rate, clock, sleep
        self.together = max(1, int(rate * TOGETHER_SECONDS))
        self._waiting, self._lock = threading.Lock(), threading.Lock()
        self._refusals = 0

    def wait(self, turns: int = 1) -> None:
        """Come back when it is our turn: for several that go together, the last of theirs."""
        step = SECOND / self._rate
        with self._waiting:
            first = self._reserve(int(turns * step * (1 + BREATH)))
            delay = (first + (turns - 1) * step) / SECOND - self._clock()
            if delay > 0:
                self._sleep(delay)

    def heard(self, is_too_much: bool) -> None:
        """Google said that it was too much: nobody goes for a moment, and longer each time that it says so again."""
        with self._lock:
            self._refusals = self._refusals + 1 if is_too_much else 0
            if not is_too_much:
                return
            seconds = min(LONGEST_PAUSE_SECONDS, PAUSE_SECONDS * 2 ** (self._refusals - 1))
        self._rest(int(seconds * SECOND))

    def _reserve(self, length: int) -> int:
        """The beginning of a stretch of time that is ours alone."""
        with self._store.transaction() as tx:
            now = int(self._clock() * SECOND)
            first = max(now, _taken_until(tx, now))
            _take_until(tx, first + length)
        return first

    def _rest(self, length: int) -> None:
        """Nobody's turn before so much time has gone; several who were refused at once wait once."""
        with self._store.transaction() as tx:
            now = int(self._clock() * SECOND)
            _take_until(tx, max(now + length, _taken_until(tx, now)))


def _taken_until(tx: Connection, now: int) -> int:
    until = tx.execute(select(t.GooglePace.taken_until).where(t.GooglePace.id == 1).with_for_update()).scalar()
    if until is None:
        tx.execute(insert(t.GooglePace).values(id=1, taken_until=now))
    # A clock that was set back must not stop us for as long.
    return now if until is None or until > now + 60 * SECOND else until


def _take_until(tx: Connection, until: int) -> None:
    tx.execute(update(t.GooglePace).where(t.GooglePace.id == 1).values(taken_until=until))


def has_room(tx: Connection, pass_ids: Iterable[str], now: int) -> bool:
    """Whether one notice more is allowed on a pass; what its class said counts, too."""
    recent = (t.GoogleNotice.pass_id.in_(list(pass_ids)), t.GoogleNotice.at > now - DAY_SECONDS)
    return int(tx.execute(select(func.count()).select_from(t.GoogleNotice).where(*recent)).scalar_one()) < NOTICES_A_DAY


def note(tx: Connection, pass_id: str, now: int) -> None:
    """Before it is asked for: one that got lost counts, because we cannot know that it did."""
    tx.execute(insert(t.GoogleNotice).values(pass_id=pass_id, at=now))


def forget_old(tx: Connection, now: int) -> None:
    tx.execute(delete(t.GoogleNotice).where(t.GoogleNotice.at <= now - DAY_SECONDS))
