"""Programmes: what is promised to members, kept with every earlier promise.

A `Ruleset` is a definition with its number and the instant from which it is in force; none is ever changed, so that a
receipt can be judged again by the rules of its day. `Promise` is what every card of the programme shows. Promises are
built once per version of a programme and kept in memory.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, func, insert, or_, select, update

from .card import Contact, Location, Offer, Promise, Text, Unit
from .cards import Held
from .definition import LAST_INSTANT, Definition
from .errors import BadInput, Conflict, NotFound
from .points import lint
from .store import Connection, Row, Store, mark_stale
from .store import tables as t


@dataclass(frozen=True)
class Ruleset:
    """A definition with its number among those of its programme, in force from `effective` on."""

    number: int
    effective: int
    definition: Definition


Rulebook = Callable[[Definition], Text]
"""Says the rules of a definition in every language."""


class Programme:
    """A programme as it stands: its definition and what all its cards show."""

    def __init__(self, row: Row, rulebook: Rulebook, offers: Sequence[Row], coming: tuple[Ruleset, ...]) -> None:
        self.id: int = row.id
        self.key: str = row.key
        self.version: str = row.version
        self.created: int = row.created
        self.definition = Definition.model_validate(row.definition)
        self.promise = _promise(row, self.definition, rulebook(self.definition), offers)
        self._rulesets = (Ruleset(row.ruleset, 0, self.definition), *coming)

    def at(self, now: int) -> Ruleset:
        """The rules in force at `now`, even if nobody has taken them up yet."""
        return [each for each in self._rulesets if each.effective <= now][-1]


_kept: WeakKeyDictionary[Engine, dict[str, Programme]] = WeakKeyDictionary()
_KEPT_MOST = 256
_rulebooks: WeakKeyDictionary[Engine, Rulebook] = WeakKeyDictionary()


def speak(store: Store, rulebook: Rulebook) -> None:
    """How rules are said on what is drawn from this store; without it nothing is said of them."""
    _rulebooks[store.engine] = rulebook


def _silent(definition: Definition) -> Text:
    return {}


def create(
    tx: Connection, definition: Definition, looks: Mapping[str, str], contact: Contact, now: int, zone: str = "UTC"
) -> Programme:
    """A new programme; `looks` maps the names of the looks there are to their digests.

    A programme that names no time zone of its own has its days in `zone`.
    """
    definition = definition.model_copy(update={"time_zone": definition.time_zone or zone})
    _refuse([*lint.unknown_look(definition, looks), *lint.findings(definition, now)])
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
    _keep_ruleset(tx, id, Ruleset(1, now, definition), now)
    return get(tx, id)


def amend(tx: Connection, programme: Programme, definition: Definition, now: int, effective: int | None = None) -> None:
    """New rules from `effective` on (none: at once). What members hold stays, so its name and units do too."""
    refuse_another_promise(programme, definition)
    _refuse_worthless_coupons(tx, programme, definition, now)
    _refuse(lint.findings(definition, now))
    tx.execute(select(t.Programme.id).where(t.Programme.id == programme.id).with_for_update())
    newest = select(func.max(t.Ruleset.number), func.max(t.Ruleset.effective))
    number, latest = tx.execute(newest.where(t.Ruleset.programme_id == programme.id)).one()
    begins = max(now, effective or now)
    if begins < latest:
        raise Conflict("Other rules come into force later than these; say a later time.", field="effective")
    zone = definition.time_zone or programme.definition.time_zone
    definition = definition.model_copy(update={"time_zone": zone})
    _keep_ruleset(tx, programme.id, Ruleset(number + 1, begins, definition), now)
    tx.execute(update(t.Programme).where(t.Programme.id == programme.id).values(version=_new_version()))
    take_up(tx, now)


def refuse_another_promise(programme: Programme, definition: Definition) -> None:
    """What cards already hold and show stays."""
    # Of what comes later, too: members will hold it by then. Units are never dropped, so the newest rules name all.
    kept = programme.at(LAST_INSTANT).definition
    for field in ("key", "kind", "unit", "currency", "look"):
        if getattr(definition, field) != getattr(kept, field):
            raise BadInput(f"A programme's {field} stays what it is: {getattr(kept, field)}.", field=field)
    _refuse_other_steps(kept, definition)
    gone = {unit.key for unit in kept.units} - {unit.key for unit in definition.units}
    if gone:
        raise BadInput(f"Members may hold {sorted(gone)[0]}; a unit cannot be dropped.", field="units")


def _refuse_other_steps(kept: Definition, definition: Definition) -> None:
    """What members have spent is counted in steps: by smaller ones it would bring gifts at once, by larger ones none
    for long."""
    steps = {part.key: part.spend for part in kept.every}
    for place, part in enumerate(definition.every):
        if steps.get(part.key, part.spend) != part.spend:
            sentence = f"Members have collected towards “{part.key}” in steps of {steps[part.key]}."
            raise BadInput(f"{sentence} Give another step another key.", field=f"every.{place}.spend")


def _refuse_worthless_coupons(tx: Connection, programme: Programme, definition: Definition, now: int) -> None:
    """What a coupon is good for stands in the definition; one that somebody still has is not to become a blank."""
    kinds = [coupon.key for coupon in definition.coupons]
    still = or_(t.Coupon.ends.is_(None), t.Coupon.ends > now)
    held = select(t.Coupon.kind).where(t.Coupon.programme_id == programme.id, t.Coupon.state == "issued", still)
    kind = tx.execute(held.where(t.Coupon.kind.not_in(kinds)).limit(1)).scalar()
    if kind is not None:
        sentence = f"Some still have a coupon “{kind}”; keep it, with a `stock` of 0 if no more are to be given."
        raise BadInput(sentence, field="coupons")


def _refuse(findings: Iterable[lint.Finding]) -> None:
    found = next((finding for finding in findings if finding.refuses), None)
    if found is not None:
        raise BadInput(found.sentence, field=found.field)


def take_up(tx: Connection, now: int) -> None:
    """Rules whose time has come are those of their programme from now on, and its cards are drawn by them."""
    due = (
        select(t.Ruleset.programme_id, t.Ruleset.number, t.Ruleset.definition)
        .join(t.Programme, t.Programme.id == t.Ruleset.programme_id)
        .where(t.Ruleset.effective <= now, t.Ruleset.number > t.Programme.ruleset)
        .order_by(t.Ruleset.number)
    )
    for row in tx.execute(due).all():
        values = {"ruleset": row.number, "definition": row.definition}
        tx.execute(update(t.Programme).where(t.Programme.id == row.programme_id).values(values))
        changed(tx, row.programme_id, now)


def ruleset(tx: Connection, programme: Programme, number: int) -> Ruleset:
    """The rules with this number, whether in force or not."""
    row = tx.execute(select(t.Ruleset).where(t.Ruleset.programme_id == programme.id, t.Ruleset.number == number)).one()
    return _ruleset(row)


def rulesets(tx: Connection, programme: Programme) -> list[Ruleset]:
    """All rules the programme ever had or will have, the oldest first."""
    kept = select(t.Ruleset).where(t.Ruleset.programme_id == programme.id).order_by(t.Ruleset.number)
    return [_ruleset(row) for row in tx.execute(kept)]


def _keep_ruleset(tx: Connection, programme_id: int, rules: Ruleset, now: int) -> None:
    values = {
        "programme_id": programme_id,
        "number": rules.number,
        "effective": rules.effective,
        "definition": rules.definition.model_dump(mode="json"),
        "created": now,
    }
    tx.execute(insert(t.Ruleset).values(values))


def _ruleset(row: Row) -> Ruleset:
    return Ruleset(row.number, row.effective, Definition.model_validate(row.definition))


def _coming(tx: Connection, row: Row) -> tuple[Ruleset, ...]:
    later = select(t.Ruleset).where(t.Ruleset.programme_id == row.id, t.Ruleset.number > row.ruleset)
    return tuple(_ruleset(each) for each in tx.execute(later.order_by(t.Ruleset.number)))


def get(tx: Connection, id: int) -> Programme:
    """The programme with this row id, from memory when its version is known."""
    version = tx.execute(select(t.Programme.version).where(t.Programme.id == id)).scalar_one()
    return at_version(tx, id, version)


def of_card(tx: Connection, held: Held) -> Programme:
    """What the card's programme promises now."""
    return at_version(tx, held.row.programme_id, held.row.programme_version)


