"""Addresses that open a card without a password; knowing one is holding the card.

A link carries a key derived from the service's secrets, so it cannot be guessed and nothing is stored; it
ends when the card's links are revoked, or at the time written in it.
"""

from __future__ import annotations

from .card import Card, Revision
from .cards import link_key
from .errors import PassesError
from .secrets import Secrets, same, url_text


class LinkExpired(PassesError):
    status = 410
    code = "link_expired"

    def __init__(self) -> None:
        super().__init__("This link has expired. Open your card again and take a new one from there.")


class Links:
    """Makes and checks links to cards of this service."""

    def __init__(self, public_url: str, secrets: Secrets) -> None:
        self._public_url = public_url
        self._secrets = secrets

    def card(self, revision: Revision) -> str:
        """The member's own page of the card."""
        card = revision.card
        key = link_key(self._secrets, card.serial, revision.nonce, card.link_version, revision.key_id)
        return f"{self._public_url}/card/{card.serial}/{key}"

    def friends(self, card: Card) -> str:
        """Where the member's friends join; empty where bringing them is not rewarded."""
        return f"{self._public_url}/join/{card.programme}?friend={card.friend}" if card.friend else ""

    def dated(self, label: str, subject: str, until: int) -> str:
        """`<until>.<key>`: proof that we let `subject` have what `label` names, until then."""
        return f"{until:x}.{self._key(label, subject, until, self._secrets.current)}"

    def is_dated(self, label: str, subject: str, proof: str, now: int) -> bool:
        """Whether a proof is ours; raises `LinkExpired` when it was and its time is over."""
        text, _, key = proof.partition(".")
        if not (0 < len(text) <= 10 and set(text) <= set("0123456789abcdef")):
            return False
        until = int(text, 16)
        if not any(same(key, self._key(label, subject, until, key_id)) for key_id in self._secrets.ids()):
            return False
        if until < now:
            raise LinkExpired
        return True

    def _key(self, label: str, subject: str, until: int, key_id: str) -> str:
        parts = (subject.encode("utf-8", "surrogatepass"), until.to_bytes(8, "big"))
        return url_text(self._secrets.derive(label, *parts, key_id=key_id)[:16])
