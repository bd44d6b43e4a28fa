"""A programme's rules as at most seven plain sentences, the same wherever they are read. Pure.

Every number of a definition that concerns members is in them, and they are made from the definition itself: nobody
writes them, so they cannot promise what the rules do not do. A fact is a part of a sentence; few facts are a sentence
each, and where there are more than seven, those of one subject are joined.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from babel.dates import format_date

from ..card import Text
from ..definition import (
    MOST_MONEY,
    ChallengePart,
    CouponPart,
    Definition,
    EarnPart,
    EveryPart,
    ExpiryPart,
    MultiplierPart,
    PerkPart,
    PromoPart,
    RewardPart,
    RulePart,
)
from ..words import Words
from .amounts import Amounts
from .outcome import divide
from .phrases import Phrases, joined

MOST = 7
EXAMPLE = 4590
"""The purchase of the worked example, in the smallest unit; ten times as much where that earns nothing."""
MOST_EXAMPLE = 1_000_000_000


def text(definition: Definition, words: Mapping[str, Words]) -> Text:
    """The rules in every language, a sentence on each line."""
    return {language: "\n".join(rules(definition, words[language])) for language in words}


def rules(definition: Definition, words: Words) -> tuple[str, ...]:
    """The rules as at most `MOST` sentences."""
    subjects = [list(subject) for subject in _Rules(definition, words).subjects()]
    subjects = [facts for facts in subjects if facts]
    while sum(map(len, subjects)) > MOST:
        longest = max(subjects, key=len)
        subjects = [["; ".join(facts)] if facts is longest else facts for facts in subjects]
    # A name may have a line break in it; a sentence is a line.
    told = (" ".join(fact.splitlines()) for facts in subjects for fact in facts)
    return tuple(f"{fact[:1].upper()}{fact[1:]}." for fact in told)


class _Rules:
    """A definition while it is told. Each method gives facts of one subject."""

    def __init__(self, definition: Definition, words: Words) -> None:
        self.definition, self.words, self.say = definition, words, words.say
        self.amounts = Amounts.of(definition, words)
        self.phrases = Phrases(definition, words)

    def subjects(self) -> Iterator[Iterator[str]]:
        """At most seven, or no joining would be enough."""
        yield self.earning()
        yield self.multiplying()
        yield self.gifts()
        yield self.spending()
        yield self.tiers()
        yield self.coupons()
        yield self.keeping()

    def earning(self) -> Iterator[str]:
        definition = self.definition
        if definition.earn.points:
            yield self._worked(definition.earn)
        for rule in definition.rules:
            yield joined([self._rule(rule), *self._goal(rule)])
        for partner in definition.partners:
            if partner.earn is not None:
                what = self._worked(partner.earn) if partner.earn.points else self.say("rules.no_example")
                yield self.say("rules.partner", name=self.phrases.name(partner.name), what=what)

    def multiplying(self) -> Iterator[str]:
        multipliers = self.definition.multipliers
        for part in multipliers:
            yield self._multiplier(part)
        perks = [perk for tier in self.definition.tiers for perk in tier.perks if perk.kind == "multiplier"]
        if len(multipliers) + len(perks) > 1:
            yield self.say(f"rules.stack_{self.definition.stack}")

    def gifts(self) -> Iterator[str]:
        definition = self.definition
        if definition.welcome:
            yield self.say("rules.welcome", amount=self.amounts.say(definition.welcome))
        yield from map(self._every, definition.every)
        if definition.stamps:
            yield self._stamps()
        yield from map(self._challenge, definition.challenges)
        if definition.referral:
            yield self._referral()

    def spending(self) -> Iterator[str]:
        definition = self.definition
        if definition.worth:
            yield joined(self._worth())
        for reward in definition.rewards:
            yield self._reward(reward)

    def tiers(self) -> Iterator[str]:
        definition = self.definition
        if not definition.tiers:
            return
        ladder = sorted(definition.tiers, key=lambda tier: tier.threshold)
        levels = ", ".join(self._tier(self.phrases.name(tier.name), tier.threshold) for tier in ladder)
        yield joined([self.say("rules.levels", levels=levels), *self._policy()])
        for tier in ladder:
            for perk in tier.perks:
                yield self.say("rules.perk", tier=self.phrases.name(tier.name), perk=self._perk(perk))

    def coupons(self) -> Iterator[str]:
        for coupon in self.definition.coupons:
            yield self._coupon(coupon)
        for promo in self.definition.promos:
            yield self._promo(promo)

    def keeping(self) -> Iterator[str]:
        """How long what is collected stays, and what belongs to a membership or a gift card."""
        definition = self.definition
        main = definition.expiry or ExpiryPart(days=definition.expire_days)
        ends = [*self._expiry(definition.unit, main)]
        for unit in definition.units:
            ends += self._expiry(unit.key, unit.expiry)
        collects = definition.earn.points or definition.rules or definition.kind in ("gift", "visits")
        yield from ends or ([self.say("rules.never_ends")] if collects else [])
        if definition.membership:
            yield joined(self._membership())
        if definition.gift:
            yield joined(self._gift_card())

    # Parts

    def _worked(self, part: EarnPart) -> str:
        return f"{self._rate(part)}: {self._example(part)}"

    def _rate(self, part: EarnPart) -> str:
        rate, per = self.amounts.say(part.points), self.amounts.money(part.per)
        return f"{self.say('rules.money', rate=rate, per=per)}, {self.say(f'rules.rounded_{part.rounding}')}"

    def _example(self, part: EarnPart) -> str:
        """A purchase by the base rule alone, counted as the rules count."""
        total = EXAMPLE
        while total < part.per or not divide(total * part.points, part.per, part.rounding):
            if total >= MOST_EXAMPLE:
                break
            total *= 10
        made = divide(total * part.points, part.per, part.rounding)
        return self.say("rules.example", money=self.amounts.money(total), amount=self.amounts.say(made))

    def _goal(self, part: RulePart) -> Iterator[str]:
        """A stamp card, or the cheapest reward stamps buy, by the one rule that stamps come from."""
        definition, unit = self.definition, part.unit or self.definition.unit
        others = [rule for rule in definition.rules if (rule.unit or definition.unit) == unit]
        is_earned = unit == definition.unit and definition.earn.points
        if definition.kinds[unit] != "stamps" or len(others) > 1 or is_earned:
            return
        if part.measure not in ("visit", "item") or (part.per or 1) > 1:
            return
        card = definition.stamps
        rewards = [reward for reward in definition.rewards if (reward.unit or definition.unit) == unit]
        if card is not None and (card.unit or definition.unit) == unit:
            yield self.say("rules.fills", count=self._count(part, card.of))
        elif rewards:
            cheapest = min(rewards, key=lambda reward: reward.cost)
            name = self.phrases.name(cheapest.name)
            yield self.say("rules.brings", count=self._count(part, cheapest.cost), name=name)

    def _count(self, part: RulePart, stamps: int) -> str:
        """The visits or items that so many stamps take."""
        return self.say(f"rules.{part.measure}s", n=-(-stamps // part.amount))

    def _rule(self, part: RulePart) -> str:
        rate = self.amounts.say(part.amount, part.unit)
        match part.measure:
            case "money":
                what = self.say("rules.money", rate=rate, per=self.amounts.money(part.per or 100))
            case "item" if (part.per or 1) == 1:
                what = self.say("rules.item_each", rate=rate)
            case "item":
                what = self.say("rules.item", rate=rate, per=self.say("rules.items", n=part.per or 1))
            case "visit":
                what = self.say("rules.visit", rate=rate)
            case "event":
                what = self.say("rules.event", rate=rate, event=part.when.event)
        after = [
            *self.phrases.goods(part.goods),
            *self.phrases.when(part.when, part.measure != "event"),
            *self._caps(part),
        ]
        if part.measure in ("money", "item") and (part.measure == "money" or part.per):
            after.insert(0, self.say(f"rules.rounded_{part.rounding}"))
        if part.ripens_days:
            after.append(self.say("rules.ripens", days=self.say("rules.days", n=part.ripens_days)))
        return self.phrases.named(part.name, joined([what, *after]))

    def _caps(self, part: RulePart) -> Iterator[str]:
        for name, most in part.caps:
            if most is not None:
                yield self.say(f"rules.most_{name}", amount=self.amounts.say(most, part.unit))

    def _multiplier(self, part: MultiplierPart) -> str:
        what = self.phrases.factor(part.percent, part.unit)
        return self.phrases.named(
            part.name, joined([what, *self.phrases.goods(part.goods), *self.phrases.when(part.when)])
        )

    def _every(self, part: EveryPart) -> str:
        key = "rules.every" if part.period == "ever" else f"rules.every_{part.period}"
        what = self.say(key, gift=self.phrases.gift(part.give), money=self.amounts.money(part.spend))
        after = [*self.phrases.goods(part.goods), *self.phrases.when(part.when)]
        if not part.carry_over:
            after.append(self.say("rules.no_carry"))
        return self.phrases.named(part.name, joined([what, *after]))

    def _stamps(self) -> str:
        part = self.definition.stamps
        assert part is not None
        told = [self.say("rules.stamps", of=self.amounts.say(part.of, part.unit))]
        for prize in sorted(part.prizes, key=lambda prize: prize.at):
            at = self.amounts.say(prize.at, part.unit)
            told.append(self.say("rules.prize", at=at, gift=self.phrases.gift(prize.give)))
        if not part.carry_over:
            told.append(self.say("rules.no_carry"))
        return joined(told)

    def _challenge(self, part: ChallengePart) -> str:
        match part.measure:
            case "spend":
                target = self.say("rules.by_spend", money=self.amounts.money(part.target))
            case "events":
                target = self.say("rules.events", n=part.target, event=part.when.event)
            case "visits" | "items":
                target = self.say(f"rules.{part.measure}", n=part.target)
        what = self.say(
            "rules.challenge", name=self.phrases.name(part.name), gift=self.phrases.gift(part.give), target=target
        )
        when = self.phrases.when(part.when, part.measure != "events")
        return joined([what, *self.phrases.goods(part.goods), *self.phrases.dates(part.starts, part.ends), *when])

    def _referral(self) -> str:
        part = self.definition.referral
        assert part is not None
        told = [self.say("rules.referral", gift=self.phrases.gift(part.give))]
        if part.min_total:
            told.append(self.say("rules.at_least", money=self.amounts.money(part.min_total)))
        if part.friend:
            told.append(self.say("rules.referral_friend", gift=self.phrases.gift(part.friend)))
        if part.most:
            told.append(self.say("rules.most_friends", friends=self.say("rules.friends", n=part.most)))
        return joined(told)

    def _worth(self) -> Iterator[str]:
        definition, policy = self.definition, self.definition.redeem_policy
        if definition.main_kind == "money" and definition.worth == 1:
            yield self.say("rules.pays")
        else:
            yield self.say("rules.worth", one=self.amounts.say(1), money=self.amounts.money(definition.worth))
        if policy.share_percent < 100:
            yield self.say("rules.share", share=self.words.number(policy.share_percent))
        if policy.step > 1:
            yield self.say("rules.step", amount=self.amounts.say(policy.step))
        if policy.least > 1:
            yield self.say("rules.least", amount=self.amounts.say(policy.least))

    def _reward(self, part: RewardPart) -> str:
        told = [
            self.say("rules.reward", name=self.phrases.name(part.name), cost=self.amounts.say(part.cost, part.unit))
        ]
        return joined(
            [*told, *self.phrases.for_tiers(part.tiers), *self.phrases.limits(part.stock, part.per_member, part)]
        )

    def _tier(self, name: str, threshold: int) -> str:
        policy = self.definition.tier_policy
        match policy.by:
            case _ if not threshold:
                return self.say("rules.tier_start", name=name)
            case "spend":
                count = self.say("rules.by_spend", money=self.amounts.money(threshold))
            case "visits":
                count = self.say("rules.visits", n=threshold)
            case "earned":
                count = self.amounts.say(threshold, policy.unit)
        return self.say("rules.tier", name=name, count=count)

    def _policy(self) -> Iterator[str]:
        policy = self.definition.tier_policy
        if policy.period == "months":
            yield self.say("rules.period_months", months=self.say("rules.months", n=policy.months))
        else:
            yield self.say(f"rules.period_{policy.period}")
        if policy.period == "ever":
            return
        if policy.down != "recount":
            yield self.say(f"rules.down_{policy.down}")
        for key, days in (("grace", policy.grace_days), ("warned", policy.warn_days)):
            if days:
                yield self.say(f"rules.{key}", days=self.say("rules.days", n=days))

    def _perk(self, part: PerkPart) -> str:
        """Whom to call is for the members of the tier, on their cards; everybody reads the rules."""
        told = [self.phrases.name(part.name)]
        if part.kind == "multiplier" and part.percent:
            told.append(self.phrases.factor(part.percent, part.unit))
        if part.kind == "discount" and part.percent:
            told.append(self.say("rules.discount_percent", percent=self.words.number(part.percent)))
        if part.kind == "free_delivery" and part.least:
            told.append(self.say("rules.free_delivery", money=self.amounts.money(part.least)))
        if part.categories:
            told.append(self.say("rules.goods", goods=", ".join(part.categories)))
        return joined([*told, *self.phrases.dates(part.starts, part.ends)])

    def _coupon(self, part: CouponPart) -> str:
        told = [self.phrases.off(part.discount), self.say("rules.on_join") if part.on_join else ""]
        if part.valid_days:
            told.append(self.say("rules.valid", days=self.say("rules.days", n=part.valid_days)))
        told += [*self._bill(part), *self.phrases.limits(part.stock, part.per_member, part)]
        if not part.stacks and len(self.definition.coupons) > 1:
            told.append(self.say("rules.alone"))
        name = self.say("rules.coupon", name=self.phrases.name(part.name))
        return self._with(name, told)

    def _promo(self, part: PromoPart) -> str:
        """By its name: the code itself is for whoever was told it."""
        told = [self.phrases.gift(part.give) if part.give else self.phrases.off(part.discount), *self._bill(part)]
        told += [*self.phrases.for_tiers(part.tiers), *self.phrases.limits(part.total, part.per_member, part)]
        return self._with(self.say("rules.promo", name=self.phrases.name(part.name)), told)

    def _with(self, name: str, told: Sequence[str]) -> str:
        what = joined(filter(None, told))
        return self.say("rules.named", name=name, what=what) if what else name

    def _bill(self, part: CouponPart | PromoPart) -> Iterator[str]:
        yield from self.phrases.goods(part.goods)
        if part.min_total:
            yield self.say("rules.at_least", money=self.amounts.money(part.min_total))

    def _expiry(self, unit: str, part: ExpiryPart) -> Iterator[str]:
        what = self.phrases.heading(unit)
        if part.days:
            yield self.say("rules.ends_days", what=what, days=self.say("rules.days", n=part.days))
        if part.yearly:
            yield self._yearly(what, part.yearly, part.years)
        if part.at is not None:
            yield self.say("rules.ends_at", what=what, date=self.amounts.end(part.at))
        if part.idle_days:
            yield self.say("rules.ends_idle", what=what, days=self.say("rules.days", n=part.idle_days))

    def _yearly(self, what: str, yearly: str, years: int) -> str:
        day = format_date(date(2023, int(yearly[:2]), int(yearly[3:])), "d MMMM", locale=self.words.language)
        if not years:
            return self.say("rules.ends_yearly", what=what, day=day)
        return self.say("rules.ends_yearly_later", what=what, day=day, years=self.say("rules.years", n=years))

    def _membership(self) -> Iterator[str]:
        part = self.definition.membership
        assert part is not None
        yield self.say("rules.membership", months=self.say("rules.months", n=part.months))
        if part.price:
            yield self.say("rules.price", money=self.amounts.money(part.price))
        if part.grace_days:
            yield self.say("rules.membership_grace", days=self.say("rules.days", n=part.grace_days))

    def _gift_card(self) -> Iterator[str]:
        part = self.definition.gift
        assert part is not None
        if part.most < MOST_MONEY:
            yield self.say("rules.gift_most", amount=self.amounts.say(part.most))
        if part.pin:
            yield self.say("rules.gift_pin")
        yield self.say("rules.gift_transfer" if part.transfer else "rules.gift_no_transfer")
