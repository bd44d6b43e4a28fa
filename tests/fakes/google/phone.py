"""A person's phone with Google Wallet: opens links, holds cards, drops them, shows them.

It talks to the fake over HTTP as a browser would, and sees what the platform holds for its owner.
"""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from .face import Face, draw
from .notices import Notice
from .refusals import SaveRefused

if TYPE_CHECKING:
    from .fake import FakeGoogle

REAL_SAVE_URL = "https://pay.google.com/gp/v/save/"


class Phone:
    """One device of one user; a user may have several, and one wallet for all of them."""

    def __init__(self, google: FakeGoogle, user: str, device: str, language: str) -> None:
        self._google = google
        self.user, self.device, self.language = user, device, language

    def opens(self, link: str) -> dict[str, Any]:
        """What the page behind a link would save; nothing is saved by looking."""
        return self._ask("GET", self._path(link))

    def saves(self, link: str) -> list[str]:
        """Open a link and say yes; the ids of the cards it brought."""
        self.opens(link)
        return list(self._ask("POST", self._path(link))["saved"])

    def removes(self, object_id: str) -> None:
        self._ask("POST", f"/gp/v/remove/{quote(object_id)}")

    @property
    def cards(self) -> list[str]:
        """The ids of all cards in the wallet."""
        with self._google.lock:
            objects = self._google.resources.objects.values()
            return [each.id for each in objects if self.user in each.holders]

    def view(self, object_id: str) -> Face:
        """A card as it looks now; the phone shows only what it holds."""
        with self._google.lock:
            resource = self._google.resources.objects[object_id]
            if self.user not in resource.holders:
                raise LookupError(f"{object_id} is not in this wallet")
            shown = self._google.resources.show(resource)
            of = self._google.resources.class_of(resource).body
            return draw(shown, of, self.language, self._google.clock())

    def shows(self, label: str, object_id: str = "") -> str | None:
        """The value under a label, on the only card or on this one."""
        if not object_id:
            (object_id,) = self.cards
        return self.view(object_id).shows(label)

    @property
    def notices(self) -> list[Notice]:
        """Every notice this person saw. What a class says is counted where an object shares it."""
        with self._google.lock:
            objects = self._google.resources.objects
            return [each for each in self._google.notices.all if each.pass_id in objects and self.user in each.people]

    def _path(self, link: str) -> str:
        for start in (REAL_SAVE_URL, f"{self._google.save_url}/"):
            if link.startswith(start):
                return f"/gp/v/save/{link.removeprefix(start)}"
        raise SaveRefused(f"A save link begins with {REAL_SAVE_URL} or {self._google.save_url}/.")

    def _ask(self, method: str, path: str) -> dict[str, Any]:
        where = urlsplit(self._google.url)
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=10)
        who = urlencode({"user": self.user, "device": self.device})
        try:
            connection.request(method, path, headers={"Cookie": who})
            answer = connection.getresponse()
            said: dict[str, Any] = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status != 200:
            raise SaveRefused(said["error"])
        return said
