"""What tills did without a connection and could not be counted: seen here, settled with the customer, noted."""

from __future__ import annotations

from typing import Any

from flask import redirect, request, url_for

from ... import conflicts
from ...errors import BadInput
from ...store import Row
from ...words import Words
from ..current import service
from ..login.backstage import row_number, sentence, words
from ..staff.attempt import attempt
from .desk import manage, moment, need, page


@manage.get("/conflicts")
def all_conflicts() -> Any:
    need("conflicts")
    return _list("")


@manage.post("/conflicts/<id>")
def resolve(id: str) -> Any:
    number, note = row_number(id), request.form.get("note", "")[:1000]
    try:
        with attempt("conflicts") as doing:
            conflicts.resolve(doing.tx, number, doing.who.person, note, service().now)
    except BadInput as wrong:
        return _list(sentence(wrong, words()), number), wrong.status
    return redirect(url_for("manage.all_conflicts"), 303)


def _list(wrong: str, wrong_for: int = 0) -> str:
    with service().store.reading() as tx:
        found = conflicts.latest(tx)
    said = words()
    rows = [(row, moment(row.at), moment(row.resolved), _why(row, said), _what(row, said)) for row in found]
    return page("conflicts", "conflicts", rows=rows, wrong=wrong, wrong_for=wrong_for)


def _why(row: Row, said: Words) -> str:
    key = f"manage.why.{row.why}"
    return said.say(key if said.has(key) else "manage.why.other")


def _what(row: Row, said: Words) -> str:
    """What the till did, in a few words."""
    content = row.content
    what = said.say(f"manage.kind.{content.get('kind') or 'unknown'}")
    many = content.get("redeem") or content.get("total", 0)
    written = content.get("reward") or (said.number(content["redeem"]) if content.get("redeem") else "")
    if not written and many:
        written = said.number(many)
    return f"{what}: {written}" if written else what
