"""Gives Google the state of cards: drawn, compared with what Google has, and sent only where it differs.

Who tells a card holds its lease, so no two tell the same one; each ends before the lease does. Before a state
is sent the store forgets the last one, and learns the new one when Google has confirmed it: whatever is cut
off in between is told again, and nothing is believed that was not confirmed.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from ... import cards, codes
from ...card import Card
from ...links import Links
from ...look import Look
from ...secrets import Secrets
from ...store import Connection, Row, Store
from ...words import Words
from .. import Later, Outcome, Pushed, Refused, Stale
from . import book, budget, render
from .api import API, Said, weigh
from .classes import Classes, Wanted
from .render import Body, Issuer, Kind, Made

AT_ONCE = 8
NOTABLE_SHARE = 5
"""An earning of a fifth of the cheapest reward is worth a notice; a coffee's worth is not."""


@dataclass(frozen=True)
class Drawn:
    """A card as Google shall show it."""

    stale: Stale
    kind: Kind
    wanted: Wanted
    body: Body
    digest: bytes

    @property
    def card(self) -> Card:
        return self.stale.revision.card

    @property
    def id(self) -> str:
        return self.stale.place

    @property
    def class_id(self) -> str:
        return str(self.body["classId"])


@dataclass(frozen=True)
class Sent:
    """What became of one. `lost_class`: Google knows no such class; `is_heard`: it was answered at all."""

    outcome: Outcome
    lost_class: bool = False
    is_heard: bool = True


