"""The forgotten card from the till to the phone: the slip, the page behind its code, the card it ends on, the API."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
import zxingcpp
from flask.testing import FlaskClient
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import insert, select
from werkzeug.test import TestResponse

from passes import claimcodes, claims
from passes.store import Row
from passes.store import tables as t
from tests.browser import DESK, Site, barriers, is_wider_than_the_screen, kept_port, site, visit
from tests.counter import Counter
from tests.desk import KASIA, MAREK, PASSWORD, Desk, Shop
from tests.journeys.test_till_sale import BY_VISIT, CLUB, GYM, counts_taps, taps
from tests.shop_system import ShopSystem

DAY = 86_400
PAPER_DOTS = {58: 384, 80: 576}
"""What a printer of receipts puts on a line of its paper, at 203 dots to the inch."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where phones reach the shop: a slip that is scanned must lead there."""
    with kept_port() as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def long_open(tmp_path_factory: pytest.TempPathFactory, address: str) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("claims") / "home"
    shop = Shop(folder, till__claims_a_day=3, limits__join="1000/hour", server__public_url=address)
    for definition in (CLUB, BY_VISIT, GYM):
        shop.promises(**definition)
    yield shop
    shop.closes()


@pytest.fixture
def shop(long_open: Shop) -> Shop:
    """On a new day."""
    long_open.clock.goes_on(DAY)
    return long_open


@pytest.fixture
def kasia(shop: Shop) -> Desk:
    return shop.desk(KASIA)


def makes(desk: Desk, amount: str = "12.50", programme: str = "cafe", **more: str) -> TestResponse:
    """The bill typed and sent; the page after it."""
    desk.opens(f"/staff/claims/new?programme={programme}")
    fields = {"receipt": desk.field("receipt"), "programme": programme, "amount": amount} | more
    got = desk.sends("/staff/claims", fields)
    return desk.opens(got.location) if got.status_code == 303 else got


def code_on(desk: Desk) -> str:
    found = re.search(r"R(?:-[0-9A-Z]{4}){5}", desk.says)
    assert found, desk.says
    return found[0]


def link_of(shop: Shop, serial: str) -> str:
    return shop.service.ecard.link(shop.held(serial).revision) or ""


def adds(shop: Shop, serial: str, code: str) -> Desk:
    """A member types it on the page of the card, and reads what came of it."""
    phone = Desk(shop.app.test_client())
    link = link_of(shop, serial).partition("127.0.0.1")[2].partition("/")[2]
    got = phone.client.post(f"/{link}/receipt", data={"code": code})
    phone.opens(got.location)
    return phone


def kept(shop: Shop, code: str) -> Row:
    with shop.service.store.reading() as tx:
        return claims.find(tx, code)


