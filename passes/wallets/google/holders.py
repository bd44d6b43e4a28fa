"""Work of its own: asking Google once a day who holds our cards, because its callbacks get lost for days at times.

Also finds ended cards that were removed from every phone and still say at Google whose they were, and forgets
what need not be remembered: callbacks after a month, notices after a day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import delete, select

from ... import cards, installations
from ...store import Connection, Row
from ...store import tables as t
from ...work import Round
from . import book, budget, render
from .call import Call, Said

if TYPE_CHECKING:
    from . import Google

log = structlog.get_logger()

PAGE = 100
AGAIN_SECONDS = 600
GRACE_SECONDS = 3600
"""What Google tells us by callback at this moment is newer than what it lists."""
NONCE_SECONDS = 35 * 86_400
MOST_PAGE_TOKEN = 500


def round_of(wallet: Google) -> Round:
    """One page of one class in each step."""

    def step() -> int:
        return _blank(wallet) or _ask(wallet)

    def next_due() -> int | None:
        with wallet.store.reading() as tx:
            return wallet.now if book.to_blank(tx, 1) else book.next_asking(tx)

    return Round("google holders", step, next_due)


def _blank(wallet: Google) -> int:
    """Have ended cards told that they ended, be they on no phone any more."""
    with wallet.store.transaction() as tx:
        left = book.to_blank(tx, PAGE)
        for row in left:
            _install(wallet, tx, row.card_id, row.id)
    return len(left)


def _ask(wallet: Google) -> int:
    now = wallet.now
    with wallet.store.reading() as tx:
        due = book.class_to_ask(tx, now)
    if due is None:
        return 0
    with wallet.store.reading() as tx:
        kind = tx.execute(select(t.Programme.kind).where(t.Programme.key == due.programme)).scalar() or ""
    said = wallet.api.call(Call.list(render.kind_of(kind).object_path, due.id, PAGE, due.page or ""))
    with wallet.store.transaction() as tx:
        if not said.is_done or not isinstance(said.body.get("resources", []), list):
            # From the beginning: an old page's token may be what Google did not like.
            book.class_asked(tx, due.id, None, now + AGAIN_SECONDS)
            return 1
        for resource in said.body.get("resources", []):
            if isinstance(resource, dict):
                _compare(wallet, tx, resource, now)
        page = _following(said)
        book.class_asked(tx, due.id, page, now if page else now + book.CLASS_ASK_SECONDS)
        if page is None:
            budget.forget_old(tx, now)
            tx.execute(delete(t.GoogleNonce).where(t.GoogleNonce.at < now - NONCE_SECONDS))
    return 1


def _compare(wallet: Google, tx: Connection, resource: dict[str, Any], now: int) -> None:
    row = book.object_(tx, str(resource.get("id", "")))
    if row is None or now - max(row.saved or 0, row.removed or 0) < GRACE_SECONDS:
        return
    is_held = resource.get("hasUsers") is True
    if is_held and (row.saved is None or row.removed is not None):
        log.info("a save was not heard of")
        book.saved(tx, row.id, now)
        _install(wallet, tx, row.card_id, row.id)
    elif not is_held and _is_over(row, now):
        book.removed(tx, row.id, now)
        installations.forget(tx, row.card_id, wallet.name, row.id)


def _is_over(row: Row, now: int) -> bool:
    """Removed without our hearing of it, or asked for long ago and never saved."""
    if row.removed is not None:
        return False
    return row.saved is not None or row.created < now - book.ABANDONED_SECONDS


def _install(wallet: Google, tx: Connection, card_id: int, object_id: str) -> None:
    held = cards.find(tx, "id", card_id, lock=True)
    if held is not None:
        wallet.install(tx, held.serial, object_id)


def _following(said: Said) -> str | None:
    pagination = said.body.get("pagination")
    token = pagination.get("nextPageToken") if isinstance(pagination, dict) else None
    return token if isinstance(token, str) and 0 < len(token) <= MOST_PAGE_TOKEN else None
