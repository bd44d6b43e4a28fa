"""Contacts: one spelling each, sealed, found by a keyed hash."""

from __future__ import annotations

import pytest

from passes import contacts
from passes.errors import BadInput
from passes.secrets import Secrets

SECRETS = Secrets({"k1": bytes(32), "k2": bytes(31) + b"!"})


@pytest.mark.parametrize(
    ("written", "kept"),
    [(" Anna@Example.ORG ", "anna@example.org"), ("a.b+c@example.org", "a.b+c@example.org")],
)
def test_an_address_has_one_spelling(written: str, kept: str):
    assert contacts.email(written) == kept


@pytest.mark.parametrize(
    "written",
    ["", "anna", "anna@", "@example.org", "a b@example.org", "anna@example", "a@b@c.org", "x\x00@example.org",
     "\ud800@example.org", "anna@example.org\nBcc: all@example.org", "a" * 250 + "@example.org",
     "anna@example.org" + "." + "x" * 300],
)  # fmt: skip
def test_what_is_no_address_is_refused(written: str):
    with pytest.raises(BadInput, match="not an e-mail address") as refusal:
        contacts.email(written)
    assert refusal.value.field == "email" and "anna" not in str(refusal.value)


@pytest.mark.parametrize(
    ("written", "country", "kept"),
    [
        ("600 100 200", "PL", "+48600100200"),
        ("+48 600-100-200", "RU", "+48600100200"),
        ("8 (912) 345-67-89", "RU", "+79123456789"),
    ],
)
def test_a_number_has_one_spelling(written: str, country: str, kept: str):
    assert contacts.phone(written, country) == kept


@pytest.mark.parametrize(
    "written", ["", "12", "abc", "+48 600", "6" * 100, "\x00", "\ud800", "600 100 200" + " " * 90 + "9"]
)
def test_what_is_no_number_is_refused(written: str):
    with pytest.raises(BadInput, match="not a telephone number"):
        contacts.phone(written, "PL")


def test_a_sealed_contact_opens_for_its_owner_alone():
    sealed = contacts.seal(SECRETS, "anna@example.org", "anna", "k1")
    assert b"anna" not in sealed and sealed != contacts.seal(SECRETS, "anna@example.org", "anna", "k1")
    assert contacts.unseal(SECRETS, sealed, "anna", "k1") == "anna@example.org"
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for bytes_, owner, key_id in (
        (sealed, "ben", "k1"),
        (sealed, "anna", "k2"),
        (changed, "anna", "k1"),
        (b"", "anna", "k1"),
    ):
        with pytest.raises(ValueError):
            contacts.unseal(SECRETS, bytes_, owner, key_id)


def test_the_same_contact_has_the_same_hash_under_the_same_key():
    first = contacts.lookup_hash(SECRETS, "anna@example.org", "k1")
    assert first == contacts.lookup_hash(SECRETS, "anna@example.org", "k1")
    assert first != contacts.lookup_hash(SECRETS, "anna@example.org", "k2")
