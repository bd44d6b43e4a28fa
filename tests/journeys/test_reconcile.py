"""Telling the places where cards live: once, in order, again after failures, never over a fresher one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import pytest
from sqlalchemy import update

from passes import installations, reconcile
from passes.store import tables as t
from passes.wallets import Gone, Later, Outcome, Pushed, Refused, Stale
from tests.corner_shop import CornerShop, Phonebook, together


@pytest.fixture
def shop(store_url: str) -> Iterator[CornerShop]:
    shop = CornerShop.open(store_url)
    yield shop
    shop.close()


class Slow(Phonebook):
    """Does something else while it is being told."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        super().__init__()
        self._meanwhile = meanwhile

    def push(self, batch: Sequence[Stale]) -> Sequence[Outcome]:
        outcomes = super().push(batch)
        self._meanwhile()
        return outcomes


def test_a_new_place_is_told_at_once_and_then_left_in_peace(shop: CornerShop):
    anna = shop.joins()
    assert shop.installs(anna, "phone") is True
    assert shop.reconciles() == 1
    assert shop.reconciles() == 0
    assert shop.installs(anna, "phone") is False, "the same place with the same address is no news"
    assert shop.reconciles() == 0
    assert shop.wallet.told == {"phone": [1]}


def test_many_quick_changes_reach_the_phone_as_one(shop: CornerShop):
    anna = shop.joins()
    shop.installs(anna, "phone")
    for _ in range(5):
        shop.posts(anna, total=100)
    shop.reconciles()
    assert shop.wallet.told == {"phone": [6]}


def test_a_change_while_the_phone_is_told_makes_it_stale_again(shop: CornerShop):
    anna = shop.joins()
    shop.installs(anna, "phone")
    shop.wallet = Slow(partial(shop.posts, anna, "R1", total=100))
    shop.reconciles()
    place = shop.place("phone")
    assert (place.pushed, place.wanted, place.due) == (1, 2, shop.now)
    shop.reconciles()
    assert shop.wallet.told == {"phone": [1, 2]}
    assert shop.place("phone").due is None


def test_a_members_own_purchase_goes_before_a_campaign(shop: CornerShop):
    serials = [shop.joins(f"M{n}") for n in range(6)]
    for serial in serials:
        shop.installs(serial, f"phone of {serial}")
    shop.settles()
    shop.publishes("Free cake")
    shop.sweeps()
    shop.now += 1
    shop.posts(serials[5], total=100)
    shop.wallet.batches.clear()
    shop.reconciles(limit=2)
    first = shop.wallet.batches[0]
    assert first[0].place == f"phone of {serials[5]}" and first[0].urgent
    assert not first[1].urgent


def test_a_failing_place_is_tried_ever_more_slowly_and_in_the_end_told(shop: CornerShop):
    anna = shop.joins()
    shop.installs(anna, "phone")
    shop.wallet.answers["phone"] = Later("no route")
    waits = []
    for _ in range(8):
        assert shop.reconciles() == 1
        place = shop.place("phone")
        waits.append(place.due - shop.now)
        assert shop.reconciles() == 0, "not before its time"
        shop.now = place.due
    assert all(2**n <= wait <= 1.5 * 2**n + 1 for n, wait in enumerate(waits)), waits
    assert place.why == "no route" and place.attempts == 8
    shop.wallet.answers.clear()
    shop.reconciles()
    place = shop.place("phone")
    assert (place.attempts, place.why, place.due, place.pushed) == (0, None, None, 1)


@pytest.mark.parametrize("asked_seconds", [90, 7200])
def test_a_wallet_that_says_when_is_not_disturbed_before(shop: CornerShop, asked_seconds: int):
    shop.installs(shop.joins(), "phone")
    shop.wallet.answers["phone"] = Later("too many requests", wait_seconds=asked_seconds)
    shop.reconciles()
    assert shop.place("phone").due >= shop.now + asked_seconds


def test_a_failing_place_keeps_its_pace_when_the_card_changes(shop: CornerShop):
    anna = shop.joins()
    shop.installs(anna, "phone")
    shop.wallet.answers["phone"] = Later("no route", wait_seconds=60)
    shop.reconciles()
    due = shop.place("phone").due
    shop.posts(anna, total=100)
    assert shop.place("phone").due == due and shop.reconciles() == 0


