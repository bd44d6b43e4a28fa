"""How often somebody comes, from the days on which they did; pure, and silent where it cannot know.

The usual gap is the median of the last ones, which one holiday does not move. Nothing is said of fewer than three gaps,
nor of gaps so uneven that a guess would be no better than chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

LEAST_GAPS, MOST_GAPS = 3, 12
MOST_SPREAD = 0.5


@dataclass(frozen=True)
class Rhythm:
    """The usual gap in days, and how far a gap usually is from it, as a share of it."""

    gap: float
    spread: float


def rhythm_of(days: Sequence[int]) -> Rhythm | None:
    """By the days of purchases, as ordinals in any order; several on one day are one visit."""
    visits = sorted(set(days))[-MOST_GAPS - 1 :]
    gaps = [later - earlier for earlier, later in pairwise(visits)]
    if len(gaps) < LEAST_GAPS:
        return None
    gap = float(median(gaps))
    spread = float(median(abs(each - gap) for each in gaps)) / gap
    return Rhythm(gap, spread) if spread <= MOST_SPREAD else None
