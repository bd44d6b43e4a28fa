"""Programmes: what is promised to members, as a definition that is refused whole or taken whole.

No rule is judged here: what a definition may say is `definition`'s affair, what of it cannot be meant is the linter's.
"""

from __future__ import annotations

from typing import Annotated, Any

from flask import Response, jsonify, request
from flask_openapi.blueprint import APIBlueprint
from pydantic import BeforeValidator, ConfigDict, Field, ValidationError

from ... import programmes as kept
from ...definition import LAST_INSTANT, Definition
from ...idempotency import Said
from ...notice import losses
from ...store import Connection
from ..current import service
from .answers import listed, once, refuse
from .document import operation
from .fields import Answer, Body, Once, Page, Place, digits

programmes = APIBlueprint("programmes", __name__, abp_tags=[{"name": "Programmes"}])

_CAFE: dict[str, Any] = {
    "key": "cafe",
    "kind": "points",
    "name": {"en": "Morning Club", "pl": "Klub poranny"},
    "look": "cafe",
    "unit": "points",
    "currency": "PLN",
    "earn": {"points": 1, "per": 100, "rounding": "down"},
    "welcome": 20,
    "expire_days": 365,
    "worth_of_one": 5,
    "tiers": [{"key": "silver", "name": {"en": "Silver"}, "threshold": 500}],
    "rewards": [{"key": "coffee", "name": {"en": "Free coffee"}, "cost": 100}],
}
_RULE = "1 point for every PLN1.00 spent, rounded down: a purchase of PLN45.90 gives 45 points."
_SHOWN: dict[str, Any] = {**_CAFE, "created": 1_790_000_000, "rules_text": {"en": [_RULE]}}


class NewProgramme(Definition):
    model_config = ConfigDict(json_schema_extra={"examples": [_CAFE]})


class Programme(Definition):
    model_config = ConfigDict(json_schema_extra={"examples": [_SHOWN]})

    created: int
    rules_text: dict[str, list[str]]
    """The rules as at most seven sentences in each language, as members read them."""


class Programmes(Answer):
    programmes: list[Programme]
    next: str | None


class Effective(Body):
    effective: Annotated[int, Field(ge=0, le=LAST_INSTANT), BeforeValidator(digits)] | None = None
    announced: Annotated[bool, Field(description="Members were told, so the programme's notice does not count.")] = (
        False
    )


class ProgrammePath(Body):
    key: Place


@operation(programmes, "get", "/programmes", "programmes:read", Programmes)
def all(query: Page) -> Response:
    """List the programmes, the oldest first."""
    with service().store.reading() as tx:
        later = [programme for programme in kept.all(tx) if programme.id > (query.after or 0)]
    shown = later[: query.limit]
    return listed("programmes", [_shown(each) for each in shown], shown[-1].id if len(later) > len(shown) else None)


@operation(programmes, "get", "/programmes/<key>", "programmes:read", Programme)
def show(path: ProgrammePath) -> Response:
    """Show a programme."""
    with service().store.reading() as tx:
        return jsonify(_shown(kept.find(tx, path.key)))


@operation(programmes, "post", "/programmes", "programmes:write", Programme, status=201)
def create(body: NewProgramme, header: Once) -> tuple[Response, int]:
    """Start a programme; its look is one of those in templates/cards."""
    here = service()
    definition = _strictly(request.get_data())

    def do(tx: Connection) -> Said:
        made = kept.create(
            tx, definition, here.look_digests, here.settings.contact, here.now, here.settings.shop.time_zone
        )
        return 201, _shown(made)

    return once(header.key, do)


@operation(programmes, "put", "/programmes/<key>", "programmes:write", Programme)
def amend(path: ProgrammePath, query: Effective, body: NewProgramme, header: Once) -> tuple[Response, int]:
    """Change a programme's rules, at once or from an instant on (`?effective=`).

    Earlier rules are kept: receipts of their time are returned and explained by them. Key, kind, units, currency and
    look stay. Rules by which many members lose need the programme's `notice`, unless `?announced=true`.
    """
    here = service()
    definition = _strictly(request.get_data())
    with here.store.reading() as tx:
        known = kept.find(tx, path.key)
    # Beforehand, because it takes seconds and no till must wait for it.
    lost = None if query.announced else losses(here.store, known, definition, query.effective, here.now)

    def do(tx: Connection) -> Said:
        if lost is not None:
            lost.refuse_if_many()
        programme = kept.find(tx, path.key)
        kept.amend(tx, programme, definition, service().now, query.effective)
        return 200, _shown(kept.find(tx, path.key))

    return once(header.key, do)


def _strictly(sent: bytes) -> Definition:
    """A form may send "5" for 5; a system that does has a bug."""
    try:
        return Definition.model_validate_json(sent, strict=True)
    except ValidationError as wrong:
        refuse(wrong)


def _shown(programme: kept.Programme) -> dict[str, Any]:
    rules = {language: said.splitlines() for language, said in programme.promise.rules.items()}
    return programme.definition.model_dump(mode="json") | {"created": programme.created, "rules_text": rules}
