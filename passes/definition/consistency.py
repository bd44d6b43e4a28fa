"""Whether the parts of a definition fit together: keys that name one thing each, and things that are there. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from .benefits import PromoPart, RewardPart
from .parts import Part, WhenPart

if TYPE_CHECKING:
    from . import Definition


class Misfit(NamedTuple):
    """What does not fit, by its path such as rules.1.key, and what it must be."""

    path: str
    expected: str


def misfits(definition: Definition) -> Iterator[Misfit]:
    """In the order in which they are best mended."""
    for keys in _spaces(definition):
        yield from _repeated(keys)
    yield from _taken(definition)
    yield from _unknown_units(definition)
    yield from _unknown_keys(definition)
    yield from _at_odds(definition)


def refuse_misfits(definition: Definition) -> None:
    """Each with its own field, as pydantic refuses what it sees by itself."""
    if wrong := [_detail(misfit) for misfit in misfits(definition)]:
        raise ValidationError.from_exception_data("Definition", wrong)


def _detail(misfit: Misfit) -> InitErrorDetails:
    where = tuple(int(name) if name.isdigit() else name for name in misfit.path.split("."))
    return InitErrorDetails(type=PydanticCustomError("value_error", misfit.expected), loc=where, input=None)


def _spaces(definition: Definition) -> Iterator[list[tuple[str, str]]]:
    """Paths with what stands there, by what must differ; what entries name as a rule shares one space."""
    naming = ("rules", "multipliers", "every", "challenges")
    rules = [key for name in naming for key in _keys(definition, name)]
    yield [*rules, *([("stamps.key", definition.stamps.key)] if definition.stamps else [])]
    for name in ("units", "tiers", "rewards", "coupons", "promos", "partners", "reminders"):
        yield _keys(definition, name)
    yield [
        (f"tiers.{at}.{path}", key) for at, tier in enumerate(definition.tiers) for path, key in _keys(tier, "perks")
    ]
    yield [(f"promos.{place}.code", promo.code) for place, promo in enumerate(definition.promos)]
    yield [(f"tiers.{place}.threshold", str(tier.threshold)) for place, tier in enumerate(definition.tiers)]


def _at_odds(definition: Definition) -> Iterator[Misfit]:
    """Parts that leave no room for each other."""
    if definition.expire_days is not None and definition.expiry is not None:
        yield Misfit("expire_days", "left out, or `expiry` must be")
    stamps = definition.stamps
    for place, prize in enumerate(stamps.prizes if stamps else ()):
        if stamps and prize.give.amount and definition.short(prize.give.unit) == definition.short(stamps.unit):
            expected = "something else than stamps, which would fill the card that gives them"
            yield Misfit(f"stamps.prizes.{place}.give", expected)


def _keys(part: Part, name: str) -> list[tuple[str, str]]:
    return [(f"{name}.{place}.key", each.key) for place, each in enumerate(getattr(part, name))]


def _repeated(keys: Sequence[tuple[str, str]]) -> Iterator[Misfit]:
    first: dict[str, str] = {}
    for path, key in keys:
        if key in first:
            yield Misfit(path, f"another than “{key}”, which {first[key]} is")
        first.setdefault(key, path)


def _taken(definition: Definition) -> Iterator[Misfit]:
    """Keys that stand for what every programme has."""
    for path, key in next(_spaces(definition)):
        if key == "earn":
            yield Misfit(path, "another than “earn”, which is the base rule's")
    for path, key in _keys(definition, "units"):
        if key == definition.unit:
            yield Misfit(path, f"another than the main unit's, “{key}”")


def _unknown_units(definition: Definition) -> Iterator[Misfit]:
    known = {definition.unit, *(unit.key for unit in definition.units)}
    for path, part in walk(definition):
        unit = getattr(part, "unit", None)
        if path and isinstance(unit, str) and unit not in known:
            yield Misfit(f"{path}.unit", f"a unit of this programme, one of {', '.join(sorted(known))}")


def _unknown_keys(definition: Definition) -> Iterator[Misfit]:
    """Tiers and coupons that are named and not there."""
    tiers = {tier.key for tier in definition.tiers}
    coupons = {coupon.key for coupon in definition.coupons}
    for path, part in walk(definition):
        if isinstance(part, WhenPart | RewardPart | PromoPart):
            for key in part.tiers:
                if key not in tiers:
                    yield Misfit(f"{path}.tiers", f"tiers of this programme; “{key}” is none")
        coupon = getattr(part, "coupon", None)
        if isinstance(coupon, str) and coupon not in coupons:
            yield Misfit(f"{path}.coupon", f"a coupon of this programme; “{coupon}” is none")


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
