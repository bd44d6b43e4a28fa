"""A manager's pages of the till: devices, people, shifts, what to settle, what to look at, what to take back.

Nothing here is shown to a cashier or a customer. Whoever comes in by PIN is a cashier for as long.
"""

from __future__ import annotations

from flask import Flask

from ...service import Service

__all__ = ["register"]


def register(app: Flask, service: Service) -> None:
    # Each adds its pages to the one blueprint as it is read.
    from . import conflicts, people, returns, shifts, tills, watch  # noqa: F401
    from .desk import manage

    app.register_blueprint(manage)
