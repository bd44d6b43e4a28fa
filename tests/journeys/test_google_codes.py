"""Stories of codes and links in Google Wallet, and of what its lists ask for besides."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete

from passes import cards, stepup
from passes.codes import Known
from passes.stepup import CodeUsed
from passes.store import tables as t
from tests.cast import Member, Till, minutes
from tests.fakes.google import faults
from tests.fakes.google.fake import ACCOUNT, FakeGoogle
from tests.fakes.google.phone import Phone
from tests.google_shop import GoogleShop, opened


@pytest.fixture
def shop(google: FakeGoogle, tmp_path: Path) -> Iterator[GoogleShop]:
    with opened(google, tmp_path) as shop:
        yield shop


@pytest.fixture
def till(shop: GoogleShop) -> Till:
    return Till(shop)


def shown(phone: Phone) -> str:
    """The code on the phone's screen at this moment."""
    return phone.view(phone.cards[0]).barcode


def scanned(shop: GoogleShop, code: str) -> tuple[str, Known]:
    known = cards.read_code(code, shop.inner.secrets)
    with shop.inner.store.reading() as tx:
        return cards.by_known(tx, known).serial, known


def spends(shop: GoogleShop, anna: Member, code: str) -> None:
    with shop.inner.store.transaction() as tx:
        held = cards.by_serial(tx, anna.serial, lock=True)
        proof = stepup.read(code, held, shop.inner.secrets, shop.now)
        stepup.settle(tx, held, proof, 10, shop.now)