def test_a_refused_place_rests_until_a_person_acts(shop: CornerShop):
    anna = shop.joins()
    shop.installs(anna, "phone")
    shop.wallet.answers["phone"] = Refused("bad certificate")
    shop.reconciles()
    shop.now += 86_400
    shop.posts(anna, total=100)
    assert shop.reconciles() == 0
    with shop.store.reading() as tx:
        assert installations.count(tx) == {"paper": installations.Counted(1, 0, 1)}
        assert [tuple(row) for row in installations.reasons(tx)] == [("paper", "bad certificate", True, 1)]
    shop.wallet.answers.clear()
    with shop.store.transaction() as tx:
        assert installations.retry_set_aside(tx, "paper", shop.now) == 1
    shop.reconciles()
    assert shop.wallet.told == {"phone": [2]}


def test_a_place_that_is_gone_is_forgotten(shop: CornerShop):
    shop.installs(shop.joins(), "phone")
    shop.wallet.answers["phone"] = Gone()
    shop.reconciles()
    assert shop.places() == []


@pytest.mark.parametrize(("gone_before_seconds", "left"), [(1, 1), (0, 0), (-5, 0)])
def test_a_place_gone_before_it_registered_anew_stays(shop: CornerShop, gone_before_seconds: int, left: int):
    shop.installs(shop.joins(), "phone")
    shop.wallet.answers["phone"] = Gone(since=shop.now - gone_before_seconds)
    shop.reconciles()
    assert len(shop.places()) == left
    if left:
        assert shop.place("phone").due > shop.now and shop.place("phone").attempts == 1, "not in a hurry"


@pytest.mark.parametrize("address", ["token", "fresh token"])
def test_a_place_that_registers_anew_while_it_is_found_gone_stays(shop: CornerShop, address: str):
    anna = shop.joins()
    shop.installs(anna, "phone")
    shop.now += 10

    def registers() -> None:
        shop.now += 1
        shop.installs(anna, "phone", address)

    shop.wallet = Slow(partial(registers))
    shop.wallet.answers["phone"] = Gone()
    shop.reconciles()
    assert shop.place("phone").address == address
    shop.wallet = Phonebook()
    shop.now += 10
    shop.settles()
    assert shop.wallet.told == {"phone": [1]}


def test_an_address_that_changes_while_the_old_one_is_told_is_told_itself(shop: CornerShop):
    anna = shop.joins()
    shop.installs(anna, "phone", "old")
    shop.wallet = Slow(partial(shop.installs, anna, "phone", "new"))
    shop.reconciles()
    shop.wallet = Phonebook()
    shop.reconciles()
    assert [(s.address, s.revision.number) for s in shop.wallet.batches[0]] == [("new", 1)]


def test_a_new_address_holds_for_every_card_on_the_phone(shop: CornerShop):
    anna, bakery = shop.joins(), shop.joins("Anna again")
    shop.installs(anna, "phone", "old")
    shop.installs(bakery, "phone", "old")
    shop.settles()
    shop.installs(anna, "phone", "new")
    assert {(place.address, place.pushed, place.due) for place in shop.places()} == {("new", 0, shop.now)}


def test_two_workers_share_the_stale_and_nobody_is_told_twice(shop: CornerShop):
    anna = shop.joins()
    serials = [anna, *[shop.joins(f"M{n}") for n in range(29)]]
    for serial in serials:
        shop.installs(serial, f"phone of {serial}")

    def works() -> int:
        return sum(shop.reconciles(limit=4) for _ in range(12))

    assert sum(together(works, works, works)) == 30
    assert all(told == [1] for told in shop.wallet.told.values()) and len(shop.wallet.told) == 30


