"""My account: what colleagues call me, my PIN, my second factor, and where I am logged in.

Whoever came in by PIN does not get here, and what opens doors is changed with the password only: a till that
somebody left open for a minute must not become somebody else's.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, request, url_for

from ... import pins, staff, tries
from ...errors import Forbidden, PassesError
from ...staff import Person
from ..current import service
from .backstage import guard, presence, sentence, show, words

FREE_TRIES = 5

own_pages = Blueprint("account", __name__, url_prefix="/staff/account")
guard(own_pages, staff.ROLES)


class WrongPassword(Forbidden):
    """The password that a change needs."""

    code = "wrong_password"


class TooManyTries(Forbidden):
    """Wait a while."""

    status = 429
    code = "too_many_tries"


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


def confirmed() -> Person:
    """The person, who typed the password once more; raises when it is not theirs."""
    here, person = service(), presence().person
    counter = tries.Counter(here.secrets.derive("tries-confirm", person.key.encode()), FREE_TRIES)
    with here.store.transaction() as tx:
        if tries.begin(tx, (counter,), here.now):
            raise TooManyTries("Too many tries; wait a few minutes.")
        known = staff.account(tx, person.email)
    if not staff.verify(known, request.form.get("password", "")[: staff.MOST_PASSWORD]):
        raise WrongPassword("This is not your password.", field="password")
    with here.store.transaction() as tx:
        tries.forgive(tx, counter, counter)
    return person


def _page(wrong: PassesError | None = None, part: str = "") -> str:
    person = presence().person
    with service().store.reading() as tx:
        has_pin = pins.is_set(tx, person)
    said = sentence(wrong, words()) if wrong else ""
    return show("staff/manage/account.html", has_pin=has_pin, wrong=said, part=part)


def _done() -> Any:
    return redirect(url_for("account.account"), 303)
