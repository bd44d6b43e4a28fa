"""The linter: rules that contradict themselves, can never do anything or cost more than they bring."""

from __future__ import annotations

import json
from typing import Any

import pytest

from passes.definition import Definition
from passes.home import EXAMPLE
from passes.points.lint import Finding, findings

from .rich_programme import DAY, START, rich

PLAIN: dict[str, Any] = {"key": "plain", "name": {"en": "Plain"}, "look": "cafe", "worth_of_one": 5}
STAMPS: dict[str, Any] = {"units": [{"key": "stamps", "kind": "stamps"}]}
BY_VISIT: dict[str, Any] = {"key": "visit", "unit": "stamps", "measure": "visit", "amount": 1}
COUPON: dict[str, Any] = {"key": "off", "name": {"en": "Off"}, "discount": {"money": 500}}
TO_PARTNERS: dict[str, Any] = {"key": "bakery", "name": {"en": "Bakery"}}


def found(**changes: Any) -> list[Finding]:
    return findings(Definition.model_validate(PLAIN | changes), START)


def rule(**values: Any) -> dict[str, Any]:
    return {"rules": [{"key": "more", "amount": 1} | values]}


def multiplier(**values: Any) -> dict[str, Any]:
    return {"multipliers": [{"key": "double", "percent": 200} | values]}


def reward(**values: Any) -> dict[str, Any]:
    return {"rewards": [{"key": "mug", "name": {"en": "Mug"}, "cost": 100} | values]}


def tier(**perk: Any) -> dict[str, Any]:
    perks = [{"key": "perk", "name": {"en": "Perk"}} | perk] if perk else []
    return {"tiers": [{"key": "gold", "name": {"en": "Gold"}, "threshold": 1000, "perks": perks}]}


def every(*percents: int) -> dict[str, Any]:
    """A voucher for every 10 zł, worth so many percent of them."""
    part = {"spend": 1000}
    return {"every": [part | {"key": f"e{n}", "give": {"amount": 2 * each}} for n, each in enumerate(percents)]}


def challenge(**values: Any) -> dict[str, Any]:
    return {"challenges": [{"key": "c", "name": {"en": "C"}, "measure": "spend"} | values]}


def promo(**values: Any) -> dict[str, Any]:
    return {"promos": [{"key": "p", "code": "PPP", "name": {"en": "P"}} | values]}


def coupon(*, goods: tuple[str, ...] = (), limits: dict[str, int] | None = None, **off: Any) -> dict[str, Any]:
    return {"coupons": [COUPON | {"discount": off, "goods": {"categories": goods}} | (limits or {})]}


def stamps(at: int, of: int = 10, **by: Any) -> dict[str, Any]:
    """A coupon for so many stamps."""
    earning = {"rules": [{"key": "stamp", "unit": "stamps", "amount": 1} | by]}
    return (
        STAMPS | earning | {"stamps": {"unit": "stamps", "of": of, "prizes": [{"at": at, "give": {"coupon": "off"}}]}}
    )


def friends(give: int, friend: int, **values: Any) -> dict[str, Any]:
    return {"referral": {"give": {"amount": give}, "friend": {"amount": friend}} | values}


