"""Claims: purchases without a card, each with a code for the customer's phone; shown again, and taken back."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from flask import Response, jsonify
from flask_openapi.blueprint import APIBlueprint
from pydantic import ConfigDict, Field

from ... import claimcodes, programmes
from ... import claims as kept
from ...claims import Maker
from ...idempotency import Said
from ...store import Connection, Row
from ..current import service
from .answers import once
from .callers import staff
from .document import operation
from .fields import Answer, Body, Once, Place
from .programmes import ProgrammePath
from .receipts import Sale

claims = APIBlueprint("claims", __name__, abp_tags=[{"name": "Claims"}])

_CODE = "R-7K2M-9QRT-4WXZ-0A1B-2C3D"
_CLAIM: dict[str, Any] = {
    "receipt": "R-2026-0041",
    "programme": "cafe",
    "state": "open",
    "code": _CODE,
    "link": f"https://cards.example.org/claim/{_CODE.replace('-', '')}",
    "created": 1_790_000_000,
    "ends": 1_792_540_800,
    "claimed": None,
}


class ReceiptClaim(Answer):
    """`link` is what a QR code on the receipt says, `code` is for who must type it; both until `ends`.

    `state` is open, claimed (since `claimed`), expired or void.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_CLAIM]})

    receipt: str
    programme: str
    state: Literal["open", "claimed", "expired", "void"]
    code: str
    link: str
    created: int
    ends: int
    claimed: int | None


class ClaimPath(Body):
    key: Place
    receipt: Annotated[str, Field(max_length=100)]


@operation(claims, "post", "/programmes/<key>/claims", "receipts:write", ReceiptClaim, status=201)
def make(path: ProgrammePath, body: Sale, header: Once) -> tuple[Response, int]:
    """Keep a purchase of a customer who has no card with them, for the card that claims it.

    Print the link as a QR code, or send it: whoever claims it first has the receipt on their card. The same
    number with the same content gets the same code, with other content it is refused.
    """
    here = service()

    def do(tx: Connection) -> Said:
        programme = programmes.find(tx, path.key)
        days = here.settings.till.claim_days
        row, _ = kept.make(tx, here.secrets, programme, body.order(), Maker(staff()), days, here.now)
        return 201, _bare(row)

    return once(header.key, do, _with_code)


@operation(claims, "get", "/programmes/<key>/claims/<path:receipt>", "receipts:write", ReceiptClaim)
def show(path: ClaimPath) -> Response:
    """Show a claim by its receipt's number: its code, and whether somebody claimed it."""
    with service().store.reading() as tx:
        return jsonify(_with_code(tx, _bare(kept.of_receipt(tx, path.receipt, path.key))))


@operation(claims, "delete", "/programmes/<key>/claims/<path:receipt>", "receipts:write", ReceiptClaim)
def void(path: ClaimPath) -> tuple[Response, int]:
    """Take a claim back; doing it again changes nothing. One that was claimed is refused: reverse its receipt."""

    def do(tx: Connection) -> Said:
        return 200, _bare(kept.void(tx, kept.of_receipt(tx, path.receipt, path.key), service().now))

    return once("", do, _with_code)


def _bare(row: Row) -> dict[str, Any]:
    """Without the code, which is in no answer that is kept."""
    return {
        "receipt": row.receipt,
        "programme": row.programme,
        "state": kept.state(row, service().now),
        "created": row.created,
        "ends": row.ends,
        "claimed": row.claimed,
    }


def _with_code(tx: Connection, told: dict[str, Any]) -> dict[str, Any]:
    here = service()
    code = kept.code(here.secrets, kept.of_receipt(tx, told["receipt"], told["programme"]))
    link = claimcodes.link(here.settings.server.public_url, code)
    return told | {"code": claimcodes.written(code), "link": link}
