"""What happened to a card, as the store recorded it, and what came of it in a life that is replayed: values alone.

They are made in their millions, so they are tuples or have slots.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .book import Rules
from .pots import Lot
from .rules import Key, Standing
from .tiers import Place


class Recorded(NamedTuple):
    """A recorded posting that no rule decided; `change` is what it did to the card."""

    kind: str
    unit: str
    change: int
    expires: int | None
    ripens: int | None


class Happened(NamedTuple):
    """A recorded receipt."""

    id: int
    created: int
    total: int
    content: Mapping[str, Any]
    context: Mapping[str, Any]
    reverses: int | None = None
    moved: Sequence[Recorded] = ()

    @property
    def is_by_rules(self) -> bool:
        """Transfers and thanks for friends earn nothing."""
        is_thanks = self.content.get("event") == "referral" and self.content["receipt"].startswith("referral-")
        return not (is_thanks or "transfer" in self.content)


class Posted:
    """An amount that came or went; `kept` is what returns left of it."""

    __slots__ = ("amount", "kept", "kind", "lot", "rule", "unit", "uses")

    def __init__(
        self,
        kind: str,
        unit: str,
        amount: int,
        rule: str = "",
        lot: Lot | None = None,
        uses: Sequence[tuple[Lot, int]] = (),
    ) -> None:
        self.kind, self.unit, self.rule, self.lot, self.uses = kind, unit, rule, lot, uses
        self.amount = self.kept = amount

    @property
    def change(self) -> int:
        return self.amount if self.lot else -self.amount


@dataclass(slots=True)
class Done:
    """A receipt that is taken back later, and all it did."""

    happened: Happened
    rules: Rules
    standing: Standing
    posted: Sequence[Posted]
    counts: dict[Key, int]
    issues: Counter[tuple[str, str]]
    before: Place
    after: Place
    gone: dict[int, int] = field(default_factory=dict)
    """Pieces that were returned, by line."""
