"""Commands for the day after: everything into one sealed file, and back."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import ConfigError
from .context import Home, known_secret, new_secret

if TYPE_CHECKING:
    from ..backup import Made, Progress

PASSPHRASE_FILE = "PASSES_BACKUP_PASSPHRASE_FILE"


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--verify", is_flag=True, help="Do not write: prove that FILE can be restored.")
@click.pass_obj
def backup(home: Home, file: Path, verify: bool) -> None:
    """Put store, keys, templates and settings into one sealed FILE, while the service runs.

    The passphrase is asked for, or read from the file that PASSES_BACKUP_PASSPHRASE_FILE names, or from one
    line of standard input.
    """
    from .. import backup

    now = int(time.time())
    if verify:
        with _progress("Verifying") as progress:
            made = backup.verify(file, _passphrase(new=False), now, progress)
        click.echo(f"OK: {file} holds the service {_of(made)}; the ledger is whole.")
        return
    with _progress("Backing up") as progress:
        made = backup.write(home.settings, home.store, file, _passphrase(new=True), now, progress)
    click.echo(f"{file} holds {made.rows} rows, the keys, the templates and config.toml.")
    click.echo("Keep the passphrase apart from it; nobody can open the file without.")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def restore(file: Path, folder: Path) -> None:
    """Make FOLDER the home that was backed up in FILE."""
    from .. import backup

    with _progress("Restoring") as progress:
        made = backup.restore(file, folder, _passphrase(new=False), int(time.time()), progress)
    click.echo(f"OK: {folder} is the service {_of(made)}; the ledger is whole.")
    click.echo("What happened since then is not in it: sales, new members, erasures, revoked keys, new staff.")
    click.echo(f"Stop the old service before you start this one: {Home(folder).call} serve")


def _of(made: Made) -> str:
    return time.strftime("as of %Y-%m-%d %H:%M:%S UTC", time.gmtime(made.made)) + f" ({made.rows} rows)"


def _passphrase(new: bool) -> str:
    named = os.environ.get(PASSPHRASE_FILE)
    if not named:
        return (new_secret if new else known_secret)("Passphrase")
    try:
        return Path(named).read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"{PASSPHRASE_FILE} names a file that cannot be read.") from None


@contextmanager
def _progress(what: str) -> Iterator[Progress]:
    """How many rows so far, for people; nothing in a pipe."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn()
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    task = bar.add_task(what, total=None)

    def advance(rows: int) -> None:
        # Started late: a passphrase may be asked for before the first row.
        bar.start()
        bar.advance(task, rows)

    try:
        yield advance
    finally:
        bar.stop()
