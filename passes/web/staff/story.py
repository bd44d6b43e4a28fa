"""What a receipt did, in sentences: for the cashier to read, and to read out to whoever asks why. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...points.amounts import Amounts
from ...points.why import OF_COUPONS, Entry, Teller
from ...programmes import Programme
from ...words import Words

_MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Story:
    """The change of each balance that moved, where it stands now, the bill, and why."""

    change: str
    balance: str
    bill: str
    sentences: tuple[str, ...]
    points: int


def tell(body: Mapping[str, Any], programme: Programme, words: Words, total: int = 0) -> Story:
    """The answer of a receipt, or of its quote, as sentences; `total` is the bill before any discount."""
    definition = programme.definition
    unit, amounts = definition.unit, Amounts.of(definition, words)
    moved, discount = _moved(body, unit), body["effects"]["discount"]
    return Story(
        change=" · ".join(f"{_sign(n)}{amounts.say(abs(n), each)}" for each, n in moved.items()),
        balance=" · ".join(amounts.say(body["balances"][each], each) for each in moved),
        bill=words.say("staff.to_pay", money=amounts.money(total - discount)) if discount and total else "",
        sentences=tuple(_sentences(body, Teller(definition, words), words)),
        points=moved.get(unit, 0),
    )


def _moved(body: Mapping[str, Any], main: str) -> dict[str, int]:
    """What moved of each unit; of the main one when nothing did. A full card's stamps were given and stay given."""
    moved: dict[str, int] = {}
    for entry in body["entries"]:
        if "full" not in (entry["kind"], entry["why"].get("of")):
            unit = entry.get("unit", main)
            moved[unit] = moved.get(unit, 0) + entry["amount"]
    return {unit: n for unit, n in moved.items() if n} or {main: 0}


def _sign(n: int) -> str:
    return "+" if n > 0 else _MINUS if n < 0 else ""


def _sentences(body: Mapping[str, Any], teller: Teller, words: Words) -> Iterator[str]:
    effects = body["effects"]
    for used in effects.get("coupons", ()):
        yield teller.discounted("coupons", used["coupon"], used["discount"])
    if promo := effects.get("promo"):
        yield teller.discounted("promos", promo["promo"], promo["discount"])
    entries = [_entry(entry) for entry in body["entries"]]
    yield from filter(None, map(teller.sentence, entries))
    given = {entry.why.get("rule") for entry in entries}
    # What a cap took of an entry is said with it; coupons are no entries.
    notes = [note for note in body.get("notes", ()) if note["rule"] not in given or note["cap"] in OF_COUPONS]
    yield from map(teller.capped, notes)
    if not entries and not notes:
        yield words.say("staff.why.nothing")
    if effects["tier_changed"] and body["tier"]:
        yield words.say("staff.why.tier", tier=teller.name("tiers", body["tier"]))


def _entry(told: Mapping[str, Any]) -> Entry:
    return Entry(told["kind"], told["amount"], told["why"], told.get("unit", ""), told.get("ripens"))
