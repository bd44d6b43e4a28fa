"""Phones over HTTP: a pass nobody asked for yet, a pass the phone has already, and one pass for everybody.

Compared with what the same server does without us: a fixed answer as large as a pass, and an empty 304. Under
gunicorn's plain worker processes and under granian as `passes serve` starts it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from werkzeug.http import http_date

from . import rounds, servers, shop, wrk
from .figures import Goal, Report, least, most
from .passes import Maker
from .servers import Served

CARDS = 10_000
# More passes than the shelf of two processes holds, so that none is found there.
UNCACHED = 10_000
CLIENTS = 16
SAME = 5_000
SETTLE_SECONDS = 0.3


def run(report: Report) -> None:
    with shop.home(CARDS) as home:
        maker = Maker(home)
        seats = shop.seats(maker.service, UNCACHED)
        calls = {
            "new": [call(maker, seat) for seat in seats],
            "had": [call(maker, seat, http_date(seat.modified)) for seat in seats],
            "fixed": [wrk.Request("/plain/fixed", {})],
            "unchanged": [wrk.Request("/plain/unchanged", {})],
        }
        both = rounds.in_turn({"bare": rounds.repeated(maker.sign_bare, 200)}, 5).rate("bare") * 2
        for name, start in SERVERS.items():
            with start(home) as served:
                _measure(report, name, served, calls, home, both)
        with SERVERS["granian"](home) as served:
            _one_revision(report, served, calls["new"][:1], home)
        _first_fetch(report, maker, home, calls["new"])


@contextmanager
def _gunicorn(home: Path) -> Iterator[Served]:
    with servers.gunicorn(home, "--workers=2") as served:
        yield served


SERVERS: dict[str, Callable[[Path], AbstractContextManager[Served]]] = {
    "gunicorn sync": _gunicorn,
    "granian": servers.granian,
}


def call(maker: Maker, seat: shop.Seat, since: str | None = None) -> wrk.Request:
    headers = {"Authorization": f"ApplePass {seat.token}"} | ({"If-Modified-Since": since} if since else {})
    return wrk.Request(f"/apple/v1/passes/{maker.apple.pass_type}/{seat.serial}", headers)


def _measure(
    report: Report, name: str, served: Served, calls: dict[str, list[wrk.Request]], home: Path, both: float
) -> None:
    seconds, turns = (1, 1) if report.quick else (3, 3)
    found: dict[str, list[wrk.Load]] = {kind: [] for kind in calls}
    signed = dict.fromkeys(calls, 0)
    for turn in range(turns + 1):
        for kind, requests in calls.items():
            before = served.signatures
            # Not from the beginning again, which the shelf might still hold.
            first = turn * 2_000 % len(requests)
            shifted = requests[first:] + requests[:first]
            loaded = wrk.load(served.url, shifted, home, seconds if turn else 1, CLIENTS)
            assert not loaded.errors, (name, kind, loaded)
            # What wrk no longer waited for is still being answered.
            time.sleep(SETTLE_SECONDS)
            if turn:
                found[kind].append(loaded)
                signed[kind] += served.signatures - before
    asked = {kind: sum(load.requests for load in loads) for kind, loads in found.items()}
    assert signed["new"] >= 0.8 * asked["new"], (signed, asked)
    fixed_goal: Goal | None = least(0.35) if name.startswith("gunicorn") else None
    rsa_goal = least(0.20, 0.26) if name.startswith("gunicorn") else None
    had_goal = least(0.45, 0.55) if name.startswith("gunicorn") else least(0.33)
    new, had = _rate(found["new"]), _rate(found["had"])
    said, rsa = f"{new:,.0f}/s", f"two cores of bare RSA {both:,.0f}/s"
    report.add("G7", f"a pass signed for its phone, {name}", said, rsa, new / both, rsa_goal)
    report.add(
        "G7",
        f"the same, {name}",
        said,
        f"its fixed 60 KB {_rate(found['fixed']):,.0f}/s",
        _ratio(found["new"], found["fixed"]),
        fixed_goal,
    )
    report.add("G7", f"the same, {name}: p99 to p50", *_tail(found["new"]), most(3))
    report.add(
        "G8",
        f"a pass the phone has already (304), {name}",
        f"{had:,.0f}/s",
        f"its empty 304 {_rate(found['unchanged']):,.0f}/s",
        _ratio(found["had"], found["unchanged"]),
        had_goal,
    )
    report.add("G8", f"RSA operations in {asked['had']:,} of them", str(signed["had"]), "", signed["had"], most(0))
    report.add("D13", f"304 under full load, {name}", *_tail(found["had"]))


def _one_revision(report: Report, served: Served, call: list[wrk.Request], home: Path) -> None:
    """Many phones, one revision of one card: signed once per process."""
    before, asked = served.signatures, 0
    while asked < SAME:
        loaded = wrk.load(served.url, call, home, 1, CLIENTS)
        assert not loaded.errors
        asked += loaded.requests
    signed = served.signatures - before
    what = f"signatures for {asked:,} downloads of one revision"
    report.add("D13", what, str(signed), "two processes", signed, most(2))


def _first_fetch(report: Report, maker: Maker, home: Path, calls: list[wrk.Request]) -> None:
    """The first download of a revision is also noted in the store, for people who ask how far an update has come."""
    from sqlalchemy import update

    from passes.store import tables as t

    with maker.service.store.transaction() as tx:
        tx.execute(update(t.Card).values(fetched=0))
    with SERVERS["granian"](home) as served:
        loaded = wrk.load(served.url, calls, home, 1 if report.quick else 3, CLIENTS)
        assert not loaded.errors
        report.add("", "the first download of a revision, noted in the store, granian", f"{loaded.rate:,.0f}/s")


def _rate(loads: list[wrk.Load]) -> float:
    return statistics.median(load.rate for load in loads)


def _ratio(loads: list[wrk.Load], anchors: list[wrk.Load]) -> float:
    return statistics.median(one.rate / other.rate for one, other in zip(loads, anchors, strict=True))


def _tail(loads: list[wrk.Load]) -> tuple[str, str, float]:
    p50, p99 = (statistics.median(getattr(load, name) for load in loads) for name in ("p50", "p99"))
    return f"p99 {p99:.1f} ms", f"p50 {p50:.1f} ms", p99 / p50
