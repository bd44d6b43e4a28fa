"""Passkeys: a key that a person's phone or computer holds, and opens with a finger, a face or its PIN.

It is a whole login: the device is one factor and what opens it the other, so it is always asked to verify the
person. Only this service's own address is accepted; a copy of the page elsewhere gets nothing.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import delete, func, insert, select, update
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from .errors import BadInput, Conflict, Forbidden
from .staff import MOST_NAME, Person
from .store import Connection, Row
from .store import tables as t
from .text import one_line

CHALLENGE_BYTES = 32
MOST_KEYS = 10
_VERIFIED = UserVerificationRequirement.REQUIRED


class NotTheKey(Forbidden):
    """Not a passkey of anybody here, or not an answer to what was asked."""

    code = "passkey_wrong"


@dataclass(frozen=True)
class Place:
    """Where passkeys hold: the service's own address, and what the shop is called."""

    origin: str
    shop: str

    @property
    def host(self) -> str:
        return urlsplit(self.origin).hostname or ""


def new_challenge() -> bytes:
    return secrets.token_bytes(CHALLENGE_BYTES)


def asked_to_make(tx: Connection, place: Place, person: Person, challenge: bytes) -> dict[str, Any]:
    """What a browser is asked to make a key for."""
    options = generate_registration_options(
        rp_id=place.host,
        rp_name=place.shop,
        user_name=person.email,
        user_id=person.key.encode(),
        challenge=challenge,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=_VERIFIED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=row.credential) for row in all(tx, person)],
    )
    return dict(json.loads(options_to_json(options)))


def add(
    tx: Connection, place: Place, person: Person, challenge: bytes, made: dict[str, Any], name: str, now: int
) -> None:
    """Keep the public half of the key that was made."""
    try:
        verified = verify_registration_response(
            credential=made,
            expected_challenge=challenge,
            expected_rp_id=place.host,
            expected_origin=place.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError):
        raise BadInput("This is no passkey that we asked for; try again.", field="passkey") from None
    tx.execute(select(t.Staff.id).where(t.Staff.id == person.id).with_for_update(key_share=True))
    if len(all(tx, person)) >= MOST_KEYS or _by_credential(tx, verified.credential_id) is not None:
        raise Conflict("This passkey is known already, or there are too many.", field="passkey")
    values = {"staff_id": person.id, "credential": verified.credential_id, "public": verified.credential_public_key}
    values |= {"signed": verified.sign_count, "name": one_line(name)[:MOST_NAME] or "passkey", "created": now}
    tx.execute(insert(t.Passkey).values(values))


def asked_to_log_in(place: Place, challenge: bytes) -> dict[str, Any]:
    """What a browser is asked to sign; which keys it has is its own affair."""
    options = generate_authentication_options(rp_id=place.host, challenge=challenge, user_verification=_VERIFIED)
    return dict(json.loads(options_to_json(options)))


def log_in(tx: Connection, place: Place, challenge: bytes, signed: dict[str, Any], now: int) -> Person:
    """Whose key signed; raises `NotTheKey`, whatever was wrong."""
    try:
        raw = _raw_id(signed)
        row = _by_credential(tx, raw, lock=True)
        if row is None:
            raise NotTheKey("This passkey is not known here.")
        verified = verify_authentication_response(
            credential=signed,
            expected_challenge=challenge,
            expected_rp_id=place.host,
            expected_origin=place.origin,
            credential_public_key=row.public,
            credential_current_sign_count=row.signed,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError):
        raise NotTheKey("This passkey is not known here.") from None
    values = {"signed": verified.new_sign_count, "used": now}
    tx.execute(update(t.Passkey).where(t.Passkey.id == row.id).values(values))
    return Person(row.staff_id, row.key, row.email, row.role, row.staff_name)


def all(tx: Connection, person: Person) -> Sequence[Row]:
    return tx.execute(select(t.Passkey).where(t.Passkey.staff_id == person.id).order_by(t.Passkey.id)).all()


def is_set(tx: Connection, person: Person) -> bool:
    return bool(tx.execute(select(func.count()).where(t.Passkey.staff_id == person.id)).scalar_one())


def forget(tx: Connection, person: Person, id: int | None = None) -> None:
    """One of the person's keys, or all of them."""
    which = [t.Passkey.staff_id == person.id, *([t.Passkey.id == id] if id is not None else [])]
    tx.execute(delete(t.Passkey).where(*which))


def _by_credential(tx: Connection, credential: bytes, lock: bool = False) -> Row | None:
    query = (
        select(t.Passkey, t.Staff.key, t.Staff.email, t.Staff.role, t.Staff.name.label("staff_name"))
        .join(t.Staff, t.Staff.id == t.Passkey.staff_id)
        .where(t.Passkey.credential == credential, t.Staff.ended.is_(None))
    )
    return tx.execute(query.with_for_update(of=t.table(t.Passkey)) if lock else query).first()


def _raw_id(signed: dict[str, Any]) -> bytes:
    written = signed["rawId"]
    if not isinstance(written, str) or len(written) > 1400:
        raise ValueError("no id of a key")
    return base64url_to_bytes(written)
