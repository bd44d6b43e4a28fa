"""Receipts: what a purchase does to a card, done once; its undoing; and what is given or taken by hand."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import ConfigDict, Field, model_validator

from ... import cards, stepup
from ...errors import BadInput
from ...idempotency import Said
from ...points import receipts as posted
from ...points.receipts import Order
from ...store import Connection
from ..current import service
from .answers import once
from .callers import caller
from .cards import Balances, CardPath
from .document import operation
from .fields import Answer, Body, Change, Code, Money, Once, Place, Points, ProgrammeKey, Quantity, Reason, Receipt, Why

receipts = APIBlueprint("receipts", __name__, abp_tags=[{"name": "Receipts"}])

_WHY: dict[str, Any] = {"paid": 1250, "points": 1, "per": 100, "rounding": "down"}
_ENTRY: dict[str, Any] = {"entry": 41, "kind": "earn", "amount": 12, "why": _WHY, "expires": None}
_QUOTED: dict[str, Any] = {
    "receipt": "R-2026-0041",
    "entries": [_ENTRY],
    "balances": {"points": 132},
    "tier": "silver",
    "effects": {"earned": 12, "spent": 0, "discount": 0, "tier_changed": False},
    "why": [{**_WHY, "kind": "earn", "amount": 12}],
}


class Line(Body):
    """An article on the receipt; kept with it, for reports and for returns."""

    sku: Annotated[str, Field(max_length=80)] | None = None
    category: Annotated[str, Field(max_length=80)] | None = None
    name: Annotated[str, Field(max_length=200)] | None = None
    quantity: Quantity
    price: Money


class Purchase(Body):
    """`total` is what was bought, in the currency's smallest unit; `redeem` is points to pay with.

    An `event` without a total is kept and earns nothing by itself. A `code` from the member's phone proves that
    the phone is here, which a programme may ask for when points are spent (`spend_floor`).
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "receipt": "R-2026-0041",
                    "location": "Main street",
                    "total": 1250,
                    "currency": "PLN",
                    "lines": [{"sku": "latte", "quantity": 1, "price": 1250}],
                }
            ]
        }
    )

    receipt: Receipt
    location: Place | None = None
    total: Money = 0
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = None
    lines: Annotated[tuple[Line, ...], Field(max_length=200)] = ()
    redeem: Points = 0
    event: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    code: Code | None = None

    def order(self) -> Order:
        lines = [line.model_dump(exclude_none=True) for line in self.lines]
        return Order(self.receipt, self.total, self.currency, self.location, self.event, lines, self.redeem)


class Entry(Answer):
    """A posting in the ledger; `entry` is null in a quote."""

    entry: int | None
    kind: str
    amount: int
    why: Why
    expires: int | None


class Effects(Answer):
    """`discount` is money off the bill for the points spent."""

    earned: int
    spent: int
    discount: int
    tier_changed: bool


class Quoted(Answer):
    model_config = ConfigDict(json_schema_extra={"examples": [_QUOTED]})

    receipt: str
    entries: list[Entry]
    balances: Balances
    tier: str | None
    effects: Effects
    why: list[Why]


class Posted(Quoted):
    """What happened; a repeat is told the same, whatever happened since."""


class Reversal(Body):
    """`receipt` is the reversal's own number; without one, a repeat is recognised all the same."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Goods returned"}]})

    receipt: Receipt | None = None
    programme: ProgrammeKey | None = None
    reason: Reason | None = None

    @model_validator(mode="before")
    @classmethod
    def _whole(cls, sent: object) -> object:
        if isinstance(sent, dict) and "lines" in sent:
            raise BadInput("Parts of a receipt cannot be returned yet; reverse the whole receipt.", field="lines")
        return sent


class Adjustment(Body):
    """Points given (above zero) or taken (below), with the reason that the member will read."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"amount": 50, "reason": "Sorry for the long wait"}]})

    amount: Change
    reason: Reason
    receipt: Receipt | None = None


