"""Remembers on a device who has logged in there before, so that guessing elsewhere cannot keep them out.

The cookie is signed and says nothing of the person: a random id and keyed hashes of at most a few accounts.
Failures with an account that is known on this device are counted for this device alone.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, current_app, request
from itsdangerous import BadData, URLSafeTimedSerializer

KEPT_SECONDS = 180 * 86_400
MOST_ACCOUNTS = 10


@dataclass(frozen=True)
class Device:
    id: str
    accounts: tuple[str, ...] = ()

    def knows(self, account: bytes) -> bool:
        return account.hex()[:16] in self.accounts


def here() -> Device:
    """The device this request comes from; a new one when it does not say."""
    try:
        said = _signed().loads(request.cookies.get(_name(), "")[:1000], max_age=KEPT_SECONDS)
    except BadData:
        return Device(secrets.token_hex(8))
    return Device(said["id"], tuple(said["accounts"]))


def remember(response: Response, device: Device, account: bytes) -> None:
    known = [account.hex()[:16], *(one for one in device.accounts if one != account.hex()[:16])][:MOST_ACCOUNTS]
    said: Mapping[str, Any] = {"id": device.id, "accounts": known}
    secure = bool(current_app.config["SESSION_COOKIE_SECURE"])
    response.set_cookie(
        _name(), _signed().dumps(said), max_age=KEPT_SECONDS, secure=secure, httponly=True, samesite="Lax"
    )


def _name() -> str:
    return "__Host-till" if current_app.config["SESSION_COOKIE_SECURE"] else "till"


def _signed() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="device")
