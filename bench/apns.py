"""The played APNs as a process that tells the bench whom it nudged: `python -m bench.apns ROOT LATENCY_SECONDS`.

The first line out is its address and root; then one push token per line, of those that were named on standard
input (`watch TOKEN`). `door NAME` changes what meets a client there, such as `silent`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.fakes.apns import FakeAPNs


def main() -> None:
    watched: set[str] = set()

    def nudge(token: str) -> None:
        # A campaign must not fill this process's memory or the pipe.
        if len(apns.requests) > 1_000:
            apns.requests.clear()
        if token in watched:
            print(token, flush=True)

    with FakeAPNs(trust=[Path(sys.argv[1])]) as apns:
        apns.latency_seconds = float(sys.argv[2])
        apns.on_nudge = nudge
        print(json.dumps({"url": apns.url, "ca": str(apns.ca)}), flush=True)
        for line in sys.stdin:
            verb, _, word = line.strip().partition(" ")
            if verb == "watch":
                watched.add(word)
            elif verb == "door":
                apns.door = word


if __name__ == "__main__":
    main()
