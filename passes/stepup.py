"""What may be spent on which code: one that anybody may have photographed, or one that only the phone shows now.

A static code says which card it is, not who holds it. A programme may let only so many points a day be spent on
it (its `spend_floor`); for more the till scans a rotating code, which proves that the phone is here and is accepted
once; a card that has a PIN spends with that alone and needs no other proof. What is checked here is written in the
transaction that spends, so two tills never accept the same one.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import case, select, update

from . import cardpins, cards, programmes
from .cards import Held
from .codes import NEIGHBOURS, STEP_SECONDS, Known
from .errors import Conflict
from .secrets import Secrets
from .store import Connection, Row
from .store import tables as t

DAY_SECONDS = 86_400


@dataclass(frozen=True)
class Proof:
    """That the phone is here, by the step of its code. No step: only which card it is; `is_late`: its step is over."""

    step: int | None = None
    is_late: bool = False

    @classmethod
    def of(cls, known: Known, now: int) -> Proof:
        return cls(known.step) if known.is_fresh(now) else cls(is_late=known.step is not None)


NONE = Proof()


class StepUpNeeded(Conflict):
    code = "step_up_needed"

    def __init__(self, left: int, is_late: bool) -> None:
        why = "This code is over. " if is_late else ""
        super().__init__(
            f"{why}Without the changing code on the member's phone at most {left} points more can be spent today; "
            "scan the one that the phone shows now.",
            field="code",
        )


class CodeUsed(Conflict):
    """Of this card, since this instant a code was accepted: what for is in the log, for colleagues alone."""

    code = "code_used"

    def __init__(self, card_id: int, since: int) -> None:
        self.card_id, self.since = card_id, since
        super().__init__(
            f"This code was used already; the phone shows the next one within {STEP_SECONDS} seconds.", field="code"
        )


class OtherCard(Conflict):
    code = "code_of_other_card"

    def __init__(self) -> None:
        super().__init__("This code belongs to another card.", field="code")


def read(scanned: str | None, held: Held, secrets: Secrets, now: int) -> Proof:
    """What the code that came with a receipt proves; it must be this card's."""
    if scanned is None:
        return NONE
    known = cards.read_code(scanned, secrets)
    if known.id != held.row.code_id:
        raise OtherCard
    held.refuse_taken_back(known)
    return Proof.of(known, now)


def refuse_used(tx: Connection, held: Held, proof: Proof) -> None:
    """Refuse a code that was accepted before, or is older than one that was."""
    if proof.step is not None and proof.step <= _row(tx, held).last_step:
        raise _used(tx, held)


def left(tx: Connection, held: Held, now: int) -> int | None:
    """How many points may still be spent today without a proof; None: as many as there are."""
    programme = programmes.of_card(tx, held)
    floor = programme.definition.spend_floor
    if floor is None or cardpins.has_one(tx, held):
        return None
    row = _row(tx, held)
    return max(0, floor - (row.unproven if row.unproven_day == now // DAY_SECONDS else 0))


def check(tx: Connection, held: Held, proof: Proof, spent: int, now: int) -> None:
    """Refuse to spend so much on this proof; nothing is written."""
    if not spent:
        return
    refuse_used(tx, held, proof)
    most = left(tx, held, now) if proof.step is None else None
    if most is not None and spent > most:
        raise StepUpNeeded(most, proof.is_late)


def settle(tx: Connection, held: Held, proof: Proof, spent: int, now: int) -> None:
    """Accept the proof for what is being spent, or refuse. The caller holds the card's row."""
    check(tx, held, proof, spent, now)
    if spent and proof.step is None:
        _count(tx, held, spent, now // DAY_SECONDS)
    elif spent and proof.step is not None and not cards.accept_step(tx, held.id, proof.step):
        raise _used(tx, held)


def _used(tx: Connection, held: Held) -> CodeUsed:
    """The latest code that was accepted cannot have been before a phone showed it."""
    return CodeUsed(held.id, (_row(tx, held).last_step - NEIGHBOURS) * STEP_SECONDS)


def _count(tx: Connection, held: Held, spent: int, day: int) -> None:
    today = case((t.Card.unproven_day == day, t.Card.unproven), else_=0) + spent
    tx.execute(update(t.Card).where(t.Card.id == held.id).values(unproven=today, unproven_day=day))


def _row(tx: Connection, held: Held) -> Row:
    return tx.execute(select(t.Card.last_step, t.Card.unproven, t.Card.unproven_day).where(t.Card.id == held.id)).one()
