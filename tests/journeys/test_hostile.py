"""Strangers who try everything: odd addresses, odd bodies, odd hosts, hostile texts, a copy of the store, a lost login.

The addresses come from the application's own map, so that a new one is attacked from the day it is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from passes import assemble, begin, cards, keys, staff, sweep
from passes.errors import ConfigError
from passes.wallets.apple import Apple
from passes.web.rooms import rooms
from passes.web.staff.amounts import NotAnAmount, money, points
from tests.browser import site, visit
from tests.desk import KASIA, MAREK, PASSWORD, Desk
from tests.shop_system import ShopSystem, open_shop

HOST = "http://127.0.0.1:8000"
MARKUP = "<img src=x onerror=alert(1)>"
TEXTS = (MARKUP, '"><svg onload=alert(2)>', "</script><script>alert(3)</script>", "{{7*7}}${7*7}<%=7*7%>")
NAMES = (
    "..%2f..%2fconfig.toml",
    "..%5c..%5cconfig.toml",
    "%00",
    "a%00b",
    "%ff%fe",
    "%ed%a0%80",
    "9" * 300,
    "-1",
    "%0d%0aSet-Cookie:x=1",
    "%3Cimg%20src=x%20onerror=alert(1)%3E",
    "%5cevil.example",
    "/evil.example",
    "a" * 3000,
    "%e2%80%ae",
    "'%20OR%201=1--",
    "%D9%A1",
)
BODIES = (
    b"",
    b"null",
    b"[]",
    b"{",
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"a":' * 30_000,
    b"x" * 300_000,
    b'{"receipt":"\\ud800"}',
    b'{"pushToken":NaN}',
    b"csrf_token=%00&code=%ff",
    b"total=" + b"9" * 5_000,
)
TYPES = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a", "\xff")
HEADERS = (
    "Content-Security-Policy",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "Referrer-Policy",
    "Permissions-Policy",
    "Cache-Control",
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShopSystem]:
    """With Apple Wallet and people who log in."""
    folder = tmp_path_factory.mktemp("shop") / "home"
    shop = open_shop(folder, apple=True, server__public_url=HOST, limits__api="1000000/minute")
    hashed = staff.hash_password(PASSWORD, KASIA)
    with shop.service.store.transaction() as tx:
        for email, role in ((KASIA, "cashier"), (MAREK, "owner")):
            staff.add(tx, email, role, shop.service.now, hashed)
    yield shop
    shop.service.store.close()


@pytest.fixture(scope="module")
def kasia(shop: ShopSystem) -> Desk:
    desk = Desk(shop.app.test_client())
    assert desk.logs_in(KASIA).status_code == 303
    return desk


@pytest.fixture(scope="module")
def marek(shop: ShopSystem) -> Desk:
    desk = Desk(shop.app.test_client())
    assert desk.logs_in(MAREK).status_code == 303
    return desk


def rules(shop: ShopSystem, *methods: str) -> list[tuple[str, Rule]]:
    found = {rule.rule + str(rule.methods): rule for room in rooms(shop.app) for rule in room.url_map.iter_rules()}
    return [(m, rule) for rule in found.values() for m in methods if m in (rule.methods or ())]


def named(rule: Rule, name: str) -> str:
    return re.sub(r"<[^>]+>", lambda _: name, rule.rule)


def key_of(shop: ShopSystem) -> dict[str, str]:
    return {"Authorization": f"Bearer {shop.key}"}


def whoever(shop: ShopSystem, marek: Desk, rule: Rule) -> FlaskClient:
    """Who gets furthest there: somebody logged in, unless cookies mean nothing."""
    return marek.client if rule.rule.startswith(("/staff", "/console")) else shop.app.test_client()


def wrong_with(got: TestResponse) -> list[str]:
    """What no answer may be."""
    place, text = got.headers.get("Location", ""), got.get_data(as_text=True)
    found = [name for name in HEADERS if name not in got.headers]
    if got.status_code >= 500:
        found.append(str(got.status_code))
    if (not place.startswith("/") and place) or place.startswith(("//", "/\\")):
        found.append(f"leads to {place[:60]}")
    if got.status_code >= 400 and got.request.path.startswith(("/api/", "/apple/v1")):
        found += [] if got.content_type == "application/problem+json" else [str(got.content_type)]
    if MARKUP in text or re.search(r'href="/?[/\\]{1,2}evil', text):
        found.append("writes the address out")
    return [f"{got.request.method} {got.request.path[:90]}: {what}" for what in found]


# --- Addresses ---


@pytest.mark.parametrize("name", NAMES)
def test_no_name_in_an_address_breaks_anything(shop: ShopSystem, marek: Desk, name: str) -> None:
    asked = "&".join(f"{field}={name}" for field in ("language", "cursor", "next", "offer", "passesUpdatedSince"))
    for _, rule in rules(shop, "GET"):
        got = whoever(shop, marek, rule).get(f"{named(rule, name)}?{asked}", headers=key_of(shop))
        assert wrong_with(got) == []
        got.close()


def test_a_stranger_gets_nothing_behind_the_doors(shop: ShopSystem) -> None:
    for method, rule in rules(shop, "GET", "POST", "PATCH", "DELETE"):
        got = shop.app.test_client().open(named(rule, "x"), method=method)
        if rule.rule.startswith("/staff") or rule.rule.startswith("/console"):
            assert got.status_code == 303 and got.location.startswith("/login")
        elif rule.rule.startswith("/api/") and rule.rule != "/api/v1/openapi.json":
            assert got.status_code == 401


def test_every_form_of_somebody_logged_in_needs_its_token(shop: ShopSystem, marek: Desk) -> None:
    doors = ("/staff", "/console", "/log", "/invitation")
    for _, rule in rules(shop, "POST"):
        if rule.rule.startswith(doors):
            for field in ({}, {"csrf_token": ""}, {"csrf_token": "IjEi.Zg.x"}):
                assert marek.client.post(named(rule, "x"), data=field).status_code == 403, rule.rule


def test_a_cashier_does_not_reach_the_console(shop: ShopSystem, kasia: Desk) -> None:
    kasia.opens("/staff")
    for method, rule in rules(shop, "GET", "POST"):
        if rule.rule.startswith("/console"):
            got = kasia.client.open(named(rule, "x"), method=method, data={"csrf_token": kasia.token})
            assert got.status_code == 403, rule.rule


def test_a_key_does_only_what_it_is_for(shop: ShopSystem) -> None:
    """Whatever each key may not do, it is told so before anything else is looked at."""
    for scope in keys.SCOPES:
        system = ShopSystem(shop.app, (scope,), name=f"only {scope}")
        for method, rule in rules(shop, "GET", "POST", "PATCH", "DELETE"):
            needed = getattr(shop.app.view_functions.get(rule.endpoint), "scope", None)
            if needed and needed != scope:
                assert system.call(method, named(rule, "x").removeprefix("/api/v1"), {}).status_code == 403


@pytest.mark.parametrize("path", ["/staff//cards/x", "/join//cafe", "/console/offers//end", "/api/v1/cards//entries"])
def test_no_answer_names_the_host_of_the_request(shop: ShopSystem, path: str) -> None:
    got = shop.app.test_client().get(path, headers={"Host": "evil.example"})
    assert "evil" not in got.headers.get("Location", "") and "evil" not in got.text


@pytest.mark.parametrize("host", ["x" * 300, "a b", "[::1", "127.0.0.1:99999", "", "\xff", '"><b>'])
def test_any_host_gets_an_answer(shop: ShopSystem, host: str) -> None:
    for path in ("/staff", "/join/cafe", "/api/v1/members", "/nothing"):
        got = shop.app.test_client().get(path, environ_overrides={"HTTP_HOST": host})
        assert got.status_code < 500


def test_the_language_switch_stays_where_the_visitor_is(shop: ShopSystem) -> None:
    """Browsers read /\\evil.example as another host's address."""
    page = shop.app.test_client().get("/%5cevil.example/x").text
    assert 'href="?language=pl"' in page and "evil" not in page


