"""Apple's push service, played: real TLS with client certificates, real HTTP/2, documented answers.

It knows what the real one knows and no more: a certificate, a topic, a token. Every request is kept,
so a test can ask what was sent, and faults can be had by token, by number or by chance. As a process
of its own: `python -m tests.fakes.apns --trust certs/dev-root.pem`; it prints one line of JSON with its
address and the file of its root, and on SIGTERM one more with what it saw.

    with FakeAPNs(trust=[home / "certs/dev-root.pem"]) as apns:
        apns.script(answer(429, "TooManyRequests"), token=phone.push_token)
        apns.on_nudge = phone.is_nudged
        apns.is_down = True
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import re
import signal
import socket
import ssl
import struct
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trustme
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, PingReceived, RequestReceived, StreamEnded, StreamReset
from h2.exceptions import H2Error
from h2.settings import SettingCodes, Settings
from hyperframe.frame import GoAwayFrame

MOST_PAYLOAD_BYTES = 4096
LINGER_SECONDS = 1
PUSH_TYPES = {"alert", "background", "complication", "fileprovider", "location", "mdm", "voip"}
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong with one request; `name` says how, the rest how much."""

    name: str
    status: int = 0
    reason: str = ""
    seconds: float = 0
    size: int = 0


def answer(status: int, reason: str = "") -> Fault:
    """Refuse the push with this status, whatever it looks like."""
    return Fault("answer", status=status, reason=reason)


def latency(seconds: float) -> Fault:
    return Fault("latency", seconds=seconds)


HANG = Fault("hang")  # neither delivered nor answered
LOST_ANSWER = Fault("lost answer")  # delivered, not answered
DROP = Fault("drop")  # answered 200, not delivered
RESET_STREAM = Fault("reset stream")
REFUSE_STREAM = Fault("refuse stream")
RESET_AFTER_ANSWER = Fault("reset after answer")  # 200 without its end, then RST_STREAM(NO_ERROR)
RESET_TCP = Fault("reset tcp")
GOAWAY_BEFORE = Fault("goaway before")  # this request was not processed
GOAWAY_MID = Fault("goaway mid")  # it was, and its answer follows the GOAWAY
GOAWAY_AFTER = Fault("goaway after")  # its answer comes first
GOAWAY_UNKEPT = Fault("goaway unkept")  # the answer is promised, and the connection closed without it
GARBAGE = Fault("garbage")
SHUTDOWN = Fault("shutdown", status=503, reason="Shutdown")
INFORMATIONAL = Fault("informational")  # a 103 before the answer
EMPTY_DATA = Fault("empty data")  # empty DATA frames around the body
PADDED = Fault("padded")
HUGE_BODY = Fault("huge body", status=500, size=1 << 20)
NO_ID = Fault("no id")
NO_BODY = Fault("no body", status=500)

# What may meet a client at the door, before any request.
DOORS = {
    "open",
    "closed",  # connection refused
    "silent",  # TCP accepts, nothing is said
    "garbage",  # bytes that are not TLS
    "garbage in TLS",
    "HTTP/1.1",
    "mute",  # TLS succeeds, no HTTP/2 settings ever come
    "wrong certificate",  # signed by a stranger
    "distrust",  # our client certificate is not accepted
}


@dataclass
class Request:
    """One push as it arrived, and what became of it."""

    token: str
    headers: dict[str, str]
    body: bytes
    connection: int
    stream: int
    at: float = field(default_factory=time.monotonic)
    fault: str = ""
    status: int = 0
    reason: str = ""
    is_delivered: bool = False
    answered_at: float = 0  # 0: no answer has left, or it left just before the connection broke


@dataclass
class _Script:
    fault: Fault
    token: str | None
    nth: int | None
    times: int

    def fits(self, token: str, number: int) -> bool:
        return self.times > 0 and self.token in (None, token) and self.nth in (None, number)


