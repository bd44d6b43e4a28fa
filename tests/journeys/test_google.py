"""Stories of cards in Google Wallet: from the button to the phone, and everything that can go wrong on the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cast import Till, days, hours, minutes
from tests.fakes.google import faults
from tests.fakes.google.fake import FakeGoogle
from tests.google_shop import FAST, GoogleShop, opened


@pytest.fixture(params=["sqlite", "postgresql"])
def shop(request: pytest.FixtureRequest, google: FakeGoogle, tmp_path: Path) -> Iterator[GoogleShop]:
    url: str | None = None
    if request.param == "postgresql":
        from tests.home import empty

        url = request.getfixturevalue("filled_postgres")
        empty(url)
    with opened(google, tmp_path, url) as shop:
        yield shop


@pytest.fixture
def till(shop: GoogleShop) -> Till:
    return Till(shop)


def test_a_card_is_saved_and_follows_every_purchase(shop: GoogleShop, till: Till) -> None:
    anna = shop.joins("Anna")
    phone = shop.saves(anna)
    assert phone.shows("Points") == "0"
    assert [each.status for each in shop.google.callbacks.letters] == [200]
    assert shop.places(anna) == 1 and shop.known(anna).saved == shop.now
    till.earns(anna, points=50)
    shop.reconciles()
    assert phone.shows("Points") == "50"


def test_the_button_is_there_and_leads_to_google(shop: GoogleShop) -> None:
    anna = shop.joins("Anna")
    page = shop.page(anna)
    assert "Add to Google Wallet" in page.body.decode()
    got = shop.follows(anna)
    assert got.status == 303
    assert shop.google.phone("anna@example.org").saves(got.headers["Location"]) == [shop.object_id(anna)]


def test_a_link_for_a_shops_system_brings_the_card_when_it_is_opened(shop: GoogleShop) -> None:
    anna = shop.joins("Anna")
    link = shop.wallet.link(anna.revision)
    assert not shop.google.calls, "Google knows nobody who never asked"
    got = shop.gets(link)
    assert got.status == 303
    assert shop.google.phone("anna@example.org").saves(got.headers["Location"]) == [shop.object_id(anna)]
    assert shop.gets(link[:-1] + ("A" if link[-1] != "A" else "B")).status == 404
    shop.clock.goes_on(days(31))
    assert shop.gets(link).status == 410


def test_no_member_is_in_any_id_or_link(shop: GoogleShop) -> None:
    anna, bob = shop.joins("Anna Kowalska"), shop.joins("Bob")
    ids = [shop.object_id(each) for each in (anna, bob)]
    assert len(set(ids)) == 2 and ids[0] == shop.object_id(anna)
    link = shop.link(anna)
    for secret in (anna.serial, anna.revision.card.number, anna.code, "Kowalska"):
        assert secret not in link and secret not in ids[0]


def test_in_russian_the_e_card_is_offered_alone(shop: GoogleShop) -> None:
    ivan = shop.joins("Иван", language="ru")
    assert "Google" not in shop.page(ivan).body.decode()
    assert shop.follows(ivan).status == 404


def test_while_google_is_down_the_member_is_told_and_nothing_breaks(shop: GoogleShop, till: Till) -> None:
    anna = shop.joins("Anna")
    shop.google.is_down = True
    assert shop.follows(anna).status == 503
    assert shop.page(anna).status == 200
    till.earns(anna, points=50)
    shop.google.is_down = False
    shop.reconciles(after=minutes(10))
    assert shop.saves(anna).shows("Points") == "50"


def test_a_state_that_google_has_is_not_sent_again(shop: GoogleShop, till: Till) -> None:
    anna = shop.joins("Anna")
    shop.saves(anna)
    shop.reconciles()
    written = len(shop.google.writes(shop.object_id(anna)))
    shop.link(anna)
    shop.reconciles()
    assert len(shop.google.writes(shop.object_id(anna))) == written
    till.earns(anna, points=5)
    till.earns(anna, points=7)
    shop.reconciles()
    assert len(shop.google.writes(shop.object_id(anna))) == written + 1, "the last state wins, once"
    assert len({call.path for call in shop.google.calls if "Class" in call.path}) == 1


def test_a_state_whose_confirmation_was_lost_is_told_anew(shop: GoogleShop, till: Till) -> None:
    """Back to a state that Google once confirmed, after one of which we do not know."""
    anna = shop.joins("Anna")
    phone = shop.saves(anna)
    shop.reconciles()
    shop.google.script(faults.RESET_AFTER, method="PATCH", path="loyaltyObject")
    receipt = till.sells(anna, total=5000)["receipt"]
    shop.reconciles()
    assert phone.shows("Points") == "50" and shop.known(anna).sent is None
    shop.undoes(receipt)
    shop.reconciles(after=minutes(10))
    assert phone.shows("Points") == "0"


def test_a_lost_answer_makes_no_second_card(shop: GoogleShop) -> None:
    anna = shop.joins("Anna")
    shop.google.script(faults.RESET_AFTER, method="POST", path="loyaltyObject")
    assert shop.follows(anna).status == 503
    shop.reconciles(after=minutes(1))
    assert shop.saves(anna).shows("Points") == "0"
    assert len(shop.google.resources.objects) == 1


@pytest.mark.parametrize("throttles_with", [429, 403])
def test_a_throttled_service_catches_up(shop: GoogleShop, till: Till, throttles_with: int) -> None:
    members = [shop.joins(f"M{n}") for n in range(6)]
    phones = [shop.saves(each) for each in members]
    shop.google.throttles_with = throttles_with
    shop.google.calls_per_second = 2
    for each in members:
        till.earns(each, points=10)
    shop.reconciles()
    shop.google.calls_per_second = None
    shop.settles()
    assert [phone.shows("Points") for phone in phones] == ["10"] * 6


def test_bad_weather_delays_and_loses_nothing(shop: GoogleShop, till: Till) -> None:
    members = [shop.joins(f"M{n}") for n in range(12)]
    phones = [shop.saves(each) for each in members]
    shop.google.weather(0.3, seed=5)
    for round in range(3):
        for each in members:
            till.earns(each, points=10 + round)
        shop.reconciles(after=minutes(1))
    shop.settles()
    shop.google.weather(0)
    assert [phone.shows("Points") for phone in phones] == ["33"] * 12
    assert not [each for each in shop.installations() if each.set_aside]


def test_a_card_without_its_class_gets_the_class_anew(shop: GoogleShop, till: Till) -> None:
    """Another issuer account, or a store from a backup: what we remember is not there."""
    anna = shop.joins("Anna")
    phone = shop.saves(anna)
    shop.google.resources.classes.clear()
    shop.google.resources.objects.clear()
    till.earns(anna, points=50)
    shop.settles()
    phone.saves(shop.link(anna))
    assert phone.shows("Points") == "50"


def test_a_token_that_ended_early_is_renewed_once(shop: GoogleShop, till: Till) -> None:
    anna = shop.joins("Anna")
    phone = shop.saves(anna)
    shop.reconciles()
    assert shop.google.accounts.granted == 1
    shop.google.expire_tokens()
    till.earns(anna, points=50)
    shop.reconciles()
    assert phone.shows("Points") == "50" and shop.google.accounts.granted == 2


def test_an_account_that_nobody_invited_is_a_sentence_for_the_operator(shop: GoogleShop, till: Till) -> None:
    anna = shop.joins("Anna")
    shop.saves(anna)
    shop.reconciles()
    shop.google.accounts.issuer(shop.google.issuer_id).roles.clear()
    till.earns(anna, points=50)
    shop.reconciles()
    (place,) = shop.installations()
    assert place.set_aside and "invite" in place.why
    calls = len(shop.google.calls)
    shop.reconciles(after=hours(2))
    assert len(shop.google.calls) == calls, "not tried blindly"


# -- what Google tells us


def test_removing_and_saving_again(shop: GoogleShop, till: Till) -> None:
    anna = shop.joins("Anna")
    link = shop.link(anna)
    phone = shop.google.phone("anna@example.org")
    phone.saves(link)
    phone.removes(shop.object_id(anna))
    assert shop.places(anna) == 0
    till.earns(anna, points=50)
    shop.reconciles()
    phone.saves(link)
    shop.reconciles()
    assert phone.shows("Points") == "50" and shop.places(anna) == 1


def test_late_and_repeated_callbacks_have_no_second_effect(shop: GoogleShop) -> None:
    anna = shop.joins("Anna")
    phone, google = shop.google.phone("anna@example.org"), shop.google
    link = shop.link(anna)
    google.callbacks.hold()
    phone.saves(link)
    google.clock.moves(60)
    phone.removes(shop.object_id(anna))
    google.clock.moves(60)
    phone.saves(link)
    google.callbacks.release(backwards=True)
    assert shop.places(anna) == 1 and shop.known(anna).removed is None
    for letter in list(google.callbacks.letters):
        assert google.callbacks.repeat(letter).status == 200
    assert shop.places(anna) == 1


def test_nobody_else_can_remove_a_card(shop: GoogleShop) -> None:
    anna = shop.joins("Anna")
    shop.saves(anna)
    google, object_id = shop.google, shop.object_id(anna)
    forged = [
        google.callbacks.forge("del", object_id, tamper="signedMessage"),
        google.callbacks.forge("del", object_id, sender="GoogleWalletPasses"),
        google.callbacks.forge("del", object_id, issuer_id="3388000000000000002"),
        google.callbacks.forge("del", object_id, expires_ms=1),
    ]
    assert {letter.status for letter in forged} <= {400, 401, 403} and shop.places(anna) == 1
    fetched = [each for each in google.requests if each.path == "/gp/m/issuer/keys"]
    assert len(fetched) == 1, "a forgery never becomes a request of ours"


def test_a_lost_callback_is_mended_by_asking(shop: GoogleShop) -> None:
    anna, bob = shop.joins("Anna"), shop.joins("Bob")
    phone = shop.saves(anna)
    shop.google.callbacks.deliver = lambda url, body: 0
    phone.removes(shop.object_id(anna))
    shop.saves(bob)
    assert shop.places(anna) == 1 and shop.known(bob).saved is None
    shop.reconciles(after=days(1) + 1)
    assert shop.places(anna) == 0 and shop.known(anna).removed
    assert shop.places(bob) == 1 and shop.known(bob).saved


def test_google_may_call_us(shop: GoogleShop) -> None:
    from urllib.robotparser import RobotFileParser

    rules = RobotFileParser()
    rules.parse(shop.gets("/robots.txt").body.decode().splitlines())
    assert rules.can_fetch("Googlebot", "https://cards.example.org/google/callback")
    assert rules.can_fetch("Googlebot", "https://cards.example.org/google/images/cafe/x/logo.png")
    assert not rules.can_fetch("Googlebot", "https://cards.example.org/card/x/y")


def test_the_pictures_have_the_sizes_google_wants(shop: GoogleShop) -> None:
    from io import BytesIO

    from PIL import Image

    shop.link(shop.joins("Anna"))
    card_class = shop.google.card_class(f"{shop.google.issuer_id}.cafe")
    for name, size in (("programLogo", (660, 660)), ("heroImage", (1032, 336))):
        got = shop.gets(card_class[name]["sourceUri"]["uri"])
        assert got.headers["Content-Type"] == "image/png" and "immutable" in got.headers["Cache-Control"]
        assert Image.open(BytesIO(got.body)).size == size


def test_stamps_are_drawn_on_the_picture_of_the_card(shop: GoogleShop, till: Till) -> None:
    from io import BytesIO

    from PIL import Image

    shop.amends(
        units=[{"key": "stamps", "kind": "stamps"}],
        rules=[{"key": "stamp", "unit": "stamps", "measure": "visit", "amount": 1}],
        stamps={"unit": "stamps", "of": 6, "prizes": [{"at": 6, "give": {"amount": 60}}]},
    )
    anna, jan = shop.joins("Anna"), shop.joins("Jan")
    phone, other = shop.saves(anna), shop.saves(jan)
    empty = phone.view(shop.object_id(anna)).hero
    assert empty == other.view(shop.object_id(jan)).hero, "whoever has as many stamps shares the picture"
    till.earns(anna, points=50)
    shop.reconciles()
    one = phone.view(shop.object_id(anna)).hero
    assert phone.shows("Stamp card") == "1 of 6" and one != empty
    pictures = [shop.gets(url) for url in (empty, one)]
    assert all("immutable" in got.headers["Cache-Control"] for got in pictures)
    assert {Image.open(BytesIO(got.body)).size for got in pictures} == {(1032, 336)}
    assert pictures[0].body != pictures[1].body
    assert shop.gets(one.replace("/1.png", "/7.png")).status == 404, "no card has more than its places"
    assert shop.gets(one.replace("/cafe/", "/none/")).status == 404
    aged = shop.gets(one.replace("/1.png", "/2.png"))
    assert "immutable" not in aged.headers["Cache-Control"], "the address belongs to another picture"


# -- levels, notices, offers


def test_a_new_level_is_on_the_card_and_announced_once(shop: GoogleShop, till: Till) -> None:
    anna = shop.joins("Anna")
    phone = shop.saves(anna)
    shop.reconciles()
    till.earns(anna, points=1000)
    shop.reconciles()
    assert phone.shows("Level") == "Gold"
    assert len(phone.notices) == 1
    till.earns(anna, points=1)
    shop.reconciles()
    assert phone.shows("Points") == "1001" and len(phone.notices) == 1, "a coffee is no news"


def test_more_than_three_notices_a_day_go_silently(shop: GoogleShop, till: Till) -> None:
    anna = shop.joins("Anna")
    phone = shop.saves(anna)
    for _ in range(5):
        till.earns(anna, points=50)
        shop.reconciles(after=60)
    assert phone.shows("Points") == "250" and len(phone.notices) == 3
    assert not [call for call in shop.google.calls if call.status >= 400]
    shop.clock.goes_on(days(1))
    shop.google.accounts.skew_seconds = days(2)
    shop.google.clock.moves(days(1) + 600)
    till.earns(anna, points=50)
    shop.reconciles()
    assert len(phone.notices) == 4


def test_an_announced_offer_is_one_message_to_all(shop: GoogleShop, till: Till) -> None:
    from tests.cast import Marketer

    members = [shop.joins(f"M{n}") for n in range(4)]
    phones = [shop.saves(each) for each in members]
    shop.reconciles()
    Marketer(shop).publishes("Free cake", announce=True, ends=hours(5))
    shop.reconciles()
    calls = [call for call in shop.google.calls if call.path.endswith("addMessage")]
    assert len(calls) == 1 and "Class" in calls[0].path
    assert all(len(phone.notices) == 1 for phone in phones)
    assert "Free cake" in str(phones[0].view(phones[0].cards[0]))
    till.earns(members[0], points=1)
    shop.reconciles()
    assert len([call for call in shop.google.calls if call.path.endswith("addMessage")]) == 1


def test_an_offer_that_some_are_left_out_of_is_no_message_to_all(shop: GoogleShop, till: Till) -> None:
    from tests.cast import Marketer

    members = [shop.joins(f"M{n}") for n in range(12)]
    phones = [shop.saves(each) for each in members]
    shop.reconciles()
    Marketer(shop).publishes("Free cake", announce=True, control=50)
    shop.reconciles()
    assert not [call for call in shop.google.calls if call.path.endswith("addMessage")]
    assert 0 < sum("Free cake" in str(phone.view(phone.cards[0])) for phone in phones) < 12


# -- the end


def test_a_forgotten_member_leaves_nothing_at_google(shop: GoogleShop, till: Till) -> None:
    anna = shop.joins("Anna Kowalska")
    phone = shop.saves(anna)
    till.earns(anna, points=1000)
    shop.reconciles()
    number, code = anna.revision.card.number, anna.code
    shop.forgets(anna)
    shop.reconciles()
    left = str(shop.google.card(phone.cards[0]) | {"classReference": None})
    assert "EXPIRED" in left
    assert not [each for each in ("Kowalska", number, code, "1000") if each in left]


def test_a_card_removed_from_the_phone_is_emptied_all_the_same(shop: GoogleShop) -> None:
    anna = shop.joins("Anna Kowalska")
    object_id = shop.object_id(anna)
    shop.saves(anna).removes(object_id)
    shop.forgets(anna)
    shop.reconciles()
    assert shop.google.card(object_id)["state"] == "EXPIRED"
    assert "Kowalska" not in str(shop.google.card(object_id))


def test_a_blocked_card_comes_back_whole(shop: GoogleShop, till: Till) -> None:
    anna = shop.joins("Anna")
    phone = shop.saves(anna)
    till.earns(anna, points=5)
    shop.blocks(anna)
    shop.reconciles()
    assert phone.view(phone.cards[0]).is_expired
    assert shop.follows(anna).status == 404
    shop.blocks(anna, "active")
    shop.reconciles()
    assert phone.shows("Points") == "5" and not phone.view(phone.cards[0]).is_expired


def test_the_pace_is_kept_by_all_workers_together(google: FakeGoogle, tmp_path: Path) -> None:
    """Two processes' worth of workers; one of them dies in the middle of a batch."""
    import threading

    from passes import assemble

    with opened(google, tmp_path, google__rate=40) as shop:
        till = Till(shop)
        members = [shop.joins(f"M{n}") for n in range(60)]
        for each in members:
            with shop.inner.store.transaction() as tx:
                shop.wallet.install(tx, each.serial, shop.object_id(each))
        other = assemble(shop.home, shop.clock)
        shop.leases_and_dies(other)
        workers = [threading.Thread(target=each.worker().run_until_idle) for each in (shop.inner, other)]
        for worker in workers:
            worker.start()
        for each in members[:20]:
            till.earns(each, points=3)
        for worker in workers:
            worker.join()
        shop.settles()
        assert google.most_calls_in_a_second() <= 50, "a loaded machine lets some go late"
        shown = [google.card(shop.object_id(each))["loyaltyPoints"]["balance"]["int"] for each in members]
        assert shown == [3] * 20 + [0] * 40
        other.store.close()


