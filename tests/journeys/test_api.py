"""A shop's own systems call the API: tills, a web shop, a CRM, some of them badly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import func, insert, select, update

from passes import cards, keys, sweep
from passes.points import audit
from passes.store import tables as t
from tests.corpora import json_bodies
from tests.shop_system import API, Answer, ShopSystem, open_shop

PLENTY = "1000000/minute"
CANARY = "canary-6f1d"


@pytest.fixture
def shop(tmp_path: Path, store_url: str) -> Iterator[ShopSystem]:
    """With each database."""
    shop = open_shop(tmp_path / "home", store_url, limits__api=PLENTY)
    yield shop
    shop.service.store.close()


@pytest.fixture
def corner_shop(tmp_path: Path) -> Iterator[ShopSystem]:
    """With the database of a small shop, where the database does not matter."""
    shop = open_shop(tmp_path / "home", limits__api=PLENTY)
    yield shop
    shop.service.store.close()


def all_at_once(times: int, do: Callable[[int], Answer]) -> list[Answer]:
    """Everybody waits for everybody, then all go."""
    barrier = Barrier(times)

    def go(number: int) -> Answer:
        barrier.wait()
        return do(number)

    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(go, range(times)))


def rows(shop: ShopSystem) -> dict[str, int]:
    with shop.service.store.reading() as tx:
        tables = (t.Member, t.Card, t.Receipt, t.Posting, t.Lot, t.LotUse, t.Offer, t.Programme, t.Consent, t.Answer)
        return {
            table.__tablename__: tx.execute(select(func.count()).select_from(table)).scalar_one() for table in tables
        }


def flaws(shop: ShopSystem) -> list[audit.Flaw]:
    with shop.service.store.reading() as tx:
        return list(audit.verify(tx))


def assert_problem(answer: Answer, status: int, code: str, field: str | None = None) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    said = answer.said
    assert said["code"] == code and said["status"] == status and said["detail"].endswith((".", "?", "}"))
    assert said.get("field") == field


# --- A day in a shop ---


def test_a_member_joins_buys_spends_and_returns(shop: ShopSystem) -> None:
    joined = shop.post("/members", {"programme": "cafe", "name": "Anna", "email": "anna@example.org"})
    assert joined.status_code == 201
    card = joined.said["card"]
    assert joined.said["links"]["ecard"].startswith("https://cards.example.org/card/")
    assert joined.said["links"]["apple"] is None

    quoted = shop.post(f"/cards/{card}/receipts/quote", {"receipt": "R-1", "total": 12_550})
    assert quoted.status_code == 200 and quoted.said["balances"] == {"points": 125}
    assert shop.points(card) == 0

    bought = shop.sells(card, 12_550, "R-1", location="Main street")
    assert bought.status_code == 201
    assert bought.said["effects"]["earned"] == 125 and bought.said["why"][0]["paid"] == 12_550

    spent = shop.post(f"/cards/{card}/rewards/espresso/redeem", {"receipt": "R-2"})
    assert spent.status_code == 201 and spent.said["balances"] == {"points": 45}

    returned = shop.post("/receipts/R-2/reverse")
    assert returned.status_code == 201 and returned.said["balances"] == {"points": 125}
    shown = shop.get(f"/cards/{card}").said
    assert shown["status"] == "active" and shown["revision"] == 4
    assert shown["rewards"][0]["missing"] == 0
    assert flaws(shop) == []


def test_the_link_for_an_iphone_is_there_when_apple_wallet_is(tmp_path: Path) -> None:
    shop = open_shop(tmp_path / "home", apple=True, limits__api=PLENTY)
    link = shop.post("/members", {"programme": "cafe", "name": "Anna"}).said["links"]["apple"]
    assert link.startswith("https://cards.example.org/apple/")
    fetched = shop.app.test_client().get(link.removeprefix("https://cards.example.org"))
    assert fetched.status_code == 200 and fetched.content_type == "application/vnd.apple.pkpass"


def test_part_of_a_bill_is_paid_with_points(shop: ShopSystem) -> None:
    _, card = shop.joins()
    shop.sells(card, 10_000)
    paid = shop.sells(card, 1_000, redeem=40).said
    assert paid["effects"] == {"earned": 8, "spent": 40, "discount": 200, "tier_changed": False}
    assert_problem(shop.sells(card, 100_000, redeem=69), 409, "not_enough_points")
    assert_problem(shop.sells(card, 10, redeem=50), 422, "bad_input", "redeem")
    assert shop.points(card) == 68


def test_a_tier_is_reached_and_left_by_its_receipt(shop: ShopSystem) -> None:
    _, card = shop.joins()
    assert shop.sells(card, 100_000, "R-big").said["tier"] == "gold"
    assert shop.get(f"/cards/{card}").said["tier"] == "gold"
    assert shop.post("/receipts/R-big/reverse").said["tier"] is None


def test_an_event_and_the_lines_of_a_receipt_are_kept(shop: ShopSystem) -> None:
    _, card = shop.joins()
    visited = shop.post(f"/cards/{card}/receipts", {"receipt": "E-1", "event": "review-written"})
    assert visited.status_code == 201 and visited.said["entries"] == []
    line = {"sku": "latte", "category": "coffee", "name": "Latte", "quantity": 2, "price": 1250}
    shop.sells(card, 2500, "R-1", lines=[line])
    with shop.service.store.reading() as tx:
        kept = [row.content for row in tx.execute(select(t.Receipt).order_by(t.Receipt.id))]
    assert kept[0]["event"] == "review-written" and kept[1]["lines"] == [line]


def test_points_are_given_and_taken_by_hand_with_a_reason(shop: ShopSystem) -> None:
    _, card = shop.joins()
    path = f"/cards/{card}/adjustments"
    assert shop.post(path, {"amount": 50, "reason": "Sorry for the wait"}).status_code == 201
    assert shop.post(path, {"amount": -20, "reason": "Typed wrongly"}).said["balances"] == {"points": 30}
    assert_problem(shop.post(path, {"amount": -31, "reason": "Too much"}), 409, "not_enough_points")
    assert_problem(shop.post(path, {"amount": 0, "reason": "Nothing"}), 422, "bad_input", "amount")
    assert_problem(shop.post(path, {"amount": 5}), 422, "bad_input", "reason")


def test_what_an_offer_brought_is_asked_for(shop: ShopSystem) -> None:
    _, card = shop.joins()
    offer = {"programme": "cafe", "title": {"en": "Cake"}, "starts": shop.service.now - 60, "control": 20}
    published = shop.post("/offers", offer).said
    assert published["control"] == 20
    with shop.service.store.transaction() as tx:
        for table in (t.Offer, t.Card):
            tx.execute(update(table).values(created=shop.service.now - 60))
    shop.sells(card, 1_000)
    effect = f"/offers/{published['key']}/effect"
    brought = shop.get(effect).said
    assert brought["given"]["people"] + brought["left_out"]["people"] == 1
    assert brought["verdict"] == "running" and brought["uplift"] is brought["spent_more"] is None
    assert shop.post(f"/offers/{published['key']}/end").status_code == 200
    over = shop.get(effect).said
    assert over["verdict"] == "too few" and over["uplift"] is not None and over["margin"] is None
    everybody = shop.post("/offers", offer | {"control": 0}).said
    assert shop.get(f"/offers/{everybody['key']}/effect").said["verdict"] == "nobody left out"
    planned = shop.post("/offers", offer | {"starts": shop.service.now + 3_600}).said
    assert shop.post(f"/offers/{planned['key']}/end").status_code == 200
    never = shop.get(f"/offers/{planned['key']}/effect").said
    assert never["verdict"] == "never ran" and never["until"] is never["uplift"] is None
    assert_problem(shop.post("/offers", offer | {"control": 51}), 422, "bad_input", "control")
    assert_problem(shop.get("/offers/nothing/effect"), 404, "not_found")


def test_an_offer_reaches_the_card_and_leaves_it(shop: ShopSystem) -> None:
    _, card = shop.joins()
    published = shop.post("/offers", {"programme": "cafe", "title": {"en": "Two for one"}, "announce": True})
    assert published.status_code == 201
    sweep.sweep(shop.service.store, shop.service.now)
    assert [offer["title"] for offer in shop.get(f"/cards/{card}").said["offers"]] == [{"en": "Two for one"}]
    ended = shop.post(f"/offers/{published.said['key']}/end")
    assert ended.status_code == 200 and ended.said["ends"] is not None
    sweep.sweep(shop.service.store, shop.service.now)
    assert shop.get(f"/cards/{card}").said["offers"] == []
    assert shop.post(f"/offers/{published.said['key']}/end").said == ended.said


def test_a_programme_is_started_and_joined(shop: ShopSystem) -> None:
    stamps = {"key": "stamps", "name": {"en": "Stamps"}, "look": "cafe", "unit": "stamps", "welcome": 2}
    assert shop.post("/programmes", stamps).status_code == 201
    assert shop.get("/programmes/stamps").said["welcome"] == 2
    assert_problem(shop.post("/programmes", stamps), 409, "conflict", "key")
    assert_problem(shop.post("/programmes", stamps | {"key": "b", "look": "none"}), 422, "bad_input", "look")
    assert_problem(shop.post("/programmes", stamps | {"key": "b", "welcome": "5"}), 422, "bad_input", "welcome")
    _, card = shop.joins(programme="stamps")
    assert shop.get(f"/cards/{card}").said["balances"] == {"stamps": 2}


def test_a_member_is_found_changed_and_erased(shop: ShopSystem) -> None:
    member, card = shop.joins(
        name="Anna Kowalska", email="Anna@Example.org", phone="600 100 200", external_id="1234567"
    )
    number = shop.get(f"/cards/{card}").said["number"]
    for query in ("anna", "ANNA KOW", "anna@example.org", "+48 600 100 200", number, "1234567"):
        found = shop.get("/members", query=query).said["members"]
        assert [one["member"] for one in found] == [member], query
    assert shop.get("/members", query="nobody").said == {"members": [], "next": None}

    changed = shop.call("PATCH", f"/members/{member}", {"name": "Anna Nowak", "email": None, "language": "pl"})
    assert changed.status_code == 200
    assert (changed.said["name"], changed.said["email"], changed.said["phone"]) == ("Anna Nowak", "", "+48600100200")

    shop.sells(card, 5_000, "R-1")
    assert shop.call("DELETE", f"/members/{member}").status_code == 204
    assert shop.call("DELETE", f"/members/{member}").status_code == 204
    left = shop.get(f"/members/{member}").said
    assert left["erased"] and not any((left["name"], left["email"], left["phone"], left["external_id"]))
    assert shop.get(f"/cards/{card}").said["status"] == "closed"
    assert_problem(shop.sells(card, 100), 409, "card_not_active")
    assert_problem(shop.call("PATCH", f"/members/{member}", {"name": "Eve"}), 409, "conflict")
    assert flaws(shop) == []


def test_a_scanned_code_names_its_card_or_says_why_not(shop: ShopSystem) -> None:
    _, card = shop.joins()
    with shop.service.store.transaction() as tx:
        held = cards.by_serial(tx, card, lock=True)
        code = held.revision.card.code
        cards.set_status(tx, held, "blocked")
    scanned = shop.post("/codes/resolve", {"code": code})
    assert scanned.status_code == 200
    assert (scanned.said["serial"], scanned.said["status"]) == (card, "blocked")
    forged = code[:-1] + ("A" if code[-1] != "A" else "I")
    for text in (forged, "https://example.org", "5901234123457"):
        assert_problem(shop.post("/codes/resolve", {"code": text}), 404, "not_found", "code")


def test_installations_tell_their_lag_and_never_their_device(shop: ShopSystem) -> None:
    _, card = shop.joins()
    with shop.service.store.transaction() as tx:
        held = cards.by_serial(tx, card)
        place = {"wallet": "apple", "place": f"device-{CANARY}", "address": f"token-{CANARY}", "registered": 5}
        tx.execute(insert(t.Installation).values(card_id=held.id, wanted=3, pushed=2, due=7, changed_ms=9, **place))
    answer = shop.get(f"/cards/{card}")
    (installed,) = answer.said["installations"]
    assert (
        installed["wallet"] == "apple" and installed["stale"] and (installed["wanted"], installed["pushed"]) == (3, 2)
    )
    assert CANARY not in answer.text


# --- Once is once ---


def test_a_repeated_request_gets_the_same_answer_and_does_nothing(shop: ShopSystem) -> None:
    person = {"programme": "cafe", "name": "Anna"}
    first, again = (shop.post("/members", person, once="join-1") for _ in range(2))
    assert (first.status_code, first.data) == (again.status_code, again.data) == (201, first.data)
    card = first.said["card"]
    adjustment = {"amount": 50, "reason": "Birthday"}
    answers = [shop.post(f"/cards/{card}/adjustments", adjustment, once="gift") for _ in range(3)]
    assert len({answer.data for answer in answers}) == 1
    assert shop.points(card) == 50 and rows(shop)["member"] == 1


def test_a_key_with_other_content_is_refused(shop: ShopSystem) -> None:
    shop.post("/members", {"programme": "cafe", "name": "Anna"}, once="k")
    assert_problem(
        shop.post("/members", {"programme": "cafe", "name": "Bob"}, once="k"), 409, "key_reused", "Idempotency-Key"
    )
    assert_problem(
        shop.post("/offers", {"programme": "cafe", "title": {"en": "A"}}, once="k"),
        409,
        "key_reused",
        "Idempotency-Key",
    )
    other = ShopSystem(shop.app, name="another till")
    assert other.post("/members", {"programme": "cafe", "name": "Bob"}, once="k").status_code == 201


@pytest.mark.parametrize("once", ["x" * 201, "ключ", "two words", "a\x7f"])
def test_an_odd_key_is_refused(corner_shop: ShopSystem, once: str) -> None:
    headers = {"Idempotency-Key": once.encode().decode("latin-1")}
    answer = corner_shop.call("POST", "/members", {"programme": "cafe"}, headers=headers)
    assert_problem(answer, 422, "bad_input", "Idempotency-Key")


def test_a_refused_request_does_not_use_up_its_key(shop: ShopSystem) -> None:
    _, card = shop.joins()
    order = {"receipt": "R-1", "redeem": 50}
    assert_problem(shop.post(f"/cards/{card}/receipts", order, once="k"), 409, "not_enough_points")
    shop.post(f"/cards/{card}/adjustments", {"amount": 50, "reason": "Sorry"})
    assert shop.post(f"/cards/{card}/receipts", order, once="k").status_code == 201


def test_a_receipt_number_counts_once(shop: ShopSystem) -> None:
    _, anna = shop.joins(name="Anna")
    _, bob = shop.joins(name="Bob")
    first, again = (shop.sells(anna, 1_000, "R-1") for _ in range(2))
    assert first.data == again.data and again.status_code == 201
    assert_problem(shop.sells(anna, 2_000, "R-1"), 409, "key_reused", "receipt")
    assert_problem(shop.sells(bob, 1_000, "R-1"), 409, "key_reused", "receipt")
    first, again = (shop.post("/receipts/R-1/reverse", {"reason": "Returned"}) for _ in range(2))
    assert first.data == again.data and again.status_code == 201
    assert_problem(shop.post("/receipts/R-1/reverse", {"receipt": "other"}), 409, "conflict", "receipt")
    assert shop.points(anna) == 0


@pytest.mark.parametrize("once", [None, "the-till's-key"])
def test_fifty_tills_with_one_receipt_have_one_effect(shop: ShopSystem, once: str | None) -> None:
    _, card = shop.joins()
    order = {"receipt": "R-1", "total": 4_200}
    answers = all_at_once(50, lambda _: shop.post(f"/cards/{card}/receipts", order, once))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.data for answer in answers}) == 1
    assert shop.points(card) == 42 and rows(shop)["receipt"] == 1 and flaws(shop) == []


def test_the_same_join_twenty_times_at_once_makes_one_member(shop: ShopSystem) -> None:
    answers = all_at_once(20, lambda _: shop.post("/members", {"programme": "cafe", "external_id": "c-1"}, "join"))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.data for answer in answers}) == 1 and rows(shop)["member"] == 1


def test_one_thing_made_by_many_at_once_is_made_by_one(shop: ShopSystem) -> None:
    """Whoever is late is told so; nobody gets a server error."""
    members = [shop.joins(name=f"Member {number}")[1] for number in range(8)]
    makings: list[Callable[[int], Answer]] = [
        lambda number: shop.sells(members[number], 1_000, "R-same"),
        lambda number: shop.post("/members", {"programme": "cafe", "name": str(number), "external_id": "c-9"}),
        lambda number: shop.post("/programmes", {"key": "p", "name": {"en": str(number)}, "look": "cafe"}),
    ]
    for make in makings:
        answers = all_at_once(8, make)
        assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert flaws(shop) == []


def test_two_tills_cannot_spend_the_same_points(shop: ShopSystem) -> None:
    _, card = shop.joins()
    shop.sells(card, 10_000)
    answers = all_at_once(
        8, lambda number: shop.post(f"/cards/{card}/receipts", {"receipt": f"S-{number}", "redeem": 60})
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert shop.points(card) == 40 and flaws(shop) == []


def test_a_receipt_is_reversed_once_by_many_at_once(shop: ShopSystem) -> None:
    _, card = shop.joins()
    shop.sells(card, 10_000, "R-1")
    answers = all_at_once(8, lambda number: shop.post("/receipts/R-1/reverse", {"receipt": f"back-{number}"}))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert shop.points(card) == 0 and flaws(shop) == []


# --- Lists come in parts ---


def test_lists_come_in_parts_that_join_up(shop: ShopSystem) -> None:
    names = [shop.joins(name=f"Anna {number}")[0] for number in range(5)]
    card = shop.get(f"/members/{names[0]}").said["cards"][0]
    for number in range(5):
        shop.sells(card, 1_000, f"R-{number}")
        shop.post("/offers", {"programme": "cafe", "title": {"en": f"Offer {number}"}})
        shop.post("/programmes", {"key": f"p{number}", "name": {"en": "P"}, "look": "cafe"})
    assert [one["member"] for one in parts(shop, "/members", "members", query="anna")] == names
    assert [one["entry"] for one in parts(shop, f"/cards/{card}/entries", "entries")] == [5, 4, 3, 2, 1]
    assert [one["title"]["en"] for one in parts(shop, "/offers", "offers")] == [f"Offer {n}" for n in (4, 3, 2, 1, 0)]
    assert [one["key"] for one in parts(shop, "/programmes", "programmes")] == ["cafe", "p0", "p1", "p2", "p3", "p4"]


def parts(shop: ShopSystem, path: str, name: str, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = shop.get(path, limit="2", **query, **cursor).said
        found += answer[name]
        assert len(answer[name]) <= 2
        if answer["next"] is None:
            return found
        cursor = {"cursor": answer["next"]}


@pytest.mark.parametrize("limit", ["0", "201", "-1", "1_0", " 5", "٥", "5.0", "five", "", "9" * 30])
def test_a_bad_limit_is_refused(corner_shop: ShopSystem, limit: str) -> None:
    assert_problem(corner_shop.get("/members", limit=limit), 422, "bad_input", "limit")


# --- Who may ---


OPERATIONS: list[tuple[str, str, str]] = [
    ("POST", "/members", "members:write"),
    ("GET", "/members", "members:read"),
    ("GET", "/members/x", "members:read"),
    ("PATCH", "/members/x", "members:write"),
    ("DELETE", "/members/x", "members:write"),
    ("POST", "/members/x/cards", "members:write"),
    ("GET", "/cards/x", "cards:read"),
    ("GET", "/cards/x/entries", "cards:read"),
    ("GET", "/cards/x/entitlements", "cards:read"),
    ("POST", "/codes/resolve", "cards:read"),
    ("POST", "/cards/x/receipts", "receipts:write"),
    ("POST", "/cards/x/receipts/quote", "receipts:write"),
    ("POST", "/programmes/x/claims", "receipts:write"),
    ("GET", "/programmes/x/claims/R-1", "receipts:write"),
    ("DELETE", "/programmes/x/claims/R-1", "receipts:write"),
    ("POST", "/receipts/x/reverse", "receipts:write"),
    ("POST", "/cards/x/adjustments", "adjustments:write"),
    ("POST", "/cards/x/rewards/y/redeem", "receipts:write"),
    ("GET", "/programmes", "programmes:read"),
    ("GET", "/programmes/x", "programmes:read"),
    ("POST", "/programmes", "programmes:write"),
    ("PUT", "/programmes/x", "programmes:write"),
    ("GET", "/offers", "programmes:read"),
    ("GET", "/offers/x/effect", "programmes:read"),
    ("POST", "/offers", "offers:write"),
    ("POST", "/offers/x/end", "offers:write"),
    ("GET", "/cards/x/coupons", "cards:read"),
    ("POST", "/cards/x/coupons", "adjustments:write"),
    ("POST", "/cards/x/coupons/claim", "receipts:write"),
    ("GET", "/cards/x/membership", "cards:read"),
    ("POST", "/cards/x/membership", "receipts:write"),
    ("PUT", "/cards/x/nickname", "members:write"),
    ("PUT", "/cards/x/pin", "members:write"),
    ("GET", "/cards/x/referral", "cards:read"),
    ("POST", "/cards/x/top-ups", "adjustments:write"),
    ("POST", "/cards/x/transfers", "receipts:write"),
    ("POST", "/coupons", "adjustments:write"),
    ("GET", "/coupons/x", "cards:read"),
    ("POST", "/coupons/x/void", "adjustments:write"),
    ("GET", "/programmes/x/clearing", "programmes:read"),
    ("GET", "/programmes/x/leaderboard", "programmes:read"),
    ("GET", "/programmes/x/liability", "programmes:read"),
]


def test_each_operation_wants_its_own_scope(corner_shop: ShopSystem) -> None:
    for scope in keys.SCOPES:
        allowed = ShopSystem(corner_shop.app, [scope], name=f"only {scope}")
        others = ShopSystem(corner_shop.app, [one for one in keys.SCOPES if one != scope], name=f"all but {scope}")
        for method, path, needed in OPERATIONS:
            if needed == scope:
                assert allowed.call(method, path, {}).status_code not in (401, 403), path
                assert_problem(others.call(method, path, {}), 403, "forbidden")
    known = {rule.endpoint for rule in corner_shop.app.url_map.iter_rules() if rule.rule.startswith(API)}
    assert len(known - {"api.openapi"}) == len(OPERATIONS)


def test_an_unknown_a_revoked_and_no_key_get_one_answer(corner_shop: ShopSystem) -> None:
    revoked = ShopSystem(corner_shop.app, name="old till")
    with corner_shop.service.store.transaction() as tx:
        keys.revoke(tx, "old till", corner_shop.service.now)
    stranger = ShopSystem(corner_shop.app, name="stranger")
    wrong = ["", "Bearer", "Bearer nothing", "Bearer " + "x" * 9999, f"Bearer {revoked.key}"]
    wrong += [f"Basic {corner_shop.key}", f"Bearer {corner_shop.key}x", corner_shop.key]
    for method, path, _ in OPERATIONS:
        answers = [stranger.call(method, path, {}, headers={"Authorization": one}) for one in wrong]
        assert {answer.data for answer in answers} == {answers[0].data}
        assert_problem(answers[0], 401, "unauthorised")
        assert answers[0].headers["WWW-Authenticate"] == "Bearer"
    assert corner_shop.app.test_client().get(f"{API}/members?key={corner_shop.key}").status_code == 401


def test_what_there_is_not_looks_alike(corner_shop: ShopSystem) -> None:
    answers = [corner_shop.get(f"/cards/{serial}") for serial in ("x", "A" * 22, "%", "ключ", "' OR 1=1", "..")]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.data for answer in answers[:-1]}) == 1
    assert_problem(corner_shop.get("/cards/a%00b"), 404, "not_found")
    assert_problem(corner_shop.get("/members", query="a\0b"), 422, "bad_input")


def test_each_key_has_a_rate_of_its_own(tmp_path: Path) -> None:
    till = open_shop(tmp_path / "home", limits__api="3/minute")
    web_shop = ShopSystem(till.app, name="web shop")
    answers = [till.get("/programmes") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert_problem(answers[3], 429, "too_many_requests")
    assert 0 < int(answers[3].headers["Retry-After"]) <= 60
    assert answers[0].headers["X-RateLimit-Limit"] == "3" and answers[0].headers["X-RateLimit-Remaining"] == "2"
    assert "Retry-After" not in answers[0].headers
    assert web_shop.get("/programmes").status_code == 200
    guesses = [till.call("GET", "/programmes", headers={"Authorization": f"Bearer {n}"}) for n in range(4)]
    assert [answer.status_code for answer in guesses] == [401, 401, 401, 429]


def test_the_rate_is_counted_across_processes(tmp_path: Path, redis_url: str) -> None:
    settings: dict[str, Any] = {"limits__api": "3/hour", "limits__storage": redis_url}
    first = open_shop(tmp_path / "home", **settings)
    second = ShopSystem.__new__(ShopSystem)
    second.__dict__ |= first.__dict__ | {"app": first.again()}
    assert [till.get("/programmes").status_code for till in (first, second, first, second)] == [200, 200, 200, 429]


# --- Bad requests ---


def test_what_comes_later_is_not_there_yet(corner_shop: ShopSystem) -> None:
    for path in ("/campaigns", "/segments", "/webhooks", "/locations", "/nothing"):
        assert_problem(corner_shop.get(path), 404, "not_found")


def test_lines_come_back_and_the_rest_stays(corner_shop: ShopSystem) -> None:
    _, card = corner_shop.joins()
    had = corner_shop.points(card)
    lines = [{"sku": "beans", "quantity": 2, "price": 3_000}, {"sku": "latte", "quantity": 1, "price": 1_250}]
    sold = corner_shop.post(f"/cards/{card}/receipts", {"receipt": "R-1", "lines": lines})
    assert sold.said["effects"]["earned"] == 42, "without a total it is the sum of the lines"
    back = {"receipt": "B-1", "lines": [{"sku": "beans", "quantity": 1}]}
    for _ in range(2):
        answer = corner_shop.post("/receipts/R-1/reverse", back)
        assert answer.status_code == 201
        assert corner_shop.points(card) == had + 27
    wrong: list[tuple[list[dict[str, Any]], str]] = [
        ([{"sku": "tea"}], "lines.0.sku"),
        ([{"line": 2}], "lines.0.line"),
        ([{"line": 0, "sku": "beans"}], "lines.0"),
        ([{"line": "0"}], "lines.0.line"),
        ([], "lines"),
    ]
    for returned, field in wrong:
        answer = corner_shop.post("/receipts/R-1/reverse", {"receipt": "B-2", "lines": returned})
        assert_problem(answer, 422, "bad_input", field)
    twice = {"receipt": "B-2", "lines": [{"sku": "beans", "quantity": 2}]}
    assert_problem(corner_shop.post("/receipts/R-1/reverse", twice), 409, "conflict", "lines")
    unnamed = {"lines": [{"sku": "beans"}]}
    assert_problem(corner_shop.post("/receipts/R-1/reverse", unnamed), 422, "bad_input", "receipt")
    assert corner_shop.post("/receipts/R-1/reverse", {}).status_code == 201
    assert corner_shop.points(card) == had
    assert_problem(corner_shop.post("/receipts/R-1/reverse", back | {"receipt": "B-3"}), 409, "conflict", "receipt")


def test_rules_are_amended_from_an_instant_on(corner_shop: ShopSystem) -> None:
    _, card = corner_shop.joins()
    now = corner_shop.service.now
    computed = ("created", "rules_text")
    shown = corner_shop.get("/programmes/cafe").said
    rules = {name: value for name, value in shown.items() if name not in computed}
    richer = rules | {"earn": {"points": 3, "per": 100, "rounding": "down"}}
    later = corner_shop.call("PUT", f"/programmes/cafe?effective={now + 86_400}", richer)
    assert later.status_code == 200 and later.said["earn"]["points"] == rules["earn"]["points"]
    before = corner_shop.sells(card, 1_000, "R-1").said["effects"]["earned"]
    assert corner_shop.call("PUT", "/programmes/cafe", richer).status_code == 409, "later rules wait already"
    assert_problem(corner_shop.call("PUT", "/programmes/cafe", richer | {"unit": "stars"}), 422, "bad_input", "unit")
    assert before == 10 * rules["earn"]["points"]


def test_what_stands_in_the_address_belongs_to_what_a_key_is_for(corner_shop: ShopSystem) -> None:
    shown = corner_shop.get("/programmes/cafe").said
    rules = {name: value for name, value in shown.items() if name not in ("created", "rules_text")}
    soon, later = (corner_shop.service.now + days * 86_400 for days in (1, 2))
    assert corner_shop.call("PUT", f"/programmes/cafe?effective={soon}", rules, once="K-1").status_code == 200
    assert corner_shop.call("PUT", f"/programmes/cafe?effective={soon}", rules, once="K-1").status_code == 200
    other = corner_shop.call("PUT", f"/programmes/cafe?effective={later}", rules, once="K-1")
    assert_problem(other, 409, "key_reused", "Idempotency-Key")


def test_what_members_will_hold_cannot_be_dropped_either(corner_shop: ShopSystem) -> None:
    shown = corner_shop.get("/programmes/cafe").said
    rules = {name: value for name, value in shown.items() if name not in ("created", "rules_text")}
    soon, later = (corner_shop.service.now + days * 86_400 for days in (1, 2))
    miles = {"units": [{"key": "miles"}], "rules": [{"key": "fly", "unit": "miles", "amount": 1}]}
    assert corner_shop.call("PUT", f"/programmes/cafe?effective={soon}", rules | miles).status_code == 200
    dropped = corner_shop.call("PUT", f"/programmes/cafe?effective={later}", rules)
    assert_problem(dropped, 422, "bad_input", "units")


@pytest.mark.parametrize("number", ["a/b", "a//b", "...", "№ 7 ü", "reverse", "a/reverse", " x ", "?#%2F"])
def test_whatever_number_a_receipt_may_have_it_is_reversed_by(corner_shop: ShopSystem, number: str) -> None:
    _, card = corner_shop.joins()
    assert corner_shop.sells(card, 1_000, number).status_code == 201
    assert corner_shop.post(f"/receipts/{quote(number, safe='')}/reverse").status_code == 201
    assert corner_shop.points(card) == 0


@pytest.mark.parametrize("number", ["/a", ".", "..", "a\nb", "\t", "  "])
def test_a_number_that_no_address_can_hold_is_refused(corner_shop: ShopSystem, number: str) -> None:
    _, card = corner_shop.joins()
    assert_problem(corner_shop.sells(card, 1_000, number), 422, "bad_input", "receipt")


def test_a_wrong_method_says_which_are_right(corner_shop: ShopSystem) -> None:
    answer = corner_shop.call("PUT", "/members")
    assert_problem(answer, 405, "method_not_allowed")
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


@pytest.mark.parametrize(
    ("sent", "kind", "status", "code"),
    [
        (b"{}", "text/plain", 415, "unsupported_media_type"),
        (b"{}", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b"{}", "application/json; charset=latin-1", 415, "unsupported_media_type"),
        (b"{}", "", 415, "unsupported_media_type"),
        (b"{", "application/json", 400, "not_json"),
        (b'{"a": 1, "a": 2}', "application/json", 400, "not_json"),
        (b'{"total": NaN}', "application/json", 400, "not_json"),
        (b'{"name": "\xff"}', "application/json", 400, "not_json"),
        (b"[" * 100_000, "application/json", 400, "not_json"),
        (b'{"a": 9007199254740993}', "application/json", 422, "bad_input"),
        (b'{"name": "\\ud800"}', "application/json", 422, "bad_input"),
        (b'{"name": "\\u0000"}', "application/json", 422, "bad_input"),
        (b"[]", "application/json; charset=UTF-8", 422, "bad_input"),
        (b" " * 262_145, "application/json", 413, "request_entity_too_large"),
    ],
)
def test_what_cannot_be_read_is_refused(
    corner_shop: ShopSystem, sent: bytes, kind: str, status: int, code: str
) -> None:
    answer = corner_shop.call("POST", "/members", data=sent, content_type=kind)
    assert answer.status_code == status and answer.said["code"] == code


def test_a_refusal_never_repeats_what_was_sent(corner_shop: ShopSystem) -> None:
    _, card = corner_shop.joins()
    bad: list[tuple[str, dict[str, Any]]] = [
        ("/members", {"programme": "cafe", "email": CANARY}),
        ("/members", {"programme": "cafe", "phone": CANARY}),
        ("/members", {"programme": "cafe", "language": CANARY}),
        ("/members", {"programme": "cafe", "name": CANARY * 20}),
        ("/members", {"programme": "cafe", f"{CANARY} <x>": 1}),
        (f"/cards/{card}/receipts", {"receipt": "R", "total": CANARY}),
        (f"/cards/{card}/receipts", {"receipt": "R", "lines": [{"quantity": CANARY, "price": 1}]}),
        ("/codes/resolve", {"code": CANARY}),
    ]
    for path, body in bad:
        answer = corner_shop.post(path, body)
        assert answer.status_code in (404, 422) and CANARY not in answer.text, path


@pytest.mark.slow
def test_broken_bodies_are_refused_by_every_operation(corner_shop: ShopSystem) -> None:
    _, card = corner_shop.joins()
    paths = ["/members", "/codes/resolve", "/offers", "/programmes", "/receipts/R-odd/reverse"]
    paths += [f"/cards/{card}/{what}" for what in ("receipts", "adjustments")]
    check_odd(corner_shop, ((path, sent) for sent in json_bodies.BROKEN for path in paths))


@pytest.mark.slow
def test_odd_values_are_refused_or_meant(shop: ShopSystem) -> None:
    _, card = shop.joins(name="Anna", external_id="anna")
    check_odd(shop, odd_values(card))


def check_odd(shop: ShopSystem, requests: Iterable[tuple[str, bytes]]) -> None:
    """No server error; what is done leaves exactly its own rows, what is refused leaves none."""
    before = rows(shop)
    done: dict[str, set[str]] = {"member": set(), "receipt": set(), "offer": set(), "programme": set()}
    for path, sent in requests:
        answer = shop.call("POST", path, data=sent, content_type="application/json")
        assert answer.status_code < 500, (path, sent[:200], answer.text)
        assert (answer.headers["Content-Type"] == "application/problem+json") == (answer.status_code >= 400)
        if answer.status_code == 201:
            kind, name = made(answer.said)
            done[kind].add(name)
    after = rows(shop)
    for kind, names in done.items():
        assert after[kind] - before[kind] == len(names), kind
    assert after["card"] == after["member"] and after["answer"] == 0 and flaws(shop) == []


def made(said: dict[str, Any]) -> tuple[str, str]:
    """What an answer says was made, and its name."""
    if "entries" in said:
        return "receipt", said["receipt"]
    if "links" in said:
        return "member", said["member"]
    return ("offer" if "announce" in said else "programme"), said["key"]


def odd_values(card: str) -> Iterator[tuple[str, bytes]]:
    """Odd amounts and odd texts, wherever one belongs."""
    sale = {"receipt": "R-odd", "total": 5}
    gift = {"amount": 1, "reason": "Odd"}
    offer = {"programme": "cafe", "title": {"en": "Offer"}}
    programme = {"key": "odd", "name": {"en": "Odd"}, "look": "cafe"}
    receipts, adjustments = f"/cards/{card}/receipts", f"/cards/{card}/adjustments"
    amounts: list[tuple[str, dict[str, Any], list[str]]] = [
        (receipts, sale, ["total", "redeem"]),
        (adjustments, gift, ["amount"]),
        ("/offers", offer, ["starts"]),
        ("/programmes", programme, ["welcome", "worth_of_one"]),
    ]
    texts: list[tuple[str, dict[str, Any], list[str]]] = [
        ("/members", {"programme": "cafe"}, ["name", "email", "phone", "language", "external_id"]),
        (receipts, sale, ["receipt", "location", "currency", "event"]),
        (adjustments, gift, ["reason"]),
        ("/codes/resolve", {}, ["code"]),
        ("/programmes", programme, ["key"]),
        ("/offers", offer, ["tier"]),
    ]
    for path, body, fields in amounts:
        yield from ((path, sent) for field in fields for sent in json_bodies.amounts_in(body, field))
    for path, body, fields in texts:
        yield from ((path, sent) for field in fields for sent in json_bodies.texts_in(body, field))
    for line in json_bodies.amounts_in({"quantity": 1}, "price"):
        yield receipts, b'{"receipt": "R-line", "lines": [' + line + b"]}"
