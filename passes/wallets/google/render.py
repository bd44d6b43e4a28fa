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
from typing import Any

from ... import phrases
from ...card import Card, Coupon, Membership, Offer, Promise, Step, Text
from ...look import Look
from ...look.colours import written
from ...words import Words, minor_digits

Body = dict[str, Any]

MOST_INT = 2_147_483_647
MOST_MODULES, MOST_OFFERS, MOST_REWARDS, MOST_LOCATIONS = 10, 5, 10, 10
NAME, LABEL, HEADER, PARAGRAPH, TERMS = 60, 40, 60, 500, 2000
"""How many characters are kept; Google clips what it has no room for."""
MICROS_DIGITS = 6
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
    """What was made for one card elsewhere: its name at Google, its link, the code that its phone goes on changing."""

    id: str
    link: str
    pattern: str
    keys: tuple[bytes, ...]


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


def digest(body: Body) -> bytes:
    """Equal for what shows the same."""
    return blake2b(json.dumps(body, sort_keys=True, ensure_ascii=False).encode(), digest_size=16).digest()


def patch_of(body: Body) -> Body:
    """The body with a null for every field of ours that it lacks: a PATCH leaves alone what it does not name."""
    ours = _OF_A_CLASS if "reviewStatus" in body else _OF_AN_OBJECT
    cleared = {name: body.get(name) for name in (*ours, *body)}
    for name in ("loyaltyPoints", "secondaryLoyaltyPoints"):
        if points := body.get(name):
            # Exactly one may be left after the merge.
            cleared[name] = {**points, "balance": {**dict.fromkeys(_BALANCES), **points["balance"]}}
    return cleared


_BALANCES = ("int", "string", "money")
_OF_AN_OBJECT = ("accountName", "secondaryLoyaltyPoints", "validTimeInterval", "smartTapRedemptionValue")
_OF_A_CLASS = ("heroImage", "linksModuleData", "enableSmartTap", "redemptionIssuers")


# Classes


def loyalty_class(promise: Promise, look: Look, words: Mapping[str, Words], issuer: Issuer, tier: str | None) -> Body:
    """What every card of the programme shares, or every card of one tier."""
    own = words[issuer.language]
    organisation = clean(promise.contact.organisation, NAME) or _pick(own, promise.name, NAME)
    label = _Labels(words, issuer.language)
    body = {
        "id": class_id(issuer, promise.key, tier),
        "reviewStatus": "UNDER_REVIEW",
        "issuerName": organisation,
        **label.picked("programName", promise.name, NAME),
        "programLogo": _image(image_url(issuer, look, "logo"), organisation, issuer),
        "hexBackgroundColor": written(look.tier_colours[tier] if tier else look.background),
        "countryCode": issuer.country,
        **label.key("accountNameLabel", "label.member"),
        **label.key("accountIdLabel", "label.member_number"),
        "multipleDevicesAndHoldersAllowedStatus": "ONE_USER_ALL_DEVICES",
        "callbackOptions": {"url": f"{issuer.public_url}/google/callback"},
        "textModulesData": list(_about(promise, label)),
        "merchantLocations": [
            {"latitude": place.latitude, "longitude": place.longitude} for place in promise.locations[:MOST_LOCATIONS]
        ],
    }
    if "hero" in look.images:
        body["heroImage"] = _image(image_url(issuer, look, "hero"), organisation, issuer)
    if uris := list(_contact(promise, label)):
        body["linksModuleData"] = {"uris": uris}
    if issuer.redeems:
        body |= {"enableSmartTap": True, "redemptionIssuers": [issuer.redeems]}
    found = next((each for each in promise.tiers if each.key == tier), None)
    if found:
        body |= label.picked("rewardsTier", found.name, LABEL) | label.key("rewardsTierLabel", "label.tier")
    return body


def _about(promise: Promise, label: _Labels) -> Iterator[Body]:
    yield label.module("how-to-use", "label.how_to_use", lambda words: words.say("text.how_to_use"))
    if promise.rules:
        yield label.module("rules", "label.rules", lambda words: _pick(words, promise.rules, TERMS))
    if any(promise.terms.values()):
        yield label.module("terms", "label.terms", lambda words: _pick(words, promise.terms, TERMS))


def _contact(promise: Promise, label: _Labels) -> Iterator[Body]:
    contact = promise.contact
    if contact.website:
        yield {"id": "website", "uri": _website(contact.website), **label.key("description", "label.website")}
    if contact.phone:
        yield {"id": "phone", "uri": f"tel:{contact.phone.replace(' ', '')}", **label.key("description", "label.phone")}
    if contact.email:
        yield {"id": "email", "uri": f"mailto:{contact.email}", **label.key("description", "label.email")}


