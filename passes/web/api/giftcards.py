"""Gift cards and prepaid visits: paid in, and moved to another card. Spending is a receipt's affair."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BeforeValidator, ConfigDict, Field

from ... import cards, transfers
from ...definition import MAX_AMOUNT
from ...idempotency import Said
from ...points import receipts
from ...points.orders import Order
from ...store import Connection
from ..current import service
from .answers import once
from .callers import staff
from .cards import CardPath
from .document import operation
from .fields import Body, Once, Pin, Place, Receipt, whole
from .pins import is_proved
from .receipts import Posted

giftcards = APIBlueprint("giftcards", __name__, abp_tags=[{"name": "Gift cards"}])

Amount = Annotated[int, Field(ge=1, le=MAX_AMOUNT), BeforeValidator(whole)]


class TopUp(Body):
    """Paid in: money in the smallest unit, or visits."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"receipt": "R-2026-0050", "amount": 10_000}]})

    receipt: Receipt
    amount: Amount
    location: Place | None = None


class Transfer(Body):
    """To the card with the serial `to`, of the same programme; a card that has a `pin` gives with it alone."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"receipt": "R-2026-0051", "to": "p7Qm3kZx9Lw2Rt5vBn8cYd", "amount": 2500}]}
    )

    receipt: Receipt
    to: Place
    amount: Amount
    pin: Pin | None = None


@operation(giftcards, "post", "/cards/<serial>/top-ups", "adjustments:write", Posted, status=201)
def top_up(path: CardPath, body: TopUp, header: Once) -> tuple[Response, int]:
    """Pay into a gift card, or sell visits; the same receipt number pays in once."""
    order = Order(body.receipt, location=body.location, top_up=body.amount)

    def do(tx: Connection) -> Said:
        held = cards.by_serial(tx, path.serial, lock=True)
        return 201, receipts.post(tx, held, order, service().now, staff()).body

    return once(header.key, do)


@operation(giftcards, "post", "/cards/<serial>/transfers", "receipts:write", Posted, status=201)
def transfer(path: CardPath, body: Transfer, header: Once) -> tuple[Response, int]:
    """Move an amount to another card; what is moved keeps its end. A transfer is undone by transferring back."""
    order = Order(body.receipt, transfer=body.amount, other=body.to)
    order = replace(order, proved=is_proved(path.serial, body.pin))

    def do(tx: Connection) -> Said:
        giver, taker = transfers.lock_both(tx, path.serial, body.to)
        return 201, transfers.transfer(tx, giver, taker, order, service().now, staff())

    return once(header.key, do)
