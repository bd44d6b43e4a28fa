"""What the e-card says: a card and its history as sentences in one language.

`face` is pure: the same card, words, zone and time give the same page. It knows words and numbers, not HTML;
templates know HTML and nothing else. Nothing personal leaves it but what the card itself shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from ... import phrases
from ...card import Balance, Card, Challenge, Coupon, Expiring, Offer, Perk, Reward
from ...points.why import Entry, Teller
from ...words import Words, unit

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
    ripens: int | None = None

    @property
    def entry(self) -> Entry:
        return Entry(self.kind, self.amount, self.why, self.unit, self.ripens)


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
class Place:
    """One place of a stamp card, and the prize that waits there."""

    is_filled: bool
    prize: str = ""


@dataclass(frozen=True)
class StampCard:
    """The places of a stamp card, how many stand in a row, and all of it in one sentence."""

    places: tuple[Place, ...]
    in_a_row: int
    sentence: str
    prizes: tuple[str, ...]


@dataclass(frozen=True)
class Task:
    """A challenge, and the way to its end."""

    title: str
    way: Way
    until: str
    is_done: bool


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
    stamps: StampCard | None
    balances: tuple[Line, ...]
    pending: str
    tier_until: str
    tier_warning: bool
    perks: tuple[Line, ...]
    challenges: tuple[Task, ...]
    steps: tuple[str, ...]
    rewards: tuple[Line, ...]
    coupons: tuple[Line, ...]
    membership: str
    offers: tuple[Line, ...]
    ends_soon: tuple[str, ...]
    ends_later: tuple[str, ...]
    valid_until: str
    since: str
    news: str
    rules: tuple[str, ...]
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
        heading=words.say(phrases.heading_key(words, card)),
        balance=_balance(card, words),
        unit="" if _is_money(card) else unit(words, card.unit, card.balance),
        worth=_worth(card, words),
        tier=words.pick(card.tier.name) if card.tier else "",
        way=_way(card, words),
        stamps=_stamps(card, words),
        balances=tuple(_further(card, words, held) for held in card.balances if not _is_drawn(card, held)),
        pending=phrases.pending(words, card, zone) if card.pending else "",
        tier_until=phrases.tier_until(words, card, words.pick, zone) if card.tier and card.tier_until else "",
        tier_warning=card.tier_warning,
        perks=tuple(_perk(words, zone, perk) for perk in card.perks),
        challenges=tuple(_task(card, words, zone, challenge) for challenge in card.challenges),
        steps=tuple(phrases.step(words, card, step, words.pick) for step in card.steps),
        rewards=tuple(_reward(card, words, reward) for reward in card.rewards),
        coupons=tuple(_coupon(words, zone, coupon) for coupon in card.coupons),
        membership=phrases.membership(words, card.membership, zone) if card.membership else "",
        offers=tuple(_offer(words, zone, offer) for offer in card.offers),
        ends_soon=tuple(phrases.expiring(words, card, each, zone) for each in card.endings if _is_soon(each, now)),
        ends_later=tuple(phrases.expiring(words, card, each, zone) for each in card.endings if not _is_soon(each, now)),
        valid_until=words.date(card.expires - 1, zone) if card.expires else "",
        since=words.date(card.joined, zone),
        news=_news(card, words),
        rules=tuple(words.pick(card.rules).splitlines()),
        terms=words.pick(card.terms),
        ended=words.say(f"card.{card.status}") if card.is_void else "",
        ended_what=words.say(f"card.{card.status}_what", organisation=organisation) if card.is_void else "",
    )


def _is_soon(what: Expiring, now: int) -> bool:
    return what.at - now <= SOON_SECONDS


def history(card: Card, words: Words, zone: tzinfo, happened: Iterable[Happened], teller: Teller) -> tuple[Line, ...]:
    """Every entry with its reason in words, in the order given."""
    return tuple(_entry(card, words, zone, one, teller) for one in happened)


def grouped(number: str) -> str:
    """Digits in groups of four, so that they can be read out."""
    return " ".join(number[start : start + 4] for start in range(0, len(number), 4))


def _known(words: Words, key: str, otherwise: str) -> str:
    return words.say(key) if words.has(key) else otherwise


def _worth(card: Card, words: Words) -> str:
    if not (card.worth and card.currency):
        return ""
    return words.say("card.worth", money=words.money(card.worth, card.currency))


def _is_money(card: Card) -> bool:
    return card.unit_kind == "money" and card.currency is not None


def _balance(card: Card, words: Words) -> str:
    return words.money(card.balance, card.currency) if card.currency and _is_money(card) else words.number(card.balance)


def _amount(card: Card, words: Words, n: int, unit_key: str = "") -> str:
    """An amount of one of the card's units, which is never broken between two lines."""
    return phrases.amount(words, card, n, unit_key).replace(" ", "\N{NO-BREAK SPACE}")


