"""Tablets at the counter: from a scanned code to the card on the screen, fifty times a second, while phones are told.

Ten cashiers, each logged in and on a connection of their own, scan when a scan is due, whatever became of the one
before: who comes late is counted late. Every second scan is a sale, with the preview that the page asks for and the
receipt that counts. An offer to all cards goes out again and again meanwhile, so that the reconciler is never idle.
"""

from __future__ import annotations

import html
import http.client
import json
import re
import threading
import time
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from passes import config, staff
from passes.service import Service

from . import postgres, servers, shop
from .cast import Till as Seller
from .cast import Times, apple, settled
from .figures import Report, most
from .receipts import new_key, refuse_unless_whole

MEMBERS = 10_000
CASHIERS = 10
SCANS_PER_SECOND = 50
OFFER_EVERY_SECONDS = 30
APNS_SECONDS = 0.02
PASSWORD = "four words for a till"
LIMITS = {"till__earns_a_day": 1000}
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
_RECEIPT = re.compile(r'name="receipt"[^>]*value="([^"]+)"')


def run(report: Report) -> None:
    seconds = 15 if report.quick else 600
    with shop.home(MEMBERS) as home:
        _measure(report, home, "SQLite", seconds)
    with postgres.server() as running, postgres.home(running, MEMBERS) as home:
        _measure(report, home, "PostgreSQL", seconds)


