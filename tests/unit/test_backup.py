"""A backup holds everything, opens only with its passphrase, and is restored whole or not at all."""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from passes import assemble, backup, cards, config, dump, installations, members
from passes.errors import BadInput, Conflict, PassesError
from passes.links import Links
from passes.points import audit, receipts, returns
from passes.points.orders import Order
from passes.sealed import CHUNK_BYTES, Opener, Sealer
from passes.service import Service
from passes.store import Store
from passes.store import tables as t
from passes.wallets.apple import tags
from tests.home import new_home

PASSPHRASE = "an open secret of four words"
LATER = 5_000


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = assemble(new_home(tmp_path / "shop"))
    yield service
    service.store.close()


def join(service: Service, name: str = "Anna") -> str:
    with service.store.transaction() as tx:
        return service.members.join(
            tx, "cafe", members.Person("en", name, email=f"{name}@example.org"), service.now
        ).serial


def earn(service: Service, serial: str, points: int, receipt: str) -> None:
    order = Order(receipt, total=points * 100, currency="PLN")
    with service.store.transaction() as tx:
        receipts.post(tx, cards.by_serial(tx, serial, lock=True), order, service.now)


def registered(service: Service, serial: str) -> str:
    """A phone has the card; the tag it was told."""
    with service.store.transaction() as tx:
        held = cards.by_serial(tx, serial, lock=True)
        installations.add(tx, held.id, held.row.revision, "apple", "d" * 32, "a" * 64, service.now, service.now * 1000)
        return tags.write({serial: held.row.revision})


def write(service: Service, file: Path) -> Path:
    backup.write(service.settings, service.store, file, PASSPHRASE, service.now)
    return file


def test_a_restored_service_knows_its_members_cards_and_keys(service: Service, tmp_path: Path) -> None:
    serial = join(service)
    earn(service, serial, 60, "r-1")
    file = write(service, tmp_path / "b")
    made = backup.restore(file, tmp_path / "again", PASSPHRASE, service.now)
    again = assemble(tmp_path / "again")
    with again.store.reading() as tx:
        held = cards.by_serial(tx, serial)
        assert held.row.balance == 60
        assert next(audit.verify(tx), None) is None
        assert [p.email for p in again.members.search(tx, "anna", 0, 9)[0]] == ["anna@example.org"]
        key = Links("https://cards.example.org", again.secrets).card(held.revision).rpartition("/")[2]
        assert cards.by_link(tx, serial, key, service.secrets).serial == serial
    assert made.rows > 5
    with service.store.reading() as tx:
        assert dump.count(tx) == made.rows
    earn(again, serial, 5, "r-2")
    again.store.close()


def test_a_phone_that_knows_more_than_the_backup_learns_the_truth(service: Service, tmp_path: Path) -> None:
    serial = join(service)
    file = write(service, tmp_path / "b")
    for number in range(3):
        earn(service, serial, 10, f"lost-{number}")
    tag = registered(service, serial)
    shown = set()
    for at in (service.now, service.now + 60):
        folder = tmp_path / str(at)
        backup.restore(file, folder, PASSPHRASE, at)
        again = assemble(folder)
        with again.store.reading() as tx:
            row = cards.by_serial(tx, serial).row
        assert tags.changed(tag, {serial: row.revision}) == [serial]
        assert row.modified > service.now - 60
        shown.add(row.revision)
        again.store.close()
    assert len(shown) == 2, "two restores of one backup may not count alike"


def test_every_installation_is_told_again_after_a_restore(service: Service, tmp_path: Path) -> None:
    serial = join(service)
    registered(service, serial)
    with service.store.transaction() as tx:
        tx.execute(t.Installation.__table__.update().values(due=None, pushed=1, set_aside=True))  # type: ignore[attr-defined]
    now = service.now + LATER
    backup.restore(write(service, tmp_path / "b"), tmp_path / "again", PASSPHRASE, now)
    again = assemble(tmp_path / "again")
    with again.store.reading() as tx:
        place = tx.execute(select(t.Installation)).one()
        assert place.wanted == cards.by_serial(tx, serial).row.revision
    assert (place.pushed, place.due, place.set_aside) == (0, now, False)
    again.store.close()


