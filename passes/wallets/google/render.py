"""Draws a programme and a card as Google's class and object: which field stands where, in every language.

Pure: a promise or a card, its look and the issuer's names in, JSON bodies out, always whole. `patch_of` turns a
body into one that also clears whatever it does not say. Kinds of card are lines of `KINDS`.

A class has a colour and a level, an object has neither. By default a level is the second value of its card
and a programme is one class, so that a new level is one ordinary update and an announcement one call. A look
that has `[tiers]` colours gets a class for each of these, and its cards move between them.
("LoyaltyClass" and "LoyaltyObject", Google Wallet API reference.)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from hashlib import blake2b

from ... import phrases
from ...card import Card, Offer, Promise, Stamps
from ...look import Look, stampcard
from ...look.colours import written
from ...words import Words
from . import modules, points
from .texts import HEADER, LABEL, NAME, PARAGRAPH, Body, Texts, clean, pick

MOST_LOCATIONS = 10
STEP_SECONDS, DIGITS = 30, 8


@dataclass(frozen=True)
class Issuer:
    """In whose name cards stand at Google, and where Google finds us."""

    id: str
    public_url: str
    country: str
    language: str
    zone: tzinfo = UTC
    redeems: str = ""
    """The issuer whose readers take cards over the air (Smart Tap); empty: none does."""


@dataclass(frozen=True)
class Made:
    """What was made for one card elsewhere: its name at Google, its links, the code that its phone goes on changing.

    `link` opens the card, `friends` is where the member's friends join; empty: nothing is given for them.
    """

    id: str
    link: str
    pattern: str
    keys: tuple[bytes, ...]
    friends: str = ""


@dataclass(frozen=True)
class Kind:
    """One of Google's types of card: its names in addresses and links, and how it is drawn."""

    class_path: str
    object_path: str
    link_list: str
    draw_class: Callable[[Promise, Look, Mapping[str, Words], Issuer, str | None], Body]
    draw_object: Callable[[Card, Look, Mapping[str, Words], Issuer, Made], Body]


def kind_of(card_kind: str) -> Kind:
    """Programmes of points, stamps, visits and cashback are all loyalty to Google."""
    return KINDS.get(card_kind, KINDS["points"])


def class_id(issuer: Issuer, programme: str, tier: str | None) -> str:
    """Classes are no secret: their names may tell which is which."""
    return f"{issuer.id}.{programme}.{tier}" if tier else f"{issuer.id}.{programme}"


def class_tier(look: Look, tier: str | None) -> str | None:
    """The tier whose class the card is in; None: the class of all."""
    return tier if tier in look.tier_colours else None


def image_url(issuer: Issuer, look: Look, name: str) -> str:
    """Google keeps what it fetched until the address is another one, so the look's digest is in it."""
    return f"{issuer.public_url}/google/images/{look.name}/{look.digest}/{name}.png"


def stamps_url(issuer: Issuer, look: Look, programme: str, stamps: Stamps) -> str:
    """Cards that are equally full share one picture, which says nothing of who has them."""
    made_of = stampcard.digest(look.digest, stampcard.places(stamps))
    return f"{issuer.public_url}/google/stamps/{programme}/{made_of}/{stamps.filled}.png"


def digest(body: Body) -> bytes:
    """Equal for what shows the same."""
    return blake2b(json.dumps(body, sort_keys=True, ensure_ascii=False).encode(), digest_size=16).digest()


def patch_of(body: Body) -> Body:
    """The body with a null for every field of ours that it lacks: a PATCH leaves alone what it does not name."""
    ours = _OF_A_CLASS if "reviewStatus" in body else _OF_AN_OBJECT
    cleared = {name: body.get(name) for name in (*ours, *body)}
    for name in ("loyaltyPoints", "secondaryLoyaltyPoints"):
        if value := body.get(name):
            # Exactly one may be left after the merge.
            cleared[name] = {**value, "balance": {**dict.fromkeys(points.KINDS), **value["balance"]}}
    return cleared


_OF_AN_OBJECT = ("accountName", "heroImage", "secondaryLoyaltyPoints", "validTimeInterval", "smartTapRedemptionValue")
_OF_A_CLASS = ("heroImage", "linksModuleData", "enableSmartTap", "redemptionIssuers")


# Classes


def loyalty_class(promise: Promise, look: Look, words: Mapping[str, Words], issuer: Issuer, tier: str | None) -> Body:
    """What every card of the programme shares, or every card of one tier."""
    own = words[issuer.language]
    organisation = clean(promise.contact.organisation, NAME) or pick(own, promise.name, NAME)
    texts = Texts(words, issuer.language)
    body = {
        "id": class_id(issuer, promise.key, tier),
        "reviewStatus": "UNDER_REVIEW",
        "issuerName": organisation,
        **texts.picked("programName", promise.name, NAME),
        "programLogo": _image(image_url(issuer, look, "logo"), organisation, issuer.language),
        "hexBackgroundColor": written(look.tier_colours[tier] if tier else look.background),
        "countryCode": issuer.country,
        **texts.key("accountNameLabel", "label.member"),
        **texts.key("accountIdLabel", "label.member_number"),
        "multipleDevicesAndHoldersAllowedStatus": "ONE_USER_ALL_DEVICES",
        "callbackOptions": {"url": f"{issuer.public_url}/google/callback"},
        "textModulesData": modules.about(promise, texts),
        "merchantLocations": [
            {"latitude": place.latitude, "longitude": place.longitude} for place in promise.locations[:MOST_LOCATIONS]
        ],
    }
    if "hero" in look.images:
        body["heroImage"] = _image(image_url(issuer, look, "hero"), organisation, issuer.language)
    if uris := list(_contact(promise, texts)):
        body["linksModuleData"] = {"uris": uris}
    if issuer.redeems:
        body |= {"enableSmartTap": True, "redemptionIssuers": [issuer.redeems]}
    found = next((each for each in promise.tiers if each.key == tier), None)
    if found:
        body |= texts.picked("rewardsTier", found.name, LABEL) | texts.key("rewardsTierLabel", "label.tier")
    return body


