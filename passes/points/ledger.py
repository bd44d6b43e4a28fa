"""The ledger: whatever moved, from which account to which, chained and never changed.

What drafts do to an account is reckoned in memory first (`purses`), then written in one go: at every commit the
balance of a purse is the sum of its postings and the sum of its open lots. Each posting carries the hash of the one
before, so a change to any stored row is found and located by `verify` (see `audit`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ..store import Connection
from ..store import tables as t
from .purses import Account, Draft, Lot, Purse, Rehearsal, ended, latest, of_unit, rehearse

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
    found = set(tx.execute(_SELECT_ENDED, {"ids": list(idle_ends), "b_now": now}).scalars())
    idle = {card: [unit for unit, end in ends.items() if end <= now] for card, ends in idle_ends.items()}
    if any(idle.values()):
        which = {"ids": [card for card, units in idle.items() if units]}
        found |= {row.card_id for row in tx.execute(_SELECT_HELD, which) if row.unit in idle[row.card_id]}
    return found


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
    rehearsal = rehearse(account, drafts, now)
    chain = chain or head(tx, account.programme_id)
    lots = _open_lots(tx, rehearsal)
    _insert_postings(tx, account, drafts, rehearsal, lots, chain, receipt_id, now)
    _settle(tx, rehearsal)
    if marks:
        tx.execute(_MARK_CARD, {"b_id": account.id, "latest": latest(drafts, now), "next_change": now})
    return rehearsal.account(lots)


def expire(tx: Connection, account: Account, now: int) -> Account:
    """Post the end of the lots whose time has come; the account as it is afterwards."""
    drafts = ended(account, now)
    return write(tx, account, drafts, now) if drafts else account


def chain_hash(previous: bytes, values: Mapping[str, Any]) -> bytes:
    """SHA-256 over the previous hash and the posting as canonical JSON."""
    canonical = json.dumps([values[name] for name in _CHAINED], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(previous + canonical.encode()).digest()


def _open_lots(tx: Connection, rehearsal: Rehearsal) -> dict[int, int]:
    """The new lots in the table: the number they had in memory to the number they have."""
    lots = {}
    for number, unit in rehearsal.opened.items():
        lot = next((lot for lot in rehearsal.purses[unit].lots if lot.id == number), None)
        values = {
            "card_id": rehearsal.before.id,
            "unit": unit,
            "amount": rehearsal.filled[number],
            "left": rehearsal.filled[number] + rehearsal.left.get(number, 0),
            "expires": lot.expires if lot else None,
            "ripens": lot.ripens if lot else None,
        }
        lots[number] = tx.execute(_INSERT_LOT, values).scalar_one()
    return lots


def _settle(tx: Connection, rehearsal: Rehearsal) -> None:
    """What changed in purses and in lots that were there before."""
    left, filled, before = rehearsal.left, rehearsal.filled, rehearsal.before
    changes = [
        {"b_id": lot, "b_left": left.get(lot, 0) + filled.get(lot, 0), "b_amount": filled.get(lot, 0)}
        for lot in sorted({*left, *filled} - set(rehearsal.opened))
    ]
    if changes:
        tx.execute(_CHANGE_LOT, changes)
    purses = [
        {"card_id": before.id, "unit": unit, "balance": purse.balance, "earned": purse.earned}
        for unit, purse in sorted(rehearsal.purses.items())
        if purse is not before.purses.get(unit)
    ]
    tx.execute(_UPSERT_PURSE[tx.dialect.name], purses)


def _insert_postings(
    tx: Connection,
    account: Account,
    drafts: Sequence[Draft],
    rehearsal: Rehearsal,
    lots: Mapping[int, int],
    chain: Head,
    receipt_id: int | None,
    now: int,
) -> None:
    rows, seq, previous = [], chain.seq, chain.hash
    for draft, fills in zip(drafts, rehearsal.fills, strict=True):
        seq += 1
        values = _posting(account, draft, seq, receipt_id, now)
        values |= {"previous": previous, "hash": (previous := chain_hash(previous, values))}
        values["lot_id"] = None if fills is None else lots.get(fills, fills)
        rows.append(values)
    ids = {row.seq: row.id for row in tx.execute(_INSERT_POSTING, rows)}
    if rehearsal.uses:
        uses = [
            {"posting_id": ids[chain.seq + 1 + place], "lot_id": lots.get(lot, lot), "amount": amount}
            for place, lot, amount in rehearsal.uses
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
