"""A shop's own system that calls the integration API: a key, a client, and what it says most often."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.datastructures import Headers

from passes import create_app, keys
from passes.service import Service
from passes.web.current import EXTENSION
from tests.home import new_home

API = "/api/v1"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status_code: int
    headers: Headers
    data: bytes

    @property
    def text(self) -> str:
        return self.data.decode()

    @property
    def said(self) -> Any:
        return json.loads(self.data)


class ShopSystem:
    """Knows what real ones know: the address, its key, and what it was answered."""

    def __init__(self, app: Flask, scopes: Sequence[str] = ("*",), name: str = "till") -> None:
        self.app = app
        self.service: Service = app.extensions[EXTENSION]
        with self.service.store.transaction() as tx:
            self.key = keys.create(tx, name, scopes, self.service.now)
        self._numbers = count(1)

    def call(self, method: str, path: str, body: Any = None, once: str | None = None, **more: Any) -> Answer:
        headers = {"Authorization": f"Bearer {self.key}", **more.pop("headers", {})}
        if once is not None:
            headers["Idempotency-Key"] = once
        sent = {} if body is None else {"json": body}
        answer = self.app.test_client().open(API + path, method=method, headers=headers, **sent, **more)
        return Answer(answer.status_code, answer.headers, answer.data)

    def again(self) -> Flask:
        """The same service in another process, as far as it can know."""
        return create_app(self.service.settings.home)

    def get(self, path: str, **query: Any) -> Answer:
        return self.call("GET", path, query_string=query)

    def post(self, path: str, body: Any = None, once: str | None = None) -> Answer:
        return self.call("POST", path, body, once)

    def joins(self, **person: Any) -> tuple[str, str]:
        """A new member and their card."""
        answer = self.post("/members", {"programme": "cafe", **person})
        assert answer.status_code == 201, answer.text
        return answer.said["member"], answer.said["card"]

    def sells(self, card: str, total: int, receipt: str | None = None, **more: Any) -> Answer:
        number = receipt or f"N-{next(self._numbers)}"
        return self.post(f"/cards/{card}/receipts", {"receipt": number, "total": total, **more})

    def points(self, card: str) -> int:
        return int(self.get(f"/cards/{card}").said["balances"]["points"])


def open_shop(
    folder: Path,
    store_url: str | None = None,
    apple: bool = False,
    clock: Callable[[], float] = time.time,
    **settings: Any,
) -> ShopSystem:
    """A service in `folder` and a system with a key to all of it."""
    return ShopSystem(create_app(new_home(folder, store_url=store_url, apple=apple, **settings), clock))
