"""A programme's life at random, beside an independent account of it in plain Python.

Whatever happens in whatever order, the store, the card's face and the account agree; undone is as before, repeated
is as once, a revision rises exactly when the drawing differs, and a drawing holds until its next change.
`tests.long.model` runs the same for longer.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from passes import programmes
from passes.card import News
from passes.drawing import Facts, Lot, draw, next_change
from passes.errors import CardNotActive, Conflict, KeyReused, NotEnoughPoints
from passes.store import tables as t
from tests import servers
from tests.corner_shop import DAY, CornerShop

LIFE_SECONDS = 30 * DAY
"""From the beginning of the day, in UTC, on which points were earned."""
REWARDS = {"espresso": 80, "breakfast": 250}
TIERS = {"silver": 200, "gold": 1000}


@dataclass
class Told:
    """A receipt as the account remembers it."""

    serial: str
    order: dict[str, Any]
    answer: dict[str, Any]
    gave: list[tuple[int, int]]
    """Lot and amount."""
    took: list[tuple[int, int]]
    earned: int
    is_undone: bool = False


@dataclass
class Book:
    """What a person with a pencil would have written down of one card."""

    lots: dict[int, list[int]] = field(default_factory=dict)
    """Lot number: what is left, and when it ends."""
    earned: int = 0
    status: str = "active"
    name: str = "Anna"
    revision: int = 0
    modified: int = 0
    face: str = ""

    def balance(self, now: int) -> int:
        return sum(left for left, ends in self.lots.values() if ends > now)

    def tier(self) -> str | None:
        return next((key for key, needed in reversed(TIERS.items()) if self.earned >= needed), None)

    def forgets(self, now: int) -> None:
        for lot in self.lots.values():
            if lot[1] <= now:
                lot[0] = 0

    def takes(self, amount: int, first: list[int] | None = None) -> list[tuple[int, int]]:
        taken = []
        firsts = set(first or [])
        for number in sorted(self.lots, key=lambda n: (n not in firsts, self.lots[n][1], n)):
            part = min(amount, self.lots[number][0])
            if part:
                self.lots[number][0] -= part
                taken.append((number, part))
                amount -= part
        assert amount == 0
        return taken


class Life(RuleBasedStateMachine):
    """One shop, up to four members."""

    url = ""

    @initialize()
    def opens(self) -> None:
        self.shop = CornerShop.open(self.new_database())
        self.books: dict[str, Book] = {}
        self.told: dict[str, Told] = {}
        self.places: dict[tuple[str, str], None] = {}
        self.offers: list[tuple[str, int, int | None]] = []
        self.next_lot = 0
        self.receipts = 0

    def new_database(self) -> str:
        folder = tempfile.mkdtemp(prefix="passes-model-")
        return f"sqlite:///{folder}/passes.db"

    def teardown(self) -> None:
        if hasattr(self, "shop"):
            self._comes_to_rest()
            self.shop.close()
            file = self.shop.store.url.database
            if self.shop.store.is_sqlite and file:
                for path in Path(file).parent.iterdir():
                    path.unlink()
                Path(file).parent.rmdir()

    # --- what happens

    @precondition(lambda self: len(self.books) < 4)
    @rule()
    def joins(self) -> None:
        self.books[self.shop.joins()] = Book()

    @precondition(lambda self: self.books)
    @rule(data=st.data(), total=st.integers(0, 50_000), redeem=st.sampled_from([0, 0, 0, 1, 30, 120]))
    def buys(self, data: st.DataObject, total: int, redeem: int) -> None:
        if total < redeem * 5:
            total = 0
        order = {"total": total, "redeem": redeem}
        points = (total - redeem * 5) // 100 if total else 0
        self._posts(data, order, takes=[redeem] if redeem else [], gives=points, counts=True)

    @precondition(lambda self: self.books)
    @rule(data=st.data(), reward=st.sampled_from(list(REWARDS)))
    def takes_a_reward(self, data: st.DataObject, reward: str) -> None:
        self._posts(data, {"reward": reward}, takes=[REWARDS[reward]], gives=0)

    @precondition(lambda self: self.books)
    @rule(data=st.data(), amount=st.integers(-150, 300).filter(bool))
    def is_given(self, data: st.DataObject, amount: int) -> None:
        order = {"adjust": amount, "reason": "sorry"}
        self._posts(data, order, takes=[-amount] if amount < 0 else [], gives=max(0, amount))

    @precondition(lambda self: self.told)
    @rule(data=st.data())
    def repeats(self, data: st.DataObject) -> None:
        receipt = data.draw(st.sampled_from(list(self.told)))
        told = self.told[receipt]
        assert self.shop.posts(told.serial, receipt, **told.order) == told.answer

    @precondition(lambda self: self.told)
    @rule(data=st.data())
    def reuses_a_number(self, data: st.DataObject) -> None:
        receipt = data.draw(st.sampled_from(list(self.told)))
        told = self.told[receipt]
        with pytest.raises(KeyReused):
            self.shop.posts(told.serial, receipt, **(told.order | {"location": "elsewhere"}))

    @precondition(lambda self: self.told)
    @rule(data=st.data())
    def undoes(self, data: st.DataObject) -> None:
        receipt = data.draw(st.sampled_from(list(self.told)))
        told = self.told[receipt]
        if told.is_undone:
            with pytest.raises(Conflict):
                self.shop.takes_back(receipt)
            return
        book, now = self.books[told.serial], self.shop.now
        comes_back = sum(amount for lot, amount in told.took if book.lots[lot][1] > now)
        goes = sum(amount for _, amount in told.gave)
        if book.balance(now) + comes_back < goes:
            with pytest.raises(NotEnoughPoints):
                self.shop.takes_back(receipt)
            return
        answer = self.shop.takes_back(receipt)
        book.forgets(now)
        for lot, amount in told.took:
            book.lots[lot][0] += amount
        book.forgets(now)
        if goes:
            book.takes(goes, first=[lot for lot, _ in told.gave])
        book.earned -= told.earned
        told.is_undone = True
        assert answer["balances"]["points"] == book.balance(now)

    @precondition(lambda self: self.books)
    @rule(data=st.data(), name=st.sampled_from(["Anna", "Ben", "Żaneta"]))
    def is_renamed(self, data: st.DataObject, name: str) -> None:
        serial = self._somebody(data)
        if self.books[serial].name == "":
            with pytest.raises(Conflict):
                self.shop.renames(serial, name)
            return
        self.shop.renames(serial, name)
        self.books[serial].name = name

    @precondition(lambda self: self.books)
    @rule(data=st.data(), status=st.sampled_from(["active", "active", "blocked", "closed"]))
    def is_blocked_or_not(self, data: st.DataObject, status: str) -> None:
        serial = self._somebody(data)
        if self.books[serial].name:
            self.shop.sets(serial, status)
            self.books[serial].status = status

    @precondition(lambda self: len(self.books) > 1)
    @rule(data=st.data())
    def is_erased(self, data: st.DataObject) -> None:
        serial = self._somebody(data)
        self.shop.erases(serial)
        self.books[serial].name, self.books[serial].status = "", "closed"

    @rule(
        wait=st.integers(-1000, 40 * DAY),
        length=st.none() | st.integers(1, 40 * DAY),
        tier=st.sampled_from([None, "silver"]),
    )
    def publishes(self, wait: int, length: int | None, tier: str | None) -> None:
        starts = self.shop.now + wait
        ends = None if length is None else max(starts, self.shop.now) + length
        with suppress(Conflict):
            self.offers.append((self.shop.publishes("Cake", starts, ends, tier=tier, announce=True), starts, ends))

    @precondition(lambda self: self.offers)
    @rule(data=st.data())
    def ends_an_offer(self, data: st.DataObject) -> None:
        self.shop.ends_offer(data.draw(st.sampled_from(self.offers))[0])

    @rule(seconds=st.sampled_from([1, 3600, DAY, 10 * DAY, LIFE_SECONDS - 1, LIFE_SECONDS, 45 * DAY]))
    def time_goes_on(self, seconds: int) -> None:
        self.shop.now += seconds

    @precondition(lambda self: self.books)
    @rule(data=st.data(), phone=st.sampled_from(["p1", "p2", "p3"]), address=st.sampled_from(["a", "b"]))
    def installs(self, data: st.DataObject, phone: str, address: str) -> None:
        serial = self._somebody(data)
        assert self.shop.installs(serial, phone, address) is ((serial, phone) not in self.places)
        self.places[serial, phone] = None

    @precondition(lambda self: self.places)
    @rule(data=st.data())
    def removes(self, data: st.DataObject) -> None:
        serial, phone = data.draw(st.sampled_from(list(self.places)))
        assert self.shop.removes(serial, phone)
        del self.places[serial, phone]

    @rule()
    def sweeps(self) -> None:
        self.shop.sweeps()

    @rule(limit=st.integers(1, 4))
    def reconciles(self, limit: int) -> None:
        self.shop.reconciles(limit)

    # --- what always holds

    @invariant()
    def the_ledger_is_whole(self) -> None:
        if hasattr(self, "shop"):
            assert self.shop.flaws() == []

    @invariant()
    def a_revision_rises_exactly_when_the_drawing_differs(self) -> None:
        for serial, book in getattr(self, "books", {}).items():
            row = self.shop.held(serial).row
            rises = row.face != book.face
            assert (row.revision > book.revision) == rises
            assert (row.modified > book.modified) == rises
            assert row.modified >= book.modified + (row.revision - book.revision)
            book.revision, book.modified, book.face = row.revision, row.modified, row.face

    @invariant()
    def a_stale_place_is_due(self) -> None:
        if hasattr(self, "shop"):
            for place in self.shop.places():
                assert (place.pushed < place.wanted) == (place.due is not None)

    # --- in short

    def _somebody(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(list(self.books)))

    def _posts(
        self, data: st.DataObject, order: dict[str, Any], takes: list[int], gives: int, counts: bool = False
    ) -> None:
        serial, now = self._somebody(data), self.shop.now
        book = self.books[serial]
        self.receipts += 1
        receipt = f"R{self.receipts:04}"
        if book.status != "active":
            with pytest.raises(CardNotActive):
                self.shop.posts(serial, receipt, **order)
            return
        if book.balance(now) < sum(takes):
            with pytest.raises(NotEnoughPoints) as refusal:
                self.shop.posts(serial, receipt, **order)
            assert (refusal.value.has, refusal.value.needs) == (book.balance(now), sum(takes))
            return
        quoted = self.shop.quotes(serial, **order)
        answer = self.shop.posts(serial, receipt, **order)
        assert quoted["balances"] == answer["balances"] and quoted["effects"] == answer["effects"]
        book.forgets(now)
        took = [use for amount in takes for use in book.takes(amount)]
        gave = []
        if gives:
            self.next_lot += 1
            book.lots[self.next_lot] = [gives, now - now % DAY + LIFE_SECONDS]
            gave = [(self.next_lot, gives)]
        earned = gives if counts else 0
        book.earned += earned
        self.told[receipt] = Told(serial, order, answer, gave, took, earned)
        assert answer["balances"]["points"] == book.balance(now) == self.shop.balance(serial)
        assert answer["tier"] == book.tier()

    def _comes_to_rest(self) -> None:
        """Swept and told: everything everywhere says the same."""
        self.shop.settles()
        now = self.shop.now
        for serial, book in self.books.items():
            held = self.shop.held(serial)
            card, balance = held.revision.card, book.balance(now)
            assert card.balance == held.row.balance == balance == sum(left for left, _ in self.shop.lots(serial))
            assert (card.name, card.status) == (book.name, book.status)
            assert (card.tier and card.tier.key) == book.tier() == held.row.tier
            self._holds_until_it_changes(serial, held.row.face, held.row.next_change)
            for place in self.shop.places():
                assert (place.pushed, place.due) == (place.wanted, None)
        for serial, phone in self.places:
            assert any(
                stale.place == phone and stale.revision.card.serial == serial and stale.revision.number == last
                for last in [self.shop.held(serial).row.revision]
                for batch in self.shop.wallet.batches
                for stale in batch
            )
        self.the_ledger_is_whole()

    def _holds_until_it_changes(self, serial: str, face: str, at: int | None) -> None:
        """The next change is kept, and is one."""
        facts = self._facts(serial)
        now = self.shop.now
        assert draw(facts, now).to_json() == face and next_change(facts, now) == at
        if at is None:
            assert draw(facts, now + 4000 * DAY).to_json() == face
        else:
            assert at > now
            assert draw(facts, at - 1).to_json() == face
            assert draw(facts, at).to_json() != face

    def _facts(self, serial: str) -> Facts:
        with self.shop.store.reading() as tx:
            row = tx.execute(select(t.Card).where(t.Card.serial == serial)).one()
            member = tx.execute(select(t.Member).where(t.Member.id == row.member_id)).one()
            open_lots = select(t.Lot.left, t.Lot.expires).where(t.Lot.card_id == row.id, t.Lot.left > 0)
            return Facts(
                promise=programmes.find(tx, "cafe").promise,
                serial=serial,
                number=row.number,
                code=row.code,
                name=member.name,
                language=member.language,
                status=row.status,
                joined=row.created,
                earned=self.shop.held(serial).row.earned,
                tier=row.tier,
                lots=tuple(Lot(*lot) for lot in tx.execute(open_lots.order_by(t.Lot.id))),
                latest=News(**row.latest) if row.latest else None,
                link_version=row.link_version,
            )


class LifeOnPostgres(Life):
    server: servers.Postgres

    def new_database(self) -> str:
        return self.server.create()


def profile(examples: int, steps: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        derandomize=not os.environ.get("PASSES_TEST_RANDOM"),
    )


def test_a_programmes_life_on_sqlite():
    run_state_machine_as_test(Life, settings=profile(examples=12, steps=30))


def test_a_programmes_life_on_postgresql(postgres: servers.Postgres):
    LifeOnPostgres.server = postgres
    run_state_machine_as_test(LifeOnPostgres, settings=profile(examples=5, steps=30))
