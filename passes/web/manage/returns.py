"""Taking back what is older than a cashier may, with a reason: an action undone, or goods that came back.

A receipt is taken back as a whole. Whoever wants some lines of it taken back finds the place in `take_back`.
"""

from __future__ import annotations

from typing import Any

from flask import redirect, request, url_for

from ... import cards, programmes
from ...errors import BadInput, Conflict, NotFound, PassesError
from ...points import receipts
from ...points import returns as give_backs
from ...store import Connection, Row
from ...text import one_line
from ..current import service
from ..login.backstage import sentence, words
from ..staff.attempt import attempt
from ..staff.story import tell
from .desk import manage, moment, need, page

MOST_REASON = 200


@manage.get("/returns")
def returns() -> Any:
    """Find a receipt by its number."""
    need("undo_older")
    number = request.args.get("receipt", "").strip()[:100]
    if not number:
        return page("returns", "returns", receipt="", wrong="")
    try:
        with service().store.reading() as tx:
            return _receipt(tx, _found(tx, number), "")
    except (NotFound, Conflict) as wrong:
        return page("returns", "returns", receipt=number, wrong=sentence(wrong, words())), wrong.status


@manage.post("/returns")
def take_back() -> Any:
    """The whole receipt, once; its reversal's number follows from its own."""
    number, reason = request.form.get("receipt", "")[:100], one_line(request.form.get("reason", "")[:500])
    try:
        with attempt("undo_older") as doing:
            if not 0 < len(reason) <= MOST_REASON:
                raise BadInput(f"Say in 1 to {MOST_REASON} letters why.", field="reason")
            row = _found(doing.tx, number)
            held = doing.on(cards.by_serial(doing.tx, row.serial, lock=True))
            row = _found(doing.tx, number)
            doing.repeated = row.reversed_by is not None
            reversal = f"{row.receipt[:90]}-undone"
            if not doing.repeated:
                answer = give_backs.reverse(doing.tx, held, row, reversal, service().now, doing.who.stamp, reason)
                doing.came_to(held, reversal, answer)
    except PassesError as wrong:
        said = sentence(wrong, words())
        return page("returns", "returns", receipt=number, wrong=said), wrong.status
    return redirect(url_for("manage.returns", receipt=number), 303)


def _found(tx: Connection, number: str) -> Row:
    return receipts.find(tx, number, request.values.get("programme", "")[:40] or None)


def _receipt(tx: Connection, row: Row, wrong: str) -> str:
    held = cards.by_serial(tx, row.serial)
    programme = programmes.of_card(tx, held)
    said = words(programme.promise.look)
    story = tell(row.answer, programme, said, row.content.get("total", 0))
    return page(
        "returned",
        "returns",
        words=said,
        receipt=row.receipt,
        number=held.row.number,
        made=moment(row.created),
        story=story,
        undone=row.reversed_by is not None,
        is_undo=row.reverses is not None,
        wrong=wrong,
    )