MONDAYS: dict[str, Any] = {"weekdays": [1]}
CASH: dict[str, Any] = {"units": [{"key": "cash", "kind": "money"}]}
CAPPED: dict[str, Any] = {"earn": {"points": 0}, **rule(measure="visit", caps={"day": 1})}
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("rewards.0.ends", reward(starts=START + DAY, ends=START + DAY), "ends before it starts"),
    ("coupons.0.ends", {"coupons": [COUPON | {"starts": START + DAY, "ends": START}]}, "ends before it starts"),
    (
        "promos.0.ends",
        {"promos": [{"key": "p", "code": "PPP", "name": {"en": "P"}, "give": {"amount": 1}, "starts": 9, "ends": 8}]},
        "ends before it starts",
    ),
    ("tiers.0.perks.0.ends", tier(kind="text", starts=9, ends=9), "ends before it starts"),
    (
        # 2026-09-21 is a Monday.
        "rules.0.when.weekdays",
        rule(when={"weekdays": [6, 7], "starts": START, "ends": START + 5 * DAY}),
        "None of these weekdays",
    ),
    (
        "rules.0.when.min_total",
        rule(per=100, when={"min_total": 5000}, caps={"receipt": 20}),
        "makes no difference",
    ),
    (
        "rules.0.when.from_minute",
        rule(when={"from_minute": 1320, "until_minute": 120, "starts": START + 7200, "ends": START + 79_200}),
        "None of these hours",
    ),
    (
        "tiers.0.perks.0.key",
        rule() | tier(key="more", kind="multiplier", percent=150),
        "A rule is called “more” already",
    ),
    ("rules.0.goods", rule(goods={"categories": ["tea"], "not_categories": ["tea", "cake"]}), "nothing is left"),
    ("rules.0.ripens_days", {"expire_days": 9} | rule(ripens_days=10), "points end after 9 days"),
    (
        "stamps.prizes.0.at",
        {
            "units": [{"key": "stamps", "kind": "stamps", "expiry": {"days": 5}}],
            "rules": [BY_VISIT | {"caps": {"day": 1}}],
            "stamps": {"unit": "stamps", "of": 10, "prizes": [{"at": 7, "give": {"amount": 5}}]},
        },
        "at most 6 stamps before they end after 5 days",
    ),
    (
        "welcome",
        {"kind": "gift", "unit": "money", "earn": {"points": 0}, "gift": {"most": 100}, "welcome": 101},
        "more than a card may hold, 100",
    ),
    ("rules.0.caps.day", rule(measure="visit", amount=5, caps={"day": 4}), "never gives what it says"),
    ("rules.0.when.member_paid", rule(when={"member_paid": True}), "no membership to pay for"),
    ("multipliers.0.unit", STAMPS | multiplier(unit="stamps"), "No rule earns stamps"),
    ("multipliers.0.unit", {"earn": {"points": 0}, **multiplier()}, "nothing to multiply"),
    ("tiers.0.perks.0.unit", STAMPS | tier(kind="multiplier", percent=150, unit="stamps"), "No rule earns stamps"),
    (
        "multipliers.0.goods",
        STAMPS | {"rules": [BY_VISIT]} | multiplier(unit="stamps", goods={"categories": ["cake"]}),
        "No rule earns anything for these goods",
    ),
    (
        "multipliers.0.goods",
        {"earn": {"points": 0}}
        | rule(goods={"categories": ["tea"]})
        | multiplier(goods={"categories": ["cake", "bread"]}),
        "No rule earns anything for these goods",
    ),
    (
        "promos.0.give.coupon",
        {
            "coupons": [COUPON | {"ends": START + 5 * DAY}],
            "promos": [
                {
                    "key": "late",
                    "code": "LATE",
                    "name": {"en": "L"},
                    "give": {"coupon": "off"},
                    "starts": START + 6 * DAY,
                }
            ],
        },
        "is over before this begins",
    ),
    ("rewards.0.cost", CAPPED | {"expire_days": 30} | reward(cost=100), "at most 31 points before they end after 30"),
    ("rewards.0.cost", STAMPS | reward(unit="stamps"), "at most 0 stamps"),
    (
        "rewards.0.cost",
        {"kind": "gift", "unit": "money", "gift": {"most": 5000}} | reward(cost=5001),
        "at most 5000 money",
    ),
    ("redeem_policy.least", CAPPED | {"expire_days": 10, "redeem_policy": {"least": 50}}, "Paying needs 50"),
    (
        "tiers.0.threshold",
        CAPPED | tier() | {"tier_policy": {"period": "months", "months": 2}},
        "at most 63 points can be earned in the time that counts",
    ),
    ("stamps.unit", STAMPS | {"stamps": {"unit": "stamps", "of": 10}}, "Nothing gives stamps"),
    ("earn.points", {"worth_of_one": 100}, "100 % of what is paid comes back as points"),
    ("rules.0.amount", rule(amount=19), "100 % of what is paid"),
    ("partners.0.earn.points", {"partners": [TO_PARTNERS | {"earn": {"points": 30, "per": 100}}]}, "150 % of what"),
    ("every.0.spend", {"every": [{"key": "e", "spend": 100, "give": {"amount": 20}}]}, "100 % of what is paid"),
    (
        "every.0.spend",
        {"coupons": [COUPON], "every": [{"key": "e", "spend": 400, "give": {"coupon": "off"}}]},
        "125 % of what is paid",
    ),
    (
        # 4 points are 4 zł of purchases, and the coupon takes 5 zł off.
        "rewards.0.cost",
        {"coupons": [COUPON]} | reward(cost=4, coupon="off"),
        "125 % of what is paid comes back as the coupon “off”",
    ),
]
RUINOUS: list[tuple[str, dict[str, Any], str]] = [
    ("multipliers", {"worth_of_one": 2} | multiplier(percent=10_000), "200 % of what is paid"),
    (
        "multipliers",
        {"stack": "all", "multipliers": [{"key": key, "percent": 500} for key in ("one", "two")]},
        "125 % of what is paid comes back as points with multipliers",
    ),
    ("multipliers", {"worth_of_one": 30} | multiplier(percent=500, when={"min_total": 10_000}), "150 % of what"),
    ("earn.points", {"worth_of_one": 60} | every(5), "120 % of what is paid comes back as points, vouchers"),
    ("every.0.spend", every(60, 60), "125 % of what is paid comes back as points, vouchers and prizes together"),
    ("rules.0.amount", rule(amount=100, when={"min_total": 1}), "505 % of what is paid"),
    ("rules.0.amount", rule(amount=100, when={"weekdays": [7, 6, 5, 4, 3, 2, 1]}), "505 % of what is paid"),
    ("rules.0.amount", rule(amount=100, when={"from_minute": 0, "until_minute": 1440}), "505 % of what is paid"),
    ("rules.0.amount", rule(amount=100, caps={"month": 10_000_000}), "505 % of what is paid"),
    ("rules.0.amount", rule(amount=100, goods={"not_categories": ["tobacco"]}), "505 % of what is paid"),
    ("rules.0.amount", CASH | rule(unit="cash", amount=200), "200 % of what is paid comes back as cash"),
    ("rewards.0.cost", coupon(percent=100, most=100_000) | reward(cost=1, coupon="off"), "100000 % of what is paid"),
    (
        "every.0.spend",
        coupon(percent=100, most=100_000) | {"every": [{"key": "e", "spend": 1, "give": {"coupon": "off"}}]},
        "10000000 % of what is paid",
    ),
    ("stamps.prizes.0.at", coupon(money=50_000) | stamps(10, per=1000), "500 % of what is paid comes back as prizes"),
    ("challenges.0.target", challenge(target=100, give={"amount": 20_000}), "pays for nothing"),
]
WARNED: list[tuple[str, dict[str, Any], str]] = [
    ("rules.0.when.ends", rule(when={"ends": START}), "It is over already"),
    ("rules.0.caps.month", rule(caps={"month": 30, "ever": 20}), "At most 20 (ever) leaves no room for 30 (month)"),
    (
        "rules.0.when.above_own_average.percent",
        rule(when={"above_own_average": {"percent": 100}}),
        "It asks for no more than usual",
    ),
    (
        "rules.0.when.above_own_average",
        rule(when={"above_own_average": {}, "weekdays": [1]}),
        "Cards show no next step",
    ),
    ("coupons.0", {"coupons": [COUPON]}, "Nothing gives the coupon “off”"),
    ("coupons.0.stock", {"coupons": [COUPON | {"stock": 0, "on_join": True}]}, "None is ever issued"),
    ("rewards.0.stock", reward(stock=0), "There is none to give"),
    ("rewards.0.cost", {"earn": {"points": 0}} | reward(), "only people give any"),
    ("units.0", STAMPS, "Nothing gives stamps"),
    (
        "promos.0.per_member",
        {
            "promos": [
                {
                    "key": "p",
                    "code": "PPP",
                    "name": {"en": "P"},
                    "give": {"amount": 1},
                    "total": 3,
                    "per_member": 4,
                }
            ]
        },
        "One member may use it 4 times, all together only 3 times",
    ),
    ("redeem_policy.least", {"redeem_policy": {"least": 10, "step": 7}}, "the least that can be paid is 14"),
    ("coupons.0.discount.percent", {"coupons": [COUPON | {"discount": {"percent": 100}}]}, "any bill free"),
    ("tiers", {"worth_of_one": 30} | tier(kind="multiplier", percent=400), "120 % of what is paid comes back"),
    ("rules.0.when.first_purchase", tier() | rule(when={"tiers": ["gold"], "first_purchase": True}), "Nobody"),
    ("rules", rule(amount=100, when=MONDAYS), "505 % of what is paid comes back as points at best"),
    ("rules", rule(amount=100, caps={"day": 50}), "505 % of what is paid comes back as points at best"),
    ("every.0.spend", every(40, 40), "85 % of what is paid comes back as points, vouchers and prizes together"),
    ("rewards.0.cost", coupon(money=500) | reward(cost=4, coupon="off", per_member=1), "125 % of what is paid"),
    ("rewards.0.cost", coupon(money=500, limits={"stock": 9}) | reward(cost=4, coupon="off"), "125 % of what is paid"),
    (
        "rewards.0.cost",
        coupon(percent=100, most=1500, goods=("coffee",)) | reward(cost=10, coupon="off"),
        "150 % of what is paid",
    ),
    ("rewards.0.cost", coupon(percent=80) | reward(cost=1, coupon="off"), "79 % of what is paid"),
    ("coupons.0.discount.percent", coupon(percent=100) | reward(cost=1, coupon="off"), "any bill free"),
    (
        "stamps.prizes.0.at",
        coupon(money=50_000) | stamps(10, measure="visit", when={"min_total": 1000}),
        "500 % of what is paid comes back as prizes for stamps at best",
    ),
    ("challenges.0.target", challenge(target=100, give={"amount": 20_000}, when=MONDAYS), "100000 % of what is paid"),
    ("promos.0", promo(give={"amount": 1}), "say `per_member`, `total` or both"),
    ("promos.0", promo(discount={"money": 500}), "say `per_member`, `total` or both"),
    ("promos.0", promo(discount={"percent": 100}), "say `per_member`, `total` or both"),
    ("earn.points", {"worth_of_one": 60}, "60 % of what is paid comes back as points"),
    ("multipliers", {"worth_of_one": 30} | multiplier(), "60 % of what is paid comes back as points with multipliers"),
    ("multipliers", {"worth_of_one": 30} | multiplier(percent=500, when=MONDAYS), "150 % of what is paid"),
    ("earn.points", {"worth_of_one": 40, "margin": 30}, "of the same 30 % is left as `margin`"),
    ("referral.min_total", friends(100, 50), "75000 % of what is paid comes back as what a friend's first receipt"),
    ("referral.min_total", friends(100, 50, min_total=1_000), "75 % of what is paid"),
    ("referral.min_total", friends(100, 50, min_total=2_000) | {"margin": 20}, "37 % of what is paid"),
]


