"""Looks for rules that contradict themselves, can never do anything, or cost more than they bring. Pure.

What pydantic checks of each part by itself is not repeated here; this looks at how the parts go together. A finding
that `refuses` is a rule that cannot be meant; the others are worth a look. Each says what is wrong and what to do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Literal

from ..definition import (
    CouponPart,
    Definition,
    GoodsPart,
    MultiplierPart,
    PromoPart,
    RulePart,
    WhenPart,
    walk,
)
from . import reach
from .outcome import divide
from .rules import moment
from .worth import Share, shares, together

DAY = 86_400
REFUSED_PERCENT, WARNED_PERCENT = 100, 50


@dataclass(frozen=True)
class Finding:
    """Something about a definition: where (as a path such as rules.0.when.ends), and a sentence."""

    severity: Literal["refuse", "warn"]
    field: str
    sentence: str

    @property
    def refuses(self) -> bool:
        return self.severity == "refuse"


def findings(definition: Definition, now: int) -> list[Finding]:
    """What is wrong first, then what is worth a look; each in the order of the definition."""
    found = [finding for look in _LOOKS for finding in look(definition, now)]
    return sorted(found, key=lambda finding: finding.severity)


def unknown_look(definition: Definition, looks: Collection[str]) -> list[Finding]:
    """A look that the home does not have; which it has is not the definition's to know."""
    if definition.look in looks:
        return []
    sentence = f"There is no look “{definition.look}”; there are: {', '.join(sorted(looks))}."
    return [_refuse("look", sentence)]


def _refuse(field: str, sentence: str) -> Finding:
    return Finding("refuse", field, sentence)


def _warn(field: str, sentence: str) -> Finding:
    return Finding("warn", field, sentence)


def _seasons(definition: Definition, now: int) -> Iterator[Finding]:
    """Dates past each other, seasons without a day in them, and seasons that are over."""
    for path, part in walk(definition):
        if isinstance(part, Definition):
            continue
        starts, ends = getattr(part, "starts", None), getattr(part, "ends", None)
        if starts is not None and ends is not None and ends <= starts:
            yield _refuse(f"{path}.ends", "It ends before it starts; say a later end.")
        elif ends is not None and ends <= now:
            yield _warn(f"{path}.ends", "It is over already; leave it out or say a later end.")
        if isinstance(part, WhenPart):
            yield from _empty_season(definition, path, part)


def _empty_season(definition: Definition, path: str, when: WhenPart) -> Iterator[Finding]:
    if when.starts is None or when.ends is None or when.ends <= when.starts:
        return
    if when.from_minute is not None and when.ends - when.starts < DAY:
        season = range(when.starts, when.ends, 60)
        if not any(when.when.has_minute(moment(at, definition.zone).minute) for at in season):
            sentence = "None of these hours lies between its start and its end; it can never hold. Change one of them."
            yield _refuse(f"{path}.from_minute", sentence)
    if when.weekdays:
        yield from _no_such_day(definition, path, when, when.starts, when.ends)


def _no_such_day(definition: Definition, path: str, when: WhenPart, starts: int, ends: int) -> Iterator[Finding]:
    first = datetime.fromtimestamp(starts, definition.zone).date()
    last = datetime.fromtimestamp(ends - 1, definition.zone).date()
    days = {(first + timedelta(days=each)).isoweekday() for each in range(min(7, (last - first).days + 1))}
    if not days & set(when.weekdays):
        sentence = "None of these weekdays lies between its start and its end; it can never hold. Change one of them."
        yield _refuse(f"{path}.weekdays", sentence)


def _goods(definition: Definition, now: int) -> Iterator[Finding]:
    """Goods that are named and excluded at once."""
    for path, part in walk(definition):
        if not isinstance(part, GoodsPart) or not (part.categories or part.skus):
            continue
        if set(part.categories) <= set(part.not_categories) and set(part.skus) <= set(part.not_skus):
            yield _refuse(path, "All that is named here is excluded, too; nothing is left. Leave one of the two out.")


