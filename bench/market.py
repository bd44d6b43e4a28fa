"""A programme with twenty rules and the baskets of five lines that are sold under it, for the benches of the engine."""

from __future__ import annotations

import random
from typing import Any

from passes.definition import Definition

CATEGORIES = ("coffee", "bakery", "dairy", "wine", "flowers", "pets", "books", "garden")
LINES = 5


def _named(key: str) -> dict[str, Any]:
    return {"key": key, "name": {"en": key.capitalize()}}


def _goods(*categories: str) -> dict[str, Any]:
    return {"goods": {"categories": list(categories)}}


RULES = [
    _named("bakery") | {"amount": 1, "per": 500} | _goods("bakery"),
    _named("wine") | {"amount": 2, "per": 1000, "when": {"min_total": 5_000}} | _goods("wine"),
    _named("cups") | {"measure": "item", "amount": 1, "unit": "stamps"} | _goods("coffee"),
    _named("visit") | {"measure": "visit", "amount": 5, "caps": {"day": 10, "month": 60}},
    _named("status") | {"amount": 1, "per": 100, "unit": "status"},
    _named("early") | {"measure": "visit", "amount": 3, "when": {"from_minute": 360, "until_minute": 540}},
    _named("first") | {"measure": "visit", "amount": 50, "when": {"first_purchase": True}},
    _named("review") | {"measure": "event", "amount": 30, "when": {"event": "review"}, "caps": {"month": 30}},
    _named("garden") | {"amount": 1, "per": 300, "ripens_days": 14} | _goods("garden"),
]
MULTIPLIERS = [
    _named("tuesday") | {"percent": 200, "when": {"weekdays": [2]}},
    _named("silver") | {"percent": 120, "when": {"tiers": ["silver"]}},
    _named("gold") | {"percent": 150, "when": {"tiers": ["gold"]}},
    _named("birthday") | {"percent": 300, "when": {"birthday_month": True}},
    _named("books") | {"percent": 200} | _goods("books"),
]
EVERY = [_named("hundred") | {"spend": 10_000, "give": {"amount": 20}, "period": "month"}]
CHALLENGES = [
    _named("visits") | {"measure": "visits", "target": 10, "give": {"amount": 100}},
    _named("flowers") | {"measure": "items", "target": 5, "give": {"amount": 40}} | _goods("flowers"),
    _named("pets") | {"measure": "spend", "target": 30_000, "give": {"amount": 60}} | _goods("pets"),
]
TWENTY: dict[str, Any] = {
    "key": "market",
    "name": {"en": "Market Club"},
    "look": "cafe",
    "time_zone": "Europe/Warsaw",
    "units": [{"key": "stamps", "kind": "stamps"}, {"key": "status", "kind": "status"}],
    "earn": {"points": 1, "per": 100},
    "rules": RULES,
    "multipliers": MULTIPLIERS,
    "every": EVERY,
    "challenges": CHALLENGES,
    "stamps": {"unit": "stamps", "of": 10, "prizes": [{"at": 10, "give": {"amount": 80}}]},
    "expiry": {"days": 365},
    "worth_of_one": 1,
    "tiers": [
        _named("silver") | {"threshold": 50_000},
        _named("gold") | {"threshold": 200_000},
    ],
    "tier_policy": {"by": "spend", "period": "year", "grace_days": 14},
}
BARE: dict[str, Any] = {name: TWENTY[name] for name in ("key", "name", "look", "time_zone", "earn", "worth_of_one")}


def definition(**changes: Any) -> Definition:
    return Definition.model_validate(TWENTY | changes)


def basket(chance: random.Random) -> dict[str, Any]:
    """What somebody buys: the total and its lines."""
    lines = [
        {
            "sku": f"{category}-{chance.randint(1, 40)}",
            "category": category,
            "quantity": (pieces := chance.choice((1, 1, 1, 2, 3))),
            "price": pieces * chance.randint(200, 4_000),
        }
        for category in chance.choices(CATEGORIES, k=LINES)
    ]
    return {"total": sum(line["price"] for line in lines), "lines": lines}
