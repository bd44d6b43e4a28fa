"""What a card says beside its bare numbers, one sentence for each thing, in one language: the same in every wallet.

Pure: words and values in, text out. Names that people wrote come as a `Pick`, which each wallet makes safe in its
own way; amounts are written as people say them, money as money, everything else with its noun in the right form.
Where a sentence stands, and whether there is room for it, is the wallet's affair.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from .card import Balance, Card, Challenge, Coupon, Expiring, Membership, News, Perk, Prize, Reward, Stamps, Step, Text
from .words import Words

Pick = Callable[[Text], str]
"""People's text in the reader's language, clean and short enough."""

SPEND, VISITS = "spend", "visits"
MOST_REWARDS = 20


# Amounts


def number(words: Words, n: int) -> str:
    """`words.number(n)`, without asking Unicode's tables again for every balance."""
    return str(n) if -1000 < n < 1000 else f"{n:,}".replace(",", _thousands(words))


def noun(words: Words, unit: str, n: int) -> str:
    """The unit in the form that `n` asks for. Plural rules look at the last two digits, so few numbers are asked."""
    n = abs(n)
    return _form(words, unit, n if n < 200 or n % 1000 == 0 else 100 + n % 100)


def amount(words: Words, card: Card, n: int, unit: str = "") -> str:
    """So much of a unit of the card ("": its main one; `spend`: money paid), as people say it: 5 points, 12,50 zł."""
    held = card.held(unit)
    if card.currency and "money" in (held.kind, _KINDS.get(unit)):
        return money(words, n, card.currency)
    name = unit or card.unit
    if held.name and not words.has(f"unit.{name}"):
        return f"{number(words, n)} {words.pick(held.name)}"
    return f"{number(words, n)} {noun(words, name, n)}"


_KINDS = {SPEND: "money"}


@lru_cache(maxsize=4096)
def money(words: Words, minor: int, currency: str) -> str:
    return words.money(minor, currency)


def heading_key(words: Words, card: Card) -> str:
    """The words that stand over the balance."""
    key = "heading.visits_left" if card.kind == "visits" else f"heading.{card.unit}"
    return key if card.unit_kind != "money" and words.has(key) else "label.balance"


def heading(words: Words, balance: Balance, pick: Pick) -> str:
    """What a further balance is called."""
    key = f"heading.{balance.unit}"
    return pick(balance.name) or (words.say(key) if words.has(key) else balance.unit)


def balance(words: Words, card: Card, held: Balance, pick: Pick) -> str:
    """A further balance: what it is called, and how much of it there is."""
    much = money(words, held.amount, card.currency) if held.kind == "money" and card.currency else None
    return f"{heading(words, held, pick)}: {much or number(words, held.amount)}"


@lru_cache(maxsize=64)
def _thousands(words: Words) -> str:
    return words.number(1_000_000)[1]


@lru_cache(maxsize=4096)
def _form(words: Words, unit: str, n: int) -> str:
    return words.say(f"unit.{unit}", n=n) if words.has(f"unit.{unit}") else unit


# Sentences


def news(words: Words, card: Card, what: News, pick: Pick) -> str:
    """What happened, as a phone announces it, and what the card holds now of what it is about."""
    key = f"news.{what.kind}"
    return words.say(
        key if words.has(key) else "news.adjust",
        title=pick(what.words) if what.words else "",
        amount=amount(words, card, what.amount, what.unit),
        balance=amount(words, card, card.held(what.unit).amount, what.unit),
    )


def expiring(words: Words, card: Card, what: Expiring, zone: tzinfo) -> str:
    """How much ends next, and the last day of it."""
    return _dated(words, "text.expiring", amount(words, card, what.amount, what.unit), what.at - 1, zone)


def pending(words: Words, card: Card, zone: tzinfo) -> str:
    """Points that count already, and from when the next of them can be spent."""
    assert card.pending is not None
    return _dated(words, "text.pending", amount(words, card, card.pending.amount), card.pending.at, zone)


@lru_cache(maxsize=4096)
def _dated(words: Words, key: str, amount: str, day: int, zone: tzinfo) -> str:
    return words.say(key, amount=amount, date=words.date(day, zone))


