"""The second factor: a code from the phone, codes for bad days, passkeys; and where somebody is logged in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from passlib.totp import TOTP
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from passes.staff import SESSION_SECONDS
from passes.store import tables as t
from tests.browser import PHONE, barriers, is_wider_than_the_screen, kept_port, site, visit
from tests.desk import KASIA, MAREK, PASSWORD, Desk, Shop

PAGE = "/staff/account"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path / "home")
    yield shop
    shop.closes()


class App:
    """An authenticator on somebody's phone: it has the secret, and a clock."""

    def __init__(self, shop: Shop, secret: str) -> None:
        self._shop, self._totp = shop, TOTP(secret.replace(" ", ""))

    @property
    def code(self) -> str:
        return str(self._totp.generate(self._shop.service.now).token)


def sets_up(shop: Shop, desk: Desk) -> tuple[App, list[str]]:
    desk.opens(PAGE)
    desk.opens(desk.sends(f"{PAGE}/factor", {"password": PASSWORD}).location)
    app = App(shop, re.findall(r"<code>([A-Z2-7 ]+)</code>", desk.page)[0])
    assert desk.sends(f"{PAGE}/factor/confirm", {"code": "000000"}).status_code == 422
    assert desk.sends(f"{PAGE}/factor/confirm", {"code": app.code}).status_code == 200
    return app, re.findall(r"<li>([a-z2-9]{4}-[a-z2-9]{4}-[a-z2-9]{4})</li>", desk.page)


def test_whoever_has_a_code_is_asked_for_it(shop: Shop) -> None:
    app, _ = sets_up(shop, shop.desk(MAREK))
    desk = shop.desk()
    assert desk.logs_in(MAREK, next="/staff/look-up").location == "/login/second"
    assert desk.opens("/staff").request.path == "/login"
    desk.opens("/login/second")
    assert desk.sends("/login/second", {"code": "123456"}).status_code == 401
    shop.clock.goes_on(30)
    assert desk.sends("/login/second", {"code": app.code}).location == "/staff/look-up"
    assert desk.opens("/console").status_code == 200


def test_a_code_is_taken_once(shop: Shop) -> None:
    app, _ = sets_up(shop, shop.desk(MAREK))
    shop.clock.goes_on(60)
    for status in (303, 401):
        desk = shop.desk()
        desk.logs_in(MAREK)
        desk.opens("/login/second")
        assert desk.sends("/login/second", {"code": app.code}).status_code == status


def test_a_code_for_bad_days_opens_once_and_lies_hashed(shop: Shop) -> None:
    _, codes = sets_up(shop, shop.desk(MAREK))
    assert len(set(codes)) == 10
    for status in (303, 401):
        desk = shop.desk()
        desk.logs_in(MAREK)
        desk.opens("/login/second")
        assert desk.sends("/login/second", {"code": codes[3].upper()}).status_code == status
    with shop.service.store.reading() as tx:
        row = tx.execute(select(t.Staff.recovery, t.Staff.totp).where(t.Staff.email == MAREK)).one()
    assert len(row.recovery) == 9 and not any(code in str(row) for code in codes)


def test_codes_cannot_be_guessed_one_after_the_other(shop: Shop) -> None:
    sets_up(shop, shop.desk(MAREK))
    desk = shop.desk()
    desk.logs_in(MAREK)
    desk.opens("/login/second")
    answers = [desk.sends("/login/second", {"code": f"{n:06}"}).status_code for n in range(7)]
    assert answers == [401] * 5 + [429] * 2


def test_the_half_way_is_over_after_five_minutes(shop: Shop) -> None:
    app, _ = sets_up(shop, shop.desk(MAREK))
    desk = shop.desk()
    desk.logs_in(MAREK)
    desk.opens("/login/second")
    shop.clock.goes_on(301)
    assert desk.sends("/login/second", {"code": app.code}).location == "/login"
    assert shop.desk().opens("/login/second").request.path == "/login"


def test_a_new_password_by_link_does_not_go_round_it(shop: Shop) -> None:
    from passes import staff

    sets_up(shop, shop.desk(MAREK))
    with shop.service.store.transaction() as tx:
        token = staff.invite(tx, staff.find(tx, MAREK), shop.service.now)
    desk = shop.desk()
    desk.opens(f"/invitation/{token}")
    assert desk.sends(f"/invitation/{token}", {"password": "tractor plum window"}).location == "/login/second"


