"""A turn to write: one thread of one process at a time, first come first served or nearly so.

SQLite allows one writer and lets the others poll; whoever polls at the wrong moments starves. Waiting on
a lock in the process and then on a file lock between processes costs the same and keeps the slowest
writer close to the average. The kernel frees the file lock of a process that dies.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import Busy


class Queue:
    """Writers of one SQLite file, in this process and others, waiting for `path`."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._threads = threading.Lock()
        self._file: tuple[int, int] | None = None

    @contextmanager
    def turn(self, wait_seconds: float) -> Iterator[None]:
        if not self._threads.acquire(timeout=wait_seconds):
            raise Busy("The store is busy; send the same request again in a few seconds.")
        try:
            file = self._open()
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(file, fcntl.LOCK_UN)
        finally:
            self._threads.release()

    def _open(self) -> int:
        """The lock file, opened anew after a fork: processes that share a descriptor share its lock."""
        if self._file is None or self._file[0] != os.getpid():
            self._file = (os.getpid(), os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        return self._file[1]
