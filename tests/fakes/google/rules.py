"""What must hold inside a class or an object beyond names and types; each breach is a 400 with a sentence."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .refusals import bad
from .shapes import SHAPES

ID = re.compile(r"([0-9]+)\.[A-Za-z0-9._-]+", re.ASCII)
MOST = {
    "messages": 10,
    "merchantLocations": 10,
    "valueAddedModuleData": 15,
    "cardRowTemplateInfos": 3,
}
REQUIRED = {
    "LoyaltyClass": ("id", "issuerName", "programName", "programLogo", "reviewStatus"),
    "LoyaltyObject": ("id", "classId", "state"),
    "OfferClass": ("id", "issuerName", "title", "provider", "redemptionChannel", "reviewStatus"),
    "OfferObject": ("id", "classId", "state"),
    "GiftCardClass": ("id", "issuerName", "reviewStatus"),
    "GiftCardObject": ("id", "classId", "cardNumber", "state"),
    "GenericClass": ("id",),
    "GenericObject": ("id", "classId", "cardTitle", "header"),
    "LoyaltyPoints": ("balance",),
    "Money": ("currencyCode", "micros"),
    "ImageUri": ("uri",),
    "Uri": ("uri",),
    "LocalizedString": ("defaultValue",),
    "TranslatedString": ("language", "value"),
    "Barcode": ("type",),
    "RotatingBarcode": ("type", "valuePattern", "totpDetails"),
    "RotatingBarcodeTotpDetails": ("algorithm", "periodMillis", "parameters"),
    "RotatingBarcodeTotpDetailsTotpParameters": ("key", "valueLength"),
    "ValueAddedModuleData": ("header", "uri"),
    "MerchantLocation": ("latitude", "longitude"),
    "DateTime": ("date",),
    "FieldReference": ("fieldPath",),
    "AddMessageRequest": ("message",),
    "AuthenticationKey": ("id", "publicKeyPem"),
}
EXACTLY_ONE = {
    "LoyaltyPointsBalance": ("string", "int", "double", "money"),
    "Image": ("sourceUri", "privateImageId"),
    "CardRowTemplateInfo": ("oneItem", "twoItems", "threeItems"),
    "TemplateItem": ("firstValue", "predefinedItem"),
    "AppLinkDataAppLinkInfoAppTarget": ("packageName", "targetUri"),
}


@dataclass
class Policy:
    """What a test may loosen or break. `broken_images`: addresses at which Google finds no picture."""

    https_only: bool = True
    broken_images: set[str] = field(default_factory=set)


def check(shape: str, body: dict[str, Any], policy: Policy, where: str = "") -> None:
    for name in REQUIRED.get(shape, ()):
        if body.get(name) in (None, ""):
            raise bad(f"{_at(where, name)} is required.")
    one_of = EXACTLY_ONE.get(shape)
    if one_of and sum(name in body for name in one_of) != 1:
        raise bad(f"{where or shape} must have exactly one of {', '.join(one_of)}.")
    if shape in _OWN_RULES:
        _OWN_RULES[shape](body, where, policy)
    for name, value in body.items():
        _check_field(shape, name, value, policy, _at(where, name))


def _check_field(shape: str, name: str, value: Any, policy: Policy, where: str) -> None:
    kind = SHAPES[shape][name].type
    if isinstance(value, list) and len(value) > MOST.get(name, len(value)):
        raise bad(f"{where} has {len(value)} members; {MOST[name]} are allowed.")
    if name == "hexBackgroundColor" and not re.fullmatch(r"#([0-9a-fA-F]{3}){1,2}", value):
        raise bad(f"{where} must look like #rgb or #rrggbb.")
    if name == "smartTapRedemptionValue" and not value.isascii():
        raise bad(f"{where} must be ASCII.")
    if kind in SHAPES:
        for place, each in enumerate(value) if isinstance(value, list) else [(-1, value)]:
            check(kind, each, policy, f"{where}[{place}]" if place >= 0 else where)


def issuer_of(resource_id: object) -> str:
    found = ID.fullmatch(resource_id) if isinstance(resource_id, str) else None
    if found is None:
        raise bad("Invalid resource id: expected issuerId.identifier of letters, digits, '.', '_' and '-'.")
    return found[1]


def _image(image: dict[str, Any], where: str, policy: Policy) -> None:
    uri = image.get("sourceUri", {}).get("uri", "")
    if uri and not re.match("https://." if policy.https_only else "https?://.", uri):
        raise bad(f"{where}: the image must be at a public https:// address.")
    if uri in policy.broken_images:
        raise bad(f"{where}: Image cannot be loaded.")


def _uri(uri: dict[str, Any], where: str, policy: Policy) -> None:
    if not re.match("(https?|tel|mailto|geo):.", uri["uri"]):
        raise bad(f"{where}.uri must begin with https:, tel:, mailto: or geo:.")


def _callback(options: dict[str, Any], where: str, policy: Policy) -> None:
    if "url" in options and not re.match("https://." if policy.https_only else "https?://.", options["url"]):
        raise bad(f"{where}.url must begin with https://.")


def _barcode(barcode: dict[str, Any], where: str, policy: Policy) -> None:
    if barcode["type"] == "TEXT_ONLY" and "alternateText" in barcode:
        raise bad(f"{where}.alternateText is not allowed with TEXT_ONLY.")


def _rotating(barcode: dict[str, Any], where: str, policy: Policy) -> None:
    if barcode["type"] not in ("QR_CODE", "PDF_417"):
        raise bad(f"{where}.type must be QR_CODE or PDF_417.")
    if "initialRotatingBarcodeValues" in barcode:
        raise bad(f"{where}.initialRotatingBarcodeValues is for transit passes only.")
    values = barcode["totpDetails"]["parameters"]
    for number in re.findall(r"\{totp_value_([0-9]+)\}", barcode["valuePattern"]):
        if int(number) >= len(values):
            raise bad(f"{where}.valuePattern uses totp_value_{number}, which has no parameter.")


def _totp(details: dict[str, Any], where: str, policy: Policy) -> None:
    if int(details["periodMillis"]) <= 0:
        raise bad(f"{where}.periodMillis must be positive.")
    for parameter in details["parameters"]:
        if not re.fullmatch(r"([0-9a-fA-F]{2})+", parameter["key"]) or not 1 <= parameter["valueLength"] <= 10:
            raise bad(f"{where}.parameters need a key in hex and a valueLength.")


def _money(money: dict[str, Any], where: str, policy: Policy) -> None:
    if not re.fullmatch("[A-Z]{3}", money["currencyCode"]):
        raise bad(f"{where}.currencyCode must be three capital letters.")


def _module(module: dict[str, Any], where: str, policy: Policy) -> None:
    if "id" in module and not re.fullmatch(r"[A-Za-z0-9_-]+", module["id"]):
        raise bad(f"{where}.id may hold letters, digits, '_' and '-'; a dot separates names of fields.")


def _message(message: dict[str, Any], where: str, policy: Policy) -> None:
    if message.get("messageType") == "EXPIRATION_NOTIFICATION":
        raise bad(f"{where}.messageType EXPIRATION_NOTIFICATION is not supported.")


def _date(date: dict[str, Any], where: str, policy: Policy) -> None:
    moment(date, where)


def moment(date: dict[str, Any], where: str = "") -> datetime:
    try:
        return datetime.fromisoformat(date["date"])
    except ValueError:
        raise bad(f"{where}.date must be an ISO 8601 date.") from None


def _interval(interval: dict[str, Any], where: str, policy: Policy) -> None:
    ends = [moment(interval[end], where) for end in ("start", "end") if end in interval]
    if len({end.tzinfo is None for end in ends}) > 1:
        raise bad(f"{where}: if one end has an offset the other must have one, too.")
    if len(ends) == 2 and ends[0] > ends[1]:
        raise bad(f"{where}: the end lies before the start.")


def _field_path(reference: dict[str, Any], where: str, policy: Policy) -> None:
    if not re.fullmatch(r"(object|class)(\.\w+(\['[A-Za-z0-9_-]+'\])?)+", reference["fieldPath"]):
        raise bad(f"{where}.fieldPath must look like object.name or class.name['id'].")


def _text_language(text: dict[str, Any], where: str, policy: Policy) -> None:
    if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", text["language"]):
        raise bad(f"{where}.language must be a language tag such as pl or en-GB.")


def _restrictions(limits: dict[str, Any], where: str, policy: Policy) -> None:
    if not re.fullmatch("[0-9a-fA-F]{64}", limits.get("restrictToEmailSha256", "")):
        raise bad(f"{where}.restrictToEmailSha256 must be a SHA-256 in hex.")


def _value_added(module: dict[str, Any], where: str, policy: Policy) -> None:
    for name, most in (("header", 60), ("body", 50)):
        if name in module and len(module[name]["defaultValue"]["value"]) > most:
            raise bad(f"{where}.{name} is longer than {most} characters.")


def _gift_card(card: dict[str, Any], where: str, policy: Policy) -> None:
    if "balanceUpdateTime" in card and moment(card["balanceUpdateTime"], "balanceUpdateTime").tzinfo is None:
        raise bad("balanceUpdateTime needs an offset.")


def _at(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


_OWN_RULES: dict[str, Callable[[dict[str, Any], str, Policy], None]] = {
    "Image": _image,
    "Uri": _uri,
    "CallbackOptions": _callback,
    "Barcode": _barcode,
    "RotatingBarcode": _rotating,
    "RotatingBarcodeTotpDetails": _totp,
    "Money": _money,
    "TextModuleData": _module,
    "Message": _message,
    "DateTime": _date,
    "TimeInterval": _interval,
    "FieldReference": _field_path,
    "TranslatedString": _text_language,
    "SaveRestrictions": _restrictions,
    "ValueAddedModuleData": _value_added,
    "GiftCardObject": _gift_card,
}
