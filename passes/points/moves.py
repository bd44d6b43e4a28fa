"""What a mechanism does to a receipt, as values (see `mechanisms`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..store import Connection
from .purses import Draft

Effect = dict[str, Any]
"""Something a receipt changed, as JSON: its `kind`, and whatever its mechanism needs to take it back."""
Act = Callable[[Connection], Effect]
"""Done when the receipt is posted, before the ledger's chain is locked."""


@dataclass(frozen=True)
class Move:
    """What a mechanism takes off the bill, posts, does, and tells the till.

    `cuts` is what of the discount comes off each line; none: it lies on all lines alike.
    """

    discount: int = 0
    cuts: tuple[int, ...] = ()
    drafts: tuple[Draft, ...] = ()
    acts: tuple[Act, ...] = ()
    told: Mapping[str, Any] = field(default_factory=dict)
