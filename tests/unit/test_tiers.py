"""Which tier a member is in, until when, and what it brings."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passes.points.tiers import Perk, Place, Policy, entitlements, months_back, reckon

TIERS = Policy(((200, "silver"), (1000, "gold"), (5000, "platinum")))


@pytest.mark.parametrize(
    ("earned", "tier"),
    [(0, None), (199, None), (200, "silver"), (999, "silver"), (1000, "gold"), (4999, "gold"), (10**12, "platinum")],
)
def test_the_highest_reached_counts(earned: int, tier: str | None):
    assert TIERS.tier_at(earned) == tier


def test_a_tier_from_nothing_on_is_everybodys():
    assert Policy(((0, "member"),)).tier_at(0) == "member"
    assert Policy().tier_at(5) is None


# --- A year in Warsaw, by an account of its own ---

ZONE = ZoneInfo("Europe/Warsaw")
LEVELS = ((1000, "silver"), (5000, "gold"))


def at(day: str) -> int:
    return int(datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=ZONE).timestamp())


YEAR = Policy(LEVELS, "spend", period="year")
KIND_YEAR = replace(YEAR, grace_days=30)
QUARTER = Policy(LEVELS, "spend", period="months", months=3)
KIND_QUARTER = replace(QUARTER, grace_days=10)
KINDEST_MONTH = replace(QUARTER, months=1, grace_days=60)


@pytest.mark.parametrize(
    ("policy", "counts", "day", "tier", "until"),
    [
        # What a year reached holds through the next.
        (YEAR, {"2026-03": 1000}, "2026-03-31", "silver", "2028-01-01"),
        (YEAR, {"2026-03": 1000}, "2027-12-31", "silver", "2028-01-01"),
        (YEAR, {"2026-03": 1000}, "2028-01-01", None, None),
        (YEAR, {"2026-12": 999, "2027-01": 999}, "2027-06-01", None, None),
        (
            YEAR,
            {"2026-03": 6000, "2027-05": 1000},
            "2027-06-01",
            "gold",
            "2028-01-01",
        ),
        (
            YEAR,
            {"2026-03": 6000, "2027-05": 1000},
            "2028-01-01",
            "silver",
            "2029-01-01",
        ),
        # Grace comes on top.
        (
            KIND_YEAR,
            {"2026-03": 1000},
            "2028-01-30",
            "silver",
            "2028-01-31",
        ),
        (KIND_YEAR, {"2026-03": 1000}, "2028-01-31", None, None),
        # Rolling months, this one included.
        (QUARTER, {"2026-03": 1000}, "2026-05-31", "silver", "2026-06-01"),
        (QUARTER, {"2026-03": 1000}, "2026-06-01", None, None),
        (
            QUARTER,
            {"2026-03": 600, "2026-05": 400},
            "2026-05-31",
            "silver",
            "2026-06-01",
        ),
        (
            KIND_QUARTER,
            {"2026-03": 1000},
            "2026-06-10",
            "silver",
            "2026-06-11",
        ),
        (
            KIND_QUARTER,
            {"2026-03": 1000},
            "2026-06-11",
            None,
            None,
        ),
        # A long grace holds what was counted in every month since, not in the first and the last alone.
        (KINDEST_MONTH, {"2026-02": 1000}, "2026-03-15", "silver", "2026-04-30"),
        (KINDEST_MONTH, {"2026-02": 1000}, "2026-04-29", "silver", "2026-04-30"),
        (KINDEST_MONTH, {"2026-02": 1000}, "2026-04-30", None, None),
        # For ever.
        (Policy(LEVELS, "visits"), {"": 5000}, "2026-06-01", "gold", None),
        (Policy(LEVELS, "visits"), {"": 999}, "2026-06-01", None, None),
        # A tier from nothing on is never lost.
        (Policy(((0, "member"), *LEVELS), "spend", period="year"), {}, "2026-06-01", "member", None),
    ],
)
def test_where_a_card_stands_and_until_when(
    policy: Policy, counts: dict[str, int], day: str, tier: str | None, until: str | None
):
    place = reckon(policy, counts, Place(None), at(day), ZONE)
    assert (place.tier, place.until) == (tier, None if until is None else at(until))


def test_one_step_at_a_time_and_never():
    step = Policy(LEVELS, "spend", period="year", down="step")
    gold = reckon(step, {"2026-03": 6000}, Place(None), at("2026-03-05"), ZONE)
    assert (gold.tier, gold.until) == ("gold", at("2028-01-01"))
    silver = reckon(step, {"2026-03": 6000}, gold, at("2028-01-01"), ZONE)
    assert (silver.tier, silver.since, silver.until) == ("silver", at("2028-01-01"), at("2029-01-01"))
    assert reckon(step, {"2026-03": 6000}, silver, at("2028-07-01"), ZONE) == silver
    assert reckon(step, {"2026-03": 6000}, silver, at("2029-01-01"), ZONE).tier is None

    never = replace(step, down="never")
    gold = reckon(never, {"2026-03": 6000}, Place(None), at("2026-03-05"), ZONE)
    assert gold.until is None
    assert reckon(never, {"2026-03": 6000}, gold, at("2035-01-01"), ZONE).tier == "gold"


months = st.integers(1, 12).map(lambda month: f"2026-{month:02d}")
policies = st.builds(
    Policy,
    st.just(LEVELS),
    st.just("spend"),
    period=st.sampled_from(["year", "months"]),
    months=st.integers(1, 18),
    grace_days=st.integers(0, 90),
    down=st.sampled_from(["recount", "step"]),
)


@given(policies, st.dictionaries(months, st.integers(0, 4000), max_size=8), st.integers(1, 900))
def test_a_tier_holds_exactly_until_it_is_said_to_end(policy: Policy, counts: dict[str, int], days: int):
    now = at("2026-12-31") + days * 86_400
    place = reckon(policy, counts, Place(None), now, ZONE)
    if place.until is None:
        assert place.tier is None
        return
    assert place.until > now
    assert reckon(policy, counts, place, place.until - 1, ZONE).tier == place.tier
    assert reckon(policy, counts, place, place.until, ZONE).tier != place.tier


@given(policies, st.dictionaries(months, st.integers(0, 4000), max_size=8), months, st.integers(1, 900))
def test_more_never_brings_a_lower_tier(policy: Policy, counts: dict[str, int], month: str, days: int):
    now = at("2026-12-31") + days * 86_400
    ranks = [None, "silver", "gold"]
    more = counts | {month: counts.get(month, 0) + 1000}
    before, after = (reckon(policy, each, Place(None), now, ZONE).tier for each in (counts, more))
    assert ranks.index(after) >= ranks.index(before)


@given(policies, st.integers(1, 900))
def test_only_the_months_that_are_asked_for_decide(policy: Policy, days: int):
    """What a receipt reads is enough: a month outside changes nothing."""
    now = at("2026-12-31") + days * 86_400
    asked = months_back(policy, now, ZONE)
    everything = {f"{year}-{month:02d}": 999_999 for year in range(2020, 2031) for month in range(1, 13)}
    outside = {month: n for month, n in everything.items() if month not in asked and month < asked[0]}
    assert reckon(policy, outside, Place(None), now, ZONE).tier is None


def test_entitlements_open_and_end_on_time():
    perks = (
        Perk("sale", "early_access", {"en": "The sale"}, starts=100, ends=200),
        Perk("manager", "manager", {"en": "Ewa"}, {"contact": "+48 600 100 200"}),
    )
    for now, active in ((99, False), (100, True), (199, True)):
        told = {each["key"]: each for each in entitlements(perks, now)}
        assert told["sale"]["active"] is active and told["manager"]["active"]
    assert [each["key"] for each in entitlements(perks, 200)] == ["manager"]
    assert entitlements(perks, 200)[0]["contact"] == "+48 600 100 200"
