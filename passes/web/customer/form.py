"""The join form: made so that only a page of ours can send it, once, by a person.

Its token says when the form was opened and is bound to the programme and to a cookie of this browser, so
no other site can send it. A field that people do not see, and a form sent faster than anyone can type, give
programs away. The token also names the sending: twice is once.
"""

from __future__ import annotations

import hashlib
import re
import secrets as random
from collections.abc import Callable
from dataclasses import dataclass

from ... import contacts
from ...errors import BadInput
from ...members import MOST_NAME, Agreement, Person, clean_name
from ...secrets import Secrets, same, url_text
from ...words import LANGUAGES, Words

COOKIE = "join"
PURPOSES = ("messages", "profiling")
LEAST_MS = 700
MOST_MS = 12 * 3_600_000
_LABEL = "join-form"
_TOKEN = re.compile(r"(\d{13})\.([\w-]{16})\.([\w-]{22})", re.ASCII)


@dataclass(frozen=True)
class Filled:
    """The form as it was filled in."""

    token: str
    name: str = ""
    contact: str = ""
    language: str = "en"
    consents: tuple[str, ...] = ()
    # The code in the link of the friend who sent them.
    friend: str = ""
    # The code of a receipt that the new card is to claim.
    claim: str = ""

    @property
    def content(self) -> list[object]:
        """What makes this sending this sending."""
        return [self.name, self.contact, self.language, list(self.consents), self.friend, self.claim]


def new_browser() -> str:
    """What the cookie holds: enough to tell browsers apart while they join, nothing about anybody."""
    return url_text(random.token_bytes(16))


def new_token(secrets: Secrets, programme: str, browser: str, now_ms: int) -> str:
    name = url_text(random.token_bytes(12))
    return f"{now_ms}.{name}.{_proof(secrets, programme, browser, str(now_ms), name)}"


def sending(secrets: Secrets, token: str, programme: str, browser: str, now_ms: int) -> str | None:
    """The name of this sending, or None when the form is not one of ours, too old or too quick."""
    match = _TOKEN.fullmatch(token)
    if not match or not browser:
        return None
    opened, name, proof = match.groups()
    if not same(proof, _proof(secrets, programme, browser, opened, name)):
        return None
    return name if LEAST_MS <= now_ms - int(opened) <= MOST_MS else None


def problems(filled: Filled, words: Words, country: str) -> dict[str, str]:
    """What is wrong, by field, in the visitor's words."""
    wrong = {}
    if not _accepts(clean_name, filled.name):
        wrong["name"] = words.say("join.wrong_name", n=MOST_NAME)
    email, phone = _told_apart(filled.contact)
    good = not filled.contact or (
        _accepts(contacts.email, email) if email else _accepts(contacts.phone, phone, country)
    )
    if not good:
        wrong["contact"] = words.say("join.wrong_contact")
    return wrong


def person(filled: Filled, words: Words, organisation: str, source: str = "join page") -> Person:
    """Who joins, with each consent in exactly the words that were shown."""
    email, phone = _told_apart(filled.contact)
    shown = {purpose: words.say(f"join.{purpose}", organisation=organisation) for purpose in PURPOSES}
    agreed = (purpose for purpose in PURPOSES if purpose in filled.consents)
    agreements = tuple(Agreement(p, hashlib.sha256(shown[p].encode()).hexdigest(), source) for p in agreed)
    language = filled.language if filled.language in LANGUAGES else words.language
    return Person(language, filled.name, email, phone, agreements=agreements)


def _told_apart(contact: str) -> tuple[str, str]:
    """One field for either: whatever has digits and no @ is meant as a telephone number."""
    looks_like_phone = "@" not in contact and any(c.isdigit() for c in contact)
    return ("", contact) if looks_like_phone else (contact, "")


def _accepts(check: Callable[..., str], *written: str) -> bool:
    try:
        check(*written)
    except BadInput:
        return False
    return True


def _proof(secrets: Secrets, programme: str, browser: str, opened: str, name: str) -> str:
    parts = (part.encode() for part in (programme, browser, opened, name))
    return url_text(secrets.derive(_LABEL, *parts)[:16])
