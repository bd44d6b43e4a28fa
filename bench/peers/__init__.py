"""Other people's programs that are measured beside ours, installed into throw-away places when first needed.

Python peers share one environment and Node's one folder, both below `bench/results/peers/`. Each runs as a process
of its own that waits for a number, does that much, and answers how many seconds it took; so peers can take
turns with us.
"""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..figures import RESULTS

HERE = Path(__file__).parent
PLACE = RESULTS / "peers"
PYTHON_PEERS = ("wallet-py3k==0.0.4", "py-pkpass", "aioapns==4.0", "matplotlib", "Django", "djangorestframework")
# It asks for an aioapns of another year, which making passes does not need.
APART = ("django-walletpass==5.0.1", "python-dateutil", "pyopenssl")
NODE_PEERS = ("passkit-generator@3.6.1",)


def python() -> Path:
    """The interpreter that has the Python peers."""
    folder = PLACE / "py"
    if not (folder / "ready").exists():
        print("  installing Python peers", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *PYTHON_PEERS], check=True)
        subprocess.run([*pip, "--no-deps", *APART], check=True)
        (folder / "ready").touch()
    return folder / "bin" / "python"


def gunicorn() -> Path:
    """A folder to put on our own path, for the server that others may run this service under."""
    folder = PLACE / "gunicorn"
    if not (folder / "ready").exists():
        print("  installing gunicorn", flush=True)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*command, "--target", str(folder), "gunicorn"], check=True)
        (folder / "ready").touch()
    return folder


def node_modules() -> Path:
    """The folder that has the Node peers."""
    folder = PLACE / "node"
    if not (folder / "ready").exists():
        print("  installing Node peers", flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        npm = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder)]
        subprocess.run([*npm, *NODE_PEERS], check=True)
        (folder / "ready").touch()
    return folder / "node_modules"


class Peer:
    """A program that waits for work."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.about: dict[str, Any] = self._answer()

    def seconds(self, times: int) -> float:
        """How long it took to do it so many times, by its own clock."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{times}\n")
        self._process.stdin.flush()
        return float(self._answer()["seconds"])

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"a peer ended: {self._process.args}")
        return dict(json.loads(line))


@contextmanager
def running(command: list[str | Path]) -> Iterator[Peer]:
    """The program until the block ends."""
    process = subprocess.Popen(
        [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    try:
        yield Peer(process)
    finally:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        process.stdout.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def own_python() -> Path:
    return Path(sys.executable)
