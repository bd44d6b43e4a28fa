"""The ledger: whatever moved, from which account to which, chained and never changed.

`member` is the account of all cards in a programme's main unit, `member:<unit>` in another; the others say where an
amount comes from and goes to. What ends at the same time lies in one lot; amounts are taken from the lot that ends
first. The balance of a purse is the sum of its postings and the sum of its open lots, at every commit. Each posting
carries the hash of the one before, so a change to any stored row is found and located by `verify` (see `audit`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ..errors import NotEnoughPoints
from ..store import Connection
from ..store import tables as t
from .rules import MAIN

Kind = Literal[
    "earn",
    "welcome",
    "adjust",
    "redeem",
    "reward",
    "full",
    "reverse",
    "expire",
    "topup",
    "transfer",
    "convert",
    "referral",
]
MEMBER = "member"
GENESIS = bytes(32)
_CHAINED = (
    "programme_id",
    "seq",
    "card_id",
    "receipt_id",
    "kind",
    "source",
    "target",
    "amount",
    "why",
    "created",
)
# What a member spends of their own will, and therefore only what is ripe.
_SPENDING = ("redeem", "reward", "transfer", "convert")


def of_unit(account: str, unit: str) -> str:
    """The account's name in a unit."""
    return f"{account}:{unit}" if unit else account


def is_member(account: str) -> bool:
    return account == MEMBER or account.startswith(f"{MEMBER}:")


def unit_of(source: str, target: str) -> str:
    """The unit that moved between two accounts; both names carry it."""
    return (target if is_member(target) else source).partition(":")[2]


@dataclass(frozen=True)
class Lot:
    """What is left of what ends at one time. `ripens`: not to be spent before."""

    id: int
    left: int
    expires: int | None = None
    ripens: int | None = None

    def is_ripe(self, now: int) -> bool:
        return self.ripens is None or self.ripens <= now


@dataclass(frozen=True)
class Purse:
    """What a card holds of one unit; `earned`: all it ever earned, which tiers may be counted by.

    `idle_end` is when everything in it ends because nothing happened to the card.
    """

    balance: int = 0
    earned: int = 0
    lots: tuple[Lot, ...] = ()
    idle_end: int | None = None

    def end(self, lot: Lot) -> int | None:
        """When the lot ends, by its date or by idleness."""
        return min((end for end in (lot.expires, self.idle_end) if end is not None), default=None)

    def has_ended(self, lot: Lot, now: int) -> bool:
        end = self.end(lot)
        return end is not None and end <= now

    def spendable(self, now: int) -> int:
        return sum(lot.left for lot in self.lots if lot.is_ripe(now) and not self.has_ended(lot, now))


@dataclass(frozen=True)
class Account:
    """What the ledger knows of a card whose row the caller holds: its purses by unit, with their open lots."""

    id: int
    programme_id: int
    purses: Mapping[str, Purse] = field(default_factory=dict)

    def purse(self, unit: str = MAIN) -> Purse:
        return self.purses.get(unit, Purse())

    @property
    def balance(self) -> int:
        return self.purse().balance


@dataclass(frozen=True)
class Draft:
    """A posting to be. What comes to the member fills a lot, what leaves is taken from lots.

    `expires` and `ripens` are the lot's. `into` gives amounts back to the lots they came from. `first` is the lot that
    is taken from before any other.
    """

    kind: Kind
    source: str
    target: str
    amount: int
    why: Mapping[str, Any] = field(default_factory=dict)
    expires: int | None = None
    ripens: int | None = None
    into: Sequence[tuple[Lot, int]] | None = None
    first: int | None = None
    unit: str = MAIN

    @property
    def change(self) -> int:
        """What it does to the purse's balance."""
        return self.amount if self.target == MEMBER else -self.amount

    @property
    def earned(self) -> int:
        """What it does to all that was ever earned."""
        counts = self.kind in ("earn", "welcome") or self.why.get("of") in ("earn", "welcome")
        return self.change - self.why.get("forgiven", 0) if counts else 0


@dataclass(frozen=True)
class Head:
    """The end of a programme's chain; ours from now until the commit, so entries are numbered as they are committed."""

    seq: int
    hash: bytes


def account(tx: Connection, card_id: int, programme_id: int, idle_ends: Mapping[str, int] | None = None) -> Account:
    """The card's purses with their open lots, in one look. `idle_ends`: when each unit ends for idleness."""
    purses: dict[str, Purse] = {}
    for row in tx.execute(_SELECT_ACCOUNT, {"b_card_id": card_id}):
        purse = purses.get(row.unit) or Purse(row.balance, row.earned, (), (idle_ends or {}).get(row.unit))
        lots = (*purse.lots, Lot(row.id, row.left, row.expires, row.ripens)) if row.id is not None else purse.lots
        purses[row.unit] = replace(purse, lots=lots)
    return Account(card_id, programme_id, purses)


