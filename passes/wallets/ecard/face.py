"""What the e-card says: a card and its history as sentences in one language.

`face` is pure: the same card, words, zone and time give the same page. It knows words and numbers, not HTML;
templates know HTML and nothing else. Nothing personal leaves it but what the card itself shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from ...card import Card, Coupon, Offer, Reward
from ...words import Words

MOST_STAMPS = 20
SOON_SECONDS = 30 * 86_400
_MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Happened:
    """An entry of the card's ledger: a signed amount, when, where, and the numbers it came from."""

    kind: str
    amount: int
    at: int
    place: str = ""
    why: Mapping[str, Any] = field(default_factory=dict)
    # Nothing for the card's main unit.
    unit: str = ""


@dataclass(frozen=True)
class Line:
    """A title, a sentence under it, a note beside it, whether it is good news, and the small print."""

    title: str
    sentence: str
    note: str = ""
    good: bool = False
    small: str = ""


@dataclass(frozen=True)
class Way:
    """The way to the next reward or tier, as a bar."""

    reached: int
    needed: int
    of: str
    sentence: str


@dataclass(frozen=True)
class Face:
    """All that the page says about the card."""

    title: str
    organisation: str
    name: str
    number: str
    heading: str
    balance: str
    unit: str
    worth: str
    tier: str
    way: Way | None
    stamps: tuple[bool, ...]
    rewards: tuple[Line, ...]
    coupons: tuple[Line, ...]
    membership: str
    offers: tuple[Line, ...]
    expiring: str
    expires_soon: bool
    valid_until: str
    since: str
    news: str
    terms: str
    ended: str
    ended_what: str


def face(card: Card, words: Words, zone: tzinfo, now: int) -> Face:
    """The card in words, as they are right at `now`."""
    organisation = card.contact.organisation
    return Face(
        title=words.pick(card.programme_name),
        organisation=organisation,
        name=card.name,
        number=grouped(card.number),
        heading=_known(words, f"heading.{card.unit}", words.say("label.balance")),
        balance=words.number(card.balance),
        unit=unit(words, card.unit, card.balance),
        worth=_worth(card, words),
        tier=words.pick(card.tier.name) if card.tier else "",
        way=_way(card, words),
        stamps=_stamps(card),
        rewards=tuple(_reward(card, words, reward) for reward in card.rewards),
        coupons=tuple(_coupon(words, zone, coupon) for coupon in card.coupons),
        membership=_membership(card, words, zone),
        offers=tuple(_offer(words, zone, offer) for offer in card.offers),
        expiring=_expiring(card, words, zone),
        expires_soon=card.expiring is not None and card.expiring.at - now <= SOON_SECONDS,
        valid_until=words.date(card.expires - 1, zone) if card.expires else "",
        since=words.date(card.joined, zone),
        news=_news(card, words),
        terms=words.pick(card.terms),
        ended=words.say(f"card.{card.status}") if card.is_void else "",
        ended_what=words.say(f"card.{card.status}_what", organisation=organisation) if card.is_void else "",
    )


def history(card: Card, words: Words, zone: tzinfo, happened: Iterable[Happened]) -> tuple[Line, ...]:
    """Every entry with its reason in words, in the order given."""
    return tuple(_entry(card, words, zone, one) for one in happened)


def amount(words: Words, unit_key: str, n: int) -> str:
    """An amount as people say it: "5 points"."""
    return f"{words.number(n)}\N{NO-BREAK SPACE}{unit(words, unit_key, n)}"


def unit(words: Words, key: str, n: int) -> str:
    """The noun in the form that `n` asks for; a unit nobody gave words for stands as it is written."""
    return words.say(f"unit.{key}", n=n) if words.has(f"unit.{key}") else key


def grouped(number: str) -> str:
    """Digits in groups of four, so that they can be read out."""
    return " ".join(number[start : start + 4] for start in range(0, len(number), 4))


def _known(words: Words, key: str, otherwise: str) -> str:
    return words.say(key) if words.has(key) else otherwise


def _signed(words: Words, n: int) -> str:
    """With a true minus sign, which screen readers speak."""
    return f"{_MINUS}{words.number(-n)}" if n < 0 else words.number(n)


def _worth(card: Card, words: Words) -> str:
    if not (card.worth and card.currency):
        return ""
    return words.say("card.worth", money=words.money(card.worth, card.currency))


