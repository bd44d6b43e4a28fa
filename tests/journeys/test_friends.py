"""Friends: who brings whom, what both get, and who is only pretending. On both databases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from passes import cards, friends, installations
from passes.members import Person
from passes.store import tables as t
from tests.corner_shop import CornerShop, together

REFERRAL: dict[str, Any] = {"give": {"amount": 100}, "friend": {"amount": 50}, "min_total": 1_000, "most": 2}


@pytest.fixture
def shop(store_url: str) -> Iterator[CornerShop]:
    shop = CornerShop.open(store_url, referral=REFERRAL)
    yield shop
    assert shop.flaws() == []
    shop.close()


def link_of(shop: CornerShop, serial: str) -> str:
    return shop.held(serial).revision.card.friend


def brings(shop: CornerShop, serial: str, name: str, **person: Any) -> tuple[str, str | None]:
    """The friend's card, and why the referral does not count."""
    code = link_of(shop, serial)
    with shop.store.transaction() as tx:
        joined = shop.members.join(tx, "cafe", Person("en", name, **person), shop.now, code)
        return joined.serial, joined.unthanked


def thanks(shop: CornerShop) -> None:
    """A worker's rounds, until nothing is due."""
    while friends.settle(shop.store, shop.members.contacts_of, shop.now):
        pass


def states(shop: CornerShop) -> list[tuple[str, str | None]]:
    with shop.store.reading() as tx:
        return [(row.state, row.why) for row in tx.execute(select(t.Referral).order_by(t.Referral.id))]


def test_both_have_something_of_the_first_receipt_that_is_paid(shop: CornerShop) -> None:
    anna = shop.joins("Anna")
    boris, why = brings(shop, anna, "Boris")
    assert why is None
    shop.posts(boris, total=999)
    thanks(shop)
    assert shop.balance(anna) == 0, "too small a bill"
    shop.posts(boris, total=1_000)
    assert shop.balance(anna) == 0, "nobody at a till waits for another's card"
    thanks(shop)
    assert (shop.balance(anna), shop.balance(boris)) == (100, 9 + 10 + 50)
    shop.posts(boris, total=5_000)
    thanks(shop)
    assert (shop.balance(anna), states(shop)) == (100, [("paid", None)])


def test_nothing_is_given_twice_by_two_workers(shop: CornerShop) -> None:
    anna = shop.joins("Anna")
    boris, _ = brings(shop, anna, "Boris")
    shop.posts(boris, total=1_000)
    together(*(lambda: thanks(shop) for _ in range(4)))
    assert (shop.balance(anna), shop.balance(boris)) == (100, 60)


def test_undoing_that_receipt_takes_back_what_is_still_there(shop: CornerShop) -> None:
    anna = shop.joins("Anna")
    boris, _ = brings(shop, anna, "Boris")
    shop.posts(boris, "R1", total=1_000)
    shop.takes_back("R1")
    thanks(shop)
    assert (shop.balance(anna), states(shop)) == (0, [("joined", None)]), "undone before anybody was thanked"

    shop.posts(boris, "R2", total=1_000)
    thanks(shop)
    shop.posts(anna, redeem=70)
    shop.takes_back("R2")
    thanks(shop)
    assert (shop.balance(anna), shop.balance(boris)) == (0, 0)
    shop.posts(boris, "R3", total=1_000)
    thanks(shop)
    assert (shop.balance(anna), shop.balance(boris)) == (100, 60), "and the next one counts again"


def test_nobody_brings_themselves(shop: CornerShop) -> None:
    anna = shop.joins("Anna", email="anna@example.org", phone="+48600100200")
    assert brings(shop, anna, "Ann", email="Anna@Example.org")[1] == "self"
    assert brings(shop, anna, "A.", phone="600 100 200")[1] == "self"
    card, _ = brings(shop, anna, "Anne")
    with shop.store.transaction() as tx:
        member = shop.members.identity(tx, cards.by_serial(tx, card).row.member_id)
        shop.members.change(tx, member, {"email": "anna@example.org"}, shop.now)
    shop.posts(card, total=1_000)
    thanks(shop)
    assert states(shop)[-1] == ("refused", "self"), "found out before anything is given"
    assert shop.balance(anna) == 0


