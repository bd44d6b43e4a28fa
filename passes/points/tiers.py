"""Which tier a member is in, until when, and what it brings: pure functions of counts and time.

A tier is reached the moment the count reaches its threshold, and lost only at the turn of a period: what was counted in
a window holds until the window has passed, and `grace_days` longer. So where a card stands at any instant follows from
its counts by month alone, and the instant at which that changes by itself is known beforehand.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta, tzinfo
from functools import cached_property, lru_cache
from itertools import repeat
from typing import Any, Literal

from ..card import Text


@dataclass(frozen=True)
class Policy:
    """What tiers are counted by, over which time, and how they are lost. `levels`: thresholds and keys, rising."""

    levels: tuple[tuple[int, str], ...] = ()
    by: Literal["earned", "spend", "visits"] = "earned"
    unit: str = ""
    period: Literal["ever", "year", "months"] = "ever"
    months: int = 12
    down: Literal["recount", "step", "never"] = "recount"
    grace_days: int = 0
    warn_days: int = 30

    @property
    def is_simple(self) -> bool:
        """Counted by all that was ever earned in a unit, which its purse knows: no counter is needed."""
        return self.by == "earned" and self.period == "ever"

    @property
    def is_tallied(self) -> bool:
        return bool(self.levels) and not self.is_simple

    @cached_property
    def thresholds(self) -> tuple[int, ...]:
        return tuple(threshold for threshold, _ in self.levels)

    @cached_property
    def ranks(self) -> Mapping[str | None, int]:
        return {key: rank for rank, (_, key) in enumerate(self.levels, 1)}

    def tier_at(self, count: int) -> str | None:
        """The highest tier that the count reaches."""
        return next((key for threshold, key in reversed(self.levels) if threshold <= count), None)

    @cached_property
    def tally(self) -> str:
        return f"tier:{self.by}:{self.unit}" if self.by == "earned" else f"tier:{self.by}"


@dataclass(frozen=True)
class Perk:
    """Something a tier brings, from `starts` until just before `ends` (none: open). `values` depend on the kind."""

    key: str
    kind: str
    name: Text
    values: Mapping[str, Any] = field(default_factory=dict)
    starts: int | None = None
    ends: int | None = None

    def is_live(self, now: int) -> bool:
        return (self.starts is None or self.starts <= now) and (self.ends is None or now < self.ends)


@dataclass(frozen=True)
class Place:
    """Where a card stands: its tier, since when, and until when at least (none: for good)."""

    tier: str | None
    since: int | None = None
    until: int | None = None


NOWHERE = Place(None)


def entitlements(perks: Sequence[Perk], now: int) -> list[dict[str, Any]]:
    """What a member of the tier may ask for now, and what is announced for later."""
    return [
        {
            "key": perk.key,
            "kind": perk.kind,
            "name": dict(perk.name),
            "active": perk.is_live(now),
            "starts": perk.starts,
            "ends": perk.ends,
            **perk.values,
        }
        for perk in perks
        if perk.ends is None or now < perk.ends
    ]


def months_back(policy: Policy, now: int, zone: tzinfo) -> list[str]:
    """The months whose counts decide at `now`, the newest first."""
    if policy.period == "ever":
        return [""]
    latest = _day(now, zone)
    reach = policy.months if policy.period == "months" else latest.month + 12
    earliest = latest - timedelta(days=policy.grace_days)
    graced = _index(latest) - _index(earliest) + (12 if policy.period == "year" and policy.grace_days else 0)
    return [_month(_index(latest) - back) for back in range(reach + graced)]


def reckon(policy: Policy, counts: Mapping[str, int], held: Place, now: int, zone: tzinfo) -> Place:
    """Where the card stands at `now`, from its counts by month ("" is ever) and the place it held before."""
    place = settled(policy, counts, held, now, zone)
    return replace(place, until=_until(policy, counts, _rank(policy, place.tier), now, zone))


def settled(policy: Policy, counts: Mapping[str, int], held: Place, now: int, zone: tzinfo) -> Place:
    """As `reckon`, for a caller who asks again at every turn and needs not know when the tier will be lost."""
    reached = _level(policy, count(policy, counts, now, zone))
    before = _rank(policy, held.tier)
    rank = reached
    if reached < before and policy.period != "ever" and policy.down != "recount":
        rank = before if policy.down == "never" or not _may_fall(policy, held, now, zone) else max(reached, before - 1)
    tier = policy.levels[rank - 1][1] if rank else None
    if tier is None:
        return NOWHERE
    return Place(tier, held.since if tier == held.tier and held.since is not None else now)


def count(policy: Policy, counts: Mapping[str, int], now: int, zone: tzinfo) -> int:
    """The best window that still holds: the one of today, or one that ended so lately that it is within its grace."""
    if policy.period == "ever":
        return counts.get("", 0)
    windows = _windows(policy.period, policy.months, policy.grace_days, _day(now, zone))
    return max([sum(map(counts.get, window, repeat(0))) for window in windows])


@lru_cache(maxsize=1024)
def _windows(period: str, months: int, grace_days: int, today: date) -> frozenset[tuple[str, ...]]:
    """The months of each window that holds on a day."""
    latest = set(range(_index(today - timedelta(days=grace_days)), _index(today) + 1))
    if period == "year":
        # What was counted in a year holds until the end of the next.
        latest = {index // 12 * 12 + 11 - back for index in latest for back in (0, 12)}
        months = 12
    return frozenset(tuple(_month(index - back) for back in range(months)) for index in latest)


def _until(policy: Policy, counts: Mapping[str, int], rank: int, now: int, zone: tzinfo) -> int | None:
    """The first turn at which the tier is lost if nothing more is counted."""
    if policy.period == "ever" or policy.down == "never" or not rank or _is_free(policy, rank):
        return None
    for turn in turns(policy, now, zone):
        if _level(policy, count(policy, counts, turn, zone)) < rank:
            return turn
    return None


def turns(policy: Policy, now: int, zone: tzinfo) -> Iterator[int]:
    """The instants to come at which a window ends and its grace is over."""
    index = _index(_day(now, zone) - timedelta(days=policy.grace_days))
    for ahead in range(1, policy.months + 26):
        month = index + ahead
        if policy.period == "year" and month % 12:
            continue
        first = date.fromisoformat(f"{_month(month)}-01") + timedelta(days=policy.grace_days)
        turn = int(datetime.combine(first, time(), zone).timestamp())
        if turn > now:
            yield turn


def _may_fall(policy: Policy, held: Place, now: int, zone: tzinfo) -> bool:
    """One step at a time: only when a turn has come since the tier was taken."""
    if held.since is None:
        return True
    return next(turns(policy, held.since, zone)) <= now


def _level(policy: Policy, count: int) -> int:
    """How many thresholds the count reaches."""
    return bisect_right(policy.thresholds, count)


def _rank(policy: Policy, tier: str | None) -> int:
    return policy.ranks.get(tier, 0)


def _is_free(policy: Policy, rank: int) -> bool:
    """A tier that nothing reaches is everybody's and cannot be lost."""
    return policy.levels[rank - 1][0] == 0


def _day(at: int, zone: tzinfo) -> date:
    return datetime.fromtimestamp(at, zone).date()


def _index(day: date) -> int:
    return day.year * 12 + day.month - 1


def _month(index: int) -> str:
    return f"{index // 12:04d}-{index % 12 + 1:02d}"
