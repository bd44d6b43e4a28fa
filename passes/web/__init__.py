"""The web application: every blueprint, and what holds for all of them.

It is three applications behind one address (`rooms`), so that a phone or an open card does not pay for logins and
counted calls that only others need. Errors that we can explain become answers here and nowhere else: a page for
people, problem+json for systems. Every answer leaves with headers that keep it private and keep foreign content out.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from flask import Flask, Response, jsonify, make_response, request
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from werkzeug.exceptions import BadHost, HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response as BaseResponse

from ..errors import BadInput, Busy, NotFound, PassesError, TooOften
from ..service import Service
from .current import EXTENSION, PRACTICE
from .headers import HEADERS
from .page import error_page
from .rooms import EXTENSION as EXTENSION_ROOMS
from .rooms import Rooms

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = structlog.get_logger()

Answer = tuple[Response, int]

MOST_BODY_BYTES = 256 * 1024
_FOR_MACHINES = ("/api/", "/apple/v1")
_PRACTISES = "till-practice"


class Sessions(SecureCookieSessionInterface):
    """Says beside the session whether somebody practises, for scripts that must know it without a connection."""

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        super().save_session(app, session, response)
        if not session.modified:
            return
        secure = bool(app.config["SESSION_COOKIE_SECURE"])
        if "practice" in session:
            age = app.permanent_session_lifetime
            response.set_cookie(_PRACTISES, "yes", max_age=age, secure=secure, samesite="Lax")
        elif _PRACTISES in request.cookies:
            response.delete_cookie(_PRACTISES, secure=secure, samesite="Lax")


def build(service: Service) -> Flask:
    """The application over this service."""
    from . import api, customer, health

    front, cards = _application(service), _application(service)
    for part in (customer, api):
        part.register(front, service)
    health.register(cards, service)
    for wallet in service.wallets.values():
        wallet.register(cards)
    front.extensions[EXTENSION_ROOMS] = rooms = Rooms(front, cards, lambda: _backstage(service))
    front.wsgi_app = _protected(rooms)  # type: ignore[assignment, method-assign]
    customer.register_links(cards)
    service.store.nudge = service.nudging()
    return front


def _backstage(service: Service) -> Flask:
    from ..practice import Practice
    from . import customer, marketer, staff

    app = _application(service)
    app.extensions[PRACTICE] = Practice(service)
    app.config.update(_sessions(service))
    app.session_interface = Sessions()
    for part in (staff, marketer):
        part.register(app, service)
    customer.register_links(app)
    return app


def _application(service: Service) -> Flask:
    """An application with nothing in it but what holds for all."""
    pages = service.settings.home / "templates" / "pages"
    app = Flask("passes", static_folder=str(Path(__file__).parent.parent / "static"), template_folder=str(pages))
    app.extensions[EXTENSION] = service
    # A doubled slash would be answered by a redirect to whatever host the request named.
    app.url_map.merge_slashes = False
    app.config.update(MAX_CONTENT_LENGTH=MOST_BODY_BYTES, MAX_FORM_MEMORY_SIZE=MOST_BODY_BYTES, MAX_FORM_PARTS=100)
    if service.settings.server.proxies:
        hops = service.settings.server.proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    app.jinja_env.autoescape = True
    app.register_error_handler(PassesError, _explain)
    app.register_error_handler(HTTPException, _explain_http)
    app.register_error_handler(Exception, _confess)
    app.before_request(_refuse_nul)
    return app


def _sessions(service: Service) -> dict[str, object]:
    https = service.settings.server.public_url.startswith("https://")
    return {
        "SECRET_KEY": service.secrets.derive("session").hex(),
        "SESSION_COOKIE_NAME": "__Host-passes" if https else "passes",
        "SESSION_COOKIE_SECURE": https,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "PERMANENT_SESSION_LIFETIME": timedelta(hours=12),
        # A login ends so long after it began, so nothing is gained by renewing it; and an answer that comes late, such
        # as a preview's, would bring back the session of before and undo what was scanned meanwhile.
        "SESSION_REFRESH_EACH_REQUEST": False,
    }


def _refuse_nul() -> None:
    """No text of ours holds this sign, and PostgreSQL cannot even be asked for it."""
    if request.path.startswith(_FOR_MACHINES):
        # These look at names themselves, after the credentials; and their bodies are no forms, to be read once.
        return
    if "\0" in request.path:
        raise NotFound("There is nothing at this address.")
    if any("\0" in text for text in (*request.args.values(), *request.form.values())):
        raise BadInput("The request holds a sign (NUL) that no text of ours has; remove it.")


def _explain(error: PassesError) -> Answer:
    response, status = _answer(error.status, error.code, str(error), error.field)
    if isinstance(error, TooOften):
        response.headers["Retry-After"] = str(error.wait)
    return response, status


def _explain_http(error: HTTPException) -> BaseResponse | Answer:
    if error.response is not None or (error.code or 500) < 400:
        return error.get_response()
    if isinstance(error, BadHost):
        # No page: with such a name in the request not even a style sheet's address can be made.
        return _problem(400, "bad_host", "The request does not say in a readable way which host it is for.")
    response, status = _answer(error.code or 500, error.name.lower().replace(" ", "_"), error.description or error.name)
    for name, value in error.get_headers():
        if name.lower() in ("allow", "retry-after"):
            response.headers[name] = value
    return response, status


def _confess(error: Exception) -> Answer:
    """A bug. The log has everything; the person gets a number to tell us."""
    number = secrets.token_hex(4)
    log.exception("bug", number=number, endpoint=request.endpoint)
    return _answer(500, "bug", f"Something went wrong on our side. Tell us this number: {number}.")


def _answer(status: int, code: str, sentence: str, field: str | None = None) -> Answer:
    if _wants_page():
        return make_response(error_page(status, sentence)), status
    return _problem(status, code, sentence, field)


def _problem(status: int, code: str, sentence: str, field: str | None = None) -> Answer:
    problem = {"type": "about:blank", "title": code, "status": status, "code": code, "detail": sentence}
    response = jsonify(problem | ({"field": field} if field else {}))
    response.content_type = "application/problem+json"
    if status == Busy.status:
        response.headers["Retry-After"] = "2"
    return response, status


def _wants_page() -> bool:
    """Phones and systems get problem+json, browsers a page."""
    if request.path.startswith(_FOR_MACHINES):
        return False
    return request.accept_mimetypes.best_match(["application/json", "text/html"], "text/html") == "text/html"


def _protected(application: WSGIApplication) -> WSGIApplication:
    """Every answer gets the headers it does not have yet."""

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *trouble: Any) -> Callable[[bytes], object]:
            given = {name.lower() for name, _ in headers}
            missing = [header for header in HEADERS.items() if header[0].lower() not in given]
            return start_response(status, headers + missing, *trouble)

        return application(environ, start)

    return serve
