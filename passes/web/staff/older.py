"""Taking back at the till what its cashier no longer may: with a manager's PIN and a reason.

The manager comes to the till instead of the customer to the office. What is done is done by the manager, at this
till: it is they who must have the right, and theirs is the name on the reversal. The log names both. A wrong PIN is
counted and written down under whoever typed it, whatever else becomes of the request.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import redirect, request, url_for
from sqlalchemy import select

from ... import actions, cards, pins, programmes, rights
from ...cards import Held
from ...errors import Forbidden, NotFound, PassesError, TooManyTries
from ...points import receipts, returns
from ...points.amounts import Amounts
from ...staff import Person, Presence
from ...store import Connection, Row
from ...store import tables as t
from ..current import is_practice, service
from ..login import enrolled
from ..login.backstage import presence, refuse, sentence, show, wants_json, words
from . import form
from .attempt import attempt, need, note
from .story import tell
from .views import staff_pages

RIGHT = "undo_older"
MOST_SHOWN = 10


class ManagerPinWrong(Forbidden):
    """Nobody who may do this has this PIN."""

    code = "manager_pin"


class NoTill(Forbidden):
    """By PIN somebody is known at an enrolled till alone."""

    code = "manager_till"


@staff_pages.get("/cards/<serial>/receipts")
def earlier(serial: str) -> Any:
    """The card's latest purchases, to choose one from."""
    _refuse_in_practice()
    need("look_up")
    with service().store.reading() as tx:
        held = cards.by_serial(tx, serial)
        found = latest(tx, held, "staff.ask_back", serial=serial)
    note("look_up", card_id=held.id)
    return show("staff/earlier.html", serial=serial, name=_name(held), found=found)


@staff_pages.get("/cards/<serial>/back")
def ask_back(serial: str) -> Any:
    """The receipt's number is no part of the path: it may hold anything, such as FV/12/2026."""
    _refuse_in_practice()
    return _page(serial, _number(), "")


@staff_pages.post("/cards/<serial>/back")
def back(serial: str) -> Any:
    """The whole receipt, once: its reversal's number follows from its own."""
    _refuse_in_practice()
    here, number = presence(), _number()
    try:
        why = form.reason(request.form)
        with service().store.reading() as tx:
            card_id = _of(tx, cards.by_serial(tx, serial), number).card_id
        boss = here if rights.may(here.person.role, RIGHT) else replace(here, person=_by_pin(here, card_id))
        with attempt(RIGHT, who=boss) as doing:
            held = doing.on(cards.by_serial(doing.tx, serial, lock=True))
            row = _of(doing.tx, held, number)
            doing.repeated = row.reversed_by is not None
            if not doing.repeated:
                reversal = f"{row.receipt[:90]}-undone"
                answer = returns.reverse(doing.tx, held, row, reversal, service().now, doing.who.stamp, why)
                doing.came_to(held, reversal, answer)
            if boss is not here:
                actions.write(doing.tx, here, RIGHT, "by_manager", service().now, card_id=held.id, receipt_id=row.id)
    except PassesError as wrong:
        return refuse(wrong) if wants_json() else (_page(serial, number, sentence(wrong, words())), wrong.status)
    return redirect(url_for("staff.ask_back", serial=serial, receipt=number), 303)


def latest(tx: Connection, held: Held, endpoint: str, **place: Any) -> list[dict[str, Any]]:
    """What was bought with the card last, each with its address at `endpoint`."""
    programme = programmes.of_card(tx, held)
    said = words(programme.promise.look)
    which = (t.Receipt.card_id == held.id, t.Receipt.reverses.is_(None))
    rows = tx.execute(select(t.Receipt).where(*which).order_by(t.Receipt.id.desc()).limit(MOST_SHOWN)).all()
    amounts = Amounts.of(programme.definition, said)
    return [
        {
            "address": url_for(endpoint, receipt=row.receipt, **place),
            "when": _moment(row),
            "bill": amounts.money(row.content["total"]) if row.content.get("total") else "",
            "change": tell(row.answer, programme, said).change,
            "undone": row.reversed_by is not None,
        }
        for row in rows
    ]


def _by_pin(here: Presence, card_id: int) -> Person:
    """The manager whose PIN was typed. The try is kept in a transaction of its own, in which nothing else can fail."""
    key, pin = request.form.get("who", "")[:16], request.form.get("pin", "")[:20]
    refused: PassesError | None = None
    with service().store.transaction() as tx:
        till = enrolled.working(tx)
        if till is None:
            raise NoTill("Only at an enrolled till can a manager confirm by PIN.")
        found = pins.confirm(tx, service().secrets, till, key, pin, service().now)
        if isinstance(found, int):
            refused = TooManyTries("Too many tries", found)
        elif found is None or not rights.may(found.role, RIGHT):
            refused = ManagerPinWrong("Nobody who may do this has this name and PIN.")
        if refused is not None:
            actions.write(tx, here, RIGHT, refused.code, service().now, card_id=card_id)
    if refused is not None:
        raise refused
    assert isinstance(found, Person)
    return found


def _page(serial: str, receipt: str, wrong: str) -> str:
    here = presence()
    with service().store.reading() as tx:
        held = cards.by_serial(tx, serial)
        row = _of(tx, held, receipt)
        came_back = bool(returns.returned_before(tx, row))
        programme = programmes.of_card(tx, held)
        till = enrolled.working(tx)
        managers = [each for each in pins.people(tx) if rights.may(each.role, RIGHT)]
    said = words(programme.promise.look)
    return show(
        "staff/back.html",
        words=said,
        serial=serial,
        receipt=receipt,
        name=_name(held),
        made=_moment(row),
        story=tell(row.answer, programme, said, row.content.get("total", 0)),
        undone=row.reversed_by is not None,
        came_back=came_back,
        is_undo=row.reverses is not None,
        needs_pin=not rights.may(here.person.role, RIGHT),
        managers=managers if till else [],
        who=request.form.get("who", "")[:16],
        reason=request.form.get("reason", "")[: form.MOST_REASON],
        wrong=wrong,
    )


def _number() -> str:
    return request.values.get("receipt", "")[:100]


def _of(tx: Connection, held: Held, receipt: str) -> Row:
    """A receipt of this card, whoever made it."""
    row = receipts.find(tx, receipt[:100], held.row.programme)
    if row.card_id != held.id:
        raise NotFound("There is no receipt with this number.", field="receipt")
    return row


def _name(held: Held) -> str:
    return held.revision.card.name or words().say("staff.no_name")


def _moment(row: Row) -> str:
    return words().moment(row.created, service().settings.zone)


def _refuse_in_practice() -> None:
    """There is no manager among those who practise."""
    if is_practice():
        raise NotFound("There is nothing older in practice.")
