"""Google's time: the real one, until a test moves it."""

from __future__ import annotations

import time


class Clock:
    """Seconds since 1970 when called, so it may also serve whoever talks to this Google."""

    def __init__(self) -> None:
        self._ahead_seconds = 0.0
        self._stands_at: float | None = None

    def __call__(self) -> float:
        return time.time() + self._ahead_seconds if self._stands_at is None else self._stands_at

    @property
    def ms(self) -> int:
        return int(self() * 1000)

    def moves(self, seconds: float) -> None:
        if self._stands_at is None:
            self._ahead_seconds += seconds
        else:
            self._stands_at += seconds

    def stands_at(self, seconds: float) -> None:
        self._stands_at = seconds

    def runs(self) -> None:
        """Real time again."""
        self._stands_at, self._ahead_seconds = None, 0.0
