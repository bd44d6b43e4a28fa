"""A card's PIN: what its owner says before money leaves the card. Set, checked, and never shown to anybody.

Kept as a hash under the service's own key and bound to the card, so that a copy of the database yields none. A
try counts as failed before it is looked at; after five wrong ones each further one has to wait.
"""

from __future__ import annotations

import hmac
import re

from sqlalchemy import bindparam, delete, select

from . import cards, tries
from .cards import Held
from .errors import BadInput, Forbidden, TooManyTries
from .secrets import Secrets
from .store import Connection, Store, insert_into
from .store import tables as t
from .tries import Counter

FREE_TRIES = 5
_LABEL = "card-pin"
_DIGITS = re.compile(r"[0-9]{4,8}", re.ASCII)
_TOO_EASY = ("0123456789", "9876543210")


class PinNeeded(Forbidden):
    """The card has a PIN and none was sent."""

    code = "pin_needed"


class WrongPin(Forbidden):
    code = "wrong_pin"


def has_one(tx: Connection, held: Held) -> bool:
    return tx.execute(_PIN, {"b_card_id": held.id}).first() is not None


def put(tx: Connection, secrets: Secrets, held: Held, pin: str, now: int) -> None:
    """Set the PIN or change it."""
    if not _DIGITS.fullmatch(pin):
        raise BadInput("A PIN is four to eight digits.", field="pin")
    if len(set(pin)) == 1 or any(pin in row for row in _TOO_EASY):
        raise BadInput("This PIN is too easy to guess; choose another.", field="pin")
    values = {"hash": _hash(secrets, held, pin), "changed": now}
    added = insert_into(tx, t.CardPin).values(card_id=held.id, **values)
    tx.execute(added.on_conflict_do_update(index_elements=["card_id"], set_=values))


def remove(tx: Connection, held: Held) -> None:
    """The card spends without a PIN again."""
    tx.execute(delete(t.CardPin).where(t.CardPin.card_id == held.id))


def prove(store: Store, secrets: Secrets, serial: str, pin: str | None, now: int) -> bool:
    """Whether the card's PIN was said; a card without one proves nothing. A wrong one is refused and stays counted."""
    if pin is None:
        return False
    with store.transaction() as tx:
        held = cards.by_serial(tx, serial)
        if not has_one(tx, held):
            return False
        is_right = check(tx, secrets, held, pin, now)
    if not is_right:
        raise WrongPin("The PIN is wrong.", field="pin")
    return True


def check(tx: Connection, secrets: Secrets, held: Held, pin: str | None, now: int) -> bool:
    """Whether the card may spend. In a transaction of its own, which is committed either way: a try is a try."""
    kept = tx.execute(select(t.CardPin.hash).where(t.CardPin.card_id == held.id)).scalar()
    if kept is None:
        return True
    if pin is None:
        raise PinNeeded("This card has a PIN; send it along.", field="pin")
    counter = Counter(secrets.derive("tries", b"card-pin", held.serial.encode()), FREE_TRIES)
    if wait := tries.begin(tx, [counter], now):
        raise TooManyTries("The PIN was wrong too often", wait, field="pin")
    if not hmac.compare_digest(kept, _hash(secrets, held, pin)):
        return False
    tries.forgive(tx, counter)
    return True


def _hash(secrets: Secrets, held: Held, pin: str) -> bytes:
    return secrets.derive(_LABEL, held.row.nonce, pin.encode("utf-8", "surrogatepass"), key_id=held.row.key_id)


_PIN = select(t.CardPin.card_id).where(t.CardPin.card_id == bindparam("b_card_id"))
