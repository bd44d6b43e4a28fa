"""Apple Wallet: gives a member the card as a signed pass, and nudges phones that hold an old one.

A nudge carries nothing: the phone then asks our web service (`service`) what changed and fetches it.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from ...card import Revision
from ...config import Settings
from ...errors import ConfigError
from ...links import Links
from ...look import Look
from ...look.stampcard import StampCards
from ...secrets import Secrets, url_text
from .. import File, Outcome, Parts, Resident, Stale
from .bundle import MEDIA_TYPE, Template
from .certificates import Identity, ssl_context
from .keychain import Keychain
from .push import APNs, Nudge
from .render import Issuer
from .shelf import Shelf

if TYPE_CHECKING:
    from flask import Flask

TOKEN_LABEL = "pass-token"
DOWNLOAD_LABEL = "apple-download"
MEMBER_DOWNLOAD_LABEL = "apple-download-member"
DAY_SECONDS = 86_400


class Apple(Resident):
    """The wallet of iPhones and watches, for one pass type."""

    name = "apple"
    title = "Apple Wallet"

    def __init__(
        self,
        settings: Settings,
        secrets: Secrets,
        links: Links,
        looks: Mapping[str, Look],
        stamp_cards: StampCards,
        keychain: Keychain,
        apns: APNs,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.links = links
        self.keychain = keychain
        self.apns = apns
        self._secrets = secrets
        self._looks = looks
        self._stamp_cards = stamp_cards
        self._clock = clock
        self._public_url = settings.server.public_url
        self._zone = settings.zone
        self._link_seconds = settings.apple.download_days * DAY_SECONDS
        self._templates: dict[str, Template] = {}
        self._shelf = Shelf()
        self.pass_type = keychain.identity.pass_type

    def issue(self, revision: Revision) -> File:
        """The signed pass; the same revision gives the same bytes as long as they are kept."""
        card = revision.card
        look = self._look(card.look)
        key = (card.serial, revision.number, look.digest, self.keychain.identity.fingerprint)
        template = self._template(look)
        rest = self._shelf.get(key, lambda: self._rest(revision, template))
        return File(f"{card.programme}.pkpass", MEDIA_TYPE, template.beginning(card) + rest)

    def push(self, batch: Sequence[Stale]) -> Sequence[Outcome]:
        """Nudge every device of the batch, each once."""
        return self.apns.send([Nudge(stale.address, stale.urgent) for stale in batch])

    def token(self, serial: str, nonce: bytes, key_id: str) -> str:
        """What a phone proves with that it holds this pass; never stored, never changes."""
        parts = (self.pass_type.encode(), serial.encode(), nonce)
        return url_text(self._secrets.derive(TOKEN_LABEL, *parts, key_id=key_id))

    def link(self, revision: Revision) -> str:
        """Where the member gets the pass from, for some days. Ends in .pkpass because some browsers go by that."""
        serial = revision.card.serial
        return f"{self._public_url}/apple/download/{serial}/{self._proof(DOWNLOAD_LABEL, serial)}.pkpass"

    def link_many(self, member: str) -> str:
        """Where a member gets the passes of all their cards in one file."""
        proof = self._proof(MEMBER_DOWNLOAD_LABEL, member)
        return f"{self._public_url}/apple/download/member/{member}/{proof}.pkpasses"

    def register(self, app: Flask) -> None:
        """The protocol that phones speak, and the download links."""
        from . import service

        service.register(app, self)

    def trouble(self, now: int) -> str:
        if self.keychain.identity.can_sign(now):
            return ""
        return "No pass can be signed: the certificate is not valid now. `passes doctor` says more."

    def days_left(self, now: int) -> int:
        return self.keychain.identity.days_left(now)

    def close(self) -> None:
        self.apns.close()

    def _proof(self, label: str, subject: str) -> str:
        return self.links.dated(label, subject, int(self._clock()) + self._link_seconds)

    def _rest(self, revision: Revision, template: Template) -> bytes:
        token = self.token(revision.card.serial, revision.nonce, revision.key_id)
        link, friends = self.links.card(revision), self.links.friends(revision.card)
        return template.rest(revision.card, token, link, int(self._clock()), friends)

    def _look(self, name: str) -> Look:
        look = self._looks.get(name)
        if look is None:
            raise ConfigError(f"The look “{name}” is gone from templates/cards; put it back or change the programme.")
        return look

    def _template(self, look: Look) -> Template:
        if look.name not in self._templates:
            identity = self.keychain.identity
            issuer = Issuer(identity.pass_type, identity.team, f"{self._public_url}/apple", self._zone)
            self._templates[look.name] = Template(look, issuer, _Newest(self.keychain), self._stamp_cards)
        return self._templates[look.name]


class _Newest:
    """Signs with whatever certificate is in force at that moment."""

    def __init__(self, keychain: Keychain) -> None:
        self._keychain = keychain

    def sign(self, manifest: bytes, at: int) -> bytes:
        return self._keychain.signer.sign(manifest, at)


def open_wallet(parts: Parts) -> Apple | None:
    """The wallet as configured, None when no certificate is; bad files are a ConfigError."""
    settings = parts.settings
    chosen = settings.apple
    if chosen.certificate is None or chosen.wwdr is None:
        return None
    certificate, wwdr = settings.path(chosen.certificate), settings.path(chosen.wwdr)
    key = settings.path(chosen.key) if chosen.key else None
    keychain = Keychain(certificate, key, wwdr, chosen.key_password or None, parts.clock)
    ca = settings.path(chosen.apns_ca) if chosen.apns_ca else None

    def context() -> ssl.SSLContext:
        return ssl_context(keychain.identity, ca)

    apns = APNs(chosen.apns_url, keychain.identity.pass_type, context, push_type=chosen.apns_push_type or None)
    return Apple(settings, parts.secrets, parts.links, parts.looks, parts.stamp_cards, keychain, apns, parts.clock)


__all__ = ["Apple", "Identity", "open_wallet"]
