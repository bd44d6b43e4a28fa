"""Joining in a browser, and the e-card afterwards: live, offline, in three languages, for everybody."""

from __future__ import annotations

import io
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
import zxingcpp
from flask.testing import FlaskClient
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from passes import cards, create_app, home, revisions
from passes.codes import Known
from passes.members import Person
from passes.points import receipts
from passes.points.orders import Order
from passes.service import Service
from passes.wallets import Link
from passes.wallets.apple.enrolment import make_dev
from tests.browser import DESK, Site, barriers, is_wider_than_the_screen, site, until, visit

LONG_NAME = "Maximiliana-Wilhelmina Konstantinopolska-Brzęczyszczykiewicz"
PATIENCE_MS = 15_000


class Shop:
    """A café with its service, and what happens at its till."""

    def __init__(self, service: Service, site: Site) -> None:
        self.service, self.site = service, site
        self._receipts = iter(range(1, 1000))

    def has_member(self, name: str = "Anna", language: str = "en") -> str:
        """The serial of a new member's card."""
        with self.service.store.transaction() as tx:
            return self.service.members.join(tx, "cafe", Person(language, name), self.service.now).serial

    def link(self, serial: str) -> str:
        with self.service.store.reading() as tx:
            issued = self.service.ecard.issue(cards.by_serial(tx, serial).revision)
        assert isinstance(issued, Link)
        return self.site.url + "/card/" + issued.url.partition("/card/")[2]

    def sells(self, serial: str, total: int) -> None:
        with self.service.store.transaction() as tx:
            held = cards.by_serial(tx, serial, lock=True)
            order = Order(f"R{next(self._receipts)}", total=total, location="Nowy Świat 12")
            receipts.post(tx, held, order, self.service.now)

    def code(self, serial: str) -> str:
        """The code that does not change."""
        with self.service.store.reading() as tx:
            return cards.by_serial(tx, serial).revision.card.code

    def scans(self, code: str) -> tuple[str, Known]:
        """Whose card it is, and what the code says."""
        known = cards.read_code(code, self.service.secrets)
        with self.service.store.reading() as tx:
            return cards.by_known(tx, known).serial, known


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder: Path = tmp_path_factory.mktemp("shop") / "home"
    home.create(folder, int(time.time()))
    app = create_app(folder)
    with site(app) as opened:
        yield Shop(app.extensions["passes"], opened)


@pytest.fixture
def client(shop: Shop) -> FlaskClient:
    return create_app(shop.service.settings.home).test_client()


def test_one_form_and_the_card_is_there(shop: Shop, chromium: Browser) -> None:
    with visit(chromium, locale="pl-PL") as page:
        page.goto(f"{shop.site.url}/join/cafe")
        assert page.locator("html").get_attribute("lang") == "pl"
        assert page.locator("input[type=checkbox]:checked").count() == 0
        page.get_by_label("Imię").fill(LONG_NAME)
        _send(page)
        expect(page.get_by_role("heading", level=1)).to_have_text("Klub Kawowy")
        expect(page.get_by_text("Witamy!")).to_be_visible()
        expect(page.locator(".card-balance")).to_contain_text("10 punktów")
        expect(page.locator(".card-name")).to_contain_text(LONG_NAME)
        assert not is_wider_than_the_screen(page)


def test_nothing_needs_to_be_told(shop: Shop, chromium: Browser) -> None:
    with visit(chromium) as page:
        page.goto(f"{shop.site.url}/join/cafe")
        _send(page)
        expect(page.locator(".card-balance")).to_contain_text("10")
        assert page.locator(".card-name").count() == 0


def test_a_mistyped_contact_is_explained_and_nothing_typed_is_lost(shop: Shop, chromium: Browser) -> None:
    with visit(chromium, expect=("422",)) as page:
        page.goto(f"{shop.site.url}/join/cafe")
        page.get_by_label("Name").fill("Anna")
        page.get_by_label("E-mail or phone").fill("anna at example")
        page.get_by_label("may send me").check()
        _send(page)
        expect(page.locator("#contact-error")).to_contain_text("anna@example.org")
        expect(page.get_by_label("Name")).to_have_value("Anna")
        expect(page.get_by_label("may send me")).to_be_checked()
        assert barriers(page) == []


