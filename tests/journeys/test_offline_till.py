"""A till without a connection: what it did alone counts exactly once when it is back, and nothing goes unseen."""

from __future__ import annotations

import base64
import copy
import random
from collections.abc import Iterator
from secrets import token_hex
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select

from passes import cardpins, cards, codes, revisions
from passes.members import Person
from passes.points import audit, receipts
from passes.points.orders import Order
from passes.store import tables as t
from passes.wallets.ecard.turning import turning
from tests.counter import Alone, Counter
from tests.desk import KASIA, MAREK, Desk, Shop
from tests.home import empty

DAY = 86_400
FLOOR = 50


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def long_open(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Whose tills may take a little without a connection; once with each engine."""
    url = None
    if request.param == "postgresql":
        url = request.getfixturevalue("filled_postgres")
        empty(url)
    rules = {"till__offline_spend": FLOOR, "till__earns_a_day": 1000, "till__revoked_earn": 30}
    shop = Shop(tmp_path_factory.mktemp("offline") / "home", store_url=url, **rules)
    yield shop
    shop.closes()


@pytest.fixture
def shop(long_open: Shop) -> Shop:
    """On a new day."""
    long_open.clock.goes_on(DAY)
    return long_open


@pytest.fixture
def counter(shop: Shop) -> Counter:
    """A till with Kasia's shift open."""
    counter = Counter(shop)
    assert counter.starts(KASIA).status_code == 303
    return counter


def gives(shop: Shop, serial: str, points: int) -> None:
    with shop.service.store.transaction() as tx:
        held = cards.by_serial(tx, serial, lock=True)
        order = Order(f"gift-{token_hex(6)}", adjust=points, reason="test")
        receipts.post(tx, held, order, shop.service.now)


def conflicts_of(shop: Shop, counter: Counter) -> list[Any]:
    query = select(t.Conflict).join(t.Till, t.Till.id == t.Conflict.till_id).where(t.Till.key == counter.key)
    with shop.service.store.reading() as tx:
        return list(tx.execute(query.order_by(t.Conflict.id)).all())


def unsettled(shop: Shop) -> list[Any]:
    with shop.service.store.reading() as tx:
        return list(tx.execute(select(t.Conflict.id).where(t.Conflict.resolved.is_(None))))


def state(shop: Shop) -> list[Any]:
    """Everything that counts, to be the same before and after."""
    with shop.service.store.reading() as tx:
        return [
            list(tx.execute(select(table)).all()) for table in (t.Posting, t.Receipt, t.Queued, t.Conflict, t.Action)
        ]


# -- what a till may


def test_a_permit_says_what_the_till_may_alone_and_how_long(shop: Shop, counter: Counter) -> None:
    blocked, guarded = shop.has_member(), shop.has_member()
    with shop.service.store.transaction() as tx:
        held = cards.by_serial(tx, blocked, lock=True)
        cards.set_status(tx, held, "blocked")
        revisions.record(tx, held.id, shop.service.now)
        cardpins.put(tx, shop.service.secrets, shop.held(guarded), "4812", shop.service.now)
    permit = counter.permit().json
    assert permit["till"] == counter.key and permit["issued"] == shop.service.now
    assert permit["valid_until"] == shop.service.now + 16 * 3600
    assert permit["floor"] == FLOOR and permit["seq"] == 0
    assert held.revision.card.code.split(".")[1] in permit["blocked"]
    assert permit["behind_pin"] == [shop.held(guarded).revision.card.code.split(".")[1]]
    assert permit["programmes"] == [
        {
            "key": "cafe",
            "unit": "points",
            "currency": "PLN",
            "digits": 2,
            "earn": {"points": 1, "per": 100, "rounding": "down"},
            "stamps": None,
        }
    ]
    counter.syncs(Alone(counter, first=7).earns(shop.has_member(), 1000))
    assert counter.permit().json["seq"] == 7


def test_the_code_on_an_open_page_is_proved_by_a_key_of_the_permit_and_counts(shop: Shop, counter: Counter) -> None:
    serial = shop.has_member()
    shown = turning(shop.held(serial).revision, shop.service.secrets, shop.service.now)
    keys = tuple(bytes.fromhex(key) for key in shown.keys.split())
    code = f"{shown.signed}.{codes.turn(keys, shop.service.now)}"
    *signed, signature = shown.signed.split(".")
    key = {each["id"]: each["public"] for each in counter.permit().json["keys"]}[signed[4]]
    raw = base64.b32decode(signature + "=" * (-len(signature) % 8))
    Ed25519PublicKey.from_public_bytes(base64.b64decode(key)).verify(raw, ".".join(signed).encode())
    assert counter.outcomes(Alone(counter).earns(serial, 1000, code=code)) == ["applied"]


def test_no_permit_without_a_shift_or_without_being_a_till(shop: Shop) -> None:
    json = {"Accept": "application/json"}
    assert Counter(shop).permit().status_code == 401
    assert shop.desk(KASIA).client.get("/staff/offline", headers=json).status_code == 403
    assert shop.desk().client.get("/staff/offline", headers=json).status_code == 401
    assert shop.desk().client.get("/staff/offline").location.startswith("/login")
    assert shop.desk(MAREK).client.post("/staff/sync", json={"till_seq_from": 1, "actions": []}).status_code == 403


# -- counting once


def test_what_was_done_alone_is_counted_when_the_till_is_back(shop: Shop, counter: Counter) -> None:
    till, serial = Alone(counter), shop.has_member()
    gives(shop, serial, 100)
    done = [till.earns(serial, 2050), till.spends(serial, 40, total=1000)]
    assert counter.syncs(*done) == [
        {"id": done[0]["id"], "outcome": "applied", "why": "Counted.", "balance": 120},
        {"id": done[1]["id"], "outcome": "applied", "why": "Counted.", "balance": 88},
    ]
    assert shop.balance(serial) == 88


def test_the_login_may_be_over_and_the_shift_too(shop: Shop, counter: Counter) -> None:
    till, serial = Alone(counter), shop.has_member()
    done = till.earns(serial, 1000)
    counter.ends()
    shop.clock.goes_on(20 * 3600)
    counter.client.delete_cookie("passes", domain="127.0.0.1")
    assert counter.outcomes(done) == ["applied"] and shop.balance(serial) == 10


def test_the_whole_queue_three_times_is_as_once(shop: Shop, counter: Counter) -> None:
    till, anna, igor = Alone(counter), shop.has_member("Anna"), shop.has_member("Igor")
    gives(shop, anna, 30)
    queue = [till.earns(anna, 1000), till.spends(anna, 20), till.spends(igor, 45), till.earns(igor, 500)]
    assert counter.outcomes(*queue) == ["applied", "applied", "conflict", "applied"]
    before = state(shop)
    for _ in range(3):
        assert counter.outcomes(*reversed(queue)) == ["repeated", "conflict", "repeated", "repeated"]
    assert state(shop) == before
    assert (shop.balance(anna), shop.balance(igor)) == (20, 5)


def test_an_answer_that_was_lost_online_is_not_counted_again(shop: Shop, counter: Counter) -> None:
    serial = shop.has_member()
    counter.opens(f"/staff/cards/{serial}")
    receipt = counter.field("receipt")
    counter.sends(f"/staff/cards/{serial}/receipts", {"receipt": receipt, "amount": "25"})
    assert counter.outcomes(Alone(counter).earns(serial, 2500, receipt=receipt)) == ["repeated"]
    assert shop.balance(serial) == 25


def test_a_rule_of_one_place_holds_at_its_tills_alone(shop: Shop, counter: Counter) -> None:
    key = f"street-{token_hex(3)}"
    opening = {"key": "opening", "measure": "visit", "amount": 50, "when": {"locations": ["Old Town"]}}
    shop.promises(key=key, name={"en": "Street"}, earn={"points": 1, "per": 100}, rules=[opening])
    serials = []
    for name in ("Anna", "Jan", "Ola"):
        with shop.service.store.transaction() as tx:
            serials.append(shop.service.members.join(tx, key, Person("en", name), shop.service.now).serial)
    anna, jan, ola = serials
    counter.sells(anna, amount="10")
    counter.syncs(Alone(counter).earns(jan, 1000))
    elsewhere = Counter(shop, "Counter 2", location="Harbour")
    elsewhere.starts(KASIA)
    elsewhere.sells(ola, amount="10")
    assert [shop.balance(serial) for serial in (anna, jan, ola)] == [60, 60, 10]


STAMPS: dict[str, Any] = {
    "kind": "stamps",
    "unit": "stamps",
    "earn": {"points": 0},
    "rules": [{"key": "coffee", "measure": "item", "amount": 1, "goods": {"categories": ["coffee"]}}],
}
VISITS = STAMPS | {"rules": [{"key": "visit", "measure": "visit", "amount": 1}]}


def test_stamps_given_alone_are_those_of_the_page_and_count_once(shop: Shop, counter: Counter) -> None:
    by_piece, by_visit = f"piece-{token_hex(3)}", f"visit-{token_hex(3)}"
    shop.promises(key=by_piece, name={"en": "Ten coffees"}, **STAMPS)
    shop.promises(key=by_visit, name={"en": "Ten visits"}, **VISITS)
    anna, jan, ola = shop.has_member(programme=by_piece), shop.has_member(programme=by_visit), shop.has_member()
    permit = {each["key"]: each["stamps"] for each in counter.permit().json["programmes"]}
    assert permit[by_piece] == {"label": "How many", "button": "Stamp", "most": 20, "leads": True}
    assert permit[by_visit]["most"] == 1 and permit["cafe"] is None
    # One of them was counted already, and only its answer was lost.
    counter.opens(f"/staff/cards/{anna}")
    receipt = counter.field("receipt")
    counter.sends(f"/staff/cards/{anna}/receipts", {"receipt": receipt, "stamps": "3", "amount": "24"})
    till = Alone(counter)
    queue = [
        till.stamps(anna, 3, total=2400, receipt=receipt),
        till.stamps(anna, 2),
        till.stamps(jan, 1),
        till.stamps(jan, 2),
        till.stamps(ola, 1),
    ]
    assert counter.outcomes(*queue) == ["repeated", "applied", "applied", "conflict", "conflict"]
    assert counter.outcomes(*queue) == ["repeated", "repeated", "repeated", "conflict", "conflict"]
    assert [shop.balance(serial) for serial in (anna, jan, ola)] == [5, 1, 0]
    assert [row.why for row in conflicts_of(shop, counter)] == ["no_stamps", "no_stamps"]


def test_a_till_put_back_from_an_old_image_is_noticed(shop: Shop, counter: Counter) -> None:
    serial = shop.has_member()
    counter.syncs(*[Alone(counter).earns(serial, 1000)])
    again = Alone(counter).earns(serial, 3000)
    assert again["seq"] == 1 and counter.outcomes(again, again) == ["conflict", "conflict"]
    (conflict,) = conflicts_of(shop, counter)
    assert conflict.why == "number_reused" and conflict.content["total"] == 3000 and "code" not in conflict.content
    assert shop.balance(serial) == 10


def test_another_tills_id_counts_nothing(shop: Shop, counter: Counter) -> None:
    serial, other = shop.has_member(), Counter(shop, "Counter 2")
    other.starts(MAREK)
    done = Alone(counter).earns(serial, 1000)
    assert counter.outcomes(done) == ["applied"] and other.outcomes(done) == ["conflict"]
    assert shop.balance(serial) == 10


# -- what is not counted


def test_an_overdraft_is_a_conflict_for_the_manager(shop: Shop, counter: Counter) -> None:
    till, serial = Alone(counter), shop.has_member("Anna")
    gives(shop, serial, 10)
    (told,) = counter.syncs(till.spends(serial, 45))
    assert told["outcome"] == "conflict" and "did not hold enough" in told["why"]
    assert shop.balance(serial) == 10
    (conflict,) = conflicts_of(shop, counter)
    boss, page = shop.desk(MAREK), "/staff/manage/conflicts"
    boss.opens(page)
    assert "Points spent: 45 points" in boss.says and "did not hold enough points" in boss.says
    boss.opens("/staff")
    assert f"{len(unsettled(shop))} to settle" in boss.says
    boss.opens(page)
    assert shop.desk(KASIA).opens(page).status_code == 403
    assert boss.sends(f"{page}/{conflict.id}", {"note": "  "}).status_code == 422
    assert boss.sends(f"{page}/{conflict.id}", {"note": "paid in cash"}).status_code == 303
    assert boss.sends(f"{page}/{conflict.id}", {"note": "again"}).status_code == 409
    boss.opens(page)
    assert "paid in cash" in boss.says


def test_more_than_the_floor_and_a_second_time_are_conflicts(shop: Shop, counter: Counter) -> None:
    till, serial = Alone(counter), shop.has_member()
    gives(shop, serial, 500)
    queue = [till.spends(serial, FLOOR + 1), till.spends(serial, 20), till.spends(serial, 20)]
    assert counter.outcomes(*queue) == ["conflict", "applied", "conflict"]
    assert [row.why for row in conflicts_of(shop, counter)] == ["over_floor", "spent_twice"]
    assert counter.outcomes(till.gives(serial, "espresso")) == ["conflict"]
    boss = shop.desk(MAREK)
    boss.opens("/staff/manage/conflicts")
    assert "Reward given: Espresso" in boss.says
    shop.clock.goes_on(60)
    assert counter.outcomes(till.spends(serial, 20)) == ["applied"] and shop.balance(serial) == 460


def test_a_blocked_card_and_a_forged_code(shop: Shop, counter: Counter) -> None:
    till, serial = Alone(counter), shop.has_member()
    queue = [till.earns(serial, 1000), till.earns(serial, 1000)]
    queue[1]["code"] = f"{queue[1]['code'][:-13]}{'A' * 13}"
    with shop.service.store.transaction() as tx:
        held = cards.by_serial(tx, serial, lock=True)
        cards.set_status(tx, held, "blocked")
        revisions.record(tx, held.id, shop.service.now)
    blocked, forged = counter.syncs(*queue)
    assert (blocked["outcome"], forged["outcome"]) == ("conflict", "refused")
    assert forged["why"] == "Forged code." and shop.balance(serial) == 0
    # The tablet says that the manager will look at both.
    assert [row.why for row in conflicts_of(shop, counter)] == ["card_not_active", "forged"]


def test_a_time_in_nobodys_shift_counts_nothing(shop: Shop, counter: Counter) -> None:
    till, serial, now = Alone(counter), shop.has_member(), shop.service.now
    queue = [till.earns(serial, 1000, at=at) for at in (now - 400, now + 400, now - 200, now + 200)]
    assert counter.outcomes(*queue) == ["refused", "refused", "applied", "applied"]


def test_a_revoked_till_s_queue_is_worth_so_much_and_not_more(shop: Shop, counter: Counter) -> None:
    till, serial = Alone(counter), shop.has_member()
    gives(shop, serial, 100)
    queue = [till.earns(serial, 1000), till.spends(serial, 10), till.earns(serial, 1500), till.earns(serial, 1500)]
    shop.clock.goes_on(60)
    counter.is_revoked()
    shop.clock.goes_on(60)
    late = till.earns(serial, 100)
    assert counter.outcomes(*queue, late) == ["applied", "refused", "applied", "refused", "refused"]
    assert shop.balance(serial) == 125


# -- hostile


HOSTILE: list[dict[str, Any]] = [
    {"at": "now"},
    {"at": -1},
    {"at": True},
    {"code": 5},
    {"code": "x" * 251},
    {"code": "LC1.\u202e"},
    {"kind": "adjust"},
    {"kind": ["earn"]},
    {"total": 10.5},
    {"total": "1000"},
    {"total": -1},
    {"total": 10_000_001},
    {"total": True},
    {"total": None},
    {"redeem": 5},
    {"reward": "espresso"},
    {"receipt": "R-1"},
    {"receipt": "till-" + "x" * 61},
    {"receipt": None},
    {"points": 100},
    {"stamps": 21},
    {"stamps": -1},
    {"stamps": "1"},
    {"staff": "owner"},
]


def test_an_odd_action_is_refused_alone_and_the_rest_counts(shop: Shop, counter: Counter) -> None:
    till, serial = Alone(counter), shop.has_member()
    queue = [till.earns(serial, 1000) | odd for odd in HOSTILE] + [till.earns(serial, 1000)]
    assert counter.outcomes(*queue) == ["refused"] * len(HOSTILE) + ["applied"]
    assert shop.balance(serial) == 10


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"actions": {}}, 422, "actions"),
        ({"actions": None}, 422, "actions"),
        ({"actions": [5]}, 422, "actions.0.id"),
        ({"actions": [{"id": "x", "seq": 1}]}, 422, "actions.0.id"),
        ({"actions": [{"id": "0" * 8 + "-0000" * 3 + "-" + "0" * 12, "seq": 0}]}, 422, "actions.0.seq"),
        ({"actions": [{"id": "0" * 8 + "-0000" * 3 + "-" + "0" * 12, "seq": True}]}, 422, "actions.0.seq"),
        ({"till_seq_from": "1"}, 422, "till_seq_from"),
        ({"till_seq_from": -1}, 422, "till_seq_from"),
        ({"extra": 1}, 422, "actions"),
        ({"actions": [{}] * 201}, 422, "actions"),
        ({"actions": ["x" * 70_000]}, 413, None),
    ],
)
def test_a_body_that_is_none_is_refused_whole(
    shop: Shop, counter: Counter, change: dict[str, Any], status: int, field: str | None
) -> None:
    got = counter.posts({"till_seq_from": 1, "actions": [], **change})
    assert got.status_code == status, got.text
    assert got.json.get("field") == field
    for raw in (b"{", b"[]", b'{"a":1,"a":2}', b"\xff", b"[" * 50_000):
        assert counter.client.post("/staff/sync", data=raw, content_type="application/json").status_code in (400, 422)
    assert counter.client.post("/staff/sync", data={"actions": "[]"}).status_code in (415, 422)


