"""Commands that bring members here and take them away, as CSV."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .context import Home

if TYPE_CHECKING:
    from ..rolls.moving import Plan
    from ..rolls.sheet import Sheet

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group()
def members() -> None:
    """Members as a file."""


@members.command("import")
@click.argument("file", type=_FILE)
@click.option("--programme", help="The programme's key; needed when there are several.")
@click.option("--apply", "is_meant", is_flag=True, help="Do it. Without: only say what would happen.")
@click.option("--skip-bad", is_flag=True, help="With --apply: bring the good lines, whatever the others are.")
@click.option("--encoding", type=click.Choice(["utf-8", "utf-16", "cp1251", "cp1250"]), help="If it is not found out.")
@click.option("--map", "maps", multiple=True, metavar="COLUMN=FIELD", help="What a column is: “Клиент=external_id”.")
@click.pass_obj
def import_(
    home: Home,
    file: Path,
    programme: str | None,
    is_meant: bool,
    skip_bad: bool,
    encoding: str | None,
    maps: tuple[str, ...],
) -> None:
    """Bring members, their cards' serial numbers and what they hold out of another system's CSV FILE.

    Shows what would happen, and every bad line by its number, before anything does. The same file
    twice changes nothing.
    """
    from ..errors import BadInput
    from ..rolls import columns, moving, sheet
    from ..rolls.entries import Reader

    if wrong := [pair for pair in maps if "=" not in pair]:
        raise BadInput(f"--map is COLUMN=FIELD; “{wrong[0][:40]}” is not.", field="map")
    here = home.service
    into = moving.opened(here.store, programme or _only(home))
    read = sheet.opened(file, encoding)
    given = dict(pair.rsplit("=", 1) for pair in maps)
    fields = columns.assigned(read.header, given, into.definition)
    reader = Reader(fields, len(read.header), into.definition, here.settings.shop.country)
    roll = moving.Roll(into, read, reader)
    plan = moving.plan(here.store, here.members, roll, _told("Reading"))
    _show(read, fields, plan)
    if not is_meant:
        click.echo("Nothing was changed. Say --apply to do it.")
    elif plan.refused and not skip_bad:
        raise BadInput(f"{plan.refused} lines are bad; mend them, or say --skip-bad to bring the others.", field="file")
    else:
        language = here.settings.shop.language
        done = moving.move(here.store, here.members, roll, language, int(time.time()), _told("Bringing"))
        click.echo(f"{done} lines are done. Cards are drawn and wallets told by the worker.")


@members.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option("--programme", help="The programme's key; needed when there are several.")
@click.pass_obj
def export(home: Home, file: Path | None, programme: str | None) -> None:
    """Write a programme's members as CSV to FILE (readable by you alone), or to the standard output."""
    import os

    from ..errors import BadInput
    from ..rolls import moving, writing

    here = home.service
    taken = moving.opened(here.store, programme or _only(home))
    if file is None:
        writing.write(here.store, here.members, taken, sys.stdout)
        return
    try:
        kept = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as wrong:
        raise BadInput(f"{file} cannot be written: {wrong.strerror}.", field="file") from None
    with os.fdopen(kept, "w", encoding="utf-8", newline="") as out:
        written = writing.write(here.store, here.members, taken, out)
    click.echo(f"{written} cards are in {file}. It holds names and contacts: keep it as you keep keys.")


def _only(home: Home) -> str:
    from .. import programmes
    from ..errors import BadInput

    with home.service.store.reading() as tx:
        keys = [each.key for each in programmes.all(tx)]
    if len(keys) != 1:
        raise BadInput(f"Say --programme, one of {', '.join(keys) or 'none so far'}.", field="programme")
    return keys[0]


def _show(read: Sheet, fields: dict[int, str], plan: Plan) -> None:
    click.echo(f"{read.file.name}: {read.encoding}, cells parted by {read.delimiter!r}")
    for place, heading in enumerate(read.header):
        click.echo(f"  {heading or '(no name)'}\t{fields.get(place, 'not used')}")
    for entry in plan.first:
        balances = ", ".join(f"{amount} {unit}" for unit, amount in entry.balances.items())
        click.echo(f"  line {entry.line}: {entry.name or '(no name)'}; {balances or 'no balance'}")
    for mistake in plan.mistakes:
        click.echo(f"line {mistake.line}\t{mistake.field}\t{mistake.sentence}")
    sums = ", ".join(f"{amount} {unit}" for unit, amount in sorted(plan.sums.items()))
    click.echo(
        f"{plan.new} new members, {plan.cards} cards for known ones, {plan.known} with nothing to do, "
        f"{plan.balances} balances{f' ({sums})' if sums else ''}, {plan.refused} bad lines."
    )


def _told(what: str) -> Callable[[int], None]:
    def told(line: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r{what}: line {line}", err=True, nl=False)

    return told
