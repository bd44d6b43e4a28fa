"""The link that saves a card, and the key file that signs it."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from passes.errors import ConfigError
from passes.wallets.google.access import Account
from passes.wallets.google.link import SaveLinks
from tests.fakes.google.accounts import Accounts, ServiceAccount
from tests.fakes.google.clock import Clock

ISSUER = "3388000000000000001"
NOW = 1_790_000_000


@pytest.fixture(scope="module")
def given() -> ServiceAccount:
    accounts = Accounts(Clock())
    accounts.token_url = "https://oauth2.googleapis.com/token"
    return accounts.add("wallet@fake-project.iam.gserviceaccount.com", {ISSUER: "OWNER"})


def decoded(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_a_link_is_signed_short_and_names_nothing_but_the_card(given: ServiceAccount, tmp_path: Path) -> None:
    account = Account.read(given.write(tmp_path / "google.json"))
    token = SaveLinks(account).token("loyaltyObjects", f"{ISSUER}.{'a' * 32}", f"{ISSUER}.cafe", NOW)
    header, claims, signature = token.split(".")
    given.key.public_key().verify(decoded(signature), f"{header}.{claims}".encode(), PKCS1v15(), SHA256())
    assert json.loads(decoded(header)) == {"alg": "RS256", "typ": "JWT", "kid": given.key_id}
    assert json.loads(decoded(claims)) == {
        "iss": given.email,
        "aud": "google",
        "typ": "savetowallet",
        "iat": NOW,
        "payload": {"loyaltyObjects": [{"id": f"{ISSUER}.{'a' * 32}", "classId": f"{ISSUER}.cafe"}]},
    }
    assert len(token) < 1000 and "=" not in token
    assert "PRIVATE" not in repr(account)


def without(given: ServiceAccount, **changes: Any) -> str:
    said = {name: value for name, value in (given.as_json() | changes).items() if value is not None}
    return json.dumps(said)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"type": "authorized_user"}, "person's login"),
        ({"type": None, "installed": {}}, "OAuth client"),
        ({"type": None}, "something else"),
        ({"private_key": None}, "lacks private_key"),
        ({"client_email": ""}, "lacks client_email"),
        ({"client_email": "nobody"}, "no e-mail address"),
        ({"private_key": "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----"}, "line breaks"),
        ({"private_key": 7}, "lacks private_key"),
    ],
)
def test_a_wrong_key_file_is_one_sentence(
    given: ServiceAccount, tmp_path: Path, change: dict[str, Any], word: str
) -> None:
    path = tmp_path / "google.json"
    path.write_text(without(given, **change))
    refused(path, word)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "not JSON"),
        (b"[]", "no JSON object"),
        (b"0\x82\x0a", "not JSON"),
        (b"-----BEGIN PRIVATE KEY-----", "a key by itself"),
        (b"{" * 60_000, "not JSON"),
        (b" " * 70_000, "far too large"),
    ],
)
def test_what_is_no_key_file_is_one_sentence(tmp_path: Path, content: bytes, word: str) -> None:
    path = tmp_path / "google.json"
    path.write_bytes(content)
    refused(path, word)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    refused(tmp_path / "google.json", "is not there")
    refused(tmp_path, "cannot be read")


def refused(path: Path, word: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Account.read(path)
    sentence = str(caught.value)
    assert word in sentence and "\n" not in sentence and "BEGIN" not in sentence and "service_account" in sentence
