"""A shop with tills of its own: devices, shifts by PIN, what each role may do and how much of it a day."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from secrets import token_hex

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from passes import cards, pins, rights, shifts, staff
from passes.points import receipts, returns
from passes.points.orders import Order
from passes.points.remainder import Returned
from passes.staff import ROLES
from passes.store import tables as t
from tests.counter import PINS, Counter
from tests.desk import KASIA, MAREK, Shop
from tests.home import empty

DAY = 86_400


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def long_open(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """With caps that are reached soon; once with each engine."""
    url = None
    if request.param == "postgresql":
        url = request.getfixturevalue("filled_postgres")
        empty(url)
    caps = {"till__earns_a_day": 3, "till__redeem_a_day": 150, "till__comp_a_day": 30}
    shop = Shop(tmp_path_factory.mktemp("tills") / "home", store_url=url, **caps)
    yield shop
    shop.closes()


@pytest.fixture
def shop(long_open: Shop) -> Shop:
    """On a new day."""
    long_open.clock.goes_on(DAY)
    return long_open


def gives(shop: Shop, serial: str, points: int) -> None:
    with shop.service.store.transaction() as tx:
        held = cards.by_serial(tx, serial, lock=True)
        receipts.post(tx, held, Order(f"gift-{token_hex(6)}", adjust=points, reason="test"), shop.service.now)


def logged(shop: Shop, *which: object) -> list[tuple[str, str]]:
    """What is in today's log."""
    today = t.Action.at >= shop.service.now - DAY / 2
    query = select(t.Action.what, t.Action.outcome).where(today, *which).order_by(t.Action.id)  # type: ignore[arg-type]
    with shop.service.store.reading() as tx:
        return [(row.what, row.outcome) for row in tx.execute(query)]


# -- devices


def test_a_device_becomes_a_till_by_a_code_that_works_once(shop: Shop) -> None:
    counter = Counter(shop)
    assert counter.opens("/till/shift").status_code == 200 and "Counter 1" in counter.says
    other = shop.desk()
    assert other.opens(f"/till/enrol/{counter.code.replace(' ', '')}").status_code == 404
    other.opens("/till/enrol")
    assert other.sends("/till/enrol", {"code": counter.code}).status_code == 404
    assert other.opens("/till/shift").request.path == "/login"
    assert "In use" in counter.boss.opens(counter.address).text


def test_a_code_is_too_old_after_a_quarter_of_an_hour(shop: Shop) -> None:
    boss, device = shop.desk(MAREK), shop.desk()
    boss.opens("/staff/manage/tills")
    address = boss.sends("/staff/manage/tills", {"name": "Counter 2", "location": "Old Town"}).location
    boss.opens(address)
    boss.sends(f"{address}/code", {})
    code = boss.page.partition('enrolment-code number">')[2][:19]
    shop.clock.goes_on(15 * 60)
    device.opens("/till/enrol")
    assert device.sends("/till/enrol", {"code": code}).status_code == 404


def test_a_revoked_till_does_nothing_new(shop: Shop) -> None:
    counter = Counter(shop)
    counter.starts()
    assert counter.opens("/staff").request.path == "/staff"
    counter.is_revoked()
    assert counter.opens("/staff").request.path == "/login"
    assert counter.opens("/till/shift").request.path == "/login"
    assert counter.permit().status_code == 403
    assert "Revoked" in counter.boss.opens("/staff/manage/tills").text


@pytest.mark.parametrize("name", ["", " ", "x" * 61, "\u202e", "\x07"])
def test_a_till_needs_a_name_that_people_can_read(shop: Shop, name: str) -> None:
    boss = shop.desk(MAREK)
    boss.opens("/staff/manage/tills")
    assert boss.sends("/staff/manage/tills", {"name": name, "location": "Old Town"}).status_code == 422
    assert "A name has 1 to 60 letters" in boss.says


# -- shifts


