"""A programme with many rules at random, beside the account of `tests.oracle`.

Bills, rewards, goods that come back, undoing, time, other rules: whatever happens in whatever order, the purses, the
lots, the drawn card and the account agree, and undone is as before. `tests.long.model` runs the same for longer.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
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

from passes.errors import Conflict, NotEnoughPoints
from passes.store import tables as t
from tests import servers
from tests.corner_shop import CornerShop
from tests.journeys.test_model import profile
from tests.oracle import DAY, RULES, Bill, Oracle, Refused

REWARDS = {"espresso": 80, "breakfast": 250}


class ManyRules(RuleBasedStateMachine):
    """One shop, two members."""

    def new_database(self) -> str:
        return f"sqlite:///{tempfile.mkdtemp(prefix='passes-rules-')}/passes.db"

    @initialize()
    def opens(self) -> None:
        self.shop = CornerShop.open(self.new_database(), **RULES)
        self.cards = {self.shop.joins(name): Oracle() for name in ("Anna", "Ben")}
        self.whose: dict[str, str] = {}

    def teardown(self) -> None:
        if hasattr(self, "shop"):
            self.shop.sweeps()
            self.everything_agrees()
            for serial, card in self.cards.items():
                tier = self.shop.card(serial).tier
                assert (tier and tier.key) == card.tier(self.shop.now)
            self.shop.close()
            file = self.shop.store.url.database
            if self.shop.store.is_sqlite and file:
                for path in Path(file).parent.iterdir():
                    path.unlink()
                Path(file).parent.rmdir()

    # --- what happens

    @rule(
        data=st.data(),
        coffees=st.integers(0, 4),
        coffee=st.sampled_from([999, 1250, 5000]),
        cakes=st.integers(0, 2),
        cake=st.sampled_from([1, 1499, 9999]),
        undone=st.booleans(),
    )
    def buys(self, data: st.DataObject, coffees: int, coffee: int, cakes: int, cake: int, undone: bool) -> None:
        serial, receipt = self._somebody(data), self._number()
        lines = [
            {"category": category, "quantity": many, "price": many * price}
            for category, many, price in (("coffee", coffees, coffee), ("cake", cakes, cake))
            if many
        ]
        order: dict[str, Any] = {"total": sum(line["price"] for line in lines), "lines": lines}
        if undone:
            self._settles(serial)
            before = self.shop.state(serial)
            self.shop.posts(serial, f"{receipt}-mistake", **order)
            self.shop.takes_back(f"{receipt}-mistake")
            assert self.shop.state(serial) == before
        quoted = self.shop.quotes(serial, **order)
        told = self.shop.posts(serial, receipt, **order)
        assert (quoted["balances"], quoted["tier"]) == (told["balances"], told["tier"])
        assert self.shop.posts(serial, receipt, **order) == told
        self.cards[serial].buys(receipt, Bill(self.shop.now, coffees, coffee, cakes, cake))
        self.whose[receipt] = serial
        assert told["tier"] == self.cards[serial].tier(self.shop.now)

    @rule(data=st.data(), reward=st.sampled_from(list(REWARDS)))
    def takes_a_reward(self, data: st.DataObject, reward: str) -> None:
        serial, receipt = self._somebody(data), self._number()
        try:
            self.cards[serial].spends(receipt, REWARDS[reward], self.shop.now)
        except Refused:
            with pytest.raises(NotEnoughPoints):
                self.shop.posts(serial, receipt, reward=reward)
            return
        self.shop.posts(serial, receipt, reward=reward)
        self.whose[receipt] = serial

    @precondition(lambda self: self.whose)
    @rule(data=st.data(), coffees=st.integers(0, 2), cakes=st.integers(0, 2))
    def brings_back(self, data: st.DataObject, coffees: int, cakes: int) -> None:
        receipt = data.draw(st.sampled_from(list(self.whose)))
        card = self.cards[self.whose[receipt]]
        bill = card.bills[receipt]
        coffees, cakes = min(coffees, bill.coffees), min(cakes, bill.cakes)
        if bill.is_undone or not coffees + cakes:
            return
        had_coffee = "star" in bill.heaps
        lines = [(0, coffees), (1 if had_coffee else 0, cakes)]
        returned = [(line, many) for line, many in lines if many]
        try:
            card.takes_back(receipt, self.shop.now, coffees, cakes)
        except Refused:
            with pytest.raises(NotEnoughPoints):
                self.shop.takes_lines_back(receipt, *returned)
            return
        self.shop.takes_lines_back(receipt, *returned)

    @precondition(lambda self: self.whose)
    @rule(data=st.data())
    def undoes(self, data: st.DataObject) -> None:
        receipt = data.draw(st.sampled_from(list(self.whose)))
        card = self.cards[self.whose[receipt]]
        if card.bills[receipt].is_undone:
            with pytest.raises(Conflict):
                self.shop.takes_back(receipt)
            return
        try:
            card.takes_back(receipt, self.shop.now, whole=True)
        except Refused:
            with pytest.raises(NotEnoughPoints):
                self.shop.takes_back(receipt)
            return
        told = self.shop.takes_back(receipt)
        assert told["tier"] == card.tier(self.shop.now)

    @rule(seconds=st.sampled_from([1, 3600, DAY, 3 * DAY, 10 * DAY, 30 * DAY - 1, 45 * DAY]), swept=st.booleans())
    def time_goes_on(self, seconds: int, swept: bool) -> None:
        self.shop.now += seconds
        if swept:
            self.shop.sweeps()

    # --- what always holds

    @invariant()
    def everything_agrees(self) -> None:
        if not hasattr(self, "shop"):
            return
        assert self.shop.flaws() == []
        for serial, card in self.cards.items():
            card.time_is(self.shop.now)
            balances = self.shop.quotes(serial)["balances"]
            assert balances["points"] == card.balance("points")
            assert balances.get("stars", 0) == card.balance("stars")
            heaps = sorted((h.unit, h.ends or 0, h.ripe or 0, h.left) for h in card.heaps if h.left)
            assert self._heaps(serial) == heaps
            assert [step.needed for step in self.shop.card(serial).steps] == card.next_step()

    # --- in short

    def _somebody(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(list(self.cards)))

    def _number(self) -> str:
        self.numbers = getattr(self, "numbers", 0) + 1
        return f"R{self.numbers:04}"

    def _settles(self, serial: str) -> None:
        """What has ended is posted, so that only the receipt can make a difference."""
        self.shop.sweeps()

    def _heaps(self, serial: str) -> list[tuple[str, int, int, int]]:
        """The open lots that have not ended, as the account writes them."""
        query = select(t.Lot).where(t.Lot.card_id == self.shop.held(serial).id, t.Lot.left > 0)
        with self.shop.store.reading() as tx:
            lots = tx.execute(query).all()
        live = [lot for lot in lots if lot.expires is None or lot.expires > self.shop.now]
        return sorted((lot.unit or "points", lot.expires or 0, lot.ripens or 0, lot.left) for lot in live)


class ManyRulesOnPostgres(ManyRules):
    server: servers.Postgres

    def new_database(self) -> str:
        return self.server.create()


def test_many_rules_at_random_on_sqlite():
    run_state_machine_as_test(ManyRules, settings=profile(examples=15, steps=25))


def test_many_rules_at_random_on_postgresql(postgres: servers.Postgres):
    ManyRulesOnPostgres.server = postgres
    run_state_machine_as_test(ManyRulesOnPostgres, settings=profile(examples=3, steps=20))
