"""Pushes that are lost, late or refused: the card on the phone comes right in the end."""

from __future__ import annotations

import time
from collections.abc import Sequence

from passes import reconcile
from passes.card import Revision
from passes.wallets import File, Outcome, Stale
from tests.cast import Member, Phone, Service, Till, days, hours, minutes
from tests.fakes.apns import DROP, HANG, RESET_STREAM, RESET_TCP, FakeAPNs, answer


def test_a_push_lost_to_an_outage_arrives_after_it(service: Service, anna: Member, till: Till, apns: FakeAPNs) -> None:
    phone = anna.takes_her_card_on_an_iphone()
    service.reconciles()
    apns.is_down = True
    till.earns(anna, points=50)
    service.reconciles()
    assert phone.shows("points") == 0
    assert anna.balance == 50

    apns.is_down = False
    _until(service, phone, 50)
    assert not phone.complaints


def test_what_goes_wrong_with_one_push_is_mended_by_another(
    service: Service, anna: Member, till: Till, apns: FakeAPNs
) -> None:
    phone = anna.takes_her_card_on_an_iphone()
    service.reconciles()
    points = 0
    for fault in (answer(429, "TooManyRequests"), answer(503, "ServiceUnavailable"), RESET_STREAM, RESET_TCP):
        apns.script(fault)
        points += 10
        till.earns(anna, points=10)
        service.reconciles()
        _until(service, phone, points)


def test_a_push_that_vanished_is_made_good_by_the_next(
    service: Service, anna: Member, till: Till, apns: FakeAPNs
) -> None:
    """APNs said yes and did not deliver: nobody can know. The phone learns of everything with the next push."""
    phone = anna.takes_her_card_on_an_iphone()
    service.reconciles()
    apns.script(DROP)
    till.earns(anna, points=10)
    service.reconciles()
    assert phone.shows("points") == 0
    till.earns(anna, points=5)
    service.reconciles()
    assert phone.shows("points") == 15


def test_a_worker_killed_while_pushing_is_taken_over_from(
    service: Service, anna: Member, till: Till, apns: FakeAPNs
) -> None:
    phone = anna.takes_her_card_on_an_iphone()
    service.reconciles()
    till.earns(anna, points=10)
    _lease_and_die(service)
    service.reconciles()
    assert phone.shows("points") == 0
    service.reconciles(after=service.inner.settings.work.lease_seconds + 1)
    assert phone.shows("points") == 10


def test_a_phone_that_changed_its_push_token_is_reached_by_the_new_one(
    service: Service, anna: Member, till: Till, apns: FakeAPNs
) -> None:
    bob = service.joins("Bob")
    phone = anna.takes_her_card_on_an_iphone()
    bob.takes_her_card_on_an_iphone(phone)
    old = phone.push_token
    service.reconciles()
    phone.gets_a_new_push_token()
    asked = apns.attempts(old)
    till.earns(anna, points=10)
    till.earns(bob, points=20)
    service.reconciles()
    assert (phone.shows("points", anna.serial), phone.shows("points", bob.serial)) == (10, 20)
    assert apns.attempts(old) == asked


def test_a_phone_that_lost_its_tag_or_never_had_one_misses_nothing(service: Service, anna: Member, till: Till) -> None:
    phone = anna.takes_her_card_on_an_iphone()
    till.earns(anna, points=10)
    service.reconciles()
    phone.tags.clear()
    till.earns(anna, points=10)
    service.reconciles(after=days(1))
    assert phone.shows("points") == 20


def test_the_till_does_not_wait_for_apple(service: Service, anna: Member, till: Till, apns: FakeAPNs) -> None:
    anna.takes_her_card_on_an_iphone()
    apns.script(HANG)
    began = time.monotonic()
    till.earns(anna, points=10)
    assert time.monotonic() - began < 2
    assert anna.balance == 10


def _lease_and_die(service: Service) -> None:
    """A worker takes what is stale and is no more before it told anybody."""

    class Killed(BaseException):
        pass

    class Dying:
        name = "apple"

        def issue(self, revision: Revision) -> File:
            raise NotImplementedError

        def push(self, batch: Sequence[Stale]) -> Sequence[Outcome]:
            raise Killed

    inner = service.inner
    try:
        reconcile.reconcile(inner.store, {"apple": Dying()}, inner.now, 500, inner.settings.work.lease_seconds)
    except Killed:
        return
    raise AssertionError("nothing was stale")


def _until(service: Service, phone: Phone, points: int) -> None:
    """The sender of pushes rests by the real clock, the reconciler waits by the test's."""
    ends = time.monotonic() + 10
    while phone.shows("points") != points and time.monotonic() < ends:
        service.reconciles(after=minutes(10))
        if phone.shows("points") != points:
            time.sleep(0.05)
    assert phone.shows("points") == points
    assert service.now < time.time() + hours(24)
