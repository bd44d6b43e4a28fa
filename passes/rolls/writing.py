"""Takes a programme's members away as CSV that Russian and Polish spreadsheets open and that is read here again."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import TextIO

from sqlalchemy import select

from ..members import Members
from ..programmes import Programme
from ..store import Row, Store
from ..store import tables as t
from ..words import minor_digits
from .columns import units
from .entries import escaped

CHUNK = 500
_PLAIN = (
    "external_id",
    "name",
    "email",
    "phone",
    "language",
    "birth_month",
    "joined",
    "serial",
    "number",
    "status",
    "tier",
)


def write(store: Store, members: Members, programme: Programme, out: TextIO) -> int:
    """Every card of the programme whose member was not forgotten, oldest first; how many. `out` begins with a mark."""
    table = csv.writer(out, delimiter=";", lineterminator="\r\n")
    kinds = units(programme.definition)
    out.write("\ufeff")
    table.writerow([*_PLAIN, *(f"balance:{unit}" for unit in kinds)])
    written = 0
    for cells in _lines(store, members, programme, kinds):
        table.writerow([escaped(cell) for cell in cells])
        written += 1
    return written


def _lines(store: Store, members: Members, programme: Programme, kinds: tuple[str, ...]) -> Iterator[list[str]]:
    after = 0
    while True:
        with store.reading() as tx:
            query = (
                select(t.Card)
                .join(t.Member, t.Member.id == t.Card.member_id)
                .where(t.Card.programme_id == programme.id, t.Card.id > after, t.Member.erased.is_(None))
                .order_by(t.Card.id)
                .limit(CHUNK)
            )
            rows = tx.execute(query).all()
            held: dict[int, dict[str, int]] = {row.id: {} for row in rows}
            purses = select(t.Purse.card_id, t.Purse.unit, t.Purse.balance).where(t.Purse.card_id.in_(list(held)))
            for card_id, unit, balance in tx.execute(purses):
                held[card_id][programme.definition.long(unit)] = balance
            profiles = members.find_many(tx, [row.member_id for row in rows])
            shown = [_cells(row, profiles[row.member_id], programme, held[row.id], kinds) for row in rows]
        yield from shown
        if len(rows) < CHUNK:
            return
        after = rows[-1].id


def _cells(row: Row, profile: object, programme: Programme, held: dict[str, int], kinds: tuple[str, ...]) -> list[str]:
    zone = programme.definition.zone
    personal = [getattr(profile, name) for name in _PLAIN[:6]]
    joined = datetime.fromtimestamp(row.created, zone).date().isoformat()
    cells = [*personal, joined, row.serial, row.number, row.status, row.tier]
    return ["" if cell is None else str(cell) for cell in cells] + [
        _amount(programme, unit, held.get(unit, 0)) for unit in kinds
    ]


def _amount(programme: Programme, unit: str, amount: int) -> str:
    definition = programme.definition
    if definition.kinds[unit] != "money":
        return str(amount)
    return str(Decimal(amount).scaleb(-minor_digits(definition.currency)))
