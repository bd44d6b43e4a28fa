"""A marketer at the console: an offer is shown before it is published, and every card is seen to follow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import insert, update

from passes import cards, controls, progress
from passes.points import receipts
from passes.points.orders import Order
from passes.store import tables as t
from passes.web.marketer import form
from passes.web.rooms import rooms
from tests.browser import DESK, PHONE, Site, barriers, is_wider_than_the_screen, visit
from tests.desk import KASIA, MAREK, PASSWORD, Desk, Shop

XSS = "<img src=x onerror=alert(1)>\"'<script>alert(2)</script>"


@pytest.fixture
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    shop = Shop(tmp_path_factory.mktemp("shop") / "home")
    yield shop
    shop.closes()


def writes(desk: Desk, **fields: str) -> dict[str, str]:
    """The offer form as it is filled in and sent."""
    desk.opens("/console/offers/new")
    return {"form": desk.field("form"), "audience": "cafe", "title_en": "Double points"} | fields


def test_an_offer_is_shown_before_it_is_published(shop: Shop) -> None:
    shop.has_member(installed=2)
    marek = shop.desk(MAREK)
    marek.sends("/console/offers/preview", writes(marek, title_pl="Podwójne punkty", body_en="On cake."))
    assert "1 card gets this offer" in marek.says and "installed in 2 places" in marek.says
    assert "Anna Example" in marek.says and "On cake." in marek.says
    assert "Podwójne punkty" in marek.says and marek.says.count("Not translated") == 1
    marek.opens("/console/offers")
    assert "No offers yet" in marek.says


def test_some_are_left_out_to_see_what_it_brings(shop: Shop) -> None:
    serials = [shop.has_member(f"Member {number}", installed=1) for number in range(40)]
    marek = shop.desk(MAREK)
    marek.opens("/console/offers/new")
    assert marek.field("control") == "0"
    fields = writes(marek, control="25", ends=form.written(shop.service.now + 3 * 86_400, shop.service.settings.zone))
    marek.sends("/console/offers/preview", fields)
    (given,), (without,) = (
        map(int, re.findall(rf"(\d+)\s+{words}", marek.says)) for words in ("cards get", "cards are left")
    )
    assert given + without == 40 and without > 0 and f"installed in {given} places" in marek.says
    assert "too small to show anything" in marek.says
    key = marek.sends("/console/offers", fields).location.partition("?")[0]
    shop.works()
    assert sum(bool(shop.held(serial).revision.card.offers) for serial in serials) == given
    marek.opens(f"{key}/end")
    assert f"from {given} cards" in marek.says
    marek.opens(key)
    assert f"0 of {given} came" in marek.says and f"0 of {without} came" in marek.says and "So far" in marek.says
    with shop.service.store.transaction() as tx:
        tx.execute(
            update(t.Offer).values(created=t.Offer.created - 60, starts=t.Offer.starts - 60, ends=t.Offer.starts)
        )
        tx.execute(update(t.Card).values(created=t.Card.created - 60))
    marek.opens(key)
    assert "Too few to tell yet" in marek.says and "So far" not in marek.says


def test_some_are_proposed_to_be_left_out_where_every_programme_is_large_enough(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(controls, "WORTHWHILE_CARDS", 3)
    marek, shown = shop.desk(MAREK), []
    shop.promises(key="club", name={"en": "Club"})
    for joining in (("cafe", "cafe", "cafe"), ("club",), ("club", "club")):
        for programme in joining:
            shop.has_member(programme=programme)
        marek.opens("/console/offers/new")
        shown.append(marek.field("control"))
    assert shown == ["10", "0", "10"]


def test_published_it_counts_down_until_every_place_was_told(shop: Shop) -> None:
    cards = [shop.has_member(f"Member {n}", installed=1) for n in range(3)]
    shop.works()
    marek = shop.desk(MAREK)
    key = marek.sends("/console/offers", writes(marek)).location.partition("?")[0]
    marek.opens(key)
    assert "3 steps left" in marek.says and "Running" in marek.says
    with shop.service.store.reading() as tx:
        assert progress.standing(tx).waiting == 3
    shop.works()
    marek.opens(f"/console/progress?offer={key.rpartition('/')[2]}")
    assert "All cards are up to date" in marek.says
    assert all("Double points" in str(shop.held(serial).revision.card.offers) for serial in cards)


def test_ended_it_goes_from_every_card(shop: Shop) -> None:
    serial, marek = shop.has_member(installed=1), shop.desk(MAREK)
    key = marek.sends("/console/offers", writes(marek)).location.partition("?")[0]
    shop.works()
    marek.opens(f"{key}/end")
    assert "End this offer now?" in marek.says and "1 card" in marek.says
    for _ in range(2):
        marek.opens(marek.sends(f"{key}/end", {}).location)
        assert "Ended" in marek.says
        marek.opens("/console/offers")
    shop.works()
    assert shop.held(serial).revision.card.offers == ()


def test_the_same_form_publishes_once(shop: Shop) -> None:
    marek = shop.desk(MAREK)
    fields = writes(marek)
    places = {marek.sends("/console/offers", fields).location for _ in range(3)}
    assert len(places) == 1
    assert marek.sends("/console/offers", fields | {"title_en": "Other"}).status_code == 403


def test_times_are_the_shops(shop: Shop) -> None:
    zone = shop.service.settings.zone
    tomorrow = form.written(shop.service.now + 86_400, zone)
    marek = shop.desk(MAREK)
    key = marek.sends("/console/offers", writes(marek, starts=tomorrow)).location.partition("?")[0]
    marek.opens(key)
    assert "Planned" in marek.says
    with shop.service.store.reading() as tx:
        (starts,) = tx.execute(t.Offer.__table__.select().with_only_columns(t.Offer.starts)).one()
    assert datetime.fromtimestamp(starts, zone).strftime("%Y-%m-%dT%H:%M") == tomorrow


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"title_en": ""}, "Write a title in at least one language"),
        ({"body_ru": "Текст"}, "needs a title too"),
        ({"title_en": "x" * 81}, "At most 80 characters"),
        ({"body_en": "x" * 1001}, "At most 1,000 characters"),
        ({"audience": "other"}, "Choose whom it is for"),
        ({"audience": "cafe:platinum"}, "not there any more"),
        ({"ends": "2020-01-01T10:00"}, "not in the past"),
        ({"starts": "2027-03-28T02:30"}, "There is no such time"),
        ({"starts": "soon"}, "There is no such time"),
        ({"control": "ten"}, "A whole number from 0 to 50"),
        ({"control": "51"}, "A whole number from 0 to 50"),
        ({"control": "-1"}, "A whole number from 0 to 50"),
        ({"starts": "9999-12-31T23:59"}, "There is no such time"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(shop: Shop, fields: dict[str, str], says: str) -> None:
    marek = shop.desk(MAREK)
    for path in ("/console/offers/preview", "/console/offers"):
        assert marek.sends(path, writes(marek, **fields)).status_code == 422
        assert says in marek.says and 'aria-invalid="true"' in marek.page
    marek.opens("/console/offers")
    assert "No offers yet" in marek.says


def test_what_was_set_aside_says_why_and_is_tried_again(shop: Shop) -> None:
    shop.has_member(installed=2)
    aside = {"set_aside": True, "due": None, "why": f"The key was refused {XSS}", "wallet": "ecard"}
    with shop.service.store.transaction() as tx:
        tx.execute(update(t.Installation).values(aside))
    marek = shop.desk(MAREK)
    marek.opens("/console")
    assert "The key was refused" in marek.says and "2 places" in marek.says and "<img src=x" not in marek.page
    assert marek.sends("/console/installations/ecard/retry", {}).location == "/console"
    shop.works()
    marek.opens("/console")
    assert "The key was refused" not in marek.says and "All cards are up to date" in marek.says
    assert marek.sends("/console/installations/nothing/retry", {}).status_code == 404


def test_reminders_are_told_with_what_came_of_them(shop: Shop) -> None:
    marek = shop.desk(MAREK)
    marek.opens("/console/reminders")
    assert "No reminders yet" in marek.says and "Who comes a second time" not in marek.says
    coupon = {"key": "soon", "name": {"en": XSS}}
    reminder = {"key": "again", "when": "second", "coupon": "soon", "days": 5}
    shop.promises(key="club", name={"en": "Club"}, coupons=[coupon], reminders=[reminder])
    serial = shop.has_member(programme="club")
    with shop.service.store.transaction() as tx:
        for number in range(2):
            held = cards.by_serial(tx, serial, lock=True)
            receipts.post(tx, held, Order(f"R-{number}", total=1_000), shop.service.now)
    marek.opens("/console/reminders")
    assert "No reminders yet" not in marek.says and "<img src=x" not in marek.page
    assert "Comes 5 days after a first purchase" in marek.says and "10 in a hundred get none" in marek.says
    assert "0 coupons given" in marek.says and "Too few to tell yet" in marek.says
    assert "Who comes a second time" in marek.says and "1 of 1 came (100 %)" in marek.says


def test_what_phones_report_is_shown_as_text(shop: Shop) -> None:
    with shop.service.store.transaction() as tx:
        line = {"line": XSS, "cause": "signature", "created": shop.service.now}
        tx.execute(insert(t.DeviceLog).values(line))
    marek = shop.desk(MAREK)
    marek.opens("/console/phones")
    assert "<script>alert" not in marek.page and "passes doctor" in marek.says


def test_an_offer_is_shown_as_text_everywhere(shop: Shop) -> None:
    marek = shop.desk(MAREK)
    fields = writes(marek, title_en=XSS, body_en=XSS * 3, title_ru=XSS)
    marek.sends("/console/offers/preview", fields)
    pages = [marek.page]
    key = marek.sends("/console/offers", fields).location
    for path in (key, f"{key.partition('?')[0]}/end", "/console/offers", "/console"):
        marek.opens(path)
        pages.append(marek.page)
    assert all("&lt;img" in page and "<img src=x" not in page and "<script>alert" not in page for page in pages)


# -- who may do what, for every address there is


def behind_the_door(shop: Shop, method: str) -> list[str]:
    rules = [rule for rule in rooms(shop.app).backstage.url_map.iter_rules() if method in (rule.methods or ())]
    own = [rule for rule in rules if rule.endpoint.partition(".")[0] in ("staff", "marketer", "login")]
    return [re.sub(r"<[^>]+>", "ecard", rule.rule) for rule in own]


def test_no_form_is_taken_without_its_token(shop: Shop) -> None:
    marek = shop.desk(MAREK)
    posts = behind_the_door(shop, "POST")
    assert len(posts) >= 10
    for path in posts:
        assert marek.client.post(path, data={}).status_code == 403, path
        assert marek.client.post(path, data={"csrf_token": "of-somebody-else"}).status_code == 403, path


def test_a_cashier_sees_no_page_of_the_console(shop: Shop) -> None:
    kasia = shop.desk(KASIA)
    kasia.opens("/staff")
    for path in behind_the_door(shop, "GET"):
        if path.startswith("/console"):
            assert kasia.client.get(path).status_code == 403, path
    for path in behind_the_door(shop, "POST"):
        if path.startswith("/console"):
            assert kasia.client.post(path, data={"csrf_token": kasia.token}).status_code == 403, path


def test_nobody_comes_in_without_logging_in(shop: Shop) -> None:
    stranger = shop.desk()
    for path in behind_the_door(shop, "GET") + behind_the_door(shop, "POST"):
        if path.startswith(("/staff", "/console")):
            for answer in (stranger.client.get(path), stranger.client.post(path)):
                assert answer.status_code in (303, 405), path
                assert answer.status_code == 405 or answer.location.startswith("/login")
    refused = stranger.client.get("/console/progress", headers={"Accept": "application/json"})
    assert refused.status_code == 401 and refused.is_json


def test_every_page_keeps_foreign_content_out(shop: Shop) -> None:
    marek = shop.desk(MAREK)
    for path in ("/login", "/staff", "/console", "/console/offers/new"):
        headers = marek.opens(path).headers
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert headers["Cache-Control"] == "private, no-store" and headers["X-Frame-Options"] == "DENY"
        assert not re.search(r"<style|style=|<script(?! src=)|\son\w+=", marek.page)


# -- in a real browser


def logs_in(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/console")
    page.get_by_label("E-mail").fill(MAREK)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Console")).to_be_visible()


def test_the_page_counts_down_by_itself(shop: Shop, open_shop: Site, chromium: Browser) -> None:
    serial = shop.has_member(installed=3)
    shop.works()
    with visit(chromium, viewport=DESK) as page:
        logs_in(page, open_shop)
        page.get_by_role("link", name="New offer").click()
        page.locator("#title_en").fill(XSS)
        page.get_by_role("button", name="Preview").click()
        assert barriers(page) == []
        page.get_by_role("button", name="Publish").dblclick()
        expect(page.locator("#left")).to_have_text("1")
        shop.works()
        expect(page.locator("#progress")).to_contain_text("All cards are up to date")
        expect(page.locator("#heard")).to_have_text("All cards are up to date.")
        page.get_by_role("link", name="End this offer").click()
        page.get_by_role("button", name="End this offer").click()
        expect(page.locator("#left")).to_have_text("1")
        shop.works()
        expect(page.locator("#progress")).to_contain_text("All cards are up to date")
    assert shop.held(serial).revision.card.offers == ()


@pytest.mark.parametrize("language", ["en", "ru", "pl"])
def test_every_page_fits_a_phone_in_every_language(
    shop: Shop, open_shop: Site, chromium: Browser, language: str
) -> None:
    shop.has_member(installed=1)
    with shop.service.store.transaction() as tx:
        tx.execute(update(t.Installation).values(set_aside=True, due=None, why="x" * 300))
    with visit(chromium, viewport=PHONE, color_scheme="dark") as page:
        logs_in(page, open_shop)
        for path in ("/console", "/console/offers", "/console/offers/new", "/console/reminders", "/console/phones"):
            page.goto(f"{open_shop.url}{path}?language={language}")
            assert not is_wider_than_the_screen(page), path
            assert barriers(page) == [], path
