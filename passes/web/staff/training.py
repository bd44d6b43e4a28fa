"""Practice at the till: begun and ended here, and the record of who finished it."""

from __future__ import annotations

from typing import Any

from flask import redirect, session, url_for

from ... import practice, staff
from ..current import live, practising
from ..login.backstage import live_presence
from .views import staff_pages


@staff_pages.post("/practice")
def begin_practice() -> Any:
    person = live_presence().person
    practising().enters(person)
    session["practice"] = live().now
    session.pop("last", None)
    return redirect(url_for("staff.home"), 303)


@staff_pages.post("/practice/end")
def end_practice() -> Any:
    """Whoever did every task is noted as trained, in the live store."""
    since, person = session.pop("practice", None), live_presence().person
    session.pop("last", None)
    if since is not None:
        with practising().service.store.reading() as tx:
            is_done = practice.done(tx, person, since) == practice.TASKS
        if is_done:
            with live().store.transaction() as tx:
                staff.trained(tx, person, live().now)
    return redirect(url_for("staff.home"), 303)
