"""Draws a card as an Apple pass: which field stands where, and what stands in it.

Pure: a card, its look and the issuer's names in, fields, values and sentences out. pass.json holds keys and plain
numbers and dates, so that each phone writes them in its owner's way; the words behind the keys (`sentences`) stand
in one `pass.strings` per language.

Three drawings, from what most members have in common to what one has alone. `share` is what all cards of a
programme show alike. `draw` is pass.json for all cards with the same fields, blank where members differ: it is
written once, however many members there are. `render` is what one member's blanks are filled with.

The only link is the one this service makes. Exactly one field announces itself on the lock screen: the news.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from html import escape
from typing import Any, NamedTuple

from pydantic_core import to_json

from ...card import Card
from ...look import Look
from ...words import Words, minor_digits
from . import model
from .model import Field, Pass, Texts, Values, blank
from .sentences import NAME, clean, goal_key, nearest, news_key, own_lines, pick, shared_lines

MOST_OFFERS = 20
MOST_LOCATIONS = 10

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
    """What every card of a programme shows alike: keys and fields of pass.json, lines of pass.strings per language."""

    style: str
    keys: Mapping[str, Any]
    heading: str
    offers: Sequence[Field]
    about: Sequence[Field]
    link_words: str
    lines: Texts


class Own(NamedTuple):
    """What a member's pass shows that others do not: a value for every blank, lines of pass.strings per language."""

    values: Values
    lines: Texts


def alike(card: Card) -> Hashable:
    """Cards of one look that are equal in this have the same `Shared`."""
    texts = [card.programme_name, card.terms]
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


def shape(card: Card, link: str) -> Hashable:
    """Cards that share the same and are equal in this have the same fields, so one `draw` serves them all."""
    return (
        card.status,
        card.progress and goal_key(card.progress),
        clean(card.name, NAME) != "",
        card.worth is not None and card.currency,
        card.news is not None,
        card.expiring is not None,
        bool(card.coupons),
        card.membership is not None,
        card.expires is not None,
        card.code.isascii(),
        _is_address(link),
    )


def share(card: Card, look: Look, words: Mapping[str, Words], issuer: Issuer) -> Shared:
    """The part of the card that its member has in common with all others of the programme and language."""
    style = STYLES[look.style]
    own = words[card.language]
    organisation = clean(card.contact.organisation, NAME) or pick(own, card.programme_name, NAME)
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
        style.name,
        keys,
        heading=f"heading.{card.unit}" if own.has(f"heading.{card.unit}") else "label.balance",
        offers=[_offer(at) for at in range(len(offers))],
        about=list(_about(card)),
        link_words=escape(own.say("text.history")),
        lines={
            language: "".join(shared_lines(card, each, organisation, offers, issuer.zone))
            for language, each in words.items()
        },
    )


def draw(card: Card, shared: Shared, link: str) -> Pass:
    """The pass of every card of this shape, blank where each has its own."""
    keys = {
        **shared.keys,
        "serialNumber": blank("serial"),
        "authenticationToken": blank("token"),
        "barcodes": [model.Barcode(blank("code"), blank("number"), card.code.isascii()).json_dict()],
    }
    if card.expires is not None:
        keys["expirationDate"] = blank("expires")
    if card.is_void:
        keys["voided"] = True
    if card.worth is not None and card.currency:
        keys["semantics"] = {"balance": {"amount": blank("amount"), "currencyCode": card.currency}}
    drawn = Pass(shared.style, keys)
    _add_front(drawn.passInformation, card, shared.heading)
    drawn.passInformation.backFields = [*_back(card, shared, link), *shared.about]
    return drawn


def render(card: Card, shared: Shared, words: Mapping[str, Words], issuer: Issuer, token: str, link: str = "") -> Own:
    """The member's own. `token` lets phones fetch the pass again; `link` opens the card as a web page."""
    values = _values(card, issuer.zone)
    values["token"] = to_json(token)
    if link:
        values["link"] = to_json(link)
        values["anchor"] = to_json(f'<a href="{escape(link)}">{shared.link_words}</a>')
    rewards = nearest(card)
    return Own(values, {language: own_lines(card, rewards, each, issuer.zone) for language, each in words.items()})


# Fields


