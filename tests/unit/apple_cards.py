"""A card, a look and a signer to draw Apple passes with: the café's own look, and a chain like Apple's."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from zipfile import ZipFile
from zoneinfo import ZoneInfo

from passes import look
from passes.card import Card, Contact, Expiring, Location, News, Offer, Progress, Reward, Tier
from passes.look import Look
from passes.wallets.apple import enrolment, strings
from passes.wallets.apple.bundle import Template
from passes.wallets.apple.render import Issuer
from passes.wallets.apple.signer import Signer

NOW = int(time.time())
DAY = 86_400
LOOKS = Path(__file__).parents[2] / "templates" / "cards"
TOKEN = "k1.0123456789abcdefghijklmnopqrstuvwxyz"
LINK = "https://cards.example.org/e/0123456789abcdef?a=1&b=2"
COFFEE = {"en": "Free coffee", "ru": "Кофе в подарок", "pl": "Darmowa kawa"}
CAKE = {"en": "Cake of the day", "ru": "Торт дня", "pl": "Ciasto dnia"}
GOLD = {"en": "Gold", "ru": "Золотой", "pl": "Złoty"}

ANNA = Card(
    serial="p7Qm3k-Zx_9Lw2Rt5vBn8cYd",
    number="4000 1234 5678",
    code="LC1.ABCDEFGHIJKLMNOP.ABCDEFGHIJKLM",
    programme="cafe",
    programme_name={"en": "Morning Club", "ru": "Утренний клуб", "pl": "Klub poranny"},
    kind="points",
    look="cafe",
    look_digest="0" * 32,
    contact=Contact("Café Żółw", "+48 600 100 200", "hello@cafe.example.org", "https://cafe.example.org"),
    name="Анна Ковальская",
    language="ru",
    status="active",
    joined=NOW - 90 * DAY,
    unit="points",
    balance=1234,
    tier=Tier("gold", GOLD, 1000),
    progress=Progress("reward", "cake", CAKE, 1234, 1500),
    rewards=(Reward("coffee", COFFEE, 500, 0), Reward("cake", CAKE, 1500, 266)),
    offers=(
        Offer(
            "double",
            {"en": "Double points", "ru": "Двойные баллы", "pl": "Podwójne punkty"},
            {"en": "Every Tuesday, all day.", "ru": "Каждый вторник, весь день.", "pl": "W każdy wtorek."},
            NOW - DAY,
            NOW + 20 * DAY,
        ),
    ),
    news=News("earn", 50, NOW - 60),
    expiring=Expiring(200, NOW + 40 * DAY),
    currency="PLN",
    worth=1234,
    terms={"en": "Be kind.\nPoints live for a year.", "ru": "Баллы живут год.", "pl": "Punkty żyją rok."},
    locations=(Location("Old Town", 52.2297, 21.0122), Location("Station", 52.2288, 21.0033)),
)


@cache
def certs() -> Path:
    """A folder with a throw-away chain; `certs() / "dev-root.pem"` is its root."""
    folder = Path(mkdtemp(prefix="passes-certs-"))
    enrolment.make_dev(folder, NOW)
    return folder


@cache
def signer() -> Signer:
    return Signer(enrolment.Certs(certs()).load(None, NOW))


@cache
def cafe() -> Look:
    return look.load(LOOKS / "cafe")


def issuer() -> Issuer:
    identity = signer().identity
    return Issuer(identity.pass_type, identity.team, "https://cards.example.org/apple", ZoneInfo("Europe/Warsaw"))


@cache
def template(style: str = "store") -> Template:
    """The café's look in any shape; a generic card shows its icon as thumbnail."""
    given = cafe()
    images = {**given.images, **{f"thumbnail@{at}": given.images[f"icon@{at}"] for at in ("1x", "2x", "3x")}}
    return Template(replace(given, style=style, images=images), issuer(), signer())


def built(card: Card = ANNA, style: str = "store", link: str = LINK, friends: str = "") -> bytes:
    return template(style).build(card, TOKEN, link, NOW, friends)


def files(bundle: bytes) -> dict[str, bytes]:
    with ZipFile(BytesIO(bundle)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def shown(bundle: bytes, language: str = "en") -> dict[str, Any]:
    """pass.json as a phone in this language shows it: every string that is a key replaced by its words."""
    inside = files(bundle)
    words = strings.read(inside[f"{language}.lproj/pass.strings"])

    def translated(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: each if key == "key" else translated(each) for key, each in value.items()}
        if isinstance(value, list):
            return [translated(each) for each in value]
        return words.get(value, value) if isinstance(value, str) else value

    return dict(translated(json.loads(inside["pass.json"])))


def fields(bundle: bytes, language: str = "en", style: str = "storeCard") -> dict[str, dict[str, Any]]:
    """Every field by its key, in words."""
    groups = shown(bundle, language)[style]
    return {field["key"]: field for group in groups.values() for field in group}
