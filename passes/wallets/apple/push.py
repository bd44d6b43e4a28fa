"""Tells iPhones through Apple's push service that a card of theirs looks different.

`APNs.send` may be called by any thread and returns when every nudge has an outcome. Behind it one
daemon thread runs one event loop with one kept HTTP/2 connection, opened when first needed. The push
carries nothing: a lost one costs time, a doubled one costs nothing, so whatever is in doubt is sent
again or put off. It never waits longer than it says, never hammers a server that fails, never deletes
anything, and never writes a token into a log.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
import weakref
from collections import Counter as Tally
from collections.abc import Callable, Sequence
from functools import cached_property
from time import monotonic
from urllib.parse import urlsplit

from ...errors import ConfigError
from .. import Later, Outcome
from .batch import Batch, Nudge
from .connection import Form
from .sender import GOODBYE_SECONDS, TICK_SECONDS, Gauges, Patience, Sender

__all__ = ["APNs", "Metrics", "Nudge"]

MOST_CONNECT_SECONDS = 10
MOST_PROBE_SECONDS = 5


class Metrics:
    """What the pushes of this process add up to; one object serves all topics."""

    def __init__(self) -> None:
        # Only a process that pushes counts pushes.
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self.registry = CollectorRegistry()
        here = self.registry
        self.pushes = Counter("apns_pushes", "Nudges and their outcome.", ["topic", "outcome"], registry=here)
        self.seconds = Histogram("apns_answer_seconds", "From push to answer.", ["topic"], registry=here)
        self.connections = Counter("apns_connections", "Connections opened.", ["topic"], registry=here)
        self.in_flight = Gauge("apns_in_flight", "Pushes not answered yet.", ["topic"], registry=here)

    def of(self, topic: str) -> Gauges:
        seconds = self.seconds.labels(topic)
        return Gauges(self.connections.labels(topic), self.in_flight.labels(topic), seconds)

    def count(self, topic: str, outcomes: Sequence[Outcome]) -> None:
        for kind, times in Tally(map(type, outcomes)).items():
            self.pushes.labels(topic, kind.__name__.lower()).inc(times)


class APNs:
    """The sender for one pass type, whose certificate is its identity.

    `context` is asked anew for each connection. `silence_seconds`: a connection that was silent for
    so long is pinged before it is trusted with a push.
    """

    def __init__(
        self,
        url: str,
        topic: str,
        context: Callable[[], ssl.SSLContext],
        *,
        push_type: str | None = None,
        streams: int = 1000,
        timeout_seconds: float = 15,
        pause_seconds: float = 300,
        silence_seconds: float = 60,
        ping_seconds: float = 3600,
    ) -> None:
        self._topic, self._timeout_seconds = topic, timeout_seconds
        patience = Patience(
            answer_seconds=timeout_seconds,
            connect_seconds=min(MOST_CONNECT_SECONDS, timeout_seconds),
            probe_seconds=min(MOST_PROBE_SECONDS, timeout_seconds / 3),
            pause_seconds=pause_seconds,
            silence_seconds=silence_seconds,
            ping_seconds=ping_seconds,
        )
        host, port = _address(url)
        form = Form(host if port == 443 else f"{host}:{port}", topic, push_type)
        self._make_sender: Callable[[], Sender] = lambda: Sender(
            host, port, form, context, streams, patience, self.metrics.of(topic)
        )
        self._is_closed = False
        self._lock = threading.Lock()
        self._runner: _Runner | None = None
        _let_child_begin_anew(weakref.ref(self))

    @cached_property
    def metrics(self) -> Metrics:
        return Metrics()

    def send(self, nudges: Sequence[Nudge]) -> list[Outcome]:
        """Push every nudge; one outcome for each, in the same order. Blocks until each has one."""
        batch = Batch(nudges, self._timeout_seconds, monotonic())
        if nudges:
            self._hand_over(batch)
            # The sender ends every batch in time; the surplus is only for a sender that is no more.
            batch.done.wait(batch.longest_seconds + 10 * TICK_SECONDS)
        outcomes = batch.outcomes()
        self.metrics.count(self._topic, outcomes)
        return outcomes

    def close(self) -> None:
        """Let every waiting `send` go with `Later`, and close the connection; further sends do the same."""
        with self._lock:
            self._is_closed = True
            runner = self._runner
            if runner is not None and runner.is_alive():
                runner.call(runner.sender.close)
        if runner is not None:
            runner.join(3 * GOODBYE_SECONDS)

    def _hand_over(self, batch: Batch) -> None:
        with self._lock:
            if self._is_closed:
                return batch.give_up(Later("The sender of pushes was closed."), monotonic())
            if self._runner is None or not self._runner.is_alive():
                self._runner = _Runner(self._make_sender())
                self._runner.start()
            self._runner.call(self._runner.sender.add, batch)

    def begin_anew(self) -> None:
        """Begin anew in a child, which has its parent's connection but not its thread.

        The parent's loop is kept, not freed: closing it here would take sockets out of an epoll set that
        both processes share.
        """
        self._inherited, self._runner = self._runner, None
        self._lock = threading.Lock()


class _Runner(threading.Thread):
    """The thread in which a sender lives."""

    def __init__(self, sender: Sender) -> None:
        super().__init__(name="apns", daemon=True)
        self.sender = sender
        self._loop = asyncio.new_event_loop()

    def call(self, verb: Callable[..., None], *arguments: object) -> None:
        self._loop.call_soon_threadsafe(verb, *arguments)

    def run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self.sender.run())
        finally:
            self._loop.close()


def _let_child_begin_anew(client: weakref.ref[APNs]) -> None:
    def begin_anew() -> None:
        if (here := client()) is not None:
            here.begin_anew()

    os.register_at_fork(after_in_child=begin_anew)


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise ConfigError(f"apple.apns_url must be like https://api.push.apple.com:443, not {url!r}.")
    return parts.hostname, parts.port or 443
