"""Google's own Python client, which knows nothing of us, against the played Google.

What it sends and what it makes of the answers is Google's word on the wire format; the discovery document
inside it is Google's word on names and types. For development: without the client these are left out.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("googleapiclient", reason="google-api-python-client is not installed")

import google.auth.crypt
import google.auth.jwt
import googleapiclient.discovery_cache
from google.oauth2 import service_account
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError
from googleapiclient.http import BatchHttpRequest

from passes.wallets.google.batch import CONTENT_TYPE, write
from passes.wallets.google.call import Call
from tests.fakes.google import ISSUER, FakeGoogle, batch, faults
from tests.fakes.google.api import ROUTES, split
from tests.fakes.google.resources import SHAPE_OF
from tests.fakes.google.shapes import SHAPES, SPELLINGS, Field

SCOPES = ["https://www.googleapis.com/auth/wallet_object.issuer"]
CLUB = f"{ISSUER}.club"
CARD = f"{ISSUER}.card"
CLASS = {
    "id": CLUB,
    "issuerName": "Сеть",
    "programName": "Клуб",
    "reviewStatus": "UNDER_REVIEW",
    "programLogo": {"sourceUri": {"uri": "https://cards.example.org/logo.png"}},
}
OBJECT = {"id": CARD, "classId": CLUB, "state": "ACTIVE", "loyaltyPoints": {"balance": {"int": 50}}}


@pytest.fixture
def played() -> Iterator[FakeGoogle]:
    with FakeGoogle(calls_per_second=None) as played:
        yield played


@pytest.fixture
def client(played: FakeGoogle) -> Iterator[Any]:
    key_file = played.service_account().as_json()
    credentials = service_account.Credentials.from_service_account_info(key_file, scopes=SCOPES)
    with build("walletobjects", "v1", credentials=credentials, client_options={"api_endpoint": played.url}) as client:
        client.loyaltyclass().insert(body=CLASS).execute()
        client.loyaltyobject().insert(body=OBJECT).execute()
        yield client


def status_of(request: Any) -> int:
    with pytest.raises(HttpError) as refusal:
        request.execute()
    assert json.loads(refusal.value.content)["error"]["code"] == refusal.value.status_code
    return int(refusal.value.status_code)


def test_every_verb(played: FakeGoogle, client: Any) -> None:
    classes, objects = client.loyaltyclass(), client.loyaltyobject()
    assert classes.get(resourceId=CLUB).execute()["reviewStatus"] == "APPROVED"
    assert classes.list(issuerId=ISSUER).execute()["resources"][0]["id"] == CLUB
    card = objects.get(resourceId=CARD).execute()
    assert card["classReference"]["issuerName"] == "Сеть"
    card = objects.patch(resourceId=CARD, body={"loyaltyPoints": {"label": "Баллы"}}).execute()
    assert card["loyaltyPoints"] == {"label": "Баллы", "balance": {"int": 50}}
    card["accountName"] = "Żaneta"
    assert objects.update(resourceId=CARD, body=card).execute()["accountName"] == "Żaneta"
    message = {"message": {"header": "a", "body": "b", "messageType": "TEXT_AND_NOTIFY"}}
    assert objects.addmessage(resourceId=CARD, body=message).execute()["resource"]["id"] == CARD
    assert classes.addmessage(resourceId=CLUB, body=message).execute()["resource"]["id"] == CLUB
    assert status_of(objects.insert(body=OBJECT)) == 409
    assert status_of(objects.get(resourceId=f"{ISSUER}.nobody")) == 404
    assert status_of(objects.patch(resourceId=CARD, body={"points": 5})) == 400
    assert status_of(classes.get(resourceId="1234.club")) == 403
    assert played.accounts.granted == 1


def test_lists_in_pages(client: Any) -> None:
    objects = client.loyaltyobject()
    for number in range(5):
        objects.insert(body=OBJECT | {"id": f"{ISSUER}.m{number}"}).execute()
    pages, token = [], None
    while True:
        page = objects.list(classId=CLUB, maxResults=4, token=token, fields="resources/id,pagination").execute()
        pages.append([each["id"] for each in page["resources"]])
        token = page["pagination"].get("nextPageToken")
        if token is None:
            break
    assert [len(page) for page in pages] == [4, 2]


def test_other_families_and_issuers(client: Any) -> None:
    client.genericclass().insert(body={"id": f"{ISSUER}.generic"}).execute()
    gift = {"id": f"{ISSUER}.gift", "issuerName": "a", "reviewStatus": "underReview"}
    assert client.giftcardclass().insert(body=gift).execute()["reviewStatus"] == "APPROVED"
    assert client.issuer().get(resourceId=ISSUER).execute()["issuerId"] == ISSUER
    assert client.permissions().get(resourceId=ISSUER).execute()["permissions"][0]["role"] == "OWNER"


def test_a_batch(played: FakeGoogle, client: Any) -> None:
    # The client's own batches would go to Google whatever address it was built with.
    batch = BatchHttpRequest(batch_uri=played.batch_url)
    outcomes: dict[str, int] = {}

    def note(request_id: str, answer: Any, error: HttpError | None) -> None:
        outcomes[request_id] = error.status_code if error else 200
        assert error or answer["id"] == CARD

    objects = client.loyaltyobject()
    for number in range(8):
        batch.add(objects.patch(resourceId=CARD, body={"accountName": f"ж{number}"}), note, str(number))
    batch.add(objects.get(resourceId=f"{ISSUER}.nobody"), note, "nobody")
    batch.add(objects.patch(resourceId=CARD, body={"state": "GONE"}), note, "bad")
    batch.execute()
    assert outcomes == {str(number): 200 for number in range(8)} | {"nobody": 404, "bad": 400}
    assert played.card(CARD)["accountName"] == "ж7"


def test_our_batches_ask_what_theirs_ask(played: FakeGoogle, client: Any) -> None:
    """Read by one reader: the same parts, and as much of each as ours need."""
    objects = client.loyaltyobject()
    second = OBJECT | {"id": f"{ISSUER}.second", "accountName": "Żaneta"}
    theirs = BatchHttpRequest(batch_uri=played.batch_url)
    theirs.add(objects.patch(resourceId=CARD, body={"id": CARD, "accountName": "ж"}))
    theirs.add(objects.insert(body=second))
    theirs.add(objects.update(resourceId=CARD, body=OBJECT))
    theirs.execute()
    ours = [
        Call.patch("loyaltyObject", {"id": CARD, "accountName": "ж"}),
        Call.insert("loyaltyObject", second),
        Call.put("loyaltyObject", OBJECT),
    ]
    sent = batch.read(CONTENT_TYPE, write(ours))
    asked = played.requests[-1].parts
    assert len(asked) == 3
    for their, our in zip(asked, sent, strict=True):
        assert (our.method, split(our.target)[0]) == (their.method, their.path)
        assert json.loads(our.body) == their.json
        needed = {"accept": "application/json", "content-type": "application/json"}
        assert all(
            headers[name].startswith(word) for headers in (their.headers, our.headers) for name, word in needed.items()
        )
        assert int(our.headers["content-length"]) == len(our.body)
        assert re.fullmatch(r"\S+ \+ \d+", our.content_id) and re.fullmatch(r"\S+ \+ \d+", their.content_id)
        # Theirs may be of several accounts; ours is of the one that the whole request names.
        assert "authorization" not in our.headers


def test_a_token_that_ended_is_renewed(played: FakeGoogle, client: Any) -> None:
    played.expire_tokens()
    assert client.loyaltyobject().get(resourceId=CARD).execute()["id"] == CARD
    assert played.accounts.granted == 2


def test_its_retries_meet_our_faults(played: FakeGoogle, client: Any) -> None:
    for fault in (faults.answer(503), faults.answer(429)):
        played.script(fault, path=CARD, times=2)
        request = client.loyaltyobject().get(resourceId=CARD)
        request._sleep = lambda seconds: None
        assert request.execute(num_retries=3)["id"] == CARD


def test_a_save_token_of_googles_own_signer(played: FakeGoogle, client: Any) -> None:
    key_file = played.service_account().as_json()
    signer = google.auth.crypt.RSASigner.from_service_account_info(key_file)
    payload = {"loyaltyObjects": [{"id": CARD, "classId": CLUB}]}
    claims = {"iss": key_file["client_email"], "aud": "google", "typ": "savetowallet", "payload": payload}
    token = google.auth.jwt.encode(signer, claims | {"iat": int(time.time())}).decode()
    anna = played.phone("anna@example.org")
    assert anna.saves(f"https://pay.google.com/gp/v/save/{token}") == [CARD]
    assert client.jwt().insert(body={"jwt": token}).execute()["saveUri"].startswith(played.save_url)
    assert client.loyaltyobject().get(resourceId=CARD).execute()["hasUsers"] is True


# -- names and types


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    folder = Path(googleapiclient.discovery_cache.__file__).parent / "documents"
    return dict(json.loads((folder / "walletobjects.v1.json").read_text()))


def test_our_names_and_types_are_those_of_the_discovery_document(document: dict[str, Any]) -> None:
    for name, fields in SHAPES.items():
        theirs = document["schemas"][name].get("properties", {})
        assert set(fields) == set(theirs), name
        for field_name, field in fields.items():
            assert_same(field, theirs[field_name], f"{name}.{field_name}")
    assert set(SHAPE_OF.values()) <= set(SHAPES)


def assert_same(ours: Field, theirs: dict[str, Any], where: str) -> None:
    assert ours.is_list == (theirs.get("type") == "array"), where
    one = theirs["items"] if ours.is_list else theirs
    if "enum" in one:
        known = {value for value in one["enum"] if not value.endswith("_UNSPECIFIED")}
        old = {value for value, gone in zip(one["enum"], one.get("enumDeprecated", []), strict=False) if gone}
        assert set(SPELLINGS[ours.type]) == known, where
        assert set(SPELLINGS[ours.type].values()) == known - old, where
    else:
        assert ours.type == (one.get("$ref") or one.get("format") or one["type"]), where


def test_our_addresses_are_those_of_the_discovery_document(document: dict[str, Any]) -> None:
    def methods(of: dict[str, Any]) -> Iterator[tuple[str, str]]:
        for each in of.get("methods", {}).values():
            yield (
                each["httpMethod"],
                "/" + each["path"].removeprefix("walletobjects/v1/").replace("{resourceId}", "1.x"),
            )
        for below in of.get("resources", {}).values():
            yield from methods(below)

    foreign = re.compile("/(eventTicket|flight|transit|smartTap|privateContent|media)")
    for verb, path in methods(document):
        if not foreign.match(path):
            assert any(verb == method and re.fullmatch(pattern, path) for method, pattern, _ in ROUTES), path
