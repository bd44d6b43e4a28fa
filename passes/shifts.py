"""Shifts: who works at an enrolled till from when to when, and what came of it.

A till has one open shift at most; whoever starts one ends the one before. A shift that nobody ends is over
after sixteen hours. The report is computed from the log and the receipts each time; nothing is counted along.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from .staff import LONGEST_SHIFT_SECONDS, Person
from .store import Connection, Row
from .store import tables as t
from .tills import Till

SLACK_SECONDS = 300
"""How far a till's clock may be off ours."""


@dataclass(frozen=True)
class Shift:
    id: int
    till_id: int
    person: Person
    started: int
    ended: int | None

    @property
    def end(self) -> int:
        """When it ended, or will by itself."""
        longest = self.started + LONGEST_SHIFT_SECONDS
        return longest if self.ended is None else min(self.ended, longest)

    def runs(self, now: int) -> bool:
        return now < self.end


@dataclass(frozen=True)
class Counted:
    """What a shift did to one programme: the bills, points given, spent and undone, and money taken off bills."""

    programme: str
    bills: int = 0
    given: int = 0
    spent: int = 0
    discount: int = 0
    undone: int = 0


@dataclass(frozen=True)
class Report:
    shift: Shift
    till: str
    location: str
    scans: int
    joins: int
    receipts: int
    claims: int
    undos: int
    programmes: tuple[Counted, ...]


def start(tx: Connection, till: Till, person: Person, now: int) -> Shift:
    """A new shift, or the person's own that still runs here."""
    tx.execute(select(t.Till.id).where(t.Till.id == till.id).with_for_update())
    row = tx.execute(_OPEN.where(t.Shift.till_id == till.id)).first()
    if row is not None:
        earlier = _shift(row)
        if earlier.runs(now) and earlier.person.id == person.id:
            return earlier
        end(tx, earlier, now)
    values = {"till_id": till.id, "staff_id": person.id, "started": now}
    id = tx.execute(insert(t.Shift).values(values).returning(t.Shift.id)).scalar_one()
    return Shift(id, till.id, person, now, None)


def end(tx: Connection, shift: Shift, now: int) -> None:
    """The shift is over, and a login that belonged to it too. Twice is as once."""
    ended = max(shift.started, min(now, shift.end))
    tx.execute(update(t.Shift).where(t.Shift.id == shift.id, t.Shift.ended.is_(None)).values(ended=ended))
    tx.execute(delete(t.StaffSession).where(t.StaffSession.shift_id == shift.id))


def running(tx: Connection, till_id: int, now: int) -> Shift | None:
    """The shift at this till now."""
    row = tx.execute(_OPEN.where(t.Shift.till_id == till_id)).first()
    return _shift(row) if row and _shift(row).runs(now) else None


def at(tx: Connection, till_id: int, when: int) -> Shift | None:
    """Whose shift it was at this till then; the till's clock may be off a little."""
    began = t.Shift.started <= when + SLACK_SECONDS
    rows = tx.execute(_ALL.where(t.Shift.till_id == till_id, began).order_by(t.Shift.started.desc()).limit(2)).all()
    shifts = [_shift(row) for row in rows]
    inside = [shift for shift in shifts if shift.started <= when <= shift.end]
    near = [shift for shift in shifts if when - SLACK_SECONDS <= shift.end]
    return next(iter([*inside, *near]), None)


def find(tx: Connection, id: int) -> Shift | None:
    row = tx.execute(_ALL.where(t.Shift.id == id)).first()
    return _shift(row) if row else None


def latest(tx: Connection, limit: int = 50) -> Sequence[Shift]:
    return [_shift(row) for row in tx.execute(_ALL.order_by(t.Shift.started.desc(), t.Shift.id.desc()).limit(limit))]


def report(tx: Connection, shift: Shift) -> Report:
    """What was done in the shift, offline too, as the store has it now."""
    till = tx.execute(select(t.Till.name, t.Till.location).where(t.Till.id == shift.till_id)).one()
    done = (t.Action.shift_id == shift.id, t.Action.outcome == "done")
    tallied = select(t.Action.what, func.count()).where(*done).group_by(t.Action.what)
    tally = {what: int(many) for what, many in tx.execute(tallied)}
    made = select(t.Action.receipt_id).where(*done, t.Action.receipt_id.is_not(None))
    rows = tx.execute(
        select(t.Receipt.answer, t.Receipt.content, t.Receipt.reverses, t.Receipt.reversed_by, t.Programme.key)
        .join(t.Programme, t.Programme.id == t.Receipt.programme_id)
        .where(t.Receipt.id.in_(made))
        .order_by(t.Programme.key, t.Receipt.id)
    ).all()
    return Report(
        shift=shift,
        till=till.name,
        location=till.location,
        scans=tally.get("scan", 0),
        joins=tally.get("join", 0),
        receipts=sum(row.reverses is None for row in rows),
        claims=_unclaimed(tx, shift),
        undos=sum(row.reverses is not None for row in rows),
        programmes=tuple(_counted(key, [row for row in rows if row.key == key]) for key in _keys(rows)),
    )


def _unclaimed(tx: Connection, shift: Shift) -> int:
    """Receipts without a card that nobody has claimed yet; those claimed are among the receipts."""
    which = (t.Claim.shift_id == shift.id, t.Claim.claimed.is_(None), t.Claim.voided.is_(None))
    return int(tx.execute(select(func.count()).select_from(t.Claim).where(*which)).scalar_one())


def _counted(programme: str, rows: Sequence[Row]) -> Counted:
    effects = [row.answer["effects"] for row in rows if row.reverses is None]
    gifts = [_positive(row, "adjust") for row in rows if row.reverses is None]
    return Counted(
        programme,
        bills=sum(row.content.get("total", 0) for row in rows if row.reverses is None and row.reversed_by is None),
        given=sum(each["earned"] for each in effects) + sum(gifts),
        spent=sum(each["spent"] for each in effects),
        discount=sum(each["discount"] for each in effects),
        undone=sum(-entry["amount"] for row in rows if row.reverses for entry in _entries(row)),
    )


def _positive(row: Row, kind: str) -> int:
    return sum(max(0, entry["amount"]) for entry in _entries(row) if entry["kind"] == kind)


def _entries(row: Row) -> list[dict[str, Any]]:
    """Those of the programme's main unit, which an answer names first."""
    unit = next(iter(row.answer["balances"]))
    return [entry for entry in row.answer["entries"] if entry["unit"] == unit]


def _keys(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row.key for row in rows))


def _shift(row: Row) -> Shift:
    person = Person(row.staff_id, row.key, row.email, row.role, row.name)
    return Shift(row.id, row.till_id, person, row.started, row.ended)


_ALL = select(
    t.Shift.id,
    t.Shift.till_id,
    t.Shift.staff_id,
    t.Shift.started,
    t.Shift.ended,
    t.Staff.key,
    t.Staff.email,
    t.Staff.role,
    t.Staff.name,
).join(t.Staff, t.Staff.id == t.Shift.staff_id)
_OPEN = _ALL.where(t.Shift.ended.is_(None))
