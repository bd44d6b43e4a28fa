"""Google Wallet as a process of its own: `python -m tests.fakes.google --account key.json`.

It prints one line of JSON with its addresses, and on SIGTERM one more with what it saw. While it runs,
POST /fake/report, /fake/reset and /fake/expire-tokens do what they say, and /fake/weather?rate=1&fault=hang
lets all of Google hang (rate=0: no more). A person saves a card by POST to a save link with the cookie
`user=anna@example.org&device=phone`, and removes it by POST to /gp/v/remove/<object id>.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from pathlib import Path

from .fake import ISSUER, FakeGoogle
from .faults import ORDINARY


def main() -> None:
    parser = argparse.ArgumentParser(description="Play Google Wallet on this machine.")
    parser.add_argument("--account", type=Path, help="where to write the key file of a service account")
    parser.add_argument("--issuer", default=ISSUER)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--calls-per-second", type=int, default=20, help="0: as many as come")
    parser.add_argument("--throttle-status", type=int, choices=(429, 403), default=429)
    parser.add_argument("--callbacks-to", default="", help="http://127.0.0.1:8000: where every callback really goes")
    parser.add_argument("--plain-http", action="store_true", help="take images and callbacks at http:// addresses")
    parser.add_argument("--fault-rate", type=float, default=0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with FakeGoogle(issuer_id=given.issuer, port=given.port, calls_per_second=given.calls_per_second or None) as google:
        google.throttles_with = given.throttle_status
        google.policy.https_only = not given.plain_http
        google.callbacks.stand_ins["*"] = given.callbacks_to
        google.weather(given.fault_rate, ORDINARY, given.seed)
        if given.account:
            google.service_account().write(given.account)
        said = {"url": google.url, "token_url": google.token_url, "batch_url": google.batch_url}
        said |= {"save_url": google.save_url, "keys_url": google.keys_url, "issuer": given.issuer}
        print(json.dumps(said), flush=True)
        ended.wait()
        sys.stdout.write(json.dumps(google.report()) + "\n")


if __name__ == "__main__":
    main()
