"""What a card says: its sentences in one language, as lines of `pass.strings`, and people's text made safe for it.

Pure, like `render`, which decides where each sentence stands. Text written by people is cleaned of control and
direction characters and of links, and cut to length.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import tzinfo
from functools import lru_cache

from ...card import Card, Coupon, Membership, News, Offer, Progress, Reward, Text
from ...words import Words
from . import strings

MOST_REWARDS = 20
NAME, PARAGRAPH, TERMS = 60, 800, 8000
"""How many characters of a name, a paragraph and the terms are kept."""

ALIKE = (
    *("label.balance", "label.member", "label.member_number", "label.tier", "label.worth", "label.progress"),
    *("label.rewards", "label.terms", "label.phone", "label.email", "label.website", "label.history"),
    *("label.coupons", "label.membership"),
    *("label.news", "label.expiring", "label.valid_until", "label.joined", "label.how_to_use", "label.locations"),
    *("label.contact", "label.status", "status.blocked", "status.closed", "text.how_to_use"),
)
"""The look's words that mean the same on every card, under the look's own keys."""


def shared_lines(card: Card, words: Words, organisation: str, offers: Iterable[Offer], zone: tzinfo) -> Iterable[str]:
    for key in ALIKE:
        yield strings.line(key, words.say(key))
    if words.has(f"heading.{card.unit}"):
        yield strings.line(f"heading.{card.unit}", words.say(f"heading.{card.unit}"))
    kind = card.kind if words.has(f"description.{card.kind}") else "points"
    yield strings.line("card.description", words.say(f"description.{kind}", organisation=organisation))
    yield strings.line("programme.name", pick(words, card.programme_name, NAME))
    yield strings.line("organisation.name", organisation)
    if card.tier:
        yield strings.line("tier.name", pick(words, card.tier.name, NAME))
    for reward in card.rewards:
        yield strings.line(f"reward.{reward.key}", pick(words, reward.name, NAME))
    yield strings.line("terms.words", pick(words, card.terms, TERMS))
    yield strings.line("locations.words", "\n".join(clean(place.name, NAME) for place in card.locations))
    for at, offer in enumerate(offers):
        title = pick(words, offer.title, NAME)
        until = words.say("text.offer_until", date=words.date(offer.ends - 1, zone)) if offer.ends else ""
        said = "\n".join(part for part in (pick(words, offer.body, PARAGRAPH), until) if part)
        yield strings.line(f"offer.{at}.title", title)
        yield strings.line(f"offer.{at}.words", said or title)


def nearest(card: Card) -> Sequence[Reward]:
    """Rewards that are the member's now, then the nearest."""
    return sorted(card.rewards, key=lambda reward: (bool(reward.why), reward.missing, reward.cost))[:MOST_REWARDS]


def own_lines(card: Card, rewards: Sequence[Reward], words: Words, zone: tzinfo) -> str:
    """Every sentence that is this member's own, as lines of pass.strings; `rewards` in the order they are told."""
    lines = []
    if card.news:
        lines.append(strings.line(news_key(card.news), _news(card, card.news, words)))
    if not card.is_void:
        if rewards:
            lines.append(strings.line("rewards.words", _rewards(rewards, card.unit, words)))
        if card.coupons:
            lines.append(strings.line("coupons.words", "\n".join(_coupon(each, words, zone) for each in card.coupons)))
        if card.membership:
            lines.append(strings.line("membership.words", _membership(card.membership, words, zone)))
        way = card.progress
        if way and way.towards == "tier":
            name = words.pick(way.name)
            lines.append(strings.line(goal_key(way), clean(name, NAME)))
            still = _missing(words, "progress.tier", card.unit, name, way.missing)
            lines.append(strings.line("progress.words", still))
        if soon := card.expiring:
            lines.append(strings.line("expiring.words", _expiring(words, card.unit, soon.amount, soon.at - 1, zone)))
    return "".join(lines)


def goal_key(way: Progress) -> str:
    """The key of what the member is on the way to; a reward's name is among the shared words already."""
    return f"reward.{way.key}" if way.towards == "reward" else "goal.name"


def news_key(news: News) -> str:
    return f"news.{news.kind}.{news.at}.{news.amount}"


def _news(card: Card, news: News, words: Words) -> str:
    """What happened, as a phone announces it."""
    key = f"news.{news.kind}"
    return words.say(
        key if words.has(key) else "news.adjust",
        title=pick(words, news.words, NAME) if news.words else "",
        amount=number(words, news.amount),
        unit=_noun(words, news.unit or card.unit, news.amount),
        balance=number(words, card.balance),
        balance_unit=_noun(words, card.unit, card.balance),
    )


def _rewards(rewards: Sequence[Reward], unit: str, words: Words) -> str:
    """A line for each reward."""
    return "\n".join(
        [_missing(words, f"reward.{r.stands}", r.unit or unit, words.pick(r.name), r.missing) for r in rewards]
    )


def _coupon(coupon: Coupon, words: Words, zone: tzinfo) -> str:
    """Its name, its last day if it has one, and the code to show at the till."""
    date = words.date(coupon.ends - 1, zone) if coupon.ends else ""
    key = "coupon.until" if coupon.ends else "coupon.line"
    return words.say(key, name=pick(words, coupon.name, NAME), code=coupon.code, date=date)


def _membership(membership: Membership, words: Words, zone: tzinfo) -> str:
    date = words.date(membership.until - 1, zone) if membership.until else ""
    return words.say(f"membership.{membership.state}", date=date)


@lru_cache(maxsize=16384)
def _missing(words: Words, key: str, unit: str, name: str, missing: int) -> str:
    return words.say(key, name=clean(name, NAME), missing=number(words, missing), unit=_noun(words, unit, missing))


@lru_cache(maxsize=4096)
def _expiring(words: Words, unit: str, amount: int, last: int, zone: tzinfo) -> str:
    return words.say(
        "text.expiring", amount=number(words, amount), unit=_noun(words, unit, amount), date=words.date(last, zone)
    )


def number(words: Words, n: int) -> str:
    """`words.number(n)`, without asking Unicode's tables again for every balance."""
    return str(n) if -1000 < n < 1000 else f"{n:,}".replace(",", _thousands(words))


@lru_cache(maxsize=64)
def _thousands(words: Words) -> str:
    return words.number(1_000_000)[1]


def _noun(words: Words, unit: str, n: int) -> str:
    """The unit in the form that `n` asks for. Plural rules look at the last two digits, so few numbers are asked."""
    n = abs(n)
    return _form(words, unit, n if n < 200 or n % 1000 == 0 else 100 + n % 100)


@lru_cache(maxsize=4096)
def _form(words: Words, unit: str, n: int) -> str:
    return words.say(f"unit.{unit}", n=n) if words.has(f"unit.{unit}") else unit


# People's text


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