class FakeAPNs:
    """The service itself. Attributes may be set from any thread at any time."""

    def __init__(
        self,
        *,
        trust: Iterable[Path | str | bytes] = (),
        certificate: Path | None = None,
        port: int = 0,
        max_streams: int = 1000,
    ) -> None:
        self.requests: list[Request] = []
        self.gone: dict[str, int] = {}  # token -> milliseconds since 1970
        self.topics: dict[str, str] = {}  # token -> the only topic it is good for, where that matters
        self.latency_seconds = 0.0
        self.on_nudge: Callable[[str], object] | None = None
        self.connections_opened = 0
        self.most_connections = 0
        self.most_in_flight = 0
        self.pings = 0
        self.violations: list[str] = []
        self.live: set[_Line] = set()
        self._scripts: deque[_Script] = deque()
        self._rate, self._faults, self._chance = 0.0, [answer(500)], random.Random(0)
        self._max_streams = max_streams
        self._door = "open"
        self._port = port
        self._trust, self._certificate = list(trust), certificate
        self._folder = tempfile.TemporaryDirectory(prefix="fake-apns-")
        self._authority = trustme.CA()
        self.ca = Path(self._folder.name) / "fake-apns-root.pem"
        self.ca.write_bytes(self._authority.cert_pem.bytes())
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake-apns", daemon=True)
        self._server: asyncio.Server | None = None

    def __enter__(self) -> FakeAPNs:
        self._thread.start()
        self._ask(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    start = __enter__

    def close(self) -> None:
        self._ask(self._shut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._folder.cleanup()

    # -- what a test may ask and tell

    @property
    def url(self) -> str:
        return f"https://localhost:{self._port}"

    @property
    def is_down(self) -> bool:
        return self._door == "closed"

    @is_down.setter
    def is_down(self, down: bool) -> None:
        self.door = "closed" if down else "open"

    @property
    def door(self) -> str:
        return self._door

    @door.setter
    def door(self, door: str) -> None:
        """Change what meets newcomers; whoever is inside is put out."""
        assert door in DOORS, door
        if door != self._door:
            self._door = door
            self._ask(self._reopen())

    @property
    def max_streams(self) -> int:
        return self._max_streams

    @max_streams.setter
    def max_streams(self, most: int) -> None:
        self._max_streams = most
        self._ask(self._announce())

    def forget(self, token: str, at_ms: int | None = None) -> None:
        """The card was removed from this phone (now, or at a given moment)."""
        self.gone[token] = int(time.time() * 1000) if at_ms is None else at_ms

    def script(self, fault: Fault, *, token: str | None = None, nth: int | None = None, times: int = 1) -> None:
        """Let the next fitting requests fail: those of a token, the n-th of all (from 1), or any."""
        self._scripts.append(_Script(fault, token, nth, times))

    def weather(self, rate: float, faults: Sequence[Fault], seed: int = 0) -> None:
        """Let this share of requests meet one of these faults, by chance; 0 clears the sky."""
        self._rate, self._faults, self._chance = rate, list(faults) or [answer(500)], random.Random(seed)

    def drop_connections(self) -> None:
        self._ask(self._put_out())

    @property
    def delivered(self) -> list[str]:
        return [request.token for request in self.requests if request.is_delivered]

    def attempts(self, token: str) -> int:
        return sum(request.token == token for request in self.requests)

    def sent_after_gone(self) -> list[str]:
        """Tokens that were pushed to again although a 410 had been answered: there should be none."""
        told: set[str] = set()
        again = []
        for request in self.requests:
            if request.token in told:
                again.append(request.token)
            if request.status == 410 and request.answered_at:
                told.add(request.token)
        return again

    # -- deciding

    def next_fault(self, token: str) -> Fault | None:
        number = len(self.requests)
        for script in self._scripts:
            if script.fits(token, number):
                script.times -= 1
                return script.fault
        if self._rate and self._chance.random() < self._rate:
            return self._chance.choice(self._faults)
        return None

    def judge(self, request: Request, path: str, method: str, topic: str) -> tuple[int, str]:
        """Status and reason, in the order in which a request can be wrong."""
        headers = request.headers
        if method != "POST":
            return 405, "MethodNotAllowed"
        if not path.startswith("/3/device/"):
            return 404, "BadPath"
        if reason := _wrong_header(headers):
            return 400, reason
        if not request.token:
            return 400, "MissingDeviceToken"
        if headers.get("apns-topic", topic) != topic:
            return 400, "TopicDisallowed"
        if not request.body:
            return 400, "PayloadEmpty"
        if len(request.body) > MOST_PAYLOAD_BYTES:
            return 413, "PayloadTooLarge"
        if not re.fullmatch(r"(?:[0-9A-Fa-f]{2}){4,100}", request.token):
            return 400, "BadDeviceToken"
        if self.topics.get(request.token, topic) != topic:
            return 400, "DeviceTokenNotForTopic"
        return (410, "Unregistered") if request.token in self.gone else (200, "")

    def deliver(self, request: Request) -> None:
        request.is_delivered = True
        if self.on_nudge is not None:
            self.on_nudge(request.token)

    def hang_up(self, transport: asyncio.Transport) -> None:
        self._loop.call_soon_threadsafe(transport.close)

    # -- the door

    def _ask(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        secure: dict[str, Any] = {}
        if self._door not in ("silent", "garbage", "distrust"):
            secure = {"ssl": self.secure(), "ssl_shutdown_timeout": 0.2}
        self._server = await self._loop.create_server(
            lambda: _Line(self), "127.0.0.1", self._port, backlog=512, **secure
        )
        self._port = self._server.sockets[0].getsockname()[1]

    def secure(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        authority = trustme.CA() if self._door == "wrong certificate" else self._authority
        if self._certificate is not None and self._door != "wrong certificate":
            context.load_cert_chain(self._certificate)
        else:
            authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
        context.verify_mode = ssl.CERT_REQUIRED
        for root in [] if self._door == "distrust" else self._trust:
            text = root if isinstance(root, bytes) else Path(root).read_bytes()
            context.load_verify_locations(cadata=text.decode())
        context.set_alpn_protocols(["http/1.1"] if self._door == "HTTP/1.1" else ["h2"])
        return context

    async def _shut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._put_out()

    async def _reopen(self) -> None:
        await self._shut()
        if self._door != "closed":
            await self._listen()

    async def _put_out(self) -> None:
        for line in list(self.live):
            line.transport.abort()
        while self.live:
            await asyncio.sleep(0.001)

    async def _announce(self) -> None:
        for line in self.live:
            line.announce_streams()


def _wrong_header(headers: dict[str, str]) -> str:
    priority, kind = headers.get("apns-priority", "10"), headers.get("apns-push-type", "alert")
    if headers.get("duplicates"):
        return "DuplicateHeaders"
    if kind not in PUSH_TYPES:
        return "InvalidPushType"
    if priority not in ("1", "5", "10") or (kind == "background" and priority == "10"):
        return "BadPriority"
    if not headers.get("apns-expiration", "0").isdigit():
        return "BadExpirationDate"
    if len(headers.get("apns-collapse-id", "")) > 64:
        return "BadCollapseId"
    if "apns-id" in headers and not UUID.fullmatch(headers["apns-id"]):
        return "BadMessageId"
    return ""


class _Line(asyncio.Protocol):
    """One connection of a client."""

    def __init__(self, apns: FakeAPNs) -> None:
        self.apns = apns
        self.topic = ""
        self.number = 0
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._heads: dict[int, list[tuple[str, str]]] = {}
        self._bodies: dict[int, bytes] = {}
        self._open: set[int] = set()
        self._last: int | None = None  # after a GOAWAY: streams beyond it are not processed

    def connection_made(self, transport: Any) -> None:
        self.transport: asyncio.Transport = transport
        apns = self.apns
        apns.live.add(self)
        apns.connections_opened += 1
        self.number = apns.connections_opened
        apns.most_connections = max(apns.most_connections, len(apns.live))
        self.topic = _user_id(transport.get_extra_info("peercert"))
        if apns.door in ("garbage", "garbage in TLS"):
            transport.write(random.Random(1).randbytes(300))
        elif apns.door == "HTTP/1.1":
            transport.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        elif apns.door == "distrust":
            threading.Thread(target=self._turn_away, args=[transport.get_extra_info("socket").dup()]).start()
        elif apns.door in ("open", "wrong certificate"):
            self._greet()

    def connection_lost(self, error: Exception | None) -> None:
        self.apns.live.discard(self)

    def data_received(self, data: bytes) -> None:
        if self.apns.door in ("silent", "mute", "garbage", "garbage in TLS", "HTTP/1.1"):
            return
        try:
            events = self._h2.receive_data(data)
        except H2Error as error:
            self.apns.violations.append(f"{type(error).__name__}: {error}")
            self._flush()
            return self.transport.close()
        for event in events:
            if not self.transport.is_closing():
                self._react(event)
        self._flush()

    def announce_streams(self) -> None:
        self._h2.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: self.apns.max_streams})
        self._flush()

    def _greet(self) -> None:
        streams = {SettingCodes.MAX_CONCURRENT_STREAMS: self.apns.max_streams}
        self._h2.local_settings = Settings(client=False, initial_values=streams)
        self._h2.initiate_connection()
        self._flush()

    def _turn_away(self, plain: socket.socket) -> None:
        """A handshake of our own: asyncio would close without the alert that tells the client why."""
        self.transport.pause_reading()
        plain.settimeout(2)
        with plain, contextlib.suppress(OSError):
            self.apns.secure().wrap_socket(plain, server_side=True)
        self.apns.hang_up(self.transport)

    def _react(self, event: Any) -> None:
        if isinstance(event, RequestReceived):
            self._heads[event.stream_id] = [(str(name), str(value)) for name, value in event.headers]
            self._bodies[event.stream_id] = b""
            self._open.add(event.stream_id)
            self.apns.most_in_flight = max(self.apns.most_in_flight, len(self._open))
        elif isinstance(event, DataReceived):
            self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            body = self._bodies[event.stream_id] + event.data
            self._bodies[event.stream_id] = body[: MOST_PAYLOAD_BYTES + 1]
        elif isinstance(event, StreamEnded):
            self._arrived(event.stream_id)
        elif isinstance(event, StreamReset):
            self._open.discard(event.stream_id)
        elif isinstance(event, PingReceived):
            self.apns.pings += 1

    def _arrived(self, stream: int) -> None:
        listed, body = self._heads.pop(stream), self._bodies.pop(stream)
        if self._last is not None and stream > self._last:
            return self._open.discard(stream)
        headers = dict(listed)
        names = Counter(name for name, _ in listed)
        if any(times > 1 for name, times in names.items() if name.startswith("apns-")):
            headers["duplicates"] = "yes"
        path, method = headers.pop(":path", ""), headers.pop(":method", "")
        request = Request(path.removeprefix("/3/device/"), headers, body, self.number, stream)
        self.apns.requests.append(request)
        fault = self.apns.next_fault(request.token)
        request.fault = fault.name if fault else ""
        request.status, request.reason = self.apns.judge(request, path, method, self.topic)
        wait_seconds = self.apns.latency_seconds + (fault.seconds if fault else 0)
        if wait_seconds:
            asyncio.get_running_loop().call_later(wait_seconds, self._serve_late, request, fault)
        else:
            self._serve(request, fault)

    def _serve_late(self, request: Request, fault: Fault | None) -> None:
        if request.stream in self._open and not self.transport.is_closing():
            self._serve(request, fault)
            self._flush()

    def _serve(self, request: Request, fault: Fault | None) -> None:
        """Do what the fault says, or else what Apple documents."""
        name = fault.name if fault else ""
        if fault and fault.status:
            request.status, request.reason = fault.status, fault.reason
        match name:
            case "hang":
                request.status = 0
            case "reset stream" | "refuse stream":
                request.status = 0
                self._reset(request.stream, refused=name == "refuse stream")
            case "reset tcp":
                request.status = 0
                self._reset_tcp()
            case "garbage":
                request.status = 0
                self._flush()
                self.transport.write(random.Random(request.stream).randbytes(2000))
            case "goaway before":
                request.status = 0
                self._open.discard(request.stream)
                self._goaway(request.stream - 2)
            case "goaway unkept":
                request.status = 0
                self._goaway(request.stream)
                self.transport.close()
            case "lost answer":
                self._settle(request)
            case _:
                self._conclude(request, name, fault)

    def _conclude(self, request: Request, name: str, fault: Fault | None) -> None:
        if name == "goaway mid":
            self._goaway(request.stream)
        if name != "drop":
            self._settle(request)
        self._answer(request, name, fault.size if fault else 0)
        if name in ("goaway after", "shutdown"):
            self._goaway(request.stream)

    def _settle(self, request: Request) -> None:
        if request.status == 200:
            self.apns.deliver(request)

    def _answer(self, request: Request, name: str, size: int) -> None:
        """Headers, and for an error its JSON; a few names change how this is framed."""
        stream = request.stream
        self._open.discard(stream)
        request.answered_at = time.monotonic()
        headers = [(":status", str(request.status))]
        if name != "no id":
            headers.append(("apns-id", request.headers.get("apns-id") or str(uuid.uuid4())))
        if name == "informational":
            self._h2.send_headers(stream, [(":status", "103")])
        body = b"" if name == "no body" else b"x" * size or self._explain(request)
        if name in ("empty data", "padded", "reset after answer"):
            self._h2.send_headers(stream, headers)
            if name == "reset after answer":
                return self._h2.reset_stream(stream, ErrorCodes.NO_ERROR)
            padding = 17 if name == "padded" else None
            self._h2.send_data(stream, b"", pad_length=padding)
            self._h2.send_data(stream, body, pad_length=padding)
            return self._h2.send_data(stream, b"", end_stream=True, pad_length=padding)
        self._h2.send_headers(stream, headers, end_stream=not body)
        if body:
            self._send_body(stream, body)

    def _send_body(self, stream: int, body: bytes) -> None:
        """As much as the client's windows allow; the rest of an absurd body is simply never sent."""
        while body and (room := min(self._h2.local_flow_control_window(stream), 16_384)) > 0:
            piece, body = body[:room], body[room:]
            self._h2.send_data(stream, piece, end_stream=not body)

    def _explain(self, request: Request) -> bytes:
        if request.status == 200:
            return b""
        said: dict[str, object] = {"reason": request.reason}
        if request.status == 410:
            said["timestamp"] = self.apns.gone.get(request.token, int(time.time() * 1000))
        return json.dumps(said).encode()

    def _reset(self, stream: int, refused: bool) -> None:
        self._open.discard(stream)
        code = ErrorCodes.REFUSED_STREAM if refused else ErrorCodes.INTERNAL_ERROR
        self._h2.reset_stream(stream, code)

    def _reset_tcp(self) -> None:
        """SO_LINGER 0 makes the kernel send RST instead of FIN, which also destroys what was not read yet."""
        for request in reversed(self.apns.requests):
            if request.at < time.monotonic() - 0.5:
                break
            request.answered_at = 0
        plain = self.transport.get_extra_info("socket")
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def _goaway(self, last: int, reason: str = "Shutdown") -> None:
        """Written by hand: h2 itself would answer nothing more, the real service does."""
        self._last = max(last, 0)
        self._flush()
        said = json.dumps({"reason": reason}).encode()
        self.transport.write(GoAwayFrame(0, last_stream_id=self._last, additional_data=said).serialize())
        # The client closes when it has its answers; closing on unread pushes would destroy them (RST).
        asyncio.get_running_loop().call_later(LINGER_SECONDS, self.transport.close)

    def _flush(self) -> None:
        if (waiting := self._h2.data_to_send()) and not self.transport.is_closing():
            self.transport.write(waiting)


def _user_id(certificate: dict[str, Any] | None) -> str:
    """The pass type stands in the UID of the subject."""
    pairs = [pair for name in (certificate or {}).get("subject", ()) for pair in name]
    return next((str(value) for key, value in pairs if key in ("userId", "UID")), "")


def main() -> None:
    parser = argparse.ArgumentParser(description="Play Apple's push service on this machine.")
    parser.add_argument("--trust", action="append", default=[], type=Path, help="PEM file of a root to trust")
    parser.add_argument("--certificate", type=Path, help="PEM file with our certificate and key")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--max-streams", type=int, default=1000)
    parser.add_argument("--latency-seconds", type=float, default=0)
    parser.add_argument("--fault-rate", type=float, default=0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with FakeAPNs(
        trust=given.trust, certificate=given.certificate, port=given.port, max_streams=given.max_streams
    ) as apns:
        apns.latency_seconds = given.latency_seconds
        apns.weather(given.fault_rate, ORDINARY_FAULTS, given.seed)
        print(json.dumps({"url": apns.url, "ca": str(apns.ca)}), flush=True)
        ended.wait()
        seen = Counter(request.status for request in apns.requests)
        sys.stdout.write(json.dumps({"requests": len(apns.requests), "statuses": seen}) + "\n")


# What a bad day brings.
ORDINARY_FAULTS = [
    answer(500, "InternalServerError"),
    answer(503, "ServiceUnavailable"),
    answer(429, "TooManyRequests"),
    RESET_STREAM,
    REFUSE_STREAM,
    RESET_TCP,
    GOAWAY_BEFORE,
    GOAWAY_MID,
    GOAWAY_AFTER,
    SHUTDOWN,
    LOST_ANSWER,
    HANG,
]

if __name__ == "__main__":
    main()
