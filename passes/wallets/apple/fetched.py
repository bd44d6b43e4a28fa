"""Which revisions phones have fetched, noted for people who ask how far an update has come.

Nobody waits for it: notes are collected, and a thread writes them together at its own pace. Those that are lost with
the process cost nothing, because updates are driven by what was pushed alone.
"""

from __future__ import annotations

import threading

import structlog
from sqlalchemy import bindparam, update

from ...cards import Held
from ...errors import PassesError
from ...store import Store
from ...store import tables as t
from ...work import Soon

log = structlog.get_logger()

REST_SECONDS = 0.5


class Fetched:
    """Notes that wait to be written."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._notes: dict[int, int] = {}
        self._lock = threading.Lock()
        self._write_soon = Soon(self.write, REST_SECONDS)

    def note(self, held: Held) -> None:
        """The newest revision of this card was fetched."""
        if held.row.fetched >= held.row.revision:
            return
        with self._lock:
            self._notes[held.id] = max(held.row.revision, self._notes.get(held.id, 0))
        self._write_soon()

    def write(self) -> None:
        """All notes so far. Failing is no reason to trouble anybody."""
        with self._lock:
            notes, self._notes = self._notes, {}
        # In the order in which everybody locks cards, so that no two wait for each other.
        rows = [{"b_id": id, "b_revision": revision} for id, revision in sorted(notes.items())]
        if not rows:
            return
        try:
            with self._store.transaction() as tx:
                tx.execute(_NOTE, rows)
        except PassesError as busy:
            log.info("fetch not noted", why=busy.code, count=len(rows))


_card = t.table(t.Card)
_NOTE = (
    update(_card)
    .where(_card.c.id == bindparam("b_id"), _card.c.fetched < bindparam("b_revision"))
    .values(fetched=bindparam("b_revision"))
)
