"""What cards hold beside their points, gathered for a drawing: coupons, what is left of rewards, a paid membership,
what brings friends, and the counters that challenges and tiers go by.

It only reads, a whole batch of cards at a time, and asks nothing of a programme that promises none of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import bindparam, func, select

from .card import Coupon
from .couponcodes import written
from .definition import Definition
from .points.rules import BASKETS, EVER, SPENT, Baskets, Key, Standing
from .points.tallies import WHOLE_PROGRAMME
from .points.tiers import count, months_back
from .programmes import Programme
from .stock import PERIOD
from .store import Connection, Row
from .store import tables as t

MOST_SHOWN = 20


@dataclass
class Possessions:
    """One card's; `gone` and `had` count limited rewards, in all and by this card, `used_up` names those whose coupon
    the member has used as often as one may.

    `reached` is how far each challenge is, `needed` what a purchase must come to for each step, `counted` what tiers go
    by (None: what was ever earned of the main unit).
    """

    coupons: tuple[Coupon, ...] = ()
    gone: dict[str, int] = field(default_factory=dict)
    had: dict[str, int] = field(default_factory=dict)
    used_up: frozenset[str] = frozenset()
    paid_until: int | None = None
    reached: dict[str, int] = field(default_factory=dict)
    needed: dict[str, int] = field(default_factory=dict)
    counted: int | None = None
    friend: str = ""


def gather(tx: Connection, programme: Programme, card_ids: Sequence[int], now: int) -> dict[int, Possessions]:
    """By card; all of one programme."""
    found = {id: Possessions() for id in card_ids}
    definition = programme.definition
    if definition.coupons:
        _add_coupons(tx, programme, found)
    if any(reward.stock or reward.per_member for reward in definition.rewards):
        _add_counts(tx, programme, found)
    if definition.limited_rewards:
        _add_used_up(tx, definition, found)
    if definition.asked_of_average:
        _add_steps(tx, programme, found)
    if definition.challenges or definition.policy.is_tallied:
        _add_progress(tx, programme, found, now)
    elif definition.policy.levels and definition.policy.unit:
        for row in tx.execute(_EARNED, {"ids": list(found), "b_unit": definition.policy.unit}):
            found[row.card_id].counted = row.earned
    if definition.membership:
        for row in tx.execute(_PAID, {"ids": list(found)}):
            found[row.card_id].paid_until = row.paid_until
    if definition.referral:
        for card_id, code in tx.execute(_FRIENDS, {"ids": list(found)}):
            found[card_id].friend = code
    return found


def coupons_used(tx: Connection, card_ids: Iterable[int], kinds: Iterable[str]) -> dict[tuple[int, str], int]:
    """How many each card has used of each kind; none is left out."""
    which = {"ids": sorted(card_ids), "kinds": sorted(kinds)}
    return {(row.card_id, row.kind): row.used for row in tx.execute(_USED, which)}


def over_limit(tx: Connection, definition: Definition, rows: Iterable[Row]) -> set[int]:
    """Of these issued coupons, by row id, those whose card has used as many of the kind as one member may."""
    limits = {part.key: part.per_member for part in definition.coupons if part.per_member is not None}
    limited = [row for row in rows if row.kind in limits and row.state == "issued" and row.card_id is not None]
    if not limited:
        return set()
    used = coupons_used(tx, {row.card_id for row in limited}, limits)
    return {row.id for row in limited if used.get((row.card_id, row.kind), 0) >= limits[row.kind]}


def _add_coupons(tx: Connection, programme: Programme, found: dict[int, Possessions]) -> None:
    """Those that can be used or soon can; which of them time has ended is drawing's affair."""
    names = {part.key: part.name for part in programme.definition.coupons}
    rows = tx.execute(_ISSUED, {"ids": list(found)}).all()
    beyond = over_limit(tx, programme.definition, rows)
    for row in rows:
        mine = found[row.card_id]
        if row.kind in names and row.id not in beyond and len(mine.coupons) < MOST_SHOWN:
            mine.coupons += (Coupon(written(row.code), row.kind, names[row.kind], row.starts, row.ends),)


def _add_counts(tx: Connection, programme: Programme, found: dict[int, Possessions]) -> None:
    keys = {f"reward:{part.key}": part.key for part in programme.definition.rewards}
    which = {"ids": [WHOLE_PROGRAMME, *found], "b_programme_id": programme.id, "keys": list(keys)}
    counts: dict[int, dict[str, int]] = {}
    for row in tx.execute(_GONE, which):
        counts.setdefault(row.card_id, {})[keys[row.key]] = row.amount
    for id, mine in found.items():
        mine.gone, mine.had = counts.get(WHOLE_PROGRAMME, {}), counts.get(id, {})