def test_the_code_on_the_screen_is_read_by_a_till(shop: Shop, chromium: Browser) -> None:
    serial = shop.has_member()
    for scheme in ("light", "dark"):
        with visit(chromium, color_scheme=scheme, device_scale_factor=2) as page:
            page.goto(shop.link(serial))
            expect(page.get_by_text("changes every 30 seconds")).to_be_visible()
            whose, known = shop.scans(_read(page.screenshot(full_page=True)))
            assert (whose, known.kind, known.is_fresh(shop.service.now)) == (serial, "signed", True)
            code = page.locator(".card-code svg").bounding_box()
            assert code is not None and code["width"] >= 0.6 * 360


def test_a_phone_whose_clock_is_wrong_learns_the_time(shop: Shop, chromium: Browser) -> None:
    serial = shop.has_member()
    for away in (-90, 90):
        with visit(chromium) as page:
            page.clock.install(time=time.time() + away)
            page.goto(shop.link(serial))
            until(page, "ahead !== 0")
            page.wait_for_timeout(500)
            assert shop.scans(_read(page.screenshot(full_page=True)))[1].is_fresh(shop.service.now)
            assert page.evaluate(f"Math.abs(ahead + {away}) < 3")


def test_the_code_fills_the_screen_and_is_read_there(shop: Shop, chromium: Browser) -> None:
    serial = shop.has_member()
    with visit(chromium) as page:
        page.goto(shop.link(serial))
        expect(page.get_by_text("changes every 30 seconds")).to_be_visible()
        page.locator("[data-open]").click()
        assert shop.scans(_read(page.get_by_role("dialog").screenshot()))[1].kind == "signed"


def test_paper_and_browsers_without_scripts_have_the_code_that_does_not_change(shop: Shop, chromium: Browser) -> None:
    serial = shop.has_member()
    with visit(chromium) as page:
        page.goto(shop.link(serial))
        expect(page.get_by_text("changes every 30 seconds")).to_be_visible()
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert _read(page.screenshot(full_page=True)) == shop.code(serial)
    with visit(chromium, java_script_enabled=False) as page:
        page.goto(shop.link(serial))
        assert _read(page.screenshot(full_page=True)) == shop.code(serial)


def test_the_card_s_own_keys_are_in_its_page_and_nowhere_else(shop: Shop, client: FlaskClient) -> None:
    serial = shop.has_member()
    link = shop.link(serial).removeprefix(shop.site.url)
    page = client.get(link)
    (keys,) = re.findall('data-keys="([0-9a-f ]+)"', page.text)
    assert "no-store" in page.headers["Cache-Control"]
    assert keys != re.findall('data-keys="([0-9a-f ]+)"', client.get(_path(shop, shop.has_member())).text)[0]
    for other in ("/manifest.webmanifest", "/worker.js", "/card.png", "/state?revision=1"):
        assert keys.split()[0].encode() not in client.get(link + other).data
    with shop.service.store.transaction() as tx:
        held = cards.by_serial(tx, serial, lock=True)
        cards.revoke_links(tx, held)
        revisions.record(tx, held.id, shop.service.now)
    (fresh,) = re.findall('data-keys="([0-9a-f ]+)"', client.get(_path(shop, serial)).text)
    assert not set(fresh.split()) & set(keys.split()), "whoever had the link that was taken back makes no codes"


def test_a_page_left_open_gets_the_credential_of_the_day(shop: Shop, client: FlaskClient) -> None:
    link = _path(shop, shop.has_member())
    today = shop.service.now // 86_400
    assert client.get(f"{link}/state?revision=1&day={today}").status_code == 204
    assert f'data-day="{today}"' in client.get(f"{link}/state?revision=1&day={today - 1}").text


def test_the_card_follows_a_purchase_without_a_reload(shop: Shop, chromium: Browser) -> None:
    serial = shop.has_member()
    with visit(chromium) as page:
        page.goto(shop.link(serial))
        page.evaluate("window.stillTheSamePage = true")
        shop.sells(serial, total=4550)
        expect(page.locator(".card-balance strong")).to_have_text("55", timeout=PATIENCE_MS)
        expect(page.get_by_role("status").filter(has_text="You now have 55")).to_be_attached()
        expect(page.locator("#story")).to_contain_text("Nowy Świat 12")
        assert page.evaluate("window.stillTheSamePage")