def _add_front(front: Any, card: Card, heading: str) -> None:
    """At most four below the balance: a phone drops the fifth without a word."""
    front.primaryFields.append(model.number("balance", blank("balance"), heading))
    if card.tier:
        front.headerFields.append(Field("tier", "tier.name", "label.tier"))
    if clean(card.name, NAME):
        front.secondaryFields.append(Field("member", blank("member"), "label.member"))
    if card.is_void:
        front.auxiliaryFields.append(Field("status", f"status.{card.status}", "label.status"))
        return
    if card.worth is not None and card.currency:
        front.secondaryFields.append(model.money("worth", blank("worth"), card.currency, "label.worth"))
    if card.progress:
        front.auxiliaryFields.append(Field("progress", blank("progress"), goal_key(card.progress)))
    if card.expiring:
        front.auxiliaryFields.append(model.date("expiring", blank("expiring"), "label.expiring"))


def _back(card: Card, shared: Shared, link: str) -> Iterable[Field]:
    """What is new first, then what the member can have; what everybody may read (`_about`) follows."""
    if card.news:
        # The key changes with every piece of news: a phone compares values before it looks up the words.
        yield Field("news", blank("news"), "label.news", changeMessage="%@", dataDetectorTypes=NOTHING)
    yield from shared.offers
    if not card.is_void:
        if card.coupons:
            yield Field("coupons", "coupons.words", "label.coupons", dataDetectorTypes=NOTHING)
        if card.rewards:
            yield Field("rewards", "rewards.words", "label.rewards", dataDetectorTypes=NOTHING)
        if card.membership:
            yield Field("membership", "membership.words", "label.membership", dataDetectorTypes=NOTHING)
        if card.progress and card.progress.towards == "tier":
            yield Field("progress.words", "progress.words", "label.progress", dataDetectorTypes=NOTHING)
        if card.expiring:
            yield Field("expiring.words", "expiring.words", "label.expiring", dataDetectorTypes=NOTHING)
    if _is_address(link):
        anchor = blank("anchor")
        yield Field("history", blank("link"), "label.history", attributedValue=anchor, dataDetectorTypes=LINKS)
    yield Field("number", blank("number"), "label.member_number", dataDetectorTypes=NOTHING)
    yield model.date("joined", blank("joined"), "label.joined")
    if card.expires is not None:
        yield model.date("valid_until", blank("valid_until"), "label.valid_until")


def _offer(at: int) -> Field:
    return Field(f"offer.{at}", f"offer.{at}.words", f"offer.{at}.title", dataDetectorTypes=LINKS)


def _about(card: Card) -> Iterable[Field]:
    """How to use the card, its terms, and how to reach the people behind it."""
    yield Field("how_to_use", "text.how_to_use", "label.how_to_use", dataDetectorTypes=NOTHING)
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


# Values


def _values(card: Card, zone: tzinfo) -> dict[str, bytes]:
    """What the card's blanks are filled with, each written as JSON; some shapes leave some of them out."""
    values = {
        "serial": to_json(card.serial),
        "code": to_json(card.code),
        "number": to_json(card.number),
        "balance": to_json(card.balance),
        "member": to_json(_literal(clean(card.name, NAME))),
        "joined": to_json(_iso(card.joined, zone)),
    }
    if card.worth is not None and card.currency:
        worth = _money(card.worth, card.currency)
        values |= {"worth": worth.encode(), "amount": to_json(worth)}
    if card.progress:
        values["progress"] = to_json(f"{card.progress.reached} / {card.progress.needed}")
    if card.news:
        values["news"] = to_json(news_key(card.news))
    if card.expiring:
        values["expiring"] = to_json(_iso(card.expiring.at - 1, zone))
    if card.expires is not None:
        values |= {"expires": to_json(_iso(card.expires, zone)), "valid_until": to_json(_iso(card.expires - 1, zone))}
    return values


def _is_address(link: str) -> bool:
    return link.startswith(("https://", "http://"))


def _literal(text: str) -> str:
    """A name that happens to be one of our keys would be shown translated; a closing no-break space prevents it."""
    return f"{text}\u00a0" if _KEY.fullmatch(text) else text


def _rgb(colour: tuple[int, int, int]) -> str:
    return "rgb({}, {}, {})".format(*colour)


@lru_cache(maxsize=4096)
def _iso(at: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(min(max(at, 0), LATEST), zone).isoformat()


def _money(minor: int, currency: str) -> str:
    """The exact amount in the currency's own unit, as JSON writes a number."""
    return str(Decimal(minor).scaleb(-_digits(currency)))


@lru_cache(maxsize=256)
def _digits(currency: str) -> int:
    return minor_digits(currency)
