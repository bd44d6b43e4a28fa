"""`passes serve` as people and machines end it: gently, by force, or by taking its port."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from passes.serve import BEHIND_PAGES
from tests.home import new_home
from tests.journeys.running import Running, environment_of, executed, free_port, is_alive, serving, starting

GENTLE_SECONDS = 15


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return new_home(tmp_path / "home")


def wait_until(is_so: Callable[[], bool], seconds: float = GENTLE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_told_to_stop_it_ends_in_good_order_and_leaves_nobody(home: Path, tmp_path: Path) -> None:
    with serving(home, tmp_path) as service:
        below = service.descendants()
        assert len(below) >= 3
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(GENTLE_SECONDS) == 0
        assert not any(map(is_alive, below))
        assert "Traceback" not in service.said


def test_told_to_stop_while_its_processes_still_start_it_does_not_wait_for_them(home: Path, tmp_path: Path) -> None:
    with starting(home, tmp_path) as service:
        # The worker, the web parent and its two processes: copied already, serving not yet.
        wait_until(lambda: len(service.descendants()) >= 4)
        below = service.descendants()
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(GENTLE_SECONDS) == 0
        assert not any(map(is_alive, below))


def test_killed_outright_it_leaves_nobody_either(home: Path, tmp_path: Path) -> None:
    with serving(home, tmp_path) as service:
        below = service.descendants()
        service.process.kill()
        service.process.wait()
        wait_until(lambda: not any(map(is_alive, below)))


def test_a_process_that_dies_is_started_again(home: Path, tmp_path: Path) -> None:
    with serving(home, tmp_path) as service:
        before = set(service.descendants())
        for pid in before:
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)

        def is_back(service: Running = service) -> bool:
            alive = {pid for pid in service.descendants() if is_alive(pid)}
            return len(alive) >= 3 and not alive & before and service.is_ready()

        wait_until(is_back, 30)
        assert "process ended" in service.said


def test_a_port_in_use_is_a_sentence(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = executed("--home", home, "serve", environment={"PASSES_SERVER__PORT": str(port)})
    assert said.code == 1
    assert f"port {port}" in said.complained
    assert "PORT=9000 make run" in said.complained


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda home: (home / "certs" / "service.keys").unlink(), "service.keys is missing"),
        (lambda home: (home / "certs" / "service.keys").chmod(0o644), "chmod 600"),
        (lambda home: (home / "certs" / "pass.pem").write_text("x"), "pass.pem"),
        (lambda home: (home / "passes.db").unlink(), "passes db upgrade"),
    ],
)
def test_what_is_missing_is_said_before_anything_starts(home: Path, spoil: Callable[[Path], object], word: str) -> None:
    spoil(home)
    said = executed("--home", home, "serve", environment={"PASSES_SERVER__PORT": str(free_port())})
    assert (said.code, word in said.complained) == (1, True), said.complained


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_a_worker_can_run_alone(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue("filled_postgres") if engine == "postgresql" else None
    command = [sys.executable, "-m", "passes", "--home", str(new_home(tmp_path / "home", store_url=url)), "worker"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment_of(None), cwd="/") as worker:
        wait_until(lambda: catches(worker.pid, signal.SIGTERM), 60)
        behind = os.getpriority(os.PRIO_PROCESS, worker.pid) - os.getpriority(os.PRIO_PROCESS, 0)
        assert behind == BEHIND_PAGES
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(GENTLE_SECONDS) == 0


def catches(pid: int, number: int) -> bool:
    """Whether the process has a handler of its own for this signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (number - 1) & 1)
