"""What a till asks for, and the case that everything which takes part in a receipt looks at."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..cards import Held
from ..definition import Definition
from ..programmes import Programme, Ruleset
from .purses import Account
from .rules import Line, Moment
from .tiers import Place


@dataclass(frozen=True)
class Order:
    """What a till asks for. `total` is money in the smallest unit; `redeem` is points to pay with.

    `reward` is a key of the programme's catalogue. `adjust` gives or takes so much of a `unit` (none: the main one) for
    a `reason`. `coupons` are codes, `promo` is a code that many share, `partner` the one at whose till it happens.
    `top_up` is paid in, `transfer` moves to or from the card `other`. `proved`: the card's PIN was said; that is no
    part of what is asked.
    """

    receipt: str
    total: int = 0
    currency: str | None = None
    location: str | None = None
    event: str | None = None
    lines: Sequence[Mapping[str, Any]] = ()
    redeem: int = 0
    reward: str | None = None
    adjust: int = 0
    unit: str | None = None
    reason: str | None = None
    coupons: Sequence[str] = ()
    promo: str | None = None
    partner: str | None = None
    top_up: int = 0
    transfer: int = 0
    other: str | None = None
    proved: bool = False

    @property
    def content(self) -> dict[str, Any]:
        """What was asked, without what was not."""
        asked = {name: value for name, value in vars(self).items() if name != "proved"}
        return {name: value for name, value in asked.items() if value not in (None, 0, (), [])}

    @property
    def fingerprint(self) -> bytes:
        return hashlib.sha256(json.dumps(self.content, sort_keys=True).encode()).digest()

    @property
    def goods(self) -> tuple[Line, ...]:
        return tuple(goods(self.lines))


@dataclass(frozen=True)
class Case:
    """One order as it is judged: nothing in it changes meanwhile. `place` is where the card stands before it."""

    programme: Programme
    rules: Ruleset
    held: Held
    place: Place
    account: Account
    order: Order
    moment: Moment

    @property
    def definition(self) -> Definition:
        return self.rules.definition

    @property
    def now(self) -> int:
        return self.moment.at


@dataclass(frozen=True)
class Answer:
    """What the till is told. `body` is JSON-able and stored with the receipt; `repeated`: told before."""

    body: dict[str, Any] = field(default_factory=dict)
    repeated: bool = False


def goods(lines: Sequence[Mapping[str, Any]]) -> list[Line]:
    """A receipt's lines as the rules read them."""
    return [Line(line["price"], line.get("quantity", 1), line.get("sku"), line.get("category")) for line in lines]
