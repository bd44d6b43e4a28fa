"""One call of `send`: the nudges it brought, a cursor over them, and what became of each.

Nothing is made per nudge that waits: no task, no future, no entry in a dictionary. A batch of 100,000
costs one list of outcomes and a sieve of some ten bytes per token. The thread that called `send` makes the
batch and waits; everything else here happens on the sender's own loop.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .. import Gone, Later, Outcome, Refused
from . import tokens

MOST_TRIES = 3
ASKS_BY_ITSELF = Refused("This phone's app takes no pushes from Apple: it shows what changed when it is opened.")
# Below this pace a batch ends in `Later`, however steadily its answers trickle in.
SLOWEST_PUSHES_PER_SECOND = 500


@dataclass(frozen=True, slots=True)
class Nudge:
    """A phone to be told; `urgent` for a member's own purchase, not for a campaign."""

    token: str
    urgent: bool


class Ticket(NamedTuple):
    """One nudge on its way: which batch it belongs to, and where in it."""

    batch: Batch
    place: int

    @property
    def nudge(self) -> Nudge:
        return self.batch.nudges[self.place]


class Batch:
    def __init__(self, nudges: Sequence[Nudge], timeout_seconds: float, now: float) -> None:
        self.nudges = nudges
        self.done = threading.Event()
        self._outcomes: list[Outcome | None] = [None] * len(nudges)
        self._open = len(nudges)
        self._cursor = 0
        self._again: deque[int] = deque()
        self._tries: dict[int, int] = {}
        self._repeats = _Repeats(nudges)
        self._twins: list[tuple[int, int]] = []
        self._otherwise = Later("The sender of pushes gave no answer.")
        self._timeout_seconds = timeout_seconds
        self._moved = now
        self._ends = now + self.longest_seconds

    def take(self, now: float) -> Ticket | None:
        """The next nudge to send, or None if all have been taken."""
        if self._again:
            return Ticket(self, self._again.popleft())
        while self._cursor < len(self.nudges):
            place = self._cursor
            self._cursor += 1
            token = self.nudges[place].token
            if (first := self._repeats.first(token, place)) != place:
                self._twins.append((place, first))
                self._close()
            elif not tokens.is_apples(token):
                self.settle(place, ASKS_BY_ITSELF if tokens.is_anothers(token) else Gone(), now)
            else:
                return Ticket(self, place)
        return None

    def settle(self, place: int, outcome: Outcome, now: float) -> None:
        """Keep the first outcome of a nudge; an answer to an earlier try may come after it."""
        if self._outcomes[place] is None and not self.done.is_set():
            self._outcomes[place] = outcome
            self._moved = now
            self._close()

    def again(self, place: int, why: str, now: float) -> None:
        """Send once more what was not answered: a push is only a nudge, twice does no harm."""
        if self._outcomes[place] is not None:
            return
        tries = self._tries[place] = self._tries.get(place, 1) + 1
        if tries > MOST_TRIES:
            self.settle(place, Later(why), now)
        else:
            self._again.append(place)

    def put_off(self, later: Later, now: float) -> None:
        """Everything not yet on its way has to wait; what is on its way keeps its chance."""
        while ticket := self.take(now):
            self.settle(ticket.place, later, now)

    def give_up(self, later: Later, now: float) -> None:
        """Nothing is waited for any longer."""
        self.put_off(later, now)
        self._otherwise = later
        self.done.set()

    def is_overdue(self, now: float) -> bool:
        return now >= self._ends or now >= self._moved + self._timeout_seconds

    @property
    def longest_seconds(self) -> float:
        """How long the caller waits at most."""
        return self._timeout_seconds + len(self.nudges) / SLOWEST_PUSHES_PER_SECOND

    def outcomes(self) -> list[Outcome]:
        """One outcome per nudge, in the order they came."""
        for place, first in self._twins:
            self._outcomes[place] = self._outcomes[first]
        return [outcome or self._otherwise for outcome in self._outcomes]

    def _close(self) -> None:
        self._open -= 1
        if not self._open:
            self.done.set()


class _Repeats:
    """Finds a token that came before, remembering only those that may come twice.

    A dictionary of all tokens would be the largest thing in a batch. One byte per slot is enough to
    know that most tokens share their slot with no other; only the rest are remembered.
    """

    def __init__(self, nudges: Sequence[Nudge]) -> None:
        self._mask = (1 << (8 * len(nudges)).bit_length()) - 1
        self._shared: set[int] = set()
        self._firsts: dict[str, int] = {}
        taken = bytearray(self._mask + 1)
        for nudge in nudges:
            slot = hash(nudge.token) & self._mask
            if taken[slot]:
                self._shared.add(slot)
            taken[slot] = 1

    def first(self, token: str, place: int) -> int:
        """Where this token came first: `place` itself, or one before it."""
        if hash(token) & self._mask not in self._shared:
            return place
        return self._firsts.setdefault(token, place)
