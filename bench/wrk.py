"""Load over HTTP by wrk (Debian's package `wrk`): requests from a list, each connection asking again once answered."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).parent / "wrk.lua"
SPARE_SECONDS = 60


@dataclass(frozen=True)
class Request:
    """`{n}` in the body becomes a number that no other request of the run has."""

    path: str
    headers: Mapping[str, str]
    method: str = "GET"
    body: str = ""


@dataclass(frozen=True)
class Load:
    """What came of it. Times in milliseconds; `errors` counts answers of 400 and above, and broken connections."""

    rate: float
    p50: float
    p99: float
    longest: float
    requests: int
    errors: int


def load(url: str, requests: Sequence[Request], folder: Path, seconds: float, clients: int, tag: str = "a") -> Load:
    """Ask for these, over and over in this order, for so many seconds."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("This bench needs wrk; install the Debian package wrk: apt-get install wrk")
    listed = folder / "requests.lua"
    listed.write_text("return {\n" + "".join(f"{{{_lua(each)}}},\n" for each in requests) + "}\n", "utf-8")
    command = [wrk, "--threads=1", f"--connections={clients}", f"--duration={max(1, round(seconds))}s"]
    command += ["--timeout=30s", "--script", str(SCRIPT), url, "--", str(listed), tag]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + SPARE_SECONDS)
    said = json.loads(done.stdout.splitlines()[-1]) if done.stdout else {}
    if "requests" not in said:
        raise RuntimeError(f"wrk failed: {done.stderr or done.stdout}")
    return Load(
        said["requests"] / said["seconds"], said["p50"], said["p99"], said["max"], said["requests"], said["errors"]
    )


def _lua(request: Request) -> str:
    headers = ", ".join(f"[{json.dumps(name)}]={json.dumps(value)}" for name, value in request.headers.items())
    return f"{json.dumps(request.method)}, {json.dumps(request.path)}, {{{headers}}}, [==[{request.body}]==]"
