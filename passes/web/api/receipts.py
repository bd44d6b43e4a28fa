"""Receipts: what a purchase does to a card, done once; its undoing; and what is given or taken by hand."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Annotated, Any

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from ... import cards, stepup
from ...errors import BadInput
from ...idempotency import Said
from ...points import receipts as posted
from ...points import returns
from ...points.orders import Order
from ...points.remainder import lines_of
from ...store import Connection
from ..current import service
from .answers import once
from .callers import staff
from .cards import Balances, CardPath
from .document import operation
from .fields import (
    Answer,
    Body,
    Change,
    Code,
    CouponCode,
    Money,
    Once,
    Pin,
    Place,
    Points,
    ProgrammeKey,
    PromoCode,
    Quantity,
    Reason,
    Receipt,
    Why,
    whole,
)
from .pins import is_proved

receipts = APIBlueprint("receipts", __name__, abp_tags=[{"name": "Receipts"}])

_WHY: dict[str, Any] = {"paid": 1250, "points": 1, "per": 100, "rounding": "down"}
_ENTRY: dict[str, Any] = {
    "entry": 41,
    "kind": "earn",
    "amount": 12,
    "unit": "points",
    "why": _WHY,
    "expires": None,
    "ripens": None,
}
_QUOTED: dict[str, Any] = {
    "receipt": "R-2026-0041",
    "entries": [_ENTRY],
    "balances": {"points": 132},
    "tier": "silver",
    "effects": {"earned": 12, "spent": 0, "discount": 0, "tier_changed": False},
    "notes": [],
    "why": [{**_WHY, "kind": "earn", "unit": "points", "amount": 12}],
}


class Line(Body):
    """An article on the receipt; kept with it, for reports and for returns."""

    sku: Annotated[str, Field(max_length=80)] | None = None
    category: Annotated[str, Field(max_length=80)] | None = None
    name: Annotated[str, Field(max_length=200)] | None = None
    quantity: Quantity
    price: Money


_BOUGHT: dict[str, Any] = {
    "receipt": "R-2026-0041",
    "location": "Main street",
    "total": 1250,
    "currency": "PLN",
    "lines": [{"sku": "latte", "quantity": 1, "price": 1250}],
}


class Sale(Body):
    """`total` is what was bought, in the currency's smallest unit; without one it is the sum of the lines' prices.

    A line's `price` is for its whole quantity. `partner` is the shop of the coalition at whose till it happens.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_BOUGHT]})

    receipt: Receipt
    location: Place | None = None
    total: Money | None = None
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = None
    lines: Annotated[tuple[Line, ...], Field(max_length=200)] = ()
    event: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    partner: ProgrammeKey | None = None

    def order(self) -> Order:
        lines = [line.model_dump(exclude_none=True) for line in self.lines]
        total = sum(line.price for line in self.lines) if self.total is None else self.total
        return Order(self.receipt, total, self.currency, self.location, self.event, lines, partner=self.partner)


class Purchase(Sale):
    """`total` is what was bought, in the currency's smallest unit; without one it is the sum of the lines' prices.

    A line's `price` is for its whole quantity. `redeem` is points to pay with.

    `coupons` and a `promo` code come off first. `reward` is handed out for its cost. `partner` is the shop of the
    coalition at whose till it happens. A card that has a `pin` spends with it alone. A `code` from the member's phone
    proves that the phone is here, which a programme may ask for when points are spent (`spend_floor`).
    """

    redeem: Points = 0
    code: Code | None = None
    reward: ProgrammeKey | None = None
    coupons: Annotated[tuple[CouponCode, ...], Field(max_length=10)] = ()
    promo: PromoCode | None = None
    pin: Pin | None = None

    def order(self) -> Order:
        bought = super().order()
        return replace(bought, redeem=self.redeem, reward=self.reward, coupons=self.coupons, promo=self.promo)


class Entry(Answer):
    """A posting in the ledger; `entry` is null in a quote."""

    entry: int | None
    kind: str
    unit: str
    amount: int
    why: Why
    expires: int | None
    ripens: int | None


class UsedCoupon(Answer):
    coupon: str
    discount: int


class UsedPromo(Answer):
    promo: str
    discount: int


class Effects(Answer):
    """`discount` is money off the bill for coupons, promo code and points spent."""

    earned: int
    spent: int
    discount: int
    tier_changed: bool
    coupons: list[UsedCoupon] = []
    promo: UsedPromo | None = None


