"""The applications behind one address, and which of them a request is for.

In front are the pages for visitors and the API, whose calls are counted. Cards are what wallets and open pages
ask for, thousands of times a minute: no login, no counting, nothing but their views. Backstage lies behind the
login; it is opened when somebody first asks for it, because most processes serve phones and tills' systems alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, cast

from flask import Flask

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

EXTENSION = "passes.rooms"
BACKSTAGE = frozenset(("staff", "till", "console", "login", "logout", "invitation"))
"""The first names in the addresses of everything behind the login."""


class Rooms:
    """A WSGI application: each request goes to the room that knows the first name in its path."""

    def __init__(self, front: Flask, cards: Flask, backstage: Callable[[], Flask]) -> None:
        self._front, self._cards = front, cards
        # As it is now: what the front answers with from now on is all of them.
        self._serve_front = front.wsgi_app
        self._of_cards = {_first(rule.rule) for rule in cards.url_map.iter_rules()} - {"static"}
        self._make_backstage = backstage
        self._backstage: Flask | None = None
        self._opening = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        name = _first(environ.get("PATH_INFO", ""))
        if name in self._of_cards:
            return self._cards.wsgi_app(environ, start_response)
        if name in BACKSTAGE:
            return self.backstage.wsgi_app(environ, start_response)
        return self._serve_front(environ, start_response)

    def __iter__(self) -> Iterator[Flask]:
        yield from (self._front, self._cards, self.backstage)

    @property
    def backstage(self) -> Flask:
        with self._opening:
            if self._backstage is None:
                self._backstage = self._make_backstage()
        return self._backstage


def rooms(app: Flask) -> Rooms:
    """Those behind this application."""
    return cast(Rooms, app.extensions[EXTENSION])


def _first(path: str) -> str:
    # Phones write a doubled slash where the address in the pass ends in one.
    return path.lstrip("/").partition("/")[0]
