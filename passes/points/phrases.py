"""Parts of a rule in words: when it holds, for which goods, what it gives. Pure; `sentences` puts them together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ..card import Text
from ..definition import CouponPart, Definition, DiscountPart, GivePart, GoodsPart, PromoPart, RewardPart, WhenPart
from ..words import Words
from .amounts import Amounts


class Phrases:
    """What a definition's parts are called in one language."""

    def __init__(self, definition: Definition, words: Words) -> None:
        self.definition, self.words, self.say = definition, words, words.say
        self.amounts = Amounts.of(definition, words)
        self.coupons = {coupon.key: coupon.name for coupon in definition.coupons}
        self.tiers = {tier.key: tier.name for tier in definition.tiers}

    def factor(self, percent: int, unit: str | None) -> str:
        factor = self.amounts.factor(percent)
        if unit in (None, self.definition.unit):
            return self.say("rules.multiplier", factor=factor)
        return self.say("rules.multiplier_unit", factor=factor, unit=self.heading(str(unit)))

    def gift(self, part: GivePart) -> str:
        if part.coupon is None:
            return self.amounts.say(part.amount, part.unit)
        return self.say("rules.coupon", name=self.name(self.coupons.get(part.coupon, {})))

    def limits(
        self, stock: int | None, per_member: int | None, part: RewardPart | CouponPart | PromoPart
    ) -> Iterator[str]:
        yield from self.dates(part.starts, part.ends)
        if stock is not None:
            yield self.say("rules.stock", n=stock)
        if per_member is not None:
            yield self.say("rules.per_member", times=self.say("rules.times", n=per_member))

    def off(self, part: DiscountPart | None) -> str:
        if part is None:
            return ""
        if part.percent:
            told = [self.say("rules.off_percent", percent=self.words.number(part.percent))]
        elif part.money:
            told = [self.say("rules.off_money", money=self.amounts.money(part.money))]
        else:
            told = [self.say("rules.off_item")]
        if part.most:
            told.append(self.say("rules.most_off", money=self.amounts.money(part.most)))
        return joined(told)

    def when(self, when: WhenPart, names_event: bool = True) -> Iterator[str]:
        say = self.say
        if when.min_total:
            yield say("rules.at_least", money=self.amounts.money(when.min_total))
        yield from self.for_tiers(when.tiers)
        if when.weekdays:
            yield say("rules.weekdays", days=", ".join(map(self.words.weekday, sorted(when.weekdays))))
        if when.from_minute is not None and when.until_minute is not None:
            yield say("rules.hours", from_time=_clock(when.from_minute), until_time=_clock(when.until_minute))
        yield from self.dates(when.starts, when.ends)
        if when.locations:
            yield say("rules.locations", places=", ".join(when.locations))
        if when.event and names_event:
            yield say("rules.with_event", event=when.event)
        if when.first_purchase:
            yield say("rules.first_purchase")
        if when.next_within:
            days = say("rules.days", n=when.next_within.days)
            after = when.next_within.after_total
            key = "rules.next_after" if after else "rules.next_within"
            yield say(key, days=days, money=self.amounts.money(after))
        if when.birthday_month:
            yield say("rules.birthday")
        if when.member_paid:
            yield say("rules.paid_member")
        if average := when.above_own_average:
            purchases = say("rules.purchases", n=average.after_purchases)
            yield say("rules.own_average", percent=self.words.number(average.percent), purchases=purchases)

    def dates(self, starts: int | None, ends: int | None) -> Iterator[str]:
        if starts is not None:
            yield self.say("rules.starts", date=self.amounts.begin(starts))
        if ends is not None:
            yield self.say("rules.ends", date=self.amounts.end(ends))

    def for_tiers(self, tiers: Sequence[str]) -> Iterator[str]:
        if tiers:
            names = ", ".join(self.name(self.tiers.get(key, {})) or key for key in tiers)
            yield self.say("rules.tiers", tiers=names)

    def goods(self, part: GoodsPart) -> Iterator[str]:
        if meant := [*part.categories, *part.skus]:
            yield self.say("rules.goods", goods=", ".join(meant))
        if without := [*part.not_categories, *part.not_skus]:
            yield self.say("rules.not_goods", goods=", ".join(without))

    def name(self, name: Text) -> str:
        return self.words.pick(name)

    def named(self, name: Text | None, what: str) -> str:
        return self.say("rules.named", name=self.name(name), what=what) if name else what

    def heading(self, unit: str) -> str:
        """A unit by itself, without a number."""
        named = next((part.name for part in self.definition.units if part.key == unit and part.name), None)
        key = f"heading.{unit}"
        return self.words.say(key) if self.words.has(key) else self.name(named) if named else unit


def joined(parts: Iterable[str]) -> str:
    return ", ".join(parts)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
