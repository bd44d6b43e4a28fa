"""What marketers may say, and what is refused in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from passes import offers, programmes
from passes.errors import BadInput, Conflict, NotFound
from passes.offers import Draft
from passes.store import tables as t
from tests.corner_shop import START, CornerShop


@pytest.fixture
def shop(store_url: str) -> Iterator[CornerShop]:
    shop = CornerShop.open(store_url)
    yield shop
    shop.close()


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        ({"title": {}}, "title"),
        ({"title": {"en": "  "}}, "title"),
        ({"title": {"de": "Kuchen"}}, "title.de"),
        ({"title": {"en": "x" * 81}}, "title.en"),
        ({"title": {"en": "Cake"}, "body": {"pl": "x" * 1001}}, "body.pl"),
        ({"title": {"en": "Cake"}, "ends": START}, "ends"),
        ({"title": {"en": "Cake"}, "starts": START + 10, "ends": START + 10}, "ends"),
        ({"title": {"en": "Cake"}, "tier": "emperor"}, "tier"),
    ],
)
def test_an_offer_that_makes_no_sense_is_refused_and_not_kept(shop: CornerShop, draft: dict[str, Any], field: str):
    with pytest.raises(BadInput) as refusal, shop.store.transaction() as tx:
        offers.publish(tx, programmes.find(tx, "cafe"), Draft(**({"starts": START} | draft)), START)
    assert refusal.value.field == field
    assert shop.count(t.Offer) == shop.count(t.Touch) == 0


def test_there_are_never_too_many_at_a_time(shop: CornerShop):
    keys = [shop.publishes(f"Offer {number}") for number in range(offers.MOST_LIVE)]
    with pytest.raises(Conflict, match="end one first"):
        shop.publishes("One more")
    shop.ends_offer(keys[0])
    shop.publishes("One more")


def test_offers_are_listed_newest_first_page_by_page(shop: CornerShop):
    shop.promises(key="bakery")
    for number in range(5):
        shop.publishes(f"Offer {number}")
    shop.publishes("Bread", programme="bakery")
    with shop.store.reading() as tx:
        first = offers.all(tx, 1, limit=3)
        rest = offers.all(tx, 1, limit=3, before=first[-1].id)
        everywhere = offers.all(tx)
        assert offers.find(tx, first[0].key).programme == "cafe"
        with pytest.raises(NotFound):
            offers.find(tx, "nothing")
    assert [row.title["en"] for row in [*first, *rest]] == [f"Offer {number}" for number in (4, 3, 2, 1, 0)]
    assert len(everywhere) == 6


def test_an_offer_for_a_tier_reaches_whoever_rises_into_it_later(shop: CornerShop):
    anna, ben = shop.joins(), shop.joins("Ben")
    shop.publishes("Silver cake", tier="silver")
    shop.sweeps()
    shop.posts(anna, total=20_000)
    assert [offer.title["en"] for offer in shop.card(anna).offers] == ["Silver cake"]
    assert shop.card(ben).offers == ()


def test_an_offer_ended_before_it_began_is_never_shown(shop: CornerShop):
    anna = shop.joins()
    key = shop.publishes("Cake", starts=START + 100)
    shop.ends_offer(key)
    for now in (START, START + 100, START + 10_000):
        shop.now = now
        shop.sweeps()
        assert shop.card(anna).offers == ()


def test_ending_what_there_is_not_says_so(shop: CornerShop):
    with pytest.raises(NotFound):
        shop.ends_offer("nothing")
