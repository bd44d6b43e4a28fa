"""Which tier a member is in: a pure function of what was earned in all."""

from __future__ import annotations

from collections.abc import Sequence

from ..card import Tier


def tier_for(earned: int, tiers: Sequence[Tier]) -> str | None:
    """The key of the highest tier reached, None when there is none."""
    reached = [tier for tier in tiers if tier.threshold <= earned]
    return max(reached, key=lambda tier: tier.threshold).key if reached else None
