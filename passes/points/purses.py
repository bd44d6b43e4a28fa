"""What a card holds, and what postings would do to it: pure, before anything is written.

`member` is the account of all cards in a programme's main unit, `member:<unit>` in another; the others say where an
amount comes from and goes to. What ends at the same time lies in one lot; amounts are taken from the lot that ends
first. The balance of a purse is the sum of its open lots, before a draft and after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..errors import NotEnoughPoints
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
    "referral",
]


MEMBER = "member"


USED = ("redeem", "reward", "full")
"""Kinds by which something was had for what is gone."""
# What a member spends of their own will, and therefore only what is ripe.
SPENDING = ("redeem", "reward", "transfer")


def of_unit(account: str, unit: str) -> str:
    """The account's name in a unit."""
    return f"{account}:{unit}" if unit else account


def account_of(name: str, unit: str) -> str:
    """The account without the unit, as drafts name it."""
    return name.removesuffix(f":{unit}") if unit else name


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


def rehearse(account: Account, drafts: Sequence[Draft], now: int) -> Rehearsal:
    """The drafts posted in order, in memory; raises `NotEnoughPoints` when they cannot be."""
    rehearsal = Rehearsal(account, now)
    for draft in drafts:
        rehearsal.post(draft)
    return rehearsal


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


def after_expiry(account: Account, now: int) -> Account:
    """The account as `expire` would leave it; nothing is written."""
    drafts = ended(account, now)
    return replace(account, purses=rehearse(account, drafts, now).purses) if drafts else account


def changes(drafts: Iterable[Draft]) -> dict[str, int]:
    """What the drafts do to the balance of each unit."""
    sums: dict[str, int] = {}
    for draft in drafts:
        sums[draft.unit] = sums.get(draft.unit, 0) + draft.change
    return sums


def latest(drafts: Sequence[Draft], now: int) -> dict[str, Any]:
    """What happened is named after its largest part, of the main unit if that moved: paying with 100 and earning 5 is
    paying."""
    told = [draft for draft in drafts if draft.unit == MAIN] or drafts
    largest = max(told, key=lambda draft: draft.amount)
    amount = sum(draft.change for draft in told if draft.unit == largest.unit)
    news = {"kind": largest.kind, "amount": amount, "at": now}
    return news | {"unit": largest.unit} if largest.unit else news


class Rehearsal:
    """An account while drafts are posted to it in memory; nothing is written.

    By lot: `opened` are the new ones with their unit, `left` is what was taken and given back, `filled` what was added.
    By draft: `uses` are the lots it took from, as place, lot and amount; `fills` the lot it filled, if any.
    """

    def __init__(self, account: Account, now: int) -> None:
        self.before, self._now = account, now
        self.purses = dict(account.purses)
        # Lots that are not in the table yet have numbers below zero.
        self.opened: dict[int, str] = {}
        self.left: dict[int, int] = {}
        self.filled: dict[int, int] = {}
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

    def account(self, lots: Mapping[int, int]) -> Account:
        """The account afterwards; `lots` are the numbers the new lots have in the table."""
        numbered = {
            unit: replace(purse, lots=tuple(replace(lot, id=lots.get(lot.id, lot.id)) for lot in purse.lots))
            for unit, purse in self.purses.items()
        }
        return replace(self.before, purses=numbered)

    def _take(self, purse: Purse, draft: Draft, place: int) -> Purse:
        spends = draft.kind in SPENDING
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
                self.left[lot.id] = self.left.get(lot.id, 0) - taken
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
            self.left[lot.id] = self.left.get(lot.id, 0) + amount
        return replace(purse, lots=tuple(lots.values()))

    def _fill(self, purse: Purse, draft: Draft) -> tuple[Purse, int]:
        """What ends and ripens with a lot that is open joins it, so that a card has few of them for ever."""
        joined = next((lot for lot in purse.lots if (lot.expires, lot.ripens) == (draft.expires, draft.ripens)), None)
        if joined is None:
            lot = Lot(-1 - len(self.opened), draft.amount, draft.expires, draft.ripens)
            self.opened[lot.id] = draft.unit
            lots = (*purse.lots, lot)
        else:
            lot = replace(joined, left=joined.left + draft.amount)
            lots = tuple(lot if each.id == lot.id else each for each in purse.lots)
        self.filled[lot.id] = self.filled.get(lot.id, 0) + draft.amount
        return replace(purse, lots=lots), lot.id


_NEWER = 2**62
