"""The offer form: what a marketer typed, read into a draft or told, field by field, what is wrong with it.

Pure. Times are written and read in the shop's time zone; a time that does not exist there, because the clocks
go forward, is refused rather than moved.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from hashlib import blake2b

from ...controls import MOST_PERCENT
from ...offers import MOST_BODY, MOST_TITLE, Draft
from ...programmes import Programme
from ...words import LANGUAGES, Words

_PLAIN = ("form", "audience", "starts", "ends", "announce", "control")
_LOCAL = "%Y-%m-%dT%H:%M"
_NUMBER = re.compile(r"[0-9]{1,3}", re.ASCII)
_SENDING = re.compile(r"[A-Za-z0-9_-]{16,40}", re.ASCII)


@dataclass(frozen=True)
class Filled:
    """The form as it was filled in. `audience` is a programme's key, or with a tier's: "cafe:gold"."""

    title: Mapping[str, str]
    body: Mapping[str, str]
    form: str = ""
    audience: str = ""
    starts: str = ""
    ends: str = ""
    announce: str = ""
    control: str = ""

    @property
    def programme(self) -> str:
        return self.audience.partition(":")[0]

    @property
    def tier(self) -> str | None:
        return self.audience.partition(":")[2] or None

    @property
    def fields(self) -> dict[str, str]:
        """The form again, field by field."""
        texts = {f"title_{language}": text for language, text in self.title.items()}
        texts |= {f"body_{language}": text for language, text in self.body.items()}
        return texts | {name: getattr(self, name) for name in _PLAIN}


def read(given: Mapping[str, str]) -> Filled:
    title = {language: given.get(f"title_{language}", "")[: 2 * MOST_TITLE].strip() for language in LANGUAGES}
    body = {language: given.get(f"body_{language}", "")[: 2 * MOST_BODY].strip() for language in LANGUAGES}
    return Filled(title, body, **{name: given.get(name, "")[:90] for name in _PLAIN})


def is_sending(name: str) -> bool:
    """Whether this can be the name of a sending: the same form sent twice is published once."""
    return bool(_SENDING.fullmatch(name))


def draft(filled: Filled, author: str, zone: tzinfo, now: int) -> Draft:
    """What to publish; only for a form without problems.

    The form and its author make the offer's key, so that a preview knows whom the lot leaves out.
    """
    starts = _moment(filled.starts, zone) if filled.starts else now
    ends = _moment(filled.ends, zone) if filled.ends else None
    assert starts is not None
    title = {language: text for language, text in filled.title.items() if text}
    body = {language: text for language, text in filled.body.items() if text}
    key = blake2b(f"{author} {filled.form}".encode(), digest_size=8).hexdigest()
    return Draft(title, starts, ends, body, filled.tier, bool(filled.announce), int(filled.control or 0), key)


def problems(filled: Filled, programmes: Sequence[Programme], words: Words, zone: tzinfo, now: int) -> dict[str, str]:
    """What is wrong, by field, in the marketer's words."""
    return dict(_problems(filled, programmes, words, zone, now))


def written(at: int, zone: tzinfo) -> str:
    """An instant as the form writes it."""
    return datetime.fromtimestamp(at, zone).strftime(_LOCAL)


def _problems(
    filled: Filled, programmes: Sequence[Programme], words: Words, zone: tzinfo, now: int
) -> Iterator[tuple[str, str]]:
    programme = next((p for p in programmes if p.key == filled.programme), None)
    if programme is None:
        yield "audience", words.say("console.wrong.programme")
    elif filled.tier and filled.tier not in {tier.key for tier in programme.definition.tiers}:
        yield "audience", words.say("console.wrong.tier")
    yield from _text_problems(filled, words)
    yield from _time_problems(filled, words, zone, now)
    if filled.control and (not _NUMBER.fullmatch(filled.control) or int(filled.control) > MOST_PERCENT):
        yield "control", words.say("console.wrong.control", most=MOST_PERCENT)


def _text_problems(filled: Filled, words: Words) -> Iterator[tuple[str, str]]:
    if not any(filled.title.values()):
        yield "title_en" if words.language == "en" else f"title_{words.language}", words.say("console.wrong.title")
    for language in LANGUAGES:
        if filled.body[language] and not filled.title[language]:
            yield f"title_{language}", words.say("console.wrong.title_missing")
        if len(filled.title[language]) > MOST_TITLE:
            yield f"title_{language}", words.say("console.wrong.long", n=MOST_TITLE)
        if len(filled.body[language]) > MOST_BODY:
            yield f"body_{language}", words.say("console.wrong.long", n=MOST_BODY)


def _time_problems(filled: Filled, words: Words, zone: tzinfo, now: int) -> Iterator[tuple[str, str]]:
    starts = _moment(filled.starts, zone) if filled.starts else now
    ends = _moment(filled.ends, zone) if filled.ends else None
    if starts is None:
        yield "starts", words.say("console.wrong.time")
    if filled.ends and ends is None:
        yield "ends", words.say("console.wrong.time")
    elif starts is not None and ends is not None and ends <= max(starts, now):
        yield "ends", words.say("console.wrong.ends")


def _moment(text: str, zone: tzinfo) -> int | None:
    """The instant, or None when there is no such time in this zone."""
    try:
        local = datetime.strptime(text, _LOCAL)
        at = int(local.replace(tzinfo=zone).timestamp())
        exists = datetime.fromtimestamp(at, zone).replace(tzinfo=None) == local
    except (ValueError, OverflowError):
        return None
    return at if exists and 2000 <= local.year <= 2100 else None
