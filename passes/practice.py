"""Practice: the same till over a pretend store, where nothing is real and nothing can become so.

A file of its own beside the home's store, with the shop's own programmes and a few members who do not exist. Whoever
practises is there under their row number alone. The live store is not opened for writing by anything that
is done here; only that somebody finished the training is written there, afterwards, by whoever asks `is_done`.
"""

from __future__ import annotations

import threading
from dataclasses import replace

from sqlalchemy import insert, select

from . import cards, programmes
from .card import Contact
from .members import Person
from .points import receipts
from .points.orders import Order
from .service import Service
from .staff import Person as Colleague
from .store import Connection, Store, schema
from .store import tables as t

FILE = "practice.db"
NAMES = ("Anna", "Marek", "Olga")
POINTS = 300
TASKS = ("scan", "earn", "redeem", "undo")
"""What the training asks for, in its order; a reward counts as paying with points too."""


class Practice:
    """The pretend service of a home; made when somebody first practises."""

    def __init__(self, live: Service) -> None:
        self._live = live
        self._lock = threading.Lock()
        self._service: Service | None = None

    @property
    def service(self) -> Service:
        with self._lock:
            if self._service is None:
                self._service = _opened(self._live)
            return self._service

    def enters(self, person: Colleague) -> None:
        """Make the person known there, without saying who it is."""
        here = self.service
        with here.store.transaction() as tx:
            if not tx.execute(select(t.Staff.id).where(t.Staff.id == person.id)).first():
                values = {"id": person.id, "key": person.key, "email": person.key, "role": person.role}
                tx.execute(insert(t.Staff).values(**values, created=here.now))

    def close(self) -> None:
        if self._service is not None:
            self._service.store.close()


def done(tx: Connection, person: Colleague, since: int) -> tuple[str, ...]:
    """Which of the tasks the person has done since then."""
    which = (t.Action.staff_id == person.id, t.Action.outcome == "done", t.Action.at >= since)
    whats = set(tx.execute(select(t.Action.what).where(*which).distinct()).scalars())
    whats |= {"redeem"} if "reward" in whats else set()
    return tuple(task for task in TASKS if task in whats)


def pretended(tx: Connection) -> dict[str, list[tuple[str, str]]]:
    """The pretend members of each programme: name and card number, to be typed in."""
    query = select(t.Programme.key, t.Member.name, t.Card.number).join(t.Card, t.Card.member_id == t.Member.id)
    found: dict[str, list[tuple[str, str]]] = {}
    for row in tx.execute(query.join(t.Programme, t.Programme.id == t.Card.programme_id).order_by(t.Card.id)):
        found.setdefault(row.key, []).append((row.name, row.number))
    return found


def _opened(live: Service) -> Service:
    folder = live.settings.home / "var"
    folder.mkdir(mode=0o700, exist_ok=True)
    store = Store(f"sqlite:///{folder / FILE}")
    schema.upgrade(store)
    here = replace(live, store=store)
    with live.store.reading() as tx:
        promised = [(each.definition, each.promise.contact) for each in programmes.all(tx)]
    with store.transaction() as tx:
        if not programmes.all(tx):
            for definition, contact in promised:
                programmes.create(tx, definition, here.look_digests, Contact(contact.organisation), here.now)
                _members(tx, here, definition.key)
    return here


def _members(tx: Connection, here: Service, programme: str) -> None:
    for name in NAMES:
        serial = here.members.join(tx, programme, Person(here.settings.shop.language, name), here.now).serial
        held = cards.by_serial(tx, serial, lock=True)
        receipts.post(tx, held, Order(f"start-{held.id}", adjust=POINTS, reason="practice"), here.now)
