"""How the service writes its log: one JSON object a line, on standard error.

Only fields that are named here get through, so a token, an address or a person's name cannot reach the
log by accident.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

FIELDS = frozenset(
    (
        "event",
        "level",
        "timestamp",
        "number",
        "endpoint",
        "method",
        "status",
        "round",
        "error",
        "exception",
        "process",
        "exit_code",
        "wait_seconds",
        "wallet",
        "count",
        "why",
        "url",
    )
)


def set_up() -> None:
    """Once per process, by the command that starts it."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _only_known_fields,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")


def _only_known_fields(_logger: object, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {name: value for name, value in entry.items() if name in FIELDS}
