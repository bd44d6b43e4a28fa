"""Single look-ups that are asked very often, with nothing between them and the driver.

One statement sees one state of the database without any transaction around it, so none is begun: on PostgreSQL
that is one round trip instead of five. Its text is made once, and rows come as the driver gives them. Nothing
can be written here; two looks that must agree with each other belong in `Store.reading`.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Select
from sqlalchemy.exc import OperationalError
from sqlalchemy.sql.compiler import SQLCompiler


@dataclass(frozen=True)
class _Prepared:
    """A statement in the driver's words. `order` names its parameters, for a driver that counts them."""

    text: str
    order: Sequence[str] | None
    given: Mapping[str, object]
    as_row: Callable[[Sequence[object]], Any]

    def parameters(self, values: Mapping[str, object]) -> Any:
        all_ = {**self.given, **values}
        return all_ if self.order is None else [all_[name] for name in self.order]


class Glances:
    """Look-ups over connections of their own, which stay outside transactions."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._prepared: dict[Select[*tuple[Any, ...]], _Prepared] = {}

    def ask(self, query: Select[*tuple[Any, ...]], values: Mapping[str, object]) -> list[Any]:
        prepared = self._prepared.get(query) or self._prepare(query)
        parameters = prepared.parameters(values)
        try:
            rows = self._fetch(prepared.text, parameters)
        except OperationalError as wrong:
            if not wrong.connection_invalidated:
                raise
            # The server was away since the last look. Asking again is harmless, so nobody needs to hear of it.
            self._engine.dispose()
            rows = self._fetch(prepared.text, parameters)
        return [prepared.as_row(row) for row in rows]

    def close(self) -> None:
        self._engine.dispose()

    def _fetch(self, text: str, parameters: Any) -> Sequence[Sequence[object]]:
        dialect = self._engine.dialect
        connection = self._engine.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute(text, parameters)
            return cursor.fetchall()
        except dialect.loaded_dbapi.OperationalError as wrong:
            lost = dialect.is_disconnect(wrong, connection.driver_connection, None)
            if lost:
                connection.invalidate()
            raise OperationalError(text, None, wrong, connection_invalidated=lost) from wrong
        finally:
            connection.close()

    def _prepare(self, query: Select[*tuple[Any, ...]]) -> _Prepared:
        dialect = self._engine.dialect
        compiled = query.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)
        raw = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in query.selected_columns]
        if any(raw) or compiled.post_compile_params:
            raise TypeError("a glance takes columns that the driver understands, and no lists of values")
        names = [str(column.key) for column in query.selected_columns]
        row = namedtuple("Row", names)  # type: ignore[misc]
        prepared = _Prepared(str(compiled), compiled.positiontup, compiled.params, row._make)
        self._prepared[query] = prepared
        return prepared