class Quoted(Answer):
    """`notes` say what a rule would have given, and which cap did not let it.

    `stock`: no such coupon is left; `member`: the member has used as many as one may.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_QUOTED]})

    receipt: str
    entries: list[Entry]
    balances: Balances
    tier: str | None
    effects: Effects
    notes: list[Why]
    why: list[Why]


class Posted(Quoted):
    """What happened; a repeat is told the same, whatever happened since."""


class ReturnedLine(Body):
    """Some articles of a line, named by its place on the receipt (from 0) or by its sku."""

    line: Annotated[int, Field(ge=0, le=199), BeforeValidator(whole)] | None = None
    sku: Annotated[str, Field(min_length=1, max_length=80)] | None = None
    quantity: Quantity = 1

    @model_validator(mode="after")
    def _named(self) -> ReturnedLine:
        if (self.line is None) == (self.sku is None):
            raise ValueError("either `line` or `sku`")
        return self


class Reversal(Body):
    """`receipt` is the reversal's own number; without one, a repeat of the whole reversal is recognised all the same.

    With `lines` only those come back; then send a `receipt` or an Idempotency-Key, since the same may come back twice.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"reason": "Goods returned"},
                {"receipt": "R-2026-0077", "lines": [{"line": 0, "quantity": 1}]},
            ]
        }
    )

    lines: Annotated[tuple[ReturnedLine, ...], Field(min_length=1, max_length=200)] | None = None

    receipt: Receipt | None = None
    programme: ProgrammeKey | None = None
    reason: Reason | None = None


class Adjustment(Body):
    """Points given (above zero) or taken (below), with the reason that the member will read."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"amount": 50, "reason": "Sorry for the long wait"}]})

    amount: Change
    unit: Annotated[str, Field(pattern="^[a-z]{1,20}$", description="Of what; the main unit when left out.")] | None = (
        None
    )
    reason: Reason
    receipt: Receipt | None = None


class Redemption(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"receipt": "R-2026-0042", "location": "Main street"}]})

    receipt: Receipt | None = None
    location: Place | None = None
    code: Code | None = None
    pin: Pin | None = None


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
    return _post(path.serial, body.order(), header.key, body.pin, body.code)


@operation(receipts, "post", "/cards/<serial>/receipts/quote", "receipts:write", Quoted)
def quote(path: CardPath, body: Purchase) -> tuple[dict[str, Any], int]:
    """Tell what a receipt would do; nothing is stored."""
    here = service()
    with here.store.reading() as tx:
        held = cards.by_serial(tx, path.serial)
        # Who only asks need not prove who they are: nothing leaves the card.
        quoted = posted.quote(tx, held, replace(body.order(), proved=True), here.now)
        proof = stepup.read(body.code, held, here.secrets, here.now)
        stepup.check(tx, held, proof, quoted["effects"]["spent"], here.now)
        return quoted, 200


@operation(receipts, "post", "/receipts/<path:receipt>/reverse", "receipts:write", Posted, status=201)
def reverse(path: ReceiptPath, body: Reversal, header: Once) -> tuple[Response, int]:
    """Reverse a receipt, or some lines of it: every point goes back where it came from, with its original end.

    After lines came back, the receipt has given what the rest of the purchase would have; whole, nothing. Say the
    programme when several use the same numbers. Points that were spent meanwhile are taken from the card's others; if
    those do not suffice it is refused, unless the programme forgives it.
    """

    def do(tx: Connection) -> Said:
        serial = posted.find(tx, path.receipt, body.programme).serial
        held = cards.by_serial(tx, serial, lock=True)
        # Read again under the lock: another till may have reversed it in between.
        original = posted.find(tx, path.receipt, body.programme)
        number, now = body.receipt or f"{original.receipt}~reversed", service().now
        if body.lines is None:
            return 201, returns.reverse(tx, held, original, number, now, staff(), body.reason or "").body
        if not body.receipt:
            number = f"{original.receipt}~{secrets.token_hex(4)}"
        lines = lines_of(original, [line.model_dump() for line in body.lines])
        return 201, returns.give_back(tx, held, original, lines, number, now, staff(), body.reason or "").body

    if body.lines is not None and not body.receipt and not header.key:
        raise BadInput("Send a receipt number or an Idempotency-Key with a return of lines.", field="receipt")
    return once(header.key, do)


@operation(receipts, "post", "/cards/<serial>/adjustments", "adjustments:write", Posted, status=201)
def adjust(path: CardPath, body: Adjustment, header: Once) -> tuple[Response, int]:
    """Give or take points by hand; send a receipt or an Idempotency-Key so that it happens once."""
    order = Order(_number(body.receipt), adjust=body.amount, unit=body.unit, reason=body.reason)
    return _post(path.serial, order, header.key)


@operation(receipts, "post", "/cards/<serial>/rewards/<reward>/redeem", "receipts:write", Posted, status=201)
def redeem(path: RewardPath, body: Redemption, header: Once) -> tuple[Response, int]:
    """Hand out a reward for its cost; send a receipt or an Idempotency-Key so that it happens once."""
    order = Order(_number(body.receipt), reward=path.reward, location=body.location)
    return _post(path.serial, order, header.key, body.pin, body.code)


def _post(serial: str, order: Order, key: str, pin: str | None = None, code: str | None = None) -> tuple[Response, int]:
    order, here = replace(order, proved=is_proved(serial, pin)), service()

    def do(tx: Connection) -> Said:
        held = cards.by_serial(tx, serial, lock=True)
        answer = posted.post(tx, held, order, here.now, staff())
        if not answer.repeated:
            # A repeat brings the same code, which was accepted then.
            proof = stepup.read(code, held, here.secrets, here.now)
            stepup.settle(tx, held, proof, answer.body["effects"]["spent"], here.now)
        return 201, answer.body

    return once(key, do)


def _number(brought: str | None) -> str:
    return brought or f"api-{secrets.token_hex(8)}"