def have_ended(tx: Connection, idle_ends: Mapping[int, Mapping[str, int]], now: int) -> set[int]:
    """Which of the cards hold lots whose time has come; by card, when each unit ends for idleness."""
    ended = set(tx.execute(_SELECT_ENDED, {"ids": list(idle_ends), "b_now": now}).scalars())
    idle = {card: [unit for unit, end in ends.items() if end <= now] for card, ends in idle_ends.items()}
    if any(idle.values()):
        which = {"ids": [card for card, units in idle.items() if units]}
        ended |= {row.card_id for row in tx.execute(_SELECT_HELD, which) if row.unit in idle[row.card_id]}
    return ended


def head(tx: Connection, programme_id: int) -> Head:
    row = tx.execute(_LOCK_CHAIN, {"b_programme_id": programme_id}).one()
    return Head(row.seq, row.head)


def write(
    tx: Connection,
    account: Account,
    drafts: Sequence[Draft],
    now: int,
    receipt_id: int | None = None,
    chain: Head | None = None,
    marks: bool = True,
) -> Account:
    """Post the drafts in order; the account as it is afterwards.

    Raises `NotEnoughPoints` before anything is written. Unless the caller draws the card itself (`marks` False), it is
    marked as due to be drawn, so that a card nobody draws is found by the sweep.
    """
    work = _Work(account, now)
    for draft in drafts:
        work.post(draft)
    chain = chain or head(tx, account.programme_id)
    lots = work.open_lots(tx)
    _insert_postings(tx, account, drafts, work, lots, chain, receipt_id, now)
    work.settle(tx, lots)
    if marks:
        tx.execute(_MARK_CARD, {"b_id": account.id, "latest": latest(drafts, now), "next_change": now})
    return work.account(lots)


def rehearse(account: Account, drafts: Sequence[Draft], now: int) -> dict[str, Purse]:
    """The purses as the drafts would leave them; raises `NotEnoughPoints` when they cannot be posted."""
    work = _Work(account, now)
    for draft in drafts:
        work.post(draft)
    return dict(work.purses)


def ended(account: Account, now: int) -> list[Draft]:
    """The postings that end the lots whose time has come."""
    drafts = []
    for unit, purse in account.purses.items():
        lots = [lot for lot in purse.lots if purse.has_ended(lot, now)]
        if lots:
            why = {"expired": min(purse.end(lot) or now for lot in lots)}
            amount = sum(lot.left for lot in lots)
            drafts.append(Draft("expire", MEMBER, "expired", amount, why, unit=unit))
    return drafts


def expire(tx: Connection, account: Account, now: int) -> Account:
    """Post the end of the lots whose time has come; the account as it is afterwards."""
    drafts = ended(account, now)
    return write(tx, account, drafts, now) if drafts else account


def after_expiry(account: Account, now: int) -> Account:
    """The account as `expire` would leave it; nothing is written."""
    drafts = ended(account, now)
    return replace(account, purses=rehearse(account, drafts, now)) if drafts else account


