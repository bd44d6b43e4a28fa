"""Members: people who joined, and the cards they got by joining.

Joining makes the member, the card with its random identities, the welcome gift and the first revision in
one transaction. Erasing removes what names a person and ends the card; the ledger keeps its sums.
"""

from __future__ import annotations

import secrets as random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, delete, insert, select, true, union, update
from sqlalchemy.exc import IntegrityError

from . import cards, codes, contacts, coupons, nameindex, programmes, referrals, revisions
from .cards import proof
from .errors import BadInput, Conflict, NotFound
from .points import receipts
from .programmes import Programme
from .secrets import NONCE_BYTES, Secrets, url_text
from .store import Connection, Row
from .store import tables as t
from .text import one_line
from .words import LANGUAGES

MOST_NAME = 60
NUMBER_DIGITS = 12


@dataclass(frozen=True)
class Agreement:
    """A consent as it was given: to what, in which words."""

    purpose: str
    text_hash: str
    source: str


@dataclass(frozen=True)
class Person:
    """What somebody says of themselves when joining; everything but the language may be empty."""

    language: str
    name: str = ""
    email: str = ""
    phone: str = ""
    external_id: str | None = None
    agreements: tuple[Agreement, ...] = ()
    birth_month: int | None = None


@dataclass(frozen=True)
class Moved:
    """Somebody who was a member elsewhere: since when, and the serial number that their card has already."""

    joined: int | None = None
    serial: str | None = None


@dataclass(frozen=True)
class Joined:
    """A member's public identity and the serial number of the new card."""

    member: str
    serial: str
    # Why the friend who sent them has nothing of it.
    unthanked: str | None = None


@dataclass(frozen=True)
class Profile:
    """A member as staff and systems may see them."""

    member: str
    name: str
    email: str
    phone: str
    language: str
    external_id: str | None
    birth_month: int | None
    joined: int
    erased: int | None
    cards: tuple[str, ...] = field(default=())


