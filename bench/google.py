"""Google Wallet: signing save links, and bringing a whole shop to Google through bad weather and killed workers.

Google is the faithful fake of the tests in a process of its own, spoiling one write in ten, by itself or with the
batch it is in. Workers are the real command, at a rate far above Google's own so that it ends in minutes; what counts
is that the rate is kept, each part of a batch counted, that every card ends right, and how much that took.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import httpx2
from joserfc import jws
from joserfc.jwk import RSAKey
from sqlalchemy import func, insert, select

from passes import assemble, cards
from passes.card import Revision
from passes.service import Service
from passes.store import tables as t
from passes.wallets.google import Google
from passes.wallets.google.access import Account

from . import processes, shop
from .figures import ROOT, Goal, Report, least, most

MEMBERS, QUICK_MEMBERS = 20_000, 300
RATE, QUICK_RATE = 100, 100
FAULT_RATE = 0.1
LINKS = 2000
PATIENCE_SECONDS = 1200


def run(report: Report) -> None:
    members, rate = (QUICK_MEMBERS, QUICK_RATE) if report.quick else (MEMBERS, RATE)
    with shop.home(members) as home, google(home / "google.json") as where:
        settings = {
            "google__issuer_id": where["issuer"],
            "google__service_account": str(home / "google.json"),
            "google__api_url": where["url"],
            "google__token_url": where["token_url"],
            "google__keys_url": where["keys_url"],
            "google__rate": rate,
        }
        shop.write_settings(home, **settings)
        service = assemble(home)
        _links(report, service, home)
        _converges(report, service, home, where["url"], members, rate)
        service.store.close()


@contextmanager
def google(account: Path) -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "tests.fakes.google", "--account", str(account), "--calls-per-second", "0"]
    process = subprocess.Popen(
        [*command, "--fault-rate", str(FAULT_RATE), "--seed", "7"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _links(report: Report, service: Service, home: Path) -> None:
    """Links beside the bare signature that is in each."""
    wallet = cast(Google, service.wallets["google"])
    object_id = f"{wallet.issuer_id}.{'0' * 32}"
    account = Account.read(home / "google.json")
    key = RSAKey.import_key(account.key)
    payload = b"x" * 300

    def ours() -> None:
        wallet._save_links.token("loyaltyObjects", object_id, f"{wallet.issuer_id}.cafe", 1_790_000_000)

    def bare() -> None:
        jws.serialize_compact({"alg": "RS256"}, payload, key)

    made, signed = _per_second(ours), _per_second(bare)
    report.add("G30", "save links", f"{made:,.0f}/s", f"joserfc RS256 {signed:,.0f}/s", made / signed, least(0.8, 0.95))


def _per_second(do: Any) -> float:
    began = time.perf_counter()
    for _ in range(LINKS):
        do()
    return LINKS / (time.perf_counter() - began)


def _converges(report: Report, service: Service, home: Path, url: str, members: int, rate: int) -> None:
    wallet = cast(Google, service.wallets["google"])
    _everybody_asks(service, wallet, members)
    began = time.perf_counter()
    kills, sizes = 0, list[float]()
    with worker(home) as first, worker(home) as second:
        workers = [first, second]
        while (left := _left(service)) and time.perf_counter() - began < PATIENCE_SECONDS:
            if kills < 2 and left < members * (2 - kills) / 3:
                workers[kills].kill()
                workers.append(_start(home))
                kills += 1
            elif left < members * 2 / 3:
                sizes.append(processes.rss(workers[-1].pid))
            time.sleep(0.5)
        seconds = time.perf_counter() - began
        sizes.append(processes.rss(workers[-1].pid))
        for process in workers:
            process.kill()
            process.wait()
    said = httpx2.post(f"{url}/fake/report", timeout=60).json()
    wrong = _left(service) + _unconfirmed(service)
    report.add("G31", f"{members:,} cards, 10 % faults, two kill -9: not right", f"{wrong}", "", wrong, most(0))
    least_seconds = members / rate
    report.add(
        "G32",
        f"until all {members:,} are right at {rate}/s",
        f"{seconds:.0f} s",
        f"the rate alone {least_seconds:.0f} s",
        seconds / least_seconds,
        most(1.6, 1.3),
    )
    busiest = said["most_calls_in_a_second"]
    report.add("G33", "writes in the busiest second", f"{busiest}", f"allowed {rate}", busiest / rate, most(1.3, 1.1))
    trips, writes, spoilt = said["trips"] / members, said["calls"] / members, said["spoilt_calls"] / members
    report.add("G34", "requests per card, faults included", f"{trips:.3f}", "", trips, most(1.1))
    # Of every write that was spoilt, alone or with its batch, another must be made.
    floor = f"the faults alone {1 / (1 - spoilt / writes):.2f}"
    report.add("G37", "writes per card, faults included", f"{writes:.2f}", floor, writes, most(1.2))
    needed = writes - spoilt
    report.add("G35", "writes per card that met no fault", f"{needed:.3f}", "", needed, most(1.1, 1.03))
    report.add("G36", "memory of a worker, end beside a third of the way", *_growth(sizes))


def _growth(sizes: list[float]) -> tuple[str, str, float, Goal]:
    """Of the worker that lives to the end, from when it was warm."""
    warm, last = max(sizes[: len(sizes) // 3 + 1]), max(sizes[-len(sizes) // 4 :])
    return f"{last:.0f} MiB", f"{warm:.0f} MiB", last / warm, most(1.1, 1.05)


def _everybody_asks(service: Service, wallet: Google, members: int) -> None:
    """As after so many taps on the button while Google was out of reach."""
    columns = (t.Card.id, t.Card.serial, t.Card.revision, t.Card.modified, t.Card.nonce, t.Card.key_id)
    with service.store.reading() as tx:
        rows = tx.execute(select(*columns).order_by(t.Card.id).limit(members)).all()
        model = cards.by_serial(tx, rows[0].serial).revision.card
    now = service.now
    objects, places = [], []
    for row in rows:
        card = type(model)(**{**vars(model), "serial": row.serial})
        object_id = wallet.object_id(Revision(card, row.revision, row.modified, row.nonce, row.key_id))
        objects.append({"id": object_id, "card_id": row.id, "created": now})
        place = {"card_id": row.id, "wallet": "google", "place": object_id, "address": object_id, "registered": now}
        places.append(place | {"wanted": row.revision, "due": now})
    with service.store.transaction() as tx:
        tx.execute(insert(t.GoogleObject), objects)
        tx.execute(insert(t.Installation), places)


def _left(service: Service) -> int:
    waiting = (t.Installation.wallet == "google", t.Installation.pushed < t.Installation.wanted)
    with service.store.reading() as tx:
        return int(tx.execute(select(func.count()).select_from(t.Installation).where(*waiting)).scalar_one())


def _unconfirmed(service: Service) -> int:
    unsure = t.GoogleObject.sent.is_(None) | t.GoogleObject.is_there.is_(False)
    with service.store.reading() as tx:
        return int(tx.execute(select(func.count()).select_from(t.GoogleObject).where(unsure)).scalar_one())


@contextmanager
def worker(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = _start(home)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _start(home: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "passes", "--home", str(home), "worker"]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
