"""Shifts and their reports, the newest first, and the log of who did what."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from ... import actions, shifts
from ...errors import NotFound
from ...store import tables as t
from ..current import service
from ..login.backstage import row_number
from ..login.tills import lines, period
from ..staff.attempt import need
from .desk import manage, moment, page, why

MOST_LOGGED = 200


@manage.get("/shifts")
def all_shifts() -> Any:
    need("reports")
    with service().store.reading() as tx:
        found = shifts.latest(tx)
        reports = [shifts.report(tx, shift) for shift in found[:20]]
    return page("shifts", "shifts", reports=[(told, period(told.shift)) for told in reports])


@manage.get("/shifts/<id>")
def shift(id: str) -> Any:
    need("reports")
    with service().store.reading() as tx:
        found = shifts.find(tx, row_number(id))
        if found is None:
            raise NotFound("There is no such shift.")
        told = shifts.report(tx, found)
    return page("report", "shifts", told=told, lines=lines(told), period=period(found))


@manage.get("/log")
def log() -> Any:
    """The latest of what was done and what was refused."""
    need("reports")
    query = (
        select(t.Action.at, t.Action.what, t.Action.outcome, t.Action.location, t.Till.name.label("till"))
        .add_columns(t.Staff.email, t.Staff.name, t.Card.number)
        .select_from(t.Action)
        .outerjoin(t.Till, t.Till.key == t.Action.till)
        .outerjoin(t.Staff, t.Staff.id == t.Action.staff_id)
        .outerjoin(t.Card, t.Card.id == t.Action.card_id)
        .order_by(t.Action.id.desc())
        .limit(MOST_LOGGED)
    )
    with service().store.reading() as tx:
        found = tx.execute(query).all()
    lines = [(row, moment(row.at), "" if row.outcome == actions.DONE else why(row.outcome)) for row in found]
    return page("log", "log", lines=lines)
