"""API keys: shown once, kept as a hash, limited by scope, and over when revoked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from passes import keys
from passes.errors import BadInput, Conflict, NotFound
from passes.store import Store
from passes.store import tables as t

NOW = 1_790_000_000


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    store = Store(store_url)
    t.Base.metadata.create_all(store.engine)
    yield store
    store.close()


def test_a_key_opens_what_its_scopes_say(store: Store) -> None:
    with store.transaction() as tx:
        key = keys.create(tx, "till 1", ["receipts:write", "cards:read"], NOW)
    found = keys.find(store, key)
    assert found is not None and found.name == "till 1"
    assert found.may("receipts:write") and found.may("cards:read")
    assert not found.may("members:write")


def test_a_star_opens_everything(store: Store) -> None:
    with store.transaction() as tx:
        key = keys.create(tx, "crm", ["*"], NOW)
    found = keys.find(store, key)
    assert found is not None and all(found.may(scope) for scope in keys.SCOPES)


def test_the_key_itself_is_not_in_the_store(store: Store) -> None:
    with store.transaction() as tx:
        key = keys.create(tx, "till", ["*"], NOW)
        row = tx.execute(select(t.ApiKey)).one()
    assert key not in str(row) and key.encode() not in row.hash
    assert len(key) > 40


@pytest.mark.parametrize("presented", ["", "pk_", "pk_" + "A" * 43, "till", "\ud800", "ключ", "x" * 10_000])
def test_nothing_else_is_a_key(store: Store, presented: str) -> None:
    with store.transaction() as tx:
        keys.create(tx, "till", ["*"], NOW)
    assert keys.find(store, presented) is None


def test_a_revoked_key_is_no_key(store: Store) -> None:
    with store.transaction() as tx:
        key = keys.create(tx, "till", ["*"], NOW)
        keys.revoke(tx, "till", NOW + 5)
        keys.revoke(tx, "till", NOW + 9)
        assert [(listed.name, listed.revoked) for listed in keys.all(tx)] == [("till", NOW + 5)]
    assert keys.find(store, key) is None


def test_a_name_is_used_once_even_after_it_was_revoked(store: Store) -> None:
    with store.transaction() as tx:
        keys.create(tx, "till", ["*"], NOW)
        keys.revoke(tx, "till", NOW)
        with pytest.raises(Conflict):
            keys.create(tx, "till", ["*"], NOW)


def test_revoking_what_never_was_is_refused(store: Store) -> None:
    with store.transaction() as tx, pytest.raises(NotFound):
        keys.revoke(tx, "till", NOW)


@pytest.mark.parametrize(
    ("name", "scopes", "field"),
    [
        ("", ["*"], "name"),
        ("  ", ["*"], "name"),
        ("x" * 81, ["*"], "name"),
        ("a\x00b", ["*"], "name"),
        ("a\nb", ["*"], "name"),
        ("till", [], "scopes"),
        ("till", ["members"], "scopes"),
        ("till", ["members:read", "everything"], "scopes"),
    ],
)
def test_a_bad_key_is_refused_in_a_sentence(store: Store, name: str, scopes: list[str], field: str) -> None:
    with store.transaction() as tx, pytest.raises(BadInput) as refused:
        keys.create(tx, name, scopes, NOW)
    assert refused.value.field == field
