"""From a sale to the phone: the whole service as a stranger runs it, an APNs 20 ms away, and phones that fetch.

A phone is nudged, asks what changed, fetches the pass, and shows the new balance; the watch runs from the moment
the till sends the receipt. First on a quiet day, then while an offer goes out to fifty thousand cards, then while
APNs says nothing at all. A till sells twenty times a second beside it all the while.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import func, select

from passes.service import Service
from passes.store import tables as t

from . import servers, shop
from .cast import Apple, Till, Times, Watched, apple
from .figures import Report, most
from .receipts import new_key, refuse_unless_whole

LATENCY_SECONDS = 0.02
PHONES = 20
SALES_PER_SECOND = 20
LONGEST_CAMPAIGN_SECONDS = 240


def run(report: Report) -> None:
    members = 10_000 if report.quick else 50_000
    with shop.home(members) as home, apple(home, LATENCY_SECONDS) as pushes:
        port = servers.free_port()
        url = f"http://127.0.0.1:{port}"
        shop.write_settings(home, server__public_url=url, apple__apns_url=pushes.url, apple__apns_ca=pushes.ca)
        service = shop.service(home)
        key = new_key(service)
        with servers.serve(home, port):
            _story(report, service, home, pushes, key, port, members)
        refuse_unless_whole(service)


def _story(report: Report, service: Service, home: Path, pushes: Apple, key: str, port: int, members: int) -> None:
    seats = shop.seats(service, 400)
    root = home / "certs" / "dev-root.pem"
    phones = [Watched(service, seat, pushes, root) for seat in seats[:PHONES]]
    till = Till(port, key, seats[PHONES:], "till")
    seller = Till(port, key, seats, "seller")
    calm_seconds = 4 if report.quick else 20
    _until(lambda: _stale(service) == 0, 60)
    with till.at_work(SALES_PER_SECOND):
        _changes(phones, seller, lambda begun: time.perf_counter() - begun > 2)
        till.taken()
        idle = _changes(phones, seller, lambda begun: time.perf_counter() - begun > calm_seconds)
        calm = till.taken()
    report.add(
        "D10",
        "sale to new pass on the phone, idle: half",
        f"{idle.at(0.5):,.0f} ms",
        f"{len(idle.seconds)} sales",
        idle.at(0.5),
        most(150, unit=" ms"),
    )
    report.add(
        "D10", "the slowest twentieth, idle", f"{idle.at(0.95):,.0f} ms", "", idle.at(0.95), most(500, unit=" ms")
    )
    with till.at_work(SALES_PER_SECOND):
        begun = time.perf_counter()
        _publish(seller)
        stormy = _changes(phones, seller, lambda _: _is_told(service, begun))
        campaign = time.perf_counter() - begun
        busy = till.taken()
    report.add(
        "D10",
        f"the slowest twentieth while an offer goes to {members:,} cards",
        f"{stormy.at(0.95):,.0f} ms",
        f"{len(stormy.seconds)} sales",
        stormy.at(0.95),
        most(2_000, unit=" ms"),
    )
    report.add(
        "D11",
        f"the offer on all {members:,} phones' list",
        f"{campaign:.0f} s",
        f"{members / campaign:,.0f} cards/s",
        campaign,
        most(60, unit=" s"),
    )
    report.add("G17", "till beside it", str(busy), f"idle {calm}", busy.at(0.99) / calm.at(0.99), most(3))
    _silence(report, pushes, seller, till, calm_seconds)
    report.add("", "errors at the tills", str(till.errors + seller.errors), "", till.errors + seller.errors, most(0))


def _silence(report: Report, pushes: Apple, seller: Till, till: Till, seconds: float) -> None:
    """The same till before APNs falls silent and after, with an offer's worth of phones waiting to be told."""
    time.sleep(1)
    with till.at_work(SALES_PER_SECOND):
        time.sleep(seconds)
    before = till.taken()
    pushes.order("door silent")
    with till.at_work(SALES_PER_SECOND):
        time.sleep(seconds)
    silent = till.taken()
    report.add(
        "D15",
        "till while APNs is silent",
        str(silent),
        f"before {before}",
        silent.at(0.99) / before.at(0.99),
        most(1.1),
    )


def _changes(phones: list[Watched], seller: Till, is_over: Callable[[float], bool]) -> Times:
    """Sales to the watched phones, one at a time at odd moments, until it is over."""
    begun, seconds = time.perf_counter(), []
    while not is_over(begun):
        phone = random.choice(phones)
        since = time.perf_counter()
        points = seller.sells(phone.seat)
        took = phone.await_points(points, since)
        assert took is not None, "a phone never showed its points"
        seconds.append(took)
        time.sleep(random.uniform(0.02, 0.12))
    return Times(seconds)


def _publish(seller: Till) -> None:
    offer = {"programme": "cafe", "title": {"en": "Cake for all", "pl": "Ciasto dla wszystkich"}, "announce": True}
    assert seller.calls("POST", "/api/v1/offers", json.dumps(offer))


def _is_told(service: Service, begun: float) -> bool:
    """Every card drawn anew and every phone told, or too late."""
    if time.perf_counter() - begun > LONGEST_CAMPAIGN_SECONDS:
        return True
    with service.store.reading() as tx:
        touched = tx.execute(select(t.Touch.id).limit(1)).first()
        bulk = select(t.Installation.id).where(t.Installation.bulk.is_(True), t.Installation.due.is_not(None)).limit(1)
        return touched is None and tx.execute(bulk).first() is None


def _stale(service: Service) -> int:
    with service.store.reading() as tx:
        return int(tx.execute(select(func.count()).where(t.Installation.due.is_not(None))).scalar_one())


def _until(is_so: Callable[[], bool], seconds: float) -> None:
    deadline = time.perf_counter() + seconds
    while not is_so():
        if time.perf_counter() > deadline:
            raise RuntimeError("waited in vain")
        time.sleep(0.1)
