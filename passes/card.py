"""What a member's card shows now: its meaning, never its layout.

`draw` turns facts into a `Card`; `next_change` says when the card will look different although
nobody touches the store. Both are pure: time and facts come in as arguments, nothing is fetched,
nothing is saved. How a card looks on a phone is each wallet's own affair.

Instants are whole seconds since 1970 in UTC. Amounts are integers in the programme's smallest
unit, money is an integer in the currency's smallest unit. A `Text` holds the same words in several
languages.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from hashlib import blake2b
from typing import Any, Literal

Text = Mapping[str, str]
"""The same words per language: {"en": ..., "ru": ..., "pl": ...}. May lack a language."""

DAY_SECONDS = 86_400
MOST_PLACES = 40
"""A stamp card of more can only be told as a number."""
Status = Literal["active", "blocked", "closed"]


@dataclass(frozen=True)
class Perk:
    """Something a tier brings, from `starts` until just before `ends` (None: open). `contact`: whom to speak to."""

    key: str
    name: Text
    starts: int | None = None
    ends: int | None = None
    contact: str = ""

    def is_live(self, now: int) -> bool:
        return (self.starts is None or self.starts <= now) and (self.ends is None or now < self.ends)


@dataclass(frozen=True)
class Tier:
    """A level of membership. `threshold` is how much must be counted to reach it."""

    key: str
    name: Text
    threshold: int = 0
    perks: tuple[Perk, ...] = ()


@dataclass(frozen=True)
class Reward:
    """Something points buy, as it is promised. No tiers: for everybody; `unit` "" is the programme's main one.

    On a card `missing` is how many more points the member needs, `why` what else stands between them: tier,
    later, over, stock or limit. Neither: the member can have it now.
    """

    key: str
    name: Text
    cost: int
    missing: int = 0
    why: str = ""
    unit: str = ""
    tiers: tuple[str, ...] = ()
    starts: int | None = None
    ends: int | None = None
    stock: int | None = None
    per_member: int | None = None

    @property
    def stands(self) -> str:
        """In one word: ready, missing, or what `why` says."""
        return self.why or ("missing" if self.missing else "ready")


@dataclass(frozen=True)
class Coupon:
    """A coupon that can be used from `starts` until just before `ends` (None: for ever)."""

    code: str
    key: str
    name: Text
    starts: int
    ends: int | None = None


@dataclass(frozen=True)
class Membership:
    """What is paid for until `until`; in `grace` benefits go on for a while, `unpaid` was never paid for."""

    state: Literal["paid", "grace", "over", "unpaid"]
    until: int | None = None

    @property
    def is_good(self) -> bool:
        """Whether the member has the benefits."""
        return self.state in ("paid", "grace")


@dataclass(frozen=True)
class Offer:
    """What the shop says to its members, from `starts` until just before `ends` (None: open)."""

    key: str
    title: Text
    body: Text
    starts: int = 0
    ends: int | None = None
    tier: str | None = None
    announce: bool = False

    def is_live(self, now: int) -> bool:
        return self.starts <= now and (self.ends is None or now < self.ends)

    def is_for(self, tier: str | None) -> bool:
        return self.tier is None or self.tier == tier


@dataclass(frozen=True)
class Location:
    """A place of business; a phone nearby may bring the card to its lock screen."""

    name: str
    latitude: float
    longitude: float


@dataclass(frozen=True)
class Contact:
    """How a member reaches the people behind the card."""

    organisation: str
    phone: str = ""
    email: str = ""
    website: str = ""


@dataclass(frozen=True)
class Progress:
    """The way to the nearest thing the member does not have yet."""

    towards: Literal["reward", "tier"]
    key: str
    name: Text
    reached: int
    needed: int

    @property
    def missing(self) -> int:
        return max(0, self.needed - self.reached)


@dataclass(frozen=True)
class Expiring:
    """Points that end next, and when."""

    amount: int
    at: int


@dataclass(frozen=True)
class News:
    """The latest thing that happened to the card; the one line a phone may announce.

    `kind` is a posting's kind (earn, welcome, redeem, reward, reverse, adjust, expire) or `offer`.
    `amount` is signed, 0 for an offer; `words` are the offer's title.
    """

    kind: str
    amount: int
    at: int
    words: Text = field(default_factory=dict)
    # Nothing for the main unit.
    unit: str = ""


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
class Unit:
    """Something a programme counts in beside its main unit. `kind`: points, money, stamps, visits or status."""

    key: str
    kind: str
    name: Text = field(default_factory=dict)


@dataclass(frozen=True)
class Balance:
    """What the card holds of another unit."""

    unit: str
    kind: str
    amount: int
    name: Text = field(default_factory=dict)


@dataclass(frozen=True)
class Prize:
    """What so many stamps bring."""

    at: int
    name: Text


@dataclass(frozen=True)
class Stamps:
    """A stamp card: so many places of so many are filled. In a promise, nothing is."""

    unit: str
    of: int
    prizes: tuple[Prize, ...] = ()
    filled: int = 0

    @property
    def can_be_drawn(self) -> bool:
        """Whether there are few enough places to tell them apart."""
        return self.of <= MOST_PLACES


@dataclass(frozen=True)
class Pending:
    """Points that count already and cannot be spent before they ripen; `at` is when the next do."""

    amount: int
    at: int


@dataclass(frozen=True)
class Challenge:
    """A task, from `starts` until just before `ends`. In a promise, nothing of it is reached."""

    key: str
    name: Text
    measure: str
    needed: int
    starts: int | None = None
    ends: int | None = None
    reached: int = 0

    def is_live(self, now: int) -> bool:
        return (self.starts is None or self.starts <= now) and (self.ends is None or now < self.ends)


@dataclass(frozen=True)
class Promise:
    """What a programme shows on every card of it. `look_digest` is the version of the look, as drawn."""

    key: str
    kind: str
    name: Text
    unit: str
    look: str
    look_digest: str
    contact: Contact
    terms: Text = field(default_factory=dict)
    # The programme's rules, a sentence on each line.
    rules: Text = field(default_factory=dict)
    tiers: tuple[Tier, ...] = ()
    rewards: tuple[Reward, ...] = ()
    offers: tuple[Offer, ...] = ()
    locations: tuple[Location, ...] = ()
    currency: str | None = None
    worth_of_one: int = 0
    # What the main unit is: points, money, stamps or visits.
    unit_kind: str = "points"
    # What tiers are counted in: nothing for the main unit, another one, or `spend` or `visits`.
    tier_unit: str = ""
    units: tuple[Unit, ...] = ()
    stamps: Stamps | None = None
    challenges: tuple[Challenge, ...] = ()
    # How long before a tier is lost the card says so.
    warn_seconds: int = 0
    grace_days: int | None = None


@dataclass(frozen=True)
class Facts:
    """All that a drawing needs to know of one card, as plain values.

    `earned` is the count that tiers go by. `idle_ends` says when each unit ends because nothing happened to the card,
    `reached` how far each challenge is.
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
    coupons: tuple[Coupon, ...] = ()
    # How many of each limited reward are gone: in all, and by this card.
    gone: Mapping[str, int] = field(default_factory=dict)
    had: Mapping[str, int] = field(default_factory=dict)
    paid_until: int | None = None

    def end(self, lot: Lot) -> int | None:
        """When the lot ends, by its date or by idleness."""
        ends = (lot.expires, self.idle_ends.get(lot.unit))
        return min((end for end in ends if end is not None), default=None)

    def is_open(self, lot: Lot, now: int) -> bool:
        end = self.end(lot)
        return end is None or now < end