def _way(card: Card, words: Words) -> Way | None:
    way = card.progress
    if way is None:
        return None
    of = words.say("card.progress", reached=words.number(way.reached), needed=words.number(way.needed))
    missing, noun = words.number(way.missing), unit(words, card.unit, way.missing)
    sentence = words.say(f"progress.{way.towards}", name=words.pick(way.name), missing=missing, unit=noun)
    return Way(min(way.reached, way.needed), way.needed, of, sentence)


def _stamps(card: Card) -> tuple[bool, ...]:
    """A card of few stamps as its stamps, up to the dearest reward."""
    room = max((reward.cost for reward in card.rewards), default=0)
    if card.unit != "stamps" or not 0 < room <= MOST_STAMPS:
        return ()
    return tuple(place < card.balance for place in range(room))


def _reward(card: Card, words: Words, reward: Reward) -> Line:
    unit_key = reward.unit or card.unit
    sentence = words.say(f"card.reward_{reward.stands}", amount=amount(words, unit_key, reward.missing))
    cost = amount(words, unit_key, reward.cost)
    return Line(words.pick(reward.name), sentence, cost, good=reward.stands == "ready")


def _coupon(words: Words, zone: tzinfo, coupon: Coupon) -> Line:
    until = words.say("text.offer_until", date=words.date(coupon.ends - 1, zone)) if coupon.ends else ""
    return Line(words.pick(coupon.name), words.say("card.coupon_use"), coupon.code, small=until)


def _membership(card: Card, words: Words, zone: tzinfo) -> str:
    if card.membership is None:
        return ""
    until = words.date(card.membership.until - 1, zone) if card.membership.until else ""
    return words.say(f"membership.{card.membership.state}", date=until)


def _offer(words: Words, zone: tzinfo, offer: Offer) -> Line:
    # An offer ends just before `ends`: at midnight it is the day before that people call its last.
    until = words.say("text.offer_until", date=words.date(offer.ends - 1, zone)) if offer.ends else ""
    return Line(words.pick(offer.title), words.pick(offer.body), until)


def _expiring(card: Card, words: Words, zone: tzinfo) -> str:
    if card.expiring is None:
        return ""
    ends, at = card.expiring.amount, card.expiring.at - 1
    return words.say(
        "text.expiring", amount=words.number(ends), unit=unit(words, card.unit, ends), date=words.date(at, zone)
    )


def _news(card: Card, words: Words) -> str:
    """What happened last, as one sentence to announce."""
    news = card.news
    if news is None or not words.has(f"news.{news.kind}"):
        return ""
    return words.say(
        f"news.{news.kind}",
        amount=_signed(words, news.amount),
        unit=unit(words, news.unit or card.unit, news.amount),
        balance=words.number(card.balance),
        balance_unit=unit(words, card.unit, card.balance),
        title=words.pick(news.words),
    )


def _entry(card: Card, words: Words, zone: tzinfo, one: Happened) -> Line:
    title = _known(words, f"happened.{one.kind}", one.kind)
    when = words.moment(one.at, zone)
    where = f"{one.place} · {when}" if one.place else when
    moved = f"{'+' if one.amount > 0 else ''}{_signed(words, one.amount)}"
    if one.unit:
        moved += f"\N{NO-BREAK SPACE}{unit(words, one.unit, one.amount)}"
    return Line(title, _why(card, words, one), moved, good=one.amount > 0, small=where)


def _why(card: Card, words: Words, one: Happened) -> str:
    """The arithmetic or the reason behind an entry, as far as the ledger kept it."""
    match one.why:
        case {"paid": int(paid), "points": int(points), "per": int(per)} if card.currency:
            rate, step = amount(words, one.unit or card.unit, points), words.money(per, card.currency)
            return words.say("why.earn", paid=words.money(paid, card.currency), amount=rate, per=step)
        case {"reward": str(key)}:
            return next((words.pick(reward.name) for reward in card.rewards if reward.key == key), "")
        case {"worth_of_one": int(worth)} if worth and card.currency:
            return words.say("card.worth", money=words.money(abs(one.amount) * worth, card.currency))
        case {"of": str(kind)}:
            return _known(words, f"happened.{kind}", "")
        case {"reason": str(reason)}:
            return reason[:120]
        case _:
            return ""
