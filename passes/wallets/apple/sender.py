"""The loop's side of pushing: batches come in, one connection carries them.

A second connection exists only for the moment in which the first, told to go away, finishes what it has.

Everything here runs on one event loop in one thread, so nothing is locked. It decides when to connect,
how long to rest after a failure, and when to stop waiting. It knows no HTTP/2 (that is `Connection`)
and no meaning of an answer (that is `Answer`).
"""

from __future__ import annotations

import asyncio
import math
import random
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

import structlog

from ...errors import PassesError
from .. import Later
from .answers import Answer
from .batch import Batch, Ticket
from .connection import Connection, Form, refuses_our_certificate

if TYPE_CHECKING:
    from prometheus_client import Counter, Gauge, Histogram

TICK_SECONDS = 0.2
IDLE_TICK_SECONDS = 30
BACKOFF_SECONDS = 0.05
MOST_BACKOFF_SECONDS = 120
# So many fruitless connections in a row are borne within one `send`; from the next on it answers `Later`.
FRUITLESS_CONNECTIONS_BORNE = 2
GOODBYE_SECONDS = 1

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Patience:
    """How long is waited for what."""

    answer_seconds: float
    connect_seconds: float
    probe_seconds: float
    pause_seconds: float
    silence_seconds: float
    ping_seconds: float


@dataclass(frozen=True)
class Gauges:
    """Where the sender of one topic counts."""

    connections: Counter
    in_flight: Gauge
    seconds: Histogram


