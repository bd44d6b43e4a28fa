"""Speaks to Google's API: one call at a time, each at our pace, within limits of time and size.

A call gives what was answered, or why nothing was; it never raises for what Google or the network does. No
redirect is followed: a state or a token goes to the address in the settings and to no other. `weigh` says
what an answer means for the card it was about.
("Error codes" and "Performance tips", Google Wallet API.)
"""

from __future__ import annotations

import json
import re
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx2

from .. import Later, Outcome, Pushed, Refused
from .access import NoToken, Tokens
from .budget import Pace
from .link import SAVE_URL

PREFIX = "/walletobjects/v1"
CALL_SECONDS = 10
MOST_BYTES = 1024 * 1024
MOST_WAIT_SECONDS = 3600
THROTTLED_SECONDS = 5
# A request of which we heard no more may still be carried out; it has to be over before the next.
UNHEARD_SECONDS = 20
MOST_SENTENCE = 160
_TELLING = re.compile(r"[\w.@+/=-]*\d[\w.@+/=-]{7,}|[A-Za-z0-9_+/=-]{24,}|\S+@\S+")
_SCHEME_WORDS = re.compile(r"RESOURCE_EXHAUSTED|quota", re.IGNORECASE)


@dataclass(frozen=True)
class Said:
    """What came back. `status` 0: nothing that could be read, and `why` says so."""

    status: int
    body: dict[str, Any] = field(repr=False)
    why: str = ""
    wait_seconds: int = 0

    @property
    def is_done(self) -> bool:
        return self.status == 200


class API:
    """The calls. One may be used from many threads; it keeps a few connections open."""

    def __init__(self, url: str, tokens: Tokens, pace: Pace, most_connections: int = 16) -> None:
        self._url, self._tokens, self._pace = url, tokens, pace
        self._most = most_connections
        self._lock = threading.Lock()
        self._client: httpx2.Client | None = None

    def insert(self, path: str, body: dict[str, Any]) -> Said:
        return self.call("POST", f"/{path}", body)

    def patch(self, path: str, body: dict[str, Any]) -> Said:
        return self.call("PATCH", f"/{path}/{quote(body['id'])}", body)

    def put(self, path: str, body: dict[str, Any]) -> Said:
        return self.call("PUT", f"/{path}/{quote(body['id'])}", body)

    def get(self, path: str, id: str) -> Said:
        return self.call("GET", f"/{path}/{quote(id)}")

    def add_message(self, path: str, id: str, message: dict[str, Any]) -> Said:
        return self.call("POST", f"/{path}/{quote(id)}/addMessage", {"message": message})

    def short_link(self, token: str) -> str | None:
        """A link that Google keeps and that saves what this token would; None when there is none just now."""
        said = self.call("POST", "/jwt", {"jwt": token})
        link = said.body.get("saveUri") if said.is_done else None
        is_googles = isinstance(link, str) and link.startswith((SAVE_URL, f"{self._url}/"))
        return str(link) if is_googles else None

    def list(self, path: str, class_id: str, most: int, page: str) -> Said:
        query = f"classId={quote(class_id)}&maxResults={most}" + (f"&token={quote(page)}" if page else "")
        return self.call("GET", f"/{path}?{query}")

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Said:
        """One call. A token that Google no longer takes is replaced once."""
        try:
            token = self._tokens.get()
            said = self._send(method, path, body, token)
            if said.status == 401:
                said = self._send(method, path, body, self._tokens.get(instead_of=token))
        except NoToken as wrong:
            return Said(0, {}, str(wrong), wrong.wait_seconds)
        if said.status:
            self._pace.heard(is_too_much=_is_throttle(said))
        return said

    def close(self) -> None:
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _send(self, method: str, path: str, body: dict[str, Any] | None, token: str) -> Said:
        content = None if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "Accept-Encoding": "identity"}
        if content is not None:
            headers["Content-Type"] = "application/json; charset=UTF-8"
        self._pace.wait()
        ends = time.monotonic() + CALL_SECONDS
        try:
            with self._connected().stream(
                method, f"{self._url}{PREFIX}{path}", content=content, headers=headers
            ) as got:
                return _read(got, ends)
        except httpx2.TimeoutException:
            return Said(0, {}, "Google did not answer in time", wait_seconds=UNHEARD_SECONDS)
        except (httpx2.HTTPError, httpx2.InvalidURL) as wrong:
            return Said(0, {}, f"Google cannot be reached ({type(wrong).__name__})")

    def _connected(self) -> httpx2.Client:
        """Opened by whoever calls first: a process that only serves pages opens none, and none outlives a fork."""
        with self._lock:
            if self._client is None:
                limits = httpx2.Limits(max_connections=self._most, max_keepalive_connections=self._most)
                timeout = httpx2.Timeout(CALL_SECONDS, pool=2 * CALL_SECONDS)
                self._client = httpx2.Client(
                    timeout=timeout, limits=limits, follow_redirects=False, trust_env=False, http2=False
                )
            return self._client


