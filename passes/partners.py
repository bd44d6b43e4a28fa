"""Partners of a coalition: who owes whom for a month, computed from the ledger's double entry.

A point given at a partner's till comes from the partner's account, and one taken there goes to it. The partner pays
the programme for what it gave and is paid for what it took, at the rates that were promised when that happened:
each posting keeps its rate. What was reversed is taken off the month in which it was reversed, at its old rate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import or_, select

from .definition import Definition, PartnerPart
from .errors import NotFound
from .points.orders import Case
from .points.purses import Draft
from .points.rules import MAIN
from .programmes import Programme
from .store import Connection, Row
from .store import tables as t
from .zones import span

PREFIX = "partner:"
_CHUNK = 500


@dataclass(frozen=True)
class Statement:
    """A partner's month: points given and taken, money for each in the smallest unit, and what it owes in the end.

    `owes` below zero: the programme owes the partner.
    """

    partner: str
    given: int
    taken: int
    pays: int
    gets: int

    @property
    def owes(self) -> int:
        return self.pays - self.gets


def account(key: str) -> str:
    """The partner's account in the ledger."""
    return PREFIX + key


def find(definition: Definition, key: str) -> PartnerPart:
    part = next((part for part in definition.partners if part.key == key), None)
    if part is None:
        raise NotFound(f"This programme has no partner “{key[:40]}”.", field="partner")
    return part


def routed(case: Case, drafts: Sequence[Draft]) -> tuple[Draft, ...]:
    """Points of the main unit that a partner's till gives or takes come from and go to the partner's account."""
    if case.order.partner is None:
        return tuple(drafts)
    part = find(case.definition, case.order.partner)
    return tuple(_routed(part, draft) for draft in drafts)


def _routed(part: PartnerPart, draft: Draft) -> Draft:
    if draft.unit == MAIN and draft.source == "earned":
        why = {**draft.why, "partner": part.key, "rate": part.gives_at}
        return replace(draft, source=account(part.key), why=why)
    if draft.unit == MAIN and draft.target == "spent":
        why = {**draft.why, "partner": part.key, "rate": part.takes_at}
        return replace(draft, target=account(part.key), why=why)
    return draft


def clearing(tx: Connection, programme: Programme, month: str) -> list[Statement]:
    """Every partner's statement for the month, those that did nothing included."""
    given: Counter[tuple[str, int]] = Counter()
    taken: Counter[tuple[str, int]] = Counter()
    for partner, is_given, points, rate in _moves(tx, programme, month):
        (given if is_given else taken)[partner, rate] += points
    known = [part.key for part in programme.definition.partners]
    gone = sorted({partner for partner, _ in (*given, *taken)} - set(known))
    return [_statement(partner, given, taken) for partner in (*known, *gone)]


def _statement(partner: str, given: Counter[tuple[str, int]], taken: Counter[tuple[str, int]]) -> Statement:
    gave = {rate: points for (key, rate), points in given.items() if key == partner}
    took = {rate: points for (key, rate), points in taken.items() if key == partner}
    return Statement(partner, sum(gave.values()), sum(took.values()), _money(gave), _money(took))


def _money(points_by_rate: dict[int, int]) -> int:
    """Rates are for a hundred points; half a unit goes up, once for the whole month."""
    return (2 * sum(points * rate for rate, points in points_by_rate.items()) + 100) // 200


def _moves(tx: Connection, programme: Programme, month: str) -> Iterator[tuple[str, bool, int, int]]:
    """Partner, whether points were given (or a gift taken back), how many, at which rate."""
    begins, ends = span(month, programme.definition.zone, "month")
    theirs = or_(t.Posting.source.startswith(PREFIX), t.Posting.target.startswith(PREFIX))
    query = select(t.Posting.kind, t.Posting.source, t.Posting.target, t.Posting.amount, t.Posting.why).where(
        t.Posting.programme_id == programme.id, t.Posting.created >= begins, t.Posting.created < ends, theirs
    )
    rows = tx.execute(query).all()
    rates = _rates(tx, programme, [row.why["posting"] for row in rows if "posting" in row.why])
    for row in rows:
        comes = row.source.startswith(PREFIX)
        partner = (row.source if comes else row.target).removeprefix(PREFIX).partition(":")[0]
        if "posting" in row.why:
            yield partner, not comes, -row.amount, rates[row.why["posting"]]
        else:
            yield partner, comes, row.amount, row.why["rate"]


def _rates(tx: Connection, programme: Programme, entries: list[int]) -> dict[int, int]:
    """The rates at which entries that were reversed had been posted."""
    found: dict[int, int] = {}
    for start in range(0, len(entries), _CHUNK):
        which = t.Posting.seq.in_(entries[start : start + _CHUNK])
        originals = select(t.Posting.seq, t.Posting.why).where(t.Posting.programme_id == programme.id, which)
        found |= {row.seq: _rate(row) for row in tx.execute(originals)}
    return found


def _rate(row: Row) -> int:
    why: dict[str, Any] = row.why
    return int(why["rate"])
