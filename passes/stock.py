"""Limited things: how many there may be in all and for one card, and how many are gone.

A limit is the promise's, read anew each time; only what is gone is counted, as a tally that never starts again.
Taking is one conditional statement: whoever comes at the same moment as the last one is refused and has lost nothing.
"""

from __future__ import annotations

from sqlalchemy import bindparam, select, update

from .points.tallies import WHOLE_PROGRAMME
from .store import Connection, insert_into
from .store import tables as t

NO_LIMIT = 2**62
PERIOD = "limited"
"""No period at all: rules, which read their counters by period, never see these."""


def take(tx: Connection, programme_id: int, thing: str, most: int, card_id: int = WHOLE_PROGRAMME, n: int = 1) -> bool:
    """Take `n` of what there may be `most` of; False, and nothing changed, when so many are not left."""
    which = {"b_programme_id": programme_id, "b_key": thing, "b_card_id": card_id}
    # The row is made by whoever comes first; from then on the condition below is asked under its lock.
    values = {"programme_id": programme_id, "key": thing, "card_id": card_id, "period": PERIOD, "amount": 0}
    tx.execute(insert_into(tx, t.Tally).values(values).on_conflict_do_nothing())
    return tx.execute(_TAKE, which | {"b_n": n, "b_most": most}).rowcount == 1


def give_back(tx: Connection, programme_id: int, thing: str, card_id: int = WHOLE_PROGRAMME, n: int = 1) -> None:
    """What was taken is there again."""
    which = {"b_programme_id": programme_id, "b_key": thing, "b_card_id": card_id}
    tx.execute(_TAKE, which | {"b_n": -n, "b_most": NO_LIMIT})


def gone(tx: Connection, programme_id: int, thing: str, card_id: int = WHOLE_PROGRAMME) -> int:
    """How much of it is gone, in all or by one card."""
    which = {"b_programme_id": programme_id, "b_key": thing, "b_card_id": card_id}
    return int(tx.execute(_GONE, which).scalar() or 0)


_tally = t.table(t.Tally)
_WHICH = (
    _tally.c.programme_id == bindparam("b_programme_id"),
    _tally.c.card_id == bindparam("b_card_id"),
    _tally.c.period == PERIOD,
    _tally.c.key == bindparam("b_key"),
)
_GONE = select(_tally.c.amount).where(*_WHICH)
_TAKE = (
    update(_tally)
    .where(*_WHICH, _tally.c.amount + bindparam("b_n") <= bindparam("b_most"))
    .values(amount=_tally.c.amount + bindparam("b_n"))
)
