"""Points transactions: a receipt with its postings, its lot, the new drawing of the card and its idempotency.

In process against the raw driver running the very statements that ours ran; over HTTP with many tills against a
transaction as short as a beginner would write it on the same server; on PostgreSQL against pgbench. Every commit
reaches the disk, and the whole ledger is verified afterwards.
"""

from __future__ import annotations

import shutil
import sqlite3
import statistics
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import count, cycle
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import make_url

from passes import cards, keys
from passes.points import audit, receipts
from passes.points.orders import Order
from passes.service import Service
from tests.servers import Postgres

from . import postgres, rounds, servers, shop, wrk
from .figures import Report, least, most
from .served import connect
from .servers import Served

MEMBERS = 10_000
TILLS = 16
PG_TILLS = 8
PGBENCH_SCALE = 10

Statement = tuple[str, Any, bool]


def run(report: Report) -> None:
    with shop.home(MEMBERS) as home:
        _in_process(report, home)
    with shop.home(MEMBERS) as home:
        _over_http(report, home)
    with postgres.server() as running, postgres.home(running, MEMBERS) as home:
        _on_postgres(report, running, home)


class Till:
    """Posts receipts, each to the next card."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._seats = cycle(shop.seats(service, MEMBERS))
        self._numbers = count(1)

    def sells(self) -> None:
        with self.service.store.transaction() as tx:
            held = cards.by_serial(tx, next(self._seats).serial, lock=True)
            receipts.post(tx, held, Order(f"R-{next(self._numbers)}", total=1_250), self.service.now)


def _in_process(report: Report, home: Path) -> None:
    times, turns = (50, 3) if report.quick else (200, 11)
    before = home / "before.db"
    shutil.copy(home / "passes.db", before)
    service = shop.service(home)
    till = Till(service)
    statements = _recorded(till, times * (turns + 1))
    refuse_unless_whole(service)
    service.store.close()
    shutil.copy(before, home / "raw.db")
    for leftover in home.glob("passes.db*"):
        leftover.unlink()
    shutil.copy(before, home / "passes.db")
    till = Till(shop.service(home))
    with closing(connect(str(home / "raw.db"))) as raw:
        raw.execute("PRAGMA foreign_keys=ON")
        replay = _replay(raw, statements)
        variants = {"ours": rounds.repeated(till.sells, times), "raw": rounds.repeated(lambda: next(replay), times)}
        measured = rounds.in_turn(variants, turns)
    refuse_unless_whole(till.service)
    each = sum(len(transaction) for transaction in statements) / len(statements)
    report.add(
        "G10",
        "points transaction in process, SQLite FULL",
        f"{measured.rate('ours'):,.0f}/s",
        f"raw driver, the same {each:.0f} statements {measured.rate('raw'):,.0f}/s",
        measured.ratio("ours", "raw"),
        least(0.30),
    )


def _recorded(till: Till, times: int) -> list[list[Statement]]:
    """What the driver was asked to do, transaction by transaction."""
    transactions: list[list[Statement]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, many: bool) -> None:
        transactions[-1].append((statement, values, many))

    heard = (till.service.store.engine, "before_cursor_execute", note)
    event.listen(*heard)
    for _ in range(times):
        transactions.append([])
        till.sells()
    event.remove(*heard)
    return transactions


def _replay(raw: sqlite3.Connection, transactions: Sequence[list[Statement]]) -> Iterator[None]:
    for transaction in transactions:
        for statement, values, many in transaction:
            if many:
                raw.executemany(statement, values)
            else:
                raw.execute(statement, values).fetchall()
        raw.execute("COMMIT")
        yield


def refuse_unless_whole(service: Service) -> None:
    """The sums agree and the chain holds: a fast ledger that is wrong is no ledger."""
    with service.store.reading() as tx:
        flaws = list(audit.verify(tx))
    assert not flaws, flaws[:3]


def sales(service: Service, key: str, limit: int) -> list[wrk.Request]:
    """One purchase for each of so many cards, as a shop's system sends it."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    return [
        wrk.Request(f"/api/v1/cards/{seat.serial}/receipts", headers, "POST", '{"receipt": "{n}", "total": 1250}')
        for seat in shop.seats(service, limit)
    ]


