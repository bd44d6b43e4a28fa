"""Whether the parts of a definition fit together: keys that name one thing each, and things that are there. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from .benefits import (
    PromoPart,
    RewardPart,
)
from .parts import (
    Part,
    WhenPart,
)

if TYPE_CHECKING:
    from . import Definition


def repeated(definition: Definition) -> Iterator[str]:
    """Keys that name two things. Rules, multipliers, goals and the stamp card share one space: entries name them."""
    naming: list[Any] = [*definition.rules, *definition.multipliers, *definition.every, *definition.challenges]
    giving = [part.key for part in naming] + ([definition.stamps.key] if definition.stamps else [])
    if "earn" in giving:
        yield "no rule with the key “earn”: it is the base rule's"
    lists: dict[str, Iterable[Any]] = {
        "units": definition.units,
        "tiers": definition.tiers,
        "rewards": definition.rewards,
        "coupons": definition.coupons,
        "promos": definition.promos,
        "partners": definition.partners,
        "reminders": definition.reminders,
        "perks": [perk for tier in definition.tiers for perk in tier.perks],
    }
    named = {"rules": giving} | {name: [part.key for part in parts] for name, parts in lists.items()}
    for name, keys in named.items():
        if len(set(keys)) != len(keys):
            yield f"{name} with different keys"
    codes = [promo.code for promo in definition.promos]
    if len(set(codes)) != len(codes):
        yield "promos with different codes"
    if definition.unit in {unit.key for unit in definition.units}:
        yield f"units other than the main one, “{definition.unit}”"


def unknown_units(definition: Definition) -> Iterator[str]:
    known = {definition.unit, *(unit.key for unit in definition.units)}
    for path, part in walk(definition):
        unit = getattr(part, "unit", None)
        if path and isinstance(unit, str) and unit not in known:
            yield f"{path}.unit: a unit of this programme, one of {', '.join(sorted(known))}"


def unknown_keys(definition: Definition) -> Iterator[str]:
    """Tiers and coupons that are named and not there, each as a sentence that begins with the field."""
    tiers = {tier.key for tier in definition.tiers}
    coupons = {coupon.key for coupon in definition.coupons}
    for path, part in walk(definition):
        if isinstance(part, WhenPart | RewardPart | PromoPart):
            for key in part.tiers:
                if key not in tiers:
                    yield f"{path}.tiers: “{key}” is no tier of this programme"
        coupon = getattr(part, "coupon", None)
        if isinstance(coupon, str) and coupon not in coupons:
            yield f"{path}.coupon: “{coupon}” is no coupon of this programme"


def walk(part: Part, path: str = "") -> Iterator[tuple[str, Part]]:
    """Every part within, with where it stands, such as rules.0.when."""
    yield path, part
    for name in type(part).model_fields:
        value = getattr(part, name)
        where = f"{path}.{name}" if path else name
        if isinstance(value, Part):
            yield from walk(value, where)
        elif isinstance(value, tuple):
            for place, item in enumerate(value):
                if isinstance(item, Part):
                    yield from walk(item, f"{where}.{place}")