def test_a_reversed_receipt_travels(service: Service, tmp_path: Path) -> None:
    """It names a later receipt, which must not be missing when its row is written."""
    serial = join(service)
    earn(service, serial, 60, "r-1")
    with service.store.transaction() as tx:
        held = cards.by_serial(tx, serial, lock=True)
        returns.reverse(tx, held, receipts.find(tx, "r-1"), "undo-1", service.now)
    backup.restore(write(service, tmp_path / "b"), tmp_path / "again", PASSPHRASE, service.now)
    again = Store(f"sqlite:///{tmp_path}/again/passes.db")
    with again.reading() as tx:
        first, second = (
            row for row in tx.execute(select(t.Receipt).order_by(t.Receipt.id)) if row.receipt != "welcome"
        )
    assert (first.reversed_by, second.reverses) == (second.id, first.id)
    again.close()


def test_rows_travel_between_the_two_kinds_of_database(
    service: Service, store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serial = join(service)
    earn(service, serial, 60, "r-1")
    file = write(service, tmp_path / "b")
    monkeypatch.setenv("PASSES_STORE__URL", store_url)
    backup.restore(file, tmp_path / "there", PASSPHRASE, service.now)
    there = assemble(tmp_path / "there")
    earn(there, serial, 7, "r-2")
    backup.write(there.settings, there.store, tmp_path / "b2", PASSPHRASE, service.now)
    there.store.close()
    monkeypatch.delenv("PASSES_STORE__URL")
    backup.restore(tmp_path / "b2", tmp_path / "back", PASSPHRASE, service.now)
    back = assemble(tmp_path / "back")
    with back.store.reading() as tx:
        assert cards.by_serial(tx, serial).row.balance == 67
    back.store.close()


def test_only_what_is_empty_is_restored_into(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(service, tmp_path / "b")
    with pytest.raises(Conflict, match="not empty"):
        backup.restore(file, service.settings.home, PASSPHRASE, service.now)
    monkeypatch.setenv("PASSES_STORE__URL", service.settings.database(service.settings.store.url))
    with pytest.raises(Conflict, match="database of the restored settings is not empty"):
        backup.restore(file, tmp_path / "again", PASSPHRASE, service.now)
    assert not (tmp_path / "again").exists()
    with pytest.raises(Conflict, match="exists already"):
        write(service, file)


def test_a_changed_ledger_is_not_restored(service: Service, tmp_path: Path) -> None:
    earn(service, join(service), 60, "r-1")
    with closing(sqlite3.connect(service.settings.home / "passes.db")) as database, database:
        for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {trigger}")
        database.execute("UPDATE posting SET amount = amount + 1")
    file = write(service, tmp_path / "b")
    with pytest.raises(backup.RestoreFailed, match="ledger"):
        backup.restore(file, tmp_path / "again", PASSPHRASE, service.now)
    assert {path.name for path in tmp_path.iterdir()} == {"shop", "b"}


def test_secrets_are_nowhere_in_the_clear(service: Service, tmp_path: Path) -> None:
    body = write(service, tmp_path / "b").read_bytes()
    certs = service.settings.home / "certs"
    for path in certs.iterdir():
        assert path.read_bytes()[:40] not in body
    assert (tmp_path / "b").stat().st_mode & 0o077 == 0


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a backup."""
    folder = tmp_path_factory.mktemp("sound")
    service = assemble(new_home(folder / "shop"))
    return write(service, folder / "b").read_bytes()


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda body: b"", "not a backup"),
        (lambda body: b"PK\x03\x04" + body, "not a backup"),
        (lambda body: body[:30], "cut off"),
        (lambda body: body[:-1], "cut off"),
        (lambda body: body[: len(body) // 2], "cut off"),
        (lambda body: body[:-40] + bytes([body[-40] ^ 1]) + body[-39:], "damaged"),
        (lambda body: body[:200] + bytes([body[200] ^ 1]) + body[201:], "damaged"),
        (lambda body: body + b"more", "damaged"),
    ],
)
def test_a_damaged_backup_says_so_and_leaves_nothing(
    sound: bytes, tmp_path: Path, spoil: Callable[[bytes], bytes], word: str
) -> None:
    file = tmp_path / "b"
    file.write_bytes(spoil(sound))
    with pytest.raises(PassesError, match=word):
        backup.restore(file, tmp_path / "again", PASSPHRASE, 5)
    assert list(tmp_path.iterdir()) == [file]


def test_another_passphrase_does_not_open_it(service: Service, tmp_path: Path) -> None:
    file = write(service, tmp_path / "b")
    with pytest.raises(BadInput, match="passphrase does not open"):
        backup.verify(file, PASSPHRASE + "!", service.now)
    with pytest.raises(BadInput, match="at least 12"):
        backup.write(service.settings, service.store, tmp_path / "c", "short", service.now)
    assert not (tmp_path / "c").exists()


def sealed(file: Path, entries: list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    """An archive that somebody who knows the passphrase made."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as zipped, tarfile.open(fileobj=zipped, mode="w|") as archive:
        for entry, body in entries:
            entry.size = len(body)
            archive.addfile(entry, io.BytesIO(body))
    with file.open("wb") as target:
        sealer = Sealer(target, PASSPHRASE)
        sealer.write(packed.getvalue())
        sealer.finish()
    return file


def named(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, link
    return entry


HEAD = (named(backup.HEAD), json.dumps({"format": 1, "made": 1, "schema": "0001", "rows": 0}).encode())


@pytest.mark.parametrize(
    ("entries", "word"),
    [
        ([HEAD, (named("home/../../evil"), b"x")], "strange path"),
        ([HEAD, (named("/etc/passwd"), b"x")], "strange path"),
        ([HEAD, (named("home/certs/../../../evil"), b"x")], "strange path"),
        ([HEAD, (named("home/a\\..\\b"), b"x")], "strange path"),
        ([HEAD, (named("home/link", tarfile.SYMTYPE, "/etc/passwd"), b"")], "a link"),
        ([HEAD, (named("home/hard", tarfile.LNKTYPE, "home/x"), b"")], "a link"),
        ([HEAD, (named("home/a"), b"x"), (named("home/a"), b"y")], "twice"),
        ([HEAD, (named("home/zeros"), bytes(70_000_000))], "more than a backup holds"),
        ([HEAD, (named("home/config.toml"), b"")], "ends before its checksums|service.keys"),
        ([(named("home/config.toml"), b"")], "not a backup"),
        ([(HEAD[0], b'{"format": 9, "made": 1, "schema": "0001", "rows": 0}')], "newer version"),
        ([(HEAD[0], b"[]")], "damaged inside"),
        ([], "ends before its checksums"),
    ],
)
def test_a_hostile_archive_is_refused(entries: list[tuple[tarfile.TarInfo, bytes]], word: str, tmp_path: Path) -> None:
    file = sealed(tmp_path / "b", entries)
    with pytest.raises(PassesError, match=word):
        backup.restore(file, tmp_path / "deep" / "again", PASSPHRASE, 5)
    assert list((tmp_path / "deep").iterdir()) == []
    assert not (tmp_path / "evil").exists()


def test_chunks_cannot_be_swapped_or_dropped() -> None:
    target = io.BytesIO()
    sealer = Sealer(target, PASSPHRASE)
    sealer.write(bytes(CHUNK_BYTES) + b"\1" * CHUNK_BYTES + b"end")
    sealer.finish()
    body = target.getvalue()
    size, head = CHUNK_BYTES + 16, len(body) - 2 * (CHUNK_BYTES + 16) - 19
    first, second, last = body[head : head + size], body[head + size : head + 2 * size], body[-19:]
    whole = io.BufferedReader(Opener(io.BytesIO(body), PASSPHRASE)).read()
    assert whole == bytes(CHUNK_BYTES) + b"\1" * CHUNK_BYTES + b"end"
    for spoilt in (second + first + last, first + last, first + second, second + last):
        with pytest.raises(BadInput, match="damaged"):
            io.BufferedReader(Opener(io.BytesIO(body[:head] + spoilt), PASSPHRASE)).read()


def test_a_backup_is_taken_while_tills_go_on(service: Service, tmp_path: Path) -> None:
    serials = [join(service, f"member{number}") for number in range(30)]
    sold: list[int] = []

    def sell(_rows: int) -> None:
        earn(service, serials[len(sold) % 30], 1, f"meanwhile-{len(sold)}")
        sold.append(1)

    made = backup.write(service.settings, service.store, tmp_path / "b", PASSPHRASE, service.now, sell)
    assert sold
    assert backup.verify(tmp_path / "b", PASSPHRASE, service.now) == made
    backup.restore(tmp_path / "b", tmp_path / "again", PASSPHRASE, service.now)
    with Store(f"sqlite:///{tmp_path}/again/passes.db").reading() as tx:
        assert tx.execute(select(t.Receipt.id).where(t.Receipt.receipt.like("meanwhile%"))).first() is None
    assert config.load(tmp_path / "again").shop == service.settings.shop
