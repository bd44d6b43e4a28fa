"""What a programme owes its members in money, and what of its promises will never be asked for.

All of it is read from the ledger: what came to members, what they spent, what ended unspent. Breakage is what ended;
its share of all that left members' hands is what the rest is expected to do. An estimate, and called one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import func, select

from .definition import Definition
from .points.purses import USED, is_member
from .programmes import Programme
from .store import Connection
from .store import tables as t


@dataclass(frozen=True)
class Liability:
    """One unit's sums. Money is in the smallest unit of the currency; None: the unit has no worth in money.

    `breakage_permille`: of a thousand that left members' hands, so many ended unspent; None: nothing left them yet.
    """

    unit: str
    given: int
    spent: int
    ended: int
    outstanding: int
    owed: int | None
    broken: int | None
    breakage_permille: int | None
    expected: int | None


def of(tx: Connection, programme: Programme) -> list[Liability]:
    """Every unit of the programme, the main one first."""
    given: Counter[str] = Counter()
    spent: Counter[str] = Counter()
    ended: Counter[str] = Counter()
    undone = t.Posting.why["of"].as_string()
    columns = (t.Posting.source, t.Posting.target, t.Posting.kind, undone)
    query = select(*columns, func.sum(t.Posting.amount)).where(t.Posting.programme_id == programme.id)
    for source, target, kind, of, amount in tx.execute(query.group_by(*columns)):
        is_in = is_member(target)
        unit, change = (target if is_in else source).partition(":")[2], int(amount) if is_in else -int(amount)
        what = of if kind == "reverse" else kind
        if what in USED:
            spent[unit] -= change
        elif what == "expire":
            ended[unit] -= change
        else:
            given[unit] += change
    units = ["", *(part.key for part in programme.definition.units)]
    return [_sums(programme, unit, given[unit], spent[unit], ended[unit]) for unit in units]


def _sums(programme: Programme, unit: str, given: int, spent: int, ended: int) -> Liability:
    worth = worth_of(programme.definition, unit)
    outstanding = given - spent - ended
    left = spent + ended
    permille = (2000 * ended + left) // (2 * left) if left else None
    return Liability(
        unit=unit or programme.definition.unit,
        given=given,
        spent=spent,
        ended=ended,
        outstanding=outstanding,
        owed=None if worth is None else outstanding * worth,
        broken=None if worth is None else ended * worth,
        breakage_permille=permille,
        expected=None if worth is None or permille is None else outstanding * worth * permille // 1000,
    )


def worth_of(definition: Definition, unit: str) -> int | None:
    """What one of the unit is worth in money."""
    kind = definition.kinds.get(unit, definition.main_kind)
    if kind == "money":
        return 1
    return definition.worth or None if unit == "" else None
