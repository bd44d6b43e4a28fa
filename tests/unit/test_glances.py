"""Looking once, without a transaction: what it sees, what it survives, and what it is not for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import bindparam, insert, select, text

from passes.errors import ConfigError
from passes.store import Store, schema
from passes.store import tables as t

LINES = select(t.DeviceLog.line, t.DeviceLog.created).where(t.DeviceLog.cause == bindparam("b_cause"))


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    store = Store(store_url)
    schema.upgrade(store)
    with store.transaction() as tx:
        tx.execute(insert(t.DeviceLog).values(line="first", cause="other", created=1))
    yield store
    store.close()


def lines(store: Store, cause: str = "other") -> list[str]:
    return [row.line for row in store.glance(LINES, b_cause=cause)]


def test_a_glance_finds_rows_by_what_is_asked(store: Store) -> None:
    assert [(row.line, row.created) for row in store.glance(LINES, b_cause="other")] == [("first", 1)]
    assert lines(store, "malformed") == []


def test_a_glance_sees_what_is_committed_and_nothing_else(store: Store) -> None:
    assert lines(store) == ["first"]
    with store.transaction() as tx:
        tx.execute(insert(t.DeviceLog).values(line="second", cause="other", created=2))
        assert lines(store) == ["first"]
    assert sorted(lines(store)) == ["first", "second"]


def test_a_glance_leaves_nothing_open_that_a_writer_must_wait_for(store: Store) -> None:
    lines(store)
    with store.transaction() as tx:
        tx.execute(text("DELETE FROM device_log"))
    assert lines(store) == []


def test_a_glance_survives_a_server_that_was_away(store: Store) -> None:
    assert lines(store) == ["first"]
    if not store.is_sqlite:
        others = "pid <> pg_backend_pid() AND datname = current_database()"
        with store.transaction() as tx:
            tx.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))
    assert lines(store) == ["first"]


def test_a_list_of_values_is_refused_before_it_is_asked(store: Store) -> None:
    many = select(t.DeviceLog.line).where(t.DeviceLog.id.in_(bindparam("ids", expanding=True)))
    with pytest.raises(TypeError, match="no lists"):
        store.glance(many, ids=[1, 2])


def test_columns_that_the_driver_does_not_understand_are_refused(tmp_path: Path) -> None:
    """SQLite has no truth values and no JSON: what SQLAlchemy would translate comes as something else."""
    store = Store(f"sqlite:///{tmp_path}/passes.db")
    with pytest.raises(TypeError, match="the driver understands"):
        store.glance(select(t.Programme.definition, t.Installation.bulk))
    store.close()


def test_a_store_without_tables_is_explained(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/passes.db")
    with pytest.raises(ConfigError, match="passes db upgrade"):
        lines(store)
    store.close()
