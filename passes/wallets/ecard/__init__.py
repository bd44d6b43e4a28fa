"""The e-card: the card as a page of our own, for every phone and without any vendor.

The link is the credential: whoever has it has the card, so it is derived from a key of ours, is in no log
and can be taken back. The page asks for changes itself while it is seen; nothing is pushed to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...card import Revision
from ...links import Links
from .. import Link, Outcome, Parts, Pushed, Resident, Stale

if TYPE_CHECKING:
    from flask import Flask


class ECard(Resident):
    """The wallet that everybody has."""

    name = "ecard"
    title = "E-card"

    def __init__(self, links: Links) -> None:
        self._links = links

    def issue(self, revision: Revision) -> Link:
        """The link to the card."""
        return Link(self._links.card(revision))

    def push(self, batch: Sequence[Stale]) -> Sequence[Outcome]:
        """An open page sees it by itself within seconds."""
        return [Pushed() for _ in batch]

    def link(self, revision: Revision) -> str:
        return self._links.card(revision)

    def register(self, app: Flask) -> None:
        """The page and what it asks for."""
        from . import page

        page.register(app)


def open_wallet(parts: Parts) -> ECard:
    """Needs nothing to be set up."""
    return ECard(parts.links)
