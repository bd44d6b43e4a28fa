"""Whether the worker is at work, told from the rows it leaves behind.

A worker that lives never lets anything be overdue for long: it leases what is due or puts it off. So whatever
is long overdue, with nothing under lease and nothing told lately, says that no worker is there, on
whichever machine it should run.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import func, select

from .store import Connection
from .store import tables as t

PATIENCE_SECONDS = 120


def overdue_seconds(tx: Connection, wallets: Collection[str], now: int) -> int:
    """How long the longest waiting work has been due; 0 when none is."""
    place = select(func.min(t.Installation.due)).where(t.Installation.wallet.in_(wallets))
    card = select(t.Card.next_change).where(t.Card.next_change.is_not(None)).order_by(t.Card.next_change).limit(1)
    touch = select(func.min(t.Touch.created))
    waiting = [due for query in (place, card, touch) if (due := tx.execute(query).scalar()) is not None]
    return max(0, now - min(waiting, default=now))


def is_beating(tx: Connection, wallets: Collection[str], now: int) -> bool:
    """False when work waits and nobody does it."""
    if overdue_seconds(tx, wallets, now) <= PATIENCE_SECONDS:
        return True
    leased = select(t.Installation.id).where(t.Installation.lease.is_not(None), t.Installation.due > now)
    told = select(t.Installation.id).where(t.Installation.pushed_ms > (now - PATIENCE_SECONDS) * 1000)
    return any(tx.execute(query.limit(1)).first() for query in (leased, told))