def test_a_shift_starts_by_pin_and_a_wrong_one_says_no_more_than_an_unknown_person(shop: Shop) -> None:
    counter = Counter(shop)
    wrong = counter.starts(pin="9999")
    said = counter.says
    counter.opens("/till/shift")
    unknown = counter.sends("/till/shift", {"who": "nobody", "pin": "9999"})
    assert wrong.status_code == unknown.status_code == 401 and counter.says == said
    assert counter.starts().location == "/staff"
    assert counter.opens("/staff").status_code == 200


def test_guessing_pins_is_slowed_down(shop: Shop) -> None:
    counter = Counter(shop)
    codes = [counter.starts(pin=f"90{n}1").status_code for n in range(7)]
    assert codes == [401] * 5 + [429] * 2
    assert counter.starts().status_code == 429
    shop.clock.goes_on(3600)
    assert counter.starts().status_code == 303


@pytest.mark.parametrize("pin", ["123", "1234", "8765", "0000", "123456789", "12a4", "١٢٣٥", "", "25 80"])
def test_a_pin_that_is_none_or_easy_is_refused(shop: Shop, pin: str) -> None:
    kasia = shop.desk(KASIA)
    kasia.opens("/staff/account")
    assert kasia.sends("/staff/account/pin", {"pin": pin, "password": "plum window tractor"}).status_code == 422


def test_a_pin_is_set_with_the_password_only(shop: Shop) -> None:
    kasia = shop.desk(KASIA)
    kasia.opens("/staff/account")
    assert kasia.sends("/staff/account/pin", {"pin": "2580", "password": "wrong"}).status_code == 403
    assert kasia.sends("/staff/account/pin", {"pin": "2580", "password": "plum window tractor"}).status_code == 303
    assert Counter(shop).starts(pin="2580").status_code == 303


def test_who_comes_by_pin_is_a_cashier_for_as_long(shop: Shop) -> None:
    counter = Counter(shop)
    counter.starts(MAREK)
    assert counter.opens("/staff").status_code == 200
    for closed in ("/console", "/staff/manage/tills", "/staff/account"):
        assert counter.opens(closed).status_code == 403


def test_the_next_shift_ends_the_one_before(shop: Shop) -> None:
    counter = Counter(shop)
    counter.starts(KASIA)
    shop.clock.goes_on(3600)
    counter.starts(MAREK)
    with shop.service.store.reading() as tx:
        second, first = shifts.latest(tx, 2)
        assert first.ended == second.started == shop.service.now and second.ended is None


def test_a_shift_that_nobody_ends_is_over_after_sixteen_hours(shop: Shop) -> None:
    counter = Counter(shop)
    counter.starts()
    began = shop.service.now
    shop.clock.goes_on(16 * 3600)
    assert counter.opens("/staff").request.path == "/login"
    counter.starts()
    with shop.service.store.reading() as tx:
        again, first = shifts.latest(tx, 2)
        assert (first.started, first.ended, again.started) == (began, began + 16 * 3600, shop.service.now)


BILLS = "Bills, without those undone PLN60.00"


def test_the_report_says_what_a_recount_says(shop: Shop) -> None:
    counter, anna, igor = Counter(shop), shop.has_member("Anna"), shop.has_member("Igor")
    gives(shop, anna, 90)
    counter.starts()
    counter.scans(shop.held(anna).revision.card.code)
    counter.sells(anna, amount="40")
    counter.sells(anna, amount="20", points="20")
    counter.sells(anna, reward="espresso")
    done = counter.sells(igor, amount="12.50").request.path
    counter.sends(f"{done}/undo", {})
    shop.desk(KASIA).sells(igor, amount="99")  # at another till
    counter.ends()
    for line in (
        "4 receipts",
        "1 scan",
        "1 undo",
        "Given 71 points",
        "Spent 100 points",
        "Off the bills PLN1.00",
        BILLS,
    ):
        assert line in counter.says, line
    assert "Taken back by undoing 12 points" in counter.says
    assert recount(shop, f"@{counter.key}") == {"earn": 71, "spent": 100, "reverse": 12}


