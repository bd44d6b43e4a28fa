"""What the core knows of wallets: two verbs, and the outcomes of telling one.

A wallet gives a person the card (`issue`) and tells installations that the card looks different
(`push`). Everything a vendor is peculiar about stays in that vendor's folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ..card import Revision


@dataclass(frozen=True)
class Pushed:
    """The wallet has heard of this revision."""


@dataclass(frozen=True)
class Gone:
    """This installation no longer exists; forget it, unless it registered anew after `since` (unix seconds)."""

    since: int | None = None


@dataclass(frozen=True)
class Later:
    """Not now; try again after `wait_seconds` (0: let the reconciler choose, growing with each attempt)."""

    why: str
    wait_seconds: int = 0


@dataclass(frozen=True)
class Refused:
    """Trying again will not help; a person must look (bad key, bad request)."""

    why: str


Outcome = Pushed | Gone | Later | Refused


@dataclass(frozen=True)
class File:
    """A card as bytes for the person's phone."""

    name: str
    media_type: str
    body: bytes


@dataclass(frozen=True)
class Link:
    """A card behind an address that opens it."""

    url: str


Issued = File | Link


@dataclass(frozen=True)
class Stale:
    """An installation last told of an older revision, with the newest.

    `place` is the vendor's name for where the card lives (a device, an object), `address` is what
    reaches it (a push token). `urgent`: a member's own purchase, not a campaign.
    """

    installation: int
    place: str
    address: str
    registered: int
    revision: Revision
    urgent: bool


class Wallet(Protocol):
    """A kind of place where a card lives."""

    name: str

    def issue(self, revision: Revision) -> Issued:
        """The card as it is at this revision, to hand to its member."""

    def push(self, batch: Sequence[Stale]) -> Sequence[Outcome]:
        """Tell every installation of the batch; one outcome for each, in the same order."""
