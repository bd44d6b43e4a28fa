"""Brings the members of a roll here: first what would happen, line by line, then a few lines in each transaction.

A member is known by card serial, external id, e-mail address or telephone number. Whoever is known keeps what is
known of them and gets at most a card. What somebody held elsewhere is posted once for each card, under a receipt number
that follows from the card: the same roll a second time, or the rest of one that was broken off, changes nothing that is
done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from sqlalchemy import select

from .. import cards, giftcards, programmes
from ..errors import BadInput, PassesError
from ..members import Members, Moved, Person, card_in
from ..points import receipts
from ..points.orders import Order
from ..programmes import Programme
from ..store import Connection, Store
from ..store import tables as t
from .entries import Entry, Mistake, Reader
from .sheet import Sheet

CHUNK = 100
MOST_MISTAKES = 200
STAFF = "import"


@dataclass(frozen=True)
class Roll:
    """A file, how its rows are read, and the programme whose members they are."""

    programme: Programme
    sheet: Sheet
    reader: Reader


@dataclass
class Plan:
    """What a roll would do. `known` are members with nothing to do; `mistakes` are the first of those there are."""

    new: int = 0
    cards: int = 0
    known: int = 0
    balances: int = 0
    refused: int = 0
    sums: Counter[str] = field(default_factory=Counter)
    mistakes: list[Mistake] = field(default_factory=list)
    first: list[Entry] = field(default_factory=list)

    def refuse(self, mistake: Mistake) -> None:
        self.refused += 1
        if len(self.mistakes) < MOST_MISTAKES:
            self.mistakes.append(mistake)


Told = Callable[[int], None]
"""Called with the line that was reached."""


def plan(store: Store, members: Members, roll: Roll, told: Told) -> Plan:
    """What `move` would do; nothing is written."""
    made, seen = Plan(), _Seen()
    for chunk in _chunks(roll):
        with store.reading() as tx:
            for read in chunk:
                entry = seen.first(read)
                try:
                    if isinstance(entry, Mistake):
                        made.refuse(entry)
                    else:
                        _foresee(tx, members, roll.programme, entry, made)
                except PassesError as wrong:
                    made.refuse(Mistake(read.line, wrong.field or "row", str(wrong)))
        told(chunk[-1].line)
    return made


def move(store: Store, members: Members, roll: Roll, language: str, now: int, told: Told) -> int:
    """Do it; how many lines were done. Lines with a mistake are passed over, as `plan` said."""
    done, seen = 0, _Seen()
    for chunk in _chunks(roll):
        entries = [entry for entry in map(seen.first, chunk) if isinstance(entry, Entry)]
        done += _move_together(store, members, roll.programme, entries, language, now)
        told(chunk[-1].line)
    return done


class _Seen:
    """Who was in the file already. A family may share a telephone, but then numbers must tell its members apart."""

    def __init__(self) -> None:
        self._numbers, self._contacts, self._contacts_alone = set[str](), set[str](), set[str]()

    def first(self, read: Entry | Mistake) -> Entry | Mistake:
        if isinstance(read, Mistake):
            return read
        same = self._contacts_alone if read.numbers else self._contacts
        if not self._numbers.isdisjoint(read.numbers) or not same.isdisjoint(read.contacts):
            return Mistake(read.line, "row", "This member is in the file already.")
        self._numbers.update(read.numbers)
        self._contacts.update(read.contacts)
        if not read.numbers:
            self._contacts_alone.update(read.contacts)
        return read


def _move_together(
    store: Store, members: Members, programme: Programme, entries: Sequence[Entry], language: str, now: int
) -> int:
    """All of them in one transaction, or, when one cannot be done, each that can in its own."""
    try:
        with store.transaction() as tx:
            for entry in entries:
                _do(tx, members, programme, entry, language, now)
        return len(entries)
    except PassesError:
        if len(entries) > 1:
            return sum(_move_together(store, members, programme, [entry], language, now) for entry in entries)
        return 0


def _do(tx: Connection, members: Members, programme: Programme, entry: Entry, language: str, now: int) -> None:
    moved = Moved(entry.joined, entry.serial)
    serial, member = _found(tx, members, programme, entry)
    if member is None:
        serial = members.join(tx, programme.key, _person(entry, language), now, moved=moved).serial
    elif serial is None:
        serial = members.give_card(tx, member, programme.key, now, moved)
    assert serial is not None
    for unit, amount in entry.balances.items():
        if amount:
            held = cards.by_serial(tx, serial, lock=True)
            receipts.post(tx, held, _order(programme, serial, unit, amount), now, STAFF)


def _foresee(tx: Connection, members: Members, programme: Programme, entry: Entry, made: Plan) -> None:
    serial, member = _found(tx, members, programme, entry)
    fresh = {unit: amount for unit, amount in entry.balances.items() if amount}
    if serial is not None:
        fresh = {unit: n for unit, n in fresh.items() if not _is_posted(tx, programme, serial, unit, n)}
    if programme.definition.unit in fresh:
        _refuse_overfull(tx, programme, serial, fresh[programme.definition.unit])
    made.new += member is None
    made.cards += member is not None and serial is None
    made.known += serial is not None and not fresh
    made.balances += bool(fresh)
    made.sums.update(fresh)
    if len(made.first) < 5:
        made.first.append(entry)


def _found(tx: Connection, members: Members, programme: Programme, entry: Entry) -> tuple[str | None, str | None]:
    """The card in the programme, and the member, of whoever the line is about."""
    if entry.serial and (held := cards.find(tx, "serial", entry.serial)) is not None:
        if held.row.programme_id != programme.id:
            raise BadInput("The card with this serial number is of another programme.", field="serial")
        return held.serial, members.identity(tx, held.row.member_id)
    member = members.known(tx, _person(entry, "en"))
    if member is None:
        return None, None
    row_id = tx.execute(select(t.Member.id).where(t.Member.public_id == member)).scalar_one()
    return card_in(tx, row_id, programme.id), member


def _is_posted(tx: Connection, programme: Programme, serial: str, unit: str, amount: int) -> bool:
    """Whether this balance came before; another one under the same number is the line's mistake."""
    order = _order(programme, serial, unit, amount)
    this = (t.Receipt.programme_id == programme.id, t.Receipt.receipt == order.receipt)
    kept = tx.execute(select(t.Receipt.fingerprint).where(*this)).scalar()
    if kept is not None and kept != order.fingerprint:
        sentence = "Another balance came with an earlier roll; correct it by an adjustment."
        raise BadInput(sentence, field=f"balance:{unit}")
    return kept is not None


def _refuse_overfull(tx: Connection, programme: Programme, serial: str | None, amount: int) -> None:
    """What a gift card brings along and what it holds here already (a new card: the gift for joining)."""
    definition = programme.definition
    held = cards.by_serial(tx, serial).revision.card.balance if serial else definition.welcome
    giftcards.refuse_overfull(definition, held + amount, f"balance:{definition.unit}")


def _order(programme: Programme, serial: str, unit: str, amount: int) -> Order:
    other = None if unit == programme.definition.unit else unit
    return Order(f"import-{serial}-{unit}", adjust=amount, unit=other, reason="Balance brought along")


def _person(entry: Entry, language: str) -> Person:
    return Person(
        language=entry.language or language,
        name=entry.name,
        email=entry.email,
        phone=entry.phone,
        external_id=entry.external_id,
        birth_month=entry.birth_month,
    )


def _chunks(roll: Roll) -> Iterator[list[Entry | Mistake]]:
    rows = (roll.reader.read(line, cells) for line, cells in roll.sheet.rows())
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


def opened(store: Store, key: str) -> Programme:
    with store.reading() as tx:
        return programmes.find(tx, key)
