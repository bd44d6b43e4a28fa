"""The same request twice has one effect and gets one answer.

The caller brings a key. Under it the answer is kept, together with a fingerprint of what was asked, in the
transaction of the effect itself: a repeat gets that answer, and the same key with other content is refused.
Answers lie in the store as they are: no contact and no link to a card belongs into one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from .errors import KeyReused
from .secrets import Secrets
from .store import Connection
from .store import tables as t

MOST_KEY = 200
KEPT_SECONDS = 30 * 86_400

Said = tuple[int, dict[str, Any]]
"""An HTTP status and a JSON body."""


def once(tx: Connection, scope: str, key: str, content: Any, now: int, do: Callable[[], Said]) -> Said:
    """What `do` answers, or answered when it was first asked under this key; `scope` is who asks."""
    fingerprint = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).digest()
    which = (t.Answer.scope == scope, t.Answer.key == key)
    values = {"scope": scope, "key": key, "fingerprint": fingerprint, "status": 0, "body": {}, "created": now}
    # A second request with this key waits here until the first has committed or failed.
    inserted = _insert(tx).values(values).on_conflict_do_nothing().returning(t.Answer.key)
    if tx.execute(inserted).first() is None:
        earlier = tx.execute(select(t.Answer).where(*which)).one()
        if earlier.fingerprint != fingerprint:
            raise KeyReused("This Idempotency-Key was used before for another request.", field="Idempotency-Key")
        return earlier.status, earlier.body
    status, body = do()
    tx.execute(update(t.Answer).where(*which).values(status=status, body=body))
    return status, body


def veiled(secrets: Secrets, content: Any) -> str:
    """Content with contacts in it, as a keyed hash: from a plain one a telephone number is guessed in seconds."""
    return secrets.derive("idempotency", json.dumps(content, sort_keys=True).encode()).hex()


def forget_old(tx: Connection, now: int) -> None:
    """Keys are kept for thirty days; no till repeats itself later."""
    tx.execute(delete(t.Answer).where(t.Answer.created < now - KEPT_SECONDS))


def _insert(tx: Connection) -> Any:
    return (sqlite if tx.dialect.name == "sqlite" else postgresql).insert(t.Answer)
