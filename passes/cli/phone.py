"""The command that acts as an iPhone against a running service."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..wallets.apple.phone import Kept, Phone


@click.command()
@click.argument("link")
@click.option("--watch", is_flag=True, help="Stay, and print each change of the card.")
@click.option("--every", "every_seconds", type=click.FloatRange(0.05, 3600), default=0.5, show_default=True)
@click.option("--changes", "most_changes", type=click.IntRange(min=1), help="End after so many changes.")
@click.option("--language", default="en", show_default=True)
@click.option("--root", type=click.Path(path_type=Path), help="Trust only this root, such as certs/dev-root.pem.")
@click.option("--remove", is_flag=True, help="Remove the card from this phone at the end.")
def phone(
    link: str,
    watch: bool,
    every_seconds: float,
    most_changes: int | None,
    language: str,
    root: Path | None,
    remove: bool,
) -> None:
    """Take the card at LINK onto an iPhone of our own and follow it."""
    from ..wallets.apple.phone import Phone, read_root

    ours = Phone(read_root(root) if root else None)
    kept = ours.add(link)
    for each in kept.fields(language):
        _say(f"{each.label or each.place} {each.value}")
    ours.register(kept)
    _say("registered")
    try:
        if watch or most_changes:
            _follow(ours, kept, every_seconds, most_changes, language)
    except KeyboardInterrupt:
        pass
    finally:
        if remove:
            ours.unregister(kept)
            _say("removed")
        ours.close()


def _follow(ours: Phone, kept: Kept, every_seconds: float, most_changes: int | None, language: str) -> None:
    from ..errors import PassesError
    from ..wallets.apple.phone import changes

    seen = 0
    for came in ours.follow(kept, every_seconds):
        if isinstance(came, PassesError):
            _say(f"({came})")
            continue
        for line in changes(kept, came, language):
            _say(line)
        kept, seen = came, seen + 1
        if seen == most_changes:
            return


def _say(line: str) -> None:
    # Whoever watches through a pipe wants each line as it comes.
    print(line, flush=True)
