"""What a programme promises, as a shop's own system sees it kept: by the API alone, to the cent and to the second."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from passes.cli import main
from passes.points import audit
from tests.cast import Clock, Pass, days, hours
from tests.home import PUBLIC_URL
from tests.shop_system import Answer, ShopSystem, open_shop

WARSAW = ZoneInfo("Europe/Warsaw")
PLAIN: dict[str, Any] = {"name": {"en": "Club"}, "look": "cafe", "time_zone": "Europe/Warsaw"}


def at(year: int, month: int, day: int, hour: int = 0, minute: int = 0, fold: int = 0) -> float:
    """An instant as the clock on the shop's wall shows it."""
    return datetime(year, month, day, hour, minute, tzinfo=WARSAW, fold=fold).timestamp()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shop(tmp_path: Path, clock: Clock) -> Iterator[ShopSystem]:
    shop = open_shop(tmp_path / "home", clock=clock, limits__api="1000000/minute")
    yield shop
    with shop.service.store.reading() as tx:
        assert list(audit.verify(tx)) == []
    shop.service.store.close()


def promises(shop: ShopSystem, key: str, **parts: Any) -> None:
    made = shop.post("/programmes", PLAIN | {"key": key} | parts)
    assert made.status_code == 201, made.text


def earned(answer: Answer) -> int:
    assert answer.status_code == 201, answer.text
    return int(answer.said["effects"]["earned"])


CASHBACK: dict[str, Any] = {
    "kind": "cashback",
    "unit": "cashback",
    "earn": {"points": 5, "per": 100, "rounding": "nearest"},
    "rules": [{"key": "wine", "amount": 3, "per": 100, "goods": {"categories": ["wine"]}, "rounding": "down"}],
    "tiers": [
        {
            "key": "gold",
            "name": {"en": "Gold"},
            "threshold": 1000,
            "perks": [{"key": "half", "kind": "multiplier", "name": {"en": "Half more"}, "percent": 150}],
        }
    ],
    "redeem_policy": {"share_percent": 30},
}
# What was paid, of that for wine, and the cents: 5 % to the nearest, half up, and 3 % of wine rounded down.
BEFORE_GOLD = [
    (0, 0, 0),
    (1, 0, 0),
    (9, 0, 0),
    (10, 0, 1),
    (19, 0, 1),
    (29, 0, 1),
    (30, 0, 2),
    (99, 0, 5),
    (100, 33, 5),
    (100, 34, 6),
    (101, 101, 8),
    (110, 67, 8),
    (333, 333, 26),
    (999, 0, 50),
    (1999, 0, 100),
    (1999, 1000, 130),
    (3333, 3333, 266),
    (4590, 2295, 298),
]
# The same and half as much again, each rule by its own rounding: 8 and 4 are 12, 7 and 3 are 10.
WITH_GOLD = [
    (1, 0, 0),
    (9, 0, 0),
    (10, 0, 2),
    (30, 0, 3),
    (50, 0, 5),
    (100, 34, 9),
    (170, 0, 14),
    (233, 233, 27),
    (1999, 0, 150),
    (1999, 1000, 195),
    (4590, 2295, 447),
    (10_000, 0, 750),
]


def test_thirty_receipts_of_cashback_to_the_cent(shop: ShopSystem) -> None:
    promises(shop, "cash", **CASHBACK)
    _, anna = shop.joins(programme="cash")
    total = 0
    for table in (BEFORE_GOLD, WITH_GOLD):
        for paid, wine, cents in table:
            lines = [{"quantity": 1, "price": wine, "category": "wine"}, {"quantity": 1, "price": paid - wine}]
            given = earned(shop.sells(anna, paid, lines=lines))
            assert given == cents, (paid, wine)
            total += cents
        if table is BEFORE_GOLD:
            assert total == 907 and shop.get(f"/cards/{anna}").said["tier"] is None
            assert earned(shop.sells(anna, 2000)) == 100
            total += 100
    card = shop.get(f"/cards/{anna}").said
    assert (card["balances"], card["tier"]) == ({"cashback": total}, "gold")
    assert shop.sells(anna, 999, redeem=300).said["detail"].endswith("at most 299.")
    assert shop.sells(anna, 999, redeem=299).said["balances"] == {"cashback": total - 299 + 53}


