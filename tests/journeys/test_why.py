"""Why: a year of a programme that has everything, and every entry of it explained and computed again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest
from sqlalchemy import select

from passes import couponcodes, programmes
from passes.definition import Definition
from passes.errors import PassesError
from passes.points.amounts import Amounts
from passes.points.purses import is_member, unit_of
from passes.points.why import Entry, Teller
from passes.store import Row
from passes.store import tables as t
from passes.web.staff.story import tell
from passes.words import LANGUAGES
from tests.corner_shop import DAY, CornerShop
from tests.unit.rich_programme import RICH, rich, spoken

YEAR: dict[str, Any] = RICH | {"key": "cafe", "expire_days": None}
BASKETS = ("cake", "coffee", "tea", "bread")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CornerShop]:
    """After its year."""
    corner = CornerShop.open(f"sqlite:///{tmp_path_factory.mktemp('year')}/passes.db", **YEAR)
    chance = random.Random(71)
    guests = [corner.joins(name) for name in ("Anna", "Piotr", "Ola")]
    for day in range(365):
        corner.now += DAY
        if chance.random() < 0.5:
            _something_happens(corner, chance, chance.choice(guests), day)
    yield corner
    corner.store.close()


def _something_happens(shop: CornerShop, chance: random.Random, guest: str, day: int) -> None:
    """Most of it is a purchase; what is refused is refused, and nothing happened."""
    prices = [chance.randrange(300, 9000) for _ in range(chance.randrange(1, 4))]
    lines = [{"category": chance.choice(BASKETS), "quantity": chance.randrange(1, 5), "price": p} for p in prices]
    order: dict[str, Any] = {"total": sum(prices), "lines": lines}
    match chance.randrange(10):
        case 0:
            order = {"event": "review"}
        case 1:
            order |= {"redeem": 10 * chance.randrange(2, 9)}
        case 2:
            order |= {"reward": "espresso"}
        case 3:
            order |= {"promo": "SPRING"}
        case 4:
            order |= {"partner": "bakery"}
        case 5:
            order = {"adjust": chance.choice((-7, 12)), "reason": "a miscount"}
    try:
        shop.posts(guest, f"r{day}", **order)
        if chance.random() < 0.15:
            shop.takes_back(f"r{day}")
    except PassesError:
        pass


def entries(shop: CornerShop) -> list[Row]:
    with shop.store.reading() as tx:
        return list(tx.execute(select(t.Posting).order_by(t.Posting.seq)))


def computed(entry: Row, entries_by_seq: dict[int, Row]) -> int:
    """The amount again, from nothing but the inputs that the entry keeps."""
    why = entry.why
    match entry.kind:
        case "welcome":
            return int(why["welcome"])
        case "reward":
            return int(why["cost"])
        case "full":
            return int(why["cards"] * why["of"])
        case "earn" if "promo" in why:
            return int(why["gives"])
        case "earn" if "times_given" in why:
            return int(why["gives"] * why["times_given"])
        case "earn":
            # An event counts once; what is kept of it is its name.
            measured = next((why[name] for name in ("paid", "item", "visit") if name in why), 1)
            exact = Fraction(measured * why["points"], why["per"])
            down = {"down": exact, "nearest": exact + Fraction(1, 2), "up": exact + 1 - Fraction(1, exact.denominator)}
            base = down[why["rounding"]].__floor__()
            extra = sum(times["extra"] for times in why.get("times", ()))
            return int(base + extra - why.get("capped", {"lost": 0})["lost"])
        case "reverse":
            return int(entries_by_seq[why["posting"]].amount - why.get("forgiven", 0))
        case _:
            return int(entry.amount)


def test_every_entry_of_a_year_can_be_computed_again_from_what_it_keeps(shop: CornerShop) -> None:
    rows = entries(shop)
    by_seq = {row.seq: row for row in rows}
    assert len(rows) > 300
    assert {row.kind for row in rows} >= {"earn", "welcome", "redeem", "reward", "full", "reverse", "adjust", "expire"}
    wrong = [(row.seq, row.kind, row.amount, row.why) for row in rows if computed(row, by_seq) != row.amount]
    assert wrong == []


def test_every_entry_of_a_year_says_by_which_version_of_the_rules(shop: CornerShop) -> None:
    """What time ended, and what gives back an entry, are no decision of the rules: they name what they are of."""
    decided = [entry for entry in entries(shop) if entry.kind not in ("expire", "reverse")]
    assert {"earn", "welcome", "redeem", "reward", "adjust"} <= {entry.kind for entry in decided}
    with shop.store.reading() as tx:
        known = {rules.number for rules in programmes.rulesets(tx, programmes.find(tx, "cafe"))}
    assert all(entry.why["rules"] in known and entry.why["programme"] for entry in decided)
    other = [entry for entry in entries(shop) if entry not in decided]
    assert all({"expired", "of"} & entry.why.keys() for entry in other)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_entry_of_a_year_reads_as_a_sentence_with_its_numbers(shop: CornerShop, language: str) -> None:
    definition, words = Definition.model_validate(YEAR), spoken(language)
    teller, amounts = Teller(definition, words), Amounts.of(definition, words)
    for row in entries(shop):
        unit = unit_of(row.source, row.target)
        signed = row.amount if is_member(row.target) else -row.amount
        told = teller.sentence(Entry(row.kind, signed, row.why, unit))
        assert amounts.say(row.amount, unit) in told, (row.kind, row.why, told)
        if "paid" in row.why:
            assert amounts.money(row.why["paid"]) in told and amounts.money(row.why["per"]) in told
        for times in row.why.get("times", ()):
            assert f"×{amounts.factor(times['percent'])}" in told
            assert f"+{amounts.say(times['extra'], unit)}" in told
        if "capped" in row.why:
            assert amounts.say(row.why["capped"]["limit"], unit) in told
        assert "{" not in told and told[0] == told[0].upper() and told.rstrip()[-1] in ".t"


def said(kind: str, amount: int, why: dict[str, Any], language: str = "en", unit: str = "") -> str:
    told = Teller(rich(), spoken(language)).sentence(Entry(kind, amount, why, unit))
    return told.replace("\N{NO-BREAK SPACE}", " ")


def test_a_multiplier_and_a_cap_are_told_in_the_order_in_which_they_worked() -> None:
    why = {
        **{"paid": 4590, "points": 1, "per": 100, "rounding": "down", "rule": "earn", "base": 45},
        "times": [{"rule": "happy", "percent": 200, "extra": 45}],
        "capped": {"cap": "day", "limit": 50, "lost": 40},
    }
    assert said("earn", 50, why) == (
        "PLN45.90 paid, 1 point for every PLN1.00, rounded down: 45 points; Happy Monday ×2: +45 points; "
        "at most 50 points a day, 40 points above it do not count; in all 50 points."
    )
    assert said("earn", 50, why, "pl").startswith("Zapłacono 45,90 zł, za każde 1,00 zł – 1 punkt, zaokrąglone w dół:")
    assert said("earn", 50, why, "ru").endswith(
        "предел за день — 50 баллов, сверх этого не учтено: 40 баллов; всего 50 баллов."
    )


@pytest.mark.parametrize(
    ("kind", "amount", "why", "unit", "told"),
    [
        ("earn", 10, {"item": 5, "points": 5, "per": 2, "rounding": "down", "rule": "cake"}, "",
         "Cake week: 5 items, 5 points for every 2 items, rounded down: 10 points."),
        ("earn", 1, {"visit": 1, "points": 1, "per": 1, "rule": "visit"}, "stamps", "A visit, 1 stamp: 1 stamp."),
        ("earn", 12, {"visit": 1, "points": 12, "per": 1, "rule": "bigger", "threshold": 2500}, "",
         "A visit, 12 points, from PLN25.00 on, above your usual purchase: 12 points."),
        ("earn", 30, {"event": "review", "points": 30, "per": 1, "rule": "review"}, "",
         "“review”, 30 points: 30 points."),
        ("earn", 111, {"rule": "spender", "gives": 111, "times_given": 1, "measure": "spend", "reached": 300_500,
                       "needed": 300_000}, "", "Big spender, PLN3,005.00 of PLN3,000.00 reached: 111 points."),
        ("earn", 50, {"rule": "bonus", "gives": 25, "times_given": 2, "measure": "spend", "reached": 40_000,
                      "needed": 20_000}, "", "Goal, PLN400.00 of PLN200.00 reached: 2 × 25 points = 50 points."),
        ("earn", 20, {"rule": "stamps", "gives": 20, "times_given": 1, "stamps": 5, "of": 10}, "",
         "Stamp 5 of 10: 20 points."),
        ("earn", 2, {"paid": 300, "points": 2, "per": 300, "rounding": "down", "partner": "bakery", "rate": 5}, "",
         "PLN3.00 paid, 2 points for every PLN3.00: 2 points. At Bakery."),
        ("full", -20, {"rule": "stamps", "cards": 2, "of": 10}, "stamps",
         "2 full cards of 10 stamps; a new one begins: 20 stamps used."),
        ("redeem", -20, {"worth_of_one": 5}, "", "20 points at PLN0.05 each: PLN1.00 off."),
        ("redeem", -250, {"worth_of_one": 1}, "cash", "Paid with the card: PLN2.50."),
        ("reward", -80, {"reward": "espresso", "cost": 80}, "", "Espresso: 80 points spent."),
        ("reverse", -45, {"of": "earn", "posting": 1, "forgiven": 5}, "",
         "Taken back: 45 points (Purchase). 5 points were spent already and are forgiven."),
        ("reverse", -30, {"of": "forgiven", "posting": 1}, "", "Taken back: 30 points (Returned before)."),
        ("expire", -3, {"expired": 1_789_948_800}, "", "Valid until September 20, 2026 and not used: 3 points."),
        ("transfer", -5, {"to": "1234"}, "", "To the card ending in 1234: 5 points."),
        ("transfer", 5, {"from": "1234"}, "", "From the card ending in 1234: 5 points."),
        ("topup", 5000, {"topup": 5000}, "cash", "Paid in: PLN50.00."),
        ("referral", 55, {"referral": "referrer"}, "", "A friend you brought made a first purchase: 55 points."),
        ("referral", 22, {"referral": "friend"}, "", "You came with a friend's invitation: 22 points."),
        ("adjust", 1, {"reason": "sorry"}, "", "Given: 1 point. Reason: sorry"),
        ("earn", 33, {"promo": "spring", "gives": 33}, "", "Code “Spring”: 33 points."),
        ("earn", 3, {}, "", "Given: 3 points."),
        ("of a later version", 3, {"new": ["kind"]}, "", ""),
    ],
)  # fmt: skip
def test_every_kind_of_entry_has_its_sentence(
    kind: str, amount: int, why: dict[str, Any], unit: str, told: str
) -> None:
    assert said(kind, amount, why, unit=unit) == told


def test_what_ripens_says_from_when() -> None:
    entry = Entry("earn", 30, {"event": "review", "points": 30, "per": 1, "rule": "review"}, "", 1_791_158_400)
    assert Teller(rich(), spoken("en")).sentence(entry).endswith("To be spent from October 5, 2026.")


def test_the_till_reads_why_a_capped_rule_gave_nothing(shop: CornerShop) -> None:
    guest = shop.joins("Jan")
    shop.posts(guest, event="review")
    with shop.store.reading() as tx:
        programme = programmes.find(tx, "cafe")
    again = shop.quotes(guest, event="review")
    assert again["entries"] == []
    sentences = tell(again, programme, spoken("en")).sentences
    assert [each.replace("\N{NO-BREAK SPACE}", " ") for each in sentences] == [
        "At most 30 points a day, 30 points above it do not count."
    ]


@pytest.mark.parametrize(
    ("language", "cap", "lost", "told"),
    [
        ("en", "stock", 1, "Big spender: none left: 1 coupon is not given."),
        ("ru", "stock", 22, "Big spender: больше не осталось: не выдано 22 купона."),
        ("pl", "stock", 5, "Big spender: więcej już nie ma: nie wydano 5 kuponów."),
        ("en", "gifts", 2, "Big spender: at most 20 coupons on one receipt, 2 above it are not given."),
        ("ru", "gifts", 1, "Big spender: за один чек купонов не больше 20, сверх этого не выдан 1 купон."),
        ("pl", "gifts", 1, "Big spender: na jednym paragonie kuponów najwyżej 20, ponad to nie wydano 1 kuponu."),
    ],
)
def test_coupons_that_could_not_be_given_are_counted_as_coupons(language: str, cap: str, lost: int, told: str) -> None:
    note = {"rule": "spender", "cap": cap, "limit": 20, "lost": lost}
    assert Teller(rich(), spoken(language)).capped(note).replace("\N{NO-BREAK SPACE}", " ") == told


def test_the_till_reads_what_coupons_took_off(shop: CornerShop) -> None:
    guest = shop.joins("Ewa")
    with shop.store.reading() as tx:
        programme = programmes.find(tx, "cafe")
        code = tx.execute(select(t.Coupon.code).where(t.Coupon.card_id == shop.held(guest).id)).scalar_one()
    sentences = tell(
        shop.quotes(guest, total=5000, coupons=[couponcodes.written(code)]), programme, spoken("en"), 5000
    ).sentences
    assert sentences[0] == "Hello: PLN5.00 off."
