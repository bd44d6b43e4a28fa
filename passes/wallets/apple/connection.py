"""One HTTP/2 connection to APNs: streams in, answers out.

It takes nudges while the server has room for more streams, writes once per wake-up, and says for
every ticket it took exactly one of: answered, unanswered, again. It never decides whether to connect
anew, how long to wait, or what becomes of a registration. `h2` keeps the protocol; what it cannot do
for us (finish streams after a GOAWAY, count a thousand open streams cheaply) is overridden in
`_Streams`, and nothing else reaches inside it.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    PingAckReceived,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import H2Error, NoAvailableStreamIDError
from h2.settings import SettingCodes, Settings
from hpack import HeaderTuple, NeverIndexedHeaderTuple

from . import answers
from .answers import PUSHED, Answer
from .batch import Nudge, Ticket

BODY = b"{}"
# Error bodies of APNs are some sixty bytes. More is not kept, far more is not listened to.
MOST_BODY_KEPT = 4096
MOST_BODY_READ = 16_384
CLOSED_STREAMS_SWEPT_AT = 256
# An answer that others have overtaken is doubted after so many times what an answer usually takes.
DOUBTED_TIMES_USUAL = 20
DOUBTED_SECONDS = 1

# TLS alerts by which a server says that it will not have our certificate.
_CERTIFICATE_ALERTS = ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED")


class Errands(Protocol):
    """Whoever has nudges to send and wants to know what became of them."""

    def take(self) -> Ticket | None: ...
    def answered(self, ticket: Ticket, answer: Answer, seconds: float) -> None: ...
    def unanswered(self, ticket: Ticket, why: str) -> None: ...
    def again(self, ticket: Ticket, why: str) -> None: ...
    def leaving(self, connection: Connection) -> None: ...
    def ended(self, connection: Connection) -> None: ...


@dataclass(slots=True)
class _Flight:
    """A push under way."""

    ticket: Ticket
    began: float
    status: int = 0
    body: bytes = b""
    heard_bytes: int = 0


class Form:
    """What every push of one topic looks like, its token aside."""

    def __init__(self, host: str, topic: str, push_type: str | None) -> None:
        # Apple refuses a background push with priority 10.
        urgent = b"5" if push_type == "background" else b"10"
        kind = [HeaderTuple(b"apns-push-type", push_type.encode())] if push_type else []
        shared = [HeaderTuple(b"apns-topic", topic.encode()), *kind]
        self._start = [
            HeaderTuple(b":method", b"POST"),
            HeaderTuple(b":scheme", b"https"),
            HeaderTuple(b":authority", host.encode()),
        ]
        self._urgent = [*shared, HeaderTuple(b"apns-priority", urgent)]
        self._patient = [*shared, HeaderTuple(b"apns-priority", b"5")]

    def headers(self, nudge: Nudge) -> list[HeaderTuple]:
        # A path indexed by HPACK would push the useful headers out of its table, and stay in memory.
        path = NeverIndexedHeaderTuple(b":path", b"/3/device/" + nudge.token.encode())
        return [*self._start, path, *(self._urgent if nudge.urgent else self._patient)]


class Connection(asyncio.Protocol):
    def __init__(self, errands: Errands, form: Form, streams: int, window: int) -> None:
        self.window = window
        self.why = "The connection to APNs was closed."
        self.blames_us = False
        self.answers = 0
        self.is_retiring = self.is_lost = False
        self._errands, self._form, self._streams = errands, form, streams
        self._h2 = _Streams()
        self._flights: dict[int, _Flight] = {}
        self._transport: asyncio.Transport | None = None
        self._opened = self.heard = monotonic()
        self._answered_until = self._usual_seconds = 0.0
        self._probed: float | None = None
        self._is_ready = self._is_full = False

    # -- what the sender asks of it

    @property
    def in_flight(self) -> int:
        return len(self._flights)

    @property
    def is_waiting(self) -> bool:
        """True while something is expected of the server."""
        return bool(self._flights) or self._probed is not None or not self._is_ready or self.is_retiring

    def fill(self) -> None:
        """Send as many nudges as the server has room for, with one write."""
        while self._has_room() and (ticket := self._errands.take()) is not None:
            self._push(ticket)
        self._flush()

    def probe(self) -> None:
        """Ask a connection that was silent for long whether it still lives; nothing is sent meanwhile."""
        if self._probed is None and self._is_ready:
            self._probed = monotonic()
            self._h2.ping(b"passes??")
            self._flush()

    def retire(self) -> None:
        """Open no more streams; close when those under way have their answers."""
        self._retire()
        self._flush()

    def fail(self, why: str) -> None:
        self.why = why
        if self._transport is not None:
            self._transport.abort()

    def leave(self) -> None:
        """Say goodbye and wait for nothing."""
        if self._transport is not None and not self._transport.is_closing():
            self._h2.close_connection()
            self._transport.write(self._h2.data_to_send())
            self._transport.close()

    def tick(self, stream_seconds: float, probe_seconds: float) -> None:
        """Lose patience with what has waited too long."""
        now = monotonic()
        if not self._is_ready and now - self._opened > probe_seconds:
            return self.fail("APNs accepted the connection but did not speak HTTP/2.")
        if self._probed is not None and now - self._probed > probe_seconds:
            return self.fail("APNs did not answer a ping.")
        # A lost answer and a dead connection look alike until somebody asks.
        if self._flights and now - self.heard > stream_seconds / 2:
            self.probe()
        self._give_up_streams(now, stream_seconds)

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        chosen = transport.get_extra_info("ssl_object").selected_alpn_protocol()
        if chosen not in ("h2", None):
            return self.fail(f"APNs chose {chosen} instead of HTTP/2.")
        self._h2.initiate_connection()
        self._flush()

    def data_received(self, data: bytes) -> None:
        self.heard = monotonic()
        try:
            events = self._h2.receive_data(data)
        except (H2Error, ValueError, LookupError):
            self._flush()
            return self.fail("APNs answered with something that is not HTTP/2.")
        for event in events:
            self._react(event)
        self.fill()

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        self.fill()

    def connection_lost(self, error: Exception | None) -> None:
        if isinstance(error, ssl.SSLError) and refuses_our_certificate(error):
            self.blames_us, self.why = True, "APNs does not accept our certificate."
        self._transport, self.is_lost = None, True
        flights, self._flights = self._flights, {}
        for flight in flights.values():
            self._end(flight, self.why)
        self._errands.ended(self)

    # -- events

    def _react(self, event: Event) -> None:
        match event:
            case ResponseReceived():
                if event.stream_id in self._flights and event.headers:
                    self._flights[event.stream_id].status = _status(event.headers)
            case StreamEnded():
                if flight := self._flights.pop(event.stream_id, None):
                    self._answer(flight)
            case DataReceived():
                self._hear(event)
            case StreamReset():
                if flight := self._flights.pop(event.stream_id, None):
                    self._reset(flight, event.error_code)
            case RemoteSettingsChanged():
                self._is_ready = True
            case PingAckReceived():
                self._probed = None
            case ConnectionTerminated():
                self._leave(event)

    def _hear(self, event: DataReceived) -> None:
        self._h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id)
        if (flight := self._flights.get(event.stream_id)) is None:
            return
        flight.heard_bytes += event.flow_controlled_length or 0
        if len(flight.body) < MOST_BODY_KEPT:
            flight.body += (event.data or b"")[:MOST_BODY_KEPT]
        if flight.heard_bytes > MOST_BODY_READ and event.stream_ended is None:
            del self._flights[event.stream_id]
            self._h2.reset_stream(event.stream_id, ErrorCodes.CANCEL)
            self._answer(flight)

    def _answer(self, flight: _Flight) -> None:
        self.answers += 1
        seconds = monotonic() - flight.began
        self._usual_seconds += (seconds - self._usual_seconds) / 16
        self._answered_until = max(self._answered_until, flight.began)
        self.window = min(self._streams, self.window + 1)
        answer = PUSHED if flight.status == 200 else answers.read(flight.status, flight.body)
        if answer.ends_service:
            self._errands.again(flight.ticket, answer.why)
            self.why = answer.why
            self._retire()
        else:
            self._errands.answered(flight.ticket, answer, seconds)

    def _reset(self, flight: _Flight, code: int | None) -> None:
        """A refused stream was certainly not processed; any other reset leaves it open, so it is put off."""
        if flight.status == 200:
            self._answer(flight)
        elif code == ErrorCodes.REFUSED_STREAM:
            self.window = max(1, self.window // 2)
            self._errands.again(flight.ticket, "APNs refused the stream.")
        else:
            self._errands.unanswered(flight.ticket, "APNs reset the stream.")

    def _leave(self, event: ConnectionTerminated) -> None:
        """After a GOAWAY streams up to its last id are still answered; the others go out again elsewhere."""
        reason = answers.reason_of(event.additional_data or b"")
        self.blames_us = reason in answers.FAULTS_OF_OURS
        self.why = f"APNs closed the connection {reason}".rstrip() + "."
        last = event.last_stream_id or 0
        for stream in [stream for stream in self._flights if stream > last]:
            self._end(self._flights.pop(stream), self.why)
        self._retire()

    def _retire(self) -> None:
        if not self.is_retiring:
            self.is_retiring = True
            self._errands.leaving(self)

    def _end(self, flight: _Flight, why: str) -> None:
        if flight.status == 200:
            self._answer(flight)
        else:
            self._errands.again(flight.ticket, why)

    # -- streams

    def _has_room(self) -> bool:
        """Room for one more stream, of which both frames can be written at once."""
        if not self._is_ready or self._is_full or self.is_retiring or self._probed is not None:
            return False
        theirs = self._h2.remote_settings
        limit = min(self.window, theirs.max_concurrent_streams)
        credit = min(self._h2.outbound_flow_control_window, theirs.initial_window_size)
        return len(self._flights) < limit and credit >= len(BODY)

    def _push(self, ticket: Ticket) -> None:
        try:
            stream = self._h2.get_next_available_stream_id()
        except NoAvailableStreamIDError:
            self._retire()
            return self._errands.again(ticket, "The connection has used up its streams.")
        self._h2.open_outbound_streams = len(self._flights)
        self._h2.send_headers(stream, self._form.headers(ticket.nudge))
        self._h2.send_data(stream, BODY, end_stream=True)
        self._flights[stream] = _Flight(ticket, monotonic())

    def _give_up_streams(self, now: float, stream_seconds: float) -> None:
        """The oldest streams come first, so that a look at one is enough while all is well."""
        usual = max(DOUBTED_SECONDS, DOUBTED_TIMES_USUAL * self._usual_seconds)
        doubtful_seconds = min(usual, stream_seconds / 5)
        late = []
        for stream, flight in self._flights.items():
            # Overtaken by later ones, or alone on a connection that ends: its answer is likely lost.
            is_doubtful = flight.began < self._answered_until or self.is_retiring
            if now - flight.began < (doubtful_seconds if is_doubtful else stream_seconds):
                break
            late.append(stream)
        for stream in late:
            self._h2.reset_stream(stream, ErrorCodes.CANCEL)
            self._errands.unanswered(self._flights.pop(stream).ticket, "APNs did not answer in time.")
        if late:
            self.fill()

    def _flush(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._h2.sweep()
        if waiting := self._h2.data_to_send():
            self._transport.write(waiting)
        if self.is_retiring and not self._flights:
            self._transport.close()


class _Streams(H2Connection):
    """`h2`, but for three of its habits."""

    # A connection lives for days; a million remembered stream ids would live as long.
    MAX_CLOSED_STREAMS = 4096

    def __init__(self) -> None:
        super().__init__(
            H2Configuration(client_side=True, validate_outbound_headers=False, normalize_outbound_headers=False)
        )
        self.local_settings = Settings(
            client=True,
            initial_values={
                SettingCodes.ENABLE_PUSH: 0,
                SettingCodes.MAX_HEADER_LIST_SIZE: 16_384,
            },
        )
        self._open = 0

    # h2 counts all open streams anew for each one it opens: quadratic at a thousand. The flights know.
    @property
    def open_outbound_streams(self) -> int:
        return self._open

    @open_outbound_streams.setter
    def open_outbound_streams(self, count: int) -> None:
        self._open = count

    def sweep(self) -> None:
        """Counting is also when h2 forgets closed streams; now and then is enough."""
        if len(self.streams) > self._open + CLOSED_STREAMS_SWEPT_AT:
            _ = super().open_outbound_streams

    def _receive_goaway_frame(self, frame: Any) -> tuple[list[Any], list[Event]]:
        """h2 hears nothing more after a GOAWAY, but answers to earlier streams are still to come."""
        event = ConnectionTerminated()
        event.error_code = frame.error_code
        event.last_stream_id = frame.last_stream_id
        event.additional_data = frame.additional_data
        return [], [event]


def refuses_our_certificate(error: ssl.SSLError) -> bool:
    said = error.reason or ""
    return "ALERT" in said and any(word in said for word in _CERTIFICATE_ALERTS)


def _status(headers: Any) -> int:
    for name, value in headers:
        if name == b":status":
            return int(value) if value.isdigit() else 0
    return 0
