"""Work in the background: rounds that look for rows that are due, until there are none.

Huey is the clock and the nudge, never the truth. A nudge after a commit starts a round at once; the clock starts
one every minute; and a round that leaves something due later asks to be woken then. Lose any of these, or
kill the worker anywhere: the rows are still due.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from .errors import Busy

if TYPE_CHECKING:
    from datetime import datetime

    from huey.api import Huey

log = structlog.get_logger()
MINUTE_SECONDS = 60
SOON_SECONDS = 0.02


@dataclass(frozen=True)
class Round:
    """One kind of due work. `step` does a little and says how much; `next_due` is when more will be due."""

    name: str
    step: Callable[[], int]
    next_due: Callable[[], int | None]


class Worker:
    """Runs rounds when nudged and when it is time."""

    def __init__(self, huey: Huey, rounds: list[Round], clock: Callable[[], float] = time.time) -> None:
        self.huey = huey
        self._clock = clock
        self._rounds = {round.name: round for round in rounds}
        self._running = {round.name: threading.Lock() for round in rounds}
        self._asked: set[str] = set()
        self._wake_at: dict[str, int] = {}
        self._soon = Soon(self.nudge)
        self._run = huey.task(name="run")(self._run_round)
        huey.periodic_task(_every_minute, name="clock")(self.nudge)

    def nudge(self) -> None:
        """Have every kind of work looked at now. Never fails a caller: the clock comes by anyway."""
        for name in self._rounds:
            # Asked first, as in `_run_round`: a round that runs in this process looks once more when it is done.
            self._asked.add(name)
            if self._running[name].locked():
                continue
            try:
                self._run(name)
            except Exception as lost:
                log.warning("nudge lost", round=name, error=type(lost).__name__)

    def nudge_soon(self) -> None:
        """As `nudge`, without making the caller wait for the queue; many calls at once become one."""
        self._soon()

    def run_until_idle(self) -> None:
        """All that is due now, in this thread."""
        while sum(round.step() for round in self._rounds.values()):
            pass

    def consume(self) -> Any:
        """A consumer of the queue; `run()` it in the main thread or `start()` it."""
        return self.huey.create_consumer(
            workers=len(self._rounds) + 1,
            initial_delay=0.01,
            max_delay=0.05,
            backoff=1.3,
            periodic=True,
            check_worker_health=True,
        )

    def _run_round(self, name: str) -> None:
        """Steps until nothing is due. A nudge that comes meanwhile has the round run once more, not beside it."""
        # Asked first: whoever runs now looks at it after giving up its turn, so none is lost in between.
        self._asked.add(name)
        if not self._running[name].acquire(blocking=False):
            return
        self._asked.discard(name)
        try:
            while self._rounds[name].step():
                pass
        except Busy:
            log.warning("store busy", round=name)
        finally:
            self._running[name].release()
        if name in self._asked:
            self._run(name)
        else:
            self._wake_later(name)

    def _wake_later(self, name: str) -> None:
        """The clock only ticks by the minute; an offer that starts in ten seconds asks for itself."""
        due = self._rounds[name].next_due()
        now = int(self._clock())
        if due is None or due > now + MINUTE_SECONDS or now < self._wake_at.get(name, 0) <= due:
            return
        self._wake_at[name] = max(due, now + 1)
        self._run.schedule((name,), delay=self._wake_at[name] - now)


def _every_minute(_at: datetime) -> bool:
    return True


class Soon:
    """Calls something in a thread of its own, once for all who asked since the last time; then rests a moment."""

    def __init__(self, do: Callable[[], None], rest_seconds: float = SOON_SECONDS) -> None:
        self._do = do
        self._rest_seconds = rest_seconds
        self._asked = threading.Event()
        self._lock = threading.Lock()
        self._process: int | None = None

    def __call__(self) -> None:
        self._asked.set()
        # A thread does not survive a fork: each process starts its own when it first asks.
        if self._process != os.getpid():
            with self._lock:
                if self._process != os.getpid():
                    threading.Thread(target=self._listen, name="soon", daemon=True).start()
                    self._process = os.getpid()

    def _listen(self) -> None:
        while self._asked.wait():
            self._asked.clear()
            self._do()
            time.sleep(self._rest_seconds)