class Redemption(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"receipt": "R-2026-0042", "location": "Main street"}]})

    receipt: Receipt | None = None
    location: Place | None = None
    code: Code | None = None


class ReceiptPath(Body):
    receipt: Annotated[str, Field(max_length=100)]


class RewardPath(Body):
    serial: Place
    reward: Place


@operation(receipts, "post", "/cards/<serial>/receipts", "receipts:write", Posted, status=201)
def post(path: CardPath, body: Purchase, header: Once) -> tuple[Response, int]:
    """Post a receipt: spend, then earn on the rest of the bill.

    The receipt's number already makes it happen once: the same number with the same content gets the same answer, with
    other content or another card it is refused. An Idempotency-Key is welcome and not required.
    """
    return _post(path.serial, body.order(), header.key, body.code)


@operation(receipts, "post", "/cards/<serial>/receipts/quote", "receipts:write", Quoted)
def quote(path: CardPath, body: Purchase) -> tuple[dict[str, Any], int]:
    """Tell what a receipt would do; nothing is stored."""
    here = service()
    with here.store.reading() as tx:
        held = cards.by_serial(tx, path.serial)
        quoted = posted.quote(tx, held, body.order(), here.now)
        proof = stepup.read(body.code, held, here.secrets, here.now)
        stepup.check(tx, held, proof, quoted["effects"]["spent"], here.now)
        return quoted, 200


@operation(receipts, "post", "/receipts/<path:receipt>/reverse", "receipts:write", Posted, status=201)
def reverse(path: ReceiptPath, body: Reversal, header: Once) -> tuple[Response, int]:
    """Reverse a whole receipt: every point goes back where it came from, with its original end.

    Say the programme when several use the same numbers. Points that were spent meanwhile are taken from the card's
    others; if those do not suffice it is refused.
    """

    def do(tx: Connection) -> Said:
        serial = posted.find(tx, path.receipt, body.programme).serial
        held = cards.by_serial(tx, serial, lock=True)
        # Read again under the lock: another till may have reversed it in between.
        original = posted.find(tx, path.receipt, body.programme)
        number = body.receipt or f"{original.receipt}~reversed"
        answer = posted.reverse(tx, held, original, number, service().now, _staff(), body.reason or "")
        return 201, answer.body

    return once(header.key, do)


@operation(receipts, "post", "/cards/<serial>/adjustments", "adjustments:write", Posted, status=201)
def adjust(path: CardPath, body: Adjustment, header: Once) -> tuple[Response, int]:
    """Give or take points by hand; send a receipt or an Idempotency-Key so that it happens once."""
    return _post(path.serial, Order(_number(body.receipt), adjust=body.amount, reason=body.reason), header.key)


@operation(receipts, "post", "/cards/<serial>/rewards/<reward>/redeem", "receipts:write", Posted, status=201)
def redeem(path: RewardPath, body: Redemption, header: Once) -> tuple[Response, int]:
    """Hand out a reward for its cost; send a receipt or an Idempotency-Key so that it happens once."""
    order = Order(_number(body.receipt), reward=path.reward, location=body.location)
    return _post(path.serial, order, header.key, body.code)


def _post(serial: str, order: Order, key: str, code: str | None = None) -> tuple[Response, int]:
    here = service()

    def do(tx: Connection) -> Said:
        held = cards.by_serial(tx, serial, lock=True)
        answer = posted.post(tx, held, order, here.now, _staff())
        if not answer.repeated:
            # A repeat brings the same code, which was accepted then.
            proof = stepup.read(code, held, here.secrets, here.now)
            stepup.settle(tx, held, proof, answer.body["effects"]["spent"], here.now)
        return 201, answer.body

    return once(key, do)


def _number(brought: str | None) -> str:
    return brought or f"api-{secrets.token_hex(8)}"


def _staff() -> str:
    return f"key {caller().name}"[:80]