def _ripening(definition: Definition, now: int) -> Iterator[Finding]:
    """What ends before it may be spent."""
    for place, rule in enumerate(definition.rules):
        days = definition.expiries[definition.short(rule.unit)].days
        if rule.ripens_days and days and rule.ripens_days > days:
            unit = rule.unit or definition.unit
            sentence = f"It may be spent after {rule.ripens_days} days, and {unit} end after {days} days."
            yield _refuse(f"rules.{place}.ripens_days", f"{sentence} Lower the one or raise the other.")


def _caps(definition: Definition, now: int) -> Iterator[Finding]:
    """Caps that are never reached, and those that are always."""
    for place, rule in enumerate(definition.rules):
        path, least = f"rules.{place}", _least(rule)
        caps = [(name, most) for name, most in rule.caps if most is not None]
        for (shorter, low), (longer, high) in pairwise(caps):
            if low > high:
                sentence = f"At most {high} ({longer}) leaves no room for {low} ({shorter}); leave one out."
                yield _warn(f"{path}.caps.{shorter}", sentence)
        for name, most in caps:
            if least > most and rule.when.min_total and rule.measure == "money":
                sentence = (
                    f"Every purchase of at least {rule.when.min_total} gives {least}, which the cap of {most} never "
                    "lets through: the amount of the purchase makes no difference. Raise the cap, or lower `min_total`."
                )
                yield _refuse(f"{path}.when.min_total", sentence)
            elif least > most:
                sentence = f"It gives {least} at once and is capped at {most}, so it never gives what it says."
                yield _refuse(f"{path}.caps.{name}", f"{sentence} Raise the cap or lower `amount`.")


def _least(rule: RulePart) -> int:
    """The least a rule gives at once when it gives something."""
    if rule.measure == "money":
        per = rule.per or 100
        return divide(rule.when.min_total * rule.amount, per, rule.rounding) if rule.when.min_total else 0
    return rule.amount


def _conditions(definition: Definition, now: int) -> Iterator[Finding]:
    """Conditions on what the programme does not have."""
    for path, part in walk(definition):
        if not isinstance(part, WhenPart):
            continue
        if part.member_paid and definition.membership is None:
            yield _refuse(f"{path}.member_paid", "There is no membership to pay for; add `membership` or leave it out.")
        if part.above_own_average:
            yield from _above_average(path, part)
        if part.first_purchase and part.tiers and definition.tiers:
            low = min(tier.threshold for tier in definition.tiers if tier.key in part.tiers)
            if low > definition.welcome:
                sentence = "Nobody has reached these tiers at the first purchase; leave one of the two out."
                yield _warn(f"{path}.first_purchase", sentence)


def _above_average(path: str, when: WhenPart) -> Iterator[Finding]:
    """A next step that is none, and one that no card can tell beforehand."""
    if when.above_own_average and when.above_own_average.percent == 100:
        sentence = "It asks for no more than usual, which every other purchase is; say more than 100."
        yield _warn(f"{path}.above_own_average.percent", sentence)
    if not when.is_foreseeable:
        sentence = "Cards show no next step that also depends on something else than a level and a season."
        yield _warn(f"{path}.above_own_average", f"{sentence} Leave the other conditions out to have it shown.")


def _multipliers(definition: Definition, now: int) -> Iterator[Finding]:
    """Multipliers of what nothing earns."""
    for place, part in enumerate(definition.multipliers):
        yield from _multiplies_nothing(definition, f"multipliers.{place}", part.unit, part)
    for at, tier in enumerate(definition.tiers):
        for place, perk in enumerate(tier.perks):
            if perk.kind == "multiplier":
                yield from _named_like_a_rule(definition, f"tiers.{at}.perks.{place}", perk.key)
                yield from _multiplies_nothing(definition, f"tiers.{at}.perks.{place}", perk.unit, None)


def _named_like_a_rule(definition: Definition, path: str, key: str) -> Iterator[Finding]:
    """Entries say by which rule points came and by which multiplier more of them."""
    rules: list[Any] = [*definition.rules, *definition.multipliers, *definition.every, *definition.challenges]
    if key in {part.key for part in rules}:
        yield _refuse(f"{path}.key", f"A rule is called “{key}” already; give this another key.")


