"""The key by which an enrolled till proves itself: in a cookie that no script reads and no other site sends along.

It logs nobody in. It says which till a request comes from, lets a shift be started there by PIN, and is
all that a till's offline queue needs.
"""

from __future__ import annotations

from flask import Response, current_app, request

from ... import tills
from ...store import Connection

KEPT_SECONDS = 400 * 86_400


def shows_key() -> bool:
    """Whether the request comes with a key at all, ours or not."""
    return bool(_key())


def till(tx: Connection, lock: bool = False) -> tills.Till | None:
    """The till this request comes from, revoked or not."""
    return tills.by_device(tx, _key(), lock)


def working(tx: Connection) -> tills.Till | None:
    """The till this request comes from, unless it was revoked."""
    found = till(tx)
    return found if found and found.revoked is None else None


def remember(response: Response, key: str) -> None:
    secure = bool(current_app.config["SESSION_COOKIE_SECURE"])
    response.set_cookie(_name(), key, max_age=KEPT_SECONDS, secure=secure, httponly=True, samesite="Strict")


def _key() -> str:
    return request.cookies.get(_name(), "")[:100]


def _name() -> str:
    return "__Host-till-key" if current_app.config["SESSION_COOKIE_SECURE"] else "till-key"
