"""What the till's form asks for, as an order. The receipt's number was made with the page, before anything was sent."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping

from ...errors import BadInput
from ...points.orders import Order
from ...programmes import Programme
from ...words import minor_digits
from . import amounts

_RECEIPT = re.compile(r"till-[A-Za-z0-9]{16,60}", re.ASCII)


class Mistyped(BadInput):
    """A field of the form; `code` is a key of the words that say what is expected."""

    def __init__(self, code: str, field: str) -> None:
        super().__init__("The form was not filled in as expected.", field=field)
        self.code = code


def new_receipt() -> str:
    return f"till-{secrets.token_hex(12)}"


def receipt(given: str) -> str:
    if not _RECEIPT.fullmatch(given):
        raise Mistyped("page_too_old", "receipt")
    return given


def order(given: Mapping[str, str], programme: Programme) -> Order:
    """A reward, or a purchase that may be paid with points in part."""
    number = receipt(given.get("receipt", ""))
    if given.get("reward"):
        return Order(number, reward=given["reward"][:40])
    currency = programme.definition.currency
    total = _typed("amount", lambda: amounts.money(given.get("amount", ""), minor_digits(currency)))
    redeem = _typed("points", lambda: amounts.points(given.get("points", "")))
    if not total and not redeem:
        raise Mistyped("amount_missing", "amount")
    if total and redeem * programme.definition.worth_of_one > total:
        raise Mistyped("points_over_bill", "points")
    return Order(number, total=total, currency=currency, redeem=redeem)


def _typed(field: str, read: Callable[[], int]) -> int:
    try:
        return read()
    except amounts.NotAnAmount as wrong:
        raise Mistyped(wrong.why, field) from None