# --- Bodies ---


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body[:12].decode("latin-1"))
def test_no_body_breaks_anything(shop: ShopSystem, marek: Desk, body: bytes) -> None:
    for method, rule in rules(shop, "POST", "PATCH", "DELETE"):
        for kind in TYPES[:3:2] if body.startswith(b"{") else TYPES[:2]:
            sent: dict[str, Any] = {"data": body, "content_type": kind, "headers": key_of(shop)}
            assert wrong_with(whoever(shop, marek, rule).open(named(rule, "cafe"), method=method, **sent)) == []


def test_whoever_has_no_key_is_told_only_that(shop: ShopSystem) -> None:
    for address in ("/api/v1/cards/a%00b", "/api/v1/members?query=%00"):
        assert shop.app.test_client().get(address).status_code == 401


def test_a_phone_may_call_its_body_a_form(shop: ShopSystem) -> None:
    _, card = shop.joins()
    apple = cast(Apple, shop.service.wallets["apple"])
    with shop.service.store.reading() as tx:
        row = cards.by_serial(tx, card).row
    headers = {"Authorization": f"ApplePass {apple.token(card, row.nonce, row.key_id)}"}
    address = f"/apple/v1/devices/phone-1/registrations/{apple.pass_type}/{card}"
    for kind in TYPES:
        body = b'{"pushToken":"%s"}' % (b"ab" * 16)
        got = shop.app.test_client().post(address, data=body, content_type=kind, headers=headers)
        assert got.status_code in (200, 201), got.text


