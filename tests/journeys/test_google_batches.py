"""Stories of cards that change at once and go to Google together: what befalls one, what befalls all."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cast import Member, Till, minutes
from tests.fakes.google import faults
from tests.fakes.google.fake import FakeGoogle
from tests.fakes.google.faults import Fault
from tests.fakes.google.phone import Phone
from tests.fakes.google.requests import Request
from tests.google_shop import GoogleShop, opened


@pytest.fixture
def google() -> Iterator[FakeGoogle]:
    with FakeGoogle(calls_per_second=None) as google:
        yield google


@pytest.fixture
def shop(google: FakeGoogle, tmp_path: Path) -> Iterator[GoogleShop]:
    with opened(google, tmp_path) as shop:
        yield shop


@pytest.fixture
def till(shop: GoogleShop) -> Till:
    return Till(shop)


class Guests:
    """Six members with the card on their phones, of which Google was told."""

    def __init__(self, shop: GoogleShop, till: Till) -> None:
        self.shop, self.till = shop, till
        self.members: list[Member] = [shop.joins(f"M{number}") for number in range(6)]
        self.phones: list[Phone] = [shop.saves(each) for each in self.members]
        self.ids = [shop.object_id(each) for each in self.members]
        shop.reconciles()
        shop.google.requests.clear()

    def all_earn(self, points: int = 10) -> None:
        """Each a little more than the one before, so that nobody's balance passes for another's."""
        for number, each in enumerate(self.members):
            self.till.earns(each, points=points + number)

    @property
    def shown(self) -> list[int]:
        return [int(phone.shows("Points") or 0) for phone in self.phones]

    @property
    def batches(self) -> list[Request]:
        return [each for each in self.shop.google.requests if each.path == "/batch"]

    def written(self, number: int) -> list[tuple[str, int]]:
        return [(call.method, call.status) for call in self.shop.google.writes(self.ids[number])]


@pytest.fixture
def guests(shop: GoogleShop, till: Till) -> Guests:
    return Guests(shop, till)


def test_cards_that_changed_at_once_go_in_one_request(shop: GoogleShop, guests: Guests) -> None:
    assert shop.google.shuffles_batches
    guests.all_earn()
    shop.reconciles()
    assert guests.shown == [10, 11, 12, 13, 14, 15]
    (batch,) = guests.batches
    assert len(batch.parts) == 6 and len(shop.google.requests) == 1


def test_one_card_goes_as_it_always_did(shop: GoogleShop, till: Till, guests: Guests) -> None:
    till.earns(guests.members[2], points=10)
    shop.reconciles()
    assert guests.shown == [0, 0, 10, 0, 0, 0]
    assert [each.method for each in shop.google.requests] == ["PATCH"]


def test_a_slow_pace_makes_small_batches(google: FakeGoogle, tmp_path: Path) -> None:
    with opened(google, tmp_path, google__rate=15) as shop:
        guests = Guests(shop, Till(shop))
        guests.all_earn()
        shop.reconciles()
        assert guests.shown == [10, 11, 12, 13, 14, 15]
        assert [len(each.parts) for each in guests.batches] == [3, 3], "a quarter of a second's worth"


def test_the_one_that_is_taken_is_taken_among_any_that_are_not(shop: GoogleShop, guests: Guests) -> None:
    """And the reverse is told in `test_one_card_that_is_refused_holds_up_no_other`."""
    said = (faults.answer(400), faults.answer(403), faults.answer(429), faults.answer(503), faults.JUNK)
    for fault, id in zip(said, guests.ids, strict=False):
        shop.google.script(fault, path=id)
    guests.all_earn()
    shop.reconciles()
    assert guests.shown == [0, 0, 0, 0, 0, 15]
    assert [each.set_aside for each in shop.installations()] == [True, True, False, False, False, False]
    assert [each.due is None for each in shop.installations()] == [True, True, False, False, False, True]
    shop.settles()
    assert guests.shown == [0, 0, 12, 13, 14, 15], "those that were put off came later, and nobody twice"
    assert guests.written(5) == [("PATCH", 200)]


def test_what_google_lost_is_made_and_what_it_has_is_changed(shop: GoogleShop, guests: Guests) -> None:
    google = shop.google
    del google.resources.objects[guests.ids[1]]
    google.script(faults.RACE, method="POST", path="loyaltyObject")
    guests.all_earn()
    newcomer = shop.joins("Newcomer")
    with shop.inner.store.transaction() as tx:
        shop.wallet.install(tx, newcomer.serial, shop.object_id(newcomer))
    shop.reconciles()
    assert guests.written(1) == [("PATCH", 404), ("POST", 200)]
    assert [(call.method, call.status) for call in google.writes(shop.object_id(newcomer))] == [
        ("POST", 409),
        ("PATCH", 200),
    ]
    assert google.card(guests.ids[1])["loyaltyPoints"]["balance"]["int"] == 11
    assert shop.known(newcomer).is_there and shop.known(guests.members[1]).is_there
    assert [len(each.parts) for each in guests.batches] == [7, 2], "the others are not told again"
    assert not [each for each in shop.installations() if each.due is not None]


@pytest.mark.parametrize(
    "fault",
    [
        faults.answer(500),
        faults.answer(503),
        faults.answer(429),
        faults.answer(404),
        faults.RESET_BEFORE,
        faults.RESET_AFTER,
        faults.LOST_ANSWER,
        faults.CUT,
        faults.JUNK,
        faults.EMPTY,
    ],
    ids=lambda fault: f"{fault.name}{fault.status or ''}{'-done' if fault.is_done else ''}",
)
def test_what_befalls_a_whole_batch_delays_and_loses_nothing(shop: GoogleShop, guests: Guests, fault: Fault) -> None:
    shop.google.script(fault, path="/batch")
    guests.all_earn()
    shop.reconciles()
    assert not [each for each in shop.installations() if each.due is None or each.set_aside]
    shop.settles()
    assert guests.shown == [10, 11, 12, 13, 14, 15]
    assert len(shop.google.resources.objects) == 6 and len(shop.google.resources.classes) == 1


def test_a_google_that_takes_no_batches_gets_the_cards_one_by_one(shop: GoogleShop, guests: Guests) -> None:
    shop.google.script(faults.answer(404), path="/batch", times=1000)
    for points in (10, 20):
        guests.all_earn(points)
        shop.settles()
    assert guests.shown == [30, 32, 34, 36, 38, 40]
    assert len(guests.batches) == 1, "tried once, and remembered"
    assert [guests.written(number)[1:] for number in range(6)] == [[("PATCH", 200)] * 2] * 6


def test_a_token_that_ends_between_two_batches(shop: GoogleShop, guests: Guests) -> None:
    shop.google.expire_tokens()
    guests.all_earn()
    shop.reconciles()
    assert guests.shown == [10, 11, 12, 13, 14, 15]
    assert shop.google.accounts.granted == 2 and [each.status for each in guests.batches] == [401, 200]


def test_a_part_that_came_too_soon_slows_everybody(shop: GoogleShop, guests: Guests) -> None:
    guests.all_earn()
    shop.google.calls_per_second = 4
    time.sleep(1)
    shop.reconciles()
    assert sorted(status for n in range(6) for _, status in guests.written(n)) == [200] * 4 + [429] * 2
    shop.google.calls_per_second = None
    shop.settles()
    assert guests.shown == [10, 11, 12, 13, 14, 15] and len(shop.google.calls) == 8


def test_a_notice_is_asked_for_once_though_the_answer_was_lost(shop: GoogleShop, guests: Guests) -> None:
    shop.google.script(faults.LOST_ANSWER, path="/batch")
    guests.all_earn(1000)
    shop.reconciles()
    shop.settles()
    assert [len(phone.notices) for phone in guests.phones] == [1] * 6
    guests.all_earn(1)
    shop.reconciles()
    assert [len(phone.notices) for phone in guests.phones] == [1] * 6, "a coffee is no news"


def test_what_ended_is_emptied_among_those_that_go_on(shop: GoogleShop, guests: Guests) -> None:
    never_there = shop.joins("Nobody")
    with shop.inner.store.transaction() as tx:
        shop.wallet.install(tx, never_there.serial, shop.object_id(never_there))
    guests.all_earn()
    for each in (guests.members[0], never_there):
        shop.forgets(each)
    shop.reconciles()
    (batch,) = guests.batches
    assert sorted(part.method for part in batch.parts) == ["PATCH"] * 5 + ["PUT"] * 2
    assert shop.google.card(guests.ids[0])["state"] == "EXPIRED"
    assert shop.object_id(never_there) not in shop.google.resources.objects, "what never was need not be made"
    assert guests.shown == [0, 11, 12, 13, 14, 15]
    assert not [each for each in shop.installations() if each.due is not None]


def test_a_worker_killed_while_a_batch_is_under_way(shop: GoogleShop, guests: Guests) -> None:
    """Google got it, and nobody was left to hear the answer."""
    shop.google.script(faults.slow(30), path="/batch")
    guests.all_earn()
    command = [sys.executable, "-m", "passes", "--home", str(shop.home), "worker"]
    worker = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 30
        while not guests.batches and time.monotonic() < until:
            time.sleep(0.05)
    finally:
        worker.kill()
        worker.wait()
    assert [len(each.parts) for each in guests.batches] == [6]
    assert [shop.known(each).sent for each in guests.members] == [None] * 6, "nothing is believed unconfirmed"
    guests.all_earn(20)
    shop.reconciles()
    assert len(guests.batches) == 1, "while the lease holds nobody else tells them"
    shop.reconciles(after=minutes(10))
    assert guests.shown == [30, 32, 34, 36, 38, 40]
    assert all(shop.known(each).sent for each in guests.members)


def test_bad_weather_over_many_batches(google: FakeGoogle, tmp_path: Path) -> None:
    with opened(google, tmp_path, google__rate=80) as shop:
        till = Till(shop)
        members = [shop.joins(f"M{number}") for number in range(40)]
        for each in members:
            with shop.inner.store.transaction() as tx:
                shop.wallet.install(tx, each.serial, shop.object_id(each))
        google.weather(0.3, seed=11)
        for _ in range(2):
            for number, each in enumerate(members):
                till.earns(each, points=1 + number)
            shop.reconciles(after=minutes(1))
        shop.settles()
        google.weather(0)
        shown = [google.card(shop.object_id(each))["loyaltyPoints"]["balance"]["int"] for each in members]
        assert shown == [2 + 2 * number for number in range(40)]
        said = google.report()
        assert said["trips"] < said["calls"] / 3
