"""Programmes: what is promised to members, checked before it is kept.

A `Definition` is what an owner writes (or posts to the API); `Promise` is what every card of the
programme shows. Promises are built once per version of a programme and kept in memory.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Literal
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import Engine, insert, or_, select, update

from .card import Contact, Location, Offer, Promise, Reward, Tier
from .errors import BadInput, Conflict, NotFound
from .points.rules import EarnRule
from .store import Connection, Row, mark_stale
from .store import tables as t
from .words import LANGUAGES, is_currency
from .zones import TimeZone

MAX_AMOUNT = 10_000_000
Key = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$", max_length=40)]


def _languages(text: dict[str, str]) -> dict[str, str]:
    if not text or set(text) - set(LANGUAGES):
        raise ValueError(f"words in at least one of {', '.join(LANGUAGES)}")
    return text


def _currency(code: str) -> str:
    if not is_currency(code):
        raise ValueError("an ISO 4217 currency such as PLN")
    return code


ShortText = Annotated[
    dict[str, Annotated[str, Field(min_length=1, max_length=80)]],
    Field(max_length=3),
    AfterValidator(_languages),
]
LongText = Annotated[dict[str, Annotated[str, Field(max_length=4000)]], Field(max_length=3), AfterValidator(_languages)]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EarnPart(Part):
    """So many points for every `per` of money, in the currency's smallest unit."""

    points: int = Field(default=1, ge=0, le=MAX_AMOUNT)
    per: int = Field(default=100, ge=1, le=MAX_AMOUNT)
    rounding: Literal["down", "nearest", "up"] = "down"


class TierPart(Part):
    key: Key
    name: ShortText
    threshold: int = Field(ge=0, le=1_000_000_000)


class RewardPart(Part):
    key: Key
    name: ShortText
    cost: int = Field(ge=1, le=MAX_AMOUNT)


class LocationPart(Part):
    name: str = Field(min_length=1, max_length=80)
    latitude: float = Field(ge=-90, le=90, allow_inf_nan=False)
    longitude: float = Field(ge=-180, le=180, allow_inf_nan=False)


class Definition(Part):
    """A programme as its owner writes it."""

    key: Key
    kind: Literal["points"] = "points"
    name: ShortText
    look: Key
    unit: str = Field(default="points", pattern=r"^[a-z]{1,20}$")
    currency: Annotated[str, AfterValidator(_currency)] = "PLN"
    earn: EarnPart = EarnPart()
    welcome: int = Field(default=0, ge=0, le=MAX_AMOUNT)
    time_zone: TimeZone | None = None
    expire_days: int | None = Field(default=None, ge=1, le=3660)
    worth_of_one: int = Field(default=0, ge=0, le=MAX_AMOUNT)
    # How many points a day may be spent without the changing code on the member's phone; None: all.
    spend_floor: int | None = Field(default=None, ge=0, le=MAX_AMOUNT)
    tiers: tuple[TierPart, ...] = Field(default=(), max_length=10)
    rewards: tuple[RewardPart, ...] = Field(default=(), max_length=50)
    locations: tuple[LocationPart, ...] = Field(default=(), max_length=10)
    terms: LongText | None = None

    @model_validator(mode="after")
    def _distinct(self) -> Definition:
        for name, parts in (("tiers", self.tiers), ("rewards", self.rewards)):
            keys = [part.key for part in parts]
            if len(set(keys)) != len(keys):
                raise ValueError(f"{name} with different keys")
        if len({tier.threshold for tier in self.tiers}) != len(self.tiers):
            raise ValueError("tiers with different thresholds")
        return self

    @property
    def rule(self) -> EarnRule:
        return EarnRule(self.earn.points, self.earn.per, self.earn.rounding)

    @property
    def zone(self) -> ZoneInfo:
        """In which days begin and end."""
        return ZoneInfo(self.time_zone or "UTC")

    @property
    def levels(self) -> tuple[Tier, ...]:
        return tuple(Tier(tier.key, tier.name, tier.threshold) for tier in self.tiers)


class Programme:
    """A programme as it stands: its definition and what all its cards show."""

    def __init__(self, row: Row, offers: tuple[Offer, ...]) -> None:
        self.id: int = row.id
        self.key: str = row.key
        self.version: str = row.version
        self.created: int = row.created
        self.definition = Definition.model_validate(row.definition)
        self.promise = _promise(row, self.definition, offers)


_kept: WeakKeyDictionary[Engine, dict[str, Programme]] = WeakKeyDictionary()
_KEPT_MOST = 256


