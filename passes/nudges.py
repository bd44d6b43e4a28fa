"""The queue that carries nudges between processes: a file of its own, Redis or PostgreSQL.

Only names of rounds travel in it, and losing it costs a minute. Huey loads every client that is installed, so this
module is imported by whoever opens a queue and by nobody else.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from huey import PriorityRedisHuey, SqliteHuey
from huey.api import Huey
from huey.registry import Message
from huey.serializer import Serializer

from .errors import ConfigError


class Names(Serializer):
    """Messages as JSON. Huey's own pickle would run any code that somebody wrote into the queue."""

    def _serialize(self, message: Message) -> bytes:
        eta = message.eta and message.eta.isoformat()
        return json.dumps(message._replace(eta=eta, expires_resolved=None)).encode()

    def _deserialize(self, stored: bytes) -> Message:
        message = Message(*json.loads(stored))
        return message._replace(eta=message.eta and datetime.fromisoformat(message.eta))


def open_queue(url: str, home: Path) -> Huey:
    """The queue at this address."""
    kind, _, rest = url.partition("://")
    options: dict[str, Any] = {"name": "passes", "results": False, "utc": True, "serializer": Names()}
    if kind == "sqlite":
        return SqliteHuey(filename=str(home / rest.lstrip("/")) if not rest.startswith("//") else rest[1:], **options)
    if kind in ("redis", "rediss", "unix"):
        return PriorityRedisHuey(url=url, **options)
    if kind.startswith("postgres"):
        from huey import PostgresHuey

        return PostgresHuey(dsn=url.replace("+psycopg", ""), **options)
    raise ConfigError("[work.queue] must begin with sqlite:///, redis:// or postgresql://")
