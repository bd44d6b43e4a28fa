"""Google's callbacks: what is believed, what is not and why, and where the keys come from."""

from __future__ import annotations

import copy
import hashlib
import json
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from passes.wallets.google import callback, keys
from passes.wallets.google.callback import MOST_BODY_BYTES, PROTOCOL, Callback, Refusal, RootKey, verify
from passes.wallets.google.keys import KeysUnavailable, RootKeys
from tests.fakes.google.clock import Clock
from tests.fakes.google.signing import KeyPair, Signer, compact

ISSUER = "3388000000000000001"
ENDS_MS = 4_102_444_800_000
NOW_MS = 1_800_000_000_000
ROOT = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaa8aaEVzzWzXx1XAQxOTgzTa8UYpsHK8Kr1pgxPe/N7Hp5twnYAUZN8i8z+Ys25ctP0hfsvX"
    "4Y4z8ssSh/OZzw=="
)
# A known answer: made with other code from the same labels. The ж catches whoever counts letters and not bytes.
SIGNED_KEY = (
    r'{"keyValue":"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEM8dZFxh/qawPUOcwRv7CPlHRCh6qhzN/Y6vZ6YhDpgr8sKmhKADuRkAQesVz05'
    r'DexkEGfXedIU0ydjNsFhBbZA\u003d\u003d","keyExpiration":"4102444800000"}'
)
MESSAGE = (
    '{"classId":"3388000000000000001.bonus","objectId":"3388000000000000001.m-000042","eventType":"save",'
    '"expTimeMillis":4102444800000,"count":1,"nonce":"nonce-ж-1"}'
)
KNOWN: dict[str, Any] = {
    "signature": "MEUCIDLBLf1TiXc6GIHFO3ylu20yUt6Nu35d2QPmQp1j5nKQAiEA+yC8pHpQjBXndOgD6a+8s7hcNqreUSk20Jv/JCWzHts=",
    "intermediateSigningKey": {
        "signedKey": SIGNED_KEY,
        "signatures": [
            "MEYCIQCKfE9uhTzvJULOv3HoU5LhrMf/ifRi7mMFeMWPc5FetQIhANzS+hO7ihBQB6tyZmsJ5rVn8slI7eM2Akeli133CzWb"
        ],
    },
    "protocolVersion": "ECv2SigningOnly",
    "signedMessage": MESSAGE,
}
BODY = compact(KNOWN).encode()
SAID = Callback(f"{ISSUER}.m-000042", f"{ISSUER}.bonus", "save", ENDS_MS, "nonce-ж-1")


def root(value: str = ROOT, expires_ms: int | None = ENDS_MS, protocol: str = PROTOCOL) -> RootKey:
    public = callback.read_key(value)
    assert public is not None
    return RootKey(public, protocol, expires_ms)


def judged(body: bytes, issuer_id: str = ISSUER, now_ms: int = NOW_MS) -> Callback | Refusal:
    return verify(body, [root()], issuer_id, now_ms)


def refused(body: bytes, **circumstances: Any) -> tuple[int, str]:
    outcome = judged(body, **circumstances)
    assert isinstance(outcome, Refusal), outcome
    return outcome.status, outcome.reason


def with_part(path: tuple[str | int, ...], value: object) -> bytes:
    said = copy.deepcopy(KNOWN)
    inner: Any = said
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return compact(said).encode()


@pytest.fixture
def google() -> Signer:
    clock = Clock()
    clock.stands_at(NOW_MS / 1000)
    return Signer(clock)


def message(**changes: object) -> str:
    return compact(json.loads(MESSAGE) | changes)


def signed(google: Signer, text: str, **twist: Any) -> bytes:
    return google.sign(text, twist.pop("issuer_id", ISSUER), **twist)


# -- the known answer


def test_a_genuine_callback_is_believed() -> None:
    assert judged(BODY) == SAID


