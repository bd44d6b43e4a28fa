"""Coupons: each with a code of its own, issued, then redeemed once, ended by time or made void.

What a kind of coupon gives is the programme's definition; a row is one coupon. A code is sixty random bits in
letters that cannot be mistaken for each other: nobody guesses one, and trying is counted. Redeeming is one
conditional statement within the receipt, so of two tills with the same coupon exactly one succeeds. A coupon without
a card is a bearer's (printed on a pack) until a card claims or redeems it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import insert, select, update

from . import couponcodes, possessions, programmes, revisions, stock, tries
from .cards import Held
from .definition import CouponPart, Definition
from .errors import BadInput, Conflict, LimitReached, NotFound, OutOfStock, TooManyTries
from .points.discounts import Bill, Off, off
from .points.moves import Act, Effect, Move
from .points.orders import Case
from .programmes import Programme
from .secrets import Secrets
from .store import Connection, Row
from .store import tables as t
from .tries import Counter
from .zones import end_of_day

FREE_TRIES = 20
_CHUNK = 1000


class CannotBeUsed(Conflict):
    """A coupon that was brought; `coupon` is its code, by which those who may know are told more."""

    def __init__(self, sentence: str, *, field: str, coupon: str = "") -> None:
        super().__init__(sentence, field=field)
        self.coupon = coupon


class CouponUsed(CannotBeUsed):
    """It was redeemed before; the sentence says when."""

    code = "coupon_used"


class CouponOver(CannotBeUsed):
    """It ended, was made void, or has not begun."""

    code = "coupon_over"


class ItsACoupon(Conflict):
    """A coupon was scanned where a card was expected; the sentence says which and how it stands."""

    code = "coupon"


class NotYours(Conflict):
    """It belongs to another card."""

    code = "coupon_of_another"


@dataclass(frozen=True)
class Found:
    """A coupon, its kind and what it takes off the bill at hand."""

    row: Row
    part: CouponPart
    off: Off


def issue(tx: Connection, programme: Programme, kind: str, card_id: int | None, now: int, n: int = 1) -> list[str]:
    """`n` new coupons for a card, or for whoever bears them; their codes. The caller draws the card."""
    part = _part(programme.at(now).definition, kind)
    if part.ends is not None and part.ends <= now:
        raise CouponOver(f"The coupon “{kind}” is over; none is issued any more.", field="coupon")
    if part.stock is not None and not stock.take(tx, programme.id, _thing(kind), part.stock, n=n):
        raise OutOfStock(f"There are only {part.stock} coupons “{kind}” in all and too few are left.", field="coupon")
    values = {
        "programme_id": programme.id,
        "card_id": card_id,
        "kind": kind,
        "starts": max(now, part.starts or now),
        "ends": _end(programme, part, now),
        "changed": now,
        "created": now,
    }
    codes = [couponcodes.new() for _ in range(n)]
    for start in range(0, n, _CHUNK):
        tx.execute(insert(t.Coupon), [values | {"code": code} for code in codes[start : start + _CHUNK]])
    return codes


def welcome(tx: Connection, programme: Programme, card_id: int, now: int) -> None:
    """The coupons that are promised for joining; a kind that is over or used up welcomes nobody any more."""
    for part in programme.at(now).definition.coupons:
        if part.on_join:
            with suppress(CouponOver, OutOfStock):
                issue(tx, programme, part.key, card_id, now)


def find(tx: Connection, code: str) -> Row:
    """The coupon with this code, however it was written."""
    known = couponcodes.read(code)
    row = known and tx.execute(_with_programme().where(t.Coupon.code == known)).first()
    if not row:
        raise NotFound("There is no coupon with this code.", field="coupon")
    return row


def kinds(tx: Connection, programme: Programme, codes: Sequence[str]) -> dict[str, str]:
    """What each of these codes is a coupon of, in whatever state; other codes are left out."""
    if not codes:
        return {}
    known = {code: couponcodes.read(code) for code in codes}
    which = (t.Coupon.programme_id == programme.id, t.Coupon.code.in_(list(filter(None, known.values()))))
    found = {row.code: row.kind for row in tx.execute(select(t.Coupon.code, t.Coupon.kind).where(*which))}
    return {code: found[read] for code, read in known.items() if read in found}


def of_card(tx: Connection, card_id: int, limit: int, before: int | None = None) -> Sequence[Row]:
    """A card's coupons in every state, the newest first; `before` is the id of the row to go on after."""
    query = _with_programme().where(t.Coupon.card_id == card_id)
    if before is not None:
        query = query.where(t.Coupon.id < before)
    return tx.execute(query.order_by(t.Coupon.id.desc()).limit(limit)).all()


