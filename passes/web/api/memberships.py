"""Memberships: until when a card is paid for, told to us by whoever takes the money."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from flask import Response, jsonify
from flask_openapi.blueprint import APIBlueprint
from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from ... import cards, programmes
from ... import memberships as kept
from ...errors import NotFound
from ...idempotency import Said
from ...store import Connection
from ..current import service
from .answers import once
from .cards import CardPath
from .document import operation
from .fields import Answer, Body, Instant, Once, whole

memberships = APIBlueprint("memberships", __name__, abp_tags=[{"name": "Memberships"}])

Periods = Annotated[int, Field(ge=1, le=kept.MOST_PERIODS), BeforeValidator(whole)]


class Payment(Body):
    """Either so many `periods` were paid, or it is `paid_until` then; an earlier time takes a payment back."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"periods": 1}],
            "oneOf": [{"required": ["periods"]}, {"required": ["paid_until"]}],
        }
    )

    periods: Periods | None = None
    paid_until: Instant | None = None

    @model_validator(mode="after")
    def _one(self) -> Payment:
        if (self.periods is None) == (self.paid_until is None):
            raise ValueError("either `periods` or `paid_until`")
        return self


class Membership(Answer):
    """`state` is paid, grace (benefits go on for a while), over, or unpaid (never paid)."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"state": "paid", "until": 1_821_500_000}]})

    state: str
    until: int | None


@operation(memberships, "get", "/cards/<serial>/membership", "cards:read", Membership)
def show(path: CardPath) -> Response:
    """Show whether a card's membership is paid, and until when."""
    with service().store.reading() as tx:
        held = cards.by_serial(tx, path.serial)
        stands = kept.state(tx, programmes.of_card(tx, held).definition, held.id, service().now)
    if stands is None:
        raise NotFound("This programme has no membership.")
    return jsonify(asdict(stands))


@operation(memberships, "post", "/cards/<serial>/membership", "receipts:write", Membership)
def pay(path: CardPath, body: Payment, header: Once) -> tuple[Response, int]:
    """Tell that a membership was paid; send an Idempotency-Key so that a repeat does not renew twice.

    Whoever renews in time or in the time of grace goes on from the end of what was paid; later, it begins anew.
    """

    def do(tx: Connection) -> Said:
        held = cards.by_serial(tx, path.serial, lock=True)
        programme = programmes.of_card(tx, held)
        if body.paid_until is not None:
            return 200, asdict(kept.pay_until(tx, programme, held, body.paid_until, service().now))
        return 200, asdict(kept.renew(tx, programme, held, body.periods or 1, service().now))

    return once(header.key, do)