def test_what_is_signed_is_counted_in_bytes() -> None:
    signed_key = callback._prefixed(callback.SENDER, PROTOCOL, SIGNED_KEY)
    signed_message = callback._prefixed(callback.SENDER, ISSUER, PROTOCOL, MESSAGE)
    assert (len(signed_key), len(signed_message)) == (223, 226)
    assert hashlib.sha256(signed_key).hexdigest() == "229d1f2f4b0118e2560c457d9f6008399249b1f50e5c2d7635ab7e988c562aeb"
    assert (
        hashlib.sha256(signed_message).hexdigest() == "3f6e8368193877896a0e9525d8ab96cb8ddb0fb55beb8f98281f35e235652f2d"
    )


def test_the_played_google_signs_the_known_answer(google: Signer) -> None:
    google.intermediate.expires_ms = ENDS_MS
    assert google.roots[0].public == ROOT
    assert json.loads(google.sign(MESSAGE, ISSUER)) == KNOWN


def test_the_other_order_and_pretty_printing_of_the_envelope_change_nothing() -> None:
    assert judged(json.dumps(KNOWN, indent=4, sort_keys=True).encode()) == SAID


def test_a_del_is_told_from_a_save(google: Signer) -> None:
    said = judged(signed(google, message(eventType="del", nonce="2")))
    assert isinstance(said, Callback) and said.event == "del"


# -- one byte is enough

PARTS: list[tuple[str | int, ...]] = [
    ("signature",),
    ("signedMessage",),
    ("intermediateSigningKey", "signedKey"),
    ("intermediateSigningKey", "signatures", 0),
]


@pytest.mark.parametrize("path", PARTS, ids=lambda path: str(path[-1]))
def test_one_changed_letter_anywhere_is_refused(path: tuple[str | int, ...]) -> None:
    genuine: Any = KNOWN
    for step in path:
        genuine = genuine[step]
    for place, letter in enumerate(genuine):
        for other in {chr(ord(letter) ^ 1), "A" if letter != "A" else "B"}:
            status, _ = refused(with_part(path, genuine[:place] + other + genuine[place + 1 :]))
            assert status == 401, (place, letter, other)
        assert refused(with_part(path, genuine[:place] + genuine[place + 1 :]))[0] == 401


def test_a_changed_byte_of_the_body_is_refused_wherever_it_is() -> None:
    for place, byte in enumerate(BODY):
        changed = bytearray(BODY)
        changed[place] = byte ^ 1
        assert refused(bytes(changed))[0] in (400, 401), place


def test_base64_has_one_spelling() -> None:
    """Bits that carry nothing must be zero, or one signature could be written in several ways."""
    signature = KNOWN["signature"]
    assert signature.endswith("ts=")
    other = signature.replace("ts=", "tt=")
    assert b64decode(other) == b64decode(signature)
    assert refused(with_part(("signature",), other))[0] == 401
    assert refused(with_part(("signature",), signature + "\n"))[0] == 401


def test_a_message_written_anew_is_refused() -> None:
    pretty = json.dumps(json.loads(MESSAGE), indent=2, ensure_ascii=False)
    assert refused(with_part(("signedMessage",), pretty))[0] == 401


def test_the_escaped_sign_of_the_key_is_taken_as_it_came() -> None:
    assert r"\u003d" in SIGNED_KEY
    status, reason = refused(with_part(("intermediateSigningKey", "signedKey"), SIGNED_KEY.replace(r"\u003d", "=")))
    assert (status, reason) == (401, "signedKey is not signed by a root key of Google")


# -- each refusal has a reason of its own


def test_every_reason_is_told_apart(google: Signer) -> None:
    hour = 3_600_000
    reasons = {
        refused(compact(KNOWN | {"protocolVersion": "ECv1"}).encode()),
        refused(signed(google, MESSAGE, sender="GoogleWalletPasses")),
        refused(signed(google, MESSAGE, issuer_id="3388000000000000002")),
        refused(signed(google, message(expTimeMillis=NOW_MS - 1))),
        refused(BODY, now_ms=ENDS_MS - 1 + hour),
        refused(signed(google, message(objectId="3388000000000000002.m"))),
        refused(signed(google, message(classId="3388000000000000002.m"))),
        refused(signed(google, message(eventType="view"))),
    }
    google.expire_intermediate()
    reasons.add(refused(signed(google, MESSAGE)))
    assert sorted(reasons) == [
        (200, "eventType is neither save nor del"),
        (400, "protocolVersion is not ECv2SigningOnly"),
        (401, "signedKey is not signed by a root key of Google"),
        (401, "signedMessage is not signed for this issuer by Google's intermediate key"),
        (403, "classId is of another issuer"),
        (403, "objectId is of another issuer"),
        (403, "the intermediate key has expired"),
        (403, "the message has expired"),
        (503, "every root key has expired"),
    ]


