"""Google Wallet: a card is an object at Google, which shows it on every phone of its holder.

Google keeps the state, so telling it is giving it the state; phones are Google's affair. The object is made when
the member first asks for the card there, and from then on it is an installation like any other: kept true
until the member removes it, and emptied when the card ends. A member who never asks is never known to Google.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from ... import cards, installations, reconcile
from ...card import Card, Revision
from ...config import Settings
from ...errors import ConfigError, PassesError
from ...links import Links
from ...look import Look
from ...look.stampcard import StampCards
from ...secrets import Secrets
from ...store import Connection, Store
from .. import Link, Outcome, Parts, Pushed, Resident, Stale
from . import book, render
from .access import Account, Tokens
from .api import API, CALL_SECONDS
from .budget import Pace
from .link import MOST_TOKEN, SAVE_URL, SaveLinks
from .render import Issuer
from .telling import Telling

if TYPE_CHECKING:
    from flask import Flask

    from ...work import Round

OBJECT_LABEL = "google-object"
SAVE_LABEL = "google-save"
OBJECT_BYTES = 16
LINK_SECONDS = 30 * 86_400
PATIENCE_SECONDS = 5
# The last call may begin when time is nearly up, and take a token and a second call with it.
RESERVE_SECONDS = 4 * CALL_SECONDS
BATCH_SECONDS = 5


class NotOffered(PassesError):
    status = 503
    code = "wallet_unavailable"

    def __init__(self) -> None:
        super().__init__(
            "Google Wallet cannot take the card just now. Please try again in some minutes; "
            "the card's own page works all the same."
        )


class CardEnded(PassesError):
    status = 410
    code = "card_ended"

    def __init__(self) -> None:
        super().__init__("This card has ended and cannot be added to a wallet any more.")


class Google(Resident):
    """The wallet of Android phones, for one issuer."""

    name = "google"
    title = "Google Wallet"

    def __init__(
        self,
        settings: Settings,
        store: Store,
        secrets: Secrets,
        links: Links,
        looks: Mapping[str, Look],
        stamp_cards: StampCards,
        account: Account,
        clock: Callable[[], float] = time.time,
    ) -> None:
        chosen = settings.google
        self.issuer_id, self.keys_url = chosen.issuer_id, chosen.keys_url
        self.store, self.looks, self.links, self.clock = store, looks, links, clock
        self.stamp_cards = stamp_cards
        self.most_at_once = max(10, chosen.rate * BATCH_SECONDS)
        self._issuer = Issuer(
            chosen.issuer_id,
            settings.server.public_url,
            settings.shop.country,
            settings.shop.language,
            settings.zone,
            chosen.redemption_issuer,
        )
        self._in_russia, self._lease_seconds = chosen.in_russia, settings.work.lease_seconds
        self._secrets = secrets
        self._save_links = SaveLinks(account)
        self.api = API(chosen.api_url, Tokens(account, chosen.token_url), Pace(store, chosen.rate))
        most_seconds = self._lease_seconds - RESERVE_SECONDS
        self._telling = Telling(store, self.api, self._issuer, looks, links, secrets, most_seconds, clock)

    @property
    def now(self) -> int:
        return int(self.clock())

    def issue(self, revision: Revision) -> Link:
        """The link that saves the card; made when the card is at Google, and `NotOffered` when it cannot get there."""
        if revision.card.is_void:
            raise CardEnded
        object_id = self.object_id(revision)
        with self.store.transaction() as tx:
            row = book.object_(tx, object_id)
            self.install(tx, revision.card.serial, object_id)
        if row is None or not row.is_there:
            self._bring(object_id)
        kind, look = render.kind_of(revision.card.kind), self.looks[revision.card.look]
        tier = render.class_tier(look, revision.card.tier.key if revision.card.tier else None)
        class_id = render.class_id(self._issuer, revision.card.programme, tier)
        return Link(self._save_link(self._save_links.token(kind.link_list, object_id, class_id, int(time.time()))))

    def push(self, batch: Sequence[Stale]) -> Sequence[Outcome]:
        """Give Google the state of every object of the batch."""
        return self._telling.tell(batch)

    def link(self, revision: Revision) -> str:
        """Where a shop's system sends the member: an address of ours that takes the card to Google when opened."""
        proof = self.links.dated(SAVE_LABEL, self.subject(revision.card), self.now + LINK_SECONDS)
        return f"{self._issuer.public_url}/google/save/{revision.card.serial}/{proof}"

    def subject(self, card: Card) -> str:
        """What a link is for; links that were taken back are for an earlier generation of the card's links."""
        return f"{card.serial}.{card.link_version}"

    def is_offered(self, card: Card) -> bool:
        """Google does not offer its wallet in Russia."""
        return self._in_russia or not (card.language == "ru" or self._issuer.country == "RU")

    def object_id(self, revision: Revision) -> str:
        """Unguessable, for ever the same for this card, and telling nothing of its member."""
        parts = (revision.card.serial.encode(), revision.nonce)
        made = self._secrets.derive(OBJECT_LABEL, *parts, key_id=revision.key_id)[:OBJECT_BYTES]
        return f"{self.issuer_id}.{made.hex()}"

    def install(self, tx: Connection, serial: str, object_id: str) -> None:
        """From now on the object is told of every revision."""
        held = cards.by_serial(tx, serial, lock=True)
        book.add_object(tx, object_id, held.id, self.now)
        now_ms = int(self.clock() * 1000)
        revision = held.row.revision
        installations.add(tx, held.id, revision, self.name, object_id, object_id, now=self.now, now_ms=now_ms)

    def register(self, app: Flask) -> None:
        """What Google calls, and what members open."""
        from . import service

        service.register(app, self)

    def rounds(self) -> Sequence[Round]:
        from . import holders

        return [holders.round_of(self)]

    def close(self) -> None:
        self.api.close()

    def _save_link(self, token: str) -> str:
        if len(token) < MOST_TOKEN:
            return f"{SAVE_URL}/{token}"
        short = self.api.short_link(token)
        if short is None:
            raise NotOffered
        return short

    def _bring(self, object_id: str) -> None:
        """Have the object made at once; a worker may be at it already."""
        outcome = reconcile.tell(self.store, self, object_id, self.now, self._lease_seconds)
        with self.store.reading() as tx:
            a_worker_is_at_it = outcome is None and book.is_told(tx, object_id)
        ends = time.monotonic() + (PATIENCE_SECONDS if a_worker_is_at_it else 0)
        while not isinstance(outcome, Pushed):
            with self.store.reading() as tx:
                row = book.object_(tx, object_id)
            if row is not None and row.is_there:
                return
            if time.monotonic() >= ends:
                raise NotOffered
            time.sleep(0.05)


def open_wallet(parts: Parts) -> Google | None:
    """The wallet as configured, None when no service account is; a bad file is a ConfigError."""
    settings = parts.settings
    if settings.google.service_account is None:
        return None
    if settings.work.lease_seconds <= RESERVE_SECONDS:
        raise ConfigError(f"[work.lease_seconds] expected more than {RESERVE_SECONDS} with Google Wallet.")
    account = Account.read(settings.path(settings.google.service_account))
    return Google(
        settings, parts.store, parts.secrets, parts.links, parts.looks, parts.stamp_cards, account, parts.clock
    )


__all__ = ["Google", "open_wallet"]
