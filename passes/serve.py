"""Runs the service: web processes and a worker, started together, restarted when one dies.

The parent only watches. A child that ends is started again, at once the first time and ever more slowly if it
keeps failing; on SIGTERM or Ctrl-C every child finishes what it is doing, then the parent ends. If the parent is
killed outright, the kernel tells its children, so that nothing goes on unwatched.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from multiprocessing.context import ForkProcess
from types import FrameType
from typing import TYPE_CHECKING

import structlog

from . import garbage
from .config import Server
from .errors import ConfigError
from .service import Service

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

log = structlog.get_logger()

LOOK_SECONDS = 0.2
STOP_SECONDS = 20
LONGEST_WAIT_SECONDS = 30
HEALTHY_SECONDS = 60
BEHIND_PAGES = 10
PR_SET_PDEATHSIG = 1
STOPS = (signal.SIGTERM, signal.SIGINT)


class Child:
    """One process of ours and its next chance. It is a copy of this one, so it has nothing to import."""

    def __init__(self, name: str, run: Callable[[], None]) -> None:
        self.name = name
        self._run = run
        self._failures = 0
        self._start_at = 0.0
        self._started = 0.0
        self._process: ForkProcess | None = None

    def keep_running(self, now: float) -> None:
        """Start it if it is not running and its time has come."""
        if self._process is None:
            if now >= self._start_at:
                self._process = _forked(self.name, self._run)
                self._started = now
            return
        if self._process.exitcode is not None:
            self._plan_restart(now, self._process.exitcode)

    def stop(self) -> None:
        if self._process and self._process.exitcode is None:
            self._process.terminate()

    def wait(self, deadline: float) -> None:
        if self._process is None:
            return
        self._process.join(max(0.1, deadline - time.monotonic()))
        if self._process.exitcode is None:
            self._process.kill()

    def _plan_restart(self, now: float, exit_code: int) -> None:
        self._failures = 0 if now - self._started > HEALTHY_SECONDS else self._failures + 1
        wait_seconds = min(LONGEST_WAIT_SECONDS, 2 ** (self._failures - 1) - 1) if self._failures else 0
        log.error("process ended", process=self.name, exit_code=exit_code, wait_seconds=wait_seconds)
        self._process, self._start_at = None, now + wait_seconds


def supervise(parts: Mapping[str, Callable[[], None]]) -> None:
    """Run every part in a process of its own until told to stop. This process must have no thread yet."""
    children = [Child(name, run) for name, run in parts.items()]
    stopping: list[bool] = []
    for number in STOPS:
        signal.signal(number, _once(stopping))
    while not stopping:
        for child in children:
            child.keep_running(time.monotonic())
        time.sleep(LOOK_SECONDS)
    for child in children:
        child.stop()
    deadline = time.monotonic() + STOP_SECONDS
    for child in children:
        child.wait(deadline)


def _forked(name: str, run: Callable[[], None]) -> ForkProcess:
    parent = os.getpid()

    garbage.spare_what_stays()

    def begin() -> None:
        _heed_stops()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
        end_with(parent)
        run()

    # A stop that comes between fork and `begin` would reach the parent's handler in the child, and be lost.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    try:
        process = multiprocessing.get_context("fork").Process(target=begin, name=name)
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
    return process


def refuse_busy_port(server: Server) -> None:
    """A ConfigError when somebody listens there already; better now than in every restart of a child."""
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((server.host, server.port))
        except OSError as wrong:
            raise ConfigError(
                f"[server] cannot listen on {server.host} port {server.port}: {wrong.strerror}. Stop what uses it, or "
                "choose another port in config.toml (or PASSES_SERVER__PORT; with make: PORT=9000 make run)."
            ) from None


def end_with(parent: int) -> None:
    """Have the kernel end this process (SIGTERM) when its parent is gone, however that ended. Linux alone can."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        # It died before we could ask.
        raise SystemExit(1)


def web(server: Server, build: Callable[[], WSGIApplication]) -> None:
    """The web processes, in this process's group. They are copies of it, and build what they serve themselves."""
    from granian import Granian
    from granian.constants import Interfaces

    multiprocessing.set_start_method("fork", force=True)
    # Until it serves, a copy has its parent's handlers: a stop would set the copy's flag, and nobody reads that.
    os.register_at_fork(after_in_child=_heed_stops)
    parent = os.getpid()

    def application() -> WSGIApplication:
        end_with(parent)
        built = build()
        garbage.spare_what_stays()
        return built

    Granian(
        "passes",
        address=server.host,
        port=server.port,
        interface=Interfaces.WSGI,
        workers=server.processes,
        blocking_threads=server.threads,
        backlog=1024,
        websockets=False,
        log_access=False,
        log_level="error",  # type: ignore[arg-type]
        respawn_failed_workers=True,
        respawn_interval=0.5,
        workers_kill_timeout=STOP_SECONDS,
    ).serve(target_loader=application, wrap_loader=False)


def work(service: Service) -> None:
    """The worker, until told to stop; it ends when its parent is gone.

    Whoever waits at a till goes first: where pages and worker share two cores, a sale waits half as long (measured).
    """
    os.nice(BEHIND_PAGES)
    worker = service.worker()
    worker.nudge()
    consumer = worker.consume()
    consumer.run()


def _heed_stops() -> None:
    for number in STOPS:
        signal.signal(number, signal.SIG_DFL)


def _once(stopping: list[bool]) -> Callable[[int, FrameType | None], None]:
    return lambda _number, _frame: stopping.append(True)