def test_the_last_moments() -> None:
    """A message is good at its very end; a key is not."""
    for_ever = [root(expires_ms=None)]
    assert verify(BODY, for_ever, ISSUER, ENDS_MS - 1) == SAID
    assert verify(BODY, for_ever, ISSUER, ENDS_MS) == Refusal(403, "the intermediate key has expired")
    assert verify(BODY, [root()], ISSUER, ENDS_MS) == Refusal(503, "every root key has expired")


def test_a_message_is_good_at_its_very_end(google: Signer) -> None:
    assert isinstance(judged(signed(google, message(expTimeMillis=NOW_MS))), Callback)


def test_roots_of_another_protocol_do_not_count() -> None:
    assert verify(BODY, [root(protocol="ECv1")], ISSUER, NOW_MS) == Refusal(503, f"there is no root key for {PROTOCOL}")
    assert verify(BODY, [], ISSUER, NOW_MS) == Refusal(503, f"there is no root key for {PROTOCOL}")


def test_any_live_root_may_vouch_and_an_expired_one_may_not() -> None:
    other = KeyPair("another-root").public
    assert verify(BODY, [root(other), root()], ISSUER, NOW_MS) == SAID
    outcome = verify(BODY, [root(other), root(expires_ms=NOW_MS)], ISSUER, NOW_MS)
    assert outcome == Refusal(401, "signedKey is not signed by a root key of Google")


def test_one_good_signature_among_others_is_enough() -> None:
    signatures = ["", "AAAA", KNOWN["signature"], *KNOWN["intermediateSigningKey"]["signatures"]]
    assert judged(with_part(("intermediateSigningKey", "signatures"), signatures)) == SAID


def test_a_short_issuer_id_is_not_a_prefix_of_ours(google: Signer) -> None:
    body = signed(google, MESSAGE, issuer_id="338800000000000000")
    assert refused(body, issuer_id="338800000000000000") == (403, "classId is of another issuer")


def test_rubbish_is_malformed_whatever_it_is() -> None:
    deep = b"[" * 30_000 + b"]" * 30_000
    bad = [
        b"",
        b"null",
        b"[]",
        b'"save"',
        b"\xff\xfe",
        BODY.decode().encode("utf-16"),
        BODY + b"x",
        BODY[:-1],
        BODY[:-1] + b',"signature":"AAAA"}',
        BODY.replace(b"ECv2SigningOnly", b"NaN"),
        b'{"a":NaN}',
        b"1" * 60_000,
        b'{"protocolVersion":' + b"9" * 60_000 + b"}",
        deep,
        b'{"a":' * 9000 + b"1" + b"}" * 9000,
        BODY + b" " * MOST_BODY_BYTES,
        with_part(("signature",), 7),
        with_part(("signature",), ""),
        with_part(("signedMessage",), None),
        with_part(("intermediateSigningKey",), []),
        with_part(("intermediateSigningKey", "signedKey"), {}),
        with_part(("intermediateSigningKey", "signatures"), []),
        with_part(("intermediateSigningKey", "signatures"), [1]),
        with_part(("intermediateSigningKey", "signatures"), "MEYC"),
        with_part(("intermediateSigningKey", "signatures"), ["AAAA"] * 9),
        BODY.replace("ж".encode(), b"\\ud800"),
    ]
    for body in bad:
        assert refused(body)[0] == 400, body[:60]
        assert callback.malformed(body) == judged(body)
    assert callback.malformed(BODY) is None


