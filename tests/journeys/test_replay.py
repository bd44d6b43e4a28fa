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

from passes import notice, programmes
from passes.definition import Definition
from passes.errors import BadInput, PassesError
from passes.points import replay
from passes.points.findings import Findings
from passes.points.purses import is_member, unit_of
from passes.store import tables as t
from tests.corner_shop import CAFE, DAY, CornerShop
from tests.journeys.test_returns import BASKET, EVERYTHING

COALITION: dict[str, Any] = EVERYTHING | {
    "rules": [
        *EVERYTHING["rules"],
        {
            "key": "more",
            "measure": "visit",
            "amount": 15,
            "when": {"above_own_average": {"percent": 110, "after_purchases": 2}},
        },
    ],
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
    # While nothing asks for averages, nothing is counted towards them.
    "rules": EVERYTHING["rules"],
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


def replays(shop: CornerShop, draft: dict[str, Any] | None = None, since: int = 0, **how: Any) -> Findings:
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
            life = again.begin(history, frozenset(each.id for each in history.receipts))
            for happened in history.receipts:
                posted = [each for each in life.goes_through(happened) if each.amount]
                moved = Counter((each.kind, each.unit, each.change) for each in posted)
                if moved:
                    found[happened.id] = moved
    return found


@pytest.mark.parametrize("seed", range(3))
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


@pytest.fixture
def cafe(url: str) -> Iterator[CornerShop]:
    shop = CornerShop.open(url, **SIMPLE)
    yield shop
    shop.close()


def test_a_draft_says_who_gains_and_who_loses(cafe: CornerShop):
    anna, boris, _ = (cafe.joins(name) for name in ("Anna", "Boris", "Celina"))
    cafe.posts(anna, "A1", total=25_000)
    cafe.posts(anna, "A2", total=4_000, redeem=100)
    cafe.posts(boris, "B1", total=900)
    # Twice as much, but nothing for small purchases: Anna 2·250 + 2·35, Boris nothing.
    large = {"key": "large", "amount": 2, "when": {"min_total": 1_000}}
    draft = SIMPLE | {"earn": {"points": 0}, "rules": [large]}
    found = replays(cafe, draft)
    assert (found.was[""].given, found.would[""].given) == (30 + 250 + 35 + 9, 30 + 500 + 70)
    assert (found.was[""].spent, found.would[""].spent) == (100, 100)
    gains = found.gains[""]
    assert (gains.winners, gains.losers) == ([(285 * 5, anna)], [(-9 * 5, boris)])
    assert (found.active, found.losing, found.tiers) == (2, 1, Counter())
    report = found.report(Definition.model_validate(SIMPLE), Definition.model_validate(draft))
    assert report["units"][0]["would"]["owed"] == 500 * 5 and report["units"][0]["was"]["cost"] == 324 * 5


def test_what_a_draft_does_not_pay_for_is_not_had(cafe: CornerShop):
    anna = cafe.joins()
    cafe.posts(anna, "A1", total=10_000)
    cafe.posts(anna, "A2", reward="espresso")
    cafe.posts(anna, "A3", redeem=20)
    dear = SIMPLE | {"rewards": [CAFE["rewards"][0] | {"cost": 111}]}
    found = replays(cafe, dear)
    # 110 points do not buy it any more: what was paid for it is kept, but nothing was had.
    assert (found.would[""].spent, found.would[""].outstanding, found.losing) == (20, 90, 0)
    found = replays(cafe, SIMPLE | {"earn": {"points": 1, "per": 200}})
    # 60 points in all: no espresso for 80, and twenty paid with.
    assert (found.would[""].given, found.would[""].spent, found.losing) == (60, 20, 1)


def test_a_coupon_that_a_member_may_not_use_any_more_is_given_by_no_replay(url: str):
    once = {"key": "once", "name": {"en": "Once"}, "discount": {"money": 100}, "per_member": 1}
    often = SIMPLE | {"coupons": [once], "every": [{"key": "voucher", "spend": 1_000, "give": {"coupon": "once"}}]}
    shop = CornerShop.open(url, **often)
    anna = shop.joins()
    shop.posts(anna, "A1", total=1_000)
    shop.posts(anna, "A2", total=2_100, coupons=[shop.card(anna).coupons[0].code])
    found = replays(shop)
    assert found.is_the_ledger and found.coupons_were == {"once": 1}
    found = replays(shop, often | {"coupons": [once | {"per_member": 2}]})
    assert found.coupons_would == {"once": 2}
    shop.takes_back("A2")
    assert replays(shop).is_the_ledger
    shop.close()


def test_only_what_comes_after_the_first_day_counts(cafe: CornerShop):
    anna = cafe.joins()
    cafe.posts(anna, "A1", total=30_000)
    cafe.now += DAY
    cafe.posts(anna, "A2", total=10_000)
    found = replays(cafe, SIMPLE | {"earn": {"points": 0}}, since=cafe.now)
    assert (found.was[""].given, found.would[""].given) == (100, 0)
    assert (found.was[""].outstanding, found.would[""].outstanding) == (410, 310)
    harder = SIMPLE | {"tiers": [CAFE["tiers"][0] | {"threshold": 500}]}
    assert replays(cafe, harder, since=cafe.now).tiers == Counter({("silver", None): 1})


def test_processes_share_the_cards_out(cafe: CornerShop):
    for number in range(5):
        cafe.posts(cafe.joins(f"M{number}"), f"R{number}", total=1_000 * number)
    draft = SIMPLE | {"earn": {"points": 2, "per": 100}}
    done: list[tuple[int, int]] = []
    apart = replays(cafe, draft, workers=2, chunk=1, told=lambda *how_many: done.append(how_many))
    assert apart == replays(cafe, draft) and done == [(place, 5) for place in range(1, 6)]
    assert replays(cafe, draft, most=3).cards == 3


def test_rules_by_which_many_lose_need_notice(cafe: CornerShop):
    for number in range(3):
        cafe.posts(cafe.joins(f"M{number}"), f"R{number}", total=5_000)
    with cafe.store.reading() as tx:
        programme = programmes.find(tx, "cafe")

    def losses(effective: int | None = None, **changes: Any) -> notice.Losses:
        draft = Definition.model_validate(SIMPLE | changes)
        return notice.losses(cafe.store, programme, draft, effective, cafe.now)

    meaner: dict[str, Any] = {"earn": {"points": 1, "per": 150}, "notice": {"days": 0}}
    with pytest.raises(notice.NoticeNeeded, match=r"3 of 3 active members .* 30 days") as refusal:
        losses(**meaner).refuse_if_many()
    assert refusal.value.field == "effective"
    losses(cafe.now + 30 * DAY, **meaner).refuse_if_many()
    losses(earn={"points": 2, "per": 100}).refuse_if_many()
    with pytest.raises(BadInput, match="unit stays"):
        losses(unit="stars")
