"""What a reminder or an offer did: those who had it against those who by lot had not. Pure arithmetic.

Some of those it is for get nothing, at random, so whoever comes anyway is counted on both sides. The difference of
two shares comes with the interval in which it lies nineteen times out of twenty (Newcombe's, by Wilson's scores, which
stays honest for small groups); while that holds zero, nothing is claimed. What was spent has an interval of its own:
few large bills tell little, however many came.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

LEAST_PEOPLE = 30
_Z = 1.959964


@dataclass(frozen=True)
class Arm:
    """How many it was for, how many of them came in time, and what they spent then, in the smallest unit.

    `squares` is the sum over people of what each spent, squared.
    """

    people: int = 0
    came: int = 0
    spent: int = 0
    squares: float = 0.0

    @classmethod
    def of(cls, people: int, came: int, spent: Any, squares: Any) -> Arm:
        """From sums as a store gives them: nothing where nobody came."""
        return cls(people, came, int(spent or 0), float(squares or 0))

    @property
    def share(self) -> float:
        return self.came / self.people if self.people else 0.0

    @property
    def mean(self) -> float:
        """What one of them spent, who did not come included."""
        return self.spent / self.people if self.people else 0.0

    @property
    def error(self) -> float:
        """The variance of the mean."""
        if self.people < 2:
            return 0.0
        return max(0.0, self.squares / self.people - self.mean**2) / (self.people - 1)

    @property
    def bounds(self) -> tuple[float, float]:
        """Wilson's score interval of the share."""
        if not self.people:
            return 0.0, 1.0
        n, p, square = self.people, self.share, _Z * _Z
        middle = (p + square / (2 * n)) / (1 + square / n)
        reach = _Z * sqrt(p * (1 - p) / n + square / (4 * n * n)) / (1 + square / n)
        return middle - reach, middle + reach


@dataclass(frozen=True)
class Effect:
    """Two groups that differ in nothing but the lot."""

    given: Arm
    control: Arm

    @property
    def uplift(self) -> float:
        """By how much the share of those who came is greater among those who had it."""
        return self.given.share - self.control.share

    @property
    def interval(self) -> tuple[float, float]:
        (low, high), (least, most) = self.given.bounds, self.control.bounds
        down = sqrt((self.given.share - low) ** 2 + (most - self.control.share) ** 2)
        up = sqrt((high - self.given.share) ** 2 + (self.control.share - least) ** 2)
        return self.uplift - down, self.uplift + up

    @property
    def extra_members(self) -> int:
        return round(self.uplift * self.given.people)

    @property
    def extra_spent(self) -> int:
        """What those who had it spent beyond what as many others would have."""
        return round(self._more * self.given.people)

    @property
    def spent_interval(self) -> tuple[int, int]:
        """In which `extra_spent` lies nineteen times out of twenty."""
        reach = _Z * sqrt(self.given.error + self.control.error)
        return round((self._more - reach) * self.given.people), round((self._more + reach) * self.given.people)

    @property
    def shows_spending(self) -> bool:
        """Whether it is shown that more was spent."""
        return self.verdict == "more come" and self.spent_interval[0] > 0

    @property
    def _more(self) -> float:
        """By how much more one of them spent."""
        return self.given.mean - self.control.mean if self.given.people and self.control.people else 0.0

    def extra_margin(self, percent: int) -> int:
        """What is left of that for the shop, where so much of a hundred is."""
        return self.extra_spent * percent // 100

    @property
    def came_anyway(self) -> float:
        """The share of those who came that would have come without it."""
        return min(1.0, self.control.share / self.given.share) if self.given.came else 0.0

    @property
    def verdict(self) -> str:
        """`too few`, `more come`, `fewer come`, or `no effect shown`."""
        low, high = self.interval
        if min(self.given.people, self.control.people) < LEAST_PEOPLE:
            return "too few"
        if low > 0:
            return "more come"
        return "fewer come" if high < 0 else "no effect shown"