def test_a_lease_that_ran_out_is_taken_over_and_the_late_answer_does_not_count(shop: CornerShop):
    anna = shop.joins()
    shop.installs(anna, "phone")
    shop.posts(anna, total=100)
    told, goes_on = threading.Event(), threading.Event()

    def waits() -> None:
        told.set()
        assert goes_on.wait(10)

    first = CornerShop(shop.store)
    first.now, first.wallet = shop.now, Slow(partial(waits))
    first.wallet.answers["phone"] = Later("slow", wait_seconds=3000)
    thread = threading.Thread(target=partial(first.reconciles, lease_seconds=30))
    thread.start()
    assert told.wait(10)
    assert shop.reconciles() == 0, "leased"
    shop.now += 30
    assert shop.reconciles() == 1
    goes_on.set()
    thread.join(10)
    place = shop.place("phone")
    assert (place.pushed, place.due, place.lease, place.why) == (2, None, None, None)


def test_a_worker_that_dies_between_lease_and_push_costs_only_the_lease(shop: CornerShop):
    shop.installs(shop.joins(), "phone")

    class Dying(Phonebook):
        def push(self, batch: Sequence[Stale]) -> Sequence[Outcome]:
            raise SystemExit

    shop.wallet = Dying()
    with pytest.raises(SystemExit):
        shop.reconciles(lease_seconds=30)
    shop.wallet = Phonebook()
    assert shop.reconciles() == 0
    with shop.store.reading() as tx:
        assert reconcile.next_due(tx, ["paper"]) == shop.now + 30
    shop.now += 30
    shop.reconciles()
    assert shop.wallet.told == {"phone": [1]}


def test_a_wallet_with_a_bug_holds_up_no_other(shop: CornerShop):
    anna = shop.joins()
    shop.installs(anna, "phone")

    class Broken(Phonebook):
        name = "broken"

        def push(self, batch: Sequence[Stale]) -> Sequence[Outcome]:
            raise ZeroDivisionError

    with shop.store.transaction() as tx:
        installations.add(tx, 1, 1, "broken", "pager", "x", shop.now, 0)
    wallets = {"broken": Broken(), "paper": shop.wallet}
    assert reconcile.reconcile(shop.store, wallets, shop.now, 100, 60) == 2
    assert shop.wallet.told == {"phone": [1]}
    pager = shop.place("pager")
    assert (pager.attempts, pager.lease) == (1, None) and "ZeroDivisionError" in pager.why


def test_a_wallet_that_answers_too_little_loses_nothing(shop: CornerShop):
    class Short(Phonebook):
        def push(self, batch: Sequence[Stale]) -> Sequence[Outcome]:
            return [Pushed()][: len(batch) - 1]

    shop.installs(shop.joins(), "phone")
    shop.wallet = Short()
    with pytest.raises(ValueError):
        shop.reconciles()
    shop.wallet = Phonebook()
    shop.now += 60
    assert shop.reconciles() == 1


def test_a_place_of_a_wallet_that_is_switched_off_waits(shop: CornerShop):
    shop.installs(shop.joins(), "phone")
    with shop.store.transaction() as tx:
        tx.execute(update(t.Installation).values(wallet="elsewhere"))
    assert shop.reconciles() == 0
    with shop.store.reading() as tx:
        assert reconcile.next_due(tx, ["paper"]) is None


def test_the_lag_from_change_to_push_is_kept(shop: CornerShop):
    anna = shop.joins()
    shop.installs(anna, "phone")
    shop.settles()
    shop.posts(anna, total=100)
    first = shop.place("phone").changed_ms
    shop.posts(anna, total=100)
    assert shop.place("phone").changed_ms == first, "people wait since the first change that was not told"
    shop.reconciles()
    place = shop.place("phone")
    assert 0 <= place.pushed_ms - place.changed_ms < 30_000


def test_an_absurd_number_of_places_pushes_out_the_oldest(shop: CornerShop):
    anna = shop.joins()
    for number in range(25):
        shop.installs(anna, f"phone-{number}")
    assert [place.place for place in shop.places()] == [f"phone-{number}" for number in range(5, 25)]
    assert shop.removes(anna, "phone-24") is True
    assert shop.removes(anna, "phone-24") is False


def test_a_card_that_ended_is_still_told(shop: CornerShop):
    anna = shop.joins()
    shop.installs(anna, "phone")
    shop.settles()
    shop.erases(anna)
    shop.settles()
    last = shop.wallet.batches[-1][0].revision.card
    assert last.is_void and last.name == ""