def test_the_code_on_the_phone_changes_and_each_is_accepted_once(shop: GoogleShop) -> None:
    anna = shop.joins("Anna")
    phone = shop.saves(anna)
    shop.google.clock.stands_at(shop.now)
    first = shown(phone)
    assert scanned(shop, first) == (anna.serial, Known(scanned(shop, first)[1].id, "rotating", 1, shop.now // 30))
    spends(shop, anna, first)
    with pytest.raises(CodeUsed):
        spends(shop, anna, first)
    shop.google.clock.moves(30)
    shop.clock.goes_on(30)
    second = shown(phone)
    assert second != first
    spends(shop, anna, second)
    assert phone.view(phone.cards[0]).barcode_text == anna.revision.card.number


def test_links_that_are_taken_back_change_the_keys_on_the_phone(shop: GoogleShop) -> None:
    anna = shop.joins("Anna")
    phone = shop.saves(anna)
    before = shown(phone)
    shop.revokes(anna)
    shop.reconciles()
    with pytest.raises(cards.CodeRevoked):
        scanned(shop, before)
    assert scanned(shop, shown(phone))[1].generation == 2


def test_no_save_link_holds_what_makes_codes(shop: GoogleShop) -> None:
    anna = shop.joins("Anna")
    phone = shop.google.phone("anna@example.org")
    said = json.dumps(phone.opens(shop.link(anna)))
    (key, _) = shop.google.card(shop.object_id(anna))["rotatingBarcode"]["totpDetails"]["parameters"]
    assert key["key"] not in said and "totp" not in said


def test_a_link_too_long_for_browsers_becomes_a_short_one(google: FakeGoogle, tmp_path: Path) -> None:
    """As those of a very large key would be; here it is the key's name that is long."""
    google.accounts.accounts[ACCOUNT] = replace(google.service_account(), key_id="k" * 900)
    google.accounts.accounts[ACCOUNT].write(tmp_path / "google.json")
    with opened(google, tmp_path) as shop:
        anna = shop.joins("Anna")
        link = shop.link(anna)
        assert len(link) < 200 and [call for call in google.calls if call.path.endswith("/jwt")]
        assert google.phone("anna@example.org").saves(link) == [shop.object_id(anna)]
        google.script(faults.answer(503), path="/jwt")
        assert shop.follows(anna).status == 503
        google.script(faults.says(200, b'{"saveUri":"https://elsewhere.example/x"}'), path="/jwt")
        assert shop.follows(anna).status == 503, "a link to somebody else is no link"


def test_readers_over_the_air_are_served_where_they_are_approved(google: FakeGoogle, tmp_path: Path) -> None:
    with opened(google, tmp_path, google__redemption_issuer="3388000000000000002") as shop:
        anna = shop.joins("Anna")
        shop.saves(anna)
        assert google.card(shop.object_id(anna))["smartTapRedemptionValue"] == anna.code
        (of,) = google.resources.classes.values()
        assert (of.body["enableSmartTap"], of.body["redemptionIssuers"]) == (True, ["3388000000000000002"])


def test_a_class_that_is_there_already_is_brought_up_to_date(shop: GoogleShop) -> None:
    anna = shop.joins("Anna")
    shop.google.script(faults.RACE, method="POST", path="loyaltyClass")
    phone = shop.saves(anna)
    writes = [call for call in shop.google.calls if "loyaltyClass" in call.path]
    assert [(call.method, call.status) for call in writes] == [("POST", 409), ("PATCH", 200)]
    assert all(call.json["reviewStatus"] == "UNDER_REVIEW" for call in writes)
    assert phone.view(phone.cards[0]).title == "Coffee Club"


def test_a_card_that_google_lost_is_made_anew(shop: GoogleShop, till: Till) -> None:
    anna = shop.joins("Anna")
    phone = shop.saves(anna)
    shop.reconciles()
    shop.google.resources.objects.clear()
    till.earns(anna, points=50)
    shop.reconciles()
    written = [(call.method, call.status) for call in shop.google.writes(shop.object_id(anna))]
    assert written[-2:] == [("PATCH", 404), ("POST", 200)]
    phone.saves(shop.link(anna))
    assert phone.shows("Points") == "50"


def test_after_silence_the_card_is_looked_for_before_it_is_made(shop: GoogleShop) -> None:
    anna = shop.joins("Anna")
    shop.google.script(faults.LOST_ANSWER, method="POST", path="loyaltyObject")
    assert shop.follows(anna).status == 503
    shop.reconciles(after=minutes(1))
    written = [(call.method, call.status) for call in shop.google.writes(shop.object_id(anna))]
    assert written == [("POST", 200), ("PATCH", 200)], "nothing was made twice, or tried in vain"


def test_two_quick_purchases_end_with_the_later_balance(shop: GoogleShop, till: Till) -> None:
    anna = shop.joins("Anna")
    phone = shop.saves(anna)
    shop.reconciles()
    shop.google.script(faults.slow(0.5), method="PATCH", path="loyaltyObject")
    till.earns(anna, points=50)
    shop.reconciles()
    till.earns(anna, points=7)
    shop.reconciles()
    assert phone.shows("Points") == "57"
    sent = [call.json["loyaltyPoints"]["balance"]["int"] for call in shop.google.writes(shop.object_id(anna))]
    assert sent == sorted(sent)


def test_one_card_that_is_refused_holds_up_no_other(shop: GoogleShop, till: Till) -> None:
    members = [shop.joins(name) for name in ("Anna", "Boris", "Celina")]
    phones = [shop.saves(each) for each in members]
    shop.reconciles()
    shop.google.script(faults.answer(400), path=shop.object_id(members[1]))
    for each in members:
        till.earns(each, points=50)
    shop.reconciles()
    assert [phone.shows("Points") for phone in phones] == ["50", "0", "50"]
    assert [each.set_aside for each in shop.installations()] == [False, True, False]


def test_only_a_write_that_is_to_notify_says_so(shop: GoogleShop, till: Till) -> None:
    anna = shop.joins("Anna")
    shop.saves(anna)
    shop.reconciles()
    for points in (1, 1000, 1):
        till.earns(anna, points=points)
        shop.reconciles()
    said = [call.json.get("notifyPreference") for call in shop.google.writes(shop.object_id(anna))]
    assert said[-3:] == [None, "NOTIFY_ON_UPDATE", None] and set(said[:-3]) <= {None}


def test_names_in_every_script_arrive_as_they_are_written(shop: GoogleShop) -> None:
    anna = shop.joins("Анна Żółć")
    phone = shop.saves(anna)
    shop.reconciles()
    assert "Анна Żółć" in str(phone.view(phone.cards[0]))
    assert "Анна Żółć".encode() in shop.google.writes(shop.object_id(anna))[0].body, "not as \\u0410"


def test_a_callback_about_a_card_we_do_not_know_is_taken(shop: GoogleShop) -> None:
    """As after a store was put back from an older backup."""
    anna = shop.joins("Anna")
    phone, object_id = shop.saves(anna), shop.object_id(anna)
    with shop.inner.store.transaction() as tx:
        tx.execute(delete(t.Installation))
        tx.execute(delete(t.GoogleObject))
    phone.removes(object_id)
    assert [letter.status for letter in shop.google.callbacks.letters] == [200, 200], "so that Google stops saying it"
    assert shop.places(anna) == 0


def test_nothing_secret_is_logged_or_told(shop: GoogleShop, till: Till, capsys: pytest.CaptureFixture[str]) -> None:
    anna = shop.joins("Anna Kowalska")
    phone = shop.saves(anna)
    google, object_id = shop.google, shop.object_id(anna)
    key = google.card(object_id)["rotatingBarcode"]["totpDetails"]["parameters"][0]["key"]
    google.script(faults.answer(400, "", f"Invalid value {key} for Anna of {ACCOUNT}"), path=object_id)
    till.earns(anna, points=50)
    shop.reconciles()
    google.callbacks.forge("del", object_id, tamper="signedMessage")
    phone.removes(object_id)
    seen = "".join(capsys.readouterr()) + shop.page(anna).body.decode() + str([p.why for p in shop.installations()])
    pem = google.accounts.accounts[ACCOUNT].as_json()["private_key"].splitlines()[1]
    token = google.calls[-1].headers["authorization"].removeprefix("Bearer ")
    assert not [each for each in (pem, token, object_id, "Kowalska@") if each in seen]
    assert key not in "".join(str(p.why) for p in shop.installations())