def test_what_google_itself_would_sign_wrong_is_refused_too(google: Signer) -> None:
    hostile: list[tuple[str, int]] = [
        ("[]", 400),
        ("", 400),
        ("[" * 9000, 400),
        (message(nonce=""), 400),
        (message(nonce="a\0b"), 400),
        (message(nonce="a" * 201), 400),
        (message(nonce=7), 400),
        (message(objectId=7), 400),
        (message(objectId=f"{ISSUER}.a/b"), 400),
        (message(objectId=f"{ISSUER}."), 400),
        (message(objectId=f"{ISSUER}.m\n"), 400),
        (message(expTimeMillis=True), 400),
        (message(expTimeMillis=4.1e12), 400),
        (message(expTimeMillis=10**18), 400),
        (message(expTimeMillis=None), 400),
        (MESSAGE.replace("4102444800000", "9" * 5000), 400),
        (MESSAGE[:-1] + ',"nonce":"again"}', 400),
        (MESSAGE.replace('"nonce-ж-1"', r'"\ud800"'), 400),
        (message(eventType=["save"]), 200),
    ]
    for text, status in hostile:
        assert refused(signed(google, text))[0] == status, text[:80]


def test_an_intermediate_key_of_another_kind_is_refused(google: Signer) -> None:
    big = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()
    wide = ec.generate_private_key(ec.SECP384R1()).public_key()
    for public in (big, wide):
        value = b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
        text = compact({"keyValue": value, "keyExpiration": str(ENDS_MS)})
        assert refused(signed(google, MESSAGE, signed_key=text)) == (400, "keyValue is not a P-256 key")
    for text in (
        compact({"keyValue": "AAAA", "keyExpiration": str(ENDS_MS)}),
        compact({"keyValue": ROOT, "keyExpiration": "soon"}),
        compact({"keyValue": ROOT}),
        "7",
    ):
        assert refused(signed(google, MESSAGE, signed_key=text))[0] == 400, text


# -- anything at all

SIGNER = Signer(Clock())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
EDITS = st.lists(st.tuples(st.integers(0, len(BODY) - 1), st.binary(max_size=4), st.integers(0, 4)), max_size=6)


@given(st.binary(max_size=300) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_bytes_raise(body: bytes) -> None:
    assert isinstance(judged(body), Refusal)


@given(EDITS)
def test_no_edit_of_a_genuine_body_is_believed_for_something_else(edits: list[tuple[int, bytes, int]]) -> None:
    body = BODY
    for place, new, drop in edits:
        body = body[:place] + new + body[place + drop :]
    outcome = judged(body)
    assert isinstance(outcome, Refusal) or outcome == SAID


@given(st.sampled_from([("protocolVersion",), ("intermediateSigningKey",), *PARTS]), JSON)
def test_no_value_of_a_part_raises(path: tuple[str | int, ...], value: object) -> None:
    said = copy.deepcopy(KNOWN)
    inner: Any = said
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    assert isinstance(judged(json.dumps(said).encode()), Refusal)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(list(json.loads(MESSAGE))), JSON, max_size=6))
def test_no_signed_message_raises(changes: dict[str, object]) -> None:
    body = SIGNER.sign(json.dumps(json.loads(MESSAGE) | changes), ISSUER)
    now_ms = SIGNER._clock.ms
    assert isinstance(verify(body, [root()], ISSUER, now_ms), Callback | Refusal)


# -- keys

HOUR = 3600


class KeyHost:
    """Google's key list without a network: counts requests, may be down."""

    def __init__(self, google: Signer, clock: Clock) -> None:
        self.google, self.clock = google, clock
        self.asked, self.is_down = 0, False
        self.body: bytes | None = None
        self.before_answer: Callable[[], object] = lambda: None

    def __call__(self, url: str) -> bytes:
        self.asked += 1
        self.before_answer()
        if self.is_down:
            raise KeysUnavailable("down")
        return self.body if self.body is not None else compact(self.google.key_list()).encode()


@pytest.fixture
def clock(google: Signer) -> Clock:
    return google._clock


@pytest.fixture
def host(google: Signer, clock: Clock) -> KeyHost:
    return KeyHost(google, clock)


@pytest.fixture
def root_keys(host: KeyHost, clock: Clock) -> RootKeys:
    return RootKeys("https://pay.google.com/gp/m/issuer/keys", host, clock)


