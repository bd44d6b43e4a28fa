"""The service that the current request is for: the live one, or at the till of who practises the pretend one."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flask import current_app, g

from ..service import Service

if TYPE_CHECKING:
    from ..practice import Practice

EXTENSION = "passes"
PRACTICE = "passes-practice"


def service() -> Service:
    return practising().service if is_practice() else live()


def live() -> Service:
    return cast(Service, current_app.extensions[EXTENSION])


def practising() -> Practice:
    return cast("Practice", current_app.extensions[PRACTICE])


def is_practice() -> bool:
    """Whether this request is for the pretend store; only the till's own pages ever are."""
    return bool(g.get("practice", False))