class Members:
    """The members of this service; holds what is needed to seal and to prove, nothing else."""

    def __init__(self, secrets: Secrets, country: str) -> None:
        self._secrets = secrets
        self._country = country

    def join(
        self,
        tx: Connection,
        programme_key: str,
        person: Person,
        now: int,
        friend: str | None = None,
        moved: Moved | None = None,
    ) -> Joined:
        """A new member with a card in the programme; `friend` is the code in the link of whoever sent them.

        Who `moved` here is welcomed no second time: there is no gift for joining.
        """
        public_id = random.token_hex(16)
        joined = moved.joined if moved and moved.joined is not None else now
        values = self._values(person, public_id) | {"public_id": public_id, "created": joined}
        self._refuse_known(tx, person)
        with _known_at_this_moment():
            member_id = tx.execute(insert(t.Member).values(values).returning(t.Member.id)).scalar_one()
        nameindex.remember(tx, member_id, values["name"])
        _agree(tx, member_id, person, now)
        programme = _held_programme(tx, programme_key)
        serial = self._give_card(tx, programme, member_id, now, moved)
        if friend is None:
            return Joined(public_id, serial)
        card = cards.by_serial(tx, serial).row
        return Joined(public_id, serial, referrals.note(tx, programme, card, friend, self.contacts_of, now))

    def give_card(
        self, tx: Connection, public_id: str, programme_key: str, now: int, moved: Moved | None = None
    ) -> str:
        """A card in one programme more for somebody who is a member; its serial number."""
        row = _row(tx, public_id, lock=True)
        if row.erased is not None:
            raise Conflict("This member was erased.")
        programme = _held_programme(tx, programme_key)
        if card_in(tx, row.id, programme.id) is not None:
            raise Conflict("This member has a card in this programme already.", field="programme")
        return self._give_card(tx, programme, row.id, now, moved)

    def known(self, tx: Connection, person: Person) -> str | None:
        """Who has this external id, or else this e-mail address or telephone number.

        People who share a contact are told apart by their external ids, so a contact leads to nobody with another one.
        """
        hashes = [
            (kind, self._hashes_of(spell, written))
            for kind, spell, written in (
                (t.Member.email_hash, contacts.email, person.email),
                (t.Member.phone_hash, lambda said: contacts.phone(said, self._country), person.phone),
            )
            if written
        ]
        ways = [t.Member.external_id == person.external_id] if person.external_id else []
        nobody_else = true() if person.external_id is None else t.Member.external_id.is_(None)
        ways += [kind.in_(each) & nobody_else for kind, each in hashes]
        for way in ways:
            query = select(t.Member.public_id).where(way, t.Member.erased.is_(None)).order_by(t.Member.id).limit(1)
            found = tx.execute(query).scalar()
            if found is not None:
                return str(found)
        return None

    def contacts_of(self, tx: Connection, member_id: int) -> frozenset[bytes]:
        """By what a member is recognised: hashes of their contacts under every key of ours."""
        profile = self._profile(tx, tx.execute(select(t.Member).where(t.Member.id == member_id)).one())
        known = [contact for contact in (profile.email, profile.phone) if contact]
        ids = self._secrets.ids()
        return frozenset(contacts.lookup_hash(self._secrets, contact, id) for contact in known for id in ids)

    def find(self, tx: Connection, public_id: str) -> Profile:
        return self._profile(tx, _row(tx, public_id))

    def find_many(self, tx: Connection, ids: Sequence[int]) -> dict[int, Profile]:
        """By row id, in as many statements as for one."""
        rows = tx.execute(select(t.Member).where(t.Member.id.in_(ids))).all()
        return {row.id: profile for row, profile in zip(rows, self._profiles(tx, rows), strict=True)}

    def identity(self, tx: Connection, member_id: int) -> str:
        """The public identity of a card's member."""
        return tx.execute(select(t.Member.public_id).where(t.Member.id == member_id)).scalar_one()

    def search(self, tx: Connection, query: str, after: int, limit: int) -> tuple[list[Profile], int | None]:
        """Members by how words of a name begin, or by exactly a contact, number or external id; and where to go on."""
        matches = self._matches(query) if query.strip() else t.Member.erased.is_(None)
        found = select(t.Member).where(matches, t.Member.id > after).order_by(t.Member.id).limit(limit + 1)
        rows = tx.execute(found).all()
        more = rows[limit - 1].id if len(rows) > limit else None
        return self._profiles(tx, rows[:limit]), more

    def change(self, tx: Connection, public_id: str, changes: dict[str, Any], now: int) -> Profile:
        """Set some of name, email, phone, language, external_id; the cards follow."""
        row = _row(tx, public_id, lock=True)
        if row.erased is not None:
            raise Conflict("This member was erased.")
        before = self._profile(tx, row)
        kept = ("language", "name", "email", "phone", "external_id", "birth_month")
        person = Person(**{name: changes.get(name, getattr(before, name)) for name in kept})
        if person.external_id != before.external_id:
            self._refuse_known(tx, person)
        values = self._values(person, public_id)
        with _known_at_this_moment():
            tx.execute(update(t.Member).where(t.Member.id == row.id).values(values))
        if values["name"] != row.name:
            nameindex.forget(tx, row.id)
            nameindex.remember(tx, row.id, values["name"])
        for card_id in _card_ids(tx, row.id):
            revisions.record(tx, card_id, now)
        return self.find(tx, public_id)

    def erase(self, tx: Connection, public_id: str, now: int) -> None:
        """Forget who it was; the cards end and show that they did, the ledger's sums stay. Twice is as once."""
        row = _row(tx, public_id, lock=True)
        if row.erased is not None:
            return
        of_them = ("email_sealed", "email_hash", "phone_sealed", "phone_hash", "external_id", "birth_month")
        blank = dict.fromkeys(of_them)
        values = {**blank, "name": "", "erased": now}
        tx.execute(update(t.Member).where(t.Member.id == row.id).values(values))
        nameindex.forget(tx, row.id)
        tx.execute(delete(t.Consent).where(t.Consent.member_id == row.id))
        for card_id in _card_ids(tx, row.id):
            closed = {"status": "closed", "link_version": t.Card.link_version + 1}
            tx.execute(update(t.Card).where(t.Card.id == card_id).values(closed))
            for own in (t.Nickname, t.FriendCode, t.CardPin):
                tx.execute(delete(own).where(own.card_id == card_id))
            revisions.record(tx, card_id, now)

    def _give_card(
        self, tx: Connection, programme: Programme, member_id: int, now: int, moved: Moved | None = None
    ) -> str:
        serial = moved.serial if moved and moved.serial else url_text(random.token_bytes(16))
        if moved and moved.serial and cards.find(tx, "serial", serial) is not None:
            raise Conflict("There is a card with this serial number already.", field="serial")
        key_id, code_id = self._secrets.current, random.token_bytes(codes.ID_BYTES)
        values: dict[str, Any] = {
            "serial": serial,
            "number": _new_number(tx),
            "code_id": code_id,
            "code": codes.make(code_id, proof(self._secrets, key_id)),
            "programme_id": programme.id,
            "member_id": member_id,
            "nonce": random.token_bytes(NONCE_BYTES),
            "key_id": key_id,
            "created": moved.joined if moved and moved.joined is not None else now,
        }
        card_id = tx.execute(insert(t.Card).values(values).returning(t.Card.id)).scalar_one()
        if moved is None:
            _welcome(tx, programme, card_id, now)
        referrals.give_codes(tx, programme, [card_id])
        revisions.record(tx, card_id, now)
        return serial

    def _values(self, person: Person, public_id: str) -> dict[str, Any]:
        if person.language not in LANGUAGES:
            raise BadInput(f"The language is one of {', '.join(LANGUAGES)}.", field="language")
        name = clean_name(person.name)
        key_id = self._secrets.current
        values: dict[str, Any] = {
            "name": name,
            "language": person.language,
            "external_id": person.external_id,
            "birth_month": person.birth_month,
            "key_id": key_id,
        }
        email = contacts.email(person.email) if person.email.strip() else ""
        phone = contacts.phone(person.phone, self._country) if person.phone.strip() else ""
        for kind, contact in (("email", email), ("phone", phone)):
            values[f"{kind}_sealed"] = contacts.seal(self._secrets, contact, public_id, key_id) if contact else None
            values[f"{kind}_hash"] = contacts.lookup_hash(self._secrets, contact, key_id) if contact else None
        return values

    def _refuse_known(self, tx: Connection, person: Person) -> None:
        if person.external_id is None:
            return
        if tx.execute(select(t.Member.id).where(t.Member.external_id == person.external_id)).first():
            raise _known()

    def _matches(self, query: str) -> Any:
        """An index serves each of these, so a search costs the same among a thousand and a million."""
        asked = query.strip()[:200]
        number = "".join(asked.split())
        if number.isascii() and number.isdigit() and len(number) == NUMBER_DIGITS:
            return t.Member.id.in_(select(t.Card.member_id).where(t.Card.number == number))
        if "@" in asked:
            hashes = self._hashes_of(contacts.email, asked)
            return _either(t.Member.email_hash.in_(hashes), t.Member.external_id == asked)
        if number.lstrip("+").isdigit() and len(number) >= 7:
            hashes = self._hashes_of(lambda written: contacts.phone(written, self._country), asked)
            return _either(t.Member.phone_hash.in_(hashes), t.Member.external_id == asked)
        named = nameindex.begin(asked)
        return _either(*([] if named is None else [named]), t.Member.external_id == asked)

    def _hashes_of(self, spell: Callable[[str], str], written: str) -> list[bytes]:
        """None when it is no contact at all: a system's own id may look much like one."""
        try:
            contact = spell(written)
        except BadInput:
            return []
        return [contacts.lookup_hash(self._secrets, contact, key_id) for key_id in self._secrets.ids()]

    def _profile(self, tx: Connection, row: Row) -> Profile:
        return self._profiles(tx, [row])[0]

    def _profiles(self, tx: Connection, rows: Sequence[Row]) -> list[Profile]:
        """In the same order; their cards are read together."""
        serials: dict[int, list[str]] = {row.id: [] for row in rows}
        held = select(t.Card.member_id, t.Card.serial).where(t.Card.member_id.in_(list(serials)))
        for member_id, serial in tx.execute(held.order_by(t.Card.id)):
            serials[member_id].append(serial)
        return [self._profile_of(row, serials[row.id]) for row in rows]

    def _profile_of(self, row: Row, serials: Sequence[str]) -> Profile:
        return Profile(
            member=row.public_id,
            name=row.name,
            email=self._open(row.email_sealed, row),
            phone=self._open(row.phone_sealed, row),
            language=row.language,
            external_id=row.external_id,
            birth_month=row.birth_month,
            joined=row.created,
            erased=row.erased,
            cards=tuple(serials),
        )

    def _open(self, sealed: bytes | None, row: Row) -> str:
        return contacts.unseal(self._secrets, sealed, row.public_id, row.key_id) if sealed else ""


