"""How fast passes are made, beside the bare RSA operation that bounds it and beside other libraries.

Every pass has its own serial number, points and name; some of each run are opened again, their manifests checked
and their signatures verified by OpenSSL. One core unless said otherwise; what merely calculates
on it is timed by the processor's time that it took, its child processes included.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from io import BytesIO
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast
from zipfile import ZipFile

from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256

from passes import cards
from passes.card import Revision
from passes.service import Service
from passes.wallets.apple import Apple
from tests import passcheck

from . import peers, rounds, shop
from .figures import Report, least, most

SAMPLED = 20
PEERS = {"wallet-py3k": 20, "py-pkpass": 8, "django-walletpass": 8, "passkit-generator": 8}


def run(report: Report) -> None:
    with shop.home(1_000) as home:
        maker = Maker(home)
        with rounds.on_core(1):
            _one_core(report, maker)
            _key_handling(report, maker)
            _peers(report, maker, home)
        _two_cores(report, maker, home)
        _whole_process(report, home)
        maker.verify()


class Maker:
    """Issues passes that all differ, the way the service does it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.service: Service = shop.service(home)
        self.apple = cast(Apple, self.service.wallets["apple"])
        seat = shop.seats(self.service, 1)[0]
        with self.service.store.reading() as tx:
            self.model: Revision = cards.by_serial(tx, seat.serial).revision
        self._numbers = count(1)
        self._prepared: deque[Revision] = deque()
        self.samples: list[bytes] = []

    def issue(self) -> bytes:
        """One more pass: serial number, points, name and revision are new."""
        return self.apple.issue(self._next()).body

    def sample(self) -> None:
        self.samples.append(self.issue())

    def sign_bare(self) -> bytes:
        """The one operation that cannot be avoided."""
        key = self.apple.keychain.identity.key
        return key.sign(b"%d" % next(self._numbers), padding.PKCS1v15(), SHA256())

    def sign_manifest(self) -> bytes:
        manifest = b'{"pass.json":"%040d"}' % next(self._numbers)
        return self.apple.keychain.signer.sign(manifest, self.service.now)

    def verify(self) -> None:
        """Open the samples as a phone would; OpenSSL looks at each signature."""
        root = self.home / "certs" / "dev-root.pem"
        for bundle in self.samples:
            found = [finding for finding in passcheck.check(bundle, root, time.time()) if finding.severity == "E"]
            assert not found, found
        assert len({passcheck_serial(bundle) for bundle in self.samples}) == len(self.samples)

    def prepare(self, times: int) -> None:
        """Have so many cards at hand: drawing them is not what is measured."""
        self._prepared.extend(self._new() for _ in range(times))

    def _next(self) -> Revision:
        return self._prepared.popleft() if self._prepared else self._new()

    def _new(self) -> Revision:
        number = next(self._numbers)
        face = self.model.card
        card = replace(face, serial=f"bench-{number:016}", name=f"Member {number}", balance=number)
        return replace(self.model, card=card, number=number)


def passcheck_serial(bundle: bytes) -> str:
    with ZipFile(BytesIO(bundle)) as archive:
        return str(json.loads(archive.read("pass.json"))["serialNumber"])


def _one_core(report: Report, maker: Maker) -> None:
    times, turns = (100, 3) if report.quick else (300, 15)
    maker.prepare(times * (turns + 1))
    variants = {
        "bare": rounds.repeated(maker.sign_bare, times),
        "pass": rounds.repeated(maker.issue, times),
        "signature": rounds.repeated(maker.sign_manifest, times),
    }
    measured = rounds.in_turn(variants, turns, time.thread_time)
    for _ in range(3 if report.quick else SAMPLED):
        maker.sample()
    maker.verify()
    size = len(maker.samples[-1])
    bare = f"bare RSA-2048 {measured.rate('bare'):,.0f}/s"
    report.add(
        "G1",
        f"passes of {size / 1000:.0f} KB made on one core",
        f"{measured.rate('pass'):,.0f}/s",
        bare,
        measured.ratio("pass", "bare"),
        least(0.70, 0.85),
    )
    report.add(
        "G4",
        "signatures alone (openssl cms -verify -binary)",
        f"{measured.rate('signature'):,.0f}/s",
        bare,
        measured.ratio("signature", "bare"),
        least(0.85, 0.95),
    )
    micro = 1e6 / measured.rate("pass") - 1e6 / measured.rate("bare")
    report.add("", "work per pass beyond the RSA operation", f"{micro:.0f} µs")


def _key_handling(report: Report, maker: Maker) -> None:
    """A key must be loaded once, and no process started; Python itself tells of every process it starts."""
    begun: list[str] = []
    sys.addaudithook(lambda name, _: begun.append(name) if name in STARTS_PROCESS else None)
    times = 50 if report.quick else 400
    seconds: dict[str, list[float]] = {"issue": [], "sign_bare": []}
    maker.prepare(times)
    for _ in range(times):
        for name, kept in seconds.items():
            began = time.thread_time()
            getattr(maker, name)()
            kept.append(time.thread_time() - began)
    started = len(begun)
    report.add(
        "G5",
        "the second and every later pass",
        f"{statistics.median(seconds['issue']) * 1e6:.0f} µs",
        f"one RSA operation {statistics.median(seconds['sign_bare']) * 1e6:.0f} µs",
        statistics.median(one / other for one, other in zip(seconds["issue"], seconds["sign_bare"], strict=True)),
        most(1.6),
    )
    report.add("G5", "processes started meanwhile", str(started), "", started, most(0))


STARTS_PROCESS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty")


