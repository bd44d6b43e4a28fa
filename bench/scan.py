"""From the camera to the card on the screen: how long it takes, on a good tablet and on a slow one, and what is loaded.

A real browser reads a film of a real card's code. The slow tablet is the same browser with its processor slowed four
times and its connection held to 1.6 Mbit/s and 150 ms; cold is the first scan of its life, warm any later one.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import zxingcpp
from playwright.sync_api import Browser, CDPSession, Page, expect, sync_playwright

from tests.browser import CHROMIUM, FLAGS, PHONE, Site, site
from tests.camera import camera, film
from tests.desk import KASIA, PASSWORD, Shop

from .figures import Report, most

SLOW_PROCESSOR = 4
SLOW_CONNECTION = {"offline": False, "latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 94_000}
MOST_MS = 120_000


def run(report: Report) -> None:
    scans = 3 if report.quick else 15
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        shop = Shop(Path(folder) / "home")
        code = shop.held(shop.has_member("Anna")).revision.card.code
        seen = film(Path(folder) / "card.y4m", code, zxingcpp.BarcodeFormat.QRCode)
        plain = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        with site(shop.app) as served, camera(plain, seen) as browser:
            _good(report, browser, served, scans)
            _slow(report, browser, served)
        plain.close()
        shop.closes()


def _good(report: Report, browser: Browser, served: Site, scans: int) -> None:
    with _at_the_till(browser, served) as (page, weigh):
        loaded = weigh()
        report.add("", "the till's first page, loaded cold", f"{loaded / 1024:,.0f} kB over the line", "goal: 200 kB")
        cold = _scan(page)
        report.add("", "with the reader of codes", f"{weigh() / 1024:,.0f} kB over the line")
        report.add("", "first scan: camera opened to card on the screen", f"{cold:.2f} s", "product T1", cold, most(3))
        warm = [_again(page) for _ in range(scans)]
        half = statistics.median(warm)
        report.add("T1", f"later scans, half of {scans}", f"{half:.2f} s", "camera start included", half, most(1))


def _slow(report: Report, browser: Browser, served: Site) -> None:
    with _at_the_till(browser, served, slow=True) as (page, _):
        cold = _scan(page)
        report.add("", "slow tablet, 3G: first scan", f"{cold:.1f} s", "", cold, most(10))
        warm = _again(page)
        report.add("", "slow tablet, 3G: a later scan", f"{warm:.1f} s", "", warm, most(4))


@contextmanager
def _at_the_till(browser: Browser, served: Site, slow: bool = False) -> Iterator[tuple[Page, Weigh]]:
    """A page of a browser that was never here, with Kasia logged in."""
    context = browser.new_context(viewport=PHONE, locale="en-GB", service_workers="block")
    page = context.new_page()
    page.goto(f"{served.url}/login")
    page.get_by_label("E-mail").fill(KASIA)
    page.get_by_label("Password").fill(PASSWORD)
    page.context.set_default_timeout(MOST_MS)
    line = context.new_cdp_session(page)
    line.send("Network.enable")
    line.send("Network.clearBrowserCache")
    weigh = Weigh(line)
    if slow:
        line.send("Network.emulateNetworkConditions", SLOW_CONNECTION)
        line.send("Emulation.setCPUThrottlingRate", {"rate": SLOW_PROCESSOR})
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Scan with the camera").wait_for()
    page.wait_for_load_state("networkidle")
    yield page, weigh
    context.close()


class Weigh:
    """Counts what comes over the line."""

    def __init__(self, line: CDPSession) -> None:
        self._bytes = 0
        line.on("Network.loadingFinished", self._came)

    def __call__(self) -> int:
        return self._bytes

    def _came(self, told: dict[str, float]) -> None:
        self._bytes += int(told["encodedDataLength"])


def _scan(page: Page) -> float:
    """Seconds from the press to the verdict."""
    began = time.perf_counter()
    page.get_by_role("button", name="Scan with the camera").click()
    expect(page.get_by_role("heading", name="Anna")).to_be_visible(timeout=MOST_MS)
    return time.perf_counter() - began


def _again(page: Page) -> float:
    page.evaluate("() => localStorage.removeItem('till camera used')")
    page.get_by_role("link", name="Corner Café").click()
    page.get_by_role("button", name="Scan with the camera").wait_for()
    return _scan(page)
