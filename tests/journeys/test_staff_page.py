"""A cashier at the till: a card is found, points come and go, and nothing ever counts twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Route, expect

from passes import cards, codes, conflicts, revisions, tills
from passes.cards import proof, set_status
from passes.web.staff.amounts import NotAnAmount, money, points
from tests.browser import DESK, DIRECT, Site, barriers, is_wider_than_the_screen, logs_in, reads, small_targets, visit
from tests.desk import KASIA, MAREK, PASSWORD, Shop

XSS = "<img src=x onerror=alert(1)>\"'<script>alert(2)</script>"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    shop = Shop(tmp_path_factory.mktemp("shop") / "home")
    yield shop
    shop.closes()


def blocks(shop: Shop, serial: str) -> None:
    held = shop.held(serial)
    with shop.service.store.transaction() as tx:
        set_status(tx, held, "blocked")
        revisions.record(tx, held.id, shop.service.now)


def test_a_card_is_found_by_its_number_and_by_its_code(shop: Shop) -> None:
    kasia, serial = shop.desk(KASIA), shop.has_member("Anna Nowak")
    row = shop.held(serial).row
    number = f"{row.number[:4]} {row.number[4:8]}-{row.number[8:]}"
    for scanned in (number, shop.held(serial).revision.card.code, shop.held(serial).revision.card.code.lower()):
        kasia.scans(scanned)
        assert "Card is valid" in kasia.says and "Anna Nowak" in kasia.says


def test_a_scanner_on_a_russian_keyboard_is_understood(shop: Shop) -> None:
    kasia, serial = shop.desk(KASIA), shop.has_member()
    english, russian = "QWERTYUIOPASDFGHJKLZXCVBNM.", "ЙЦУКЕНГШЩЗФЫВАПРОЛДЯЧСМИТЬЮ"
    kasia.scans(shop.held(serial).revision.card.code.translate(str.maketrans(english, russian)))
    assert "Card is valid" in kasia.says


def test_wrong_codes_are_named(shop: Shop) -> None:
    kasia = shop.desk(KASIA)
    of_nobody = codes.make(b"nobody" + bytes(4), proof(shop.service.secrets, shop.service.secrets.current))
    forged = f"{of_nobody[:-13]}{'A' * 13}"
    told = {
        "5901234123457": "A card number has 12 digits",
        "100000000001": "No card has this number",
        "https://evil.example/c": "Not one of our cards",
        "١٢٣٤٥٦٧٨٩٠١٢": "Not one of our cards",
        forged: "Forged code",
        of_nobody: "No card has this number",
    }
    for scanned, says in told.items():
        assert kasia.scans(scanned).status_code in (404, 422)
        assert says in kasia.says


def test_a_blocked_card_gives_nothing(shop: Shop) -> None:
    kasia, serial = shop.desk(KASIA), shop.has_member()
    kasia.opens(f"/staff/cards/{serial}")
    receipt = kasia.field("receipt")
    blocks(shop, serial)
    refused = kasia.sends(f"/staff/cards/{serial}/receipts", {"receipt": receipt, "amount": "10"})
    assert refused.status_code == 409 and "blocked" in kasia.says
    kasia.opens(f"/staff/cards/{serial}")
    assert "Card is blocked" in kasia.says and 'name="amount"' not in kasia.page


def test_a_quote_then_a_purchase_with_its_reason(shop: Shop) -> None:
    kasia, serial = shop.desk(KASIA), shop.has_member()
    kasia.opens(f"/staff/cards/{serial}")
    kasia.sends(f"/staff/cards/{serial}/quote", {"receipt": kasia.field("receipt"), "amount": "45,90"})
    assert "+45 points" in kasia.says and "Balance afterwards: 45 points" in kasia.says
    assert shop.balance(serial) == 0
    fields = {"receipt": kasia.field("receipt"), "amount": kasia.field("amount")}
    kasia.opens(kasia.sends(f"/staff/cards/{serial}/receipts", fields).location)
    assert "Done" in kasia.says and "PLN45.90 paid, 1 point for every PLN1.00, rounded down: 45 points" in kasia.says
    assert shop.balance(serial) == 45


def test_the_same_form_sent_again_counts_once(shop: Shop) -> None:
    kasia, serial = shop.desk(KASIA), shop.has_member()
    kasia.opens(f"/staff/cards/{serial}")
    fields = {"receipt": kasia.field("receipt"), "amount": "30"}
    answers = [kasia.sends(f"/staff/cards/{serial}/receipts", fields) for _ in range(3)]
    assert len({answer.location for answer in answers}) == 1
    assert shop.balance(serial) == 30
    assert kasia.sends(f"/staff/cards/{serial}/receipts", fields | {"amount": "31"}).status_code == 409
    assert "counted already" in kasia.says and shop.balance(serial) == 30


def test_points_pay_a_part_and_the_rest_earns(shop: Shop) -> None:
    kasia, serial = shop.desk(KASIA), shop.has_member()
    kasia.sells(serial, amount="200")
    kasia.sells(serial, amount="20", points="100")
    assert "100 points at PLN0.05 each: PLN5.00 off" in kasia.says and "Still to pay: PLN15.00" in kasia.says
    assert shop.balance(serial) == 115
    kasia.sells(serial, amount="2", points="100")
    assert "worth more than the bill" in kasia.says
    kasia.sells(serial, points="500")
    assert "Not enough: 385 missing" in kasia.says and shop.balance(serial) == 115


def test_a_reward_is_given_when_there_are_points_for_it(shop: Shop) -> None:
    kasia, serial = shop.desk(KASIA), shop.has_member()
    kasia.sells(serial, amount="70")
    kasia.opens(f"/staff/cards/{serial}")
    assert "10 points missing" in kasia.says and 'name="reward"' not in kasia.page
    kasia.sells(serial, amount="15")
    kasia.opens(f"/staff/cards/{serial}")
    assert "Reward ready: Espresso" in kasia.says
    kasia.sells(serial, reward="espresso")
    assert "Espresso: 80 points spent" in kasia.says and shop.balance(serial) == 5


def test_the_last_action_is_undone_at_the_same_till_within_ten_minutes(shop: Shop) -> None:
    kasia, other, serial = shop.desk(KASIA), shop.desk(KASIA), shop.has_member()
    done = kasia.sells(serial, amount="50").request.path
    other.opens("/staff")
    assert other.sends(f"{done}/undo", {}).status_code == 409
    kasia.opens("/staff")
    assert done in kasia.page
    # From the till's first page it is a tap on "Undo" and one to be sure.
    kasia.opens("/staff")
    assert "Last action at this till Anna +50 points" in kasia.says and f'href="{done}/undo"' in kasia.page
    kasia.opens(f"{done}/undo")
    assert "Undo this?" in kasia.says
    for _ in range(2):
        kasia.opens(kasia.sends(f"{done}/undo", {}).location)
        assert "Taken back: 50 points" in kasia.says
        kasia.opens(f"{done}/undo")
    assert shop.balance(serial) == 0


def test_after_ten_minutes_it_is_too_late(shop: Shop) -> None:
    kasia, serial = shop.desk(KASIA), shop.has_member()
    done = kasia.sells(serial, amount="50").request.path
    shop.clock.goes_on(601)
    kasia.opens("/staff")
    assert done not in kasia.page
    assert kasia.sends(f"{done}/undo", {}).status_code == 409 and shop.balance(serial) == 50


def test_another_persons_receipts_are_not_shown(shop: Shop) -> None:
    serial = shop.has_member()
    done = shop.desk(KASIA).sells(serial, amount="50").request.path
    assert shop.desk(MAREK).opens(done).status_code == 404


@pytest.mark.parametrize(
    "amount", ["-5", "1e3", "0x10", "1_000", "１２", "١٢", "12.345", "99999999", "1,2,3", "NaN", "+5", "5 zł", "0"]
)
def test_amounts_that_are_none_are_refused(shop: Shop, amount: str) -> None:
    kasia, serial = shop.desk(KASIA), shop.has_member()
    assert kasia.sells(serial, amount=amount).status_code == 422
    assert shop.balance(serial) == 0


def test_amounts_as_people_type_them() -> None:
    assert [money(typed, 2) for typed in ("12", "12.5", "12,50", "1 234,56", "0,05", "")] == [
        1200,
        1250,
        1250,
        123456,
        5,
        0,
    ]
    assert money("1500", 0) == 1500
    assert points("1 500") == 1500
    for wrong in ("1.5", "-1", "1e2"):
        with pytest.raises(NotAnAmount):
            points(wrong)


def test_names_are_shown_as_text(shop: Shop) -> None:
    kasia, serial = shop.desk(KASIA), shop.has_member(XSS[:60])
    kasia.opens(f"/staff/cards/{serial}")
    assert "<img src=x" not in kasia.page and "&lt;img src=x" in kasia.page


# -- in a real browser


def test_a_scanner_types_from_anywhere_and_the_keypad_counts(shop: Shop, open_shop: Site, chromium: Browser) -> None:
    serial = shop.has_member("Anna Nowak")
    with visit(chromium, has_touch=True) as page:
        logs_in(page, open_shop)
        page.locator("h1").first.evaluate("() => document.activeElement.blur()")
        reads(page, str(shop.held(serial).revision.card.code))
        expect(page.get_by_role("heading", name="Anna Nowak")).to_be_visible()
        for key in ("4", "5", ".", "9", "0"):
            page.locator(f"[data-key='{key}']").click()
        expect(page.locator("#quote")).to_contain_text("+45")
        assert barriers(page) == [] and not is_wider_than_the_screen(page)
        page.locator("#count").dblclick()
        expect(page.get_by_role("heading", name="Done")).to_be_visible()
        assert shop.balance(serial) == 45
        page.get_by_role("link", name="Undo").click()
        page.get_by_role("button", name="Undo").click()
        expect(page.get_by_role("heading", name="Taken back")).to_be_visible()
        assert shop.balance(serial) == 0


def test_a_lost_answer_is_asked_for_again_even_after_a_reload(shop: Shop, open_shop: Site, chromium: Browser) -> None:
    serial = shop.has_member()

    def lose(route: Route) -> None:
        route.fetch(max_redirects=0)
        route.abort()

    with visit(chromium, expect=("net::ERR",), **DIRECT) as page:
        logs_in(page, open_shop)
        page.goto(f"{open_shop.url}/staff/cards/{serial}")
        page.route("**/receipts", lose)
        page.locator("#amount").fill("25")
        page.locator("#count").click()
        expect(page.locator("#quote")).to_contain_text("Nothing counts twice")
        page.unroute("**/receipts")
        page.reload()
        expect(page.locator("#amount")).to_have_value("25")
        expect(page.locator("#amount")).to_be_disabled()
        page.locator("#count").click()
        expect(page.get_by_role("heading", name="Done")).to_be_visible()
    assert shop.balance(serial) == 25


def test_a_login_that_ends_meanwhile_does_not_make_a_lost_answer_count_twice(
    shop: Shop, open_shop: Site, chromium: Browser
) -> None:
    serial = shop.has_member()

    def lose(route: Route) -> None:
        route.fetch(max_redirects=0)
        route.abort()

    with visit(chromium, expect=("net::ERR", "401"), **DIRECT) as page:
        logs_in(page, open_shop)
        page.goto(f"{open_shop.url}/staff/cards/{serial}")
        page.route("**/receipts", lose)
        page.locator("#amount").fill("25")
        page.locator("#count").click()
        expect(page.locator("#quote")).to_contain_text("Nothing counts twice")
        page.unroute("**/receipts")
        page.context.clear_cookies()
        page.locator("#count").click()
        page.get_by_label("E-mail").fill(KASIA)
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.locator("#amount")).to_have_value("25")
        expect(page.locator("#amount")).to_be_disabled()
        page.locator("#count").click()
        page.wait_for_url("**/receipts/*")
    assert shop.balance(serial) == 25


def test_the_till_by_keyboard_alone(shop: Shop, open_shop: Site, chromium: Browser) -> None:
    serial = shop.has_member()
    with visit(chromium, viewport=DESK) as page:
        logs_in(page, open_shop)
        page.keyboard.type(shop.held(serial).row.number, delay=70)
        page.keyboard.press("Enter")
        expect(page.locator("#amount")).to_be_focused()
        page.keyboard.type("12", delay=70)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Done")).to_be_visible()
        expect(page.locator("#code")).to_be_focused()
    assert shop.balance(serial) == 12


def test_without_scripts_the_till_works(shop: Shop, open_shop: Site, chromium: Browser) -> None:
    serial = shop.has_member()
    with visit(chromium, java_script_enabled=False) as page:
        page.goto(f"{open_shop.url}/login")
        page.get_by_label("E-mail").fill(KASIA)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.locator("#code").fill(shop.held(serial).row.number)
        page.get_by_role("button", name="Show").click()
        page.locator("#amount").fill("9.99")
        page.get_by_role("button", name="Check").click()
        page.get_by_role("button", name="Count it").click()
        expect(page.get_by_role("heading", name="Done")).to_be_visible()
    assert shop.balance(serial) == 9


@pytest.mark.parametrize("language", ["en", "ru", "pl"])
def test_every_page_fits_a_phone_in_every_language(
    shop: Shop, open_shop: Site, chromium: Browser, language: str
) -> None:
    serial = shop.has_member("Maximiliana-Wilhelmina Konstantynopolitańczykowska")
    number = shop.desk(KASIA).sells(serial, amount="10").request.path.rpartition("/")[2]
    own = f"/staff/cards/{serial}"
    with visit(chromium, expect=("422",), color_scheme="dark") as page:
        logs_in(page, open_shop)
        for path in ("/staff?", f"{own}?", f"{own}/receipts?", f"{own}/back?receipt={number}&"):
            page.goto(f"{open_shop.url}{path}language={language}")
            assert not is_wider_than_the_screen(page) and barriers(page) == [] and small_targets(page) == []


def test_a_manager_reaches_everything_with_a_thumb(shop: Shop, open_shop: Site, chromium: Browser) -> None:
    kasia, boss, serial = shop.desk(KASIA), shop.desk(MAREK), shop.has_member("Anna Nowak")
    for _ in range(3):
        done = kasia.sells(serial, amount="10").request.path
    boss.opens("/staff/manage/tills")
    till = boss.sends("/staff/manage/tills", {"name": "Counter 1", "location": "Old Town"}).location
    with shop.service.store.transaction() as tx:
        known = tills.by_key(tx, till.rpartition("/")[2])
        about = {"kind": "earn", "total": 1200, "receipt": "till-1"}
        card, now = cards.by_serial(tx, serial).id, shop.service.now
        conflicts.record(tx, known.id, bytes(32), "own_card", about, now, now, card_id=card)
    receipt, number = done.rpartition("/")[2], shop.held(serial).row.number
    pages = ("tills", "shifts", "people", "conflicts", "returns", f"returns?receipt={receipt}", "watch", "log")
    with visit(chromium) as page:
        logs_in(page, open_shop, MAREK)
        for path in (*pages, f"returns?receipt={number}", till.rpartition("manage/")[2]):
            page.goto(f"{open_shop.url}/staff/manage/{path}")
            assert not is_wider_than_the_screen(page) and barriers(page) == [] and small_targets(page) == [], path
