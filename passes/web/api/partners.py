"""Partners of a coalition, and money owed: a month's clearing, and what members may still ask for."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from flask import Response, jsonify
from flask_openapi.blueprint import APIBlueprint
from pydantic import ConfigDict, Field

from ... import liability, programmes
from ... import partners as coalition
from ..current import service
from .document import operation
from .fields import Answer, Body
from .programmes import ProgrammePath

partners = APIBlueprint("partners", __name__, abp_tags=[{"name": "Partners"}])

_STATEMENT: dict[str, Any] = {
    "partner": "bakery",
    "given": 1200,
    "taken": 300,
    "pays": 600,
    "gets": 120,
    "owes": 480,
}
_SUMS: dict[str, Any] = {
    "unit": "points",
    "given": 12_000,
    "spent": 4000,
    "ended": 1000,
    "outstanding": 7000,
    "owed": 35_000,
    "broken": 5000,
    "breakage_permille": 200,
    "expected": 7000,
}


class Month(Body):
    month: Annotated[str, Field(pattern="^20[0-9]{2}-(0[1-9]|1[0-2])$", description="A month such as 2026-11.")]


class PartnerMonth(Answer):
    """Points given and taken at a partner's tills, money for each, and what it `owes` (below zero: is owed)."""

    partner: str
    given: int
    taken: int
    pays: int
    gets: int
    owes: int


class Clearing(Answer):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"programme": "cafe", "month": "2026-11", "currency": "PLN", "partners": [_STATEMENT]}]
        }
    )

    programme: str
    month: str
    currency: str
    partners: list[PartnerMonth]


class Sums(Answer):
    """`owed` is what is outstanding in money, `broken` what ended unspent; `expected` estimates what yet will.

    `breakage_permille`: of a thousand that left members' hands so many ended. Null where a unit has no worth in money.
    """

    unit: str
    given: int
    spent: int
    ended: int
    outstanding: int
    owed: int | None
    broken: int | None
    breakage_permille: int | None
    expected: int | None


class Liability(Answer):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"programme": "cafe", "currency": "PLN", "units": [_SUMS]}]}
    )

    programme: str
    currency: str
    units: list[Sums]


@operation(partners, "get", "/programmes/<key>/clearing", "programmes:read", Clearing)
def clearing(path: ProgrammePath, query: Month) -> Response:
    """Show who owes whom for a month, partner by partner, computed from the ledger."""
    with service().store.reading() as tx:
        programme = programmes.find(tx, path.key)
        statements = coalition.clearing(tx, programme, query.month)
    shown = [asdict(each) | {"owes": each.owes} for each in statements]
    currency = programme.definition.currency
    return jsonify(programme=programme.key, month=query.month, currency=currency, partners=shown)


@operation(partners, "get", "/programmes/<key>/liability", "programmes:read", Liability)
def owed(path: ProgrammePath) -> Response:
    """Show what members hold in points and in money, and how much ends unspent."""
    with service().store.reading() as tx:
        programme = programmes.find(tx, path.key)
        units = liability.of(tx, programme)
    return jsonify(programme=programme.key, currency=programme.definition.currency, units=[asdict(u) for u in units])
