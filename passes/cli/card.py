"""Commands for one card: stop it when a phone was lost, open it again, give its member a new link."""

from __future__ import annotations

import time
from collections.abc import Callable

import click

from ..cards import Held
from ..errors import CardNotActive
from ..store import Connection
from .context import Home


@click.group()
def card() -> None:
    """One member's card, named by the number on it."""


@card.command("block")
@click.argument("number")
@click.pass_obj
def block(home: Home, number: str) -> None:
    """Stop the card: nothing is earned or spent with it, and every copy shows so."""
    from .. import cards

    _change(home, number, lambda tx, held: cards.set_status(tx, held, "blocked"))
    click.echo("The card is blocked; phones that hold it are told.")


@card.command("open")
@click.argument("number")
@click.pass_obj
def open_again(home: Home, number: str) -> None:
    """Let a blocked card be used again."""
    from .. import cards

    def reopen(tx: Connection, held: Held) -> None:
        if held.row.status == "closed":
            raise CardNotActive("This card is closed for good; its member may join anew.")
        cards.set_status(tx, held, "active")

    _change(home, number, reopen)
    click.echo("The card is open again; phones that hold it are told.")


@card.command("link")
@click.argument("number")
@click.option("--new", "is_new", is_flag=True, help="Take back every link given out so far.")
@click.pass_obj
def link(home: Home, number: str, is_new: bool) -> None:
    """Print the link that opens the card, for a member whose phone is lost or new."""
    from .. import cards

    if is_new:
        _change(home, number, cards.revoke_links)
    with home.service.store.reading() as tx:
        revision = cards.by_number(tx, number).revision
    click.echo(home.service.links.card(revision))
    click.echo("Whoever has this link has the card: give it to its member alone.", err=True)


def _change(home: Home, number: str, change: Callable[[Connection, Held], None]) -> None:
    from .. import cards, revisions

    now = int(time.time())
    with home.service.store.transaction() as tx:
        held = cards.by_number(tx, number, lock=True)
        change(tx, held)
        revisions.record(tx, held.id, now)
    home.service.worker().nudge()