def test_a_friend_on_the_same_phone_is_none(shop: CornerShop) -> None:
    anna = shop.joins("Anna")
    boris, why = brings(shop, anna, "Boris")
    assert why is None, "no phone has told of the new card yet"
    clara, _ = brings(shop, anna, "Clara")
    for serial, phone in ((anna, "phone-1"), (boris, "phone-1"), (clara, "phone-2")):
        with shop.store.transaction() as tx:
            held = cards.by_serial(tx, serial, lock=True)
            installations.add(tx, held.id, held.revision.number, "apple", phone, f"token-{serial}", shop.now, 0)
    for serial in (boris, clara):
        shop.posts(serial, total=1_000)
    thanks(shop)
    assert states(shop) == [("refused", "device"), ("paid", None)]
    assert (shop.balance(anna), shop.balance(boris)) == (100, 10)


def test_whoever_was_a_member_before_has_a_link_once_friends_are_rewarded(store_url: str) -> None:
    shop = CornerShop.open(store_url)
    anna, boris = shop.joins("Anna"), shop.joins("Boris")
    shop.erases(boris)
    assert shop.card(anna).friend == ""
    shop.amends(referral=REFERRAL)
    shop.sweeps()
    code = shop.card(anna).friend
    assert len(code) == 10 and shop.card(boris).friend == ""
    shop.amends(referral=None)
    shop.sweeps()
    assert shop.card(anna).friend == ""
    shop.amends(referral=REFERRAL)
    shop.sweeps()
    assert shop.card(anna).friend == code, "what was sent to friends goes on leading here"
    shop.close()


def test_people_who_bring_each_other_are_a_ring(shop: CornerShop) -> None:
    anna = shop.joins("Anna", email="anna@example.org")
    boris, _ = brings(shop, anna, "Boris", email="boris@example.org")
    clara, _ = brings(shop, boris, "Clara")
    assert brings(shop, boris, "Anna again", email="anna@example.org")[1] == "ring"
    assert brings(shop, clara, "Anna once more", email="anna@example.org")[1] == "ring"
    assert brings(shop, clara, "Boris again", email="boris@example.org")[1] == "ring"
    assert brings(shop, clara, "Dana", email="dana@example.org")[1] is None


def test_one_member_is_thanked_for_so_many_friends(shop: CornerShop) -> None:
    anna = shop.joins("Anna")
    for name in ("Boris", "Clara", "Dana"):
        friend, _ = brings(shop, anna, name)
        shop.posts(friend, total=1_000)
    thanks(shop)
    assert shop.balance(anna) == 200
    assert sorted(states(shop), key=str) == [("paid", None), ("paid", None), ("refused", "limit")]


def test_an_unknown_link_joins_all_the_same(shop: CornerShop) -> None:
    with shop.store.transaction() as tx:
        joined = shop.members.join(tx, "cafe", Person("en", "Boris"), shop.now, "NOSUCHCODE")
    assert joined.unthanked == "unknown" and states(shop) == []
    anna = shop.joins("Anna")
    code = link_of(shop, anna)
    assert code == link_of(shop, anna)
    shop.erases(anna)
    with shop.store.transaction() as tx:
        assert shop.members.join(tx, "cafe", Person("en", "Clara"), shop.now, code).unthanked == "unknown"


def test_a_coupon_that_has_run_out_holds_up_nobody(shop: CornerShop) -> None:
    few = [{"key": "cake", "name": {"en": "A cake"}, "stock": 1}]
    shop.amends(referral=REFERRAL | {"give": {"coupon": "cake"}}, coupons=few)
    anna = shop.joins("Anna")
    guests = [brings(shop, anna, name)[0] for name in ("Boris", "Cem")]
    for guest in guests:
        shop.posts(guest, total=1_000)
    thanks(shop)
    assert [coupon.key for coupon in shop.card(anna).coupons] == ["cake"]
    assert [shop.balance(guest) for guest in guests] == [10 + 50, 10 + 50]
    assert states(shop) == [("paid", None)] * 2
