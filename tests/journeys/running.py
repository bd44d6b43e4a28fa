"""The real executable: commands run to their end, and a service that runs as `passes serve` runs it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from click.testing import CliRunner

from passes.cli import main

ROOT = Path(__file__).parents[2]
COMMAND_SECONDS = 60
READY_SECONDS = 90


@dataclass
class Ran:
    code: int
    said: str
    complained: str


def passes(*words: str | Path, stdin: str = "", environment: Mapping[str, str] | None = None) -> Ran:
    """`passes WORDS` in this process, which has imported everything already."""
    changed: dict[str, str | None] = {name: None for name in os.environ if name.startswith("PASSES_")}
    result = CliRunner().invoke(main, [str(word) for word in words], input=stdin, env=changed | dict(environment or {}))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)


def executed(*words: str | Path, stdin: str = "", environment: Mapping[str, str] | None = None) -> Ran:
    """`passes WORDS` as an operator calls it, to its end."""
    command = [sys.executable, "-m", "passes", *map(str, words)]
    done = subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        env=environment_of(environment),
        cwd="/",
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Ran(done.returncode, done.stdout, done.stderr)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Running:
    """A service that was started. `client` speaks to it."""

    process: subprocess.Popen[str]
    url: str
    log: Path
    client: httpx2.Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx2.Client(base_url=self.url, timeout=20)

    @property
    def said(self) -> str:
        return self.log.read_text("utf-8")

    def is_ready(self) -> bool:
        try:
            return self.client.get("/ready").status_code == 200
        except httpx2.HTTPError:
            return False

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not self.is_ready():
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.05)

    def descendants(self) -> list[int]:
        """Every process below, however deep."""
        found, waiting = [], [self.process.pid]
        while waiting:
            below = _children(waiting.pop())
            found += below
            waiting += below
        return found


@contextmanager
def serving(home: Path, folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[Running]:
    with starting(home, folder, environment) as running:
        running.wait_until_ready()
        yield running


@contextmanager
def starting(home: Path, folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[Running]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    chosen = {"PASSES_SERVER__PORT": str(port), "PASSES_SERVER__PUBLIC_URL": url, **(environment or {})}
    log = folder / f"serve-{port}.log"
    with log.open("w") as target:
        process = subprocess.Popen(
            [sys.executable, "-m", "passes", "--home", str(home), "serve"],
            stdout=target,
            stderr=target,
            env=environment_of(chosen),
            cwd="/",
            text=True,
        )
    running = Running(process, url, log)
    try:
        yield running
    finally:
        running.client.close()
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def environment_of(chosen: Mapping[str, str] | None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PASSES_")}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **(chosen or {})}
