"""Speaks to Google's API: one call or several in one request, each call at our pace, within limits of time and size.

A call gives what was answered, or why nothing was; it never raises for what Google or the network does. No
redirect is followed: a state or a token goes to the address in the settings and to no other.
("Performance tips", Google Wallet API.)
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx2

from . import batch
from .access import NoToken, Tokens
from .budget import Pace
from .call import JSON, UNHEARD_SECONDS, Call, Said, read, unheard
from .link import SAVE_URL

CALL_SECONDS = 10
MOST_BYTES = 1024 * 1024
MOST_BYTES_MORE_EACH = 64 * 1024
# Of a batch these are about each call in it; any other 4xx is about there being a batch at all.
_ABOUT_EACH = (401, 403, 408, 429)


@dataclass(frozen=True)
class Got:
    """An answer as it came."""

    status: int
    content_type: str
    retry_after: str
    body: bytes = field(repr=False)


class API:
    """The calls. One may be used from many threads; it keeps a few connections open."""

    def __init__(self, url: str, tokens: Tokens, pace: Pace, most_connections: int = 16) -> None:
        self._url, self._tokens, self._pace = url, tokens, pace
        self._most_connections = most_connections
        self._lock = threading.Lock()
        self._client: httpx2.Client | None = None
        self._takes_batches = True

    @property
    def most_together(self) -> int:
        """How many calls may go in one request: what the pace lets go in a moment."""
        return min(self._pace.together, batch.MOST_PARTS) if self._takes_batches else 1

    def call(self, call: Call) -> Said:
        (said,) = self.calls([call])
        return said

    def calls(self, calls: Sequence[Call]) -> list[Said]:
        """What each was answered, in the order of the calls. A token that Google no longer takes is replaced once."""
        said, token = self._ask(calls)
        denied = [number for number, each in enumerate(said) if each.status == 401]
        if denied:
            again, _ = self._ask([calls[number] for number in denied], instead_of=token)
            for number, each in zip(denied, again, strict=True):
                said[number] = each
        if any(each.status for each in said):
            self._pace.heard(is_too_much=any(each.is_throttle for each in said))
        return said

    def short_link(self, token: str) -> str | None:
        """A link that Google keeps and that saves what this token would; None when there is none just now."""
        said = self.call(Call.shorten(token))
        link = said.body.get("saveUri") if said.is_done else None
        is_googles = isinstance(link, str) and link.startswith((SAVE_URL, f"{self._url}/"))
        return str(link) if is_googles else None

    def close(self) -> None:
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _ask(self, calls: Sequence[Call], instead_of: str = "") -> tuple[list[Said], str]:
        """What was said, and the token it was asked with."""
        try:
            token = self._tokens.get(instead_of)
        except NoToken as wrong:
            return [unheard(str(wrong), wrong.wait_seconds)] * len(calls), ""
        self._pace.wait(len(calls))
        return (self._alone(calls[0], token) if len(calls) == 1 else self._together(calls, token)), token

    def _alone(self, call: Call, token: str) -> list[Said]:
        got = self._send(call.method, call.path, call.content, JSON, token, MOST_BYTES)
        return [got if isinstance(got, Said) else read(got.status, got.body, got.retry_after)]

    def _together(self, calls: Sequence[Call], token: str) -> list[Said]:
        """What befalls the whole request befalls every call in it."""
        most_bytes = MOST_BYTES + len(calls) * MOST_BYTES_MORE_EACH
        got = self._send("POST", batch.PATH, batch.write(calls), batch.CONTENT_TYPE, token, most_bytes)
        if isinstance(got, Said):
            return [got] * len(calls)
        if got.status == 200 and batch.is_batch(got.content_type):
            said = batch.read_answers(got.content_type, got.body, len(calls))
            self._takes_batches = any(each.status for each in said)
            return said
        if 400 <= got.status < 500 and got.status not in _ABOUT_EACH:
            self._takes_batches = False
            return [unheard(f"Google takes no batches ({got.status}); cards go one by one now")] * len(calls)
        return [read(got.status, got.body, got.retry_after)] * len(calls)

    def _send(
        self, method: str, path: str, content: bytes | None, content_type: str, token: str, most_bytes: int
    ) -> Got | Said:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "Accept-Encoding": "identity"}
        if content is not None:
            headers["Content-Type"] = content_type
        ends = time.monotonic() + CALL_SECONDS
        try:
            with self._connected().stream(method, f"{self._url}{path}", content=content, headers=headers) as got:
                return _receive(got, ends, most_bytes)
        except httpx2.TimeoutException:
            return unheard("Google did not answer in time", UNHEARD_SECONDS)
        except (httpx2.HTTPError, httpx2.InvalidURL) as wrong:
            return unheard(f"Google cannot be reached ({type(wrong).__name__})")

    def _connected(self) -> httpx2.Client:
        """Opened by whoever calls first: a process that only serves pages opens none, and none outlives a fork."""
        with self._lock:
            if self._client is None:
                limits = httpx2.Limits(
                    max_connections=self._most_connections, max_keepalive_connections=self._most_connections
                )
                timeout = httpx2.Timeout(CALL_SECONDS, pool=2 * CALL_SECONDS)
                self._client = httpx2.Client(
                    timeout=timeout, limits=limits, follow_redirects=False, trust_env=False, http2=False
                )
            return self._client


def _receive(got: httpx2.Response, ends: float, most_bytes: int) -> Got | Said:
    """The answer, unpacked nowhere and never longer than allowed, in bytes or in time."""
    body = bytearray()
    for piece in got.iter_raw():
        body += piece
        if len(body) > most_bytes:
            return unheard("Google's answer is too long to be one")
        if time.monotonic() > ends:
            return unheard("Google's answer came too slowly", UNHEARD_SECONDS)
    headers = got.headers
    return Got(got.status_code, headers.get("Content-Type", ""), headers.get("Retry-After", ""), bytes(body))
