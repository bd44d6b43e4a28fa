"""A receipt that nobody has put on a card yet, taken back by a manager: nothing was given, and its code stops working.

The cashier who made it may do so for a few minutes at their till; later, and whoever made it, it is done here, with a
reason.
"""

from __future__ import annotations

from typing import Any

from flask import redirect, request, url_for

from ... import claims, programmes
from ...claimslip import slip
from ...errors import NotFound, PassesError
from ...store import Connection, Row
from ..current import service
from ..login.backstage import sentence, words
from ..staff import form
from ..staff.attempt import attempt
from .desk import manage, page


def of_receipt(tx: Connection, number: str, programme: str | None) -> Row | None:
    """The claim of a receipt that no card has; its number may be of a receipt that was counted at once."""
    try:
        row = claims.of_receipt(tx, number, programme)
    except NotFound:
        return None
    return None if row.claimed is not None else row


def shown(tx: Connection, row: Row) -> str:
    programme = programmes.get(tx, row.programme_id)
    said = words(programme.promise.look)
    told = slip(row, programme, said, service().now)
    return page(
        "unclaimed", "returns", words=said, receipt=row.receipt, programme=programme.key, slip=told, why=row.why
    )


@manage.post("/returns/unclaimed")
def void_unclaimed() -> Any:
    """Twice is as once."""
    number, key = request.form.get("receipt", "")[:100], request.form.get("programme", "")[:40]
    try:
        with attempt("undo_older") as doing:
            why, row = form.reason(request.form), claims.of_receipt(doing.tx, number, key)
            doing.repeated = row.voided is not None
            claims.void(doing.tx, row, service().now, why)
    except PassesError as wrong:
        return page("returns", "returns", receipt=number, wrong=sentence(wrong, words())), wrong.status
    return redirect(url_for("manage.returns", receipt=number, programme=key), 303)