def recount(shop: Shop, stamp: str) -> dict[str, int]:
    """From the postings alone, by the stamp that receipts carry."""
    kinds = {"earn": ("earn",), "spent": ("redeem", "reward"), "reverse": ("reverse",)}
    total = select(func.sum(t.Posting.amount)).join(t.Receipt, t.Receipt.id == t.Posting.receipt_id)
    total = total.where(t.Receipt.staff.endswith(stamp))
    with shop.service.store.reading() as tx:
        return {
            name: int(tx.execute(total.where(t.Posting.kind.in_(kind))).scalar_one()) for name, kind in kinds.items()
        }


# -- rights


def test_whatever_is_not_named_nobody_may() -> None:
    assert not any(rights.may(role, what) for role in (*ROLES, "", "admin") for what in ("", "everything", "sudo"))
    assert not rights.may("stranger", "scan")
    assert rights.may("cashier", "earn") and not rights.may("cashier", "adjust")
    assert rights.RIGHTS.keys() == set(ROLES)


def test_everything_done_or_refused_is_in_the_log(shop: Shop) -> None:
    kasia, serial = shop.desk(KASIA), shop.has_member()
    kasia.scans("no such code")
    kasia.scans(shop.held(serial).revision.card.code)
    kasia.sells(serial, amount="10")
    kasia.sells(serial, points="500")
    assert logged(shop) == [("scan", "foreign"), ("scan", "done"), ("earn", "done"), ("redeem", "not_enough_points")]
    boss = shop.desk(MAREK)
    boss.opens("/staff/manage/log")
    assert "The card did not hold enough points" in boss.says


def test_the_log_says_at_which_till_and_what_came_to_nothing(shop: Shop) -> None:
    counter, kasia, serial = Counter(shop, "Counter 7"), shop.desk(KASIA), shop.has_member()
    counter.starts(KASIA, pin="9999")
    counter.starts(KASIA)
    counter.scans("C-7K2M-9QRT-4WXZ")
    kasia.scans("R-0000-0000-0000-0000-0000")
    for path in ("/staff/manage/log", f"/staff/cards/{serial}/correct"):
        assert kasia.opens(path).status_code == 403
    refused = [("shift", "shift_pin"), ("scan", "coupon"), ("scan", "claim")]
    assert logged(shop, t.Action.what != "tills") == [*refused, ("manage", "forbidden"), ("adjust", "no_right")]
    boss = shop.desk(MAREK)
    boss.opens("/staff/manage/log")
    assert "kasia · Counter 7 · Old Town Name and PIN do not match." in boss.says
    for said in ("It was a coupon", "the code of a receipt", "does not include this page"):
        assert said in boss.says


def test_the_log_is_only_ever_added_to(shop: Shop) -> None:
    shop.desk(KASIA).scans("no such code")
    for change in ("UPDATE action SET outcome = 'done'", "DELETE FROM action"):
        with pytest.raises(DBAPIError, match="only ever added"), shop.service.store.transaction() as tx:
            tx.exec_driver_sql(change)


def test_a_card_earns_so_often_a_day(shop: Shop) -> None:
    kasia, serial = shop.desk(KASIA), shop.has_member()
    for _ in range(3):
        kasia.sells(serial, amount="10")
    assert kasia.sells(serial, amount="10").status_code == 409
    assert "as often as a day allows" in kasia.says and shop.balance(serial) == 30
    assert logged(shop).count(("earn", "earns_cap")) == 1
    shop.clock.goes_on(DAY)
    shop.desk(KASIA).sells(serial, amount="10")
    assert shop.balance(serial) == 40


def test_a_repeat_neither_counts_nor_is_refused(shop: Shop) -> None:
    kasia, serial = shop.desk(KASIA), shop.has_member()
    kasia.opens(f"/staff/cards/{serial}")
    fields = {"receipt": kasia.field("receipt"), "amount": "10"}
    for _ in range(5):
        assert kasia.sends(f"/staff/cards/{serial}/receipts", fields).status_code == 303
    assert shop.balance(serial) == 10
    assert logged(shop) == [("earn", "done"), *[("earn", "repeated")] * 4]


