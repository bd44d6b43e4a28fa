"""What rules give back in money, as a share of what was paid for it. Pure.

A purchase is worth more than it costs when points, vouchers and coupons together bring back all that was paid; whoever
writes such rules loses with every sale. What a member can always make happen (a bill of at least so much, coming on any
of seven days) is no condition. Shares are whole percents of money paid, rounded down.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from math import prod

from ..definition import (
    MOST_MONEY,
    ChallengePart,
    CouponPart,
    Definition,
    EarnPart,
    GivePart,
    GoodsPart,
    MultiplierPart,
    PerkPart,
    RewardPart,
    RulePart,
    WhenPart,
)

ORDINARY = 100_000
"""Few purchases are larger, in the smallest unit; a cap that lets all of such a one through is none."""
EVERY_DAY = frozenset(range(1, 8))
MINUTES = 1440
NOTHING = Fraction(0)


@dataclass(frozen=True)
class Share:
    """`is_certain`: with every purchase, not only with those of a season, a tier or a weekday; `is_once`: one a card"""

    field: str
    back: Fraction
    what: str
    remedy: str
    is_certain: bool = True
    is_once: bool = False

    @property
    def percent(self) -> int:
        return int(self.back * 100)


@dataclass(frozen=True)
class _Rates:
    """So much of a unit for each of money: by rules alone, with what always multiplies, and at best."""

    plain: Fraction
    always: Fraction
    best: Fraction


@dataclass(frozen=True)
class _Gift:
    """What something given is worth, and what is still paid when it is used."""

    worth: int
    paid: int = 0
    is_certain: bool = True

    def share(self, spent: Fraction | int) -> Fraction:
        """Of what was spent to be given it."""
        return Fraction(self.worth) / (spent + self.paid)


def shares(definition: Definition) -> Iterator[Share]:
    """What purchases bring back one way or another, what partners give, and what challenges and rewards do."""
    yield from chain.from_iterable(_ways(definition))
    remedy = "Earn fewer, or make one worth less (`worth_of_one`)."
    for place, partner in enumerate(definition.partners):
        if partner.earn is not None and _base(partner.earn) > _base(definition.earn):
            back = _rates(definition, definition.unit, partner.earn).always * definition.worth
            yield Share(f"partners.{place}.earn.points", back, definition.unit, remedy)
    yield from _challenges(definition)
    yield from _machines(definition)
    yield from _friends(definition)


def together(definition: Definition) -> Iterator[Share]:
    """What all ways of one purchase come to: always, and at best; blamed on the one that gives most."""
    ways = list(_ways(definition))
    remedy = "Each of them may be meant; lower some, so that the sum stays well below what is paid."
    for is_certain, when in ((True, ""), (False, " at best")):
        parts = [share for way in ways if (share := _most(way, is_certain)) is not None]
        if len(parts) > 1:
            field = max(parts, key=lambda share: share.back).field
            what = f"points, vouchers and prizes together{when}"
            yield Share(field, sum((share.back for share in parts), NOTHING), what, remedy, is_certain)


def _most(way: Sequence[Share], is_certain: bool) -> Share | None:
    counted = [share for share in way if share.back and (share.is_certain or not is_certain)]
    return max(counted, key=lambda share: share.back, default=None)


def _ways(definition: Definition) -> Iterator[Sequence[Share]]:
    """The ways in which every purchase brings something back, and what each does always and at best."""
    for unit in definition.kinds:
        if value := _value(definition, unit):
            yield tuple(_earned(definition, unit, value))
    remedy = "Ask for more spending (`spend`) or give less."
    for place, part in enumerate(definition.every):
        if gift := _gift(definition, part.give):
            is_certain = gift.is_certain and _is_open(part.when) and _has_all(part.goods)
            yield (Share(f"every.{place}.spend", gift.share(part.spend), "what it gives", remedy, is_certain),)
    yield tuple(_prizes(definition))


def _earned(definition: Definition, unit: str, value: int) -> Iterator[Share]:
    """What is earned of a unit, by the base rule and those of money, with multipliers and without."""
    rates = _rates(definition, unit, definition.earn)
    remedy = "Earn fewer, or make one worth less (`worth_of_one`)."
    # What alone gives all back is to blame, whatever multiplies it.
    if rates.always > rates.plain and rates.plain * value < 1:
        yield Share("multipliers", rates.always * value, f"{unit} with multipliers", remedy)
    else:
        yield Share(_dearest(definition, unit), rates.always * value, unit, remedy)
    if rates.best > rates.always:
        field = "multipliers" if definition.multipliers else "rules" if definition.rules else "tiers"
        yield Share(field, rates.best * value, f"{unit} at best", remedy, is_certain=False)


def _dearest(definition: Definition, unit: str) -> str:
    """The rule by which most of a unit is always earned."""
    rates = {"earn.points": _base(definition.earn)} if unit == definition.unit else {}
    for place, rule in enumerate(definition.rules):
        if _unit(definition, rule) == unit and _is_certain(rule):
            rates[f"rules.{place}.amount"] = _rate(rule)
    return max(rates, key=lambda field: rates[field], default="rules")


def _rates(definition: Definition, unit: str, earn: EarnPart) -> _Rates:
    """With `earn` as the base rule."""
    rules = [rule for rule in definition.rules if _unit(definition, rule) == unit]
    base = _base(earn) if unit == definition.unit else NOTHING
    plain = base + sum(_rate(rule) for rule in rules if _is_certain(rule))
    multipliers = [part for part in definition.multipliers if _unit(definition, part) == unit]
    constant = [_factor(part) for part in multipliers if _is_open(part.when) and _has_all(part.goods)]
    factors = [_factor(part) for part in multipliers]
    units = (None, unit) if unit == definition.unit else (unit,)
    # A card has one tier at a time.
    by_tier = [
        [Fraction(perk.percent or 100, 100) for perk in tier.perks if _multiplies(perk, units)]
        for tier in definition.tiers
    ]
    best = base + sum(map(_rate, rules))
    if definition.stack == "best":
        one = Fraction(1)
        best *= max((*factors, *chain.from_iterable(by_tier)), default=one)
        return _Rates(plain, plain * max(constant, default=one), best)
    best *= prod(factors) * max(map(prod, by_tier), default=1)
    return _Rates(plain, plain * prod(constant), best)


def _unit(definition: Definition, part: RulePart | MultiplierPart | RewardPart | GivePart) -> str:
    return part.unit or definition.unit


def _base(part: EarnPart) -> Fraction:
    return Fraction(part.points, part.per)


def _rate(rule: RulePart) -> Fraction:
    """What a rule gives for each of money; of a visit, the smallest purchase that is one."""
    if rule.measure == "money":
        return Fraction(rule.amount, rule.per or 100)
    if rule.measure == "visit" and rule.when.min_total:
        return Fraction(rule.amount, rule.when.min_total)
    return NOTHING


def _factor(part: MultiplierPart) -> Fraction:
    return Fraction(part.percent, 100)


def _multiplies(perk: PerkPart, units: Container[str | None]) -> bool:
    return perk.kind == "multiplier" and perk.unit in units


def _is_certain(rule: RulePart) -> bool:
    """No condition, no cap that is ever felt, and for all goods."""
    lets_through = all(most is None or most >= _rate(rule) * ORDINARY for _, most in rule.caps)
    return rule.measure == "money" and lets_through and _is_open(rule.when) and _has_all(rule.goods)


def _is_open(when: WhenPart) -> bool:
    """Whether a member can make it hold at any time."""
    met = ["min_total", "starts"]
    if set(when.weekdays) >= EVERY_DAY:
        met.append("weekdays")
    if when.from_minute == 0 and when.until_minute == MINUTES:
        met += ["from_minute", "until_minute"]
    return when == WhenPart().model_copy(update={name: getattr(when, name) for name in met})


def _has_all(part: GoodsPart) -> bool:
    """Whether everything is meant, or all but a few."""
    return part.goods is None or part.goods.is_open


def _prizes(definition: Definition) -> Iterator[Share]:
    """What a full stamp card brings, of what was spent on its stamps."""
    card = definition.stamps
    if card is None:
        return
    found = {place: gift for place, prize in enumerate(card.prizes) if (gift := _gift(definition, prize.give))}
    if not found:
        return
    gifts = found.values()
    full = _Gift(sum(gift.worth for gift in gifts), sum(gift.paid for gift in gifts))
    dearest = max(found, key=lambda place: found[place].worth)
    rates = _rates(definition, card.unit or definition.unit, definition.earn)
    remedy = "Ask for more stamps, give fewer of them or make the prizes smaller."
    is_certain = all(gift.is_certain for gift in gifts)
    for rate, is_always, when in ((rates.always, is_certain, ""), (rates.best, False, " at best")):
        if rate and (is_always or rate > rates.always or not is_certain):
            what = f"prizes for stamps{when}"
            yield Share(f"stamps.prizes.{dearest}.at", full.share(card.of / rate), what, remedy, is_always)


def _challenges(definition: Definition) -> Iterator[Share]:
    """What is given once for so much spending, or for so many visits that come to something."""
    remedy = "Ask for more (`target`) or give less."
    for place, part in enumerate(definition.challenges):
        gift, spent = _gift(definition, part.give), _asked(part)
        if gift and spent:
            is_certain = gift.is_certain and part.measure == "spend" and _is_open(part.when) and _has_all(part.goods)
            field = f"challenges.{place}.target"
            yield Share(field, gift.share(spent), "what it gives", remedy, is_certain, is_once=True)


def _asked(part: ChallengePart) -> int:
    """The least money that meets a challenge; 0: that cannot be said."""
    if part.measure == "spend":
        return part.target
    return part.target * part.when.min_total if part.measure == "visits" else 0


def _machines(definition: Definition) -> Iterator[Share]:
    """Rewards whose coupon takes more off than must be spent to afford it: they pay for themselves, again and again."""
    remedy = "Raise the reward's cost or lower what its coupon takes off."
    for place, reward in enumerate(definition.rewards):
        coupon = _coupon(definition, reward.coupon)
        gift = _off(coupon) if coupon else None
        rates = _rates(definition, _unit(definition, reward), definition.earn)
        if coupon is None or gift is None or not rates.best:
            continue
        # So much must be spent to have the points; the coupon's own bill is paid as far as it is not taken off.
        spent = reward.cost / (rates.always or rates.best)
        is_certain = gift.is_certain and bool(rates.always) and not _is_rare(reward)
        what = f"the coupon “{coupon.key}”"
        yield Share(f"rewards.{place}.cost", gift.share(spent), what, remedy, is_certain)


def _friends(definition: Definition) -> Iterator[Share]:
    """What a friend's first receipt brings to both, of the least that it comes to; a friend comes but once."""
    part = definition.referral
    if part is None:
        return
    gifts = [gift for give in (part.give, part.friend) if give and (gift := _gift(definition, give))]
    if gifts:
        both = _Gift(sum(gift.worth for gift in gifts), sum(gift.paid for gift in gifts))
        what = "what a friend's first receipt brings to both"
        remedy = "Ask for a larger receipt (`min_total`) or give less."
        share = both.share(max(1, part.min_total))
        yield Share("referral.min_total", share, what, remedy, is_certain=False, is_once=True)