def new_key(service: Service) -> str:
    with service.store.transaction() as tx:
        return keys.create(tx, f"bench {time.time_ns()}", ["*"], service.now)


def _over_http(report: Report, home: Path) -> None:
    service = shop.service(home)
    headers = {"Content-Type": "application/json"}
    plain = [
        wrk.Request(f"/plain/points/{card}", headers, "POST", '{"receipt": "{n}", "total": 1250}')
        for card in range(1, 5_000)
    ]
    ours = sales(service, new_key(service), 5_000)
    with servers.granian(home) as served:
        found = _in_turn(report, served, home, {"ours": ours, "plain": plain}, TILLS)
    refuse_unless_whole(service)
    rate, other = (statistics.median(load.rate for load in found[name]) for name in ("ours", "plain"))
    ratio = statistics.median(one.rate / two.rate for one, two in zip(found["ours"], found["plain"], strict=True))
    p50, p99 = (statistics.median(getattr(load, name) for load in found["ours"]) for name in ("p50", "p99"))
    theirs = statistics.median(load.p99 for load in found["plain"])
    said = f"plain BEGIN IMMEDIATE route {other:,.0f}/s"
    report.add("G11", f"receipts over HTTP, {TILLS} tills, SQLite", f"{rate:,.0f}/s", said, ratio, least(0.7))
    report.add("G11", "its slowest hundredth", f"p99 {p99:.0f} ms", f"p50 {p50:.1f} ms", p99 / p50, most(5))
    report.add("G11", "the plain route's slowest hundredth", f"p99 {theirs:.0f} ms")
    errors = sum(load.errors for load in found["ours"])
    asked = sum(load.requests for load in found["ours"])
    report.add("G11", f"errors in {asked:,} receipts, ledger verified", str(errors), "", errors, most(0))


def _in_turn(
    report: Report, served: Served, home: Path, calls: dict[str, list[wrk.Request]], clients: int
) -> dict[str, list[wrk.Load]]:
    seconds, turns = (1, 1) if report.quick else (4, 4)
    found: dict[str, list[wrk.Load]] = {name: [] for name in calls}
    for turn in range(turns + 1):
        for name, requests in calls.items():
            loaded = wrk.load(served.url, requests, home, seconds if turn else 1, clients, f"{turn}-")
            if turn:
                found[name].append(loaded)
    return found


def _on_postgres(report: Report, running: Postgres, home: Path) -> None:
    service = shop.service(home)
    ours = sales(service, new_key(service), 5_000)
    pgbench = Pgbench(running)
    seconds, turns = (2, 1) if report.quick else (4, 4)
    ratios, rates, theirs = [], [], []
    with servers.granian(home) as served:
        wrk.load(served.url, ours, home, 1, PG_TILLS, "warm-")
        for turn in range(turns):
            loaded = wrk.load(served.url, ours, home, seconds, PG_TILLS, f"{turn}-")
            assert not loaded.errors, loaded
            theirs.append(pgbench.rate(seconds))
            rates.append(loaded.rate)
            ratios.append(loaded.rate / theirs[-1])
    refuse_unless_whole(service)
    service.store.close()
    report.add(
        "G12",
        f"receipts over HTTP, {PG_TILLS} tills, PostgreSQL",
        f"{statistics.median(rates):,.0f}/s",
        f"pgbench TPC-B-like, {PG_TILLS} clients {statistics.median(theirs):,.0f}/s",
        statistics.median(ratios),
        least(0.30, 0.5),
    )


class Pgbench:
    """PostgreSQL's own benchmark, in a database of its own on the same server."""

    def __init__(self, running: Postgres) -> None:
        url = make_url(running.create())
        program = next(Path("/usr/lib/postgresql").glob("*/bin/pgbench"))
        self._command = [str(program), "--host", str(url.query["host"]), "--username=postgres"]
        self._database = str(url.database)
        self._run("--initialize", f"--scale={PGBENCH_SCALE}", "--quiet")

    def rate(self, seconds: int) -> float:
        said = self._run("--no-vacuum", f"--client={PG_TILLS}", "--jobs=1", f"--time={seconds}")
        line = next(line for line in said.splitlines() if line.startswith("tps"))
        return float(line.split()[2])

    def _run(self, *options: str) -> str:
        command = [*self._command, *options, self._database]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