@pytest.mark.parametrize("kind", TYPES)
def test_a_complaint_of_any_size_is_answered_alike(shop: ShopSystem, kind: str) -> None:
    for body in BODIES:
        assert shop.app.test_client().post("/apple/v1/log", data=body, content_type=kind).status_code == 200


def test_no_token_of_the_library_logs_in(shop: ShopSystem) -> None:
    """Only the cookie says who somebody is."""
    client = shop.app.test_client()
    for sent in (
        {"headers": {"Authentication-Token": "x"}},
        {"query_string": {"auth_token": "x"}},
        {"json": {"auth_token": "x"}},
    ):
        assert client.open("/staff", **sent).status_code == 303  # type: ignore[arg-type]


# --- A copy of the store ---


def test_a_copy_of_the_store_holds_no_contact_and_no_link(shop: ShopSystem) -> None:
    person = {"programme": "cafe", "name": "Nina", "email": "nina-canary@example.org", "phone": "+48600731955"}
    first, again = (shop.post("/members", person, once="canary") for _ in range(2))
    assert first.status_code == again.status_code == 201 and first.said == again.said
    member, links = first.said["member"], first.said["links"]
    changes = {"email": "nina-other-canary@example.org"}
    changed, repeated = (shop.call("PATCH", f"/members/{member}", changes, once="canary-2") for _ in range(2))
    assert changed.said == repeated.said and changed.said["email"] == changes["email"]
    secret = [person["email"], person["phone"], changes["email"], shop.key]
    secret += [links["ecard"].rsplit("/", 1)[1], links["apple"].rsplit("/", 1)[1].removesuffix(".pkpass")]
    stored = b"".join(path.read_bytes() for path in Path(shop.service.settings.home).glob("*.db*"))
    assert first.said["card"].encode() in stored
    assert [text for text in secret if text.encode() in stored] == []


def test_an_erased_member_is_not_in_a_repeated_answer(shop: ShopSystem) -> None:
    member, _ = shop.joins(email="gone@example.org")
    shop.call("PATCH", f"/members/{member}", {"name": "Gone"}, once="gone")
    shop.call("DELETE", f"/members/{member}")
    repeated = shop.call("PATCH", f"/members/{member}", {"name": "Gone"}, once="gone")
    assert repeated.said["name"] == repeated.said["email"] == ""


def test_kept_answers_are_forgotten_after_thirty_days(tmp_path: Path) -> None:
    shop = open_shop(tmp_path / "home")
    first, again = (shop.post("/members", {"programme": "cafe"}, once="k").said["member"] for _ in range(2))
    sweep.sweep(shop.service.store, shop.service.now + 31 * 86_400)
    later = shop.post("/members", {"programme": "cafe"}, once="k").said["member"]
    assert first == again != later
    shop.service.store.close()


