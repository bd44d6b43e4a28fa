"""What every page behind the login shares: who may enter, in which language it speaks, how it says no.

Nothing passes unless a role is named for it, and no form is taken without its token. Refusals are told in
the person's language: as a page, or as problem+json to a script.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from flask import Blueprint, Response, jsonify, redirect, render_template, request, session, url_for
from flask_security import current_user
from flask_wtf.csrf import CSRFError, CSRFProtect, generate_csrf

from ... import actions, coupons, rights, staff
from ...coupons import CannotBeUsed
from ...errors import Busy, Forbidden, NotEnoughPoints, NotFound, PassesError, TooOften, Unauthorised
from ...stepup import CodeUsed
from ...words import LANGUAGES, Words
from .. import page, standing
from ..current import is_practice, service

csrf = CSRFProtect()
_OWN_PATH = re.compile(r"/(?:staff|console)(?:/[\w-]+)*/?(?:\?[\w=&-]*)?", re.ASCII)


class PageTooOld(Forbidden):
    """The form's token is missing or of another login."""

    code = "page_too_old"


def guard(blueprint: Blueprint, roles: Collection[str]) -> None:
    """Let in only these roles, and only forms with their token."""
    blueprint.before_request(lambda: _check(roles))
    blueprint.register_error_handler(PassesError, refuse)


def presence() -> staff.Presence:
    """Who is at which till; only behind `guard`. In practice there is no till and no shift."""
    here = live_presence()
    return staff.Presence(here.person, "practice") if is_practice() else here


def live_presence() -> staff.Presence:
    """Who it really is, practising or not."""
    return current_user.presence  # type: ignore[no-any-return]


def row_number(written: str) -> int:
    """A number in an address; whatever is none leads nowhere, but not past the guard."""
    if not re.fullmatch(r"[0-9]{1,15}", written, re.ASCII):
        raise NotFound("There is nothing at this address.")
    return int(written)


def own_path(path: str | None) -> str | None:
    """Where to go after the login: one of our own pages, or nowhere."""
    return path if path and len(path) <= 200 and _OWN_PATH.fullmatch(path) else None


def words(look: str | None = None) -> Words:
    return service().words_in(_language(), look)


def show(template: str, **names: Any) -> str:
    """A page behind the login."""
    names.setdefault("words", words())
    here = current_user.presence if current_user.is_authenticated else None
    return render_template(
        template,
        languages=page.languages() if request.method == "GET" else [],
        organisation=service().settings.shop.name,
        person=here.person if here else None,
        by_pin=here is not None and here.by_pin,
        practice=is_practice(),
        shift_open=here is not None and here.shift_id is not None,
        csrf=generate_csrf,
        **names,
    )


def check_form() -> None:
    try:
        csrf.protect()
    except CSRFError:
        raise PageTooOld("This page is of an earlier login or was open too long. Open it again.") from None


def sentence(error: PassesError, said: Words) -> str:
    """What went wrong, in the person's language; an error without words there speaks for itself."""
    key = next((key for key in (f"refused.{error.code}_{error.field}", f"refused.{error.code}") if said.has(key)), None)
    if key is None:
        return str(error)
    if isinstance(error, NotEnoughPoints):
        return said.say(key, n=error.needs - error.has)
    if isinstance(error, TooOften):
        return said.say(key, n=error.wait)
    if isinstance(error, CodeUsed):
        return code_used(error, key, said)
    if isinstance(error, CannotBeUsed) and error.coupon:
        return _coupon(error, key, said)
    return said.say(key)


def code_used(error: CodeUsed, key: str, said: Words) -> str:
    """When the code was used and, in the shop where that was, by whom."""
    with service().store.reading() as tx:
        use = actions.first_of_card(tx, error.card_id, rights.SPENDING, error.since)
        person = staff.by_key(tx, use.key) if use else None
    if use is None:
        return said.say(key)
    moment = said.moment(use.at, service().settings.zone)
    if person is None or use.location != presence().location:
        return said.say(f"{key}_at", moment=moment)
    return said.say(f"{key}_by", moment=moment, person=person.called)


def _coupon(error: CannotBeUsed, key: str, said: Words) -> str:
    """As exactly as if it was scanned alone, unless it can be used again meanwhile."""
    with service().store.reading() as tx:
        stands = standing.of(tx, coupons.find(tx, error.coupon), said, service().now)
    if not said.has(f"refused.{stands.key}"):
        return said.say(key)
    return said.say(f"refused.{stands.key}", moment=stands.moment, person=stands.person)


def refuse(error: PassesError) -> Response:
    """A refusal as a page, or as problem+json to a script."""
    said = sentence(error, words())
    if wants_json():
        where = {"field": error.field} if error.field else {}
        response = jsonify(
            type="about:blank", title=error.code, status=error.status, code=error.code, detail=said, **where
        )
        response.content_type = "application/problem+json"
    else:
        response = Response(show("staff/refused.html", sentence=said, status=error.status))
    response.status_code = error.status
    if isinstance(error, Busy):
        response.headers["Retry-After"] = "2"
    return response


def wants_json() -> bool:
    return request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"


def _check(roles: Collection[str]) -> Any:
    if not current_user.is_authenticated:
        return to_login()
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        check_form()
    if presence().person.role not in roles:
        with service().store.transaction() as tx:
            actions.write(tx, presence(), request.blueprint or "", Forbidden.code, service().now)
        raise Forbidden("Your role does not include this page.")
    if request.blueprint != "account" and staff.needs_factor(service().settings.till.second_factor, presence()):
        return redirect(url_for("account.account"), 303)
    return None


def to_login() -> Any:
    """For whoever is not logged in: a page leads to the door, a script is told."""
    if wants_json():
        raise Unauthorised("You are logged out. Log in again.")
    path = request.full_path.rstrip("?") if request.method == "GET" else request.path
    place = own_path(path) if request.method == "GET" else None
    return redirect(url_for("login.log_in", next=place), 303)


def _language() -> str:
    """Once chosen, kept for the login: a till is used by people who did not choose the browser."""
    asked = request.args.get("language", "")
    if asked in LANGUAGES:
        session["language"] = asked
    return session.get("language") or page.language(service())
