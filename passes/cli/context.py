"""What every command shares: the home it works on, its errors as sentences, and how secrets come in.

A secret is asked for at the terminal or read as one line from standard input, never taken from the
command line, where every user of the machine could read it.
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import ConfigError, PassesError

if TYPE_CHECKING:
    from ..config import Settings
    from ..service import Service
    from ..store import Store

MOST_SECRET = 1000


class Home:
    """The home folder a command works on; read when first needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @functools.cached_property
    def settings(self) -> Settings:
        from .. import config

        return config.load(self.folder)

    @functools.cached_property
    def service(self) -> Service:
        from .. import assemble

        return assemble(self.folder)

    @functools.cached_property
    def store(self) -> Store:
        """The store alone, for commands that need neither keys nor looks; of this version or a ConfigError."""
        from .. import programmes
        from ..rulebook import Rulebook
        from ..store import Store, schema

        store = Store(self.settings.database(self.settings.store.url))
        schema.refuse_unless_current(store)
        programmes.speak(store, Rulebook(self.settings.home / "templates"))
        return store

    @property
    def call(self) -> str:
        """How this command is called for this home, for sentences that say what to type next."""
        called = sys.argv[0] if Path(sys.argv[0]).name == "passes" else f"{sys.executable} -m passes"
        return f"{called} --home {self.folder}"


class Explaining(click.Group):
    """Commands whose explainable errors are sentences."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except PassesError as error:
            raise click.ClickException(str(error)) from error


def new_secret(what: str) -> str:
    """A secret somebody makes up: asked for twice at a terminal, else one line of standard input."""
    if sys.stdin.isatty():
        return str(click.prompt(what, hide_input=True, confirmation_prompt=True, err=True))
    return _line(what)


def known_secret(what: str) -> str:
    """A secret that exists already: asked for once."""
    if sys.stdin.isatty():
        return str(click.prompt(what, hide_input=True, err=True))
    return _line(what)


def _line(what: str) -> str:
    line = sys.stdin.readline(MOST_SECRET + 1).rstrip("\r\n")
    if not line:
        raise ConfigError(f"{what} is needed: type it at a terminal, or pass it as one line on standard input.")
    if len(line) > MOST_SECRET:
        raise ConfigError(f"{what} has at most {MOST_SECRET} characters.")
    return line
