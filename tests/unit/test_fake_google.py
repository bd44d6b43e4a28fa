"""The played Google is as strict as the documents say the real one is, and can go wrong in all the usual ways."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from passes.wallets.google.callback import Callback, Refusal, verify
from passes.wallets.google.keys import RootKeys, fetch
from tests.fakes.google import ISSUER, FakeGoogle, SaveRefused, ServiceAccount, faults
from tests.fakes.google.face import rotated, totp

PREFIX = "/walletobjects/v1"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPE = "https://www.googleapis.com/auth/wallet_object.issuer"
CLUB = f"{ISSUER}.club"
CARD = f"{ISSUER}.m-7f3a9c"
HOUR = 3600
DAY = 24 * HOUR

LOGO = {"sourceUri": {"uri": "https://cards.example.org/logo.png"}}
CLASS = {
    "id": CLUB,
    "issuerName": "Сеть",
    "programName": "Coffee Club",
    "localizedProgramName": {
        "defaultValue": {"language": "en", "value": "Coffee Club"},
        "translatedValues": [{"language": "pl", "value": "Klub Kawowy"}, {"language": "ru", "value": "Кофейный клуб"}],
    },
    "reviewStatus": "UNDER_REVIEW",
    "programLogo": LOGO,
    "hexBackgroundColor": "#0b5d3b",
    "multipleDevicesAndHoldersAllowedStatus": "ONE_USER_ALL_DEVICES",
    "callbackOptions": {"url": "https://cards.example.org/google/callback"},
}
OBJECT = {
    "id": CARD,
    "classId": CLUB,
    "state": "ACTIVE",
    "accountId": "7000123456789",
    "accountName": "Анна К.",
    "barcode": {"type": "QR_CODE", "value": "7000123456789"},
    "loyaltyPoints": {"label": "Points", "balance": {"int": 50}},
    "secondaryLoyaltyPoints": {"label": "Tier", "balance": {"string": "Gold"}},
}


def encoded(said: object) -> str:
    text = said if isinstance(said, bytes) else json.dumps(said, ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def signed(account: ServiceAccount, claims: dict[str, Any], key: rsa.RSAPrivateKey | None = None, **header: Any) -> str:
    text = f"{encoded({'alg': 'RS256', 'typ': 'JWT', 'kid': account.key_id} | header)}.{encoded(claims)}"
    return f"{text}.{encoded((key or account.key).sign(text.encode(), PKCS1v15(), SHA256()))}"


@dataclass
class Client:
    """The plainest client there can be."""

    google: FakeGoogle
    account: ServiceAccount
    http: httpx2.Client = field(default_factory=lambda: httpx2.Client(trust_env=False, timeout=5, verify=False))
    token: str = ""

    def ask_token(self, **changes: Any) -> httpx2.Response:
        now = int(self.google.clock())
        claims = {
            "iss": self.account.email,
            "scope": SCOPE,
            "aud": self.google.token_url,
            "iat": now,
            "exp": now + HOUR,
        }
        form = {"grant_type": GRANT, "assertion": signed(self.account, claims | changes)}
        return self.http.post(self.google.token_url, data=form)

    def call(
        self, method: str, path: str, body: object = None, bearer: str | None = None, **query: Any
    ) -> httpx2.Response:
        self.token = self.token or self.ask_token().json()["access_token"]
        headers = {"Authorization": f"Bearer {self.token if bearer is None else bearer}"}
        return self.http.request(method, self.google.url + PREFIX + path, headers=headers, params=query, json=body)

    def told(self, method: str, path: str, body: object = None, **query: Any) -> Any:
        answer = self.call(method, path, body, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, method: str, path: str, body: object = None, **query: Any) -> tuple[int, str]:
        answer = self.call(method, path, body, **query)
        assert answer.status_code >= 400, answer.text
        error = answer.json()["error"]
        assert error["code"] == answer.status_code and error["errors"][0]["message"] == error["message"]
        return answer.status_code, error["message"]

    def batch(self, *parts: str, content_type: str = "multipart/mixed; boundary=xyz") -> httpx2.Response:
        self.token = self.token or self.ask_token().json()["access_token"]
        body = "".join(f"--xyz\r\nContent-Type: application/http\r\n{part}\r\n" for part in parts) + "--xyz--"
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": content_type}
        return self.http.post(self.google.batch_url, content=body.encode(), headers=headers)

    def link(self, payload: object, account: ServiceAccount | None = None, **claims: Any) -> str:
        now = int(self.google.clock())
        said = {"iss": self.account.email, "aud": "google", "typ": "savetowallet", "iat": now, "payload": payload}
        return f"https://pay.google.com/gp/v/save/{signed(account or self.account, said | claims)}"

    def skinny(self) -> str:
        return self.link({"loyaltyObjects": [{"id": CARD, "classId": CLUB}]})


@pytest.fixture
def google() -> Iterator[FakeGoogle]:
    with FakeGoogle(calls_per_second=None) as google:
        yield google


@pytest.fixture
def client(google: FakeGoogle) -> Iterator[Client]:
    client = Client(google, google.service_account())
    yield client
    client.http.close()


@pytest.fixture
def club(client: Client) -> Client:
    """A class and one object, at Google."""
    client.told("POST", "/loyaltyClass", CLASS)
    client.told("POST", "/loyaltyObject", OBJECT)
    return client


# -- tokens


def test_one_token_serves_until_it_ends(google: FakeGoogle, club: Client) -> None:
    assert google.accounts.granted == 1
    google.clock.moves(HOUR)
    assert club.call("GET", f"/loyaltyObject/{CARD}").status_code == 401
    club.token = ""
    assert club.call("GET", f"/loyaltyObject/{CARD}").status_code == 200
    google.expire_tokens()
    assert club.refused("GET", f"/loyaltyObject/{CARD}")[0] == 401
    assert google.accounts.granted == 2


def test_a_token_comes_with_its_life(client: Client) -> None:
    said = client.ask_token().json()
    assert (said["token_type"], said["expires_in"]) == ("Bearer", 3599)
    assert client.ask_token(aud="https://oauth2.googleapis.com/token").status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "stranger@example.org"},
        {"iss": 7},
        {"aud": "https://elsewhere.example.org/token"},
        {"exp": 0},
        {"iat": None},
        {"iat": 1.5},
        {"scope": ""},
        {"scope": SCOPE + "x"},
    ],
)
def test_an_assertion_with_wrong_claims_gets_no_token(client: Client, changes: dict[str, Any]) -> None:
    answer = client.ask_token(**changes)
    assert answer.status_code == 400
    assert answer.json()["error"] in ("invalid_grant", "invalid_scope")


@pytest.mark.parametrize(("begins", "lasts", "status"), [(0, 3601, 400), (301, HOUR, 400), (299, HOUR, 200)])
def test_an_assertion_has_an_hour_and_five_minutes(client: Client, begins: int, lasts: int, status: int) -> None:
    issued = int(client.google.clock()) + begins
    assert client.ask_token(iat=issued, exp=issued + lasts).status_code == status


def test_an_old_assertion_gets_no_token(client: Client) -> None:
    ended = int(client.google.clock()) - 301
    assert client.ask_token(iat=ended - HOUR, exp=ended).json()["error"] == "invalid_grant"


def test_a_forged_assertion_gets_no_token(google: FakeGoogle, client: Client) -> None:
    now = int(google.clock())
    claims = {"iss": client.account.email, "scope": SCOPE, "aud": google.token_url, "iat": now, "exp": now + HOUR}
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    good = signed(client.account, claims)
    for assertion in (
        signed(client.account, claims, stranger),
        signed(client.account, claims, kid="unknown"),
        signed(client.account, claims, alg="none"),
        signed(client.account, claims, alg="HS256"),
        signed(client.account, claims, typ="x"),
        good[:-8] + "AAAAAAAA",
        good + "=",
        good.replace(".", ".."),
        "",
        "a.b.c",
        f"{encoded([])}.{encoded([])}.AAAA",
    ):
        answer = client.http.post(google.token_url, data={"grant_type": GRANT, "assertion": assertion})
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant"), assertion
    for form in ({"grant_type": "password", "assertion": good}, {"assertion": good}):
        assert client.http.post(google.token_url, data=form).json()["error"] == "unsupported_grant_type"
    assert client.http.post(google.token_url, json={"grant_type": GRANT, "assertion": good}).status_code == 400
    assert google.accounts.granted == 0


def test_the_bearer_is_asked_for(club: Client) -> None:
    for bearer in ("unknown", "ya29.x"):
        answer = club.call("GET", f"/loyaltyObject/{CARD}", bearer=bearer)
        assert answer.json()["error"]["status"] == "UNAUTHENTICATED"


def test_an_account_nobody_invited_may_nothing(google: FakeGoogle, club: Client) -> None:
    stranger = Client(google, google.service_account("stranger@example.org", is_user=False))
    for method, path, body in (
        ("GET", f"/loyaltyObject/{CARD}", None),
        ("POST", "/loyaltyClass", CLASS | {"id": f"{ISSUER}.other"}),
        ("PATCH", f"/loyaltyObject/{CARD}", {"accountName": "x"}),
    ):
        assert stranger.refused(method, path, body)[0] == 403
    assert stranger.refused("GET", "/loyaltyClass", issuerId=ISSUER)[0] == 403
    assert club.refused("POST", "/loyaltyClass", CLASS | {"id": "1234.club"})[0] == 403


def test_a_reader_reads_and_permissions_can_be_changed(google: FakeGoogle, club: Client) -> None:
    reader = Client(google, google.service_account("reader@example.org", role="READER"))
    assert reader.told("GET", f"/loyaltyObject/{CARD}")["id"] == CARD
    assert reader.refused("PATCH", f"/loyaltyObject/{CARD}", {"accountName": "x"})[0] == 403
    assert reader.refused("PUT", f"/permissions/{ISSUER}", {"permissions": []})[0] == 403
    said = club.told("GET", f"/permissions/{ISSUER}")
    for each in said["permissions"]:
        each["role"] = "OWNER"
    club.told("PUT", f"/permissions/{ISSUER}", said)
    assert reader.told("PATCH", f"/loyaltyObject/{CARD}", {"accountName": "x"})["accountName"] == "x"


# -- classes and objects


def test_a_class_and_an_object_are_made_and_read(google: FakeGoogle, club: Client) -> None:
    made = club.told("GET", f"/loyaltyClass/{CLUB}")
    assert made["reviewStatus"] == "APPROVED"
    card = club.told("GET", f"/loyaltyObject/{CARD}")
    assert card["accountName"] == "Анна К."
    assert card["classReference"]["programName"] == "Coffee Club"
    assert (card["hasUsers"], card["kind"]) == (False, "walletobjects#loyaltyObject")
    assert club.refused("POST", "/loyaltyObject", OBJECT)[0] == 409
    assert club.refused("POST", "/loyaltyClass", CLASS)[0] == 409
    assert club.refused("GET", f"/loyaltyObject/{ISSUER}.nobody")[0] == 404
    assert club.refused("GET", f"/offerObject/{CARD}")[0] == 404
    assert google.card(CARD) == card


@pytest.mark.parametrize("name", ["id", "issuerName", "programName", "programLogo", "reviewStatus"])
def test_a_class_needs_its_five_fields(client: Client, name: str) -> None:
    body = {key: value for key, value in CLASS.items() if key != name}
    status, message = client.refused("POST", "/loyaltyClass", body)
    assert status == 400 and ("required" in message or "resource id" in message)


@pytest.mark.parametrize("name", ["classId", "state"])
def test_an_object_needs_its_fields(club: Client, name: str) -> None:
    body = {key: value for key, value in OBJECT.items() if key != name} | {"id": f"{ISSUER}.other"}
    assert club.refused("POST", "/loyaltyObject", body)[0] == 400


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (
            "offer",
            {"issuerName": "a", "title": "b", "provider": "c", "redemptionChannel": "both", "reviewStatus": "draft"},
        ),
        ("giftCard", {"issuerName": "a", "reviewStatus": "underReview"}),
        ("generic", {}),
    ],
)
def test_the_other_families_exist(client: Client, kind: str, body: dict[str, Any]) -> None:
    body = {"id": f"{ISSUER}.{kind}"} | body
    assert client.told("POST", f"/{kind}Class", body)["id"] == body["id"]
    for name in body:
        less = {key: value for key, value in body.items() if key != name}
        assert client.refused("POST", f"/{kind}Class", less)[0] == 400


def test_a_generic_object_has_its_own_needs(client: Client) -> None:
    client.told("POST", "/genericClass", {"id": f"{ISSUER}.g"})
    words = {"defaultValue": {"language": "en", "value": "Gym"}}
    card = {"id": f"{ISSUER}.g1", "classId": f"{ISSUER}.g", "cardTitle": words, "header": words}
    made = client.told("POST", "/genericObject", card | {"hexBackgroundColor": "#fff"})
    assert made["hasUsers"] is False and "kind" not in made and "hasLinkedDevice" not in made
    assert client.refused("POST", "/genericObject", card | {"notifyPreference": "NOTIFY_ON_UPDATE"})[0] == 400


@pytest.mark.parametrize(
    "wrong",
    [
        {"points": 5},
        {"loyaltyPoints": {"balance": {"integer": 5}}},
        {"loyaltyPoints": {"label": "Points"}},
        {"loyaltyPoints": {"balance": {}}},
        {"loyaltyPoints": {"balance": {"int": 5, "string": "5"}}},
        {"loyaltyPoints": {"balance": {"int": 2**31}}},
        {"loyaltyPoints": {"balance": {"int": "5"}}},
        {"loyaltyPoints": {"balance": {"int": True}}},
        {"loyaltyPoints": {"balance": {"int": 5.5}}},
        {"loyaltyPoints": {"balance": {"money": {"currencyCode": "PLN", "micros": 10_500_000}}}},
        {"loyaltyPoints": {"balance": {"money": {"currencyCode": "zł", "micros": "10500000"}}}},
        {"loyaltyPoints": {"balance": {"money": {"currencyCode": "PLN"}}}},
        {"loyaltyPoints": []},
        {"state": "Active"},
        {"state": "GONE"},
        {"state": 1},
        {"accountName": 7},
        {"messages": {}},
        {"messages": [{"header": "a", "body": "b"}] * 11},
        {"messages": [{"messageType": "EXPIRATION_NOTIFICATION"}]},
        {"merchantLocations": [{"latitude": 52.2, "longitude": 21.0}] * 11},
        {"merchantLocations": [{"latitude": "52.2", "longitude": 21.0}]},
        {"heroImage": {}},
        {"heroImage": {"sourceUri": {"uri": "https://a.example/b.png"}, "privateImageId": "1"}},
        {"heroImage": {"sourceUri": {"uri": "http://a.example/b.png"}}},
        {"heroImage": {"sourceUri": {"uri": "data:image/png;base64,AAAA"}}},
        {"textModulesData": [{"id": "a.b", "header": "x", "body": "y"}]},
        {"linksModuleData": {"uris": [{"uri": "cards.example.org"}]}},
        {"linksModuleData": {"uris": [{"description": "Shop"}]}},
        {"barcode": {"type": "QR"}},
        {"barcode": {"type": "TEXT_ONLY", "value": "1", "alternateText": "2"}},
        {"rotatingBarcode": {"type": "AZTEC", "valuePattern": "1", "totpDetails": {}}},
        {"validTimeInterval": {"end": {"date": "tomorrow"}}},
        {"validTimeInterval": {"start": {"date": "2026-01-01T00:00:00Z"}, "end": {"date": "2026-02-01T00:00:00"}}},
        {"smartTapRedemptionValue": "ж"},
        {"groupingInfo": {"sortIndex": "1"}},
        {"saveRestrictions": {"restrictToEmailSha256": "anna@example.org"}},
        {"valueAddedModuleData": [{"uri": "https://a.example"}]},
        {"linkedObjectIds": [f"{ISSUER}.nobody"]},
        {"linkedObjectIds": ["1234.other"]},
        {"appLinkData": {"androidAppLinkInfo": {"appTarget": {}}}},
    ],
    ids=str,
)
def test_a_wrong_field_is_refused_when_made_and_when_changed(club: Client, wrong: dict[str, Any]) -> None:
    assert club.refused("POST", "/loyaltyObject", OBJECT | {"id": f"{ISSUER}.other"} | wrong)[0] == 400
    assert club.refused("PUT", f"/loyaltyObject/{CARD}", OBJECT | wrong)[0] == 400
    assert club.told("GET", f"/loyaltyObject/{CARD}")["version"] == "1"


@pytest.mark.parametrize(
    "wrong",
    [
        {"hexBackgroundColor": "green"},
        {"redemptionIssuers": [3388]},
        {"callbackOptions": {"url": "http://cards.example.org/"}},
        {"reviewStatus": "APPROVED"},
        {"multipleDevicesAndHoldersAllowedStatus": "EVERYBODY"},
        {"programName": ""},
        {"localizedProgramName": {"translatedValues": []}},
        {"localizedProgramName": {"defaultValue": {"language": "polish!", "value": "x"}}},
        {"classTemplateInfo": {"cardTemplateOverride": {"cardRowTemplateInfos": [{}]}}},
        {"classTemplateInfo": {"cardTemplateOverride": {"cardRowTemplateInfos": [{"oneItem": {}, "twoItems": {}}]}}},
        {"classTemplateInfo": {"cardTemplateOverride": {"cardRowTemplateInfos": [{"oneItem": {}}] * 4}}},
        {
            "classTemplateInfo": {
                "listTemplateOverride": {"secondRowOption": {"fields": [{"fieldPath": "card.points"}]}},
            }
        },
    ],
    ids=str,
)
def test_a_wrong_class_is_refused(client: Client, wrong: dict[str, Any]) -> None:
    assert client.refused("POST", "/loyaltyClass", CLASS | wrong)[0] == 400


def test_older_spellings_are_taken_and_todays_are_given(client: Client) -> None:
    older = {"reviewStatus": "underReview", "multipleDevicesAndHoldersAllowedStatus": "oneUserAllDevices"}
    made = client.told("POST", "/loyaltyClass", CLASS | older)
    assert (made["reviewStatus"], made["multipleDevicesAndHoldersAllowedStatus"]) == (
        "APPROVED",
        "ONE_USER_ALL_DEVICES",
    )
    card = client.told(
        "POST", "/loyaltyObject", OBJECT | {"state": "active", "barcode": {"type": "qrCode", "value": "1"}}
    )
    assert (card["state"], card["barcode"]["type"]) == ("ACTIVE", "QR_CODE")


@pytest.mark.parametrize(
    "wrong", ["club", "club.club", f"{ISSUER}.", f"{ISSUER}.a b", f"{ISSUER}.ż", f"{ISSUER}.a/b", ""]
)
def test_an_id_has_a_shape(client: Client, wrong: str) -> None:
    assert client.refused("POST", "/loyaltyClass", CLASS | {"id": wrong})[0] == 400


def test_a_draft_has_no_objects_and_an_approved_class_stays_approved(client: Client) -> None:
    client.told("POST", "/loyaltyClass", CLASS | {"reviewStatus": "DRAFT"})
    assert client.refused("POST", "/loyaltyObject", OBJECT)[0] == 400
    assert client.told("PATCH", f"/loyaltyClass/{CLUB}", {"reviewStatus": "DRAFT"})["reviewStatus"] == "DRAFT"
    assert client.refused("PATCH", f"/loyaltyClass/{CLUB}", {"issuerName": "x"})[0] == 400
    approved = client.told("PATCH", f"/loyaltyClass/{CLUB}", {"reviewStatus": "UNDER_REVIEW"})
    assert approved["reviewStatus"] == "APPROVED"
    assert client.refused("PATCH", f"/loyaltyClass/{CLUB}", {"reviewStatus": "DRAFT"})[0] == 400
    assert client.refused("PUT", f"/loyaltyClass/{CLUB}", CLASS | {"reviewStatus": "DRAFT"})[0] == 400
    assert client.told("POST", "/loyaltyObject", OBJECT)["classId"] == CLUB


def test_an_object_needs_a_class_of_its_own_kind(client: Client) -> None:
    assert client.refused("POST", "/loyaltyObject", OBJECT)[0] == 404
    client.told("POST", "/giftCardClass", {"id": CLUB, "issuerName": "a", "reviewStatus": "UNDER_REVIEW"})
    assert client.refused("POST", "/loyaltyObject", OBJECT)[0] == 400
    assert client.refused("POST", "/loyaltyClass", CLASS)[0] == 409  # ids are shared by all classes


def test_a_card_moves_to_the_class_of_its_tier(club: Client) -> None:
    gold = f"{ISSUER}.gold"
    assert club.refused("PATCH", f"/loyaltyObject/{CARD}", {"classId": gold})[0] == 404
    club.told("POST", "/loyaltyClass", CLASS | {"id": gold, "rewardsTier": "Gold"})
    moved = club.told("PATCH", f"/loyaltyObject/{CARD}", {"classId": gold})
    assert moved["classReference"]["rewardsTier"] == "Gold"


def test_patch_merges_and_put_replaces(club: Client) -> None:
    path = f"/loyaltyObject/{CARD}"
    club.told("PATCH", path, {"textModulesData": [{"id": "a", "body": "1"}, {"id": "b", "body": "2"}]})
    card = club.told("PATCH", path, {"loyaltyPoints": {"balance": {"int": 70}}, "accountId": None})
    assert card["loyaltyPoints"] == {"label": "Points", "balance": {"int": 70}}
    assert "accountId" not in card and card["accountName"] == "Анна К."
    card = club.told("PATCH", path, {"textModulesData": [{"id": "c", "body": "3"}]})
    assert [each["id"] for each in card["textModulesData"]] == ["c"]
    card = club.told("PUT", path, {"classId": CLUB, "state": "INACTIVE"})
    assert set(card) == {"id", "classId", "state", "hasUsers", "hasLinkedDevice", "classReference", "kind", "version"}
    assert club.refused("PUT", path, {"state": "INACTIVE"})[0] == 400
    assert club.refused("PATCH", path, {"state": None})[0] == 400
    assert club.refused("PATCH", path, {"id": f"{ISSUER}.other"})[0] == 400
    assert club.refused("PATCH", f"/loyaltyObject/{ISSUER}.nobody", {"state": "ACTIVE"})[0] == 404


def test_a_merge_cannot_leave_two_balances(club: Client) -> None:
    path, text = f"/loyaltyObject/{CARD}", {"loyaltyPoints": {"balance": {"string": "3000000000"}}}
    assert club.refused("PATCH", path, text)[0] == 400
    card = club.told("PATCH", path, {"loyaltyPoints": {"balance": {"string": "3000000000", "int": None}}})
    assert card["loyaltyPoints"]["balance"] == {"string": "3000000000"}


def test_what_only_the_platform_writes_is_ignored(club: Client) -> None:
    path = f"/loyaltyObject/{CARD}"
    card = club.told("GET", path)
    card = club.told("PUT", path, card | {"hasUsers": True, "version": "99", "accountName": "Anna"})
    assert (card["hasUsers"], card["version"], card["accountName"]) == (False, "2", "Anna")


def test_a_body_must_be_an_object_of_json(club: Client) -> None:
    for body in (b'{"accountName":"\\ud800"}', b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000):
        headers = {"Authorization": f"Bearer {club.token}", "Content-Type": "application/json"}
        url = f"{club.google.url}{PREFIX}/loyaltyObject/{CARD}"
        assert club.http.patch(url, content=body, headers=headers).json()["error"]["code"] == 400


def test_addresses_are_exact(club: Client) -> None:
    assert club.refused("GET", f"/loyaltyobject/{CARD}")[0] == 404
    assert club.refused("DELETE", f"/loyaltyObject/{CARD}")[0] == 404
    assert club.refused("GET", f"/loyaltyObject/{CARD}", surprise="1")[0] == 400
    assert club.http.get(f"{club.google.url}/elsewhere").headers["content-type"] == "text/html"


def test_a_picture_that_cannot_be_had_is_refused(google: FakeGoogle, client: Client) -> None:
    google.policy.broken_images.add(LOGO["sourceUri"]["uri"])
    assert client.refused("POST", "/loyaltyClass", CLASS)[0] == 400
    google.policy.broken_images.clear()
    google.policy.https_only = False
    client.told("POST", "/loyaltyClass", CLASS | {"programLogo": {"sourceUri": {"uri": "http://127.0.0.1/logo.png"}}})


def test_a_card_expires_by_itself(google: FakeGoogle, club: Client) -> None:
    google.clock.stands_at(1_800_000_000)
    club.token = ""
    end = {"validTimeInterval": {"end": {"date": "2027-01-15T09:00:00+01:00"}}}
    google.resources.expires_late_seconds = HOUR
    assert club.told("PATCH", f"/loyaltyObject/{CARD}", end)["state"] == "ACTIVE"
    google.clock.moves(HOUR)
    assert google.card(CARD)["state"] == "ACTIVE"
    google.clock.moves(HOUR)
    assert google.card(CARD)["state"] == "EXPIRED"


def test_linked_cards_stay_linked(google: FakeGoogle, club: Client) -> None:
    gift = {"id": f"{ISSUER}.gift", "issuerName": "a", "reviewStatus": "UNDER_REVIEW"}
    club.told("POST", "/giftCardClass", gift)
    for number in (1, 2, 3):
        card = {"id": f"{ISSUER}.g{number}", "classId": gift["id"], "state": "ACTIVE", "cardNumber": str(number)}
        club.told("POST", "/giftCardObject", card)
    anna = google.phone("anna@example.org")
    anna.saves(club.skinny())
    path = f"/loyaltyObject/{CARD}"
    club.told("PATCH", path, {"linkedObjectIds": [f"{ISSUER}.g1"]})
    card = club.told("PATCH", path, {"linkedObjectIds": [f"{ISSUER}.g2"]})
    assert card["linkedObjectIds"] == [f"{ISSUER}.g1", f"{ISSUER}.g2"]
    assert club.told("PUT", path, OBJECT)["linkedObjectIds"] == [f"{ISSUER}.g1", f"{ISSUER}.g2"]
    assert anna.cards == [CARD, f"{ISSUER}.g1", f"{ISSUER}.g2"]
    google.resources.most_linked = 2
    assert len(club.told("PATCH", path, {"linkedObjectIds": [f"{ISSUER}.g3"]})["linkedObjectIds"]) == 2


def test_offers_are_linked_the_old_way(club: Client) -> None:
    offer = {"id": f"{ISSUER}.o", "issuerName": "a", "title": "b", "provider": "c", "redemptionChannel": "BOTH"}
    club.told("POST", "/offerClass", offer | {"reviewStatus": "UNDER_REVIEW"})
    club.told("POST", "/offerObject", {"id": f"{ISSUER}.o1", "classId": f"{ISSUER}.o", "state": "ACTIVE"})
    path = f"/loyaltyObject/{CARD}/modifyLinkedOfferObjects"
    card = club.told("POST", path, {"linkedOfferObjectIds": {"addLinkedOfferObjectIds": [f"{ISSUER}.o1"]}})
    assert card["linkedOfferIds"] == [f"{ISSUER}.o1"]
    card = club.told("POST", path, {"linkedOfferObjectIds": {"removeLinkedOfferObjectIds": [f"{ISSUER}.o1"]}})
    assert card["linkedOfferIds"] == []
    nobody = {"linkedOfferObjectIds": {"addLinkedOfferObjectIds": [f"{ISSUER}.o2"]}}
    assert club.refused("POST", path, nobody)[0] == 404


def test_lists_come_in_pages(club: Client) -> None:
    for number in range(6):
        club.told("POST", "/loyaltyObject", OBJECT | {"id": f"{ISSUER}.m{number}"})
    assert len(club.told("GET", "/loyaltyObject", classId=CLUB)["resources"]) == 7
    seen, query = [], {"classId": CLUB, "maxResults": 3}
    while True:
        page = club.told("GET", "/loyaltyObject", **query)
        seen += [each["id"] for each in page["resources"]]
        if (token := page["pagination"].get("nextPageToken")) is None:
            break
        query["token"] = token
    assert len(seen) == len(set(seen)) == 7
    assert [each["id"] for each in club.told("GET", "/loyaltyClass", issuerId=ISSUER)["resources"]] == [CLUB]
    assert club.refused("GET", "/loyaltyObject", classId=CLUB, token="3")[0] == 400
    assert club.refused("GET", "/loyaltyObject", classId=CLUB, maxResults=0)[0] == 400
    assert club.refused("GET", "/loyaltyObject", classId=f"{ISSUER}.nothing")[0] == 404


def test_parts_of_an_answer_may_be_chosen(club: Client) -> None:
    said = club.told("GET", "/loyaltyObject", classId=CLUB, fields="resources(id,hasUsers,loyaltyPoints/balance/int)")
    assert said == {"resources": [{"id": CARD, "hasUsers": False, "loyaltyPoints": {"balance": {"int": 50}}}]}
    assert club.told("GET", f"/loyaltyObject/{CARD}", fields="id") == {"id": CARD}
    for wrong in ("resources(id", "id)", "a//b", "a b", "(id)"):
        assert club.refused("GET", "/loyaltyObject", classId=CLUB, fields=wrong)[0] == 400


def test_an_answer_is_packed_for_those_who_say_so_twice(club: Client) -> None:
    url, token = f"{club.google.url}{PREFIX}/loyaltyObject/{CARD}", f"Bearer {club.token}"
    for agent, packed in (("passes (gzip)", "gzip"), ("passes", None)):
        answer = club.http.get(url, headers={"Authorization": token, "User-Agent": agent})
        assert answer.headers.get("content-encoding") == packed and answer.json()["id"] == CARD


def test_an_issuer_has_settings(club: Client) -> None:
    key = {"smartTapMerchantData": {"authenticationKeys": [{"id": 1, "publicKeyPem": "-----BEGIN"}]}}
    said = club.told("PATCH", f"/issuer/{ISSUER}", key)
    assert said["issuerId"] == ISSUER and said["smartTapMerchantData"]["smartTapMerchantId"].isdigit()
    assert club.told("GET", f"/issuer/{ISSUER}") == said
    assert club.told("GET", "/issuer")["resources"] == [said]
    assert club.refused("PATCH", f"/issuer/{ISSUER}", {"issuerId": "1234"})[0] == 400
    assert club.refused("GET", "/issuer/1234")[0] == 403
    assert club.refused("POST", "/issuer", {"name": "x"})[0] == 403


# -- notices


def points(amount: int, notify: bool = True) -> dict[str, Any]:
    flag = {"notifyPreference": "NOTIFY_ON_UPDATE"} if notify else {}
    return {"loyaltyPoints": {"balance": {"int": amount}}, **flag}


def test_a_notice_needs_a_field_that_is_worth_one_and_a_change(google: FakeGoogle, club: Client) -> None:
    anna = google.phone("anna@example.org")
    anna.saves(club.skinny())
    path = f"/loyaltyObject/{CARD}"
    for body in (points(60, notify=False), points(60), {"accountName": "A", "notifyPreference": "NOTIFY_ON_UPDATE"}):
        assert "notifyPreference" not in club.told("PATCH", path, body)
    assert anna.notices == []
    club.told("PATCH", path, points(70))
    club.told("PATCH", path, points(80, notify=False))
    (notice,) = google.notices_of(CARD)
    assert (notice.kind, notice.fields) == ("update", ("loyaltyPoints.balance",))
    assert notice.people == ("anna@example.org",) and anna.notices == [notice]


def test_three_notices_a_day_whatever_their_kind(google: FakeGoogle, club: Client) -> None:
    path = f"/loyaltyObject/{CARD}"
    loud = {"message": {"id": "m", "header": "Hi", "body": "There", "messageType": "TEXT_AND_NOTIFY"}}
    club.told("PATCH", path, points(1))
    club.told("POST", f"{path}/addMessage", loud)
    club.told("PATCH", path, points(2))
    status, message = club.refused("PATCH", path, points(3))
    assert status == 429 and "QuotaExceeded" in message
    assert club.refused("POST", f"{path}/addMessage", loud)[0] == 429
    assert google.card(CARD)["loyaltyPoints"]["balance"] == {"int": 2}
    club.told("PATCH", path, points(3, notify=False))
    club.told("POST", f"{path}/addMessage", {"message": loud["message"] | {"messageType": "TEXT"}})
    assert google.notices.refused == [CARD, CARD]
    google.clock.moves(DAY)
    club.token = ""
    club.told("PATCH", path, points(4))
    assert len(google.notices_of(CARD)) == 4


def test_a_broadcast_reaches_every_holder_once(google: FakeGoogle, club: Client) -> None:
    people = []
    for number in range(3):
        card = OBJECT | {"id": f"{ISSUER}.m{number}"}
        club.told("POST", "/loyaltyObject", card)
        people.append(google.phone(f"member{number}@example.org"))
        people[-1].saves(club.link({"loyaltyObjects": [{"id": card["id"]}]}))
    news = {"header": "News", "body": "Free refill", "messageType": "TEXT_AND_NOTIFY"}
    said = club.told("POST", f"/loyaltyClass/{CLUB}/addMessage", {"message": news})
    assert said["resource"]["messages"][0]["header"] == "News"
    for person in people:
        assert len(person.notices) == 1
        assert [line.value for line in person.view(person.cards[0]).messages] == ["Free refill"]
    assert google.notices_of(CARD) == []  # nobody holds it
    for _ in range(2):
        club.told("POST", f"/loyaltyClass/{CLUB}/addMessage", {"message": news})
    assert club.refused("POST", f"/loyaltyClass/{CLUB}/addMessage", {"message": news})[0] == 429
    assert club.refused("PATCH", f"/loyaltyObject/{ISSUER}.m1", points(99))[0] == 429


def test_ten_messages_and_no_more(club: Client) -> None:
    path = f"/loyaltyObject/{CARD}/addMessage"
    for number in range(10):
        club.told("POST", path, {"message": {"id": str(number), "header": "a", "body": "b"}})
    assert club.refused("POST", path, {"message": {"header": "a", "body": "b"}})[0] == 400
    assert club.refused("POST", path, {})[0] == 400
    assert club.refused("POST", path, {"message": {"text": "a"}})[0] == 400


# -- many at once


def part(number: object, line: str, body: object = None) -> str:
    text = "" if body is None else json.dumps(body)
    return f"Content-ID: <all + {number}>\r\n\r\n{line}\r\nContent-Type: application/json\r\n\r\n{text}"


def reads(count: int) -> list[str]:
    return [part(number, f"GET {PREFIX}/loyaltyObject/{CARD}") for number in range(count)]


def parts_of(answer: httpx2.Response) -> dict[str, tuple[int, Any]]:
    assert answer.status_code == 200
    boundary = answer.headers["content-type"].partition("boundary=")[2]
    found = {}
    for piece in answer.text.split(f"--{boundary}")[1:-1]:
        content_id = re.search(r"Content-ID: <(.*?)>", piece)
        status = re.search(r"HTTP/1\.1 (\d+)", piece)
        assert content_id and status
        found[content_id[1]] = (int(status[1]), json.loads(piece[piece.index("{") :]))
    return found


def test_parts_of_a_batch_succeed_and_fail_alone(google: FakeGoogle, club: Client) -> None:
    object_path = f"{PREFIX}/loyaltyObject"
    answer = club.batch(
        part(1, f"PATCH {object_path}/{CARD}?alt=json HTTP/1.1", {"accountName": "Żaneta"}),
        part(2, f"PATCH {object_path}/{ISSUER}.nobody HTTP/1.1", {"accountName": "x"}),
        part(3, f"POST {object_path}", OBJECT | {"id": f"{ISSUER}.second"}),
        part(4, f"GET {object_path}/{CARD} HTTP/1.1"),
        part(5, "POST /batch HTTP/1.1", {}),
    )
    statuses = _statuses(answer)
    assert [statuses.pop(f"response-all + {number}") for number in range(1, 6)] == [200, 404, 200, 200, 404]
    assert not statuses
    assert google.card(CARD)["accountName"] == "Żaneta"
    assert [call.status for call in google.calls[-4:]] == [200, 404, 200, 200]
    assert [call.method for call in google.writes(f"{ISSUER}.second")] == ["POST"]


def _statuses(answer: httpx2.Response) -> dict[str, int]:
    assert answer.status_code == 200
    return {
        name: int(status) for name, status in re.findall(r"Content-ID: <(.*?)>\r\n\r\nHTTP/1\.1 (\d+)", answer.text)
    }


def test_a_batch_that_is_none(google: FakeGoogle, club: Client) -> None:
    good = part(1, f"GET {PREFIX}/loyaltyObject/{CARD}")
    assert club.batch(good, content_type="application/json").status_code == 400
    assert club.batch(good, content_type="multipart/mixed").status_code == 400
    assert club.batch(good, content_type="multipart/mixed; boundary=other").status_code == 400
    assert club.batch(part(1, "something else")).status_code == 400
    assert club.batch(*[good] * 1001).status_code == 400
    google.expire_tokens()
    assert club.batch(good).status_code == 401


def test_a_part_may_meet_a_fault(google: FakeGoogle, club: Client) -> None:
    google.script(faults.answer(503), path="loyaltyObject", nth=2)
    answer = club.batch(*reads(3))
    assert sorted(_statuses(answer).values()) == [200, 200, 503]
    assert parts_of(answer)["response-all + 1"][1]["error"]["status"] == "UNAVAILABLE"


def test_in_a_batch_answers_befall_parts_and_all_else_the_whole(google: FakeGoogle, club: Client) -> None:
    """So that of what is asked as much is spoilt together as alone."""
    google.weather(0.3, [faults.answer(503)], seed=3)
    said = [status for _ in range(20) for status in _statuses(club.batch(*reads(10))).values()]
    assert 0.2 < said.count(503) / 200 < 0.4
    google.weather(0.3, [faults.LOST_ANSWER], seed=3)
    before = google.report()
    lost = 0
    for _ in range(40):
        try:
            assert set(_statuses(club.batch(*reads(2))).values()) == {200}
        except httpx2.RemoteProtocolError:
            lost += 1
    google.weather(0)
    after = google.report()
    assert 4 < lost < 20 and after["spoilt_trips"] - before["spoilt_trips"] == lost
    assert after["spoilt_calls"] - before["spoilt_calls"] == 2 * lost


def test_what_is_in_a_batch_was_asked_though_nobody_opened_it(google: FakeGoogle, club: Client) -> None:
    google.script(faults.answer(503), path="/batch")
    asked = google.report()
    assert club.batch(*reads(2)).status_code == 503
    said = google.report()
    assert (said["trips"] - asked["trips"], said["calls"] - asked["calls"]) == (1, 2)
    assert (said["spoilt_trips"], said["spoilt_calls"]) == (1, 2)
    assert club.batch(*reads(1), content_type="application/json").status_code == 400
    assert google.report()["calls"] == said["calls"], "and of what is none nothing"


# -- too much, and worse


def test_twenty_calls_a_second_and_no_more() -> None:
    with FakeGoogle() as google:
        client = Client(google, google.service_account())
        client.told("POST", "/loyaltyClass", CLASS)
        client.told("POST", "/loyaltyObject", OBJECT)
        answer = client.batch(*reads(25))
        assert list(_statuses(answer).values()).count(429) == 7
        google.throttles_with = 403
        said = client.call("GET", f"/loyaltyObject/{CARD}").json()["error"]
        assert (said["code"], said["status"]) == (403, "RESOURCE_EXHAUSTED")
        assert google.throttled == 8 and google.most_calls_in_a_second() == 28
        google.calls_per_second = None
        client.told("GET", f"/loyaltyObject/{CARD}")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 500, 502, 503])
def test_faults_are_answers(google: FakeGoogle, club: Client, status: int) -> None:
    google.script(faults.answer(status), path=CARD, nth=2, times=2)
    statuses = [club.call("GET", f"/loyaltyObject/{CARD}").status_code for _ in range(4)]
    assert statuses == [200, status, status, 200]
    assert [request.fault for request in google.requests[-4:]] == ["", "says", "says", ""]


@pytest.mark.parametrize(
    ("fault", "is_done"),
    [(faults.RESET_BEFORE, False), (faults.RESET_AFTER, True), (faults.LOST_ANSWER, True), (faults.CUT, True)],
    ids=["reset before", "reset after", "lost answer", "cut"],
)
def test_a_broken_connection_leaves_it_open_whether_it_was_done(
    google: FakeGoogle, club: Client, fault: faults.Fault, is_done: bool
) -> None:
    google.script(fault, method="POST")
    body = OBJECT | {"id": f"{ISSUER}.second"}
    with pytest.raises(httpx2.TransportError):
        club.call("POST", "/loyaltyObject", body)
    assert (body["id"] in google.resources.objects) == is_done
    assert club.call("POST", "/loyaltyObject", body).status_code == (409 if is_done else 200)


def test_somebody_may_be_faster(google: FakeGoogle, club: Client) -> None:
    google.script(faults.RACE, method="POST", path="/loyaltyObject")
    body = OBJECT | {"id": f"{ISSUER}.second"}
    assert club.refused("POST", "/loyaltyObject", body)[0] == 409
    assert club.told("PATCH", f"/loyaltyObject/{ISSUER}.second", {"accountName": "x"})["accountName"] == "x"


def test_a_200_may_be_anything(google: FakeGoogle, club: Client) -> None:
    for fault, begins in (
        (faults.JUNK, b"<!doctype"),
        (faults.NOT_AN_OBJECT, b"[]"),
        (faults.EMPTY, b""),
        (faults.NOT_UTF8, b'{"id":"\xff'),
        (faults.huge(3 << 20), b'{"id":"xxx'),
    ):
        google.script(fault, path=CARD)
        answer = club.call("PATCH", f"/loyaltyObject/{CARD}", {"accountName": "x"})
        assert answer.status_code == 200 and answer.content.startswith(begins)
    assert google.card(CARD)["accountName"] == "Анна К."
    google.script(faults.redirect(f"{google.url}/elsewhere"), path=CARD)
    assert club.call("GET", f"/loyaltyObject/{CARD}").is_redirect


def test_google_may_be_slow_silent_or_gone(google: FakeGoogle, club: Client) -> None:
    club.http.timeout = httpx2.Timeout(0.2)
    for fault, is_done in ((faults.HANG, False), (faults.slow(0.5), True), (faults.drip(0.25), True)):
        google.script(fault, path=CARD)
        with pytest.raises(httpx2.TimeoutException):
            club.call("PATCH", f"/loyaltyObject/{CARD}", {"accountName": fault.name})
        assert (google.card(CARD)["accountName"] == fault.name) == is_done
    google.is_down = True
    with pytest.raises(httpx2.TransportError):
        club.call("GET", f"/loyaltyObject/{CARD}")
    google.is_down = False
    assert club.told("GET", f"/loyaltyObject/{CARD}")["id"] == CARD


def test_the_weather_is_the_same_for_the_same_seed(google: FakeGoogle, club: Client) -> None:
    def statuses() -> list[int]:
        google.weather(0.5, [faults.answer(500), faults.answer(429)], seed=3)
        return [club.call("GET", f"/loyaltyObject/{CARD}").status_code for _ in range(20)]

    first = statuses()
    assert first == statuses() and set(first) == {200, 500, 429}


def test_a_reset_forgets_all_but_the_accounts(google: FakeGoogle, club: Client) -> None:
    club.told("PATCH", f"/issuer/{ISSUER}", {"homepageUrl": "https://cards.example.org"})
    google.script(faults.answer(500))
    google.callbacks.stand_ins["*"] = "http://127.0.0.1:1"
    google.reset()
    assert google.requests == [] and google.resources.objects == {}
    assert "homepageUrl" not in club.told("GET", f"/issuer/{ISSUER}")
    assert club.refused("GET", f"/loyaltyObject/{CARD}")[0] == 404
    assert google.callbacks.stand_ins == {"*": "http://127.0.0.1:1"}


# -- save links and phones


def test_a_link_puts_a_card_into_a_wallet(google: FakeGoogle, club: Client) -> None:
    anna = google.phone("anna@example.org", language="pl")
    assert anna.opens(club.skinny()) and not google.card(CARD)["hasUsers"]
    assert anna.saves(club.skinny()) == [CARD] == anna.cards
    assert google.card(CARD)["hasUsers"]
    face = anna.view(CARD)
    assert (face.issuer, face.title, face.barcode) == ("Сеть", "Klub Kawowy", "7000123456789")
    assert (face.shows("Points"), face.shows("Tier"), face.is_expired) == ("50", "Gold", False)
    assert "Points: 50   Tier: Gold" in str(face)
    club.told("PATCH", f"/loyaltyObject/{CARD}", points(75, notify=False))
    assert anna.shows("Points") == "75"
    anna.removes(CARD)
    assert anna.cards == [] and not google.card(CARD)["hasUsers"]
    with pytest.raises(LookupError):
        anna.view(CARD)
    with pytest.raises(SaveRefused):
        anna.removes(CARD)


def test_whoever_comes_first_owns_the_card(google: FakeGoogle, club: Client) -> None:
    anna, thief = google.phone("anna@example.org"), google.phone("thief@example.org")
    anna.saves(club.skinny())
    with pytest.raises(SaveRefused, match="somebody else"):
        thief.saves(club.skinny())
    assert google.phone("anna@example.org", device="tablet").saves(club.skinny()) == [CARD]
    status = {"reviewStatus": "UNDER_REVIEW", "multipleDevicesAndHoldersAllowedStatus": "ONE_USER_ONE_DEVICE"}
    club.told("PATCH", f"/loyaltyClass/{CLUB}", status)
    with pytest.raises(SaveRefused, match="another device"):
        google.phone("anna@example.org", device="watch").saves(club.skinny())
    club.told("PATCH", f"/loyaltyClass/{CLUB}", status | {"multipleDevicesAndHoldersAllowedStatus": "multipleHolders"})
    thief.saves(club.skinny())
    assert google.resources.objects[CARD].people == ("anna@example.org", "thief@example.org")


def test_a_card_may_be_meant_for_one_address(google: FakeGoogle, club: Client) -> None:
    digest = hashlib.sha256(b"anna@example.org").hexdigest()
    club.told("PATCH", f"/loyaltyObject/{CARD}", {"saveRestrictions": {"restrictToEmailSha256": digest}})
    with pytest.raises(SaveRefused, match="another e-mail"):
        google.phone("boris@example.org").saves(club.skinny())
    assert google.phone("Anna@example.org").saves(club.skinny()) == [CARD]


def test_a_fat_link_makes_what_it_holds_and_never_changes_what_is_there(google: FakeGoogle, client: Client) -> None:
    payload = {"loyaltyObjects": [OBJECT], "loyaltyClasses": [CLASS]}
    anna = google.phone("anna@example.org", language="ru")
    link = client.link(payload)
    anna.opens(link)
    assert not google.resources.classes
    assert anna.saves(link) == [CARD]
    assert anna.view(CARD).title == "Кофейный клуб"
    assert any("may be cut" in warning for warning in google.links.warnings)
    changed = client.link({"loyaltyObjects": [OBJECT | {"accountName": "Boris"}]}, iat=None)
    anna.saves(changed)
    assert anna.shows("accountName") == "Анна К."


def test_a_bad_link_saves_nothing(google: FakeGoogle, club: Client) -> None:
    anna = google.phone("anna@example.org")
    card = {"loyaltyObjects": [{"id": CARD}]}
    stranger = google.service_account("stranger@example.org", is_user=False)
    later = int(google.clock()) + HOUR
    good = club.skinny()
    for link in (
        club.link(card, aud="Google"),
        club.link(card, typ="JWT"),
        club.link(card, iat=later),
        club.link(card, iat="now"),
        club.link(card, iss="nobody@example.org"),
        club.link(card, account=stranger),
        club.link(card, account=stranger, iss=stranger.email),
        club.link(None),
        club.link([]),
        club.link({}),
        club.link({"cards": []}),
        club.link({"loyaltyObjects": {}}),
        club.link({"loyaltyObjects": [CARD]}),
        club.link({"loyaltyObjects": [{"id": f"{ISSUER}.nobody"}]}),
        club.link({"loyaltyObjects": [{"id": "1234.other"}]}),
        club.link({"offerObjects": [{"id": CARD}]}),
        good[:-4] + "AAAA",
        good.replace("/gp/v/save/", "/gp/v/other/"),
        "https://example.org/",
    ):
        with pytest.raises(SaveRefused):
            anna.saves(link)
    assert anna.cards == []


def test_google_makes_short_links_of_long_ones(google: FakeGoogle, client: Client) -> None:
    token = client.link({"loyaltyClasses": [CLASS], "loyaltyObjects": [OBJECT]}).rpartition("/")[2]
    said = client.told("POST", "/jwt", {"jwt": token})
    assert said["resources"]["loyaltyObjects"][0]["id"] == CARD
    assert said["saveUri"].startswith(google.save_url) and len(said["saveUri"]) < 100
    assert google.phone("anna@example.org").saves(said["saveUri"]) == [CARD]
    assert client.refused("POST", "/jwt", {"jwt": token[:-4] + "AAAA"})[0] == 400
    assert client.refused("POST", "/jwt", {})[0] == 400


def test_a_link_can_be_checked_before(google: FakeGoogle, client: Client) -> None:
    payload = {"loyaltyClasses": [CLASS], "loyaltyObjects": [OBJECT]}
    token = client.link(payload).rpartition("/")[2]
    assert client.told("POST", "/jwt/validate", {"jwtResource": {"jwt": token}}) == {}
    assert client.told("POST", "/jwt/validate", {"jsonResource": {"json": json.dumps(payload)}}) == {}
    assert client.told("POST", "/jwt/validate", {"jsonResource": {"json": json.dumps({"payload": payload})}}) == {}
    alone = json.dumps({"loyaltyObjects": [OBJECT]})
    assert client.refused("POST", "/jwt/validate", {"jsonResource": {"json": alone}})[0] == 404
    bad = json.dumps({"loyaltyClasses": [CLASS | {"programName": ""}]})
    for body in (
        {},
        {"jwtResource": {"jwt": token}, "jsonResource": {"json": alone}},
        {"jsonResource": {"json": bad}},
        {"jsonResource": {"json": "{"}},
    ):
        assert client.refused("POST", "/jwt/validate", body)[0] == 400
    assert google.resources.classes == {}


def test_a_face_follows_the_template_of_its_class(google: FakeGoogle, club: Client) -> None:
    def item(*paths: str) -> dict[str, Any]:
        return {"firstValue": {"fields": [{"fieldPath": path} for path in paths]}}

    rows = [
        {"twoItems": {"startItem": item("object.loyaltyPoints.balance"), "endItem": item("class.rewardsTier")}},
        {"oneItem": {"item": item("object.accountNumber", "object.textModulesData['stamps']")}},
    ]
    change = {
        "reviewStatus": "UNDER_REVIEW",
        "rewardsTier": "Gold",
        "rewardsTierLabel": "Level",
        "classTemplateInfo": {"cardTemplateOverride": {"cardRowTemplateInfos": rows}},
    }
    club.told("PATCH", f"/loyaltyClass/{CLUB}", change)
    stamps = {"id": "stamps", "header": "Stamps", "body": "4 / 10"}
    club.told("PATCH", f"/loyaltyObject/{CARD}", {"textModulesData": [stamps]})
    anna = google.phone("anna@example.org")
    anna.saves(club.skinny())
    said = [[(line.label, line.value) for line in row] for row in anna.view(CARD).rows]
    assert said == [[("Points", "50"), ("Level", "Gold")], [("Stamps", "4 / 10")]]


def test_messages_have_their_time(google: FakeGoogle, club: Client) -> None:
    google.clock.stands_at(1_800_000_000)  # 2027-01-15 08:00 UTC
    club.token = ""
    anna = google.phone("anna@example.org")
    anna.saves(club.skinny())
    hours = {"start": {"date": "2027-01-15T10:00:00+01:00"}, "end": {"date": "2027-01-15T10:00:00Z"}}
    club.told(
        "POST", f"/loyaltyObject/{CARD}/addMessage", {"message": {"header": "a", "body": "b", "displayInterval": hours}}
    )
    seen = []
    for _ in range(3):
        seen.append(len(anna.view(CARD).messages))
        google.clock.moves(HOUR)
    assert seen == [0, 1, 0]


def test_a_rotating_code_turns_as_the_rfc_says(google: FakeGoogle, club: Client) -> None:
    key = "3132333435363738393031323334353637383930"
    for seconds, code in ((59, "94287082"), (1_111_111_109, "07081804"), (20_000_000_000, "65353130")):
        assert totp(key, seconds // 30, 8) == code
    details = {"algorithm": "TOTP_SHA1", "periodMillis": "30000", "parameters": [{"key": key, "valueLength": 8}]}
    barcode = {"type": "QR_CODE", "valuePattern": "LC2.{totp_value_0}.{totp_timestamp_seconds}", "totpDetails": details}
    assert rotated(barcode, 1_111_111_109) == "LC2.07081804.1111111109"
    club.told("PATCH", f"/loyaltyObject/{CARD}", {"rotatingBarcode": barcode})
    anna = google.phone("anna@example.org")
    anna.saves(club.skinny())
    google.clock.stands_at(1_111_111_109)
    assert anna.view(CARD).barcode == "LC2.07081804.1111111109"


# -- callbacks


class Shop(BaseHTTPRequestHandler):
    """Takes callbacks and verifies them with the service's own code."""

    server: ShopServer

    def do_GET(self) -> None:
        self._say(200 if self.server.robots else 404, self.server.robots.encode())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        google = self.server.google
        outcome = verify(body, self.server.keys.current(), ISSUER, google.clock.ms)
        self.server.heard.append(outcome)
        self._say(self.server.status or (outcome.status if isinstance(outcome, Refusal) else 200), b"")

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class ShopServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, google: FakeGoogle) -> None:
        super().__init__(("127.0.0.1", 0), Shop)
        self.google = google
        self.keys = RootKeys(google.keys_url, fetch, google.clock)
        self.heard: list[Callback | Refusal] = []
        self.robots = ""
        self.status = 0

    @property
    def said(self) -> list[object]:
        return [each.event if isinstance(each, Callback) else each.reason for each in self.heard]


