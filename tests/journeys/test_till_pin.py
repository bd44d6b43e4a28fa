"""Money that leaves a card at the till: behind its PIN, on a screen that is turned round, or by the phone's code."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Route, expect
from sqlalchemy import select

from passes import cardpins, cards, codes, revisions
from passes.points import receipts
from passes.points.orders import Order
from passes.store import tables as t
from passes.web.staff import layout
from tests.browser import DESK, DIRECT, Site, barriers, is_wider_than_the_screen, logs_in, reads, visit
from tests.desk import KASIA, MAREK, Desk, Shop

PIN, WRONG = "48127093", "73519264"
GIFT: dict[str, Any] = {
    "key": "gift",
    "kind": "gift",
    "name": {"en": "Gift card", "ru": "Подарочная карта", "pl": "Karta podarunkowa"},
    "unit": "money",
    "earn": {"points": 0},
    "gift": {"most": 100_000},
}
CAREFUL: dict[str, Any] = {
    "key": "careful",
    "name": {"en": "Careful"},
    "welcome": 1000,
    "worth_of_one": 5,
    "spend_floor": 50,
    "rewards": [{"key": "cup", "name": {"en": "Cup"}, "cost": 80}],
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    shop = Shop(tmp_path_factory.mktemp("shop") / "home")
    for definition in (GIFT, CAREFUL):
        shop.promises(**definition)
    yield shop
    shop.closes()


@pytest.fixture
def kasia(shop: Shop) -> Desk:
    return shop.desk(KASIA)


def gift_card(shop: Shop, amount: int = 10_000) -> str:
    """Paid in at the office."""
    serial = shop.has_member("Żaneta", programme="gift")
    with shop.service.store.transaction() as tx:
        held = cards.by_serial(tx, serial, lock=True)
        receipts.post(tx, held, Order(f"office-{secrets.token_hex(6)}", top_up=amount), shop.service.now)
        revisions.record(tx, held.id, shop.service.now)
    return serial


def has_pin(shop: Shop, serial: str) -> str:
    with shop.service.store.transaction() as tx:
        cardpins.put(tx, shop.service.secrets, cards.by_serial(tx, serial, lock=True), PIN, shop.service.now)
    return serial


def outcomes(shop: Shop, serial: str) -> list[tuple[str, str]]:
    """What the log says of this card."""
    query = select(t.Action.what, t.Action.outcome).where(t.Action.card_id == shop.held(serial).id)
    with shop.service.store.reading() as tx:
        return [(row.what, row.outcome) for row in tx.execute(query.order_by(t.Action.id))]


def test_a_gift_card_pays_in_money_and_no_more_than_the_bill(shop: Shop, kasia: Desk) -> None:
    card = gift_card(shop)
    kasia.opens(f"/staff/cards/{card}")
    assert "Pay from the card" in kasia.says and "The card holds PLN100.00" in kasia.says
    assert kasia.sells(card, amount="30", points="30,01").status_code == 422
    assert "worth more than the bill" in kasia.says and kasia.field("points") == "30,01"
    assert kasia.sells(card, amount="30", points="30.005").status_code == 422
    kasia.sells(card, amount="45,50", points="30")
    assert "Still to pay: PLN15.50" in kasia.says and shop.balance(card) == 7_000


def test_whoever_asks_what_it_would_do_needs_no_pin_and_whoever_does_it_does(shop: Shop, kasia: Desk) -> None:
    card = has_pin(shop, gift_card(shop))
    kasia.opens(f"/staff/cards/{card}")
    bill = {"receipt": kasia.field("receipt"), "amount": "20", "points": "20"}
    kasia.sends(f"/staff/cards/{card}/quote", bill | {"pin": PIN})
    assert 'name="pin"' in kasia.page and PIN not in kasia.page
    assert kasia.sends(f"/staff/cards/{card}/receipts", bill).status_code == 403
    assert "This card has a PIN" in kasia.says and shop.balance(card) == 10_000
    assert kasia.sends(f"/staff/cards/{card}/receipts", bill | {"pin": WRONG}).status_code == 403
    assert "The PIN is wrong" in kasia.says and WRONG not in kasia.page
    answers = [kasia.sends(f"/staff/cards/{card}/receipts", bill | {"pin": PIN}) for _ in range(2)]
    assert answers[0].location == answers[1].location and shop.balance(card) == 8_000
    # The answer of what was counted already is no secret of whoever counted it.
    assert kasia.sends(f"/staff/cards/{card}/receipts", bill).location == answers[0].location
    said = [outcome for what, outcome in outcomes(shop, card) if what != "earn"]
    assert said == ["pin_needed", "wrong_pin", "done", "repeated", "repeated"]


def test_a_guesser_at_the_till_waits_and_the_manager_sees_it(shop: Shop, kasia: Desk) -> None:
    card = has_pin(shop, gift_card(shop))
    for _ in range(5):
        assert kasia.sells(card, amount="5", points="5", pin=WRONG).status_code == 403
    assert kasia.sells(card, amount="5", points="5", pin=PIN).status_code == 429
    assert "wrong too often. Wait 60 seconds" in kasia.says and shop.balance(card) == 10_000
    boss = shop.desk(MAREK)
    boss.opens("/staff/manage/log")
    assert "PIN of a card" in boss.says and "wrong too often" in boss.says


def test_nothing_keeps_a_pin(shop: Shop, kasia: Desk, caplog: pytest.LogCaptureFixture) -> None:
    card = has_pin(shop, gift_card(shop))
    with caplog.at_level("DEBUG"):
        for pin in (WRONG, PIN):
            kasia.sells(card, amount="5", points="5", pin=pin)
    assert shop.balance(card) == 9_500
    with shop.service.store.reading() as tx:
        kept = [str(tx.execute(select(table)).all()) for table in (t.Action, t.Receipt, t.Tries, t.CardPin)]
    for pin in (WRONG, PIN):
        assert pin not in caplog.text and not any(pin in rows for rows in kept)


def test_a_pin_is_proof_enough_for_more_than_the_floor(shop: Shop, kasia: Desk) -> None:
    card = shop.has_member(programme="careful")
    assert kasia.sells(card, points="500").status_code == 409
    has_pin(shop, card)
    assert kasia.sells(card, points="40").status_code == 403, "a PIN once set is always asked for"
    kasia.sells(card, points="500", pin=PIN)
    assert shop.balance(card) == 500
    kasia.sends(f"/staff/cards/{card}/quote", {"receipt": "till-" + "a" * 24, "reward": "cup"})
    assert 'name="pin"' in kasia.page
    reward = {"receipt": kasia.field("receipt"), "reward": "cup", "pin": PIN}
    kasia.sends(f"/staff/cards/{card}/receipts", reward)
    assert shop.balance(card) == 420


def test_nobody_makes_a_present_of_stored_money(shop: Shop, kasia: Desk) -> None:
    card = gift_card(shop)
    kasia.opens(f"/staff/cards/{card}")
    assert "Make a gift" not in kasia.says
    present = {"receipt": kasia.field("receipt"), "points": "50", "reason": "sorry"}
    assert kasia.sends(f"/staff/cards/{card}/gift", present).status_code == 403
    assert "paid in" in kasia.says and shop.balance(card) == 10_000


# -- in a real browser


def test_the_screen_is_turned_round_for_the_pin(shop: Shop, open_shop: Site, chromium: Browser) -> None:
    card = has_pin(shop, gift_card(shop, 3_000))

    def lose(route: Route) -> None:
        route.abort()

    with visit(chromium, expect=("net::ERR", "403"), has_touch=True, **DIRECT) as page:
        logs_in(page, open_shop)
        page.goto(f"{open_shop.url}/staff/cards/{card}")
        expect(page.get_by_label("The customer's PIN")).to_be_hidden()
        for key in "45":
            page.locator(f"#keypad [data-key='{key}']").tap()
        # The card pays what it can; the bill says what is left.
        expect(page.get_by_label("Pay from the card")).to_have_value("30.00")
        expect(page.locator("#quote")).to_contain_text("Still to pay: PLN15.00")
        page.get_by_label("The customer's PIN").fill(WRONG)
        page.get_by_role("button", name="Count it").tap()
        expect(page.locator("#pin-hint")).to_have_text("The PIN is wrong.")
        expect(page.get_by_label("The customer's PIN")).to_be_focused()
        expect(page.get_by_label("The customer's PIN")).to_have_value("")
        assert barriers(page) == [] and not is_wider_than_the_screen(page)
        # An answer that does not come keeps the bill and forgets the PIN.
        page.get_by_label("The customer's PIN").fill(PIN)
        page.route("**/receipts", lose)
        page.get_by_role("button", name="Count it").tap()
        expect(page.locator("#quote")).to_contain_text("Nothing counts twice")
        kept = page.evaluate("() => JSON.stringify([{...sessionStorage}, {...localStorage}])")
        assert PIN not in kept and '"pin"' not in kept.replace("\\", "")
        page.unroute("**/receipts")
        page.reload()
        page.get_by_role("button", name="Count it").tap()
        expect(page.get_by_label("The customer's PIN")).to_be_focused()
        page.get_by_label("The customer's PIN").fill(PIN)
        page.get_by_role("button", name="Count it").tap()
        expect(page.get_by_role("heading", name="Done")).to_be_visible()
    assert shop.balance(card) == 0


@pytest.mark.parametrize(
    "typed", [("", ""), (layout.MEANT, layout.TYPED_RUSSIAN), ("YZ", "ZY")], ids=["en", "ru", "de"]
)
def test_the_code_on_the_phone_joins_the_bill_that_is_open(
    shop: Shop, open_shop: Site, chromium: Browser, typed: tuple[str, str]
) -> None:
    anna, jan = (shop.has_member(name, programme="careful") for name in ("Anna", "Jan"))
    with visit(chromium, viewport=DESK, expect=("409", "422")) as page:
        logs_in(page, open_shop)
        reads(page, shop.held(anna).revision.card.code)
        page.get_by_text("Pay with points").click()
        expect(page.locator("#points")).to_be_focused()
        page.keyboard.type("200")
        expect(page.locator("#quote")).to_contain_text("only with the changing code")
        reads(page, now_on_the_phone(shop, anna).translate(str.maketrans(*typed)))
        expect(page.locator("#quote")).to_contain_text("−200 points")
        page.locator("#count").click()
        expect(page.get_by_role("heading", name="Done")).to_be_visible()
        assert shop.balance(anna) == 800
        # Another card's code is the next card.
        page.get_by_role("link", name="Same card").click()
        page.locator("#amount").fill("10")
        reads(page, now_on_the_phone(shop, jan))
        expect(page.get_by_role("heading", name="Jan")).to_be_visible()


def now_on_the_phone(shop: Shop, serial: str) -> str:
    row = shop.held(serial).row
    keys = cards.rotating_keys(shop.service.secrets, row.code_id, row.link_version, row.key_id)
    return codes.rotating(row.code_id, row.link_version, keys, shop.service.now)
