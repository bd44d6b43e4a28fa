"""A real browser for tests: Debian's Chromium, and pages that notice what must never happen.

A page collects every breach while it is open: a line in the console, a script error, a policy violation, a
request to any other host. `visit` fails the test when there was one. Nothing is faked.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, Request, ViewportSize, expect, sync_playwright
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from tests.desk import KASIA, PASSWORD

# A busy machine is slow, not wrong.
expect.set_options(timeout=15_000)

CHROMIUM = "/usr/bin/chromium"
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
PHONE: ViewportSize = {"width": 360, "height": 740}
KEY_SECONDS = 0.004
DESK: ViewportSize = {"width": 1280, "height": 800}
DIRECT: dict[str, Any] = {"service_workers": "block"}
"""For whoever loses answers on the way: `page.route` does not see what a service worker let through."""
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests of a worker process; pages share nothing."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@contextmanager
def visit(chromium: Browser, expect: tuple[str, ...] = (), **options: Any) -> Iterator[Page]:
    """A page of somebody new, on a phone unless `viewport` says otherwise.

    `options` are Playwright's for a context. `expect` names parts of console lines that this visit provokes.
    """
    context = chromium.new_context(**{"viewport": PHONE, "locale": "en-GB", **options})
    page = context.new_page()
    breaches = _watch(page)
    try:
        yield page
    finally:
        context.close()
    expected = (*expect, "Service Worker registration blocked") if options.items() >= DIRECT.items() else expect
    unexpected = [breach for breach in breaches if not any(part in breach for part in expected)]
    assert not unexpected, unexpected


def _watch(page: Page) -> list[str]:
    breaches: list[str] = []

    def asked(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https") and parts.hostname != "127.0.0.1":
            breaches.append(f"a request to {parts.hostname}")

    page.on("request", asked)
    page.on("pageerror", lambda error: breaches.append(f"a script error: {error}"))
    page.on("console", lambda line: breaches.append(line.text) if line.type in ("error", "warning") else None)
    return breaches


def barriers(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 AA, as one line for each element."""
    page.evaluate(AXE.read_text("utf-8"))
    at_the_end = _barriers_at(page, "document.documentElement.scrollHeight")
    page.evaluate("scrollTo(0, 0)")
    # What is scrolled under a bar that sticks is no smaller for that: it is no barrier at the other end of the page.
    at_the_top = _barriers_at(page, "0") if at_the_end else []
    return [barrier for barrier in at_the_end if barrier in at_the_top]


def _barriers_at(page: Page, height: str) -> list[str]:
    page.evaluate(f"scrollTo(0, {height})")
    found = page.evaluate("tags => axe.run(document, {runOnly: tags})", AA)
    return [f"{rule['id']}: {node['html'][:120]}" for rule in found["violations"] for node in rule["nodes"]]


def small_targets(page: Page) -> list[str]:
    """What a thumb would miss: fields, buttons and links of less than 48 pixels."""
    found: list[str] = page.evaluate(
        "() => [...document.querySelectorAll('button, input:not([type=hidden]), select, a[href]')].filter(e =>"
        " e.offsetHeight && e.offsetHeight < 48 && !e.closest('.amount-row, .skip, .check')).map(e => e.outerHTML)"
    )
    return found


def until(page: Page, holds: str) -> None:
    """Wait until the expression holds on the page; half a minute is enough on any machine.

    Playwright's own waiting would evaluate a string on the page, which our policy rightly forbids.
    """
    found = page.evaluate(
        f"""async () => {{
          for (let turn = 0; turn < 600; turn++) {{
            if ({holds}) return true;
            await new Promise((done) => setTimeout(done, 50));
          }}
          return false;
        }}"""
    )
    assert found, holds


def reads(page: Page, code: str) -> None:
    """A reader that types, wherever the focus is: a key every few milliseconds by the keys' own time, then Enter.

    The time is said with each key: from here to the browser a key takes as long as a busy machine likes.
    """
    line = page.context.new_cdp_session(page)
    began = time.time()
    for turn, letter in enumerate([*code, "\r"]):
        key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13} if letter == "\r" else {"key": letter}
        pressed = {**key, "text": letter, "timestamp": began + KEY_SECONDS * turn}
        line.send("Input.dispatchKeyEvent", {"type": "keyDown", **pressed})
        line.send("Input.dispatchKeyEvent", {"type": "keyUp", **key, "timestamp": pressed["timestamp"]})
    line.detach()


def logs_in(page: Page, site: Site, email: str = KASIA) -> None:
    """Somebody, mostly Kasia, who comes to the till."""
    page.goto(f"{site.url}/staff")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#code")).to_be_focused()
    # Keys that come before a page's script are nobody's.
    page.wait_for_load_state("load")


def is_wider_than_the_screen(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


class Site:
    """An application behind a real socket of this machine, in a thread of its own."""

    def __init__(self, app: Flask, port: int = 0) -> None:
        self._app = app
        self._server = self._open(port)
        self.url = f"http://127.0.0.1:{self._server.port}"

    def goes_down(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def comes_back(self) -> None:
        """Connections that broke when it went down may hold its port for a moment more."""
        port, until = int(self.url.rpartition(":")[2]), time.monotonic() + 10
        while True:
            try:
                self._server = self._open(port)
            except SystemExit:
                # Werkzeug's way to say that the port is not free.
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)
            else:
                return

    def runs(self, app: Flask) -> None:
        """Another version of the application, from when it comes back."""
        self._app = app

    def _open(self, port: int) -> BaseWSGIServer:
        server = make_server("127.0.0.1", port, self._app, threaded=True, request_handler=_Quiet)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return server


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Addresses here are credentials; the tests' own output need not hold them either."""


@contextmanager
def kept_port() -> Iterator[int]:
    """For an application that must know its address before it opens: a server may listen there, nobody else gets it."""
    with socket.socket() as kept:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(("127.0.0.1", 0))
        yield int(kept.getsockname()[1])


@contextmanager
def site(app: Flask, port: int = 0) -> Iterator[Site]:
    opened = Site(app, port)
    yield opened
    opened.goes_down()
