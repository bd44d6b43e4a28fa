"""What phones call: registering for news of a card, asking what changed, fetching it, complaining.

The protocol is the "PassKit Web Service Reference", served at `/apple/v1`. A pass's own token opens that pass and
no other; whoever asks about an unknown pass gets the answer, and costs the work, of a wrong token. Which cards
a device has is told to whoever knows the device's id, as the protocol wants it, so that id is a secret
here: nothing of what phones send is logged. Neither this nor a redirect ever leads a phone elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from flask import Blueprint, Flask, Response, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import http_date, parse_date

from ... import cards, installations
from ...cards import Held
from ...errors import NotFound, PassesError, Unauthorised
from ...secrets import NONCE_BYTES, same
from . import Apple, devicelog, tags, tokens
from .bundle import MEDIA_TYPE
from .download import Downloads
from .fetched import Fetched

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from ...service import Service

# Apple's own word, and those of apps for other phones that speak the same protocol.
SCHEMES = ("ApplePass", "AndroidPass", "WalletUnionPass", "WalletUnionHMSPass")
MOST_REGISTRATION_BYTES = 4 * 1024
MOST_DATE = 64
_SERIAL = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DEVICE = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_SLASHES = re.compile("/{2,}")
REGISTRATION = "/v1/devices/<device>/registrations/<pass_type>/<serial>"
LIST = "/v1/devices/<device>/registrations/<pass_type>"
PASS = "/v1/passes/<pass_type>/<serial>"


def register(app: Flask, wallet: Apple) -> None:
    """Put the protocol and the download links below `/apple`."""
    service = cast("Service", app.extensions["passes"])
    phones = Phones(service, wallet)
    downloads = Downloads(service, wallet)
    complaints = devicelog.Complaints(service)
    blueprint = Blueprint("apple", __name__, url_prefix="/apple")
    blueprint.add_url_rule(REGISTRATION, view_func=phones.register, methods=["POST"])
    blueprint.add_url_rule(REGISTRATION, view_func=phones.unregister, methods=["DELETE"])
    blueprint.add_url_rule(LIST, view_func=phones.list)
    blueprint.add_url_rule(PASS, view_func=phones.get)
    blueprint.add_url_rule(f"{PASS}/personalize", view_func=phones.personalise, methods=["POST"])
    blueprint.add_url_rule("/v1/log", view_func=complaints.take, methods=["POST"])
    blueprint.add_url_rule("/download/<serial>/<proof>.pkpass", view_func=downloads.one)
    blueprint.add_url_rule("/download/member/<member>/<proof>.pkpasses", view_func=downloads.many)
    app.register_blueprint(blueprint)
    app.wsgi_app = _with_single_slashes(app.wsgi_app)  # type: ignore[assignment, method-assign]


class Phones:
    """The calls of the protocol that concern cards."""

    def __init__(self, service: Service, wallet: Apple) -> None:
        self._service = service
        self._wallet = wallet
        self._fetched = Fetched(service.store)

    def register(self, device: str, pass_type: str, serial: str) -> Response:
        """201 for a new place of the card, 200 for a known one, which may have a new push token."""
        self._holder(pass_type, serial)
        if not _DEVICE.fullmatch(device):
            raise PassesError("The device's id is 1 to 128 letters, digits or . _ : -")
        token = _push_token()
        now, now_ms = self._service.now, int(self._service.clock() * 1000)
        with self._service.store.transaction() as tx:
            held = cards.by_serial(tx, serial, lock=True)
            new = installations.add(
                tx, held.id, held.row.revision, self._wallet.name, device, token, now=now, now_ms=now_ms
            )
        return _empty(201 if new else 200)

    def unregister(self, device: str, pass_type: str, serial: str) -> Response:
        """The card was removed there, or its updates switched off; saying so again changes nothing."""
        held = self._holder(pass_type, serial)
        with self._service.store.transaction() as tx:
            installations.forget(tx, held.id, self._wallet.name, device)
        return _empty(200)

    def list(self, device: str, pass_type: str) -> Response:
        """The device's cards that changed since the tag it was given last; all without a tag of ours."""
        if pass_type != self._wallet.pass_type or not _DEVICE.fullmatch(device):
            return _empty(204)
        revisions = installations.at_place(self._service.store, self._wallet.name, device)
        changed = tags.changed(request.args.get("passesUpdatedSince"), revisions)
        if not changed:
            return _empty(204)
        return jsonify(serialNumbers=changed, lastUpdated=tags.write(revisions))

    def get(self, pass_type: str, serial: str) -> Response:
        """The newest pass; 304 without signing when the phone has it already."""
        held = self._holder(pass_type, serial)
        now, modified = self._service.now, int(held.row.modified)
        since = _since()
        # A date from beyond the present is not one that we gave out, unless our clock went back.
        if since is not None and modified <= since <= max(now, modified):
            return _empty(304)
        response = Response(self._wallet.issue(held.revision).body, content_type=MEDIA_TYPE)
        # Never later than now: RFC 9110, 8.8.2.1.
        response.headers["Last-Modified"] = http_date(min(modified, now))
        if request.method == "GET":
            self._fetched.note(held)
        return response

    def personalise(self, pass_type: str, serial: str) -> Response:
        """Phones call it for passes with an enrolment form, and ours have none."""
        raise NotFound("Our passes have no enrolment form; members join on the shop's web page.")

    def _holder(self, pass_type: str, serial: str) -> Held:
        """The card whose token came with the request; one answer and one price for whatever is wrong."""
        named = serial if _SERIAL.fullmatch(serial) else ""
        held = cards.glance(self._service.store, named)
        current = self._service.secrets.current
        nonce, key_id = (held.row.nonce, held.row.key_id) if held else (bytes(NONCE_BYTES), current)
        expected = self._wallet.token(named, nonce, key_id)
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        is_right = same(token, expected)
        if held is None or not (is_right and scheme in SCHEMES and pass_type == self._wallet.pass_type):
            raise Unauthorised("The pass's own token is needed: Authorization: ApplePass <token>")
        return held


