"""What is left of a purchase when some of its goods come back: pure arithmetic over the receipt as it was posted.

Prices, discounts and points paid shrink in proportion, always from the whole receipt and all that ever came back: so
several partial returns come to the same as one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Protocol

from ..errors import BadInput
from .orders import goods
from .rules import Line, Purchase, moment


@dataclass(frozen=True)
class Returned:
    """Some of a line's articles: the line's place on the receipt, from 0."""

    line: int
    quantity: int


class Judged(Protocol):
    """A receipt as it was posted: a row, or what a replay makes of it."""

    @property
    def created(self) -> int: ...
    @property
    def total(self) -> int: ...
    @property
    def content(self) -> Mapping[str, Any]: ...
    @property
    def context(self) -> Mapping[str, Any] | None: ...


@dataclass(frozen=True)
class Kept:
    """What is left of a purchase after returns, and of what was paid with points for it."""

    purchase: Purchase
    redeemed: int

    @property
    def is_nothing(self) -> bool:
        """Every line came back, and nothing was bought that had none."""
        return not self.purchase.lines and not self.purchase.total


def lines_of(original: Judged, asked: Sequence[Mapping[str, Any]]) -> list[Returned]:
    """What a till returns, by the place of a line or by its sku, as places."""
    lines = original.content.get("lines", [])
    found = []
    for number, each in enumerate(asked):
        place = each.get("line")
        if place is None:
            places = [i for i, line in enumerate(lines) if line.get("sku") == each["sku"]]
            if len(places) != 1:
                many = "no line" if not places else "several lines"
                raise BadInput(f"The receipt has {many} with this sku; say which line.", field=f"lines.{number}.sku")
            place = places[0]
        if place >= len(lines):
            raise BadInput(f"The receipt has {len(lines)} lines, counted from 0.", field=f"lines.{number}.line")
        found.append(Returned(place, each["quantity"]))
    return found


def left_of(original: Judged, zone: tzinfo, gone: Mapping[int, int]) -> Kept:
    """The purchase without so many articles of its lines, by the place of the line.

    What came off certain lines goes with their articles; other discounts lie on the whole.
    """
    content, context = original.content, original.context or {}
    lines = goods(content.get("lines", []))
    left = [_rest(line, gone.get(place, 0)) for place, line in enumerate(lines)]
    listed, stays = sum(line.price for line in lines), sum(line.price for line in left)
    # Lines that do not add up to the bill: what was not listed stays, a discount lies on all lines alike.
    total = original.total * stays // listed if listed > original.total else original.total - (listed - stays)
    cuts = context.get("cuts") or [0] * len(lines)
    stay = [cut * rest.quantity // line.quantity for cut, line, rest in zip(cuts, lines, left, strict=True)]
    paid, whole = context.get("paid", original.total), original.total - sum(cuts)
    purchase = Purchase(
        moment(original.created, zone),
        total,
        paid * (total - sum(stay)) // whole if whole else 0,
        tuple(rest._replace(price=rest.price - cut) for rest, cut in zip(left, stay, strict=True) if rest.quantity),
        content.get("event"),
        content.get("location"),
        sum(stay),
    )
    redeem = content.get("redeem", 0)
    gone_redeemed = redeem * (original.total - total) // original.total if original.total else 0
    return Kept(purchase, redeem - gone_redeemed)


def _rest(line: Line, gone: int) -> Line:
    quantity = line.quantity - gone
    return line._replace(quantity=quantity, price=line.price * quantity // line.quantity)
