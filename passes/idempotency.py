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

from sqlalchemy import bindparam, delete, select, update
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
    values = {"scope": scope, "key": key, "fingerprint": fingerprint, "status": 0, "body": {}, "created": now}
    which = {"b_scope": scope, "b_key": key}
    # A second request with this key waits here until the first has committed or failed.
    if tx.execute(_CLAIM[tx.dialect.name], values).first() is None:
        earlier = tx.execute(_EARLIER, which).one()
        if earlier.fingerprint != fingerprint:
            raise KeyReused("This Idempotency-Key was used before for another request.", field="Idempotency-Key")
        return earlier.status, earlier.body
    status, body = do()
    tx.execute(_KEEP, which | {"b_status": status, "b_body": body})
    return status, body


def veiled(secrets: Secrets, content: Any) -> str:
    """Content with contacts in it, as a keyed hash: from a plain one a telephone number is guessed in seconds."""
    return secrets.derive("idempotency", json.dumps(content, sort_keys=True).encode()).hex()


def forget_old(tx: Connection, now: int) -> None:
    """Keys are kept for thirty days; no till repeats itself later."""
    tx.execute(delete(t.Answer).where(t.Answer.created < now - KEPT_SECONDS))


# Built once, because putting such statements together costs more than running them.
_answer = t.table(t.Answer)
_CLAIM = {
    name: insert(_answer).on_conflict_do_nothing().returning(_answer.c.key)
    for name, insert in (("sqlite", sqlite.insert), ("postgresql", postgresql.insert))
}
_named = (_answer.c.scope == bindparam("b_scope"), _answer.c.key == bindparam("b_key"))
_EARLIER = select(_answer).where(*_named)
_KEEP = update(_answer).where(*_named).values(status=bindparam("b_status"), body=bindparam("b_body"))
