"""Signed passes kept at hand, so that one revision is signed once however many phones ask for it.

Threads that ask for the same pass at the same time wait for the one that signs it. Old passes give way
to new ones by size; losing one costs only a signature.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

MOST_BYTES = 8 * 1024 * 1024


class Shelf:
    """Passes by what they are a function of. `make` runs at most once at a time for one key."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: OrderedDict[Hashable, bytes] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], bytes]) -> bytes:
        with self._lock:
            if (kept := self._find(key)) is not None:
                return kept
            turn = self._making.setdefault(key, threading.Lock())
        with turn:
            with self._lock:
                if (kept := self._find(key)) is not None:
                    return kept
            try:
                made = make()
                with self._lock:
                    self._keep(key, made)
            finally:
                with self._lock:
                    self._making.pop(key, None)
        return made

    def _find(self, key: Hashable) -> bytes | None:
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
        return kept

    def _keep(self, key: Hashable, made: bytes) -> None:
        self._kept[key] = made
        self._bytes += len(made)
        while self._bytes > self._most_bytes:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= len(oldest)
