"""Gives Google the state of cards: drawn, compared with what Google has, and sent only where it differs.

Who tells a card holds its lease, so no two tell the same one; each ends before the lease does. Before a state
is sent the store forgets the last one, and learns the new one when Google has confirmed it: whatever is cut
off in between is told again, and nothing is believed that was not confirmed. Cards that changed at once go in
packs, a request each; what a pack's answer says of one card is that card's affair alone.
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
from .api import API
from .call import Call, Said, weigh
from .classes import Classes, Wanted
from .render import Issuer, Kind, Made
from .texts import Body

PACKS_AT_ONCE = 3
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
class Begun:
    """A card about to be sent: whether Google is likely to have it, and whether it may have a notice."""

    drawn: Drawn
    is_likely_there: bool
    notice: bool

    def call(self, is_there: bool) -> Call:
        kind, body = self.drawn.kind.object_path, self.drawn.body
        if self.drawn.card.is_void:
            # What ended is replaced whole, so that nothing of its member is left.
            return Call.put(kind, body)
        if not is_there:
            return Call.insert(kind, body)
        notify = {"notifyPreference": "NOTIFY_ON_UPDATE"} if self.notice else {}
        return Call.patch(kind, render.patch_of(body) | notify)

    def is_otherwise(self, said: Said) -> bool:
        """It is there although it was not likely, or the reverse; whether what ended is there is all the same."""
        return not self.drawn.card.is_void and said.status == (404 if self.is_likely_there else 409)


@dataclass(frozen=True)
class Sent:
    """What became of one. `lost_class`: Google knows no such class; `is_heard`: it was answered at all."""

    drawn: Drawn
    outcome: Outcome
    lost_class: bool
    is_heard: bool


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
        link, friends = self._links.card(stale.revision), self._links.friends(card)
        return Made(stale.place, link, codes.pattern(id, generation), keys, friends)

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
        """A few packs at once, each noted as it begins and as it ends: a worker that dies leaves only those unsure.

        What is noted is noted by this thread alone: several would each fill a database connection's memory.
        """
        waiting, under_way, outcomes = deque(drawn), set[Future[list[Sent]]](), dict[int, Outcome]()
        with ThreadPoolExecutor(PACKS_AT_ONCE, thread_name_prefix="google") as pool:
            while waiting or under_way:
                if time.monotonic() > ends:
                    late = Later("its turn had not come when time was up", 1)
                    outcomes |= dict.fromkeys((each.stale.installation for each in waiting), late)
                    waiting.clear()
                while waiting and len(under_way) < PACKS_AT_ONCE:
                    pack = [waiting.popleft() for _ in range(min(len(waiting), self._api.most_together))]
                    under_way.add(pool.submit(self._send, self._begin(pack, now)))
                ended, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                outcomes |= self._end([sent for future in ended for sent in future.result()])
        return outcomes

    def _begin(self, pack: Sequence[Drawn], now: int) -> list[Begun]:
        with self._store.transaction() as tx:
            rows, begun = book.objects(tx, [each.id for each in pack]), []
            for each in pack:
                row = rows[each.id]
                book.unsure(tx, each.id)
                begun.append(Begun(each, row.is_there or row.is_tried, self._may_notice(tx, each, row, now)))
        return begun

    def _end(self, sent: Sequence[Sent]) -> dict[int, Outcome]:
        with self._store.transaction() as tx:
            for each in sent:
                self._settle(tx, each)
        return {each.drawn.stale.installation: each.outcome for each in sent}

    def _may_notice(self, tx: Connection, each: Drawn, row: Row, now: int) -> bool:
        holds_it = row.is_there and row.saved is not None and row.removed is None
        if not (holds_it and each.stale.urgent and is_worth_a_notice(each.card, row.tier, row.news_at)):
            return False
        if not budget.has_room(tx, [each.id, each.class_id], now):
            return False
        budget.note(tx, each.id, now)
        return True

    def _send(self, pack: Sequence[Begun]) -> list[Sent]:
        """Whatever Google has, or has not, otherwise than was likely is asked for again, the other way."""
        said = self._api.calls([each.call(each.is_likely_there) for each in pack])
        otherwise = [number for number, each in enumerate(pack) if each.is_otherwise(said[number])]
        if otherwise:
            again = self._api.calls([pack[number].call(not pack[number].is_likely_there) for number in otherwise])
            for number, each in zip(otherwise, again, strict=True):
                said[number] = each
        return [_judged(each.drawn, one) for each, one in zip(pack, said, strict=True)]

    def _settle(self, tx: Connection, sent: Sent) -> None:
        each = sent.drawn
        if isinstance(sent.outcome, Pushed):
            tier = each.card.tier.key if each.card.tier else None
            news_at = each.card.news.at if each.card.news else 0
            book.sent(tx, each.id, each.digest, each.card.is_void, tier, news_at)
            return
        if sent.is_heard:
            book.not_sent(tx, each.id)
        if sent.lost_class:
            book.class_lost(tx, each.class_id)


def _judged(drawn: Drawn, said: Said) -> Sent:
    is_lost = said.status == 404
    if drawn.card.is_void and is_lost:
        # What ended and never was need not be made.
        return Sent(drawn, Pushed(), lost_class=False, is_heard=True)
    return Sent(drawn, weigh(said, drawn.id), lost_class=is_lost, is_heard=said.status != 0)


def is_worth_a_notice(card: Card, tier_told: str | None, news_told: int) -> bool:
    """A new level, or an earning that counts; the rest is seen when the member looks."""
    if (card.tier.key if card.tier else None) != tier_told:
        return True
    news = card.news
    if news is None or news.kind != "earn" or news.at <= news_told:
        return False
    costs = [reward.cost for reward in card.rewards if reward.unit == news.unit]
    return bool(costs) and news.amount * NOTABLE_SHARE >= min(costs)
