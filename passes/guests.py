"""Who stands at the till, as far as it helps to greet them: the month they were born in, and when they came before.

Only read, and no more of a member than that.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import bindparam, select

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
    row = tx.execute(_GUEST, {"b_member_id": held.row.member_id, "b_card_id": held.id}).first()
    return Guest(*row) if row else NOBODY


_LATEST = (
    select(t.Receipt.created)
    .where(t.Receipt.card_id == bindparam("b_card_id"), t.Receipt.reverses.is_(None), t.Receipt.reversed_by.is_(None))
    .order_by(t.Receipt.id.desc())
    .limit(1)
)
_GUEST = select(t.Member.birth_month, _LATEST.scalar_subquery()).where(t.Member.id == bindparam("b_member_id"))