def weigh(said: Said, id: str) -> Outcome:
    """What an answer means for the class or object `id` that was written."""
    if said.is_done and id in (said.body.get("id"), _inner_id(said.body)):
        return Pushed()
    if said.status == 0:
        return Later(said.why, said.wait_seconds)
    if said.is_done or 300 <= said.status < 400:
        return Later("what answers at Google's address is not Google's API; see [google.api_url] and any proxy")
    if _is_throttle(said):
        return Later("Google takes no more for the moment", max(THROTTLED_SECONDS, said.wait_seconds))
    if said.status in (404, 409):
        return Later(f"Google has other classes and cards than we remember ({said.status}); they are made anew")
    if said.status >= 500 or said.status == 408:
        return Later(f"Google has trouble ({said.status})", said.wait_seconds)
    return Refused(_sentence(said))


def _sentence(said: Said) -> str:
    match said.status:
        case 401:
            return "Google no longer takes our service account's tokens; see that the account and its key still exist"
        case 403:
            return (
                "Google does not let the service account write: invite its e-mail as a Developer in the Google Pay & "
                "Wallet console, and enable the Google Wallet API for its project"
            )
        case _:
            return f"Google refuses the card ({said.status}): {_harmless(said)}"


def _harmless(said: Said) -> str:
    """Google's own sentence without what may be a member's: long numbers, tokens and addresses."""
    error = said.body.get("error")
    message = error.get("message") if isinstance(error, dict) else None
    text = " ".join(message.split()) if isinstance(message, str) else "no reason given"
    return _TELLING.sub("…", text)[:MOST_SENTENCE]


def _is_throttle(said: Said) -> bool:
    """Too much in too short a time, which Google says in two ways."""
    if said.status == 429:
        return True
    return said.status == 403 and bool(_SCHEME_WORDS.search(json.dumps(said.body)[:4000]))


def _inner_id(body: dict[str, Any]) -> object:
    resource = body.get("resource")
    return resource.get("id") if isinstance(resource, dict) else None


def _read(got: httpx2.Response, ends: float) -> Said:
    """The answer, unpacked nowhere and never longer than allowed, in bytes or in time."""
    body = b""
    for piece in got.iter_raw():
        body += piece
        if len(body) > MOST_BYTES:
            return Said(0, {}, "Google's answer is too long to be one")
        if time.monotonic() > ends:
            return Said(0, {}, "Google's answer came too slowly", wait_seconds=UNHEARD_SECONDS)
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    return Said(got.status_code, said if isinstance(said, dict) else {}, "", _retry_after(got))


def _retry_after(got: httpx2.Response) -> int:
    wanted = got.headers.get("Retry-After", "")
    return min(int(wanted), MOST_WAIT_SECONDS) if wanted.isascii() and wanted.isdigit() and len(wanted) < 7 else 0
