"""Calls of the API, one fault at a time: what each means for the card, and what it never does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from passes.wallets import Later, Refused
from passes.wallets.google import api as module
from passes.wallets.google.access import Account, Tokens
from passes.wallets.google.api import API, weigh
from tests.fakes.google import faults
from tests.fakes.google.fake import ISSUER, FakeGoogle
from tests.fakes.google.faults import Fault

CLASS = {"id": f"{ISSUER}.cafe"}


class Unhurried:
    """A pace without limit; counts how often it was asked to pause."""

    paused = 0

    def wait(self) -> None: ...

    def heard(self, is_too_much: bool) -> None:
        self.paused += is_too_much


@pytest.fixture(scope="module")
def google() -> Iterator[FakeGoogle]:
    with FakeGoogle(calls_per_second=None) as google:
        yield google


@pytest.fixture
def pace() -> Unhurried:
    return Unhurried()


@pytest.fixture
def api(google: FakeGoogle, pace: Unhurried, tmp_path: Path) -> Iterator[API]:
    google.reset()
    account = Account.read(google.service_account().write(tmp_path / "google.json"))
    api = API(google.url, Tokens(account, google.token_url), pace)  # type: ignore[arg-type]
    yield api
    api.close()


def test_a_class_that_is_not_there(api: API) -> None:
    said = api.get("loyaltyClass", CLASS["id"])
    assert said.status == 404


@pytest.mark.parametrize(
    ("fault", "kind", "word"),
    [
        (faults.answer(400, message="Invalid accountId 7000123456789 of anna@example.org"), Refused, "400"),
        (faults.answer(401), Refused, "account"),
        (faults.answer(403, "PERMISSION_DENIED"), Refused, "invite"),
        (faults.QUOTA_403, Later, "no more"),
        (faults.answer(429), Later, "no more"),
        (faults.answer(500), Later, "500"),
        (faults.answer(503), Later, "503"),
        (faults.redirect("https://elsewhere.example/"), Later, "api_url"),
        (faults.JUNK, Later, "api_url"),
        (faults.NOT_AN_OBJECT, Later, "api_url"),
        (faults.NULL, Later, "api_url"),
        (faults.EMPTY, Later, "api_url"),
        (faults.NOT_UTF8, Later, "api_url"),
        (faults.RESET_BEFORE, Later, "reached"),
        (faults.LOST_ANSWER, Later, "reached"),
        (faults.CUT, Later, ""),
        (faults.huge(2 << 20), Later, "too long"),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else str(getattr(value, "__name__", value)),
)
def test_what_an_answer_means(google: FakeGoogle, api: API, fault: Fault, kind: type, word: str) -> None:
    google.script(fault, method="GET", path="loyaltyClass", times=2)
    outcome = weigh(api.get("loyaltyClass", CLASS["id"]), CLASS["id"])
    assert isinstance(outcome, kind)
    assert isinstance(outcome, Later | Refused) and word in outcome.why
    assert "7000123456789" not in outcome.why and "anna" not in outcome.why


def test_too_much_makes_everybody_pause(google: FakeGoogle, api: API, pace: Unhurried) -> None:
    google.script(faults.QUOTA_403, method="GET")
    google.script(faults.answer(429, "", "", ("Retry-After", "120")), method="GET")
    assert api.get("loyaltyClass", CLASS["id"]).status == 403
    said = api.get("loyaltyClass", CLASS["id"])
    assert weigh(said, CLASS["id"]) == Later("Google takes no more for the moment", 120)
    assert pace.paused == 2


def test_silence_ends(google: FakeGoogle, api: API, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CALL_SECONDS", 0.3)
    for fault in (faults.HANG, faults.drip(0.1)):
        google.script(fault, method="GET", path="loyaltyClass")
        outcome = weigh(api.get("loyaltyClass", CLASS["id"]), CLASS["id"])
        assert isinstance(outcome, Later) and outcome.wait_seconds == module.UNHEARD_SECONDS


def test_one_token_serves_all_calls_and_is_renewed_once(google: FakeGoogle, api: API) -> None:
    before = google.accounts.granted
    for _ in range(5):
        api.get("loyaltyClass", CLASS["id"])
    assert google.accounts.granted == before + 1
    google.expire_tokens()
    assert api.get("loyaltyClass", CLASS["id"]).status == 404
    assert google.accounts.granted == before + 2
    google.script(faults.answer(401), method="GET", times=5)
    calls = len(google.calls)
    assert api.get("loyaltyClass", CLASS["id"]).status == 401
    assert len(google.calls) == calls + 2, "one retry, and no more"


def test_a_token_is_renewed_before_it_ends(google: FakeGoogle, tmp_path: Path) -> None:
    account = Account.read(google.service_account().write(tmp_path / "google.json"))
    now = [0.0]
    tokens = Tokens(account, google.token_url, lambda: now[0])
    first = tokens.get()
    now[0] = 3599 - 61
    assert tokens.get() == first
    now[0] = 3599 - 59
    assert tokens.get() != first


def test_a_clock_that_is_wrong_is_told_to_the_operator(google: FakeGoogle, api: API) -> None:
    google.clock.moves(2 * 3600)
    outcome = weigh(api.get("loyaltyClass", CLASS["id"]), CLASS["id"])
    assert isinstance(outcome, Later) and "clock" in outcome.why
    google.clock.runs()