class Cashier:
    """One browser at one till: what it sends, byte for byte, and how long each answer took from when it was due."""

    def __init__(self, port: int, email: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._cookies: dict[str, str] = {}
        self.scans: list[float] = []
        self.sales: list[float] = []
        self.errors = 0
        self.token = ""
        self.token = _found(_TOKEN, self._asks("GET", "/login")[1])
        status, _, place = self._sends("/login", {"email": email, "password": PASSWORD})
        assert status == 303, "the login was refused"
        self.token = _found(_TOKEN, self._asks("GET", urlsplit(place).path)[1])

    def scan(self, code: str, due: float, sells: bool) -> None:
        """The card's page for a code; then perhaps a sale on it."""
        status, _, place = self._sends("/staff/find", {"code": code})
        status, page, _ = self._asks("GET", place) if status == 303 else (status, "", "")
        self.scans.append(time.perf_counter() - due)
        self.errors += status != 200
        if sells and status == 200:
            self._sells(urlsplit(place).path, _found(_RECEIPT, page))

    def _sells(self, card: str, receipt: str) -> None:
        bill = {"receipt": receipt, "amount": "12.50"}
        began = time.perf_counter()
        previewed, _, _ = self._sends(f"{card}/quote", bill, "application/json")
        counted, _, _ = self._sends(f"{card}/receipts", bill, "application/json")
        self.sales.append(time.perf_counter() - began)
        self.errors += (previewed, counted) != (200, 200)

    def _sends(self, path: str, fields: dict[str, str], accept: str = "text/html") -> tuple[int, str, str]:
        return self._asks("POST", path, urlencode(fields | {"csrf_token": self.token}), accept)

    def _asks(self, method: str, path: str, body: str = "", accept: str = "text/html") -> tuple[int, str, str]:
        """Status, text, and where it leads."""
        headers = {"Accept": accept, "Cookie": "; ".join(f"{name}={said}" for name, said in self._cookies.items())}
        if body:
            headers |= {"Content-Type": "application/x-www-form-urlencoded"}
        self._connection.request(method, path, body or None, headers)
        answer = self._connection.getresponse()
        for said in answer.headers.get_all("Set-Cookie", []):
            name, _, value = said.partition(";")[0].partition("=")
            self._cookies[name] = value
        return answer.status, answer.read().decode(), answer.headers.get("Location", "")


def _found(mark: re.Pattern[str], page: str) -> str:
    found = mark.search(page)
    assert found, f"no {mark.pattern} on the page"
    return html.unescape(found[1])


def _measure(report: Report, home: Path, store: str, seconds: int) -> None:
    with apple(home, APNS_SECONDS) as pushes:
        settings = {"apple__apns_url": pushes.url, "apple__apns_ca": pushes.ca} | LIMITS
        _write_settings(home, settings)
        service = shop.service(home)
        key, emails = new_key(service), _hire(service)
        codes = [seat.code for seat in shop.seats(service, MEMBERS)]
        with servers.serve(home) as served:
            settled(service)
            cashiers = [Cashier(served.port, email) for email in emails]
            offers = _at_work(cashiers, codes, served.port, key, seconds)
        refuse_unless_whole(service)
        service.store.close()
    _tell(report, store, cashiers, seconds, offers)


def _write_settings(home: Path, settings: Mapping[str, object]) -> None:
    """Add to what config.toml says already: the store may be elsewhere."""
    url = config.load(home).store.url
    shop.write_settings(home, **({"store__url": url} if url.startswith("postgresql") else {}), **settings)


def _hire(service: Service) -> list[str]:
    hashed = staff.hash_password(PASSWORD, "cashier@example.org")
    emails = [f"cashier{number}@example.org" for number in range(CASHIERS)]
    with service.store.transaction() as tx:
        for email in emails:
            staff.add(tx, email, "cashier", service.now, hashed)
    return emails


def _at_work(cashiers: Sequence[Cashier], codes: Sequence[str], port: int, key: str, seconds: int) -> int:
    """All of them for so long; how many offers went out meanwhile."""
    begin = time.perf_counter() + 0.5
    threads = [
        threading.Thread(target=_shift, args=(cashier, place, codes, begin, seconds))
        for place, cashier in enumerate(cashiers)
    ]
    for thread in threads:
        thread.start()
    offers = 0
    while time.perf_counter() < begin + seconds:
        if time.perf_counter() >= begin + offers * OFFER_EVERY_SECONDS:
            offers += 1
            title = {"en": f"News {offers}", "pl": f"Nowość {offers}"}
            # A connection of its own: the server closes one that was still for half a minute.
            assert Seller(port, key, [], "news").calls(
                "POST", "/api/v1/offers", json.dumps({"programme": "cafe", "title": title})
            )
        time.sleep(0.2)
    for thread in threads:
        thread.join()
    return offers


def _shift(cashier: Cashier, place: int, codes: Sequence[str], begin: float, seconds: int) -> None:
    for turn in count():
        number = turn * CASHIERS + place
        due = begin + number / SCANS_PER_SECOND
        if due >= begin + seconds:
            return
        time.sleep(max(0.0, due - time.perf_counter()))
        cashier.scan(codes[number * 7 % len(codes)], due, sells=number % 2 == 0)


def _tell(report: Report, store: str, cashiers: Sequence[Cashier], seconds: int, offers: int) -> None:
    scans = Times([taken for cashier in cashiers for taken in cashier.scans])
    sales = Times([taken for cashier in cashiers for taken in cashier.sales])
    rate = len(scans.seconds) / seconds
    beside = f"{offers} offers to {MEMBERS:,} cards meanwhile"
    report.add("T1", f"scan to answer, {rate:.0f}/s for {seconds} s, {store}: half", f"{scans.at(0.5):,.0f} ms", beside)
    slow = scans.at(0.99)
    report.add(
        "T1", f"scan to answer, {store}: the slowest hundredth", f"{slow:,.0f} ms", "", slow, most(300, unit=" ms")
    )
    last = Times([taken for cashier in cashiers for taken in cashier.scans[-len(cashier.scans) // 10 :]])
    report.add("", f"scan to answer, {store}: of the last tenth of the time", str(last), "what grows would show here")
    report.add("", f"preview and sale, {store}", str(sales), f"{len(sales.seconds):,} sales, ledger verified")
    errors = sum(cashier.errors for cashier in cashiers)
    report.add("", f"errors in {len(scans.seconds):,} scans, {store}", str(errors), "", errors, most(0))
