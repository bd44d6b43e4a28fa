"""Draws a card as an Apple pass: which field stands where, and what stands in it.

Pure: a card, its look and the issuer's names in, fields, values and sentences out. pass.json holds keys and plain
numbers and dates, so that each phone writes them in its owner's way; the words behind the keys (`sentences`) stand
in one `pass.strings` per language.

Three drawings, from what most members have in common to what one has alone. `share` is what all cards of a
programme show alike. `draw` is pass.json for all cards with the same fields, blank where members differ: it is
written once, however many members there are. `render` is what one member's blanks are filled with.

The only links are those this service makes. Exactly one field announces itself on the lock screen: the news.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from html import escape
from typing import Any, NamedTuple

from pydantic_core import to_json

from ...card import Card
from ...look import Look
from ...phrases import TOLD, heading_key, told
from ...words import Words
from . import model
from .front import Front, field, fill, front, iso, labels, literal, money, outline
from .model import Field, Pass, Texts, Values, blank
from .sentences import NAME, clean, news_key, own_lines, pick, shared_lines

MOST_OFFERS = 20
MOST_LOCATIONS = 10

PHONES, LINKS = ["PKDataDetectorTypePhoneNumber"], ["PKDataDetectorTypeLink"]
NOTHING: list[str] = []


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


_ASKED_FOR = {"membership": "generic", "coupons": "coupon"}
"""Kinds of programme that have a shape of their own, where the look is one for all kinds."""


def style_of(card: Card, look: Look) -> Style:
    """The shape of the card: what its look says, or what the kind of its programme asks for."""
    return STYLES[_ASKED_FOR.get(card.kind, "store") if look.style == "store" else look.style]


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

    style: Style
    keys: Mapping[str, Any]
    heading: str
    offers: Sequence[Field]
    about: Sequence[Field]
    link_words: str
    friends_words: str
    lines: Texts


class Own(NamedTuple):
    """What a member's pass shows that others do not: a value for every blank, lines of pass.strings per language."""

    values: Values
    lines: Texts


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
        card.unit_kind,
        card.contact,
        card.locations,
        tuple([reward.key for reward in card.rewards]),
        tuple([offer.ends for offer in card.offers]),
        tuple([tuple(text.items()) for text in texts]),
    )


def shape(card: Card, style: Style, link: str, friends: str) -> Hashable:
    """Cards that share the same and are equal in this have the same fields, so one `draw` serves them all."""
    return (
        front(card, style.images),
        outline(card),
        tuple(told(card)),
        _in_money(card) is not None,
        card.news is not None,
        card.expires is not None,
        card.code.isascii(),
        _is_address(link),
        _is_address(friends),
    )


def share(card: Card, look: Look, words: Mapping[str, Words], issuer: Issuer) -> Shared:
    """The part of the card that its member has in common with all others of the programme and language."""
    style = style_of(card, look)
    own = words[card.language]
    organisation = clean(card.contact.organisation, NAME) or pick(own, card.programme_name, NAME) or card.programme
    offers = () if card.is_void else card.offers[:MOST_OFFERS]
    keys: dict[str, Any] = {
        "formatVersion": 1,
        "passTypeIdentifier": issuer.pass_type,
        "teamIdentifier": issuer.team,
        "organizationName": literal(organisation),
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
        style,
        keys,
        heading=heading_key(own, card),
        offers=[_offer(at) for at in range(len(offers))],
        about=list(_about(card)),
        link_words=escape(own.say("text.history")),
        friends_words=escape(own.say("text.friends")),
        lines={
            language: "".join(shared_lines(card, each, organisation, offers, issuer.zone))
            for language, each in words.items()
        },
    )


def draw(card: Card, shared: Shared, link: str, friends: str) -> Pass:
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
    if _in_money(card) is not None:
        keys["semantics"] = {"balance": {"amount": blank("amount"), "currencyCode": card.currency}}
    drawn = Pass(shared.style.name, keys)
    for place, names in front(card, shared.style.images)._asdict().items():
        setattr(drawn.passInformation, f"{place}Fields", [field(name, card, shared.heading) for name in names])
    drawn.passInformation.backFields = [*_back(card, shared, link, friends), *shared.about]
    return drawn


