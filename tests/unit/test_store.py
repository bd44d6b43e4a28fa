"""Reading and writing: what one look sees, what it may not do, and a database server that comes and goes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from threading import Thread

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import DBAPIError

from passes.store import TRUSTED_SECONDS, Connection, Store, schema
from passes.store import tables as t


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    store = Store(store_url)
    schema.upgrade(store)
    yield store
    store.close()


def write(tx: Connection) -> None:
    tx.execute(insert(t.DeviceLog).values(line="said", cause="other", created=1))


def number(tx: Connection) -> int:
    return int(tx.execute(select(func.count()).select_from(t.DeviceLog)).scalar_one())


def test_one_look_sees_one_state_whatever_is_written_meanwhile(store: Store) -> None:
    def writes() -> None:
        with store.transaction() as tx:
            write(tx)

    with store.reading() as tx:
        assert number(tx) == 0
        writer = Thread(target=writes)
        writer.start()
        writer.join()
        assert number(tx) == 0
    with store.reading() as tx:
        assert number(tx) == 1


def test_a_look_changes_nothing_and_the_next_transaction_may(store: Store) -> None:
    if not store.is_sqlite:
        with pytest.raises(DBAPIError, match="read-only"), store.reading() as tx:
            write(tx)
    with store.transaction() as tx:
        write(tx)
        assert number(tx) == 1


def test_a_server_that_was_away_is_found_again(store: Store) -> None:
    with store.transaction() as tx, store.reading() as look:
        assert number(tx) == number(look) == 0
    if not store.is_sqlite:
        cut_off(Store(store.url.render_as_string(hide_password=False)))
        time.sleep(TRUSTED_SECONDS)
    with store.reading() as tx:
        assert number(tx) == 0
    with store.transaction() as tx:
        write(tx)


def cut_off(administrator: Store) -> None:
    others = "pid <> pg_backend_pid() AND datname = current_database()"
    with administrator.transaction() as tx:
        tx.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))
    administrator.close()