def _known() -> Conflict:
    return Conflict("There is a member with this external_id already.", field="external_id")


@contextmanager
def _known_at_this_moment() -> Iterator[None]:
    """Two that write the same external_id at once do not see each other; the table does."""
    try:
        yield
    except IntegrityError:
        raise _known() from None


def card_in(tx: Connection, member_id: int, programme_id: int) -> str | None:
    """The serial number of the member's card in a programme."""
    query = select(t.Card.serial).where(t.Card.member_id == member_id, t.Card.programme_id == programme_id)
    return tx.execute(query).scalar()


def _welcome(tx: Connection, programme: Programme, card_id: int, now: int) -> None:
    coupons.welcome(tx, programme, card_id, now)
    place = receipts.welcome(tx, programme, card_id, now)
    if place.tier is not None:
        values = {"tier": place.tier, "tier_since": place.since, "tier_until": place.until}
        tx.execute(update(t.Card).where(t.Card.id == card_id).values(values))


def clean_name(name: str) -> str:
    """A name as people write it, or a `BadInput` when it is too long."""
    short = one_line(name)
    if len(short) > MOST_NAME:
        raise BadInput(f"A name has at most {MOST_NAME} letters.", field="name")
    return short


def _either(*matches: ColumnElement[bool]) -> ColumnElement[bool]:
    """Any of these, each looked up in its own index: for a plain OR in the order of ids SQLite reads every member."""
    return t.Member.id.in_(union(*(select(t.Member.id).where(match) for match in matches)))


