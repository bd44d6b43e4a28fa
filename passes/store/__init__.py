"""The one way to the database: `transaction()` to write, `reading()` to look, `glance()` to look once.

The first two yield a SQLAlchemy `Connection`. On SQLite a write takes a fair lock of ours and then BEGIN
IMMEDIATE, so that what was read stays true until the commit (the default would lose points) and nobody
starves (SQLite's own back-off is unfair: p99 ten times higher, measured). On PostgreSQL callers
lock the card's row. No outside call belongs inside a transaction.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import Connection, Engine, Select, create_engine, event
from sqlalchemy import Row as SqlRow
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError, OperationalError, TimeoutError

from ..errors import Busy, ConfigError
from .glances import Glances
from .queue import Queue

if TYPE_CHECKING:
    from sqlalchemy.pool import ConnectionPoolEntry

    from .tables import Base

WAIT_SECONDS = 30
# No server comes back sooner after it went away, so a connection used since then is alive or fails by itself.
TRUSTED_SECONDS = 1.0

Row: TypeAlias = SqlRow[*tuple[Any, ...]]
"""A row of any columns."""

__all__ = ["Connection", "Row", "Store", "insert_into", "mark_stale"]


class Store:
    """A database and the ways into it. Opens nothing until first used."""

    def __init__(self, url: str, pool: int = 16, wait_seconds: int = WAIT_SECONDS) -> None:
        self.url = _checked(url)
        self.engine = _engine(self.url, pool, wait_seconds)
        self._glances = Glances(_engine(self.url, pool, wait_seconds, glances=True))
        self._wait_seconds = wait_seconds
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._queue = Queue(f"{self.url.database}-turn") if self.is_sqlite else None
        self._held = threading.local()
        self.nudge: Callable[[], None] = _nobody
        """Called after a commit that made installations stale; a lost call costs only time."""

    @contextmanager
    def transaction(self, rebuilds: bool = False) -> Iterator[Connection]:
        """All of it or none of it. Raises `Busy` when the store cannot be had in time.

        `rebuilds`: tables are made anew; SQLite then checks what rows refer to at the end instead of meanwhile.
        """
        if getattr(self._held, "by_this_thread", False):
            raise RuntimeError("a transaction is already open in this thread")
        self._held.by_this_thread = True
        try:
            with self._turn(), _explained(), self.engine.connect() as tx:
                stale = False
                tx.execution_options(passes_writes=True, passes_rebuilds=rebuilds)
                try:
                    with tx.begin():
                        yield tx
                        if rebuilds:
                            _check_references(tx)
                    stale = "stale" in tx.info
                finally:
                    tx.info.pop("stale", None)
        finally:
            self._held.by_this_thread = False
        if stale:
            self.nudge()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent look; nothing is written."""
        with _explained(), self.engine.connect() as tx:
            if not self.is_sqlite:
                # Said along with BEGIN, which is one round trip less than saying it by itself.
                tx.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with tx.begin():
                yield tx

    def glance(self, query: Select[*tuple[Any, ...]], **values: object) -> list[Any]:
        """The rows of one statement, which is built once and asked by every phone; see `Glances`."""
        with _explained():
            return self._glances.ask(query, values)

    def close(self) -> None:
        self.engine.dispose()
        self._glances.close()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if self._queue is None:
            yield
            return
        with self._queue.turn(self._wait_seconds):
            yield


def mark_stale(tx: Connection) -> None:
    """Have the workers woken once this transaction is committed."""
    tx.info["stale"] = True


def insert_into(tx: Connection, row: type[Base]) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that can say what happens when the row is there already; each database has one of its own."""
    return sqlite.insert(row) if tx.dialect.name == "sqlite" else postgresql.insert(row)


def _nobody() -> None:
    """No worker to wake: the periodic round finds the work."""


def _checked(url: str) -> URL:
    try:
        parsed = make_url(url)
        parsed.get_dialect()
    except (ArgumentError, ImportError, ModuleNotFoundError) as wrong:
        hint = "pip install 'passes[postgres]'" if "psycopg" in str(wrong) else "sqlite:///passes.db"
        raise ConfigError(f"[store.url] is not an address of a database we can open; try: {hint}") from None
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise ConfigError("[store.url] must begin with sqlite:/// or postgresql+psycopg://")
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise ConfigError("[store.url] must name a file, such as sqlite:///passes.db")
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed


def _engine(url: URL, pool: int, wait_seconds: int, glances: bool = False) -> Engine:
    options: dict[str, Any] = {"pool_size": pool, "max_overflow": pool, "pool_timeout": wait_seconds}
    # The connection used last first: each that is used fills a cache of its own.
    options["pool_use_lifo"] = True
    if glances:
        # No transaction is ever open on these, so there is none to end when one is given back.
        options |= {"isolation_level": "AUTOCOMMIT", "pool_reset_on_return": None}
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, **options, connect_args={"timeout": wait_seconds})
        if glances:
            event.listen(engine, "connect", _only_reading)
        else:
            event.listen(engine, "connect", _set_up_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        return engine
    # A dead server must answer as an error in time, never as a hanging till.
    limits = f"-c statement_timeout={wait_seconds}s -c lock_timeout={wait_seconds}s"
    if glances:
        limits += " -c default_transaction_read_only=on"
    arguments = {"connect_timeout": 5, "options": limits}
    engine = create_engine(url, **options, connect_args=arguments)
    if not glances:
        event.listen(engine, "checkin", _note_use)
        event.listen(engine, "checkout", _refuse_dead(engine))
    return engine


def _note_use(_connection: object, record: ConnectionPoolEntry) -> None:
    record.info["used"] = time.monotonic()


def _refuse_dead(engine: Engine) -> Callable[[Any, ConnectionPoolEntry, object], None]:
    """Nobody is lent a connection that lay still for a while and is dead by now; asking costs a round trip."""

    def check(connection: Any, record: ConnectionPoolEntry, _lent: object) -> None:
        used = record.info.get("used")
        if used is None or time.monotonic() - used < TRUSTED_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as wrong:
            raise DisconnectionError("the server went away meanwhile") from wrong

    return check


def _only_reading(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA query_only=ON")


def _set_up_sqlite(connection: Any, _record: object) -> None:
    # The sqlite3 module would open transactions by itself, deferred; `_begin_sqlite` does it right.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-16384"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("passes_writes"):
        # It can be switched outside a transaction alone.
        if options.get("passes_rebuilds"):
            connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        # It takes no lock yet and cannot fail, so it goes straight to the driver: a look-up costs a tenth less.
        connection.connection.cursor().execute("BEGIN")


def _check_references(tx: Connection) -> None:
    if tx.dialect.name == "sqlite" and (broken := tx.exec_driver_sql("PRAGMA foreign_key_check").first()):
        raise RuntimeError(f"a row of {broken[0]} would refer to a row of {broken[2]} that is not there")


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (OperationalError, TimeoutError) as wrong:
        if isinstance(wrong, OperationalError) and "no such table" in str(wrong.orig):
            raise ConfigError("The store has no tables yet; run: passes db upgrade") from wrong
        raise Busy("The store is busy or out of reach; send the same request again in a few seconds.") from wrong
