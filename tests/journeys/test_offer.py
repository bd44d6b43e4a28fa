"""An offer is published, begins and ends by the clock; the cards on phones follow by themselves."""

from __future__ import annotations

from tests.cast import Marketer, Member, Service, Till, hours, minutes

HAPPY = "Two for one today"


def test_an_offer_is_on_the_card_from_its_beginning_to_its_end(
    service: Service, anna: Member, marketer: Marketer
) -> None:
    phone = anna.takes_her_card_on_an_iphone()
    marketer.publishes(HAPPY, starts=hours(1), ends=hours(3))
    service.reconciles(after=minutes(30))
    assert not phone.says(HAPPY)
    service.reconciles(after=minutes(31))
    assert phone.says(HAPPY)
    service.reconciles(after=hours(2))
    assert not phone.says(HAPPY)
    assert not phone.complaints


def test_an_offer_taken_back_leaves_every_card(service: Service, anna: Member, marketer: Marketer) -> None:
    phones = [anna.takes_her_card_on_an_iphone(), service.joins("Bob").takes_her_card_on_an_iphone()]
    offer = marketer.publishes(HAPPY)
    service.reconciles(after=1)
    assert all(phone.says(HAPPY) for phone in phones)
    marketer.ends(offer)
    service.reconciles(after=1)
    assert not any(phone.says(HAPPY) for phone in phones)


def test_an_offer_for_a_tier_is_seen_there_alone(
    service: Service, anna: Member, till: Till, marketer: Marketer
) -> None:
    gold, plain = anna.takes_her_card_on_an_iphone(), service.joins("Bob").takes_her_card_on_an_iphone()
    till.earns(anna, points=1000)
    marketer.publishes(HAPPY, tier="gold")
    service.reconciles(after=1)
    assert gold.says(HAPPY)
    assert not plain.says(HAPPY)


def test_who_joins_while_it_lasts_gets_it_at_once(service: Service, marketer: Marketer) -> None:
    marketer.publishes(HAPPY)
    assert service.joins("Carol").takes_her_card_on_an_iphone().says(HAPPY)
