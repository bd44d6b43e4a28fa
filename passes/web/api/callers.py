"""Who calls: finds the key of a request, counts its calls, and refuses what it may not do.

A missing, unknown or revoked key gets one and the same answer. Calls are counted by key; without a valid one,
by address, so that guessing costs what calling costs.
"""

from __future__ import annotations

from typing import Any, cast

from flask import Flask, Response, current_app, g, request

from ... import keys
from ...config import Limits
from ...errors import BadInput, Forbidden, NotFound, TooOften, Unauthorised
from ...keys import Key
from ...network import counted_as
from ...rates import Asked, Rate
from ..current import service
from . import bodies

SCHEME = "Bearer"


def limit(app: Flask, limits: Limits) -> None:
    """Know the caller first, then count the call."""
    rate = Rate("api", limits.api, limits.storage)
    sentence = f"Too many requests; at most {limits.api}. Wait as many seconds as Retry-After says"

    def count() -> None:
        if "api" not in request.blueprints:
            return
        g.caller = _presented()
        g.asked = rate.ask(_counted_as())
        if not g.asked.is_allowed:
            raise TooOften(sentence, g.asked.wait_seconds)

    app.before_request(count)
    app.after_request(_tell)


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


def _tell(response: Response) -> Response:
    """How many requests are left, and which key would do where none was given."""
    asked: Asked | None = g.get("asked")
    if asked is not None:
        response.headers["X-RateLimit-Limit"] = str(asked.limit)
        response.headers["X-RateLimit-Remaining"] = str(asked.left)
        response.headers["X-RateLimit-Reset-After"] = str(asked.wait_seconds)
        if response.status_code == 401:
            response.headers["WWW-Authenticate"] = SCHEME
    return response


def _presented() -> Key | None:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != SCHEME.lower() or not 0 < len(key) <= 200:
        return None
    return keys.find(service().store, key.strip())


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
