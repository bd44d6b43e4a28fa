"""The rule time machine: a programme's life, lived by the engine itself, is replayed and comes to the ledger."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from passes import programmes
from passes.definition import Definition
from passes.errors import PassesError
from passes.points import replay
from passes.points.ledger import is_member, unit_of
from passes.store import tables as t
from tests.corner_shop import CAFE, DAY, CornerShop
from tests.journeys.test_returns import BASKET, EVERYTHING

COALITION: dict[str, Any] = EVERYTHING | {
    "welcome": 25,
    "overdraw": "forgive",
    "partners": [{"key": "bakery", "name": {"en": "Bakery"}, "earn": {"points": 3, "per": 100}}],
    "promos": [{"key": "hello", "code": "HELLO", "name": {"en": "Hello"}, "give": {"amount": 40}}],
    "multipliers": [
        {"key": "cups", "percent": 200, "goods": {"categories": ["goods"]}},
        {"key": "again", "percent": 150, "when": {"next_within": {"days": 2, "after_total": 3_000}}},
        {"key": "born", "percent": 300, "when": {"birthday_month": True}},
    ],
    "rewards": [{"key": "espresso", "name": {"en": "Espresso"}, "cost": 80}],
}
STRICTER = COALITION | {
    "earn": {"points": 2, "per": 300, "rounding": "nearest"},
    "stack": "all",
    "expiry": {"days": 12},
    "tier_policy": {"by": "visits", "period": "year", "down": "step"},
    "tiers": [{"key": "silver", "name": {"en": "Silver"}, "threshold": 4}],
}
SIMPLE = CAFE | {"welcome": 10, "expire_days": 5}


class Years:
    """Some members and a till that does whatever tills do, the same for the same seed."""

    def __init__(self, shop: CornerShop, seed: int) -> None:
        self.shop, self.chance = shop, random.Random(seed)
        self.cards = [shop.joins(f"M{number}") for number in range(4)]
        with shop.store.transaction() as tx:
            tx.execute(update(t.Member).values(birth_month=t.Member.id % 3 + 9))
        self.receipts: list[str] = []
        self.buys()

    def go_by(self, steps: int) -> None:
        acts = [self.buys] * 6 + [self.pays] * 3 + [self.takes_back, self.returns_lines, self.is_given, self.reviews]
        for _ in range(steps):
            self.shop.now += self.chance.choice((60, 3_600, DAY, 3 * DAY, 9 * DAY))
            self.shop.sweeps()
            with suppress(PassesError):
                self.chance.choice(acts)()

    def buys(self, **order: Any) -> None:
        lines = [
            line | {"quantity": (pieces := self.chance.randint(1, 5)), "price": pieces * self.chance.randint(1, 4_000)}
            for line in self.chance.sample(BASKET, self.chance.randint(1, 3))
        ]
        asked = self.chance.choice(
            ({}, {}, {"partner": "bakery"}, {"promo": "HELLO"}, {"lines": lines}, {"lines": lines})
        )
        total = sum(line["price"] for line in lines)
        self._posts(total=total, **({} if "partner" in asked and not self._has_partners else asked), **order)

    def pays(self) -> None:
        self.buys(**self.chance.choice(({"redeem": self.chance.randint(1, 90)}, {"reward": "espresso"})))

    def is_given(self) -> None:
        self._posts(adjust=self.chance.choice((-5, 30)), reason="sorry")

    def reviews(self) -> None:
        self._posts(event="review")

    def takes_back(self) -> None:
        self.shop.takes_back(self.chance.choice(self.receipts))

    def returns_lines(self) -> None:
        self.shop.takes_lines_back(self.chance.choice(self.receipts[-6:]), (0, 1))

    @property
    def _has_partners(self) -> bool:
        with self.shop.store.reading() as tx:
            return bool(programmes.find(tx, "cafe").definition.partners)

    def _posts(self, **order: Any) -> None:
        number = f"R{len(self.receipts)}"
        self.shop.posts(self.chance.choice(self.cards), number, **order)
        self.receipts.append(number)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'passes.db'}"


@pytest.fixture
def shop(url: str) -> Iterator[CornerShop]:
    shop = CornerShop.open(url, **COALITION)
    yield shop
    shop.close()


def amends(shop: CornerShop, definition: dict[str, Any], effective: int | None = None) -> None:
    with shop.store.transaction() as tx:
        draft = Definition.model_validate(CAFE | definition)
        programmes.amend(tx, programmes.find(tx, "cafe"), draft, shop.now, effective)


def replays(shop: CornerShop, draft: dict[str, Any] | None = None, since: int = 0, **how: Any) -> replay.Findings:
    with shop.store.reading() as tx:
        programme = programmes.find(tx, "cafe")
    definition = Definition.model_validate(CAFE | draft) if draft else None
    return replay.run(shop.store, programme, definition, since, shop.now, **how)


def moves_by_receipt(shop: CornerShop) -> dict[int, Counter[tuple[str, str, int]]]:
    """What the ledger says of every receipt."""
    found: dict[int, Counter[tuple[str, str, int]]] = {}
    with shop.store.reading() as tx:
        for row in tx.execute(select(t.Posting).where(t.Posting.receipt_id.is_not(None), t.Posting.kind != "expire")):
            change = row.amount if is_member(row.target) else -row.amount
            found.setdefault(row.receipt_id, Counter())[row.kind, unit_of(row.source, row.target), change] += 1
    return found


def moves_by_replay(shop: CornerShop) -> dict[int, Counter[tuple[str, str, int]]]:
    found: dict[int, Counter[tuple[str, str, int]]] = {}
    with shop.store.reading() as tx:
        programme = programmes.find(tx, "cafe")
        span = replay.Span(programme.id, 0, shop.now, 2**62, 2**62)
        again = replay.Replay(programmes.rulesets(tx, programme), None, span)
        for history in replay.histories(tx, span, 0, 2**62):
            life = again.begin(history)
            for happened in history.receipts:
                posted = [each for each in life.goes_through(happened) if each.amount]
                moved = Counter((each.kind, each.unit, each.change) for each in posted)
                if moved:
                    found[happened.id] = moved
    return found


@pytest.mark.parametrize("seed", range(10))
def test_the_rules_of_each_day_replayed_are_the_ledger(shop: CornerShop, seed: int):
    years = Years(shop, seed)
    years.go_by(60)
    amends(shop, STRICTER, shop.now + 5 * DAY)
    years.go_by(60)
    since = shop.now + 1
    amends(shop, COALITION)
    years.go_by(30)
    shop.sweeps()
    assert moves_by_replay(shop) == moves_by_receipt(shop)
    found = replays(shop)
    assert found.is_the_ledger, found
    assert found.cards == 4 and found.receipts > 100 and found.was[""].given > 1_000
    assert replays(shop, since=since).is_the_ledger
    assert shop.flaws() == []
