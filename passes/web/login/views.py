"""Logging in and out, and choosing the first password.

A wrong password and an unknown account look the same and take as long. What failed is counted in the store
(`passes.tries`). A login begins with an empty session; logging out ends it on the server too.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, redirect, request, session, url_for
from flask_security import current_user, login_user, logout_user

from ... import factors, passkeys, staff, tries
from ...errors import BadInput, NotFound, PassesError
from ...network import counted_as
from ...service import Service
from ..current import service
from . import device, enrolled
from .accounts import User
from .backstage import check_form, own_path, refuse, show, words

FREE_FOR_ACCOUNT = 5
FREE_FOR_ADDRESS = 20

login = Blueprint("login", __name__)
login.register_error_handler(PassesError, refuse)


@login.get("/login")
def log_in() -> Any:
    if current_user.is_authenticated:
        return redirect(place_of(current_user.presence.person), 303)
    with service().store.reading() as tx:
        till = enrolled.working(tx)
    return show("staff/login.html", next=own_path(request.args.get("next")), wrong="", email="", till=till)


@login.post("/login")
def open_session() -> Any:
    check_form()
    email = request.form.get("email", "")[:254].strip()
    password = request.form.get("password", "")[: staff.MOST_PASSWORD]
    here = device.here()
    account, address = _counters(service(), email, here)
    with service().store.transaction() as tx:
        wait = tries.begin(tx, (account, address), service().now)
        known = staff.account(tx, email)
    if wait:
        return _again(words().say("login.wait", n=wait), email, 429, wait)
    if not staff.verify(known, password) or known.person is None:
        return _again(words().say("login.wrong"), email, 401)
    with service().store.transaction() as tx:
        tries.forgive(tx, account, address)
    response = admit(known.person)
    device.remember(response, here, _account_hash(service(), email))
    return response


@login.post("/logout")
def log_out() -> Any:
    check_form()
    if current_user.is_authenticated:
        with service().store.transaction() as tx:
            staff.log_out(tx, current_user.fs_uniquifier)
        logout_user()
    language = session.get("language")
    session.clear()
    if language:
        session["language"] = language
    return redirect(url_for("login.log_in"), 303)


@login.get("/invitation/<token>")
def invitation(token: str) -> Any:
    with service().store.reading() as tx:
        person = staff.invited(tx, token, service().now)
    return show("staff/password.html", email=person.email, wrong="", least=staff.LEAST_PASSWORD)


@login.post("/invitation/<token>")
def choose_password(token: str) -> Any:
    check_form()
    with service().store.reading() as tx:
        person = staff.invited(tx, token, service().now)
    try:
        hashed = staff.hash_password(request.form.get("password", ""), person.email)
    except BadInput:
        wrong = words().say("login.weak", n=staff.LEAST_PASSWORD)
        return show("staff/password.html", email=person.email, wrong=wrong, least=staff.LEAST_PASSWORD), 422
    with service().store.transaction() as tx:
        # Once more, and held: the same link at the same moment sets one password.
        if staff.invited(tx, token, service().now, lock=True).id != person.id:
            raise NotFound("This link was used or is too old; ask for a new one.")
        staff.set_password(tx, person, hashed)
    return admit(person)


def enter(person: staff.Person, shift_id: int | None = None, place: str | None = None) -> Response:
    """A new session for the person, with nothing in it from before; by PIN, for this shift."""
    language, place = session.get("language"), place or own_path(request.form.get("next"))
    if current_user.is_authenticated:
        logout_user()
    session.clear()
    with service().store.transaction() as tx:
        till = enrolled.working(tx)
        token = staff.log_in(tx, person, service().now, till.key if till else "", shift_id)
    presence = staff.present(service().store, token, service().now)
    assert presence is not None
    login_user(User(presence, token))
    session.permanent = True
    if language:
        session["language"] = language
    return redirect(place or place_of(presence.person), 303)  # type: ignore[return-value]


def admit(person: staff.Person) -> Response:
    """In, or to the second step; the password was right."""
    with service().store.reading() as tx:
        needs = factors.is_set(tx, person) or passkeys.is_set(tx, person)
    if not needs:
        return enter(person)
    language, place = session.get("language"), own_path(request.form.get("next"))
    session.clear()
    session["half"] = [person.key, service().now, place]
    if language:
        session["language"] = language
    return redirect(url_for("second.ask"), 303)  # type: ignore[return-value]


def place_of(person: staff.Person) -> str:
    return url_for("staff.home" if person.role == "cashier" else "marketer.home")


def _again(sentence: str, email: str, status: int, wait: int = 0) -> Any:
    page = show("staff/login.html", next=own_path(request.form.get("next")), wrong=sentence, email=email)
    response = Response(page, status)
    if wait:
        response.headers["Retry-After"] = str(wait)
    return response


def _counters(service: Service, email: str, here: device.Device) -> tuple[tries.Counter, tries.Counter]:
    """By account and by address; on a device that this account knows, both are the device's own."""
    account, address = _account_hash(service, email), counted_as(request.remote_addr).encode()
    if here.knows(account):
        account, address = account + here.id.encode(), here.id.encode()
    derive = service.secrets.derive
    return (
        tries.Counter(derive("tries-account", account), FREE_FOR_ACCOUNT),
        tries.Counter(derive("tries-address", address), FREE_FOR_ADDRESS),
    )


def _account_hash(service: Service, email: str) -> bytes:
    return service.secrets.derive("login", email.strip().lower().encode("utf-8", "replace"))
