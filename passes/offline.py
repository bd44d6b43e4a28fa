"""What a till does without a connection: what it may, and counting it exactly once when it is back.

The device's key and the shift at the time of each action authorise it; a login may have ended long since. Every
action has the till's own number and an id, and is one transaction: the same again gets the same answer, the same
number with other content (a till put back from an old image) is a conflict. What was given away
beyond what the card holds is a conflict for a manager too, never dropped and never cut to fit.
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b32encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, func, insert, or_, select, text

from . import actions, basket, conflicts, programmes, rights, shifts
from .cards import Held
from .config import TillSection
from .definition import MAX_AMOUNT, Definition
from .errors import BadInput, Conflict, Forbidden, PassesError
from .points import receipts
from .points.orders import Order
from .shifts import Shift
from .staff import Presence
from .store import Connection, Row
from .store import tables as t
from .tills import Till

MOST_ACTIONS = 200
GOOD_SECONDS = 86_400
MOST_LISTED = 10_000
MOST_CODE = 250
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_RECEIPT = re.compile(r"till-[A-Za-z0-9]{16,60}", re.ASCII)
_REWARD = re.compile(r"[a-z0-9-]{1,40}", re.ASCII)
_MOST_SEQ = 2**53
_FIELDS = ("at", "code", "kind", "receipt", "total", "redeem", "reward", "stamps")

Find = Callable[[Connection, str], Held]
"""The card that a scanned code names, its row held; raises a `PassesError` that says what the code is instead."""


@dataclass(frozen=True)
class Queued:
    """An action as the till kept it. `is_whole`: every field is there and as agreed."""

    id: str
    seq: int
    at: int = 0
    code: str = ""
    kind: str = ""
    receipt: str = ""
    total: int = 0
    redeem: int = 0
    reward: str = ""
    stamps: int = 0
    is_whole: bool = False

    @property
    def content(self) -> dict[str, Any]:
        """What was done, without the card's code."""
        kept = ("id", "seq", "kind", "receipt", "total", "redeem", "reward", "stamps")
        return {name: getattr(self, name) for name in kept if getattr(self, name)}

    def order(self, definition: Definition, location: str) -> Order:
        """As the page with a connection would have asked: an action whose answer was lost counts once."""
        if self.kind == "reward":
            return Order(self.receipt, reward=self.reward)
        counts = basket.stamping(definition)
        if self.stamps > (counts.most if counts else 0):
            raise Clash("no_stamps", "This card does not count so many stamps by hand.")
        asked = (self.receipt, definition, location)
        return basket.order(*asked, total=self.total, redeem=self.redeem, stamps=self.stamps)

    @property
    def whats(self) -> tuple[str, ...]:
        asked = {"earn": self.total or self.stamps, "redeem": self.redeem, "reward": self.reward}
        return tuple(what for what, value in asked.items() if value)


@dataclass(frozen=True)
class Result:
    """What became of an action; `why` is a code that words know."""

    id: str
    outcome: str
    why: str = ""
    balance: int | None = None


class Refusal(Forbidden):
    """It was not allowed then, or is not now."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class Clash(Conflict):
    """It was given away already and cannot be counted."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def read(raw: object, place: int) -> Queued:
    """One action of a request. What has an id and a number gets an answer of its own, however odd the rest is."""
    said = raw if isinstance(raw, dict) else {}
    id, seq = said.get("id"), said.get("seq")
    if not isinstance(id, str) or not _ID.fullmatch(id):
        raise BadInput("An action has an id: a UUID in small letters.", field=f"actions.{place}.id")
    if not isinstance(seq, int) or not _is_whole(seq, 1, _MOST_SEQ):
        raise BadInput("An action has a number (seq): the till counts them from 1.", field=f"actions.{place}.seq")
    bare = Queued(id, seq)
    fields = {name: said[name] for name in _FIELDS if name in said}
    is_known = set(said) <= {"id", "seq", *fields}
    return replace(bare, **fields, is_whole=True) if is_known and _is_good(fields) else bare