def test_a_till_takes_so_many_points_a_day_whoever_works_there(shop: Shop) -> None:
    counter, serial = Counter(shop), shop.has_member()
    gives(shop, serial, 500)
    counter.starts(KASIA)
    counter.sells(serial, points="100")
    counter.starts(MAREK)
    assert counter.sells(serial, points="51").status_code == 409
    assert shop.balance(serial) == 400
    assert counter.sells(serial, points="50").status_code == 200 and shop.balance(serial) == 350
    other = Counter(shop, "Counter 2")
    other.starts(KASIA)
    other.sells(serial, points="60")
    assert shop.balance(serial) == 290


def test_logging_in_again_makes_no_new_till_for_the_cap(shop: Shop) -> None:
    serial = shop.has_member()
    gives(shop, serial, 500)
    shop.desk(KASIA).sells(serial, points="100")
    assert shop.desk(KASIA).sells(serial, points="60").status_code == 409


def test_nobody_gives_points_to_their_own_card(shop: Shop) -> None:
    boss, kasia, serial = shop.desk(MAREK), shop.desk(KASIA), shop.has_member("Kasia")
    number = shop.held(serial).row.number
    boss.opens("/staff/manage/people")
    key = boss.page.partition(KASIA)[2].partition("/people/")[2][:12]
    assert boss.sends(f"/staff/manage/people/{key}/card", {"number": "100000000001"}).status_code == 404
    assert boss.sends(f"/staff/manage/people/{key}/card", {"number": number}).status_code == 303
    assert kasia.sells(serial, amount="10").status_code == 409
    assert "linked to you" in kasia.says and shop.balance(serial) == 0
    # Nor by a code that brings points without a bill.
    assert kasia.sells(serial, promo="SPRING").status_code == 409 and "linked to you" in kasia.says
    # Nor with the card of another programme, which is hers as well.
    shop.promises(key="brunch", name={"en": "Brunch"}, earn={"points": 1, "per": 100})
    with shop.service.store.transaction() as tx:
        member = shop.service.members.identity(tx, shop.held(serial).row.member_id)
        other = shop.service.members.give_card(tx, member, "brunch", shop.service.now)
    assert kasia.sells(other, amount="10").status_code == 409 and "linked to you" in kasia.says
    boss.sells(serial, amount="10")
    assert shop.balance(serial) == 10 and shop.balance(other) == 0


# -- taking back


def test_a_manager_finds_a_purchase_by_its_card_and_takes_pieces_of_it_back(shop: Shop) -> None:
    shop.promises(
        key="bakery",
        name={"en": "Bakery"},
        earn={"points": 1, "per": 100},
        rules=[{"key": "roll", "measure": "item", "amount": 2, "goods": {"categories": ["rolls"]}}],
    )
    kasia, boss, serial = shop.desk(KASIA), shop.desk(MAREK), shop.has_member("Żaneta", programme="bakery")
    kasia.sells(serial, amount="30", stamps="3")
    assert shop.balance(serial) == 36
    boss.opens(f"/staff/cards/{serial}")
    (address,) = re.findall(r'href="(/staff/manage/returns[^"]+)"', boss.page)
    boss.opens(html.unescape(address))
    assert "PLN30.00 +36 points" in boss.says
    (address,) = re.findall(r'href="(/staff/manage/returns\?receipt=till[^"]+)"', boss.page)
    boss.opens(html.unescape(address))
    assert "rolls" in boss.says and "3 of 3 not come back" in boss.says
    number = re.findall(r'name="lines" value="(till-[a-z0-9]+)"', boss.page)[0]
    back = {"receipt": boss.field("receipt"), "programme": "bakery", "lines": number, "reason": "stale"}
    assert boss.sends("/staff/manage/returns", back).status_code == 422 and "how many" in boss.says
    assert boss.sends("/staff/manage/returns", back | {"line-0": "4"}).status_code == 409
    assert boss.sends("/staff/manage/returns", back | {"line-0": "x"}).status_code == 422
    for _ in range(2):
        answer = boss.sends("/staff/manage/returns", back | {"line-0": "1"})
        assert answer.status_code == 303 and shop.balance(serial) == 34
    boss.opens(answer.location)
    assert "2 of 3 not come back" in boss.says
    assert kasia.opens(html.unescape(address)).status_code == 403


