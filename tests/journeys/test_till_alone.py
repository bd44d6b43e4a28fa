"""A tablet at the counter loses its connection: the page goes on, keeps what was sold, and counts each sale once."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from playwright.sync_api import Browser, Page, Route, expect
from sqlalchemy import select

from passes import create_app, revisions
from passes.cards import set_status
from passes.points import audit
from passes.store import tables as t
from passes.web.staff.app import parts_version
from tests.browser import Site, barriers, is_wider_than_the_screen, reads, site, until, visit
from tests.desk import KASIA, Shop
from tests.tablet import LOST, code_of, comes_back, shows_on_her_phone, tablet

DAY, FLOOR = 86_400, 50


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    shop = Shop(tmp_path_factory.mktemp("shop") / "home", till__earns_a_day=1000, till__offline_spend=FLOOR)
    yield shop
    shop.closes()


def sells(page: Page, code: str, bill: str) -> None:
    reads(page, code)
    page.locator("#amount").fill(bill)
    page.get_by_role("button", name="Count it").tap()
    expect(page.get_by_role("heading", name="Kept")).to_be_visible()


def test_what_was_sold_alone_counts_once(shop: Shop, open_shop: Site, chromium: Browser) -> None:
    anna, jan = shop.has_member("Anna"), shop.has_member("Jan")
    with tablet(shop, open_shop, chromium) as page:
        open_shop.goes_down()
        page.goto(f"{open_shop.url}/staff")
        expect(page.locator("#strip")).to_contain_text("No connection. Go on selling")
        sells(page, code_of(shop, anna), "24.50")
        expect(page.locator(".till-done").get_by_text("about 24 points")).to_be_visible()
        assert barriers(page) == []
        page.get_by_role("button", name="Next card").tap()
        sells(page, shop.held(jan).row.number, "99")
        page.get_by_role("button", name="Undo").tap()
        page.get_by_role("button", name="Undo").last.tap()
        expect(page.get_by_role("heading", name="Taken back")).to_be_visible()
        # A tablet may be switched off and on again meanwhile.
        page.goto(f"{open_shop.url}/staff/cards/{anna}")
        sells(page, code_of(shop, jan), "10")
        expect(page.locator("#strip")).to_contain_text("2 waiting")
        expect(page.locator("#strip [data-part=as-of]")).to_contain_text(re.compile(r"known as of \d\d:\d\d"))
        comes_back(page, open_shop)
        expect(page.locator("#strip")).to_be_hidden()
        expect(page.get_by_text("Last action", exact=False).or_(page.locator("#code")).first).to_be_visible()
        page.reload()
        assert (shop.balance(anna), shop.balance(jan)) == (24, 10)


def test_practice_waits_for_the_connection_and_keeps_nothing(shop: Shop, open_shop: Site, chromium: Browser) -> None:
    anna = shop.has_member("Anna")
    with tablet(shop, open_shop, chromium) as page:
        before = page.context.new_page()
        before.goto(f"{open_shop.url}/staff")
        page.locator("form[action$='/staff/practice'] button").tap()
        expect(page.locator(".till-practice")).to_be_visible()
        number = page.locator(".tour-people [name=code]").first.input_value()
        open_shop.goes_down()
        # A page that was open before the training began would sell in earnest.
        before.locator("#code").fill(number)
        before.keyboard.press("Enter")
        for shown in (page, before):
            if shown is page:
                shown.goto(f"{open_shop.url}/staff")
                expect(shown.get_by_text("Training needs the connection", exact=True)).to_be_visible()
                assert barriers(page) == []
                reads(page, number)
            expect(shown.locator("#strip")).to_contain_text("The training waits for it; nothing is kept.")
            expect(shown.locator("#counter")).to_have_count(0)
        comes_back(page, open_shop)
        expect(page.locator(".till-practice")).to_be_visible()
        page.locator("form[action$='/practice/end'] button").tap()
        expect(page.locator(".till-practice")).to_have_count(0)
        open_shop.goes_down()
        page.goto(f"{open_shop.url}/staff")
        sells(page, code_of(shop, anna), "10")
        expect(page.locator("#strip")).to_contain_text("1 waiting")
        comes_back(page, open_shop)
        expect(page.locator("#strip")).to_be_hidden()
    assert shop.balance(anna) == 10


def test_a_sale_whose_answer_was_lost_is_kept_and_counts_once(shop: Shop, open_shop: Site, chromium: Browser) -> None:
    serial = shop.has_member()

    def lose(route: Route) -> None:
        route.fetch(max_redirects=0)
        route.abort()

    with tablet(shop, open_shop, chromium) as page:
        reads(page, code_of(shop, serial))
        page.locator("#amount").fill("30")
        page.route("**/receipts", lose)
        page.get_by_role("button", name="Count it").tap()
        page.get_by_role("button", name="Keep it, count it later").tap()
        expect(page.locator("#code")).to_be_focused()
        page.evaluate("() => dispatchEvent(new Event('online'))")
        expect(page.locator("#strip [data-state=sent]")).to_have_count(1)
    assert shop.balance(serial) == 30


STAMPS: dict[str, Any] = {
    "key": "stamps",
    "kind": "stamps",
    "name": {"en": "Ten coffees"},
    "unit": "stamps",
    "earn": {"points": 0},
    "rules": [{"key": "coffee", "measure": "item", "amount": 1, "goods": {"categories": ["coffee"]}}],
    "coupons": [{"key": "coffee", "name": {"en": "Free coffee"}, "discount": {"percent": 100}}],
}


def test_stamps_are_kept_and_coupons_wait(tmp_path: Path, chromium: Browser) -> None:
    shop = Shop(tmp_path / "home")
    shop.promises(**STAMPS)
    anna = shop.has_member("Anna", programme="stamps")
    coupon = shop.issues(anna, "coffee")
    with site(shop.app) as opened, tablet(shop, opened, chromium) as page:
        # A stamp whose answer is lost may wait as well.
        reads(page, code_of(shop, anna))
        page.route("**/receipts", lambda route: route.abort())
        page.get_by_role("button", name="Stamp").tap()
        page.get_by_role("button", name="Keep it, count it later").tap()
        page.unroute("**/receipts")
        opened.goes_down()
        page.goto(f"{opened.url}/staff")
        reads(page, coupon)
        expect(page.locator("[data-part=card-title]")).to_have_text("A coupon")
        expect(page.locator("[data-part=card-next]")).to_contain_text("It stays good")
        reads(page, f"https://cards.example.org/claim/R{0:020d}")
        expect(page.locator("[data-part=card-title]")).to_have_text("This is the claim of a receipt")
        reads(page, code_of(shop, anna))
        expect(page.get_by_text("Coupons, promo codes and rewards need the connection")).to_be_visible()
        # Which programme's card it is nobody knows here, so nothing is filled in.
        page.get_by_role("button", name="One more").tap()
        page.get_by_role("button", name="One more").tap()
        expect(page.locator("#quote")).to_have_text("Stamp × 2")
        assert barriers(page) == [] and not is_wider_than_the_screen(page)
        page.get_by_role("button", name="Count it").tap()
        expect(page.locator("[data-part=change]")).to_have_text("Stamp × 2")
        expect(page.locator("#strip")).to_contain_text("2 waiting")
        comes_back(page, opened)
        expect(page.locator("#strip")).to_be_hidden()
        assert shop.balance(anna) == 3
    shop.closes()


def spends(page: Page, points: str) -> None:
    page.get_by_text("Pay with points").tap()
    page.locator("#points").fill(points)
    page.get_by_role("button", name="Count it").tap()


def test_a_code_that_proves_itself_spends_a_little_once_until_it_is_counted(
    shop: Shop, open_shop: Site, chromium: Browser
) -> None:
    anna, title = shop.has_member("Anna"), "[data-part=card-title]"
    shop.desk(KASIA).sells(anna, amount="200")
    signed = shows_on_her_phone(shop, anna)
    with tablet(shop, open_shop, chromium) as page:
        for day in range(2):
            open_shop.goes_down()
            page.goto(f"{open_shop.url}/staff")
            # The key was kept with the permission; nobody else can be asked now.
            reads(page, signed)
            expect(page.locator(title)).to_have_text("Card is genuine")
            expect(page.locator("[data-part=balance]")).to_have_text("200 points when the code was made")
            spends(page, "51")
            expect(page.locator("#quote")).to_have_text("Without a connection at most 50 points can be spent here.")
            page.locator("#points").fill("30")
            page.get_by_role("button", name="Count it").tap()
            expect(page.locator("[data-part=change]")).to_have_text("−30 points")
            # Not a second time, after a restart neither; earning goes on.
            page.goto(f"{open_shop.url}/staff")
            reads(page, signed)
            spends(page, "1")
            expect(page.locator("#quote")).to_contain_text("spent without a connection already")
            page.locator("#points").fill("")
            page.locator("#amount").fill("10")
            page.get_by_role("button", name="Count it").tap()
            expect(page.get_by_role("heading", name="Kept")).to_be_visible()
            expect(page.locator("#strip")).to_contain_text("2 waiting")
            comes_back(page, open_shop)
            expect(page.locator("#strip")).to_be_hidden()
            assert shop.balance(anna) == 200 - 20 * (day + 1)
    with shop.service.store.reading() as tx:
        assert (
            tx.execute(select(t.Queued.outcome).where(t.Queued.card_id == shop.held(anna).id)).scalars().all()
            == ["applied"] * 4
        )
        assert list(audit.verify(tx)) == []


def test_a_code_that_proves_nothing_spends_nothing_alone(shop: Shop, open_shop: Site, chromium: Browser) -> None:
    anna = shop.has_member("Anna")
    shop.desk(KASIA).sells(anna, amount="200")
    signed = shows_on_her_phone(shop, anna)
    told = {
        shows_on_her_phone(shop, anna, signed=False): "Looks like our card",
        signed.replace(".200.", ".900."): "Forged code",
    }
    with tablet(shop, open_shop, chromium) as page:
        open_shop.goes_down()
        page.goto(f"{open_shop.url}/staff")
        for code, says in told.items():
            reads(page, code)
            expect(page.locator("[data-part=card-title]")).to_have_text(says)
            expect(page.get_by_text("Pay with points")).to_be_hidden()


def test_a_till_that_was_away_too_long_or_meets_a_blocked_card_says_so(
    shop: Shop, open_shop: Site, chromium: Browser
) -> None:
    blocked, serial = shop.has_member(), shop.has_member()
    with shop.service.store.transaction() as tx:
        set_status(tx, shop.held(blocked), "blocked")
        revisions.record(tx, shop.held(blocked).id, shop.service.now)
    with tablet(shop, open_shop, chromium) as page:
        open_shop.goes_down()
        page.goto(f"{open_shop.url}/staff")
        told = {
            code_of(shop, blocked): "Card is blocked",
            "5901234123457": "A card number has 12 digits",
            "https://evil.example/c": "Not one of our cards",
            code_of(shop, serial).translate(str.maketrans("LC", "ДС")): "Looks like our card",
        }
        for code, says in told.items():
            page.locator("#code").fill(code)
            page.keyboard.press("Enter")
            expect(page.locator("[data-part=card-title]")).to_have_text(says)
            page.get_by_role("button", name="Next card").or_(page.get_by_role("button", name="Back")).first.tap()
        page.clock.set_fixed_time((time.time() + DAY + 60) * 1000)
        reads(page, code_of(shop, serial))
        expect(page.locator("[data-part=card-title]")).to_have_text("Not possible without a connection")


def test_a_new_version_takes_over_and_disturbs_no_sale(tmp_path: Path, chromium: Browser) -> None:
    shop = Shop(tmp_path / "home")
    serial = shop.has_member("Anna")
    with site(shop.app) as opened, tablet(shop, opened, chromium) as page:
        reads(page, code_of(shop, serial))
        expect(page.get_by_role("heading", name="Anna")).to_be_visible()
        settings = (shop.home / "config.toml").read_text("utf-8")
        (shop.home / "config.toml").write_text(settings.replace("Corner Caf", "Corner Bakery Caf"), "utf-8")
        opened.goes_down()
        opened.runs(create_app(shop.home, shop.clock))
        opened.comes_back()
        page.evaluate("navigator.serviceWorker.controller.isFirst = true")
        page.evaluate("async () => { await (await navigator.serviceWorker.ready).update(); }")
        until(page, "!navigator.serviceWorker.controller.isFirst")
        # The sale that was open then goes on and counts.
        page.locator("#amount").fill("5")
        page.get_by_role("button", name="Count it").tap()
        expect(page.get_by_role("heading", name="Done")).to_be_visible()
        assert shop.balance(serial) == 5
        opened.goes_down()
        page.goto(f"{opened.url}/staff")
        expect(page.get_by_text("Corner Bakery")).to_be_visible()
        sells(page, code_of(shop, serial), "7")
        opened.comes_back()
    shop.closes()


def test_a_signed_code_is_believed_for_two_days_and_a_forged_one_never(
    shop: Shop, open_shop: Site, chromium: Browser
) -> None:
    key, other, day = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate(), int(time.time()) // DAY
    keys = [{"id": key_id(key), "public": base64.b64encode(key.public_key().public_bytes_raw()).decode()}]
    with visit(chromium, expect=LOST) as page:
        page.goto(f"{open_shop.url}/login")

        def said(code: str, keys: list[dict[str, str]]) -> Any:
            return page.evaluate(
                """async ([code, keys, address]) => {
                  try { return await (await import(address)).read(code, keys); } catch (wrong) { return wrong.why; }
                }""",
                [code, keys, f"/till/parts/{parts_version()}/js/till/code.js"],
            )

        good = said(signed(key, day), keys)
        assert (good["isProved"], good["card"], good["tier"], good["balance"]) == (True, "A" * 16, "gold", 120)
        assert said(signed(key, day).translate(str.maketrans("YZ", "ZY")), keys)["card"] == "A" * 16
        assert said(signed(key, day - 1), keys)["isProved"] and not said(signed(key, day - 2), keys)["isProved"]
        assert not said(signed(key, day + 1), keys)["isProved"]
        assert said(signed(key, day).replace(".120.", ".999."), keys) == "forged"
        assert said(signed(other, day, key_id(key)), keys) == "forged"
        # A key that this till has not been given yet proves nothing, and accuses nobody.
        assert said(signed(other, day), keys)["isProved"] is False
        assert said(signed(key, day), [])["balance"] is None


def key_id(key: Ed25519PrivateKey) -> str:
    return base64.b32encode(hashlib.sha256(key.public_key().public_bytes_raw()).digest()).decode()[:4]


def signed(key: Ed25519PrivateKey, day: int, id: str = "") -> str:
    """The signed code of a card, as an e-card page shows it."""
    text = f"LC3.{'A' * 16}.1.{day:05d}.{id or key_id(key)}.GOLD.120"
    signature = base64.b32encode(key.sign(text.encode())).decode().rstrip("=")
    return f"{text}.{signature}.{int(time.time())}.{'0' * 16}"