def logged(shop: Shop) -> list[tuple[Any, ...]]:
    """Today's log."""
    shown = select(t.Action.what, t.Action.outcome, t.Action.card_id.is_not(None), t.Action.amount)
    with shop.service.store.reading() as tx:
        rows = tx.execute(shown.where(t.Action.at > shop.service.now - DAY // 2).order_by(t.Action.id)).all()
    return [tuple(row) for row in rows if row.what not in ("scan", "join")]


# -- the till


def test_a_purchase_without_a_card_ends_on_the_card_that_adds_it(shop: Shop, kasia: Desk) -> None:
    assert "Customer has no card with them" in (kasia.opens("/staff"), kasia.says)[1]
    makes(kasia)
    assert "About 12 points" in kasia.says and "Bought" in kasia.says and "PLN12.50" in kasia.says
    anna, code = shop.has_member(), code_on(kasia)
    assert "The receipt is on your card." in adds(shop, anna, code).says
    assert "The receipt is on your card." in adds(shop, anna, code.lower().replace("-", " ")).says
    assert shop.balance(anna) == 12
    assert "claimed already" in adds(shop, shop.has_member("Boris"), code).says
    assert logged(shop) == [("earn", "done", False, 0), ("claim", "done", True, 12)]
    kasia.opens(f"/staff/claims/{kept(shop, code).receipt}")
    assert "Claimed already" in kasia.says and code not in kasia.says


def test_the_same_form_makes_one_code_and_a_script_is_told_where_it_is(shop: Shop, kasia: Desk) -> None:
    kasia.opens("/staff/claims/new")
    fields = {"receipt": kasia.field("receipt"), "programme": "cafe", "amount": "20", "csrf_token": kasia.token}
    quoted = kasia.sends("/staff/claims/quote", fields, Accept="application/json")
    assert quoted.json and quoted.json["change"] == "About 20\xa0points"
    places = {kasia.sends("/staff/claims", fields).location for _ in range(3)}
    told = kasia.sends("/staff/claims", fields, Accept="application/json")
    assert told.json and {told.json["next"]} == places
    assert kasia.sends("/staff/claims", fields | {"amount": "21"}).status_code == 409
    assert [line[:2] for line in logged(shop)] == [
        ("earn", "done"),
        *[("earn", "repeated")] * 3,
        ("earn", "key_reused"),
    ]


def test_it_is_taken_back_at_the_same_till_within_ten_minutes(shop: Shop, kasia: Desk) -> None:
    makes(kasia)
    code, place = code_on(kasia), kasia.client.get("/staff").text
    assert "Last action at this till" in place and "Receipt for later" in place
    receipt = kept(shop, code).receipt
    other = shop.desk(KASIA)
    other.opens(f"/staff/claims/{receipt}")
    assert "Take it back" not in other.says and other.sends(f"/staff/claims/{receipt}/void", {}).status_code == 409
    assert shop.desk(MAREK).opens(f"/staff/claims/{receipt}").status_code == 404
    for _ in range(2):
        kasia.opens(f"/staff/claims/{receipt}")
        kasia.opens(kasia.sends(f"/staff/claims/{receipt}/void", {"csrf_token": kasia.token}).location)
        kasia.opens("/staff")
    assert "The till took this receipt back." in adds(shop, shop.has_member(), code).says
    assert "Last action at this till" not in kasia.says

    makes(kasia)
    late = kept(shop, code_on(kasia)).receipt
    shop.clock.goes_on(601)
    assert kasia.sends(f"/staff/claims/{late}/void", {}).status_code == 409


def test_what_somebody_has_claimed_only_a_manager_takes_back(shop: Shop, kasia: Desk) -> None:
    makes(kasia)
    anna, code = shop.has_member(), code_on(kasia)
    adds(shop, anna, code)
    receipt = kept(shop, code).receipt
    assert kasia.sends(f"/staff/claims/{receipt}/void", {}).status_code == 409
    assert "claimed this receipt already" in kasia.says
    boss = shop.desk(MAREK)
    boss.opens(f"/staff/manage/returns?receipt={receipt}")
    boss.sends("/staff/manage/returns", {"receipt": receipt, "reason": "goods came back"})
    assert shop.balance(anna) == 0
    assert "claimed already" in adds(shop, shop.has_member("Boris"), code).says


@pytest.mark.parametrize("by", ["number", "code"])
def test_what_nobody_has_claimed_a_manager_takes_back_later(shop: Shop, kasia: Desk, by: str) -> None:
    makes(kasia)
    code = code_on(kasia)
    receipt = kept(shop, code).receipt
    shop.clock.goes_on(3600)
    boss = shop.desk(MAREK)
    boss.opens(f"/staff/manage/returns?receipt={receipt if by == 'number' else code}")
    assert "Not claimed yet" in boss.says and "PLN12.50" in boss.says and "About 12 points" in boss.says
    fields = {"receipt": receipt, "programme": "cafe", "reason": "rung up twice"}
    assert kasia.sends("/staff/manage/returns/unclaimed", fields).status_code == 403
    assert boss.sends("/staff/manage/returns/unclaimed", fields | {"reason": " "}).status_code == 422
    assert "Say why, in a few words" in boss.says and kept(shop, code).voided is None
    boss.opens(boss.sends("/staff/manage/returns/unclaimed", fields).location)
    assert "Taken back" in boss.says and "Take it back" not in boss.says
    assert "Reason: rung up twice" in boss.says
    assert boss.sends("/staff/manage/returns/unclaimed", fields).status_code == 303, "twice is as once"
    assert logged(shop)[-2:] == [("undo_older", "done", False, 0), ("undo_older", "repeated", False, 0)]
    anna = shop.has_member()
    assert "took this receipt back" in adds(shop, anna, code).says and shop.balance(anna) == 0


def test_a_manager_who_brings_the_code_of_a_claimed_receipt_finds_the_receipt(shop: Shop, kasia: Desk) -> None:
    makes(kasia)
    code = code_on(kasia)
    adds(shop, shop.has_member(), code)
    boss = shop.desk(MAREK)
    boss.opens(f"/staff/manage/returns?receipt={code}")
    assert "+12 points" in boss.says and "Reason" in boss.says
    fields = {"receipt": kept(shop, code).receipt, "programme": "cafe", "reason": "rung up twice"}
    assert boss.sends("/staff/manage/returns/unclaimed", fields).status_code == 409
    assert "claimed this receipt already" in boss.says
    assert boss.opens("/staff/manage/returns?receipt=R-0000-0000-0000-0000-0000").status_code == 404


def test_a_till_gives_so_many_codes_a_day(shop: Shop, kasia: Desk) -> None:
    assert [makes(kasia).status_code for _ in range(4)] == [200, 200, 200, 409]
    assert "as many codes" in kasia.says
    shop.clock.goes_on(DAY)
    assert makes(shop.desk(KASIA)).status_code == 200


@pytest.mark.parametrize(
    "change", [{"amount": ""}, {"amount": "x"}, {"receipt": "mine"}, {"programme": "nothing"}, {"programme": "gym"}]
)
def test_a_form_that_was_changed_is_refused_with_a_reason(shop: Shop, kasia: Desk, change: dict[str, str]) -> None:
    kasia.opens("/staff/claims/new")
    fields = {"receipt": kasia.field("receipt"), "programme": "cafe", "amount": "10"} | change
    assert kasia.sends("/staff/claims", fields).status_code in (404, 422)
    assert kasia.opens("/staff/claims/new?programme=gym").status_code == 404, "nothing is earned there"


def test_a_visit_counts_without_a_bill(shop: Shop, kasia: Desk) -> None:
    makes(kasia, "", "visits", stamps="1")
    assert "About 1 stamp" in kasia.says
    anna, boris = shop.has_member(programme="visits"), shop.has_member("Boris")
    code = code_on(kasia)
    assert "for another card of the shop" in adds(shop, boris, code).says
    adds(shop, anna, code)
    assert shop.balance(anna) == 1


def test_it_counts_in_the_shift_that_made_it(shop: Shop) -> None:
    counter = Counter(shop)
    counter.starts()
    makes(counter)
    code = code_on(counter)
    counter.ends()
    assert "0 receipts 1 receipt not claimed yet" in counter.says
    adds(shop, shop.has_member(), code)
    counter.boss.opens("/staff/manage/shifts")
    (report,) = re.findall(r"/staff/manage/shifts/[0-9]+", counter.boss.page)
    counter.boss.opens(report)
    assert "1 receipt 0 receipts not claimed yet" in counter.boss.says and "PLN12.50" in counter.boss.says
    counter.boss.opens("/staff/manage/log")
    assert "Receipt claimed" in counter.boss.says


def test_nobody_adds_what_they_rang_up_to_their_own_card(shop: Shop, kasia: Desk) -> None:
    own = shop.has_member("Kasia")
    with shop.service.store.transaction() as tx:
        person = tx.execute(select(t.Staff.id).where(t.Staff.email == KASIA)).scalar_one()
        tx.execute(insert(t.StaffCard).values(staff_id=person, card_id=shop.held(own).id))
    makes(kasia)
    assert "cannot put it on their own card" in adds(shop, own, code_on(kasia)).says
    assert shop.balance(own) == 0 and ("claim", "own_card", True, 0) in logged(shop)


def test_in_practice_a_code_is_worth_nothing(shop: Shop, kasia: Desk) -> None:
    kasia.opens("/staff")
    kasia.sends("/staff/practice", {})
    makes(kasia)
    assert "Practice: nothing real" in kasia.says
    code = code_on(kasia)
    assert "no code of a receipt" in adds(shop, shop.has_member(), code).says
    kasia.scans(code)
    assert "This is the claim of a receipt" in kasia.says
    kasia.opens("/staff")
    kasia.sends("/staff/practice/end", {})
    with shop.service.store.reading() as tx:
        assert tx.execute(select(t.Claim.id).where(t.Claim.created == shop.service.now)).first() is None


# -- the wrong kind of code


@pytest.mark.parametrize(
    ("language", "open", "claimed", "join"),
    [
        ("en", "This is the claim of a receipt The customer adds it on their phone", "already", "link to a new card"),
        ("ru", "Это код чека, а не карты Покупатель сам добавит", "уже добавил", "Ссылка на новую карту"),
        ("pl", "To kod rachunku, nie karty Klient sam doda rachunek", "dodał już", "Link do nowej karty"),
    ],
)
def test_a_claim_that_is_scanned_as_a_card_is_called_by_its_name(
    shop: Shop, kasia: Desk, address: str, language: str, open: str, claimed: str, join: str
) -> None:
    makes(kasia)
    code = code_on(kasia)
    kasia.opens(f"/staff?language={language}")
    kasia.scans(code)
    assert open in kasia.says
    adds(shop, shop.has_member(), code)
    known = claimcodes.read(code)
    assert known
    # The reader types on a Russian layout, where only the end of a link can be read.
    for scanned in (claimcodes.link(address, known), f"реезЖ..12700157000.сдфшь.{typed_russian('R' + known)}"):
        kasia.scans(scanned)
        assert claimed in kasia.says, scanned
    kasia.scans(f"{address}/join/cafe")
    assert join in kasia.says


def typed_russian(code: str) -> str:
    return code.translate(str.maketrans("QWERTYUIOPASDFGHJKLZXCVBNM", "ЙЦУКЕНГШЩЗФЫВАПРОЛДЯЧСМИТЬ"))


def test_what_is_held_out_instead_of_a_receipt_is_called_by_its_name(shop: Shop, address: str) -> None:
    anna = shop.has_member()
    held = shop.held(anna)
    visitor = Desk(shop.app.test_client())
    for brought, said in (
        (held.row.number, "card’s code"),
        (held.revision.card.code, "card’s code"),
        ("C-7K2M-9QRT-4WXZ", "coupon’s code"),
        (f"{address}/join/cafe", "link to a new card"),
        ("https://example.org/", "no code of a receipt"),
        ("", "no code of a receipt"),
    ):
        assert said in adds(shop, anna, brought).says
        if "/" not in brought and brought:
            assert visitor.opens(f"/claim/{brought}").status_code == 422 and said in visitor.says
    assert (
        visitor.opens("/claim/R00000000000000000000").status_code == 404 and "No receipt has this code" in visitor.says
    )


# -- the customer


def test_the_page_behind_a_code_says_what_it_is_worth_and_looking_claims_nothing(shop: Shop, kasia: Desk) -> None:
    makes(kasia)
    code = code_on(kasia)
    visitor = Desk(shop.app.test_client())
    for language, worth in (("en", "About 12 points"), ("ru", "Примерно 12 баллов"), ("pl", "Mniej więcej 12 punktów")):
        assert visitor.opens(f"/claim/{code}?language={language}").status_code == 200
        assert worth in visitor.says and code in visitor.says
    assert kept(shop, code).claimed is None
    shop.clock.goes_on(31 * DAY)
    assert (
        visitor.opens(f"/claim/{code}?language=en").status_code == 410 and "It could be claimed until" in visitor.says
    )
    assert "it could be claimed until" in adds(shop, shop.has_member(), code).says


def joins(shop: Shop, visitor: FlaskClient, code: str, name: str) -> Desk:
    """The join page as the claim's page leads to it, in another language meanwhile."""
    phone = Desk(visitor)
    phone.opens(f"/claim/{code}")
    (place,) = re.findall(r'href="([^"]*/join/[^"]*)"', phone.page)
    phone.opens(place.replace("&amp;", "&"))
    assert "put on the new card at once" in phone.says
    (polish,) = re.findall(r'href="([^"]*language=pl)"', phone.page)
    phone.opens(f"/join/cafe{polish.replace('&amp;', '&')}")
    shop.clock.goes_on(2)
    fields = {name: phone.field(name) for name in ("form", "claim", "language")} | {"name": name}
    for _ in range(2):
        got = phone.sends("/join/cafe", fields)
    phone.opens(got.location)
    return phone


def test_whoever_has_no_card_gets_one_with_the_receipt_on_it(shop: Shop, kasia: Desk) -> None:
    makes(kasia)
    code = code_on(kasia)
    phone = joins(shop, shop.app.test_client(), code, "Zofia")
    assert "Rachunek jest na Twojej karcie." in phone.says and kept(shop, code).claimed
    with shop.service.store.reading() as tx:
        assert tx.execute(select(t.Receipt.total).where(t.Receipt.receipt == kept(shop, code).receipt)).scalar() == 1250


def test_a_card_is_there_even_if_its_receipt_went_to_somebody_else(shop: Shop, kasia: Desk) -> None:
    makes(kasia)
    code, first = code_on(kasia), shop.has_member()
    client = shop.app.test_client()
    phone = Desk(client)
    phone.opens(f"/join/cafe?claim={code}&language=en")
    adds(shop, first, code)
    shop.clock.goes_on(2)
    fields = {name: phone.field(name) for name in ("form", "claim", "language")}
    phone.opens(phone.sends("/join/cafe", fields).location)
    assert "Welcome!" in phone.says and "claimed already" in phone.says


def test_codes_cannot_be_tried_one_after_the_other(shop: Shop, kasia: Desk) -> None:
    makes(kasia)
    code, visitor = code_on(kasia), shop.app.test_client()
    tried = [visitor.get(f"/claim/R{n:020d}").status_code for n in range(claims.FREE_TRIES + 1)]
    assert tried[-1] == 429 and visitor.get(f"/claim/{code}").status_code == 429
    assert "Too many codes" in adds(shop, typing(shop), code).says
    shop.clock.goes_on(DAY)


def typing(shop: Shop) -> str:
    """A member who has typed too many wrong ones."""
    serial = shop.has_member("Eve")
    for n in range(claims.FREE_TRIES):
        adds(shop, serial, f"R{n:020d}")
    return serial


# -- a shop's own system


def test_a_shops_system_makes_shows_and_takes_back(shop: Shop) -> None:
    system = ShopSystem(shop.app, name="own till")
    sale = {"receipt": "R/1", "total": 1250, "currency": "PLN", "location": "Main street"}
    made = system.post("/programmes/cafe/claims", sale, once="k1")
    assert made.status_code == 201 and made.said["state"] == "open" and made.said["link"].startswith("http://127.0.0.1")
    assert (
        system.post("/programmes/cafe/claims", sale).said
        == made.said
        == system.post("/programmes/cafe/claims", sale, once="k1").said
    )
    assert system.get("/programmes/cafe/claims/R/1").said == made.said
    with shop.service.store.reading() as tx:
        assert made.said["code"] not in repr(tx.execute(select(t.Answer.body)).all())
    assert system.post("/programmes/cafe/claims", sale | {"total": 1}).status_code == 409
    told = system.post("/codes/resolve", {"code": made.said["link"]})
    assert (told.status_code, told.said["code"]) == (409, "claim") and "on their phone" in told.said["detail"]
    for _ in range(2):
        assert system.call("DELETE", "/programmes/cafe/claims/R/1").said["state"] == "void"

    claimed = system.post("/programmes/cafe/claims", sale | {"receipt": "R-2"}).said
    anna = shop.has_member()
    adds(shop, anna, claimed["link"])
    assert shop.balance(anna) == 12 and system.get("/programmes/cafe/claims/R-2").said["state"] == "claimed"
    assert system.call("DELETE", "/programmes/cafe/claims/R-2").said["code"] == "claim_taken"
    assert "It was claimed on" in system.post("/codes/resolve", {"code": claimed["code"]}).said["detail"]


@pytest.mark.parametrize(
    ("sale", "field"),
    [
        ({"total": 5}, "receipt"),
        ({"receipt": "R-9"}, "total"),
        ({"receipt": "R-9", "total": 5, "redeem": 5}, "redeem"),
        ({"receipt": "R-9", "total": 5, "currency": "EUR"}, "currency"),
        ({"receipt": "R-9", "total": 5, "partner": "nobody"}, "partner"),
    ],
)
def test_what_cannot_be_claimed_is_refused_with_the_field(shop: Shop, sale: dict[str, Any], field: str) -> None:
    answer = ShopSystem(shop.app, name=f"no {field}").post("/programmes/cafe/claims", sale)
    assert answer.status_code in (404, 422) and answer.said["field"] == field


# -- on a screen


@pytest.fixture
def open_shop(shop: Shop, address: str) -> Iterator[Site]:
    with site(shop.app, int(address.rpartition(":")[2])) as opened:
        yield opened


def logs_in(page: Page, open_shop: Site) -> None:
    page.goto(f"{open_shop.url}/staff")
    page.get_by_label("E-mail").fill(KASIA)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#code")).to_be_focused()


def seen(png: bytes) -> str:
    """What a phone reads off a picture."""
    return " ".join(found.text for found in zxingcpp.read_barcodes(Image.open(io.BytesIO(png)).convert("L")))


def test_the_whole_story_of_a_forgotten_card(shop: Shop, open_shop: Site, chromium: Browser) -> None:
    with visit(chromium, has_touch=True) as till:
        logs_in(till, open_shop)
        counts_taps(till)
        till.get_by_role("link", name="Customer has no card with them").tap()
        expect(till.locator("#keypad")).to_be_visible()
        assert barriers(till) == [] and not is_wider_than_the_screen(till)
        taps(till)
        for key in "30":
            till.locator(f"#keypad [data-key='{key}']").tap()
        expect(till.locator("#quote")).to_contain_text("About 30 points")
        till.get_by_role("button", name="Make the code").tap()
        expect(till.get_by_role("heading", name="Put this purchase on your card")).to_be_visible()
        assert taps(till) == 1
        assert barriers(till) == [] and not is_wider_than_the_screen(till)
        link = seen(till.screenshot(full_page=True))
        assert link.startswith(f"{open_shop.url}/claim/R")
    with visit(chromium, has_touch=True) as phone:
        phone.goto(link)
        expect(phone.get_by_text("About 30 points")).to_be_visible()
        assert barriers(phone) == [] and not is_wider_than_the_screen(phone)
        phone.get_by_role("link", name="Get a card").tap()
        phone.get_by_label("Name").fill("Zofia")
        phone.wait_for_timeout(800)
        shop.clock.goes_on(2)
        phone.get_by_role("button", name="Get my card").tap()
        expect(phone.get_by_text("The receipt is on your card.")).to_be_visible()
        expect(phone.locator(".card-balance strong")).to_have_text("30")
        assert barriers(phone) == []
    with visit(chromium, expect=("410",)) as other:
        other.goto(link)
        expect(other.get_by_role("heading", name="Claimed already")).to_be_visible()
        assert barriers(other) == []


@pytest.mark.parametrize("width", sorted(PAPER_DOTS))
def test_the_slip_is_read_from_the_paper_of_either_printer(
    shop: Shop, open_shop: Site, chromium: Browser, width: int
) -> None:
    dots = PAPER_DOTS[width]
    pixels = round(dots / 203 * 96)
    with visit(chromium, viewport={"width": pixels, "height": 700}, device_scale_factor=dots / pixels) as page:
        logs_in(page, open_shop)
        page.goto(f"{open_shop.url}/staff/claims/new")
        page.locator("#amount").fill("30")
        page.get_by_role("button", name="Make the code").click()
        page.locator("#slip").wait_for()
        page.emulate_media(media="print")
        assert not is_wider_than_the_screen(page)
        paper = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("1")
        read = zxingcpp.read_barcodes(paper.convert("L"))
        assert [found.text.startswith(f"{open_shop.url}/claim/R") for found in read] == [True]


@pytest.mark.parametrize("language", ["en", "ru", "pl"])
def test_every_page_fits_a_phone_and_a_desk_in_every_language(
    shop: Shop, kasia: Desk, open_shop: Site, chromium: Browser, language: str
) -> None:
    makes(kasia)
    code, anna = code_on(kasia), shop.has_member()
    places = [f"/staff/claims/new?language={language}", f"/claim/{code}?language={language}"]
    with visit(chromium, viewport=DESK, color_scheme="dark") as page:
        logs_in(page, open_shop)
        for place in (*places, link_of(shop, anna).removeprefix(open_shop.url)):
            page.goto(open_shop.url + place)
            for wide in (DESK, {"width": 360, "height": 740}):
                page.set_viewport_size(wide)  # type: ignore[arg-type]
                assert not is_wider_than_the_screen(page) and barriers(page) == [], place
