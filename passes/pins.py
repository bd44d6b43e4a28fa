"""PINs: four to eight digits by which a person starts a shift at an enrolled till, and a manager confirms there what
its cashier may not. Nothing else is opened by them.

Kept as a hash under the service's keys and bound to the person: a copy of the database does not tell them,
as it would any hash of so few digits. A wrong PIN and an unknown person are one answer. Tries are counted for the till
and for the person there; those to confirm, which are worth more, for the person at all tills together, and it takes a
longer PIN.
"""

from __future__ import annotations

import hmac
import re

from sqlalchemy import select, update

from . import tries
from .errors import BadInput, Forbidden
from .secrets import Secrets
from .staff import Person
from .store import Connection
from .store import tables as t
from .tills import Till

FREE_FOR_PERSON = 5
FREE_FOR_TILL = 20
LEAST_TO_CONFIRM = 6
_PIN = re.compile(r"[0-9]{4,8}", re.ASCII)
_RUNS = "0123456789012345678 9876543210987654321"


class PinTooShort(Forbidden):
    """Good for a shift, too easily guessed for more."""

    code = "manager_pin_short"


def choose(tx: Connection, secrets: Secrets, person: Person, pin: str) -> None:
    """Set the person's PIN, or a `BadInput` that says what one is."""
    if not _PIN.fullmatch(pin):
        raise BadInput("A PIN has 4 to 8 digits.", field="pin")
    if len(set(pin)) < 2 or pin in _RUNS:
        raise BadInput("This PIN is easy to guess; take one that is no row of digits.", field="pin")
    hashed = _hash(secrets, person.key, pin, secrets.current)
    tx.execute(update(t.Staff).where(t.Staff.id == person.id).values(pin=hashed))


def is_set(tx: Connection, person: Person) -> bool:
    return tx.execute(select(t.Staff.pin).where(t.Staff.id == person.id)).scalar() is not None


def people(tx: Connection) -> list[Person]:
    """Whoever can start a shift."""
    may = (t.Staff.pin.is_not(None), t.Staff.ended.is_(None))
    rows = tx.execute(select(t.Staff).where(*may).order_by(t.Staff.name, t.Staff.email)).all()
    return [Person(row.id, row.key, row.email, row.role, row.name) for row in rows]


def check(tx: Connection, secrets: Secrets, till: Till, key: str, pin: str, now: int) -> Person | int | None:
    """The person whose PIN it is; None: it is not; a number: so many seconds must pass before another try."""
    account = tries.Counter(secrets.derive("tries-pin", till.key.encode(), key.encode()), FREE_FOR_PERSON)
    return _check(tx, secrets, account, till, key, pin, now)


def confirm(tx: Connection, secrets: Secrets, till: Till, key: str, pin: str, now: int) -> Person | int | None:
    """As `check`, for somebody else's shift; a PIN too short for that is refused untried."""
    if len(pin) < LEAST_TO_CONFIRM:
        raise PinTooShort(f"It takes a PIN of at least {LEAST_TO_CONFIRM} digits to confirm something.")
    account = tries.Counter(secrets.derive("tries-pin-confirm", key.encode()), FREE_FOR_PERSON)
    return _check(tx, secrets, account, till, key, pin, now)


def _check(
    tx: Connection, secrets: Secrets, account: tries.Counter, till: Till, key: str, pin: str, now: int
) -> Person | int | None:
    whole = tries.Counter(secrets.derive("tries-pin-till", till.key.encode()), FREE_FOR_TILL)
    if wait := tries.begin(tx, (account, whole), now):
        return wait
    row = tx.execute(select(t.Staff).where(t.Staff.key == key, t.Staff.ended.is_(None))).first()
    kept = (row and row.pin) or bytes(32)
    right = [hmac.compare_digest(_hash(secrets, key, pin[:8], id), kept) for id in secrets.ids()]
    if row is None or not any(right) or not _PIN.fullmatch(pin):
        return None
    tries.forgive(tx, account, whole)
    return Person(row.id, row.key, row.email, row.role, row.name)


def _hash(secrets: Secrets, key: str, pin: str, key_id: str) -> bytes:
    return secrets.derive("staff-pin", key.encode(), pin.encode("utf-8", "surrogatepass"), key_id=key_id)
