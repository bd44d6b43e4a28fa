"""Keeps every installation of every card true.

An installation is one place where a card lives: an iPhone, a Google object, a web page. The
reconciler never asks what happened. It asks which installations were last told of an older
revision than the newest, and pushes to those, a few at a time, at its own pace. Stop it anywhere,
start it twice, lose a push: the next round mends it.
"""

from __future__ import annotations

import math
import random
import secrets
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import structlog
from sqlalchemy import and_, bindparam, case, delete, func, or_, select, update

from . import installations
from .card import Card, Revision
from .store import Connection, Row, Store
from .store import tables as t
from .wallets import Gone, Later, Outcome, Pushed, Refused, Stale, Wallet

LONGEST_WAIT_SECONDS = 3600
MOST_WHY = 300
URGENT, BULK = (False,), (True,)
URGENT_THEN_BULK = (*URGENT, *BULK)
"""Which installations a round is for, by their `bulk`: a member's own changes, what a shop says to all, or both."""
log = structlog.get_logger()


def reconcile(
    store: Store,
    wallets: Mapping[str, Wallet],
    now: int,
    limit: int,
    lease_seconds: int,
    kinds: Sequence[bool] = URGENT_THEN_BULK,
) -> int:
    """One round. Returns how many installations were visited, so the caller knows whether to rest."""
    if not _is_any_due(store, wallets, now, kinds):
        return 0
    lease = secrets.token_hex(8)
    with store.transaction() as tx:
        ids = _lease(tx, list(wallets), lease, now, limit, lease_seconds, kinds)
    leased = _leased(store, ids, lease)
    for name, wallet in wallets.items():
        rows = [row for row in leased if row.wallet == name]
        if rows:
            # Outside any transaction: a wallet may be slow.
            outcomes = _tell(wallet, [_stale(row) for row in rows])
            with store.transaction() as tx:
                _settle(tx, rows, outcomes, lease, now)
    return len(leased)


def tell(store: Store, wallet: Wallet, place: str, now: int, lease_seconds: int) -> Outcome | None:
    """Tell one place at once, for somebody who waits; None when there is nothing to tell or a worker is at it."""
    lease = secrets.token_hex(8)
    waiting = (t.Installation.wallet == wallet.name, t.Installation.place == place, t.Installation.due.is_not(None))
    is_free = or_(t.Installation.lease.is_(None), t.Installation.due <= now)
    with store.transaction() as tx:
        query = select(t.Installation.id).where(*waiting, is_free).limit(1)
        ids = list(tx.execute(query.with_for_update(skip_locked=True)).scalars())
        _take(tx, ids, lease, now + lease_seconds)
    rows = _leased(store, ids, lease)
    if not rows:
        return None
    outcomes = _tell(wallet, [_stale(row) for row in rows])
    with store.transaction() as tx:
        _settle(tx, rows, outcomes, lease, now)
    return outcomes[0]


def next_due(tx: Connection, wallets: Collection[str], kinds: Sequence[bool] = URGENT_THEN_BULK) -> int | None:
    """When the next installation wants to be told, of the wallets that can."""
    which = (t.Installation.wallet.in_(wallets), t.Installation.bulk.in_(kinds))
    return tx.execute(select(func.min(t.Installation.due)).where(*which)).scalar()


def _is_any_due(store: Store, wallets: Collection[str], now: int, kinds: Sequence[bool]) -> bool:
    """Most nudges are for another round than this one: they must not cost a till its turn to write."""
    due = (t.Installation.bulk.in_(kinds), t.Installation.due <= now, t.Installation.wallet.in_(wallets))
    with store.reading() as tx:
        return tx.execute(select(t.Installation.id).where(*due).limit(1)).first() is not None


def _lease(
    tx: Connection,
    wallets: Sequence[str],
    lease: str,
    now: int,
    limit: int,
    lease_seconds: int,
    kinds: Sequence[bool] = URGENT_THEN_BULK,
) -> list[int]:
    """Take stale installations for ourselves: kind after kind, and of each the longest waiting first."""
    due = (t.Installation.due <= now, t.Installation.wallet.in_(wallets))
    ids: list[int] = []
    for bulk in kinds:
        if len(ids) < limit:
            ids += _pick(tx, due, bulk, limit - len(ids))
    _take(tx, ids, lease, now + lease_seconds)
    return ids


def _take(tx: Connection, ids: Sequence[int], lease: str, until: int) -> None:
    if ids:
        tx.execute(update(t.Installation).where(t.Installation.id.in_(ids)).values(lease=lease, due=until))


def _leased(store: Store, ids: Sequence[int], lease: str) -> Sequence[Row]:
    """What to tell them. Read after the lease, so that no till waits for it; a card that moved on is told as it is."""
    if not ids:
        return []
    with store.reading() as tx:
        return tx.execute(_LEASED, {"ids": ids, "lease": lease}).all()


