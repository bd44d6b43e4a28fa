"""The page at the till: find a card, see it as its member does, give and take points, undo."""

from __future__ import annotations

from flask import Flask

from ...service import Service

__all__ = ["register"]


def register(app: Flask, service: Service) -> None:
    from .. import login, manage
    from . import claims, crib, gifts, members, older, training  # noqa: F401
    from .app import till_app
    from .sync import offline_till
    from .views import staff_pages

    login.register(app, service)
    manage.register(app, service)
    app.register_blueprint(offline_till)
    app.register_blueprint(till_app)
    app.register_blueprint(staff_pages)
