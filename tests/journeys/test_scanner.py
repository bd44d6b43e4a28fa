"""A till's camera reads every code a card may carry; each scan is one screen, one verdict, two taps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from playwright.sync_api import Browser, expect

from passes import codes
from passes.cards import proof
from tests.browser import DESK, Site, barriers, is_wider_than_the_screen, reads, site, visit
from tests.camera import Hand, camera, film
from tests.desk import KASIA, PASSWORD, Shop

KINDS = zxingcpp.BarcodeFormat
HELD = {
    "QR, turned and dim": (KINDS.QRCode, Hand(turned=25, light=0.45, grain=14)),
    "PDF417, out of focus": (KINDS.PDF417, Hand(turned=4, blurred=0.8)),
    "Aztec, on its side": (KINDS.Aztec, Hand(turned=90, blurred=1.2, light=0.7)),
    "Code 128, in grainy light": (KINDS.Code128, Hand(turned=3, blurred=0.6, grain=12)),
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    shop = Shop(tmp_path_factory.mktemp("shop") / "home")
    yield shop
    shop.closes()


@pytest.fixture(scope="module")
def open_shop(shop: Shop) -> Iterator[Site]:
    """For as long as the cameras that look at it."""
    with site(shop.app) as opened:
        yield opened


@pytest.fixture(scope="module")
def logged_in(open_shop: Site, chromium: Browser) -> Any:
    """What Kasia's browser keeps after her login."""
    with visit(chromium) as page:
        page.goto(f"{open_shop.url}/staff")
        page.get_by_label("E-mail").fill(KASIA)
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.locator("#code")).to_be_focused()
        return page.context.storage_state()


def code_of(shop: Shop, serial: str) -> str:
    return str(shop.held(serial).revision.card.code)


@pytest.mark.parametrize("held", HELD)
def test_a_camera_reads_every_kind_of_code(
    shop: Shop, open_shop: Site, chromium: Browser, logged_in: Any, tmp_path: Path, held: str
) -> None:
    kind, hand = HELD[held]
    serial = shop.has_member("Zażółć Gęślą-Ежевика")
    text = shop.held(serial).row.number if kind == KINDS.Code128 else code_of(shop, serial)
    with (
        camera(chromium, film(tmp_path / "seen.y4m", text, kind, hand)) as browser,
        visit(browser, storage_state=logged_in) as page,
    ):
        page.goto(f"{open_shop.url}/staff")
        page.get_by_role("button", name="Scan with the camera").click()
        expect(page.get_by_role("heading", name="Zażółć Gęślą-Ежевика")).to_be_visible()
        # The camera rests while the bill is typed, and wakes up by itself for the next card.
        expect(page.locator("video")).to_be_hidden()
        expect(page.get_by_role("button", name="Scan something else")).to_be_visible()
        page.locator("#amount").fill("7")
        page.locator("#count").click()
        expect(page.get_by_role("heading", name="Done")).to_be_visible()
        expect(page.locator("[data-finder=on] video")).to_be_visible()
    assert shop.balance(serial) == 7


def test_a_code_held_before_the_camera_is_read_once(
    shop: Shop, open_shop: Site, chromium: Browser, logged_in: Any, tmp_path: Path
) -> None:
    of_nobody = codes.make(b"nobody" + bytes(4), proof(shop.service.secrets, shop.service.secrets.current))
    asked: list[str] = []
    with (
        camera(chromium, film(tmp_path / "seen.y4m", of_nobody, KINDS.QRCode)) as browser,
        visit(browser, expect=("404",), storage_state=logged_in) as page,
    ):
        page.goto(f"{open_shop.url}/staff")
        page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/find") else None)
        page.get_by_role("button", name="Scan with the camera").click()
        expect(page.get_by_text("No card has this number", exact=True)).to_be_visible()
        expect(page.locator("[data-finder=on]")).to_be_visible()
        page.wait_for_timeout(2500)
        assert len(asked) == 1 and barriers(page) == []
        page.get_by_role("button", name="Turn the camera off").click()
        expect(page.get_by_role("button", name="Scan with the camera")).to_be_visible()
        page.reload()
        expect(page.get_by_role("button", name="Scan with the camera")).to_be_visible()


