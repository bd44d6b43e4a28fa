"""How a coupon stands: whether it can be used, since when or from when on, and which colleague took it."""

from __future__ import annotations

from dataclasses import dataclass

from .. import coupons, programmes, staff
from ..errors import NotFound
from ..points import receipts
from ..store import Connection, Row
from ..words import Words


@dataclass(frozen=True)
class Standing:
    """`state` is issued, later, limit, redeemed, expired or void; `person` is empty if nobody here took it."""

    state: str
    moment: str
    person: str = ""

    @property
    def key(self) -> str:
        """What it is called among the words."""
        return f"coupon_{self.state}{'_by' if self.person else ''}"


def of(tx: Connection, row: Row, said: Words, now: int) -> Standing:
    programme = programmes.get(tx, row.programme_id)
    state, at = coupons.state(row, now), row.changed
    if state == "expired":
        at = row.ends
    elif state == "issued" and row.starts > now:
        state, at = "later", row.starts
    elif state == "issued":
        state = coupons.why_not(tx, programme, [row]).get(row.id) or state
    return Standing(state, said.moment(at, programme.definition.zone), _redeemed_by(tx, row, programme.key))


def _redeemed_by(tx: Connection, row: Row, programme: str) -> str:
    """The colleague who took the coupon; empty: nobody did, or the shop's own system."""
    if row.state != "redeemed" or row.receipt is None:
        return ""
    try:
        taken = receipts.find(tx, row.receipt, programme)
    except NotFound:
        return ""
    person = staff.by_key(tx, taken.staff.partition("@")[0])
    return person.called if person else ""
