"""Commands about a programme as a whole."""

from __future__ import annotations

import codecs
import json
import os
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from .context import Home

if TYPE_CHECKING:
    from ..definition import Definition

_DAY = click.DateTime(["%Y-%m-%d"])


_EFFECT = (
    *("reminder", "reminded", "came", "left alone", "came", "more came by", "between"),
    *("would have come anyway", "extra members", "extra spent", "verdict"),
)


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
    from .. import look
    from ..points import lint
    from ..rulebook import Rulebook

    definition = _read(Path(what)) if Path(what).is_file() else _known(home, what)
    templates = home.settings.home / "templates"
    looks = look.names(templates / "cards")
    found = [*lint.unknown_look(definition, looks), *lint.findings(definition, int(time.time()))]
    for finding in found:
        click.echo(f"{finding.severity}\t{finding.field}\t{finding.sentence}")
    click.echo(Rulebook(templates)(definition)[language])
    if any(finding.refuses for finding in found):
        raise click.exceptions.Exit(1)


def _read(file: Path) -> Definition:
    from pydantic import ValidationError

    from ..definition import Definition

    try:
        return Definition.model_validate_json(file.read_bytes().removeprefix(codecs.BOM_UTF8), strict=True)
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


@programme.command("reminders")
@click.argument("key")
@click.pass_obj
def reminders(home: Home, key: str) -> None:
    """Print what each reminder did: who had one beside who by lot had none, and whether more came for it."""
    from .. import programmes
    from ..reminders import report

    with home.store.reading() as tx:
        found = programmes.find(tx, key)
        effects = report.effects(tx, found, int(time.time()))
    click.echo("\t".join(_EFFECT))
    for name, each in effects.items():
        low, high = each.interval
        click.echo(
            f"{name}\t{each.given.people}\t{each.given.came}\t{each.control.people}\t{each.control.came}\t"
            f"{each.uplift:+.1%}\t{low:+.1%} to {high:+.1%}\t{each.came_anyway:.0%}\t"
            f"{each.extra_members}\t{each.extra_spent}\t{each.verdict}"
        )
    click.echo(f"Spent is in the smallest unit of {found.definition.currency}.", err=True)


@programme.command("returning")
@click.argument("key")
@click.pass_obj
def returning(home: Home, key: str) -> None:
    """Print by month of the first purchase how many members bought, and how many of them a second time."""
    from .. import programmes
    from ..reminders import report

    with home.store.reading() as tx:
        cohorts = report.second_purchases(tx, programmes.find(tx, key))
    click.echo("month\tfirst\tsecond\tshare")
    for each in cohorts:
        click.echo(f"{each.month}\t{each.first}\t{each.second}\t{each.second / each.first:.1%}")


@programme.command("list")
@click.pass_obj
def list_(home: Home) -> None:
    """List the programmes: key, kind and since when each is there."""
    from .. import programmes

    with home.store.reading() as tx:
        for each in programmes.all(tx):
            since = datetime.fromtimestamp(each.created, each.definition.zone).date()
            click.echo(f"{each.key}\t{each.definition.kind}\t{since}")


@programme.command("show")
@click.argument("key")
@click.pass_obj
def show(home: Home, key: str) -> None:
    """Print a programme's definition as JSON: change it, `replay` it, then `amend` by it."""
    click.echo(_known(home, key).model_dump_json(indent=2, exclude_defaults=True))


@programme.command("amend")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--effective", type=_DAY, help="The first day of the new rules, such as 2026-12-01. Default: at once.")
@click.option("--announced", is_flag=True, help="Members were told, so the programme's notice does not count.")
@click.pass_obj
def amend(home: Home, file: Path, effective: datetime | None, announced: bool) -> None:
    """Give a programme the rules in FILE, at once or from a day on; receipts of earlier days keep theirs."""
    from .. import notice, programmes

    draft, now = _read(file), int(time.time())
    with home.store.reading() as tx:
        kept = programmes.find(tx, draft.key)
    begins = _begins(effective, kept.definition.zone)
    if not announced:
        notice.losses(home.store, kept, draft, begins, now).refuse_if_many()
    with home.store.transaction() as tx:
        programmes.amend(tx, programmes.find(tx, draft.key), draft, now, begins)
    since = "from now on" if begins is None or begins <= now else f"from {datetime.fromtimestamp(begins).date()} on"
    click.echo(f"The rules of {draft.key} are those of {file.name} {since}.")


@programme.command("replay")
@click.argument("what", metavar="FILE|KEY")
@click.option(
    "--from", "since", type=_DAY, help="The first day on which the draft counts. Default: from the beginning."
)
@click.option("--programme", "key", help="Whose history, if not that of the programme in FILE.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_obj
def replay(home: Home, what: str, since: datetime | None, key: str | None, as_json: bool) -> None:
    """Run a draft of the rules (a JSON file) over what really happened, and compare. Nothing is changed.

    With the KEY of a programme its own rules are replayed, which must come to the ledger exactly.
    """
    from .. import programmes
    from ..points import replay as machine

    draft = _read(Path(what)) if Path(what).is_file() else None
    with home.store.reading() as tx:
        kept = programmes.find(tx, key or (draft.key if draft else what))
    now, zone = int(time.time()), kept.definition.zone
    begins = _begins(since, zone) or 0
    found = machine.run(home.store, kept, draft, begins, now, workers=_cores(), told=_progress)
    report = found.report(kept.definition, draft or kept.definition)
    click.echo(json.dumps(report, indent=2) if as_json else "\n".join(_table(report)))


def _progress(done: int, of: int) -> None:
    """Over and over on one line, where somebody watches."""
    if sys.stderr.isatty():
        click.echo(f"\r{done * 100 // of} % of the cards", err=True, nl=done == of)


def _table(report: dict[str, Any]) -> list[str]:
    """The findings in lines; one value in a column each, so that other programs read them as well."""
    lines = [f"{report['receipts']} receipts of {report['cards']} cards", "", "unit\twhat\twas\twould be\tdifference"]
    for unit in report["units"]:
        for what, was in unit["was"].items():
            would = unit["would"][what]
            if was is not None and would is not None:
                lines.append(f"{unit['unit']}\t{what}\t{was}\t{would}\t{would - was:+}")
    lines += [f"{each['coupon']}\tcoupons\t{each['was']}\t{each['would']}" for each in report["coupons"]]
    lines += ["", f"cards that lose: {report['losing']} of {report['active']} active ones"]
    for unit in report["units"]:
        lines.append(f"{unit['unit']}: {unit['gaining']} gain, {unit['losing']} lose")
        lines += [f"  {each['serial']}\t{each['gain']:+}" for each in (*unit["winners"], *unit["losers"])]
    lines += [
        f"tier {each['was'] or '-'} would be {each['would'] or '-'}: {each['cards']} cards" for each in report["tiers"]
    ]
    if report["is_the_ledger"]:
        lines += ["", "These rules come to what the ledger says, exactly."]
    return [*lines, f"Money (cost, owed) is in the smallest unit of {report['currency']}."]


def _begins(day: datetime | None, zone: ZoneInfo) -> int | None:
    """The day's first instant, where the programme has its days."""
    return None if day is None else int(day.replace(tzinfo=zone).timestamp())


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