def _add_used_up(tx: Connection, definition: Definition, found: dict[int, Possessions]) -> None:
    limited = definition.limited_rewards
    used = coupons_used(tx, found, {coupon for coupon, _ in limited.values()})
    for id, mine in found.items():
        mine.used_up = frozenset(key for key, (coupon, most) in limited.items() if used.get((id, coupon), 0) >= most)


def _add_steps(tx: Connection, programme: Programme, found: dict[int, Possessions]) -> None:
    which = {"ids": list(found), "b_programme_id": programme.id, "keys": [BASKETS[0], SPENT[0]], "periods": [EVER]}
    counts: dict[int, dict[Key, int]] = {}
    for row in tx.execute(_COUNTED, which):
        counts.setdefault(row.card_id, {})[row.key, row.period] = row.amount
    for id, counted in counts.items():
        standing = Standing(baskets=Baskets.of(counted))
        for key, when in programme.definition.asked_of_average.items():
            if (threshold := when.threshold(standing)) is not None:
                found[id].needed[key] = max(threshold, when.min_total)


def _add_progress(tx: Connection, programme: Programme, found: dict[int, Possessions], now: int) -> None:
    definition, counts = programme.definition, dict[int, dict[str, int]]()
    goals = {f"goal:{challenge.key}": challenge.key for challenge in definition.challenges}
    periods = {"", *(months_back(definition.policy, now, definition.zone) if definition.policy.is_tallied else ())}
    which = {
        "ids": list(found),
        "b_programme_id": programme.id,
        "keys": [*goals, definition.policy.tally],
        "periods": sorted(periods),
    }
    for row in tx.execute(_COUNTED, which):
        if row.key in goals:
            found[row.card_id].reached[goals[row.key]] = row.amount
        else:
            counts.setdefault(row.card_id, {})[row.period] = row.amount
    if definition.policy.is_tallied:
        for id, mine in found.items():
            mine.counted = count(definition.policy, counts.get(id, {}), now, definition.zone)


_EARNED = select(t.Purse.card_id, t.Purse.earned).where(
    t.Purse.card_id.in_(bindparam("ids", expanding=True)), t.Purse.unit == bindparam("b_unit")
)
_COUNTED = select(t.Tally.card_id, t.Tally.key, t.Tally.period, t.Tally.amount).where(
    t.Tally.programme_id == bindparam("b_programme_id"),
    t.Tally.card_id.in_(bindparam("ids", expanding=True)),
    t.Tally.period.in_(bindparam("periods", expanding=True)),
    t.Tally.key.in_(bindparam("keys", expanding=True)),
)
_coupon = t.table(t.Coupon)
_USED = (
    select(_coupon.c.card_id, _coupon.c.kind, func.count().label("used"))
    .where(
        _coupon.c.card_id.in_(bindparam("ids", expanding=True)),
        _coupon.c.kind.in_(bindparam("kinds", expanding=True)),
        _coupon.c.state == "redeemed",
    )
    .group_by(_coupon.c.card_id, _coupon.c.kind)
)
_ISSUED = (
    select(
        *(t.Coupon.id, t.Coupon.card_id, t.Coupon.code, t.Coupon.kind),
        *(t.Coupon.state, t.Coupon.starts, t.Coupon.ends),
    )
    .where(t.Coupon.card_id.in_(bindparam("ids", expanding=True)), t.Coupon.state == "issued")
    # What ends first is shown first.
    .order_by(t.Coupon.ends.is_(None), t.Coupon.ends, t.Coupon.id)
)
_GONE = select(t.Tally.key, t.Tally.card_id, t.Tally.amount).where(
    t.Tally.programme_id == bindparam("b_programme_id"),
    t.Tally.card_id.in_(bindparam("ids", expanding=True)),
    t.Tally.period == PERIOD,
    t.Tally.key.in_(bindparam("keys", expanding=True)),
)
_FRIENDS = select(t.FriendCode.card_id, t.FriendCode.code).where(
    t.FriendCode.card_id.in_(bindparam("ids", expanding=True))
)
_PAID = select(t.Membership.card_id, t.Membership.paid_until).where(
    t.Membership.card_id.in_(bindparam("ids", expanding=True))
)
