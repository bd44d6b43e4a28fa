"""Batches as bytes: what is written, and what is made of whatever comes back."""

from __future__ import annotations

import email
import email.policy
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passes.wallets import Pushed
from passes.wallets.google import batch
from passes.wallets.google.batch import read_answers, write
from passes.wallets.google.call import UNHEARD_SECONDS, Call, Said, weigh

ISSUER = "3388000000000000001"
TYPE = 'multipart/mixed; boundary="batch_pK7JBAk73-E=_AA5e"'
LINE = b"--batch_pK7JBAk73-E=_AA5e"
CALLS = [
    Call.patch("loyaltyObject", {"id": f"{ISSUER}.anna", "accountName": "Анна Żółć\r\n--passes-batch--"}),
    Call.insert("loyaltyObject", {"id": f"{ISSUER}.boris"}),
    Call.put("genericObject", {"id": f"{ISSUER}.celina", "state": "EXPIRED"}),
    Call.get("loyaltyClass", f"{ISSUER}.cafe"),
]


def part(number: int, status: int = 200, body: str | None = None, named: str = "<response-call + {}>") -> bytes:
    """An answer as Google writes it."""
    body = json.dumps({"id": f"{ISSUER}.m{number}"}) if body is None else body
    head = f"Content-Type: application/http\r\nContent-ID: {named.format(number)}\r\n\r\n"
    inner = f"HTTP/1.1 {status} Whatever\r\nContent-Type: application/json; charset=UTF-8\r\nVary: Origin\r\n\r\n"
    return (head + inner + body).encode()


def answer(*parts: bytes, end: bytes = LINE + b"--") -> bytes:
    return b"".join(LINE + b"\r\n" + each + b"\r\n" for each in parts) + end


def ids(said: list[Said]) -> list[str | None]:
    return [str(each.body.get("id", "")).rpartition(".")[2] or None for each in said]


# -- written


def test_a_batch_has_the_form_that_googles_own_client_writes() -> None:
    whole = email.message_from_bytes(
        f"Content-Type: {batch.CONTENT_TYPE}\r\n\r\n".encode() + write(CALLS), policy=email.policy.HTTP
    )
    parts = list(whole.iter_parts())
    assert [each.get_content_type() for each in parts] == ["application/http"] * 4
    assert [each["Content-ID"] for each in parts] == [f"<call + {number}>" for number in range(4)]
    requests = [bytes(each.get_payload(decode=True)) for each in parts]
    lines = [request.partition(b"\r\n")[0].decode() for request in requests]
    assert lines == [
        f"PATCH /walletobjects/v1/loyaltyObject/{ISSUER}.anna HTTP/1.1",
        "POST /walletobjects/v1/loyaltyObject HTTP/1.1",
        f"PUT /walletobjects/v1/genericObject/{ISSUER}.celina HTTP/1.1",
        f"GET /walletobjects/v1/loyaltyClass/{ISSUER}.cafe HTTP/1.1",
    ]
    for call, request in zip(CALLS, requests, strict=True):
        head, _, body = request.partition(b"\r\n\r\n")
        assert body.strip() == (call.content or b"") and b"\n" not in body.strip()
        assert (b"Content-Length: %d" % len(call.content or b"") in head) == (call.content is not None)
    assert "Анна Żółć".encode() in write(CALLS), "not as \\u0410"


def test_no_text_ends_a_part_and_no_path_breaks_a_line() -> None:
    hostile = Call.get("loyaltyObject", "1.x HTTP/1.1\r\nX: y\r\n\r\n--passes-batch--")
    assert write([CALLS[0], hostile, CALLS[1]]).count(b"\n--passes-batch\r\n") == 2
    assert b"X: y" not in write([hostile])


# -- read


def test_answers_in_any_order_find_their_calls() -> None:
    parts = [part(number) for number in range(12)]
    random.Random(3).shuffle(parts)
    assert ids(read_answers(TYPE, answer(*parts), 12)) == [f"m{number}" for number in range(12)]


def test_each_says_for_itself_how_it_went() -> None:
    slow = part(2, 429).replace(b"Vary: Origin", b"retry-after: 120")
    said = read_answers(TYPE, answer(part(1, 404, "<!DOCTYPE html>"), slow, part(0)), 3)
    assert [(each.status, each.wait_seconds) for each in said] == [(200, 0), (404, 0), (429, 120)]


