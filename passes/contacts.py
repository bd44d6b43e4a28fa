"""How to reach a member: checked, written one way, and never stored in the clear.

An e-mail address or telephone number is kept sealed (AES-256-GCM, bound to the member it belongs to) and
beside it a keyed hash, by which exactly this contact can be looked up. A copy of the database
without the service's keys tells nobody's contacts.
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .errors import BadInput
from .secrets import Secrets

MOST_PHONE = 40
_NONCE_BYTES = 12


def email(written: str) -> str:
    """The address in its one spelling, or a `BadInput`."""
    # Here and below: rules for all addresses and numbers of the world, which few processes ever need.
    from email_validator import EmailNotValidError, validate_email

    try:
        # Never cut: what is left of a long address may be somebody else's.
        return validate_email(written.strip(), check_deliverability=False).normalized.lower()
    except (EmailNotValidError, UnicodeError):
        raise BadInput("This is not an e-mail address; it looks like name@example.org.", field="email") from None


def phone(written: str, country: str) -> str:
    """The number as +48600100200; `country` (ISO 3166) is meant when none is written."""
    import phonenumbers

    try:
        number = phonenumbers.parse(written.strip(), country) if len(written) <= MOST_PHONE else None
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_valid_number(number):
        raise BadInput("This is not a telephone number; write it as in +48 600 100 200.", field="phone")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def seal(secrets: Secrets, contact: str, owner: str, key_id: str) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + _cipher(secrets, key_id).encrypt(nonce, contact.encode(), owner.encode())


def unseal(secrets: Secrets, sealed: bytes, owner: str, key_id: str) -> str:
    """Raises ValueError when the bytes were changed or belong to another member."""
    try:
        nonce, text = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        return _cipher(secrets, key_id).decrypt(nonce, text, owner.encode()).decode()
    except InvalidTag:
        raise ValueError("a sealed contact does not open") from None


def lookup_hash(secrets: Secrets, contact: str, key_id: str) -> bytes:
    return secrets.derive("contact-lookup", contact.encode(), key_id=key_id)


def _cipher(secrets: Secrets, key_id: str) -> AESGCM:
    return AESGCM(secrets.derive("contact-seal", key_id=key_id))
