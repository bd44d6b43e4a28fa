"""Measuring by comparison: variants take turns, and a ratio is the median of what each round gave.

A shared machine has slow seconds. Variants that run within the same second suffer alike, so their ratio holds
where their rates do not.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

Work = Callable[[], int]
"""Does some work and says how many pieces it was."""


@dataclass(frozen=True)
class Rounds:
    """Rates per second of each variant, one for each round."""

    rates: Mapping[str, Sequence[float]]

    def rate(self, name: str) -> float:
        return statistics.median(self.rates[name])

    def ratio(self, name: str, anchor: str) -> float:
        pairs = zip(self.rates[name], self.rates[anchor], strict=True)
        return statistics.median(one / other for one, other in pairs)


def in_turn(variants: Mapping[str, Work], rounds: int, clock: Callable[[], float] = time.perf_counter) -> Rounds:
    """Run every variant once a round, each round beginning with another one.

    What only calculates, in this thread, may be timed by `time.thread_time`: the processor's time for it.
    """
    names = list(variants)
    for name in names:
        variants[name]()
    rates: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            rates[name].append(_rate(variants[name], clock))
    return Rounds(rates)


def repeated(do: Callable[[], object], times: int) -> Work:
    """The same thing so many times."""

    def work() -> int:
        for _ in range(times):
            do()
        return times

    return work


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@contextmanager
def on_core(number: int) -> Iterator[None]:
    """This thread, and whatever it starts, on one core alone."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(before)[number % len(before)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _rate(work: Work, clock: Callable[[], float]) -> float:
    began = clock()
    done = work()
    return done / (clock() - began)
