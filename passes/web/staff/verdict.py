"""The verdict on what was scanned: a card, a coupon, a claim, or something else, named as exactly as we know it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

from ... import claims, coupons, programmes
from ...card import Card
from ...definition import Definition
from ...drawing import DAY_SECONDS
from ...errors import NotFound
from ...stepup import CodeUsed
from ...words import Words
from .. import standing
from ..current import service
from ..login.backstage import code_used, words


@dataclass(frozen=True)
class Verdict:
    """The biggest thing on the screen: good, warn or bad, one sentence, one thing to do next."""

    level: str
    title: str
    next: str = ""


def of_card(drawn: Card, definition: Definition, said: Words, zone: tzinfo) -> Verdict:
    """The card, and the membership that it stands for: one that is not paid gives no benefits, yet the card counts."""
    if drawn.is_void:
        return Verdict("bad", said.say(f"staff.card_{drawn.status}"), said.say(f"staff.card_{drawn.status}_next"))
    held, part = drawn.membership, definition.membership
    if held is None or part is None or held.state == "paid":
        return Verdict("good", said.say("staff.card_good"))
    ended, kept = "", ""
    if held.until is not None:
        ended = said.date(held.until - 1, zone)
        kept = said.date(held.until + part.grace_days * DAY_SECONDS - 1, zone)
    title = said.say(f"staff.membership_{held.state}", date=ended)
    return Verdict("warn", title, said.say(f"staff.membership_{held.state}_next", date=kept))


def of(why: str) -> Verdict | None:
    if why == "empty":
        return None
    said = words()
    level = "bad" if why == "forged" else "warn"
    return Verdict(level, said.say(f"staff.scan.{why}"), said.say(f"staff.scan.{why}_next"))


def of_used(wrong: CodeUsed) -> Verdict:
    """A code that the phone showed once, scanned again."""
    said = words()
    return Verdict("warn", code_used(wrong, "staff.scan.code_used", said), said.say("staff.scan.code_used_next"))


def of_coupon(code: str) -> Verdict | None:
    """A coupon that was scanned alone: what it is, and whether it can still be used."""
    said, now = words(), service().now
    with service().store.reading() as tx:
        try:
            row = coupons.find(tx, code)
        except NotFound:
            return of("foreign")
        definition = programmes.get(tx, row.programme_id).definition
        stands = standing.of(tx, row, said, now)
    name = next((said.pick(part.name) for part in definition.coupons if part.key == row.kind), row.kind)
    return Verdict(
        "good" if stands.state == "issued" else "bad",
        said.say("staff.scan.coupon", name=name),
        said.say(f"staff.scan.{stands.key}", moment=stands.moment, person=stands.person),
    )


def of_claim(code: str) -> Verdict | None:
    """A receipt's claim that was scanned as a card: the customer's own affair, and how it stands."""
    said, now = words(), service().now
    with service().store.reading() as tx:
        try:
            row = claims.find(tx, code)
        except NotFound:
            return of("foreign")
        zone = programmes.get(tx, row.programme_id).definition.zone
    state = claims.state(row, now)
    date = said.date(claims.since(row), zone)
    level = "warn" if state == "open" else "bad"
    return Verdict(level, said.say("staff.scan.claim"), said.say(f"staff.scan.claim_{state}", date=date))
