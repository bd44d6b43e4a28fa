"""The page behind a receipt's code: what it is worth, until when, and how it gets on a card. Looking claims nothing."""

from __future__ import annotations

from flask import Response, make_response, render_template, request

from ... import claimcodes, claims, programmes
from ...claims import ClaimUnknown, NotAClaim
from ...claimslip import slip
from ...network import counted_as
from ...programmes import Programme
from ...store import Row
from ..current import service
from ..page import languages, visitors_words
from .views import customer, shown


@customer.get("/claim/<code>")
def claim(code: str) -> Response:
    try:
        row, programme = _found(code)
    except (ClaimUnknown, NotAClaim) as wrong:
        return _page({"instead": wrong.code.removeprefix("claim_")}, wrong.status)
    said = visitors_words(programme.promise.look)
    told = slip(row, programme, said, service().now)
    letters = claimcodes.written(claims.code(service().secrets, row))
    return _page({"slip": told, "shown": shown(programme, said), "code": letters}, 200 if told.state == "open" else 410)


def _found(code: str) -> tuple[Row, Programme]:
    here, who = service(), counted_as(request.remote_addr)
    with here.store.transaction() as tx:
        claims.count_try(tx, here.secrets, who, code, here.now)
    with here.store.reading() as tx:
        row = claims.find(tx, code)
        return row, programmes.get(tx, row.programme_id)


def _page(about: dict[str, object], status: int) -> Response:
    names = {"slip": None, "shown": None, "instead": "", "organisation": service().settings.shop.name} | about
    page = render_template("customer/claim.html", words=visitors_words(), languages=languages(), **names)
    return make_response(page, status)