@pytest.fixture
def shop(google: FakeGoogle) -> Iterator[ShopServer]:
    with ShopServer(google) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        google.callbacks.stand_ins["https://cards.example.org"] = f"http://127.0.0.1:{server.server_port}"
        yield server
        server.shutdown()


def test_saves_and_removals_are_told_and_believed(google: FakeGoogle, club: Client, shop: ShopServer) -> None:
    anna = google.phone("anna@example.org")
    anna.saves(club.skinny())
    anna.saves(club.skinny())  # it is there already
    anna.removes(CARD)
    assert shop.said == ["save", "del"]
    first = shop.heard[0]
    assert isinstance(first, Callback) and (first.object_id, first.class_id) == (CARD, CLUB)
    assert [letter.status for letter in google.callbacks.letters] == [200, 200]


def test_keys_turn_and_the_service_follows(google: FakeGoogle, club: Client, shop: ShopServer) -> None:
    google.callbacks.forge("save", CARD)
    google.signer.rotate_intermediate()
    google.callbacks.forge("save", CARD)
    google.signer.rotate_root()
    google.callbacks.forge("save", CARD)
    google.clock.moves(DAY)
    google.callbacks.redeliver()
    google.signer.expire_intermediate()
    google.callbacks.forge("save", CARD)
    assert shop.said == [
        "save",
        "save",
        "signedKey is not signed by a root key of Google",
        "save",
        "the intermediate key has expired",
    ]