TWO_CAMERAS = """
window.asked = [];
let seen = "";
const devices = navigator.mediaDevices;
const [get, list] = [devices.getUserMedia.bind(devices), devices.enumerateDevices.bind(devices)];
devices.enumerateDevices = async () => {
  const first = (await list()).find((one) => one.kind === "videoinput");
  return [first, { kind: "videoinput", deviceId: "second" }];
};
devices.getUserMedia = async ({ video }) => {
  window.asked.push(video.deviceId?.exact === "second" ? "the second camera" : "the first camera");
  const stream = await get({ video: true });
  seen = video.deviceId?.exact ?? (await devices.enumerateDevices())[0].deviceId;
  return stream;
};
Object.assign(MediaStreamTrack.prototype, {
  getSettings: () => ({ deviceId: seen }),
  getCapabilities: () => ({ torch: seen !== "second" }),
  applyConstraints: async ({ advanced: [{ torch }] }) => window.asked.push(torch ? "light" : "dark"),
});
"""


def test_the_light_goes_on_and_the_next_camera_is_asked_for(
    shop: Shop, open_shop: Site, chromium: Browser, logged_in: Any, tmp_path: Path
) -> None:
    nothing = film(tmp_path / "seen.y4m", "0", KINDS.QRCode, Hand(blurred=40))
    with camera(chromium, nothing) as browser, visit(browser, storage_state=logged_in) as page:
        page.add_init_script(TWO_CAMERAS)
        page.goto(f"{open_shop.url}/staff")
        page.get_by_role("button", name="Scan with the camera").click()
        lamp, other = page.get_by_role("button", name="Light"), page.get_by_role("button", name="Another camera")
        for is_lit in ("true", "false", "true"):
            lamp.click()
            expect(lamp).to_have_attribute("aria-pressed", is_lit)
        # The second has no lamp; the first one's went out meanwhile.
        other.click()
        expect(lamp).to_be_hidden()
        other.click()
        expect(lamp).to_be_visible()
        expect(lamp).to_have_attribute("aria-pressed", "false")
        seen = ["the first camera", "light", "dark", "light", "the second camera", "the first camera"]
        assert page.evaluate("window.asked") == seen
        # The one that was chosen on this device is the one of tomorrow.
        other.click()
        expect(lamp).to_be_hidden()
        page.reload()
        expect(page.locator("[data-finder=on] video")).to_be_visible()
        assert page.evaluate("window.asked") == ["the second camera"]


def test_without_a_camera_the_till_says_what_to_do(
    shop: Shop, open_shop: Site, chromium: Browser, logged_in: Any
) -> None:
    with visit(chromium, storage_state=logged_in) as page:
        page.goto(f"{open_shop.url}/staff")
        page.get_by_role("button", name="Scan with the camera").click()
        expect(page.locator("[data-lens=note]")).to_contain_text("This device has no camera")
        assert barriers(page) == []


def test_only_the_till_may_use_the_camera(shop: Shop) -> None:
    kasia = shop.desk(KASIA)
    at_the_till, elsewhere = kasia.client.get("/staff").headers, kasia.client.get("/join/cafe").headers
    assert "camera=(self)" in at_the_till["Permissions-Policy"]
    assert "'wasm-unsafe-eval'" in at_the_till["Content-Security-Policy"]
    assert "camera=()" in elsewhere["Permissions-Policy"]
    assert "wasm" not in elsewhere["Content-Security-Policy"]


def test_a_bill_from_the_shops_own_system_takes_one_tap(
    shop: Shop, open_shop: Site, chromium: Browser, logged_in: Any
) -> None:
    serial = shop.has_member()
    with visit(chromium, has_touch=True, storage_state=logged_in) as page:
        page.goto(f"{open_shop.url}/staff?total=18.40")
        reads(page, code_of(shop, serial))
        expect(page.locator("#amount")).to_have_value("18.40")
        expect(page.locator("#quote")).to_contain_text("+18")
        page.locator("#count").tap()
        expect(page.get_by_role("heading", name="Done")).to_be_visible()
    assert shop.balance(serial) == 18


