"""Look-ups among ten thousand and among a million: the same price, and close to that of the bare driver.

The list call is what a phone asks after every nudge; it is measured without HTTP, from opening the store to the
finished tag. The growth curve adds what grows by habit in other systems: a round of the reconciler, a receipt,
and finding a member by the beginning of a name, a number or an e-mail.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
from sqlalchemy import select, update

from passes import cards, installations, reconcile
from passes.points import receipts
from passes.points.orders import Order
from passes.service import Service
from passes.store import tables as t
from passes.wallets import Pushed
from passes.wallets.apple import tags

from . import postgres, rounds, shop
from .figures import Report, least, most

ROUND = 500
# A cost that grows with the logarithm of the members grows by so much from a thousand to a million.
LOGARITHMIC = 3.0
SQL_TEXT = (
    "SELECT card.serial, card.revision FROM card JOIN installation ON installation.card_id = card.id "
    "WHERE installation.wallet = {0} AND installation.place = {0} ORDER BY card.id LIMIT 200"
)


def run(report: Report) -> None:
    sizes = (1_000, 10_000, 100_000) if report.quick else (1_000, 10_000, 100_000, 1_000_000)
    with ExitStack() as stack:
        homes = {size: stack.enter_context(shop.home(size)) for size in sizes}
        services = {size: shop.service(home) for size, home in homes.items()}
        _sqlite(report, homes, services)
        _growth(report, services)
    with postgres.server() as running, ExitStack() as stack:
        # Copying a million into PostgreSQL would take longer than everything else here.
        few, many = 10_000, 100_000
        homes = {size: stack.enter_context(postgres.home(running, size)) for size in (few, many)}
        _postgres(report, {size: shop.service(home) for size, home in homes.items()})


class Phones:
    """Devices spread over the store, asking in turn."""

    def __init__(self, service: Service, members: int) -> None:
        self.service = service
        self.seats = shop.seats(service, 2_000, max(1, members // 2_000))
        self._turn = cycle(self.seats)
        self._tag = tags.write({"another": 1})

    def next(self) -> shop.Seat:
        return next(self._turn)

    def lists(self) -> None:
        """As the protocol's list call does it."""
        seat = self.next()
        found = installations.at_place(self.service.store, "apple", seat.device)
        assert tags.changed(self._tag, found) == [seat.serial]
        tags.write(found)

    def lists_raw(self, ask: Callable[[tuple[str, str]], Sequence[Any]]) -> Callable[[], None]:
        def once() -> None:
            assert len(ask(("apple", self.next().device))) == 1

        return once


def _sqlite(report: Report, homes: Mapping[int, Path], services: Mapping[int, Service]) -> None:
    with ExitStack() as stack:
        variants = {}
        for size, service in services.items():
            phones = Phones(service, size)
            raw = stack.enter_context(closing(sqlite3.connect(homes[size] / "passes.db")))
            variants[f"ours {size}"] = rounds.repeated(phones.lists, _times(report))
            variants[f"raw {size}"] = rounds.repeated(phones.lists_raw(_sqlite_asker(raw)), _times(report))
        # SQLite calculates in this very thread.
        measured = rounds.in_turn(variants, 3 if report.quick else 11, time.thread_time)
        _compare(report, "SQLite", measured, list(services))


def _postgres(report: Report, services: Mapping[int, Service]) -> None:
    with ExitStack() as stack:
        variants = {}
        for size, service in services.items():
            phones = Phones(service, size)
            address = service.store.url.set(drivername="postgresql").render_as_string(hide_password=False)
            raw = stack.enter_context(psycopg.connect(address, autocommit=True))
            variants[f"ours {size}"] = rounds.repeated(phones.lists, _times(report))
            variants[f"raw {size}"] = rounds.repeated(phones.lists_raw(_postgres_asker(raw)), _times(report))
        _compare(report, "PostgreSQL", rounds.in_turn(variants, 3 if report.quick else 11), list(services))
        for service in services.values():
            service.store.close()


def _times(report: Report) -> int:
    return 50 if report.quick else 300


def _sqlite_asker(raw: sqlite3.Connection) -> Callable[[tuple[str, str]], Sequence[Any]]:
    return lambda which: raw.execute(SQL_TEXT.format("?"), which).fetchall()


def _postgres_asker(raw: psycopg.Connection) -> Callable[[tuple[str, str]], Sequence[Any]]:
    return lambda which: raw.execute(SQL_TEXT.format("%s"), which, prepare=True).fetchall()


