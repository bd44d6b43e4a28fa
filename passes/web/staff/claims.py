"""The customer who forgot the card: the bill is kept, and a code is shown or printed by which their card claims it.

Only who made a code sees it again; at the same till they take it back within ten minutes, unless somebody claimed it.
"""

from __future__ import annotations

from typing import Any

from flask import jsonify, redirect, request, session, url_for
from werkzeug.datastructures import MultiDict

from ... import claimcodes, claims, giftcards, programmes
from ...claims import Maker
from ...claimslip import about, slip
from ...errors import NotFound, PassesError
from ...points.orders import Order
from ...programmes import Programme
from ...store import Connection
from ...wallets.ecard.picture import code_path, code_size
from ...words import minor_digits
from ..current import service
from ..login.backstage import presence, refuse, sentence, show, wants_json, words
from . import form, sale, slips
from .attempt import attempt
from .views import UndoOver, staff_pages

FIELDS = ("receipt", "amount", "stamps")


@staff_pages.get("/claims/new")
def ask_claim() -> Any:
    return _form_page(request.args.get("programme", ""))


@staff_pages.post("/claims/quote")
def quote_claim() -> Any:
    """About what it would bring; nothing is stored."""
    try:
        with service().store.reading() as tx:
            programme = _programme(tx)
            brought = claims.worth(programme, _order(programme), service().now)
    except PassesError as wrong:
        return refuse(wrong)
    change = about(brought, programme.definition, words(programme.promise.look))
    return jsonify(change=change, balance="", bill="", pin=False)


@staff_pages.post("/claims")
def make_claim() -> Any:
    """The code, once for each form."""
    here = service()
    try:
        with attempt("earn") as doing:
            programme = _programme(doing.tx)
            order, maker = _order(programme), Maker(doing.who.stamp, doing.who)
            days = here.settings.till.claim_days
            row, doing.repeated = claims.make(doing.tx, here.secrets, programme, order, maker, days, here.now)
    except PassesError as wrong:
        if wants_json():
            return refuse(wrong)
        return _form_page(request.form.get("programme", ""), wrong), wrong.status
    if not doing.repeated:
        session["last"] = ["", row.receipt, here.now]
    return _to_claim(row.receipt)


@staff_pages.get("/claims/<receipt>")
def claim(receipt: str) -> Any:
    """What the customer scans, from the screen or from paper; later, how it stands."""
    with service().store.reading() as tx:
        row = slips.mine(tx, receipt)
        programme = programmes.get(tx, row.programme_id)
    code = claims.code(service().secrets, row)
    link = claimcodes.link(service().settings.server.public_url, code)
    said = words(programme.promise.look)
    return show(
        "staff/claim.html",
        words=said,
        receipt=receipt,
        slip=slip(row, programme, said, service().now),
        code=claimcodes.written(code),
        drawing={"size": code_size(link), "path": code_path(link)},
        may_void=slips.may_void(row),
    )


@staff_pages.post("/claims/<receipt>/void")
def void_claim(receipt: str) -> Any:
    with attempt("undo") as doing:
        row = slips.mine(doing.tx, receipt)
        doing.repeated = row.voided is not None
        if not doing.repeated and row.claimed is None and not slips.may_void(row):
            raise UndoOver("This can no longer be undone here.")
        claims.void(doing.tx, row, service().now)
    session.pop("last", None)
    return _to_claim(receipt)


def _order(programme: Programme) -> Order:
    """What was bought: nothing is spent and no coupon is used without a card."""
    asked = MultiDict((name, request.form.get(name, "")) for name in FIELDS)
    return form.order(asked, programme, {}, presence().location)


def _programme(tx: Connection) -> Programme:
    return programmes.find(tx, request.form.get("programme", "")[:64])


def _to_claim(receipt: str) -> Any:
    address = url_for("staff.claim", receipt=receipt)
    return jsonify(next=address) if wants_json() else redirect(address, 303)


def _form_page(key: str, wrong: PassesError | None = None) -> str:
    with service().store.reading() as tx:
        known = [each for each in programmes.all(tx) if each.definition.kind not in giftcards.KINDS]
    programme = next((each for each in known if key in ("", each.key)), None)
    if programme is None:
        raise NotFound("There is no such programme.", field="programme")
    said, definition = words(programme.promise.look), programme.definition
    sent = request.form.get("receipt", "")
    return show(
        "staff/claim_new.html",
        words=said,
        programme=programme.key,
        programmes=[(each.key, said.pick(each.promise.name)) for each in known],
        stepper=sale.stamps(definition, said),
        currency=definition.currency,
        digits=minor_digits(definition.currency),
        typed=form.typed(request.form, None),
        receipt=sent if wrong and sent else form.new_receipt(),
        wrong=sentence(wrong, said) if wrong else "",
        wrong_field=wrong.field if wrong else None,
    )