def test_a_reward_and_its_undo_take_two_taps_each(
    shop: Shop, open_shop: Site, chromium: Browser, logged_in: Any
) -> None:
    serial = shop.has_member("Łukasz")
    shop.desk(KASIA).sells(serial, amount="100")
    with visit(chromium, has_touch=True, storage_state=logged_in) as page:
        page.goto(f"{open_shop.url}/staff")
        reads(page, code_of(shop, serial))
        page.get_by_role("button", name="Give: Espresso").tap()
        page.get_by_role("button", name="Give", exact=True).tap()
        expect(page.locator("#said")).to_contain_text("Done")
        assert shop.balance(serial) == 20
        page.get_by_role("link", name="Undo").tap()
        page.get_by_role("button", name="Undo").tap()
        expect(page.get_by_role("heading", name="Taken back")).to_be_visible()
    assert shop.balance(serial) == 100


def test_practice_is_the_same_screen_with_a_clock(
    shop: Shop, open_shop: Site, chromium: Browser, logged_in: Any
) -> None:
    with visit(chromium, storage_state=logged_in) as page:
        page.goto(f"{open_shop.url}/staff")
        page.locator("form[action$='/staff/practice'] button").press("Enter")
        expect(page.locator(".till-practice")).to_be_visible()
        expect(page.get_by_role("timer")).to_have_text(re.compile(r"\d:\d\d"))
        assert barriers(page) == [] and not is_wider_than_the_screen(page)
        page.get_by_role("button", name="Anna").press("Enter")
        page.locator("#amount").fill("24.50")
        page.keyboard.press("Enter")
        expect(page.locator(".till-practice")).to_be_visible()
        expect(page.locator("#said")).to_contain_text("+24 points")
        page.goto(f"{open_shop.url}/staff")
        expect(page.locator(".tour-tasks [data-done]")).to_have_count(2)
        page.locator("form[action$='/practice/end'] button").press("Enter")
        expect(page.locator(".till-practice")).to_have_count(0)


@pytest.mark.parametrize("language", ["en", "ru", "pl"])
def test_the_page_beside_the_till_says_the_rules(shop: Shop, language: str) -> None:
    kasia = shop.desk(KASIA)
    kasia.opens(f"/staff/crib?language={language}")
    told = {
        "en": ("1 point for every", "Espresso for 80 points", "Gold from 1,000 points", "“Count it”"),
        "ru": ("За каждые потраченные", "Эспрессо за 80 баллов", "Золото — 1 000 баллов и больше", "«Провести»"),
        "pl": ("Za każde wydane", "Espresso za 80 punktów", "Złoto – 1 000 punktów i więcej", "„Nalicz”"),
    }
    assert [line for line in told[language] if line not in kasia.says] == []


def test_the_page_beside_the_till_prints_on_one_sheet(
    shop: Shop, open_shop: Site, chromium: Browser, logged_in: Any
) -> None:
    with visit(chromium, viewport=DESK, storage_state=logged_in) as page:
        for language in ("en", "ru", "pl"):
            page.goto(f"{open_shop.url}/staff/crib?language={language}")
            assert page.pdf(prefer_css_page_size=True).count(b"/Type /Page\n") == 1, language


def test_every_page_of_the_till_fits_every_screen(
    shop: Shop, open_shop: Site, chromium: Browser, logged_in: Any
) -> None:
    """320 is also what a screen of 640 shows at 200 %."""
    with visit(chromium, expect=("403",), storage_state=logged_in) as page:
        for path in ("/staff", "/staff/crib", "/till/offline"):
            page.goto(f"{open_shop.url}{path}?language=ru")
            assert barriers(page) == [], path
            for width in (320, 768, 1280):
                page.set_viewport_size({"width": width, "height": 800})
                assert not is_wider_than_the_screen(page), f"{path} at {width}"
