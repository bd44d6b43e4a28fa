"""The shop window and the join page. Joining asks for nothing; one form, one tap, and the card is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Flask, Response, make_response, redirect, render_template, request, url_for

from ... import cards, claims, idempotency, programmes
from ...errors import KeyReused, NotFound, PassesError, TooOften
from ...look import Look
from ...network import counted_as
from ...programmes import Programme
from ...rates import Rate
from ...service import Service
from ...wallets import Link
from ...words import Words, amount
from ..current import service
from ..page import languages, visitors_words
from . import form
from .form import Filled

customer = Blueprint("customer", __name__)
MOST_FIELD = 254
BROUGHT = {"friend": 20, "claim": 40}
"""What people bring along in the link: who sent them, the receipt they have. How long each may be."""


@dataclass(frozen=True)
class Shown:
    """A programme as it hangs in the window."""

    key: str
    title: str
    organisation: str
    look: Look


def limit(app: Flask, service: Service) -> None:
    """One address may join only so often; a shop's own network is one address."""
    limits = service.settings.limits
    rate = Rate("join", limits.join, limits.storage)

    def refuse_a_flood() -> None:
        if request.method != "POST" or request.blueprint != customer.name:
            return
        asked = rate.ask(counted_as(request.remote_addr))
        if not asked.is_allowed:
            raise TooOften("Many people joined from here", asked.wait_seconds)

    app.before_request(refuse_a_flood)


@customer.get("/")
def home() -> Response | str:
    """Every card there is to have; when there is one, straight to it."""
    with service().store.reading() as tx:
        offered = programmes.all(tx)
    if len(offered) == 1:
        return _to(url_for("customer.join", key=offered[0].key, language=request.args.get("language")))
    return _window(offered)


@customer.get("/join/<key>")
def join(key: str) -> Response | tuple[str, int]:
    programme, others = _programme(key)
    if programme is None:
        return _window(others, visitors_words().say("join.no_programme")), 404
    return _form(programme, None, {})


@customer.post("/join/<key>")
def send(key: str) -> Response | tuple[str, int]:
    programme, others = _programme(key)
    if programme is None:
        return _window(others, visitors_words().say("join.no_programme")), 404
    if request.form.get("website"):
        # A program filled the field that no person sees: it learns nothing and nothing is kept.
        return _to(url_for("customer.home"))
    filled = _filled()
    words = visitors_words_in(filled, programme)
    wrong = form.problems(filled, words, service().settings.shop.country)
    browser, now_ms = request.cookies.get(form.COOKIE, ""), int(service().clock() * 1000)
    sending = form.sending(service().secrets, filled.token, programme.key, browser, now_ms)
    if sending is None:
        wrong["form"] = words.say("join.wrong_form")
    if wrong or sending is None:
        return _form(programme, filled, wrong)
    try:
        serial, card = _joined(programme, filled, words, sending)
    except KeyReused:
        return _form(programme, filled, {"form": words.say("join.wrong_form")})
    told = _claimed(serial, filled.claim) if filled.claim else {}
    return _to(f"{card}?{urlencode({'welcome': 1, **told})}")


def visitors_words_in(filled: Filled, programme: Programme) -> Words:
    """The form's own language: the one its consents were read in."""
    words = visitors_words(programme.promise.look)
    if filled.language == words.language or filled.language not in service().words:
        return words
    return service().words_in(filled.language, programme.promise.look)


def _joined(programme: Programme, filled: Filled, words: Words, sending: str) -> tuple[str, str]:
    """The new card and its address; the same form sent again leads to the same card."""
    here = service()
    person = form.person(filled, words, shown(programme, words).organisation)
    with here.store.transaction() as tx:

        def do() -> idempotency.Said:
            joined = here.members.join(tx, programme.key, person, here.now, filled.friend or None)
            return 303, {"serial": joined.serial}

        content = idempotency.veiled(here.secrets, filled.content)
        _, body = idempotency.once(tx, "join page", sending, content, here.now, do)
        link = here.ecard.issue(cards.by_serial(tx, body["serial"]).revision)
    # Without the host: whoever reached us by another name than the public one stays with it.
    return body["serial"], urlsplit(cast(Link, link).url).path


