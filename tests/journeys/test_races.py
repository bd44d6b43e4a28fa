"""Many at once: tills, phones, marketers and workers on the same rows, and nothing happens twice or is lost.

Threads begin at one shot. On PostgreSQL the worst moments are forced: one side is held in the middle of its
transaction until the other is known to wait for it.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text, update

from passes import cards, installations, offers, programmes, revisions
from passes.errors import Conflict, KeyReused, NotEnoughPoints, PassesError
from passes.members import Person
from passes.offers import Draft
from passes.points import receipts
from passes.points.orders import Order
from passes.store import Store
from passes.store import tables as t
from tests.corner_shop import START, CornerShop, in_processes, together


@pytest.fixture
def shop(store_url: str) -> Iterator[CornerShop]:
    shop = CornerShop.open(store_url)
    yield shop
    assert shop.flaws() == []
    shop.close()


@pytest.fixture
def url(store_url: str) -> str:
    return store_url


def attempt(action: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """What it returns, or the refusal."""
    try:
        return action(*args, **options)
    except PassesError as refusal:
        return refusal


@pytest.mark.parametrize("tills", [2, 8, 16])
def test_one_hundred_points_pay_once_at_any_number_of_tills(shop: CornerShop, tills: int):
    for _ in range(3):
        anna = shop.joins()
        shop.gives(anna, 100)
        told = together(*[partial(shop.posts, anna, redeem=100)] * tills)
        assert Counter(type(answer) for answer in told) == {dict: 1, NotEnoughPoints: tills - 1}
        assert shop.balance(anna) == 0


def test_eight_threads_that_read_and_write_lose_no_point(shop: CornerShop):
    """SQLite's own way to begin a transaction would lose some of these."""
    anna = shop.joins()

    def earns() -> None:
        for _ in range(12):
            shop.posts(anna, total=100)

    assert together(*[earns] * 8) == [None] * 8
    assert shop.balance(anna) == shop.held(anna).row.balance == 96
    assert shop.held(anna).row.earned == 96


def test_one_receipt_sent_fifty_times_at_once_counts_once(shop: CornerShop):
    anna = shop.joins()
    told = together(*[partial(shop.posts, anna, "R1", total=1000)] * 50)
    assert told == [told[0]] * 50 and isinstance(told[0], dict)
    assert (shop.balance(anna), shop.count(t.Receipt), shop.count(t.Posting)) == (10, 1, 1)


def test_one_receipt_for_two_cards_at_once_counts_for_one(shop: CornerShop):
    for number in range(8):
        anna, ben = shop.joins(), shop.joins("Ben")
        total = 1000 * (number % 2)  # without points too, where no ledger makes them queue
        told = together(*[partial(shop.posts, serial, f"R{number}", total=total) for serial in (anna, ben)])
        assert Counter(type(answer) for answer in told) == {dict: 1, KeyReused: 1}
        assert shop.balance(anna) + shop.balance(ben) == total // 100


def test_an_undoing_sent_ten_times_at_once_happens_once(shop: CornerShop):
    anna = shop.joins()
    shop.gives(anna, 100, "R1")
    told = together(*[partial(shop.takes_back, "R1", by=f"U{number % 2}") for number in range(10)])
    done = [answer for answer in told if isinstance(answer, dict)]
    assert len(done) == 5 and done == [done[0]] * 5
    assert all(isinstance(answer, Conflict) for answer in told if answer not in done)
    assert shop.balance(anna) == 0


def test_one_external_id_joins_once(shop: CornerShop):
    told = together(*[partial(shop.joins, external_id="crm-7")] * 8)
    assert Counter(type(answer) for answer in told) == {str: 1, Conflict: 7}
    assert shop.count(t.Member) == shop.count(t.Card) == 1


def test_members_who_join_while_offers_are_published_see_every_offer(shop: CornerShop):
    joining = [partial(shop.joins, f"Member {number}") for number in range(10)]
    publishing = [partial(shop.publishes, f"Offer {number}") for number in range(4)]
    told = together(*joining, *publishing)
    shop.sweeps()
    for serial in told[:10]:
        assert {offer.title["en"] for offer in shop.card(serial).offers} == {f"Offer {n}" for n in range(4)}


