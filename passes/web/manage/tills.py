"""Tills: which there are, where, when each was last heard of; a new one, and one taken back."""

from __future__ import annotations

from typing import Any

from flask import redirect, request, url_for

from ... import programmes, tills
from ...errors import BadInput
from ...wallets.ecard.picture import code_path, code_size
from ..current import service
from ..login.backstage import sentence, words
from ..staff.attempt import attempt, need
from .desk import manage, moment, page


@manage.get("")
def home() -> Any:
    return redirect(url_for("manage.all_tills"), 303)


@manage.get("/tills")
def all_tills() -> Any:
    need("tills")
    return _list("")


@manage.post("/tills")
def add_till() -> Any:
    name, location = request.form.get("name", "")[:200], request.form.get("location", "")[:200]
    try:
        with attempt("tills") as doing:
            till = tills.add(doing.tx, name, location, service().now)
    except BadInput as wrong:
        return _list(sentence(wrong, words()), wrong.field), wrong.status
    return redirect(url_for("manage.till", key=till.key), 303)


@manage.get("/tills/<key>")
def till(key: str) -> Any:
    need("tills")
    return _till(key)


@manage.post("/tills/<key>/code")
def code(key: str) -> Any:
    """The code is on this one page, and nowhere else."""
    with attempt("tills") as doing:
        shown = tills.invite(doing.tx, tills.by_key(doing.tx, key), service().now)
    return _till(key, shown)


@manage.get("/tills/<key>/revoke")
def ask_revoke(key: str) -> Any:
    need("tills")
    with service().store.reading() as tx:
        found = tills.by_key(tx, key)
    return page("revoke", "tills", till=found)


@manage.post("/tills/<key>/revoke")
def revoke(key: str) -> Any:
    with attempt("tills") as doing:
        tills.revoke(doing.tx, tills.by_key(doing.tx, key), service().now)
    return redirect(url_for("manage.all_tills"), 303)


def _till(key: str, code: str = "") -> str:
    with service().store.reading() as tx:
        found = tills.by_key(tx, key)
    address = f"{service().settings.server.public_url}{url_for('device.ask_enrol')}"
    link = f"{address}/{code}"
    return page(
        "till",
        "tills",
        till=found,
        seen=moment(found.seen),
        enrolled=moment(found.enrolled),
        revoked=moment(found.revoked),
        code=" ".join(code[place : place + 4] for place in range(0, len(code), 4)),
        address=address,
        drawing={"size": code_size(link), "path": code_path(link)} if code else None,
        minutes=tills.INVITATION_SECONDS // 60,
    )


def _list(wrong: str, field: str | None = None) -> str:
    with service().store.reading() as tx:
        found = [(each, moment(each.seen)) for each in tills.all(tx)]
        known = {place.name for each in programmes.all(tx) for place in each.definition.locations}
    known |= {each.location for each, _ in found}
    typed = {name: request.form.get(name, "")[:80] for name in ("name", "location")}
    return page("tills", "tills", tills=found, locations=sorted(known), wrong=wrong, field=field, typed=typed)
