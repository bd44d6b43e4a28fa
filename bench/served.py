"""What the measured servers serve: the service itself, and beside it the least work that could be called an answer.

`/plain/...` is a Flask application of its own, so that it shares the server and nothing of ours: a fixed answer of
60 KB, an empty 304, and one points transaction as a beginner would write it. Every RSA operation of the process
is counted as one byte in the file that BENCH_SIGNATURES names, so that all processes count together.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path
from typing import Any

from flask import Flask, Response, request
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from passes import create_app, garbage
from passes.wallets.apple.signer import Signer

FIXED_BYTES = 61_000
BUSY_SECONDS = 30


def application() -> Any:
    count_signatures(Path(os.environ["BENCH_SIGNATURES"]))
    served = DispatcherMiddleware(create_app(), {"/plain": plain(os.environ["BENCH_LEDGER"])})
    garbage.spare_what_stays()
    return served


def count_signatures(file: Path) -> None:
    counter = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    sign = Signer.sign

    def counted(self: Signer, manifest: bytes, at: int) -> bytes:
        os.write(counter, b".")
        return sign(self, manifest, at)

    Signer.sign = counted  # type: ignore[method-assign]


def plain(ledger: str) -> Flask:
    app = Flask("plain")
    fixed = os.urandom(FIXED_BYTES)

    @app.get("/fixed")
    def send_fixed() -> Response:
        return Response(fixed, content_type="application/vnd.apple.pkpass")

    @app.get("/unchanged")
    def send_unchanged() -> Response:
        return Response(status=304)

    kept = threading.local()

    @app.post("/points/<int:card>")
    def post_points(card: int) -> dict[str, int]:
        database = getattr(kept, "database", None)
        if database is None:
            database = kept.database = connect(ledger)
        order = request.get_json()
        database.execute("BEGIN IMMEDIATE")
        try:
            database.execute("INSERT INTO receipt VALUES (?, ?, ?)", (order["receipt"], card, order["total"]))
            database.execute("UPDATE balance SET points = points + ? WHERE card = ?", (order["total"] // 100, card))
            left = database.execute("SELECT points FROM balance WHERE card = ?", (card,)).fetchone()[0]
        except BaseException:
            database.execute("ROLLBACK")
            raise
        database.execute("COMMIT")
        return {"points": left}

    return app


def connect(file: str) -> sqlite3.Connection:
    database = sqlite3.connect(file, isolation_level=None, timeout=BUSY_SECONDS)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-65536"):
        database.execute(f"PRAGMA {pragma}")
    return database


def make_ledger(file: str, cards: int) -> None:
    database = connect(file)
    database.execute("CREATE TABLE receipt (receipt TEXT PRIMARY KEY, card INTEGER, total INTEGER)")
    database.execute("CREATE TABLE balance (card INTEGER PRIMARY KEY, points INTEGER)")
    database.executemany("INSERT INTO balance VALUES (?, 0)", ((card,) for card in range(1, cards + 1)))
    database.close()
