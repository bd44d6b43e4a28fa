"""The second step of a login, and the login by passkey.

After the right password whoever has a second factor is somebody half known: a signed note in the session, good for five
minutes, that opens nothing but this page. A passkey is a whole login and needs no password.
"""

from __future__ import annotations

import base64
from typing import Any

from flask import Blueprint, jsonify, redirect, request, session, url_for

from ... import factors, passkeys, staff, tries
from ...errors import BadInput, PassesError, Unauthorised
from ...network import counted_as
from ...service import Service
from ...staff import Person
from ..api import bodies
from ..current import service
from .backstage import check_form, own_path, refuse, show, words
from .views import enter, place_of

GOOD_SECONDS = 300
FREE_TRIES, FREE_FOR_ADDRESS = 5, 20

second = Blueprint("second", __name__, url_prefix="/login")
second.register_error_handler(PassesError, refuse)


@second.get("/second")
def ask() -> Any:
    return _page("") if _half() else redirect(url_for("login.log_in"), 303)


@second.post("/second")
def answer() -> Any:
    """A code of the app, or one of those for bad days."""
    check_form()
    person, here = _half(), service()
    if person is None:
        return redirect(url_for("login.log_in"), 303)
    account, address = _counters(here, person)
    with here.store.transaction() as tx:
        wait = tries.begin(tx, (account, address), here.now)
        right = not wait and factors.check(tx, here.secrets, person, request.form.get("code", "")[:40], here.now)
        if right:
            tries.forgive(tx, account, address)
    if wait:
        return _page(words().say("login.wait", n=wait)), 429
    if not right:
        return _page(words().say("login.second_wrong")), 401
    return enter(person, place=session.get("half", ["", 0, None])[2])


@second.post("/passkey/options")
def ask_passkey() -> Any:
    check_form()
    return jsonify(passkeys.asked_to_log_in(here_is(), new_challenge()))


@second.post("/passkey")
def by_passkey() -> Any:
    check_form()
    challenge, here = challenge_of(), service()
    address = tries.Counter(here.secrets.derive("tries-passkey", _network()), FREE_FOR_ADDRESS)
    with here.store.transaction() as tx:
        if tries.begin(tx, (address,), here.now):
            raise Unauthorised("Too many tries; wait a while.")
    place = own_path(request.args.get("next")) or session.get("half", ["", 0, None])[2]
    with here.store.transaction() as tx:
        person = passkeys.log_in(tx, here_is(), challenge, sent(), here.now)
        tries.forgive(tx, address, address)
    enter(person)
    return jsonify(next=place or place_of(person))


def here_is() -> passkeys.Place:
    settings = service().settings
    return passkeys.Place(settings.server.public_url, settings.shop.name)


def new_challenge() -> bytes:
    challenge = passkeys.new_challenge()
    session["challenge"] = [base64.b64encode(challenge).decode(), service().now]
    return challenge


def challenge_of() -> bytes:
    """What was asked in this session a moment ago, once."""
    written, at = session.pop("challenge", None) or ("", 0)
    if not written or service().now - at > GOOD_SECONDS:
        raise BadInput("That took too long; try again.", field="passkey")
    return base64.b64decode(written)


def sent() -> dict[str, Any]:
    """What the browser's key answered."""
    bodies.check(request)
    body = bodies.parse(request.get_data() or b"{}")
    return dict(body) if isinstance(body, dict) else {}


def _half() -> Person | None:
    """Whose password was right a moment ago."""
    key, at, _ = session.get("half") or ("", 0, None)
    if not key or service().now - at > GOOD_SECONDS:
        return None
    with service().store.reading() as tx:
        return staff.by_key(tx, key)


def _page(wrong: str) -> str:
    return show("staff/manage/second.html", wrong=wrong)


def _counters(service: Service, person: Person) -> tuple[tries.Counter, tries.Counter]:
    derive = service.secrets.derive
    return (
        tries.Counter(derive("tries-second", person.key.encode()), FREE_TRIES),
        tries.Counter(derive("tries-second-address", _network()), FREE_FOR_ADDRESS),
    )


def _network() -> bytes:
    return counted_as(request.remote_addr).encode()
