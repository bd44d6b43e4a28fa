"""What stands on the face of a pass: which fields, in which place, and what fills them.

A phone has room for three fields above, one over the strip and four below, and drops what is too many without a
word (Apple: Wallet Passes, storeCard and generic). So fields are asked for in the order in which a member wants to
see them; what finds no room is told on the back alone. Where stamps are drawn nothing may lie over them, so the
balance moves up.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from pydantic_core import to_json

from ...card import Balance, Card, Challenge
from ...words import minor_digits
from . import model
from .model import Field, blank
from .sentences import NAME, clean, goal_key, is_key

MOST_ABOVE, MOST_BELOW, MOST_BALANCES = 3, 4, 2
LATEST = 253_402_214_400  # the year 9999: as far as a date can be written


class Front(NamedTuple):
    """The names of the fields, by place."""

    header: tuple[str, ...]
    primary: tuple[str, ...]
    secondary: tuple[str, ...]
    auxiliary: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.header, *self.primary, *self.secondary, *self.auxiliary)


def is_stamped(card: Card, images: tuple[str, ...]) -> bool:
    """Whether the picture on the face is the stamp card's."""
    return "strip" in images and card.stamps is not None and card.stamps.can_be_drawn and not card.is_void


def front(card: Card, images: tuple[str, ...]) -> Front:
    """Which fields stand where, for a card of a style with these pictures."""
    stamped = is_stamped(card, images)
    primary = () if stamped else (_main(card),)
    above = [*_above(card, stamped)]
    secondary = ["member"] if clean(card.name, NAME) else []
    if card.is_void:
        return Front(tuple(above), primary, tuple(secondary), ("status",))
    below = [name for name in _below(card) if name not in primary]
    room = MOST_BELOW - len(secondary)
    secondary += [name for name in below[:room] if name in _SECONDARY]
    return Front(
        tuple(above[:MOST_ABOVE]),
        primary,
        tuple(secondary),
        tuple(name for name in below[:room] if name not in _SECONDARY),
    )


_SECONDARY = ("worth", "membership", "balance", "balance.0", "balance.1")


def _main(card: Card) -> str:
    """What the card is about."""
    if card.kind == "membership" and card.membership and not card.is_void:
        return "membership"
    return "coupon" if card.kind == "coupons" and not card.is_void else "balance"


def _above(card: Card, stamped: bool) -> Iterator[str]:
    if stamped:
        yield "stamps"
        if card.stamps and card.stamps.unit:
            yield "balance"
    if card.tier:
        yield "tier"


def _below(card: Card) -> Iterator[str]:
    if card.worth is not None and card.currency:
        yield "worth"
    if card.membership:
        yield "membership"
    if _main(card) != "balance" and card.balance:
        yield "balance"
    yield from (f"balance.{at}" for at, _ in enumerate(_others(card)))
    if card.progress:
        yield "progress"
    if card.expiring:
        yield "expiring"
    if card.pending:
        yield "pending"
    if _challenge(card):
        yield "challenge"


def _others(card: Card) -> tuple[Balance, ...]:
    """Further balances; stamps that are drawn need no number beside them."""
    drawn = card.stamps.unit if card.stamps else None
    return tuple(each for each in card.balances if each.unit != drawn)[:MOST_BALANCES]


def _challenge(card: Card) -> Challenge | None:
    return next((each for each in card.challenges if each.reached < each.needed), None)


def outline(card: Card) -> Hashable:
    """Cards with the same `Front` that are equal in this have the same fields on it."""
    return (
        card.status,
        card.progress and goal_key(card.progress),
        card.membership and card.membership.state,
        card.currency,
        tuple([each.kind for each in card.balances]),
    )


def labels(card: Card) -> Iterator[tuple[str, Balance | Challenge]]:
    """The labels of the face that are this member's own, by key, and whose name each is."""
    yield from ((f"balance.{at}", each) for at, each in enumerate(_others(card)))
    if challenge := _challenge(card):
        yield "challenge.name", challenge