def permit(
    tx: Connection, rules: TillSection, till: Till, shift: Shift, keys: Sequence[Mapping[str, str]], now: int
) -> dict[str, Any]:
    """What a till needs to go on alone, and until when: as long as the shift, a day at most."""
    latest = select(t.Card.code_id).order_by(t.Card.id.desc()).limit(MOST_LISTED)
    blocked = latest.where(text(f"card.{t.NOT_ACTIVE}"))
    behind_pin = latest.join(t.CardPin, t.CardPin.card_id == t.Card.id)
    last = select(func.coalesce(func.max(t.Queued.seq), 0)).where(t.Queued.till_id == till.id)
    return {
        "till": till.key,
        "shift": shift.id,
        "issued": now,
        "valid_until": min(now + GOOD_SECONDS, shift.end),
        "seq": tx.execute(last).scalar_one(),
        "keys": list(keys),
        "floor": rules.offline_spend,
        "blocked": _ids(tx, blocked),
        "behind_pin": _ids(tx, behind_pin),
    }


def _ids(tx: Connection, which: Select[bytes]) -> list[str]:
    """As they stand in codes."""
    return [b32encode(id).decode() for id in tx.execute(which).scalars()]


def settle(
    tx: Connection, rules: TillSection, find: Find, till: Till, queued: Queued, now: int, zone: ZoneInfo
) -> Result:
    """Count one action, or say why not; the caller holds the till's row, and every action is its own transaction."""
    fingerprint = _fingerprint(till, queued)
    same_name = or_((t.Queued.till_id == till.id) & (t.Queued.seq == queued.seq), t.Queued.name == queued.id)
    earlier = tx.execute(select(t.Queued).where(same_name)).all()
    for row in earlier:
        if row.fingerprint == fingerprint:
            return _again(row)
    if earlier:
        shift = shifts.at(tx, till.id, queued.at)
        staff_id = shift.person.id if shift else None
        conflicts.record(tx, till.id, fingerprint, "number_reused", queued.content, queued.at, now, staff_id)
        return Result(queued.id, "conflict", "number_reused")
    counting = _Counting(tx, rules, till, queued, now, zone)
    return counting.keep(fingerprint, counting.try_to(find))


