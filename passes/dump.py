"""The store as rows of text: read whole at one moment, written into an empty database of either kind.

A table travels in parts of some thousand rows, each a list of JSON lines that begins with the names of its
columns. Rows are read in one consistent look while the service goes on, and written into tables of the version they
were read from, so that newer migrations can follow. Logins and counts of failed logins stay behind.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import LargeBinary, MetaData, Table, func, insert, select, text, update

from .errors import BadInput
from .store import Connection
from .store.tables import Base

PART_ROWS = 2_000
LEFT_OUT = ("staff_session", "tries")


@dataclass(frozen=True)
class Part:
    """Some rows of one table."""

    table: str
    body: bytes


def count(tx: Connection) -> int:
    """How many rows there are to travel."""
    return sum(tx.execute(select(func.count()).select_from(table)).scalar_one() for table in _tables())


def parts(tx: Connection) -> Iterator[Part]:
    """Every row, a table after those it refers to, in the order of their keys."""
    for table in _tables():
        rows = tx.execution_options(yield_per=PART_ROWS).execute(select(table).order_by(*table.primary_key.columns))
        for some in rows.partitions():
            yield Part(table.name, _written(table, some))


class Writer:
    """Puts parts into the empty tables of `tx`, in the order they were read."""

    def __init__(self, tx: Connection) -> None:
        self._tx = tx
        self._tables = MetaData()
        self._tables.reflect(tx)
        # A receipt may name a later one, which is not there yet: told when all are.
        self._later: list[tuple[Table, str, int, int]] = []
        self._filled: set[str] = set()

    def write(self, part: Part) -> int:
        """How many rows the part held."""
        table = self._tables.tables.get(part.table)
        if table is None or part.table in LEFT_OUT:
            raise BadInput(f"The backup holds a table “{part.table[:40]}”, which this version does not know.")
        rows = _read(table, part.body)
        self._hold_back(table, rows)
        if rows:
            self._tx.execute(insert(table), rows)
        self._filled.add(table.name)
        return len(rows)

    def finish(self) -> None:
        for table, column, id, value in self._later:
            self._tx.execute(update(table).where(table.c.id == id).values({column: value}))
        if self._tx.dialect.name == "postgresql":
            for name in sorted(self._filled):
                self._go_on_counting(self._tables.tables[name])

    def _hold_back(self, table: Table, rows: list[dict[str, Any]]) -> None:
        own = [key.parent.name for key in table.foreign_keys if key.column.table is table]
        for row in rows:
            for column in own:
                if row[column] is not None:
                    self._later.append((table, column, row["id"], row[column]))
                    row[column] = None

    def _go_on_counting(self, table: Table) -> None:
        """PostgreSQL numbers rows apart from the rows themselves."""
        sequence = text("SELECT pg_get_serial_sequence(:table, 'id')")
        if "id" in table.c and (name := self._tx.execute(sequence, {"table": table.name}).scalar()):
            highest = select(func.max(table.c.id)).scalar_subquery()
            self._tx.execute(select(func.setval(name, func.coalesce(highest, 1))))


def _tables() -> list[Table]:
    return [table for table in Base.metadata.sorted_tables if table.name not in LEFT_OUT]


def _written(table: Table, rows: Iterable[Sequence[Any]]) -> bytes:
    lines = [[column.name for column in table.columns], *(list(map(_plain, row)) for row in rows)]
    return "\n".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) for line in lines).encode()


def _plain(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _read(table: Table, body: bytes) -> list[dict[str, Any]]:
    names, *lines = [json.loads(line) for line in body.decode().split("\n")]
    if not set(names) <= set(table.c.keys()):
        raise BadInput(f"The backup's table “{table.name}” has columns that this version does not know.")
    binary = [place for place, name in enumerate(names) if isinstance(table.c[name].type, LargeBinary)]
    for line in lines:
        for place in binary:
            line[place] = base64.b64decode(line[place]) if line[place] is not None else None
    return [dict(zip(names, line, strict=True)) for line in lines]
