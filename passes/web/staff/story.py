"""What a receipt did, in sentences: for the cashier to read, and to read out to whoever asks why. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...programmes import Programme
from ...wallets.ecard.face import amount
from ...words import Words

_MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Story:
    """The change of the balance, where it stands now, the bill, and why."""

    change: str
    balance: str
    bill: str
    sentences: tuple[str, ...]
    points: int


def tell(body: Mapping[str, Any], programme: Programme, words: Words, total: int = 0) -> Story:
    """The answer of a receipt, or of its quote, as sentences; `total` is the bill before any discount."""
    unit, currency = programme.definition.unit, programme.definition.currency
    change = sum(entry["amount"] for entry in body["entries"] if entry.get("unit", unit) == unit)
    discount = body["effects"]["discount"]
    return Story(
        change=_signed(change, unit, words),
        balance=amount(words, unit, body["balances"][unit]),
        bill=words.say("staff.to_pay", money=words.money(total - discount, currency)) if discount and total else "",
        sentences=tuple(_sentences(body, programme, words)),
        points=change,
    )


def _sentences(body: Mapping[str, Any], programme: Programme, words: Words) -> Iterator[str]:
    definition = programme.definition
    for why in body["why"]:
        many = amount(words, why.get("unit", definition.unit), abs(why["amount"]))
        match why["kind"]:
            case "earn" if "paid" in why:
                paid, per = (words.money(why[name], definition.currency) for name in ("paid", "per"))
                rule = amount(words, definition.unit, why["points"])
                yield words.say("staff.why.earn", amount=many, paid=paid, per=per, rule=rule)
            case "redeem":
                money = words.money(body["effects"]["discount"], definition.currency)
                worth = "redeem_worth" if body["effects"]["discount"] else "redeem"
                yield words.say(f"staff.why.{worth}", amount=many, money=money)
            case "reward":
                named = {reward.key: words.pick(reward.name) for reward in definition.rewards}
                yield words.say("staff.why.reward", amount=many, name=named.get(why["reward"], why["reward"]))
            case "earn" | "adjust" | "full" | "topup" | "transfer" | "convert":
                yield words.say("staff.why.given" if why["amount"] > 0 else "staff.why.taken", amount=many)
            case "reverse":
                yield words.say("staff.why.back" if why["amount"] > 0 else "staff.why.taken_back", amount=many)
    if not body["why"]:
        yield words.say("staff.why.nothing")
    if body["effects"]["tier_changed"] and body["tier"]:
        tiers = {tier.key: words.pick(tier.name) for tier in definition.levels}
        yield words.say("staff.why.tier", tier=tiers.get(body["tier"], body["tier"]))


def _signed(n: int, unit: str, words: Words) -> str:
    sign = "+" if n > 0 else _MINUS if n < 0 else ""
    return f"{sign}{amount(words, unit, abs(n))}"