def render(
    card: Card,
    shared: Shared,
    words: Mapping[str, Words],
    issuer: Issuer,
    token: str,
    link: str = "",
    friends: str = "",
) -> Own:
    """The member's own. `token` lets phones fetch the pass again; `link` opens the card as a web page, and
    `friends` is where the member's friends join."""
    values = _values(card, front(card, shared.style.images), issuer.zone)
    values["token"] = to_json(token)
    values |= _anchored("link", link, shared.link_words) | _anchored("friends", friends, shared.friends_words)
    named = () if card.is_void else tuple(labels(card))
    return Own(values, {language: own_lines(card, named, each, issuer.zone) for language, each in words.items()})


# Fields


def _back(card: Card, shared: Shared, link: str, friends: str) -> Iterable[Field]:
    """What is new first, then what the member can have; what everybody may read (`_about`) follows."""
    if card.news:
        # The key changes with every piece of news: a phone compares values before it looks up the words.
        yield Field("news", blank("news"), "label.news", changeMessage="%@", dataDetectorTypes=NOTHING)
    yield from shared.offers
    for name in told(card):
        found = PHONES if name == "perks" else NOTHING
        yield Field(f"{name}.words", f"{name}.words", TOLD[name].label, dataDetectorTypes=found)
    for key, name, address in (("history", "link", link), ("friends", "friends", friends)):
        if _is_address(address):
            anchor = blank(f"{name}_anchor")
            yield Field(key, blank(name), f"label.{key}", attributedValue=anchor, dataDetectorTypes=LINKS)
    yield Field("number", blank("number"), "label.member_number", dataDetectorTypes=NOTHING)
    yield model.date("joined", blank("joined"), "label.joined")
    if card.expires is not None:
        yield model.date("valid_until", blank("valid_until"), "label.valid_until")


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
            yield Field(key, literal(value), f"label.{key}", dataDetectorTypes=detect)


def _locations(card: Card, own: Words) -> list[dict[str, Any]]:
    """Where the card offers itself. Its words are the member's own: a phone does not translate these."""
    return [
        model.Location(
            place.latitude, place.longitude, own.say("text.nearby", organisation=clean(place.name, NAME))
        ).json_dict()
        for place in card.locations[:MOST_LOCATIONS]
    ]


# Values


def _values(card: Card, seen: Front, zone: tzinfo) -> dict[str, bytes]:
    """What the card's blanks are filled with, each written as JSON; some shapes leave some of them out."""
    values = {
        "serial": to_json(card.serial),
        "code": to_json(card.code),
        "number": to_json(card.number),
        "joined": to_json(iso(card.joined, zone)),
        **fill(seen, card, zone),
    }
    if (held := _in_money(card)) is not None:
        values["amount"] = to_json(money(held, card.currency or ""))
    if card.news:
        values["news"] = to_json(news_key(card.news))
    if card.expires is not None:
        values |= {"expires": to_json(iso(card.expires, zone)), "valid_until": to_json(iso(card.expires - 1, zone))}
    return values


def _anchored(name: str, address: str, words: str) -> dict[str, bytes]:
    """An address as it is, and as words that lead there; nothing without one."""
    anchor = f'<a href="{escape(address)}">{words}</a>'
    return {name: to_json(address), f"{name}_anchor": to_json(anchor)} if address else {}


def _in_money(card: Card) -> int | None:
    """What the card holds, or what that is worth, in the currency's smallest unit."""
    if not card.currency:
        return None
    return card.balance if card.unit_kind == "money" else card.worth


def _is_address(link: str) -> bool:
    return link.startswith(("https://", "http://"))


def _rgb(colour: tuple[int, int, int]) -> str:
    return "rgb({}, {}, {})".format(*colour)