def why_not(tx: Connection, programme: Programme, rows: Sequence[Row]) -> dict[int, str]:
    """What stands between members and coupons beside their state, by row id: `limit`, or nothing."""
    return dict.fromkeys(possessions.over_limit(tx, programme.definition, rows), "limit")


def state(row: Row, now: int) -> str:
    """Its state at this moment, even if the sweep has not come by yet."""
    return "expired" if row.state == "issued" and row.ends is not None and row.ends <= now else str(row.state)


def count_try(tx: Connection, secrets: Secrets, held: Held, code: str, now: int) -> None:
    """Before a member's code is looked at: in a transaction of its own, so that a wrong one stays counted."""
    counter = Counter(secrets.derive("tries", b"coupon", held.serial.encode()), FREE_TRIES)
    if wait := tries.begin(tx, [counter], now):
        raise TooManyTries("Too many codes were tried that are no coupons", wait, field="code")
    known = couponcodes.read(code)
    if known and tx.execute(select(t.Coupon.id).where(t.Coupon.code == known)).first():
        tries.give_back(tx, counter)


def claim(tx: Connection, held: Held, code: str, now: int) -> Row:
    """Put a bearer's coupon on this card; claiming it again changes nothing."""
    held.refuse_unless_active()
    row = find(tx, code)
    programme = programmes.of_card(tx, held)
    _refuse_unless_usable(row, programme, held.id, now)
    if row.card_id is None:
        _refuse_over_limit(tx, _part(programme.at(now).definition, row.kind), held.id, 0)
        taken = update(t.Coupon).where(t.Coupon.id == row.id, t.Coupon.card_id.is_(None), t.Coupon.state == "issued")
        if tx.execute(taken.values(card_id=held.id, changed=now)).rowcount != 1:
            raise NotYours("Another card claimed this coupon a moment ago.", field="coupon")
        revisions.record(tx, held.id, now)
    return find(tx, code)


def redeem(tx: Connection, case: Case, left: Bill) -> Move | None:
    """The receipt's coupons, one after the other; nothing is written."""
    if not case.order.coupons:
        return None
    found: list[Found] = []
    rest = left
    for code in case.order.coupons:
        row = find(tx, code)
        if any(other.row.id == row.id for other in found):
            raise BadInput("The same coupon is there twice.", field="coupons")
        _refuse_unless_usable(row, case.programme, case.held.id, case.now)
        part = _part(case.definition, row.kind)
        _refuse_over_limit(tx, part, case.held.id, sum(other.row.kind == row.kind for other in found))
        found.append(Found(row, part, off(part.off, rest, left.total)))
        rest = rest.less(found[-1].off)
    if len(found) > 1 and (alone := next((each for each in found if not each.part.stacks), None)):
        raise BadInput(f"The coupon “{alone.part.key}” cannot be used together with others.", field="coupons")
    return Move(
        discount=left.total - rest.total,
        cuts=tuple(before.price - after.price for before, after in zip(left.lines, rest.lines, strict=True)),
        # In one order everywhere, or two tills with the same two coupons wait for each other.
        acts=tuple(partial(_use, each, case) for each in sorted(found, key=lambda each: int(each.row.id))),
        told={"coupons": [{"coupon": each.part.key, "discount": each.off.amount} for each in found]},
    )


def undo(tx: Connection, effect: Effect, now: int) -> None:
    """The coupon is as it was before the receipt; one whose time is over has ended."""
    restored = {"state": "issued", "card_id": effect["card"], "receipt": None, "changed": now}
    tx.execute(update(t.Coupon).where(t.Coupon.id == effect["id"], t.Coupon.state == "redeemed").values(restored))


