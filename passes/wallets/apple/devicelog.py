"""What phones complain about, kept for the people who run the service.

Anybody may post here, so nothing is believed: lines are few and short, invisible signs are made visible, and
whatever looks like a token, a device or a serial number is cut. A known complaint has a `cause`, a key
whose words (`device_log.<cause>` in the catalogues) say what is wrong and what to do. Phones always get a 200,
because they repeat what was refused.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import structlog
from flask import Response, request
from sqlalchemy import delete, func, insert, select
from werkzeug.exceptions import RequestEntityTooLarge

from ...errors import PassesError
from ...network import counted_as
from ...rates import Rate
from ...store import Connection, Row
from ...store import tables as t

if TYPE_CHECKING:
    from ...service import Service

log = structlog.get_logger()

MOST_BYTES = 64 * 1024
MOST_LINES = 50
MOST_LINE = 1000
MOST_KEPT = 10_000

CAUSES = (
    ("no_date", ("last-modified",)),
    ("unchanged", ("was unchanged",)),
    ("same_tag", ("remained the same",)),
    ("needless_push", ("spurious push", "unnecessary push")),
    ("personalisation", ("personaliz",)),
    ("signature", ("signature", "not signed", "trust chain", "certificate")),
    ("refused", ("response code 401", "authentication failure")),
    ("missing", ("response code 404",)),
    ("failed", ("response code 5",)),
    ("unexpected", ("unexpected response code",)),
    ("malformed", ("malformed", "invalid data", "invalid pass", "could not be read")),
    ("unreachable", ("timed out", "could not connect", "connection was lost", "hostname could not", "offline")),
)
"""Causes and how phones word them, the most telling first."""

_NAMED = re.compile(r"(?i)\b(device|serial number)(\W{1,4})([^\s,;()'\"]+)")
_LONG = re.compile(r"[A-Za-z0-9_+/=-]{16,}")


def cause(line: str) -> str:
    """The key of what a phone complains about; "other" for what we do not know."""
    said = line.lower()
    return next((key for key, phrases in CAUSES if any(phrase in said for phrase in phrases)), "other")


def clean(line: str) -> str:
    """The line as it may be kept: on one line, visible, without names of devices and cards, and short."""
    visible = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line[: 2 * MOST_LINE])
    named = _NAMED.sub(lambda found: found[1] + found[2] + _cut(found[3]), visible)
    return _LONG.sub(lambda found: _cut(found[0]), named)[:MOST_LINE]


def lines_in(body: bytes) -> list[str]:
    """The lines that a phone reports, at most so many; none in a body of another form."""
    try:
        reported: Any = json.loads(body)
    except (ValueError, RecursionError):
        return []
    lines = reported.get("logs") if isinstance(reported, dict) else None
    return [line for line in lines[:MOST_LINES] if isinstance(line, str)] if isinstance(lines, list) else []


def keep(tx: Connection, lines: list[str], now: int) -> None:
    """Add lines; the oldest ones give way."""
    if not lines:
        return
    cleaned = [clean(line) for line in lines]
    tx.execute(insert(t.DeviceLog), [{"line": line, "cause": cause(line), "created": now} for line in cleaned])
    newest = tx.execute(select(func.max(t.DeviceLog.id))).scalar_one()
    tx.execute(delete(t.DeviceLog).where(t.DeviceLog.id <= newest - MOST_KEPT))


def recent(tx: Connection, limit: int = 100) -> list[Row]:
    """The newest lines: `line`, `cause`, `created`."""
    return list(tx.execute(select(t.DeviceLog).order_by(t.DeviceLog.id.desc()).limit(limit)).all())


class Complaints:
    """The view that takes them."""

    def __init__(self, service: Service) -> None:
        self._service = service
        limits = service.settings.limits
        self._rate = Rate("log", limits.log, limits.storage)

    def take(self) -> Response:
        """Keep what there is to keep; the answer is the same whatever came of it."""
        request.max_content_length = MOST_BYTES
        try:
            lines = lines_in(request.get_data(cache=False))
            if lines and self._rate.ask(counted_as(request.remote_addr)).is_allowed:
                with self._service.store.transaction() as tx:
                    keep(tx, lines, self._service.now)
        except RequestEntityTooLarge:
            pass
        except PassesError as trouble:
            log.warning("device log not kept", error=type(trouble).__name__)
        response = Response(status=200)
        del response.headers["Content-Type"]
        return response


def _cut(name: str) -> str:
    """Enough of a name to tell two apart, too little to use it."""
    return f"{name[:4]}…"