@pytest.mark.parametrize("part_name", ["signature", "signedMessage", "signedKey", "signatures"])
def test_tampered_ones_are_refused(google: FakeGoogle, club: Client, shop: ShopServer, part_name: str) -> None:
    assert google.callbacks.forge("save", CARD, tamper=part_name).status == 401


def test_forgeries_of_every_kind_are_refused(google: FakeGoogle, club: Client, shop: ShopServer) -> None:
    forge = google.callbacks.forge
    letters = [
        forge("save", CARD, sender="GoogleWalletPasses"),
        forge("save", CARD, issuer_id="1234"),
        forge("save", CARD, protocol="ECv1"),
        forge("save", CARD, expires_ms=google.clock.ms - 1),
        forge("view", CARD),
    ]
    assert [letter.status for letter in letters] == [401, 401, 400, 403, 200]
    assert len([request for request in google.requests if request.path.endswith("/keys")]) == 1


def test_callbacks_come_late_twice_and_in_any_order(google: FakeGoogle, club: Client, shop: ShopServer) -> None:
    anna = google.phone("anna@example.org")
    google.callbacks.hold()
    anna.saves(club.skinny())
    google.clock.moves(1)
    anna.removes(CARD)
    assert shop.heard == [] and len(google.callbacks.waiting) == 2
    google.callbacks.release(backwards=True)
    assert shop.said == ["del", "save"]
    gone, saved = shop.heard
    assert isinstance(gone, Callback) and isinstance(saved, Callback) and saved.expires_ms < gone.expires_ms
    google.callbacks.repeat(google.callbacks.letters[0])
    assert shop.heard[2] == saved


