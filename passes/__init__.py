"""A self-hosted card service for loyalty programmes.

`create_app` puts the parts together; it and the command line are the only places that know all of them.
Importing opens nothing: no file, no key, no connection.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from .service import Service

WALLETS = ("passes.wallets.ecard", "passes.wallets.apple", "passes.wallets.google")
"""Every wallet there is, in the order in which members see them."""


def assemble(home: Path, clock: Callable[[], float] = time.time, wallets: Sequence[str] = WALLETS) -> Service:
    """The service whose settings lie in `home`; raises `ConfigError` with a sentence."""
    from . import config, look, programmes, words
    from .home import page_words
    from .links import Links
    from .look.stampcard import StampCards
    from .members import Members
    from .rulebook import Rulebook
    from .secrets import Secrets
    from .service import Service
    from .store import Store
    from .wallets import Parts

    settings = config.load(home)
    secrets = Secrets.read(settings.home / "certs" / "service.keys")
    templates = settings.home / "templates"
    cache = settings.home / "var" / "looks"
    looks, stamp_cards = look.gallery(templates / "cards", cache), StampCards(cache)
    catalogue = words.Catalogue(words.load(*page_words(templates)))
    links = Links(settings.server.public_url, secrets)
    store = Store(settings.database(settings.store.url), pool=settings.server.threads + 4)
    programmes.speak(store, Rulebook(templates))
    parts = Parts(settings, store, secrets, links, looks, stamp_cards, clock)
    opened = [import_module(wallet).open_wallet(parts) for wallet in wallets]
    return Service(
        settings=settings,
        store=store,
        secrets=secrets,
        members=Members(secrets, settings.shop.country),
        looks=looks,
        words=catalogue,
        links=links,
        wallets={wallet.name: wallet for wallet in opened if wallet is not None},
        clock=clock,
    )


def create_app(home: Path | None = None, clock: Callable[[], float] = time.time) -> Flask:
    """The web application of the home folder (default: PASSES_HOME, else the current folder)."""
    from . import config, log, web

    # Under any server: structlog's own default would print local variables, tokens among them.
    log.set_up()
    home = home or config.default_home()
    return web.build(assemble(home, clock))
