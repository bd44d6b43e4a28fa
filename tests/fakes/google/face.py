"""A card as its holder sees it: what is drawn, in their language, at this moment.

Pure: two bodies, a language and a time in, text out. A field that Google does not draw is not here.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .rules import moment

Body = dict[str, Any]
MOST_MODULES = 10
TITLES = ("programName", "title", "merchantName", "cardTitle")
LABELLED = {
    "accountName": "accountNameLabel",
    "accountId": "accountIdLabel",
    "rewardsTier": "rewardsTierLabel",
    "secondaryRewardsTier": "secondaryRewardsTierLabel",
    "cardNumber": "cardNumberLabel",
    "pin": "pinLabel",
    "eventNumber": "eventNumberLabel",
}


@dataclass(frozen=True)
class Line:
    label: str
    value: str


@dataclass(frozen=True)
class Face:
    """`rows` are on the card, `details` below it. `is_expired`: the card lies among the old ones."""

    issuer: str
    title: str
    rows: tuple[tuple[Line, ...], ...]
    details: tuple[Line, ...]
    messages: tuple[Line, ...]
    links: tuple[Line, ...]
    barcode: str
    barcode_text: str
    colour: str
    logo: str
    hero: str
    is_expired: bool

    def shows(self, label: str) -> str | None:
        """The value under a label, wherever it stands."""
        lines = [*(line for row in self.rows for line in row), *self.details]
        return next((line.value for line in lines if line.label == label), None)

    def __str__(self) -> str:
        said = [self.issuer, self.title]
        said += ["   ".join(f"{line.label}: {line.value}" for line in row) for row in self.rows]
        said += [f"[{self.barcode}] {self.barcode_text}".rstrip()] if self.barcode else []
        said += [f"{line.label}: {line.value}" for line in (*self.details, *self.messages, *self.links)]
        return "\n".join(said)


def draw(card: Body, of: Body, language: str, now: float) -> Face:
    """The face of an object `card` of the class `of`."""
    view = _View(card, of, language, now)
    barcode, text = view.barcode()
    return Face(
        issuer=view.text(of, "issuerName"),
        title=next((title for name in TITLES for body in (of, card) if (title := view.text(body, name))), ""),
        rows=tuple(view.rows()),
        details=tuple(view.details()),
        messages=tuple(view.messages()),
        links=tuple(view.links()),
        barcode=barcode,
        barcode_text=text,
        colour=card.get("hexBackgroundColor") or of.get("hexBackgroundColor", ""),
        logo=_image(card.get("logo") or of.get("programLogo") or of.get("titleImage")),
        hero=_image(card.get("heroImage") or of.get("heroImage")),
        is_expired=card.get("state", "ACTIVE") != "ACTIVE",
    )


@dataclass(frozen=True)
class _View:
    card: Body
    of: Body
    language: str
    now: float

    def text(self, body: Body, name: str) -> str:
        """The localized twin if it speaks the holder's language, then the plain text, then any."""
        plain = body.get(name)
        localized = plain if isinstance(plain, dict) else body.get(f"localized{name[0].upper()}{name[1:]}")
        texts = [localized["defaultValue"], *localized.get("translatedValues", [])] if localized else []
        for wanted in (self.language, self.language.partition("-")[0]):
            for text in texts:
                if text["language"].lower() == wanted.lower():
                    return str(text["value"])
        return plain if isinstance(plain, str) else next((text["value"] for text in texts), "")

    def rows(self) -> Iterator[tuple[Line, ...]]:
        for name in ("header", "subheader"):
            if value := self.text(self.card, name):
                yield (Line("", value),)
        template = self.of.get("classTemplateInfo", {}).get("cardTemplateOverride", {}).get("cardRowTemplateInfos")
        if template is None:
            points = ("object.loyaltyPoints.balance", "object.secondaryLoyaltyPoints.balance", "object.balance")
            found = tuple(line for path in points if (line := self.line(path)))
            yield from [found] if found else []
        for row in template or ():
            items = [item for kind in row.values() for item in (kind.get(name) for name in _ITEMS) if item]
            if found := tuple(line for item in items if (line := self.item(item))):
                yield found

    def item(self, item: Body) -> Line | None:
        first, second = (self.chosen(item.get(name, {})) for name in ("firstValue", "secondValue"))
        if first and second:
            return Line(f"{first.label} / {second.label}", f"{first.value} / {second.value}")
        return first or second

    def chosen(self, selector: Body) -> Line | None:
        """The first that is not empty."""
        return next((line for each in selector.get("fields", ()) if (line := self.line(each["fieldPath"]))), None)

    def line(self, path: str) -> Line | None:
        """What a path such as object.textModulesData['stamps'] leads to, with the label it goes by."""
        above: Any = {"object": self.card, "class": self.of}
        steps = re.findall(r"\w+|\['[^']+'\]", path)
        here: Any = above
        for step in steps:
            above, here = here, _below(here, step)
        if here in (None, "", [], {}):
            return None
        return Line(self._label(above, here, steps[-1]), self._value(above, here, steps[-1]))

    def details(self) -> Iterator[Line]:
        for body in (self.card, self.of):
            for name, label in LABELLED.items():
                if value := self.text(body, name):
                    yield Line(self.text(self.of, label) or name, value)
        for body in (self.of, self.card):
            for module in body.get("textModulesData", ())[:MOST_MODULES]:
                yield Line(self.text(module, "header"), self.text(module, "body"))

    def messages(self) -> Iterator[Line]:
        for message in (*self.of.get("messages", ()), *self.card.get("messages", ())):
            if self.is_now(message.get("displayInterval", {})):
                yield Line(self.text(message, "header"), self.text(message, "body"))

    def links(self) -> Iterator[Line]:
        for body in (self.of, self.card):
            for uri in (*([body["homepageUri"]] if "homepageUri" in body else []), *_uris(body)):
                yield Line(self.text(uri, "description"), uri["uri"])

    def barcode(self) -> tuple[str, str]:
        turning = self.card.get("rotatingBarcode")
        if turning:
            return rotated(turning, self.now), turning.get("alternateText", "")
        still = self.card.get("barcode", {})
        return still.get("value", ""), still.get("alternateText", "")

    def is_now(self, interval: Body) -> bool:
        start, end = (_seconds(interval[name]) if name in interval else None for name in ("start", "end"))
        return (start is None or start <= self.now) and (end is None or self.now < end)

    def _label(self, above: Any, here: Any, step: str) -> str:
        if isinstance(here, dict) and "balance" in here:
            return self.text(here, "label")
        if isinstance(here, dict) and "header" in here:
            return self.text(here, "header")
        if step == "balance" and isinstance(above, dict):
            return self.text(above, "label")
        return self.text(self.of, LABELLED.get(step, step))

    def _value(self, above: Any, here: Any, step: str) -> str:
        if isinstance(here, dict):
            return self.text(here, "body") or shown(here.get("balance", here))
        return self.text(above, step) if isinstance(here, str) and isinstance(above, dict) else str(here)