def _held_programme(tx: Connection, key: str) -> Programme:
    """Read under a shared lock: an offer published at this moment either is seen here or waits for us."""
    query = select(t.Programme.id, t.Programme.version).where(t.Programme.key == key)
    row = tx.execute(query.with_for_update(read=True)).first()
    if row is None:
        raise NotFound("There is no such programme.", field="programme")
    return programmes.at_version(tx, row.id, row.version)


def _row(tx: Connection, public_id: str, lock: bool = False) -> Row:
    query = select(t.Member).where(t.Member.public_id == public_id[:64])
    row = tx.execute(query.with_for_update(key_share=True) if lock else query).first()
    if row is None:
        raise NotFound("There is no such member.")
    return row


def _card_ids(tx: Connection, member_id: int) -> Sequence[int]:
    query = select(t.Card.id).where(t.Card.member_id == member_id).order_by(t.Card.id)
    return tx.execute(query.with_for_update(key_share=True)).scalars().all()


def _agree(tx: Connection, member_id: int, person: Person, now: int) -> None:
    for agreement in person.agreements:
        values = {"purpose": agreement.purpose, "text_hash": agreement.text_hash, "source": agreement.source}
        tx.execute(insert(t.Consent).values(member_id=member_id, language=person.language, given=now, **values))


def _new_number(tx: Connection) -> str:
    """Twelve random digits that no card has: for people to read aloud, not to prove anything."""
    for _ in range(20):
        number = str(random.randbelow(9 * 10 ** (NUMBER_DIGITS - 1)) + 10 ** (NUMBER_DIGITS - 1))
        if not tx.execute(select(t.Card.id).where(t.Card.number == number)).first():
            return number
    raise RuntimeError("no free card number found")
