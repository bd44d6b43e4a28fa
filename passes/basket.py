"""What was typed in at a till, as an order: as many lines as the programme's rules and coupons need, and no more.

A till without the shop's own system knows a sum, perhaps how many of something that brings stamps, perhaps what the
piece costs that a coupon gives. Of these come the lines of an ordinary order, by which the engine counts as by
any other: there is no second way to a stamp. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .card import Text
from .definition import CouponPart, Definition, RulePart, WhenPart
from .points.orders import Order
from .points.rules import Goods

VISIT = "visit"
# More in one go is a slip of the finger.
MOST_AT_ONCE = 20
_STAMPED = ("stamps", "visits")
ANYTHING = Goods()


@dataclass(frozen=True)
class Stamping:
    """What the rules count without a bill: a visit, or pieces of certain goods.

    `leads`: it is what this programme is about, and money earns nothing of its unit.
    """

    unit: str
    kind: str
    name: Text
    goods: Goods | None = None
    leads: bool = False

    @property
    def most(self) -> int:
        """How many at once; nobody comes in twice."""
        return 1 if self.goods is None else MOST_AT_ONCE


@dataclass(frozen=True)
class Piece:
    """Goods that a coupon is for, and what they cost on this bill."""

    goods: Goods
    price: int


def stamping(definition: Definition) -> Stamping | None:
    """How this programme counts without a bill; None: it does not."""
    kinds = definition.kinds
    rules = [rule for rule in definition.rules if _needs_no_bill(rule)]
    rule = min(rules, key=lambda rule: kinds[rule.unit or definition.unit] not in _STAMPED, default=None)
    if rule is None:
        return Stamping("", VISIT, {}) if _counts_visits(definition) else None
    unit = rule.unit or definition.unit
    goods = (rule.goods.goods or ANYTHING) if rule.measure == "item" else None
    return Stamping(
        unit=definition.short(unit),
        kind=kinds[unit],
        name=rule.name or {},
        goods=goods,
        leads=kinds[unit] in _STAMPED and not _is_paid_for(definition, unit),
    )


def needs_price(part: CouponPart) -> bool:
    """Whether the coupon is for certain goods, whose price a sum alone does not tell."""
    return part.discount is not None and (part.discount.free_item or part.goods.goods is not None)


def order(
    receipt: str,
    definition: Definition,
    location: str,
    *,
    total: int = 0,
    redeem: int = 0,
    stamps: int = 0,
    pieces: Sequence[Piece] = (),
    coupons: Sequence[str] = (),
    promo: str = "",
) -> Order:
    """A purchase, with a connection or without: typed the same it asks the same, and so counts once."""
    counts = stamping(definition) if stamps else None
    goods = counts.goods if counts else None
    return Order(
        receipt,
        location=location or None,
        total=total,
        currency=definition.currency,
        redeem=redeem,
        event=VISIT if counts and goods is None else None,
        lines=lines(total, goods, pieces, stamps),
        coupons=tuple(coupons),
        promo=promo or None,
    )


def lines(total: int, counted: Goods | None, pieces: Sequence[Piece], number: int) -> tuple[dict[str, Any], ...]:
    """The bill's lines, which together cost `total`; none where a sum says it all.

    `number` pieces are counted as the goods `counted`, those that coupons give among them.
    """
    made = [_line(piece.goods, 1, piece.price) for piece in pieces]
    rest = total - sum(piece.price for piece in pieces)
    if counted is not None:
        number -= sum(counted.has(piece.get("sku"), piece.get("category")) for piece in made)
        if number > 0:
            # Where everything counts there is nothing else on the bill.
            price = rest if counted.is_open else 0
            made.append(_line(counted, number, price))
            rest -= price
    return (*made, {"quantity": 1, "price": rest}) if made and rest else tuple(made)


def _line(goods: Goods, quantity: int, price: int) -> dict[str, Any]:
    """Something of these goods."""
    line: dict[str, Any] = {"quantity": quantity, "price": price}
    if goods.categories:
        return line | {"category": min(goods.categories)}
    return line | {"sku": min(goods.skus)} if goods.skus else line


def _needs_no_bill(rule: RulePart) -> bool:
    when = rule.when
    if _needs_total(when) or when.first_purchase or when.next_within:
        return False
    match rule.measure:
        case "visit":
            return when.event in (None, VISIT)
        case "event":
            return when.event == VISIT
        case "item":
            return when.event is None
        case "money":
            return False


def _counts_visits(definition: Definition) -> bool:
    by_visits = definition.policy.levels and definition.policy.by == "visits"
    return bool(by_visits) or any(
        task.measure == "visits" and not _needs_total(task.when) for task in definition.challenges
    )


def _needs_total(when: WhenPart) -> bool:
    return when.min_total > 0 or when.above_own_average is not None


def _is_paid_for(definition: Definition, unit: str) -> bool:
    """Whether money alone brings the unit."""
    is_base = unit == definition.unit and definition.earn.points > 0
    return is_base or any(r.measure == "money" and (r.unit or definition.unit) == unit for r in definition.rules)
