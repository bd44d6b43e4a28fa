"""What Google calls: "this card was saved", "this card was removed", and the pictures of our classes and stamp cards.

Also the address that brings a member's card to Google and the member along with it. A callback is believed only
when `callback.verify` says so; the same one twice has one effect, and an older one that comes late has none.
Everything that was believed is answered with 200, so that Google stops saying it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import structlog
from flask import Blueprint, Flask, Response, abort, redirect, request
from werkzeug.exceptions import RequestEntityTooLarge, TooManyRequests

from ... import cards, installations, programmes
from ...drawing import stamp_card
from ...errors import NotFound, PassesError
from ...look import stampcard
from ...rates import Rate
from ...store import Connection
from . import SAVE_LABEL, Google, book
from .callback import MOST_BODY_BYTES, Callback, Refusal, malformed, verify
from .keys import RootKeys, fetch

if TYPE_CHECKING:
    from ...service import Service

log = structlog.get_logger()

PICTURES = {"logo": "emblem", "hero": "hero"}
ROBOTS = "User-agent: *\nDisallow: /api/\nDisallow: /card/\nDisallow: /google/save/\nAllow: /\n"
_FOR_EVER, _FOR_NOW = "public, max-age=31536000, immutable", "public, max-age=300"


def register(app: Flask, wallet: Google) -> None:
    """Put everything below `/google`, and robots.txt where robots look: Google calls nobody who forbids it."""
    calls = Calls(cast("Service", app.extensions["passes"]), wallet)
    blueprint = Blueprint("google", __name__)
    blueprint.add_url_rule("/google/callback", view_func=calls.callback, methods=["POST"])
    blueprint.add_url_rule("/google/images/<look>/<digest>/<name>.png", view_func=calls.picture)
    blueprint.add_url_rule("/google/stamps/<programme>/<digest>/<int:filled>.png", view_func=calls.stamps)
    blueprint.add_url_rule("/google/save/<serial>/<proof>", view_func=calls.save)
    blueprint.add_url_rule("/robots.txt", view_func=robots)
    app.register_blueprint(blueprint)


def robots() -> Response:
    return Response(ROBOTS, mimetype="text/plain")


class Calls:
    """The views."""

    def __init__(self, service: Service, wallet: Google) -> None:
        limits = service.settings.limits
        self._service, self._wallet = service, wallet
        self._keys = RootKeys(wallet.keys_url, fetch, service.clock)
        self._rate = Rate("api", limits.api, limits.storage)

    def callback(self) -> Response:
        """Somebody says that Google says something."""
        self._refuse_flood()
        body = _body()
        said = malformed(body) or self._verified(body)
        if isinstance(said, Refusal):
            log.info("callback refused", why=said.reason, status=said.status)
            return Response(status=said.status)
        with self._service.store.transaction() as tx:
            self._take(tx, said)
        return Response(status=200)

    def picture(self, look: str, digest: str, name: str) -> Response:
        """A look's picture; under an earlier digest the one of today, and not for long."""
        found = self._wallet.looks.get(look)
        image = found.images.get(PICTURES[name]) if found and name in PICTURES else None
        if found is None or image is None:
            abort(404)
        return _picture(image, digest == found.digest)

    def stamps(self, programme: str, digest: str, filled: int) -> Response:
        """The programme's stamp card, so full; only what some card can show, so nobody can ask for endless ones."""
        with self._service.store.reading() as tx:
            promise = programmes.find(tx, programme[:64]).promise
        card, look = stamp_card(promise), self._wallet.looks.get(promise.look)
        if card is None or look is None or not card.can_be_drawn or filled > card.of:
            abort(404)
        seen = stampcard.places(replace(card, filled=filled))
        image = self._wallet.stamp_cards.hero(look, seen)
        return _picture(image, digest == stampcard.digest(look.digest, seen))

    def save(self, serial: str, proof: str) -> Response:
        """Bring the card to Google, and its member after it."""
        with self._service.store.reading() as tx:
            held = cards.find(tx, "serial", serial[:64])
        subject = self._wallet.subject(held.revision.card) if held else ""
        if not self._wallet.links.is_dated(SAVE_LABEL, subject, proof, self._service.now) or held is None:
            raise NotFound("There is no card behind this link. Open your card's page and take a new link from there.")
        return cast(Response, redirect(self._wallet.issue(held.revision).url, 303))

    def _refuse_flood(self) -> None:
        if not self._rate.ask(f"google callback {request.remote_addr}").is_allowed:
            raise TooManyRequests()

    def _verified(self, body: bytes) -> Callback | Refusal:
        roots = self._keys.current()
        return verify(body, roots, self._wallet.issuer_id, int(self._service.clock() * 1000))

    def _take(self, tx: Connection, said: Callback) -> None:
        now = self._service.now
        if not book.is_new(tx, said.nonce, now):
            return
        known = book.object_(tx, said.object_id)
        # The card's row first, as everywhere.
        held = cards.find(tx, "id", known.card_id, lock=True) if known else None
        row = book.object_(tx, said.object_id, lock=True)
        if held is None or row is None:
            log.info("callback about an unknown card")
        elif said.expires_ms < row.event_ms:
            log.info("callback out of order")
        elif said.event == "save":
            book.saved(tx, row.id, now, said.expires_ms)
            self._wallet.install(tx, held.serial, row.id)
        else:
            book.removed(tx, row.id, now, said.expires_ms)
            installations.forget(tx, held.id, self._wallet.name, row.id)


def _picture(image: bytes, is_of_today: bool) -> Response:
    answer = Response(image, mimetype="image/png")
    answer.headers["Cache-Control"] = _FOR_EVER if is_of_today else _FOR_NOW
    return answer


def _body() -> bytes:
    request.max_content_length = MOST_BODY_BYTES
    try:
        return request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise PassesError("The body is larger than 64 KiB.") from None
