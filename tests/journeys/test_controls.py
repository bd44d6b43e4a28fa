"""Some never see an offer, by lot; beside them it is seen what the offer brought."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from passes import controls, offers, programmes
from passes.errors import BadInput, KeyReused
from passes.offers import Draft
from passes.store import tables as t
from tests.corner_shop import DAY, START, CornerShop

PEOPLE = 2_400


@pytest.fixture
def shop(store_url: str) -> Iterator[CornerShop]:
    shop = CornerShop.open(store_url, margin=30)
    yield shop
    shop.close()


def fills_with(shop: CornerShop, people: int) -> list[int]:
    """As many cards, all like the first. Their row ids."""
    shop.joins()
    with shop.store.transaction() as tx:
        member, card = (tx.execute(select(table)).one()._asdict() for table in (t.Member, t.Card))
        first, _ = member.pop("id"), card.pop("id")
        tx.execute(insert(t.Member), [member | {"public_id": f"member-{number}"} for number in range(1, people)])
        others = tx.execute(select(t.Member.id).where(t.Member.id != first)).scalars().all()
        own: list[dict[str, Any]] = [
            {"member_id": id, "serial": f"s-{id}", "number": f"n-{id}", "code_id": id.to_bytes(10)} for id in others
        ]
        tx.execute(insert(t.Card), [card | each for each in own])
        return list(tx.execute(select(t.Card.id).order_by(t.Card.id)).scalars())


def buy(shop: CornerShop, ids: list[int], at: int, total: int = 1_000) -> None:
    """Purchases as the ledger keeps them, without their points."""
    row = {"programme_id": 1, "fingerprint": b"", "content": {}, "answer": {}, "total": total, "created": at}
    with shop.store.transaction() as tx:
        tx.execute(insert(t.Receipt), [row | {"card_id": id, "receipt": f"{id} at {at}"} for id in ids])


def left_out(key: str, ids: list[int], percent: int) -> list[int]:
    return [id for id in ids if controls.left_out(id, {key: percent})]


def outcome(shop: CornerShop, key: str) -> controls.Outcome:
    with shop.store.reading() as tx:
        found = controls.outcome(tx, offers.find(tx, key), shop.now)
    assert found is not None
    return found


def runs(shop: CornerShop, ids: list[int], seed: int, given: float, alone: float) -> controls.Outcome:
    """A week's offer: so many of either group come, for 10.00 each; once it is over, what it is said to have done."""
    key = shop.publishes("Cake", ends=shop.now + 7 * DAY, control=20, key=f"offer-{seed}")
    chance = random.Random(seed)
    without = set(left_out(key, ids, 20))
    buy(shop, [id for id in ids if chance.random() < (alone if id in without else given)], shop.now + DAY)
    shop.now += 7 * DAY
    return outcome(shop, key)


def test_the_lot_is_the_same_for_us_and_for_the_store(shop: CornerShop) -> None:
    ids = fills_with(shop, PEOPLE)
    for key, percent in (("first", 10), ("second", 10), ("third", 50), ("nobody", 0)):
        with shop.store.reading() as tx:
            theirs = tx.execute(select(t.Card.id).where(controls.is_left_out(key, percent))).scalars().all()
            split = controls.split(tx, 1, None, key, percent)
        ours = left_out(key, ids, percent)
        assert sorted(theirs) == ours
        assert (split.left_out, split.given) == (len(ours), PEOPLE - len(ours))
        assert len(ours) == pytest.approx(PEOPLE * percent / 100, abs=60)


def test_every_offer_draws_anew() -> None:
    """Nobody is left out of everything: two lots of a tenth have a hundredth in common."""
    ids = list(range(1, 100_001))
    first, second = (set(left_out(key, ids, 10)) for key in ("first", "second"))
    assert len(first & second) == pytest.approx(1_000, rel=0.15)
    neighbours = sum(id + 1 in first for id in first)
    assert neighbours == pytest.approx(1_000, rel=0.15), "who joins one after the other draws apart"


def test_who_is_left_out_never_sees_it_and_hears_nothing(shop: CornerShop) -> None:
    serials = [shop.joins(f"M{number}") for number in range(12)]
    for number, serial in enumerate(serials):
        shop.installs(serial, f"phone {number}")
    shop.settles()
    shop.wallet.told.clear()
    key = shop.publishes("Cake", starts=shop.now + DAY, ends=shop.now + 2 * DAY, control=50, announce=True)
    for shop.now in (START, START + DAY, START + 2 * DAY):
        shop.settles()
        for number, serial in enumerate(serials):
            is_out = bool(controls.left_out(shop.held(serial).id, {key: 50}))
            sees = shop.now == START + DAY and not is_out
            card = shop.card(serial)
            assert [offer.key for offer in card.offers] == ([key] if sees else [])
            assert (card.news is not None and card.news.kind == "offer") == sees
            assert not (is_out and f"phone {number}" in shop.wallet.told)
    assert 0 < len(shop.wallet.told) < len(serials)


