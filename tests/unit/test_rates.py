"""How often somebody may ask: windows in this process, in Redis, and what happens while Redis is away."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from passes import rates
from passes.errors import ConfigError
from passes.rates import Rate
from tests.cast import Clock


def test_a_window_begins_with_the_first_and_lets_so_many_through() -> None:
    clock = Clock()
    rate = Rate("join", "3/minute", "memory://", clock)
    asked = [rate.ask("anna") for _ in range(4)]
    assert [each.is_allowed for each in asked] == [True, True, True, False]
    assert [each.left for each in asked] == [2, 1, 0, 0]
    clock.goes_on(20)
    assert rate.ask("anna").wait_seconds == 40
    assert rate.ask("bob").is_allowed
    clock.goes_on(40)
    assert rate.ask("anna").is_allowed


def test_a_clock_that_goes_back_locks_nobody_out() -> None:
    clock = Clock()
    rate = Rate("join", "1/minute", "memory://", clock)
    assert rate.ask("anna").is_allowed
    clock.goes_on(-86_400)
    assert rate.ask("anna").is_allowed


def test_many_at_once_are_counted_each() -> None:
    rate = Rate("api", "500/hour", "memory://")
    with ThreadPoolExecutor(8) as tills:
        asked = list(tills.map(lambda _: rate.ask("till").is_allowed, range(1000)))
    assert sum(asked) == 500


def test_a_crowd_of_strangers_takes_no_room_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MOST_WINDOWS", 100)
    clock = Clock()
    rate = Rate("api", "5/minute", "memory://", clock)
    for stranger in range(10_000):
        rate.ask(str(stranger))
    assert len(rate._here._open) <= 100
    clock.goes_on(61)
    for stranger in range(101):
        rate.ask(str(stranger))
    assert all(ends > clock() for _, ends in rate._here._open.values())


def test_processes_count_together_in_redis(redis_url: str) -> None:
    here, there = (Rate("together", "3/minute", redis_url) for _ in range(2))
    asked = [rate.ask("anna") for rate in (here, there, here, there)]
    assert [each.is_allowed for each in asked] == [True, True, True, False]
    assert 0 < asked[-1].wait_seconds <= 60


def test_while_redis_is_away_each_process_counts_alone() -> None:
    rate = Rate("api", "2/minute", "redis://127.0.0.1:1/0")
    assert [rate.ask("till").is_allowed for _ in range(3)] == [True, True, False]


def test_a_rate_that_cannot_be_read_is_named() -> None:
    with pytest.raises(ConfigError, match=r"limits\.log"):
        Rate("log", "often", "memory://")
