"""Garbage: when Python looks for it. Decides about time and memory alone, never about what a program does.

Every collection goes through all that is alive, and most of that is code and rules which live as long as their process.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_NEW, _YOUNG, _OLD = 10_000, 50, 100


def spare_what_stays() -> None:
    """What is loaded by now stays: look at what comes after it, and less often.

    Also keeps the collector from writing to memory that forked processes share.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW, _YOUNG, _OLD)


@contextmanager
def left_lying() -> Iterator[None]:
    """Look for none until it is over: for work that makes much, and hardly anything that only a collector can free."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.collect()
