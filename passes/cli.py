"""The `passes` command: what an operator does on the machine itself.

Each command calls one verb and says what happened in a sentence; whatever can be explained ends with exit
code 1 and that sentence, never with a traceback. Passwords and keys are asked for or printed once, never taken from
the command line.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from . import assemble, config, log
from .errors import PassesError

Command = TypeVar("Command", bound=Callable[..., Any])


class Home:
    """The home folder a command works on; read when first needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @functools.cached_property
    def settings(self) -> config.Settings:
        return config.load(self.folder)


class Explaining(click.Group):
    """Commands whose explainable errors are sentences."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except PassesError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=Explaining, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--home",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=config.default_home,
    help="The folder of config.toml; also PASSES_HOME. Default: the current folder.",
)
@click.version_option(package_name="passes")
@click.pass_context
def main(ctx: click.Context, folder: Path) -> None:
    """A card service for loyalty programmes."""
    log.set_up()
    ctx.obj = Home(folder)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def init(folder: Path) -> None:
    """Make a new home with an example programme."""
    from . import home

    home.create(folder, int(time.time()))
    click.echo(f"{folder} is ready. Next:")
    click.echo(f"  passes --home {folder} certs dev     test certificates, or `certs request` for real ones")
    click.echo(f"  passes --home {folder} staff add     somebody who may use the till and the console")
    click.echo(f"  passes --home {folder} serve         start it")


@main.command()
@click.pass_obj
def serve(home: Home) -> None:
    """Run the web processes and the worker."""
    from . import begin, serve

    service = assemble(home.folder)
    begin.refuse_unless_ready(service)
    for line in begin.greeting(service):
        click.echo(line)
    serve.supervise(home.settings)


@main.command(hidden=True)
@click.pass_obj
def web(home: Home) -> None:
    """The web processes alone; `serve` starts them."""
    from . import serve

    serve.web(home.settings)


@main.command()
@click.pass_obj
def worker(home: Home) -> None:
    """Run a worker alone, for a service on several machines."""
    from . import begin, serve

    service = assemble(home.folder)
    begin.refuse_unless_ready(service)
    serve.work(service)


@main.group()
def db() -> None:
    """The database."""


@db.command("upgrade")
@click.pass_obj
def db_upgrade(home: Home) -> None:
    """Bring the tables to this version of the service."""
    from .store import Store, schema

    store = Store(home.settings.database(home.settings.store.url))
    schema.upgrade(store)
    click.echo("The tables are up to date.")