def test_a_store_that_cannot_be_opened_is_named(shop: ShopSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSES_STORE__URL", "sqlite:////no/such/folder/passes.db")
    with pytest.raises(ConfigError, match=r"\[store\.url\]"):
        begin.refuse_unless_ready(assemble(shop.service.settings.home))


# --- Money ---


@pytest.mark.parametrize("reason", [" ", "\n\t", "\u2003"])
def test_a_blank_reason_is_none(shop: ShopSystem, reason: str) -> None:
    _, card = shop.joins()
    answer = shop.post(f"/cards/{card}/adjustments", {"amount": 50, "reason": reason})
    assert answer.status_code == 422 and answer.said["field"] == "reason"
    assert shop.points(card) == 0


@pytest.mark.parametrize("typed", ["12 50", "1 2", "1 23", "1234 567", "1  234", "1 234 5", "12" + " " * 60 + "50"])
def test_a_space_that_parts_no_thousands_is_asked_about(typed: str) -> None:
    for read in (lambda: money(typed, 2), lambda: points(typed)):
        with pytest.raises(NotAnAmount):
            read()
    assert money("12 345,90", 2) == 1_234_590


def test_what_is_left_to_pay_is_said_even_when_it_earns_nothing(shop: ShopSystem, kasia: Desk) -> None:
    _, card = shop.joins()
    shop.post(f"/cards/{card}/adjustments", {"amount": 50, "reason": "Sorry"})
    kasia.sells(card, amount="1.00", points="10")
    assert "Still to pay: PLN0.50" in kasia.says
    kasia.sells(card, amount="2.00", points="40")
    assert "Still to pay: PLN0.00" in kasia.says


# --- In a real browser ---


def test_what_people_write_is_shown_and_never_run(shop: ShopSystem, marek: Desk, chromium: Browser) -> None:
    pages = [*hostile_pages(shop, marek), "/console", "/console/offers", "/console/phones", "/join/hostile"]
    with site(shop.app) as opened, visit(chromium) as page:
        page.on("dialog", lambda dialog: pytest.fail(f"a dialog on {page.url}"))
        logged_in = marek.client.get_cookie("passes")
        assert logged_in is not None
        page.context.add_cookies([{"name": "passes", "value": logged_in.value, "url": opened.url}])
        for path in pages:
            page.goto(opened.url + path)
            assert page.evaluate(INJECTED) == 0, path
            assert any(text in page.inner_text("body") for text in TEXTS), path


INJECTED = "document.querySelectorAll('main img[src=x], svg[onload], script:not([src]), [onerror]').length"


def hostile_pages(shop: ShopSystem, marek: Desk) -> Iterator[str]:
    """Every text that people write is hostile; the pages that show them."""
    named_so = {"en": MARKUP, "ru": TEXTS[1], "pl": TEXTS[2]}
    programme: dict[str, Any] = {
        "key": "hostile",
        "kind": "points",
        "name": named_so,
        "look": "cafe",
        "unit": "points",
        "currency": "PLN",
        "earn": {"points": 1, "per": 100, "rounding": "down"},
        "rewards": [{"key": "r", "name": {"en": TEXTS[3]}, "cost": 1}],
        "tiers": [{"key": "t", "name": {"en": TEXTS[1]}, "threshold": 0}],
        "terms": named_so,
    }
    assert shop.post("/programmes", programme).status_code == 201
    for number, text in enumerate(TEXTS):
        offer = shop.post("/offers", {"programme": "hostile", "title": {"en": text}, "body": {"en": text}})
        joined = shop.post("/members", {"programme": "hostile", "name": text}).said
        card = joined["card"]
        shop.sells(card, 5000, f"{text}{number}", location=text[:80], event=text[:40])
        shop.post(f"/cards/{card}/adjustments", {"amount": 5, "reason": text})
        shop.app.test_client().post("/apple/v1/log", json={"logs": [text]})
        marek.sells(card, amount="9.99")
        yield from (
            joined["links"]["ecard"].removeprefix(HOST),
            f"/staff/cards/{card}",
            f"/console/offers/{offer.said['key']}",
        )
