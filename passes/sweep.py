"""Draws again the cards that may look different although nobody touched them.

Two kinds of work are due here: cards whose `next_change` has come (an offer starts or ends, points expire,
or a change that nobody drew), and touches (a programme, its look or its offers changed, so each of its
cards may). Both are drawn outside any lock and written under short ones, as many cards at a time as a till can
wait for, and go on where they stopped. Answers and claims that were kept for long enough are forgotten by the way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError

from . import cards, claims, coupons, idempotency, programmes, referrals, revisions
from .cards import Held
from .points import receipts
from .revisions import Sketch
from .store import Connection, Row, Store
from .store import tables as t

CHUNK = 100
FIRST_PART = 25
LOCK_SECONDS = 0.015
DAMAGED_SECONDS = 600
log = structlog.get_logger()

Sketches = Mapping[int, Sketch]


def sweep(store: Store, now: int, chunk: int = CHUNK) -> int:
    """One step of each kind. How many cards were drawn and coupons ended, so the caller knows whether to rest."""
    with store.transaction() as tx:
        programmes.take_up(tx, now)
        ended = coupons.expire(tx, now, chunk)
    drawn = _draw_due(store, now, chunk) + _continue_touch(store, now, chunk)
    if not drawn:
        with store.transaction() as tx:
            idempotency.forget_old(tx, now)
            claims.forget_old(tx, now)
    return drawn + ended


def next_due(tx: Connection) -> int | None:
    """When the next card changes by itself; 0 when a touch waits."""
    if tx.execute(select(t.Touch.id).limit(1)).first():
        return 0
    return tx.execute(
        select(t.Card.next_change).where(t.Card.next_change.is_not(None)).order_by(t.Card.next_change).limit(1)
    ).scalar()


def _draw_due(store: Store, now: int, chunk: int) -> int:
    due = select(t.Card.id).where(t.Card.next_change <= now)
    with store.reading() as tx:
        ids = sorted(tx.execute(due.order_by(t.Card.next_change).limit(chunk)).scalars())
        sketches = _sketches(tx, ids, now)

    def draw(tx: Connection, part: Sequence[int]) -> int:
        still = due.where(t.Card.id.in_(part)).with_for_update(skip_locked=True, key_share=True)
        return _keep_or_draw(tx, sorted(tx.execute(still).scalars()), now, sketches)

    return _in_short_locks(store, ids, draw)


def _continue_touch(store: Store, now: int, chunk: int) -> int:
    with store.reading() as tx:
        touch = tx.execute(select(t.Touch).order_by(t.Touch.id).limit(1)).first()
        if touch is None:
            return 0
        ids = _touched(tx, touch, chunk)
        sketches = _sketches(tx, ids, now)
    after = touch.after

    def draw(tx: Connection, part: Sequence[int]) -> int:
        nonlocal after
        if not _is_ours(tx, touch.id, after):
            return 0
        cards = select(t.Card.id).where(t.Card.id.in_(part)).order_by(t.Card.id)
        held = tx.execute(cards.with_for_update(key_share=True)).scalars().all()
        referrals.give_codes(tx, programmes.get(tx, touch.programme_id), held)
        _keep_or_draw(tx, held, now, sketches)
        after = part[-1]
        tx.execute(update(t.Touch).where(t.Touch.id == touch.id).values(after=after))
        return len(part)

    drawn = _in_short_locks(store, ids, draw)
    if len(ids) == chunk:
        return drawn
    with store.transaction() as tx:
        ended = tx.execute(delete(t.Touch).where(t.Touch.id == touch.id, t.Touch.after == after)).rowcount
    # Even a last, empty step was work: another touch may wait behind it.
    return drawn or ended


def _touched(tx: Connection, touch: Row, chunk: int) -> Sequence[int]:
    cards = select(t.Card.id).where(t.Card.programme_id == touch.programme_id, t.Card.id > touch.after)
    if touch.tier is not None:
        cards = cards.where(t.Card.tier == touch.tier)
    return tx.execute(cards.order_by(t.Card.id).limit(chunk)).scalars().all()


def _is_ours(tx: Connection, touch: int, after: int) -> bool:
    """Unless another sweep is at this touch, or was since we looked."""
    here = select(t.Touch.id).where(t.Touch.id == touch, t.Touch.after == after)
    return tx.execute(here.with_for_update(skip_locked=True)).first() is not None


def _sketches(tx: Connection, ids: Sequence[int], now: int) -> Sketches:
    """Those that need nothing but a drawing. With a damaged card among them none: `_draw` finds out which it is."""
    try:
        behind = {held.id for held in _behind(tx, ids, now)}
        return {made.row.id: made for made in revisions.sketch(tx, [id for id in ids if id not in behind], now)}
    except DBAPIError:
        raise
    except Exception:
        return {}


def _in_short_locks(store: Store, ids: Sequence[int], draw: Callable[[Connection, Sequence[int]], int]) -> int:
    """Draw part by part, each as large as the time of the last one allows. How many were drawn."""
    drawn, size, left = 0, FIRST_PART, ids
    while left:
        with store.transaction() as tx:
            began = time.monotonic()
            drawn += draw(tx, left[:size])
        held_seconds = time.monotonic() - began
        left = left[size:]
        size = max(1, min(2 * size, int(size * LOCK_SECONDS / held_seconds)))
    return drawn


def _keep_or_draw(tx: Connection, ids: Sequence[int], now: int, sketches: Sketches) -> int:
    """Cards that changed since they were drawn ahead, or could not be, are drawn under the lock."""
    kept = revisions.keep(tx, [sketches[id] for id in ids if id in sketches], now, bulk=True)
    _draw(tx, [id for id in ids if id not in kept], now)
    return len(ids)


def _draw(tx: Connection, ids: Sequence[int], now: int) -> None:
    """Draw all of them, or each that can be: one card that is damaged in the store must not stop the others."""
    if not ids:
        return
    try:
        with tx.begin_nested():
            _bring_up_to_date(tx, ids, now)
            revisions.record_many(tx, ids, now, bulk=True)
    except DBAPIError:
        raise
    except Exception:
        if len(ids) > 1:
            for id in ids:
                _draw(tx, [id], now)
            return
        log.exception("card cannot be drawn", why=f"its row is {ids[0]}")
        tx.execute(update(t.Card).where(t.Card.id.in_(ids)).values(next_change=now + DAMAGED_SECONDS))


def _bring_up_to_date(tx: Connection, ids: Sequence[int], now: int) -> None:
    """What time and new rules do to the cards themselves: what they hold ends, tiers follow the counts."""
    for held in _behind(tx, ids, now):
        receipts.catch_up(tx, held, now)


def _behind(tx: Connection, ids: Sequence[int], now: int) -> list[Held]:
    """Cards to which something must be done before they are drawn."""
    found = receipts.behind(tx, cards.many(tx, ids), now)
    # Each programme's chain is locked in turn: in one order everywhere, or two sweeps wait for each other.
    return sorted(found, key=lambda held: (held.row.programme_id, held.id))