class Sender:
    def __init__(
        self,
        host: str,
        port: int,
        form: Form,
        context: Callable[[], ssl.SSLContext],
        streams: int,
        patience: Patience,
        gauges: Gauges,
    ) -> None:
        self._host, self._port, self._form, self._context = host, port, form, context
        self._window = self._streams = streams
        self._patience, self._gauges = patience, gauges
        self._batches: list[Batch] = []
        self._untaken: deque[Batch] = deque()
        self._connection: Connection | None = None
        self._leaving: Connection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._fruitless = 0
        self._opens_at = self._rests_until = 0.0
        self._rests_why = ""
        self._is_paused = self._is_closing = False
        self._woken = asyncio.Event()
        self._tick_seconds = min(TICK_SECONDS, patience.answer_seconds / 20)
        self._idle_seconds = min(IDLE_TICK_SECONDS, patience.ping_seconds)

    async def run(self) -> None:
        """Keep time until closed."""
        try:
            while not self._is_closing:
                await self._doze()
                self._tick()
        finally:
            self._is_closing = True
            self._drop_all(Later("The sender of pushes was closed."))
            await self._say_goodbye()

    def close(self) -> None:
        self._is_closing = True
        self._woken.set()

    def add(self, batch: Batch) -> None:
        now = monotonic()
        if self._is_closing:
            batch.give_up(Later("The sender of pushes was closed."), now)
        elif now < self._rests_until:
            batch.put_off(self._rest(now), now)
        else:
            self._batches.append(batch)
            self._untaken.append(batch)
            self._woken.set()
            self._go()

    # -- what the connection asks of it

    def take(self) -> Ticket | None:
        """One nudge of each batch in turn, so that a purchase does not queue behind a campaign."""
        now = monotonic()
        while self._untaken:
            if ticket := self._untaken[0].take(now):
                self._untaken.rotate(-1)
                return ticket
            self._untaken.popleft()
        return None

    def answered(self, ticket: Ticket, answer: Answer, seconds: float) -> None:
        self._gauges.seconds.observe(seconds)
        ticket.batch.settle(ticket.place, answer.outcome, monotonic())
        if answer.blames_us:
            self._pause(answer.why)

    def unanswered(self, ticket: Ticket, why: str) -> None:
        ticket.batch.settle(ticket.place, Later(why), monotonic())

    def again(self, ticket: Ticket, why: str) -> None:
        now = monotonic()
        if now < self._rests_until:
            return ticket.batch.settle(ticket.place, self._rest(now), now)
        ticket.batch.again(ticket.place, why, now)
        if ticket.batch not in self._untaken:
            self._untaken.append(ticket.batch)

    def leaving(self, connection: Connection) -> None:
        """Others need not wait until it has finished, unless it never bore fruit or one is leaving already."""
        if connection is self._connection and connection.answers and self._leaving is None:
            self._connection, self._leaving = None, connection
            self._open_soon(connection.answers)
            self._go()

    def ended(self, connection: Connection) -> None:
        log.info("apns_connection_ended", why=connection.why, answers=connection.answers)
        if connection.blames_us:
            self._pause(connection.why)
        if connection is self._leaving:
            self._leaving = None
            if self._connection is not None and self._connection.is_retiring:
                self.leaving(self._connection)
            return
        self._connection = None
        # What was in flight goes out twice; fewer streams at first make that cheap if it happens again.
        if not connection.is_retiring:
            self._window = max(1, connection.window // 2)
        if connection.answers:
            self._open_soon(connection.answers)
        elif not connection.blames_us:
            self._back_off(connection.why)
        self._go()

    # -- connecting

    def _go(self) -> None:
        """Bring what waits to the connection, or a connection to what waits."""
        if self._connection is not None:
            if monotonic() - self._connection.heard > self._patience.silence_seconds:
                self._connection.probe()
            self._connection.fill()
        elif self._untaken and self._connecting is None and not self._is_closing:
            self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        await asyncio.sleep(self._opens_at - monotonic())
        try:
            await self._open(self._secure())
        except PassesError as error:
            self._pause(str(error))
        except ssl.SSLCertVerificationError:
            self._back_off("The server at the address of APNs could not prove to be APNs.")
        except ssl.SSLError as error:
            if refuses_our_certificate(error):
                self._pause("APNs does not accept our certificate.")
            else:
                self._back_off("No secure connection to APNs could be made.")
        except (OSError, TimeoutError) as error:
            self._back_off(f"APNs could not be reached ({type(error).__name__}).")
        finally:
            self._connecting = None
        self._go()

    def _secure(self) -> ssl.SSLContext:
        """Asked for each connection, so that a renewed certificate is taken up without a restart."""
        try:
            context = self._context()
        except (OSError, ValueError) as error:
            kind = type(error).__name__
            raise PassesError(f"The certificate for APNs could not be read ({kind}).") from error
        context.set_alpn_protocols(["h2"])
        return context

    async def _open(self, context: ssl.SSLContext) -> None:
        connection = Connection(self, self._form, self._streams, self._window)
        async with asyncio.timeout(self._patience.connect_seconds):
            await asyncio.get_running_loop().create_connection(
                lambda: connection, self._host, self._port, ssl=context, server_hostname=self._host,
                ssl_handshake_timeout=self._patience.connect_seconds, ssl_shutdown_timeout=GOODBYE_SECONDS,
            )  # fmt: skip
        self._gauges.connections.inc()
        if not connection.is_lost:
            self._connection = connection

    # -- resting

    def _open_soon(self, answers: int) -> None:
        """The less a connection bore, the longer until the next: an end after one answer is nearly none."""
        self._fruitless = 0
        self._opens_at = monotonic() + _spread(BACKOFF_SECONDS / min(answers, 100))

    def _back_off(self, why: str) -> None:
        """A connection that bore no fruit: wait longer each time, and after a few let the callers go."""
        self._fruitless += 1
        wait_seconds = _spread(min(MOST_BACKOFF_SECONDS, BACKOFF_SECONDS * 2**self._fruitless))
        self._opens_at = monotonic() + wait_seconds
        log.warning("apns_unreachable", why=why, wait_seconds=round(wait_seconds, 1))
        if self._fruitless > FRUITLESS_CONNECTIONS_BORNE:
            self._is_paused = False
            self._rest_for(wait_seconds, why)

    def _pause(self, why: str) -> None:
        """Certificate or topic are at fault: nothing is sent until a person may have mended them."""
        if self._is_paused and monotonic() < self._rests_until:
            return
        self._is_paused = True
        log.error("apns_paused", why=why, wait_seconds=self._patience.pause_seconds)
        self._rest_for(self._patience.pause_seconds, f"Pushing is paused: {why}")
        if self._connection is not None:
            self._connection.retire()

    def _rest_for(self, wait_seconds: float, why: str) -> None:
        now = monotonic()
        self._rests_until, self._rests_why = now + wait_seconds, why
        for batch in self._batches:
            batch.put_off(self._rest(now), now)
        self._untaken.clear()

    def _rest(self, now: float) -> Later:
        return Later(self._rests_why, math.ceil(self._rests_until - now))

    # -- time

    async def _doze(self) -> None:
        is_busy = bool(self._batches) or any(connection.is_waiting for connection in self._connections())
        try:
            async with asyncio.timeout(self._tick_seconds if is_busy else self._idle_seconds):
                await self._woken.wait()
                # Woken for a batch: the next look at the clock is still a tick away.
                self._woken.clear()
        except TimeoutError:
            pass

    def _tick(self) -> None:
        now = monotonic()
        for batch in self._batches:
            if batch.is_overdue(now):
                batch.give_up(Later("APNs did not answer in time."), now)
        self._batches = [batch for batch in self._batches if not batch.done.is_set()]
        self._untaken = deque(batch for batch in self._untaken if not batch.done.is_set())
        self._gauges.in_flight.set(sum(connection.in_flight for connection in self._connections()))
        for connection in self._connections():
            connection.tick(self._patience.answer_seconds, self._patience.probe_seconds)
            if not connection.is_waiting and now - connection.heard >= self._patience.ping_seconds:
                connection.probe()

    def _connections(self) -> list[Connection]:
        return [each for each in (self._connection, self._leaving) if each is not None]

    # -- the end

    def _drop_all(self, later: Later) -> None:
        for batch in self._batches:
            batch.give_up(later, monotonic())

    async def _say_goodbye(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait([self._connecting])
        for connection in self._connections():
            connection.leave()
        ends = monotonic() + GOODBYE_SECONDS
        while self._connections() and monotonic() < ends:
            await asyncio.sleep(0.01)


def _spread(seconds: float) -> float:
    """Jitter, so that many services do not return to APNs in step."""
    return seconds * random.uniform(0.5, 1)
