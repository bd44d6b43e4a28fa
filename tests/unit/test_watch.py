"""Signs of fraud in the log: schemes hidden among honest receipts are seen, honest people are left alone.

A hundred thousand receipts: `.venv/bin/python -m tests.long.watch`.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from passes import watch, words
from passes.watch import Deed, Hours
from tests.till_feed import HOURS, SCHEMES, honest, schemes
from tests.unit.test_words import PAGES

KINDS = (
    *("own_card", "colleagues_card", "pair", "split", "undo"),
    *("unseen", "gifts", "gifts_to_one", "empty_cards", "after_hours", "travel", "guesses"),
)


def tried(receipts: int, seed: int) -> tuple[dict[str, bool], float]:
    """Which schemes are seen, and which share of the honest receipts is under a sign."""
    feed = honest(receipts, seed)
    honest_ids = {deed.id for deed in feed.deeds}
    planted = dict(schemes(feed))
    seen = {id for sign in watch.signs(feed.deeds, feed.own, HOURS) for id in sign.deeds}
    found = {name: bool(seen.intersection(ids)) for name, ids in planted.items()}
    return found, len(seen & honest_ids) / receipts


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_fourteen_schemes_in_ten_thousand_receipts_are_seen_and_few_others(seed: int) -> None:
    found, false_share = tried(10_000, seed)
    assert len(found) == len(SCHEMES) == 14
    assert [name for name, is_seen in found.items() if not is_seen] == []
    assert false_share <= 0.01


def test_a_quiet_shop_gives_no_sign() -> None:
    assert watch.signs([], {}, HOURS) == []
    alone = [
        Deed(n, 1_790_000_000 + n * 5000, 1, "t", "Old Town", 7, what) for n in range(4) for what in ("scan", "earn")
    ]
    assert watch.signs(alone, {}, Hours("00:00", "00:00", ZoneInfo("UTC"))) == []


def test_whoever_works_alone_serves_every_regular() -> None:
    """There is nobody to compare with, so it says nothing."""
    days = [Deed(n, 1_790_000_000 + n * 86_400, 1, "t", "Old Town", 7, "earn", is_live=False) for n in range(25)]
    assert watch.signs(days, {}, Hours("00:00", "00:00", ZoneInfo("UTC"))) == []


def test_stamps_given_away_are_gifts_like_points() -> None:
    deeds = [Deed(n, 1_790_000_000 + n * 60, 1, "t", "Old Town", 7 + n, "comp_stamps") for n in range(5)]
    (sign,) = watch.signs(deeds, {}, Hours("00:00", "00:00", ZoneInfo("UTC")))
    assert (sign.kind, sign.n) == ("gifts", 5)


def test_where_no_card_earns_at_the_till_new_ones_are_no_sign() -> None:
    """The shop's own system counts the sales; or there is nobody to compare with."""
    start, hours = 1_790_000_000, Hours("00:00", "00:00", ZoneInfo("UTC"))
    joins = [Deed(n, start + n, n % 2, "t", "Old Town", n, "join") for n in range(40)]
    later = Deed(99, start + 9 * 86_400, 1, "t", "Old Town", 99, "scan")
    assert watch.signs([*joins, later], {}, hours) == []
    assert watch.signs([*joins[::2], later], {}, hours) == []
    # Of those who joined today nobody knows yet.
    good = [Deed(100 + n, start + n, 1, "t", "Old Town", n, "earn", is_live=False) for n in range(1, 40, 2)]
    assert watch.signs([*joins, *good], {}, hours) == []
    (sign,) = watch.signs([*joins, *good, later], {}, hours)
    assert (sign.kind, sign.staff, sign.n) == ("empty_cards", 0, 20)


@pytest.mark.parametrize(
    ("opens", "closes", "at", "held"),
    [
        ("06:00", "23:00", "05:59", False),
        ("06:00", "23:00", "06:00", True),
        ("06:00", "23:00", "23:00", False),
        ("18:00", "02:00", "01:59", True),
        ("18:00", "02:00", "02:00", False),
        ("00:00", "00:00", "03:00", True),
    ],
)
def test_hours_may_go_past_midnight(opens: str, closes: str, at: str, held: bool) -> None:
    hour, minute = at.split(":")
    assert Hours(opens, closes, ZoneInfo("UTC")).hold(int(hour) * 3600 + int(minute) * 60) is held


def test_every_sign_has_a_sentence() -> None:
    for entries in words.load(PAGES).values():
        assert all(f"watch.{kind}" in entries for kind in KINDS)