def _push_token() -> str:
    """The push token in the body; phones do not always say that the body is JSON."""
    scheme = request.headers["Authorization"].partition(" ")[0]
    return tokens.address(scheme, _body().get("pushToken"))


def _body() -> dict[str, Any]:
    request.max_content_length = MOST_REGISTRATION_BYTES
    try:
        read = json.loads(request.get_data(cache=False), object_pairs_hook=_distinct)
    except RequestEntityTooLarge:
        raise PassesError(f"The body has at most {MOST_REGISTRATION_BYTES} bytes.") from None
    except (ValueError, RecursionError):
        raise PassesError('The body is JSON such as {"pushToken": "0a1b…"}, each key once.') from None
    return read if isinstance(read, dict) else {}


def _distinct(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError("a key twice")
        found[key] = value
    return found


def _since() -> int | None:
    """The date of the pass that the phone has, in whole seconds; None for none that can be read."""
    text = request.headers.get("If-Modified-Since", "")
    return _seconds(text) if text and len(text) <= MOST_DATE else None


# Phones send back what we gave them, and an offer gives thousands of cards the same date.
@lru_cache(maxsize=1024)
def _seconds(text: str) -> int | None:
    try:
        date = parse_date(text)
        return int(date.astimezone(UTC).timestamp()) if date else None
    except (ValueError, OverflowError):
        return None


def _empty(status: int) -> Response:
    response = Response(status=status)
    del response.headers["Content-Type"]
    return response


def _with_single_slashes(application: WSGIApplication) -> WSGIApplication:
    """Phones join the address in the pass and `/v1` as they find them; a doubled slash means a single one."""

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if "//" in path and path.lstrip("/").startswith("apple/"):
            environ["PATH_INFO"] = _SLASHES.sub("/", path)
        return application(environ, start_response)

    return serve
