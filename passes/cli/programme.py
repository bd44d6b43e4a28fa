"""Commands about a programme as a whole."""

from __future__ import annotations

import click

from .context import Home


@click.group()
def programme() -> None:
    """What a programme promises and owes."""


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
