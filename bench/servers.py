"""Servers of the benches: the service as strangers run it, or under a server of our choice, until the block ends."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import peers
from .figures import ROOT
from .served import make_ledger

START_SECONDS = 120
STOP_SECONDS = 25
CARDS_OF_PLAIN_LEDGER = 10_000


@dataclass(frozen=True)
class Served:
    """A running server."""

    url: str
    port: int
    process: subprocess.Popen[bytes]
    signatures_file: Path

    @property
    def signatures(self) -> int:
        """RSA operations so far, of all its processes."""
        return self.signatures_file.stat().st_size if self.signatures_file.exists() else 0


@contextmanager
def gunicorn(home: Path, *options: str) -> Iterator[Served]:
    """`application` of `served` under gunicorn: gunicorn(home, "--workers=2")."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--log-level=error", *options]
    with _serving([*command, "bench.served:application()"], home, port, _with_gunicorn()) as served:
        yield served


@contextmanager
def minimal(home: Path, *options: str) -> Iterator[Served]:
    """The least Flask application, under gunicorn."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--log-level=error", *options]
    more = {"BENCH_MINIMAL": f"sqlite:///{home / 'passes.db'}", **_with_gunicorn()}
    with _serving([*command, "bench.minimal:application()"], home, port, more) as served:
        yield served


@contextmanager
def granian(home: Path) -> Iterator[Served]:
    """The same under granian, with the options that `passes serve` chooses."""
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface=wsgi", "--factory", "--host=127.0.0.1", f"--port={port}"]
    size = ["--workers=2", "--blocking-threads=4", "--backlog=1024"]
    quiet = ["--no-ws", "--no-access-log", "--log-level=error"]
    with _serving([*command, *size, *quiet, "bench.served:application"], home, port) as served:
        yield served


@contextmanager
def serve(home: Path, port: int | None = None) -> Iterator[Served]:
    """`passes serve`, as anybody starts it."""
    port = port or free_port()
    command = [sys.executable, "-m", "passes", "--home", str(home), "serve"]
    with _serving(command, home, port, {"PASSES_SERVER__PORT": str(port)}) as served:
        yield served


def _with_gunicorn() -> dict[str, str]:
    return {"PYTHONPATH": str(peers.gunicorn())}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _serving(command: list[str], home: Path, port: int, more: Mapping[str, str] | None = None) -> Iterator[Served]:
    ledger = home / f"plain-{port}.db"
    make_ledger(str(ledger), CARDS_OF_PLAIN_LEDGER)
    signatures = home / f"signatures-{port}"
    named = {"PASSES_HOME": str(home), "BENCH_LEDGER": str(ledger), "BENCH_SIGNATURES": str(signatures)}
    environment = {**os.environ, **named, **(more or {})}
    with (home / "server.log").open("wb") as log:
        # A bench that is killed takes its servers with it.
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig=TERM", *command],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_until_ready(port, process, home / "server.log")
        yield Served(f"http://127.0.0.1:{port}", port, process, signatures)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_until_ready(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.02)
        finally:
            connection.close()
    raise RuntimeError(f"a server did not start: {log.read_text(errors='replace')[-2000:]}")
