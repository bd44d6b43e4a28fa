"""Telling many phones: our sender beside other clients on one TLS connection, and its memory however many wait.

The sink answers every push with 200 from another core; each client pushes to it in turn. What is measured of ours is
`APNs.send`, with an outcome for every token, and then the whole round: leasing from the store, pushing, settling.
"""

from __future__ import annotations

import json
import os
import shutil
import ssl
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import trustme

from passes.wallets import Pushed
from passes.wallets.apple.push import APNs, Nudge

from . import peers, rounds, shop
from .figures import ROOT, Report, least, most

MEMBERS = 100_000


def run(report: Report) -> None:
    with shop.home(MEMBERS) as home, TemporaryDirectory(prefix="passes-push-") as folder:
        place = Path(folder)
        _certificates(home, place)
        with sink(place) as port:
            topic = shop.service(home).wallets["apple"].pass_type  # type: ignore[attr-defined]
            _clients(report, place, port, topic)
            _memory(report, home, f"https://localhost:{port}", place / "server-root.pem")


def _certificates(home: Path, place: Path) -> None:
    authority = trustme.CA()
    mine = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(place / "server-root.pem")
    mine.private_key_pem.write_to_path(place / "server.key")
    for blob in mine.cert_chain_pems:
        blob.write_to_path(place / "server.pem", append=True)
    certs = home / "certs"
    shutil.copy(certs / "dev-root.pem", place / "client-root.pem")
    shutil.copy(certs / "pass.key", place / "pass.key")
    (place / "pass.pem").write_bytes((certs / "pass.pem").read_bytes() + (certs / "wwdr.pem").read_bytes())
    (place / "both.pem").write_bytes((place / "pass.pem").read_bytes() + (place / "pass.key").read_bytes())


@contextmanager
def sink(place: Path) -> Iterator[int]:
    """Somebody who answers every push at once; the port."""
    command = ["node", str(peers.HERE / "sink.mjs"), str(place)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    os.sched_setaffinity(process.pid, {sorted(os.sched_getaffinity(0))[-1]})
    try:
        assert process.stdout is not None
        yield int(json.loads(process.stdout.readline())["port"])
    finally:
        process.terminate()
        process.wait(10)


def _clients(report: Report, place: Path, port: int, topic: str) -> None:
    times, turns = (1_000, 2) if report.quick else (4_000, 7)

    def context() -> ssl.SSLContext:
        made = ssl.create_default_context(cafile=str(place / "server-root.pem"))
        made.load_cert_chain(place / "pass.pem", place / "pass.key")
        return made

    apns = APNs(f"https://localhost:{port}", topic, context)
    nudges = [Nudge(f"{number:064x}", True) for number in range(times)]
    script = peers.HERE / "push.py"
    with rounds.on_core(0), ExitStack() as stack:
        pythons = {"aioapns": peers.python(), "httpx2": peers.own_python()}
        others = {
            name: stack.enter_context(peers.running([python, script, name, str(port), place, topic]))
            for name, python in pythons.items()
        }
        apns.send(nudges[:1])
        rates: dict[str, list[float]] = {name: [] for name in ("ours", *others)}
        for turn in range(turns + 1):
            began = time.perf_counter()
            assert apns.send(nudges) == [Pushed()] * times
            ours = times / (time.perf_counter() - began)
            theirs = {"aioapns": times / others["aioapns"].seconds(times)}
            theirs["httpx2"] = times / 8 / others["httpx2"].seconds(times // 8)
            if turn:
                for name, rate in {"ours": ours, **theirs}.items():
                    rates[name].append(rate)
    apns.close()
    for name, goal in (("aioapns", least(1.4, 5)), ("httpx2", least(7))):
        report.add(
            "G13",
            "pushes over one connection, an outcome for each",
            f"{statistics.median(rates['ours']):,.0f}/s",
            f"{name} {statistics.median(rates[name]):,.0f}/s",
            statistics.median(one / other for one, other in zip(rates["ours"], rates[name], strict=True)),
            goal,
        )


def _memory(report: Report, home: Path, url: str, ca: Path) -> None:
    """Who waits is a row in the store, so a hundred thousand weigh as much as ten thousand."""
    few, many = (5_000, 20_000) if report.quick else (10_000, 100_000)
    peaks = {}
    for waiting in (few, many):
        command = [sys.executable, "-m", "bench.fanout", str(home), url, str(ca), str(waiting)]
        said = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
        assert said["told"] == waiting, said
        peaks[waiting] = said["peak"]
        rate = waiting / said["seconds"]
        report.add(
            "D11", f"{waiting:,} phones told, from lease to settled", f"{said['seconds']:.1f} s", f"{rate:,.0f}/s"
        )
    grown = peaks[many] - peaks[few]
    report.add(
        "G14",
        f"memory of the worker from {few:,} to {many:,} waiting",
        f"{peaks[few]:.0f} → {peaks[many]:.0f} MiB",
        "",
        grown,
        most(5, unit=" MiB"),
    )
