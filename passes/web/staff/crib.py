"""The page beside the till: what to do, the programme's own rules, and whom to ask; printed on one sheet."""

from __future__ import annotations

from typing import Any

from flask import request

from ... import basket, programmes
from ...errors import NotFound
from ..current import service
from ..login.backstage import show, words
from .views import staff_pages


@staff_pages.get("/crib")
def crib_sheet() -> Any:
    """One page of a programme, to hang beside the till."""
    with service().store.reading() as tx:
        known = programmes.all(tx)
    wanted = request.args.get("programme", "")
    programme = next((each for each in known if wanted in ("", each.key)), None)
    if programme is None:
        raise NotFound("There is no such programme yet.", field="programme")
    said = words(programme.promise.look)
    counts = basket.stamping(programme.definition)
    return show(
        "staff/crib.html",
        words=said,
        programme=said.pick(programme.promise.name),
        rules=said.pick(programme.promise.rules).splitlines(),
        steps=("scan", "stamp", "once") if counts and counts.leads else ("scan", "bill", "count"),
        others=[(each.key, said.pick(each.promise.name)) for each in known if each is not programme],
    )
