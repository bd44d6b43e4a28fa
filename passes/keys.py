"""Keys by which shops' systems call the API: made once, shown once, kept only as a hash.

A key is 256 random bits, so its plain SHA-256 is enough to find it and tells nothing. It carries scopes, each
one kind of thing it may do; a revoked key and one that never was are the same to whoever presents it.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import String, bindparam, cast, insert, select, update

from .errors import BadInput, Conflict, NotFound
from .store import Connection, Store
from .store import tables as t

PREFIX = "pk_"
EVERYTHING = "*"
SCOPES = (
    "members:read",
    "members:write",
    "cards:read",
    "receipts:write",
    "adjustments:write",
    "programmes:read",
    "programmes:write",
    "offers:write",
)
MOST_NAME = 80


@dataclass(frozen=True)
class Key:
    """A key as its owner may see it: everything but the key."""

    id: int
    name: str
    scopes: frozenset[str]
    created: int
    revoked: int | None = None

    def may(self, scope: str) -> bool:
        return EVERYTHING in self.scopes or scope in self.scopes


def create(tx: Connection, name: str, scopes: Collection[str], now: int) -> str:
    """A new key, which nobody can be shown again."""
    _check(name, scopes)
    if tx.execute(select(t.ApiKey.id).where(t.ApiKey.name == name)).first():
        raise Conflict("There is a key with this name already.", field="name")
    key = PREFIX + secrets.token_urlsafe(32)
    tx.execute(insert(t.ApiKey).values(name=name, hash=_hash(key), scopes=sorted(set(scopes)), created=now))
    return key


def find(store: Store, presented: str) -> Key | None:
    """The key that was presented, if it is one and was not revoked."""
    rows = store.glance(_FIND, b_hash=_hash(presented))
    return Key(rows[0].id, rows[0].name, frozenset(json.loads(rows[0].scopes)), rows[0].created) if rows else None


def revoke(tx: Connection, name: str, now: int) -> None:
    """The key stops working with the commit; revoking it again changes nothing."""
    row = tx.execute(select(t.ApiKey.id, t.ApiKey.revoked).where(t.ApiKey.name == name)).first()
    if row is None:
        raise NotFound("There is no key with this name.", field="name")
    if row.revoked is None:
        tx.execute(update(t.ApiKey).where(t.ApiKey.id == row.id).values(revoked=now))


def all(tx: Connection) -> list[Key]:
    """Every key there ever was, the oldest first."""
    rows = tx.execute(select(t.ApiKey).order_by(t.ApiKey.id))
    return [Key(row.id, row.name, frozenset(row.scopes), row.created, row.revoked) for row in rows]


def _check(name: str, scopes: Collection[str]) -> None:
    if not 0 < len(name.strip()) <= MOST_NAME or not name.isprintable():
        raise BadInput(f"A key needs a name of 1 to {MOST_NAME} letters, such as “web shop”.", field="name")
    if not scopes or not set(scopes) <= {*SCOPES, EVERYTHING}:
        raise BadInput(f"Scopes are one or more of {', '.join(SCOPES)}, or {EVERYTHING} for all.", field="scopes")


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


# Built once: every call of the API runs it.
_FIND = select(t.ApiKey.id, t.ApiKey.name, cast(t.ApiKey.scopes, String).label("scopes"), t.ApiKey.created).where(
    t.ApiKey.hash == bindparam("b_hash"), t.ApiKey.revoked.is_(None)
)
