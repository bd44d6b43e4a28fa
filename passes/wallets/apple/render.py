"""Draws a card as an Apple pass: which field stands where, and its words in every language.

Pure: a card, its look and the issuer's names in, a `Pass` out. pass.json holds keys and plain numbers and
dates, so that each phone writes them in its owner's way; the words behind the keys stand in one
`pass.strings` per language. What all members of a programme see alike is drawn once (`share`), what one
member sees is added to it (`render`).

Text written by people is cleaned of control and direction characters and of links, and cut to length. The
only link is the one this service makes. Exactly one field announces itself on the lock screen: the news.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from html import escape
from typing import Any

from ...card import Card, Coupon, Membership, News, Offer, Progress, Text
from ...look import Look
from ...words import Words, minor_digits
from . import model, strings
from .model import Common, Field, Pass

MOST_OFFERS = 20
MOST_REWARDS = 20
MOST_LOCATIONS = 10
NAME, PARAGRAPH, TERMS = 60, 800, 8000
"""How many characters of a name, a paragraph and the terms are kept."""

ALIKE = (
    *("label.balance", "label.member", "label.member_number", "label.tier", "label.worth", "label.progress"),
    *("label.rewards", "label.rules", "label.terms", "label.phone", "label.email", "label.website", "label.history"),
    *("label.coupons", "label.membership"),
    *("label.news", "label.expiring", "label.valid_until", "label.joined", "label.how_to_use", "label.locations"),
    *("label.contact", "label.status", "status.blocked", "status.closed", "text.how_to_use"),
)
"""The look's words that mean the same on every card, under the look's own keys."""

PHONES, LINKS = ["PKDataDetectorTypePhoneNumber"], ["PKDataDetectorTypeLink"]
NOTHING: list[str] = []
LATEST = 253_402_214_400  # the year 9999: as far as a date can be written
_KEY = re.compile(r"[a-z_]+(\.[a-z0-9_-]+)+")


@dataclass(frozen=True)
class Style:
    """A shape of card in Apple's terms, and the pictures that it shows."""

    name: str
    images: tuple[str, ...]


STYLES = {
    "store": Style("storeCard", ("icon", "logo", "strip")),
    "coupon": Style("coupon", ("icon", "logo", "strip")),
    "generic": Style("generic", ("icon", "logo", "thumbnail")),
}


@dataclass(frozen=True)
class Issuer:
    """In whose name passes are signed, and where phones ask for them again."""

    pass_type: str
    team: str
    service_url: str
    zone: tzinfo = UTC
    sharing_prohibited: bool = True


@dataclass(frozen=True)
class Shared:
    """What every card of a programme shows alike: most of pass.json, and lines of pass.strings per language."""

    common: Common
    heading: str
    offers: tuple[Field, ...]
    link_words: str
    lines: Mapping[str, str]


def alike(card: Card) -> Hashable:
    """Cards of one look that are equal in this have the same `Shared`."""
    texts = [card.programme_name, card.terms, card.rules]
    if card.tier:
        texts.append(card.tier.name)
    for offer in card.offers:
        texts += (offer.title, offer.body)
    for reward in card.rewards:
        texts.append(reward.name)
    return (
        card.language,
        card.is_void,
        card.kind,
        card.unit,
        card.contact,
        card.locations,
        tuple([reward.key for reward in card.rewards]),
        tuple([offer.ends for offer in card.offers]),
        tuple([tuple(text.items()) for text in texts]),
    )


def share(card: Card, look: Look, words: Mapping[str, Words], issuer: Issuer) -> Shared:
    """The part of the card that its member has in common with all others of the programme and language."""
    style = STYLES[look.style]
    own = words[card.language]
    organisation = clean(card.contact.organisation, NAME) or _pick(own, card.programme_name, NAME)
    offers = () if card.is_void else card.offers[:MOST_OFFERS]
    keys: dict[str, Any] = {
        "formatVersion": 1,
        "passTypeIdentifier": issuer.pass_type,
        "teamIdentifier": issuer.team,
        "organizationName": _literal(organisation),
        "description": "card.description",
        "logoText": "programme.name",
        "backgroundColor": _rgb(look.background),
        "foregroundColor": _rgb(look.foreground),
        "labelColor": _rgb(look.label),
        "sharingProhibited": issuer.sharing_prohibited,
        "webServiceURL": issuer.service_url.rstrip("/"),
    }
    if "strip" in style.images:
        keys["stripColor"] = _rgb(look.strip_foreground)
    if card.locations and not card.is_void:
        keys["locations"] = _locations(card, own)
    return Shared(
        Common.of(style.name, keys, list(_about(card))),
        heading=f"heading.{card.unit}" if own.has(f"heading.{card.unit}") else "label.balance",
        offers=tuple(_offer(at) for at in range(len(offers))),
        link_words=own.say("text.history"),
        lines={
            language: "".join(_shared_lines(card, each, organisation, offers, issuer.zone))
            for language, each in words.items()
        },
    )