def _multiplies_nothing(
    definition: Definition, path: str, unit: str | None, part: MultiplierPart | None
) -> Iterator[Finding]:
    earning = reach.earning(definition, unit or definition.unit)
    if not earning:
        sentence = f"No rule earns {unit or definition.unit}, so there is nothing to multiply; add a rule or drop this."
        yield _refuse(f"{path}.unit", sentence)
    elif part is not None and part.goods.goods and not any(_may_meet(rule, part.goods) for rule in earning):
        sentence = "No rule earns anything for these goods; name goods that a rule of money or items counts."
        yield _refuse(f"{path}.goods", sentence)


def _may_meet(rule: RulePart | None, goods: GoodsPart) -> bool:
    """Whether a line may be meant by both; the base rule (None) means all."""
    if rule is None:
        return True
    if rule.measure not in ("money", "item"):
        return False
    one, other = rule.goods, goods
    if one.skus or other.skus or not one.categories or not other.categories:
        return True
    return bool(set(one.categories) & set(other.categories))


def _gifts(definition: Definition, now: int) -> Iterator[Finding]:
    """Coupons that nobody is given, or that are over when they are."""
    given = [(path, getattr(part, "coupon", None)) for path, part in walk(definition)]
    for place, coupon in enumerate(definition.coupons):
        path = f"coupons.{place}"
        paths = [where for where, key in given if key == coupon.key]
        if not paths and not coupon.on_join:
            sentence = f"Nothing gives the coupon “{coupon.key}”; it can only be issued by hand."
            yield _warn(path, sentence)
        if _is_free(coupon):
            sentence = "It makes any bill free, however large; say `most`, or name the goods it is for."
            yield _warn(f"{path}.discount.percent", sentence)
        if coupon.stock == 0:
            yield _warn(f"{path}.stock", "None is ever issued; raise the stock or leave the coupon out.")
        for where in paths:
            starts = _starts(definition, where)
            if coupon.ends is not None and starts is not None and coupon.ends <= starts:
                sentence = f"The coupon “{coupon.key}” is over before this begins; say a later end of the coupon."
                yield _refuse(f"{where}.coupon", sentence)


def _is_free(coupon: CouponPart) -> bool:
    off = coupon.discount
    return off is not None and off.percent == 100 and off.most is None and coupon.goods.goods is None


def _starts(definition: Definition, path: str) -> int | None:
    """From when on what a path leads through is there."""
    part: Any = definition
    starts: int | None = None
    for name in path.split("."):
        part = part[int(name)] if name.isdigit() else getattr(part, name)
        for season in (part, getattr(part, "when", None)):
            starts = getattr(season, "starts", None) or starts
    return starts


def _promos(definition: Definition, now: int) -> Iterator[Finding]:
    for place, promo in enumerate(definition.promos):
        if promo.total is not None and promo.per_member is not None and promo.per_member > promo.total:
            sentence = f"One member may use it {promo.per_member} times, all together only {promo.total} times."
            yield _warn(f"promos.{place}.per_member", f"{sentence} Lower the one or raise the other.")
        if promo.total is None and promo.per_member is None and _is_gift(promo):
            sentence = "Anybody may use it with every purchase, without end; say `per_member`, `total` or both."
            yield _warn(f"promos.{place}", sentence)


def _is_gift(promo: PromoPart) -> bool:
    """Whether it gives something, or makes a bill or a part of it free; a share off a bill is no gift."""
    off = promo.discount
    return off is None or off.free_item or off.percent == 100 or (off.money or 0) >= max(1, promo.min_total)


def _reachable(definition: Definition, now: int) -> Iterator[Finding]:
    """Rewards and tiers that nobody can reach before what they collect ends."""
    for place, reward in enumerate(definition.rewards):
        unit = reward.unit or definition.unit
        yield from _too_dear(definition, f"rewards.{place}.cost", f"The reward “{reward.key}”", reward.cost, unit, now)
        if reward.stock == 0:
            yield _warn(f"rewards.{place}.stock", "There is none to give; raise the stock or leave the reward out.")
    yield from _paying(definition, now)
    yield from _unreachable_prizes(definition, now)
    yield from _unreachable_tiers(definition)