def glance_of_card(store: Store, held: Held) -> Programme:
    """As `of_card`, for whoever has no transaction open: the store is asked for a version only once."""
    known = _kept.get(store.engine, {}).get(held.row.programme_version)
    if known is not None:
        return known
    with store.reading() as tx:
        return of_card(tx, held)


def at_version(tx: Connection, id: int, version: str) -> Programme:
    """As `get`, for a caller who has read the version along with something else."""
    kept = _kept.setdefault(tx.engine, {})
    if version not in kept:
        if len(kept) >= _KEPT_MOST:
            kept.clear()
        row = tx.execute(select(t.Programme).where(t.Programme.id == id)).one()
        rulebook = _rulebooks.get(tx.engine, _silent)
        kept[row.version] = Programme(row, rulebook, _offers(tx, id), _coming(tx, row))
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


def _promise(row: Row, definition: Definition, rules: Text, offers: Sequence[Row]) -> Promise:
    return Promise(
        key=row.key,
        kind=row.kind,
        name=definition.name,
        unit=definition.unit,
        look=row.look,
        look_digest=row.look_digest,
        contact=Contact(**row.contact),
        terms=definition.terms or {},
        rules=rules,
        tiers=definition.levels,
        rewards=tuple(replace(part.reward, unit=definition.short(part.unit)) for part in definition.rewards),
        offers=tuple(Offer(o.key, o.title, o.body, o.starts, o.ends, o.tier, o.announce) for o in offers),
        controls={offer.key: offer.control for offer in offers if offer.control},
        locations=tuple(Location(place.name, place.latitude, place.longitude) for place in definition.locations),
        currency=definition.currency,
        worth_of_one=definition.worth_of_one,
        unit_kind=definition.main_kind,
        tier_unit=definition.tier_unit,
        units=tuple(Unit(unit.key, unit.kind, unit.name or {}) for unit in definition.units),
        stamps=definition.shown_stamps,
        challenges=definition.shown_challenges,
        steps=definition.shown_steps,
        warn_seconds=definition.tier_policy.warn_days * 86_400,
        grace_days=definition.membership.grace_days if definition.membership else None,
    )


def _offers(tx: Connection, id: int) -> Sequence[Row]:
    """Offers that were not ended before they were published; which of them are live is drawing's affair."""
    kept = or_(t.Offer.ends.is_(None), t.Offer.ends > t.Offer.starts)
    query = select(t.Offer).where(t.Offer.programme_id == id, kept)
    return tx.execute(query.order_by(t.Offer.id.desc()).limit(200)).all()


def _new_version() -> str:
    """Random rather than counted: a version that was rolled back must never come again."""
    return secrets.token_hex(16)