def render(card: Card, shared: Shared, words: Mapping[str, Words], issuer: Issuer, token: str, link: str = "") -> Pass:
    """The member's pass. `token` lets phones fetch it again; `link` opens the card as a web page."""
    keys: dict[str, Any] = {
        "serialNumber": card.serial,
        "authenticationToken": token,
        "barcodes": [model.Barcode(card.code, card.number).json_dict()],
    }
    if card.expires is not None:
        keys["expirationDate"] = _iso(card.expires, issuer.zone)
    if card.is_void:
        keys["voided"] = True
    worth = None
    if card.worth is not None and card.currency:
        worth = _money(card.worth, card.currency)
        keys["semantics"] = {"balance": {"amount": str(worth), "currencyCode": card.currency}}
    made = Pass(shared.common, keys, {language: _lines(card, each, issuer.zone) for language, each in words.items()})
    _add_front(made.passInformation, card, worth, shared.heading, issuer.zone)
    made.passInformation.backFields = _back(card, shared, issuer.zone, link)
    return made


# Fields

TIER = Field("tier", "tier.name", "label.tier")
REWARDS = Field("rewards", "rewards.words", "label.rewards", dataDetectorTypes=NOTHING)
COUPONS = Field("coupons", "coupons.words", "label.coupons", dataDetectorTypes=NOTHING)
MEMBERSHIP = Field("membership", "membership.words", "label.membership", dataDetectorTypes=NOTHING)
PROGRESS = Field("progress.words", "progress.words", "label.progress", dataDetectorTypes=NOTHING)
EXPIRING = Field("expiring.words", "expiring.words", "label.expiring", dataDetectorTypes=NOTHING)


def _add_front(front: Any, card: Card, worth: Decimal | None, heading: str, zone: tzinfo) -> None:
    """At most four below the balance: a phone drops the fifth without a word."""
    front.primaryFields.append(model.number("balance", card.balance, heading))
    if card.tier:
        front.headerFields.append(TIER)
    if name := clean(card.name, NAME):
        front.secondaryFields.append(Field("member", _literal(name), "label.member"))
    if card.is_void:
        front.auxiliaryFields.append(Field("status", f"status.{card.status}", "label.status"))
        return
    if worth is not None and card.currency:
        front.secondaryFields.append(model.money("worth", float(worth), card.currency, "label.worth"))
    if card.progress:
        way = f"{card.progress.reached} / {card.progress.needed}"
        front.auxiliaryFields.append(Field("progress", way, _goal(card.progress)))
    if card.expiring:
        front.auxiliaryFields.append(model.date("expiring", _iso(card.expiring.at - 1, zone), "label.expiring"))


def _back(card: Card, shared: Shared, zone: tzinfo, link: str) -> list[Field]:
    """What is new first, then what the member can have; what everybody may read (`_about`) follows."""
    fields: list[Field] = []
    if card.news:
        # The key changes with every piece of news: a phone compares values before it looks up the words.
        fields.append(Field("news", _news_key(card.news), "label.news", changeMessage="%@", dataDetectorTypes=NOTHING))
    fields += shared.offers
    if not card.is_void:
        if card.coupons:
            fields.append(COUPONS)
        if card.rewards:
            fields.append(REWARDS)
        if card.membership:
            fields.append(MEMBERSHIP)
        if card.progress and card.progress.towards == "tier":
            fields.append(PROGRESS)
        if card.expiring:
            fields.append(EXPIRING)
    if link.startswith(("https://", "http://")):
        anchor = f'<a href="{escape(link)}">{escape(shared.link_words)}</a>'
        fields.append(Field("history", link, "label.history", attributedValue=anchor, dataDetectorTypes=LINKS))
    fields.append(Field("number", card.number, "label.member_number", dataDetectorTypes=NOTHING))
    fields.append(model.date("joined", _iso(card.joined, zone), "label.joined"))
    if card.expires is not None:
        fields.append(model.date("valid_until", _iso(card.expires - 1, zone), "label.valid_until"))
    return fields


def _offer(at: int) -> Field:
    return Field(f"offer.{at}", f"offer.{at}.words", f"offer.{at}.title", dataDetectorTypes=LINKS)


def _about(card: Card) -> Iterable[Field]:
    """How to use the card, its rules and terms, and how to reach the people behind it."""
    yield Field("how_to_use", "text.how_to_use", "label.how_to_use", dataDetectorTypes=NOTHING)
    if card.rules:
        yield Field("rules", "rules.words", "label.rules", dataDetectorTypes=NOTHING)
    if any(card.terms.values()):
        yield Field("terms", "terms.words", "label.terms", dataDetectorTypes=LINKS)
    if card.locations and not card.is_void:
        yield Field("locations", "locations.words", "label.locations")
    yield Field("contact", "organisation.name", "label.contact", dataDetectorTypes=NOTHING)
    for key, value, detect in (
        ("phone", card.contact.phone, PHONES),
        ("email", card.contact.email, LINKS),
        ("website", card.contact.website, LINKS),
    ):
        if value := clean(value, 4 * NAME):
            yield Field(key, _literal(value), f"label.{key}", dataDetectorTypes=detect)


