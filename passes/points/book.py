"""Which rules count when: those of the day, and from an instant on a draft's instead.

`Rules` is a definition with what a million receipts ask of it answered once: the end of a day, the turns of a tier.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import cached_property

from ..definition import Definition
from ..programmes import Ruleset
from . import tiers
from .rules import Moment, RuleSet


class Rules:
    """A definition, ready to judge by."""

    def __init__(self, definition: Definition) -> None:
        self.definition, self.zone, self.policy = definition, definition.zone, definition.policy
        self.in_force, self.worth = definition.rules_in_force, definition.worth
        self.idles = frozenset(unit for unit, expiry in definition.expiries.items() if expiry.idle_days)
        self.rewards = {part.key: part.cost for part in definition.rewards}
        self.promos = {part.code: part for part in definition.promos}
        self._ends: dict[tuple[str, str], int | None] = {}
        self._ripens: dict[tuple[int, str], int | None] = {}
        self._turns: list[int] = []
        self._turns_after = 0

    def at_partner(self, partner: str | None) -> RuleSet:
        return self.definition.rules_at(partner) if partner else self.in_force

    def ends(self, unit: str, when: Moment) -> int | None:
        """When what is earned ends: the same all day, unless an instant within it is meant."""
        day = unit, when.day
        if day in self._ends:
            return self._ends[day]
        ends = self.definition.ends(unit, when.at)
        if self.definition.expiries[unit].at is None:
            self._ends[day] = ends
        return ends

    def ripens(self, days: int | None, when: Moment) -> int | None:
        if days is None:
            return None
        if (days, when.day) not in self._ripens:
            self._ripens[days, when.day] = self.definition.ripens(days, when.at)
        return self._ripens[days, when.day]

    def turns(self, after: int, until: int) -> Sequence[int]:
        """The instants at which a tier may lapse, after one and up to another."""
        known = self._turns
        if not known or after < self._turns_after:
            self._turns_after = after
            known[:] = [next(tiers.turns(self.policy, after, self.zone))]
        while known[-1] <= until:
            known.append(next(tiers.turns(self.policy, known[-1], self.zone)))
        return known[bisect_right(known, after) : bisect_right(known, until)]


class Book:
    """All rules a programme had, and the draft that stands in their place from `since` on."""

    def __init__(self, rulesets: Iterable[Ruleset], draft: Definition | None, since: int) -> None:
        self._kept, self._draft, self.since = tuple(rulesets), draft, since

    def at(self, now: int, number: int | None = None) -> Rules:
        """The rules that count at `now`; `number` says which of the programme's own it were."""
        if self._drafted is not None and now >= self.since:
            return self._drafted
        return self.recorded(now, number)

    def recorded(self, now: int, number: int | None = None) -> Rules:
        """The programme's own rules at `now`."""
        if number is not None:
            return self._by_number[number]
        place = bisect_right(self._effective, now) - 1
        return self._by_number[self._kept[max(0, place)].number]

    def counts(self, now: int) -> bool:
        """Whether what happens now is what is asked for."""
        return now >= self.since

    def changes(self, after: int, until: int) -> Sequence[tuple[int, Rules]]:
        """The instants at which other rules come into force, or what happens begins to count."""
        if until < self._first_change or self._last_change <= after:
            return ()
        return [(at, rules) for at, rules in self._all_changes if after < at <= until]

    @cached_property
    def _drafted(self) -> Rules | None:
        return Rules(self._draft) if self._draft else None

    @cached_property
    def _by_number(self) -> dict[int, Rules]:
        return {each.number: Rules(each.definition) for each in self._kept}

    @cached_property
    def _effective(self) -> list[int]:
        return [each.effective for each in self._kept]

    @cached_property
    def _all_changes(self) -> list[tuple[int, Rules]]:
        changes = [(each.effective, self._by_number[each.number]) for each in self._kept[1:]]
        if self._drafted is not None:
            changes = [(at, rules) for at, rules in changes if at < self.since]
        # Even the same rules: what ends before is told apart from what ends after.
        return sorted([*changes, (self.since, self.at(self.since))], key=lambda change: change[0])

    @cached_property
    def _first_change(self) -> int:
        return self._all_changes[0][0]

    @cached_property
    def _last_change(self) -> int:
        return self._all_changes[-1][0]
