"""How often somebody may ask: so many times within a window that begins with the first.

Counted in this process (`memory://`), or in Redis for all processes together. While Redis is away the count goes on
here: a shop must be able to sell meanwhile. Nothing is kept of who asked beyond the window.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from .errors import ConfigError

if TYPE_CHECKING:
    from limits.storage import Storage

log = structlog.get_logger()
MOST_WINDOWS = 10_000
HERE = "memory://"


@dataclass(frozen=True)
class Asked:
    """What came of asking: `left` times more are allowed in this window, which ends after `wait_seconds`."""

    is_allowed: bool
    limit: int
    left: int
    wait_seconds: int


class Rate:
    """One limit, such as 600/minute, on everybody who asks for the same thing."""

    def __init__(self, name: str, rate: str, storage: str, clock: Callable[[], float] = time.time) -> None:
        from limits import parse

        try:
            item = parse(rate)
        except ValueError:
            raise ConfigError(f"[limits.{name}] must be like 60/minute.") from None
        self._name, self._limit, self._seconds, self._clock = name, item.amount, item.get_expiry(), clock
        self._here = _Windows(clock)
        self._shared = None if storage == HERE else _shared(storage)

    def ask(self, who: str) -> Asked:
        """Count one more by `who`."""
        times, ends = self._counted(f"{self._name} {who}")
        wait = max(1, math.ceil(ends - self._clock()))
        return Asked(times <= self._limit, self._limit, max(0, self._limit - times), wait)

    def _counted(self, key: str) -> tuple[int, float]:
        if self._shared is not None:
            from limits.errors import StorageError

            try:
                return self._shared.incr(key, self._seconds), self._shared.get_expiry(key)
            except StorageError as away:
                log.warning("counter away", error=type(away.storage_error).__name__)
        return self._here.hit(key, self._seconds)


class _Windows:
    """The windows that are open in this process."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._open: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()

    def hit(self, key: str, seconds: float) -> tuple[int, float]:
        """How often within the window, and when it ends."""
        now = self._clock()
        with self._lock:
            times, ends = self._open.get(key, (0, 0.0))
            if ends <= now or ends > now + seconds:
                # Over; or begun by a clock that has gone back since.
                times, ends = 0, now + seconds
            if times == 0 and len(self._open) >= MOST_WINDOWS:
                self._make_room(now)
            self._open[key] = (times + 1, ends)
            return self._open[key]

    def _make_room(self, now: float) -> None:
        """Windows that are over go; should so many be open, the oldest are forgotten."""
        self._open = {key: window for key, window in self._open.items() if window[1] > now}
        for key in list(self._open)[: len(self._open) - MOST_WINDOWS // 2]:
            del self._open[key]


def _shared(address: str) -> Storage:
    from limits.storage import Storage, storage_from_string

    storage = storage_from_string(address, wrap_exceptions=True)
    assert isinstance(storage, Storage)
    return storage
