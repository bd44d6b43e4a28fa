"""Calls of the API, one fault at a time: what each means for the card, and what it never does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from passes.wallets import Later, Refused
from passes.wallets.google import api as module
from passes.wallets.google import batch
from passes.wallets.google.access import Account, Tokens
from passes.wallets.google.api import API
from passes.wallets.google.call import UNHEARD_SECONDS, Call, weigh
from tests.fakes.google import faults
from tests.fakes.google.fake import ISSUER, FakeGoogle
from tests.fakes.google.faults import Fault

CLASS = {"id": f"{ISSUER}.cafe"}
LOST = [f"{ISSUER}.m{number}" for number in range(5)]
"""Classes that are not there, and asked for all the same."""


class Unhurried:
    """A pace without limit; counts turns, and how often it was asked to pause."""

    paused, taken, together = 0, 0, 5

    def wait(self, turns: int) -> None:
        self.taken += turns

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
    said = api.call(Call.get("loyaltyClass", CLASS["id"]))
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
    outcome = weigh(api.call(Call.get("loyaltyClass", CLASS["id"])), CLASS["id"])
    assert isinstance(outcome, kind)
    assert isinstance(outcome, Later | Refused) and word in outcome.why
    assert "7000123456789" not in outcome.why and "anna" not in outcome.why


def test_too_much_makes_everybody_pause(google: FakeGoogle, api: API, pace: Unhurried) -> None:
    google.script(faults.QUOTA_403, method="GET")
    google.script(faults.answer(429, "", "", ("Retry-After", "120")), method="GET")
    assert api.call(Call.get("loyaltyClass", CLASS["id"])).status == 403
    said = api.call(Call.get("loyaltyClass", CLASS["id"]))
    assert weigh(said, CLASS["id"]) == Later("Google takes no more for the moment", 120)
    assert pace.paused == 2


# -- several in one request


def ask(api: API, ids: list[str] = LOST) -> list[int]:
    return [said.status for said in api.calls([Call.get("loyaltyClass", id) for id in ids])]


def trips(google: FakeGoogle) -> int:
    return int(google.report()["trips"])


def test_several_go_in_one_request_and_take_a_turn_each(google: FakeGoogle, api: API, pace: Unhurried) -> None:
    assert api.most_together == 5
    assert ask(api) == [404] * 5
    assert (trips(google), len(google.calls), pace.taken) == (1, 5, 5)
    assert ask(api, LOST[:1]) == [404]
    assert [each.path for each in google.requests[-1:]] == [f"/walletobjects/v1/loyaltyClass/{LOST[0]}"], "as it was"


def test_each_is_answered_for_itself(google: FakeGoogle, api: API, pace: Unhurried) -> None:
    wanted = [404, 503, 400, 404, 403]
    for id, status in zip(LOST, wanted, strict=True):
        if status != 404:
            google.script(faults.answer(status), path=id)
    assert ask(api) == wanted and pace.paused == 0


@pytest.mark.parametrize("fault", [faults.answer(429), faults.QUOTA_403])
@pytest.mark.parametrize("path", [LOST[3], "/batch"], ids=["one of them", "all together"])
def test_one_that_was_too_much_makes_everybody_pause_once(
    google: FakeGoogle, api: API, pace: Unhurried, fault: Fault, path: str
) -> None:
    google.script(fault, path=path)
    assert fault.status in ask(api) and pace.paused == 1


@pytest.mark.parametrize(
    ("fault", "kind", "word"),
    [
        (faults.answer(403, "PERMISSION_DENIED"), Refused, "invite"),
        (faults.answer(429, "", "", ("Retry-After", "120")), Later, "no more"),
        (faults.answer(500), Later, "500"),
        (faults.answer(503), Later, "503"),
        (faults.redirect("https://elsewhere.example/"), Later, "api_url"),
        (faults.JUNK, Later, "api_url"),
        (faults.EMPTY, Later, "api_url"),
        (faults.RESET_BEFORE, Later, "reached"),
        (faults.RESET_AFTER, Later, "reached"),
        (faults.LOST_ANSWER, Later, "reached"),
        (faults.CUT, Later, "reached"),
        (faults.huge(2 << 20), Later, "too long"),
        (faults.says(200, b"--x\r\n", ("Content-Type", "multipart/mixed; boundary=x")), Later, "0 times"),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else str(getattr(value, "__name__", value)),
)
def test_what_befalls_the_whole_befalls_each(google: FakeGoogle, api: API, fault: Fault, kind: type, word: str) -> None:
    google.script(fault, path="/batch", times=2)
    outcomes = [
        weigh(said, id) for id, said in zip(LOST, api.calls([Call.get("loyaltyClass", i) for i in LOST]), strict=True)
    ]
    assert len(outcomes) == 5 and len(set(outcomes)) == 1
    assert isinstance(outcomes[0], kind) and isinstance(outcomes[0], Later | Refused) and word in outcomes[0].why
    assert trips(google) == 1, "nothing is tried blindly"


def test_a_batch_has_no_longer_than_a_call(google: FakeGoogle, api: API, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CALL_SECONDS", 0.3)
    for fault in (faults.HANG, faults.drip(0.1)):
        google.script(fault, path="/batch")
        said = api.calls([Call.get("loyaltyClass", id) for id in LOST])
        assert {(each.status, each.wait_seconds) for each in said} == {(0, UNHEARD_SECONDS)}


def test_a_part_that_is_too_long_spoils_no_other(google: FakeGoogle, api: API) -> None:
    body = faults.huge(batch.MOST_PART_BYTES).body
    google.script(faults.says(200, body, ("Content-Type", "application/json")), path=LOST[1])
    assert ask(api) == [404, 0, 404, 404, 404]


def test_a_token_that_ended_is_renewed_once_for_all(google: FakeGoogle, api: API) -> None:
    assert ask(api) == [404] * 5
    google.expire_tokens()
    assert ask(api) == [404] * 5
    assert google.accounts.granted == 2 and trips(google) == 3


def test_only_those_that_were_denied_are_asked_again(google: FakeGoogle, api: API) -> None:
    for id in LOST[1:3]:
        google.script(faults.answer(401), path=id)
    assert ask(api) == [404] * 5
    assert google.accounts.granted == 2
    assert [len(each.parts) for each in google.requests if each.path == "/batch"] == [5, 2]
    google.script(faults.answer(401), path=LOST[1], times=5)
    assert ask(api) == [404, 401, 404, 404, 404], "one retry, and no more"


def test_without_a_new_token_those_that_were_answered_stay_so(google: FakeGoogle, api: API) -> None:
    google.script(faults.answer(401), path=LOST[1])
    google.script(faults.answer(503), path="/token", nth=2, times=20)
    said = api.calls([Call.get("loyaltyClass", id) for id in LOST])
    assert [each.status for each in said] == [404, 0, 404, 404, 404] and "trouble" in said[1].why


@pytest.mark.parametrize(
    "fault",
    [
        faults.answer(400),
        faults.answer(404),
        faults.says(413, b""),
        faults.says(200, b"--x\r\n\r\n--x--", ("Content-Type", "multipart/mixed; boundary=x")),
    ],
    ids=["400", "404", "413", "answers nobody"],
)
def test_a_google_that_takes_no_batches_is_asked_one_by_one(google: FakeGoogle, api: API, fault: Fault) -> None:
    """No card is set aside for it, or made anew."""
    google.script(fault, path="/batch")
    assert ask(api) == [0] * 5
    assert api.most_together == 1


def test_silence_ends(google: FakeGoogle, api: API, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CALL_SECONDS", 0.3)
    for fault in (faults.HANG, faults.drip(0.1)):
        google.script(fault, method="GET", path="loyaltyClass")
        outcome = weigh(api.call(Call.get("loyaltyClass", CLASS["id"])), CLASS["id"])
        assert isinstance(outcome, Later) and outcome.wait_seconds == UNHEARD_SECONDS


def test_one_token_serves_all_calls_and_is_renewed_once(google: FakeGoogle, api: API) -> None:
    before = google.accounts.granted
    for _ in range(5):
        api.call(Call.get("loyaltyClass", CLASS["id"]))
    assert google.accounts.granted == before + 1
    google.expire_tokens()
    assert api.call(Call.get("loyaltyClass", CLASS["id"])).status == 404
    assert google.accounts.granted == before + 2
    google.script(faults.answer(401), method="GET", times=5)
    calls = len(google.calls)
    assert api.call(Call.get("loyaltyClass", CLASS["id"])).status == 401
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
    outcome = weigh(api.call(Call.get("loyaltyClass", CLASS["id"])), CLASS["id"])
    assert isinstance(outcome, Later) and "clock" in outcome.why
    google.clock.runs()
