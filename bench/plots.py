"""Pictures of the results for docs/, drawn by matplotlib in the peers' environment: the service never needs it."""

from __future__ import annotations

import json
import subprocess

from . import peers
from .figures import PAGE, RESULTS


def draw() -> None:
    """Every picture whose results are there."""
    PAGE.parent.mkdir(exist_ok=True)
    series: dict[str, object] = {}
    for path in sorted(RESULTS.glob("*.json")):
        series |= json.loads(path.read_text("utf-8"))["series"]
    if series:
        command = [str(peers.python()), str(peers.HERE / "plot.py"), str(PAGE.parent)]
        subprocess.run(command, input=json.dumps(series), text=True, check=True)
