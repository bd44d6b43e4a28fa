"""A card is removed from a phone: the phone is forgotten, the member stays."""

from __future__ import annotations

import time

from tests.cast import Member, Service, Till
from tests.fakes.apns import FakeAPNs


def test_a_card_removed_from_the_phone_is_not_pushed_any_more(
    service: Service, anna: Member, till: Till, apns: FakeAPNs
) -> None:
    phone = anna.takes_her_card_on_an_iphone()
    service.reconciles()
    asked = apns.attempts(phone.push_token)
    assert phone.removes().status == 200
    assert service.installations() == []
    till.earns(anna, points=10)
    service.reconciles()
    assert apns.attempts(phone.push_token) == asked
    assert anna.balance == 10


def test_removed_from_one_phone_it_stays_on_the_other(service: Service, anna: Member, till: Till) -> None:
    first, second = anna.takes_her_card_on_an_iphone(), anna.takes_her_card_on_an_iphone()
    first.removes()
    till.earns(anna, points=10)
    service.reconciles()
    assert second.shows("points") == 10


def test_a_phone_that_apple_calls_gone_is_forgotten(service: Service, anna: Member, till: Till, apns: FakeAPNs) -> None:
    phone = anna.takes_her_card_on_an_iphone()
    service.reconciles()
    apns.forget(phone.push_token, int(time.time() + 5) * 1000)
    till.earns(anna, points=10)
    service.reconciles()
    assert service.installations() == []
    assert not apns.sent_after_gone()


def test_an_old_farewell_does_not_remove_a_fresh_registration(
    service: Service, anna: Member, till: Till, apns: FakeAPNs
) -> None:
    phone = anna.takes_her_card_on_an_iphone()
    service.reconciles()
    apns.forget(phone.push_token, int(service.now - 3600) * 1000)
    till.earns(anna, points=10)
    service.reconciles()
    assert len(service.installations()) == 1


def test_the_card_can_be_taken_again(service: Service, anna: Member, till: Till) -> None:
    phone = anna.takes_her_card_on_an_iphone()
    phone.removes()
    till.earns(anna, points=10)
    anna.takes_her_card_on_an_iphone(phone)
    assert phone.shows("points") == 10
    till.earns(anna, points=1)
    service.reconciles()
    assert phone.shows("points") == 11


def test_a_blocked_card_says_so_on_the_phone(service: Service, anna: Member) -> None:
    phone = anna.takes_her_card_on_an_iphone()
    service.blocks(anna)
    service.reconciles()
    assert phone.only.is_void
    service.blocks(anna, "active")
    service.reconciles()
    assert not phone.only.is_void


def test_a_member_who_was_forgotten_leaves_a_void_card_without_a_name(service: Service, anna: Member) -> None:
    phone = anna.takes_her_card_on_an_iphone()
    service.forgets(anna)
    service.reconciles()
    assert phone.only.is_void
    assert not phone.says("Anna")
