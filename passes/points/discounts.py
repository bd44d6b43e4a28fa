"""What a coupon or a promo code takes off a bill: pure arithmetic, line by line, with its explanation.

A discount never takes more than the goods it is for cost. Fractions of the smallest unit are left with the shop.
What comes off is spread over the lines, so that what remains of each can go on to earn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import BadInput, Conflict
from .rules import Goods, Line


class DoesNotFit(Conflict):
    """The bill is not what the discount is for."""

    code = "does_not_fit"


@dataclass(frozen=True)
class Bill:
    """What is bought. Without lines only the total is known."""

    total: int
    lines: tuple[Line, ...] = ()

    def less(self, off: Off) -> Bill:
        """What is left of the bill; what comes off no certain line is not asked of the lines."""
        left = max(0, self.total - off.amount)
        if not off.cuts:
            return Bill(left, self.lines)
        pairs = zip(self.lines, off.cuts, strict=True)
        return Bill(left, tuple(line._replace(price=line.price - cut) for line, cut in pairs))


@dataclass(frozen=True)
class Discount:
    """A share, a sum or the cheapest item that matches, `most` at most; none of them: nothing off, it is a word."""

    percent: int | None = None
    money: int | None = None
    free_item: bool = False
    most: int | None = None
    goods: Goods | None = None
    min_total: int = 0

    @property
    def is_a_word(self) -> bool:
        return self.percent is None and self.money is None and not self.free_item


@dataclass(frozen=True)
class Off:
    """Money off, in all and from each line."""

    amount: int = 0
    cuts: tuple[int, ...] = ()


def off(discount: Discount, bill: Bill, whole: int, field: str = "coupons") -> Off:
    """What comes off the bill; `whole` is its total before any discount, which decides whether it is large enough.

    `field` is what asked for it, for the refusal.
    """
    if whole < discount.min_total:
        missing = discount.min_total - whole
        raise DoesNotFit(f"This needs a bill of {discount.min_total}; {missing} are missing.", field=field)
    if discount.is_a_word:
        return Off(0, (0,) * len(bill.lines))
    taken = _off(discount, bill, field)
    if not taken.amount:
        raise DoesNotFit("This would be used up and take nothing off; keep it for a larger bill.", field=field)
    return taken


def _off(discount: Discount, bill: Bill, field: str) -> Off:
    if not bill.lines:
        return _off_the_total(discount, bill)
    meant = discount.goods
    prices = [line.price if meant is None or meant.has(line.sku, line.category) else 0 for line in bill.lines]
    if not any(prices):
        raise DoesNotFit("Nothing on this bill is what the discount is for.", field=field)
    if discount.free_item:
        return _cheapest(bill, prices, discount.most)
    amount = min(_amount(discount, sum(prices)), bill.total)
    return Off(amount, spread(amount, prices))


def spread(amount: int, weights: Sequence[int]) -> tuple[int, ...]:
    """`amount` in shares proportional to the weights, exact to the last unit; the largest remainders come first."""
    whole = sum(weights)
    if not whole:
        return (0,) * len(weights)
    shares = [amount * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda place: (-(amount * weights[place] % whole), place))
    for place in by_remainder[: amount - sum(shares)]:
        shares[place] += 1
    return tuple(shares)


def _off_the_total(discount: Discount, bill: Bill) -> Off:
    if discount.free_item or discount.goods is not None:
        raise BadInput("This discount is for certain goods: send the bill's lines.", field="lines")
    return Off(_amount(discount, bill.total))


def _amount(discount: Discount, price: int) -> int:
    wanted = discount.money if discount.percent is None else price * discount.percent // 100
    return min(wanted or 0, price, price if discount.most is None else discount.most)


def _cheapest(bill: Bill, prices: Sequence[int], most: int | None) -> Off:
    """One piece of the line whose piece costs least."""
    pieces = [(prices[place] // bill.lines[place].quantity, place) for place in range(len(prices)) if prices[place]]
    price, place = min(pieces)
    amount = min(price, bill.total, price if most is None else most)
    return Off(amount, tuple(amount if at == place else 0 for at in range(len(prices))))
