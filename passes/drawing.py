"""The drawing of a card: facts in, a `Card` out.

`draw` says what the card shows at a moment; `next_change` says when it will look different although nobody touches
the store. Both are pure: time and facts come in as arguments, nothing is fetched, nothing is saved. So any test can
draw any card, and a card drawn twice from the same facts is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from .card import (
    Balance,
    Card,
    Challenge,
    Coupon,
    Expiring,
    Membership,
    News,
    Offer,
    Pending,
    Prize,
    Progress,
    Promise,
    Reward,
    Stamps,
    Status,
    Step,
)

DAY_SECONDS = 86_400


@dataclass(frozen=True)
class Lot:
    """What ends at one time (None: never), of a unit ("": the main one). Not to be spent before it `ripens`."""

    left: int
    expires: int | None = None
    unit: str = ""
    ripens: int | None = None

    def is_ripe(self, now: int) -> bool:
        return self.ripens is None or self.ripens <= now


@dataclass(frozen=True)
class Facts:
    """All that a drawing needs to know of one card, as plain values.

    `earned` is the count that tiers go by. `idle_ends` says when each unit ends because nothing happened to the card,
    `reached` how far each challenge is, `needed` what a purchase must come to for each step that can be told.
    """

    promise: Promise
    serial: str
    number: str
    code: str
    name: str
    language: str
    status: Status
    joined: int
    earned: int = 0
    tier: str | None = None
    lots: tuple[Lot, ...] = ()
    latest: News | None = None
    expires: int | None = None
    link_version: int = 1
    tier_until: int | None = None
    idle_ends: Mapping[str, int] = field(default_factory=dict)
    reached: Mapping[str, int] = field(default_factory=dict)
    needed: Mapping[str, int] = field(default_factory=dict)
    coupons: tuple[Coupon, ...] = ()
    # How many of each limited reward are gone: in all, and by this card.
    gone: Mapping[str, int] = field(default_factory=dict)
    had: Mapping[str, int] = field(default_factory=dict)
    # Rewards whose coupon the member has used as often as one may.
    used_up: frozenset[str] = frozenset()
    paid_until: int | None = None
    friend: str = ""
    # Keys of offers that the card does not get, by lot.
    left_out: frozenset[str] = frozenset()

    def end(self, lot: Lot) -> int | None:
        """When the lot ends, by its date or by idleness."""
        ends = (lot.expires, self.idle_ends.get(lot.unit))
        return min((end for end in ends if end is not None), default=None)

    @property
    def offers(self) -> tuple[Offer, ...]:
        """Those the card gets, whenever."""
        return tuple(o for o in self.promise.offers if o.is_for(self.tier) and o.key not in self.left_out)

    def is_open(self, lot: Lot, now: int) -> bool:
        end = self.end(lot)
        return end is None or now < end


def draw(facts: Facts, now: int) -> Card:
    """The card as it looks at `now`."""
    promise = facts.promise
    lots = tuple(lot for lot in facts.lots if facts.is_open(lot, now))
    balance = sum(lot.left for lot in lots if not lot.unit)
    tier = next((tier for tier in promise.tiers if tier.key == facts.tier), None)
    offers = tuple(offer for offer in facts.offers if offer.is_live(now))
    rewards = tuple(_reward(reward, facts, _ripe(lots, reward.unit, now), now) for reward in promise.rewards)
    until = facts.tier_until if facts.tier_until is not None and now < facts.tier_until else None
    return Card(
        serial=facts.serial,
        number=facts.number,
        code=facts.code,
        programme=promise.key,
        programme_name=promise.name,
        kind=promise.kind,
        look=promise.look,
        look_digest=promise.look_digest,
        contact=promise.contact,
        name=facts.name,
        language=facts.language,
        status=facts.status,
        joined=facts.joined,
        unit=promise.unit,
        balance=balance,
        tier=replace(tier, perks=()) if tier else None,
        progress=_progress(promise, rewards, _ripe(lots, "", now), facts.earned, facts.tier),
        rewards=tuple(reward for reward in rewards if reward.why != "over"),
        offers=offers,
        news=_news(facts.latest, offers),
        expiring=_expiring(facts, "", now),
        currency=promise.currency,
        worth=balance * promise.worth_of_one if promise.worth_of_one else None,
        terms=promise.terms,
        rules={facts.language: said} if (said := promise.rules.get(facts.language)) else {},
        locations=promise.locations[:10],
        expires=facts.expires,
        link_version=facts.link_version,
        unit_kind=promise.unit_kind,
        balances=_balances(promise, lots),
        stamps=_stamps(promise, lots),
        pending=_pending(lots, now),
        perks=tuple(perk for perk in tier.perks if perk.is_live(now)) if tier else (),
        challenges=_challenges(facts, now),
        steps=_steps(facts, now),
        tier_until=until,
        tier_warning=until is not None and until - promise.warn_seconds <= now,
        tier_unit=promise.tier_unit,
        tier_missing=max(0, tier.threshold - facts.earned) if tier and until is not None else 0,
        coupons=tuple(coupon for coupon in facts.coupons if coupon.ends is None or now < coupon.ends),
        membership=membership(facts.paid_until, promise.grace_days, now),
        also_expiring=tuple(
            ending for unit in promise.units if (ending := _expiring(facts, unit.key, now)) is not None
        ),
        friend=facts.friend if facts.status == "active" else "",
    )


def next_change(facts: Facts, now: int) -> int | None:
    """The next instant at which `draw` gives another card although nobody touches the store."""
    promise, turns = facts.promise, list(_turns_of_lots(facts))
    turns += [turn for offer in facts.offers for turn in (offer.starts, offer.ends)]
    for tier in promise.tiers:
        if tier.key == facts.tier:
            turns += [turn for perk in tier.perks for turn in (perk.starts, perk.ends)]
    shown: list[Challenge | Step | Reward | Coupon] = [*promise.challenges, *promise.rewards, *facts.coupons]
    shown += promise.steps
    turns += [turn for each in shown for turn in (each.starts, each.ends)]
    if facts.tier_until is not None:
        turns += [facts.tier_until, facts.tier_until - promise.warn_seconds]
    if facts.paid_until is not None and promise.grace_days is not None:
        turns += [facts.paid_until, facts.paid_until + promise.grace_days * DAY_SECONDS]
    return min((turn for turn in turns if turn is not None and turn > now), default=None)


def why_not(reward: Reward, tier: str | None, gone: int, had: int, now: int) -> str:
    """What stands between a member and a reward besides points: tier, later, over, stock, limit, or nothing."""
    if reward.starts is not None and now < reward.starts:
        return "later"
    if reward.ends is not None and reward.ends <= now:
        return "over"
    if reward.tiers and tier not in reward.tiers:
        return "tier"
    if reward.stock is not None and gone >= reward.stock:
        return "stock"
    return "limit" if reward.per_member is not None and had >= reward.per_member else ""


def membership(paid_until: int | None, grace_days: int | None, now: int) -> Membership | None:
    """Where a membership stands; None: the programme has none."""
    if grace_days is None:
        return None
    if paid_until is None:
        return Membership("unpaid")
    if now < paid_until:
        return Membership("paid", paid_until)
    return Membership("grace" if now < paid_until + grace_days * DAY_SECONDS else "over", paid_until)


def _reward(reward: Reward, facts: Facts, has: int, now: int) -> Reward:
    """The reward as this card shows it; `has` is what may be spent of its unit."""
    why = why_not(reward, facts.tier, facts.gone.get(reward.key, 0), facts.had.get(reward.key, 0), now)
    if not why and reward.key in facts.used_up:
        why = "limit"
    return Reward(reward.key, reward.name, reward.cost, max(0, reward.cost - has), why, reward.unit)


def _turns_of_lots(facts: Facts) -> Iterator[int | None]:
    shown = {"", *(unit.key for unit in facts.promise.units)}
    for lot in facts.lots:
        if lot.left and lot.unit in shown:
            end = facts.end(lot)
            yield end
            # What ends before it ripens never changes from pending.
            if end is None or lot.ripens is None or lot.ripens < end:
                yield lot.ripens


def _ripe(lots: tuple[Lot, ...], unit: str, now: int) -> int:
    return sum(lot.left for lot in lots if lot.unit == unit and lot.is_ripe(now))


def _pending(lots: tuple[Lot, ...], now: int) -> Pending | None:
    unripe = [(lot.ripens, lot.left) for lot in lots if not lot.unit and lot.ripens is not None and lot.ripens > now]
    return Pending(sum(left for _, left in unripe), min(at for at, _ in unripe)) if unripe else None


def _balances(promise: Promise, lots: tuple[Lot, ...]) -> tuple[Balance, ...]:
    return tuple(Balance(unit.key, unit.kind, _held(lots, unit.key), unit.name) for unit in promise.units)


def _stamps(promise: Promise, lots: tuple[Lot, ...]) -> Stamps | None:
    card = stamp_card(promise)
    return replace(card, filled=min(card.of, _held(lots, card.unit))) if card else None


def stamp_card(promise: Promise) -> Stamps | None:
    """The empty one. Stamps that buy rewards are a card of as many places as the dearest reward costs."""
    if promise.stamps:
        return promise.stamps
    prizes = sorted(
        (Prize(reward.cost, reward.name) for reward in promise.rewards if not reward.unit), key=lambda prize: prize.at
    )
    if promise.unit_kind != "stamps" or not prizes:
        return None
    return Stamps("", prizes[-1].at, tuple(prizes))


def _held(lots: tuple[Lot, ...], unit: str) -> int:
    return sum(lot.left for lot in lots if lot.unit == unit)


def _challenges(facts: Facts, now: int) -> tuple[Challenge, ...]:
    live = (challenge for challenge in facts.promise.challenges if challenge.is_live(now))
    return tuple(replace(each, reached=min(each.needed, facts.reached.get(each.key, 0))) for each in live)


def _steps(facts: Facts, now: int) -> tuple[Step, ...]:
    told = (step for step in facts.promise.steps if step.key in facts.needed and step.is_for(facts.tier, now))
    return tuple(replace(step, needed=facts.needed[step.key]) for step in told)


def _expiring(facts: Facts, unit: str, now: int) -> Expiring | None:
    lots = [lot for lot in facts.lots if lot.unit == unit and lot.left]
    dated = [(end, lot.left) for lot in lots if (end := facts.end(lot)) is not None and now < end]
    if not dated:
        return None
    first = min(end for end, _ in dated)
    return Expiring(sum(left for end, left in dated if end == first), first, unit)


def _progress(
    promise: Promise, rewards: tuple[Reward, ...], balance: int, earned: int, tier: str | None
) -> Progress | None:
    """Towards the cheapest reward out of reach; when all are in reach, towards the next tier."""
    dearer = [reward for reward in rewards if reward.stands == "missing" and not reward.unit]
    if dearer:
        nearest = min(dearer, key=lambda r: r.cost)
        return Progress("reward", nearest.key, nearest.name, balance, nearest.cost)
    higher = [t for t in promise.tiers if t.threshold > earned and t.key != tier]
    if higher:
        nearest_tier = min(higher, key=lambda t: t.threshold)
        return Progress("tier", nearest_tier.key, nearest_tier.name, earned, nearest_tier.threshold)
    return None


def _news(latest: News | None, offers: tuple[Offer, ...]) -> News | None:
    """The latest posting, or a later offer that the shop chose to announce."""
    announced = [News("offer", 0, o.starts, o.title) for o in offers if o.announce]
    return max([*announced, *([latest] if latest else [])], key=lambda news: news.at, default=None)