@pytest.mark.parametrize(
    ("field", "changes", "told"), [*REFUSED, *RUINOUS], ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_cannot_be_meant_is_refused(field: str, changes: dict[str, Any], told: str) -> None:
    refused = [finding for finding in found(**changes) if finding.refuses]
    assert [finding.field for finding in refused] == [field]
    assert told in refused[0].sentence and refused[0].sentence.endswith(".")


@pytest.mark.parametrize(
    ("field", "changes", "told"), WARNED, ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_is_worth_a_look_is_said_and_not_refused(field: str, changes: dict[str, Any], told: str) -> None:
    warned = found(**changes)
    assert not any(finding.refuses for finding in warned)
    assert told in next(finding.sentence for finding in warned if finding.field == field)


GENEROUS: list[dict[str, Any]] = [
    {"worth_of_one": 30, "margin": 30},
    friends(100, 50, min_total=2_000),
    {"worth_of_one": 10} | multiplier(percent=300, when=MONDAYS),
    every(25, 15),
    rule(amount=5, when={"min_total": 5000}, caps={"receipt": 400}),
    CASH | rule(unit="cash", amount=10),
    coupon(percent=100, most=1500, goods=("coffee",)) | reward(cost=60, coupon="off"),
    coupon(percent=20) | reward(cost=50, coupon="off"),
    coupon(percent=50, most=2000) | reward(cost=100, coupon="off"),
    coupon(free_item=True, most=1500, goods=("coffee",)) | stamps(10, measure="visit"),
    coupon(money=2000) | stamps(10, measure="visit", when={"min_total": 1000}),
    coupon(money=3000) | stamps(10, per=1000),
    challenge(target=20_000, give={"amount": 1000}),
    promo(give={"amount": 100}, per_member=1),
    promo(discount={"percent": 15}),
    promo(discount={"money": 1000}, min_total=5000),
]


@pytest.mark.parametrize("changes", GENEROUS)
def test_generous_programmes_that_can_be_meant_are_left_alone(changes: dict[str, Any]) -> None:
    assert found(**changes) == []


def test_good_programmes_are_left_alone() -> None:
    assert found() == []
    assert findings(EXAMPLE, START) == []
    assert findings(rich(), START) == []


def test_what_time_allows_is_not_called_out_of_reach() -> None:
    assert found(**CAPPED, expire_days=100, **reward(cost=101)) == []
    assert found(**CAPPED, **reward(cost=10_000)) == []
    assert found(**CAPPED, **tier()) == []
    assert found(**rule(caps={"ever": 10}), **reward(cost=10_000)) == [], "purchases earn without a limit"


def test_findings_say_where_in_the_definition_they_are() -> None:
    definition = Definition.model_validate(PLAIN | rule(when={"member_paid": True}))
    values = json.loads(definition.model_dump_json())
    for part in findings(definition, START)[0].field.split("."):
        values = values[int(part)] if part.isdigit() else values[part]
    assert values is True
