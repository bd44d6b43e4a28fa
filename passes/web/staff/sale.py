"""What a card's page offers to whoever sells: coupons, a stamp, points to pay with, and what to say aloud. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import chain, islice

from ... import basket, guests, phrases
from ...card import Card, Coupon
from ...definition import CouponPart, Definition
from ...points.amounts import Amounts
from ...wallets.ecard.face import Face
from ...words import Words

MOST_HINTS = 2
ENDING_SECONDS = 7 * 86_400
AWAY_SECONDS = 60 * 86_400


@dataclass(frozen=True)
class Ticket:
    """A coupon to tick: what it is, until when, from which bill on, and whether the piece it gives must be priced."""

    code: str
    name: str
    notes: tuple[str, ...]
    is_ending: bool
    needs_price: bool


@dataclass(frozen=True)
class Stepper:
    """How many of something go with the bill. One that `leads` is what the card is for: the bill comes after it."""

    field: str
    label: str
    button: str
    most: int
    leads: bool


@dataclass(frozen=True)
class Purse:
    """What the card holds to pay with. `pays` is what a gift card pays of a bill by itself, as far as it reaches."""

    title: str
    hint: str
    is_money: bool
    pays: int | None


def tickets(card: Card, definition: Definition, said: Words, zone: tzinfo, now: int) -> tuple[Ticket, ...]:
    """The coupons that can be used now; what ends first comes first."""
    parts = {part.key: part for part in definition.coupons}
    amounts = Amounts.of(definition, said)
    return tuple(
        _ticket(coupon, parts[coupon.key], amounts, zone, now) for coupon in _usable(card, now) if coupon.key in parts
    )


def stepper(card: Card, definition: Definition, said: Words) -> Stepper | None:
    """A stamp or a visit without a bill, or a prepaid visit that is taken off; None: there is nothing of the kind."""
    if card.kind == "visits":
        most = min(card.balance, basket.MOST_AT_ONCE)
        return Stepper("points", said.say("staff.visits"), said.say("staff.visit_take"), most, True) if most else None
    return stamps(definition, said)


def stamps(definition: Definition, said: Words) -> Stepper | None:
    """A stamp or a visit, whosever card it is."""
    counts = basket.stamping(definition)
    if counts is None:
        return None
    is_stamp = counts.kind == "stamps"
    label = said.pick(counts.name) or said.say("staff.pieces")
    if counts.goods is None:
        label = said.say("staff.stamp_alone" if is_stamp else "staff.visit_alone")
    button = said.say("staff.stamp" if is_stamp else "staff.visit")
    return Stepper("stamps", label, button, counts.most, counts.leads)


def hints(
    card: Card, seen: Face, said: Words, zone: tzinfo, now: int, guest: guests.Guest = guests.NOBODY
) -> list[str]:
    """At most two: what is of today first, what is still to come after it."""
    found = chain(_about_them(card, seen, guest, said, zone, now), _to_come(card, said, zone, now))
    return list(islice(found, MOST_HINTS))


def balances(card: Card, said: Words) -> tuple[str, ...]:
    """What the card holds beside its main unit."""
    return tuple(phrases.amount(said, card, held.amount, held.unit) for held in card.balances)


def purse(card: Card, definition: Definition, said: Words) -> Purse | None:
    """What the card can pay with; None: nothing, or a prepaid visit, which is taken off by itself."""
    worth, is_money = definition.worth_of_one, card.unit_kind == "money"
    # Stamps are no money, unless the programme says what one is worth.
    if not card.balance or card.kind == "visits" or (card.unit_kind == "stamps" and not worth):
        return None
    has = phrases.amount(said, card, card.balance)
    hint = said.say("staff.spend_has", amount=has)
    if worth and not is_money and card.currency:
        hint = said.say("staff.spend_worth", amount=has, money=said.money(card.balance * worth, card.currency))
    title = said.say("staff.spend_money" if is_money else "staff.spend")
    return Purse(title, hint, is_money, card.balance if card.kind == "gift" else None)


def _usable(card: Card, now: int) -> Iterator[Coupon]:
    return (each for each in card.coupons if each.starts <= now and (each.ends is None or now < each.ends))


def _ticket(coupon: Coupon, part: CouponPart, amounts: Amounts, zone: tzinfo, now: int) -> Ticket:
    said = amounts.words
    notes = [_until(coupon, said, zone)] if coupon.ends else []
    if part.min_total:
        notes.append(said.say("staff.coupon_from", money=amounts.money(part.min_total)))
    return Ticket(coupon.code, said.pick(coupon.name), tuple(notes), _is_ending(coupon, now), basket.needs_price(part))


def _about_them(card: Card, seen: Face, guest: guests.Guest, said: Words, zone: tzinfo, now: int) -> Iterator[str]:
    if guest.birth_month == datetime.fromtimestamp(now, zone).month:
        yield said.say("staff.birthday")
    ready = [said.pick(reward.name) for reward in card.rewards if reward.stands == "ready"]
    for name in ready[-1:]:
        yield said.say("staff.reward_ready", name=name)
    for what in seen.ends_soon:
        yield said.say("staff.ending", what=what)
    if guest.came_before is not None and now - guest.came_before >= AWAY_SECONDS:
        yield said.say("staff.last_visit", date=said.date(guest.came_before, zone))


def _to_come(card: Card, said: Words, zone: tzinfo, now: int) -> Iterator[str]:
    ending = next((coupon for coupon in _usable(card, now) if _is_ending(coupon, now)), None)
    if ending:
        yield said.say("staff.coupon_ending", name=said.pick(ending.name), until=_until(ending, said, zone))
    prize = phrases.next_prize(card.stamps) if card.stamps else None
    if card.stamps and prize:
        missing = phrases.amount(said, card, prize.at - card.stamps.filled, card.stamps.unit)
        yield said.say("progress.reward", name=said.pick(prize.name) or said.say("stamps.prize"), missing=missing)


def _is_ending(coupon: Coupon, now: int) -> bool:
    return coupon.ends is not None and coupon.ends - now <= ENDING_SECONDS


def _until(coupon: Coupon, said: Words, zone: tzinfo) -> str:
    assert coupon.ends is not None
    return said.say("text.offer_until", date=said.date(coupon.ends - 1, zone))
