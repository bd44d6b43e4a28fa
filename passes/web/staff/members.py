"""The customer without a card in the hand: found by what they can say, or made a member here and now.

A search shows ten people at most, with contacts that cannot be used; managers may ask for whole ones, which is in the
log. What was searched for is not. A new member's link is shown once, to them, and to this login only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from flask import jsonify, redirect, request, session, url_for

from ... import actions, cards, idempotency, programmes, rights
from ...errors import BadInput, PassesError
from ...members import Profile
from ...programmes import Programme
from ...store import Connection
from ...wallets import Link
from ...wallets.ecard.picture import code_path, code_size
from ...words import LANGUAGES, OWN_NAMES
from ..current import service
from ..customer import form as join_form
from ..login.backstage import presence, refuse, sentence, show, wants_json, words
from . import form, masks
from .attempt import attempt
from .views import staff_pages

MOST_FOUND = 10
LEAST_QUERY, MOST_QUERY = 2, 100
MOST_SEARCHES, SEARCHES_SECONDS = 30, 600
SHOWN_SECONDS = 600


class TooManySearches(PassesError):
    """Nobody needs that many customers in ten minutes."""

    status = 429
    code = "too_many_searches"


@staff_pages.get("/look-up")
def look_up() -> Any:
    return show("staff/manage/look_up.html", query="", found=None, wrong="", may_see=_may_see())


@staff_pages.post("/look-up")
def search() -> Any:
    query, whole = request.form.get("query", "").strip(), "contacts" in request.form
    try:
        with attempt("look_up", *(["contacts"] if whole else [])) as doing:
            if not LEAST_QUERY <= len(query) <= MOST_QUERY:
                raise BadInput(f"Type {LEAST_QUERY} to {MOST_QUERY} letters or digits.", field="query")
            since = service().now - SEARCHES_SECONDS
            if actions.times_by_person(doing.tx, doing.who, "look_up", since) >= MOST_SEARCHES:
                raise TooManySearches("That were many searches; wait a few minutes.")
            profiles, _ = service().members.search(doing.tx, query, 0, MOST_FOUND)
            found = [_found(doing.tx, profile, whole) for profile in profiles if profile.erased is None]
    except PassesError as wrong:
        if wants_json():
            return refuse(wrong)
        said = sentence(wrong, words())
        page = show("staff/manage/look_up.html", query=query[:MOST_QUERY], found=None, wrong=said, may_see=_may_see())
        return page, wrong.status
    if wants_json():
        return jsonify(results=found)
    return show("staff/manage/look_up.html", query=query, found=found, wrong="", may_see=_may_see())


@staff_pages.get("/join")
def ask_join() -> Any:
    return _join_page({}, "")


@staff_pages.post("/join")
def join() -> Any:
    """A member and a card, once for each form; the till goes on with that card."""
    here = service()
    try:
        sending = form.receipt(request.form.get("receipt", ""))
        with attempt("join") as doing:
            programme = programmes.find(doing.tx, request.form.get("programme", "")[:64])
            serial, doing.repeated = _joined(doing.tx, programme, sending)
            held = doing.on(cards.by_serial(doing.tx, serial))
            link = cast(Link, here.ecard.issue(held.revision)).url
    except PassesError as wrong:
        if wants_json():
            return refuse(wrong)
        return _join_page(request.form, sentence(wrong, words())), wrong.status
    session["joined"] = [serial, here.now]
    address = url_for("staff.joined", serial=serial)
    return jsonify(serial=serial, link=link, next=address) if wants_json() else redirect(address, 303)


@staff_pages.get("/cards/<serial>/joined")
def joined(serial: str) -> Any:
    """The card's link as a code for the customer's phone: it opens the card, so nobody else gets to see it."""
    known, at = session.get("joined") or ("", 0)
    if known != serial or service().now - at > SHOWN_SECONDS:
        return redirect(url_for("staff.card", serial=serial), 303)
    with service().store.reading() as tx:
        held = cards.by_serial(tx, serial)
    link = cast(Link, service().ecard.issue(held.revision)).url
    drawing = {"size": code_size(link), "path": code_path(link)}
    return show("staff/manage/joined.html", serial=serial, drawing=drawing, number=held.row.number)


def _joined(tx: Connection, programme: Programme, sending: str) -> tuple[str, bool]:
    """The new card's serial number, and whether this form was sent before."""
    here, made = service(), []
    filled = _filled(sending)
    said = here.words_in(filled.language, programme.promise.look)
    country = here.settings.shop.country
    if problems := join_form.problems(filled, said, country):
        raise BadInput(next(iter(problems.values())), field="about")
    person = join_form.person(filled, said, programme.promise.contact.organisation, "till")

    def do() -> idempotency.Said:
        made.append(True)
        return 201, {"serial": here.members.join(tx, programme.key, person, here.now).serial}

    content = idempotency.veiled(here.secrets, [programme.key, *filled.content])
    _, body = idempotency.once(tx, f"till {presence().person.key}", sending, content, here.now, do)
    return str(body["serial"]), not made


def _filled(sending: str) -> join_form.Filled:
    """One field for whatever the customer likes to say: a name, a telephone number or an e-mail address."""
    about = request.form.get("about", "")[:254].strip()
    is_contact = "@" in about or any(letter.isdigit() for letter in about)
    language = request.form.get("language", "")
    consents = tuple(purpose for purpose in join_form.PURPOSES if purpose in request.form.getlist("consent"))
    return join_form.Filled(
        token=sending,
        name="" if is_contact else about,
        contact=about if is_contact else "",
        language=language if language in LANGUAGES else service().settings.shop.language,
        consents=consents,
    )


def _join_page(given: Mapping[str, str], wrong: str) -> str:
    here, said = service(), words()
    with here.store.reading() as tx:
        known = programmes.all(tx)
    sent = given.get("receipt", "")
    return show(
        "staff/manage/join.html",
        programmes=[(each.key, said.pick(each.promise.name)) for each in known],
        chosen=given.get("programme", ""),
        about=given.get("about", "")[:254],
        languages_of=[(code, OWN_NAMES[code]) for code in LANGUAGES],
        language_chosen=given.get("language", "") or here.settings.shop.language,
        organisation_of=here.settings.shop.name,
        receipt=sent if sent and wrong else form.new_receipt(),
        wrong=wrong,
    )


def _found(tx: Connection, profile: Profile, whole: bool) -> dict[str, Any]:
    shown = [profile.phone, profile.email] if whole else [masks.phone(profile.phone), masks.email(profile.email)]
    held = [cards.by_serial(tx, serial) for serial in profile.cards]
    promised = [programmes.at_version(tx, each.row.programme_id, each.row.programme_version) for each in held]
    named = [words().pick(programme.promise.name) for programme in promised]
    return {
        "name": profile.name,
        "contacts": [contact for contact in shown if contact],
        "cards": [
            {"serial": each.serial, "number": each.row.number, "programme": name}
            for each, name in zip(held, named, strict=True)
        ],
    }


def _may_see() -> bool:
    return rights.may(presence().person.role, "contacts")