def test_without_a_service_account_there_is_no_google(tmp_path: Path) -> None:
    from tests.cast import Service
    from tests.home import new_home

    service = Service(new_home(tmp_path / "home"))
    anna = service.joins("Anna")
    assert "google" not in service.inner.wallets
    page = service.inner.ecard.link(anna.revision)
    from tests.cast import Indoors

    assert "Google" not in Indoors(service.app)("GET", page or "", {}).body.decode()
    assert Indoors(service.app)("POST", "/google/callback", {}, b"{}").status in (404, 405)
    service.closes()


def test_a_look_with_colours_of_levels_has_a_class_for_each(google: FakeGoogle, tmp_path: Path) -> None:
    import shutil

    from tests.home import TEMPLATES

    home = tmp_path / "home"
    with opened(google, tmp_path) as before:
        before.closes()
    (home / "templates").unlink()
    shutil.copytree(TEMPLATES, home / "templates")
    with (home / "templates" / "cards" / "cafe" / "look.toml").open("a") as file:
        file.write('\n[tiers]\ngold = "#b8860b"\n')
    shop = GoogleShop(home)
    shop.google = google
    google.callbacks.deliver = shop.hears
    till, anna = Till(shop), shop.joins("Anna")
    phone = shop.saves(anna)
    till.earns(anna, points=1000)
    shop.reconciles()
    assert phone.view(phone.cards[0]).colour == "#b8860b" and phone.shows("Level") == "Gold"
    shop.closes()