def _claimed(serial: str, code: str) -> dict[str, str | int]:
    """Put the receipt that they brought on the new card; what came of it, as the card's page is told."""
    here, who = service(), counted_as(request.remote_addr)
    try:
        claims.bring(here.store, here.secrets, here.settings, serial, code, who, here.now)
    except claims.ClaimOver as over:
        return {"told": over.code, "ended": over.ended}
    except PassesError as wrong:
        return {"told": wrong.code}
    return {"told": "claim_added"}


def _filled() -> Filled:
    given = {name: request.form.get(name, "")[:MOST_FIELD].strip() for name in ("name", "contact", "language")}
    consents = tuple(purpose for purpose in form.PURPOSES if purpose in request.form.getlist("consent"))
    token, brought = request.form.get("form", "")[:100], _brought(request.form)
    return Filled(token, consents=consents, friend=brought["friend"], claim=brought["claim"], **given)


def _brought(given: Mapping[str, str]) -> dict[str, str]:
    return {name: given.get(name, "")[:most].strip() for name, most in BROUGHT.items()}


def _programme(key: str) -> tuple[Programme | None, list[Programme]]:
    with service().store.reading() as tx:
        try:
            return programmes.find(tx, key[:64]), []
        except NotFound:
            return None, programmes.all(tx)


def _form(programme: Programme, filled: Filled | None, wrong: dict[str, str]) -> Response:
    """The page with the form, with a fresh token and what was filled in so far."""
    here = service()
    words = visitors_words_in(filled, programme) if filled else visitors_words(programme.promise.look)
    browser = request.cookies.get(form.COOKIE) or form.new_browser()
    token = form.new_token(here.secrets, programme.key, browser, int(here.clock() * 1000))
    brought = _brought(request.args)
    page = render_template(
        "customer/join.html",
        words=words,
        languages=languages(**brought),
        shown=shown(programme, words),
        gains=_gains(programme, words),
        rules=words.pick(programme.promise.rules).splitlines(),
        terms=words.pick(programme.promise.terms),
        form=filled or Filled(token, friend=brought["friend"], claim=brought["claim"]),
        token=token,
        wrong=wrong,
    )
    answer = make_response(page, 422 if wrong else 200)
    secure = here.settings.server.public_url.startswith("https://")
    answer.set_cookie(form.COOKIE, browser, max_age=86_400, path="/join/", secure=secure, httponly=True, samesite="Lax")
    return answer


def _window(offered: list[Programme], notice: str = "") -> str:
    words = visitors_words()
    return render_template(
        "customer/home.html",
        words=words,
        languages=languages(),
        organisation=service().settings.shop.name,
        programmes=[shown(programme, words) for programme in offered],
        notice=notice,
    )


def shown(programme: Programme, words: Words) -> Shown:
    """As it hangs in the window, in the visitor's words."""
    promise = programme.promise
    look = service().looks[promise.look]
    return Shown(programme.key, words.pick(promise.name), promise.contact.organisation, look)


def _gains(programme: Programme, words: Words) -> list[str]:
    """What joining brings, the nearest first."""
    promised = programme.definition
    gains = []
    if promised.welcome:
        gains.append(words.say("join.welcome", amount=amount(words, promised.unit, promised.welcome)))
    if promised.earn.points:
        rate, step = (
            amount(words, promised.unit, promised.earn.points),
            words.money(promised.earn.per, promised.currency),
        )
        gains.append(words.say("join.earn", amount=rate, money=step))
    for reward in sorted(promised.rewards, key=lambda reward: reward.cost)[:2]:
        cost = amount(words, promised.unit, reward.cost)
        gains.append(words.say("join.reward", reward=words.pick(reward.name), amount=cost))
    return [*gains, words.say("join.always")]


def _to(address: str) -> Response:
    return cast(Response, redirect(address, 303))