def test_what_an_offer_brought_is_found(shop: CornerShop) -> None:
    """Half of those who had it come, a quarter would have come anyway."""
    ids = fills_with(shop, PEOPLE)
    found = runs(shop, ids, 3, given=0.5, alone=0.25)
    effect = found.effect
    assert found.is_over and effect.verdict == "more come"
    assert effect.given.people + effect.control.people == PEOPLE
    brought = 0.25 * effect.given.people
    assert effect.uplift == pytest.approx(0.25, rel=0.2)
    assert effect.extra_members == pytest.approx(brought, rel=0.2)
    assert effect.extra_spent == pytest.approx(brought * 1_000, rel=0.2)
    assert effect.extra_margin(30) == pytest.approx(brought * 300, rel=0.2)
    low, high = effect.spent_interval
    assert 0 < low < brought * 1_000 < high and effect.shows_spending
    assert effect.came_anyway == pytest.approx(0.5, rel=0.2)


def test_an_offer_that_brings_nothing_is_said_to_show_nothing(shop: CornerShop) -> None:
    ids = fills_with(shop, 1_200)
    verdicts = []
    for seed in range(20):
        verdicts.append(runs(shop, ids, seed, given=0.3, alone=0.3).effect.verdict)
        shop.now += DAY
    assert verdicts.count("no effect shown") >= 18


def test_only_purchases_that_stand_and_only_while_it_ran_are_counted(shop: CornerShop) -> None:
    ids = fills_with(shop, 40)
    key = shop.publishes("Cake", starts=shop.now + DAY, ends=shop.now + 3 * DAY, control=50)
    buy(shop, ids[:20], START)
    buy(shop, ids[:10], START + DAY)
    buy(shop, ids[:10], START + 2 * DAY)
    buy(shop, ids[10:], START + 3 * DAY)
    buy(shop, ids[10:], START + 2 * DAY, total=0)
    shop.now += 2 * DAY + 1
    late = shop.joins("Late")
    shop.posts(late, total=1_000)
    running = outcome(shop, key)
    assert not running.is_over and running.until == shop.now
    shop.now += DAY
    shop.sets(shop.joins("Gone"), "blocked")
    over = outcome(shop, key)
    assert over.is_over and over.until == START + 3 * DAY
    for effect in (running.effect, over.effect):
        assert effect.given.people + effect.control.people == 40
        assert effect.given.came + effect.control.came == 10
        assert effect.given.spent + effect.control.spent == 20_000


def test_an_offer_without_end_is_judged_by_its_first_days(shop: CornerShop) -> None:
    ids = fills_with(shop, 40)
    key = shop.publishes("Cake", control=10)
    buy(shop, ids, START + controls.LONGEST_DAYS * DAY)
    shop.now += (controls.LONGEST_DAYS - 1) * DAY
    assert not outcome(shop, key).is_over
    shop.now += 10 * DAY
    found = outcome(shop, key)
    assert found.is_over and found.effect.given.came == 0


def test_a_tiers_offer_counts_whom_it_found_there_whatever_became_of_them(shop: CornerShop) -> None:
    serials = [shop.joins(f"M{number}") for number in range(10)]
    for serial in serials:
        shop.posts(serial, total=20_000)
    plain = shop.joins("Plain")
    shop.now += 60
    key = shop.publishes("Silver cake", ends=shop.now + DAY, tier="silver", control=50)
    shop.now += 60
    shop.posts(serials[0], total=90_000)
    shop.posts(plain, total=25_000)
    shop.sets(serials[1], "blocked")
    with shop.store.transaction() as tx:
        tx.execute(update(t.Card).where(t.Card.serial == serials[2]).values(tier=None))
    tiers = [shop.held(serial).row.tier for serial in (serials[0], serials[2], plain)]
    assert tiers == ["gold", None, "silver"]
    shop.now += DAY
    effect = outcome(shop, key).effect
    assert effect.given.people + effect.control.people == 10
    assert effect.given.came + effect.control.came == 1


def test_an_offer_that_ended_before_it_began_has_brought_nothing(shop: CornerShop) -> None:
    fills_with(shop, 40)
    key = shop.publishes("Cake", starts=shop.now + 10 * DAY, control=50)
    shop.now += DAY
    shop.ends_offer(key)
    with shop.store.reading() as tx:
        assert controls.outcome(tx, offers.find(tx, key), shop.now) is None


def test_the_same_key_is_published_once(shop: CornerShop) -> None:
    shop.publishes("Cake", key="form-of-marek")
    with pytest.raises(KeyReused):
        shop.publishes("Cake", key="form-of-marek")


@pytest.mark.parametrize("control", [-1, 51, 100])
def test_more_than_half_are_never_left_out(shop: CornerShop, control: int) -> None:
    with pytest.raises(BadInput) as refusal, shop.store.transaction() as tx:
        offers.publish(tx, programmes.find(tx, "cafe"), Draft({"en": "Cake"}, START, control=control), START)
    assert refusal.value.field == "control"