def test_a_review_counts_once_a_day_and_says_why_it_does_not_again(shop: ShopSystem, clock: Clock) -> None:
    review = {"key": "review", "measure": "event", "amount": 30, "when": {"event": "review_left"}, "caps": {"day": 30}}
    promises(shop, "club", rules=[review])
    _, anna = shop.joins(programme="club")
    clock.at = at(2027, 3, 27, 23, 59)
    told = [shop.post(f"/cards/{anna}/receipts", {"receipt": f"E-{n}", "event": "review_left"}).said for n in range(3)]
    assert [each["effects"]["earned"] for each in told] == [30, 0, 0]
    assert [each["notes"] for each in told[1:]] == [[{"rule": "review", "cap": "day", "limit": 30, "lost": 30}]] * 2
    again = [shop.post(f"/cards/{anna}/receipts", {"receipt": f"E-{n}", "event": "review_left"}).said for n in range(3)]
    assert again == told, "a repeat is no fourth review"
    for number, (day, hour, minute, points) in enumerate([(28, 0, 0, 30), (28, 23, 59, 0), (29, 0, 0, 30)]):
        # The day between has twenty-three hours.
        clock.at = at(2027, 3, day, hour, minute)
        sent = {"receipt": f"F-{number}", "event": "review_left"}
        assert earned(shop.post(f"/cards/{anna}/receipts", sent)) == points, (day, hour)


def test_a_day_of_twenty_five_hours_ends_when_the_wall_says_so(shop: ShopSystem, clock: Clock) -> None:
    night = {"weekdays": [7], "from_minute": 120, "until_minute": 180}
    promises(shop, "club", expire_days=1, multipliers=[{"key": "owls", "percent": 300, "when": night}])
    _, anna = shop.joins(programme="club")
    moments = [at(2026, 10, 25, 1, 59), at(2026, 10, 25, 2), at(2026, 10, 25, 2, 59, fold=1), at(2026, 10, 25, 3)]
    for moment, points in zip(moments, (1, 3, 3, 1), strict=True):
        clock.at = moment
        assert earned(shop.sells(anna, 100)) == points
    clock.at = at(2026, 10, 26, 23, 59) + 59
    assert shop.sells(anna, 0, redeem=1).said["balances"] == {"points": 7}
    clock.at += 1
    assert shop.sells(anna, 0, redeem=1).said["code"] == "not_enough_points"


class Year:
    """The tiers of a calendar year, told simply: what was spent by year, and thirty days of grace."""

    LEVELS = ((50_000, "silver"), (120_000, "gold"))

    def __init__(self) -> None:
        self.spent: dict[int, int] = {}

    def tier(self, today: date) -> str | None:
        years = {today.year, today.year - 1}
        if today < date(today.year, 1, 31):
            years.add(today.year - 2)
        best = max(self.spent.get(year, 0) for year in years)
        return next((name for least, name in reversed(self.LEVELS) if best >= least), None)


