"""What a card shows, and when it will show something else."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from passes.card import Card, Contact, Expiring, Location, News, Offer, Promise, Reward, Tier, Unit, digest
from passes.drawing import Facts, Lot, draw, next_change

NOW = 1_000_000
PROMISE = Promise(
    key="cafe",
    kind="points",
    name={"en": "Coffee Club"},
    unit="points",
    look="cafe",
    look_digest="1",
    contact=Contact("Corner Café"),
    tiers=(Tier("gold", {"en": "Gold"}, 1000),),
    rewards=(Reward("espresso", {"en": "Espresso"}, 80), Reward("cake", {"en": "Cake"}, 120)),
    worth_of_one=5,
)
ANNA = Facts(PROMISE, "serial", "100200300400", "LC1", "Anna", "en", "active", joined=1)


def test_the_balance_is_what_has_not_ended():
    card = draw(replace(ANNA, lots=(Lot(10, NOW), Lot(20, NOW + 1), Lot(30))), NOW)
    assert (card.balance, card.worth) == (50, 250)
    assert card.expiring == Expiring(20, NOW + 1)


def test_lots_that_end_together_are_announced_together():
    lots = (Lot(5, NOW + 9), Lot(7, NOW + 9), Lot(1, NOW + 10))
    assert draw(replace(ANNA, lots=lots), NOW).expiring == Expiring(12, NOW + 9)


def test_each_further_unit_says_what_of_it_ends_next():
    promise = replace(PROMISE, units=(Unit("miles", "status"), Unit("cash", "money"), Unit("stamps", "stamps")))
    lots = (Lot(9, NOW + 5, "cash"), Lot(4, NOW + 3, "cash"), Lot(2, NOW + 7), Lot(8, None, "stamps"))
    facts = replace(ANNA, promise=promise, lots=(*lots, Lot(6, None, "miles"), Lot(1, NOW, "miles")))
    card = draw(replace(facts, idle_ends={"miles": NOW + 20}), NOW)
    assert card.also_expiring == (Expiring(6, NOW + 20, "miles"), Expiring(4, NOW + 3, "cash"))
    assert card.endings == (Expiring(2, NOW + 7), *card.also_expiring)
    assert Card.from_json(card.to_json()) == card


def test_a_face_stored_before_units_ended_is_read():
    stored = json.loads(draw(replace(ANNA, lots=(Lot(2, NOW + 7),)), NOW).to_json())
    del stored["also_expiring"], stored["expiring"]["unit"]
    assert Card.from_json(json.dumps(stored)).endings == (Expiring(2, NOW + 7),)


def test_progress_goes_to_the_nearest_reward_then_to_the_tier():
    assert progress_at(0) == ("reward", "espresso", 80)
    assert progress_at(80) == ("reward", "cake", 40)
    assert progress_at(120) == ("tier", "gold", 1000)
    gold = draw(replace(ANNA, lots=(Lot(500),), tier="gold", earned=1000), NOW)
    assert gold.progress is None and gold.tier is not None and gold.tier.key == "gold"
    assert [reward.missing for reward in draw(ANNA, NOW).rewards] == [80, 120]


def progress_at(balance: int) -> tuple[str, str, int]:
    progress = draw(replace(ANNA, lots=(Lot(balance),) if balance else ()), NOW).progress
    assert progress is not None
    return progress.towards, progress.key, progress.missing


def test_an_offer_shows_from_its_first_second_until_just_before_its_end():
    facts = with_offers(Offer("1", {"en": "Cake"}, {}, NOW, NOW + 10))
    shown = [len(draw(facts, now).offers) for now in (NOW - 1, NOW, NOW + 9, NOW + 10)]
    assert shown == [0, 1, 1, 0]
    assert [next_change(facts, now) for now in (NOW - 1, NOW, NOW + 10)] == [NOW, NOW + 10, None]


def test_an_offer_for_a_tier_is_for_nobody_else():
    facts = with_offers(Offer("1", {"en": "Cake"}, {}, tier="gold"))
    assert draw(facts, NOW).offers == () and len(draw(replace(facts, tier="gold"), NOW).offers) == 1


def test_the_news_is_the_latest_thing_and_an_announced_offer_may_be_it():
    posted = News("earn", 10, NOW - 5)
    offer = Offer("1", {"en": "Cake"}, {}, NOW, NOW + 10, announce=True)
    facts = replace(with_offers(offer), latest=posted)
    assert draw(facts, NOW - 1).news == posted
    assert draw(facts, NOW).news == News("offer", 0, NOW, {"en": "Cake"})
    assert draw(facts, NOW + 10).news == posted


def test_a_blocked_card_is_drawn_and_void():
    assert draw(replace(ANNA, status="blocked"), NOW).is_void


def test_at_most_ten_places_fit_on_a_phone():
    places = tuple(Location(str(n), 52.2, 21.0) for n in range(12))
    assert len(draw(replace(ANNA, promise=replace(PROMISE, locations=places)), NOW).locations) == 10


def test_a_field_that_a_later_version_dropped_is_passed_over():
    stored = json.loads(draw(ANNA, NOW).to_json()) | {"horoscope": "good"}
    assert Card.from_json(json.dumps(stored)) == draw(ANNA, NOW)


def with_offers(*offers: Offer) -> Facts:
    return replace(ANNA, promise=replace(PROMISE, offers=offers))


instants = st.integers(NOW - 50, NOW + 50)
texts = st.dictionaries(st.sampled_from(["en", "ru", "pl"]), st.text(max_size=8), max_size=2)
lots = st.lists(st.builds(Lot, st.integers(1, 99), st.none() | instants), max_size=5).map(tuple)
offers = st.builds(
    lambda starts, length, tier, announce, key: Offer(
        key, {"en": key}, {}, starts, length and starts + length, tier, announce
    ),
    instants,
    st.none() | st.integers(1, 30),
    st.sampled_from([None, "gold"]),
    st.booleans(),
    st.uuids().map(str),
)


def facts_of(offers: list[Offer], lots: tuple[Lot, ...], tier: str | None, name: str) -> Facts:
    return replace(with_offers(*offers), lots=lots, tier=tier, name=name)


anyone = st.builds(facts_of, st.lists(offers, max_size=4), lots, st.sampled_from([None, "gold"]), st.text(max_size=9))


@given(anyone, instants)
def test_a_card_holds_until_its_next_change_and_differs_then(facts: Facts, now: int):
    at = next_change(facts, now)
    face = draw(facts, now)
    if at is None:
        assert draw(facts, now + 10**9) == face
        return
    assert at > now
    assert draw(facts, at - 1) == face
    assert draw(facts, at) != face


@given(anyone, instants)
def test_a_card_survives_being_stored(facts: Facts, now: int):
    card = draw(facts, now)
    again = Card.from_json(card.to_json())
    assert again == card and again.to_json() == card.to_json()


@given(anyone, instants, st.sampled_from(["name", "language", "status", "code", "number", "link_version"]))
def test_different_cards_have_different_digests(facts: Facts, now: int, column: str):
    other: dict[str, Any] = {"status": "closed", "language": "pl", "link_version": 2}
    changed = replace(facts, **{column: other.get(column, "something else")})
    assert digest(draw(facts, now).to_json()) != digest(draw(changed, now).to_json())
    assert digest(draw(facts, now).to_json()) == digest(draw(facts, now).to_json())
