"""The rule time machine: a draft of a programme's rules, run over what really happened.

Every card's receipts are gone through in order (see `lives`) and compared with what the ledger says: what was given,
spent and ended, what is owed, who gains and who loses, whose tier moves. The programme's own rules, replayed, come to
the ledger exactly; where they do not, something is wrong with one of the two. Nothing is written. Many cards are
shared out among processes; each reads its own rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import groupby
from multiprocessing import get_context
from operator import itemgetter
from typing import Any

from pydantic_core import SchemaValidator, core_schema, from_json
from sqlalchemy import BigInteger, Text, bindparam, case, cast, func, select

from .. import garbage
from ..definition import Definition
from ..liability import worth_of
from ..programmes import Programme, Ruleset, rulesets
from ..store import Connection, Row, Store
from ..store import tables as t
from .book import Book
from .events import Happened, Recorded
from .findings import Findings, Gains, Sums, add
from .lives import Life
from .purses import USED, is_member, unit_of

CHUNK = 500
_BY_RULES = ("earn", "full", "expire", "reverse")

Told = Callable[[int, int], None]
"""How many of how many cards are done."""


@dataclass(frozen=True)
class Span:
    """What is replayed: a programme's history as it was at one moment, and from when on a draft counts."""

    programme_id: int
    since: int
    until: int
    newest_receipt: int
    newest_posting: int


@dataclass(frozen=True)
class History:
    """All that happened to one card, and where it stands."""

    card: Row
    is_welcomed: bool
    receipts: Sequence[Happened]

    @property
    def taken_back(self) -> frozenset[int]:
        return frozenset(each.reverses for each in self.receipts if each.reverses is not None)


class Replay:
    """A draft (none: the programme's own rules) over the history of cards."""

    def __init__(self, rules: Sequence[Ruleset], draft: Definition | None, span: Span) -> None:
        self.book, self.span = Book(rules, draft, span.since), span
        self._today = self.book.recorded(span.until).definition
        self._draft = draft or self._today
        units = ("", *(unit.key for unit in self._draft.units))
        worths = {unit: (worth_of(self._today, unit), worth_of(self._draft, unit)) for unit in units}
        # In money where a unit has a worth both ways, else in the unit itself.
        self._worths = {
            unit: (was or 1, would or 1) if was and would else (1, 1) for unit, (was, would) in worths.items()
        }
        self._gives_coupons = any(
            goal.gift.coupon for rules in (self._draft, *(each.definition for each in rules)) for goal in _gifts(rules)
        )

    def of(self, tx: Connection, first: int, last: int) -> Findings:
        """The cards with these row numbers, both included."""
        found = Findings()
        recorded = _recorded(tx, self.span, first, last)
        for history in histories(tx, self.span, first, last):
            found.cards += 1
            found.receipts += len(history.receipts)
            found.active += bool(history.receipts) and history.receipts[-1].created >= self.span.since
            self._compare(found, history, recorded.get(history.card.id, {}))
        if self._gives_coupons:
            found.coupons_were = _coupons_given(tx, self.span, first, last)
        return found

    def _compare(self, found: Findings, history: History, was: dict[str, Sums]) -> None:
        life = self.begin(history)
        for happened in history.receipts:
            life.goes_through(happened)
        would = life.end(self.span.until)
        add(found.was, was)
        add(found.would, would)
        found.coupons_would.update({kind: n for kind, n in life.issued.items() if n})
        if life.place.tier != history.card.tier:
            found.tiers[history.card.tier, life.place.tier] += 1
        is_losing = False
        for unit in {*was, *would}:
            gain = self._value(unit, would, 1) - self._value(unit, was, 0)
            found.gains.setdefault(unit, Gains()).note(history.card.serial, gain)
            is_losing |= gain < 0
        found.losing += is_losing

    def begin(self, history: History, remembers: Container[int] | None = None) -> Life:
        """The card's life on its first day; what is taken back is remembered, unless more is asked for."""
        asked = history.taken_back if remembers is None else remembers
        life = Life(self.book, history.card.created, history.card.birth_month, asked)
        life.joins(self._is_welcomed(history))
        return life

    def _is_welcomed(self, history: History) -> bool:
        """Whoever came from elsewhere without a gift, when there was one, has none now."""
        return history.is_welcomed or not self.book.recorded(history.card.created).definition.welcome

    def _value(self, unit: str, sums: Mapping[str, Sums], side: int) -> int:
        """What a member holds in the end, and what they had of it meanwhile."""
        each = sums.get(unit) or Sums()
        return (each.outstanding + each.had) * self._worths.get(unit, (1, 1))[side]


