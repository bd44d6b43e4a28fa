"""Draws again the cards that may look different although nobody touched them.

Two kinds of work are due here: cards whose `next_change` has come (an offer starts or ends, points expire,
or a change that nobody drew), and touches (a programme, its look or its offers changed, so each of its
cards may). Both go in small transactions, so a till never waits long, and go on where they stopped. Answers
that were kept for long enough are forgotten by the way.
"""

from __future__ import annotations

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError

from . import cards, coupons, idempotency, programmes, revisions
from .points import receipts
from .store import Connection, Store, mark_stale
from .store import tables as t

CHUNK = 100
DAMAGED_SECONDS = 600
log = structlog.get_logger()


def sweep(store: Store, now: int, chunk: int = CHUNK) -> int:
    """One step of each kind. Returns how many cards were drawn, so the caller knows whether to rest."""
    with store.transaction() as tx:
        idempotency.forget_old(tx, now)
        programmes.take_up(tx, now)
        coupons.expire(tx, now, chunk)
        drawn = _draw_due(tx, now, chunk)
    with store.transaction() as tx:
        return drawn + _continue_touch(tx, now, chunk)


def next_due(tx: Connection) -> int | None:
    """When the next card changes by itself; 0 when a touch waits."""
    if tx.execute(select(t.Touch.id).limit(1)).first():
        return 0
    return tx.execute(
        select(t.Card.next_change).where(t.Card.next_change.is_not(None)).order_by(t.Card.next_change).limit(1)
    ).scalar()


def _draw_due(tx: Connection, now: int, chunk: int) -> int:
    due = select(t.Card.id).where(t.Card.next_change <= now).order_by(t.Card.next_change).limit(chunk)
    ids = sorted(tx.execute(due.with_for_update(skip_locked=True, key_share=True)).scalars())
    return _draw(tx, ids, now, bulk=True)


def _continue_touch(tx: Connection, now: int, chunk: int) -> int:
    touch = tx.execute(select(t.Touch).order_by(t.Touch.id).limit(1).with_for_update(skip_locked=True)).first()
    if touch is None:
        return 0
    cards = select(t.Card.id).where(t.Card.programme_id == touch.programme_id, t.Card.id > touch.after)
    if touch.tier is not None:
        cards = cards.where(t.Card.tier == touch.tier)
    ids = list(tx.execute(cards.order_by(t.Card.id).limit(chunk).with_for_update(key_share=True)).scalars())
    _draw(tx, ids, now, bulk=True)
    if len(ids) < chunk:
        tx.execute(delete(t.Touch).where(t.Touch.id == touch.id))
    else:
        tx.execute(update(t.Touch).where(t.Touch.id == touch.id).values(after=ids[-1]))
        mark_stale(tx)
    # Even a last, empty step was work: another touch may wait behind it.
    return len(ids) or 1


def _draw(tx: Connection, ids: list[int], now: int, bulk: bool) -> int:
    """Draw all of them, or each that can be: one card that is damaged in the store must not stop the others."""
    try:
        with tx.begin_nested():
            _redraw(tx, ids, now, bulk)
    except DBAPIError:
        raise
    except Exception:
        if len(ids) > 1:
            return sum(_draw(tx, [id], now, bulk) for id in ids)
        log.exception("card cannot be drawn", why=f"its row is {ids[0]}")
        tx.execute(update(t.Card).where(t.Card.id.in_(ids)).values(next_change=now + DAMAGED_SECONDS))
    return len(ids)


def _redraw(tx: Connection, ids: list[int], now: int, bulk: bool) -> None:
    if ids:
        _bring_up_to_date(tx, ids, now)
        revisions.record_many(tx, ids, now, bulk)


def _bring_up_to_date(tx: Connection, ids: list[int], now: int) -> None:
    """What time and new rules do to the cards themselves: what they hold ends, tiers follow the counts."""
    # Each programme's chain is locked in turn: in one order everywhere, or two sweeps wait for each other.
    held = cards.many(tx, ids)
    for card in sorted(held, key=lambda card: (card.row.programme_id, card.id)):
        receipts.catch_up(tx, card, now)
