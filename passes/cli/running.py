"""Commands that make a home and run the service in it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .context import Home

if TYPE_CHECKING:
    from ..service import Service


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
    # The children are copies of this process and go on with its service: no connection may be open in it.
    home.service.store.close()
    serve.supervise({"worker": lambda: serve.work(home.service), "web": lambda: _web(home.service)})


@click.command()
@click.pass_obj
def worker(home: Home) -> None:
    """Run a worker alone, for a service on several machines."""
    from .. import begin, log, serve

    log.set_up()
    begin.refuse_unless_ready(home.service)
    serve.work(home.service)


def _web(service: Service) -> None:
    from .. import serve, web

    serve.web(service.settings.server, lambda: web.build(service))


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
