"""The service that the current request is for."""

from __future__ import annotations

from typing import cast

from flask import current_app

from ..service import Service

EXTENSION = "passes"


def service() -> Service:
    return cast(Service, current_app.extensions[EXTENSION])
