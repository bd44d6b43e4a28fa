"""What the doctor looks at: the settings, the key file, the account's rights, our pictures as Google gets them."""

from __future__ import annotations

import stat
import struct
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Literal

import httpx2
from sqlalchemy import select

from ... import look
from ...config import Settings
from ...errors import ConfigError
from ...store import Store
from ...store import tables as t
from . import render
from .access import Account, NoToken, Tokens
from .link import MOST_TOKEN, SaveLinks

Found = tuple[Literal["good", "warning", "bad"], str, str]
"""How it is, in a sentence, and what to do about it."""

ANSWER_SECONDS = 10
CLOCK_SECONDS = 60
SIZES = {"logo": (660, 660), "hero": (1032, 336)}
GET_AN_ISSUER = (
    "For Google Wallet you need a Google account, and then: (1) at pay.google.com/business/console, Google Wallet API: "
    "make an issuer account and note its number; (2) at console.cloud.google.com make a project, enable the Google "
    "Wallet API, make a service account and a JSON key for it; (3) back in the console, Users: invite the service "
    "account's e-mail as a Developer; (4) put the key file into certs/ and both into [google] of config.toml; "
    "(5) try it with your own account, which needs no approval; (6) ask for publishing access: until then cards say "
    "[TEST ONLY] and only people whom you list can save them."
)


def offline(settings: Settings) -> Iterator[Found]:
    """What can be told without asking anybody."""
    chosen = settings.google
    if chosen.service_account is None:
        yield "warning", "Google Wallet is not set up: members with Android get the e-card.", GET_AN_ISSUER
        return
    path = settings.path(chosen.service_account)
    try:
        account = Account.read(path)
    except ConfigError as wrong:
        yield "bad", str(wrong), ""
        return
    yield "good", f"The service account is {account.email}; its key can be read, issuer {chosen.issuer_id}.", ""
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield "bad", f"{path.name} can be read by others.", f"chmod 600 {path}"
    example = f"{chosen.issuer_id}.{'0' * 32}"
    token = SaveLinks(account).token("loyaltyObjects", example, f"{chosen.issuer_id}.example", int(time.time()))
    if len(token) >= MOST_TOKEN:
        sentence = "The account's key makes links so long that Google is asked for a short one each time."
        yield "warning", sentence, "A key of 2048 bits is enough; make a new one for the account."
    if not settings.server.public_url.startswith("https://"):
        sentence = "Google fetches pictures and reports saved cards only over https://; [server.public_url] is not."
        yield "bad", sentence, "Put a proxy with a certificate in front and set public_url."
    if settings.shop.country == "RU" and not chosen.in_russia:
        yield "warning", "Google Wallet is not available in Russia, so no member is offered it.", ""


def online(settings: Settings, store: Store) -> Iterator[Found]:
    """Whether Google knows us, lets us in, and can fetch what it needs."""
    if settings.google.service_account is None:
        return
    try:
        account = Account.read(settings.path(settings.google.service_account))
    except ConfigError:
        return
    yield from _rights(settings, account)
    yield from _pictures(settings, store)
    yield from _callback(settings)


def _rights(settings: Settings, account: Account) -> Iterator[Found]:
    chosen = settings.google
    try:
        token = Tokens(account, chosen.token_url).get()
    except NoToken as wrong:
        yield "bad", f"{wrong}.", "See that this machine reaches it, that the clock is right and the key not withdrawn."
        return
    yield "good", "Google gives the service account a token.", ""
    url = f"{chosen.api_url}/walletobjects/v1/loyaltyClass?issuerId={chosen.issuer_id}&maxResults=1"
    answer = _get(url, {"Authorization": f"Bearer {token}"})
    if answer is None:
        yield "bad", "Google's API cannot be reached.", f"Let this machine connect to {chosen.api_url}."
    elif answer.status_code == 200:
        yield "good", f"The service account may use issuer {chosen.issuer_id}.", ""
        yield from _clock(answer)
    elif answer.status_code in (403, 404):
        sentence = f"The service account may not use issuer {chosen.issuer_id}."
        yield "bad", sentence, f"In the Google Pay & Wallet console, Users, invite {account.email} as a Developer."
    else:
        yield "bad", f"Google's API answers {answer.status_code}.", "See [google.api_url] and issuer_id."


def _clock(answer: httpx2.Response) -> Iterator[Found]:
    try:
        away = abs(parsedate_to_datetime(answer.headers.get("Date", "")).timestamp() - time.time())
    except (ValueError, TypeError):
        return
    if away > CLOCK_SECONDS:
        sentence = f"This machine's clock and Google's differ by {away:.0f} seconds; tokens may be refused."
        yield "bad", sentence, "timedatectl set-ntp true"


def _pictures(settings: Settings, store: Store) -> Iterator[Found]:
    looks = look.gallery(settings.home / "templates" / "cards", settings.home / "var" / "looks")
    with store.reading() as tx:
        used = sorted(set(tx.execute(select(t.Programme.look)).scalars()) & looks.keys())
    for name in used:
        yield from _pictures_of(settings, looks[name])


def _pictures_of(settings: Settings, drawn: look.Look) -> Iterator[Found]:
    issuer = render.Issuer(settings.google.issuer_id, settings.server.public_url, "", "en")
    wrong = False
    for name, size in SIZES.items():
        answer = _get(render.image_url(issuer, drawn, name))
        found = _size(answer.content) if answer is not None and answer.status_code == 200 else None
        if found != size:
            wrong = True
            why = f"is {found[0]} x {found[1]} pixels" if found else "cannot be fetched as a PNG picture"
            sentence = f"The {name} of the look “{drawn.name}” {why} at our public address; Google would refuse cards."
            yield "bad", sentence, "See that public_url leads here from outside, also to /google/images/."
    if not wrong:
        yield "good", f"Google can fetch the pictures of the look “{drawn.name}” in the right sizes.", ""


def _callback(settings: Settings) -> Iterator[Found]:
    """Our own address, asked as anybody may: 400 is the right answer to an empty message."""
    url = f"{settings.server.public_url}/google/callback"
    answer = _get(url, method="POST")
    if answer is not None and answer.status_code == 400:
        yield "good", "Google's reports of saved and removed cards reach us.", ""
    else:
        yield (
            "bad",
            f"{url} does not answer as it should.",
            "See that the service runs and the proxy lets POST through.",
        )


def _get(url: str, headers: dict[str, str] | None = None, method: str = "GET") -> httpx2.Response | None:
    try:
        return httpx2.request(method, url, headers=headers, timeout=ANSWER_SECONDS, follow_redirects=False)
    except (httpx2.HTTPError, httpx2.InvalidURL):
        return None


def _size(png: bytes) -> tuple[int, int] | None:
    if png[:8] != b"\x89PNG\r\n\x1a\n" or len(png) < 24:
        return None
    width, height = struct.unpack(">II", png[16:24])
    return width, height
