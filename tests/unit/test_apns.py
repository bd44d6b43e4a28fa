"""The sender of Apple pushes against a played APNs, over real TLS and HTTP/2, on good days and bad ones."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from structlog.testing import capture_logs

from passes.errors import ConfigError
from passes.wallets import Gone, Later, Outcome, Pushed, Refused
from passes.wallets.apple import answers
from passes.wallets.apple.connection import Form
from passes.wallets.apple.push import APNs, Nudge
from passes.wallets.apple.tokens import address
from tests.fakes import apns as faults
from tests.fakes.apns import FakeAPNs

TOPIC = "pass.test.coffee"


class Certificate:
    """A root of a developer, and the pass certificate it signed."""

    def __init__(self, folder: Path, topic: str = TOPIC) -> None:
        root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Root of these tests")])
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.USER_ID, topic),
                x509.NameAttribute(NameOID.COMMON_NAME, f"Pass Type ID: {topic}"),
                x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "TESTTEAM01"),
            ]
        )
        authority = x509.BasicConstraints(ca=True, path_length=None)
        root = _certificate(root_name, root_name, root_key.public_key()).add_extension(authority, True)
        leaf = _certificate(root_name, name, key.public_key()).add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False
        )
        pem = serialization.Encoding.PEM
        self.root = root.sign(root_key, hashes.SHA256()).public_bytes(pem)
        self.file = folder / f"{topic}.pem"
        self.file.write_bytes(
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
            + leaf.sign(root_key, hashes.SHA256()).public_bytes(pem)
        )

    def context(self, apns_root: Path) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(apns_root))
        context.load_cert_chain(self.file)
        return context


def _certificate(issuer: x509.Name, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().issuer_name(issuer).subject_name(subject).public_key(key)
    return (
        builder.serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
    )


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def apple(certificate: Certificate) -> Iterator[FakeAPNs]:
    with FakeAPNs(trust=[certificate.root]) as apple:
        yield apple


Maker = Callable[..., APNs]


@pytest.fixture
def make(apple: FakeAPNs, certificate: Certificate) -> Iterator[Maker]:
    """Makes senders for the played service; all are closed when the test ends."""
    made: list[APNs] = []

    def make(**choices: object) -> APNs:
        given = {"url": apple.url, "topic": TOPIC, "context": lambda: certificate.context(apple.ca)}
        made.append(APNs(**{**given, "timeout_seconds": 1.0, **choices}))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for sender in made:
        sender.close()


def tokens(count: int, prefix: str = "aa") -> list[str]:
    return [f"{prefix}{number:062x}" for number in range(count)]


def nudges(listed: Sequence[str], urgent: bool = True) -> list[Nudge]:
    return [Nudge(token, urgent) for token in listed]


PHONE, *OTHERS = tokens(20)


def push(sender: APNs, token: str = PHONE, urgent: bool = True) -> Outcome:
    [outcome] = sender.send([Nudge(token, urgent)])
    return outcome


# -- a good day


def test_a_push_is_the_one_apple_documents(apple: FakeAPNs, make: Maker) -> None:
    assert push(make()) == Pushed()

    [request] = apple.requests
    assert (request.token, request.body, request.is_delivered) == (PHONE, b"{}", True)
    assert request.headers == {
        ":scheme": "https",
        ":authority": apple.url.removeprefix("https://"),
        "apns-topic": TOPIC,
        "apns-priority": "10",
    }


def test_a_campaign_is_not_urgent(apple: FakeAPNs, make: Maker) -> None:
    push(make(), urgent=False)

    assert apple.requests[0].headers["apns-priority"] == "5"


def test_a_background_push_never_has_priority_10(apple: FakeAPNs, make: Maker) -> None:
    assert push(make(push_type="background"), urgent=True) == Pushed()

    headers = apple.requests[0].headers
    assert (headers["apns-push-type"], headers["apns-priority"]) == ("background", "5")


def test_a_path_is_never_indexed() -> None:
    headers = Form("api.push.apple.com", TOPIC, None).headers(Nudge(PHONE, True))

    assert [name for name, _ in (header for header in headers if not header.indexable)] == [b":path"]


def test_nothing_to_send_opens_no_connection(apple: FakeAPNs, make: Maker) -> None:
    assert make().send([]) == []
    assert apple.connections_opened == 0


def test_a_thousand_pushes_and_more_share_one_connection(apple: FakeAPNs, make: Maker) -> None:
    sender = make()
    for round in range(4):
        assert set(sender.send(nudges(tokens(500, prefix=f"0{round}")))) == {Pushed()}

    assert (apple.connections_opened, len(apple.delivered)) == (1, 2000)
    assert apple.most_in_flight <= apple.max_streams


def test_outcomes_come_in_the_order_of_the_nudges(apple: FakeAPNs, make: Maker) -> None:
    some = tokens(60)
    for token in some[::3]:
        apple.forget(token, at_ms=1_700_000_000_999)

    outcomes = make().send(nudges(some))

    assert outcomes == [Gone(1_700_000_000) if place % 3 == 0 else Pushed() for place in range(60)]


def test_a_token_twice_in_one_call_is_sent_once(apple: FakeAPNs, make: Maker) -> None:
    apple.forget(OTHERS[0], at_ms=5_000)

    outcomes = make().send(nudges([PHONE, OTHERS[0], PHONE, OTHERS[0], PHONE]))

    assert outcomes == [Pushed(), Gone(5), Pushed(), Gone(5), Pushed()]
    assert apple.attempts(PHONE) == apple.attempts(OTHERS[0]) == 1


def test_what_is_no_token_never_gets_into_a_path(apple: FakeAPNs, make: Maker) -> None:
    rubbish = [
        "",
        "abc",
        "../../etc",
        "zz" * 32,
        "ab" * 15,
        "ab" * 257,
        "ab\r\nhost: evil",
        "аб" * 16,
        "ab" * 32 + "\n",
    ]

    assert make().send(nudges(rubbish)) == [Gone()] * len(rubbish)
    assert apple.requests == []


def test_another_makers_token_is_not_sent_to_apple(apple: FakeAPNs, make: Maker) -> None:
    anothers = address("AndroidPass", "ab" * 32)

    first, second = make().send(nudges([anothers, PHONE]))

    assert isinstance(first, Refused) and "when it is opened" in first.why
    assert second == Pushed()
    assert apple.attempts(PHONE) == len(apple.requests) == 1


def test_many_threads_share_one_sender(apple: FakeAPNs, make: Maker) -> None:
    sender, outcomes = make(), []
    threads = [
        threading.Thread(target=lambda n=n: outcomes.extend(sender.send(nudges(tokens(40, f"{n:02x}")))))
        for n in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)

    assert outcomes == [Pushed()] * 480
    assert (apple.connections_opened, len(set(apple.delivered))) == (1, 480)


def test_a_purchase_does_not_queue_behind_a_campaign(apple: FakeAPNs, make: Maker) -> None:
    apple.max_streams = 5
    apple.latency_seconds = 0.005
    sender = make(timeout_seconds=5)
    campaign = threading.Thread(target=sender.send, args=[nudges(tokens(600, "cc"), urgent=False)])
    campaign.start()
    while len(apple.requests) < 20:
        time.sleep(0.001)

    assert push(sender) == Pushed()
    assert len(apple.requests) < 200
    campaign.join()


def test_a_forked_child_has_its_own_connection(apple: FakeAPNs, make: Maker) -> None:
    sender = make()
    push(sender)
    if (child := os.fork()) == 0:
        os._exit(0 if push(sender, OTHERS[0]) == Pushed() else 1)

    assert os.waitpid(child, 0)[1] == 0
    assert push(sender, OTHERS[1]) == Pushed()
    assert [request.connection for request in apple.requests] == [1, 2, 1]


def test_a_closed_sender_holds_nobody_up(apple: FakeAPNs, make: Maker) -> None:
    sender, outcomes = make(timeout_seconds=15), []
    apple.script(faults.HANG)
    waiting = threading.Thread(target=lambda: outcomes.append(push(sender)))
    waiting.start()
    while not apple.requests:
        time.sleep(0.001)

    sender.close()
    waiting.join(3)

    assert isinstance(outcomes[0], Later)
    assert isinstance(push(sender), Later)
    assert not apple.live


def test_an_address_that_is_none_is_explained() -> None:
    with pytest.raises(ConfigError, match="apns_url"):
        APNs("api.push.apple.com", TOPIC, ssl.create_default_context)


# -- what answers mean


@pytest.mark.parametrize(
    ("status", "reason", "outcome"),
    [
        (400, "BadDeviceToken", Gone()),
        (400, "DeviceTokenNotForTopic", Gone()),
        (400, "PayloadEmpty", Refused("APNs answered 400 PayloadEmpty")),
        (404, "BadPath", Refused("APNs answered 404 BadPath")),
        (405, "MethodNotAllowed", Refused("APNs answered 405 MethodNotAllowed")),
        (413, "PayloadTooLarge", Refused("APNs answered 413 PayloadTooLarge")),
        (429, "TooManyRequests", Later("APNs answered 429 TooManyRequests", 60)),
        (500, "InternalServerError", Later("APNs answered 500 InternalServerError")),
        (503, "ServiceUnavailable", Later("APNs answered 503 ServiceUnavailable")),
        (418, "Teapot", Refused("APNs answered 418 Teapot")),
    ],
)
def test_an_answer_and_its_outcome(apple: FakeAPNs, make: Maker, status: int, reason: str, outcome: Outcome) -> None:
    apple.script(faults.answer(status, reason), token=PHONE)

    assert make().send(nudges([PHONE, *OTHERS])) == [outcome, *[Pushed()] * len(OTHERS)]


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"[" * 5000, b"\xff", b'{"reason": 5, "timestamp": true}', b'{"timestamp": -1}']
)
def test_a_410_with_a_broken_body_is_still_a_410(body: bytes) -> None:
    assert answers.read(410, body).outcome == Gone(None)


def test_a_reason_that_is_no_word_is_not_repeated() -> None:
    assert answers.read(500, b'{"reason": "<b>\\n' + b"x" * 900 + b'"}').why == (
        "APNs answered 500 InternalServerError"
    )


@pytest.mark.parametrize(
    ("status", "reason"),
    [(403, "BadCertificate"), (403, "Whatever"), (400, "BadTopic"), (400, "TopicDisallowed")],
)
def test_a_fault_of_certificate_or_topic_pauses_and_deletes_nothing(
    apple: FakeAPNs, make: Maker, status: int, reason: str
) -> None:
    sender = make(pause_seconds=0.6)
    apple.script(faults.answer(status, reason))

    assert push(sender) == Refused(f"APNs answered {status} {reason}")
    paused = sender.send(nudges(OTHERS))
    assert {type(outcome) for outcome in paused} == {Later}
    assert "paused" in paused[0].why and paused[0].wait_seconds == 1  # type: ignore[union-attr]
    assert len(apple.requests) == 1

    time.sleep(0.6)
    assert push(sender) == Pushed()
    assert apple.connections_opened == 2


def test_the_rest_of_a_batch_waits_out_a_pause(apple: FakeAPNs, make: Maker) -> None:
    apple.max_streams = 1
    apple.script(faults.answer(403, "BadCertificate"), nth=3)

    outcomes = make().send(nudges(tokens(10)))

    assert [type(outcome) for outcome in outcomes] == [Pushed, Pushed, Refused] + [Later] * 7
    assert len(apple.requests) == 3


def test_a_certificate_of_another_pass_type_pauses(apple: FakeAPNs, make: Maker, certificate: Certificate) -> None:
    assert push(make(topic="pass.test.bakery")) == Refused("APNs answered 400 TopicDisallowed")


# -- streams


def test_never_more_streams_than_the_server_allows(apple: FakeAPNs, make: Maker) -> None:
    apple.max_streams = 7
    apple.latency_seconds = 0.002

    assert make().send(nudges(tokens(200))) == [Pushed()] * 200
    assert apple.most_in_flight == 7
    assert apple.violations == []


def test_streams_may_drop_to_one_and_rise_again(apple: FakeAPNs, make: Maker) -> None:
    apple.latency_seconds = 0.001
    sender, outcomes = make(timeout_seconds=5), []
    batch = threading.Thread(target=lambda: outcomes.extend(sender.send(nudges(tokens(3000)))))
    batch.start()
    for most in (1, 50, 1, 1000):
        seen = len(apple.requests)
        apple.max_streams = most
        while len(apple.requests) < min(seen + 30, 3000):
            time.sleep(0.001)
    batch.join()

    assert outcomes == [Pushed()] * 3000
    assert (apple.connections_opened, apple.violations) == (1, [])


@pytest.mark.parametrize(
    "fault",
    [faults.INFORMATIONAL, faults.EMPTY_DATA, faults.PADDED, faults.NO_ID, faults.RESET_AFTER_ANSWER],
    ids=lambda fault: fault.name,
)
def test_odd_but_legal_answers_are_understood(apple: FakeAPNs, make: Maker, fault: faults.Fault) -> None:
    apple.script(fault, token=PHONE)
    apple.forget(OTHERS[0], at_ms=9_000)
    apple.script(fault, token=OTHERS[0])
    sender = make()

    first, second, *rest = sender.send(nudges([PHONE, *OTHERS]))

    assert first == Pushed()
    assert second == Gone(9) or fault is faults.RESET_AFTER_ANSWER
    assert set(rest) == {Pushed()}
    assert apple.connections_opened == 1


@pytest.mark.parametrize(
    "fault",
    [faults.NO_BODY, faults.HUGE_BODY, faults.RESET_STREAM, faults.LOST_ANSWER, faults.HANG],
    ids=lambda fault: fault.name,
)
def test_one_lost_stream_does_not_touch_the_others(apple: FakeAPNs, make: Maker, fault: faults.Fault) -> None:
    apple.script(fault, token=PHONE)
    sender = make(timeout_seconds=0.5)

    first, *rest = sender.send(nudges([PHONE, *OTHERS]))

    assert isinstance(first, Later)
    assert set(rest) == {Pushed()}
    assert push(sender) == Pushed()
    assert apple.connections_opened == 1


def test_a_refused_stream_is_sent_again(apple: FakeAPNs, make: Maker) -> None:
    apple.script(faults.REFUSE_STREAM, token=PHONE, times=2)

    assert push(make()) == Pushed()
    assert apple.attempts(PHONE) == 3


def test_a_stream_refused_for_ever_is_put_off(apple: FakeAPNs, make: Maker) -> None:
    apple.script(faults.REFUSE_STREAM, token=PHONE, times=100)

    assert isinstance(push(make()), Later)
    assert apple.attempts(PHONE) == 3


# -- connections


@pytest.mark.parametrize(
    "fault",
    [
        faults.GOAWAY_BEFORE,
        faults.GOAWAY_MID,
        faults.GOAWAY_AFTER,
        faults.GOAWAY_UNKEPT,
        faults.RESET_TCP,
        faults.GARBAGE,
        faults.SHUTDOWN,
        faults.answer(400, "IdleTimeout"),
    ],
    ids=lambda fault: f"{fault.name} {fault.reason}",
)
def test_a_connection_lost_mid_flight_loses_no_push(apple: FakeAPNs, make: Maker, fault: faults.Fault) -> None:
    apple.max_streams = 20
    apple.script(fault, nth=30)
    # A busy machine is slow, not wrong.
    assert make(timeout_seconds=5.0).send(nudges(tokens(100))) == [Pushed()] * 100
    assert set(apple.delivered) == set(tokens(100))
    assert apple.connections_opened == 2


def test_goaway_lets_earlier_streams_finish(apple: FakeAPNs, make: Maker) -> None:
    sender = make()
    push(sender)
    apple.script(faults.latency(0.15), token=OTHERS[0])
    apple.script(faults.GOAWAY_BEFORE, token=OTHERS[1])

    assert sender.send(nudges(OTHERS)) == [Pushed()] * len(OTHERS)
    assert apple.attempts(OTHERS[0]) == 1
    assert apple.attempts(OTHERS[1]) == 2


def test_a_kept_connection_found_dead_is_replaced(apple: FakeAPNs, make: Maker) -> None:
    sender = make()
    push(sender)
    apple.drop_connections()

    assert push(sender, OTHERS[0]) == Pushed()
    assert apple.connections_opened == 2


def test_a_connection_silent_for_long_is_asked_before_it_is_trusted(apple: FakeAPNs, make: Maker) -> None:
    sender = make(silence_seconds=0.2)
    push(sender)
    assert apple.pings == 0
    time.sleep(0.3)

    assert push(sender, OTHERS[0]) == Pushed()
    assert (apple.pings, apple.connections_opened) == (1, 1)


def test_an_idle_connection_is_kept_alive_by_pings(apple: FakeAPNs, make: Maker) -> None:
    sender = make(ping_seconds=0.2)
    push(sender)
    deadline = time.monotonic() + 3
    while apple.pings < 2 and time.monotonic() < deadline:
        time.sleep(0.02)

    assert apple.pings >= 2
    assert apple.connections_opened == 1


def test_a_renewed_certificate_is_taken_up_without_a_restart(
    apple: FakeAPNs, make: Maker, certificate: Certificate
) -> None:
    asked = []

    def context() -> ssl.SSLContext:
        asked.append(True)
        return certificate.context(apple.ca)

    sender = make(context=context)
    push(sender)
    apple.script(faults.GOAWAY_AFTER, token=OTHERS[0])
    sender.send(nudges(OTHERS))
    push(sender)

    assert len(asked) == apple.connections_opened == 2


@pytest.mark.parametrize("door", sorted(faults.DOORS - {"open", "distrust"}))
def test_a_door_that_leads_nowhere_is_tried_again_later(apple: FakeAPNs, make: Maker, door: str) -> None:
    sender = make()
    apple.door = door

    began = time.monotonic()
    outcomes = sender.send(nudges(OTHERS))
    assert {type(outcome) for outcome in outcomes} == {Later}
    assert time.monotonic() - began < 2
    assert apple.requests == []

    apple.door = "open"
    assert reaches(sender, PHONE)
    assert apple.most_connections == 1


def test_a_certificate_apns_does_not_trust_pauses(apple: FakeAPNs, make: Maker) -> None:
    apple.door = "distrust"
    sender = make(pause_seconds=300)

    outcome = push(sender)
    assert isinstance(outcome, Later)
    assert "paused" in outcome.why and outcome.wait_seconds > 200
    tried = apple.connections_opened
    assert isinstance(push(sender), Later)
    assert apple.connections_opened == tried


def test_a_certificate_that_cannot_be_read_pauses(apple: FakeAPNs, make: Maker, tmp_path: Path) -> None:
    sender = make(context=lambda: ssl.create_default_context(cafile=str(tmp_path / "missing.pem")))

    outcome = push(sender)

    assert isinstance(outcome, Later)
    assert "could not be read" in outcome.why


def test_an_outage_is_not_hammered(apple: FakeAPNs, make: Maker) -> None:
    sender = make()
    apple.door = "garbage in TLS"
    ends = time.monotonic() + 1.5
    while time.monotonic() < ends:
        assert isinstance(push(sender), Later)
        time.sleep(0.005)

    assert 2 <= apple.connections_opened <= 6


def test_a_silent_server_holds_nobody_longer_than_promised(apple: FakeAPNs, make: Maker) -> None:
    apple.script(faults.HANG, times=1000)
    sender = make(timeout_seconds=0.5)

    began = time.monotonic()
    outcomes = sender.send(nudges(tokens(100)))

    assert {type(outcome) for outcome in outcomes} == {Later}
    assert time.monotonic() - began < 1.2


# -- a bad day


def reaches(sender: APNs, token: str, patience_seconds: float = 8) -> bool:
    ends = time.monotonic() + patience_seconds
    while time.monotonic() < ends:
        if push(sender, token) == Pushed():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.slow
def test_a_fifth_of_all_pushes_failing_loses_none(apple: FakeAPNs, make: Maker) -> None:
    everyone = tokens(5000)
    dead = set(everyone[::50])
    for token in dead:
        apple.forget(token)
    # Broken connections are rarer than refusals, though still far more frequent than on the worst of days.
    refusals = [fault for fault in faults.ORDINARY_FAULTS if fault.name == "answer"]
    apple.weather(0.2, [*faults.ORDINARY_FAULTS, *refusals * 6], seed=7)
    sender = make(timeout_seconds=2, streams=100)

    settled: dict[str, Outcome] = {}
    waiting = everyone
    for _ in range(60):
        for begin in range(0, len(waiting), 1000):
            some = waiting[begin : begin + 1000]
            for token, outcome in zip(some, sender.send(nudges(some)), strict=True):
                if not isinstance(outcome, Later):
                    settled[token] = outcome
        waiting = [token for token in waiting if token not in settled]
        if not waiting:
            break

    assert waiting == []
    assert {token for token, outcome in settled.items() if isinstance(outcome, Gone)} == dead
    assert {token for token, outcome in settled.items() if outcome == Pushed()} == set(everyone) - dead
    assert set(apple.delivered) == set(everyone) - dead
    assert apple.sent_after_gone() == []
    assert apple.most_connections <= 3
    assert apple.violations == []


def test_a_service_that_drops_everything_is_not_noticed_by_the_sender(apple: FakeAPNs, make: Maker) -> None:
    apple.weather(1, [faults.DROP])

    assert push(make()) == Pushed()
    assert apple.delivered == []


def test_no_token_is_ever_logged(apple: FakeAPNs, make: Maker, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    apple.script(faults.RESET_TCP, nth=2)
    apple.script(faults.answer(403, "BadCertificate"), nth=5)
    with capture_logs() as written:
        make().send(nudges([PHONE, *OTHERS]))

    assert any(entry["event"] == "apns_paused" for entry in written)
    assert not re.search("aa00|/3/device", f"{written}{[each for each in caplog.text.splitlines() if is_ours(each)]}")


def is_ours(line: str) -> bool:
    """The played service writes the path it was asked for to nobody, but its HPACK decoder does."""
    return "Decoded" not in line


def test_what_was_sent_can_be_counted(apple: FakeAPNs, make: Maker) -> None:
    sender = make()
    apple.forget(PHONE)
    sender.send(nudges([PHONE, *OTHERS]))

    def value(name: str, **labels: str) -> float | None:
        return sender.metrics.registry.get_sample_value(name, {"topic": TOPIC, **labels})

    assert value("apns_pushes_total", outcome="pushed") == len(OTHERS)
    assert value("apns_pushes_total", outcome="gone") == 1
    assert value("apns_connections_total") == 1
    assert value("apns_answer_seconds_count") == len(OTHERS) + 1


def test_the_played_service_runs_as_a_process_of_its_own(certificate: Certificate, tmp_path: Path) -> None:
    root = tmp_path / "root.pem"
    root.write_bytes(certificate.root)
    command = [sys.executable, "-m", "tests.fakes.apns", "--trust", str(root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        place = json.loads(process.stdout.readline())
        sender = APNs(place["url"], TOPIC, lambda: certificate.context(Path(place["ca"])))
        assert set(sender.send(nudges(OTHERS))) == {Pushed()}
        sender.close()
        process.send_signal(signal.SIGTERM)
        assert json.loads(process.stdout.readline())["requests"] == len(OTHERS)
