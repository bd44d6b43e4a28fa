"""The customer without a card in the hand, gifts and corrections at the till."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from passes.members import Person
from passes.store import tables as t
from passes.web.staff import masks
from tests.desk import KASIA, MAREK, Desk, Shop

DAY = 86_400
JSON = {"Accept": "application/json"}


@pytest.fixture(scope="module")
def long_open(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    shop = Shop(tmp_path_factory.mktemp("members") / "home", till__comp_a_day=30)
    yield shop
    shop.closes()


@pytest.fixture
def shop(long_open: Shop) -> Shop:
    """On a new day."""
    long_open.clock.goes_on(DAY)
    return long_open


def joins(shop: Shop, name: str, phone: str = "", email: str = "") -> str:
    with shop.service.store.transaction() as tx:
        person = Person("pl", name, email, phone)
        return shop.service.members.join(tx, "cafe", person, shop.service.now).serial


def searches(desk: Desk, query: str, **more: str) -> int:
    desk.opens("/staff/look-up")
    return desk.sends("/staff/look-up", {"query": query} | more).status_code


# -- found by what they say


def test_contacts_are_shown_so_that_they_cannot_be_used() -> None:
    assert masks.phone("+48600100212") == "+48 ··· ·· 12"
    assert masks.email("anna@example.org") == "a···@e···.org"
    assert (masks.phone(""), masks.email("")) == ("", "")


def test_a_customer_is_found_by_anything_they_can_say(shop: Shop) -> None:
    serial = joins(shop, "Wisława", "600 100 212", "wisia@example.org")
    kasia = shop.desk(KASIA)
    for said in ("wisł", "600100212", "+48 600 100 212", "Wisia@example.org", shop.held(serial).row.number):
        assert searches(kasia, said) == 200
        assert f"/staff/cards/{serial}" in kasia.page and "+48 ··· ·· 12" in kasia.says
        assert "w···@e···.org" in kasia.says and "wisia@" not in re.sub(r'value="[^"]*"', "", kasia.page)
        assert "100212" not in re.sub(r'value="[^"]*"', "", kasia.page)


def test_whole_contacts_are_a_managers_and_are_logged(shop: Shop) -> None:
    joins(shop, "Zenon", "600 100 214")
    assert searches(shop.desk(KASIA), "zenon", contacts="1") == 403
    boss = shop.desk(MAREK)
    assert searches(boss, "zenon", contacts="1") == 200 and "+48600100214" in boss.says
    with shop.service.store.reading() as tx:
        logged = tx.execute(select(t.Action.what, t.Action.outcome).order_by(t.Action.id.desc()).limit(2)).all()
    assert [tuple(line) for line in logged] == [("contacts", "done"), ("look_up", "done")]


def test_a_search_shows_ten_and_not_everybody(shop: Shop) -> None:
    for n in range(12):
        joins(shop, f"Paweł {n}")
    kasia = shop.desk(KASIA)
    assert searches(kasia, "paweł") == 200 and kasia.page.count("/staff/cards/") == 10
    for nothing in ("", " ", "p", "x" * 101):
        assert searches(kasia, nothing) == 422
    assert searches(kasia, "%") == 422 and searches(kasia, "%%") == 200 and "Nobody was found" in kasia.says


def test_nobody_goes_through_the_customers_one_by_one(shop: Shop) -> None:
    kasia = shop.desk(KASIA)
    answers = [searches(kasia, f"name {n}") for n in range(32)]
    assert answers == [200] * 30 + [429] * 2
    shop.clock.goes_on(601)
    assert searches(kasia, "name") == 200


# -- made a member here and now


def test_a_customer_joins_at_the_till_and_has_the_card_on_their_phone(shop: Shop) -> None:
    kasia = shop.desk(KASIA)
    kasia.opens("/staff/join")
    fields = {"receipt": kasia.field("receipt"), "programme": "cafe", "about": "600 100 216", "language": "pl"}
    fields |= {"consent": "messages"}
    places = {kasia.sends("/staff/join", fields).location for _ in range(3)}
    assert len(places) == 1
    kasia.opens(places.pop())
    assert "enrolment-drawing" in kasia.page
    with shop.service.store.reading() as tx:
        consents = tx.execute(select(t.Consent.purpose, t.Consent.language, t.Consent.source)).all()
    assert [tuple(row) for row in consents] == [("messages", "pl", "till")]
    assert searches(kasia, "600100216") == 200 and kasia.page.count("/staff/cards/") == 1


def test_the_answer_to_a_script_has_the_link_which_opens_the_card(shop: Shop) -> None:
    kasia = shop.desk(KASIA)
    kasia.opens("/staff/join")
    sent = {"csrf_token": kasia.token, "receipt": kasia.field("receipt"), "programme": "cafe"}
    got = kasia.client.post("/staff/join", data=sent, headers=JSON)
    assert shop.app.test_client().get(got.json["link"]).status_code == 200  # type: ignore[index]
    assert kasia.opens(got.json["next"]).status_code == 200  # type: ignore[index]


def test_a_card_that_is_there_already_shows_its_link_to_nobody(shop: Shop) -> None:
    serial, kasia = joins(shop, "Anna"), shop.desk(KASIA)
    assert kasia.opens(f"/staff/cards/{serial}/joined").request.path == f"/staff/cards/{serial}"
    assert "enrolment-drawing" not in kasia.page


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"about": "12"}, 422),
        ({"about": "nobody@"}, 422),
        ({"about": "x" * 61}, 422),
        ({"programme": "nothing"}, 404),
        ({"receipt": "mine"}, 422),
        ({"language": "de"}, 303),
        ({"consent": "everything"}, 303),
        ({"about": "<script>alert(1)</script>"}, 422),
    ],
)
def test_a_form_that_was_changed_is_refused_with_a_reason(shop: Shop, change: dict[str, str], status: int) -> None:
    kasia = shop.desk(KASIA)
    kasia.opens("/staff/join")
    fields = {"receipt": kasia.field("receipt"), "programme": "cafe", "language": "en"} | change
    assert kasia.sends("/staff/join", fields).status_code == status
    assert "<script>alert" not in kasia.page


# -- points that no purchase gave


def gives(desk: Desk, serial: str, points: str, reason: str = "cold coffee", page: str = "gift", **more: str) -> int:
    address = f"/staff/cards/{serial}/{page}"
    desk.opens(address)
    fields = {"receipt": desk.field("receipt"), "points": points, "reason": reason} | more
    got = desk.sends(address, fields)
    if got.status_code == 303:
        desk.opens(got.location)
    return got.status_code


def test_a_gift_has_a_reason_and_a_budget(shop: Shop) -> None:
    kasia, serial = shop.desk(KASIA), shop.has_member()
    assert gives(kasia, serial, "20") == 303 and "Given: 20 points. Reason: cold coffee" in kasia.says
    assert gives(kasia, serial, "11") == 409 and "used up" in kasia.says
    assert gives(kasia, serial, "10") == 303
    assert gives(shop.desk(KASIA), serial, "1") == 409
    assert shop.balance(serial) == 30
    assert gives(kasia, serial, "5", reason=" ") == 422 and "Say why" in kasia.says
    for typed in ("-5", "1.5", "0", "", "1e3", "x"):
        assert gives(kasia, serial, typed) == 422
    assert gives(shop.desk(MAREK), serial, "30") == 303


def test_stamps_have_a_budget_of_their_own(shop: Shop) -> None:
    shop.promises(key="beans", name={"en": "Beans"}, kind="stamps", unit="stamps")
    kasia, serial = shop.desk(KASIA), shop.has_member(programme="beans")
    kasia.opens(f"/staff/cards/{serial}/gift")
    assert "You may give 5 stamps or visits a day in all." in kasia.says and "points" not in kasia.says
    assert gives(kasia, serial, "100") == 409 and "Your stamps to give away today are used up" in kasia.says
    assert gives(kasia, serial, "5") == 303 and gives(shop.desk(KASIA), serial, "1") == 409
    assert shop.balance(serial) == 5
    assert gives(kasia, shop.has_member(), "30") == 303, "points are counted apart"
    boss = shop.desk(MAREK)
    boss.opens("/staff/manage/log")
    assert "Gift of stamps" in boss.says and "The day's budget for gifts of stamps is used up." in boss.says


def test_what_is_given_in_a_unit_counts_for_the_budget_of_that_unit(shop: Shop) -> None:
    units = [{"key": "stamps", "kind": "stamps"}, {"key": "miles"}]
    rules = [{"key": "visit", "unit": "stamps", "measure": "visit", "amount": 1}]
    shop.promises(key="both", name={"en": "Both"}, units=units, rules=rules)
    kasia, serial = shop.desk(KASIA), shop.has_member(programme="both")
    kasia.opens(f"/staff/cards/{serial}/gift")
    assert "30 points a day in all. You may give 5 stamps" in kasia.says
    assert gives(kasia, serial, "5", unit="stamps") == 303 and "Given: 5 stamps. Reason: cold coffee" in kasia.says
    assert gives(kasia, serial, "1", unit="stamps") == 409
    assert gives(kasia, serial, "20", unit="miles") == 303
    assert gives(kasia, serial, "11") == 409 and gives(kasia, serial, "10") == 303
    assert gives(kasia, serial, "1", unit="beans") == 422
    balances = {held.unit: held.amount for held in shop.held(serial).revision.card.balances}
    assert (shop.balance(serial), balances) == (10, {"stamps": 5, "miles": 20})


def test_a_gift_can_be_undone_where_it_was_given(shop: Shop) -> None:
    kasia, serial = shop.desk(KASIA), shop.has_member()
    gives(kasia, serial, "20")
    place = re.findall(rf"/staff/cards/{serial}/receipts/[\w-]+/undo", kasia.page)[0]
    kasia.opens(place)
    kasia.sends(place, {})
    assert shop.balance(serial) == 0


def test_a_correction_is_a_managers_and_never_goes_below_nothing(shop: Shop) -> None:
    kasia, boss, serial = shop.desk(KASIA), shop.desk(MAREK), shop.has_member()
    assert kasia.opens(f"/staff/cards/{serial}/correct").status_code == 403
    kasia.opens("/staff")
    sent = {"receipt": "till-" + "a" * 24, "points": "5", "reason": "x", "way": "give"}
    assert kasia.sends(f"/staff/cards/{serial}/correct", sent).status_code == 403
    assert gives(boss, serial, "500", "old card", "correct", way="give") == 303
    assert gives(boss, serial, "501", "mistake", "correct", way="take") == 409
    assert gives(boss, serial, "499", "mistake", "correct", way="take") == 303
    assert shop.balance(serial) == 1 and "Taken: 499 points. Reason: mistake" in boss.says