def test_a_pace_of_plenty(shop: GoogleShop) -> None:
    assert shop.wallet.most_at_once == FAST * 5


def test_without_keys_a_callback_comes_again(shop: GoogleShop) -> None:
    anna = shop.joins("Anna")
    google = shop.google
    google.callbacks.hold()
    shop.saves(anna)
    google.is_down = True
    google.callbacks.release()
    assert [letter.status for letter in google.callbacks.letters] == [503]
    google.is_down = False
    shop.clock.goes_on(5)
    google.callbacks.redeliver()
    assert shop.known(anna).saved


def test_a_callback_that_comes_twice_at_once_counts_once(shop: GoogleShop) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from sqlalchemy import func, select

    from passes.store import tables as t

    anna = shop.joins("Anna")
    shop.google.callbacks.hold()
    shop.saves(anna)
    (letter,) = shop.google.callbacks.letters
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: shop.hears(letter.url, letter.body), range(6)))
    assert answers == [200] * 6 and shop.places(anna) == 1
    with shop.inner.store.reading() as tx:
        assert tx.execute(select(func.count()).select_from(t.GoogleNonce)).scalar() == 1


def test_old_messages_make_room_for_new_ones(shop: GoogleShop) -> None:
    from tests.cast import Marketer

    shop.saves(shop.joins("Anna"))
    shop.reconciles()
    marketer = Marketer(shop)
    for number in range(12):
        marketer.publishes(f"Offer {number}", announce=True, ends=hours(1 if number else 500))
        shop.reconciles(after=minutes(30))
    messages = shop.google.card_class(f"{shop.google.issuer_id}.cafe")["messages"]
    assert len(messages) <= 10 and messages[-1]["header"] == "Offer 11"
    assert messages[0]["header"] == "Offer 0", "what still holds stays, what is over goes"
    assert not [call for call in shop.google.calls if call.status >= 400]


def test_a_card_that_google_refused_is_not_waited_for(shop: GoogleShop) -> None:
    import time

    anna = shop.joins("Anna")
    shop.google.accounts.issuer(shop.google.issuer_id).roles.clear()
    assert shop.follows(anna).status == 503
    begun = time.monotonic()
    assert shop.follows(anna).status == 503
    assert time.monotonic() - begun < 2