def _is_rare(reward: RewardPart) -> bool:
    """Whether not everybody can have it as often as they like."""
    return bool(reward.tiers) or reward.stock is not None or reward.per_member is not None or reward.ends is not None


def _value(definition: Definition, unit: str) -> int:
    """What one of a unit is worth in money; what only buys rewards, nothing."""
    return definition.worth if unit == definition.unit else int(definition.kinds[unit] == "money")


def _gift(definition: Definition, give: GivePart) -> _Gift | None:
    """What is given, in money; None: nothing, or that cannot be said."""
    if give.coupon is not None:
        coupon = _coupon(definition, give.coupon)
        return _off(coupon) if coupon else None
    worth = give.amount * _value(definition, _unit(definition, give))
    return _Gift(worth) if worth else None


def _coupon(definition: Definition, key: str | None) -> CouponPart | None:
    return next((coupon for coupon in definition.coupons if coupon.key == key), None)


def _off(coupon: CouponPart) -> _Gift | None:
    """What a coupon takes off the bill that suits it best. Of goods, it may be less: their prices are not known."""
    off = coupon.discount
    if off is None:
        return None
    is_free_for_all = coupon.stock is None and coupon.per_member is None
    if off.money:
        return _Gift(off.money, max(0, coupon.min_total - off.money), is_free_for_all)
    if off.percent and (off.most or (off.percent < 100 and _has_all(coupon.goods))):
        worth = off.most or MOST_MONEY * off.percent // 100
        # A share off is measured by the whole bill: it never makes one free, unless it is all of it.
        bill = max(coupon.min_total, -(-worth * 100 // off.percent))
        paid = bill - worth if off.percent == 100 else bill
        is_certain = is_free_for_all and off.most is not None and _has_all(coupon.goods)
        return _Gift(worth, paid, is_certain)
    if off.free_item and off.most:
        return _Gift(off.most, max(0, coupon.min_total - off.most), is_certain=False)
    return None
