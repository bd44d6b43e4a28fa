"""A home whose store is PostgreSQL, filled from a kept home by COPY."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy import Boolean

from passes.store import tables as t
from tests import home as homes
from tests.servers import Postgres, postgres

from . import shop

SAFE = {"max_connections": "100", "shared_buffers": "512MB", "checkpoint_timeout": "30min", "max_wal_size": "8GB"}
"""Every commit reaches the disk, as in a shop; the rest is what anybody would set."""

CHUNK = 10_000
COPIED = (t.Programme, t.Ruleset, t.Chain, t.Member, t.Card, t.Installation)


@contextmanager
def server() -> Iterator[Postgres]:
    with postgres(SAFE) as running:
        yield running


@contextmanager
def home(running: Postgres, members: int, **settings: Any) -> Iterator[Path]:
    """A copy of the kept home of this size, with its rows in a database of this server."""
    from tempfile import TemporaryDirectory

    source = shop.kept_home(members)
    url = running.create(homes.fill)
    with TemporaryDirectory(prefix="passes-bench-") as folder:
        place = Path(folder) / "home"
        shop.copy_without_store(source, place)
        _copy_rows(source / "passes.db", url)
        shop.write_settings(place, store__url=url, **settings)
        yield place
    running.drop(url)


def _copy_rows(file: Path, url: str) -> None:
    address = url.replace("postgresql+psycopg://", "postgresql://")
    with closing(sqlite3.connect(file)) as source, psycopg.connect(address) as target:
        for table in reversed(COPIED):
            target.execute(SQL("DELETE FROM {}").format(Identifier(table.__tablename__)))
        for table in COPIED:
            _copy_table(source, target, table)
        for table in (t.Programme, t.Member, t.Card, t.Installation):
            name = table.__tablename__
            target.execute(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), (SELECT max(id) FROM {name}))")
        target.commit()
        target.autocommit = True
        target.execute("ANALYZE")


def _copy_table(source: sqlite3.Connection, target: psycopg.Connection, table: Any) -> None:
    columns = list(t.table(table).columns)
    names = ", ".join(f'"{column.name}"' for column in columns)
    flags = [place for place, column in enumerate(columns) if isinstance(column.type, Boolean)]
    rows = source.execute(f"SELECT {names} FROM {table.__tablename__}")
    with target.cursor() as cursor, cursor.copy(f"COPY {table.__tablename__} ({names}) FROM STDIN") as copy:
        for row in rows:
            written = list(row)
            for place in flags:
                written[place] = bool(written[place])
            copy.write_row(written)
