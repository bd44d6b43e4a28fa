"""Commands that make a home and run the service in it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .context import Home

if TYPE_CHECKING:
    from flask import Flask


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def init(folder: Path) -> None:
    """Make a new home with an example programme."""
    from .. import home

    home.create(folder, int(time.time()))
    here = Home(folder).call
    click.echo(f"{folder} is ready. Next:")
    click.echo("  test certificates (`certs request` for real ones):")
    click.echo(f"    {here} certs dev")
    click.echo("  somebody who may use the till and the console:")
    click.echo(f"    {here} staff add you@example.org --role owner")
    click.echo("  start it:")
    click.echo(f"    {here} serve")


@click.command()
@click.pass_obj
def serve(home: Home) -> None:
    """Run the web processes and the worker."""
    from .. import begin, log, serve

    log.set_up()
    serve.refuse_busy_port(home.settings.server)
    begin.refuse_unless_ready(home.service)
    for line in begin.greeting(home.service, home.call):
        click.echo(line)
    # The children are copies of this process: no connection may be open in it, and what they need is in it.
    home.service.store.close()
    _import_web()
    os.environ["PASSES_HOME"] = str(home.settings.home)
    serve.supervise({"web": lambda: serve.web(home.settings), "worker": lambda: _work(home.folder)})


@click.command()
@click.pass_obj
def worker(home: Home) -> None:
    """Run a worker alone, for a service on several machines."""
    from .. import begin, log

    log.set_up()
    begin.refuse_unless_ready(home.service)
    _work(home.folder)


def _work(folder: Path) -> None:
    from .. import assemble, serve

    serve.work(assemble(folder))


def _import_web() -> None:
    """What takes long to import, before the fork instead of after each."""
    import flask_security  # noqa: F401
    import granian  # noqa: F401

    from ..wallets.apple import service as apple  # noqa: F401
    from ..wallets.ecard import page  # noqa: F401
    from ..wallets.google import service as google  # noqa: F401
    from ..web import api, customer, health, marketer, staff  # noqa: F401


@click.group()
def db() -> None:
    """The database."""


@db.command("upgrade")
@click.pass_obj
def db_upgrade(home: Home) -> None:
    """Bring the tables to this version of the service."""
    from ..store import Store, schema

    store = Store(home.settings.database(home.settings.store.url))
    schema.upgrade(store)
    click.echo("The tables are up to date.")


def application() -> Flask:
    """What each web process serves; it ends with the process that started it."""
    from .. import create_app, log, serve

    log.set_up()
    serve.end_with(os.getppid())
    return create_app()
