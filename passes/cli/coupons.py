"""Commands for coupons that are printed."""

from __future__ import annotations

import time

import click

from .context import Home

_CHUNK = 1000


@click.group()
def coupons() -> None:
    """Coupons with codes to be printed."""


@coupons.command("make")
@click.argument("kind")
@click.option("--count", required=True, type=click.IntRange(1, 1_000_000), help="How many.")
@click.option("--programme", required=True, help="The programme's key.")
@click.pass_obj
def make(home: Home, kind: str, count: int, programme: str) -> None:
    """Make coupons of one KIND without a card and print their codes, one a line, each once."""
    from .. import coupons as issued
    from .. import programmes
    from ..couponcodes import written

    made = 0
    while made < count:
        # A thousand at a time, so that tills never wait for a printing house.
        with home.store.transaction() as tx:
            found = programmes.find(tx, programme)
            codes = issued.issue(tx, found, kind, None, int(time.time()), min(_CHUNK, count - made))
        click.echo("\n".join(written(code) for code in codes))
        made += len(codes)
    click.echo(f"{made} coupons “{kind}” are made; whoever has a code has the coupon.", err=True)
