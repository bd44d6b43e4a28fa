"""What a card's own page needs to make the card's codes by itself: keys of this card, and a credential for today.

Whoever has it can show the card, as whoever has the page can; it is in the page of that card and nowhere else,
and links that are taken back take it along.
"""

from __future__ import annotations

from dataclasses import dataclass

from ... import cards, codes, credentials
from ...card import Revision
from ...codes import DAY_SECONDS, Credential
from ...secrets import Secrets


@dataclass(frozen=True)
class Turning:
    """`plain` and `signed` begin a code, with and without the credential of `day`; `keys` are in hex."""

    plain: str
    signed: str
    day: int
    keys: str


def turning(revision: Revision, secrets: Secrets, now: int) -> Turning:
    """The keys of this card, and a credential for the day, which begins at midnight UTC."""
    card = revision.card
    id, generation, day = codes.id_of(card.code), card.link_version, now // DAY_SECONDS
    signer = credentials.signer(secrets, secrets.current)
    shown = Credential(id, generation, day, signer.id, card.tier.key if card.tier else "", card.balance)
    keys = cards.rotating_keys(secrets, id, generation, revision.key_id)
    signed = codes.signed(codes.short(shown), signer.sign)
    return Turning(codes.head(id, generation), signed, day, " ".join(key.hex() for key in keys))
