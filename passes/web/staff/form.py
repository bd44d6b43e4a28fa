"""What the till's form asks for, as an order. The receipt's number was made with the page, before anything was sent."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict

from ... import basket, couponcodes
from ...definition import CouponPart, Definition
from ...errors import BadInput
from ...points.orders import Order
from ...programmes import Programme
from ...text import one_line
from ...words import minor_digits
from . import amounts, layout

FIELDS = ("receipt", "amount", "points", "stamps", "coupon", "promo", "price", "reward")
PRICE_OF = "price-"
MOST_COUPONS = 20
MOST_PIN = 8
MOST_REASON = 200
Filled = MultiDict[str, str]

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


def pin(given: Filled) -> str | None:
    """The card's PIN if one was typed. It is in no order, and no page ever shows it again."""
    return given.get("pin", "").strip()[: MOST_PIN + 1] or None


def reason(given: Filled) -> str:
    """Why something is given, corrected or taken back: a line that stays with the receipt."""
    said = one_line(given.get("reason", "")[:500])
    if not 0 < len(said) <= MOST_REASON:
        raise Mistyped("reason_missing", "reason")
    return said


def coupon_codes(given: Filled) -> list[str]:
    """The coupons that were ticked, and one whose code was typed or scanned."""
    typed = couponcodes.read(layout.latin(given.get("promo", "")))
    ticked = [code[:40] for code in given.getlist("coupon")[:MOST_COUPONS]]
    return list(dict.fromkeys([*ticked, *([couponcodes.written(typed)] if typed else [])]))


def order(given: Filled, programme: Programme, kinds: Mapping[str, str], location: str) -> Order:
    """A reward, or a purchase: what is bought, what is stamped, what takes off the bill and what pays it.

    `location` is the till's, empty where there is none. `kinds` says what each coupon is, used or not: a form that is
    sent again must ask for the same.
    """
    number, definition = receipt(given.get("receipt", "")), programme.definition
    if given.get("reward"):
        return Order(number, reward=given["reward"][:40])
    chosen, promo = _chosen(given, definition, kinds), _promo(given)
    pieces = [used.piece for used in chosen if used.piece]
    total = _money(given, "amount", definition) or sum(piece.price for piece in pieces)
    redeem = _spent(given, definition)
    stamps = _stamps(given, definition)
    if not (total or redeem or stamps or chosen or promo):
        raise Mistyped("amount_missing", "amount")
    if not total and (any(used.needs_bill for used in chosen) or _takes_off(promo, definition)):
        raise Mistyped("amount_missing", "amount")
    if sum(piece.price for piece in pieces) > total:
        raise Mistyped("price_over_bill", "amount")
    if total and redeem * definition.worth > total:
        raise Mistyped("points_over_bill", "points")
    codes = [used.code for used in chosen]
    bill = {"total": total, "redeem": redeem, "stamps": stamps}
    return basket.order(number, definition, location, **bill, pieces=pieces, coupons=codes, promo=promo)


def kept(given: Filled) -> list[tuple[str, str]]:
    """Every field as it was filled in, for the form that counts it."""
    fields = [*FIELDS, *(name for name in given if name.startswith(PRICE_OF))]
    return [(name[:40], value[:80]) for name in fields for value in given.getlist(name)[:MOST_COUPONS] if value]


def typed(given: Filled, bill: str | None) -> dict[str, Any]:
    """What a form showed when it was sent, to be shown again; `bill` comes with the page's address."""
    fields = {name: given.get(name, "")[:40] for name in FIELDS}
    prices = {name.removeprefix(PRICE_OF): given[name][:14] for name in given if name.startswith(PRICE_OF)}
    return fields | {"amount": fields["amount"] or bill or "", "coupons": given.getlist("coupon"), "prices": prices}


@dataclass(frozen=True)
class _Used:
    """A coupon that goes with the bill. Without a `part` it is none of this programme, which the store will say."""

    code: str
    part: CouponPart | None
    piece: basket.Piece | None = None

    @property
    def needs_bill(self) -> bool:
        return self.part is not None and self.part.discount is not None


def _chosen(given: Filled, definition: Definition, kinds: Mapping[str, str]) -> list[_Used]:
    parts = {part.key: part for part in definition.coupons}
    chosen = []
    for code in coupon_codes(given):
        part, piece = parts.get(kinds.get(code, "")), None
        if part and basket.needs_price(part):
            field = f"{PRICE_OF}{code}" if code in given.getlist("coupon") else "price"
            price = _money(given, field, definition)
            if not price:
                raise Mistyped("price_missing", field)
            piece = basket.Piece(part.goods.goods or basket.ANYTHING, price)
        chosen.append(_Used(code, part, piece))
    return chosen


def _promo(given: Filled) -> str:
    """The promo code that was typed; a coupon's code is none."""
    typed = layout.latin(given.get("promo", "").strip()[:40])
    return "" if couponcodes.read(typed) else typed.upper()


def _takes_off(promo: str, definition: Definition) -> bool:
    return any(part.code == promo and part.discount for part in definition.promos)


def _spent(given: Filled, definition: Definition) -> int:
    """What the card pays, in its unit; stored money is typed as money."""
    if definition.main_kind == "money":
        return _money(given, "points", definition)
    return _typed("points", lambda: amounts.points(given.get("points", "")))


def _stamps(given: Filled, definition: Definition) -> int:
    counts = basket.stamping(definition)
    number = _typed("stamps", lambda: amounts.points(given.get("stamps", ""))) if counts else 0
    if counts and number > counts.most:
        raise Mistyped("stamps_many", "stamps")
    return number


def _money(given: Filled, field: str, definition: Definition) -> int:
    return _typed(field, lambda: amounts.money(given.get(field, ""), minor_digits(definition.currency)))


def _typed(field: str, read: Callable[[], int]) -> int:
    try:
        return read()
    except amounts.NotAnAmount as wrong:
        raise Mistyped(wrong.why, field) from None
