"""Shifts and their reports, the newest first, and the log of who did what."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from ... import shifts
from ...errors import NotFound
from ...store import tables as t
from ..current import service
from ..login.backstage import row_number
from ..login.tills import lines, period
from .desk import manage, moment, need, page

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
        select(t.Action.at, t.Action.what, t.Action.outcome, t.Action.location, t.Staff.email, t.Staff.name)
        .outerjoin(t.Staff, t.Staff.id == t.Action.staff_id)
        .order_by(t.Action.id.desc())
        .limit(MOST_LOGGED)
    )
    with service().store.reading() as tx:
        found = tx.execute(query).all()
    return page("log", "log", lines=[(row, moment(row.at)) for row in found])