def gift(case: Case, kind: str, rule: str) -> Act:
    """Give the card a coupon within the receipt because of a rule (or a reward)."""

    def act(tx: Connection) -> Effect:
        (code,) = issue(tx, case.programme, kind, case.held.id, case.now)
        limit = {"programme": case.programme.id, "stock": _part(case.definition, kind).stock}
        return {"kind": "issue", "coupon": kind, "rule": rule, "code": code, **limit}

    return act


def left(tx: Connection, programme: Programme, kind: str, now: int) -> int | None:
    """How many of a kind there still are to give (None: there is no limit); none when its time is over."""
    part = _part(programme.at(now).definition, kind)
    if part.ends is not None and part.ends <= now:
        return 0
    return None if part.stock is None else max(0, part.stock - stock.gone(tx, programme.id, _thing(kind)))


def used(tx: Connection, case: Case, limited: Collection[str]) -> dict[str, int]:
    """How many of each of these kinds the member has used, with those of this receipt; no kind is there with none."""
    mine = list(kinds(tx, case.programme, case.order.coupons).values())
    before = possessions.coupons_used(tx, [case.held.id], limited)
    found = {kind: before.get((case.held.id, kind), 0) + mine.count(kind) for kind in limited}
    return {kind: n for kind, n in found.items() if n}


def refuse_useless(tx: Connection, case: Case, kind: str, field: str) -> None:
    """Nobody pays for a coupon, or uses up a code for it, that they may not use any more."""
    part = _part(case.definition, kind)
    if part.per_member is not None and used(tx, case, [kind]).get(kind, 0) >= part.per_member:
        raise _used_up(part, field)


def gift_if_any(case: Case, kind: str, rule: str) -> Act:
    """As `gift`, of what the card did not ask for: it must not fail because another took the last one just now, or
    because the member may not use one any more."""
    give = gift(case, kind, rule)

    def act(tx: Connection) -> Effect:
        missed = {"kind": "missed", "coupon": kind, "rule": rule}
        try:
            return give(tx) if may_use(tx, _part(case.definition, kind), case.held.id) else missed
        except (CouponOver, OutOfStock):
            return missed

    return act


def take_back(tx: Connection, effect: Effect, now: int) -> None:
    """What a receipt gave goes with it, and one more is there again. One that was used meanwhile stays used; should its
    use be undone, it is over."""
    given = update(t.Coupon).where(t.Coupon.code == effect["code"])
    voided = given.where(t.Coupon.state == "issued").values(state="void", changed=now)
    if not tx.execute(voided).rowcount:
        tx.execute(given.where(t.Coupon.state == "redeemed").values(ends=now))
    elif effect.get("stock") is not None:
        stock.give_back(tx, effect["programme"], _thing(effect["coupon"]))


def void(tx: Connection, code: str, now: int) -> Row:
    """Make a coupon worthless; twice is as once. One that was used is refused."""
    row = find(tx, code)
    # The card first, as every till does.
    if row.card_id is not None:
        tx.execute(select(t.Card.id).where(t.Card.id == row.card_id).with_for_update(key_share=True))
    voided = update(t.Coupon).where(t.Coupon.id == row.id, t.Coupon.state.in_(("issued", "expired")))
    if tx.execute(voided.values(state="void", changed=now)).rowcount != 1 and find(tx, code).state != "void":
        raise CouponUsed("This coupon was redeemed; reverse its receipt first.", field="coupon")
    if row.card_id is not None:
        revisions.record(tx, row.card_id, now)
    return find(tx, code)


def expire(tx: Connection, now: int, chunk: int) -> int:
    """End some of the coupons whose time has come; how many. Cards follow by their own clock."""
    due = select(t.Coupon.id).where(t.Coupon.state == "issued", t.Coupon.ends <= now).order_by(t.Coupon.ends)
    ids = tx.execute(due.limit(chunk).with_for_update(skip_locked=True)).scalars().all()
    if ids:
        tx.execute(update(t.Coupon).where(t.Coupon.id.in_(ids)).values(state="expired", changed=now))
    return len(ids)


def told(tx: Connection, code: str, now: int) -> ItsACoupon:
    """What to tell whoever scanned a coupon where a card was expected."""
    row = find(tx, code)
    programme = programmes.get(tx, row.programme_id)
    return ItsACoupon(_sentence(row, programme, why_not(tx, programme, [row]), now), field="code")


