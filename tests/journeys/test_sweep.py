"""What time alone does to cards, and a clock that steps back."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise

import pytest
from sqlalchemy import text, update

from passes import programmes, revisions, sweep
from passes.store import tables as t
from tests.corner_shop import DAY, START, CornerShop, together


@pytest.fixture
def shop(store_url: str) -> Iterator[CornerShop]:
    shop = CornerShop.open(store_url)
    yield shop
    shop.close()


def next_due(shop: CornerShop) -> int | None:
    with shop.store.reading() as tx:
        return sweep.next_due(tx)


def titles(shop: CornerShop, serial: str) -> list[str]:
    return [offer.title["en"] for offer in shop.card(serial).offers]


def test_an_offer_comes_and_goes_by_the_clock(shop: CornerShop):
    anna = shop.joins()
    shop.publishes("Cake", starts=START + 10, ends=START + 20)
    shop.sweeps()
    assert (titles(shop, anna), next_due(shop)) == ([], START + 10)
    shop.now = START + 10
    shop.sweeps()
    assert (titles(shop, anna), next_due(shop)) == (["Cake"], START + 20)
    shop.now = START + 25
    shop.sweeps()
    assert (titles(shop, anna), next_due(shop)) == ([], None)
    assert shop.held(anna).row.revision == 3


def test_an_offer_ended_early_leaves_every_card(shop: CornerShop):
    serials = [shop.joins(f"M{n}") for n in range(7)]
    key = shop.publishes("Cake", ends=START + 1000)
    shop.sweeps()
    assert all(titles(shop, serial) == ["Cake"] for serial in serials)
    shop.now += 1
    shop.ends_offer(key)
    shop.ends_offer(key)
    shop.sweeps()
    assert all(titles(shop, serial) == [] for serial in serials)


def test_an_offer_that_changes_nobodys_card_disturbs_nobody(shop: CornerShop):
    anna = shop.joins()
    shop.installs(anna, "phone")
    shop.settles()
    shop.publishes("Cake", tier="gold")
    shop.sweeps()
    assert shop.held(anna).row.revision == 1 and shop.place("phone").due is None


def test_a_touch_goes_on_where_it_stopped_and_every_card_is_drawn_once(shop: CornerShop):
    serials = [shop.joins(f"M{n}") for n in range(11)]
    shop.publishes("Cake")
    steps = 0
    while sweep.sweep(shop.store, shop.now, chunk=3):
        steps += 1
    assert steps >= 4 and all(titles(shop, serial) == ["Cake"] for serial in serials)
    assert {shop.held(serial).row.revision for serial in serials} == {2}
    assert shop.count(t.Touch) == 0


def test_several_sweeps_at_once_do_what_one_does(shop: CornerShop):
    shop.promises(key="bakery", tiers=[])
    serials = [shop.joins(f"M{n}", programme=("cafe", "bakery")[n % 2]) for n in range(16)]
    for serial in serials:
        shop.gives(serial, 5)
    shop.publishes("Cake")
    shop.now += 30 * DAY
    assert not [told for told in together(*[shop.sweeps] * 4) if told is not None]
    shop.sweeps()
    assert {shop.balance(serial) for serial in serials} == {0}
    assert shop.count(t.Posting, t.Posting.kind == "expire") == 16
    assert shop.flaws() == []


def test_a_card_that_changes_after_it_was_drawn_ahead_is_not_written_over(shop: CornerShop):
    anna, ben, cleo = (shop.joins(name) for name in ("Anna", "Ben", "Cleo"))
    shop.publishes("Cake")
    ids = [shop.held(serial).row.id for serial in (anna, ben, cleo)]
    with shop.store.reading() as tx:
        ahead = revisions.sketch(tx, ids, shop.now)
    shop.posts(anna, total=500)
    shop.renames(ben, "Benedict")
    with shop.store.transaction() as tx:
        assert revisions.keep(tx, ahead, shop.now, bulk=True) == {ids[2]}
    assert (shop.card(anna).balance, shop.card(ben).name, titles(shop, cleo)) == (5, "Benedict", ["Cake"])
    assert [shop.held(serial).row.revision for serial in (anna, ben, cleo)] == [2, 2, 2]


def test_tills_that_sell_while_the_sweep_draws_lose_nothing(shop: CornerShop):
    serials = [shop.joins(f"M{n}") for n in range(12)]
    shop.publishes("Cake")

    def sells(mine: list[str]) -> None:
        for _ in range(4):
            for serial in mine:
                shop.posts(serial, total=100)

    sellers = [partial(sells, serials[first::3]) for first in range(3)]
    assert not [told for told in together(shop.sweeps, *sellers, shop.sweeps) if told is not None]
    shop.sweeps()
    assert {(shop.card(serial).balance, *titles(shop, serial)) for serial in serials} == {(4, "Cake")}
    assert {shop.balance(serial) for serial in serials} == {4} and shop.flaws() == []


def test_tiers_follow_new_thresholds(shop: CornerShop):
    anna = shop.joins()
    shop.posts(anna, total=15_000)
    assert shop.card(anna).tier is None
    with shop.store.transaction() as tx:
        definition = programmes.find(tx, "cafe").definition.model_dump(mode="json")
        definition["tiers"][0]["threshold"] = 100
        tx.execute(update(t.Programme).values(definition=definition))
        programmes.changed(tx, 1, shop.now)
    shop.sweeps()
    tier = shop.card(anna).tier
    assert tier is not None and tier.key == "silver"


def test_a_look_that_changed_on_disk_reaches_every_card(shop: CornerShop):
    anna = shop.joins()
    with shop.store.transaction() as tx:
        contact = programmes.find(tx, "cafe").promise.contact
        programmes.refresh(tx, {"cafe": "look-1"}, contact, shop.now)
    assert next_due(shop) is None, "nothing changed"
    with shop.store.transaction() as tx:
        programmes.refresh(tx, {"cafe": "look-2"}, contact, shop.now)
    shop.sweeps()
    assert shop.card(anna).look_digest == "look-2"


def test_one_damaged_card_does_not_hold_up_the_others(shop: CornerShop):
    anna, ben = shop.joins(), shop.joins("Ben")
    shop.gives(anna, 5)
    shop.now += 1
    shop.gives(ben, 5)
    with shop.store.transaction() as tx:
        tx.execute(text("UPDATE purse SET balance = 0 WHERE card_id = 1"))
    shop.now += 30 * DAY
    shop.sweeps()
    assert shop.balance(ben) == 0
    assert shop.held(anna).row.next_change == shop.now + sweep.DAMAGED_SECONDS
    shop.publishes("Cake")
    shop.sweeps()
    assert titles(shop, ben) == ["Cake"]


def test_a_clock_that_steps_back_never_takes_a_date_or_a_revision_back(shop: CornerShop):
    anna = shop.joins()
    shop.installs(anna, "phone")
    row = shop.held(anna).row
    seen = [(row.revision, row.modified)]
    for step in (5, -3600, 1, 0, 0, -DAY, 2 * DAY, -1):
        shop.now += step
        shop.posts(anna, total=100)
        row = shop.held(anna).row
        seen.append((row.revision, row.modified))
    for earlier, later in pairwise(seen):
        assert later[0] == earlier[0] + 1
        assert later[1] > earlier[1]
    shop.now += DAY
    shop.settles()
    assert shop.wallet.told["phone"][-1] == row.revision


def test_points_end_once_though_the_clock_passes_their_end_twice(shop: CornerShop):
    anna = shop.joins()
    shop.gives(anna, 40)
    for now in (START + 30 * DAY, START + 30 * DAY - 60, START + 30 * DAY + 60):
        shop.now = now
        shop.sweeps()
        shop.renames(anna, str(now))
    assert shop.count(t.Posting, t.Posting.kind == "expire") == 1
    assert shop.held(anna).row.balance == 0 and shop.flaws() == []


def test_a_lease_taken_before_the_clock_stepped_back_ends_with_the_clock(shop: CornerShop):
    anna = shop.joins()
    shop.installs(anna, "phone")
    with shop.store.transaction() as tx:
        tx.execute(update(t.Installation).values(lease="somebody", due=shop.now + 60))
    shop.now -= 30
    assert shop.reconciles() == 0
    shop.now += 90
    assert shop.reconciles() == 1