def _pick(tx: Connection, due: tuple[Any, ...], bulk: bool, limit: int) -> list[int]:
    query = select(t.Installation.id).where(t.Installation.bulk.is_(bulk), *due)
    return list(tx.execute(query.order_by(t.Installation.due).limit(limit).with_for_update(skip_locked=True)).scalars())


def _tell(wallet: Wallet, batch: Sequence[Stale]) -> Sequence[Outcome]:
    """What the wallet answers. A bug in one wallet is loud, and holds up neither the others nor itself."""
    try:
        return wallet.push(batch)
    except Exception as bug:
        log.exception("wallet failed", wallet=wallet.name, count=len(batch))
        return [Later(f"{wallet.name} failed with {type(bug).__name__}; the log says where")] * len(batch)


def _stale(row: Row) -> Stale:
    revision = Revision(Card.from_json(row.face), row.revision, row.modified, row.nonce, row.key_id)
    return Stale(row.id, row.place, row.address, row.registered, revision, not row.bulk)


def _settle(tx: Connection, rows: Sequence[Row], outcomes: Sequence[Outcome], lease: str, now: int) -> None:
    pushed: list[dict[str, Any]] = []
    now_ms = int(time.time() * 1000)
    installations.lock(tx, _LOCK, ids=[row.id for row in rows])
    for row, outcome in zip(rows, outcomes, strict=True):
        match outcome:
            case Pushed():
                # The revision we read, not the newest: the card may have moved on while we spoke.
                told = {"b_id": row.id, "b_lease": lease, "b_pushed": row.revision}
                pushed.append(told | {"b_now": now, "b_ms": now_ms})
            case Gone(since):
                _forget(tx, row, lease, since, now)
            case Later(why, wait_seconds):
                _postpone(tx, row, lease, now + _wait(row.attempts, wait_seconds), why)
            case Refused(why):
                _set_aside(tx, row, lease, why)
    if pushed:
        tx.execute(_PUSHED, pushed)


def _forget(tx: Connection, row: Row, lease: str, since: int | None, now: int) -> None:
    """A place that registered anew, after the wallet saw it gone or while we spoke, stays and is told again."""
    here = and_(t.Installation.id == row.id, t.Installation.address == row.address)
    old = and_(here, t.Installation.registered <= (row.registered if since is None else since))
    if not tx.execute(delete(t.Installation).where(old)).rowcount:
        _postpone(tx, row, lease, now + _wait(row.attempts, 0), "gone, and then registered anew")


def _postpone(tx: Connection, row: Row, lease: str, due: int, why: str) -> None:
    values = {"lease": None, "due": due, "attempts": t.Installation.attempts + 1, "why": why[:MOST_WHY]}
    tx.execute(update(t.Installation).where(*_ours(row, lease)).values(values))


def _set_aside(tx: Connection, row: Row, lease: str, why: str) -> None:
    values = {"lease": None, "due": None, "set_aside": True, "why": why[:MOST_WHY]}
    tx.execute(update(t.Installation).where(*_ours(row, lease)).values(values))


def _ours(row: Row, lease: str) -> tuple[Any, ...]:
    """Unless the lease ran out and somebody else has it now, or the place registered anew."""
    return (t.Installation.id == row.id, t.Installation.lease == lease)


def _wait(attempts: int, wait_seconds: int) -> int:
    """Longer with each attempt, never in step with others, never sooner than the wallet asked."""
    base = min(LONGEST_WAIT_SECONDS, max(wait_seconds, 1) * 2 ** min(attempts, 12))
    return max(wait_seconds, math.ceil(int(base) * random.uniform(1, 1.5)))


_LOCK = installations.locking(t.Installation.id.in_(bindparam("ids", expanding=True)))
_LEASED = (
    select(
        t.Installation.id,
        t.Installation.wallet,
        t.Installation.place,
        t.Installation.address,
        t.Installation.registered,
        t.Installation.bulk,
        t.Installation.attempts,
        t.Card.revision,
        t.Card.modified,
        t.Card.nonce,
        t.Card.key_id,
        t.Card.face,
    )
    .join(t.Card, t.Card.id == t.Installation.card_id)
    .where(t.Installation.id.in_(bindparam("ids", expanding=True)), t.Installation.lease == bindparam("lease"))
    .order_by(t.Installation.bulk, t.Installation.id)
)
_installation = t.table(t.Installation)
_PUSHED = (
    update(_installation)
    .where(_installation.c.id == bindparam("b_id"), _installation.c.lease == bindparam("b_lease"))
    .values(
        pushed=bindparam("b_pushed"),
        pushed_ms=bindparam("b_ms"),
        lease=None,
        attempts=0,
        why=None,
        due=case((_installation.c.wanted > bindparam("b_pushed"), bindparam("b_now")), else_=None),
    )
)