def _peers(report: Report, maker: Maker, home: Path) -> None:
    with TemporaryDirectory(prefix="passes-peers-") as folder, ExitStack() as stack:
        place = Path(folder)
        unpack(maker.issue(), home, place)
        python, script = peers.python(), peers.HERE / "sign.py"
        running = {name: stack.enter_context(peers.running([python, script, name, place])) for name in list(PEERS)[:3]}
        node: list[str | Path] = ["node", peers.HERE / "sign.mjs", peers.node_modules(), place]
        running["passkit-generator"] = stack.enter_context(peers.running(node))
        turns = 2 if report.quick else 7
        rates: dict[str, list[float]] = {name: [] for name in ("ours", *running)}
        for _ in range(turns):
            times = 100
            began = time.process_time()
            for _ in range(times):
                maker.issue()
            rates["ours"].append(times / (time.process_time() - began))
            for name, peer in running.items():
                rates[name].append(PEERS[name] / peer.seconds(PEERS[name]))
        for name in running:
            _refuse_dissimilar((place / f"{name}.pkpass").read_bytes(), maker.issue(), name)
    goals = {"wallet-py3k": least(18, 23), "py-pkpass": least(90), "django-walletpass": least(90)}
    for name in running:
        ratio = statistics.median(ours / other for ours, other in zip(rates["ours"], rates[name], strict=True))
        report.add(
            "G2",
            f"the same card made by {name}",
            f"{statistics.median(rates['ours']):,.0f}/s",
            f"{name} {statistics.median(rates[name]):,.0f}/s",
            ratio,
            goals.get(name, least(90)),
        )


def unpack(bundle: bytes, home: Path, folder: Path) -> None:
    """Our own pass as what another library needs to make the same."""
    with ZipFile(BytesIO(bundle)) as archive:
        for name in archive.namelist():
            if name not in ("pass.json", "manifest.json", "signature"):
                archive.extract(name, folder / "files")
        (folder / "card.json").write_bytes(archive.read("pass.json"))
    for name in ("pass.pem", "pass.key", "wwdr.pem"):
        shutil.copy(home / "certs" / name, folder / name)


def _refuse_dissimilar(theirs: bytes, ours: bytes, name: str) -> None:
    """A race is fair when nobody carries less than we do; words that a peer cannot pack are its advantage."""

    def carried(bundle: bytes) -> dict[str, int]:
        with ZipFile(BytesIO(bundle)) as archive:
            return {each.filename: each.file_size for each in archive.infolist() if not each.is_dir()}

    one, other = carried(theirs), carried(ours)
    missing = {each for each in set(other) - set(one) if not each.endswith(".strings")}
    assert not missing, (name, missing)
    assert sum(one.values()) > 0.8 * sum(other.values()), name


def _two_cores(report: Report, maker: Maker, home: Path) -> None:
    """The same work by one thread, by two threads and by two processes, in turn."""
    times, turns = (150, 3) if report.quick else (600, 9)
    with ThreadPoolExecutor(2) as threads, ProcessPoolExecutor(2, get_context("spawn"), _begin, (home,)) as processes:
        variants = {
            "one": rounds.repeated(maker.issue, times),
            "threads": _spread(threads, maker.issue, times),
            "processes": lambda: sum(processes.map(_issue_many, [times, times])),
        }
        measured = rounds.in_turn(variants, turns)
    for name, goal in (("processes", least(1.8)), ("threads", least(1.6))):
        report.add(
            "G3",
            f"two {name} on two cores",
            f"{measured.rate(name):,.0f}/s",
            f"one thread {measured.rate('one'):,.0f}/s",
            measured.ratio(name, "one"),
            goal,
        )


def _spread(pool: ThreadPoolExecutor, do: Callable[[], object], times: int) -> rounds.Work:
    work = rounds.repeated(do, times)
    return lambda: sum(pool.map(lambda _: work(), range(2)))


_maker: list[Maker] = []


def _begin(home: Path) -> None:
    _maker.append(Maker(home))
    _maker[0].issue()


def _issue_many(times: int) -> int:
    return rounds.repeated(_maker[0].issue, times)()


def _whole_process(report: Report, home: Path) -> None:
    """From the shell's prompt to a folder full of passes, and how much memory that took at most."""
    times, turns = (100, 1) if report.quick else (1_000, 3)
    ours, theirs, peaks = [], [], []
    for _ in range(turns):
        with TemporaryDirectory() as folder:
            seconds, peak = _timed([sys.executable, "-m", "bench.issue", str(home), str(times), folder])
            made = list(Path(folder).glob("*.pkpass"))
            assert len(made) == times, len(made)
            ours.append(seconds)
            peaks.append(peak)
        with TemporaryDirectory() as folder:
            unpack(Maker(home).issue(), home, Path(folder))
            command = [str(peers.python()), str(peers.HERE / "sign.py"), "wallet-py3k", folder]
            theirs.append(_timed(command, f"{times}\n")[0])
    report.add(
        "G6",
        f"a whole process that makes {times:,} passes from the store",
        f"{statistics.median(ours):.2f} s",
        f"wallet-py3k {statistics.median(theirs):.2f} s",
        statistics.median(one / other for one, other in zip(ours, theirs, strict=True)),
        most(0.18),
    )
    peak = statistics.median(peaks)
    report.add("G6", "its greatest memory", f"{peak:.0f} MiB", "", peak, most(80, unit=" MiB"))


def _timed(command: Sequence[str], said: str = "") -> tuple[float, float]:
    """Seconds, and MiB at most, of a process from its start to its end."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stdin is not None
    process.stdin.write(said)
    process.stdin.close()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return time.perf_counter() - began, used.ru_maxrss / 1024
