"""What a card says: its sentences in one language, as lines of `pass.strings`, and people's text made safe for it.

Pure, like `render`, which decides where each sentence stands. Text written by people is cleaned of control and
direction characters and of links, and cut to length.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import tzinfo
from functools import lru_cache, partial

from ... import phrases
from ...card import Balance, Card, Challenge, News, Offer, Progress, Text
from ...phrases import TOLD, told
from ...words import Words
from . import strings

NAME, PARAGRAPH, TERMS = 60, 800, 8000
"""How many characters of a name, a paragraph and the terms are kept."""

ALIKE = (
    *("label.balance", "label.member", "label.member_number", "label.tier", "label.worth", "label.progress"),
    *("label.rewards", "label.rules", "label.terms", "label.phone", "label.email", "label.website", "label.history"),
    *("label.news", "label.expiring", "label.valid_until", "label.joined", "label.how_to_use", "label.locations"),
    *("label.contact", "label.status", "status.blocked", "status.closed", "text.how_to_use"),
    *("label.coupons", "label.membership", "label.stamps", "label.balances", "label.pending", "label.perks"),
    *("label.challenges", "label.steps", "label.paid_until", "label.ended_on", "label.friends", "status.unpaid"),
)
"""The look's words that mean the same on every card, under the look's own keys."""


def shared_lines(card: Card, words: Words, organisation: str, offers: Iterable[Offer], zone: tzinfo) -> Iterable[str]:
    """The lines of a language that are the same on many cards, so that they are written once."""
    for key in ALIKE:
        yield strings.line(key, words.say(key))
    if (heading := phrases.heading_key(words, card)) not in ALIKE:
        yield strings.line(heading, words.say(heading))
    kind = card.kind if words.has(f"description.{card.kind}") else "points"
    yield strings.line("card.description", words.say(f"description.{kind}", organisation=organisation))
    yield strings.line("programme.name", pick(words, card.programme_name, NAME))
    yield strings.line("organisation.name", organisation)
    if card.tier:
        yield strings.line("tier.name", pick(words, card.tier.name, NAME))
    for reward in card.rewards:
        yield strings.line(f"reward.{reward.key}", pick(words, reward.name, NAME))
    if card.rules:
        yield strings.line("rules.words", _long(words, card.rules))
    yield strings.line("terms.words", _long(words, card.terms))
    yield strings.line("locations.words", "\n".join(clean(place.name, NAME) for place in card.locations))
    for at, offer in enumerate(offers):
        title = pick(words, offer.title, NAME)
        until = words.say("text.offer_until", date=words.date(offer.ends - 1, zone)) if offer.ends else ""
        said = "\n".join(part for part in (pick(words, offer.body, PARAGRAPH), until) if part)
        yield strings.line(f"offer.{at}.title", title)
        yield strings.line(f"offer.{at}.words", said or title)


def _long(words: Words, text: Text) -> str:
    return phrases.whole(words, pick(words, text, 2 * TERMS), TERMS)


def own_lines(card: Card, labels: Iterable[tuple[str, Balance | Challenge]], words: Words, zone: tzinfo) -> str:
    """Every sentence that is this member's own, as lines of pass.strings; `labels` are those of the face."""
    by = partial(pick, words, most=NAME)
    lines = []
    if card.news:
        lines.append(strings.line(news_key(card.news), phrases.news(words, card, card.news, by)))
    if not card.is_void:
        if card.progress and card.progress.towards == "tier":
            lines.append(strings.line(goal_key(card.progress), by(card.progress.name)))
        if card.kind == "coupons":
            first = by(card.coupons[0].name) if card.coupons else words.say("text.no_coupons")
            lines.append(strings.line("coupon.first", first))
        for key, what in labels:
            label = phrases.heading(words, what, by) if isinstance(what, Balance) else by(what.name)
            lines.append(strings.line(key, label))
        lines += [strings.line(f"{name}.words", TOLD[name].say(words, card, by, zone)) for name in told(card)]
    return "".join(lines)


def goal_key(way: Progress) -> str:
    """The key of what the member is on the way to; a reward's name is among the shared words already."""
    return f"reward.{way.key}" if way.towards == "reward" else "goal.name"


def news_key(news: News) -> str:
    return f"news.{news.kind}.{news.at}.{news.amount}"


# People's text


def is_key(text: str) -> bool:
    """Whether it looks like one of ours."""
    return _KEY.fullmatch(text) is not None


_KEY = re.compile(r"[a-z_]+(\.[a-z0-9_-]+)+")


def pick(words: Words, text: Text, most: int) -> str:
    return clean(words.pick(text), most)


@lru_cache(maxsize=8192)
def clean(text: str, most: int) -> str:
    """People's text without what could hide, turn round or link: one form, known characters, bounded."""
    text = text[: 4 * most]
    if not (text.isprintable() and unicodedata.is_normalized("NFC", text)):
        text = "".join(c for c in unicodedata.normalize("NFC", text) if c in "\n\u200d" or not _is_hidden(c))
        text = _STRAY_JOINER.sub("", text)
    # A phone makes a link of <a>; a marketer's text may hold none, and "<3" stays.
    lines = _ANCHOR.sub("‹", text).split("\n")
    text = "\n".join(" ".join(line.split()) for line in lines).strip()
    return text if len(text) <= most else _cut(text, most)


_ANCHOR = re.compile(r"<(?=\s*/?\s*a\b)", re.IGNORECASE)
_STRAY_JOINER = re.compile(
    "(?<![\u2190-\u2bff\ufe0f\U0001f000-\U0001faff])\u200d|\u200d(?![\u2190-\u2bff\U0001f000-\U0001faff])"
)


def _is_hidden(c: str) -> bool:
    return unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co") or ord(c) & 0xFFFE == 0xFFFE


def _cut(text: str, most: int) -> str:
    """Never between a letter and its accent, nor inside a joined emoji."""
    end = most - 1
    while end and (text[end] in "\u200d\ufe0f" or text[end - 1] == "\u200d" or unicodedata.combining(text[end])):
        end -= 1
    return text[:end].rstrip() + "…"