def _paying(definition: Definition, now: int) -> Iterator[Finding]:
    policy = definition.redeem_policy
    if policy.least > 1:
        yield from _too_dear(definition, "redeem_policy.least", "Paying", policy.least, definition.unit, now)
    if policy.least > 1 and policy.least % policy.step:
        first = -(-policy.least // policy.step) * policy.step
        sentence = f"In steps of {policy.step} the least that can be paid is {first}, not {policy.least}; say so here."
        yield _warn("redeem_policy.least", sentence)
    gift = definition.gift
    if gift is not None and definition.welcome > gift.most:
        sentence = f"The gift for joining is more than a card may hold, {gift.most}. Lower it or raise `gift.most`."
        yield _refuse("welcome", sentence)


def _unreachable_prizes(definition: Definition, now: int) -> Iterator[Finding]:
    """Places of a stamp card that stamps do not reach before they end."""
    stamps = definition.stamps
    if stamps is None or reach.most_given(definition, unit := stamps.unit or definition.unit, None) == 0:
        return
    for place, prize in enumerate(stamps.prizes):
        what = f"The prize at {prize.at}"
        yield from _too_dear(definition, f"stamps.prizes.{place}.at", what, prize.at, unit, now)


def _too_dear(definition: Definition, path: str, what: str, cost: int, unit: str, now: int) -> Iterator[Finding]:
    days = reach.lifetime(definition, unit, now)
    most = reach.most_held(definition, unit, days)
    if most is not None and most < cost:
        when = f" before they end after {days} days" if days is not None else ""
        if not most and unit == definition.unit:
            yield _warn(path, f"{what} needs {cost} {unit}, and only people give any; add a rule that earns them.")
            return
        sentence = f"{what} needs {cost}, and a card can collect at most {most} {unit}{when}."
        yield _refuse(path, f"{sentence} Ask for less, raise the caps or let {unit} live longer.")


def _unreachable_tiers(definition: Definition) -> Iterator[Finding]:
    policy = definition.tier_policy
    if policy.by != "earned":
        return
    unit = policy.unit or definition.unit
    days = {"ever": None, "year": 366, "months": 31 * policy.months}[policy.period]
    most = reach.most_given(definition, unit, days)
    for place, tier in enumerate(definition.tiers):
        if most is not None and tier.threshold > most:
            within = "ever" if days is None else "in the time that counts"
            sentence = (
                f"The tier “{tier.key}” needs {tier.threshold}, and at most {most} {unit} can be earned {within}."
            )
            yield _refuse(f"tiers.{place}.threshold", f"{sentence} Lower the threshold or raise the caps.")


def _units(definition: Definition, now: int) -> Iterator[Finding]:
    """Stamp cards that nothing fills, and units that nobody ever gets."""
    stamps = definition.stamps
    for place, unit in enumerate(definition.units):
        if reach.most_given(definition, unit.key, None) == 0:
            told = f"Nothing gives {unit.key}; add a rule that earns it, or leave the unit out."
            is_stamps = stamps is not None and stamps.unit == unit.key
            yield _refuse("stamps.unit", told) if is_stamps else _warn(f"units.{place}", told)


def _affordable(definition: Definition, now: int) -> Iterator[Finding]:
    """What comes back of each purchase in money: more than half, or than the shop says is left of it, is worth a look,
    the whole of it is a gift."""
    margin = definition.margin
    alone = [finding for share in shares(definition) for finding in _ruinous(share, margin)]
    yield from alone
    said = {finding.severity for finding in alone}
    for share in together(definition):
        for finding in _ruinous(share, margin):
            # What one of them does alone says it better.
            if finding.severity not in said and "refuse" not in said:
                said.add(finding.severity)
                yield finding


def _ruinous(share: Share, margin: int | None) -> Iterator[Finding]:
    told = f"{share.percent} % of what is paid comes back as {share.what}"
    if share.percent >= REFUSED_PERCENT and share.is_certain:
        loss = "whoever does it pays for nothing" if share.is_once else "the more is bought, the more is lost"
        yield _refuse(share.field, f"{told}: {loss}. {share.remedy}")
    elif share.percent > WARNED_PERCENT:
        yield _warn(share.field, f"{told}. {share.remedy}")
    elif margin is not None and share.percent > margin:
        yield _warn(share.field, f"{told}, and of the same {margin} % is left as `margin`. {share.remedy}")


_LOOKS: Sequence[Any] = (
    _seasons,
    _goods,
    _ripening,
    _caps,
    _conditions,
    _multipliers,
    _gifts,
    _promos,
    _reachable,
    _units,
    _affordable,
)
