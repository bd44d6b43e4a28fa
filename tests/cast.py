"""The people and machines of the tests: a service with its clock, members, phones, a till, a marketer.

They know what the real ones know. A phone has its own id and push tokens and the bytes of passes; it reads them
as a phone does, checks each strictly, and does what Wallet does when it is nudged. A till has what it scanned.
Nobody here knows a row number.

    anna = service.joins("Anna")
    phone = anna.takes_her_card_on_an_iphone()
    till.earns(phone, points=50)
    service.reconciles()
    assert phone.shows("points") == 50
"""

from __future__ import annotations

import http.client
import json
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any, Protocol, cast
from urllib.parse import urlsplit
from zipfile import ZipFile

from flask import Flask
from sqlalchemy import select

from passes import assemble, cards, offers, programmes, revisions, web
from passes.card import Revision
from passes.members import Person
from passes.offers import Draft
from passes.points import receipts
from passes.points.orders import Order
from passes.store import tables as t
from passes.wallets.apple import Apple
from tests import passcheck
from tests.fakes.apns import FakeAPNs

FIELDS = {"points": "balance"}
"""Fields of the pass by the words of a story."""
PASS, PASSES = "application/vnd.apple.pkpass", "application/vnd.apple.pkpasses"


def minutes(number: float) -> int:
    return int(number * 60)


def hours(number: float) -> int:
    return minutes(number * 60)


def days(number: float) -> int:
    return hours(number * 24)


