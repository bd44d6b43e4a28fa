"""Keeps the classes true that cards need at Google, and tells their holders of offers that the shop announces.

A class is drawn from the programme as the store has it, never from a card, which may be older. An
announcement is one message to a class, however many hold its cards; who makes it is settled in the store,
and whether it was made before is asked of Google, so it is made once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ... import programmes
from ...card import Offer, Promise
from ...look import Look
from ...store import Store
from ...words import Words
from .. import Outcome, Pushed, Refused
from . import book, budget, render
from .api import API
from .call import Call, Said, weigh
from .render import Issuer, Kind
from .texts import Body

MOST_MESSAGES = 10
ANNOUNCE_WITHIN_SECONDS = 86_400
"""An offer that began longer ago is no news, only something on the card."""
CLAIM_SECONDS = 120


@dataclass(frozen=True)
class Wanted:
    """A class that cards are about to be put in."""

    programme: str
    tier: str | None


@dataclass(frozen=True)
class _Drawn:
    wanted: Wanted
    kind: Kind
    promise: Promise
    words: Mapping[str, Words]
    body: Body

    @property
    def id(self) -> str:
        return str(self.body["id"])

    @property
    def news(self) -> list[Offer]:
        """Offers that concern everybody in the class: a message to it would reach those who are left out of others."""
        meant = (None, self.wanted.tier) if self.wanted.tier else (None,)
        announced = (offer for offer in self.promise.offers if offer.announce and offer.tier in meant)
        return [offer for offer in announced if offer.key not in self.promise.controls]


class Classes:
    """The classes of one issuer."""

    def __init__(self, store: Store, api: API, issuer: Issuer, looks: Mapping[str, Look]) -> None:
        self._store, self._api, self._issuer, self._looks = store, api, issuer, looks

    def ensure(self, wanted: Collection[Wanted], now: int) -> dict[str, Outcome]:
        """Bring every class up to date; what became of each, by its id."""
        outcomes: dict[str, Outcome] = {}
        for each in wanted:
            drawn = self._drawn(each)
            if isinstance(drawn, Refused):
                outcomes[render.class_id(self._issuer, each.programme, each.tier)] = drawn
                continue
            outcomes[drawn.id] = self._bring(drawn, now)
            if isinstance(outcomes[drawn.id], Pushed):
                self._announce(drawn, now)
        return outcomes

    def _drawn(self, wanted: Wanted) -> _Drawn | Refused:
        with self._store.reading() as tx:
            promise = programmes.find(tx, wanted.programme).promise
        look = self._looks.get(promise.look)
        if look is None or "emblem" not in look.images:
            return Refused(f"The look “{promise.look}” has no emblem that Google could show; put its picture back")
        kind = render.kind_of(promise.kind)
        words = {language: Words(language, entries) for language, entries in look.words.items()}
        return _Drawn(wanted, kind, promise, words, kind.draw_class(promise, look, words, self._issuer, wanted.tier))

    def _bring(self, drawn: _Drawn, now: int) -> Outcome:
        digest = render.digest(drawn.body)
        with self._store.reading() as tx:
            row = book.classes(tx, [drawn.id]).get(drawn.id)
        if row is not None and row.sent == digest:
            return Pushed()
        with self._store.transaction() as tx:
            book.class_unsure(tx, drawn.id, drawn.wanted.programme, now)
        outcome = weigh(self._write(drawn, row is not None and row.is_there), drawn.id)
        if isinstance(outcome, Pushed):
            with self._store.transaction() as tx:
                book.class_sent(tx, drawn.id, digest)
        return outcome

    def _write(self, drawn: _Drawn, is_there: bool) -> Said:
        path, patch = drawn.kind.class_path, render.patch_of(drawn.body)
        if not is_there:
            said = self._api.call(Call.insert(path, drawn.body))
            return self._api.call(Call.patch(path, patch)) if said.status == 409 else said
        said = self._api.call(Call.patch(path, patch))
        return self._api.call(Call.insert(path, drawn.body)) if said.status == 404 else said

    def _announce(self, drawn: _Drawn, now: int) -> None:
        fresh = {o.key: o for o in drawn.news if o.is_live(now) and o.starts > now - ANNOUNCE_WITHIN_SECONDS}
        with self._store.reading() as tx:
            left = book.unannounced(tx, [(drawn.id, key) for key in fresh])
        for class_id, key in left:
            with self._store.transaction() as tx:
                ours = book.claim_announcement(tx, class_id, key, now, CLAIM_SECONDS)
            if ours and self._say(drawn, fresh[key], now):
                with self._store.transaction() as tx:
                    book.announced(tx, class_id, key, now)

    def _say(self, drawn: _Drawn, offer: Offer, now: int) -> bool:
        """Whether the message is there. Asked first: the last attempt may have got through unheard."""
        path = drawn.kind.class_path
        got = self._api.call(Call.get(path, drawn.id))
        if not isinstance(weigh(got, drawn.id), Pushed):
            return False
        messages = [each for each in got.body.get("messages", ()) if isinstance(each, dict)]
        if any(each.get("id") == offer.key for each in messages):
            return True
        if len(messages) >= MOST_MESSAGES:
            kept = _room_for_one(messages, now)
            pruned = {"id": drawn.id, "reviewStatus": "UNDER_REVIEW", "messages": kept}
            if not isinstance(weigh(self._api.call(Call.patch(path, pruned)), drawn.id), Pushed):
                return False
        with self._store.transaction() as tx:
            notify = budget.has_room(tx, [drawn.id], now)
            if notify:
                budget.note(tx, drawn.id, now)
        said = render.message(offer, drawn.words, self._issuer, now, notify)
        return isinstance(weigh(self._api.call(Call.add_message(path, drawn.id, said)), drawn.id), Pushed)


def _room_for_one(messages: list[dict[str, Any]], now: int) -> list[dict[str, Any]]:
    """Those that are over go first, then the oldest."""
    live = [each for each in messages if not _is_over(each, now)]
    return live[-(MOST_MESSAGES - 1) :]


def _is_over(message: dict[str, Any], now: int) -> bool:
    try:
        return datetime.fromisoformat(message["displayInterval"]["end"]["date"]).timestamp() <= now
    except (KeyError, TypeError, ValueError):
        return False
