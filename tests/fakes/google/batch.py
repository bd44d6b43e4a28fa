"""Many requests in one: a multipart body whose parts are requests, answered in any order, matched by Content-ID."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

from .refusals import bad

MOST_PARTS = 1000


@dataclass(frozen=True)
class Part:
    """One request inside. `content_id` is what stood between its angle brackets."""

    content_id: str
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class PartAnswer:
    content_id: str
    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


def read(content_type: str, body: bytes) -> list[Part]:
    boundary = re.search(r'boundary="?([^";]+)"?', content_type)
    if not content_type.startswith("multipart/mixed") or boundary is None:
        raise bad("A batch must be multipart/mixed with a boundary.")
    pieces = re.split(rb"(?:^|\r?\n)--" + re.escape(boundary[1].encode()), body)
    if len(pieces) < 3 or not pieces[-1].startswith(b"--"):
        raise bad("Failed to parse batch request: it has no parts or no end.")
    if len(pieces) - 2 > MOST_PARTS:
        raise bad(f"A batch may have {MOST_PARTS} parts.")
    return [_read_part(re.sub(rb"^[ \t]*\r?\n", b"", piece)) for piece in pieces[1:-1]]


def write(answers: Iterable[PartAnswer]) -> tuple[str, bytes]:
    """Content type and body of the whole."""
    boundary = f"batch_{secrets.token_urlsafe(16)}"
    pieces = [f"--{boundary}\r\n".encode() + _write_part(answer) + b"\r\n" for answer in answers]
    return f"multipart/mixed; boundary={boundary}", b"".join(pieces) + f"--{boundary}--".encode()


def _read_part(piece: bytes) -> Part:
    outer, inner = _split(piece)
    if not outer.get("content-type", "").startswith("application/http"):
        raise bad("Every part of a batch must be application/http.")
    line, _, rest = inner.partition(b"\n")
    # Google's own samples leave HTTP/1.1 out.
    request = re.fullmatch(r"([A-Z]+) (\S+)(?: HTTP/1\.1)?", line.decode("latin-1").strip())
    if request is None:
        raise bad("Failed to parse batch request: a part does not begin with a method and a path.")
    headers, body = _split(rest)
    length = headers.get("content-length", "")
    content_id = outer.get("content-id", "").strip().removeprefix("<").removesuffix(">")
    return Part(content_id, request[1], request[2], headers, body[: int(length)] if length.isdigit() else body)


def _split(text: bytes) -> tuple[dict[str, str], bytes]:
    head, _, body = re.sub(rb"^\r?\n", b"\n\n", text).replace(b"\r\n\r\n", b"\n\n", 1).partition(b"\n\n")
    lines = (line.partition(":") for line in head.decode("latin-1").splitlines() if line.strip())
    return {name.strip().lower(): value.strip() for name, _, value in lines}, body


def _write_part(answer: PartAnswer) -> bytes:
    listed = dict(answer.headers)
    listed.setdefault("Content-Type", "application/json; charset=UTF-8")
    inner = "".join(f"{name}: {value}\r\n" for name, value in listed.items())
    named = f"Content-ID: <response-{answer.content_id}>\r\n" if answer.content_id else ""
    head = (
        f"Content-Type: application/http\r\n{named}\r\n"
        f"HTTP/1.1 {answer.status} {_phrase(answer.status)}\r\n{inner}Content-Length: {len(answer.body)}\r\n\r\n"
    )
    return head.encode("latin-1") + answer.body


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else "Unknown"