def chain_hash(previous: bytes, values: Mapping[str, Any]) -> bytes:
    """SHA-256 over the previous hash and the posting as canonical JSON."""
    canonical = json.dumps([values[name] for name in _CHAINED], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(previous + canonical.encode()).digest()


class _Work:
    """An account while drafts are posted to it in memory; then what that means for the tables."""

    def __init__(self, account: Account, now: int) -> None:
        self._account, self._now = account, now
        self.purses = dict(account.purses)
        # Lots that are not in the table yet have numbers below zero.
        self._new: dict[int, str] = {}
        self._left: dict[int, int] = {}
        self._filled: dict[int, int] = {}
        self.uses: list[tuple[int, int, int]] = []
        self.fills: list[int | None] = []

    def post(self, draft: Draft) -> None:
        place = len(self.fills)
        purse = self.purses.get(draft.unit, Purse())
        if draft.target != MEMBER:
            purse = self._take(purse, draft, place)
            self.fills.append(None)
        elif draft.into is not None:
            purse = self._give_back(purse, draft.into)
            self.fills.append(None)
        else:
            purse, lot = self._fill(purse, draft)
            self.fills.append(lot)
        earned = max(0, purse.earned + draft.earned)
        self.purses[draft.unit] = replace(purse, balance=purse.balance + draft.change, earned=earned)

    def open_lots(self, tx: Connection) -> dict[int, int]:
        """The new lots in the table: the number we gave them to the number they have."""
        lots = {}
        for number, unit in self._new.items():
            lot = next((lot for lot in self.purses[unit].lots if lot.id == number), None)
            values = {
                "card_id": self._account.id,
                "unit": unit,
                "amount": self._filled[number],
                "left": self._filled[number] + self._left.get(number, 0),
                "expires": lot.expires if lot else None,
                "ripens": lot.ripens if lot else None,
            }
            lots[number] = tx.execute(_INSERT_LOT, values).scalar_one()
        return lots

    def settle(self, tx: Connection, lots: Mapping[int, int]) -> None:
        """What changed in lots and purses."""
        touched = {*self._left, *self._filled} - set(self._new)
        changes = [
            {
                "b_id": lot,
                "b_left": self._left.get(lot, 0) + self._filled.get(lot, 0),
                "b_amount": self._filled.get(lot, 0),
            }
            for lot in sorted(touched)
        ]
        if changes:
            tx.execute(_CHANGE_LOT, changes)
        purses = [
            {"card_id": self._account.id, "unit": unit, "balance": purse.balance, "earned": purse.earned}
            for unit, purse in sorted(self.purses.items())
            if purse is not self._account.purses.get(unit)
        ]
        tx.execute(_UPSERT_PURSE[tx.dialect.name], purses)

    def account(self, lots: Mapping[int, int]) -> Account:
        numbered = {
            unit: replace(purse, lots=tuple(replace(lot, id=lots.get(lot.id, lot.id)) for lot in purse.lots))
            for unit, purse in self.purses.items()
        }
        return replace(self._account, purses=numbered)

    def _take(self, purse: Purse, draft: Draft, place: int) -> Purse:
        spends = draft.kind in _SPENDING
        has = purse.spendable(self._now) if spends else purse.balance
        if has < draft.amount:
            raise NotEnoughPoints(has, draft.amount)
        missing, left = draft.amount, {}
        for lot in sorted(purse.lots, key=lambda lot: self._turn(purse, lot, draft.first)):
            if spends and (not lot.is_ripe(self._now) or purse.has_ended(lot, self._now)):
                continue
            taken = min(missing, lot.left)
            if taken:
                left[lot.id] = lot.left - taken
                self._left[lot.id] = self._left.get(lot.id, 0) - taken
                self.uses.append((place, lot.id, taken))
                missing -= taken
        if missing:
            raise RuntimeError("the open lots of a purse do not add up to its balance")
        lots = tuple(replace(lot, left=left[lot.id]) if lot.id in left else lot for lot in purse.lots)
        return replace(purse, lots=tuple(lot for lot in lots if lot.left))

    def _turn(self, purse: Purse, lot: Lot, first: int | None) -> tuple[bool, bool, float, int]:
        """One lot may come first; then what is ripe, and what ends first; ties by age."""
        end = purse.end(lot)
        age = lot.id if lot.id > 0 else _NEWER - lot.id
        return lot.id != first, not lot.is_ripe(self._now), float("inf") if end is None else end, age

    def _give_back(self, purse: Purse, into: Sequence[tuple[Lot, int]]) -> Purse:
        lots = {lot.id: lot for lot in purse.lots}
        for lot, amount in into:
            there = lots.get(lot.id, replace(lot, left=0))
            lots[lot.id] = replace(there, left=there.left + amount)
            self._left[lot.id] = self._left.get(lot.id, 0) + amount
        return replace(purse, lots=tuple(lots.values()))

    def _fill(self, purse: Purse, draft: Draft) -> tuple[Purse, int]:
        """What ends and ripens with a lot that is open joins it, so that a card has few of them for ever."""
        joined = next((lot for lot in purse.lots if (lot.expires, lot.ripens) == (draft.expires, draft.ripens)), None)
        if joined is None:
            lot = Lot(-1 - len(self._new), draft.amount, draft.expires, draft.ripens)
            self._new[lot.id] = draft.unit
            lots = (*purse.lots, lot)
        else:
            lot = replace(joined, left=joined.left + draft.amount)
            lots = tuple(lot if each.id == lot.id else each for each in purse.lots)
        self._filled[lot.id] = self._filled.get(lot.id, 0) + draft.amount
        return replace(purse, lots=lots), lot.id


_NEWER = 2**62


def _insert_postings(
    tx: Connection,
    account: Account,
    drafts: Sequence[Draft],
    work: _Work,
    lots: Mapping[int, int],
    chain: Head,
    receipt_id: int | None,
    now: int,
) -> None:
    rows, seq, previous = [], chain.seq, chain.hash
    for draft, fills in zip(drafts, work.fills, strict=True):
        seq += 1
        values = _posting(account, draft, seq, receipt_id, now)
        values |= {"previous": previous, "hash": (previous := chain_hash(previous, values))}
        values["lot_id"] = None if fills is None else lots.get(fills, fills)
        rows.append(values)
    ids = {row.seq: row.id for row in tx.execute(_INSERT_POSTING, rows)}
    if work.uses:
        uses = [
            {"posting_id": ids[chain.seq + 1 + place], "lot_id": lots.get(lot, lot), "amount": amount}
            for place, lot, amount in work.uses
        ]
        tx.execute(_INSERT_LOT_USE, uses)
    tx.execute(_UPDATE_CHAIN, {"b_programme_id": account.programme_id, "seq": seq, "head": previous})


def _posting(account: Account, draft: Draft, seq: int, receipt_id: int | None, now: int) -> dict[str, Any]:
    return {
        "programme_id": account.programme_id,
        "seq": seq,
        "card_id": account.id,
        "receipt_id": receipt_id,
        "kind": draft.kind,
        "source": of_unit(draft.source, draft.unit),
        "target": of_unit(draft.target, draft.unit),
        "amount": draft.amount,
        "why": dict(draft.why),
        "created": now,
    }


def latest(drafts: Sequence[Draft], now: int) -> dict[str, Any]:
    """What happened is named after its largest part, of the main unit if that moved: paying with 100 and earning 5 is
    paying."""
    told = [draft for draft in drafts if draft.unit == MAIN] or drafts
    largest = max(told, key=lambda draft: draft.amount)
    amount = sum(draft.change for draft in told if draft.unit == largest.unit)
    news = {"kind": largest.kind, "amount": amount, "at": now}
    return news | {"unit": largest.unit} if largest.unit else news


def changes(drafts: Iterable[Draft]) -> dict[str, int]:
    """What the drafts do to the balance of each unit."""
    sums: dict[str, int] = {}
    for draft in drafts:
        sums[draft.unit] = sums.get(draft.unit, 0) + draft.change
    return sums


# Every receipt runs these; built once, because putting a statement together costs more than running it.
_lot, _card, _chain, _purse = t.table(t.Lot), t.table(t.Card), t.table(t.Chain), t.table(t.Purse)
_SELECT_ACCOUNT = (
    select(_purse.c.unit, _purse.c.balance, _purse.c.earned, _lot.c.id, _lot.c.left, _lot.c.expires, _lot.c.ripens)
    .select_from(_purse)
    .outerjoin(_lot, (_lot.c.card_id == _purse.c.card_id) & (_lot.c.unit == _purse.c.unit) & (_lot.c.left > 0))
    .where(_purse.c.card_id == bindparam("b_card_id"))
    .order_by(_purse.c.unit, _lot.c.id)
)
_SELECT_ENDED = select(_lot.c.card_id).where(
    _lot.c.card_id.in_(bindparam("ids", expanding=True)), _lot.c.left > 0, _lot.c.expires <= bindparam("b_now")
)
_SELECT_HELD = select(_purse.c.card_id, _purse.c.unit).where(
    _purse.c.card_id.in_(bindparam("ids", expanding=True)), _purse.c.balance > 0
)
_LOCK_CHAIN = (
    select(_chain.c.seq, _chain.c.head).where(_chain.c.programme_id == bindparam("b_programme_id")).with_for_update()
)
_UPDATE_CHAIN = (
    update(_chain)
    .where(_chain.c.programme_id == bindparam("b_programme_id"))
    .values(seq=bindparam("seq"), head=bindparam("head"))
)
_INSERT_POSTING = insert(t.table(t.Posting)).returning(t.table(t.Posting).c.id, t.table(t.Posting).c.seq)
_INSERT_LOT = insert(_lot).returning(_lot.c.id)
_INSERT_LOT_USE = insert(t.table(t.LotUse))
_CHANGE_LOT = (
    update(_lot)
    .where(_lot.c.id == bindparam("b_id"))
    .values(left=_lot.c.left + bindparam("b_left"), amount=_lot.c.amount + bindparam("b_amount"))
)


def _holding(made: Any) -> Any:
    held = {"balance": made.excluded.balance, "earned": made.excluded.earned}
    return made.on_conflict_do_update(index_elements=["card_id", "unit"], set_=held)


_UPSERT_PURSE = {"sqlite": _holding(sqlite.insert(_purse)), "postgresql": _holding(postgresql.insert(_purse))}
_MARK_CARD = (
    update(_card)
    .where(_card.c.id == bindparam("b_id"))
    .values({name: bindparam(name) for name in ("latest", "next_change")})
)
