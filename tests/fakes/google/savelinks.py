"""Links by which a person takes a card: a signed token that names what is to be saved, or holds it whole."""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import Any

from . import jwts
from .accounts import Accounts
from .clock import Clock
from .refusals import Refused, SaveRefused, bad
from .resources import CLASSES, OBJECTS, Resource, Resources, kinds_in
from .rules import issuer_of

SAFE_LENGTH = 1800
ONE_USER = ("ONE_USER_ALL_DEVICES", "ONE_USER_ONE_DEVICE")


class SaveLinks:
    """`warnings` notes what works today and may not tomorrow, such as a token that browsers may cut."""

    def __init__(self, accounts: Accounts, resources: Resources, clock: Clock) -> None:
        self._accounts, self._resources, self._clock = accounts, resources, clock
        self.reset()

    def reset(self) -> None:
        self.warnings: list[str] = []
        self._short: dict[str, str] = {}

    def shorten(self, token: str) -> str:
        """A short stand-in for a token whose cards exist already."""
        short = secrets.token_urlsafe(18)
        self._short[short] = token
        return short

    def read(self, token: str) -> dict[str, Any]:
        """The claims of a token that may be saved."""
        whole = self._short.get(token, token)
        if whole is token and len(token) > SAFE_LENGTH:
            self._warn(f"a token of {len(token)} characters may be cut by browsers")
        try:
            claims = jwts.read(whole, self._accounts.public_key)
        except jwts.BadToken as wrong:
            raise SaveRefused(f"The token cannot be read: {wrong}.") from None
        self._check_claims(claims)
        return claims

    def check(self, account: str, payload: object) -> None:
        """Refuse what could not be saved, creating nothing."""
        lists = _lists(payload)
        coming = {entry.get("id") for kind, entry in lists if kind in CLASSES}
        for kind, entry in lists:
            issuer_id = issuer_of(entry.get("id"))
            self._accounts.demand_write(account, issuer_id)
            if not self._is_there(kind, entry["id"]):
                self._resources.would_insert(kind, entry)
                if kind in OBJECTS and entry["classId"] not in coming:
                    self._resources.find(kind.replace("Object", "Class"), entry["classId"])

    def create(self, account: str, payload: object) -> list[Resource]:
        """Everything the payload names. What exists is kept as it is: a link never updates."""
        self.check(account, payload)
        return [
            self._resources.find(kind, entry["id"])
            if self._is_there(kind, entry["id"])
            else self._resources.insert(kind, entry)
            for kind, entry in _lists(payload)
        ]

    def save(self, token: str, user: str, device: str) -> list[tuple[Resource, bool]]:
        """The objects that are now in the person's wallet, each with whether it is new there."""
        claims = self.read(token)
        try:
            created = self.create(claims["iss"], claims["payload"])
        except Refused as refused:
            raise SaveRefused(refused.message) from None
        objects = [resource for resource in created if resource.kind in OBJECTS]
        for resource in objects:
            self._demand_holder(resource, user, device)
        return [(resource, self._resources.hold(resource, user, device)) for resource in objects]

    def _check_claims(self, claims: dict[str, Any]) -> None:
        if claims.get("aud") != "google" or claims.get("typ") != "savetowallet":
            raise SaveRefused("The token must say aud google and typ savetowallet.")
        issued = claims.get("iat")
        if issued is None:
            self._warn("a token without iat")
        elif not isinstance(issued, int) or isinstance(issued, bool):
            raise SaveRefused("iat must be whole seconds.")
        elif issued > self._clock() + self._accounts.skew_seconds:
            raise SaveRefused("iat lies in the future.")
        if not isinstance(claims.get("payload"), dict):
            raise SaveRefused("The token has no payload.")

    def _demand_holder(self, resource: Resource, user: str, device: str) -> None:
        rule = self._resources.class_of(resource).body.get("multipleDevicesAndHoldersAllowedStatus")
        if rule in ONE_USER and resource.owner not in ("", user):
            raise SaveRefused("This card was saved by somebody else.")
        if rule == "ONE_USER_ONE_DEVICE" and resource.holders.get(user, {device}) != {device}:
            raise SaveRefused("This card was saved on another device.")
        wanted = resource.body.get("saveRestrictions", {}).get("restrictToEmailSha256", "")
        if wanted and wanted.lower() != hashlib.sha256(user.lower().encode()).hexdigest():
            raise SaveRefused("This card is meant for another e-mail address.")

    def _warn(self, of: str) -> None:
        if of not in self.warnings:
            self.warnings.append(of)

    def _is_there(self, kind: str, resource_id: str) -> bool:
        try:
            return bool(self._resources.find(kind, resource_id))
        except Refused:
            return False


def payload_of(text: str) -> object:
    """What `/jwt/validate` may get instead of a token: all claims as JSON, or the payload alone."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        raise bad("jsonResource.json is not JSON.") from None
    return said["payload"] if isinstance(said, dict) and "payload" in said else said


def _lists(payload: object) -> list[tuple[str, dict[str, Any]]]:
    if not isinstance(payload, dict):
        raise bad("The payload must be an object.")
    known = kinds_in(payload)
    if not known or len(known) != len(payload):
        raise bad("The payload must hold lists such as loyaltyObjects, and nothing else.")
    found = []
    for name, kind in known:
        entries = payload[name]
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise bad(f"payload.{name} must be a list of objects.")
        found += [(kind, entry) for entry in entries]
    return found