def _website(website: str) -> str:
    return website if website.startswith(("https://", "http://")) else f"https://{website}"


def _image(url: str, description: str, issuer: Issuer) -> Body:
    words = {"language": issuer.language, "value": description}
    return {"sourceUri": {"uri": url}, "contentDescription": {"defaultValue": words}}


def message(offer: Offer, words: Mapping[str, Words], issuer: Issuer, now: int, notify: bool) -> Body:
    """An offer as a message to all holders of a class, at most shown until it ends."""
    label = _Labels(words, issuer.language)
    title = _each(label, offer.title, HEADER)
    said = {language: _pick(each, offer.body, PARAGRAPH) or title[language] for language, each in words.items()}
    interval = {"start": _date(now, issuer.zone)} | ({"end": _date(offer.ends, issuer.zone)} if offer.ends else {})
    return {
        "id": offer.key,
        **label.said("header", title),
        **label.said("body", said),
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
    label = _Labels(words, card.language)
    body |= {
        "state": "ACTIVE",
        "accountId": card.number,
        "barcode": _code(card) | {"value": card.code},
        "rotatingBarcode": _code(card) | {"valuePattern": made.pattern, "totpDetails": _totp(made)},
        "loyaltyPoints": {**label.key("label", _heading(card, words)), "balance": balance(card.balance)},
        "textModulesData": list(_modules(card, label, issuer.zone))[:MOST_MODULES],
        "linksModuleData": {"uris": [{"id": "card", "uri": made.link, **label.key("description", "label.history")}]},
    }
    if name := clean(card.name, NAME):
        body["accountName"] = name
    if second := _second(card, look, label):
        body["secondaryLoyaltyPoints"] = second
    if card.expires is not None:
        body["validTimeInterval"] = {"end": _date(card.expires, issuer.zone)}
    if issuer.redeems:
        body["smartTapRedemptionValue"] = card.code
    return body


def _code(card: Card) -> Body:
    """The one that changes is shown; the other where Google cannot change it, as in a browser."""
    return {"type": "QR_CODE", "alternateText": card.number, "renderEncoding": "UTF_8"}


def _totp(made: Made) -> Body:
    values = [{"key": key.hex(), "valueLength": DIGITS} for key in made.keys]
    return {"algorithm": "TOTP_SHA1", "periodMillis": str(STEP_SECONDS * 1000), "parameters": values}


def balance(points: int) -> Body:
    """Google's `int` has 32 bits; what is larger goes as text."""
    return {"int": points} if -MOST_INT <= points <= MOST_INT else {"string": str(points)}


def money(minor: int, currency: str) -> Body:
    """An amount in the currency's smallest unit, in millionths: 10.50 PLN is "10500000"."""
    return {"currencyCode": currency, "micros": str(minor * 10 ** (MICROS_DIGITS - minor_digits(currency)))}


def _heading(card: Card, words: Mapping[str, Words]) -> str:
    heading = f"heading.{card.unit}"
    return heading if words[card.language].has(heading) else "label.balance"


def _second(card: Card, look: Look, label: _Labels) -> Body | None:
    """The level, unless the card's class shows it already; else what the points are worth."""
    if card.tier and not class_tier(look, card.tier.key):
        return {**label.key("label", "label.tier"), "balance": {"string": _pick(label.own, card.tier.name, LABEL)}}
    if card.worth is not None and card.currency:
        return {**label.key("label", "label.worth"), "balance": {"money": money(card.worth, card.currency)}}
    return None


def _modules(card: Card, label: _Labels, zone: tzinfo) -> Iterator[Body]:
    """What is new first, then what the member can have."""
    if card.news:
        yield label.module("news", "label.news", lambda words: _news(card, words))
    for offer in card.offers[:MOST_OFFERS]:
        title, said = _each(label, offer.title, HEADER), {}
        for language, words in label.words.items():
            until = words.say("text.offer_until", date=words.date(offer.ends - 1, zone)) if offer.ends else ""
            said[language] = "\n".join(part for part in (_pick(words, offer.body, PARAGRAPH), until) if part)
        yield {
            "id": f"offer-{offer.key}",
            **label.said("header", title),
            **label.said("body", {language: body or title[language] for language, body in said.items()}),
        }
    if card.coupons:
        yield label.module(
            "coupons", "label.coupons", lambda words: "\n".join(_coupon(each, words, zone) for each in card.coupons)
        )
    if (paid := card.membership) is not None:
        yield label.module("membership", "label.membership", lambda words: _membership(paid, words, zone))
    if card.rewards:
        yield label.module("rewards", "label.rewards", lambda words: _rewards(card, words))
    if card.steps:
        yield label.module(
            "steps", "label.steps", lambda words: "\n".join(_step(card, each, words) for each in card.steps)
        )
    if (way := card.progress) and way.towards == "tier":
        yield label.module(
            "progress",
            "label.progress",
            lambda words: words.say(
                "progress.tier",
                name=_pick(words, way.name, NAME),
                missing=words.number(way.missing),
                unit=_noun(words, card.unit, way.missing),
            ),
        )
    if card.endings:
        yield label.module(
            "expiring",
            "label.expiring",
            lambda words: "\n".join(phrases.expiring(words, card, each, zone) for each in card.endings),
        )


def _news(card: Card, words: Words) -> str:
    assert card.news is not None
    news, key = card.news, f"news.{card.news.kind}"
    return words.say(
        key if words.has(key) else "news.adjust",
        title=_pick(words, news.words, NAME) if news.words else "",
        amount=words.number(news.amount),
        unit=_noun(words, news.unit or card.unit, news.amount),
        balance=words.number(card.balance),
        balance_unit=_noun(words, card.unit, card.balance),
    )


def _coupon(coupon: Coupon, words: Words, zone: tzinfo) -> str:
    """Its name, its last day if it has one, and the code to show at the till."""
    date = words.date(coupon.ends - 1, zone) if coupon.ends else ""
    key = "coupon.until" if coupon.ends else "coupon.line"
    return words.say(key, name=_pick(words, coupon.name, NAME), code=coupon.code, date=date)


def _step(card: Card, step: Step, words: Words) -> str:
    return phrases.step(words, card, step, lambda text: _pick(words, text, NAME))


def _membership(membership: Membership, words: Words, zone: tzinfo) -> str:
    date = words.date(membership.until - 1, zone) if membership.until else ""
    return words.say(f"membership.{membership.state}", date=date)


def _rewards(card: Card, words: Words) -> str:
    """A line for each: those that are the member's now, then the nearest."""
    nearest = sorted(card.rewards, key=lambda reward: (bool(reward.why), reward.missing, reward.cost))[:MOST_REWARDS]
    return "\n".join(
        words.say(
            f"reward.{reward.stands}",
            name=_pick(words, reward.name, NAME),
            missing=words.number(reward.missing),
            unit=_noun(words, card.unit, reward.missing),
        )
        for reward in nearest
    )


def _noun(words: Words, unit: str, n: int) -> str:
    return words.say(f"unit.{unit}", n=n) if words.has(f"unit.{unit}") else unit


# Words


@dataclass(frozen=True)
class _Labels:
    """Writes each text plainly in one language, and beside it localized in all."""

    words: Mapping[str, Words]
    language: str

    @property
    def own(self) -> Words:
        return self.words[self.language]

    def said(self, name: str, texts: Mapping[str, str]) -> Body:
        own = texts[self.language]
        others = [
            {"language": language, "value": text}
            for language, text in texts.items()
            if text and language != self.language
        ]
        localized = {"defaultValue": {"language": self.language, "value": own}, "translatedValues": others}
        return {name: own, f"localized{name[0].upper()}{name[1:]}": localized}

    def key(self, name: str, key: str) -> Body:
        return self.said(name, {language: words.say(key) for language, words in self.words.items()})

    def picked(self, name: str, text: Text, most: int) -> Body:
        return self.said(name, _each(self, text, most))

    def module(self, id: str, header: str, say: Callable[[Words], str]) -> Body:
        body = {language: say(words) for language, words in self.words.items()}
        return {"id": id, **self.key("header", header), **self.said("body", body)}


def _each(label: _Labels, text: Text, most: int) -> dict[str, str]:
    return {language: _pick(words, text, most) for language, words in label.words.items()}


def _pick(words: Words, text: Text, most: int) -> str:
    return clean(words.pick(text), most)


def clean(text: str, most: int) -> str:
    """People's text as characters that show, bounded; Google makes a link of <a>, and none is meant."""
    shown = "".join(c if c.isprintable() or c == "\n" else " " for c in text[: 2 * most]).replace("<", "‹").strip()
    return shown if len(shown) <= most else f"{shown[: most - 1].rstrip()}…"


KINDS = {
    "points": Kind("loyaltyClass", "loyaltyObject", "loyaltyObjects", loyalty_class, loyalty_object),
}
"""Kinds of card by the programme's `kind`. Another of Google's types is a line here and its two drawings."""
