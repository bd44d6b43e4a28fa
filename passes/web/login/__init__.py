"""The door to the staff pages and the console: accounts, sessions and the forms in front of them.

Built on Flask-Security (sessions, roles; a second factor and passkeys have their place in it) with our own
store, words and pages. Its own routes are not registered: what is not here cannot be called.
"""

from __future__ import annotations

from flask import Flask

from ...service import Service

__all__ = ["register"]


def register(app: Flask, service: Service) -> None:
    """Once per application, whichever of the pages behind the door asks first."""
    from flask_security import Security

    from .account import own_pages
    from .accounts import Accounts
    from .backstage import csrf
    from .second import second
    from .tills import device
    from .views import login

    if "login" in app.blueprints:
        return
    app.config.update(_configuration())
    Security(app, Accounts(service), register_blueprint=False)
    # The library would also look for a token in headers, addresses and bodies; here only the cookie says who it is.
    app.login_manager.request_loader(lambda request: None)  # type: ignore[attr-defined]
    csrf.init_app(app)
    app.register_blueprint(login)
    app.register_blueprint(second)
    app.register_blueprint(device)
    app.register_blueprint(own_pages)


def _configuration() -> dict[str, object]:
    return {
        "SECURITY_PASSWORD_HASH": "argon2",
        "SECURITY_PASSWORD_SCHEMES": ["argon2"],
        "SECURITY_PASSWORD_SINGLE_HASH": ["argon2"],
        "SECURITY_CLI_USERS_NAME": None,
        "SECURITY_CLI_ROLES_NAME": None,
        "SECURITY_DEFAULT_REMEMBER_ME": False,
        # Keys and signed links have no cookie to abuse; the pages behind the login check each form themselves.
        "WTF_CSRF_CHECK_DEFAULT": False,
        # As long as the login lives: a till is open all day.
        "WTF_CSRF_TIME_LIMIT": None,
        # Our pages send no Referer (the address of an e-card is its key), so it cannot be asked for.
        "WTF_CSRF_SSL_STRICT": False,
    }