def test_a_list_serves_many_callbacks(host: KeyHost, root_keys: RootKeys, google: Signer) -> None:
    for _ in range(50):
        assert verify(signed(google, MESSAGE), root_keys.current(), ISSUER, NOW_MS) == SAID
    assert host.asked == 1


@pytest.mark.parametrize(
    ("ends_in_seconds", "good_for_seconds"),
    [(7 * 24 * HOUR, 24 * HOUR), (10 * HOUR, 10 * HOUR - 60), (90, 60), (61, 60)],
)
def test_a_list_is_kept_until_shortly_before_its_end(
    host: KeyHost, root_keys: RootKeys, google: Signer, clock: Clock, ends_in_seconds: int, good_for_seconds: int
) -> None:
    google.roots[0].expires_ms = NOW_MS + ends_in_seconds * 1000
    root_keys.current()
    clock.moves(good_for_seconds - 1)
    root_keys.current()
    assert host.asked == 1
    clock.moves(1)
    root_keys.current()
    assert host.asked == 2


def test_a_forgery_never_makes_us_ask(host: KeyHost, root_keys: RootKeys, google: Signer) -> None:
    forger = Signer(google._clock)
    forger.rotate_root(keep_old=False)
    for _ in range(20):
        outcome = verify(signed(forger, MESSAGE), root_keys.current(), ISSUER, NOW_MS)
        assert isinstance(outcome, Refusal) and outcome.status == 401
    assert host.asked == 1


def test_keys_in_hand_outlive_an_outage_of_the_host(host: KeyHost, root_keys: RootKeys, clock: Clock) -> None:
    root_keys.current()
    host.is_down = True
    clock.moves(25 * HOUR)
    assert root_keys.current()
    assert root_keys.current()
    assert host.asked == 2  # not again at once
    clock.moves(60)
    assert root_keys.current()
    assert host.asked == 3


def test_without_any_key_google_is_asked_to_come_again(host: KeyHost, root_keys: RootKeys, clock: Clock) -> None:
    host.is_down = True
    for _ in range(10):
        with pytest.raises(KeysUnavailable) as refusal:
            root_keys.current()
        assert refusal.value.status == 503
    assert host.asked == 1
    host.is_down = False
    clock.moves(2)
    assert root_keys.current()


def test_keys_that_expired_during_an_outage_are_of_no_use(host: KeyHost, root_keys: RootKeys, clock: Clock) -> None:
    root_keys.current()
    host.is_down = True
    clock.moves(8 * 24 * HOUR)
    with pytest.raises(KeysUnavailable):
        root_keys.current()


def test_a_list_of_expired_keys_is_no_list(host: KeyHost, root_keys: RootKeys, google: Signer, clock: Clock) -> None:
    google.expire_roots()
    with pytest.raises(KeysUnavailable):
        root_keys.current()
    google.rotate_root()
    clock.moves(2)
    assert len(root_keys.current()) == 1


def test_a_new_root_is_learnt_when_the_list_is_due(root_keys: RootKeys, google: Signer, clock: Clock) -> None:
    root_keys.current()
    google.rotate_root()
    clock.moves(24 * HOUR)
    now_ms = clock.ms
    assert verify(signed(google, MESSAGE), root_keys.current(), ISSUER, now_ms) == SAID


def test_a_clock_set_back_does_not_keep_old_keys(host: KeyHost, root_keys: RootKeys, clock: Clock) -> None:
    root_keys.current()
    clock.moves(-30 * 24 * HOUR)
    root_keys.current()
    assert host.asked == 2