_ITEMS = ("item", "startItem", "middleItem", "endItem")


def shown(balance: Body) -> str:
    """An amount as it is drawn."""
    if "money" in balance:
        return shown(balance["money"])
    if "micros" in balance:
        micros = int(balance["micros"])
        return f"{micros // 1_000_000}.{micros % 1_000_000 // 10_000:02d} {balance['currencyCode']}"
    if "date" in balance:
        return str(balance["date"])
    return next((str(balance[name]) for name in ("string", "int", "double") if name in balance), "")


def rotated(barcode: Body, now: float) -> str:
    """The code at this moment (RFC 6238 with the parameters of the card)."""
    details = barcode["totpDetails"]
    counter = int(now * 1000) // int(details["periodMillis"])
    said = str(barcode["valuePattern"])
    for number, parameter in enumerate(details["parameters"]):
        said = said.replace(f"{{totp_value_{number}}}", totp(parameter["key"], counter, parameter["valueLength"]))
    said = said.replace("{totp_timestamp_millis}", str(int(now * 1000)))
    return said.replace("{totp_timestamp_seconds}", str(int(now)))


def totp(key: str, counter: int, digits: int) -> str:
    mac = hmac.digest(bytes.fromhex(key), counter.to_bytes(8), hashlib.sha1)
    place = mac[-1] & 15
    number = int.from_bytes(mac[place : place + 4]) & 0x7FFFFFFF
    return f"{number % 10**digits:0{digits}d}"


def _below(here: Any, step: str) -> Any:
    if step.startswith("["):
        wanted = step[2:-2]
        return next((each for each in here or () if each.get("id") == wanted), None)
    return here.get(step) if isinstance(here, dict) else None


def _uris(body: Body) -> list[Body]:
    return list(body.get("linksModuleData", {}).get("uris", ()))


def _image(image: Body | None) -> str:
    return str((image or {}).get("sourceUri", {}).get("uri", ""))


def _seconds(date: Body) -> float:
    when: datetime = moment(date)
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
