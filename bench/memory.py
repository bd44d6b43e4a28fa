"""What the service weighs: two gunicorn workers beside the least Flask application, a start, minutes of work."""

from __future__ import annotations

import http.client
import statistics
import time
from pathlib import Path

from . import processes, servers, shop, wrk
from .cast import Till, settled
from .figures import Report, most
from .http import call
from .passes import Maker
from .receipts import new_key, refuse_unless_whole
from .servers import Served

MEMBERS = 10_000
SOAK_SECONDS = 150
WARM_SHARE = 0.3


def run(report: Report) -> None:
    with shop.home(MEMBERS) as home:
        _weight(report, home)
        _starts(report, home)
        _soak(report, home)


def _weight(report: Report, home: Path) -> None:
    """After each worker has answered a few hundred requests of the kinds it is for."""
    weights: dict[str, list[float]] = {"ours": [], "minimal": []}
    for _ in range(1 if report.quick else 3):
        with servers.gunicorn(home, "--workers=2") as served:
            _use(served, home)
            weights["ours"].append(processes.pss(served.process.pid))
        with servers.minimal(home, "--workers=2") as served:
            wrk.load(served.url, [wrk.Request("/health", {})], home, 1, 8)
            weights["minimal"].append(processes.pss(served.process.pid))
    ours, minimal = (statistics.median(weights[name]) for name in weights)
    report.add(
        "G19",
        "two gunicorn workers in use (PSS)",
        f"{ours:.0f} MiB",
        f"the least Flask + SQLAlchemy {minimal:.0f} MiB",
        ours / minimal,
        most(1.6),
    )


def _use(served: Served, home: Path) -> None:
    maker = Maker(home)
    seats = shop.seats(maker.service, 50)
    wrk.load(served.url, [call(maker, seat) for seat in seats], home, 1, 8)
    till = Till(served.port, new_key(maker.service), seats, f"weight-{served.port}")
    for _ in range(20):
        till.sells()


def _starts(report: Report, home: Path) -> None:
    seconds = []
    for _ in range(2 if report.quick else 5):
        began = time.perf_counter()
        with servers.serve(home) as served:
            _until_ready(served.port)
            seconds.append(time.perf_counter() - began)
    median = statistics.median(seconds)
    report.add("D16", "`passes serve` from start to ready", f"{median:.2f} s", "", median, most(2, unit=" s"))


def _until_ready(port: int) -> None:
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/ready")
        if connection.getresponse().status == 200:
            return
        time.sleep(0.02)


def _soak(report: Report, home: Path) -> None:
    """A till and phones for some minutes; caches fill in the first part, after it nothing may grow."""
    maker = Maker(home)
    seats = shop.seats(maker.service, 2_000)
    key = new_key(maker.service)
    phones = [call(maker, seat) for seat in seats]
    seconds = 10 if report.quick else SOAK_SECONDS
    with servers.serve(home) as served:
        till = Till(served.port, key, seats, "soak")
        settled(maker.service)
        samples: list[tuple[float, float]] = []
        began = time.perf_counter()
        with till.at_work(20):
            while (at := time.perf_counter() - began) < seconds:
                wrk.load(served.url, phones, home, 3, 2)
                samples.append((at / 60, processes.rss(served.process.pid)))
        files = processes.open_files(served.process.pid)
    refuse_unless_whole(maker.service)
    warm = [sample for sample in samples if sample[0] >= WARM_SHARE * seconds / 60]
    first, last = warm[0][1], warm[-1][1]
    grown = (last / first - 1) * 100
    what = f"memory of the whole service in {(warm[-1][0] - warm[0][0]):.1f} minutes of sales and downloads"
    report.add("D14", what, f"{first:.0f} → {last:.0f} MiB", "", grown, most(5, unit=" %"))
    report.add("D14", "files and connections open afterwards", str(files))
    report.series["soak"] = samples
