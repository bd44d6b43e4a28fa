"""What an owner may not write: each is refused with the field and what was expected."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from passes.definition import Definition

PLAIN: dict[str, Any] = {"key": "cafe", "name": {"en": "Coffee Club"}, "look": "cafe"}
RULE: dict[str, Any] = {"key": "more", "amount": 5}
GIVE: dict[str, Any] = {"amount": 5}


def refusal(**parts: Any) -> str:
    """As the API reads it: JSON, strictly."""
    with pytest.raises(ValidationError) as wrong:
        Definition.model_validate_json(json.dumps(PLAIN | parts), strict=True)
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in wrong.value.errors())


@pytest.mark.parametrize("amount", ["5", "٥", 5.5, 5.0, True, 0, -5, 10**12, None, [], {}])
def test_an_amount_is_a_whole_number_within_reason(amount: Any):
    assert refusal(rules=[RULE | {"amount": amount}]).startswith("rules.0.amount: ")


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"rules": [RULE | {"unit": "miles"}]}, "rules.0.unit: a unit of this programme, one of points"),
        ({"rules": [RULE | {"key": "earn"}]}, "rules.0.key: another than “earn”, which is the base rule's"),
        ({"rules": [RULE | {"measure": "event"}]}, "rules.0: Value error, `when.event` says which event"),
        ({"rules": [RULE | {"measure": "visit", "per": 2}]}, "`per` for money and items alone"),
        ({"rules": [RULE | {"when": {"weekdays": [0]}}]}, "rules.0.when.weekdays.0: "),
        ({"rules": [RULE | {"when": {"from_minute": 60}}]}, "`from_minute` and `until_minute` together"),
        ({"rules": [RULE | {"when": {"from_minute": 60, "until_minute": 60}}]}, "that differ"),
        ({"rules": [RULE | {"when": {"starts": 5, "ends": 5}}]}, "`ends` after `starts`"),
        (
            {"rules": [RULE | {"when": {"tiers": ["gold"]}}]},
            "rules.0.when.tiers: tiers of this programme",
        ),
        (
            {"rules": [RULE | {"when": {"first_purchase": True, "next_within": {"days": 3}}}]},
            "a first purchase has none",
        ),
        (
            {"rules": [RULE | {"when": {"first_purchase": True, "above_own_average": {}}}]},
            "either `first_purchase` or `above_own_average`",
        ),
        (
            {"rules": [RULE | {"when": {"above_own_average": {"percent": 99}}}]},
            "rules.0.when.above_own_average.percent: ",
        ),
        (
            {"rules": [RULE | {"when": {"above_own_average": {"after_purchases": 0}}}]},
            "rules.0.when.above_own_average.after_purchases: ",
        ),
        ({"rules": [RULE | {"caps": {"day": 0}}]}, "rules.0.caps.day: "),
        ({"rules": [RULE | {"colour": "red"}]}, "rules.0.colour: "),
        ({"multipliers": [{"key": "half", "percent": 50}]}, "multipliers.0.percent: "),
        ({"every": [{"key": "v", "spend": 0, "give": GIVE}]}, "every.0.spend: "),
        ({"every": [{"key": "v", "spend": 5, "give": {}}]}, "either an `amount` or a `coupon`"),
        (
            {"every": [{"key": "v", "spend": 5, "give": {"coupon": "x"}}]},
            "every.0.give.coupon: a coupon of this ",
        ),
        ({"stamps": {"of": 5, "prizes": [{"at": 6, "give": GIVE}]}}, "prizes at no more than 5 stamps"),
        (
            {
                "units": [{"key": "s"}],
                "stamps": {"unit": "s", "of": 5, "prizes": [{"at": 5, "give": {"amount": 1, "unit": "s"}}]},
            },
            "stamps.prizes.0.give: something else than stamps",
        ),
        ({"units": [{"key": "points"}]}, "units.0.key: another than the main unit's, “points”"),
        ({"expiry": {"yearly": "02-29"}}, "expiry.yearly: "),
        ({"expiry": {"yearly": "13-01"}}, "expiry.yearly: "),
        ({"expiry": {"days": 5}, "expire_days": 5}, "expire_days: left out, or `expiry` must be"),
        ({"kind": "lottery"}, "kind: "),
        ({"redeem_policy": {"share_percent": 101}}, "redeem_policy.share_percent: "),
        ({"tier_policy": {"months": 0}}, "tier_policy.months: "),
        (
            {
                "tiers": [
                    {
                        "key": "a",
                        "name": {"en": "A"},
                        "threshold": 1,
                        "perks": [{"key": "p", "kind": "manager", "name": {"en": "P"}}],
                    }
                ]
            },
            "tiers.0.perks.0: Value error, `contact` for a manager",
        ),
    ],
)
def test_rules_that_cannot_be_kept(parts: dict[str, Any], says: str):
    assert says in refusal(**parts)


NAMED: dict[str, Any] = {"key": "twice", "name": {"en": "Twice"}}
PERK = NAMED | {"kind": "text"}
TWICE: list[tuple[str, dict[str, Any]]] = [
    ("rules.1.key", {"rules": [RULE, RULE]}),
    ("multipliers.0.key", {"rules": [RULE], "multipliers": [{"key": "more", "percent": 200}]}),
    ("every.0.key", {"rules": [RULE], "every": [{"key": "more", "spend": 5, "give": GIVE}]}),
    ("challenges.0.key", {"rules": [RULE], "challenges": [NAMED | {"key": "more", "target": 2, "give": GIVE}]}),
    ("stamps.key", {"rules": [RULE], "units": [{"key": "s"}], "stamps": {"key": "more", "unit": "s", "of": 5}}),
    ("units.1.key", {"units": [{"key": "stars"}, {"key": "stars"}]}),
    ("tiers.1.key", {"tiers": [NAMED | {"threshold": 1}, NAMED | {"threshold": 2}]}),
    ("tiers.1.threshold", {"tiers": [NAMED | {"threshold": 1}, NAMED | {"key": "other", "threshold": 1}]}),
    (
        "tiers.1.perks.0.key",
        {
            "tiers": [
                NAMED | {"threshold": 1, "perks": [PERK]},
                NAMED | {"key": "other", "threshold": 2, "perks": [PERK]},
            ]
        },
    ),
    ("rewards.1.key", {"rewards": [NAMED | {"cost": 1}, NAMED | {"cost": 2}]}),
    ("coupons.1.key", {"coupons": [NAMED, NAMED]}),
    ("promos.1.key", {"promos": [NAMED | {"code": "AAA", "give": GIVE}, NAMED | {"code": "BBB", "give": GIVE}]}),
    (
        "promos.1.code",
        {"promos": [NAMED | {"code": "AAA", "give": GIVE}, NAMED | {"key": "b", "code": "AAA", "give": GIVE}]},
    ),
    ("partners.1.key", {"partners": [NAMED, NAMED]}),
    (
        "reminders.1.key",
        {"coupons": [NAMED], "reminders": [{"key": "back", "coupon": "twice", "when": "lapsed", "days": 60}] * 2},
    ),
]


@pytest.mark.parametrize(("field", "parts"), TWICE, ids=lambda each: each if isinstance(each, str) else "")
def test_a_key_that_names_two_things_is_refused_at_the_second(field: str, parts: dict[str, Any]):
    assert refusal(**parts).startswith(f"{field}: another than “"), refusal(**parts)


def test_what_was_written_before_means_the_same():
    old = Definition.model_validate(PLAIN | {"earn": {"points": 2, "per": 100}, "expire_days": 30})
    (base,) = old.rules_in_force.rules
    assert (base.key, base.unit, base.measure, base.amount, base.per) == ("earn", "", "money", 2, 100)
    assert old.policy.is_simple and not old.rules_in_force.counts
    assert Definition.model_validate(old.model_dump(mode="json")) == old


def test_tiers_rise_in_whatever_order_they_are_written():
    tiers = [{"key": key, "name": {"en": key}, "threshold": n} for key, n in (("gold", 1000), ("silver", 200))]
    policy = Definition.model_validate(PLAIN | {"tiers": tiers}).policy
    assert [policy.tier_at(count) for count in (199, 200, 1000)] == [None, "silver", "gold"]
