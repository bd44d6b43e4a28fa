"""The forgotten card: a purchase kept until somebody claims it, by one card and once. On both databases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from passes import actions, claimcodes, claims, dump, programmes, rights, staff
from passes.claims import Maker
from passes.config import Settings, Shop, TillSection
from passes.errors import BadInput, CardNotActive, KeyReused, NotFound, TooManyTries
from passes.points.orders import Order
from passes.staff import Presence
from passes.store import Row
from passes.store import tables as t
from tests.corner_shop import DAY, KEYS, START, CornerShop, make_tables, together

SETTINGS = Settings(home=Path(), till=TillSection(earns_a_day=3), shop=Shop(time_zone="UTC"))
SYSTEM = Maker("key till")


@pytest.fixture
def shop(store_url: str) -> Iterator[CornerShop]:
    shop = CornerShop.open(store_url)
    yield shop
    assert shop.flaws() == []
    shop.close()


def makes(shop: CornerShop, receipt: str = "R1", maker: Maker = SYSTEM, days: int = 30, **order: Any) -> str:
    """The code that is printed."""
    with shop.store.transaction() as tx:
        asked = Order(receipt, **({"total": 1250} | order))
        row, _ = claims.make(tx, KEYS, programmes.find(tx, "cafe"), asked, maker, days, shop.now)
        return claimcodes.written(claims.code(KEYS, row))


def brings(shop: CornerShop, serial: str, code: str) -> dict[str, Any]:
    return claims.bring(shop.store, KEYS, SETTINGS, serial, code, serial, shop.now).body


def voids(shop: CornerShop, receipt: str = "R1") -> None:
    with shop.store.transaction() as tx:
        claims.void(tx, claims.of_receipt(tx, receipt), shop.now)


def kept(shop: CornerShop, receipt: str = "R1") -> Row:
    with shop.store.reading() as tx:
        return claims.of_receipt(tx, receipt)


def kasia(shop: CornerShop) -> Maker:
    """A cashier, in a shift at an enrolled till."""
    with shop.store.transaction() as tx:
        person = staff.add(tx, "kasia@cafe.example.org", "cashier", shop.now)
        till = {"key": "till-1", "name": "Counter", "location": "Old Town", "created": shop.now}
        till_id = tx.execute(insert(t.Till).values(till).returning(t.Till.id)).scalar_one()
        shift = {"till_id": till_id, "staff_id": person.id, "started": shop.now}
        shift_id = tx.execute(insert(t.Shift).values(shift).returning(t.Shift.id)).scalar_one()
    who = Presence(person, "till-1", till_id, "Old Town", shift_id)
    return Maker(who.stamp, who)


def log(shop: CornerShop) -> list[tuple[Any, ...]]:
    shown = select(t.Action.what, t.Action.outcome, t.Action.till, t.Action.shift_id, t.Action.amount)
    with shop.store.reading() as tx:
        return [tuple(row) for row in tx.execute(shown.order_by(t.Action.id))]


def test_a_claim_is_an_ordinary_receipt_of_the_card_that_brings_it(shop: CornerShop) -> None:
    code = makes(shop)
    shop.now += DAY
    anna = shop.joins("Anna")
    told = brings(shop, anna, code)
    assert (told["receipt"], told["effects"]["earned"], shop.balance(anna)) == ("R1", 12, 12)
    with shop.store.reading() as tx:
        receipt = tx.execute(select(t.Receipt)).one()
    assert (receipt.created, receipt.staff, receipt.total) == (shop.now, "key till", 1250)
    shop.takes_back("R1")
    assert shop.balance(anna) == 0


def test_the_code_is_nowhere_in_the_store(shop: CornerShop) -> None:
    code, row = makes(shop), kept(shop)
    known = claimcodes.read(code)
    assert known and known not in repr(row) and known.encode() not in (row.nonce, row.hash)
    assert makes(shop) == code, "but the service can say it again"


def test_the_same_card_asks_again_and_is_told_the_same(shop: CornerShop) -> None:
    code, anna, boris = makes(shop), shop.joins("Anna"), shop.joins("Boris")
    told = brings(shop, anna, code)
    shop.posts(anna, total=5000)
    shop.now += 60 * DAY
    assert brings(shop, anna, code) == told and shop.count(t.Receipt) == 2
    with pytest.raises(claims.ClaimTaken, match="claimed already"):
        brings(shop, boris, code)


def test_of_many_people_at_once_exactly_one_gets_it(shop: CornerShop) -> None:
    people = [shop.joins(f"Member {n}") for n in range(8)]
    for n in range(3):
        code = makes(shop, f"R{n}")
        told = together(*[partial(brings, shop, serial, code) for serial in people])
        assert Counter(type(answer) for answer in told) == {dict: 1, claims.ClaimTaken: 7}
    assert sum(map(shop.balance, people)) == 3 * 12 and shop.count(t.Receipt) == 3


def test_one_person_who_taps_ten_times_has_it_once(shop: CornerShop) -> None:
    code, anna = makes(shop), shop.joins("Anna")
    told = together(*[partial(brings, shop, anna, code)] * 10)
    assert told == [told[0]] * 10 and isinstance(told[0], dict) and shop.balance(anna) == 12


def test_claimed_and_taken_back_at_once_is_one_of_the_two(shop: CornerShop) -> None:
    for n in range(6):
        code, anna = makes(shop, f"R{n}"), shop.joins(f"Anna {n}")
        claimed, voided = together(partial(brings, shop, anna, code), partial(voids, shop, f"R{n}"))
        if isinstance(claimed, dict):
            assert isinstance(voided, claims.ClaimTaken) and shop.balance(anna) == 12
        else:
            assert isinstance(claimed, claims.ClaimVoid) and voided is None and shop.balance(anna) == 0


def test_a_till_that_says_it_twenty_times_at_once_made_one(shop: CornerShop) -> None:
    told = together(*[partial(makes, shop)] * 20)
    assert told == [told[0]] * 20 and isinstance(told[0], str) and shop.count(t.Claim) == 1


def test_after_its_last_day_it_is_over_and_later_forgotten(shop: CornerShop) -> None:
    code, anna = makes(shop, days=2), shop.joins("Anna")
    assert kept(shop).ends == START + 3 * DAY
    shop.now = START + 3 * DAY
    with pytest.raises(claims.ClaimOver, match="until 2026-09-23"):
        brings(shop, anna, code)
    shop.sweeps()
    assert shop.count(t.Claim) == 1
    shop.now += claims.KEPT_SECONDS + 1
    shop.sweeps()
    assert shop.count(t.Claim) == 0
    with pytest.raises(claims.ClaimUnknown):
        brings(shop, anna, code)


def test_what_the_till_took_back_nobody_claims(shop: CornerShop) -> None:
    code, anna = makes(shop), shop.joins("Anna")
    voids(shop)
    voids(shop)
    with pytest.raises(claims.ClaimVoid):
        brings(shop, anna, code)
    with pytest.raises(NotFound):
        voids(shop, "R2")


def test_one_number_is_one_purchase(shop: CornerShop) -> None:
    code, anna, boris = makes(shop), shop.joins("Anna"), shop.joins("Boris")
    with pytest.raises(KeyReused):
        makes(shop, total=1251)
    shop.posts(anna, "R2", total=900)
    with pytest.raises(KeyReused):
        makes(shop, "R2", total=900)
    # The shop's system finds the card after all; the slip is still in somebody's pocket.
    shop.posts(anna, "R1", total=1250)
    with pytest.raises(claims.ClaimTaken, match="counted already"):
        brings(shop, boris, code)
    assert brings(shop, anna, code)["effects"]["earned"] == 12 and shop.balance(anna) == 9 + 12


def test_a_card_of_another_programme_or_one_that_ended_cannot(shop: CornerShop) -> None:
    shop.promises(key="bakery")
    code, blocked = makes(shop), shop.joins("Boris")
    with pytest.raises(claims.ClaimOfAnother, match="cafe"):
        brings(shop, shop.joins(programme="bakery"), code)
    shop.sets(blocked, "blocked")
    with pytest.raises(CardNotActive):
        brings(shop, blocked, code)
    assert kept(shop).claimed is None


def test_it_counts_for_the_person_the_till_and_the_shift_that_made_it(shop: CornerShop) -> None:
    maker = kasia(shop)
    code, anna = makes(shop, maker=maker, location="Old Town"), shop.joins("Anna")
    shop.now += DAY
    brings(shop, anna, code)
    brings(shop, anna, code)
    assert maker.who and log(shop) == [("claim", "done", "till-1", maker.who.shift_id, 12)]
    with shop.store.reading() as tx:
        assert tx.execute(select(t.Receipt.staff)).scalar_one() == maker.stamp


def test_nobody_claims_what_they_made_themselves(shop: CornerShop) -> None:
    maker, own = kasia(shop), shop.joins("Kasia")
    assert maker.who
    with shop.store.transaction() as tx:
        linked = {"staff_id": maker.who.person.id, "card_id": shop.held(own).id}
        tx.execute(insert(t.StaffCard).values(linked))
    with pytest.raises(rights.OwnCard):
        brings(shop, own, makes(shop, maker=maker))
    assert shop.balance(own) == 0 and log(shop) == [("claim", "own_card", "till-1", maker.who.shift_id, 0)]
    brings(shop, own, makes(shop, "R2"))
    assert shop.balance(own) == 12, "a purchase that a colleague rang up is theirs like anybody's"


def test_a_card_claims_as_often_in_a_day_as_it_may_earn(shop: CornerShop) -> None:
    maker, anna = kasia(shop), shop.joins("Anna")
    assert maker.who
    codes = [makes(shop, f"R{n}", maker) for n in range(4)]
    with shop.store.transaction() as tx:
        actions.write(tx, maker.who, "earn", actions.DONE, shop.now, card_id=shop.held(anna).id)
    brings(shop, anna, codes[0])
    brings(shop, anna, codes[1])
    with pytest.raises(rights.DayIsFull, match="at most 3 times"):
        brings(shop, anna, codes[2])
    assert shop.balance(anna) == 24 and kept(shop, "R2").claimed is None
    shop.now += DAY
    brings(shop, anna, codes[2])


def test_what_no_card_could_have_is_refused_before_it_is_printed(shop: CornerShop) -> None:
    for order in ({"total": 0}, {"currency": "EUR"}, {"total": 200_000_000_000}):
        with pytest.raises(BadInput):
            makes(shop, **order)
    with pytest.raises(NotFound, match="no partner"):
        makes(shop, partner="nobody")
    assert shop.count(t.Claim) == 0


def test_it_says_beforehand_what_it_is_worth(shop: CornerShop) -> None:
    shop.amends(units=[{"key": "stamps", "kind": "stamps"}], rules=[{"key": "v", "measure": "visit", "amount": 1}])
    makes(shop)
    with shop.store.reading() as tx:
        assert claims.worth(programmes.find(tx, "cafe"), claims.bought(kept(shop)), shop.now) == {"points": 13}


def test_guesses_are_counted_and_good_codes_are_not(shop: CornerShop) -> None:
    code = makes(shop)

    def tries(brought: str) -> None:
        with shop.store.transaction() as tx:
            claims.count_try(tx, KEYS, "192.0.2.7", brought, shop.now)

    for n in range(claims.FREE_TRIES):
        tries(code)
        tries("LC1.ABCDEFGHIJKLMNOP.ABCDEFGHIJKLM")
        tries(f"R{n:020d}")
    with pytest.raises(TooManyTries):
        tries(code)


def test_a_backup_carries_what_nobody_has_claimed_yet(shop: CornerShop, tmp_path: Path) -> None:
    code, anna = makes(shop, maker=kasia(shop)), shop.joins("Anna")
    url = f"sqlite:///{tmp_path}/again.db"
    make_tables(url)
    again = CornerShop.at(url)
    with shop.store.reading() as read, again.store.transaction() as tx:
        writer = dump.Writer(tx)
        for part in dump.parts(read):
            writer.write(part)
        writer.finish()
    assert brings(again, anna, code)["effects"]["earned"] == 12 and shop.balance(anna) == 0
    again.close()


# -- the code


def test_a_code_is_read_as_people_write_it() -> None:
    code = claimcodes.of(bytes(range(13)))
    assert len(code) == claimcodes.LENGTH and claimcodes.written(code).count("-") == 5
    link = claimcodes.link("https://cards.example.org", code)
    for said in (code, link, link.upper(), f"{link}?language=pl", claimcodes.written(code)):
        brought = said if said is not code else f"r {code.lower().replace('0', 'o').replace('1', 'l')}"
        assert claimcodes.read(brought) == code
    for wrong in ("", "R", code, f"R{code}A", f"C{code}", "R" * 500, "https://cards.example.org/claim/"):
        assert claimcodes.read(wrong) is None


@pytest.mark.parametrize(
    ("brought", "what"),
    [
        ("https://cards.example.org/card/abc/def", "card"),
        ("1234 5678 9012", "card"),
        ("LC1.ABCDEFGHIJKLMNOP.ABCDEFGHIJKLM", "card"),
        ("https://cards.example.org/join/cafe?friend=X", "join"),
        ("C-7K2M-9QRT-4WXZ", "coupon"),
        ("5901234123457", ""),
        ("https://example.org/", ""),
    ],
)
def test_what_is_no_claim_is_called_by_its_name(brought: str, what: str) -> None:
    assert claimcodes.instead(brought) == what and claimcodes.read(brought) is None