def create(
    tx: Connection, definition: Definition, looks: Mapping[str, str], contact: Contact, now: int, zone: str = "UTC"
) -> Programme:
    """A new programme; `looks` maps the names of the looks there are to their digests.

    A programme that names no time zone of its own has its days in `zone`.
    """
    definition = definition.model_copy(update={"time_zone": definition.time_zone or zone})
    if definition.look not in looks:
        raise BadInput(f"There is no look “{definition.look}”; there are: {', '.join(sorted(looks))}.", field="look")
    if tx.execute(select(t.Programme.id).where(t.Programme.key == definition.key)).first():
        raise Conflict(f"There is a programme “{definition.key}” already.", field="key")
    values = {
        "key": definition.key,
        "kind": definition.kind,
        "look": definition.look,
        "look_digest": looks[definition.look],
        "contact": asdict(contact),
        "definition": definition.model_dump(mode="json"),
        "version": _new_version(),
        "created": now,
    }
    id = tx.execute(insert(t.Programme).values(values).returning(t.Programme.id)).scalar_one()
    tx.execute(insert(t.Chain).values(programme_id=id))
    return get(tx, id)


def get(tx: Connection, id: int) -> Programme:
    """The programme with this row id, from memory when its version is known."""
    version = tx.execute(select(t.Programme.version).where(t.Programme.id == id)).scalar_one()
    return at_version(tx, id, version)


def at_version(tx: Connection, id: int, version: str) -> Programme:
    """As `get`, for a caller who has read the version along with something else."""
    kept = _kept.setdefault(tx.engine, {})
    if version not in kept:
        if len(kept) >= _KEPT_MOST:
            kept.clear()
        row = tx.execute(select(t.Programme).where(t.Programme.id == id)).one()
        kept[row.version] = Programme(row, _offers(tx, id))
        return kept[row.version]
    return kept[version]


def find(tx: Connection, key: str) -> Programme:
    id = tx.execute(select(t.Programme.id).where(t.Programme.key == key)).scalar()
    if id is None:
        raise NotFound("There is no such programme.", field="programme")
    return get(tx, id)


def all(tx: Connection) -> list[Programme]:
    rows = tx.execute(select(t.Programme.id, t.Programme.version).order_by(t.Programme.id)).all()
    return [at_version(tx, row.id, row.version) for row in rows]


def changed(tx: Connection, id: int, now: int, tier: str | None = None) -> None:
    """Every card of the programme (or of one tier) may look different now: have all of them drawn again.

    Locks the programme's row, so that a member who joins at this moment is either drawn after it or
    is found by the sweep.
    """
    tx.execute(update(t.Programme).where(t.Programme.id == id).values(version=_new_version()))
    tx.execute(insert(t.Touch).values(programme_id=id, tier=tier, after=0, created=now))
    mark_stale(tx)


def refresh(tx: Connection, looks: Mapping[str, str], contact: Contact, now: int) -> None:
    """Take up looks and contact that changed on disk since the programmes were last drawn."""
    rows = tx.execute(select(t.Programme.id, t.Programme.look, t.Programme.look_digest, t.Programme.contact)).all()
    for row in rows:
        fresh = {"look_digest": looks.get(row.look, row.look_digest), "contact": asdict(contact)}
        if fresh != {"look_digest": row.look_digest, "contact": row.contact}:
            tx.execute(update(t.Programme).where(t.Programme.id == row.id).values(fresh))
            changed(tx, row.id, now)


def _promise(row: Row, definition: Definition, offers: tuple[Offer, ...]) -> Promise:
    return Promise(
        key=row.key,
        kind=row.kind,
        name=definition.name,
        unit=definition.unit,
        look=row.look,
        look_digest=row.look_digest,
        contact=Contact(**row.contact),
        terms=definition.terms or {},
        tiers=definition.levels,
        rewards=tuple(Reward(r.key, r.name, r.cost) for r in definition.rewards),
        offers=offers,
        locations=tuple(Location(place.name, place.latitude, place.longitude) for place in definition.locations),
        currency=definition.currency,
        worth_of_one=definition.worth_of_one,
    )


def _offers(tx: Connection, id: int) -> tuple[Offer, ...]:
    """Offers that were not ended before they were published; which of them are live is drawing's affair."""
    kept = or_(t.Offer.ends.is_(None), t.Offer.ends > t.Offer.starts)
    rows = tx.execute(select(t.Offer).where(t.Offer.programme_id == id, kept).order_by(t.Offer.id.desc()).limit(200))
    return tuple(Offer(r.key, r.title, r.body, r.starts, r.ends, r.tier, r.announce) for r in rows)


def _new_version() -> str:
    """Random rather than counted: a version that was rolled back must never come again."""
    return secrets.token_hex(16)
