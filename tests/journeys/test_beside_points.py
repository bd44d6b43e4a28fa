"""Coupons, gift cards, friends and the leaderboard as people meet them: by the API, on the card's page, at the till."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from passes import leaderboard, programmes
from tests.desk import KASIA, Shop
from tests.shop_system import Answer, ShopSystem, open_shop

CLUB: dict[str, Any] = {
    "key": "club",
    "name": {"en": "Club", "pl": "Klub", "ru": "Клуб"},
    "look": "cafe",
    "earn": {"points": 1, "per": 100},
    "worth_of_one": 5,
    "coupons": [
        {"key": "tenth", "name": {"en": "10 % off"}, "discount": {"percent": 10}, "valid_days": 30},
        {"key": "pack", "name": {"en": "From a pack"}, "discount": {"money": 500}},
    ],
    "promos": [{"key": "may", "code": "MAY", "name": {"en": "May"}, "discount": {"percent": 20}, "per_member": 1}],
    "rewards": [{"key": "poster", "name": {"en": "Poster"}, "cost": 10, "stock": 1}],
    "membership": {"months": 12, "grace_days": 7},
    "referral": {"give": {"amount": 100}, "friend": {"amount": 50}},
    "leaderboard": True,
}
GIFT: dict[str, Any] = {"key": "gift", "kind": "gift", "unit": "money", "name": {"en": "Gift card"}, "look": "cafe"}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[ShopSystem]:
    shop = open_shop(tmp_path / "home", limits__api="1000000/minute", limits__join="1000/minute")
    for programme in (CLUB, GIFT | {"earn": {"points": 0}}):
        assert shop.post("/programmes", programme).status_code == 201
    yield shop
    shop.service.store.close()


def joins(shop: ShopSystem, programme: str = "club", **person: Any) -> dict[str, Any]:
    answer = shop.post("/members", {"programme": programme, **person})
    assert answer.status_code == 201, answer.text
    said: dict[str, Any] = answer.said
    return said


def page_of(joined: dict[str, Any]) -> str:
    return str(urlsplit(joined["links"]["ecard"]).path)


def refused(answer: Answer, status: int, code: str) -> str:
    assert (answer.status_code, answer.said["code"]) == (status, code), answer.text
    return str(answer.said["detail"])


# --- By the API ---


def test_a_coupon_beyond_a_members_limit_says_so(shop: ShopSystem) -> None:
    once = {"key": "once", "name": {"en": "Once"}, "discount": {"money": 500}, "per_member": 1}
    assert shop.post("/programmes", CLUB | {"key": "few", "coupons": [once]}).status_code == 201
    card = joins(shop, "few", name="Anna")["card"]
    codes = shop.post(f"/cards/{card}/coupons", {"coupon": "once", "count": 2}, once="k1").said["codes"]

    def why() -> list[tuple[str, str | None]]:
        return sorted((each["state"], each["why"]) for each in shop.get(f"/cards/{card}/coupons").said["coupons"])

    assert why() == [("issued", None)] * 2
    assert shop.sells(card, 1_000, "R-1", coupons=codes[:1]).status_code == 201
    assert why() == [("issued", "limit"), ("redeemed", None)]
    assert shop.get(f"/coupons/{codes[1]}").said["why"] == "limit"
    assert "as many as one may" in refused(shop.post("/codes/resolve", {"code": codes[1]}), 409, "coupon")
    refused(shop.sells(card, 1_000, coupons=codes[1:]), 409, "limit_reached")
    assert shop.post("/receipts/R-1/reverse").status_code == 201
    assert why() == [("issued", None)] * 2


def test_a_coupon_is_given_shown_quoted_used_and_given_back(shop: ShopSystem) -> None:
    card = joins(shop, name="Anna")["card"]
    (code,) = shop.post(f"/cards/{card}/coupons", {"coupon": "tenth"}, once="k1").said["codes"]
    assert shop.post(f"/cards/{card}/coupons", {"coupon": "tenth"}, once="k1").said["codes"] == [code]
    bill = {"receipt": "R-1", "total": 10_000, "coupons": [code.lower()]}
    quoted = shop.post(f"/cards/{card}/receipts/quote", bill).said
    assert quoted["effects"]["coupons"] == [{"coupon": "tenth", "discount": 1_000}]
    sold = shop.post(f"/cards/{card}/receipts", bill)
    assert sold.status_code == 201 and sold.said["effects"] == quoted["effects"]
    assert shop.get(f"/coupons/{code}").said["receipt"] == "R-1"
    assert "used already" in refused(shop.post("/codes/resolve", {"code": code}), 409, "coupon")
    assert "used already" in refused(shop.sells(card, 100, coupons=[code]), 409, "coupon_used")
    assert shop.post("/receipts/R-1/reverse").status_code == 201
    listed = shop.get(f"/cards/{card}/coupons").said["coupons"]
    assert [(each["code"], each["state"]) for each in listed] == [(code, "issued")]
    assert shop.post(f"/coupons/{code}/void").said["state"] == "void"


def test_a_code_from_a_pack_is_claimed_and_guessing_waits(shop: ShopSystem) -> None:
    card = joins(shop, name="Anna")["card"]
    (code,) = shop.post("/coupons", {"programme": "club", "coupon": "pack"}).said["codes"]
    assert "Scan the member's card" in refused(shop.post("/codes/resolve", {"code": code}), 409, "coupon")
    assert shop.post(f"/cards/{card}/coupons/claim", {"code": code}).said["state"] == "issued"
    for _ in range(20):
        refused(shop.post(f"/cards/{card}/coupons/claim", {"code": "C-0000-0000-0000"}), 404, "not_found")
    wait = shop.post(f"/cards/{card}/coupons/claim", {"code": code})
    refused(wait, 429, "too_many_tries")
    # A minute from the last wrong try, which a slow machine may have made some seconds ago.
    assert 50 <= int(wait.headers["Retry-After"]) <= 60


def test_a_promo_code_and_a_reward_that_runs_out(shop: ShopSystem) -> None:
    anna, boris = joins(shop, name="Anna")["card"], joins(shop, name="Boris")["card"]
    assert shop.sells(anna, 10_000, promo="may").said["effects"]["promo"] == {"promo": "may", "discount": 2_000}
    refused(shop.sells(anna, 10_000, promo="may"), 409, "limit_reached")
    shop.sells(boris, 10_000)
    assert shop.post(f"/cards/{anna}/rewards/poster/redeem", {"receipt": "P-1"}).status_code == 201
    refused(shop.post(f"/cards/{boris}/rewards/poster/redeem", {"receipt": "P-2"}), 409, "out_of_stock")
    shop.service.worker().run_until_idle()
    (poster,) = shop.get(f"/cards/{boris}").said["rewards"]
    assert (poster["missing"], poster["why"], poster["unit"]) == (0, "stock", "points")


def test_a_gift_card_is_topped_up_spent_behind_its_pin_and_shared(shop: ShopSystem) -> None:
    anna, boris = (joins(shop, "gift", name=name)["card"] for name in ("Anna", "Boris"))
    paid_in = shop.post(f"/cards/{anna}/top-ups", {"receipt": "T-1", "amount": 5_000})
    assert paid_in.status_code == 201 and paid_in.said["balances"] == {"money": 5_000}
    assert shop.post(f"/cards/{anna}/top-ups", {"receipt": "T-1", "amount": 5_000}).said == paid_in.said
    assert shop.call("PUT", f"/cards/{anna}/pin", {"pin": "4812"}).said == {"has_pin": True}
    bill = {"receipt": "S-1", "total": 1_200, "redeem": 1_200}
    refused(shop.post(f"/cards/{anna}/receipts", bill), 403, "pin_needed")
    refused(shop.post(f"/cards/{anna}/receipts", bill | {"pin": "9999"}), 403, "wrong_pin")
    spent = shop.post(f"/cards/{anna}/receipts", bill | {"pin": "4812"})
    assert spent.status_code == 201 and spent.said["balances"] == {"money": 3_800}
    moved = {"receipt": "M-1", "to": boris, "amount": 800}
    refused(shop.post(f"/cards/{anna}/transfers", moved), 403, "pin_needed")
    assert shop.post(f"/cards/{anna}/transfers", moved | {"pin": "4812"}).said["balances"] == {"money": 3_000}
    assert shop.get(f"/cards/{boris}").said["balances"]["money"] == 800
    assert "4812" not in "".join(str(row) for row in everything(shop))
    for _ in range(5):
        shop.post(f"/cards/{anna}/receipts", bill | {"receipt": "S-2", "pin": "0000"})
    refused(shop.post(f"/cards/{anna}/receipts", bill | {"receipt": "S-2", "pin": "4812"}), 429, "too_many_tries")


def everything(shop: ShopSystem) -> Iterator[Any]:
    """Every row of what is kept of receipts and answers."""
    with shop.service.store.reading() as tx:
        for table in ("receipt", "posting", "answer", "card_pin"):
            yield from tx.exec_driver_sql(f"SELECT * FROM {table}")


def test_a_membership_is_paid_and_shown(shop: ShopSystem) -> None:
    joined = joins(shop, name="Anna")
    path = f"/cards/{joined['card']}/membership"
    assert shop.get(path).said == {"state": "unpaid", "until": None}
    paid = shop.post(path, {"periods": 1}, once="paid").said
    assert paid["state"] == "paid" and shop.post(path, {"periods": 1}, once="paid").said == paid
    page = shop.app.test_client().get(page_of(joined)).text
    assert "Membership" in page and "Paid until" in page
    assert shop.post(path, {"periods": 1, "paid_until": 5}).status_code == 422
    assert shop.post(path, {}).status_code == 422


# --- On the card's page ---


def test_a_member_claims_a_code_on_their_own_card(shop: ShopSystem) -> None:
    joined = joins(shop, name="Anna")
    page, browser = page_of(joined), shop.app.test_client()
    (code,) = shop.post("/coupons", {"programme": "club", "coupon": "pack"}).said["codes"]
    assert code not in browser.get(page).text
    assert "no code of a coupon" in follow(browser, f"{page}/coupon", code="C-1111-1111-1111")
    shown = follow(browser, f"{page}/coupon", code=code)
    assert "The coupon is on your card." in shown and "From a pack" in shown and code in shown
    other = page_of(joins(shop, name="Boris"))
    assert "on another card already" in follow(browser, f"{other}/coupon", code=code)
    assert browser.post(f"{page[:-3]}xxx/coupon", data={"code": code}).status_code == 404


def follow(browser: FlaskClient, address: str, **form: str) -> str:
    return browser.post(address, data=form, follow_redirects=True).get_data(as_text=True)


def test_a_member_chooses_to_be_seen_and_to_vanish(shop: ShopSystem) -> None:
    joined, other = joins(shop, name="Anna"), joins(shop, name="Boris")
    shop.sells(joined["card"], 32_000)
    browser, board = shop.app.test_client(), "/programmes/club/leaderboard"
    assert shop.get(board).said == {"places": []}
    for name, total in (("Bee", 90_000), ("Cat", 80_000), ("Dog", 70_000), ("Elk", 60_000)):
        card = joins(shop, name=name)["card"]
        shop.sells(card, total)
        shop.call("PUT", f"/cards/{card}/nickname", {"nickname": name})
    assert "on the leaderboard now" in follow(browser, f"{page_of(joined)}/nickname", nickname="Latte Lover")
    assert shop.get(board).said["places"][4:] == [{"rank": 5, "nickname": "Latte Lover", "earned": 320}]
    assert "Latte Lover" not in browser.get(page_of(other)).text
    assert "Choose another" in follow(browser, f"{page_of(other)}/nickname", nickname="latte lover")
    assert "no phone number" in follow(browser, f"{page_of(other)}/nickname", nickname="600100200")
    seen = re.findall(r'<li value="(\d+)".*?<span>\d+\. (\w+)', browser.get(page_of(joined)).text)
    assert seen == [("1", "Bee"), ("2", "Cat"), ("3", "Dog"), ("5", "Latte")], "the best, and one's own"
    assert re.search(r'value="5"[^>]*aria-current.*5\. Latte Lover \(you\).*320', browser.get(page_of(joined)).text)
    assert "Nobody sees you" in follow(browser, f"{page_of(joined)}/nickname", nickname="")
    assert len(shop.get(board).said["places"]) == 4
    assert "<ol" not in browser.get(page_of(joined)).text
    assert shop.call("PUT", f"/cards/{other['card']}/nickname", {"nickname": "Bear"}).said == {"nickname": "Bear"}
    refused(shop.call("PUT", f"/cards/{shop.joins()[1]}/nickname", {"nickname": "Fox"}), 409, "conflict")


def test_a_board_is_reckoned_once_a_minute_and_whoever_leaves_is_gone_at_once(shop: ShopSystem) -> None:
    board, store, now = leaderboard.Board(), shop.service.store, shop.service.now

    def seen(at: int) -> list[tuple[int, str]]:
        with store.reading() as tx:
            places = board.around(tx, programmes.find(tx, "club"), "Dog", at)
        return [(place.rank, place.nickname) for place in places]

    def appears(name: str, total: int) -> str:
        card: str = joins(shop, name=name)["card"]
        shop.sells(card, total)
        shop.call("PUT", f"/cards/{card}/nickname", {"nickname": name})
        return card

    bee, *_ = appears("Bee", 90_000), appears("Cat", 80_000), appears("Dog", 10_000)
    assert seen(now) == [(1, "Bee"), (2, "Cat"), (3, "Dog")]
    for name in ("Elk", "Fox"):
        appears(name, 85_000)
    assert shop.call("PUT", f"/cards/{bee}/nickname", {"nickname": None}).said == {"nickname": None}
    assert seen(now + 59) == [(2, "Cat"), (3, "Dog")]
    assert seen(now + 60) == seen(now) == [(1, "Elk"), (1, "Fox"), (3, "Cat"), (4, "Dog")]


def test_a_friend_joins_by_the_link_on_the_card(shop: ShopSystem) -> None:
    anna = joins(shop, name="Anna", email="anna@example.org")
    told = shop.get(f"/cards/{anna['card']}/referral").said
    browser = shop.app.test_client()
    assert told["link"].endswith(f"/join/club?friend={told['code']}")
    assert told["link"] in browser.get(page_of(anna)).text
    form = browser.get(f"/join/club?friend={told['code']}").text
    assert f'name="friend" value="{told["code"]}"' in form
    boris = joins(shop, name="Boris", friend=told["code"])
    assert boris["unthanked"] is None
    assert joins(shop, name="Anna", email="anna@example.org", friend=told["code"])["unthanked"] == "self"
    shop.sells(boris["card"], 1_000)
    shop.service.worker().run_until_idle()
    assert (shop.points(anna["card"]), shop.points(boris["card"])) == (100, 60)
    again = shop.get(f"/cards/{anna['card']}/referral").said
    assert (again["code"], again["paid"], again["refused"]) == (told["code"], 1, 1)
    assert "Gift for bringing a friend" in browser.get(page_of(anna)).text


# --- At the till ---


def test_a_coupon_scanned_at_the_till_says_what_it_is(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "home")
    system = ShopSystem(shop.app)
    assert system.post("/programmes", CLUB).status_code == 201
    card = joins(system, name="Anna")["card"]
    (code,) = system.post(f"/cards/{card}/coupons", {"coupon": "tenth"}).said["codes"]
    desk = shop.desk()
    desk.logs_in(KASIA)
    desk.scans(code)
    assert "10 % off" in desk.says and "Scan the member" in desk.says
    system.sells(card, 1_000, coupons=[code])
    desk.scans(code)
    assert "Used already" in desk.says
    desk.scans("C-0000-0000-0000")
    assert "Not one of our cards" in desk.says
    shop.closes()
