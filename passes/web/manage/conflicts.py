"""What tills did without a connection and could not be counted: seen here, settled with the customer, noted."""

from __future__ import annotations

from typing import Any

from flask import redirect, request, url_for

from ... import conflicts, programmes
from ...errors import BadInput
from ...points.amounts import Amounts
from ...store import Connection, Row
from ...words import Words
from ..current import service
from ..login.backstage import row_number, sentence, words
from ..staff.attempt import attempt, need
from .desk import manage, moment, page, why


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
    said = words()
    with service().store.reading() as tx:
        found = conflicts.latest(tx)
        whats = [_what(tx, row, said) for row in found]
    rows = [
        (row, moment(row.at), moment(row.resolved), why(row.why), what) for row, what in zip(found, whats, strict=True)
    ]
    return page("conflicts", "conflicts", rows=rows, wrong=wrong, wrong_for=wrong_for)


def _what(tx: Connection, row: Row, said: Words) -> str:
    """What the till did, in a few words: money as money, points and rewards by their names."""
    content = row.content
    what = said.say(f"manage.kind.{content.get('kind') or 'unknown'}")
    if row.programme_id is None:
        # Of no card that we know, so of no programme either.
        written = [said.number(content[name]) for name in ("redeem", "stamps") if content.get(name)]
        return ": ".join([what, *written[:1]])
    programme = programmes.get(tx, row.programme_id)
    definition = programme.definition
    amounts = Amounts.of(definition, words(programme.promise.look))
    reward = next((each.name for each in definition.rewards if each.key == content.get("reward")), {})
    written = [said.pick(reward)] if reward else []
    if content.get("redeem"):
        written.append(amounts.say(content["redeem"]))
    if content.get("total"):
        written.append(amounts.money(content["total"]))
    if content.get("stamps"):
        written.append(f"{said.say('staff.stamp')} × {said.number(content['stamps'])}")
    return f"{what}: {', '.join(written)}" if written else what
