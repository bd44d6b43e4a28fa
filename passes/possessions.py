"""What cards hold beside their points, gathered for a drawing: coupons, what is left of rewards, a paid membership.

It only reads, a whole batch of cards at a time, and asks nothing of a programme that promises none of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import bindparam, select

from .card import Coupon
from .couponcodes import written
from .points.tallies import WHOLE_PROGRAMME
from .programmes import Programme
from .stock import PERIOD
from .store import Connection
from .store import tables as t

MOST_SHOWN = 20


@dataclass
class Possessions:
    """One card's; `gone` and `had` count limited rewards, in all and by this card."""

    coupons: tuple[Coupon, ...] = ()
    gone: dict[str, int] = field(default_factory=dict)
    had: dict[str, int] = field(default_factory=dict)
    paid_until: int | None = None


def gather(tx: Connection, programme: Programme, card_ids: Sequence[int]) -> dict[int, Possessions]:
    """By card; all of one programme."""
    found = {id: Possessions() for id in card_ids}
    definition = programme.definition
    if definition.coupons:
        _add_coupons(tx, programme, found)
    if any(reward.stock or reward.per_member for reward in definition.rewards):
        _add_counts(tx, programme, found)
    if definition.membership:
        for row in tx.execute(_PAID, {"ids": list(found)}):
            found[row.card_id].paid_until = row.paid_until
    return found


def _add_coupons(tx: Connection, programme: Programme, found: dict[int, Possessions]) -> None:
    """Those that can be used or soon can; which of them time has ended is drawing's affair."""
    names = {part.key: part.name for part in programme.definition.coupons}
    for row in tx.execute(_ISSUED, {"ids": list(found)}):
        mine = found[row.card_id]
        if row.kind in names and len(mine.coupons) < MOST_SHOWN:
            mine.coupons += (Coupon(written(row.code), row.kind, names[row.kind], row.starts, row.ends),)


def _add_counts(tx: Connection, programme: Programme, found: dict[int, Possessions]) -> None:
    keys = {f"reward:{part.key}": part.key for part in programme.definition.rewards}
    which = {"ids": [WHOLE_PROGRAMME, *found], "b_programme_id": programme.id, "keys": list(keys)}
    counts: dict[int, dict[str, int]] = {}
    for row in tx.execute(_GONE, which):
        counts.setdefault(row.card_id, {})[keys[row.key]] = row.amount
    for id, mine in found.items():
        mine.gone, mine.had = counts.get(WHOLE_PROGRAMME, {}), counts.get(id, {})


_ISSUED = (
    select(t.Coupon.card_id, t.Coupon.code, t.Coupon.kind, t.Coupon.starts, t.Coupon.ends)
    .where(t.Coupon.card_id.in_(bindparam("ids", expanding=True)), t.Coupon.state == "issued")
    # What ends first is shown first.
    .order_by(t.Coupon.ends.is_(None), t.Coupon.ends, t.Coupon.id)
)
_GONE = select(t.Tally.key, t.Tally.card_id, t.Tally.amount).where(
    t.Tally.programme_id == bindparam("b_programme_id"),
    t.Tally.card_id.in_(bindparam("ids", expanding=True)),
    t.Tally.period == PERIOD,
    t.Tally.key.in_(bindparam("keys", expanding=True)),
)
_PAID = select(t.Membership.card_id, t.Membership.paid_until).where(
    t.Membership.card_id.in_(bindparam("ids", expanding=True))
)
