"""What a member's card shows: its meaning, never its layout.

A `Card` is what every wallet, page and till is given; a `Promise` is the part that all cards of a programme share.
Both are values that never change, and equal cards give equal bytes, so a phone is told only of what looks different.
How a card is drawn from what the store holds is `drawing`'s affair; how it looks on a phone is each wallet's own.

Instants are whole seconds since 1970 in UTC. Amounts are integers in the programme's smallest
unit, money is an integer in the currency's smallest unit. A `Text` holds the same words in several
languages.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from hashlib import blake2b
from typing import Any, Literal

Text = Mapping[str, str]
"""The same words per language: {"en": ..., "ru": ..., "pl": ...}. May lack a language."""

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
    """What of a unit ("": the main one) ends next, and when."""

    amount: int
    at: int
    unit: str = ""


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
class Step:
    """What the next purchase brings when it comes to `needed`, above what is usual for the member. In a promise, 0.

    An `amount` of a unit ("": the main one), `percent` of what is earned of it, or else what its name says.
    """

    key: str
    name: Text
    amount: int = 0
    percent: int = 0
    unit: str = ""
    tiers: tuple[str, ...] = ()
    starts: int | None = None
    ends: int | None = None
    needed: int = 0

    def is_for(self, tier: str | None, now: int) -> bool:
        is_live = (self.starts is None or self.starts <= now) and (self.ends is None or now < self.ends)
        return is_live and (not self.tiers or tier in self.tiers)


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
    # Which offers some are left out of: how many of a hundred, by the offer's key.
    controls: Mapping[str, int] = field(default_factory=dict)
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
    steps: tuple[Step, ...] = ()
    # How long before a tier is lost the card says so.
    warn_seconds: int = 0
    grace_days: int | None = None


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
    steps: tuple[Step, ...] = ()
    # Until when the tier holds if nothing more is counted, and whether it is time to say so.
    tier_until: int | None = None
    tier_warning: bool = False
    # What tiers are counted in (see `Promise`), and how much more of it keeps this one beyond `tier_until`.
    tier_unit: str = ""
    tier_missing: int = 0
    coupons: tuple[Coupon, ...] = ()
    membership: Membership | None = None
    # Of further units; `expiring` is of the main one.
    also_expiring: tuple[Expiring, ...] = ()
    # What the link carries by which friends join; empty where bringing friends is not rewarded.
    friend: str = ""

    @property
    def endings(self) -> tuple[Expiring, ...]:
        """What ends next of each unit of which something does, the main one first."""
        return (*([self.expiring] if self.expiring else []), *self.also_expiring)

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
    "steps": Step,
    "coupons": Coupon,
    "also_expiring": Expiring,
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
