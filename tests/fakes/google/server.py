"""The sockets: threads that take requests, and the ways in which a connection can go wrong."""

from __future__ import annotations

import contextlib
import gzip
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .faults import Fault
from .requests import Answer, Request

MOST_BODY_BYTES = 16 << 20

Take = Callable[[str, str, dict[str, str], bytes], tuple[Request, Fault | None]]
Carry = Callable[[Request, Fault | None], Answer]


class Server:
    """A listening port that can be closed and opened again, with everybody inside put out."""

    def __init__(self, take: Take, carry: Carry, port: int = 0) -> None:
        self.take, self.carry = take, carry
        self.port = port
        self.connections_opened = 0
        self.closing = threading.Event()
        self.live: set[socket.socket] = set()
        self._listener: _Listener | None = None

    @property
    def is_open(self) -> bool:
        return self._listener is not None

    def open(self) -> None:
        self.closing.clear()
        self._listener = _Listener(self)
        self.port = self._listener.server_port
        serve = threading.Thread(
            target=self._listener.serve_forever, kwargs={"poll_interval": 0.02}, name="fake-google", daemon=True
        )
        serve.start()

    def close(self) -> None:
        if self._listener is None:
            return
        self.closing.set()
        self._listener.shutdown()
        self._listener.server_close()
        self._listener = None
        for line in list(self.live):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 512

    def __init__(self, server: Server) -> None:
        self.of = server
        super().__init__(("127.0.0.1", server.port), _Line)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is no error of ours; anything else is."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Line(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "ESF"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Listener

    def setup(self) -> None:
        super().setup()
        self.server.of.connections_opened += 1
        self.server.of.live.add(self.connection)

    def finish(self) -> None:
        self.server.of.live.discard(self.connection)
        super().finish()

    def _any(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdigit():
            return self._write(Answer(411, b""))
        if int(length) > MOST_BODY_BYTES:
            self.close_connection = True
            return self._write(Answer(413, b""))
        body = self.rfile.read(int(length))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request, fault = self.server.of.take(self.command, self.path, headers, body)
        self._meet(request, fault)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _any

    def _meet(self, request: Request, fault: Fault | None) -> None:
        name, seconds = (fault.name, fault.seconds) if fault else ("", 0.0)
        if name == "hang":
            self.server.of.closing.wait()
        if name == "late":
            time.sleep(seconds)
        answer = self._answer(request, fault)
        if name == "slow":
            time.sleep(seconds)
        if name in ("hang", "close", "reset"):
            self.close_connection = True
            if name == "reset":
                self._reset()
        else:
            self._write(answer, name == "cut", seconds if name == "drip" else 0, self._wants_gzip())

    def _answer(self, request: Request, fault: Fault | None) -> Answer:
        if fault is not None and not fault.is_done:
            answer = Answer(fault.status, fault.body, fault.headers)
        else:
            answer = self.server.of.carry(request, fault)
        request.status = answer.status
        return answer

    def _wants_gzip(self) -> bool:
        """Google packs only for clients that also say so in their name."""
        agent = self.headers.get("User-Agent", "")
        return "gzip" in self.headers.get("Accept-Encoding", "") and "gzip" in agent

    def _write(self, answer: Answer, half: bool = False, drip_seconds: float = 0, packed: bool = False) -> None:
        body = gzip.compress(answer.body, 1) if packed else answer.body
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if packed:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if half:
            self.close_connection = True
            body = body[: len(body) // 2]
        if drip_seconds:
            self._drip(body, drip_seconds)
        elif self.command != "HEAD":
            self.wfile.write(body)

    def _drip(self, body: bytes, seconds: float) -> None:
        for place in range(len(body)):
            self.wfile.write(body[place : place + 1])
            self.wfile.flush()
            if self.server.of.closing.wait(seconds):
                break

    def _reset(self) -> None:
        """SO_LINGER 0 makes the kernel send RST instead of FIN; a plain close() would leave it open for the files."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

    def log_message(self, format: str, *arguments: Any) -> None:
        pass
