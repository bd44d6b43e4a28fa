"""Every time a holder's phone showed a notice: what for, of which card, and who saw it.

A card may make three in twenty-four hours, whatever the kind; the fourth is refused.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from .clock import Clock
from .refusals import quota

BUDGET = 3
DAY_SECONDS = 24 * 60 * 60


@dataclass(frozen=True)
class Notice:
    """One notice to the holders of one pass.

    `kind` is "update" or "message", with "class" before it where an object shares what its class says;
    `fields` are those that changed, or the message's id; `people` had the card in their wallets.
    """

    at: float
    pass_id: str
    kind: str
    fields: tuple[str, ...]
    people: tuple[str, ...]


class Notices:
    """The ledger, by pass: an object, or a class for what is said to all its holders."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        self.all: list[Notice] = []
        self.refused: list[str] = []
        self._by_pass: dict[str, list[Notice]] = defaultdict(list)

    def of(self, pass_id: str) -> list[Notice]:
        return list(self._by_pass.get(pass_id, ()))

    def has_room(self, pass_id: str) -> bool:
        since = self._clock() - DAY_SECONDS
        return sum(notice.at > since for notice in self._by_pass.get(pass_id, ())) < BUDGET

    def demand_room(self, pass_id: str) -> None:
        if not self.has_room(pass_id):
            self.refused.append(pass_id)
            raise quota(f"{BUDGET} notifications in 24 hours were sent for {pass_id}.")

    def add(self, pass_id: str, kind: str, fields: tuple[str, ...], people: tuple[str, ...]) -> None:
        notice = Notice(self._clock(), pass_id, kind, fields, people)
        self.all.append(notice)
        self._by_pass[pass_id].append(notice)
