"""Coupons: given to a card or printed on packs, looked up, claimed, made void. Redeeming is a receipt's affair."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from flask import Response, jsonify
from flask_openapi.blueprint import APIBlueprint
from pydantic import BeforeValidator, ConfigDict, Field

from ... import cards, programmes, revisions
from ... import coupons as issued
from ...couponcodes import written
from ...idempotency import Said
from ...programmes import Programme
from ...store import Connection, Row
from ..current import service
from .answers import listed, once
from .cards import CardPath
from .document import operation
from .fields import Answer, Body, CouponCode, Once, Page, ProgrammeKey, whole

coupons = APIBlueprint("coupons", __name__, abp_tags=[{"name": "Coupons"}])

_COUPON: dict[str, Any] = {
    "code": "C-7K2M-9QRT-4WXZ",
    "coupon": "tenth",
    "name": {"en": "10 % off", "pl": "10 % taniej"},
    "programme": "cafe",
    "state": "issued",
    "why": None,
    "starts": 1_790_000_000,
    "ends": 1_791_200_000,
    "receipt": None,
    "changed": 1_790_000_000,
    "created": 1_790_000_000,
}
Count = Annotated[int, Field(ge=1, le=100), BeforeValidator(whole)]
PackCount = Annotated[int, Field(ge=1, le=1000), BeforeValidator(whole)]


class NewCoupon(Body):
    """`coupon` is a kind that the programme promises."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"coupon": "tenth"}]})

    coupon: ProgrammeKey
    count: Count = 1


class NewPack(Body):
    """Coupons for whoever bears them, such as codes printed in packs; more at a time by `passes coupons make`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"programme": "cafe", "coupon": "pack", "count": 100}]})

    programme: ProgrammeKey
    coupon: ProgrammeKey
    count: PackCount = 1


class Claim(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"code": "C-7K2M-9QRT-4WXZ"}]})

    code: CouponCode


class Coupon(Answer):
    """`state` is issued, redeemed, expired or void, since `changed`; `receipt` is where it was redeemed.

    `why`: what stands between the member and an issued coupon; `limit`: as many were used as one member may use.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_COUPON]})

    code: str
    coupon: str
    name: dict[str, str]
    programme: str
    state: str
    why: str | None
    starts: int
    ends: int | None
    receipt: str | None
    changed: int
    created: int


class Coupons(Answer):
    coupons: list[Coupon]
    next: str | None


class Codes(Answer):
    codes: list[str]


class CouponPath(Body):
    code: CouponCode


@operation(coupons, "get", "/cards/<serial>/coupons", "cards:read", Coupons)
def of_card(path: CardPath, query: Page) -> Response:
    """List a card's coupons in every state, the newest first."""
    with service().store.reading() as tx:
        held = cards.by_serial(tx, path.serial)
        rows = issued.of_card(tx, held.id, query.limit + 1, query.after)
        programme = programmes.of_card(tx, held)
        why = issued.why_not(tx, programme, rows)
    shown = rows[: query.limit]
    following = shown[-1].id if len(rows) > len(shown) else None
    return listed("coupons", [_shown(row, programme, why) for row in shown], following)


@operation(coupons, "post", "/cards/<serial>/coupons", "adjustments:write", Codes, status=201)
def give(path: CardPath, body: NewCoupon, header: Once) -> tuple[Response, int]:
    """Give a card a coupon, or several of the same kind; the card shows it at once."""

    def do(tx: Connection) -> Said:
        held = cards.by_serial(tx, path.serial, lock=True)
        held.refuse_unless_active()
        programme = programmes.of_card(tx, held)
        codes = issued.issue(tx, programme, body.coupon, held.id, service().now, body.count)
        revisions.record(tx, held.id, service().now)
        return 201, {"codes": [written(code) for code in codes]}

    return once(header.key, do)


@operation(coupons, "post", "/cards/<serial>/coupons/claim", "receipts:write", Coupon)
def claim(path: CardPath, body: Claim, header: Once) -> tuple[Response, int]:
    """Put a coupon from a pack on a card; claiming it again with the same card changes nothing.

    Codes that are none are counted for each card; after twenty of them each further one has to wait.
    """
    here = service()
    with here.store.transaction() as tx:
        issued.count_try(tx, here.secrets, cards.by_serial(tx, path.serial), body.code, here.now)

    def do(tx: Connection) -> Said:
        held = cards.by_serial(tx, path.serial, lock=True)
        row = issued.claim(tx, held, body.code, here.now)
        return 200, _looked_up(tx, row)

    return once(header.key, do)


@operation(coupons, "post", "/coupons", "adjustments:write", Codes, status=201)
def print_pack(body: NewPack, header: Once) -> tuple[Response, int]:
    """Make coupons without a card, each with a code of its own to be printed."""

    def do(tx: Connection) -> Said:
        programme = programmes.find(tx, body.programme)
        codes = issued.issue(tx, programme, body.coupon, None, service().now, body.count)
        return 201, {"codes": [written(code) for code in codes]}

    return once(header.key, do)


@operation(coupons, "get", "/coupons/<code>", "cards:read", Coupon)
def show(path: CouponPath) -> Response:
    """Show a coupon by its code: what it is, whether it was used, when."""
    with service().store.reading() as tx:
        row = issued.find(tx, path.code)
        return jsonify(_looked_up(tx, row))


@operation(coupons, "post", "/coupons/<code>/void", "adjustments:write", Coupon)
def void(path: CouponPath, header: Once) -> tuple[Response, int]:
    """Make a coupon worthless; doing it again changes nothing, and one that was redeemed is refused."""

    def do(tx: Connection) -> Said:
        row = issued.void(tx, path.code, service().now)
        return 200, _looked_up(tx, row)

    return once(header.key, do)


def _looked_up(tx: Connection, row: Row) -> dict[str, Any]:
    programme = programmes.get(tx, row.programme_id)
    return _shown(row, programme, issued.why_not(tx, programme, [row]))


def _shown(row: Row, programme: Programme, why: Mapping[int, str]) -> dict[str, Any]:
    name = next((part.name for part in programme.definition.coupons if part.key == row.kind), {})
    return {
        "code": written(row.code),
        "coupon": row.kind,
        "name": dict(name),
        "programme": row.programme,
        "state": issued.state(row, service().now),
        "why": why.get(row.id),
        "starts": row.starts,
        "ends": row.ends,
        "receipt": row.receipt,
        "changed": row.changed,
        "created": row.created,
    }
