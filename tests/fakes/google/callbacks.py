"""What this Google tells the issuer when a card is saved or removed: signed, sent, kept, sent again.

Deliveries happen at once unless they are held; what was not answered with 2xx waits for `redeliver`.
"""

from __future__ import annotations

import http.client
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser

from .accounts import Accounts
from .clock import Clock
from .resources import Resource, Resources
from .signing import PROTOCOL, SENDER, Signer, compact

GOOD_SECONDS = 2 * 24 * 60 * 60
WAIT_SECONDS = 10

Deliver = Callable[[str, bytes], int]
"""Takes an address and a body, gives the status; 0 when nobody answered."""


@dataclass
class Letter:
    """One callback. `status` 0: not delivered, or nobody answered."""

    url: str
    body: bytes
    event: str
    object_id: str
    status: int = 0
    tries: int = 0

    @property
    def is_done(self) -> bool:
        return 200 <= self.status < 300


class Callbacks:
    def __init__(self, signer: Signer, clock: Clock, accounts: Accounts, resources: Resources) -> None:
        self._signer, self._clock = signer, clock
        self._accounts, self._resources = accounts, resources
        # Where an origin is really to be found: {"https://cards.example.org": "http://127.0.0.1:8000"}; "*": any other.
        self.stand_ins: dict[str, str] = {}
        self.deliver: Deliver = self._post
        self.minds_robots = True
        self.reset()

    def reset(self) -> None:
        self.letters: list[Letter] = []
        self.is_held = False
        self._counts: dict[str, int] = {}
        self._robots: dict[str, bool] = {}

    @property
    def waiting(self) -> list[Letter]:
        return [letter for letter in self.letters if not letter.is_done]

    def tell(self, event: str, resource: Resource) -> Letter | None:
        """Save or del, if the class or the issuer has an address for it."""
        url = self._url(resource)
        if not url:
            return None
        body = self._signer.sign(self.message(event, resource.id), resource.issuer_id)
        return self.send(url, body, event, resource.id)

    def message(self, event: str, object_id: str, *, expires_ms: int | None = None, nonce: str = "") -> str:
        """The text that is signed. Several of one object count up."""
        self._counts[object_id] = self._counts.get(object_id, 0) + 1
        return compact(
            {
                "classId": self._resources.objects[object_id].body["classId"],
                "objectId": object_id,
                "eventType": event,
                "expTimeMillis": self._clock.ms + GOOD_SECONDS * 1000 if expires_ms is None else expires_ms,
                "count": self._counts[object_id],
                "nonce": nonce or str(uuid.uuid4()),
            }
        )

    def forge(
        self,
        event: str,
        object_id: str,
        *,
        tamper: str = "",
        sender: str = SENDER,
        issuer_id: str = "",
        protocol: str = PROTOCOL,
        expires_ms: int | None = None,
        nonce: str = "",
    ) -> Letter:
        """Send one with something wrong. `tamper` names the part to change after signing."""
        resource = self._resources.objects[object_id]
        text = self.message(event, object_id, expires_ms=expires_ms, nonce=nonce)
        body = self._signer.sign(text, issuer_id or resource.issuer_id, sender=sender, protocol=protocol)
        return self.send(self._url(resource), _tampered(body, tamper) if tamper else body, event, object_id)

    def repeat(self, letter: Letter) -> Letter:
        """The very same bytes once more, as Google sometimes does."""
        return self.send(letter.url, letter.body, letter.event, letter.object_id)

    def send(self, url: str, body: bytes, event: str, object_id: str) -> Letter:
        letter = Letter(url, body, event, object_id)
        self.letters.append(letter)
        if not self.is_held:
            self._try(letter)
        return letter

    def hold(self) -> None:
        """Send nothing until `release`."""
        self.is_held = True

    def release(self, *, backwards: bool = False) -> None:
        """Send what was held, the last first if wanted: order is not guaranteed."""
        self.is_held = False
        self.redeliver(backwards=backwards)

    def redeliver(self, *, backwards: bool = False) -> None:
        for letter in self.waiting[:: -1 if backwards else 1]:
            self._try(letter)

    def _try(self, letter: Letter) -> None:
        letter.tries += 1
        if self.deliver != self._post or self._may_post(letter.url):
            letter.status = self.deliver(letter.url, letter.body)

    def _url(self, resource: Resource) -> str:
        options = self._resources.class_of(resource).body.get("callbackOptions")
        options = options or self._accounts.issuer(resource.issuer_id).body.get("callbackOptions") or {}
        return str(options.get("url", ""))

    def _may_post(self, url: str) -> bool:
        """Nothing is sent where robots.txt keeps Googlebot out."""
        origin = "://".join(urlsplit(url)[:2])
        if not self.minds_robots:
            return True
        if url not in self._robots:
            status, text = self._talk("GET", f"{origin}/robots.txt", b"")
            if status == 0:
                return True  # nobody is there; the delivery itself will find out
            rules = RobotFileParser()
            rules.parse(text.decode("utf-8", "replace").splitlines() if status == 200 else [])
            self._robots[url] = status < 500 and rules.can_fetch("Googlebot", url)
        return self._robots[url]

    def _post(self, url: str, body: bytes) -> int:
        return self._talk("POST", url, body)[0]

    def _talk(self, method: str, url: str, body: bytes) -> tuple[int, bytes]:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        where = urlsplit(self.stand_ins.get(origin) or self.stand_ins.get("*") or origin)
        dial = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
        connection = dial(where.hostname or "", where.port, timeout=WAIT_SECONDS)
        headers = {"Content-Type": "application/json; charset=UTF-8", "Host": parts.netloc}
        try:
            connection.request(method, parts.path or "/", body or None, headers)
            answer = connection.getresponse()
            return answer.status, answer.read(1 << 20)
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()


def _tampered(body: bytes, part: str) -> bytes:
    said: dict[str, Any] = json.loads(body)
    inside = said["intermediateSigningKey"]
    match part:
        case "signatures":
            inside["signatures"] = [_changed(each) for each in inside["signatures"]]
        case "signedKey":
            inside["signedKey"] = _changed(inside["signedKey"])
        case _:
            said[part] = _changed(said[part])
    return compact(said).encode()


def _changed(text: str) -> str:
    middle = len(text) // 2
    return text[:middle] + ("A" if text[middle] != "A" else "B") + text[middle + 1 :]
