"""Why an entry of the ledger is what it is, as one sentence in a member's language. Pure.

An entry keeps the rule it came from, what went in and the arithmetic; here they become words, for the card's history
and for the till alike. Nothing is computed but what can be computed again from the entry, so a sentence cannot say
another number than the ledger holds. What an earlier version wrote, or a name that is no longer in the programme, is
said as far as it is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..card import Text
from ..definition import Definition
from ..words import Words
from .amounts import Amounts

MOST_REASON = 120
OF_COUPONS = ("stock", "gifts", "member")
"""Caps on coupons that rules give, counted in coupons."""
Table = Literal["rules", "rewards", "promos", "partners", "coupons", "tiers"]


@dataclass(frozen=True)
class Entry:
    """What moved: a signed amount of a unit ("": the main one) with what the ledger keeps of it, and when it ripens."""

    kind: str
    amount: int
    why: Mapping[str, Any] = field(default_factory=dict)
    unit: str = ""
    ripens: int | None = None


class Teller:
    """Says what happened on a programme's cards in one language."""

    def __init__(self, definition: Definition, words: Words) -> None:
        self._words = words
        self._amounts = Amounts.of(definition, words)
        self._definition = definition
        self._names = _names(definition)

    def sentence(self, entry: Entry) -> str:
        """One sentence; none for what needs no reason."""
        match entry.kind:
            case "earn":
                return self._earned(entry)
            case "redeem":
                return self._redeemed(entry)
            case "reward":
                return self._say("reward", entry, name=self.name("rewards", str(entry.why.get("reward", ""))))
            case "reverse":
                return self._reversed(entry)
            case "adjust":
                return self._adjusted(entry)
            case "full":
                cards, of = int(entry.why["cards"]), self._amounts.say(int(entry.why["of"]), entry.unit)
                return self._words.say("why.full", n=cards, of=of, amount=self._size(entry))
            case "expire":
                return self._say("expire", entry, date=self._amounts.end(int(entry.why["expired"])))
            case "transfer":
                way = "to" if "to" in entry.why else "from"
                return self._say(f"transfer_{way}", entry, number=str(entry.why.get(way, "")))
            case "referral":
                return self._say(f"referral_{entry.why.get('referral', 'friend')}", entry)
            case "welcome" | "topup":
                return self._say(entry.kind, entry)
            case _:
                return ""

    def capped(self, note: Mapping[str, Any]) -> str:
        """What a rule did not give, and why: a note of a receipt's answer."""
        unit = self._units_of_rules.get(note["rule"], "")
        name = self.name("rules", note["rule"])
        told = self._cap(note, unit)
        return self._words.say("why.capped_all", name=name, capped=told) if name else f"{_capital(told)}."

    def discounted(self, table: Literal["coupons", "promos"], key: str, money: int) -> str:
        """What a coupon or a promo code took off the bill."""
        name = self.name(table, key)
        if not money:
            return self._words.say("why.used", name=name)
        return self._words.say("why.discount", name=name, money=self._amounts.money(money))

    def name(self, table: Table, key: str) -> str:
        """What people call it. A rule without a name has none; anything else is called by its key."""
        names = self._names[table]
        return self._words.pick(names[key]) if key in names else "" if table == "rules" else key

    @property
    def _units_of_rules(self) -> dict[str, str]:
        rules = self._definition.rules_in_force
        stamps = {rules.stamps.key: rules.stamps.unit} if rules.stamps else {}
        return {rule.key: rule.unit for rule in rules.rules} | stamps

    def _earned(self, entry: Entry) -> str:
        why = entry.why
        if "promo" in why:
            return self._say("promo", entry, name=self.name("promos", why["promo"]))
        if "times_given" in why:
            told = self._gift(entry)
        elif measured := self._measured(entry):
            told = measured
        else:
            return self._say("given", entry)
        after = "".join(f" {each}" for each in self._after(entry))
        return f"{_capital(told)}.{after}"

    def _measured(self, entry: Entry) -> str:
        """What was measured, at which rate, and what that makes; then multipliers, caps and the sum."""
        how = self._how(entry)
        if not how:
            return ""
        how += self._threshold(entry.why)
        why, unit = entry.why, entry.unit
        name = self.name("rules", why.get("rule", ""))
        made = self._amounts.say(int(why.get("base", entry.amount)), unit)
        parts = [self._words.say("why.made", how=f"{name}: {how}" if name else how, amount=made)]
        parts += [self._multiplied(each, unit) for each in why.get("times", ())]
        if "capped" in why:
            parts.append(self._cap(why["capped"], unit))
        if len(parts) > 1:
            parts.append(self._words.say("why.total", amount=self._size(entry)))
        return "; ".join(parts)

    def _how(self, entry: Entry) -> str:
        why, say = entry.why, self._words.say
        rate = self._amounts.say(int(why.get("points", 0)), entry.unit)
        match why:
            case {"paid": int(paid), "per": int(per)}:
                money = self._amounts.money
                return say("why.paid", paid=money(paid), rate=rate, per=money(per)) + self._rounded(paid, why)
            case {"item": int(items), "per": int(per)}:
                bought, step = say("rules.items", n=items), say("rules.items", n=per)
                return say("why.item", items=bought, rate=rate, per=step) + self._rounded(items, why)
            case {"visit": int()}:
                return say("why.visit", rate=rate)
            case {"event": event}:
                return say("why.event", event=event if isinstance(event, str) else "", rate=rate)
            case _:
                return ""

    def _rounded(self, measured: int, why: Mapping[str, Any]) -> str:
        """Said only where it made a difference."""
        is_exact = measured * int(why["points"]) % int(why["per"]) == 0
        return "" if is_exact else f", {self._words.say('rules.rounded_' + why.get('rounding', 'down'))}"

    def _multiplied(self, times: Mapping[str, Any], unit: str) -> str:
        factor, extra = self._amounts.factor(times["percent"]), self._amounts.say(times["extra"], unit)
        told = self._words.say("why.times", factor=factor, extra=extra)
        name = self.name("rules", times["rule"])
        return (f"{name} {told}" if name else told) + self._threshold(times)

    def _threshold(self, why: Mapping[str, Any]) -> str:
        """What the member's own average asked for."""
        if "threshold" not in why:
            return ""
        return f", {self._words.say('why.threshold', money=self._amounts.money(why['threshold']))}"

    def _cap(self, capped: Mapping[str, Any], unit: str) -> str:
        if capped["cap"] in OF_COUPONS:
            limit = self._words.number(capped["limit"])
            return self._words.say(f"why.capped_{capped['cap']}", n=capped["lost"], limit=limit)
        limit, lost = self._amounts.say(capped["limit"], unit), self._amounts.say(capped["lost"], unit)
        return self._words.say(f"why.capped_{capped['cap']}", limit=limit, lost=lost)

    def _gift(self, entry: Entry) -> str:
        """What a goal or a number of stamps brings, as often as it fell due."""
        why, times = entry.why, int(entry.why["times_given"])
        if "stamps" in why:
            at, of = self._words.number(why["stamps"]), self._words.number(why["of"])
            reached = self._words.say("why.stamps", at=at, of=of)
        else:
            reached = self._words.say(
                "why.goal",
                name=self.name("rules", why["rule"]) or self._words.say("why.goal_unnamed"),
                reached=self._counted(why["reached"], why.get("measure")),
                needed=self._counted(why["needed"], why.get("measure")),
            )
            reached += self._threshold(why)
        size = self._size(entry)
        if times > 1 and "gives" in why:
            size = f"{self._words.number(times)} × {self._amounts.say(why['gives'], entry.unit)} = {size}"
        return self._words.say("why.made", how=reached, amount=size)

    def _counted(self, n: int, measure: str | None) -> str:
        return self._amounts.money(n) if measure == "spend" else self._words.number(n)

    def _after(self, entry: Entry) -> Iterator[str]:
        """At whose till it was, and from when it can be spent."""
        if "partner" in entry.why:
            yield self._words.say("why.partner", name=self.name("partners", entry.why["partner"]))
        if entry.ripens is not None:
            yield self._words.say("why.ripens", date=self._amounts.begin(entry.ripens))

    def _redeemed(self, entry: Entry) -> str:
        worth = int(entry.why.get("worth_of_one", 0))
        if not worth:
            return self._say("redeem", entry)
        money = self._amounts.money(abs(entry.amount) * worth)
        # Money on a card is worth itself.
        if money == self._size(entry):
            return self._say("redeem", entry)
        return self._say("redeem_worth", entry, money=money, worth=self._amounts.money(worth))

    def _reversed(self, entry: Entry) -> str:
        kind = f"happened.{entry.why.get('of', '')}"
        what = self._words.say(kind) if self._words.has(kind) else ""
        told = self._say("back" if entry.amount > 0 else "taken_back", entry, what=what)
        if forgiven := entry.why.get("forgiven"):
            told += " " + self._words.say("why.forgiven", amount=self._amounts.say(forgiven, entry.unit))
        return told

    def _adjusted(self, entry: Entry) -> str:
        told = self._say("given" if entry.amount > 0 else "taken", entry)
        reason = str(entry.why.get("reason") or "")[:MOST_REASON]
        return f"{told} {self._words.say('why.reason', reason=reason)}" if reason else told

    def _say(self, key: str, entry: Entry, **names: Any) -> str:
        return self._words.say(f"why.{key}", amount=self._size(entry), **names)

    def _size(self, entry: Entry) -> str:
        return self._amounts.say(abs(entry.amount), entry.unit)


def _names(definition: Definition) -> dict[Table, dict[str, Text]]:
    perks = [perk for tier in definition.tiers for perk in tier.perks]
    giving: list[Any] = [*definition.rules, *definition.multipliers, *definition.every, *definition.challenges]
    return {
        "rules": {part.key: part.name for part in [*giving, *perks] if part.name},
        "rewards": {part.key: part.name for part in definition.rewards},
        "promos": {part.key: part.name for part in definition.promos},
        "partners": {part.key: part.name for part in definition.partners},
        "coupons": {part.key: part.name for part in definition.coupons},
        "tiers": {part.key: part.name for part in definition.tiers},
    }


def _capital(told: str) -> str:
    return told[:1].upper() + told[1:]