# -- many tills


class Tablet:
    """A till that loses its connection now and then, and answers on their way."""

    def __init__(self, counter: Counter, chance: random.Random) -> None:
        self.counter, self.alone, self.chance = counter, Alone(counter), chance
        self.queue: list[dict[str, Any]] = []
        self.settled: dict[str, str] = {}

    def does(self, action: dict[str, Any]) -> None:
        self.queue.append(action)
        if self.chance.random() < 0.25:
            self.syncs()

    def syncs(self) -> None:
        # Cut off anywhere, sent twice, in any order: what counts is the till's numbers.
        sent = copy.deepcopy(self.queue[: self.chance.randint(0, len(self.queue))])
        for _ in range(self.chance.choice((1, 1, 2))):
            told = self.counter.syncs(*self.chance.sample(sent, len(sent)))
        if sent and self.chance.random() < 0.7:
            self.hears(told)

    def hears(self, told: list[dict[str, Any]]) -> None:
        for result in told:
            self.settled.setdefault(result["id"], result["outcome"])
        self.queue = [action for action in self.queue if action["id"] not in self.settled]

    def comes_back(self) -> None:
        for start in range(0, len(self.queue), 200):
            self.hears(self.counter.syncs(*copy.deepcopy(self.queue[start : start + 200])))


