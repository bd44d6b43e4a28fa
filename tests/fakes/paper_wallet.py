"""A wallet as somebody might add it: a pocket full of printed cards, and a printer that is told of changes."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Flask

from passes.card import Card, Revision
from passes.wallets import Link, Outcome, Parts, Pushed, Resident, Stale


class Paper(Resident):
    name = "paper"
    title = "Paper Pocket"

    def __init__(self, url: str) -> None:
        self._url = url
        self.printed: dict[str, int] = {}

    def issue(self, revision: Revision) -> Link:
        return Link(f"{self._url}/paper/{revision.card.number}")

    def push(self, batch: Sequence[Stale]) -> Sequence[Outcome]:
        self.printed |= {stale.place: stale.revision.card.balance for stale in batch}
        return [Pushed() for _ in batch]

    def link(self, revision: Revision) -> str:
        return self.issue(revision).url

    def is_offered(self, card: Card) -> bool:
        return card.language != "pl"

    def register(self, app: Flask) -> None:
        app.add_url_rule("/paper/<number>", "paper", lambda number: f"Print {number}.")


def open_wallet(parts: Parts) -> Paper:
    return Paper(parts.settings.server.public_url)
