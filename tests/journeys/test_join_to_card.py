"""From joining to a card in Wallet, and a phone that the service knows."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest
from sqlalchemy import update

from passes.store import tables as t
from tests import passcheck
from tests.cast import PASSES, Indoors, Member, Service, Till, days
from tests.fakes.apns import FakeAPNs


def test_a_member_takes_her_card_on_an_iphone(service: Service, anna: Member) -> None:
    phone = anna.takes_her_card_on_an_iphone()
    assert phone.shows("points") == 0
    assert phone.shows("member") == "Anna"
    (installed,) = service.installations()
    assert (installed.serial, installed.place, installed.address) == (anna.serial, phone.device, phone.push_token)


def test_a_card_that_changes_before_the_phone_registers_arrives_all_the_same(
    service: Service, anna: Member, till: Till
) -> None:
    phone = service.phone()
    bundle = phone.line("GET", anna.link, {})
    till.earns(anna, points=30)
    service.reconciles()
    phone.adds(bundle.body, bundle.headers["Last-Modified"])
    assert phone.shows("points") == 0
    service.reconciles()
    assert phone.shows("points") == 30
    assert not phone.complaints


def test_a_link_works_again_until_its_time_is_over(service: Service, anna: Member) -> None:
    link = anna.link
    for _ in range(3):
        assert service.phone().opens(link).status == 200
    service.clock.goes_on(days(service.inner.settings.apple.download_days) + 1)
    got = service.phone().opens(link)
    assert got.status == 410
    assert b"<html" in got.body


def test_a_link_that_was_tampered_with_opens_nothing(service: Service, anna: Member) -> None:
    bob = service.joins("Bob")
    link, other = anna.link, bob.link
    proof = link.rsplit("/", 1)[1]
    until, _, key = proof.removesuffix(".pkpass").partition(".")
    wrong = [
        other.replace(bob.serial, anna.serial),
        link.replace(proof, f"{int(until, 16) + 1:x}.{key}.pkpass"),
        link.replace(key, key[:-1] + ("A" if key[-1] != "A" else "B")),
        link.replace(proof, ".pkpass"),
        link.replace(proof, f"-1.{key}.pkpass"),
        link.replace(proof, "0" * 5000 + ".pkpass"),
        link.replace(anna.serial, "x" * 40),
        link.replace(anna.serial, "%00"),
        service.apple.link_many(anna.public_id).replace("pkpasses", "pkpass"),
    ]
    answers = {service.phone().opens(each).status for each in wrong}
    assert answers == {404}


def test_a_download_is_what_browsers_want(service: Service, anna: Member) -> None:
    line, link = Indoors(service.app), anna.link
    got, head = line("GET", link, {}), line("HEAD", link, {})
    assert got.headers["Content-Type"] == "application/vnd.apple.pkpass"
    assert got.headers["Content-Disposition"] == "attachment; filename=cafe.pkpass"
    assert got.headers["Cache-Control"] == "private, no-store"
    assert int(got.headers["Content-Length"]) == len(got.body)
    assert parsedate_to_datetime(got.headers["Last-Modified"]) <= datetime.fromtimestamp(service.now, UTC)
    for name in ("Content-Type", "Content-Length", "Last-Modified", "Cache-Control"):
        assert head.headers[name] == got.headers[name]
    assert head.body == b""


def test_a_member_with_two_cards_takes_both_at_once(service: Service, anna: Member) -> None:
    other = service.joins("Anna")
    with service.inner.store.transaction() as tx:
        held = tx.execute(t.Card.__table__.select().where(t.Card.serial == anna.serial)).one()
        tx.execute(update(t.Card).where(t.Card.serial == other.serial).values(member_id=held.member_id))
    phone = service.phone()
    got = phone.opens(service.apple.link_many(anna.public_id))
    assert (got.status, got.headers["Content-Type"]) == (200, PASSES)
    assert not passcheck.check_many(got.body, service.root, service.now)
    assert set(phone.passes) == {anna.serial, other.serial}
    assert phone.opens(service.apple.link_many("0" * 32)).status == 404


OTHER_MAKES = {
    "AndroidPass": "cRk2_eXaMpLe:APA91bH" + "x-Y_z" * 28,
    "WalletUnionPass": "dGVzdC10b2tlbi1mb3ItYS1waG9uZQ==",
    "WalletUnionHMSPass": "IQAAAACy0example_" + "q7R-" * 24,
}


def test_a_phone_of_another_make_has_a_word_and_a_token_of_its_own(
    service: Service, anna: Member, till: Till, apns: FakeAPNs
) -> None:
    """Its maker's push service is not spoken to: it sees the change when it asks."""
    phones = [
        anna.takes_her_card_on_an_iphone(service.phone(scheme=word, push_token=token))
        for word, token in OTHER_MAKES.items()
    ]
    iphone = anna.takes_her_card_on_an_iphone()
    till.earns(anna, points=7)
    service.reconciles()
    assert iphone.shows("points") == 7
    assert not any(apns.attempts(phone.push_token) for phone in phones)
    assert {row.place for row in service.installations() if row.set_aside} == {phone.device for phone in phones}

    for phone in phones:
        phone.wakes()
    assert [phone.shows("points") for phone in phones] == [7, 7, 7]


@pytest.mark.parametrize("token", ["", "short", "x" * 513, "a b" * 10, "a\n" * 10, "токен" * 5, 7, None])
def test_another_makes_token_has_bounds_too(service: Service, anna: Member, token: object) -> None:
    phone = anna.takes_her_card_on_an_iphone(service.phone(scheme="AndroidPass", push_token="cRk2_eXaMpLe:APA91b"))
    url, body = phone.registration_url(phone.only), json.dumps({"pushToken": token}).encode()
    got = phone.calls("POST", url, phone.only, body)
    assert (got.status, got.json["field"]) == (400, "pushToken")
