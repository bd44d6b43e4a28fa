"""People who log in: a cashier at a till, a marketer at a desk, with a browser that knows only what pages show.

`Desk` sends forms as they stand on the page it sees, tokens and all, and nothing that is not there.
"""

from __future__ import annotations

import html
import re
import secrets
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from passes import cards, couponcodes, coupons, create_app, installations, programmes, revisions, staff
from passes.definition import Definition
from passes.members import Person
from passes.service import Service
from passes.web.current import EXTENSION, PRACTICE
from passes.web.rooms import rooms
from tests.cast import Clock
from tests.home import new_home

PASSWORD = "plum window tractor"
KASIA, MAREK = "kasia@cafe.example.org", "marek@cafe.example.org"
_INPUT = re.compile(r"<input[^>]*>")
_SAID = re.compile(r'\b(name|value)="([^"]*)"')


class Shop:
    """A café with staff: Kasia at the till, Marek who says things to members."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.clock = Clock()
        settings.setdefault("server__public_url", "http://127.0.0.1:8000")
        self.home = new_home(folder, apple=False, **settings)
        self.app: Flask = create_app(self.home, self.clock)
        self.service: Service = self.app.extensions[EXTENSION]
        hashed = _password_hash()
        with self.service.store.transaction() as tx:
            staff.add(tx, KASIA, "cashier", self.service.now, hashed)
            staff.add(tx, MAREK, "manager", self.service.now, hashed)

    def has_member(self, name: str = "Anna", language: str = "en", installed: int = 0, programme: str = "cafe") -> str:
        """The serial number of a new member's card, installed in so many places."""
        with self.service.store.transaction() as tx:
            serial = self.service.members.join(tx, programme, Person(language, name), self.service.now).serial
            held = cards.by_serial(tx, serial, lock=True)
            for _ in range(installed):
                place, now = secrets.token_hex(8), self.service.now
                installations.add(tx, held.id, held.row.revision, "ecard", place, place, now, now * 1000)
        return serial

    def promises(self, **definition: Any) -> None:
        """A programme more, with the look of the first."""
        settings = self.service.settings
        promise = Definition.model_validate({"look": "cafe", **definition})
        with self.service.store.transaction() as tx:
            digests = {name: look.digest for name, look in self.service.looks.items()}
            programmes.create(tx, promise, digests, settings.contact, self.service.now)

    def issues(self, serial: str, kind: str) -> str:
        """A coupon on this card; its code as it is printed."""
        with self.service.store.transaction() as tx:
            held = cards.by_serial(tx, serial, lock=True)
            programme = programmes.at_version(tx, held.row.programme_id, held.row.programme_version)
            (code,) = coupons.issue(tx, programme, kind, held.id, self.service.now)
            revisions.record(tx, held.id, self.service.now)
        return couponcodes.written(code)

    def held(self, serial: str) -> cards.Held:
        with self.service.store.reading() as tx:
            return cards.by_serial(tx, serial)

    def balance(self, serial: str) -> int:
        return int(self.held(serial).row.balance)

    def works(self) -> None:
        """The worker does all that is due."""
        self.service.worker().run_until_idle()

    def desk(self, email: str | None = None) -> Desk:
        """Somebody's browser, logged in when a name is given."""
        desk = Desk(self.app.test_client())
        if email:
            assert desk.logs_in(email).status_code == 303
        return desk

    def closes(self) -> None:
        rooms(self.app).backstage.extensions[PRACTICE].close()
        self.service.store.close()


@cache
def _password_hash() -> str:
    """Slow on purpose, so once is enough."""
    return staff.hash_password(PASSWORD, KASIA)


class Desk:
    """A browser without scripts."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.page = ""

    def opens(self, path: str, **headers: str) -> TestResponse:
        got = self.client.get(path, headers=headers, follow_redirects=True)
        self.page = got.text
        return got

    def sends(self, path: str, fields: dict[str, str], **headers: str) -> TestResponse:
        """A form to `path` with the token of the page in front of us."""
        token = {"csrf_token": self.token} if self.token else {}
        got = self.client.post(path, data=token | fields, headers=headers)
        if got.status_code != 303:
            self.page = got.text
        return got

    def logs_in(self, email: str, password: str = PASSWORD, **more: str) -> TestResponse:
        self.opens("/login")
        return self.sends("/login", {"email": email, "password": password} | more)

    @property
    def token(self) -> str:
        return self.field("csrf_token")

    def field(self, name: str) -> str:
        """What the first field of this name holds."""
        inputs = (dict(_SAID.findall(tag)) for tag in _INPUT.findall(self.page))
        return next((html.unescape(said.get("value", "")) for said in inputs if said.get("name") == name), "")

    @property
    def says(self) -> str:
        """The page as its reader has it, without marks."""
        body = re.sub(r"(?s)<(script|style|title).*?</\1>", "", self.page)
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).replace("\xa0", " ").split())

    # -- at the till

    def scans(self, code: str) -> TestResponse:
        self.opens("/staff")
        got = self.sends("/staff/find", {"code": code})
        return self.opens(got.location) if got.status_code == 303 else got

    def sells(self, serial: str, **fields: Any) -> TestResponse:
        """A purchase, as one form of the card's page; the answer is the page after it."""
        self.opens(f"/staff/cards/{serial}")
        sent = {"receipt": self.field("receipt"), **fields}
        got = self.sends(f"/staff/cards/{serial}/receipts", sent)
        return self.opens(got.location) if got.status_code == 303 else got