def test_what_was_not_taken_comes_again(google: FakeGoogle, club: Client, shop: ShopServer) -> None:
    shop.status = 503
    google.phone("anna@example.org").saves(club.skinny())
    (letter,) = google.callbacks.waiting
    shop.status = 0
    google.callbacks.redeliver()
    assert (letter.status, letter.tries, google.callbacks.waiting) == (200, 2, [])


def test_robots_keep_callbacks_out(google: FakeGoogle, club: Client, shop: ShopServer) -> None:
    shop.robots = "User-agent: *\nDisallow: /\n"
    google.phone("anna@example.org").saves(club.skinny())
    assert shop.heard == [] and len(google.callbacks.waiting) == 1


def test_the_issuer_may_have_the_address(google: FakeGoogle, client: Client, shop: ShopServer) -> None:
    anna = google.phone("anna@example.org")
    client.told("POST", "/loyaltyClass", {key: value for key, value in CLASS.items() if key != "callbackOptions"})
    client.told("POST", "/loyaltyObject", OBJECT)
    anna.saves(client.skinny())
    assert google.callbacks.letters == []
    client.told("PATCH", f"/issuer/{ISSUER}", {"callbackOptions": {"url": "https://cards.example.org/hook"}})
    anna.removes(CARD)
    assert shop.said == ["del"]