def _locations(card: Card, own: Words) -> list[dict[str, Any]]:
    """Where the card offers itself. Its words are the member's own: a phone does not translate these."""
    return [
        model.Location(
            place.latitude, place.longitude, own.say("text.nearby", organisation=clean(place.name, NAME))
        ).json_dict()
        for place in card.locations[:MOST_LOCATIONS]
    ]


# Words


def _shared_lines(card: Card, words: Words, organisation: str, offers: Iterable[Offer], zone: tzinfo) -> Iterable[str]:
    for key in ALIKE:
        yield strings.line(key, words.say(key))
    if words.has(f"heading.{card.unit}"):
        yield strings.line(f"heading.{card.unit}", words.say(f"heading.{card.unit}"))
    kind = card.kind if words.has(f"description.{card.kind}") else "points"
    yield strings.line("card.description", words.say(f"description.{kind}", organisation=organisation))
    yield strings.line("programme.name", _pick(words, card.programme_name, NAME))
    yield strings.line("organisation.name", organisation)
    if card.tier:
        yield strings.line("tier.name", _pick(words, card.tier.name, NAME))
    for reward in card.rewards:
        yield strings.line(f"reward.{reward.key}", _pick(words, reward.name, NAME))
    if card.rules:
        yield strings.line("rules.words", _pick(words, card.rules, TERMS))
    yield strings.line("terms.words", _pick(words, card.terms, TERMS))
    yield strings.line("locations.words", "\n".join(clean(place.name, NAME) for place in card.locations))
    for at, offer in enumerate(offers):
        title = _pick(words, offer.title, NAME)
        until = words.say("text.offer_until", date=words.date(offer.ends - 1, zone)) if offer.ends else ""
        said = "\n".join(part for part in (_pick(words, offer.body, PARAGRAPH), until) if part)
        yield strings.line(f"offer.{at}.title", title)
        yield strings.line(f"offer.{at}.words", said or title)


def _lines(card: Card, words: Words, zone: tzinfo) -> str:
    """Every sentence that is this member's own, as lines of pass.strings."""
    lines = []
    if card.news:
        lines.append(strings.line(_news_key(card.news), _news(card, card.news, words)))
    if not card.is_void:
        if card.rewards:
            lines.append(strings.line("rewards.words", _rewards(card, words)))
        if card.coupons:
            lines.append(strings.line("coupons.words", "\n".join(_coupon(each, words, zone) for each in card.coupons)))
        if card.membership:
            lines.append(strings.line("membership.words", _membership(card.membership, words, zone)))
        way = card.progress
        if way and way.towards == "tier":
            name = words.pick(way.name)
            lines.append(strings.line(_goal(way), clean(name, NAME)))
            still = _missing(words, "progress.tier", card.unit, name, way.missing)
            lines.append(strings.line("progress.words", still))
        if soon := card.expiring:
            lines.append(strings.line("expiring.words", _expiring(words, card.unit, soon.amount, soon.at - 1, zone)))
    return "".join(lines)


def _goal(way: Progress) -> str:
    """The key of what the member is on the way to; a reward's name is among the shared words already."""
    return f"reward.{way.key}" if way.towards == "reward" else "goal.name"


def _news_key(news: News) -> str:
    return f"news.{news.kind}.{news.at}.{news.amount}"


def _news(card: Card, news: News, words: Words) -> str:
    """What happened, as a phone announces it."""
    key = f"news.{news.kind}"
    return words.say(
        key if words.has(key) else "news.adjust",
        title=_pick(words, news.words, NAME) if news.words else "",
        amount=number(words, news.amount),
        unit=_noun(words, news.unit or card.unit, news.amount),
        balance=number(words, card.balance),
        balance_unit=_noun(words, card.unit, card.balance),
    )


def _rewards(card: Card, words: Words) -> str:
    """A line for each reward: those that are the member's now, then the nearest."""
    nearest = sorted(card.rewards, key=lambda reward: (bool(reward.why), reward.missing, reward.cost))[:MOST_REWARDS]
    return "\n".join([_missing(words, f"reward.{r.stands}", card.unit, words.pick(r.name), r.missing) for r in nearest])


def _coupon(coupon: Coupon, words: Words, zone: tzinfo) -> str:
    """Its name, its last day if it has one, and the code to show at the till."""
    date = words.date(coupon.ends - 1, zone) if coupon.ends else ""
    key = "coupon.until" if coupon.ends else "coupon.line"
    return words.say(key, name=_pick(words, coupon.name, NAME), code=coupon.code, date=date)


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


# Values


def _pick(words: Words, text: Text, most: int) -> str:
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


def _literal(text: str) -> str:
    """A name that happens to be one of our keys would be shown translated; a closing no-break space prevents it."""
    return f"{text}\u00a0" if _KEY.fullmatch(text) else text


def _rgb(colour: tuple[int, int, int]) -> str:
    return "rgb({}, {}, {})".format(*colour)


@lru_cache(maxsize=4096)
def _iso(at: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(min(max(at, 0), LATEST), zone).isoformat()


def _money(minor: int, currency: str) -> Decimal:
    return Decimal(minor).scaleb(-_digits(currency))


@lru_cache(maxsize=256)
def _digits(currency: str) -> int:
    return minor_digits(currency)
