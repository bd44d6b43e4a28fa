"""Which tier a member is in."""

from __future__ import annotations

import pytest

from passes.card import Tier
from passes.points.tiers import tier_for

TIERS = (Tier("gold", {}, 1000), Tier("silver", {}, 200), Tier("platinum", {}, 5000))


@pytest.mark.parametrize(
    ("earned", "tier"),
    [(0, None), (199, None), (200, "silver"), (999, "silver"), (1000, "gold"), (4999, "gold"), (10**12, "platinum")],
)
def test_the_highest_reached_counts_in_whatever_order_they_are_written(earned: int, tier: str | None):
    assert tier_for(earned, TIERS) == tier


def test_a_tier_from_nothing_on_is_everybodys():
    assert tier_for(0, (Tier("member", {}, 0),)) == "member"
    assert tier_for(5, ()) is None
