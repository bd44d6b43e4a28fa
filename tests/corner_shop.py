"""A shop over a bare store: its programme, its members and its till, with a clock that the test sets.

For stories about the points themselves; no web, no wallet, no files but the database. `CornerShop.open` makes
the tables, `CornerShop.at` goes to a store that has them, from another thread or process.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from sqlalchemy import func, select

from passes import cards, installations, offers, programmes, reconcile, revisions, sweep
from passes.card import Card, Contact
from passes.cards import Held
from passes.definition import Definition
from passes.members import Members, Person
from passes.offers import Draft
from passes.points import audit, receipts, returns
from passes.points.orders import Order
from passes.points.remainder import Returned
from passes.secrets import Secrets
from passes.store import Row, Store, schema
from passes.store import tables as t
from passes.wallets import Issued, Outcome, Pushed, Stale

KEYS = Secrets({"k1": bytes(range(32))})
DAY = 86_400
START = 1_789_948_800  # midnight in UTC: points end with a day
CAFE: dict[str, Any] = {
    "key": "cafe",
    "name": {"en": "Coffee Club"},
    "look": "cafe",
    "earn": {"points": 1, "per": 100},
    "worth_of_one": 5,
    "expire_days": 29,
    "tiers": [
        {"key": "silver", "name": {"en": "Silver"}, "threshold": 200},
        {"key": "gold", "name": {"en": "Gold"}, "threshold": 1000},
    ],
    "rewards": [
        {"key": "espresso", "name": {"en": "Espresso"}, "cost": 80},
        {"key": "breakfast", "name": {"en": "Breakfast"}, "cost": 250},
    ],
}


class Phonebook:
    """A wallet that remembers what each place was told, and can be made to answer otherwise."""

    name = "paper"

    def __init__(self) -> None:
        self.told: dict[str, list[int]] = {}
        self.batches: list[list[Stale]] = []
        self.answers: dict[str, Outcome] = {}

    def issue(self, revision: Any) -> Issued:
        raise NotImplementedError

    def push(self, batch: Sequence[Stale]) -> Sequence[Outcome]:
        self.batches.append(list(batch))
        outcomes = [self.answers.get(stale.place, Pushed()) for stale in batch]
        for stale, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Pushed):
                self.told.setdefault(stale.place, []).append(stale.revision.number)
        return outcomes


class CornerShop:
    """One programme, by default `CAFE`."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.members = Members(KEYS, "PL")
        self.wallet = Phonebook()
        self.now = START

    @classmethod
    def open(cls, url: str, **definition: Any) -> CornerShop:
        """Over an empty database."""
        make_tables(url)
        shop = cls(Store(url))
        shop.promises(**definition)
        return shop

    @classmethod
    def at(cls, url: str, **options: Any) -> CornerShop:
        """Over a database that has everything already."""
        return cls(Store(url, **options))

    def close(self) -> None:
        self.store.close()

    def promises(self, **definition: Any) -> None:
        """A programme more."""
        with self.store.transaction() as tx:
            promise = Definition.model_validate(CAFE | definition)
            programmes.create(tx, promise, {"cafe": "look-1"}, Contact("Corner Café"), self.now)

    def amends(self, key: str = "cafe", effective: int | None = None, **definition: Any) -> None:
        """Other rules for a programme that there is."""
        with self.store.transaction() as tx:
            promise = Definition.model_validate(CAFE | {"key": key} | definition)
            programmes.amend(tx, programmes.find(tx, key), promise, self.now, effective)

    def joins(self, name: str = "Anna", programme: str = "cafe", **person: Any) -> str:
        """The serial of the new card."""
        with self.store.transaction() as tx:
            return self.members.join(tx, programme, Person("en", name, **person), self.now).serial

    def member_of(self, serial: str) -> str:
        with self.store.reading() as tx:
            return self.members.identity(tx, cards.by_serial(tx, serial).row.member_id)

    def posts(self, serial: str, receipt: str | None = None, **order: Any) -> dict[str, Any]:
        """What the till is told."""
        with self.store.transaction() as tx:
            held = cards.by_serial(tx, serial, lock=True)
            return receipts.post(tx, held, Order(receipt or secrets.token_hex(6), **order), self.now).body

    def quotes(self, serial: str, **order: Any) -> dict[str, Any]:
        with self.store.reading() as tx:
            return receipts.quote(tx, cards.by_serial(tx, serial), Order("quote", **order), self.now)

    def gives(self, serial: str, points: int, receipt: str | None = None) -> dict[str, Any]:
        return self.posts(serial, receipt, adjust=points, reason="a present")

    def takes_back(self, receipt: str, by: str | None = None) -> dict[str, Any]:
        """Reverses a receipt."""
        with self.store.transaction() as tx:
            serial = receipts.find(tx, receipt).serial
            held = cards.by_serial(tx, serial, lock=True)
            original = receipts.find(tx, receipt)
            return returns.reverse(tx, held, original, by or secrets.token_hex(6), self.now).body

    def takes_lines_back(self, receipt: str, *lines: tuple[int, int], by: str | None = None) -> dict[str, Any]:
        """Some articles of some lines: their places on the receipt, and how many."""
        with self.store.transaction() as tx:
            held = cards.by_serial(tx, receipts.find(tx, receipt).serial, lock=True)
            returned = [Returned(line, quantity) for line, quantity in lines]
            original = receipts.find(tx, receipt)
            return returns.give_back(tx, held, original, returned, by or secrets.token_hex(6), self.now).body

    def state(self, serial: str) -> dict[str, Any]:
        """All that a receipt can change of a card, but for its history."""
        card = self.held(serial).row
        mine = {name: getattr(card, name) for name in ("status", "tier", "tier_since", "tier_until", "active")}
        queries = {
            "purses": select(t.Purse.unit, t.Purse.balance, t.Purse.earned).where(t.Purse.card_id == card.id),
            "lots": select(t.Lot.unit, t.Lot.left, t.Lot.expires, t.Lot.ripens).where(
                t.Lot.card_id == card.id, t.Lot.left > 0
            ),
            "counts": select(t.Tally.card_id, t.Tally.key, t.Tally.period, t.Tally.amount).where(
                t.Tally.card_id.in_((0, card.id)), t.Tally.amount != 0
            ),
            "coupons": select(t.Coupon.kind, t.Coupon.code).where(
                t.Coupon.card_id == card.id, t.Coupon.state == "issued"
            ),
        }
        with self.store.reading() as tx:
            found = {name: sorted(map(repr, tx.execute(query))) for name, query in queries.items()}
        found["purses"] = [each for each in found["purses"] if not each.endswith(", 0, 0)")]
        return mine | found

    def renames(self, serial: str, name: str) -> None:
        member = self.member_of(serial)
        with self.store.transaction() as tx:
            self.members.change(tx, member, {"name": name}, self.now)

    def sets(self, serial: str, status: str) -> None:
        with self.store.transaction() as tx:
            held = cards.by_serial(tx, serial, lock=True)
            cards.set_status(tx, held, status)
            revisions.record(tx, held.id, self.now)

    def erases(self, serial: str) -> None:
        member = self.member_of(serial)
        with self.store.transaction() as tx:
            self.members.erase(tx, member, self.now)

    def publishes(self, title: str, starts: int | None = None, ends: int | None = None, **draft: Any) -> str:
        begins = self.now if starts is None else starts
        with self.store.transaction() as tx:
            programme = programmes.find(tx, draft.pop("programme", "cafe"))
            return offers.publish(tx, programme, Draft({"en": title}, begins, ends, **draft), self.now)

    def ends_offer(self, key: str) -> None:
        with self.store.transaction() as tx:
            offers.end(tx, key, self.now)

    def installs(self, serial: str, place: str, address: str = "token") -> bool:
        with self.store.transaction() as tx:
            held = cards.by_serial(tx, serial, lock=True)
            row = held.row
            return installations.add(
                tx, row.id, row.revision, self.wallet.name, place, address, self.now, self.now * 1000
            )

    def removes(self, serial: str, place: str) -> bool:
        with self.store.transaction() as tx:
            return installations.forget(tx, cards.by_serial(tx, serial, lock=True).id, self.wallet.name, place)

    def sweeps(self) -> None:
        """Until nothing is due."""
        while sweep.sweep(self.store, self.now):
            pass

    def reconciles(self, limit: int = 500, lease_seconds: int = 60) -> int:
        """One round; how many installations it visited."""
        return reconcile.reconcile(self.store, {self.wallet.name: self.wallet}, self.now, limit, lease_seconds)

    def settles(self) -> None:
        """Sweeps, and tells everybody."""
        self.sweeps()
        while self.reconciles():
            pass

    def held(self, serial: str) -> Held:
        with self.store.reading() as tx:
            return cards.by_serial(tx, serial)

    def card(self, serial: str) -> Card:
        """As it was drawn last."""
        return self.held(serial).revision.card

    def balance(self, serial: str) -> int:
        return self.card(serial).balance

    def place(self, name: str) -> Row:
        """The installation there."""
        with self.store.reading() as tx:
            return tx.execute(select(t.Installation).where(t.Installation.place == name)).one()

    def places(self) -> Sequence[Row]:
        with self.store.reading() as tx:
            return tx.execute(select(t.Installation).order_by(t.Installation.id)).all()

    def count(self, table: Any, *where: Any) -> int:
        with self.store.reading() as tx:
            return tx.execute(select(func.count()).select_from(table).where(*where)).scalar_one()

    def lots(self, serial: str) -> list[tuple[int, int | None]]:
        """What is left in each lot and when it ends, oldest first; empty lots are passed over."""
        query = select(t.Lot.left, t.Lot.expires).where(t.Lot.card_id == self.held(serial).id, t.Lot.left > 0)
        with self.store.reading() as tx:
            return [(left, expires) for left, expires in tx.execute(query.order_by(t.Lot.id))]

    def flaws(self) -> list[audit.Flaw]:
        with self.store.reading() as tx:
            return list(audit.verify(tx))


