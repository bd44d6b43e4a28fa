"""A tablet at the counter: an enrolled till in a real browser, which may lose its connection at any time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, expect

from passes import codes
from passes.wallets.ecard.turning import turning
from passes.web.staff.app import parts_version
from tests.browser import Site, until, visit
from tests.counter import Counter
from tests.desk import KASIA, Shop

LOST = ("net::ERR", "Failed to load resource")
"""What a browser writes of a connection that is not there."""


@contextmanager
def tablet(shop: Shop, site: Site, chromium: Browser, **options: Any) -> Iterator[Page]:
    """An enrolled till with Kasia's shift, ready to work alone."""
    counter = Counter(shop)
    counter.starts(KASIA)
    kept = [counter.client.get_cookie(name) for name in ("till-key", "passes")]
    with visit(chromium, expect=LOST, has_touch=True, **options) as page:
        page.context.add_cookies([{"name": one.key, "value": one.value, "url": site.url} for one in kept if one])
        page.goto(f"{site.url}/staff")
        expect(page.locator("#code")).to_be_focused()
        is_ready(page)
        yield page


def is_ready(page: Page) -> None:
    """The worker has kept everything, and the permission is there."""
    until(page, "navigator.serviceWorker.controller?.state === 'activated'")
    module = f"/till/parts/{parts_version()}/js/till/permit.js"
    until(page, f"(await (await import('{module}')).permit()) !== null")


def comes_back(page: Page, site: Site) -> None:
    site.comes_back()
    page.evaluate("() => dispatchEvent(new Event('online'))")


def code_of(shop: Shop, serial: str) -> str:
    return str(shop.held(serial).revision.card.code)


def shows_on_her_phone(shop: Shop, serial: str, signed: bool = True) -> str:
    """The code on her card's page at this moment, with today's credential or without."""
    shown = turning(shop.held(serial).revision, shop.service.secrets, shop.service.now)
    keys = tuple(bytes.fromhex(key) for key in shown.keys.split())
    return f"{shown.signed if signed else shown.plain}.{codes.turn(keys, shop.service.now)}"
