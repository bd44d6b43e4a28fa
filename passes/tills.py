"""Tills: scanning devices at a location, each with a key of its own that can be taken back at once.

A manager makes a till and gets a link that works once, for a quarter of an hour. The device that opens it
gets a random key, of which only the hash is kept. A revoked till does nothing new; what it queued before is
judged by `passes.offline`.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, insert, or_, select, update

from .errors import BadInput, Conflict, NotFound
from .store import Connection, Row
from .store import tables as t
from .text import one_line

INVITATION_SECONDS = 15 * 60
MOST_NAME, MOST_LOCATION = 60, 80
SEEN_EVERY_SECONDS = 60
_CODE = re.compile(r"[A-Z2-7]{16}", re.ASCII)


@dataclass(frozen=True)
class Till:
    """A device. `key` names it in logs and on receipts; it is no secret."""

    id: int
    key: str
    name: str
    location: str
    enrolled: int | None = None
    seen: int | None = None
    revoked: int | None = None


def add(tx: Connection, name: str, location: str, now: int) -> Till:
    """A till that no device is yet; see `invite`."""
    key, name = secrets.token_hex(6), _line(name, "name", MOST_NAME)
    location = _line(location, "location", MOST_LOCATION)
    values = {"key": key, "name": name, "location": location, "created": now}
    id = tx.execute(insert(t.Till).values(values).returning(t.Till.id)).scalar_one()
    return Till(id, key, name, location)


def invite(tx: Connection, till: Till, now: int) -> str:
    """A code to enrol a device with, once; an earlier one stops working.

    Another device is another till: it counts its offline actions from the beginning.
    """
    if till.revoked is not None or till.enrolled is not None:
        raise Conflict("This till was enrolled or revoked already; make a new one.", field="till")
    code = base64.b32encode(secrets.token_bytes(10)).decode()
    values = {"invitation": _hash(code), "invited_until": now + INVITATION_SECONDS}
    tx.execute(update(t.Till).where(t.Till.id == till.id).values(values))
    return code


def invited(tx: Connection, code: str, now: int, lock: bool = False) -> Till:
    """The till this code enrols; `lock` keeps it from being used at the same moment."""
    query = select(t.Till).where(t.Till.invitation == _hash(_typed(code)), t.Till.invited_until > now)
    row = tx.execute(query.with_for_update() if lock else query).first()
    if row is None or row.revoked is not None:
        raise NotFound("This code was used or is too old; ask a manager for a new one.", field="code")
    return _till(row)


def enrol(tx: Connection, code: str, now: int) -> tuple[Till, str]:
    """The till and the key for the device that opened the link."""
    till = invited(tx, code, now, lock=True)
    key = secrets.token_urlsafe(32)
    values = {"hash": _hash(key), "invitation": None, "invited_until": None, "enrolled": now, "seen": now}
    tx.execute(update(t.Till).where(t.Till.id == till.id).values(values))
    return till, key


def by_device(tx: Connection, key: str, lock: bool = False) -> Till | None:
    """The till whose key a device presents, revoked or not."""
    query = select(t.Till).where(t.Till.hash == _hash(key))
    row = tx.execute(query.with_for_update() if lock else query).first() if key else None
    return _till(row) if row else None


def by_key(tx: Connection, key: str) -> Till:
    row = tx.execute(select(t.Till).where(t.Till.key == key[:16])).first()
    if row is None:
        raise NotFound("There is no such till.", field="till")
    return _till(row)


def all(tx: Connection) -> Sequence[Till]:
    """Every till, those in use first."""
    rows = tx.execute(select(t.Till).order_by(t.Till.revoked.is_not(None), t.Till.name, t.Till.id)).all()
    return [_till(row) for row in rows]


def saw(tx: Connection, till_id: int, now: int) -> None:
    """Note that the device was heard of; once a minute is enough."""
    long_ago = or_(t.Till.seen.is_(None), t.Till.seen <= now - SEEN_EVERY_SECONDS)
    tx.execute(update(t.Till).where(t.Till.id == till_id, long_ago).values(seen=now))


def revoke(tx: Connection, till: Till, now: int) -> None:
    """The device is a till no more with the commit, and whoever was logged in there is not."""
    values = {"revoked": now, "invitation": None, "invited_until": None}
    tx.execute(update(t.Till).where(t.Till.id == till.id, t.Till.revoked.is_(None)).values(values))
    running = (t.Shift.till_id == till.id, t.Shift.ended.is_(None))
    tx.execute(update(t.Shift).where(*running).values(ended=now))
    tx.execute(delete(t.StaffSession).where(t.StaffSession.till == till.key))


def _till(row: Row) -> Till:
    return Till(row.id, row.key, row.name, row.location, row.enrolled, row.seen, row.revoked)


def _line(written: str, field: str, most: int) -> str:
    line = one_line(written)
    if not 0 < len(line) <= most:
        raise BadInput(f"A till's {field} has 1 to {most} letters, such as “Counter 1”.", field=field)
    return line


def _typed(code: str) -> str:
    """As people copy it: small letters, spaces and dashes do not matter."""
    written = re.sub(r"[\s-]", "", code[:64]).upper()
    return written if _CODE.fullmatch(written) else ""


def _hash(secret: str) -> bytes:
    # Random enough that a plain hash cannot be guessed back.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
