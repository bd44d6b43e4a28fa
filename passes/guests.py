"""Who stands at the till, as far as it helps to greet them: the month they were born in, and when they came before.

Only read, and no more of a member than that.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from .cards import Held
from .store import Connection
from .store import tables as t


@dataclass(frozen=True)
class Guest:
    birth_month: int | None = None
    came_before: int | None = None


NOBODY = Guest()


def of(tx: Connection, held: Held) -> Guest:
    """The member whose card it is; a purchase that was undone was none."""
    month = tx.execute(select(t.Member.birth_month).where(t.Member.id == held.row.member_id)).scalar()
    stands = (t.Receipt.reverses.is_(None), t.Receipt.reversed_by.is_(None))
    latest = select(t.Receipt.created).where(t.Receipt.card_id == held.id, *stands).order_by(t.Receipt.id.desc())
    return Guest(month, tx.execute(latest.limit(1)).scalar())
