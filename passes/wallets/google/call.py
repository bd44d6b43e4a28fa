"""A call of Google's API as a value, what was said to it, and what that means for the card it was about.

Pure: nothing is sent or received here, and whatever bytes came back, reading them never raises.
("Error codes", Google Wallet API.)
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from .. import Later, Outcome, Pushed, Refused

PREFIX = "/walletobjects/v1"
JSON = "application/json; charset=UTF-8"
MOST_WAIT_SECONDS = 3600
THROTTLED_SECONDS = 5
# A call of which we heard no more may still be carried out; it has to be over before the next.
UNHEARD_SECONDS = 20
MOST_SENTENCE = 160
_TELLING = re.compile(r"[\w.@+/=-]*\d[\w.@+/=-]{7,}|[A-Za-z0-9_+/=-]{24,}|\S+@\S+")
_SCHEME_WORDS = re.compile(r"RESOURCE_EXHAUSTED|quota", re.IGNORECASE)


@dataclass(frozen=True)
class Call:
    """What is asked. `path` is whole, with its query, and has no sign that an address may not have."""

    method: str
    path: str
    body: dict[str, Any] | None = field(default=None, repr=False)

    @property
    def content(self) -> bytes | None:
        """The body, in one line."""
        if self.body is None:
            return None
        return json.dumps(self.body, ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def insert(cls, kind: str, body: dict[str, Any]) -> Call:
        return cls("POST", f"{PREFIX}/{kind}", body)

    @classmethod
    def patch(cls, kind: str, body: dict[str, Any]) -> Call:
        return cls("PATCH", f"{PREFIX}/{kind}/{quote(body['id'])}", body)

    @classmethod
    def put(cls, kind: str, body: dict[str, Any]) -> Call:
        return cls("PUT", f"{PREFIX}/{kind}/{quote(body['id'])}", body)

    @classmethod
    def get(cls, kind: str, id: str) -> Call:
        return cls("GET", f"{PREFIX}/{kind}/{quote(id)}")

    @classmethod
    def list(cls, kind: str, class_id: str, most: int, page: str) -> Call:
        query = f"classId={quote(class_id)}&maxResults={most}" + (f"&token={quote(page)}" if page else "")
        return cls("GET", f"{PREFIX}/{kind}?{query}")

    @classmethod
    def add_message(cls, kind: str, id: str, message: dict[str, Any]) -> Call:
        return cls("POST", f"{PREFIX}/{kind}/{quote(id)}/addMessage", {"message": message})

    @classmethod
    def shorten(cls, token: str) -> Call:
        """Ask for a link that Google keeps and that saves what this token would."""
        return cls("POST", f"{PREFIX}/jwt", {"jwt": token})


@dataclass(frozen=True)
class Said:
    """What came back. `status` 0: nothing that could be read, and `why` says so."""

    status: int
    body: dict[str, Any] = field(repr=False)
    why: str = ""
    wait_seconds: int = 0

    @property
    def is_done(self) -> bool:
        return self.status == 200

    @property
    def is_throttle(self) -> bool:
        """Too much in too short a time, which Google says in two ways."""
        if self.status == 429:
            return True
        return self.status == 403 and bool(_SCHEME_WORDS.search(json.dumps(self.body)[:4000]))


def unheard(why: str, wait_seconds: int = 0) -> Said:
    return Said(0, {}, why, wait_seconds)


def read(status: int, body: bytes, retry_after: str) -> Said:
    """An answer as it came; what is no JSON object says nothing but its status."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    is_number = retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 7
    wait_seconds = min(int(retry_after), MOST_WAIT_SECONDS) if is_number else 0
    return Said(status, said if isinstance(said, dict) else {}, "", wait_seconds)


def weigh(said: Said, id: str) -> Outcome:
    """What an answer means for the class or object `id` that was written."""
    if said.is_done and id in (said.body.get("id"), _inner_id(said.body)):
        return Pushed()
    if said.status == 0:
        return Later(said.why, said.wait_seconds)
    if said.is_done or 300 <= said.status < 400:
        return Later("what answers at Google's address is not Google's API; see [google.api_url] and any proxy")
    if said.is_throttle:
        return Later("Google takes no more for the moment", max(THROTTLED_SECONDS, said.wait_seconds))
    if said.status in (404, 409):
        return Later(f"Google has other classes and cards than we remember ({said.status}); they are made anew")
    if said.status >= 500 or said.status == 408:
        return Later(f"Google has trouble ({said.status})", said.wait_seconds)
    return Refused(_sentence(said))


def _sentence(said: Said) -> str:
    match said.status:
        case 401:
            return "Google no longer takes our service account's tokens; see that the account and its key still exist"
        case 403:
            return (
                "Google does not let the service account write: invite its e-mail as a Developer in the Google Pay & "
                "Wallet console, and enable the Google Wallet API for its project"
            )
        case _:
            return f"Google refuses the card ({said.status}): {_harmless(said)}"


def _harmless(said: Said) -> str:
    """Google's own sentence without what may be a member's: long numbers, tokens and addresses."""
    error = said.body.get("error")
    message = error.get("message") if isinstance(error, dict) else None
    text = " ".join(message.split()) if isinstance(message, str) else "no reason given"
    return _TELLING.sub("…", text)[:MOST_SENTENCE]


def _inner_id(body: dict[str, Any]) -> object:
    resource = body.get("resource")
    return resource.get("id") if isinstance(resource, dict) else None
