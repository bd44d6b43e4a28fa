"""Power off for a process at any moment: what was acknowledged stays, nothing is half, everybody is told.

A short run of `tests.long.crash`, which does the same ten thousand times.
"""

from __future__ import annotations

import pytest

from tests.long.crash import POINTS, Trials, database


@pytest.mark.parametrize(("kind", "kills"), [("sqlite", 84), ("postgresql", 28)])
def test_whatever_dies_when_nothing_is_lost_doubled_or_half(kind: str, kills: int):
    with database(kind) as url:
        trials = Trials(url, seed=20_260_101)
        figures = trials.run(kills)
        trials.close()
    assert figures.is_clean, str(figures)
    assert figures.kills == kills and set(figures.points) == set(POINTS)
    assert figures.acknowledged > kills // 2, "they die before they did anything"
