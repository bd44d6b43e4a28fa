"""Taking back what is older than a cashier may, with a reason: an action undone, or goods that came back.

A receipt is found by its number, by the code it was claimed with, or among the latest of a card. It is taken back as
a whole, or the pieces of its lines that came back; what the rest of the purchase brings is the points store's affair.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import redirect, request, url_for

from ... import cards, claims, programmes
from ...cards import Held
from ...errors import Conflict, NotFound, PassesError
from ...points import receipts
from ...points import returns as give_backs
from ...points.amounts import Amounts
from ...points.orders import Answer
from ...points.remainder import Returned
from ...store import Connection, Row
from ..current import service
from ..login.backstage import sentence, words
from ..staff import amounts, form, older, scan
from ..staff.attempt import attempt, need
from ..staff.story import tell
from . import unclaimed
from .desk import manage, moment, page

LINE = "line-"


@dataclass(frozen=True)
class Piece:
    """A line of a receipt: what it was, and how many of it can still come back."""

    field: str
    what: str
    had: int
    left: int


@manage.get("/returns")
def returns() -> Any:
    """Find a receipt by its number or code, or by the card it was for."""
    need("undo_older")
    number = request.args.get("receipt", "").strip()[:250]
    if not number:
        return page("returns", "returns", receipt="", wrong="")
    try:
        with service().store.reading() as tx:
            match scan.read(number, cards.code_keys(service().secrets)):
                case scan.Number(digits):
                    return _of_card(tx, cards.by_number(tx, digits), number)
                case scan.Code(known):
                    return _of_card(tx, cards.by_known(tx, known), number)
                case scan.Claim(code):
                    claim = claims.find(tx, code)
                    return _by_number(tx, claim.receipt, claim.programme)
                case _:
                    return _by_number(tx, number, _programme())
    except (NotFound, Conflict) as wrong:
        return page("returns", "returns", receipt=number, wrong=sentence(wrong, words())), wrong.status


@manage.post("/returns")
def take_back() -> Any:
    """The whole receipt, once: its reversal's number follows from its own. Pieces come back under the form's number."""
    number = request.form.get("receipt", "")[:100]
    try:
        with attempt("undo_older") as doing:
            why = form.reason(request.form)
            held = doing.on(cards.by_serial(doing.tx, _found(doing.tx, number).serial, lock=True))
            row = _found(doing.tx, number)
            if "lines" in request.form:
                answer = _pieces(doing.tx, held, row, why, doing.who.stamp)
                doing.came_to(held, _own_number(), answer)
            elif row.reversed_by is not None:
                doing.repeated = True
            else:
                reversal = f"{row.receipt[:90]}-undone"
                answer = give_backs.reverse(doing.tx, held, row, reversal, service().now, doing.who.stamp, why)
                doing.came_to(held, reversal, answer)
    except PassesError as wrong:
        said = sentence(wrong, words())
        return page("returns", "returns", receipt=number, wrong=said), wrong.status
    return redirect(url_for("manage.returns", receipt=number, programme=request.form.get("programme") or None), 303)


def _pieces(tx: Connection, held: Held, row: Row, why: str, staff: str) -> Answer:
    back = list(_came_back(len(row.content.get("lines", []))))
    if not back:
        raise form.Mistyped("pieces_missing", "lines")
    return give_backs.give_back(tx, held, row, back, _own_number(), service().now, staff, why)


def _came_back(lines: int) -> Iterator[Returned]:
    for place in range(lines):
        try:
            many = amounts.points(request.form.get(f"{LINE}{place}", "")[:10])
        except amounts.NotAnAmount as wrong:
            raise form.Mistyped(wrong.why, "lines") from None
        if many:
            yield Returned(place, many)


def _own_number() -> str:
    return form.receipt(request.form.get("lines", ""))


def _by_number(tx: Connection, number: str, programme: str | None) -> str:
    if claim := unclaimed.of_receipt(tx, number, programme):
        return unclaimed.shown(tx, claim)
    return _receipt(tx, receipts.find(tx, number, programme))


def _programme() -> str | None:
    return request.values.get("programme", "")[:40] or None


def _found(tx: Connection, number: str) -> Row:
    return receipts.find(tx, number, _programme())


def _of_card(tx: Connection, held: Held, number: str) -> str:
    """The card's latest purchases, to choose from."""
    found = older.latest(tx, held, "manage.returns", programme=held.row.programme)
    return page("returns", "returns", receipt=number, wrong="", found=found, number=held.row.number)


def _receipt(tx: Connection, row: Row) -> str:
    held = cards.by_serial(tx, row.serial)
    programme = programmes.of_card(tx, held)
    said = words(programme.promise.look)
    story = tell(row.answer, programme, said, row.content.get("total", 0))
    return page(
        "returned",
        "returns",
        words=said,
        receipt=row.receipt,
        programme=programme.key,
        number=held.row.number,
        made=moment(row.created),
        story=story,
        pieces=_left(tx, row, Amounts.of(programme.definition, said)),
        lines=form.new_receipt(),
        undone=row.reversed_by is not None,
        is_undo=row.reverses is not None,
    )


def _left(tx: Connection, row: Row, said: Amounts) -> list[Piece]:
    gone = give_backs.returned_before(tx, row)
    pieces = []
    for place, line in enumerate(row.content.get("lines", [])):
        had = line.get("quantity", 1)
        left = had - sum(each.quantity for each in gone if each.line == place)
        name = line.get("name") or line.get("sku") or line.get("category") or ""
        what = ", ".join(filter(None, (name, said.money(line["price"]) if line.get("price") else "")))
        pieces.append(Piece(f"{LINE}{place}", what, had, left))
    return pieces
