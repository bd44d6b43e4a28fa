"""What the core knows of wallets: two verbs, and the outcomes of telling one.

A wallet gives a person the card (`issue`) and tells installations that the card looks different
(`push`). Everything a vendor is peculiar about stays in that vendor's folder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ..card import Card, Revision

if TYPE_CHECKING:
    from flask import Flask

    from ..config import Settings
    from ..links import Links
    from ..look import Look
    from ..look.stampcard import StampCards
    from ..secrets import Secrets
    from ..store import Store
    from ..work import Round


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


class Resident(Wallet, Protocol):
    """A wallet of this service: what it may add to the two verbs, each as one that adds nothing has it."""

    title: str

    most_at_once: int | None = None
    """A wallet that can be told only so many in a minute is told apart from the others, so many at a time."""

    def link(self, revision: Revision) -> str | None:
        """Where the member gets the card from, for a shop's system to pass on; asks no other machine."""
        return None

    def is_offered(self, card: Card) -> bool:
        """Whether the member's page has a button for it."""
        return True

    def register(self, app: Flask) -> None:
        """Put what the vendor calls below `/<name>`."""
        return None

    def rounds(self) -> Sequence[Round]:
        """Work of its own besides telling."""
        return ()

    def trouble(self, now: int) -> str:
        """Why no card can be given out at present, as a sentence; empty when all is well."""
        return ""

    def days_left(self, now: int) -> int | None:
        """For how long cards can be given out until a person must act; None: for ever."""
        return None

    def close(self) -> None:
        """Let go of connections and threads."""
        return None


@dataclass(frozen=True)
class Parts:
    """What a wallet's `open_wallet` is handed. It gives a `Resident`, or None when it is not set up."""

    settings: Settings
    store: Store
    secrets: Secrets
    links: Links
    looks: Mapping[str, Look]
    stamp_cards: StampCards
    clock: Callable[[], float]
