"""My account: what colleagues call me, my PIN, my second factor, and where I am logged in.

Whoever came in by PIN does not get here, and what opens doors is changed with the password only: a till that
somebody left open for a minute must not become somebody else's.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify, redirect, request, session, url_for
from flask_security import current_user

from ... import factors, passkeys, pins, staff, tries
from ...errors import Forbidden, NotFound, PassesError, TooManyTries
from ...staff import Person
from ...wallets.ecard.picture import code_path, code_size
from ..current import service
from . import second
from .backstage import guard, presence, refuse, row_number, sentence, show, words

FREE_TRIES = 5

own_pages = Blueprint("account", __name__, url_prefix="/staff/account")
guard(own_pages, staff.ROLES)


class WrongPassword(Forbidden):
    """The password that a change needs."""

    code = "wrong_password"


@own_pages.before_request
def _not_by_pin() -> None:
    if presence().by_pin:
        raise Forbidden("Log in with your password to see your account.")


@own_pages.get("")
def account() -> Any:
    return _page()


@own_pages.post("/name")
def rename() -> Any:
    try:
        with service().store.transaction() as tx:
            staff.rename(tx, presence().person, request.form.get("name", "")[:200])
    except PassesError as wrong:
        return _page(wrong, "name"), wrong.status
    return _done()


@own_pages.post("/pin")
def choose_pin() -> Any:
    try:
        person = confirmed()
        with service().store.transaction() as tx:
            pins.choose(tx, service().secrets, person, request.form.get("pin", "")[:20])
    except PassesError as wrong:
        return _page(wrong, "pin"), wrong.status
    return _done()


@own_pages.post("/factor")
def begin_factor() -> Any:
    """A new secret, shown once; it counts from the first code that fits."""
    try:
        confirmed()
    except PassesError as wrong:
        return _page(wrong, "factor"), wrong.status
    session["totp"] = factors.new_secret()
    return redirect(url_for("account.show_factor"), 303)


@own_pages.get("/factor")
def show_factor() -> Any:
    return _factor_page("") if session.get("totp") else _done()


@own_pages.post("/factor/confirm")
def confirm_factor() -> Any:
    """The codes for bad days are on this one page, and nowhere else."""
    here, secret = service(), session.get("totp")
    if not secret:
        return _done()
    try:
        with here.store.transaction() as tx:
            code = request.form.get("code", "")[:20]
            codes = factors.set_up(tx, here.secrets, presence().person, secret, code, here.now)
    except PassesError as wrong:
        return _factor_page(words().say("account.factor_wrong")), wrong.status
    session.pop("totp")
    return show("staff/manage/recovery.html", codes=codes)


@own_pages.post("/factor/forget")
def forget_factor() -> Any:
    try:
        person = confirmed()
    except PassesError as wrong:
        return _page(wrong, "factor"), wrong.status
    with service().store.transaction() as tx:
        factors.forget(tx, person)
    return _done()


@own_pages.post("/passkeys/options")
def ask_passkey() -> Any:
    try:
        person = confirmed()
    except PassesError as wrong:
        return refuse(wrong)
    with service().store.reading() as tx:
        return jsonify(passkeys.asked_to_make(tx, second.here_is(), person, second.new_challenge()))


@own_pages.post("/passkeys")
def add_passkey() -> Any:
    here, challenge, name = service(), second.challenge_of(), request.args.get("name", "")[:200]
    with here.store.transaction() as tx:
        passkeys.add(tx, second.here_is(), presence().person, challenge, second.sent(), name, here.now)
    return jsonify(next=url_for("account.account"))


@own_pages.post("/passkeys/<id>/forget")
def forget_passkey(id: str) -> Any:
    try:
        person = confirmed()
    except PassesError as wrong:
        return _page(wrong, "passkeys"), wrong.status
    with service().store.transaction() as tx:
        passkeys.forget(tx, person, row_number(id))
    return _done()


@own_pages.post("/sessions/<id>/end")
def end_session(id: str) -> Any:
    try:
        hashed = bytes.fromhex(id[:64])
    except ValueError:
        raise NotFound("There is no such login.") from None
    with service().store.transaction() as tx:
        staff.end_session(tx, presence().person, hashed)
    return _done()


def confirmed() -> Person:
    """The person, who typed the password once more; raises when it is not theirs."""
    here, person = service(), presence().person
    counter = tries.Counter(here.secrets.derive("tries-confirm", person.key.encode()), FREE_TRIES)
    with here.store.transaction() as tx:
        if wait := tries.begin(tx, (counter,), here.now):
            raise TooManyTries("Too many tries", wait)
        known = staff.account(tx, person.email)
    if not staff.verify(known, request.form.get("password", "")[: staff.MOST_PASSWORD]):
        raise WrongPassword("This is not your password.", field="password")
    with here.store.transaction() as tx:
        tries.forgive(tx, counter, counter)
    return person


def _page(wrong: PassesError | None = None, part: str = "") -> str:
    here, who, said = service(), presence(), words()
    mine = staff.session_hash(current_user.fs_uniquifier)
    with here.store.reading() as tx:
        has_pin, has_factor = pins.is_set(tx, who.person), factors.is_set(tx, who.person)
        keys, logins = passkeys.all(tx, who.person), staff.sessions(tx, who.person, here.now)
    return show(
        "staff/manage/account.html",
        has_pin=has_pin,
        has_factor=has_factor,
        keys=[(key, said.date(key.created, here.settings.zone)) for key in keys],
        logins=[(row, said.moment(row.created, here.settings.zone), row.hash == mine) for row in logins],
        must=staff.needs_factor(here.settings.till.second_factor, who),
        wrong=sentence(wrong, said) if wrong else "",
        part=part,
    )


def _factor_page(wrong: str) -> str:
    secret, person = session["totp"], presence().person
    address = factors.address(secret, person, service().settings.shop.name)
    drawing = {"size": code_size(address), "path": code_path(address)}
    written = " ".join(secret[place : place + 4] for place in range(0, len(secret), 4))
    return show("staff/manage/factor.html", drawing=drawing, secret=written, wrong=wrong)


def _done() -> Any:
    return redirect(url_for("account.account"), 303)
