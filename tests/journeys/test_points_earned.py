"""Points earned at the till, seen on the phone."""

from __future__ import annotations

import pytest

from passes.errors import KeyReused, NotEnoughPoints
from tests.cast import Member, Service, Till, hours
from tests.fakes.apns import FakeAPNs


def test_points_earned_are_seen_on_the_phone(service: Service, anna: Member, till: Till) -> None:
    phone = anna.takes_her_card_on_an_iphone()
    till.earns(phone, points=50)
    assert phone.shows("points") == 0
    service.reconciles()
    assert phone.shows("points") == 50
    assert not phone.complaints


def test_many_changes_are_one_push_and_one_pass(service: Service, anna: Member, till: Till, apns: FakeAPNs) -> None:
    phone = anna.takes_her_card_on_an_iphone()
    service.reconciles()
    before = apns.attempts(phone.push_token)
    for points in (1, 2, 3, 4):
        till.earns(anna, points)
    service.reconciles()
    assert phone.shows("points") == 10
    assert apns.attempts(phone.push_token) == before + 1


def test_only_phones_with_the_card_are_nudged(service: Service, anna: Member, till: Till, apns: FakeAPNs) -> None:
    hers, his = anna.takes_her_card_on_an_iphone(), service.joins("Bob").takes_her_card_on_an_iphone()
    service.reconciles()
    asked = apns.attempts(his.push_token)
    till.earns(anna, points=5)
    service.reconciles()
    assert hers.shows("points") == 5
    assert apns.attempts(his.push_token) == asked


def test_one_phone_with_two_cards_gets_the_changed_one(service: Service, anna: Member, till: Till) -> None:
    bob = service.joins("Bob")
    phone = anna.takes_her_card_on_an_iphone()
    bob.takes_her_card_on_an_iphone(phone)
    service.reconciles()
    till.earns(bob, points=9)
    service.reconciles()
    assert (phone.shows("points", anna.serial), phone.shows("points", bob.serial)) == (0, 9)
    assert not phone.complaints


def test_a_card_shared_by_two_phones_is_the_same_on_both(service: Service, anna: Member, till: Till) -> None:
    first = anna.takes_her_card_on_an_iphone()
    second = service.phone()
    second.adds(first.only.bytes, first.only.date)
    till.earns(anna, points=12)
    service.reconciles()
    assert (first.shows("points"), second.shows("points")) == (12, 12)


def test_a_receipt_counts_once(service: Service, anna: Member, till: Till) -> None:
    phone = anna.takes_her_card_on_an_iphone()
    first = till.sells(anna, receipt="R1", total=5000)
    assert till.sells(anna, receipt="R1", total=5000) == first
    with pytest.raises(KeyReused):
        till.sells(anna, receipt="R1", total=6000)
    service.reconciles()
    assert phone.shows("points") == 50


def test_points_are_spent_and_the_phone_follows(service: Service, anna: Member, till: Till) -> None:
    phone = anna.takes_her_card_on_an_iphone()
    till.earns(anna, points=90)
    till.sells(anna, reward="espresso")
    service.reconciles(after=hours(1))
    assert phone.shows("points") == 10
    with pytest.raises(NotEnoughPoints):
        till.sells(anna, reward="espresso")
    assert anna.balance == 10