def _compare(report: Report, store: str, measured: rounds.Rounds, sizes: Sequence[int]) -> None:
    few, many = 10_000, sizes[-1]
    report.add(
        "G9",
        f"list call among {many:,}, {store}",
        f"{measured.rate(f'ours {many}'):,.0f}/s",
        f"raw driver {measured.rate(f'raw {many}'):,.0f}/s",
        measured.ratio(f"ours {many}", f"raw {many}"),
        least(0.30),
    )
    report.add(
        "G9",
        f"the same against itself among {few:,}, {store}",
        f"{measured.rate(f'ours {many}'):,.0f}/s",
        f"{measured.rate(f'ours {few}'):,.0f}/s",
        measured.ratio(f"ours {many}", f"ours {few}"),
        least(0.75),
    )


def _growth(report: Report, services: Mapping[int, Service]) -> None:
    """Microseconds of each operation by number of members."""
    times, turns = (20, 3) if report.quick else (60, 9)
    curves: dict[str, dict[int, float]] = {}
    for name, make in OPERATIONS.items():
        found: dict[int, list[float]] = {size: [] for size in services}
        prepared = {size: make(service, Phones(service, size)) for size, service in services.items()}
        for turn in range(turns + 1):
            for size, operation in prepared.items():
                with operation(times) as (run, pieces):
                    began = time.perf_counter()
                    run()
                    if turn:
                        found[size].append((time.perf_counter() - began) / pieces * 1e6)
        curves[name] = {size: median(values) for size, values in found.items()}
        first, last = min(services), max(services)
        report.add(
            "",
            f"{name} among {last:,}",
            f"{curves[name][last]:,.0f} µs",
            f"among {first:,} {curves[name][first]:,.0f} µs",
            curves[name][last] / curves[name][first],
            most(LOGARITHMIC),
        )
    report.series["growth"] = curves


@contextmanager
def _nothing_before(run: Callable[[], None], times: int) -> Iterator[tuple[Callable[[], None], int]]:
    def repeated() -> None:
        for _ in range(times):
            run()

    yield repeated, times


def _list_call(service: Service, phones: Phones) -> Any:
    return lambda times: _nothing_before(phones.lists, times)


def _receipt(service: Service, phones: Phones) -> Any:
    numbers = iter(range(10**9))

    def run() -> None:
        seat = phones.next()
        with service.store.transaction() as tx:
            held = cards.by_known(tx, cards.read_code(seat.code, service.secrets), lock=True)
            receipts.post(tx, held, Order(f"growth-{next(numbers)}", total=700), service.now)

    return lambda times: _nothing_before(run, times)


def _search(ask: Callable[[Service, shop.Seat], str]) -> Callable[[Service, Phones], Any]:
    def make(service: Service, phones: Phones) -> Any:
        asked = cycle([ask(service, seat) for seat in phones.seats[:200]])

        def run() -> None:
            with service.store.reading() as tx:
                found, _ = service.members.search(tx, next(asked), 0, 20)
            assert found

        return lambda times: _nothing_before(run, times)

    return make


def _name(service: Service, seat: shop.Seat) -> str:
    with service.store.reading() as tx:
        query = select(t.Member.name).join(t.Card, t.Card.member_id == t.Member.id).where(t.Card.id == seat.id)
        return str(tx.execute(query).scalar_one())[:9]


def _round(service: Service, phones: Phones) -> Any:
    """A round of the reconciler over as many stale installations as a batch holds; the wallet answers at once."""

    class Deaf:
        name = "apple"

        def push(self, batch: Sequence[Any]) -> list[Pushed]:
            return [Pushed()] * len(batch)

    wallets: Any = {"apple": Deaf()}

    @contextmanager
    def one_round(_: int) -> Iterator[tuple[Callable[[], None], int]]:
        ids = [seat.id for seat in phones.seats[:ROUND]]
        stale = update(t.Installation).where(t.Installation.card_id.in_(ids))
        with service.store.transaction() as tx:
            tx.execute(stale.values(pushed=0, wanted=1, due=service.now, lease=None))

        def run() -> None:
            assert reconcile.reconcile(service.store, wallets, service.now + 1, ROUND, 60) == len(ids)

        yield run, len(ids)

    return one_round


OPERATIONS: dict[str, Callable[[Service, Phones], Any]] = {
    "list call": _list_call,
    "search by name": _search(_name),
    "search by number": _search(lambda _, seat: seat.number),
    "search by e-mail": _search(lambda _, seat: shop.email(seat.id)),
    "receipt": _receipt,
    f"round of {ROUND}, each": _round,
}
