"""Google's root keys, kept in memory until shortly before they end.

A key list is asked for when there is none or the one here is due, by one thread at a time, and never
because somebody sent a bad signature: the address that takes callbacks is public, and forgeries must not
become requests of ours. A list that cannot be had leaves the keys in use; only without a single key that
has not expired is there nothing to say but `KeysUnavailable`, and Google calls again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import httpx2

from ...errors import PassesError
from .callback import PROTOCOL, RootKey, is_deep, read_json, read_key, read_milliseconds

MOST_LIST_BYTES = 64 * 1024
FETCH_SECONDS = 5
LONGEST_SECONDS = 24 * 60 * 60
SHORTEST_SECONDS = 60
MARGIN_SECONDS = 60
# Without a single key every callback would ask again; this many seconds lie between two tries.
PAUSE_SECONDS = 2
# How long a request waits for a list that another one is fetching. Google calls again, a web page does not.
PATIENCE_SECONDS = 1

Fetch = Callable[[str], bytes]
"""The body at an address, or `KeysUnavailable`."""


class KeysUnavailable(PassesError):
    """Google's keys cannot be had now; Google will send the same callback again."""

    status = 503
    code = "keys_unavailable"


class RootKeys:
    """The keys of one list. May be asked from any thread."""

    def __init__(self, url: str, fetch: Fetch, clock: Callable[[], float] = time.time) -> None:
        self._url, self._fetch, self._clock = url, fetch, clock
        self._fetching = threading.Lock()
        self._keys: tuple[RootKey, ...] = ()
        self._due, self._tried = 0.0, float("-inf")

    def current(self) -> tuple[RootKey, ...]:
        """Keys that have not expired, at least one."""
        now = self._clock()
        if live := self._live(now):
            # Good keys are at hand: whoever comes while another asks for new ones need not wait.
            if self._is_due(now) and self._fetching.acquire(blocking=False):
                try:
                    self._refresh(now)
                finally:
                    self._fetching.release()
            return self._live(now) or live
        if self._fetching.acquire(timeout=PATIENCE_SECONDS):
            try:
                now = self._clock()
                if not self._live(now) and not 0 <= now - self._tried < PAUSE_SECONDS:
                    self._refresh(now)
            finally:
                self._fetching.release()
        if not (live := self._live(now)):
            raise KeysUnavailable("Google's keys cannot be had; the callback has to come again later.")
        return live

    def _refresh(self, now: float) -> None:
        try:
            keys = read(self._fetch(self._url))
        except KeysUnavailable:
            self._due = now + SHORTEST_SECONDS
            return
        finally:
            # The end of the try: whoever waited for it must not make another at once.
            self._tried = self._clock()
        live = tuple(key for key in keys if key.is_live(int(now * 1000)))
        if live:
            self._keys = live
        self._due = now + _seconds_good(live, now)

    def _is_due(self, now: float) -> bool:
        # A clock that was set back must not keep old keys for longer.
        return now >= self._due or now < self._tried

    def _live(self, now: float) -> tuple[RootKey, ...]:
        return tuple(key for key in self._keys if key.is_live(int(now * 1000)))


def read(body: bytes) -> tuple[RootKey, ...]:
    """The keys of a list that are of use for callbacks; others and unreadable ones are passed over."""
    try:
        text = body.decode()
        said = None if len(body) > MOST_LIST_BYTES or is_deep(text) else read_json(text)
    except ValueError:
        said = None
    listed = said.get("keys") if isinstance(said, dict) else None
    if not isinstance(listed, list):
        raise KeysUnavailable("Google's list of keys cannot be read.")
    return tuple(key for entry in listed if (key := _read_entry(entry)) is not None)


def fetch(url: str, wait_seconds: float = FETCH_SECONDS) -> bytes:
    """The body at `url`, within limits of time and size; no other host is ever asked, nor a far one in the clear."""
    try:
        address = httpx2.URL(url)
        if address.scheme != "https" and address.host not in ("127.0.0.1", "localhost", "::1"):
            raise KeysUnavailable("The address of Google's keys does not begin with https://.")
        return _get(url, wait_seconds)
    except (httpx2.HTTPError, httpx2.InvalidURL) as wrong:
        raise KeysUnavailable(f"Google's keys cannot be fetched ({type(wrong).__name__}).") from None


def _get(url: str, wait_seconds: float) -> bytes:
    ends = time.monotonic() + wait_seconds
    # Unpacked nowhere: a few packed bytes may stand for gigabytes.
    plain = {"Accept": "application/json", "Accept-Encoding": "identity"}
    with (
        httpx2.Client(timeout=wait_seconds, follow_redirects=False, trust_env=False) as client,
        client.stream("GET", url, headers=plain) as answer,
    ):
        if answer.status_code != 200:
            raise KeysUnavailable(f"Google's list of keys was answered with {answer.status_code}.")
        body = b""
        for piece in answer.iter_raw():
            body += piece
            if len(body) > MOST_LIST_BYTES:
                raise KeysUnavailable("Google's list of keys is too large to be one.")
            if time.monotonic() > ends:
                raise KeysUnavailable("Google's list of keys comes too slowly.")
        return body


def _read_entry(entry: object) -> RootKey | None:
    if not isinstance(entry, dict) or entry.get("protocolVersion") != PROTOCOL:
        return None
    public, ends = read_key(entry.get("keyValue")), entry.get("keyExpiration")
    expires_ms = read_milliseconds(ends)
    if public is None or (ends is not None and expires_ms is None):
        return None
    return RootKey(public, PROTOCOL, expires_ms)


def _seconds_good(keys: tuple[RootKey, ...], now: float) -> float:
    ends = [key.expires_ms / 1000 - MARGIN_SECONDS - now for key in keys if key.expires_ms is not None]
    return max(SHORTEST_SECONDS, min([LONGEST_SECONDS, *ends]))