def _contact(promise: Promise, texts: Texts) -> Iterator[Body]:
    contact = promise.contact
    if contact.website:
        yield {"id": "website", "uri": _website(contact.website), **texts.key("description", "label.website")}
    if contact.phone:
        yield {"id": "phone", "uri": f"tel:{contact.phone.replace(' ', '')}", **texts.key("description", "label.phone")}
    if contact.email:
        yield {"id": "email", "uri": f"mailto:{contact.email}", **texts.key("description", "label.email")}


def _website(website: str) -> str:
    return website if website.startswith(("https://", "http://")) else f"https://{website}"


def _image(url: str, description: str, language: str) -> Body:
    words = {"language": language, "value": description}
    return {"sourceUri": {"uri": url}, "contentDescription": {"defaultValue": words}}


def message(offer: Offer, words: Mapping[str, Words], issuer: Issuer, now: int, notify: bool) -> Body:
    """An offer as a message to all holders of a class, at most shown until it ends."""
    texts = Texts(words, issuer.language)
    title = texts.each(lambda each: pick(each, offer.title, HEADER))
    said = {language: pick(each, offer.body, PARAGRAPH) or title[language] for language, each in words.items()}
    interval = {"start": _date(now, issuer.zone)} | ({"end": _date(offer.ends, issuer.zone)} if offer.ends else {})
    return {
        "id": offer.key,
        **texts.said("header", title),
        **texts.said("body", said),
        "displayInterval": interval,
        "messageType": "TEXT_AND_NOTIFY" if notify else "TEXT",
    }


def _date(at: int, zone: tzinfo) -> Body:
    return {"date": datetime.fromtimestamp(at, zone).isoformat()}


# Objects


def loyalty_object(card: Card, look: Look, words: Mapping[str, Words], issuer: Issuer, made: Made) -> Body:
    """The member's card. One that ended keeps nothing but that it ended: nothing can be deleted at Google."""
    tier = card.tier.key if card.tier else None
    body: Body = {"id": made.id, "classId": class_id(issuer, card.programme, class_tier(look, tier))}
    if card.is_void:
        return body | {"state": "EXPIRED" if card.status == "closed" else "INACTIVE"}
    texts = Texts(words, card.language)
    body |= {
        "state": "ACTIVE",
        "accountId": card.number,
        "barcode": _code(card) | {"value": card.code},
        "rotatingBarcode": _code(card) | {"valuePattern": made.pattern, "totpDetails": _totp(made)},
        "loyaltyPoints": points.main(card, texts, issuer.zone),
        "textModulesData": modules.told(card, texts, issuer.zone),
        "linksModuleData": {"uris": list(_links(made, texts))},
    }
    if name := clean(card.name, NAME):
        body["accountName"] = name
    if second := points.second(card, texts, tier_is_shown=class_tier(look, tier) is not None):
        body["secondaryLoyaltyPoints"] = second
    if card.stamps and card.stamps.can_be_drawn:
        said = phrases.stamps_short(texts.own, card.stamps)
        body["heroImage"] = _image(stamps_url(issuer, look, card.programme, card.stamps), said, card.language)
    if card.expires is not None:
        body["validTimeInterval"] = {"end": _date(card.expires, issuer.zone)}
    if issuer.redeems:
        body["smartTapRedemptionValue"] = card.code
    return body


def _links(made: Made, texts: Texts) -> Iterator[Body]:
    yield {"id": "card", "uri": made.link, **texts.key("description", "label.history")}
    if made.friends:
        yield {"id": "friends", "uri": made.friends, **texts.key("description", "label.friends")}


def _code(card: Card) -> Body:
    """The one that changes is shown; the other where Google cannot change it, as in a browser."""
    return {"type": "QR_CODE", "alternateText": card.number, "renderEncoding": "UTF_8"}


def _totp(made: Made) -> Body:
    values = [{"key": key.hex(), "valueLength": DIGITS} for key in made.keys]
    return {"algorithm": "TOTP_SHA1", "periodMillis": str(STEP_SECONDS * 1000), "parameters": values}


KINDS = {
    "points": Kind("loyaltyClass", "loyaltyObject", "loyaltyObjects", loyalty_class, loyalty_object),
}
"""Kinds of card by the programme's `kind`. Another of Google's types is a line here and its two drawings."""