def test_three_tills_that_come_and_go_lose_and_double_nothing(shop: Shop) -> None:
    chance = random.Random(20261125)
    tablets = [Tablet(Counter(shop, f"Counter {n}"), chance) for n in range(3)]
    members = [shop.has_member(f"Member {n}") for n in range(6)]
    for tablet in tablets:
        tablet.counter.starts(KASIA)
    given = dict.fromkeys(members, 0)
    done: list[tuple[str, dict[str, Any]]] = []
    for _ in range(200):
        tablet, serial = chance.choice(tablets), chance.choice(members)
        if chance.random() < 0.75:
            action = tablet.alone.earns(serial, chance.randint(1, 30) * 100)
        else:
            action = tablet.alone.spends(serial, chance.randint(1, FLOOR))
        done.append((serial, action))
        tablet.does(action)
        shop.clock.goes_on(1)
    for tablet in tablets:
        tablet.comes_back()
    outcomes = {id: outcome for tablet in tablets for id, outcome in tablet.settled.items()}
    for serial, action in done:
        outcome = outcomes[action["id"]]
        if action["kind"] == "earn":
            assert outcome in ("applied", "repeated")
            given[serial] += action["total"] // 100
        elif outcome in ("applied", "repeated"):
            given[serial] -= action["redeem"]
    assert {serial: shop.balance(serial) for serial in members} == given
    refused = [action for _, action in done if outcomes[action["id"]] == "conflict"]
    assert refused and len(refused) == sum(len(conflicts_of(shop, tablet.counter)) for tablet in tablets)
    with shop.service.store.reading() as tx:
        assert list(audit.verify(tx)) == []


def test_a_sync_is_never_taken_from_a_form(shop: Shop, counter: Counter) -> None:
    """A page of another site can send a form, and no JSON."""
    before = state(shop)
    desk = Desk(counter.client)
    got = desk.client.post("/staff/sync", data="{}", content_type="text/plain")
    assert got.status_code == 415 and state(shop) == before