def _way(card: Card, words: Words) -> Way | None:
    way = card.progress
    if way is None:
        return None
    of = words.say("card.progress", reached=words.number(way.reached), needed=words.number(way.needed))
    return Way(min(way.reached, way.needed), way.needed, of, phrases.progress(words, card, words.pick))


def _stamps(card: Card, words: Words) -> StampCard | None:
    seen = card.stamps
    if seen is None or not seen.can_be_drawn:
        return None
    prizes = {prize.at: words.pick(prize.name) or words.say("stamps.prize") for prize in seen.prizes}
    places = tuple(Place(place <= seen.filled, prizes.get(place, "")) for place in range(1, seen.of + 1))
    said = phrases.stamps(words, card, words.pick)
    return StampCard(places, _in_a_row(seen.of), said, tuple(phrases.prizes(words, card, seen, words.pick)))


def _in_a_row(of: int) -> int:
    """Rows as even as may be, and no stamp too small to be seen."""
    most = 6 if of <= 12 else 7 if of <= 21 else 10
    rows = -(-of // most)
    return max(3, -(-of // rows))


def _is_drawn(card: Card, held: Balance) -> bool:
    """Stamps that are seen as stamps need no number beside them."""
    return card.stamps is not None and card.stamps.can_be_drawn and card.stamps.unit == held.unit


def _further(card: Card, words: Words, held: Balance) -> Line:
    money = words.money(held.amount, card.currency) if held.kind == "money" and card.currency else ""
    return Line(phrases.heading(words, held, words.pick), "", money or words.number(held.amount))


def _perk(words: Words, zone: tzinfo, perk: Perk) -> Line:
    until = words.say("text.offer_until", date=words.date(perk.ends - 1, zone)) if perk.ends else ""
    return Line(words.pick(perk.name), perk.contact, small=until)


def _task(card: Card, words: Words, zone: tzinfo, what: Challenge) -> Task:
    reached, needed = (phrases.counted(words, card, what, n) for n in (what.reached, what.needed))
    of = words.say("card.progress", reached=reached, needed=needed)
    until = words.say("text.offer_until", date=words.date(what.ends - 1, zone)) if what.ends else ""
    way = Way(min(what.reached, what.needed), what.needed, of, phrases.challenge(words, card, what, words.pick, zone))
    return Task(words.pick(what.name), way, until, what.reached >= what.needed)


def _reward(card: Card, words: Words, reward: Reward) -> Line:
    missing, cost = (_amount(card, words, n, reward.unit) for n in (reward.missing, reward.cost))
    sentence = words.say(f"card.reward_{reward.stands}", amount=missing)
    return Line(words.pick(reward.name), sentence, cost, good=reward.stands == "ready")


def _coupon(words: Words, zone: tzinfo, coupon: Coupon) -> Line:
    until = words.say("text.offer_until", date=words.date(coupon.ends - 1, zone)) if coupon.ends else ""
    return Line(words.pick(coupon.name), words.say("card.coupon_use"), coupon.code, small=until)


def _offer(words: Words, zone: tzinfo, offer: Offer) -> Line:
    # An offer ends just before `ends`: at midnight it is the day before that people call its last.
    until = words.say("text.offer_until", date=words.date(offer.ends - 1, zone)) if offer.ends else ""
    return Line(words.pick(offer.title), words.pick(offer.body), until)


def _news(card: Card, words: Words) -> str:
    """What happened last, as one sentence to announce."""
    news = card.news
    if news is None or not words.has(f"news.{news.kind}"):
        return ""
    return phrases.news(words, card, news, words.pick).replace("+-", _MINUS)


def _entry(card: Card, words: Words, zone: tzinfo, one: Happened, teller: Teller) -> Line:
    title = _known(words, f"happened.{one.kind}", one.kind)
    when = words.moment(one.at, zone)
    where = f"{one.place} · {when}" if one.place else when
    return Line(title, teller.sentence(one.entry), _moved(card, words, one), good=one.amount > 0, small=where)


def _moved(card: Card, words: Words, one: Happened) -> str:
    """What moved, with its sign; the main unit needs no noun on its own card."""
    sign = "+" if one.amount > 0 else _MINUS if one.amount < 0 else ""
    is_plain = not one.unit and not _is_money(card)
    return sign + (words.number(abs(one.amount)) if is_plain else _amount(card, words, abs(one.amount), one.unit))