def together(*actions: Any, wait_seconds: float = 30) -> list[Any]:
    """Run every action in a thread of its own, all from one starting shot; what each returned or raised."""
    barrier = threading.Barrier(len(actions))
    results: list[Any] = [None] * len(actions)

    def run(place: int) -> None:
        barrier.wait(wait_seconds)
        try:
            results[place] = actions[place]()
        except Exception as wrong:
            results[place] = wrong

    threads = [threading.Thread(target=run, args=(place,), daemon=True) for place in range(len(actions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(wait_seconds)
        assert not thread.is_alive(), "it hangs"
    return results


def in_processes(*actions: Callable[[], object]) -> list[int]:
    """Run every action in a process of its own, forked from here; the exit codes (minus the signal that killed it)."""
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in [forked(action) for action in actions]]


def forked(action: Callable[[], object]) -> int:
    """A child process that runs the action and nothing else; it must open stores of its own."""
    child = os.fork()
    if child:
        return child
    try:
        action()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def make_tables(url: str) -> None:
    """The tables in an empty database; a file is copied from one that is made once."""
    if url.startswith("sqlite"):
        shutil.copy(_empty_file(), url.removeprefix("sqlite:///"))
        return
    store = Store(url)
    schema.upgrade(store)
    store.close()


@cache
def _empty_file() -> Path:
    file = Path(mkdtemp(prefix="passes-tables-")) / "passes.db"
    store = Store(f"sqlite:///{file}")
    schema.upgrade(store)
    store.close()
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file