@dataclass(frozen=True)
class Card:
    """What the member's card shows."""

    serial: str
    number: str
    code: str
    programme: str
    programme_name: Text
    kind: str
    look: str
    look_digest: str
    contact: Contact
    name: str
    language: str
    status: Status
    joined: int
    unit: str
    balance: int
    tier: Tier | None = None
    progress: Progress | None = None
    rewards: tuple[Reward, ...] = ()
    offers: tuple[Offer, ...] = ()
    news: News | None = None
    expiring: Expiring | None = None
    currency: str | None = None
    worth: int | None = None
    terms: Text = field(default_factory=dict)
    # In the member's own language alone: they are long, and every card keeps them.
    rules: Text = field(default_factory=dict)
    locations: tuple[Location, ...] = ()
    expires: int | None = None
    # Which generation of links the card carries; revoking them is a change people must receive.
    link_version: int = 1
    unit_kind: str = "points"
    balances: tuple[Balance, ...] = ()
    stamps: Stamps | None = None
    pending: Pending | None = None
    perks: tuple[Perk, ...] = ()
    challenges: tuple[Challenge, ...] = ()
    # Until when the tier holds if nothing more is counted, and whether it is time to say so.
    tier_until: int | None = None
    tier_warning: bool = False
    # What tiers are counted in (see `Promise`), and how much more of it keeps this one beyond `tier_until`.
    tier_unit: str = ""
    tier_missing: int = 0
    coupons: tuple[Coupon, ...] = ()
    membership: Membership | None = None

    @property
    def is_void(self) -> bool:
        """A blocked or closed card is still drawn, so that every copy of it shows that it ended."""
        return self.status != "active"

    def held(self, unit: str) -> Balance:
        """What the card holds of a unit ("": the main one)."""
        main = Balance("", self.unit_kind, self.balance)
        return next((balance for balance in self.balances if balance.unit == unit), main) if unit else main

    def to_json(self) -> str:
        """One line of JSON; equal cards give equal bytes."""
        return json.dumps(self, default=vars, sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Card:
        return _revive(cls, json.loads(text))


@dataclass(frozen=True)
class Revision:
    """A card as the store holds it: numbered each time it looks different.

    `modified` is its HTTP date, at least one second later with every revision. `nonce` and `key_id` are
    what the secrets bound to this card are derived from (see `passes.secrets`).
    """

    card: Card
    number: int
    modified: int
    nonce: bytes
    key_id: str


def digest(face: str) -> str:
    """Two cards that show the same have the same digest, so no phone buzzes for nothing."""
    return blake2b(face.encode(), digest_size=16).hexdigest()


def draw(facts: Facts, now: int) -> Card:
    """The card as it looks at `now`."""
    promise = facts.promise
    lots = tuple(lot for lot in facts.lots if facts.is_open(lot, now))
    balance = sum(lot.left for lot in lots if not lot.unit)
    tier = next((tier for tier in promise.tiers if tier.key == facts.tier), None)
    offers = tuple(o for o in promise.offers if o.is_live(now) and o.is_for(facts.tier))
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
        expiring=_expiring(facts, now),
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
        tier_until=until,
        tier_warning=until is not None and until - promise.warn_seconds <= now,
        tier_unit=promise.tier_unit,
        tier_missing=max(0, tier.threshold - facts.earned) if tier and until is not None else 0,
        coupons=tuple(coupon for coupon in facts.coupons if coupon.ends is None or now < coupon.ends),
        membership=membership(facts.paid_until, promise.grace_days, now),
    )