def test_a_manager_takes_back_what_is_older_with_a_reason(shop: Shop) -> None:
    kasia, boss, serial = shop.desk(KASIA), shop.desk(MAREK), shop.has_member()
    number = kasia.sells(serial, amount="50").request.path.rpartition("/")[2]
    shop.clock.goes_on(DAY / 3)
    boss.opens(f"/staff/manage/returns?receipt={number}")
    assert "50 points" in boss.says
    assert boss.sends("/staff/manage/returns", {"receipt": number, "reason": " "}).status_code == 422
    for _ in range(2):
        boss.opens(f"/staff/manage/returns?receipt={number}")
        boss.sends("/staff/manage/returns", {"receipt": number, "reason": "goods returned"})
    assert shop.balance(serial) == 0
    assert "was taken back" in boss.opens(f"/staff/manage/returns?receipt={number}").text
    assert logged(shop, t.Action.what == "undo_older")[-1] == ("undo_older", "repeated")
    assert boss.opens("/staff/manage/returns?receipt=nothing").status_code == 404


def manager(counter: Counter, email: str = MAREK, pin: str | None = None) -> dict[str, str]:
    """Who comes to the till and confirms."""
    with counter.shop.service.store.transaction() as tx:
        person = staff.find(tx, email)
        if not pins.is_set(tx, person):
            pins.choose(tx, counter.shop.service.secrets, person, PINS[email])
    return {"who": person.key, "pin": pin or PINS[email], "reason": "wrong amount"}


def test_a_manager_comes_to_the_till_and_what_is_older_is_taken_back(shop: Shop) -> None:
    counter, serial = Counter(shop, "Older"), shop.has_member()
    counter.starts()
    boss = manager(counter)
    number = counter.sells(serial, amount="50").request.path.rpartition("/")[2]
    undo = f"/staff/cards/{serial}/receipts/{number}/undo"
    shop.clock.goes_on(DAY / 4)
    counter.opens(f"/staff/cards/{serial}")
    assert f"/staff/cards/{serial}/receipts" in counter.page
    counter.opens(f"/staff/cards/{serial}/receipts")
    (back,) = re.findall(r'href="(/staff/cards/[^"]+/back\?receipt=[^"]+)"', counter.page)
    assert counter.opens(undo).request.full_path == back
    assert "+50 points" in counter.says and "The manager's PIN" in counter.says and "Kasia" not in counter.page
    form = boss | {"receipt": number}
    assert counter.sends(back, form | {"reason": " "}).status_code == 422
    for _ in range(2):
        assert counter.sends(back, form).location == back and shop.balance(serial) == 0
    counter.opens(back)
    assert "This receipt was taken back" in counter.says and "The manager's PIN" not in counter.says
    by = {KASIA: ["by_manager", "by_manager"], MAREK: ["done", "repeated"]}
    assert {email: [why for _, why in logged_of(shop, email)] for email in by} == by
    with shop.service.store.reading() as tx:
        undone = tx.execute(select(t.Receipt).where(t.Receipt.receipt == f"{number}-undone")).one()
    assert undone.staff == f"{boss['who']}@{counter.key}"
    assert counter.opens(f"{back}-undone").status_code == 200 and "cannot be undone" in counter.says
    assert "A manager confirmed it" in shop.desk(MAREK).opens("/staff/manage/log").text


def logged_of(shop: Shop, email: str) -> list[tuple[str, str]]:
    """Today's takings back in somebody's name."""
    person = select(t.Staff.id).where(t.Staff.email == email).scalar_subquery()
    return logged(shop, t.Action.what == "undo_older", t.Action.staff_id == person)


