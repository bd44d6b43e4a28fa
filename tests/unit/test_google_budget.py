"""So many requests a second, so many notices a day, whoever asks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from passes.card import News
from passes.store import Store, schema
from passes.wallets.google import budget
from passes.wallets.google.budget import Pace
from passes.wallets.google.telling import is_worth_a_notice
from tests.unit.test_google_render import CARD, GOLD


class Time:
    """Passes only while somebody waits."""

    def __init__(self) -> None:
        self.at = 1_790_000_000.0

    def __call__(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    store = Store(store_url)
    schema.upgrade(store)
    yield store
    store.close()


def test_two_processes_keep_one_pace(store: Store) -> None:
    time = Time()
    one, other = (Pace(store, 20, time, time.sleep) for _ in range(2))
    moments = []
    for _ in range(50):
        for pace in (one, other):
            pace.wait()
            moments.append(time.at)
    for first in range(len(moments)):
        assert sum(1 for at in moments if moments[first] <= at < moments[first] + 1) <= 21
    assert moments[-1] - moments[0] <= 100 / 20 + 1


def test_rest_is_not_saved_up(store: Store) -> None:
    time = Time()
    pace = Pace(store, 20, time, time.sleep)
    pace.wait()
    time.at += 3600
    begun = time.at
    for _ in range(21):
        pace.wait()
    assert time.at - begun >= 0.99


def test_too_much_holds_everybody_and_longer_each_time(store: Store) -> None:
    time = Time()
    refused = Pace(store, 20, time, time.sleep)

    def waits(is_too_much: bool) -> float:
        refused.heard(is_too_much)
        begun = time.at
        Pace(store, 20, time, time.sleep).wait()
        return time.at - begun

    assert [waits(True) for _ in range(9)] == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10], abs=0.3)
    assert max(waits(False), waits(True)) < 0.5


def test_many_refused_at_once_wait_once(store: Store) -> None:
    time = Time()
    workers = [Pace(store, 20, time, time.sleep) for _ in range(8)]
    for each in workers:
        each.heard(is_too_much=True)
    begun = time.at
    workers[0].wait()
    assert time.at - begun <= 0.2


def test_a_clock_set_back_does_not_stop_us(store: Store) -> None:
    time = Time()
    Pace(store, 20, time, time.sleep).wait()
    time.at -= 86_400
    begun = time.at
    Pace(store, 20, time, time.sleep).wait()
    assert time.at - begun < 1


def test_three_notices_a_day_with_those_of_the_class(store: Store) -> None:
    now = 1_790_000_000
    with store.transaction() as tx:
        for pass_id, at in (("1.object", now), ("1.class", now + 10), ("1.object", now + 20)):
            assert budget.has_room(tx, ["1.object", "1.class"], at)
            budget.note(tx, pass_id, at)
        assert not budget.has_room(tx, ["1.object", "1.class"], now + 30)
        assert budget.has_room(tx, ["1.other", "1.class"], now + 30)
        assert budget.has_room(tx, ["1.object", "1.class"], now + budget.DAY_SECONDS)
        budget.forget_old(tx, now + 15 + budget.DAY_SECONDS)
        assert budget.has_room(tx, ["1.object"], now + 30)


def test_what_is_worth_a_notice() -> None:
    told = {"tier_told": GOLD.key, "news_told": 0}
    assert is_worth_a_notice(CARD, None, 0), "a new level"
    assert is_worth_a_notice(CARD, **told), "50 of 80 for an espresso"  # type: ignore[arg-type]
    assert not is_worth_a_notice(CARD, GOLD.key, CARD.news.at if CARD.news else 0), "told already"
    from dataclasses import replace

    assert not is_worth_a_notice(replace(CARD, news=News("earn", 5, 9)), GOLD.key, 0), "a coffee"
    assert not is_worth_a_notice(replace(CARD, news=News("redeem", -80, 9)), GOLD.key, 0), "spending"
