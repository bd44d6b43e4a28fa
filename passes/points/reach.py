"""The most that one card can collect of a unit, and for how long it has it. Pure.

It counts what rules, goals and gifts promise at best, so what is dearer than this nobody ever reaches.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..definition import CapsPart, Definition, GivePart, RulePart

DAY = 86_400


def lifetime(definition: Definition, unit: str, now: int) -> int | None:
    """How many days at most something lives; None: for ever, or as long as the card is used."""
    expiry = definition.expiries[definition.short(unit)]
    ends = [expiry.days] if expiry.days else []
    if expiry.yearly:
        ends.append(366 * (expiry.years + 1))
    if expiry.at is not None and expiry.at > now:
        ends.append((expiry.at - now) // DAY + 1)
    return min(ends, default=None)


def most_held(definition: Definition, unit: str, days: int | None) -> int | None:
    """As `most_given`; a gift card holds no more than its most."""
    most = most_given(definition, unit, days)
    if definition.gift is not None and unit == definition.unit and definition.kind == "gift":
        return min(definition.gift.most, most) if most is not None else definition.gift.most
    return most


def most_given(definition: Definition, unit: str, days: int | None) -> int | None:
    """The most that one card can be given of a unit within so many days (None: ever); None: there is no limit."""
    if unit == definition.unit and definition.kind in ("gift", "visits"):
        return None
    amounts: list[int | None] = [definition.welcome if unit == definition.unit else 0]
    for rule in earning(definition, unit):
        amounts.append(_most_of(rule.caps, days) if rule else None)
    for give, times in _givers(definition):
        if give.amount and (give.unit or definition.unit) == unit:
            amounts.append(None if times is None else give.amount * times)
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if len(known) == len(amounts) else None


def _most_of(caps: CapsPart, days: int | None) -> int | None:
    most = [caps.ever] if caps.ever is not None else []
    if days is not None and caps.day is not None:
        most.append(caps.day * (days + 1))
    if days is not None and caps.month is not None:
        most.append(caps.month * (days // 28 + 2))
    return min(most, default=None)


def _givers(definition: Definition) -> Iterator[tuple[GivePart, int | None]]:
    """What is given otherwise than by rules, and how often to one card at most (None: there is no limit)."""
    for every in definition.every:
        yield every.give, None
    for challenge in definition.challenges:
        yield challenge.give, 1
    for prize in definition.stamps.prizes if definition.stamps else ():
        yield prize.give, None
    for promo in definition.promos:
        if promo.give:
            yield promo.give, promo.per_member or promo.total
    if definition.referral:
        yield definition.referral.give, definition.referral.most
        if definition.referral.friend:
            yield definition.referral.friend, 1


def earning(definition: Definition, unit: str) -> list[RulePart | None]:
    """The rules that earn a unit; None is the base rule, here or at a partner's."""
    rules: list[RulePart | None] = [rule for rule in definition.rules if (rule.unit or definition.unit) == unit]
    earns = definition.earn.points or any(part.earn and part.earn.points for part in definition.partners)
    return [None, *rules] if unit == definition.unit and earns else rules
