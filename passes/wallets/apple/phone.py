"""An iPhone of our own, to see from outside what members' phones see.

It knows what a real one knows: the pass it was given, a device id and a push token of its own. It refuses the pass
that a phone refuses, registers, asks what changed and fetches it. Apple's push cannot reach it, so
instead of waiting for a nudge it asks again and again.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from urllib.parse import quote, urlsplit
from zipfile import ZipFile

import httpx2
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import pkcs7

from ...errors import BadInput, ConfigError, PassesError
from .explain import MOST_BYTES, Explanation, Shown, explain

ANSWER_SECONDS = 15
MOST_CHAIN = 6


class PhoneRefuses(PassesError):
    """What a real phone would not do, or the service did not answer as a phone needs it to."""

    code = "phone_refuses"


@dataclass(frozen=True)
class Kept:
    """A pass as this phone has it."""

    explanation: Explanation
    date: str | None

    @property
    def serial(self) -> str:
        return str(self.explanation.keys["serialNumber"])

    @property
    def pass_type(self) -> str:
        return str(self.explanation.keys["passTypeIdentifier"])

    @property
    def token(self) -> str:
        return str(self.explanation.keys["authenticationToken"])

    @property
    def service(self) -> str:
        return str(self.explanation.keys["webServiceURL"]).rstrip("/") + "/v1"

    def fields(self, language: str) -> list[Shown]:
        shown = self.explanation.fields
        return shown.get(language) or next(iter(shown.values()), [])


class Phone:
    """One phone with one card on it. `root`: the only root it trusts, else any."""

    def __init__(self, root: x509.Certificate | None = None) -> None:
        self._root = root
        self._device, self._push_token = secrets.token_hex(16), secrets.token_hex(32)
        self._line = httpx2.Client(timeout=ANSWER_SECONDS, follow_redirects=True)
        self._tag: str | None = None

    def add(self, link: str) -> Kept:
        """The card behind a download link or the address of an e-card."""
        parts = urlsplit(link)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput("A link begins with https:// (or http:// on this machine).", field="link")
        is_page = parts.path.startswith("/card/")
        address = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}/wallet/apple" if is_page else link
        kept = self._read(self._call("GET", address))
        if kept is None:
            raise PhoneRefuses("The link answered without a pass.")
        return kept

    def register(self, kept: Kept) -> bool:
        """True when the service did not know this phone yet."""
        answer = self._call("POST", self._registration(kept), kept, body={"pushToken": self._push_token})
        return answer.status_code == 201

    def unregister(self, kept: Kept) -> None:
        self._call("DELETE", self._registration(kept), kept)

    def ask(self, kept: Kept) -> list[str]:
        """The serial numbers of what changed since it was last asked."""
        address = f"{kept.service}/devices/{self._device}/registrations/{quote(kept.pass_type)}"
        if self._tag is not None:
            address += f"?passesUpdatedSince={quote(self._tag)}"
        answer = self._call("GET", address)
        if answer.status_code == 204:
            return []
        listed = answer.json()
        self._tag = listed["lastUpdated"]
        return list(listed["serialNumbers"])

    def fetch(self, kept: Kept) -> Kept | None:
        """The newest pass; None when this phone has it already."""
        address = f"{kept.service}/passes/{quote(kept.pass_type)}/{quote(kept.serial)}"
        return self._read(self._call("GET", address, kept, since=kept.date))

    def follow(self, kept: Kept, every_seconds: float) -> Iterator[Kept | PassesError]:
        """Each newer pass as it comes; a service out of reach is told and asked again."""
        while True:
            try:
                fresh = self.fetch(kept) if kept.serial in self.ask(kept) else None
            except PassesError as trouble:
                yield trouble
                fresh = None
            if fresh is not None:
                kept = fresh
                yield kept
            time.sleep(every_seconds)

    def close(self) -> None:
        self._line.close()

    def _registration(self, kept: Kept) -> str:
        place = f"{kept.service}/devices/{self._device}/registrations"
        return f"{place}/{quote(kept.pass_type)}/{quote(kept.serial)}"

    def _call(
        self, method: str, address: str, kept: Kept | None = None, body: object = None, since: str | None = None
    ) -> httpx2.Response:
        headers = {"Authorization": f"ApplePass {kept.token}"} if kept else {}
        if since:
            headers["If-Modified-Since"] = since
        try:
            answer = self._line.request(method, address, headers=headers, json=body)
        except httpx2.HTTPError as wrong:
            raise PhoneRefuses(f"The service cannot be reached ({type(wrong).__name__}).") from None
        if answer.status_code >= 400:
            raise PhoneRefuses(f"The service answers {method} with {answer.status_code} {answer.reason_phrase}.")
        return answer

    def _read(self, answer: httpx2.Response) -> Kept | None:
        if answer.status_code != 200:
            return None
        if len(answer.content) > MOST_BYTES:
            raise PhoneRefuses("The pass is larger than a phone takes.")
        explanation = explain(answer.content, int(time.time()))
        if explanation.refused:
            raise PhoneRefuses(f"A phone refuses this pass: {explanation.refused[0]}")
        if self._root is not None:
            _refuse_untrusted(answer.content, self._root)
        missing = {"serialNumber", "passTypeIdentifier", "authenticationToken", "webServiceURL"} - set(explanation.keys)
        if missing:
            raise PhoneRefuses(f"This pass is never updated: it lacks {', '.join(sorted(missing))}.")
        return Kept(explanation, answer.headers.get("Last-Modified"))


def changes(before: Kept, after: Kept, language: str) -> Iterator[str]:
    """What a person sees change on the card, a line each."""
    old = {(each.place, each.label): each.value for each in before.fields(language)}
    new = {(each.place, each.label): each.value for each in after.fields(language)}
    for key in [*old, *(key for key in new if key not in old)]:
        was, now = old.get(key, "–"), new.get(key, "–")
        if was != now:
            yield f"{key[1] or key[0]} {was} → {now}"
    if bool(before.explanation.keys.get("voided")) != bool(after.explanation.keys.get("voided")):
        yield "the card is void now" if after.explanation.keys.get("voided") else "the card holds again"


def read_root(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        raise ConfigError(f"{path}: expected a root certificate in PEM, such as certs/dev-root.pem.") from None


def _refuse_untrusted(bundle: bytes, root: x509.Certificate) -> None:
    with ZipFile(BytesIO(bundle)) as archive:
        inside = pkcs7.load_der_pkcs7_certificates(archive.read("signature"))
    issuers = [each for each in inside if each.issuer != each.subject]
    trusted = [root]
    for _ in range(MOST_CHAIN):
        found = [each for each in issuers if each not in trusted and any(_issued(one, each) for one in trusted)]
        if not found:
            break
        trusted += found
    if not issuers or not all(each in trusted for each in issuers):
        raise PhoneRefuses("The signature does not lead to the root that this phone trusts.")


def _issued(issuer: x509.Certificate, below: x509.Certificate) -> bool:
    try:
        below.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
