"""A turn to write: one thread of one process at a time, first come first served or nearly so.

SQLite allows one writer and lets the others poll; whoever polls at the wrong moments starves. Waiting on
a lock in the process and then on a file lock between processes costs the same and keeps the slowest
writer close to the average. Neither lock is handed on: who gives it up and wants it back at once, as a sweep
does, would have it before the waiting woke. So whoever comes waits in a door until the turn is theirs,
and one who comes back stands behind them. The kernel frees the file locks of a process that dies.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import Busy


class Queue:
    """Writers of one SQLite file, in this process and others, waiting for `path`."""

    def __init__(self, path: str) -> None:
        self._door, self._turn = _Lock(f"{path}-door"), _Lock(path)

    @contextmanager
    def turn(self, wait_seconds: float) -> Iterator[None]:
        until = time.monotonic() + wait_seconds
        with self._door.held(wait_seconds):
            self._turn.take(max(0.0, until - time.monotonic()))
        try:
            yield
        finally:
            self._turn.give()


class _Lock:
    """One at a time among the threads of this process, and then among processes."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._threads = threading.Lock()
        self._file: tuple[int, int] | None = None

    @contextmanager
    def held(self, wait_seconds: float) -> Iterator[None]:
        self.take(wait_seconds)
        try:
            yield
        finally:
            self.give()

    def take(self, wait_seconds: float) -> None:
        if not self._threads.acquire(timeout=wait_seconds):
            raise _busy()
        try:
            self._lock_file(wait_seconds)
        except BaseException:
            self._threads.release()
            raise

    def give(self) -> None:
        fcntl.flock(self._open(), fcntl.LOCK_UN)
        self._threads.release()

    def _lock_file(self, wait_seconds: float) -> None:
        """The kernel waits without a limit, so a wait is a thread we can leave behind."""
        file = self._open()
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            waiting = _Waiting(file)
        if not waiting.is_over(wait_seconds):
            # Its descriptor goes with it, and gives the lock back as soon as it has it.
            self._file = None
            raise _busy()

    def _open(self) -> int:
        """The lock file, opened anew after a fork: processes that share a descriptor share its lock."""
        if self._file and self._file[0] != os.getpid():
            os.close(self._file[1])
            self._file = None
        if self._file is None:
            self._file = (os.getpid(), os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        return self._file[1]


class _Waiting:
    """A thread that waits for a file lock held by another process."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._decided = threading.Lock()
        self._is_left = self._has_lock = False
        self._thread = threading.Thread(target=self._wait, name="turn", daemon=True)
        self._thread.start()

    def is_over(self, wait_seconds: float) -> bool:
        """True: the lock is ours. False: nobody waits for it any more."""
        self._thread.join(wait_seconds)
        with self._decided:
            self._is_left = not self._has_lock
            return self._has_lock

    def _wait(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_EX)
        with self._decided:
            self._has_lock = not self._is_left
            if self._is_left:
                os.close(self._file)


def _busy() -> Busy:
    return Busy("The store is busy; send the same request again in a few seconds.")
