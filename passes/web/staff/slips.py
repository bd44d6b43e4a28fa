"""Receipts to be claimed later, as far as the person at the till made them, and may still take them back."""

from __future__ import annotations

from flask import url_for

from ... import claims, programmes
from ...claimslip import slip
from ...errors import NotFound
from ...store import Connection, Row
from ..current import service
from ..login.backstage import presence, words
from .attempt import is_fresh


def mine(tx: Connection, receipt: str) -> Row:
    """The claim if this person made it; another's is as good as none."""
    row = claims.of_receipt(tx, receipt[:100])
    if row.staff.partition("@")[0] != presence().person.key:
        raise NotFound("There is no claim of a receipt with this number.", field="receipt")
    return row


def may_void(row: Row) -> bool:
    return is_fresh(row) and claims.state(row, service().now) == "open"


def last(tx: Connection, receipt: str) -> dict[str, str] | None:
    """The one made last, while it can be taken back: what it was, for how much, and where it is taken back."""
    try:
        row = mine(tx, receipt)
    except NotFound:
        return None
    if not may_void(row):
        return None
    told = slip(row, programmes.get(tx, row.programme_id), words(), service().now)
    undo = url_for("staff.claim", receipt=receipt)
    return {"undo": undo, "name": words().say("claim.last"), "change": told.money}
