"""One thing that somebody does at the till: allowed or not, done or not, and written down either way.

Everything that counts goes through here, so that no page can forget the rights, the caps or the log. The log
of what was done is in the transaction of the effect; that of a refusal in one of its own, after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from ... import actions, rights, tills
from ...cards import Held
from ...errors import PassesError
from ...points import receipts
from ...points.orders import Answer, Order
from ...staff import Presence
from ...store import Connection, Row
from ..current import service
from ..login.backstage import presence

UNDO_SECONDS = 600


@dataclass
class Attempt:
    """What is being done; whoever does it fills in what came of it."""

    tx: Connection
    who: Presence
    whats: tuple[str, ...]
    card_id: int | None = None
    receipt_id: int | None = None
    repeated: bool = False
    amounts: Mapping[str, int] = field(default_factory=dict)

    def on(self, held: Held) -> Held:
        """The card it is done to."""
        self.card_id = held.id
        if rights.GIVING & set(self.whats):
            rights.refuse_own_card(self.tx, self.who, held.id)
        return held

    def came_to(self, held: Held, receipt: str, answer: Answer) -> Answer:
        """The receipt it led to."""
        self.repeated = answer.repeated
        self.receipt_id = receipts.id_of(self.tx, held, receipt)
        effects = answer.body["effects"]
        entries = answer.body["entries"]
        # Caps count the programme's main unit, which the answer names first; what is given by hand, in its own.
        unit = next(iter(answer.body["balances"]))
        rewards = -sum(entry["amount"] for entry in entries if entry["kind"] == "reward" and entry["unit"] == unit)
        adjusted = sum(entry["amount"] for entry in entries if entry["kind"] == "adjust")
        self.amounts = {
            "earn": effects["earned"],
            "redeem": effects["spent"] - rewards,
            "reward": rewards,
            **dict.fromkeys(rights.GIFTS, adjusted),
            "adjust": adjusted,
        }
        return answer


@contextmanager
def attempt(*whats: str, who: Presence | None = None) -> Iterator[Attempt]:
    """A transaction in which the person logged in, or `who`, does these things, if their role has every one of them."""
    here, who = service(), who or presence()
    card_id: int | None = None
    try:
        with here.store.transaction() as tx:
            doing = Attempt(tx, who, whats)
            try:
                rights.require(who, whats)
                rights.hold(tx, who)
                yield doing
                _write_down(doing, here.now)
            finally:
                card_id = doing.card_id
    except PassesError as refused:
        with here.store.transaction() as tx:
            for what in whats:
                actions.write(tx, who, what, refused.code[:40], here.now, card_id=card_id)
        raise


def is_fresh(made: Row) -> bool:
    """Made by this person at this till, a short while ago: what can be undone without a manager."""
    return bool(made.staff == presence().stamp and service().now - made.created <= UNDO_SECONDS)


def whats_of(order: Order) -> tuple[str, ...]:
    """The rights that an order needs."""
    asked = {
        "earn": order.total or order.event or order.lines,
        "redeem": order.redeem,
        "reward": order.reward,
        "coupon": order.coupons or order.promo,
    }
    return tuple(what for what, value in asked.items() if value)


def _write_down(done: Attempt, now: int) -> None:
    here = service()
    outcome = actions.REPEATED if done.repeated else actions.DONE
    for what in done.whats:
        amount = 0 if done.repeated else done.amounts.get(what, 0)
        refers = {"card_id": done.card_id, "receipt_id": done.receipt_id}
        actions.write(done.tx, done.who, what, outcome, now, amount=amount, **refers)
        if not done.repeated:
            rights.refuse_over_the_day(
                done.tx, here.settings.till, done.who, what, done.card_id, now, here.settings.zone
            )
    if done.who.till_id is not None:
        tills.saw(done.tx, done.who.till_id, now)


def need(*whats: str) -> None:
    """Go on only with these rights; what changes something asks in `attempt`."""
    try:
        rights.require(presence(), whats)
    except rights.NoRight as refused:
        for what in whats:
            note(what, refused.code)
        raise


def note(what: str, outcome: str = actions.DONE, card_id: int | None = None) -> None:
    """Write down what changes nothing else, such as a scan."""
    here, who = service(), presence()
    with here.store.transaction() as tx:
        actions.write(tx, who, what, outcome, here.now, card_id=card_id)
        if who.till_id is not None:
            tills.saw(tx, who.till_id, here.now)