def reward(words: Words, card: Card, what: Reward, pick: Pick) -> str:
    """Whether it can be had, else how much is missing or what stands in between."""
    missing = amount(words, card, what.missing, what.unit) if what.missing else ""
    return _named(words, f"reward.{what.stands}", pick(what.name), missing)


def progress(words: Words, card: Card, pick: Pick) -> str:
    way = card.progress
    assert way is not None
    unit = card.tier_unit if way.towards == "tier" else ""
    return _named(words, f"progress.{way.towards}", pick(way.name), amount(words, card, way.missing, unit))


@lru_cache(maxsize=16384)
def _named(words: Words, key: str, name: str, missing: str) -> str:
    return words.say(key, name=name, missing=missing)


def coupon(words: Words, what: Coupon, pick: Pick, zone: tzinfo) -> str:
    """Its name, its last day if it has one, and the code to show at the till."""
    date = words.date(what.ends - 1, zone) if what.ends else ""
    return words.say("coupon.until" if what.ends else "coupon.line", name=pick(what.name), code=what.code, date=date)


def membership(words: Words, what: Membership, zone: tzinfo) -> str:
    return words.say(f"membership.{what.state}", date=words.date(what.until - 1, zone) if what.until else "")


def tier_until(words: Words, card: Card, pick: Pick, zone: tzinfo) -> str:
    """Until when the level holds; when it is time to warn, what keeps it."""
    assert card.tier is not None and card.tier_until is not None
    date, name = words.date(card.tier_until - 1, zone), pick(card.tier.name)
    if card.tier_warning and card.tier_missing:
        return words.say(
            "tier.keep", name=name, date=date, missing=amount(words, card, card.tier_missing, card.tier_unit)
        )
    return words.say("tier.until", name=name, date=date)


def perk(words: Words, what: Perk, pick: Pick, zone: tzinfo) -> str:
    """What the level brings, whom to call for it, and its last day."""
    said = (
        words.say("perk.contact", name=pick(what.name), contact=pick({"en": what.contact}))
        if what.contact
        else pick(what.name)
    )
    return words.say("perk.until", name=said, date=words.date(what.ends - 1, zone)) if what.ends else said


def challenge(words: Words, card: Card, what: Challenge, pick: Pick, zone: tzinfo) -> str:
    """How far the member is, and the last day."""
    if what.reached >= what.needed:
        return words.say("challenge.done", name=pick(what.name))
    reached, needed = (counted(words, card, what, n) for n in (what.reached, what.needed))
    said = words.say("challenge.line", name=pick(what.name), reached=reached, needed=needed)
    return words.say("challenge.until", line=said, date=words.date(what.ends - 1, zone)) if what.ends else said


def counted(words: Words, card: Card, what: Challenge, n: int) -> str:
    """So much of what the challenge counts."""
    return money(words, n, card.currency) if what.measure == SPEND and card.currency else number(words, n)


def step(words: Words, card: Card, what: Step, pick: Pick) -> str:
    """What the next purchase brings, and what it must come to."""
    needed = money(words, what.needed, card.currency) if card.currency else number(words, what.needed)
    return words.say("step.line", money=needed, gift=_step_gift(words, card, what, pick))


def _step_gift(words: Words, card: Card, what: Step, pick: Pick) -> str:
    if what.amount:
        return f"+{amount(words, card, what.amount, what.unit)}"
    if what.percent:
        unit = heading(words, card.held(what.unit), pick) if what.unit else words.say(heading_key(words, card))
        return f"{unit} ×{words.number(Decimal(what.percent) / 100)}"
    return pick(what.name) if what.name else words.say("step.more")


def next_prize(stamps: Stamps) -> Prize | None:
    return next((prize for prize in stamps.prizes if prize.at > stamps.filled), None)


def stamps(words: Words, card: Card, pick: Pick) -> str:
    """How full the stamp card is, then how far its next prize."""
    seen = card.stamps
    assert seen is not None
    said = stamps_short(words, seen)
    if (prize := next_prize(seen)) is None:
        return said
    missing = amount(words, card, prize.at - seen.filled, seen.unit)
    return f"{said}. {_named(words, 'progress.reward', pick(prize.name) or words.say('stamps.prize'), missing)}"


