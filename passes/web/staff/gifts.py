"""What no purchase gave: a gift of the person at the till, within their budget, or a manager's correction.

Both are so much of one unit of the card, need a reason, which stays with the receipt, and can be undone like any other.
"""

from __future__ import annotations

from typing import Any

from flask import request, session

from ... import cards, giftcards, programmes, rights
from ...definition.parts import UnitKind
from ...errors import Forbidden, PassesError
from ...points import receipts
from ...points.orders import Order
from ...points.phrases import Phrases
from ..current import service
from ..login.backstage import refuse, sentence, show, wants_json, words
from . import amounts, form
from .attempt import attempt, need
from .views import staff_pages, to_done


class NoPresent(Forbidden):
    """Money and prepaid visits are paid in, or corrected by a manager; nobody makes a present of them at a till."""

    code = "no_present"


@staff_pages.get("/cards/<serial>/gift")
def ask_gift(serial: str) -> Any:
    need("comp")
    return _page(serial, "gift", "")


@staff_pages.post("/cards/<serial>/gift")
def gift(serial: str) -> Any:
    return _gives(serial, "gift", rights.gift_of(_kind(serial, _unit())), 1)


@staff_pages.get("/cards/<serial>/correct")
def ask_correct(serial: str) -> Any:
    need("adjust")
    return _page(serial, "correct", "")


@staff_pages.post("/cards/<serial>/correct")
def correct(serial: str) -> Any:
    return _gives(serial, "correct", "adjust", -1 if request.form.get("way") == "take" else 1)


def _gives(serial: str, page: str, what: str, sign: int) -> Any:
    try:
        with attempt(what) as doing:
            order = _order(sign)
            held = doing.on(cards.by_serial(doing.tx, serial, lock=True))
            if page == "gift" and held.revision.card.kind in giftcards.KINDS:
                raise NoPresent("What a card of this kind holds is paid in; ask a manager to correct it.")
            answer = receipts.post(doing.tx, held, order, service().now, doing.who.stamp)
            doing.came_to(held, order.receipt, answer)
    except PassesError as wrong:
        return refuse(wrong) if wants_json() else (_page(serial, page, sentence(wrong, words())), wrong.status)
    if not answer.repeated:
        session["last"] = [serial, order.receipt, service().now]
    return to_done(serial, order.receipt)


def _order(sign: int) -> Order:
    number = form.receipt(request.form.get("receipt", ""))
    try:
        points = amounts.points(request.form.get("points", "")[:20])
    except amounts.NotAnAmount as wrong:
        raise form.Mistyped(wrong.why, "points") from None
    if not points:
        raise form.Mistyped("points_form", "points")
    return Order(number, adjust=sign * points, unit=_unit(), reason=form.reason(request.form))


def _unit() -> str | None:
    return request.form.get("unit", "")[:20] or None


def _kind(serial: str, unit: str | None) -> UnitKind:
    """What the unit is; one that the card does not count in is refused with the order."""
    with service().store.reading() as tx:
        definition = programmes.of_card(tx, cards.by_serial(tx, serial)).definition
    return definition.kinds.get(unit or definition.unit, "points")


def _page(serial: str, page: str, wrong: str) -> str:
    with service().store.reading() as tx:
        held = cards.by_serial(tx, serial)
        programme = programmes.of_card(tx, held)
    sent, kinds = request.form.get("receipt", ""), programme.definition.kinds
    phrases = Phrases(programme.definition, words(programme.promise.look))
    whats = [what for what in rights.GIFTS if what in map(rights.gift_of, kinds.values())]
    return show(
        "staff/manage/gift.html",
        page=page,
        serial=serial,
        name=held.revision.card.name or words().say("staff.no_name"),
        programme=words().pick(programme.promise.name),
        receipt=sent if sent and wrong else form.new_receipt(),
        typed={name: request.form.get(name, "")[: form.MOST_REASON] for name in ("points", "unit", "reason", "way")},
        units=[(unit, phrases.heading(unit)) for unit in kinds],
        budgets=[(what, rights.gifts_a_day(service().settings.till, what)) for what in whats],
        wrong=wrong,
    )