def _sentence(row: Row, programme: Programme, why: Mapping[int, str], now: int) -> str:
    name = next((part.name for part in programme.definition.coupons if part.key == row.kind), {"en": row.kind})
    what = f"This is the coupon “{name.get('en') or next(iter(name.values()))}” of {row.programme}"
    match state(row, now):
        case "issued" if row.id in why:
            return f"{what}, and its member has used as many as one may."
        case "issued":
            return f"{what}. Scan the member's card first, then add the coupon to the receipt."
        case "redeemed":
            return f"{what}, used already on {_moment(row.changed, programme)}."
        case "expired":
            return f"{what}, over since {_moment(row.ends, programme)}."
        case _:
            return f"{what}, void since {_moment(row.changed, programme)}."


def _part(definition: Definition, kind: str) -> CouponPart:
    part = next((part for part in definition.coupons if part.key == kind), None)
    if part is None:
        raise NotFound(f"This programme has no coupon “{kind[:40]}”.", field="coupon")
    return part


def _thing(kind: str) -> str:
    return f"coupon:{kind}"


def _end(programme: Programme, part: CouponPart, now: int) -> int | None:
    ends = [part.ends] if part.ends is not None else []
    if part.valid_days is not None:
        ends.append(end_of_day(max(now, part.starts or now), part.valid_days, programme.definition.zone))
    return min(ends, default=None)


def _refuse_unless_usable(row: Row, programme: Programme, card_id: int, now: int) -> None:
    if row.programme_id != programme.id:
        raise NotYours(f"This coupon is of another programme, {row.programme}.", field="coupons")
    about = {"field": "coupons", "coupon": couponcodes.written(row.code)}
    match state(row, now):
        case "redeemed":
            raise CouponUsed(f"This coupon was used already, on {_moment(row.changed, programme)}.", **about)
        case "expired":
            raise CouponOver(f"This coupon ended on {_moment(row.ends, programme)}.", **about)
        case "void":
            raise CouponOver(f"This coupon was made void on {_moment(row.changed, programme)}.", **about)
    if row.card_id not in (None, card_id):
        raise NotYours("This coupon belongs to another card.", field="coupons")
    if row.starts > now:
        raise CouponOver(f"This coupon begins on {_moment(row.starts, programme)}.", **about)


def may_use(tx: Connection, part: CouponPart, card_id: int, more: int = 0) -> bool:
    """Whether the card has not used as many of a kind as one member may; `more` are in the same receipt."""
    if part.per_member is None:
        return True
    return possessions.coupons_used(tx, [card_id], [part.key]).get((card_id, part.key), 0) + more < part.per_member


def _refuse_over_limit(tx: Connection, part: CouponPart, card_id: int, more: int) -> None:
    if not may_use(tx, part, card_id, more):
        raise _used_up(part, "coupons")


def _used_up(part: CouponPart, field: str) -> LimitReached:
    return LimitReached(f"One member may use the coupon “{part.key}” {part.per_member} times.", field=field)


def _use(found: Found, case: Case, tx: Connection) -> Effect:
    row, card_id = found.row, case.held.id
    free = (t.Coupon.card_id == card_id) | t.Coupon.card_id.is_(None)
    redeemed = {"state": "redeemed", "card_id": card_id, "receipt": case.order.receipt, "changed": case.now}
    which = (t.Coupon.id == row.id, t.Coupon.state == "issued", free)
    if tx.execute(update(t.Coupon).where(*which).values(redeemed)).rowcount != 1:
        raise CouponUsed(
            "This coupon was used at another till a moment ago.", field="coupons", coupon=couponcodes.written(row.code)
        )
    return {"kind": "coupon", "id": row.id, "coupon": row.kind, "card": row.card_id, "discount": found.off.amount}


def _moment(at: int, programme: Programme) -> str:
    return f"{datetime.fromtimestamp(at, programme.definition.zone):%Y-%m-%d at %H:%M}"


def _with_programme() -> Any:
    return select(t.Coupon, t.Programme.key.label("programme")).join(
        t.Programme, t.Programme.id == t.Coupon.programme_id
    )