def stamps_short(words: Words, seen: Stamps) -> str:
    return words.say("stamps.of", filled=number(words, seen.filled), of=number(words, seen.of))


def prizes(words: Words, card: Card, seen: Stamps, pick: Pick) -> Iterator[str]:
    """A line for each prize of the stamp card."""
    for prize in seen.prizes:
        name = pick(prize.name) or words.say("stamps.prize")
        yield words.say("stamps.at", name=name, at=amount(words, card, prize.at, seen.unit))


def whole(words: Words, text: str, most: int) -> str:
    """A long text; where it is too long, its first sentences, and where the rest of it stands."""
    if len(text) <= most:
        return text
    pointer = words.say("text.rest")
    room = text[: most - len(pointer) - 1]
    ends = [found.end() for found in _SENTENCE.finditer(room)]
    return f"{room[: ends[-1]] if ends else f'{room[:-1].rstrip()}…'}\n{pointer}"


_SENTENCE = re.compile(r"[^\n](?=\n)|[.!?…](?=\s)")


# All of it


class Told(NamedTuple):
    """Something a card tells of its member: its label, whether there is any of it, and a line for each."""

    label: str
    has: Callable[[Card], object]
    say: Callable[[Words, Card, Pick, tzinfo], str]


def told(card: Card) -> list[str]:
    """What there is to tell, in the order in which a card tells it."""
    return [] if card.is_void else [name for name, each in TOLD.items() if each.has(card)]


def _stamps(words: Words, card: Card, by: Pick, zone: tzinfo) -> str:
    assert card.stamps is not None
    return "\n".join([stamps(words, card, by), *prizes(words, card, card.stamps, by)])


def _rewards(words: Words, card: Card, by: Pick, zone: tzinfo) -> str:
    """Those that are the member's now, then the nearest."""
    nearest = sorted(card.rewards, key=lambda reward: (bool(reward.why), reward.missing, reward.cost))[:MOST_REWARDS]
    return "\n".join([reward(words, card, each, by) for each in nearest])


def _balances(words: Words, card: Card, by: Pick, zone: tzinfo) -> str:
    return "\n".join(balance(words, card, each, by) for each in card.balances)


def _coupons(words: Words, card: Card, by: Pick, zone: tzinfo) -> str:
    return "\n".join(coupon(words, each, by, zone) for each in card.coupons)


def _membership(words: Words, card: Card, by: Pick, zone: tzinfo) -> str:
    assert card.membership is not None
    return membership(words, card.membership, zone)


def _perks(words: Words, card: Card, by: Pick, zone: tzinfo) -> str:
    return "\n".join(perk(words, each, by, zone) for each in card.perks)


def _challenges(words: Words, card: Card, by: Pick, zone: tzinfo) -> str:
    return "\n".join(challenge(words, card, each, by, zone) for each in card.challenges)


def _steps(words: Words, card: Card, by: Pick, zone: tzinfo) -> str:
    return "\n".join(step(words, card, each, by) for each in card.steps)


def _endings(words: Words, card: Card, by: Pick, zone: tzinfo) -> str:
    return "\n".join(expiring(words, card, each, zone) for each in card.endings)


TOLD = {
    "coupons": Told("label.coupons", lambda card: card.coupons, _coupons),
    "membership": Told("label.membership", lambda card: card.membership, _membership),
    "stamps": Told("label.stamps", lambda card: card.stamps, _stamps),
    "rewards": Told("label.rewards", lambda card: card.rewards, _rewards),
    "balances": Told("label.balances", lambda card: card.balances, _balances),
    "pending": Told("label.pending", lambda card: card.pending, lambda w, card, by, zone: pending(w, card, zone)),
    "tier": Told("label.tier", lambda card: card.tier and card.tier_until, tier_until),
    "perks": Told("label.perks", lambda card: card.perks, _perks),
    "progress": Told(
        "label.progress",
        lambda card: card.progress and card.progress.towards == "tier",
        lambda w, card, by, zone: progress(w, card, by),
    ),
    "challenges": Told("label.challenges", lambda card: card.challenges, _challenges),
    "steps": Told("label.steps", lambda card: card.steps, _steps),
    "expiring": Told("label.expiring", lambda card: card.endings, _endings),
}
"""What a card tells of its member, by name, in this order."""