class Clock:
    """Shows the time that the test says it is; begins now, because certificates are real."""

    def __init__(self) -> None:
        self.at = float(int(time.time()))

    def __call__(self) -> float:
        return self.at

    def goes_on(self, seconds: float) -> None:
        """Backwards too, as clocks sometimes do."""
        self.at += seconds


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Line(Protocol):
    """How a phone reaches the world."""

    def __call__(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer: ...


class Indoors:
    """A line to an application in this process, whatever host the address names."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    def __call__(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        got = self._app.test_client().open(url, method=method, headers=dict(headers), data=body)
        return Answer(got.status_code, cast(Mapping[str, str], got.headers), got.data)


def outdoors(method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
    """A line over a socket, to a service that runs somewhere."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request(method, path, body, {**headers, "Host": parts.netloc})
        got = connection.getresponse()
        return Answer(got.status, cast(Mapping[str, str], got.headers), got.read())
    finally:
        connection.close()


class Pass:
    """A pass as a phone has it: its bytes, read and checked, and the date that came with them."""

    def __init__(self, bundle: bytes, date: str | None) -> None:
        self.bytes, self.date = bundle, date
        with ZipFile(BytesIO(bundle)) as archive:
            self.card: dict[str, Any] = json.loads(archive.read("pass.json"))
            self.words = {
                name.removesuffix(".lproj/pass.strings"): dict(_strings(archive.read(name).decode("utf-16")))
                for name in archive.namelist()
                if name.endswith("pass.strings")
            }

    @property
    def serial(self) -> str:
        return str(self.card["serialNumber"])

    @property
    def identity(self) -> tuple[str, str, str]:
        return tuple(self.card[key] for key in ("passTypeIdentifier", "serialNumber", "authenticationToken"))

    @property
    def code(self) -> str:
        """What a scanner reads off the screen."""
        return str(self.card["barcodes"][0]["message"])

    @property
    def is_void(self) -> bool:
        return self.card.get("voided", False) is True

    @property
    def fields(self) -> dict[str, dict[str, Any]]:
        style = next(value for key, value in self.card.items() if key in passcheck.STYLES)
        return {each["key"]: each for group in style.values() if isinstance(group, list) for each in group}

    def shows(self, name: str, language: str = "en") -> Any:
        """What a field shows; words in the phone's language."""
        return self._said(self.fields[FIELDS.get(name, name)]["value"], language)

    def says(self, text: str, language: str = "en") -> bool:
        """Whether any field says so, above or below."""
        parts = [each.get(part) for each in self.fields.values() for part in ("label", "value")]
        return any(text in str(self._said(part, language)) for part in parts)

    def _said(self, part: Any, language: str) -> Any:
        return self.words.get(language, {}).get(part, part)


@dataclass
class Phone:
    """An iPhone, or another that speaks the protocol under its own scheme word."""

    line: Line
    root: Path
    scheme: str = "ApplePass"
    language: str = "en"
    allow_http: bool = False
    clock: Callable[[], float] = time.time
    # Checking costs a process; a storm of passes that are all alike may leave it out.
    checks: bool = True
    device: str = field(default_factory=lambda: secrets.token_hex(16))
    push_token: str = field(default_factory=lambda: secrets.token_hex(32))
    passes: dict[str, Pass] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    is_nudged: bool = False

    # -- what its owner does

    def opens(self, link: str) -> Answer:
        """A browser looks, fetches, and hands over to Wallet, which fetches again."""
        assert self.line("HEAD", link, {}).status == self.line("GET", link, {}).status
        got = self.line("GET", link, {})
        if got.status == 200:
            kind = got.headers["Content-Type"]
            assert kind in (PASS, PASSES), kind
            for bundle in _bundles(got.body) if kind == PASSES else [got.body]:
                self.adds(bundle, got.headers.get("Last-Modified"))
        return got

    def adds(self, bundle: bytes, date: str | None = None) -> None:
        """Put a pass into Wallet, wherever it came from; the phone asks for its news from then on."""
        card = self._read(bundle, date)
        self.passes[card.serial] = card
        assert self.registers(card.serial).status in (200, 201)

    def removes(self, serial: str | None = None) -> Answer:
        card = self.passes.pop(serial or self.only.serial)
        return self.calls("DELETE", self.registration_url(card), card)

    def gets_a_new_push_token(self) -> None:
        """As after an update of the system; the phone tells each service."""
        self.push_token = secrets.token_hex(32)
        for serial in self.passes:
            assert self.registers(serial).status == 200

    # -- what Wallet does by itself

    def registers(self, serial: str | None = None) -> Answer:
        card = self.passes[serial] if serial else self.only
        body = json.dumps({"pushToken": self.push_token}).encode()
        return self.calls("POST", self.registration_url(card), card, body)

    def wakes(self) -> None:
        """After a nudge: ask what changed, fetch that."""
        self.is_nudged = False
        for pass_type in {card.card["passTypeIdentifier"] for card in self.passes.values()}:
            # Without a tag it is told of everything it has.
            had_a_tag = pass_type in self.tags
            for serial in self.asks(pass_type):
                if serial in self.passes and not self.fetches(serial) and had_a_tag:
                    self.complaints.append(f"Server requested update to serial number '{serial}', but was unchanged.")

    def asks(self, pass_type: str) -> list[str]:
        """The serial numbers that changed since the last answer."""
        url = next(self.list_url(card) for card in self.passes.values() if card.card["passTypeIdentifier"] == pass_type)
        tag = self.tags.get(pass_type)
        got = self.line("GET", f"{url}?passesUpdatedSince={tag}" if tag else url, {})
        assert got.status in (200, 204), got
        if got.status == 204:
            assert got.body == b""
            return []
        self.tags[pass_type] = got.json["lastUpdated"]
        return list(got.json["serialNumbers"])

    def fetches(self, serial: str) -> bool:
        """Whether there was something new."""
        old = self.passes[serial]
        got = self.calls("GET", self.pass_url(old), old, since=old.date)
        assert got.status in (200, 304), got
        if got.status == 304:
            assert got.body == b""
            return False
        new = self._read(got.body, got.headers["Last-Modified"])
        assert new.identity == old.identity
        self.passes[serial] = new
        return True

    # -- what one sees on it

    @property
    def only(self) -> Pass:
        (card,) = self.passes.values()
        return card

    def shows(self, name: str, serial: str | None = None) -> Any:
        return (self.passes[serial] if serial else self.only).shows(name, self.language)

    def says(self, text: str) -> bool:
        return any(card.says(text, self.language) for card in self.passes.values())

    @property
    def code(self) -> str:
        return self.only.code

    def _read(self, bundle: bytes, date: str | None) -> Pass:
        if self.checks:
            found = passcheck.check(bundle, self.root, self.clock(), self.allow_http)
            assert not [finding for finding in found if finding.severity == "E"], found
        if date is not None:
            parsedate_to_datetime(date)
        return Pass(bundle, date)

    # -- the addresses it calls

    def pass_url(self, card: Pass) -> str:
        pass_type, serial, _ = card.identity
        return f"{card.card['webServiceURL']}/v1/passes/{pass_type}/{serial}"

    def list_url(self, card: Pass) -> str:
        return f"{card.card['webServiceURL']}/v1/devices/{self.device}/registrations/{card.identity[0]}"

    def registration_url(self, card: Pass) -> str:
        return f"{self.list_url(card)}/{card.serial}"

    def calls(self, method: str, url: str, card: Pass, body: bytes | None = None, since: str | None = None) -> Answer:
        headers = {"Authorization": f"{self.scheme} {card.card['authenticationToken']}"}
        if since:
            headers["If-Modified-Since"] = since
        return self.line(method, url, headers, body)


@dataclass(frozen=True)
class Member:
    """Somebody who joined; holds the serial number as their own page shows it."""

    service: Service
    public_id: str
    serial: str

    def takes_her_card_on_an_iphone(self, phone: Phone | None = None) -> Phone:
        """On a new phone, or on one that she or somebody else has already."""
        phone = phone or self.service.phone()
        assert phone.opens(self.link).status == 200
        return phone

    @property
    def revision(self) -> Revision:
        with self.service.inner.store.reading() as tx:
            return cards.by_serial(tx, self.serial).revision

    @property
    def link(self) -> str:
        """Where her iPhone gets the card from."""
        return self.service.apple.link(self.revision)

    @property
    def code(self) -> str:
        return self.revision.card.code

    @property
    def balance(self) -> int:
        with self.service.inner.store.reading() as tx:
            return int(cards.by_serial(tx, self.serial).row.balance)


class Service:
    """The service as a whole, its clock, and what its owner does."""

    def __init__(self, home: Path, clock: Callable[[], float] | None = None) -> None:
        self.clock = clock if isinstance(clock, Clock) else Clock()
        self.home = home
        self.inner = assemble(home, clock or self.clock)
        self.app = web.build(self.inner)
        self.worker = self.inner.worker()
        self.phones: list[Phone] = []
        self.apple = cast(Apple, self.inner.wallets["apple"])

    @property
    def now(self) -> int:
        return self.inner.now

    @property
    def root(self) -> Path:
        return self.home / "certs" / "dev-root.pem"

    def joins(self, name: str, language: str = "en") -> Member:
        with self.inner.store.transaction() as tx:
            joined = self.inner.members.join(tx, "cafe", Person(language, name), self.now)
        return Member(self, joined.member, joined.serial)

    def phone(self, **traits: Any) -> Phone:
        phone = Phone(Indoors(self.app), self.root, clock=self.inner.clock, **traits)
        self.phones.append(phone)
        return phone

    def nudge(self, push_token: str) -> None:
        """Apple's push reached its phone, which wakes when it has a moment."""
        for phone in self.phones:
            if phone.push_token == push_token:
                phone.is_nudged = True

    def reconciles(self, after: int = 0) -> None:
        """Time passes, the worker does what is due, and phones that were nudged ask for their news."""
        self.clock.goes_on(after)
        self.worker.run_until_idle()
        for phone in self.phones:
            if phone.is_nudged:
                phone.wakes()

    def blocks(self, member: Member, status: str = "blocked") -> None:
        with self.inner.store.transaction() as tx:
            held = cards.by_serial(tx, member.serial, lock=True)
            cards.set_status(tx, held, status)
            revisions.record(tx, held.id, self.now)

    def forgets(self, member: Member) -> None:
        with self.inner.store.transaction() as tx:
            self.inner.members.erase(tx, member.public_id, self.now)

    def installations(self) -> list[Any]:
        """Where cards are installed: serial, place, address, pushed, wanted, due."""
        found = select(t.Card.serial, t.Installation).join(t.Installation, t.Installation.card_id == t.Card.id)
        with self.inner.store.reading() as tx:
            return list(tx.execute(found.order_by(t.Installation.id)).all())

    def closes(self) -> None:
        for wallet in self.inner.wallets.values():
            wallet.close()
        self.inner.store.close()


class Till:
    """A cash desk: scans what is shown to it, and numbers its receipts."""

    def __init__(self, service: Service) -> None:
        self._service = service.inner
        self._numbers = count(1)
        self._name = secrets.token_hex(3)

    def earns(self, who: Member | Phone | str, points: int) -> dict[str, Any]:
        """A purchase that is worth so many points."""
        return self.sells(who, total=points * 100)

    def sells(self, who: Member | Phone | str, **order: Any) -> dict[str, Any]:
        receipt = order.pop("receipt", None) or f"{self._name}-{next(self._numbers)}"
        code = who if isinstance(who, str) else who.code
        service = self._service
        with service.store.transaction() as tx:
            held = cards.by_known(tx, cards.read_code(code, service.secrets), lock=True)
            return receipts.post(tx, held, Order(receipt, **order), service.now).body

    def scans(self, code: str) -> cards.Held:
        with self._service.store.reading() as tx:
            return cards.by_known(tx, cards.read_code(code, self._service.secrets))


class Marketer:
    """Says something to members, from when to when."""

    def __init__(self, service: Service) -> None:
        self._service = service.inner

    def publishes(self, title: str, starts: int = 0, ends: int | None = None, **more: Any) -> str:
        """Seconds from now; returns the offer's key."""
        now = self._service.now
        draft = Draft({"en": title}, now + starts, None if ends is None else now + ends, **more)
        with self._service.store.transaction() as tx:
            return offers.publish(tx, programmes.find(tx, "cafe"), draft, now)

    def ends(self, offer: str) -> None:
        with self._service.store.transaction() as tx:
            offers.end(tx, offer, self._service.now)


def connect(service: Service, apns: FakeAPNs) -> None:
    """Pushes that the fake delivers reach the phones of this service."""
    apns.on_nudge = service.nudge


def _bundles(archive: bytes) -> list[bytes]:
    with ZipFile(BytesIO(archive)) as file:
        return [file.read(name) for name in file.namelist()]


def _strings(text: str) -> Iterator[tuple[str, str]]:
    """The lines of a pass.strings; `passcheck` has checked their form."""
    for key, value in _LINE.findall(text):
        yield json.loads(f'"{key}"'), json.loads(f'"{value}"')


_LINE = re.compile(r'"((?:[^"\\]|\\.)*)" = "((?:[^"\\]|\\.)*)";')
