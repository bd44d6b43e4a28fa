"""Pages for people who are not members yet: the shop window, joining, and the pictures of every look."""

from __future__ import annotations

from flask import Flask

from ...service import Service
from . import looks, views


def register(app: Flask, service: Service) -> None:
    views.limit(app, service)
    register_links(app)


def register_links(app: Flask) -> None:
    """The addresses alone, for an application whose pages lead to them."""
    app.register_blueprint(views.customer)
    app.register_blueprint(looks.looks)
