"""One screen for everything a card can do at the till: coupons, codes and stamps go with the bill or without one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from sqlalchemy import update

from passes import cards, coupons, memberships, programmes
from passes.drawing import DAY_SECONDS as DAY
from passes.store import tables as t
from passes.web.staff import layout
from passes.words import Words
from tests.browser import DESK, DIRECT, Site, barriers, is_wider_than_the_screen, logs_in, reads, until, visit
from tests.desk import KASIA, Shop

NAMES = {
    "club": {"en": "Coffee Club", "ru": "Кофейный клуб", "pl": "Klub Kawowy"},
    "tenth": {"en": "10 % off", "ru": "Скидка 10 %", "pl": "10 % taniej"},
    "coffee": {"en": "Free coffee", "ru": "Кофе в подарок", "pl": "Darmowa kawa"},
    "stamps": {"en": "Ten coffees", "ru": "Десять кофе", "pl": "Dziesięć kaw"},
    "gym": {"en": "Ten entries", "ru": "Десять входов", "pl": "Dziesięć wejść"},
}
COUPONS: list[dict[str, Any]] = [
    {"key": "tenth", "name": NAMES["tenth"], "discount": {"percent": 10}, "min_total": 2000, "valid_days": 5},
    {
        "key": "coffee",
        "name": NAMES["coffee"],
        "discount": {"free_item": True},
        "goods": {"categories": ["coffee"]},
        "stacks": True,
        "valid_days": 60,
    },
]
CLUB: dict[str, Any] = {
    "key": "club",
    "name": NAMES["club"],
    "units": [{"key": "stamps", "kind": "stamps"}],
    "earn": {"points": 1, "per": 100},
    "rules": [{"key": "visit", "measure": "visit", "amount": 5}],
    "worth_of_one": 5,
    "coupons": COUPONS,
    "promos": [
        {"key": "spring", "code": "SPRING", "name": {"en": "Spring"}, "discount": {"money": 300}, "per_member": 1}
    ],
}
STAMPS: dict[str, Any] = {
    "key": "stamps",
    "kind": "stamps",
    "name": NAMES["stamps"],
    "unit": "stamps",
    "earn": {"points": 0},
    "rules": [{"key": "coffee", "measure": "item", "amount": 1, "goods": {"categories": ["coffee"]}}],
    "stamps": {"of": 10, "prizes": [{"at": 10, "give": {"coupon": "coffee"}}]},
    "coupons": COUPONS,
}
BY_VISIT = STAMPS | {"key": "visits", "rules": [{"key": "visit", "measure": "visit", "amount": 1}]}
LOUNGE: dict[str, Any] = {
    "key": "lounge",
    "kind": "membership",
    "name": {"en": "Lounge"},
    "membership": {"months": 1, "grace_days": 5},
    "earn": {"points": 1, "per": 100},
}
GYM: dict[str, Any] = {
    "key": "gym",
    "kind": "visits",
    "name": NAMES["gym"],
    "unit": "visits",
    "earn": {"points": 0},
    "welcome": 10,
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    shop = Shop(tmp_path_factory.mktemp("shop") / "home", till__earns_a_day=1000)
    for definition in (CLUB, STAMPS, BY_VISIT, LOUNGE, GYM):
        shop.promises(**definition)
    yield shop
    shop.closes()


def state(shop: Shop, code: str) -> str:
    with shop.service.store.reading() as tx:
        return str(coupons.find(tx, code).state)


def pays_until(shop: Shop, serial: str, until: int) -> None:
    with shop.service.store.transaction() as tx:
        held = cards.by_serial(tx, serial, lock=True)
        memberships.pay_until(tx, programmes.of_card(tx, held), held, until, shop.service.now)


def test_a_coupon_on_the_card_goes_with_the_bill_once(shop: Shop) -> None:
    kasia, anna = shop.desk(KASIA), shop.has_member(programme="club")
    code = shop.issues(anna, "tenth")
    kasia.opens(f"/staff/cards/{anna}")
    assert "10 % off until" in kasia.says and "for bills from PLN20.00" in kasia.says
    assert "Coupon ends soon: 10 % off" in kasia.says
    bill = {"receipt": kasia.field("receipt"), "amount": "30", "coupon": code}
    kasia.sends(f"/staff/cards/{anna}/quote", bill)
    assert "10 % off: PLN3.00 off" in kasia.says and "Still to pay: PLN27.00" in kasia.says
    assert kasia.field("coupon") == code and state(shop, code) == "issued"
    answers = [kasia.sends(f"/staff/cards/{anna}/receipts", bill) for _ in range(3)]
    assert len({answer.location for answer in answers}) == 1
    assert state(shop, code) == "redeemed" and shop.balance(anna) == 27 + 5
    kasia.scans(code)
    assert re.search("A coupon: 10 % off Used already, .*, by kasia", kasia.says)
    kasia.opens(f"/staff/cards/{anna}")
    assert "10 % off" not in kasia.says
    for path in ("quote", "receipts"):
        kasia.opens(f"/staff/cards/{anna}")
        again = {"receipt": kasia.field("receipt"), "amount": "30", "coupon": code}
        assert kasia.sends(f"/staff/cards/{anna}/{path}", again).status_code == 409
        assert re.search("This coupon was used already, .*, by kasia", kasia.says)
    kasia.opens(f"/staff/cards/{anna}?language=ru")
    kasia.sends(f"/staff/cards/{anna}/quote", again)
    assert re.search(r"<strong>Этот купон уже использован: .* принял\(а\) kasia\.</strong>", kasia.page)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"state": "expired", "ends": 0}, "The time of this coupon was over Jan 1, 1970"),
        ({"state": "void", "changed": 0}, "This coupon was made void Jan 1, 1970"),
        ({"starts": 2**32}, "This coupon begins only Feb 7, 2106"),
    ],
)
def test_a_coupon_that_cannot_be_used_now_says_why(shop: Shop, change: dict[str, Any], says: str) -> None:
    kasia, anna = shop.desk(KASIA), shop.has_member(programme="club")
    code = shop.issues(anna, "tenth")
    with shop.service.store.transaction() as tx:
        tx.execute(update(t.Coupon).where(t.Coupon.id == coupons.find(tx, code).id).values(change))
    assert kasia.sells(anna, amount="30", promo=code).status_code == 409
    assert says in kasia.says
    kasia.scans(code)
    assert says.rpartition(" Jan")[2].rpartition(" Feb")[2] in kasia.says


def test_undoing_a_bill_gives_its_coupon_back(shop: Shop) -> None:
    kasia, anna = shop.desk(KASIA), shop.has_member(programme="club")
    code = shop.issues(anna, "tenth")
    done = kasia.sells(anna, amount="30", coupon=code).request.path
    kasia.sends(f"{done}/undo", {})
    assert state(shop, code) == "issued" and shop.balance(anna) == 0


def test_a_free_piece_costs_what_the_till_says(shop: Shop) -> None:
    kasia, anna = shop.desk(KASIA), shop.has_member(programme="club")
    code = shop.issues(anna, "coffee")
    assert kasia.sells(anna, amount="30", coupon=code).status_code == 422
    assert "Type what the piece costs" in kasia.says and code in kasia.page
    price = {f"price-{code}": "12,50"}
    assert kasia.sells(anna, amount="10", coupon=code, **price).status_code == 422
    assert "cost more than the bill" in kasia.says
    bill = {"receipt": kasia.field("receipt"), "amount": "30", "coupon": code, **price}
    answers = [kasia.sends(f"/staff/cards/{anna}/receipts", bill) for _ in range(2)]
    kasia.opens(answers[0].location)
    assert answers[0].location == answers[1].location
    assert "Free coffee: PLN12.50 off" in kasia.says and "Still to pay: PLN17.50" in kasia.says


def test_a_promo_code_is_typed_and_a_wrong_one_is_named(shop: Shop) -> None:
    kasia, anna = shop.desk(KASIA), shop.has_member(programme="club")
    told = {"spring": "Type the bill first", "winter": "There is no such promo code"}
    for code, says in told.items():
        assert kasia.sells(anna, amount="" if code == "spring" else "30", promo=code).status_code in (404, 422)
        assert says in kasia.says and code in kasia.page
    kasia.sells(anna, amount="30", promo=" spring ")
    assert "Spring: PLN3.00 off" in kasia.says
    assert kasia.sells(anna, amount="30", promo="spring").status_code == 409
    assert "as often as one may" in kasia.says


def test_a_coupon_of_nobody_is_typed_where_promo_codes_are(shop: Shop) -> None:
    kasia, anna, jan = shop.desk(KASIA), *(shop.has_member(programme="club") for _ in range(2))
    mine, others = shop.issues(anna, "coffee"), shop.issues(jan, "tenth")
    kasia.sells(anna, amount="30", promo=mine.lower().replace("-", " "), price="9")
    assert "Free coffee: PLN9.00 off" in kasia.says and state(shop, mine) == "redeemed"
    assert kasia.sells(anna, amount="30", promo=others).status_code == 409
    assert "of another card" in kasia.says and state(shop, others) == "issued"
    assert kasia.sells(anna, amount="30", promo="C-AAAA-AAAA-AAAA").status_code == 404
    assert "There is no coupon with this code" in kasia.says


def test_coupons_that_stand_alone_are_refused_together_and_neither_is_used(shop: Shop) -> None:
    kasia, anna = shop.desk(KASIA), shop.has_member(programme="club")
    codes = [shop.issues(anna, kind) for kind in ("tenth", "tenth")]
    assert kasia.sells(anna, amount="30", coupon=codes).status_code == 422
    assert "cannot be used together" in kasia.says
    assert [state(shop, code) for code in codes] == ["issued", "issued"] and shop.balance(anna) == 0


def test_stamps_are_given_by_the_rules_with_and_without_a_bill(shop: Shop) -> None:
    kasia, anna = shop.desk(KASIA), shop.has_member(programme="stamps")
    kasia.opens(f"/staff/cards/{anna}")
    assert "10 stamps to Free coffee" in kasia.says
    kasia.sells(anna, stamps="3")
    assert "+3 stamps" in kasia.says and shop.balance(anna) == 3
    kasia.sells(anna, stamps="2", amount="24")
    assert "+2 stamps" in kasia.says and shop.balance(anna) == 5
    assert kasia.sells(anna, stamps="21").status_code == 422 and "too many at once" in kasia.says
    assert kasia.sells(anna, stamps="0").status_code == 422 and shop.balance(anna) == 5


def test_a_full_card_brings_its_prize_and_the_next_one_begins(shop: Shop) -> None:
    kasia, anna = shop.desk(KASIA), shop.has_member(programme="stamps")
    kasia.sells(anna, stamps="9")
    kasia.opens(f"/staff/cards/{anna}")
    assert "1 stamp to Free coffee" in kasia.says
    kasia.sells(anna, stamps="2")
    assert "+2 stamps" in kasia.says and shop.balance(anna) == 1
    kasia.opens(f"/staff/cards/{anna}")
    code = kasia.field("coupon")
    # The free coffee is one of the two.
    kasia.sells(anna, stamps="2", coupon=code, **{f"price-{code}": "12"}, amount="24")
    assert "Still to pay: PLN12.00" in kasia.says and shop.balance(anna) == 3


def test_a_visit_is_stamped_once_and_undone(shop: Shop) -> None:
    kasia, anna = shop.desk(KASIA), shop.has_member(programme="visits")
    kasia.opens(f"/staff/cards/{anna}")
    fields = {"receipt": kasia.field("receipt"), "stamps": kasia.field("stamps")}
    assert fields["stamps"] == "1"
    answers = [kasia.sends(f"/staff/cards/{anna}/receipts", fields) for _ in range(2)]
    assert answers[0].location == answers[1].location and shop.balance(anna) == 1
    kasia.sends(f"{answers[0].location}/undo", {})
    assert shop.balance(anna) == 0


def test_a_visit_without_a_bill_earns_beside_points(shop: Shop) -> None:
    kasia, anna = shop.desk(KASIA), shop.has_member(programme="club")
    kasia.opens(f"/staff/cards/{anna}")
    assert "A visit without a bill" in kasia.says
    kasia.sells(anna, stamps="1")
    assert "+5 points" in kasia.says
    kasia.sells(anna, stamps="1", amount="10")
    assert shop.balance(anna) == 5 + 5 + 10


def test_prepaid_visits_are_taken_off(shop: Shop) -> None:
    kasia, anna = shop.desk(KASIA), shop.has_member(programme="gym")
    kasia.opens(f"/staff/cards/{anna}")
    assert "Take visits off" in kasia.says
    kasia.sells(anna, points="2")
    assert shop.balance(anna) == 8


def test_a_membership_says_whether_it_is_paid(shop: Shop) -> None:
    kasia, anna = shop.desk(KASIA), shop.has_member(programme="lounge")
    paid_until = shop.service.now + 10 * DAY
    last_day, last_of_grace = (
        Words("en", {}).date(at - 1, shop.service.settings.zone) for at in (paid_until, paid_until + 5 * DAY)
    )
    kasia.opens(f"/staff/cards/{anna}")
    assert "Membership is not paid yet" in kasia.says and "Card is valid" not in kasia.says
    pays_until(shop, anna, paid_until)
    kasia.opens(f"/staff/cards/{anna}")
    assert "Card is valid" in kasia.says and f"Membership: Paid until {last_day}" in kasia.says
    shop.clock.goes_on(10 * DAY)
    shop.works()
    kasia = shop.desk(KASIA)
    kasia.opens(f"/staff/cards/{anna}")
    assert f"Membership ended on {last_day} " in kasia.says and f"stay until {last_of_grace}." in kasia.says
    shop.clock.goes_on(5 * DAY)
    shop.works()
    kasia = shop.desk(KASIA)
    kasia.opens(f"/staff/cards/{anna}")
    assert f"Membership ended on {last_day} " in kasia.says and "no benefits until it is renewed" in kasia.says
    kasia.sells(anna, amount="10")
    assert shop.balance(anna) == 10, "a purchase counts with no benefits"


def test_every_programme_has_its_own_page_beside_the_till(shop: Shop) -> None:
    kasia = shop.desk(KASIA)
    kasia.opens("/staff/crib?programme=stamps")
    assert "Ten coffees: the till on one page" in kasia.says and "Press the large button" in kasia.says
    assert "programme=club" in kasia.page and "Type the bill" not in kasia.says
    kasia.opens("/staff/crib?programme=club")
    assert "Coffee Club: the till on one page" in kasia.says and "Type the bill" in kasia.says
    assert kasia.opens("/staff/crib?programme=none").status_code == 404


def test_pretend_cards_stand_under_their_programmes(shop: Shop) -> None:
    kasia = shop.desk(KASIA)
    kasia.opens("/staff")
    kasia.opens(kasia.sends("/staff/practice", {}).location)
    names = kasia.says.partition("Pretend cards")[2]
    assert names.index("Ten coffees") < names.index("Ten entries")
    assert names.count("Anna") == names.count("Olga") == 6
    kasia.sends("/staff/practice/end", {})


# -- in a real browser


def test_coupons_and_stamps_from_one_screen(shop: Shop, open_shop: Site, chromium: Browser) -> None:
    anna, jan = shop.has_member("Anna", programme="stamps"), shop.has_member("Jan", programme="club")
    shop.desk(KASIA).sells(anna, stamps="8")
    coffee, tenth = (shop.issues(jan, kind) for kind in ("coffee", "tenth"))
    # Whoever is slow to type the price of the piece is told that it is missing.
    with visit(chromium, expect=("422",), has_touch=True) as page:
        logs_in(page, open_shop)
        # Two stamps: a tap for the second, a tap for both.
        page.goto(f"{open_shop.url}/staff/cards/{anna}")
        expect(page.locator("#quote")).to_contain_text("+1 stamp")
        page.get_by_role("button", name="One more").tap()
        expect(page.locator("#quote")).to_contain_text("+2 stamps")
        assert barriers(page) == []
        page.get_by_role("button", name="Stamp").tap()
        expect(page.get_by_role("heading", name="Done")).to_be_visible()
        assert shop.balance(anna) == 0
        # A coupon: a tap for it, the bill, a tap to count.
        page.goto(f"{open_shop.url}/staff/cards/{jan}")
        expect(page.get_by_label("Price of the piece").first).to_be_hidden()
        page.get_by_label("Free coffee").tap()
        expect(page.get_by_label("Price of the piece").first).to_be_focused()
        page.get_by_label("Free coffee").tap()
        page.get_by_label("10 % off").tap()
        page.locator("#amount").fill("50")
        expect(page.locator("#quote")).to_contain_text("Still to pay: PLN45.00")
        assert barriers(page) == [] and not is_wider_than_the_screen(page)
        page.get_by_role("button", name="Count it").tap()
        expect(page.get_by_text("10 % off: PLN5.00 off")).to_be_visible()
        assert (state(shop, tenth), state(shop, coffee), shop.balance(jan)) == ("redeemed", "issued", 50)
        # A coupon that is scanned while the card is open goes with its bill.
        page.get_by_role("link", name="Same card").tap()
        page.locator("#amount").fill("20")
        reads(page, coffee)
        page.locator("#price").fill("8")
        expect(page.locator("#quote")).to_contain_text("Still to pay: PLN12.00")
        page.get_by_role("button", name="Count it").tap()
        expect(page.get_by_text("Free coffee: PLN8.00 off")).to_be_visible()
        assert state(shop, coffee) == "redeemed"


def test_a_coupon_typed_on_a_russian_layout_joins_the_bill(shop: Shop, open_shop: Site, chromium: Browser) -> None:
    jan = shop.has_member("Jan", programme="club")
    coffee, russian = shop.issues(jan, "coffee"), str.maketrans(layout.MEANT, layout.TYPED_RUSSIAN)
    with visit(chromium, expect=("422",)) as page:
        logs_in(page, open_shop)
        page.goto(f"{open_shop.url}/staff/cards/{jan}")
        page.locator("#amount").fill("20")
        reads(page, coffee.translate(russian))
        expect(page.locator("#promo")).to_have_value(coffee)
        # By hand, as whoever does not look at the screen.
        page.locator("#promo").fill(coffee.translate(russian).lower())
        page.locator("#price").fill("8")
        expect(page.locator("#quote")).to_contain_text("Still to pay: PLN12.00")
        page.locator("#promo").fill("spring".upper().translate(russian).lower())
        page.locator("#price").fill("")
        expect(page.locator("#quote")).to_contain_text("Still to pay: PLN17.00")
        assert page.locator("#amount").input_value() == "20"


def test_a_sale_is_one_tap_paying_with_points_two_and_undoing_two(
    shop: Shop, open_shop: Site, chromium: Browser
) -> None:
    jan = shop.has_member("Jan", programme="club")
    code = shop.held(jan).revision.card.code
    with visit(chromium, has_touch=True) as page:
        logs_in(page, open_shop)
        counts_taps(page)
        reads(page, code)
        for key in "30":
            page.locator(f"#keypad [data-key='{key}']").tap()
        page.get_by_role("button", name="Count it").tap()
        expect(page.locator(".done-change")).to_contain_text("+35 points")
        assert taps(page) == 1
        reads(page, code)
        page.get_by_text("Pay with points").tap()
        page.keyboard.type("20")
        page.get_by_role("button", name="Count it").tap()
        expect(page.locator(".done-change")).to_contain_text("−20 points")
        assert taps(page) == 2
        page.get_by_role("link", name="Corner Café").tap()
        expect(page.get_by_text("Last action at this till")).to_be_visible()
        taps(page)
        page.get_by_role("link", name="Undo").tap()
        page.get_by_role("button", name="Undo").tap()
        expect(page.get_by_role("heading", name="Taken back")).to_be_visible()
        assert taps(page) == 2
    assert shop.balance(jan) == 35


def test_bill_and_button_are_in_sight_however_much_is_on_the_card(
    shop: Shop, open_shop: Site, chromium: Browser
) -> None:
    jan = shop.has_member("Maximiliana-Wilhelmina", programme="club")
    shop.desk(KASIA).sells(jan, amount="50")
    for kind in ("coffee", "tenth", "coffee"):
        shop.issues(jan, kind)
    with visit(chromium, has_touch=True) as page:
        logs_in(page, open_shop)
        for width, height in ((360, 740), (768, 1024), (1280, 800)):
            page.set_viewport_size({"width": width, "height": height})
            page.goto(f"{open_shop.url}/staff/cards/{jan}")
            for place in ("#amount", "#keypad [data-key='0']", "#count"):
                assert not is_out_of_sight(page, place), (width, place)
            # The keyboard comes to what lies under the bar, and does not leave it there.
            page.locator("#code-fold summary").focus()
            assert not is_out_of_sight(page, "#code-fold summary"), width
        # Twice as large, there is no room for a bar.
        page.set_viewport_size({"width": 360, "height": 370})
        page.goto(f"{open_shop.url}/staff/cards/{jan}")
        assert is_out_of_sight(page, "#count") and not is_wider_than_the_screen(page)
        page.locator("#count").scroll_into_view_if_needed()
        assert not is_out_of_sight(page, "#count")


def is_out_of_sight(page: Page, place: str) -> bool:
    """Whether a finger on its middle would touch something else."""
    return bool(
        page.locator(place).evaluate(
            """element => {
              const { left, top, width, height } = element.getBoundingClientRect();
              const touched = document.elementFromPoint(left + width / 2, top + height / 2);
              return !touched || !(element.contains(touched) || touched.contains(element));
            }"""
        )
    )


def counts_taps(page: Page) -> None:
    """Of fingers alone, and not those that type the bill."""
    page.evaluate(
        """() => addEventListener("click", ({ isTrusted, detail, target }) => {
          if (isTrusted && detail && !target.closest(".keypad")) window.taps = (window.taps ?? 0) + 1;
        }, true)"""
    )


def taps(page: Page) -> int:
    """How many since it was asked before."""
    return int(page.evaluate("() => { const many = window.taps ?? 0; window.taps = 0; return many; }"))


def test_a_coupon_whose_answer_was_lost_is_used_once(shop: Shop, open_shop: Site, chromium: Browser) -> None:
    jan = shop.has_member("Jan", programme="club")
    tenth = shop.issues(jan, "tenth")

    def lose(route: Route) -> None:
        route.fetch(max_redirects=0)
        route.abort()

    with visit(chromium, expect=("net::ERR",), **DIRECT) as page:
        logs_in(page, open_shop)
        page.goto(f"{open_shop.url}/staff/cards/{jan}")
        page.route("**/receipts", lose)
        page.get_by_label("10 % off").check()
        page.locator("#amount").fill("50")
        page.locator("#count").click()
        expect(page.locator("#quote")).to_contain_text("Nothing counts twice")
        page.unroute("**/receipts")
        # The coupon is gone from the card meanwhile; what was sent goes out again all the same.
        page.reload()
        expect(page.locator("#amount")).to_be_disabled()
        expect(page.get_by_label("10 % off")).to_have_count(0)
        page.locator("#count").click()
        expect(page.get_by_text("10 % off: PLN5.00 off")).to_be_visible()
    assert (state(shop, tenth), shop.balance(jan)) == ("redeemed", 45 + 5)


def test_a_stamp_by_keyboard_alone_and_without_scripts(shop: Shop, open_shop: Site, chromium: Browser) -> None:
    anna = shop.has_member("Anna", programme="visits")
    number = shop.held(anna).row.number
    with visit(chromium, viewport=DESK) as page:
        logs_in(page, open_shop)
        page.locator("#code").fill(number)
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Stamp")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Done")).to_be_visible()
        kept = page.context.storage_state()
    with visit(chromium, java_script_enabled=False, storage_state=kept) as page:
        page.goto(f"{open_shop.url}/staff/cards/{anna}")
        page.get_by_role("button", name="Stamp").click()
        page.get_by_role("button", name="Count it").click()
        expect(page.get_by_role("heading", name="Done")).to_be_visible()
    assert shop.balance(anna) == 2


@pytest.mark.parametrize("language", ["en", "ru", "pl"])
def test_every_kind_of_card_fits_a_phone_in_every_language(
    shop: Shop, open_shop: Site, chromium: Browser, language: str
) -> None:
    with visit(chromium, color_scheme="dark") as page:
        logs_in(page, open_shop)
        for programme in ("club", "stamps", "visits", "lounge", "gym"):
            serial = shop.has_member("Maximiliana-Wilhelmina", programme=programme)
            if programme in ("club", "stamps"):
                for kind in ("coffee", "tenth", "coffee", "tenth", "coffee"):
                    shop.issues(serial, kind)
            page.goto(f"{open_shop.url}/staff/cards/{serial}?language={language}")
            assert not is_wider_than_the_screen(page) and barriers(page) == [], programme


SENSED = """
window.sensed = [];
navigator.vibrate = (tremor) => window.sensed.push(`felt ${tremor}`) > 0;
const node = () => ({ connect: (next) => next });
window.AudioContext = class {
  currentTime = 0;
  resume() {}
  createGain() { return { gain: { setValueAtTime() {}, exponentialRampToValueAtTime() {} }, ...node() }; }
  createOscillator() {
    const frequency = {};
    return { frequency, start: () => window.sensed.push(`heard ${frequency.value}`), stop() {}, ...node() };
  }
};
"""
SAYS_NOTHING_OF_TOUCH = "Object.defineProperty(Navigator.prototype, 'userActivation', { value: undefined });"


def sensed(page: Page) -> list[str]:
    """What was heard and felt since it was asked before."""
    return list(page.evaluate("() => window.sensed.splice(0)"))


@pytest.mark.parametrize("device", ["", SAYS_NOTHING_OF_TOUCH], ids=["today's", "an older iPhone"])
def test_a_verdict_is_heard_felt_and_drawn(shop: Shop, open_shop: Site, chromium: Browser, device: str) -> None:
    jan = shop.has_member("Jan", programme="club")
    code = shop.held(jan).revision.card.code
    refused = ["felt 80,60,80", "heard 440"]
    with visit(chromium, expect=("422",)) as page:
        page.add_init_script(SENSED + device)
        logs_in(page, open_shop)
        reads(page, code)
        expect(page.locator("#amount")).to_be_visible()
        assert sensed(page) == ["felt 40", "heard 880", "heard 1175"]
        # Nobody who types on hears the same refusal twice; whoever presses does.
        page.locator("#amount").fill("30")
        page.locator("#amount").fill("30.123")
        expect(page.locator("#quote")).to_contain_text("Too many digits")
        expect(page.locator(".quote-sign")).to_be_visible()
        assert barriers(page) == []
        with page.expect_response("**/quote"):
            page.locator("#amount").fill("30.1234")
        assert sensed(page) == refused
        page.locator("#count").click()
        until(page, "window.sensed.length")
        assert sensed(page) == refused
        page.locator("#amount").fill("30")
        expect(page.locator("#quote")).to_contain_text("+35")
        expect(page.locator(".quote-sign")).to_be_hidden()
        # Where nothing of a code can be mistaken for a bill while a busy machine types it.
        page.locator("main").focus()
        reads(page, code[:-1] + ("A" if code[-1] != "A" else "B"))
        expect(page.get_by_text("Forged code", exact=True)).to_be_visible()
        assert sensed(page) == ["felt 160,80,160", "heard 220", "heard 185"]
