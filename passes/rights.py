"""What each role may do, and how much of it in a day: the one place that says so.

Whatever is not named here, nobody may. A right is looked up before anything else; what a day allows is counted
after the effect, in the same transaction and under the lock of `hold`: two tills at once cannot both have the last of
a budget, and an effect over it is undone with everything else.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select

from . import actions
from .config import TillSection
from .definition.parts import UnitKind
from .errors import Conflict, Forbidden
from .staff import Presence, own_cards
from .store import Connection
from .store import tables as t

CASHIER = frozenset({"scan", "earn", "redeem", "reward", "coupon", "comp", "comp_stamps", "join", "look_up", "undo"})
MANAGER = CASHIER | {"undo_older", "adjust", "contacts", "tills", "people", "reports", "conflicts", "watch"}
RIGHTS = {"cashier": CASHIER, "manager": MANAGER, "owner": MANAGER}
SPENDING = ("redeem", "reward")
GIFTS = ("comp", "comp_stamps")
"""Of points and money; of stamps and visits, a few of which are a prize."""
EARNING = ("earn", "claim")
"""At the till, or later by the code on the receipt."""
# A coupon or a code may bring points without any bill.
GIVING = frozenset({*EARNING, *GIFTS, "coupon"})


class NoRight(Forbidden):
    """The person's role does not include this."""

    code = "no_right"


class OwnCard(Conflict):
    """Somebody would give points to themselves."""

    code = "own_card"


class DayIsFull(Conflict):
    """More than a day allows; `code` says of what."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def may(role: str, what: str) -> bool:
    return what in RIGHTS.get(role, frozenset())


def require(who: Presence, whats: Collection[str]) -> None:
    """Every one of these, or nothing."""
    if not whats or not all(may(who.person.role, what) for what in whats):
        raise NoRight("Your role does not include this; ask a manager.")


def hold(tx: Connection, who: Presence) -> None:
    """Keep every other action of this person, and of this till, waiting; taken before any card's row."""
    if who.till_id is not None:
        tx.execute(select(t.Till.id).where(t.Till.id == who.till_id).with_for_update(key_share=True))
    tx.execute(select(t.Staff.id).where(t.Staff.id == who.person.id).with_for_update(key_share=True))


def refuse_own_card(tx: Connection, who: Presence, card_id: int) -> None:
    """Nobody earns on a card of theirs at the till where they work."""
    if tx.execute(_IS_OWN, {"b_staff_id": who.person.id, "b_card_id": card_id}).first():
        raise OwnCard("This card is linked to the person at the till; a colleague must do this.")


def refuse_over_the_day(
    tx: Connection, rules: TillSection, who: Presence, what: str, card_id: int | None, now: int, zone: ZoneInfo
) -> None:
    """What was logged today, this action among it, against what a day allows. The caller has `hold`."""
    since = start_of_day(now, zone)
    most = gifts_a_day(rules, what)
    if what in GIFTS and actions.amount_by_person(tx, who, (what,), since) > most:
        unit = "points" if what == "comp" else "stamps or visits"
        raise DayIsFull(f"{what}_budget", f"Gifts of one person are limited to {most} {unit} a day.")
    if what in SPENDING and rules.redeem_a_day and _spent(tx, who, since) > rules.redeem_a_day:
        raise DayIsFull("redeem_cap", f"A till takes at most {rules.redeem_a_day} points a day.")
    if what in EARNING and card_id is not None:
        _refuse_earning(tx, rules, card_id, since)
    if what == "earn" and card_id is None:
        _refuse_codes(tx, rules, who, since)


def gift_of(kind: UnitKind) -> str:
    """The right to give something of this kind."""
    return "comp_stamps" if kind in ("stamps", "visits") else "comp"


def gifts_a_day(rules: TillSection, what: str) -> int:
    """How much one person may give."""
    return rules.comp_stamps_a_day if what == "comp_stamps" else rules.comp_a_day


def start_of_day(at: int, zone: ZoneInfo) -> int:
    return int(datetime.combine(datetime.fromtimestamp(at, zone).date(), time(), zone).timestamp())


def _refuse_earning(tx: Connection, rules: TillSection, card_id: int, since: int) -> None:
    if rules.earns_a_day and actions.times_for_card(tx, card_id, EARNING, since) > rules.earns_a_day:
        raise DayIsFull("earns_cap", f"A card earns at most {rules.earns_a_day} times a day.")


def _refuse_codes(tx: Connection, rules: TillSection, who: Presence, since: int) -> None:
    if rules.claims_a_day and actions.times_without_card(tx, who, "earn", since) > rules.claims_a_day:
        raise DayIsFull("claims_cap", f"A till gives at most {rules.claims_a_day} codes for receipts a day.")


def _spent(tx: Connection, who: Presence, since: int) -> int:
    """At an enrolled till, of all who work there; elsewhere a till is but a login, so the person is counted."""
    count = actions.amount_by_person if who.till_id is None else actions.amount_at_till
    return count(tx, who, SPENDING, since)


_own = own_cards().subquery()
_IS_OWN = select(_own.c.card_id).where(
    _own.c.staff_id == bindparam("b_staff_id"), _own.c.card_id == bindparam("b_card_id")
)
