"""So many requests a second, so many notices a day, whoever asks."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

import pytest

from passes.card import News
from passes.store import Store
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


@pytest.mark.parametrize(("rate", "together"), [(1, 1), (15, 3), (20, 5), (100, 25)])
def test_as_many_go_together_as_a_quarter_of_a_second_allows(store: Store, rate: int, together: int) -> None:
    assert Pace(store, rate).together == together


def gone_in_packs(store: Store, sizes: Iterable[int]) -> list[tuple[float, int]]:
    """When, and how many: two processes by turns, each with a full pack and one of such a size."""
    time = Time()
    one, other = (Pace(store, 20, time, time.sleep) for _ in range(2))
    gone = []
    for size in sizes:
        for pace, turns in ((one, 5), (other, size)):
            pace.wait(turns)
            gone.append((time.at, turns))
    return gone


def busiest_second(gone: Sequence[tuple[float, int]]) -> int:
    return max(sum(turns for at, turns in gone if first <= at < first + 1) for first, _ in gone)


def test_those_that_go_together_take_a_turn_each(store: Store) -> None:
    gone = gone_in_packs(store, [5] * 40)
    assert busiest_second(gone) == 20
    assert gone[-1][0] - gone[0][0] <= 1.05 * 400 / 20, "and no turn is wasted"


def test_packs_of_any_size_make_a_second_fuller_by_less_than_one(store: Store) -> None:
    """Because a pack leaves with the last of its turns."""
    gone = gone_in_packs(store, [1 + number % 5 for number in range(40)])
    assert busiest_second(gone) < 20 + 5


def test_one_who_gets_away_late_makes_no_second_too_full(store: Store) -> None:
    time = Time()
    pace = Pace(store, 100, time, time.sleep)
    gone = []
    for number in range(20):
        pace.wait(25)
        gone.append(time.at + (0.03 if number % 4 == 0 else 0))
    for first in gone:
        assert sum(25 for at in gone if first <= at < first + 1) <= 100


def test_packs_that_wait_hold_up_nobody_elsewhere(store: Store) -> None:
    """A worker's packs stand in line within the worker, and not before a member at the button."""
    time = Time()
    standing, go = threading.Event(), threading.Event()

    def sleep(seconds: float) -> None:
        standing.set()
        go.wait(5)

    worker = Pace(store, 20, time, sleep)
    packs = [threading.Thread(target=worker.wait, args=(5,)) for _ in range(4)]
    for each in packs:
        each.start()
    assert standing.wait(5)
    begun = time.at
    Pace(store, 20, time, time.sleep).wait()
    assert time.at - begun < 0.3
    go.set()
    for each in packs:
        each.join(5)


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
    assert not is_worth_a_notice(replace(CARD, news=News("earn", 50, 9, unit="stars")), GOLD.key, 0), "buys nothing"
    assert not is_worth_a_notice(replace(CARD, news=News("redeem", -80, 9)), GOLD.key, 0), "spending"
