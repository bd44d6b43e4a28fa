"""Several calls in one request: a multipart body whose parts are requests, answered by one whose parts are answers.

Pure. Answers come in any order and are matched by Content-ID. What is missing, cut, said twice, or of no form
that we know is "not answered" for the call it belongs to: never another's answer, never an exception.
(There is no page on it in the Google Wallet API; the form is that of Google's own Python client.)
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .call import JSON, UNHEARD_SECONDS, Call, Said, read, unheard

PATH = "/batch"
MOST_PARTS = 1000
MOST_PART_BYTES = 1024 * 1024
# No content holds it at the beginning of a line, because each is one line of JSON.
BOUNDARY = "passes-batch"
CONTENT_TYPE = f'multipart/mixed; boundary="{BOUNDARY}"'
_BOUNDARY = re.compile(r"""multipart/mixed\b.*;\s*boundary=(?:"([ -!#-~]{1,70})"|([!#-:<-~]{1,70}))""", re.IGNORECASE)
_LINES = rb"((?:[^\r\n]+\r?\n)*)\r?\n"
_OUTER = re.compile(rb"[ \t]*\r?\n" + _LINES)
_INNER = re.compile(rb"HTTP/1\.[01] ([2-5][0-9][0-9])(?: [^\r\n]*)?\r?\n" + _LINES)
_ID = re.compile(rb"^content-id:[ \t]*<response-call \+ ([0-9]{1,4})>[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_RETRY_AFTER = re.compile(rb"^retry-after:[ \t]*([0-9]{1,6})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)


def write(calls: Sequence[Call]) -> bytes:
    parts = [_write_part(number, call) for number, call in enumerate(calls)]
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def read_answers(content_type: str, body: bytes, count: int) -> list[Said]:
    """One for each of `count` calls, in their order."""
    heard: dict[int, list[Said]] = {}
    for part in _parts(content_type, body):
        if (outer := _OUTER.match(part)) and len(numbers := _ID.findall(outer[1])) == 1:
            heard.setdefault(int(numbers[0]), []).append(_read_part(part[outer.end() :]))
    return [_the_only(heard.get(number, [])) for number in range(count)]


def is_batch(content_type: str) -> bool:
    return _BOUNDARY.match(content_type) is not None


def _write_part(number: int, call: Call) -> bytes:
    content = call.content or b""
    head = [f"--{BOUNDARY}", "Content-Type: application/http", f"Content-ID: <call + {number}>", ""]
    head += [f"{call.method} {call.path} HTTP/1.1", "Accept: application/json"]
    head += [f"Content-Type: {JSON}", f"Content-Length: {len(content)}"] if content else []
    return "\r\n".join([*head, "", ""]).encode("ascii") + content + b"\r\n"


def _parts(content_type: str, body: bytes) -> list[bytes]:
    """What stands between two boundaries; what the last one does not close was cut."""
    named = _BOUNDARY.match(content_type)
    if named is None:
        return []
    line = re.escape((named[1] or named[2]).encode())
    return re.split(rb"(?:^|\r?\n)--" + line + rb"(?=--|[ \t]*\r?\n)", body)[1:-1]


def _read_part(inside: bytes) -> Said:
    found = _INNER.match(inside)
    if found is None:
        return unheard("Google's answer about this card cannot be read", UNHEARD_SECONDS)
    content = inside[found.end() :]
    if len(content) > MOST_PART_BYTES:
        return unheard("Google's answer is too long to be one")
    retry_after = _RETRY_AFTER.search(found[2])
    return read(int(found[1]), content, retry_after[1].decode() if retry_after else "")


def _the_only(heard: Sequence[Said]) -> Said:
    if len(heard) == 1:
        return heard[0]
    return unheard(f"Google answered {len(heard)} times about this card, among others", UNHEARD_SECONDS)
