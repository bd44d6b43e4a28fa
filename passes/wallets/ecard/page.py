"""The e-card over HTTP: the page, what it asks for while it is seen, and the files beside it.

Everything lies below one card's address, `/card/<serial>/<key>`, whose key is the only credential: a
forged one is answered as an unknown card, one that was taken back as gone. Nothing here is kept by any
cache but the phone's own worker, which sees no other address.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    jsonify,
    redirect,
    render_template,
    request,
    url_for,
)
from sqlalchemy import select

from ... import cards, programmes
from ...card import Card
from ...cards import Held
from ...codes import DAY_SECONDS
from ...definition import LAST_INSTANT
from ...errors import BadInput
from ...look import Look
from ...look.colours import written
from ...points.why import Teller
from ...store import tables as t
from ...words import LANGUAGES, OWN_NAMES, Words
from .. import File, Link, Resident
from .deeds import TOLD, Deeds, Own
from .face import Face, Line, face, history
from .history import entries
from .picture import card_png, code_path, code_size
from .turning import turning

if TYPE_CHECKING:
    from ...service import Service


def register(app: Flask) -> None:
    """Put the page and its files below `/card/`."""
    service = cast("Service", app.extensions["passes"])
    deeds = Deeds(service)
    page = Page(service, deeds)
    blueprint = Blueprint("ecard", __name__, url_prefix="/card/<serial>/<key>")
    blueprint.add_url_rule("", view_func=page.show)
    blueprint.add_url_rule("/state", view_func=page.state)
    blueprint.add_url_rule("/language", view_func=page.choose_language, methods=["POST"])
    blueprint.add_url_rule("/coupon", view_func=deeds.claim, methods=["POST"])
    blueprint.add_url_rule("/receipt", view_func=deeds.add, methods=["POST"])
    blueprint.add_url_rule("/nickname", view_func=deeds.name, methods=["POST"])
    blueprint.add_url_rule("/card.png", view_func=page.picture)
    blueprint.add_url_rule("/manifest.webmanifest", view_func=page.manifest)
    blueprint.add_url_rule("/worker.js", view_func=page.worker)
    blueprint.add_url_rule("/wallet/<name>", view_func=page.wallet)
    app.register_blueprint(blueprint)


@dataclass(frozen=True)
class Shown:
    """A card as this page is about to show it."""

    held: Held
    card: Card
    look: Look
    words: Words
    face: Face


class Page:
    """The views. Each finds the card by its link first, and so answers nobody else."""

    def __init__(self, service: Service, deeds: Deeds) -> None:
        self._service, self._deeds = service, deeds

    def show(self, serial: str, key: str) -> str:
        shown, happened = self._shown_with_history(serial, key)
        context = self._context(shown, happened, _address(serial, key))
        own = Own() if shown.face.ended else self._deeds.own(shown.held)
        return render_template("customer/card.html", **context, own=own, told=self._told(shown.words))

    def state(self, serial: str, key: str) -> Response:
        """204 while the revision that the page shows is the newest and its credential today's, else what changed."""
        held = cards.glance_by_link(self._service.store, serial, key, self._service.secrets)
        today = str(self._service.now // DAY_SECONDS)
        if request.args.get("revision") == str(held.row.revision) and request.args.get("day", today) in ("", today):
            answer = Response(status=204)
        else:
            shown, happened = self._shown_with_history(serial, key)
            answer = Response(
                render_template("customer/_live.html", **self._context(shown, happened, _address(serial, key)))
            )
        answer.headers["X-Now"] = str(self._service.now)
        return answer

    def choose_language(self, serial: str, key: str) -> Response:
        """The card keeps the language, in every wallet. The link itself shows that the member asks."""
        language = request.form.get("language", "")
        if language not in LANGUAGES:
            raise BadInput(f"The language is one of {', '.join(LANGUAGES)}.", field="language")
        with self._service.store.transaction() as tx:
            held = cards.by_link(tx, serial, key, self._service.secrets)
            member = tx.execute(select(t.Member.public_id).where(t.Member.id == held.row.member_id)).scalar_one()
            self._service.members.change(tx, member, {"language": language}, self._service.now)
        return _see(_address(serial, key))

    def picture(self, serial: str, key: str) -> Response:
        shown = self._shown(serial, key)
        return Response(card_png(shown.face, shown.card.code, shown.look), mimetype="image/png")

    def manifest(self, serial: str, key: str) -> Response:
        """What a phone needs to keep the page as an app of its own."""
        shown = self._shown(serial, key)
        address, look = _address(serial, key), shown.look
        icons = [{"src": f"/looks/{look.name}/icon-{side}.png", "sizes": f"{side}x{side}"} for side in (192, 512)]
        answer = jsonify(
            name=shown.face.title,
            short_name=shown.face.title[:24],
            lang=shown.words.language,
            id=address,
            start_url=address,
            scope=address,
            display="standalone",
            background_color=written(look.background),
            theme_color=written(look.background),
            icons=[icon | {"type": "image/png", "purpose": "any maskable"} for icon in icons],
        )
        answer.mimetype = "application/manifest+json"
        return answer

    def worker(self, serial: str, key: str) -> Response:
        self._shown(serial, key)
        answer = current_app.send_static_file("js/worker.js")
        answer.headers["Service-Worker-Allowed"] = _address(serial, key)
        answer.headers["Cache-Control"] = "private, no-cache"
        return answer

    def wallet(self, serial: str, key: str, name: str) -> Response:
        """The same card for another wallet, as a file or as the link that wallet opens."""
        held = self._shown(serial, key).held
        card = held.revision.card
        if card.is_void or name not in [wallet.name for wallet in self._others(card)]:
            abort(404)
        match self._service.wallets[name].issue(held.revision):
            case File(name=file_name, media_type=media_type, body=body):
                answer = Response(body, mimetype=media_type)
                answer.headers["Content-Disposition"] = f'attachment; filename="{file_name}"'
                return answer
            case Link(url=url):
                return _see(url)

    def _told(self, words: Words) -> str:
        """What came of a deed, by the words in the address that it led to."""
        told, ended = request.args.get("told", ""), request.args.get("ended", 1, int)
        if told not in TOLD or not 0 < ended <= LAST_INSTANT:
            return ""
        return words.say(f"told.{told}", date=words.date(ended - 1, self._service.settings.zone))

    def _others(self, card: Card) -> list[Resident]:
        others = [wallet for wallet in self._service.wallets.values() if wallet is not self._service.ecard]
        return [wallet for wallet in others if wallet.is_offered(card)]

    def _shown(self, serial: str, key: str) -> Shown:
        return self._drawn(cards.glance_by_link(self._service.store, serial, key, self._service.secrets))

    def _shown_with_history(self, serial: str, key: str) -> tuple[Shown, tuple[Line, ...]]:
        with self._service.store.reading() as tx:
            held = cards.by_link(tx, serial, key, self._service.secrets)
            happened = entries(tx, held.id)
            programme = programmes.of_card(tx, held)
        shown = self._drawn(held)
        teller = Teller(programme.definition, shown.words)
        return shown, history(held.revision.card, shown.words, self._service.settings.zone, happened, teller)

    def _drawn(self, held: Held) -> Shown:
        card = held.revision.card
        look = self._service.looks[card.look]
        words = self._service.words_in(card.language, card.look)
        return Shown(held, card, look, words, face(card, words, self._service.settings.zone, self._service.now))

    def _context(self, shown: Shown, happened: tuple[Line, ...], address: str) -> dict[str, Any]:
        zone, now = self._service.settings.zone, self._service.now
        card, words = shown.card, shown.words
        return {
            "words": words,
            "face": shown.face,
            "look": shown.look,
            "history": happened,
            "turning": turning(shown.held.revision, self._service.secrets, now),
            "code": {"path": code_path(card.code), "size": code_size(card.code)},
            "revision": shown.held.row.revision,
            "address": address,
            "contact": card.contact,
            "website": _website(card.contact.website),
            "wallets": [(wallet.name, _button(wallet, words)) for wallet in self._others(card)],
            "own_names": OWN_NAMES.items(),
            "theme_colour": written(shown.look.background),
            "welcome": "welcome" in request.args and not shown.face.ended,
            "at": now,
            "as_of": words.moment(now, zone),
            "zone": str(zone),
        }


def _button(wallet: Resident, words: Words) -> str:
    key = f"card.{wallet.name}"
    return words.say(key) if words.has(key) else words.say("card.wallet", wallet=wallet.title)


def _address(serial: str, key: str) -> str:
    return url_for("ecard.show", serial=serial, key=key)


def _website(website: str) -> str:
    """A website as people write it, as an address; anything but http is not linked."""
    if not website:
        return ""
    return website if website.startswith(("https://", "http://")) else f"https://{website}"


def _see(address: str) -> Response:
    return cast(Response, redirect(address, 303))
