"""What rules give back in money, as a share of what was paid for it. Pure.

A purchase is worth more than it costs when points, vouchers and coupons together bring back all that was paid; whoever
writes such rules loses with every sale. Shares are whole percents of money paid, rounded down.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from math import prod

from ..definition import CouponPart, Definition, EarnPart, GivePart, PerkPart, RulePart


@dataclass(frozen=True)
class Share:
    """`is_certain`: with every purchase, not only with those of a season, a tier or a weekday."""

    field: str
    percent: int
    what: str
    remedy: str
    is_certain: bool = True


def shares(definition: Definition) -> Iterator[Share]:
    """What every purchase brings back, what the best one does, what partners give, and what rewards and coupons do."""
    unit, worth = definition.unit, definition.worth
    always, best = _earned(definition, certain=True), _earned(definition, certain=False)
    remedy = "Earn fewer, or make one worth less (`worth_of_one`)."
    yield Share("earn.points", _percent(always * worth), unit, remedy)
    if best != always:
        field = "multipliers" if definition.multipliers else "rules" if definition.rules else "tiers"
        yield Share(field, _percent(best * worth), f"{unit} at best", remedy, is_certain=False)
    for place, partner in enumerate(definition.partners):
        if partner.earn is not None:
            yield Share(f"partners.{place}.earn.points", _percent(_base(partner.earn) * worth), unit, remedy)
    yield from _vouchers(definition)
    yield from _machines(definition, always)


def _earned(definition: Definition, certain: bool) -> Fraction:
    """Points for each unit of money, by the base rule and those of money; at best with multipliers."""
    back = _base(definition.earn)
    for rule in definition.rules:
        is_main = rule.measure == "money" and rule.unit in (None, definition.unit)
        if is_main and (not certain or _is_open(rule)):
            back += Fraction(rule.amount, rule.per or 100)
    if certain:
        return back
    main = (None, definition.unit)
    factors = [Fraction(part.percent, 100) for part in definition.multipliers if part.unit in main]
    # A card has one tier at a time.
    by_tier = [
        [Fraction(perk.percent or 100, 100) for perk in tier.perks if _multiplies(perk, main)]
        for tier in definition.tiers
    ]
    if definition.stack == "best":
        return back * max((*factors, *chain.from_iterable(by_tier)), default=Fraction(1))
    return back * prod(factors) * max(map(prod, by_tier), default=1)


def _multiplies(perk: PerkPart, units: Container[str | None]) -> bool:
    return perk.kind == "multiplier" and perk.unit in units


def _is_open(rule: RulePart) -> bool:
    """No condition, no cap, and for all goods."""
    return rule.when == type(rule.when)() and rule.goods.goods is None and not any(most for _, most in rule.caps)


def _base(part: EarnPart) -> Fraction:
    return Fraction(part.points, part.per)


def _vouchers(definition: Definition) -> Iterator[Share]:
    """What so much spending brings."""
    remedy = "Ask for more spending (`spend`) or give less."
    for place, part in enumerate(definition.every):
        worth = _worth(part.give, definition)
        if worth is not None:
            yield Share(f"every.{place}.spend", _percent(Fraction(worth, part.spend)), "what it gives", remedy)


def _machines(definition: Definition, earned: Fraction) -> Iterator[Share]:
    """Rewards whose coupon takes more off than must be spent to afford it: they pay for themselves, again and again."""
    if not earned:
        return
    remedy = "Raise the reward's cost or lower what its coupon takes off."
    for place, reward in enumerate(definition.rewards):
        coupon = _coupon(definition, reward.coupon)
        if coupon is None or reward.unit not in (None, definition.unit):
            continue
        off = _off(coupon)
        if off is not None:
            # So much must be spent to have the points; the coupon's own bill is paid as far as it is not taken off.
            spent = reward.cost / earned + max(0, coupon.min_total - off)
            what = f"the coupon “{coupon.key}”"
            yield Share(f"rewards.{place}.cost", _percent(Fraction(off) / spent), what, remedy)


def _worth(give: GivePart, definition: Definition) -> int | None:
    """What is given, in money; None: that cannot be said."""
    if give.coupon is not None:
        coupon = _coupon(definition, give.coupon)
        return _off(coupon) if coupon else None
    return give.amount * definition.worth if give.unit in (None, definition.unit) else None


def _coupon(definition: Definition, key: str | None) -> CouponPart | None:
    return next((coupon for coupon in definition.coupons if coupon.key == key), None)


def _off(coupon: CouponPart) -> int | None:
    return coupon.discount.money if coupon.discount else None


def _percent(share: Fraction) -> int:
    return int(share * 100)