def test_the_card_is_there_without_a_connection(shop: Shop, chromium: Browser) -> None:
    serial = shop.has_member()
    with visit(chromium, expect=("Failed to load", "ERR_CONNECTION", "net::", "Failed to fetch")) as page:
        page.goto(shop.link(serial))
        _wait_until_kept(page)
        page.clock.install()
        shop.site.goes_down()
        try:
            page.reload()
            expect(page.locator("#offline")).to_contain_text("No connection", timeout=PATIENCE_MS)
            expect(page.locator(".card-balance strong")).to_have_text("10")
            first = shop.scans(_read(page.screenshot(full_page=True)))
            assert first[0] == serial and first[1].is_fresh(shop.service.now)
            page.clock.fast_forward(31_000)
            page.wait_for_timeout(500)
            later = shop.scans(_read(page.screenshot(full_page=True)))[1]
            assert later.step and first[1].step and 1 <= later.step - first[1].step <= 3, (
                "a busy machine takes its time"
            )
            page.clock.fast_forward(3 * 86_400_000)
            page.wait_for_timeout(500)
            assert shop.scans(_read(page.screenshot(full_page=True)))[1].kind == "rotating", "the credential is over"
            assert page.evaluate("document.fonts.check('16px Inter')")
        finally:
            shop.site.comes_back()
        page.clock.fast_forward(60_000)
        expect(page.locator("#offline")).to_be_hidden(timeout=PATIENCE_MS)


def test_the_card_keeps_the_language_that_was_chosen(shop: Shop, chromium: Browser) -> None:
    link = shop.link(shop.has_member())
    with visit(chromium) as page:
        page.goto(link)
        page.get_by_role("button", name="Русский").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Кофейный клуб")
    with visit(chromium) as page:
        page.goto(link)
        assert page.locator("html").get_attribute("lang") == "ru"


def test_hands_that_use_no_pointer_join_and_enlarge_the_code(shop: Shop, chromium: Browser) -> None:
    with visit(chromium, viewport=DESK) as page:
        page.goto(f"{shop.site.url}/join/cafe")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        _tab_to(page, "#name")
        page.keyboard.type("Anna")
        page.wait_for_timeout(800)
        page.keyboard.press("Enter")
        expect(page.locator(".card-balance")).to_contain_text("10")
        _tab_to(page, "[data-open]")
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
        assert page.evaluate("document.activeElement.dataset.open") == "code-large"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "ru", "pl"])
def test_nobody_is_kept_out(shop: Shop, chromium: Browser, language: str, scheme: str) -> None:
    serial = shop.has_member(LONG_NAME, language)
    shop.sells(serial, total=9_999_999_00)
    # 320 points wide is a window of 1280 at 400 %: WCAG 2.2, 1.4.10 Reflow.
    with visit(chromium, color_scheme=scheme, viewport={"width": 320, "height": 640}, expect=("404",)) as page:
        for address in (shop.link(serial), f"{shop.site.url}/join/cafe?language={language}", f"{shop.site.url}/no"):
            page.goto(address)
            assert barriers(page) == []
            assert not is_wider_than_the_screen(page)


def test_an_ended_card_shows_that_it_ended_and_no_code(shop: Shop, chromium: Browser) -> None:
    serial = shop.has_member()
    with visit(chromium) as page:
        page.goto(shop.link(serial))
        with shop.service.store.transaction() as tx:
            held = cards.by_serial(tx, serial, lock=True)
            cards.set_status(tx, held, "blocked")
            revisions.record(tx, held.id, shop.service.now)
        expect(page.locator(".card-end")).to_contain_text("This card is blocked", timeout=PATIENCE_MS)
        assert page.locator(".card-code").count() == 0


def test_a_link_taken_back_is_gone_and_a_made_up_one_never_was(shop: Shop, client: FlaskClient) -> None:
    serial = shop.has_member()
    old = shop.link(serial).removeprefix(shop.site.url)
    forged = client.get(old[:-1] + ("A" if old[-1] != "A" else "B"))
    unknown = client.get("/card/AAAAAAAAAAAAAAAAAAAAAA/BBBBBBBBBBBBBBBBBBBBBB")
    assert forged.status_code == unknown.status_code == 404
    with shop.service.store.transaction() as tx:
        held = cards.by_serial(tx, serial, lock=True)
        cards.revoke_links(tx, held)
        revisions.record(tx, held.id, shop.service.now)
    assert client.get(old).status_code == 410
    assert client.get(f"{old}/state?revision=1").status_code == 410
    assert client.get(shop.link(serial).removeprefix(shop.site.url)).status_code == 200


