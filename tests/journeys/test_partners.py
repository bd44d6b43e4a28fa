"""A coalition: points given and taken at partners' tills, and who owes whom for it. On both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from passes import liability, partners, programmes
from passes.cli import main
from passes.errors import BadInput, NotFound
from passes.partners import Statement
from tests.corner_shop import CAFE, DAY, CornerShop
from tests.shop_system import open_shop

PARTNERS: list[dict[str, Any]] = [
    {"key": "bakery", "name": {"en": "Bakery"}, "gives_at": 450, "takes_at": 500},
    {"key": "cinema", "name": {"en": "Cinema"}, "gives_at": 333, "takes_at": 0, "earn": {"points": 3, "per": 100}},
]


@pytest.fixture
def shop(store_url: str) -> Iterator[CornerShop]:
    shop = CornerShop.open(store_url, partners=PARTNERS)
    shop.now = int(datetime(2026, 11, 10, 12, tzinfo=UTC).timestamp())
    yield shop
    assert shop.flaws() == []
    shop.close()


def clearing(shop: CornerShop, month: str) -> list[Statement]:
    with shop.store.reading() as tx:
        return partners.clearing(tx, programmes.find(tx, "cafe"), month)


def sums(shop: CornerShop) -> liability.Liability:
    with shop.store.reading() as tx:
        return liability.of(tx, programmes.find(tx, "cafe"))[0]


def test_a_month_is_cleared_as_it_is_by_hand(shop: CornerShop) -> None:
    anna = shop.joins()
    shop.posts(anna, "B1", total=12_345, partner="bakery")
    shop.posts(anna, "B2", total=1_000, redeem=101, partner="bakery")
    shop.posts(anna, "C1", total=1_099, partner="cinema")
    shop.posts(anna, "own", total=50_000)
    shop.posts(anna, "reward", reward="espresso", partner="bakery")
    # The bakery gave 123 + 4 (10.00 less 5.05 leaves 4.95) for 4.50 a hundred: 571.5, half a grosz up: 572.
    # It took 101 + 80 for 5.00 a hundred: 905. The cinema gives three for each złoty: 32 (of 10.99) for 3.33: 106.56.
    assert clearing(shop, "2026-11") == [
        Statement("bakery", given=127, taken=181, pays=572, gets=905),
        Statement("cinema", given=32, taken=0, pays=107, gets=0),
    ]
    assert clearing(shop, "2026-11")[0].owes == 572 - 905
    assert [each.given for each in clearing(shop, "2026-10")] == [0, 0]


def test_what_is_reversed_is_taken_off_the_month_in_which_it_is(shop: CornerShop) -> None:
    anna = shop.joins()
    shop.posts(anna, "B1", total=10_000, partner="bakery")
    shop.posts(anna, "B2", redeem=40, partner="bakery")
    shop.now += 25 * DAY
    for receipt in ("B2", "B1"):
        shop.takes_back(receipt)
    assert clearing(shop, "2026-11")[0] == Statement("bakery", 100, 40, 450, 200)
    assert clearing(shop, "2026-12")[0] == Statement("bakery", -100, -40, -450, -200)


def test_all_partners_and_the_programme_add_up(shop: CornerShop) -> None:
    cards = [shop.joins(name) for name in ("Anna", "Boris")]
    for number in range(12):
        shop.posts(cards[number % 2], total=1_000 + 777 * number, partner=("bakery", None, "cinema")[number % 3])
    shop.posts(cards[0], redeem=30, partner="bakery")
    given = sum(each.given - each.taken for each in clearing(shop, "2026-11"))
    own = sum((1_000 + 777 * number) // 100 for number in range(1, 12, 3))
    assert given + own == sum(shop.balance(card) for card in cards) == sums(shop).outstanding


def test_an_unknown_partner_or_month_is_refused(shop: CornerShop) -> None:
    anna = shop.joins()
    with pytest.raises(NotFound, match="no partner “nobody”"):
        shop.posts(anna, total=1_000, partner="nobody")
    for month in ("2026-13", "november", "2026-1", "٢٠٢٦-11"):
        with pytest.raises(BadInput, match="2026-11"):
            clearing(shop, month)


def test_what_members_hold_is_owed_and_what_ended_is_not(shop: CornerShop) -> None:
    anna = shop.joins()
    shop.posts(anna, total=10_000)
    shop.posts(anna, "R1", redeem=60)
    shop.posts(anna, "R2", redeem=20)
    shop.takes_back("R2")
    shop.now += 31 * DAY
    shop.sweeps()
    boris = shop.joins("Boris")
    shop.posts(boris, total=20_000)
    # 60 spent and 40 ended of 100; of the 200 that are left 400 in a thousand are expected to end, at 5 each.
    assert sums(shop) == liability.Liability(
        unit="points",
        given=300,
        spent=60,
        ended=40,
        outstanding=200,
        owed=1_000,
        broken=200,
        breakage_permille=400,
        expected=400,
    )


def test_the_statement_is_there_by_command_and_by_api(tmp_path: Path) -> None:
    shop = open_shop(tmp_path / "home")
    assert shop.post("/programmes", CAFE | {"key": "coalition", "partners": PARTNERS}).status_code == 201
    card = shop.post("/members", {"programme": "coalition", "name": "Anna"}).said["card"]
    shop.sells(card, 10_000, partner="bakery")
    month = f"{datetime.now(UTC):%Y-%m}"
    told = shop.get("/programmes/coalition/clearing", month=month).said
    assert told["partners"][0] == {"partner": "bakery", "given": 100, "taken": 0, "pays": 450, "gets": 0, "owes": 450}
    owed = shop.get("/programmes/coalition/liability").said["units"][0]
    assert (owed["outstanding"], owed["owed"], owed["breakage_permille"]) == (100, 500, None)
    arguments = ["--home", str(tmp_path / "home"), "programme", "clearing", "coalition", "--month", month]
    printed = CliRunner().invoke(main, arguments)
    assert printed.exit_code == 0 and "bakery\t100\t0\t450\t0\t450" in printed.stdout, json.dumps(printed.stdout)
