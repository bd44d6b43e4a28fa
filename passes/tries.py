"""Counts failed tries, so that passwords, PINs and codes cannot be tried one after the other.

Counted in the store, for all processes together: by account and by network address. Past a limit each
further failure makes the wait longer, up to a quarter of an hour; nobody is ever locked out for good. A try
counts as failed before the password is looked at, so that many at once do not slip through.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select, update

from .store import Connection, insert_into
from .store import tables as t

FIRST_WAIT_SECONDS = 60
LONGEST_WAIT_SECONDS = 900
QUIET_SECONDS = 3600


@dataclass(frozen=True)
class Counter:
    """Whose failures are counted (a keyed hash), and how many of them cost nothing."""

    who: bytes
    free: int


def wait_seconds(failures: int, free: int, since: int) -> int:
    """How long to wait yet, `since` seconds after the latest failure."""
    if failures < free or since >= QUIET_SECONDS:
        return 0
    grown = min(FIRST_WAIT_SECONDS << min(failures - free, 10), LONGEST_WAIT_SECONDS)
    return max(0, grown - since)


def begin(tx: Connection, counters: Sequence[Counter], now: int) -> int:
    """The seconds to wait before a try; 0: it may be made, and counts as failed until `forgive`."""
    tx.execute(delete(t.Tries).where(t.Tries.latest <= now - QUIET_SECONDS))
    known = [(counter, *_lock(tx, counter, now)) for counter in sorted(counters, key=lambda counter: counter.who)]
    wait = max(wait_seconds(failures, counter.free, now - latest) for counter, failures, latest in known)
    if not wait:
        for counter, failures, _ in known:
            values = {"failures": failures + 1, "latest": now}
            tx.execute(update(t.Tries).where(t.Tries.who == counter.who).values(values))
    return wait


def forgive(tx: Connection, account: Counter, address: Counter | None = None) -> None:
    """The secret was right. An address only gets this one try back: it may be guessing at others."""
    tx.execute(delete(t.Tries).where(t.Tries.who == account.who))
    if address is not None:
        give_back(tx, address)


def give_back(tx: Connection, counter: Counter) -> None:
    """This one try was no guess; those before stay counted."""
    less = t.Tries.failures - 1
    tx.execute(update(t.Tries).where(t.Tries.who == counter.who, t.Tries.failures > 0).values(failures=less))


def _lock(tx: Connection, counter: Counter, now: int) -> tuple[int, int]:
    row: dict[str, Any] = {"who": counter.who, "failures": 0, "latest": now}
    tx.execute(insert_into(tx, t.Tries).values(row).on_conflict_do_nothing())
    found = select(t.Tries.failures, t.Tries.latest).where(t.Tries.who == counter.who).with_for_update()
    failures, latest = tx.execute(found).one()
    return failures, latest
