"""Gives a card a new number each time it looks different, and only then.

Whoever changes a card calls `record` in the same transaction. It draws the card from what the store
holds at that moment; the same drawing keeps its revision, another one gets the next, a later date, and makes
every installation of the card stale. Nothing is sent from here.

Who changes many cards may draw them ahead, outside the transaction that writes them: a drawing depends on nothing
but the rows it was made of, so `keep` takes it if those are the same when it reads them under the lock.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Update, bindparam, case, func, or_, select, update

from . import controls, installations, programmes
from .card import News, digest
from .drawing import Facts, Lot, draw, next_change
from .possessions import Possessions, gather
from .programmes import Programme
from .store import Connection, Row, mark_stale
from .store import tables as t


def record(tx: Connection, card_id: int, now: int) -> int:
    """Draw one card whose row the caller holds; its revision number afterwards."""
    return record_many(tx, [card_id], now, bulk=False)[card_id]


def settle(tx: Connection, card_id: int, now: int, columns: Mapping[str, Any], lots: tuple[Lot, ...]) -> int:
    """As `record`, for whoever changed the card and knows its lots: `columns` are written with the drawing, at once."""
    rows = tx.execute(_SELECT, {"ids": [card_id]}).all()
    row = SimpleNamespace(**{**rows[0]._mapping, **columns})
    beside = _possessions(tx, rows, now)[card_id]
    made = _sketch(tx, row, lots, beside, now)
    tx.execute(_SETTLE_CARD, made.drawn | {f"b_{name}": getattr(row, name) for name in SETTLED})
    if made.drawn["b_revision"] != row.revision:
        _make_stale(tx, [made.drawn], now, bulk=False)
    return int(made.drawn["b_revision"])


def record_many(tx: Connection, card_ids: Sequence[int], now: int, bulk: bool) -> dict[int, int]:
    """Draw cards whose rows the caller holds. `bulk`: told after whatever a member did themselves."""
    made = sketch(tx, card_ids, now)
    _write(tx, made, now, bulk)
    return {each.row.id: each.drawn["b_revision"] for each in made}


@dataclass(frozen=True)
class Sketch:
    """A card's columns after a drawing, and all it was made of."""

    row: Any
    lots: tuple[Lot, ...]
    beside: Possessions
    drawn: dict[str, Any]

    @property
    def is_new(self) -> bool:
        """The card looks different, or will at another time."""
        after = (self.drawn["b_revision"], self.drawn["b_next_change"])
        return after != (self.row.revision, self.row.next_change)


def sketch(tx: Connection, card_ids: Sequence[int], now: int) -> list[Sketch]:
    """Draw cards and write nothing; no row need be held."""
    lots = _lots(tx, card_ids)
    rows = _rows(tx, card_ids)
    beside = _possessions(tx, rows, now)
    return [_sketch(tx, row, lots.get(row.id, ()), beside[row.id], now) for row in rows]


def keep(tx: Connection, sketches: Iterable[Sketch], now: int, bulk: bool) -> set[int]:
    """As `record_many`, of drawings made ahead: those whose rows, which the caller holds, are as they were.

    The cards that this was true of; draw the others anew.
    """
    made = {each.row.id: each for each in sketches}
    lots, rows = _lots(tx, list(made)), _rows(tx, list(made))
    beside = _possessions(tx, rows, now)
    same = [
        made[row.id]
        for row in rows
        if (made[row.id].row, made[row.id].lots, made[row.id].beside) == (row, lots.get(row.id, ()), beside[row.id])
    ]
    _write(tx, same, now, bulk)
    return {each.row.id for each in same}


def _write(tx: Connection, made: Sequence[Sketch], now: int, bulk: bool) -> None:
    if moved := [each.drawn for each in made if each.is_new]:
        tx.execute(_UPDATE_CARD, moved)
    if changed := [each.drawn for each in made if each.drawn["b_revision"] != each.row.revision]:
        _make_stale(tx, changed, now, bulk)


def _rows(tx: Connection, card_ids: Sequence[int]) -> Sequence[Row]:
    return tx.execute(_SELECT, {"ids": card_ids}).all()


def _lots(tx: Connection, card_ids: Sequence[int]) -> dict[int, tuple[Lot, ...]]:
    lots: dict[int, tuple[Lot, ...]] = {}
    for card_id, left, expires, unit, ripens in tx.execute(_SELECT_LOTS, {"ids": card_ids}):
        lots[card_id] = (*lots.get(card_id, ()), Lot(left, expires, unit, ripens))
    return lots


def _possessions(tx: Connection, rows: Sequence[Row], now: int) -> dict[int, Possessions]:
    """By card; asked for one programme after the other."""
    cards_of: dict[Programme, list[int]] = {}
    for row in rows:
        cards_of.setdefault(programmes.at_version(tx, row.programme_id, row.version), []).append(row.id)
    found: dict[int, Possessions] = {}
    for programme, ids in cards_of.items():
        found |= gather(tx, programme, ids, now)
    return found


