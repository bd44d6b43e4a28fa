"""Commands for whoever may come in: keys of shops' systems, and staff."""

from __future__ import annotations

import time

import click

from .context import Home, new_secret


@click.group()
def key() -> None:
    """Keys by which shops' systems call the API."""


@key.command("create")
@click.option("--name", required=True, help="Whose key it is, such as “web shop”.")
@click.option("--scope", "scopes", multiple=True, required=True, help="What it may do; repeat for several. * is all.")
@click.pass_obj
def key_create(home: Home, name: str, scopes: tuple[str, ...]) -> None:
    """Make a key and print it, once."""
    from .. import keys

    with home.store.transaction() as tx:
        made = keys.create(tx, name, scopes, int(time.time()))
    click.echo(made)
    click.echo("Keep it now: it is stored as a hash and cannot be shown again.", err=True)


@key.command("list")
@click.pass_obj
def key_list(home: Home) -> None:
    """Every key there ever was, without the key."""
    from .. import keys

    with home.store.reading() as tx:
        found = keys.all(tx)
    for each in found:
        ended = f"revoked {_day(each.revoked)}" if each.revoked else "valid"
        click.echo(f"{each.name}\t{' '.join(sorted(each.scopes))}\tsince {_day(each.created)}\t{ended}")
    if not found:
        click.echo("There is no key yet; make one: passes key create --name NAME --scope SCOPE", err=True)


@key.command("revoke")
@click.argument("name")
@click.pass_obj
def key_revoke(home: Home, name: str) -> None:
    """Make a key stop working."""
    from .. import keys

    with home.store.transaction() as tx:
        keys.revoke(tx, name, int(time.time()))
    click.echo(f"The key “{name}” does not work any more.")


@click.group()
def staff() -> None:
    """People who may use the till and the console."""


@staff.command("add")
@click.argument("email")
@click.option("--role", required=True, type=click.Choice(["cashier", "manager", "owner"]))
@click.option("--link", is_flag=True, help="Print a link by which the person chooses the password.")
@click.pass_obj
def staff_add(home: Home, email: str, role: str, link: bool) -> None:
    """Let somebody log in; asks for a password unless a link is wanted."""
    from .. import staff

    now = int(time.time())
    password = None if link else staff.hash_password(new_secret("Password"), email)
    with home.store.transaction() as tx:
        person = staff.add(tx, email, role, now, password)
        token = staff.invite(tx, person, now) if link else ""
    if link:
        _invite(home, token)
    else:
        click.echo(f"{person.email} may log in as {role}: {home.settings.server.public_url}/login")


@staff.command("list")
@click.pass_obj
def staff_list(home: Home) -> None:
    """Who may log in, and as what."""
    from .. import staff

    with home.store.reading() as tx:
        found = staff.all(tx)
    for person in found:
        click.echo(f"{person.email}\t{person.role}")
    if not found:
        click.echo(f"Nobody yet; add somebody: {home.call} staff add EMAIL --role owner", err=True)


@staff.command("remove")
@click.argument("email")
@click.pass_obj
def staff_remove(home: Home, email: str) -> None:
    """Let somebody log in no more, and log them out everywhere."""
    from .. import staff

    with home.store.transaction() as tx:
        staff.remove(tx, staff.find(tx, email), int(time.time()))
    click.echo(f"{email} may not log in any more.")


@staff.command("link")
@click.argument("email")
@click.pass_obj
def staff_link(home: Home, email: str) -> None:
    """Print a link by which somebody chooses a new password."""
    from .. import staff

    with home.store.transaction() as tx:
        token = staff.invite(tx, staff.find(tx, email), int(time.time()))
    _invite(home, token)


@staff.command("reset")
@click.argument("email")
@click.pass_obj
def staff_reset(home: Home, email: str) -> None:
    """Forget somebody's second factor and passkeys, for when their phone is lost; the password stays."""
    from .. import factors, passkeys, staff

    with home.store.transaction() as tx:
        person = staff.find(tx, email)
        factors.forget(tx, person)
        passkeys.forget(tx, person)
        staff.log_out_everywhere(tx, person)
    click.echo(f"{email} logs in with the password alone, until a new factor is set up.")


def _invite(home: Home, token: str) -> None:
    """The link alone on its line; that it may lead elsewhere than the service stands beside it."""
    address = home.settings.server.public_url
    click.echo(f"{address}/invitation/{token}")
    click.echo("Give this link to the person; it works once, for three days.", err=True)
    click.echo(
        f"It leads to {address}, as [server.public_url] says. If the service answers elsewhere, put that address in"
        " its place, or name it for the next link: PASSES_SERVER__PUBLIC_URL=ADDRESS before the command.",
        err=True,
    )


def _day(at: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(at))
