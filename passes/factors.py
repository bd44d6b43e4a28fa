"""The second factor beside a password: a code that changes every half minute (RFC 6238), or one of ten for bad days.

The secret is kept sealed under the service's keys, recovery codes as hashes; each code is taken once. Whoever guesses
is slowed down by `passes.tries` before this is asked.
"""

from __future__ import annotations

import hashlib
import secrets as random

from passlib.exc import TokenError
from passlib.totp import TOTP
from sqlalchemy import select, update

from . import contacts
from .errors import BadInput
from .secrets import Secrets
from .staff import Person
from .store import Connection
from .store import tables as t

RECOVERY_CODES = 10
WINDOW_SECONDS = 30
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


def new_secret() -> str:
    """To be shown to the person once, as text and as a picture for their phone."""
    return str(TOTP.new().base32_key)


def address(secret: str, person: Person, shop: str) -> str:
    """What an authenticator app reads off the picture."""
    return str(TOTP(secret).to_uri(label=person.email, issuer=shop.replace(":", " ")))


def set_up(tx: Connection, secrets: Secrets, person: Person, secret: str, code: str, now: int) -> list[str]:
    """From now on asked for; the code proves that the phone has the secret. Returns codes for the day it is lost."""
    used = _match(secret, code, 0, now)
    if used is None:
        raise BadInput("This code does not fit; take the newest one your phone shows.", field="code")
    key_id = secrets.current
    sealed = key_id.encode() + b":" + contacts.seal(secrets, secret, person.key, key_id)
    codes = ["-".join(_word(4) for _ in range(3)) for _ in range(RECOVERY_CODES)]
    values = {"totp": sealed, "totp_used": used, "recovery": [_hash(code) for code in codes]}
    tx.execute(update(t.Staff).where(t.Staff.id == person.id).values(values))
    return codes


def is_set(tx: Connection, person: Person) -> bool:
    return tx.execute(select(t.Staff.totp).where(t.Staff.id == person.id)).scalar() is not None


def forget(tx: Connection, person: Person) -> None:
    """Asked for no more."""
    tx.execute(update(t.Staff).where(t.Staff.id == person.id).values(totp=None, totp_used=0, recovery=None))


def check(tx: Connection, secrets: Secrets, person: Person, code: str, now: int) -> bool:
    """Whether it is the person's code now; taken once, also by two at the same moment."""
    query = select(t.Staff.totp, t.Staff.totp_used, t.Staff.recovery).where(t.Staff.id == person.id)
    row = tx.execute(query.with_for_update(key_share=True)).one()
    if row.totp is None:
        return False
    key_id, _, sealed = row.totp.partition(b":")
    secret = contacts.unseal(secrets, sealed, person.key, key_id.decode())
    values: dict[str, object] = {}
    if (used := _match(secret, code, row.totp_used, now)) is not None:
        values = {"totp_used": used}
    elif (hashed := _hash(code)) in (row.recovery or []):
        values = {"recovery": [each for each in row.recovery if each != hashed]}
    if values:
        tx.execute(update(t.Staff).where(t.Staff.id == person.id).values(values))
    return bool(values)


def _match(secret: str, code: str, last_used: int, now: int) -> int | None:
    """Which half minute the code is of; none: it is wrong, or one that was used."""
    digits = "".join(code.split())[:10]
    if not digits.isascii() or not digits.isdigit():
        return None
    try:
        return int(TOTP(secret).match(digits, now, WINDOW_SECONDS, 0, last_used).counter)
    except (TokenError, ValueError):
        return None


def _word(letters: int) -> str:
    return "".join(random.choice(_ALPHABET) for _ in range(letters))


def _hash(code: str) -> str:
    # Twelve letters of thirty-one have 59 random bits, and guessing at the door is slow.
    return hashlib.sha256(code[:40].strip().casefold().encode("utf-8", "surrogatepass")).hexdigest()
