"""Nobody changes what the ledger says without being found out, and the place is named."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from passes.points import audit
from passes.points.audit import Flaw
from passes.store import tables as t
from tests.corner_shop import CornerShop, together

POSTINGS = 40


@pytest.fixture
def shop(store_url: str) -> Iterator[CornerShop]:
    """With forty postings of two members, 1 to 40."""
    shop = CornerShop.open(store_url)
    anna, ben = shop.joins(), shop.joins("Ben")
    for number in range(POSTINGS):
        shop.gives((anna, ben)[number % 2], number + 1)
    assert shop.count(t.Posting) == POSTINGS and shop.flaws() == []
    yield shop
    shop.close()


@pytest.mark.parametrize("change", ["UPDATE posting SET amount = 1", "DELETE FROM posting", "TRUNCATE posting CASCADE"])
def test_the_database_itself_refuses_to_change_a_posting(shop: CornerShop, change: str):
    if shop.store.is_sqlite and change.startswith("TRUNCATE"):
        pytest.skip("SQLite has no TRUNCATE")
    with pytest.raises(DBAPIError, match="postings are never changed"), shop.store.transaction() as tx:
        tx.execute(text(change))
    assert shop.flaws() == []


def unguarded(tx: Connection) -> None:
    """What somebody with the database's password can do."""
    if tx.dialect.name == "sqlite":
        for verb in ("update", "delete"):
            tx.execute(text(f"DROP TRIGGER posting_no_{verb}"))
    else:
        tx.execute(text("DROP TRIGGER posting_guard ON posting"))
        tx.execute(text("SET session_replication_role = replica"))


class Forger:
    """Changes one thing at random; says which entry is the first that is wrong now."""

    def __init__(self, tx: Connection, seed: int) -> None:
        self._tx = tx
        self._chance = random.Random(seed)

    def forges(self, kind: str) -> int:
        return int(getattr(self, f"_{kind}")())

    def _changes(self) -> int:
        seq = self._chance.randint(1, POSTINGS)
        column, value = self._chance.choice(
            [
                ("amount", "amount + 1"),
                ("amount", "amount * 256"),
                ("kind", "'earn'"),
                ("kind", "'adjus\u0165'"),
                ("source", "'earned'"),
                ("target", "'spent'"),
                ("created", "created - 1"),
                ("card_id", "3 - card_id"),
                ("receipt_id", "NULL"),
                ("why", '\'{"reason":"a gift"}\''),
                ("previous", "hash"),
                ("hash", "previous"),
            ]
        )
        self._run(f"UPDATE posting SET {column} = {value} WHERE seq = :a", a=seq)
        return seq

    def _flips_a_bit(self) -> int:
        """In the stored hash; any other column is covered by it."""
        seq, column = self._chance.randint(1, POSTINGS), self._chance.choice(("hash", "previous"))
        row = self._tx.execute(text(f"SELECT {column} FROM posting WHERE seq = :a"), {"a": seq}).scalar_one()
        changed = bytearray(row)
        changed[self._chance.randrange(32)] ^= 1 << self._chance.randrange(8)
        self._run(f"UPDATE posting SET {column} = :b WHERE seq = :a", a=seq, b=bytes(changed))
        return seq

    def _deletes(self) -> int:
        seq = self._chance.randint(1, POSTINGS)
        self._run("DELETE FROM posting WHERE seq = :a", a=seq)
        return seq

    def _cuts_off(self) -> int:
        seq = self._chance.randint(1, POSTINGS)
        self._run("DELETE FROM posting WHERE seq >= :a", a=seq)
        return seq

    def _inserts(self) -> int:
        """Makes room, and copies another entry into it."""
        seq, other = self._chance.randint(1, POSTINGS), self._chance.randint(1, POSTINGS)
        self._run("UPDATE posting SET seq = -seq - 1 WHERE seq >= :a", a=seq)
        self._run("UPDATE posting SET seq = -seq WHERE seq < 0")
        self._copy(other + (other >= seq), seq)
        return seq

    def _adds(self) -> int:
        self._copy(self._chance.randint(1, POSTINGS), POSTINGS + 1)
        return POSTINGS + 1

    def _swaps(self) -> int:
        one, two = sorted(self._chance.sample(range(1, POSTINGS + 1), 2))
        for old, new in ((one, -1), (two, one), (-1, two)):
            self._run("UPDATE posting SET seq = :b WHERE seq = :a", a=old, b=new)
        return one

    def _copy(self, seq: int, to: int) -> None:
        columns = "programme_id, card_id, receipt_id, kind, source, target, amount, why, created, previous, hash"
        self._run(
            f"INSERT INTO posting (id, seq, {columns}) SELECT id + 1000, :b, {columns} FROM posting WHERE seq = :a",
            a=seq,
            b=to,
        )

    def _run(self, order: str, **values: object) -> None:
        self._tx.execute(text(order), values)


KINDS = ("changes", "flips_a_bit", "deletes", "cuts_off", "inserts", "adds", "swaps")


def test_two_hundred_forgeries_are_all_found_and_located(shop: CornerShop):
    class Undone(Exception):
        pass

    with shop.store.transaction() as tx:
        unguarded(tx)
    for seed in range(203):
        kind = KINDS[seed % len(KINDS)]
        with pytest.raises(Undone), shop.store.transaction() as tx:
            if not shop.store.is_sqlite:
                tx.execute(text("SET LOCAL session_replication_role = replica"))
            else:
                tx.execute(text("PRAGMA defer_foreign_keys = ON"))
            seq = Forger(tx, seed).forges(kind)
            first = next(audit.verify(tx))
            assert (first.programme_id, first.seq) == (1, seq), (kind, seed, first)
            raise Undone
    assert shop.flaws() == []


def test_an_entry_that_nobody_can_read_is_named_too(shop: CornerShop):
    if not shop.store.is_sqlite:
        pytest.skip("PostgreSQL keeps text readable by itself")
    with shop.store.transaction() as tx:
        unguarded(tx)
    for column, value, seq in (("why", "'{'", 30), ("kind", "CAST(x'ff' AS TEXT)", 20), ("target", "x'00'", 10)):
        with shop.store.transaction() as tx:
            tx.execute(text(f"UPDATE posting SET {column} = {value} WHERE seq = {seq}"))
        assert shop.flaws()[0] == Flaw(1, seq, "was changed")


def test_a_chain_that_lost_its_end_is_a_flaw(shop: CornerShop):
    with shop.store.transaction() as tx:
        tx.execute(text("DELETE FROM chain"))
    assert shop.flaws() == [Flaw(1, 0, "has no record of its end")]


def test_the_chains_of_two_programmes_are_apart(shop: CornerShop):
    shop.promises(key="bakery")
    ben = shop.joins("Ben", programme="bakery")
    shop.gives(ben, 5)
    with shop.store.transaction() as tx:
        unguarded(tx)
        tx.execute(text("UPDATE posting SET amount = 6 WHERE programme_id = 2"))
    assert [flaw for flaw in shop.flaws() if flaw.seq] == [Flaw(2, 1, "was changed")]


def test_entries_of_many_tills_are_numbered_without_a_gap(shop: CornerShop):
    serials = [shop.joins(f"M{n}") for n in range(8)]

    def sells(serial: str) -> None:
        for _ in range(5):
            shop.posts(serial, total=1000)

    together(*[lambda serial=serial: sells(serial) for serial in serials])
    with shop.store.reading() as tx:
        seqs = tx.execute(text("SELECT seq FROM posting ORDER BY seq")).scalars().all()
    assert list(seqs) == list(range(1, POSTINGS + 41))
    assert shop.flaws() == []
