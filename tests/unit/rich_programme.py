"""A programme that has everything, and words to tell it with."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from passes import words
from passes.definition import Definition
from passes.words import Words

ROOT = Path(__file__).parents[2]
DAY = 86_400
START = 1_789_948_800  # midnight in UTC
RICH: dict[str, Any] = {
    "key": "rich",
    "name": {"en": "Rich"},
    "look": "cafe",
    "time_zone": "UTC",
    "units": [
        {"key": "stamps", "kind": "stamps", "expiry": {"idle_days": 120}},
        {"key": "miles", "kind": "status", "name": {"en": "Miles"}, "expiry": {"yearly": "12-31", "years": 1}},
        {"key": "cash", "kind": "money", "name": {"en": "Cash"}, "expiry": {"at": START + 700 * DAY}},
    ],
    "earn": {"points": 1, "per": 100},
    "rules": [
        {
            "key": "cake",
            "name": {"en": "Cake week"},
            "measure": "item",
            "amount": 5,
            "per": 2,
            "goods": {"categories": ["cake"]},
            "caps": {"receipt": 20, "day": 40, "month": 300, "ever": 2000},
        },
        {
            "key": "visit",
            "unit": "stamps",
            "measure": "visit",
            "amount": 1,
            "when": {"min_total": 1500},
            "caps": {"day": 2},
        },
        {
            "key": "review",
            "measure": "event",
            "amount": 30,
            "when": {"event": "review"},
            "caps": {"day": 30, "month": 60},
            "ripens_days": 14,
        },
        {
            "key": "lunch",
            "amount": 3,
            "per": 1000,
            "rounding": "nearest",
            "when": {"weekdays": [1, 2], "from_minute": 690, "until_minute": 840},
        },
        {"key": "again", "measure": "visit", "amount": 15, "when": {"next_within": {"days": 14, "after_total": 4500}}},
        {
            "key": "bigger",
            "measure": "visit",
            "amount": 12,
            "when": {"above_own_average": {"percent": 125, "after_purchases": 4}},
        },
        {"key": "miles", "unit": "miles", "amount": 1, "per": 500, "rounding": "up"},
        {"key": "back", "unit": "cash", "amount": 2, "per": 100},
    ],
    "multipliers": [
        {"key": "happy", "name": {"en": "Happy Monday"}, "percent": 200, "when": {"weekdays": [1]}},
        {"key": "season", "percent": 150, "when": {"starts": START + 30 * DAY, "ends": START + 60 * DAY}},
    ],
    "every": [
        {"key": "voucher", "name": {"en": "Voucher"}, "spend": 50000, "give": {"coupon": "five"}},
        {"key": "bonus", "spend": 20000, "give": {"amount": 25}, "period": "month", "carry_over": False},
    ],
    "stamps": {
        "unit": "stamps",
        "of": 10,
        "prizes": [{"at": 5, "give": {"amount": 20}}, {"at": 10, "give": {"coupon": "coffee"}}],
    },
    "challenges": [
        {
            "key": "four",
            "name": {"en": "Four visits"},
            "target": 4,
            "give": {"amount": 40},
            "starts": START,
            "ends": START + 90 * DAY,
        },
        {
            "key": "spender",
            "name": {"en": "Big spender"},
            "measure": "spend",
            "target": 300_000,
            "give": {"amount": 111},
        },
    ],
    "welcome": 20,
    "expiry": {"days": 200},
    "worth_of_one": 5,
    "redeem_policy": {"share_percent": 50, "step": 10, "least": 20},
    "overdraw": "forgive",
    "tiers": [
        {
            "key": "silver",
            "name": {"en": "Silver"},
            "threshold": 500,
            "perks": [
                {"key": "more", "kind": "multiplier", "name": {"en": "More points"}, "percent": 125},
                {"key": "delivery", "kind": "free_delivery", "name": {"en": "Free delivery"}, "least": 9900},
            ],
        },
        {
            "key": "gold",
            "name": {"en": "Gold"},
            "threshold": 2500,
            "perks": [
                {"key": "ola", "kind": "manager", "name": {"en": "Your Ola"}, "contact": "+48 600 100 200"},
                {"key": "sale", "kind": "early_access", "name": {"en": "Sale"}, "starts": START + 5 * DAY},
                {"key": "off", "kind": "discount", "name": {"en": "Always less"}, "percent": 7},
            ],
        },
    ],
    "tier_policy": {"period": "months", "months": 12, "down": "step", "grace_days": 15, "warn_days": 21},
    "rewards": [
        {"key": "espresso", "name": {"en": "Espresso"}, "cost": 80},
        {"key": "mug", "name": {"en": "Mug"}, "cost": 400, "stock": 50, "per_member": 2, "tiers": ["gold"]},
    ],
    "coupons": [
        {
            "key": "five",
            "name": {"en": "Five off"},
            "discount": {"money": 500},
            "min_total": 2000,
            "valid_days": 30,
            "per_member": 7,
        },
        {
            "key": "coffee",
            "name": {"en": "Free coffee"},
            "discount": {"free_item": True, "most": 1400},
            "goods": {"categories": ["coffee"]},
            "valid_days": 60,
        },
        {"key": "hello", "name": {"en": "Hello"}, "discount": {"percent": 10}, "on_join": True, "stock": 900},
    ],
    "promos": [
        {
            "key": "spring",
            "code": "SPRING",
            "name": {"en": "Spring"},
            "give": {"amount": 33},
            "total": 1200,
            "per_member": 3,
        }
    ],
    "referral": {"give": {"amount": 55}, "friend": {"amount": 22}, "min_total": 1800, "most": 12},
    "membership": {"months": 6, "grace_days": 9, "price": 4900},
    "gift": {"pin": False, "most": 77_000, "transfer": False},
    "partners": [
        {
            "key": "bakery",
            "name": {"en": "Bakery"},
            "gives_at": 5,
            "takes_at": 4,
            "earn": {"points": 2, "per": 300},
        }
    ],
}


def rich(**changes: Any) -> Definition:
    return Definition.model_validate(RICH | changes)


@cache
def spoken(language: str) -> Words:
    """As a café says it."""
    pages, cards = ROOT / "templates" / "pages" / "words", ROOT / "templates" / "cards" / "words"
    return Words(language, words.load(pages, cards)[language])