class _Counting:
    """One action on its way into the store."""

    def __init__(
        self, tx: Connection, rules: TillSection, till: Till, queued: Queued, now: int, zone: ZoneInfo
    ) -> None:
        self._tx, self._rules, self._till, self._queued, self._now, self._zone = tx, rules, till, queued, now, zone
        self._who: Presence | None = None
        self._card_id: int | None = None
        self._amount = 0

    def try_to(self, find: Find) -> Result:
        try:
            # What was written before it failed goes; that it failed stays.
            with self._tx.begin_nested():
                return self._count(find)
        except PassesError as refused:
            self._amount = 0
            outcome = "conflict" if isinstance(refused, Conflict) else "refused"
            return Result(self._queued.id, outcome, refused.code[:40])

    def keep(self, fingerprint: bytes, result: Result) -> Result:
        """Write down what became of it, for whoever asks again and for the manager."""
        queued, till = self._queued, self._till
        kept = "applied" if result.outcome == "repeated" else result.outcome
        values = {"till_id": till.id, "seq": queued.seq, "name": queued.id, "fingerprint": fingerprint}
        values |= {"kind": queued.kind, "card_id": self._card_id, "at": queued.at, "created": self._now}
        values |= {"outcome": kept, "why": result.why, "amount": self._amount, "balance": result.balance}
        self._tx.execute(insert(t.Queued).values(values))
        staff_id = self._who.person.id if self._who else None
        # What a lost device sends late is nobody's sale to settle.
        if result.outcome == "conflict" or (result.outcome == "refused" and till.revoked is None):
            about = (fingerprint, result.why, queued.content, queued.at, self._now, staff_id, self._card_id)
            conflicts.record(self._tx, till.id, *about)
        if result.why and self._who:
            for what in queued.whats:
                actions.write(self._tx, self._who, what, result.why, self._now, card_id=self._card_id, at=queued.at)
        return result

    def _count(self, find: Find) -> Result:
        tx, queued = self._tx, self._queued
        if not queued.is_whole:
            raise Refusal("malformed", "The action is not whole.")
        self._who = who = self._worker()
        rights.require(who, queued.whats)
        self._refuse_if_revoked()
        rights.hold(tx, who)
        held = find(tx, queued.code)
        self._card_id = held.id
        if "earn" in queued.whats:
            rights.refuse_own_card(tx, who, held.id)
        programme = programmes.of_card(tx, held)
        order = queued.order(programme.definition, self._till.location)
        answer = receipts.post(tx, held, order, self._now, who.stamp)
        balance = answer.body["balances"][programme.definition.unit]
        if answer.repeated:
            # With a connection its answer was lost, and the till kept it to be sure.
            return Result(queued.id, "repeated", balance=balance)
        effects = answer.body["effects"]
        self._refuse_beyond_the_floor(held, effects["spent"])
        self._note(held, effects)
        return Result(queued.id, "applied", balance=balance)

    def _worker(self) -> Presence:
        """Whose shift it was; a queue is worth no more than its till's shifts."""
        if self._queued.at > self._now + shifts.SLACK_SECONDS:
            raise Refusal("clock_ahead", "The till's clock is ahead of ours.")
        shift = shifts.at(self._tx, self._till.id, self._queued.at)
        if shift is None:
            raise Refusal("no_shift", "Nobody's shift was open at this till then.")
        person = replace(shift.person, role="cashier")
        return Presence(person, self._till.key, self._till.id, self._till.location, shift.id)

    def _refuse_if_revoked(self) -> None:
        revoked = self._till.revoked
        if revoked is not None and (self._queued.at > revoked or self._queued.kind != "earn"):
            raise Refusal("till_revoked", "The till was revoked.")

    def _refuse_beyond_the_floor(self, held: Held, spent: int) -> None:
        if not spent:
            return
        if spent > self._rules.offline_spend:
            raise Clash("over_floor", "More was spent than a till without a connection may take.")
        mine = (t.Queued.till_id == self._till.id, t.Queued.card_id == held.id, t.Queued.outcome == "applied")
        # The one before was not counted yet when this one was made.
        unseen = (t.Queued.kind != "earn", t.Queued.created >= self._queued.at)
        if self._tx.execute(select(t.Queued.id).where(*mine, *unseen)).first():
            raise Clash("spent_twice", "The card was spent from twice without a connection.")

    def _note(self, held: Held, effects: Mapping[str, Any]) -> None:
        """Into the log under the till's own time; what a day allows holds offline too."""
        tx, who, queued = self._tx, self._who, self._queued
        assert who is not None
        receipt_id = receipts.find(tx, queued.receipt, held.row.programme).id
        self._amount = effects["earned"]
        for what in queued.whats:
            amount = effects["earned"] if what == "earn" else effects["spent"]
            told = {"card_id": held.id, "amount": amount, "receipt_id": receipt_id, "at": queued.at}
            actions.write(tx, who, what, actions.DONE, self._now, **told)
            rights.refuse_over_the_day(tx, self._rules, who, what, held.id, queued.at, self._zone)
        if self._till.revoked is not None and self._given_since_revoked() + self._amount > self._rules.revoked_earn:
            raise Refusal("till_revoked", "The till was revoked, and what may still be counted for it is used up.")

    def _given_since_revoked(self) -> int:
        late = (t.Queued.till_id == self._till.id, t.Queued.created >= self._till.revoked)
        return int(self._tx.execute(select(func.coalesce(func.sum(t.Queued.amount), 0)).where(*late)).scalar_one())


def _again(row: Row) -> Result:
    outcome = "repeated" if row.outcome == "applied" else row.outcome
    return Result(row.name, outcome, row.why, row.balance)


def _is_good(fields: Mapping[str, Any]) -> bool:
    code, receipt = fields.get("code"), fields.get("receipt")
    if not (isinstance(code, str) and len(code) <= MOST_CODE and isinstance(receipt, str)):
        return False
    total, redeem, reward = fields.get("total", 0), fields.get("redeem", 0), fields.get("reward", "")
    stamps = fields.get("stamps", 0)
    amounts = _is_whole(total, 0, MAX_AMOUNT) and _is_whole(redeem, 0, MAX_AMOUNT) and isinstance(reward, str)
    if not (amounts and _is_whole(stamps, 0, basket.MOST_AT_ONCE)):
        return False
    if not (_RECEIPT.fullmatch(receipt) and _is_whole(fields.get("at"), 1, _MOST_SEQ)):
        return False
    match fields.get("kind"):
        case "earn":
            return bool(total or stamps) and not redeem and not reward
        case "redeem":
            return bool(redeem) and not reward
        case "reward":
            return bool(_REWARD.fullmatch(reward)) and not total and not redeem and not stamps
    return False


def _is_whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _fingerprint(till: Till, queued: Queued) -> bytes:
    content = {**vars(queued), "till": till.key}
    # What a till kept before it knew of stamps is the same action still.
    if not queued.stamps:
        del content["stamps"]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).digest()
