"""The people who work here: who has a PIN, who is trained, and whose own card is which."""

from __future__ import annotations

from typing import Any

from flask import redirect, request, url_for

from ... import cards, staff
from ...errors import NotFound
from ..current import service
from ..login.backstage import sentence, words
from ..staff.attempt import attempt, need
from .desk import manage, moment, page


@manage.get("/people")
def people() -> Any:
    need("people")
    return _list("")


@manage.post("/people/<key>/card")
def link_card(key: str) -> Any:
    """Link the person's own card by its number; an empty one unlinks it."""
    number = request.form.get("number", "")[:40].strip()
    try:
        with attempt("people") as doing:
            held = doing.on(cards.by_number(doing.tx, number)) if number else None
            staff.link_card(doing.tx, key, held.id if held else None)
    except NotFound as wrong:
        return _list(sentence(wrong, words()), key), wrong.status
    return redirect(url_for("manage.people"), 303)


def _list(wrong: str, wrong_for: str = "") -> str:
    with service().store.reading() as tx:
        found = [(row, moment(row.trained)) for row in staff.colleagues(tx)]
    return page("people", "people", people=found, wrong=wrong, wrong_for=wrong_for)