@pytest.mark.parametrize(
    ("wrong", "others"),
    [
        ([], "nothing at all"),
        ([part(1), part(1, 404)], "said twice"),
        ([part(1), part(1).replace(b"HTTP/1.1 200", b"HTTP/1.1 2000")], "said twice, once unreadably"),
        ([part(7)], "of a call that was not made"),
        ([part(10**3)], "of a call that was not made"),
        ([part(1).replace(b"+ 1>", b"+ " + b"1" * 5000 + b">")], "a number without end"),
        ([part(1, named="<response-other + {}>")], "of another batch"),
        ([part(1, named="<call + {}>")], "no answer"),
        ([part(1, named="response-call + {}")], "no brackets"),
        ([part(1).replace(b"Content-ID", b"X-ID")], "of no name"),
        ([part(1).replace(b"Vary: Origin", b"Vary: Origin\r\n\r\nContent-ID: <response-call + 1>"), part(1)], "twice"),
        ([part(1).replace(b"Content-Type: application/http", b"Content-ID: <response-call + 0>")], "of two names"),
        ([part(1).replace(b"HTTP/1.1 200", b"ICY 200")], "no HTTP"),
        ([part(1).replace(b"HTTP/1.1 200", b"HTTP/1.1 099")], "no status"),
        ([part(1).replace(b"HTTP/1.1 200", "HTTP/1.1 २००".encode())], "no digits of ours"),
        ([part(1).replace(b"\r\n\r\n", b"\r\n")], "no end of the head"),
        ([part(1)[:40]], "cut"),
        ([b""], "empty"),
        ([b"\0\xff" * 500], "noise"),
        ([part(1, body=json.dumps({"id": "x" * batch.MOST_PART_BYTES}))], "too long"),
    ],
)
def test_what_cannot_be_read_is_not_answered_and_no_other_suffers(wrong: list[bytes], others: str) -> None:
    said = read_answers(TYPE, answer(part(2), *wrong, part(0)), 3)
    assert ids(said) == ["m0", None, "m2"], others
    assert said[1].status == 0 and said[1].why


@pytest.mark.parametrize(
    "body", ["", "null", "[]", '"id"', '{"id":', "[" * 100_000, "\ud800".encode("utf-8", "surrogatepass")]
)
def test_a_body_that_is_no_object_leaves_the_status(body: str | bytes) -> None:
    whole = answer(part(0, body="@@").replace(b"@@", body.encode() if isinstance(body, str) else body))
    assert read_answers(TYPE, whole, 1) == [Said(200, {})]


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/mixed; boundary=batch_pK7JBAk73-E=_AA5e",
        'Multipart/Mixed; charset=UTF-8; Boundary="batch_pK7JBAk73-E=_AA5e"',
        "multipart/mixed;boundary=batch_pK7JBAk73-E=_AA5e; charset=UTF-8",
    ],
)
def test_the_boundary_is_read_however_it_is_written(content_type: str) -> None:
    assert batch.is_batch(content_type)
    assert ids(read_answers(content_type, answer(part(0)), 1)) == ["m0"]
    bare = answer(part(0)).replace(b"\r\n", b"\n")
    assert ids(read_answers(content_type, b"preamble\n" + bare + b"\nepilogue", 1)) == ["m0"]


@pytest.mark.parametrize("content_type", ["", "application/json", "multipart/mixed", "multipart/mixed; boundary=é"])
def test_what_is_no_batch_answers_nobody(content_type: str) -> None:
    assert not batch.is_batch(content_type)
    assert [each.status for each in read_answers(content_type, answer(part(0)), 1)] == [0]


def test_an_answer_cut_anywhere_is_believed_as_far_as_it_came() -> None:
    whole = answer(*(part(number) for number in (2, 0, 1)))
    for end in range(len(whole)):
        said = read_answers(TYPE, whole[:end], 3)
        assert all(each in (None, true) for each, true in zip(ids(said), ("m0", "m1", "m2"), strict=True))
        assert all(each.status == 200 or each.wait_seconds == UNHEARD_SECONDS for each in said)
    assert ids(read_answers(TYPE, whole, 3)) == ["m0", "m1", "m2"]


@given(st.binary(max_size=400), st.integers(0, 600), st.integers(0, 600))
def test_no_bytes_do_harm(noise: bytes, begin: int, length: int) -> None:
    """Noise in place of any stretch of an answer: read without complaint, and no card confirmed by another's word."""
    whole = answer(*(part(number) for number in (2, 0, 1)))
    said = read_answers(TYPE, whole[:begin] + noise + whole[begin + length :], 3)
    outcomes = [weigh(each, f"{ISSUER}.m{number}") for number, each in enumerate(said)]
    assert len(outcomes) == 3
    assert all(id == f"m{n}" for n, id in enumerate(ids(said)) if isinstance(outcomes[n], Pushed))


@given(st.text(max_size=200), st.lists(st.binary(max_size=60), max_size=6))
def test_no_content_type_does_harm(content_type: str, pieces: list[bytes]) -> None:
    assert len(read_answers(content_type, b"\r\n--".join(pieces), 4)) == 4
    assert len(read_answers("multipart/mixed; boundary=a", b"\r\n--a\r\n".join(pieces), 4)) == 4