def test_the_tiers_of_three_years_are_those_of_an_oracle(shop: ShopSystem, clock: Clock) -> None:
    levels = [{"key": name, "name": {"en": name}, "threshold": least} for least, name in Year.LEVELS]
    promises(shop, "club", tiers=levels, tier_policy={"by": "spend", "period": "year", "grace_days": 30})
    _, anna = shop.joins(programme="club")
    oracle, told, expected = Year(), [], []
    clock.at = at(2027, 1, 15, 12)
    for visit in range(3 * 24):
        today = datetime.fromtimestamp(clock.at, WARSAW).date()
        # Much in the first year, little in the second, nothing in the third.
        total = (7_000, 2_400, 0)[visit // 24] if visit % 5 else 1
        if total:
            oracle.spent[today.year] = oracle.spent.get(today.year, 0) + total
            shop.sells(anna, total)
        told.append((today, shop.get(f"/cards/{anna}").said["tier"]))
        expected.append((today, oracle.tier(today)))
        clock.goes_on(days(15.2))
    assert told == expected
    assert {tier for _, tier in told} == {None, "silver", "gold"}


def test_what_a_tier_brings_ends_with_it_though_nobody_swept(shop: ShopSystem, clock: Clock) -> None:
    double = {"key": "double", "kind": "multiplier", "name": {"en": "Double"}, "percent": 200}
    gold = {"key": "gold", "name": {"en": "Gold"}, "threshold": 10_000, "perks": [double]}
    promises(
        shop,
        "club",
        tiers=[gold],
        tier_policy={"by": "spend", "period": "months", "months": 1},
        rewards=[{"key": "mug", "name": {"en": "Mug"}, "cost": 5, "tiers": ["gold"]}],
        promos=[{"key": "p", "code": "ONLY-GOLD", "name": {"en": "P"}, "give": {"amount": 5}, "tiers": ["gold"]}],
    )
    _, anna = shop.joins(programme="club")
    clock.at = at(2027, 5, 3, 12)
    shop.sells(anna, 10_000)
    ends = at(2027, 6, 1)
    clock.at = ends - 1
    assert shop.get(f"/cards/{anna}/entitlements").said["tier_until"] == ends
    assert earned(shop.sells(anna, 1_000)) == 20
    assert earned(shop.sells(anna, 0, promo="ONLY-GOLD")) == 5
    clock.at = ends
    assert shop.get(f"/cards/{anna}").said["tier"] is None
    assert shop.get(f"/cards/{anna}/entitlements").said == {"tier": None, "tier_until": None, "entitlements": []}
    assert shop.sells(anna, 0, promo="ONLY-GOLD").said["code"] == "promo_not_yours"
    assert shop.post(f"/cards/{anna}/rewards/mug/redeem").said["code"] == "reward_not_available"
    quoted = shop.post(f"/cards/{anna}/receipts/quote", {"receipt": "Q", "total": 1_000}).said
    assert quoted["effects"]["earned"] == earned(shop.sells(anna, 1_000, "R-1")) == 10
    assert shop.post("/receipts/R-1/reverse").said["tier"] is None


MUG = {"key": "mug", "name": {"en": "Mug"}, "cost": 100}
MANAGER = {"key": "manager", "kind": "manager", "name": {"en": "Your manager"}, "contact": "Ewa, +48 600 100 200"}


def test_early_access_opens_at_its_second_and_the_pass_names_the_manager(tmp_path: Path, clock: Clock) -> None:
    shop = open_shop(tmp_path / "home", apple=True, clock=clock, limits__api="1000000/minute")
    opens = int(clock()) + hours(1)
    early = {"key": "sale", "kind": "early_access", "name": {"en": "Sale"}, "starts": opens, "ends": opens + hours(2)}
    delivery = {"key": "bring", "kind": "free_delivery", "name": {"en": "Delivery"}, "least": 5_000}
    gold = {"key": "gold", "name": {"en": "Gold"}, "threshold": 10, "perks": [early, delivery, MANAGER]}
    promises(shop, "club", tiers=[gold])
    joined = shop.post("/members", {"programme": "club", "name": "Anna"}).said
    anna, path = joined["card"], joined["links"]["apple"].removeprefix(PUBLIC_URL)

    def active() -> dict[str, bool]:
        return {each["key"]: each["active"] for each in shop.get(f"/cards/{anna}/entitlements").said["entitlements"]}

    def is_named() -> bool:
        return Pass(shop.app.test_client().get(path).data, None).says("Ewa, +48 600 100 200")

    assert active() == {} and not is_named()
    shop.sells(anna, 1_000)
    assert active() == {"sale": False, "bring": True, "manager": True}
    assert is_named()
    clock.at = opens - 1
    assert active()["sale"] is False
    clock.at = opens
    assert active()["sale"] is True
    clock.at = opens + hours(2)
    assert active() == {"bring": True, "manager": True}
    shop.service.store.close()


def test_a_season_doubles_from_its_first_second_to_its_last(shop: ShopSystem, clock: Clock) -> None:
    starts, ends = int(at(2026, 11, 27)), int(at(2026, 12, 1))
    season = {"key": "black", "name": {"en": "Black Friday"}, "percent": 200, "when": {"starts": starts, "ends": ends}}
    promises(shop, "club", multipliers=[season], earn={"points": 1, "per": 100})
    _, anna = shop.joins(programme="club")
    given = []
    for moment in (starts - 1, starts, ends - 1, ends):
        clock.at = moment
        given.append(earned(shop.sells(anna, 1_000)))
    assert given == [10, 20, 20, 10]
    rules = "\n".join(shop.get("/programmes/club").said["rules_text"]["en"])
    assert "November 27, 2026" in rules and "November 30, 2026" in rules, "the days on the shop's wall"


def test_one_receipt_does_everything_and_the_card_changes_once(shop: ShopSystem) -> None:
    promises(
        shop,
        "all",
        units=[{"key": "stamps", "kind": "stamps"}, {"key": "miles"}],
        welcome=20,
        rules=[
            {"key": "stamp", "unit": "stamps", "measure": "visit", "amount": 1},
            {"key": "fly", "unit": "miles", "amount": 3, "per": 1000, "rounding": "up"},
        ],
        stamps={"unit": "stamps", "of": 2, "prizes": [{"at": 2, "give": {"coupon": "cake"}}]},
        every=[{"key": "voucher", "spend": 5_000, "give": {"coupon": "off"}}],
        coupons=[
            {"key": "cake", "name": {"en": "A cake"}},
            {"key": "off", "name": {"en": "5 off"}, "discount": {"money": 500}, "stacks": True},
        ],
        tiers=[{"key": "silver", "name": {"en": "Silver"}, "threshold": 100}],
    )
    _, anna = shop.joins(programme="all")
    shop.sells(anna, 1_000)
    before = shop.get(f"/cards/{anna}").said
    told = shop.sells(anna, 9_001, "R-1").said
    after = shop.get(f"/cards/{anna}").said
    assert told["balances"] == after["balances"] == {"points": 20 + 10 + 90, "stamps": 0, "miles": 3 + 28}
    assert (told["tier"], told["effects"]["tier_changed"]) == ("silver", True)
    kinds = [each["coupon"] for each in shop.get(f"/cards/{anna}/coupons").said["coupons"]]
    assert sorted(kinds) == ["cake", "off", "off"]
    assert after["revision"] == before["revision"] + 1
    undone = shop.post("/receipts/R-1/reverse").said
    assert undone["balances"] == before["balances"] and undone["tier"] is None
    states = [each["state"] for each in shop.get(f"/cards/{anna}/coupons").said["coupons"]]
    assert states == ["void"] * 3
    assert shop.get(f"/cards/{anna}").said["revision"] == before["revision"] + 2


def test_the_next_step_follows_a_members_own_average_and_the_pass_says_it(tmp_path: Path, clock: Clock) -> None:
    shop = open_shop(tmp_path / "home", apple=True, clock=clock, limits__api="1000000/minute")
    above = {"above_own_average": {"percent": 120, "after_purchases": 3}}
    step = {"key": "step", "measure": "visit", "amount": 50, "when": above}
    promises(shop, "club", rules=[step])
    joined = shop.post("/members", {"programme": "club", "name": "Anna"}).said
    anna, links = joined["card"], joined["links"]
    iphone, page = shop.app.test_client(), shop.app.test_client()

    def is_shown(needed: int) -> bool:
        said = f"Next time from PLN{needed / 100:.2f}: +50 points"
        on_page = said in page.get(links["ecard"].removeprefix(PUBLIC_URL), follow_redirects=True).text
        shown = Pass(iphone.get(links["apple"].removeprefix(PUBLIC_URL)).data, None)
        return on_page and shown.says(said)

    totals, chance = [2_001, 2_000, 2_000], Random(34)
    assert [earned(shop.sells(anna, total, f"R-{place}")) for place, total in enumerate(totals)] == [20] * 3
    for place in range(3, 15):
        # A fifth above the average before, by no way in which the engine counts; never below the average.
        needed = next(n for n in range(10**6) if n * 5 * len(totals) >= 6 * sum(totals))
        assert needed * len(totals) >= sum(totals) and is_shown(needed)
        total = needed + chance.choice((-1, 0, chance.randrange(3_000), -chance.randrange(2_000)))
        brought = 50 if total >= needed else 0
        quoted = shop.post(f"/cards/{anna}/receipts/quote", {"receipt": "Q", "total": total}).said
        told = shop.sells(anna, total, f"R-{place}")
        assert quoted["effects"]["earned"] == earned(told) == total // 100 + brought
        assert [why["threshold"] for why in told.said["why"] if why["rule"] == "step"] == [needed] * bool(brought)
        totals.append(total)
    totals.pop()
    assert shop.post(f"/receipts/R-{len(totals)}/reverse").status_code == 201
    assert is_shown(-(-sum(totals) * 120 // (100 * len(totals)))), "what was taken back is not usual"
    shop.service.store.close()


def test_a_clock_that_steps_back_gives_and_takes_nothing_twice(shop: ShopSystem, clock: Clock) -> None:
    promises(shop, "club", expire_days=1, rules=[{"key": "in", "measure": "visit", "amount": 5, "caps": {"day": 5}}])
    _, anna = shop.joins(programme="club")
    clock.at = datetime(2027, 5, 3, 12, tzinfo=UTC).timestamp()
    assert earned(shop.sells(anna, 1_000, "R-1")) == 15
    clock.goes_on(days(3))
    assert earned(shop.sells(anna, 1_000, "R-2")) == 15
    assert shop.points(anna) == 15, "the first have ended"
    clock.goes_on(-days(3))
    assert earned(shop.sells(anna, 1_000, "R-3")) == 10, "that day's five were given"
    assert shop.post("/receipts/R-2/reverse").said["balances"] == {"points": 10}
    assert shop.post("/receipts/R-1/reverse").status_code == 409, "what ended is not there to be taken back"
    clock.goes_on(days(4))
    assert shop.get(f"/cards/{anna}").said["balances"] == {"points": 0}


HYBRID: dict[str, Any] = {
    "worth_of_one": 3,
    "overdraw": "forgive",
    "units": [{"key": "stamps", "kind": "stamps"}],
    "rules": [
        {"key": "stamp", "unit": "stamps", "measure": "item", "amount": 1, "goods": {"categories": ["coffee"]}},
        {"key": "daily", "measure": "visit", "amount": 10, "caps": {"day": 25}},
    ],
    "multipliers": [{"key": "tea", "percent": 200, "goods": {"categories": ["tea"]}}],
    "coupons": [
        {"key": "less", "name": {"en": "13 % off"}, "discount": {"percent": 13}, "stacks": True, "stock": 9},
        {"key": "cup", "name": {"en": "A coffee"}, "discount": {"free_item": True}, "stacks": True},
    ],
    "stamps": {
        "unit": "stamps",
        "of": 4,
        "prizes": [{"at": 2, "give": {"coupon": "less"}}, {"at": 4, "give": {"coupon": "cup"}}],
    },
    "every": [{"key": "thirty", "spend": 3_000, "give": {"amount": 9}}],
    "tiers": [{"key": "gold", "name": {"en": "Gold"}, "threshold": 60}],
    "rewards": [{"key": "mug", "name": {"en": "Mug"}, "cost": 11, "stock": 5, "coupon": "less"}],
    "promos": [{"key": "six", "code": "SIX", "name": {"en": "Six"}, "give": {"amount": 6}, "total": 4}],
}


def buys_at_random(shop: ShopSystem, card: str, receipt: str, chance: Random) -> list[dict[str, Any]] | None:
    """The lines that were bought; None where the till refused."""
    kinds = [chance.choice(("coffee", "tea", "cake")) for _ in range(chance.randint(0, 3))]
    lines: list[dict[str, Any]] = [
        {"quantity": chance.randint(1, 3), "price": chance.randint(0, 900), "category": kind} for kind in kinds
    ]
    held = shop.get(f"/cards/{card}/coupons", limit=200).said["coupons"]
    codes = [each["code"] for each in held if each["state"] == "issued"]
    wanted: dict[str, Any] = {
        "coupons": codes[:1] if chance.random() < 0.4 else [],
        "promo": "SIX" if chance.random() < 0.2 else None,
        "reward": "mug" if chance.random() < 0.2 else None,
        "redeem": chance.randint(1, 20) if chance.random() < 0.3 else 0,
    }
    total = sum(line["price"] for line in lines) + chance.choice((0, 0, 150))
    answer = shop.sells(card, total, receipt, lines=lines, **wanted)
    assert answer.status_code in (201, 409, 422), answer.text
    return lines if answer.status_code == 201 else None


@pytest.mark.parametrize("seed", range(6))
def test_in_whatever_order_everything_comes_back_nothing_stays(shop: ShopSystem, seed: int) -> None:
    promises(shop, "all", **HYBRID)
    chance, bought = Random(seed), list[str]()
    _, anna = shop.joins(programme="all")
    for number in range(20):
        lines = buys_at_random(shop, anna, f"R-{number}", chance)
        if lines is None:
            continue
        bought.append(f"R-{number}")
        for place, line in enumerate(lines):
            if chance.random() < 0.2:
                some = [{"line": place, "quantity": chance.randint(1, line["quantity"])}]
                back = shop.post(f"/receipts/R-{number}/reverse", {"receipt": f"B-{number}-{place}", "lines": some})
                assert back.status_code in (201, 409), back.text
    assert len(bought) > 8
    chance.shuffle(bought)
    for receipt in bought:
        answer = shop.post(f"/receipts/{receipt}/reverse")
        assert answer.status_code == 201 or "reversed already" in answer.text, answer.text
    card = shop.get(f"/cards/{anna}").said
    assert set(card["balances"].values()) == {0} and card["tier"] is None
    states = {each["state"] for each in shop.get(f"/cards/{anna}/coupons", limit=200).said["coupons"]}
    assert states <= {"void", "expired"}
    shop.sells(anna, 10_000)
    told = [shop.sells(anna, 0, promo="SIX").status_code for _ in range(5)]
    assert told == [201] * 4 + [409], "every use of the code came back, too"


def test_rules_are_looked_over_before_anybody_promises_them(shop: ShopSystem, tmp_path: Path) -> None:
    file = tmp_path / "draft.json"

    def checked(sent: bytes, language: str = "en") -> tuple[int, list[str]]:
        file.write_bytes(sent)
        home = str(shop.service.settings.home)
        done = CliRunner().invoke(main, ["--home", home, "programme", "check", str(file), "--language", language])
        return done.exit_code, done.stdout.splitlines()

    draft: dict[str, Any] = PLAIN | {"key": "draft", "welcome": 21, "rewards": [MUG]}
    code, told = checked(codecs.BOM_UTF8 + json.dumps(draft).encode(), "ru")
    assert code == 0 and "За вступление — 21\N{NO-BREAK SPACE}балл." in told
    rare = {"key": "in", "measure": "visit", "amount": 1, "caps": {"ever": 5}}
    code, told = checked(json.dumps(draft | {"earn": {"points": 0}, "welcome": 0, "rules": [rare]}).encode())
    assert code == 1 and told[0].startswith("refuse\trewards.0.cost\tThe reward “mug” needs 100, and a card can")
    refused = shop.post("/programmes", draft | {"earn": {"points": 0}, "welcome": 0, "rules": [rare]})
    assert (refused.status_code, refused.said["field"]) == (422, "rewards.0.cost")
    unlooked = draft | {"look": "nowhere"}
    code, told = checked(json.dumps(unlooked).encode())
    assert code == 1 and told[0].startswith("refuse\tlook\tThere is no look “nowhere”; there are: ")
    refused = shop.post("/programmes", unlooked)
    assert (refused.status_code, refused.said["field"]) == (422, "look") and told[0].endswith(refused.said["detail"])
    code, told = checked(json.dumps(draft | {"rewards": [MUG, MUG]}).encode())
    assert code == 1 and told == ["refuse\trewards.1.key\tanother than “mug”, which rewards.0.key is"]
    refused = shop.post("/programmes", draft | {"rewards": [MUG, MUG]})
    assert (refused.status_code, refused.said["field"]) == (422, "rewards.1.key")
    for broken in (b"", b"[" * 10_000, b"\xff", b'{"welcome": NaN}'):
        code, told = checked(broken)
        assert code == 1 and all(line.startswith("refuse\t") for line in told)
