"""The pages of a device that is a till: becoming one, starting a shift by PIN, ending it and reading its report.

They need no login. A device becomes a till by a code that a manager shows, used once; from then on its own key
says which till it is. Opening the link alone changes nothing, so whatever previews it spoils nothing.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, redirect, request, url_for
from flask_security import current_user, logout_user

from ... import actions, pins, programmes, shifts, staff, tills
from ...errors import NotFound, PassesError
from ...points.amounts import Amounts
from ...shifts import Report, Shift
from ...store import Connection
from ...tills import Till
from ..current import service
from . import enrolled
from .backstage import check_form, refuse, row_number, show, words
from .views import enter

device = Blueprint("device", __name__, url_prefix="/till")
device.register_error_handler(PassesError, refuse)


@device.get("/enrol")
@device.get("/enrol/<code>")
def ask_enrol(code: str = "") -> Any:
    till = None
    if code:
        with service().store.reading() as tx:
            till = tills.invited(tx, code, service().now)
    return show("staff/manage/enrol.html", till=till, code=code)


@device.post("/enrol")
def enrol() -> Any:
    check_form()
    with service().store.transaction() as tx:
        _, key = tills.enrol(tx, request.form.get("code", ""), service().now)
    answer: Response = redirect(url_for("device.shift"), 303)  # type: ignore[assignment]
    enrolled.remember(answer, key)
    return answer


@device.get("/shift")
def shift() -> Any:
    return _shift_page("")


@device.post("/shift")
def start() -> Any:
    """By PIN. A wrong one and an unknown person get the same answer."""
    check_form()
    here = service()
    with here.store.transaction() as tx:
        till = enrolled.working(tx)
        if till is None:
            return redirect(url_for("login.log_in"), 303)
        key, pin = request.form.get("who", "")[:16], request.form.get("pin", "")[:20]
        found = pins.check(tx, here.secrets, till, key, pin, here.now)
        if found is None or isinstance(found, int):
            wrong = words().say("login.wait", n=found) if found else words().say("shift.pin_wrong")
            status = 429 if found else 401
            _note_refused(tx, till, key, "shift_tries" if found else "shift_pin")
        else:
            begun = shifts.start(tx, till, found, here.now)
            tills.saw(tx, till.id, here.now)
    if found is None or isinstance(found, int):
        return _shift_page(wrong), status
    return enter(found, begun.id)


@device.post("/shift/end")
def end() -> Any:
    """By whoever works here now."""
    check_form()
    here = service()
    with here.store.transaction() as tx:
        till = enrolled.working(tx)
        running = shifts.running(tx, till.id, here.now) if till else None
        own = current_user.is_authenticated and running and current_user.presence.shift_id == running.id
        if not running or not own:
            raise NotFound("You have no open shift at this till.")
        shifts.end(tx, running, here.now)
    logout_user()
    return redirect(url_for("device.report", id=running.id), 303)


@device.get("/shift/<id>")
def report(id: str) -> Any:
    """What the shift came to, to be read at the till where it was."""
    with service().store.reading() as tx:
        till, found = enrolled.working(tx), shifts.find(tx, row_number(id))
        if till is None or found is None or found.till_id != till.id:
            raise NotFound("There is no such shift at this till.")
        told = shifts.report(tx, found)
    return show("staff/manage/ended.html", told=told, lines=lines(told), period=period(told.shift))


def lines(told: Report) -> list[dict[str, str]]:
    """The report's points and money as people write them, a programme each."""
    said, written = words(), []
    with service().store.reading() as tx:
        for each in told.programmes:
            programme = programmes.find(tx, each.programme)
            amounts = Amounts.of(programme.definition, words(programme.promise.look))
            many = {name: amounts.say(getattr(each, name)) for name in ("given", "spent", "undone")}
            money = {name: amounts.money(getattr(each, name)) for name in ("bills", "discount")}
            written.append({"programme": said.pick(programme.definition.name), **many, **money})
    return written


def period(shift: Shift) -> str:
    said, here = words(), service()
    begin = said.moment(shift.started, here.settings.zone)
    if shift.runs(here.now):
        return said.say("shift.since", begin=begin)
    return said.say("shift.from_to", begin=begin, end=said.moment(shift.end, here.settings.zone))


def _note_refused(tx: Connection, till: Till, key: str, why: str) -> None:
    """In the log of whoever was named; of somebody whom nobody knows there is nothing to say."""
    person = staff.by_key(tx, key)
    if person is not None:
        who = staff.Presence(person, till.key, till.id, till.location)
        actions.write(tx, who, "shift", why, service().now)


def _shift_page(wrong: str) -> Any:
    with service().store.reading() as tx:
        till = enrolled.working(tx)
        if till is None:
            return redirect(url_for("login.log_in"), 303)
        running, people = shifts.running(tx, till.id, service().now), pins.people(tx)
    own = current_user.is_authenticated and running and current_user.presence.shift_id == running.id
    return show(
        "staff/manage/shift.html",
        till=till,
        running=running,
        period=period(running) if running else "",
        own=own,
        people=people,
        wrong=wrong,
        who=request.form.get("who", "")[:16],
    )