def test_phones_that_register_while_the_card_changes_end_up_told_of_the_newest(shop: CornerShop):
    anna = shop.joins()
    earning = [partial(shop.posts, anna, total=100 * number) for number in range(1, 9)]
    registering = [partial(shop.installs, anna, f"phone-{number}") for number in range(8)]
    assert not [told for told in together(*earning, *registering) if isinstance(told, Exception)]
    shop.settles()
    newest = shop.held(anna).row.revision
    assert {shop.wallet.told[f"phone-{number}"][-1] for number in range(8)} == {newest}
    assert {(place.pushed, place.wanted, place.due) for place in shop.places()} == {(newest, newest, None)}


def test_tills_phones_sweeps_and_workers_never_wait_for_each_other_in_a_ring(shop: CornerShop, url: str):
    """Each locks several rows; were any two in another order, PostgreSQL would end one of them with an error."""
    shop.promises(key="bakery", tiers=[])
    serials = [shop.joins(f"M{n}", programme=("cafe", "bakery")[n % 2]) for n in range(12)]
    places = {serial: [f"phone-{(n + step * 3) % 6}" for step in range(3)] for n, serial in enumerate(serials)}
    for serial in serials:
        for place in places[serial]:
            shop.installs(serial, place, "t0")
    chance = random.Random(7)
    done: Counter[str] = Counter()

    def works(name: str, act: Callable[[CornerShop], object], until: float) -> None:
        mine = CornerShop.at(url)
        while time.monotonic() < until:
            act(mine)
            done[name] += 1
        mine.close()

    def registers(mine: CornerShop) -> None:
        serial = chance.choice(serials)
        mine.installs(serial, chance.choice(places[serial]), f"t{chance.randrange(1000)}")

    def touches(mine: CornerShop) -> None:
        with mine.store.transaction() as tx:
            programmes.changed(tx, chance.choice((1, 2)), mine.now)
        mine.sweeps()

    acts: dict[str, Callable[[CornerShop], object]] = {
        "sells": lambda mine: mine.posts(chance.choice(serials), total=chance.randrange(100, 9999)),
        "registers": registers,
        "tells": lambda mine: mine.reconciles(limit=8),
        "touches": touches,
    }
    until = time.monotonic() + 1.5
    told = together(*[partial(works, name, act, until) for name, act in acts.items() for _ in range(3)])
    assert told == [None] * 12
    assert set(done) == set(acts), done


class Midway:
    """A transaction that stops in the middle until it is let go on."""

    def __init__(self, action: Callable[[Any], object], store: Store) -> None:
        self._reached, self._go = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, args=(action, store), daemon=True)
        self._thread.start()
        assert self._reached.wait(10)

    def _run(self, action: Callable[[Any], object], store: Store) -> None:
        with store.transaction() as tx:
            action(tx)
            self._reached.set()
            assert self._go.wait(20)

    def goes_on(self) -> None:
        self._go.set()
        self._thread.join(20)
        assert not self._thread.is_alive()


def waits_for_a_lock(shop: CornerShop) -> None:
    """Returns once some connection of this database waits for another."""
    query = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with shop.store.engine.connect() as tx:
            if tx.execute(query).scalar():
                return
        time.sleep(0.005)
    raise AssertionError("nobody waits")


@pytest.fixture
def big_shop(postgres: Any) -> Iterator[CornerShop]:
    """One on PostgreSQL."""
    url = postgres.create()
    shop = CornerShop.open(url)
    yield shop
    assert shop.flaws() == []
    shop.close()
    postgres.drop(url)


def begun(action: Callable[[], object]) -> Callable[[], Any]:
    """Runs it in a thread; call the result to get what it returned or raised."""
    kept: list[Any] = []
    thread = threading.Thread(target=lambda: kept.append(attempt(action)), daemon=True)
    thread.start()

    def finished() -> Any:
        thread.join(20)
        return kept[0]

    return finished


def test_a_phone_that_registers_waits_for_the_revision_being_recorded(big_shop: CornerShop):
    shop, anna = big_shop, big_shop.joins()

    def earns(tx: Any) -> None:
        held = cards.by_serial(tx, anna, lock=True)
        receipts.post(tx, held, Order("R1", total=1000), START)

    till = Midway(earns, shop.store)
    phone = begun(lambda: shop.installs(anna, "phone"))
    waits_for_a_lock(shop)
    till.goes_on()
    assert phone() is True
    assert shop.place("phone").wanted == shop.held(anna).row.revision == 2


