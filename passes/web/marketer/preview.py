"""An e-card as it will look with an offer on it, for a member who does not exist. Pure."""

from __future__ import annotations

from dataclasses import replace

from ...card import Card, Offer
from ...drawing import Facts, Lot, draw
from ...offers import Draft
from ...programmes import Programme

_JOINED_SECONDS_AGO = 90 * 86_400


def sample(programme: Programme, draft: Draft, name: str, language: str, now: int) -> Card:
    """The card at the moment the offer begins."""
    begins = max(now, draft.starts)
    offer = Offer("preview", draft.title, draft.body, draft.starts, draft.ends, draft.tier, draft.announce)
    promise = replace(programme.promise, offers=(offer, *programme.promise.offers))
    tiers = sorted(programme.definition.levels, key=lambda tier: tier.threshold)
    tier = next((tier for tier in tiers if tier.key == draft.tier), tiers[0] if tiers else None)
    nearest = min((reward.cost for reward in promise.rewards), default=100)
    facts = Facts(
        promise=promise,
        serial="preview",
        number="000000000000",
        code="",
        name=name,
        language=language,
        status="active",
        joined=begins - _JOINED_SECONDS_AGO,
        earned=tier.threshold if tier else 0,
        tier=tier.key if tier else None,
        lots=(Lot(max(1, nearest * 3 // 5)),),
    )
    return draw(facts, begins)