def field(name: str, card: Card, heading: str) -> Field:
    """The field of this name, blank where each member has a value of their own."""
    match name:
        case "tier":
            return Field(name, "tier.name", "label.tier")
        case "coupon":
            return Field(name, "coupon.first", "label.coupons")
        case "status":
            return Field(name, f"status.{card.status}", "label.status")
        case "stamps":
            return Field(name, blank(name), "label.stamps" if card.stamps and card.stamps.unit else heading)
        case "balance":
            return _amount(name, card.unit_kind, card, heading)
        case "balance.0" | "balance.1":
            return _amount(name, _others(card)[int(name[-1])].kind, card, name)
        case "worth":
            return model.money(name, blank(name), card.currency or "", "label.worth")
        case "membership" if card.membership and card.membership.until is None:
            return Field(name, "status.unpaid", "label.membership")
        case "membership":
            is_good = card.membership and card.membership.is_good
            return model.date(name, blank(name), "label.paid_until" if is_good else "label.ended_on")
        case "progress" if card.progress:
            return Field(name, blank(name), goal_key(card.progress))
        case "expiring":
            return model.date(name, blank(name), "label.expiring")
        case "pending":
            return _amount(name, card.unit_kind, card, "label.pending")
        case "challenge":
            return Field(name, blank(name), "challenge.name")
    return Field(name, blank(name), f"label.{name}")


def _amount(name: str, kind: str, card: Card, label: str) -> Field:
    """Money as the phone's owner writes it, anything else as a number."""
    place = blank(name.replace(".", "_"))
    if kind == "money" and card.currency:
        return model.money(name, place, card.currency, label)
    return model.number(name, place, label)


def fill(front: Front, card: Card, zone: tzinfo) -> dict[str, bytes]:
    """What the blanks of the face are filled with, each written as JSON."""
    return {name.replace(".", "_"): _value(name, card, zone) for name in front.names if name not in _ALIKE}


_ALIKE = ("tier", "coupon", "status")


def _value(name: str, card: Card, zone: tzinfo) -> bytes:
    match name:
        case "member":
            return to_json(literal(clean(card.name, NAME)))
        case "balance":
            return _written(card.balance, card.unit_kind, card)
        case "balance.0" | "balance.1":
            other = _others(card)[int(name[-1])]
            return _written(other.amount, other.kind, card)
        case "worth" if card.worth is not None:
            return _written(card.worth, "money", card)
        case "pending" if card.pending:
            return _written(card.pending.amount, card.unit_kind, card)
        case "stamps" if card.stamps:
            return to_json(f"{card.stamps.filled} / {card.stamps.of}")
        case "progress" if card.progress:
            return to_json(f"{card.progress.reached} / {card.progress.needed}")
        case "challenge" if challenge := _challenge(card):
            return to_json(_share(challenge, card))
        case "expiring" if card.expiring:
            return to_json(iso(card.expiring.at - 1, zone))
        case "membership" if card.membership and card.membership.until is not None:
            return to_json(iso(card.membership.until - 1, zone))
    return b'""'


def _share(challenge: Challenge, card: Card) -> str:
    if challenge.measure == "spend" and card.currency:
        return f"{money(challenge.reached, card.currency)} / {money(challenge.needed, card.currency)}"
    return f"{challenge.reached} / {challenge.needed}"


def _written(n: int, kind: str, card: Card) -> bytes:
    return money(n, card.currency).encode() if kind == "money" and card.currency else to_json(n)


def literal(text: str) -> str:
    """A name that happens to be one of our keys would be shown translated; a closing no-break space prevents it."""
    return f"{text}\u00a0" if is_key(text) else text


@lru_cache(maxsize=4096)
def iso(at: int, zone: tzinfo = UTC) -> str:
    return datetime.fromtimestamp(min(max(at, 0), LATEST), zone).isoformat()


def money(minor: int, currency: str) -> str:
    """The exact amount in the currency's own unit, as JSON writes a number."""
    return str(Decimal(minor).scaleb(-_digits(currency)))


@lru_cache(maxsize=256)
def _digits(currency: str) -> int:
    return minor_digits(currency)