def test_a_revision_recorded_while_a_phone_registers_makes_it_stale(big_shop: CornerShop):
    shop, anna = big_shop, big_shop.joins()

    def registers(tx: Any) -> None:
        row = cards.by_serial(tx, anna, lock=True).row
        installations.add(tx, row.id, row.revision, "paper", "phone", "token", START, START * 1000)

    phone = Midway(registers, shop.store)
    till = begun(lambda: shop.posts(anna, total=1000))
    waits_for_a_lock(shop)
    phone.goes_on()
    assert isinstance(till(), dict)
    assert shop.place("phone").wanted == shop.held(anna).row.revision == 2


def test_an_offer_published_while_somebody_joins_waits_and_reaches_the_card(big_shop: CornerShop):
    shop = big_shop
    joined: list[str] = []

    def joins(tx: Any) -> None:
        joined.append(shop.members.join(tx, "cafe", Person("en", "Anna"), START).serial)

    joining = Midway(joins, shop.store)
    publishing = begun(lambda: shop.publishes("Free cake"))
    waits_for_a_lock(shop)
    joining.goes_on()
    publishing()
    shop.sweeps()
    assert [offer.title["en"] for offer in shop.card(joined[0]).offers] == ["Free cake"]


def test_somebody_who_joins_while_an_offer_is_published_is_drawn_with_it(big_shop: CornerShop):
    shop = big_shop

    def publishes(tx: Any) -> None:
        offers.publish(tx, programmes.find(tx, "cafe"), Draft({"en": "Free cake"}, START), START)

    publishing = Midway(publishes, shop.store)
    joining = begun(shop.joins)
    waits_for_a_lock(shop)
    publishing.goes_on()
    assert [offer.title["en"] for offer in shop.card(joining()).offers] == ["Free cake"]


def test_a_till_in_the_middle_of_a_sale_does_not_lose_an_offer(big_shop: CornerShop):
    shop, anna = big_shop, big_shop.joins()

    def earns(tx: Any) -> None:
        held = cards.by_serial(tx, anna, lock=True)
        receipts.post(tx, held, Order("R1", total=1000), START)

    till = Midway(earns, shop.store)
    shop.publishes("Free cake")
    sweep = begun(shop.sweeps)
    waits_for_a_lock(shop)
    till.goes_on()
    sweep()
    card = shop.card(anna)
    assert ([offer.title["en"] for offer in card.offers], card.balance) == (["Free cake"], 10)


def test_points_that_end_are_not_spent_by_a_till_that_came_first(big_shop: CornerShop):
    """The sweep leaves a card that a till holds to the next round."""
    shop, anna = big_shop, big_shop.joins()
    shop.gives(anna, 10)
    shop.now += 30 * 86_400
    till = Midway(lambda tx: cards.by_serial(tx, anna, lock=True), shop.store)
    shop.sweeps()
    assert shop.balance(anna) == 10
    till.goes_on()
    shop.sweeps()
    assert shop.balance(anna) == 0


def test_tills_in_several_processes_lose_no_point(shop: CornerShop, url: str):
    anna = shop.joins()
    address = shop.store.url.render_as_string(hide_password=False)
    # SQLite's own state must not be carried over a fork.
    shop.close()

    def earns() -> None:
        mine = CornerShop.at(address)
        for number in range(15):
            mine.posts(anna, total=100)
            mine.posts(anna, f"shared-{number}", total=100)

    assert in_processes(earns, earns, earns) == [0, 0, 0]
    assert shop.balance(anna) == 3 * 15 + 15
    assert shop.count(t.Posting) == 60


def test_two_marketers_at_once_both_reach_the_cards(shop: CornerShop):
    anna = shop.joins()
    together(partial(shop.publishes, "Cake"), partial(shop.publishes, "Tea"))
    shop.sweeps()
    assert {offer.title["en"] for offer in shop.card(anna).offers} == {"Cake", "Tea"}
    with shop.store.transaction() as tx:
        tx.execute(update(t.Card).values(next_change=None))
        card_id = cards.by_serial(tx, anna).id
        revision = shop.held(anna).row.revision
        assert revisions.record(tx, card_id, shop.now) == revision, "the same drawing keeps its number"