def test_one_thread_fetches_and_the_others_wait_for_it(host: KeyHost, root_keys: RootKeys) -> None:
    gate = threading.Event()
    host.before_answer = lambda: gate.wait(5)
    got: list[int] = []
    threads = [threading.Thread(target=lambda: got.append(len(root_keys.current()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join(5)
    assert (host.asked, got) == (1, [1] * 8)


def test_nobody_waits_long_for_a_host_that_hangs(host: KeyHost, root_keys: RootKeys, clock: Clock) -> None:
    asking, gate = threading.Event(), threading.Event()
    host.before_answer = lambda: asking.set() or gate.wait(5)  # type: ignore[func-returns-value]
    host.is_down = True

    def wait() -> None:
        with pytest.raises(KeysUnavailable):
            root_keys.current()

    slow = threading.Thread(target=wait)
    slow.start()
    assert asking.wait(5)
    wait()
    clock.moves(5)
    gate.set()
    slow.join(5)
    wait()
    assert host.asked == 1  # the pause begins when the try ends


def test_nobody_waits_for_new_keys_while_old_ones_are_good(host: KeyHost, root_keys: RootKeys, clock: Clock) -> None:
    root_keys.current()
    clock.moves(24 * HOUR)
    asking, gate = threading.Event(), threading.Event()
    host.before_answer = lambda: asking.set() or gate.wait(5)  # type: ignore[func-returns-value]
    slow = threading.Thread(target=root_keys.current)
    slow.start()
    assert asking.wait(5)
    assert root_keys.current()
    gate.set()
    slow.join(5)
    assert host.asked == 2


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'{"keys":{}}',
        b'{"keys":null}',
        b"\xff",
        b"[" * 20_000,
        b'{"keys":[' + b" " * 70_000 + b"]}",
        b'{"keys":[null,7,{},{"keyValue":7,"protocolVersion":"ECv2SigningOnly"}]}',
        b'{"keys":[{"keyValue":"AAAA","protocolVersion":"ECv2SigningOnly"}]}',
        compact({"keys": [{"keyValue": ROOT, "protocolVersion": "ECv1"}]}).encode(),
        compact({"keys": [{"keyValue": ROOT, "protocolVersion": PROTOCOL, "keyExpiration": "soon"}]}).encode(),
    ],
)
def test_a_list_that_is_none_gives_no_keys(host: KeyHost, root_keys: RootKeys, body: bytes) -> None:
    host.body = body
    with pytest.raises(KeysUnavailable):
        root_keys.current()


def test_a_key_without_an_end_is_good_for_a_day(host: KeyHost, root_keys: RootKeys, clock: Clock) -> None:
    host.body = compact({"keys": [{"keyValue": ROOT, "protocolVersion": PROTOCOL}, "else"]}).encode()
    assert [key.expires_ms for key in root_keys.current()] == [None]
    clock.moves(24 * HOUR - 1)
    root_keys.current()
    assert host.asked == 1


# -- over a real connection


class Shelf(BaseHTTPRequestHandler):
    """Answers by path; /far leads elsewhere."""

    server: Host

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        match self.path:
            case "/keys":
                self._say(200, b'{"keys":[]}')
            case "/moved":
                self.send_response(302)
                self.send_header("Location", "/keys")
                self.end_headers()
            case "/huge":
                self._say(200, b"x" * 10_000_000)
            case "/drip":
                self._drip()
            case "/silent":
                self.server.gate.wait(5)
            case _:
                self._say(500, b"")

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            self.server.cut += 1

    def _drip(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            while not self.server.gate.wait(0.02):
                self.wfile.write(b" ")
        except OSError:
            self.server.cut += 1

    def log_message(self, *_: object) -> None:
        pass


class Host(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Shelf)
        self.asked: list[str] = []
        self.cut = 0
        self.gate = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def web() -> Iterator[Host]:
    with Host() as host:
        thread = threading.Thread(target=host.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield host
        host.gate.set()
        host.shutdown()


def test_a_list_is_fetched(web: Host) -> None:
    assert keys.fetch(f"{web.url}/keys") == b'{"keys":[]}'


@pytest.mark.parametrize("path", ["/moved", "/huge", "/drip", "/silent", "/broken"])
def test_a_host_that_misbehaves_is_unavailable(web: Host, path: str) -> None:
    with pytest.raises(KeysUnavailable):
        keys.fetch(f"{web.url}{path}", wait_seconds=0.3)
    assert web.asked == [path]


def test_nobody_there_is_unavailable(web: Host) -> None:
    for url in ("http://127.0.0.1:1/keys", "https://[::/", "", "keys", "http://keys.example.org/", "ftp://127.0.0.1/"):
        with pytest.raises(KeysUnavailable):
            keys.fetch(url)
