"""The two values on the face of an object: what the card is about, and what comes next to it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo
from functools import partial

from ... import phrases
from ...card import Balance, Card, Membership
from ...words import minor_digits
from .texts import LABEL, Body, Texts, pick

MOST_INT = 2_147_483_647
MICROS_DIGITS = 6
KINDS = ("int", "string", "money")
"""The kinds of balance that are written here; a value has exactly one."""


def main(card: Card, texts: Texts, zone: tzinfo) -> Body:
    """The balance, or what a card without one is about."""
    if card.kind == "membership" and card.membership:
        return _membership(card.membership, texts, zone)
    if card.kind == "coupons":
        return {**texts.key("label", "label.coupons"), "balance": number(len(card.coupons))}
    return _balance(card, texts)


def second(card: Card, texts: Texts, tier_is_shown: bool) -> Body | None:
    """The level, unless the card's class shows it already; else stamps, what the points are worth, another balance."""
    return next(_further(card, texts, tier_is_shown), None)


def _further(card: Card, texts: Texts, tier_is_shown: bool) -> Iterator[Body]:
    if card.tier and not tier_is_shown:
        yield {**texts.key("label", "label.tier"), "balance": {"string": pick(texts.own, card.tier.name, LABEL)}}
    if card.kind in ("membership", "coupons") and card.balance:
        yield _balance(card, texts)
    if card.stamps and card.stamps.unit:
        filled = {"string": phrases.stamps_short(texts.own, card.stamps)}
        yield {**texts.key("label", "label.stamps"), "balance": filled}
    if card.worth is not None and card.currency:
        yield {**texts.key("label", "label.worth"), "balance": {"money": money(card.worth, card.currency)}}
    for held in card.balances:
        yield {**texts.said("label", _headings(held, texts)), "balance": balance(card, held)}


def _headings(held: Balance, texts: Texts) -> dict[str, str]:
    return texts.each(lambda words: phrases.heading(words, held, partial(pick, words, most=LABEL)))


def _balance(card: Card, texts: Texts) -> Body:
    label = texts.key("label", phrases.heading_key(texts.own, card))
    seen = card.stamps
    if seen and not seen.unit and seen.filled == card.balance:
        return {**label, "balance": {"string": phrases.stamps_short(texts.own, seen)}}
    return {**label, "balance": balance(card, card.held(""))}


def _membership(paid: Membership, texts: Texts, zone: tzinfo) -> Body:
    """Until when it is paid, or since when it is not."""
    if paid.until is None:
        return {**texts.key("label", "label.membership"), "balance": {"string": texts.own.say("status.unpaid")}}
    label = texts.key("label", "label.paid_until" if paid.is_good else "label.ended_on")
    return {**label, "balance": {"string": texts.own.date(paid.until - 1, zone)}}


def balance(card: Card, held: Balance) -> Body:
    """Money as money, anything else as a number."""
    if held.kind == "money" and card.currency:
        return {"money": money(held.amount, card.currency)}
    return number(held.amount)


def number(n: int) -> Body:
    """Google's `int` has 32 bits; what is larger goes as text."""
    return {"int": n} if -MOST_INT <= n <= MOST_INT else {"string": str(n)}


def money(minor: int, currency: str) -> Body:
    """An amount in the currency's smallest unit, in millionths: 10.50 PLN is "10500000"."""
    return {"currencyCode": currency, "micros": str(minor * 10 ** (MICROS_DIGITS - minor_digits(currency)))}
