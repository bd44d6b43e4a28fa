"""The console: how the cards stand, offers, and watching every installed card follow."""

from __future__ import annotations

from flask import Flask

from ...service import Service

__all__ = ["register"]


def register(app: Flask, service: Service) -> None:
    from .. import login
    from .views import console

    login.register(app, service)
    app.register_blueprint(console)