# -- a process of its own


def test_it_runs_alone(tmp_path: Path) -> None:
    key = tmp_path / "key.json"
    start = [sys.executable, "-m", "tests.fakes.google", "--account", str(key), "--calls-per-second", "0"]
    with subprocess.Popen(start, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout
        said = json.loads(process.stdout.readline())
        account = json.loads(key.read_text())
        assert account["token_uri"] == said["token_url"] and key.stat().st_mode & 0o77 == 0
        assert httpx2.post(f"{said['url']}/fake/report", trust_env=False).json()["calls"] == 0
        for command in ("reset", "expire-tokens", "weather?rate=1&fault=503"):
            assert httpx2.post(f"{said['url']}/fake/{command}", trust_env=False).status_code == 200
        assert httpx2.post(said["token_url"], trust_env=False).status_code == 503
        assert httpx2.get(said["keys_url"], trust_env=False).json()["keys"]
        process.send_signal(signal.SIGTERM)
        assert json.loads(process.stdout.readline())["requests"] == 2


def test_a_hundred_connections_at_once(google: FakeGoogle, club: Client) -> None:
    def ask() -> None:
        with socket.create_connection(("127.0.0.1", httpx2.URL(google.url).port or 0), timeout=5) as line:
            line.sendall(b"GET /gp/m/issuer/keys HTTP/1.1\r\nHost: x\r\n\r\n")
            answered.append(line.recv(15))

    answered: list[bytes] = []
    threads = [threading.Thread(target=ask) for _ in range(100)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert answered == [b"HTTP/1.1 200 OK"] * 100 and time.monotonic() - started < 10