class Telling:
    """Tells batches of objects. Safe to use from several threads."""

    def __init__(
        self,
        store: Store,
        api: API,
        issuer: Issuer,
        looks: Mapping[str, Look],
        links: Links,
        secrets: Secrets,
        most_seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self._store, self._api, self._issuer = store, api, issuer
        self._looks, self._links, self._secrets, self._clock = looks, links, secrets, clock
        self._classes = Classes(store, api, issuer, looks)
        self._most_seconds = most_seconds

    def tell(self, batch: Sequence[Stale]) -> list[Outcome]:
        """One outcome for each, in the same order."""
        ends = time.monotonic() + self._most_seconds
        now = int(self._clock())
        outcomes: dict[int, Outcome] = {}
        drawn: list[Drawn] = []
        for stale in batch:
            made = self._drawn(stale)
            if isinstance(made, Refused):
                outcomes[stale.installation] = made
            else:
                drawn.append(made)
        changed = self._changed(drawn, outcomes)
        ready = self._with_class(changed, outcomes, now)
        if ready:
            outcomes |= self._tell_changed(ready, ends, now)
        return [outcomes[stale.installation] for stale in batch]

    def _drawn(self, stale: Stale) -> Drawn | Refused:
        card = stale.revision.card
        look = self._looks.get(card.look)
        if look is None:
            return Refused(f"The look “{card.look}” is gone from templates/cards; put it back or change the programme")
        kind = render.kind_of(card.kind)
        words = {language: Words(language, entries) for language, entries in look.words.items()}
        body = kind.draw_object(card, look, words, self._issuer, self._made(stale))
        wanted = Wanted(card.programme, render.class_tier(look, card.tier.key if card.tier else None))
        return Drawn(stale, kind, wanted, body, render.digest(body))

    def _made(self, stale: Stale) -> Made:
        card, key_id = stale.revision.card, stale.revision.key_id
        id, generation = codes.id_of(card.code), card.link_version
        keys = cards.rotating_keys(self._secrets, id, generation, key_id)
        return Made(stale.place, self._links.card(stale.revision), codes.pattern(id, generation), keys)

    def _changed(self, drawn: Sequence[Drawn], outcomes: dict[int, Outcome]) -> list[Drawn]:
        """Those of which Google has another state; the others are true already."""
        with self._store.reading() as tx:
            known = book.objects(tx, [each.id for each in drawn])
        changed = []
        for each in drawn:
            if each.id in known and known[each.id].sent == each.digest:
                outcomes[each.stale.installation] = Pushed()
            else:
                changed.append(each)
        return changed

    def _with_class(self, drawn: Sequence[Drawn], outcomes: dict[int, Outcome], now: int) -> list[Drawn]:
        """Those whose class is there and true; the others share what became of their class."""
        classes = self._classes.ensure({each.wanted for each in drawn}, now)
        ready = []
        for each in drawn:
            outcome = classes[each.class_id]
            if isinstance(outcome, Pushed):
                ready.append(each)
            else:
                outcomes[each.stale.installation] = outcome
        return ready

    def _tell_changed(self, drawn: Sequence[Drawn], ends: float, now: int) -> dict[int, Outcome]:
        """A few at once, each noted as it begins and as it ends: a worker that dies leaves only those few unsure.

        What is noted is noted by this thread alone: eight threads would each fill a database connection's memory.
        """
        waiting, under_way, outcomes = deque(drawn), dict[Future[Sent], Drawn](), dict[int, Outcome]()
        with ThreadPoolExecutor(min(AT_ONCE, len(drawn)), thread_name_prefix="google") as pool:
            while waiting or under_way:
                if time.monotonic() > ends:
                    late = Later("its turn had not come when time was up", 1)
                    outcomes |= dict.fromkeys((each.stale.installation for each in waiting), late)
                    waiting.clear()
                next_ones = [waiting.popleft() for _ in range(min(len(waiting), AT_ONCE - len(under_way)))]
                for each, *known in self._begin(next_ones, now):
                    under_way[pool.submit(self._send, each, *known)] = each
                ended, _ = wait(under_way, return_when=FIRST_COMPLETED)
                outcomes |= self._end([(under_way.pop(future), future.result()) for future in ended])
        return outcomes

    def _begin(self, drawn: Sequence[Drawn], now: int) -> list[tuple[Drawn, bool, bool]]:
        """Of each, whether Google is likely to have it, and whether it may have a notice."""
        if not drawn:
            return []
        with self._store.transaction() as tx:
            rows = book.objects(tx, [each.id for each in drawn])
            for each in drawn:
                book.unsure(tx, each.id)
            return [
                (each, rows[each.id].is_there or rows[each.id].is_tried, self._may_notice(tx, each, rows[each.id], now))
                for each in drawn
            ]

    def _end(self, sent: Sequence[tuple[Drawn, Sent]]) -> dict[int, Outcome]:
        with self._store.transaction() as tx:
            for each, one in sent:
                self._settle(tx, each, one)
        return {each.stale.installation: one.outcome for each, one in sent}

    def _may_notice(self, tx: Connection, each: Drawn, row: Row, now: int) -> bool:
        holds_it = row.is_there and row.saved is not None and row.removed is None
        if not (holds_it and each.stale.urgent and is_worth_a_notice(each.card, row.tier, row.news_at)):
            return False
        if not budget.has_room(tx, [each.id, each.class_id], now):
            return False
        budget.note(tx, each.id, now)
        return True

    def _send(self, each: Drawn, is_likely_there: bool, notice: bool) -> Sent:
        path, body = each.kind.object_path, each.body
        if each.card.is_void:
            # What ended is replaced whole, so that nothing of its member is left; what never was need not be made.
            said = self._api.put(path, body)
            return Sent(Pushed() if said.status == 404 else weigh(said, each.id))
        patch = render.patch_of(body) | ({"notifyPreference": "NOTIFY_ON_UPDATE"} if notice else {})
        said = self._api.patch(path, patch) if is_likely_there else self._api.insert(path, body)
        if is_likely_there and said.status == 404:
            said = self._api.insert(path, body)
        elif not is_likely_there and said.status == 409:
            said = self._api.patch(path, patch)
        return self._judge(said, each)

    def _judge(self, said: Said, each: Drawn) -> Sent:
        return Sent(weigh(said, each.id), lost_class=said.status == 404, is_heard=said.status != 0)

    def _settle(self, tx: Connection, each: Drawn, sent: Sent) -> None:
        if isinstance(sent.outcome, Pushed):
            tier = each.card.tier.key if each.card.tier else None
            news_at = each.card.news.at if each.card.news else 0
            book.sent(tx, each.id, each.digest, each.card.is_void, tier, news_at)
            return
        if sent.is_heard:
            book.not_sent(tx, each.id)
        if sent.lost_class:
            book.class_lost(tx, each.class_id)


def is_worth_a_notice(card: Card, tier_told: str | None, news_told: int) -> bool:
    """A new level, or an earning that counts; the rest is seen when the member looks."""
    if (card.tier.key if card.tier else None) != tier_told:
        return True
    news = card.news
    if news is None or news.kind != "earn" or news.at <= news_told or not card.rewards:
        return False
    return news.amount * NOTABLE_SHARE >= min(reward.cost for reward in card.rewards)