def run(
    store: Store,
    programme: Programme,
    draft: Definition | None,
    since: int,
    now: int,
    workers: int = 1,
    told: Told = lambda done, of: None,
    most: int | None = None,
    chunk: int = CHUNK,
) -> Findings:
    """Replay the draft over every card of the programme, or over `most` of them, evenly spread."""
    with store.reading() as tx:
        span, rules, ids = _span(tx, programme, since, now), rulesets(tx, programme), _cards(tx, programme.id)
        if most is not None and len(ids) > most:
            picked = [ids[place * len(ids) // most] for place in range(most)]
            chunks = [(id, id) for id in picked]
        else:
            chunks = [(ids[at], ids[min(at + chunk, len(ids)) - 1]) for at in range(0, len(ids), chunk)]
        if draft is not None:
            draft = draft.model_copy(update={"time_zone": draft.time_zone or programme.definition.time_zone})
        if workers == 1 or len(chunks) < 2 * workers:
            return _one_by_one(tx, Replay(rules, draft, span), chunks, told)
    return _shared_out(store, (rules, draft, span), chunks, workers, told)


def _one_by_one(tx: Connection, replay: Replay, chunks: Sequence[tuple[int, int]], told: Told) -> Findings:
    found = Findings()
    for place, (first, last) in enumerate(chunks, 1):
        found.add(replay.of(tx, first, last))
        told(place, len(chunks))
    return found


def _shared_out(store: Store, what: Any, chunks: Sequence[tuple[int, int]], workers: int, told: Told) -> Findings:
    found = Findings()
    url = store.url.render_as_string(hide_password=False)
    # Forked processes would share the database's connections.
    with ProcessPoolExecutor(workers, get_context("spawn"), _begin, (url, what)) as pool:
        asked = [pool.submit(_work, first, last) for first, last in chunks]
        for place, done in enumerate(as_completed(asked), 1):
            found.add(done.result())
            told(place, len(chunks))
    return found


_working: tuple[Store, Replay]
"""Of this process, once it has begun."""


def _begin(url: str, what: tuple[Sequence[Ruleset], Definition | None, Span]) -> None:
    global _working
    _working = Store(url), Replay(*what)
    garbage.spare_what_stays()


def _work(first: int, last: int) -> Findings:
    store, replay = _working
    with store.reading() as tx, garbage.left_lying():
        return replay.of(tx, first, last)


# What the store remembers


def histories(tx: Connection, span: Span, first: int, last: int) -> Iterator[History]:
    """The cards with these row numbers, each with all that happened to it, in order."""
    range_ = {"first": first, "last": last}
    columns = (t.Card.id, t.Card.serial, t.Card.created, t.Card.tier, t.Member.birth_month)
    cards = select(*columns).join(t.Member, t.Member.id == t.Card.member_id).order_by(t.Card.id)
    mine = t.Card.id.between(first, last), t.Card.programme_id == span.programme_id
    moved, welcomed = _moved(tx, span, first, last)
    receipts = groupby(tx.execute(_RECEIPTS, range_ | {"newest": span.newest_receipt}).yield_per(CHUNK), itemgetter(0))
    card_id, rows = next(receipts, (0, iter(())))
    for card in tx.execute(cards.where(*mine)).all():
        while card_id and card_id < card.id:
            card_id, rows = next(receipts, (0, iter(())))
        happened = [_happened(row, moved) for row in rows] if card_id == card.id else []
        yield History(card, card.id in welcomed, happened)


def _happened(row: Row, moved: Mapping[int, list[Recorded]]) -> Happened:
    _, id, created, total, reverses, content, context = row
    known = _CONTEXT.validate_json(context) if context else None
    return Happened(id, created, total, from_json(content), known or {}, reverses, moved.get(id, ()))


def _moved(tx: Connection, span: Span, first: int, last: int) -> tuple[dict[int, list[Recorded]], set[int]]:
    """By receipt, the postings that no rule decided; and the cards that had a gift for joining."""
    found: dict[int, list[Recorded]] = {}
    welcomed = set()
    for row in tx.execute(_MOVES, {"first": first, "last": last, "newest": span.newest_posting}):
        if row.kind == "welcome":
            welcomed.add(row.card_id)
        elif row.receipt_id is not None:
            change = row.amount if is_member(row.target) else -row.amount
            each = Recorded(row.kind, unit_of(row.source, row.target), change, row.expires, row.ripens)
            found.setdefault(row.receipt_id, []).append(each)
    return found, welcomed


def _recorded(tx: Connection, span: Span, first: int, last: int) -> dict[int, dict[str, Sums]]:
    """What the ledger says, by card and unit."""
    found: dict[int, dict[str, Sums]] = {}
    p = t.Posting
    kind = case((p.kind == "reverse", p.why["of"].as_string()), else_=p.kind)
    counts = case((p.created >= span.since, 1), else_=0)
    columns = (p.card_id, p.source, p.target, kind, counts)
    query = select(*columns, func.sum(p.amount)).where(
        p.card_id.between(first, last), p.id <= span.newest_posting, p.programme_id + 0 == span.programme_id
    )
    for card_id, source, target, what, is_counted, amount in tx.execute(query.group_by(*columns)):
        change = int(amount) if is_member(target) else -int(amount)
        sums = found.setdefault(card_id, {}).setdefault(unit_of(source, target), Sums())
        sums.outstanding += change
        if is_counted:
            _note(sums, what, change)
    return found


def _note(sums: Sums, kind: str, change: int) -> None:
    if kind in USED:
        sums.spent -= change
        sums.had -= change
    elif kind == "expire":
        sums.ended -= change
    else:
        sums.given += change


def _coupons_given(tx: Connection, span: Span, first: int, last: int) -> Counter[str]:
    """The coupons that rules gave and that were not taken back."""
    r = t.Receipt
    gave = cast(r.effects, Text).contains('"issue"')
    query = select(r.effects).where(r.card_id.between(first, last), r.created >= span.since, gave)
    query = query.where(r.id <= span.newest_receipt, r.programme_id + 0 == span.programme_id)
    return Counter(
        effect["coupon"]
        for effects in tx.execute(query).scalars()
        for effect in effects
        if effect["kind"] == "issue" and ":" not in effect["rule"] and effect["rule"] != "referral"
    )


def _span(tx: Connection, programme: Programme, since: int, now: int) -> Span:
    newest = select(select(func.max(t.Receipt.id)).scalar_subquery(), select(func.max(t.Posting.id)).scalar_subquery())
    receipt, posting = tx.execute(newest).one()
    return Span(programme.id, since, now, receipt or 0, posting or 0)


def _cards(tx: Connection, programme_id: int) -> Sequence[int]:
    query = select(t.Card.id).where(t.Card.programme_id == programme_id).order_by(t.Card.id)
    return tx.execute(query).scalars().all()


def _gifts(definition: Definition) -> Iterator[Any]:
    rules = definition.rules_in_force
    yield from rules.goals
    if rules.stamps is not None:
        yield from rules.stamps.prizes


# As text, because parsing is most of the work and pydantic's parser is the fastest here. Most of what a receipt was
# judged by are the counters of then, and a life has its own.
_ASKED = ("rules", "paid", "birth_month", "is_paid", "used", "cuts")
_CONTEXT = SchemaValidator(
    core_schema.nullable_schema(
        core_schema.typed_dict_schema(
            {name: core_schema.typed_dict_field(core_schema.any_schema(), required=False) for name in _ASKED}
        )
    )
)
_r, _p, _l = t.Receipt, t.Posting, t.Lot
_first, _last, _newest = (bindparam(name, type_=BigInteger) for name in ("first", "last", "newest"))
_RECEIPTS = (
    select(
        _r.card_id,
        _r.id,
        _r.created,
        _r.total,
        _r.reverses,
        cast(_r.content, Text).label("content"),
        cast(_r.context, Text).label("context"),
    )
    .where(_r.card_id.between(_first, _last), _r.id <= _newest)
    .order_by(_r.card_id, _r.id)
)
_MOVES = (
    select(_p.card_id, _p.receipt_id, _p.kind, _p.source, _p.target, _p.amount, _l.expires, _l.ripens)
    .outerjoin(_l, _l.id == _p.lot_id)
    .where(_p.card_id.between(_first, _last), _p.id <= _newest, _p.kind.not_in(_BY_RULES))
    .order_by(_p.card_id, _p.id)
)