def test_the_page_is_kept_by_no_cache_and_shown_in_no_frame(shop: Shop, client: FlaskClient) -> None:
    link = shop.link(shop.has_member()).removeprefix(shop.site.url)
    for address in (link, f"{link}/state", f"{link}/card.png", f"{link}/manifest.webmanifest"):
        headers = client.get(address).headers
        assert "no-store" in headers["Cache-Control"]
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]


def test_asking_without_a_change_costs_nothing(shop: Shop, client: FlaskClient) -> None:
    serial = shop.has_member()
    link = shop.link(serial).removeprefix(shop.site.url)
    unchanged = client.get(f"{link}/state?revision=1")
    assert (unchanged.status_code, unchanged.data) == (204, b"")
    shop.sells(serial, total=100)
    assert client.get(f"{link}/state?revision=1").status_code == 200
    for odd in ("", "x", "-1", "9" * 5000):
        assert client.get(f"{link}/state?revision={odd}").status_code == 200


def test_apple_wallet_is_offered_once_there_are_certificates(
    shop: Shop, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    serial = shop.has_member()
    link = shop.link(serial).removeprefix(shop.site.url)
    assert "Apple Wallet" not in client.get(link).text
    assert client.get(f"{link}/wallet/apple").status_code == 404

    certs = shop.service.settings.home / "certs"
    make_dev(certs, int(time.time()))
    for name, file in (("CERTIFICATE", "pass.pem"), ("KEY", "pass.key"), ("WWDR", "wwdr.pem")):
        monkeypatch.setenv(f"PASSES_APPLE__{name}", str(certs / file))
    equipped = create_app(shop.service.settings.home).test_client()
    assert f"{link}/wallet/apple" in equipped.get(link).text
    taken = equipped.get(f"{link}/wallet/apple")
    assert taken.mimetype == "application/vnd.apple.pkpass"
    with ZipFile(io.BytesIO(taken.data)) as bundle:
        assert json.loads(bundle.read("pass.json"))["serialNumber"] == serial
    for other in ("ecard", "google", "x"):
        assert equipped.get(f"{link}/wallet/{other}").status_code == 404


def test_a_phone_can_keep_the_card_as_an_app(shop: Shop, client: FlaskClient) -> None:
    link = shop.link(shop.has_member()).removeprefix(shop.site.url)
    manifest = client.get(f"{link}/manifest.webmanifest")
    assert manifest.mimetype == "application/manifest+json"
    described = manifest.get_json()
    assert described["start_url"] == described["scope"] == link
    for icon in described["icons"]:
        side = Image.open(io.BytesIO(client.get(icon["src"]).data)).width
        assert icon["sizes"] == f"{side}x{side}"
    worker = client.get(f"{link}/worker.js")
    assert worker.headers["Service-Worker-Allowed"] == link


def _path(shop: Shop, serial: str) -> str:
    return shop.link(serial).removeprefix(shop.site.url)


def _send(page: Page) -> None:
    # Faster than anyone can type is taken for a program.
    page.wait_for_timeout(800)
    page.locator("form.join-form button").click()


def _wait_until_kept(page: Page) -> None:
    """Until the worker holds the page and what it is made of."""
    for _ in range(PATIENCE_MS // 50):
        if page.evaluate(_IS_KEPT):
            return
        page.wait_for_timeout(50)
    raise AssertionError("the worker did not keep the card")


def _tab_to(page: Page, selector: str) -> None:
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} cannot be reached with the Tab key")


def _read(png: bytes) -> str:
    read = zxingcpp.read_barcodes(Image.open(io.BytesIO(png)))
    return read[0].text if read else ""


_IS_KEPT = """async () => {
  for (const name of await caches.keys()) {
    const kept = (await (await caches.open(name)).keys()).map((request) => new URL(request.url).pathname);
    const scripts = ["/static/js/card.js", "/static/js/code.js", "/static/vendor/qrcode.js"];
    const parts = [location.pathname, ...scripts, "/static/css/base.css", "/static/fonts/inter-latin.woff2"];
    if (parts.every((part) => kept.includes(part))) return true;
  }
  return false;
}"""
