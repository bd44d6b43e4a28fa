"""Commands that look and change nothing: the home, its settings, a pass."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .context import Home

if TYPE_CHECKING:
    from ..doctor import Finding

MARKS = {"good": ("✓", "green"), "warning": ("!", "yellow"), "bad": ("✗", "red")}


@click.command()
@click.option("--online", is_flag=True, help="Also ask other machines: public_url, Apple's push service.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def doctor(ctx: click.Context, online: bool, as_json: bool) -> None:
    """Examine everything; say what is wrong and what to do. Exit code 1: something is bad."""
    from .. import doctor

    found = []
    for finding in _counted(doctor.examine(ctx.obj.folder, int(time.time()), online)):
        found.append(finding)
        if not as_json:
            _show(finding)
    is_bad = any(finding.level == "bad" for finding in found)
    if as_json:
        said = {"level": _worst(found), "findings": [finding.as_mapping() for finding in found]}
        click.echo(json.dumps(said, ensure_ascii=False, indent=2))
    ctx.exit(1 if is_bad else 0)


@click.command()
@click.pass_obj
def config(home: Home) -> None:
    """Every setting as it is in force, secrets hidden."""
    from .. import config

    for section, values in config.as_mapping(home.settings).items():
        if isinstance(values, dict):
            click.echo(f"[{section}]")
            for key, value in values.items():
                click.echo(f"{key} = {json.dumps(value if value is not None else '', ensure_ascii=False)}")


@click.command("pass")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_context
def explain(ctx: click.Context, file: Path) -> None:
    """Say what a .pkpass holds and what a phone would refuse. Exit code 1: a phone refuses it."""
    from ..errors import ConfigError
    from ..wallets.apple.explain import MOST_BYTES, explain

    try:
        with file.open("rb") as opened:
            body = opened.read(MOST_BYTES + 1)
    except OSError as wrong:
        raise ConfigError(f"{file} cannot be read: {wrong.strerror}.") from None
    explanation = explain(body, int(time.time()))
    for line in explanation.lines():
        click.echo(line)
    ctx.exit(1 if explanation.refused else 0)


def _counted(findings: Iterable[Finding]) -> Iterable[Finding]:
    """With a sign of life for people while something takes long, such as reading a large ledger."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield from findings
        return
    with console.status("Examining …"):
        yield from findings


def _show(finding: Finding) -> None:
    mark, colour = MARKS[finding.level]
    click.echo(f"{click.style(mark, fg=colour)} {finding.about}: {finding.sentence}")
    if finding.remedy:
        click.echo(f"    → {finding.remedy}")


def _worst(found: Iterable[Finding]) -> str:
    levels = {finding.level for finding in found}
    return next(level for level in ("bad", "warning", "good") if level in levels)
