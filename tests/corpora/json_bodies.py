"""Bodies that tills, web shops and strangers send: broken, absurd, hostile, or merely unusual.

`BROKEN` are no JSON objects that anybody could mean. `AMOUNTS` and `TEXTS` are JSON values to put where a number
or a text belongs. None of them may cause a server error, and none that is refused may leave a trace.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

GOOD = {"receipt": "R-odd", "total": 1250, "lines": [{"sku": "latte", "quantity": 1, "price": 1250}]}
_GOOD = json.dumps(GOOD).encode()
_DEPTHS = (13, 50, 500, 1_000, 3_000, 50_000)


def _cut_short() -> Iterator[bytes]:
    """A connection that broke off, at every second byte."""
    yield from (_GOOD[:length] for length in range(1, len(_GOOD), 2))


def _nested() -> Iterator[bytes]:
    for depth in _DEPTHS:
        yield b"[" * depth
        yield b"[" * depth + b"]" * depth
        yield b'{"a":' * depth
        yield b'{"a":' * depth + b"1" + b"}" * depth
        yield b'{"lines":' + b"[" * depth + b"]" * depth + b"}"
        yield b'{"receipt":"R","event":' + b'{"a":[' * depth + b"]}" * depth + b"}"


def _not_objects() -> Iterator[bytes]:
    for text in ("null", "true", "false", "0", "-1", "1.5", '""', '"{}"', '"{\\"receipt\\": 1}"', "[]", "[{}]", "[[]]"):
        yield text.encode()


def _not_json() -> Iterator[bytes]:
    for text in (
        "receipt=R-1&total=5",
        "<order><total>5</total></order>",
        "{'receipt': 'R-1'}",
        "{receipt: 1}",
        '{"receipt": "R-1",}',
        '{"receipt": "R-1"}}',
        '{"receipt": "R-1"} {"receipt": "R-2"}',
        '{"receipt": undefined}',
        '{"receipt": "R-1" // a comment\n}',
        '{"receipt": "R-1" /* a comment */}',
        '{"total": 0x10}',
        '{"total": 010}',
        '{"total": +5}',
        '{"total": .5}',
        '{"total": 5.}',
        '{"total": 1e}',
        '{"total": --5}',
        '{"total": 1,000}',
        '{"total": NaN}',
        '{"total": -NaN}',
        '{"total": Infinity}',
        '{"total": -Infinity}',
        '{"total": 1e999}',
        '{"total": -1e999}',
        '{"receipt": "\t"}',
        '{"receipt": "\x00"}',
        '{"receipt": "\\x41"}',
        '{"receipt": "\\u00g0"}',
        '{"receipt": "\\"}',
        '{"receipt": `R`}',
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        '"',
        "\\",
        " ",
        "\n\n\n",
        "\x00",
        "\x00" * 1000,
        "%7B%7D",
        "eyJyZWNlaXB0IjoiUiJ9",
        "${jndi:ldap://127.0.0.1/a}",
        "{{7*7}}",
        "'; DROP TABLE receipt; --",
        "__proto__",
        'O:8:"stdClass":0:{}',
        "!!python/object/apply:os.system ['true']",
        "(lp0\n.",
    ):
        yield text.encode()


def _twice() -> Iterator[bytes]:
    """A field named twice: which one is meant?"""
    yield b'{"receipt": "R-1", "receipt": "R-2"}'
    yield b'{"total": 1, "total": 1000000}'
    yield b'{"amount": 1, "amount": -1, "reason": "x"}'
    yield b'{"programme": "cafe", "name": "A", "name": "B"}'
    yield b'{"receipt": "R-1", "lines": [{"quantity": 1, "price": 1, "price": 2}]}'
    yield b'{"receipt": "R-1", "r\\u0065ceipt": "R-2"}'
    yield b'{"code": "a", "code": "b"}'
    yield b"{" + b",".join(b'"a": 1' for _ in range(20_000)) + b"}"


def _other_encodings() -> Iterator[bytes]:
    text = '{"receipt": "Чек №5", "total": 5}'
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "cp1251", "koi8-r", "cp037"):
        yield text.encode(encoding, "replace")
    for wrong in (
        b"\xff",
        b"\xc0\xaf",
        b"\xc0\x80",
        b"\xed\xa0\x80",
        b"\xed\xbf\xbf",
        b"\xf4\x90\x80\x80",
        b"\xe2\x82",
    ):
        yield b'{"receipt": "' + wrong + b'", "total": 5}'
        yield b'{"' + wrong + b'": 5}'
    yield b"\x1f\x8b\x08\x00\x00\x00\x00\x00"
    yield b"\x89PNG\r\n\x1a\n"


def _unstorable() -> Iterator[bytes]:
    for escape in ("\\u0000", "R\\u0000-1", "\\ud800", "\\udfff", "\\ude00\\ud83d", "a\\ud83d", "\\udbff b"):
        yield f'{{"receipt": "{escape}", "total": 5}}'.encode()
        yield f'{{"programme": "cafe", "name": "{escape}"}}'.encode()
        yield f'{{"{escape}": 5}}'.encode()
        yield f'{{"amount": 5, "reason": "{escape}"}}'.encode()
        yield f'{{"code": "{escape}"}}'.encode()
        yield f'{{"programme": "cafe", "title": {{"en": "{escape}"}}}}'.encode()
        yield f'{{"receipt": "R", "lines": [{{"quantity": 1, "price": 1, "sku": "{escape}"}}]}}'.encode()


def _strange_fields() -> Iterator[bytes]:
    for name in (
        "points",
        "balance",
        "role",
        "tier",
        "id",
        "member_id",
        "__proto__",
        "constructor",
        "",
        " ",
        "a" * 9999,
    ):
        yield json.dumps(GOOD | {name: 1_000_000}).encode()
        yield json.dumps({"programme": "cafe", name: 1_000_000}).encode()
        yield json.dumps({"amount": 5, "reason": "x", name: 1_000_000}).encode()


def _too_much() -> Iterator[bytes]:
    line = {"quantity": 1, "price": 1}
    yield json.dumps({"receipt": "R-much", "lines": [line] * 201}).encode()
    yield json.dumps({"receipt": "R-much", "lines": [line] * 9000}).encode()
    yield json.dumps({"programme": "cafe", "consents": [{"purpose": "p"}] * 21}).encode()
    yield json.dumps({"receipt": "R" * 81}).encode()
    yield json.dumps({"receipt": "R", "event": "x" * 200_000}).encode()
    yield json.dumps({f"field{number}": number for number in range(10_000)}).encode()
    yield b'{"total": ' + b"9" * 100_000 + b"}"
    yield b'{"total": 1.' + b"9" * 100_000 + b"}"
    yield b'{"a": "' + b"x" * 300_000 + b'"}'
    yield b" " * 300_000


BROKEN: list[bytes] = [
    *_cut_short(),
    *_nested(),
    *_not_objects(),
    *_not_json(),
    *_twice(),
    *_other_encodings(),
    *_unstorable(),
    *_strange_fields(),
    *_too_much(),
]

AMOUNTS: list[str] = [
    # Below, above, and far away.
    *("-1", "-5", "-1000000000", "-9007199254740993", "10000001", "1000000001", "2147483648", "4294967296"),
    *("9007199254740992", "9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775809"),
    *("18446744073709551616", "1" + "0" * 30, "1" + "0" * 400, "-" + "9" * 5000),
    # Fractions and exponents.
    *(
        "0.0",
        "-0.0",
        "1.0",
        "5.0",
        "0.5",
        "1.5",
        "12.50",
        "-1.5",
        "0.1",
        "1e0",
        "1e3",
        "1E3",
        "1e-3",
        "5e-324",
        "1e308",
    ),
    *("99999999999999999999.0", "1.7976931348623157e308", "0.30000000000000004", "1e2", "10e-1"),
    # Other things than numbers.
    *("true", "false", "null", "[]", "[5]", "{}", '{"amount": 5}', "[[5]]", "[1, 2]", '{"$gt": 0}'),
    # Numbers as text, in every way that Python or a database would take.
    *('""', '" "', '"5"', '" 5 "', '"5 "', '"+5"', '"-5"', '"05"', '"5.0"', '"5,0"', '"1_000"', '"1 000"', '"1,000"'),
    *('"0x10"', '"0b1"', '"0o7"', '"1e3"', '"NaN"', '"Infinity"', '"-inf"', '"null"', '"true"', '"five"', '"5 points"'),
    *(
        '"\\u0665"',
        '"\\uff15"',
        '"\\u2075"',
        '"\\u2164"',
        '"\\u096b"',
        '"\\u00bd"',
        '"\\u2212" ',
        '"5\\u00a0"',
        '"5\\n"',
    ),
    *('"\\u202e5"', '"5\\u0000"', '"\\u200b5"', '"=5+5"', '"5; DROP TABLE posting"', "\"5' OR '1'='1\"", '"${5}"'),
    *(
        '"9999999999999999999999"',
        f'"{"9" * 5000}"',
        '"$5"',
        '"5 zł"',
        '"5€"',
        '"1.250,00"',
        '"five hundred"',
        '"\\ud83d\\ude00"',
    ),
    *('"0"', '"00"', '"-0"', '"0.0"', '"1/2"', '"5%"', '"5e"', '"e5"', '"."', '"-"', '"+"', '"1__0"', '"_1"', '"1_"'),
]

TEXTS: list[str] = [
    "",
    " ",
    "\t\n\r",
    "\u00a0",
    "\u200b",
    "\u202eannA",
    "\u2066Anna\u2069",
    "Anna\u0301",
    "A" * 60,
    "A" * 61,
    "A" * 10_000,
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\U0001f1f5\U0001f1f1",
    "Анна Иванова",
    "Żółć Gęślą",
    "安娜",
    "آنا",
    "Z̸̡̢̛̗̘̙̜̝" * 20,
    "\ufdfd" * 20,
    "\ufeffAnna",
    "ﬁ",
    "ß" * 60,
    "\u0958" * 60,
    "\U0010ffff",
    "\ue000",
    "\x7f\x1b[31m",
    "\x01\x02\x03",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<a href='https://example.org'>win</a>",
    "{{7*7}}",
    "{name}",
    "{0.__class__}",
    "${7*7}",
    "%s%n%x",
    "%00",
    "../../etc/passwd",
    "..\\..\\win.ini",
    "/dev/null",
    "CON",
    "'; DROP TABLE member; --",
    '" OR ""="',
    "%",
    "_",
    "\\",
    "\\u0000",
    "=HYPERLINK(1)",
    "+48600100200",
    "@SUM(1)",
    "-1",
    "0",
    "null",
    "true",
    "NaN",
    "a@b",
    "a@b.c",
    "a@example.org\r\nBcc: b@example.org",
    '"a b"@example.org',
    "ü@пример.example.org",
    "a" * 64 + "@example.org",
    "a@" + "b" * 250 + ".org",
    "600100200",
    "+999999999999999999",
    "tel:+48600100200",
    "٦٠٠١٠٠٢٠٠",
    "123456789012",
    "1" * 39,
    "en",
    "EN",
    "en-US",
    "xx",
    "PLN",
    "pln",
    "XXX",
    "R/2026/1",
    "R?x=1#y",
    "R%2F1",
    "R;1",
    "R~reversed",
    "\u2028line\u2029",
]


def amounts_in(body: Mapping[str, Any], field: str) -> Iterator[bytes]:
    """The body with each odd amount in one field, written as it stands."""
    for amount in AMOUNTS:
        yield _with(body, field, amount)


def texts_in(body: Mapping[str, Any], field: str) -> Iterator[bytes]:
    """The body with each odd text in one field."""
    for text in TEXTS:
        yield _with(body, field, json.dumps(text))


def _with(body: Mapping[str, Any], field: str, value: str) -> bytes:
    mark = "the value goes here"
    return json.dumps(dict(body) | {field: mark}).replace(f'"{mark}"', value).encode()
