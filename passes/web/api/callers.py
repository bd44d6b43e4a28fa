"""Who calls: finds the key of a request, counts its calls, and refuses what it may not do.

A missing, unknown or revoked key gets one and the same answer. Calls are counted by key; without a valid one,
by address, so that guessing costs what calling costs.
"""

from __future__ import annotations

from typing import Any, cast

from flask import Flask, Response, current_app, g, request
from flask_limiter import HeaderNames, Limiter
from flask_openapi.blueprint import APIBlueprint

from ... import keys
from ...config import Limits
from ...errors import BadInput, Forbidden, NotFound, Unauthorised
from ...keys import Key
from ...network import counted_as
from ..current import service
from . import bodies

SCHEME = "Bearer"
# The library would put Retry-After on every answer, where it means "not now".
RESET_AFTER = "X-RateLimit-Reset-After"


def limit(app: Flask, api: APIBlueprint, limits: Limits) -> None:
    """Know the caller first, then count the call."""
    app.before_request(_identify)
    # Functions after a request run in reverse: this one sees what the limiter wrote.
    app.after_request(_explain_refusal)
    limiter = Limiter(
        _counted_as,
        app=app,
        storage_uri=limits.storage,
        headers_enabled=True,
        header_name_mapping={HeaderNames.RETRY_AFTER: RESET_AFTER},
        # A shop must be able to sell while the counter's server is down.
        in_memory_fallback_enabled=True,
        key_prefix="api",
    )
    sentence = f"Too many requests; at most {limits.api}. Wait as many seconds as Retry-After says, then go on."
    limiter.shared_limit(limits.api, scope="api", error_message=sentence)(api)


def admit() -> None:
    """Before every operation: a key that may do this, and a request that can be read."""
    scope = getattr(current_app.view_functions[str(request.endpoint)], "scope", None)
    if scope is None:
        return
    if g.caller is None:
        raise Unauthorised("Send a valid API key: Authorization: Bearer <key>.")
    if not caller().may(scope):
        raise Forbidden(f"This key lacks the scope {scope}.")
    _refuse_unstorable()
    bodies.check(request)


def caller() -> Key:
    return cast(Key, g.caller)


def staff() -> str:
    """Whose doing a receipt is, as it is kept with it."""
    return f"key {caller().name}"[:80]


def _identify() -> None:
    if "api" in request.blueprints:
        g.caller = _presented()


def _explain_refusal(response: Response) -> Response:
    """What HTTP wants a refusal to say: which key would do, or when to come back."""
    if "api" in request.blueprints:
        if response.status_code == 401:
            response.headers["WWW-Authenticate"] = SCHEME
        if response.status_code == 429:
            # Whoever guessed at something secret is told how long already.
            response.headers.setdefault("Retry-After", response.headers[RESET_AFTER])
    return response


def _presented() -> Key | None:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != SCHEME.lower() or not 0 < len(key) <= 200:
        return None
    with service().store.reading() as tx:
        return keys.find(tx, key.strip())


def _counted_as() -> str:
    return f"key {g.caller.id}" if g.get("caller") else f"address {counted_as(request.remote_addr)}"


def _refuse_unstorable() -> None:
    """No database keeps such text, so nothing has such a name and nothing can be found by it."""
    path: dict[str, Any] = request.view_args or {}
    if not all(bodies.is_storable(str(value)) for value in path.values()):
        raise NotFound("There is nothing of this name.")
    for values in request.args.lists():
        if not all(bodies.is_storable(text) for text in (values[0], *values[1])):
            raise BadInput("The address holds text that cannot be stored.")