def test_whatever_number_a_receipt_has_it_is_taken_back(shop: Shop) -> None:
    counter, serial, number = Counter(shop, "Odd numbers"), shop.has_member(), "FV/12/2026 a/../b?c&d#e"
    counter.starts()
    boss = manager(counter)
    with shop.service.store.transaction() as tx:
        held = cards.by_serial(tx, serial, lock=True)
        lines = [{"price": 1_000, "quantity": 2, "category": "cake"}]
        receipts.post(tx, held, Order(number, total=1_000, lines=lines), shop.service.now)
        held = cards.by_serial(tx, serial, lock=True)
        original = receipts.find(tx, number)
        returns.give_back(tx, held, original, [Returned(0, 1)], "half", shop.service.now)
    counter.opens(f"/staff/cards/{serial}/receipts")
    (back, *_) = [html.unescape(each) for each in re.findall(r'href="([^"]+/back\?receipt=FV[^"]+)"', counter.page)]
    counter.opens(back)
    assert counter.field("receipt") == number and "Part of it came back before" in counter.says
    assert counter.sends(back, boss | {"receipt": number}).status_code == 303
    assert shop.balance(serial) == 0


def test_without_a_managers_pin_nothing_older_is_taken_back(shop: Shop) -> None:
    counter, second, serial = Counter(shop, "Guessing"), Counter(shop, "Guessing there"), shop.has_member()
    counter.starts()
    second.starts()
    boss, own = manager(counter), manager(counter, KASIA, "258013")
    number = counter.sells(serial, amount="50").request.path.rpartition("/")[2]
    back = f"/staff/cards/{serial}/back?receipt={number}"
    assert counter.sends(back, own).status_code == 403 and "do not match" in counter.says
    assert counter.sends(back, own | {"who": "nobody"}).status_code == 403 and "do not match" in counter.says
    assert counter.sends(back, boss | {"pin": "7413"}).status_code == 403 and "six digits" in counter.says
    # Where there is no such card or receipt, no PIN is looked at, right or wrong.
    for nowhere in (f"/staff/cards/nobody/back?receipt={number}", f"/staff/cards/{serial}/back?receipt=nothing"):
        for pin in ("918273", PINS[MAREK]):
            assert counter.sends(nowhere, boss | {"pin": pin}).status_code == 404
    assert [why for _, why in logged_of(shop, KASIA)] == ["manager_pin", "manager_pin"]
    # Whoever tries at another till begins where they stopped at the first.
    second.opens(back)
    for turn in range(pins.FREE_FOR_PERSON):
        till = (counter, second)[turn % 2]
        assert till.sends(back, boss | {"pin": "918273"}).status_code == 403 and "do not match" in till.says
    for till in (counter, second):
        assert till.sends(back, boss).status_code == 429 and "Wait" in till.says
    assert shop.balance(serial) == 50
    refused = [why for _, why in logged_of(shop, KASIA)]
    assert refused.count("manager_pin") == pins.FREE_FOR_PERSON + 2 and refused.count("too_many_tries") == 2
    assert logged_of(shop, MAREK) == []
    other = shop.has_member()
    assert counter.opens(f"/staff/cards/{other}/back?receipt={number}").status_code == 404


def test_at_a_device_that_is_no_till_a_manager_logs_in_instead(shop: Shop) -> None:
    kasia, marek, serial = shop.desk(KASIA), shop.desk(MAREK), shop.has_member()
    boss = manager(Counter(shop, "Elsewhere"))
    number = kasia.sells(serial, amount="50").request.path.rpartition("/")[2]
    back = f"/staff/cards/{serial}/back?receipt={number}"
    kasia.opens(back)
    assert "at an enrolled till" in kasia.says and "Reason" not in kasia.says
    assert kasia.sends(back, boss).status_code == 403 and shop.balance(serial) == 50
    marek.opens(back)
    assert "Reason" in marek.says and "The manager's PIN" not in marek.says
    assert marek.sends(back, {"reason": "wrong amount"}).status_code == 303 and shop.balance(serial) == 0


# -- worth a look


def test_a_manager_sees_what_is_worth_a_look_and_nobody_else_does(shop: Shop) -> None:
    kasia, serial = shop.desk(KASIA), shop.has_member()
    for _ in range(3):
        kasia.sells(serial, amount="10")
    boss = shop.desk(MAREK)
    boss.opens("/staff/manage/watch")
    assert "kasia rang up 3 bills for this card within ten minutes" in boss.says
    assert shop.held(serial).row.number in boss.says
    assert kasia.opens("/staff/manage/watch").status_code == 403
