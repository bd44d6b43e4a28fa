"""The leaderboard: only who chose to be seen, equal ones alike, what was returned not counted. On both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from passes import cards, leaderboard, programmes
from passes.errors import BadInput, CardNotActive
from passes.leaderboard import NicknameTaken, Place
from tests.corner_shop import DAY, CornerShop


@pytest.fixture
def shop(store_url: str) -> Iterator[CornerShop]:
    shop = CornerShop.open(store_url, leaderboard=True)
    shop.now = int(datetime(2026, 11, 10, 12, tzinfo=UTC).timestamp())
    yield shop
    shop.close()


def appears(shop: CornerShop, serial: str, name: str) -> str:
    with shop.store.transaction() as tx:
        return leaderboard.appear(tx, cards.by_serial(tx, serial, lock=True), name, shop.now)


def best(shop: CornerShop, period: str | None = None, location: str | None = None) -> list[Place]:
    with shop.store.reading() as tx:
        return leaderboard.ranking(tx, programmes.find(tx, "cafe"), period, location)


def test_equal_ones_share_a_rank_and_whoever_did_not_choose_is_not_there(shop: CornerShop) -> None:
    people = {name: shop.joins(name) for name in ("Anna", "Boris", "Clara", "Dana")}
    for name, total in (("Anna", 30_000), ("Boris", 30_000), ("Clara", 99_000), ("Dana", 10_000)):
        shop.posts(people[name], total=total, location="Main street")
    shop.gives(people["Dana"], 5_000)
    for name, nickname in (("Boris", "Bear"), ("Anna", "Ant"), ("Dana", "Dodo")):
        appears(shop, people[name], nickname)
    assert best(shop) == [Place(1, "Ant", 300), Place(1, "Bear", 300), Place(3, "Dodo", 100)], "a present is not earned"
    with shop.store.transaction() as tx:
        leaderboard.vanish(tx, cards.by_serial(tx, people["Boris"], lock=True))
    assert [place.nickname for place in best(shop)] == ["Ant", "Dodo"]


def test_a_month_a_year_and_a_place(shop: CornerShop) -> None:
    anna = shop.joins()
    appears(shop, anna, "Ant")
    shop.posts(anna, "A", total=10_000, location="Main street")
    shop.now += 30 * DAY
    shop.posts(anna, "B", total=20_000, location="Old town")
    shop.posts(anna, "C", total=5_000)
    shop.takes_back("C")
    assert [each.earned for each in best(shop, "2026-11")] == [100]
    assert [each.earned for each in best(shop, "2026-12")] == [200]
    assert [each.earned for each in best(shop, "2026")] == [300]
    assert best(shop, "2025") == []
    assert [each.earned for each in best(shop, "2026", "Main street")] == [100]
    shop.takes_back("A")
    assert best(shop, None, "Main street") == []


def test_a_nickname_is_one_members_own_and_no_contact(shop: CornerShop) -> None:
    anna, boris = shop.joins("Anna"), shop.joins("Boris")
    assert appears(shop, anna, "  Latte   Lover ") == "Latte Lover"
    with pytest.raises(NicknameTaken):
        appears(shop, boris, "LATTE LOVER")
    for wrong in ("x", "a" * 25, "anna@example.org", "600 100 200", "\u200b\u200b"):
        with pytest.raises(BadInput):
            appears(shop, boris, wrong)
    assert appears(shop, anna, "latte lover") == "latte lover", "one's own may be written otherwise"
    shop.sets(boris, "blocked")
    with pytest.raises(CardNotActive):
        appears(shop, boris, "Bear")


def test_erasing_a_member_erases_the_nickname(shop: CornerShop) -> None:
    anna = shop.joins()
    appears(shop, anna, "Ant")
    shop.posts(anna, total=10_000)
    shop.erases(anna)
    assert best(shop) == []
    boris = shop.joins("Boris")
    appears(shop, boris, "Ant")