def next_change(facts: Facts, now: int) -> int | None:
    """The next instant at which `draw` gives another card although nobody touches the store."""
    promise, turns = facts.promise, list(_turns_of_lots(facts))
    for offer in promise.offers:
        if offer.is_for(facts.tier):
            turns += [offer.starts, offer.ends]
    for tier in promise.tiers:
        if tier.key == facts.tier:
            turns += [turn for perk in tier.perks for turn in (perk.starts, perk.ends)]
    shown: list[Challenge | Reward | Coupon] = [*promise.challenges, *promise.rewards, *facts.coupons]
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
    card = promise.stamps or _simple_stamps(promise)
    return replace(card, filled=min(card.of, _held(lots, card.unit))) if card else None


def _simple_stamps(promise: Promise) -> Stamps | None:
    """Stamps that buy rewards are a card of as many places as the dearest reward costs."""
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


def _expiring(facts: Facts, now: int) -> Expiring | None:
    lots = [lot for lot in facts.lots if not lot.unit and lot.left]
    dated = [(end, lot.left) for lot in lots if (end := facts.end(lot)) is not None and now < end]
    if not dated:
        return None
    first = min(end for end, _ in dated)
    return Expiring(sum(left for end, left in dated if end == first), first)


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


_PARTS: dict[str, type] = {
    "tier": Tier,
    "progress": Progress,
    "news": News,
    "expiring": Expiring,
    "contact": Contact,
    "stamps": Stamps,
    "pending": Pending,
    "membership": Membership,
}
_LISTS: dict[str, type] = {
    "rewards": Reward,
    "offers": Offer,
    "locations": Location,
    "balances": Balance,
    "perks": Perk,
    "challenges": Challenge,
    "coupons": Coupon,
}


def _revive(cls: type[Card], stored: dict[str, Any]) -> Card:
    """A stored face again as a `Card`; a field that a later version dropped is passed over."""
    known = {f.name for f in fields(cls)}
    values = {name: value for name, value in stored.items() if name in known}
    for name, part in _PARTS.items():
        if values.get(name) is not None:
            values[name] = _part(part, values[name])
    for name, part in _LISTS.items():
        values[name] = tuple(_part(part, item) for item in values.get(name, ()))
    if values.get("stamps"):
        prizes = tuple(Prize(**prize) for prize in stored["stamps"]["prizes"])
        values["stamps"] = replace(values["stamps"], prizes=prizes)
    return cls(**values)


def _part(part: type, stored: dict[str, Any]) -> Any:
    """JSON has lists alone; ours are tuples."""
    return part(**{name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()})