def test_it_is_changed_with_the_password_only(shop: Shop) -> None:
    desk = shop.desk(MAREK)
    for path in (f"{PAGE}/factor", f"{PAGE}/factor/forget", f"{PAGE}/passkeys/1/forget"):
        desk.opens(PAGE)
        assert desk.sends(path, {"password": "wrong"}).status_code == 403
    sets_up(shop, desk)
    desk.opens(PAGE)
    assert desk.sends(f"{PAGE}/factor/forget", {"password": PASSWORD}).status_code == 303
    assert shop.desk().logs_in(MAREK).location == "/console"


@pytest.mark.parametrize(("rule", "asked"), [("nobody", []), ("managers", [MAREK]), ("everyone", [KASIA, MAREK])])
def test_the_owner_says_who_needs_one(tmp_path: Path, rule: str, asked: list[str]) -> None:
    shop = Shop(tmp_path / "home", till__second_factor=rule)
    for email in (KASIA, MAREK):
        desk = shop.desk(email)
        assert desk.opens("/staff").request.path == (PAGE if email in asked else "/staff")
        if email in asked:
            assert "asks for a second factor" in desk.opens(PAGE).text
            sets_up(shop, desk)
            assert desk.opens("/staff").request.path == "/staff"
    shop.closes()


def test_logins_are_listed_and_ended_from_elsewhere(shop: Shop) -> None:
    here, lost = shop.desk(KASIA), shop.desk(KASIA)
    here.opens(PAGE)
    (place,) = re.findall(rf"{PAGE}/sessions/[0-9a-f]{{64}}/end", here.page)
    other = shop.desk(MAREK)
    other.opens(PAGE)
    assert other.sends(place, {}).status_code == 303 and lost.opens("/staff").request.path == "/staff"
    assert here.sends(place, {}).status_code == 303
    assert lost.opens("/staff").request.path == "/login" and here.opens("/staff").request.path == "/staff"
    assert here.sends(f"{PAGE}/sessions/nothing/end", {}).status_code == 404
    shop.clock.goes_on(SESSION_SECONDS)
    assert here.opens(PAGE).request.path == "/login"


def test_nothing_signed_for_nothing_is_no_login(shop: Shop) -> None:
    desk = shop.desk()
    desk.opens("/login")
    headers = {"X-CSRFToken": desk.token, "Accept": "application/json"}
    assert desk.client.post("/login/passkey", json={}, headers=headers).status_code == 422
    for body in ({}, {"rawId": 5}, {"rawId": "x" * 2000}, {"rawId": "AAAA", "id": "AAAA", "type": "public-key"}):
        assert desk.client.post("/login/passkey/options", headers=headers).status_code == 200
        assert desk.client.post("/login/passkey", json=body, headers=headers).status_code == 403
    assert desk.client.post("/login/passkey/options").status_code == 403


@pytest.fixture
def port() -> Iterator[int]:
    with kept_port() as port:
        yield port


def test_a_passkey_is_made_and_opens_the_door(tmp_path: Path, chromium: Browser, port: int) -> None:
    """With Chromium's own authenticator, which verifies its user."""
    shop = Shop(tmp_path / "home", server__public_url=f"http://localhost:{port}")
    with site(shop.app, port), visit(chromium, expect=("a request to localhost",), viewport=PHONE) as page:
        devtools = page.context.new_cdp_session(page)
        devtools.send("WebAuthn.enable")
        traits = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
        options = traits | {"isUserVerified": True, "automaticPresenceSimulation": True}
        devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        page.goto(f"http://localhost:{port}{PAGE}")
        page.get_by_label("E-mail").fill(MAREK)
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(f"**{PAGE}")
        page.get_by_label("Name of the device").fill("Marek's phone")
        page.locator("#make-password").fill(PASSWORD)
        page.get_by_role("button", name="Make a passkey here").click()
        expect(page.get_by_text("Marek's phone")).to_be_visible()
        assert barriers(page) == [] and not is_wider_than_the_screen(page)
        page.get_by_role("button", name="Log out").first.click()
        page.get_by_role("button", name="Log in with a passkey").click()
        page.wait_for_url("**/console")
        page.goto(f"http://localhost:{port}/login")
    with shop.service.store.reading() as tx:
        assert tx.execute(select(t.Passkey.used)).scalar() is not None
    desk = shop.desk()
    assert desk.logs_in(MAREK).location == "/login/second"
    shop.closes()
