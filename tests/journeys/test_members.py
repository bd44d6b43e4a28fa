"""Who joins, who is found, and who is forgotten."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import column as named
from sqlalchemy import insert, select, table

from passes import cards, revisions
from passes.errors import BadInput, CardNotActive, Conflict, LinkRevoked, NotFound
from passes.links import Links
from passes.members import Agreement, Members, Person, clean_name
from passes.secrets import Secrets
from passes.store import Store
from passes.store import tables as t
from passes.store.schema import upgrade
from tests.corner_shop import KEYS, CornerShop


@pytest.fixture
def shop(store_url: str) -> Iterator[CornerShop]:
    shop = CornerShop.open(store_url)
    yield shop
    shop.close()


def profile(shop: CornerShop, serial: str) -> Any:
    with shop.store.reading() as tx:
        return shop.members.find(tx, shop.members.identity(tx, cards.by_serial(tx, serial).row.member_id))


def found(shop: CornerShop, asked: str) -> list[str]:
    with shop.store.reading() as tx:
        return [member.name for member in shop.members.search(tx, asked, 0, 10)[0]]


def test_a_member_is_known_by_name_contact_number_and_external_id(shop: CornerShop):
    anna = shop.joins("Anna Żak", email="Anna@Example.org", phone="600 100 200", external_id="crm-7")
    shop.joins("Annabel")
    shop.joins("Ben")
    kept = profile(shop, anna)
    assert (kept.email, kept.phone, kept.external_id) == ("anna@example.org", "+48600100200", "crm-7")
    assert found(shop, "anna") == ["Anna Żak", "Annabel"]
    for asked in ("ANNA Ż", "anna@example.org", "+48 600 100 200", "600100200", "crm-7", shop.held(anna).row.number):
        assert found(shop, asked) == ["Anna Żak"], asked
    assert found(shop, "nobody") == []


def test_a_member_is_found_by_any_word_of_the_name_as_it_is_typed_in_a_hurry(shop: CornerShop):
    for name in ("Anna Kowalska-Żak", "Łukasz Święch", "Пётр Ёлкин", "Søren O'Neil"):
        shop.joins(name)
    for asked in ("Kowalska", "kow anna", "ANNA KOW", "zak", "Anna Kowalska-Żak", "żak"):
        assert found(shop, asked) == ["Anna Kowalska-Żak"], asked
    for asked in ("Lukasz", "Łukasz", "swiech", "lukasz sw"):
        assert found(shop, asked) == ["Łukasz Święch"], asked
    assert found(shop, "Елкин петр") == found(shop, "ёлк") == ["Пётр Ёлкин"]
    assert found(shop, "soren") == found(shop, "o'neil") == ["Søren O'Neil"]
    for asked in ("owalska", "anna lukasz", "...", "_"):
        assert found(shop, asked) == [], asked


def test_a_new_name_is_found_and_the_old_one_is_not(shop: CornerShop):
    anna = shop.joins("Anna Nowak")
    shop.renames(anna, "Anna Kowalska")
    assert found(shop, "kowalska") == found(shop, "anna") == ["Anna Kowalska"] and found(shop, "nowak") == []
    shop.erases(anna)
    assert found(shop, "kowalska") == [] and shop.count(t.NameWord) == 0


def test_whoever_was_a_member_before_is_found_by_every_word(store_url: str):
    store = Store(store_url)
    upgrade(store, "0010")
    old = table("member", *map(named, ("public_id", "name", "name_key", "key_id", "language", "created")))
    rows = [
        {"public_id": str(id), "name": name, "name_key": name.casefold(), "key_id": "1", "language": "pl", "created": 0}
        for id, name in enumerate(("Anna Żak", "", "Łukasz"))
    ]
    with store.transaction() as tx:
        tx.execute(insert(old), rows)
    upgrade(store)
    with store.reading() as tx:
        query = select(t.Member.public_id, t.NameWord.word).join(t.NameWord, t.NameWord.member_id == t.Member.id)
        kept = sorted(tuple(row) for row in tx.execute(query))
    store.close()
    assert kept == [("0", "anna"), ("0", "zak"), ("2", "lukasz")]


def test_a_search_goes_on_where_it_stopped(shop: CornerShop):
    for number in range(5):
        shop.joins(f"Anna {number}")
    with shop.store.reading() as tx:
        first, more = shop.members.search(tx, "", 0, 3)
        assert more is not None
        rest, end = shop.members.search(tx, "", more, 3)
    assert [member.name for member in first + rest] == [f"Anna {n}" for n in range(5)] and end is None


def test_no_two_cards_share_anything_that_names_them(shop: CornerShop):
    rows = [shop.held(shop.joins()).row for _ in range(20)]
    for column in ("serial", "number", "nonce"):
        assert len({getattr(row, column) for row in rows}) == 20
    assert all(len(row.number) == 12 and row.number.isdigit() for row in rows)


@pytest.mark.parametrize(
    ("person", "field"),
    [
        ({"email": "anna"}, "email"),
        ({"phone": "12"}, "phone"),
        ({"name": "A" * 61}, "name"),
    ],
)
def test_bad_input_leaves_no_member(shop: CornerShop, person: dict[str, str], field: str):
    with pytest.raises(BadInput) as refusal:
        shop.joins(**person)
    assert refusal.value.field == field and shop.count(t.Member) == 0
    with pytest.raises(NotFound):
        shop.joins(programme="nowhere")
    assert shop.count(t.Member) == 0
    with pytest.raises(BadInput), shop.store.transaction() as tx:
        shop.members.join(tx, "cafe", Person("xx"), shop.now)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("  Anna   Maria ", "Anna Maria"),
        ("e\u0301va", "éva"),
        ("Anna\u202egnp.exe", "Anna gnp.exe"),
        ("Ann\u200ba\x00\n", "Ann a"),
        ("👩\u200d🍳", "👩\u200d🍳"),
    ],
)
def test_a_name_is_kept_as_people_write_it(written: str, kept: str):
    assert clean_name(written) == kept


def test_a_changed_name_reaches_the_card_and_an_unchanged_one_disturbs_nobody(shop: CornerShop):
    anna = shop.joins("Anna")
    shop.renames(anna, "Anna Maria")
    assert (shop.card(anna).name, shop.held(anna).row.revision) == ("Anna Maria", 2)
    shop.renames(anna, " Anna  Maria ")
    assert shop.held(anna).row.revision == 2


def test_an_external_id_belongs_to_one_member(shop: CornerShop):
    anna, ben = shop.joins(external_id="1"), shop.joins("Ben", external_id="2")
    with pytest.raises(Conflict):
        shop.joins("Carl", external_id="1")
    with pytest.raises(Conflict), shop.store.transaction() as tx:
        shop.members.change(tx, shop.members.identity(tx, shop.held(ben).row.member_id), {"external_id": "1"}, shop.now)
    assert profile(shop, anna).external_id == "1" and profile(shop, ben).external_id == "2"


def test_an_erased_member_is_nowhere_and_the_sums_stay(shop: CornerShop):
    with shop.store.transaction() as tx:
        person = Person(
            "pl", "Żaneta", "zaneta@example.org", "600100200", "crm", (Agreement("mail", "0" * 64, "form"),)
        )
        anna = shop.members.join(tx, "cafe", person, shop.now).serial
    shop.gives(anna, 30)
    shop.installs(anna, "phone")
    shop.erases(anna)
    shop.erases(anna)
    row, kept = shop.held(anna).row, profile(shop, anna)
    assert (row.status, row.balance, row.revision) == ("closed", 30, 3)
    assert (kept.name, kept.email, kept.phone, kept.external_id) == ("", "", "", None)
    assert "Żaneta" not in row.face and shop.count(t.Consent) == 0 and found(shop, "zaneta@example.org") == []
    with pytest.raises(CardNotActive):
        shop.posts(anna, total=100)
    with pytest.raises(Conflict):
        shop.renames(anna, "Żaneta")
    shop.settles()
    assert shop.flaws() == []


def test_after_erasing_the_file_itself_holds_no_trace(tmp_path: Path):
    file = tmp_path / "passes.db"
    shop = CornerShop.open(f"sqlite:///{file}")
    anna = shop.joins("Wilhelmina Canary", email="canary@example.org", phone="+48600100200", external_id="canary-7")
    shop.erases(anna)
    shop.close()
    with closing(sqlite3.connect(file)) as database:
        database.execute("VACUUM")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not [trace for trace in (b"Canary", b"canary", b"600100200", b"wilhelmina") if trace in kept]


def test_a_stolen_database_opens_no_card_and_tells_no_contact(tmp_path: Path):
    file = tmp_path / "passes.db"
    shop = CornerShop.open(f"sqlite:///{file}")
    anna = shop.joins("Anna", email="canary@example.org", phone="+48600100200")
    key = Links("https://x", KEYS).card(shop.held(anna).revision).rpartition("/")[2]
    shop.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not [trace for trace in (b"canary", b"600100200", key.encode()) if trace in kept]


def test_a_revoked_link_says_so_and_a_made_up_one_does_not(shop: CornerShop):
    anna = shop.joins()
    keys = []
    for _ in range(3):
        keys.append(Links("https://x", KEYS).card(shop.held(anna).revision).rpartition("/")[2])
        with shop.store.transaction() as tx:
            held = cards.by_serial(tx, anna, lock=True)
            cards.revoke_links(tx, held)
            revisions.record(tx, held.id, shop.now)
    newest = Links("https://x", KEYS).card(shop.held(anna).revision).rpartition("/")[2]
    with shop.store.reading() as tx:
        assert cards.by_link(tx, anna, newest, KEYS).serial == anna
        for key in keys:
            with pytest.raises(LinkRevoked):
                cards.by_link(tx, anna, key, KEYS)
        for serial, key in ((anna, newest[:-1]), (anna, ""), ("nobody", newest), (anna, "ż" * 22)):
            with pytest.raises(NotFound):
                cards.by_link(tx, serial, key, KEYS)


def test_a_card_is_found_by_its_code_number_and_serial(shop: CornerShop):
    anna = shop.joins()
    card = shop.card(anna)
    with shop.store.reading() as tx:
        assert cards.by_known(tx, cards.read_code(f" {card.code.lower()}\n", KEYS)).serial == anna
        number = f"{card.number[:4]} {card.number[4:8]} {card.number[8:]}"
        assert cards.by_number(tx, number).serial == anna
        for lookup in (cards.by_number, cards.by_serial):
            with pytest.raises(NotFound):
                lookup(tx, "0" * 500)
        with pytest.raises(NotFound, match="not issued by us"):
            cards.read_code(card.code, Secrets({"k1": b"!" * 32}))
        with pytest.raises(NotFound, match="not one of our cards"):
            cards.read_code("5901234123457", KEYS)


def test_new_keys_leave_old_members_readable(store_url: str):
    shop = CornerShop.open(store_url)
    anna = shop.joins("Anna", email="anna@example.org")
    shop.members = Members(Secrets({"k1": bytes(range(32)), "k2": b"2" * 32}), "PL")
    assert profile(shop, anna).email == "anna@example.org" and found(shop, "anna@example.org") == ["Anna"]
    shop.renames(anna, "Anna Maria")
    assert profile(shop, anna).email == "anna@example.org" and found(shop, "anna@example.org") == ["Anna Maria"]
    shop.close()


@pytest.fixture
def foreign_sorting(postgres: Any) -> Iterator[str]:
    """A PostgreSQL that sorts as people do, not by the numbers of letters."""
    with postgres.connect() as admin:
        admin.execute(
            "CREATE DATABASE passes_sorted TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'pl-PL' ENCODING 'UTF8'"
        )
    url = postgres.create().rpartition("/passes_")
    address = url[0] + "/passes_sorted?" + url[2].partition("?")[2]
    yield address
    postgres.drop(address)


def test_names_are_found_however_the_database_sorts(foreign_sorting: str):
    shop = CornerShop.open(foreign_sorting)
    for name in ("Anna", "Żaneta", "Łukasz", "anna-maria", "Борис"):
        shop.joins(name)
    assert found(shop, "ann") == ["Anna", "anna-maria"]
    assert found(shop, "ż") == ["Żaneta"] and found(shop, "Бор") == ["Борис"] and found(shop, "łu") == ["Łukasz"]
    shop.close()
