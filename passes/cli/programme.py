"""Commands about a programme as a whole."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .context import Home

if TYPE_CHECKING:
    from ..definition import Definition


@click.group()
def programme() -> None:
    """What a programme promises and owes."""


@programme.command("check")
@click.argument("what", metavar="FILE|KEY")
@click.option("--language", type=click.Choice(["en", "ru", "pl"]), default="en", help="Of the sentences members read.")
@click.pass_obj
def check(home: Home, what: str, language: str) -> None:
    """Look for rules that cannot be meant: in a definition (a JSON file), or in a programme that there is.

    Prints a line for each finding (refuse or warn, the field, why and what to do), then the rules as members read them.
    """
    from ..points import lint
    from ..rulebook import Rulebook

    definition = _read(Path(what)) if Path(what).is_file() else _known(home, what)
    found = lint.findings(definition, int(time.time()))
    for finding in found:
        click.echo(f"{finding.severity}\t{finding.field}\t{finding.sentence}")
    click.echo(Rulebook(home.settings.home / "templates")(definition)[language])
    if any(finding.refuses for finding in found):
        raise click.exceptions.Exit(1)


def _read(file: Path) -> Definition:
    from pydantic import ValidationError

    from ..definition import Definition

    try:
        return Definition.model_validate_json(file.read_bytes(), strict=True)
    except ValidationError as wrong:
        for error in wrong.errors(include_url=False, include_context=False, include_input=False):
            field = ".".join(map(str, error["loc"])) or "body"
            click.echo(f"refuse\t{field}\t{error['msg'].removeprefix('Value error, ')}")
        raise click.exceptions.Exit(1) from None


def _known(home: Home, key: str) -> Definition:
    from .. import programmes

    with home.store.reading() as tx:
        return programmes.find(tx, key).definition


@programme.command("clearing")
@click.argument("key")
@click.option("--month", required=True, help="A month such as 2026-11.")
@click.pass_obj
def clearing(home: Home, key: str, month: str) -> None:
    """Print who owes whom for a month: partner, points given and taken, money for each, and what the partner owes."""
    from .. import partners, programmes

    with home.store.reading() as tx:
        found = programmes.find(tx, key)
        statements = partners.clearing(tx, found, month)
    click.echo("partner\tgiven\ttaken\tpays\tgets\towes")
    for each in statements:
        click.echo(f"{each.partner}\t{each.given}\t{each.taken}\t{each.pays}\t{each.gets}\t{each.owes}")
    click.echo(f"Money is in the smallest unit of {found.definition.currency}; below zero: is owed.", err=True)