def _sketch(tx: Connection, row: Any, lots: tuple[Lot, ...], beside: Possessions, now: int) -> Sketch:
    programme = programmes.at_version(tx, row.programme_id, row.version)
    facts = Facts(
        promise=programme.promise,
        serial=row.serial,
        number=row.number,
        code=row.code,
        name=row.name,
        language=row.language,
        status=row.status,
        joined=row.created,
        earned=row.earned if beside.counted is None else beside.counted,
        tier=row.tier,
        lots=lots,
        latest=News(**row.latest) if row.latest else None,
        link_version=row.link_version,
        coupons=beside.coupons,
        gone=beside.gone,
        had=beside.had,
        used_up=beside.used_up,
        paid_until=beside.paid_until,
        reached=beside.reached,
        needed=beside.needed,
        friend=beside.friend,
        left_out=controls.left_out(row.id, programme.promise.controls),
        tier_until=row.tier_until,
        idle_ends=programme.definition.idle_ends(row.active or row.created),
    )
    face = draw(facts, now).to_json()
    values = {
        "b_id": row.id,
        "b_revision": row.revision,
        "b_modified": row.modified,
        "b_digest": digest(face),
        "b_face": face,
        "b_next_change": _next_visit(facts, now),
    }
    if values["b_digest"] != row.digest:
        # Wallet compares whole seconds: two changes within one must still have different dates.
        values |= {"b_revision": row.revision + 1, "b_modified": max(now, row.modified + 1)}
    return Sketch(row, lots, beside, values)


def _next_visit(facts: Facts, now: int) -> int | None:
    """When the sweep must come: at once where points or a tier have ended and nobody took note of it yet."""
    has_ended = not all(facts.is_open(lot, now) for lot in facts.lots)
    has_lapsed = facts.tier_until is not None and facts.tier_until <= now
    return now if has_ended or has_lapsed else next_change(facts, now)


def _make_stale(tx: Connection, changed: Sequence[dict[str, Any]], now: int, bulk: bool) -> None:
    # The clock that people wait by; `now` may be a rehearsed one and has only whole seconds.
    at = {"b_due": now, "b_bulk": bulk, "b_changed_ms": int(time.time() * 1000)}
    installations.lock(tx, _LOCK_INSTALLATIONS, ids=[values["b_id"] for values in changed])
    told = tx.execute(_UPDATE_INSTALLATIONS, [values | at for values in changed])
    if told.rowcount != 0:
        mark_stale(tx)


_SELECT = (
    select(
        t.Card.id,
        t.Card.serial,
        t.Card.number,
        t.Card.code,
        t.Card.programme_id,
        t.Card.status,
        t.Card.tier,
        t.Card.tier_since,
        t.Card.tier_until,
        t.Card.active,
        func.coalesce(t.Purse.earned, 0).label("earned"),
        t.Card.latest,
        t.Card.revision,
        t.Card.modified,
        t.Card.digest,
        t.Card.next_change,
        t.Card.created,
        t.Card.link_version,
        t.Member.name,
        t.Member.language,
        t.Programme.version,
    )
    .join(t.Member, t.Member.id == t.Card.member_id)
    .join(t.Programme, t.Programme.id == t.Card.programme_id)
    .outerjoin(t.Purse, (t.Purse.card_id == t.Card.id) & (t.Purse.unit == ""))
    .where(t.Card.id.in_(bindparam("ids", expanding=True)))
    .order_by(t.Card.id)
)
_SELECT_LOTS = (
    select(t.Lot.card_id, t.Lot.left, t.Lot.expires, t.Lot.unit, t.Lot.ripens)
    .where(t.Lot.card_id.in_(bindparam("ids", expanding=True)), t.Lot.left > 0)
    .order_by(t.Lot.id)
)
# Plain tables: statements over row classes cost more each time they run.
_card, _installation = t.table(t.Card), t.table(t.Installation)
_DRAWN = ("revision", "modified", "digest", "face", "next_change")
SETTLED = ("tier", "tier_since", "tier_until", "active", "latest")
"""What `settle` writes beside the drawing."""


def _updating(names: Sequence[str]) -> Update:
    return update(_card).where(_card.c.id == bindparam("b_id")).values({n: bindparam(f"b_{n}") for n in names})


_UPDATE_CARD, _SETTLE_CARD = _updating(_DRAWN), _updating((*_DRAWN, *SETTLED))
_LOCK_INSTALLATIONS = installations.locking(t.Installation.card_id.in_(bindparam("ids", expanding=True)))
# A lease, a back-off and a person's decision outlive a new revision: only a row at rest becomes due now.
_is_waiting = or_(_installation.c.lease.is_not(None), _installation.c.attempts > 0, _installation.c.set_aside)
_was_stale = _installation.c.due.is_not(None)
_UPDATE_INSTALLATIONS = (
    update(_installation)
    .where(_installation.c.card_id == bindparam("b_id"))
    .values(
        wanted=bindparam("b_revision"),
        due=case((_is_waiting, _installation.c.due), else_=bindparam("b_due")),
        bulk=case((_was_stale & _installation.c.bulk.is_(False), False), else_=bindparam("b_bulk")),
        changed_ms=case((_was_stale, _installation.c.changed_ms), else_=bindparam("b_changed_ms")),
    )
)
