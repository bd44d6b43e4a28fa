"""The `passes` command: what an operator does on the machine itself.

Each command calls one verb and says what happened in a sentence; whatever can be explained ends with exit
code 1 and that sentence, never with a traceback. Passwords and keys are asked for or printed once, never taken from
the command line. What a command needs is imported when it runs, so that each starts at once.
"""

from __future__ import annotations

import os
from pathlib import Path

import click

from . import access, backups, card, certificates, coupons, inspection, members, phone, programme, running
from .context import Explaining, Home


def _default_home() -> Path:
    return Path(os.environ.get("PASSES_HOME") or ".")


@click.group(cls=Explaining, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--home",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=_default_home,
    help="The folder of config.toml; also PASSES_HOME. Default: the current folder.",
)
@click.version_option(package_name="passes")
@click.pass_context
def main(ctx: click.Context, folder: Path) -> None:
    """A card service for loyalty programmes."""
    ctx.obj = Home(folder)


for command in (
    running.init,
    running.serve,
    running.worker,
    running.db,
    certificates.certs,
    access.key,
    access.staff,
    card.card,
    coupons.coupons,
    members.members,
    programme.programme,
    inspection.doctor,
    inspection.config,
    inspection.explain,
    backups.backup,
    backups.restore,
    phone.phone,
):
    main.add_command(command)
