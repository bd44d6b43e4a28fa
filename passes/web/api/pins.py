"""A card's PIN: set and removed by the shop's system; said with whatever spends."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import ConfigDict

from ... import cardpins, cards
from ...idempotency import Said
from ...store import Connection
from ..current import service
from .answers import once
from .cards import CardPath
from .document import operation
from .fields import Answer, Body, Once, Pin

pins = APIBlueprint("pins", __name__, abp_tags=[{"name": "Gift cards"}])


class NewPin(Body):
    """Null removes it: the card spends without one again."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"pin": "4812"}]})

    pin: Pin | None


class PinState(Answer):
    """Whether the card has a PIN; which one, nobody can be told."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"has_pin": True}]})

    has_pin: bool


@operation(pins, "put", "/cards/<serial>/pin", "members:write", PinState)
def choose(path: CardPath, body: NewPin, header: Once) -> tuple[Response, int]:
    """Set or change the PIN without which a card does not spend; after five wrong ones it has to wait."""
    here = service()

    def do(tx: Connection) -> Said:
        held = cards.by_serial(tx, path.serial, lock=True)
        if body.pin is None:
            cardpins.remove(tx, held)
        else:
            cardpins.put(tx, here.secrets, held, body.pin, here.now)
        return 200, {"has_pin": body.pin is not None}

    return once(header.key, do)


def is_proved(serial: str, pin: str | None) -> bool:
    here = service()
    return cardpins.prove(here.store, here.secrets, serial, pin, here.now)
