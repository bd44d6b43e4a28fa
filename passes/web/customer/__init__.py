"""Pages for people who are not members yet: the shop window, joining, receipts to claim, and every look's pictures."""

from __future__ import annotations

from flask import Flask

from ...service import Service
from . import claims, looks, views  # noqa: F401


def register(app: Flask, service: Service) -> None:
    views.limit(app, service)
    register_links(app)


def register_links(app: Flask) -> None:
    """The addresses alone, for an application whose pages lead to them."""
    app.register_blueprint(views.customer)
    app.register_blueprint(looks.looks)
