"""Commands for Apple's certificates: throw-away ones to try, real ones to go live."""

from __future__ import annotations

import time
from pathlib import Path

import click

from .context import Home, known_secret, new_secret


@click.group()
def certs() -> None:
    """Certificates for Apple Wallet."""


@certs.command("dev")
@click.option("--pass-type", default="pass.example.loyalty", show_default=True)
@click.option("--team", default="TEAM012345", show_default=True)
@click.option("--again", is_flag=True, help="Make new ones even if the old are good.")
@click.pass_obj
def certs_dev(home: Home, pass_type: str, team: str, again: bool) -> None:
    """Make test certificates; everything works with them but real phones."""
    from ..wallets.apple import enrolment

    folder = home.settings.home / "certs"
    made = enrolment.make_dev(folder, int(time.time()), pass_type, team, again)
    click.echo(f"Test certificates for {made.pass_type} (team {made.team}) are in {home.folder / 'certs'}.")
    click.echo("Real phones refuse what they sign; their root is certs/dev-root.pem.")
    _enter_paths(home)


@certs.command("request")
@click.option("--name", required=True, help="Your shop's name.")
@click.option("--email", required=True)
@click.option("--protect", is_flag=True, help="Protect the private key with a password, which is asked for.")
@click.pass_obj
def certs_request(home: Home, name: str, email: str, protect: bool) -> None:
    """Make a private key and the request to upload to Apple."""
    from ..wallets.apple import enrolment

    password = new_secret("Password for the private key") if protect else None
    request = enrolment.request(home.settings.home / "certs", name, email, password)
    click.echo(f"Upload {request} at https://developer.apple.com/account/resources/certificates:")
    click.echo("  1. Identifiers: register a Pass Type ID such as pass.org.example.card (once).")
    click.echo("  2. Certificates: add a “Pass Type ID Certificate” for it, and upload the request there.")
    click.echo("  3. Download pass.cer, and from https://www.apple.com/certificateauthority/ the WWDR intermediate")
    click.echo("     that issued it (today: Worldwide Developer Relations - G4).")
    click.echo(f"  4. {home.call} certs install pass.cer --wwdr AppleWWDRCAG4.cer")


@certs.command("install")
@click.argument("downloaded", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--wwdr", type=click.Path(path_type=Path, dir_okay=False), help="Apple's intermediate certificate.")
@click.pass_obj
def certs_install(home: Home, downloaded: Path, wwdr: Path | None) -> None:
    """Put the certificate you got from Apple in its place."""
    from ..wallets.apple import enrolment

    folder = home.settings.home / "certs"
    password = home.settings.apple.key_password
    if not password and _is_protected(folder):
        password = known_secret("Password of the private key")
        click.echo("Set key_password in config.toml too, so that the service can open the key.", err=True)
    identity = enrolment.install(folder, downloaded, wwdr, int(time.time()), password or None)
    days = identity.days_left(int(time.time()))
    click.echo(f"Passes of {identity.pass_type} (team {identity.team}) can be signed for {days} days.")
    _enter_paths(home)


def _is_protected(folder: Path) -> bool:
    """Whether the key that waits for its certificate, or the one in use, wants a password."""
    from ..wallets.apple.enrolment import Certs

    found = [key for key in (Certs(folder).requested_key, Certs(folder).key) if key.is_file()]
    return bool(found) and b"ENCRYPTED" in found[0].read_bytes()


def _enter_paths(home: Home) -> None:
    """Name the files in config.toml where it names none yet."""
    from .. import config

    paths = {"certificate": "certs/pass.pem", "key": "certs/pass.key", "wwdr": "certs/wwdr.pem"}
    entered = config.fill(home.folder, "apple", paths)
    if entered:
        click.echo(f"config.toml now names them: [apple] {', '.join(entered)}. Restart the service if it runs.")
