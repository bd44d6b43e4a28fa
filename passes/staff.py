"""Staff: the people who may log in, what each of them may do, and where they are logged in.

A role is one of cashier, manager and owner. Passwords are kept as argon2id hashes, invitations and
session tokens as SHA-256: a copy of the database lets nobody in. Every login has a token of its own, so one
till can be logged out without the others; a new password logs out all of them.
"""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import Select, bindparam, case, delete, exists, insert, or_, select, update
from sqlalchemy.orm import aliased

from . import contacts
from .errors import BadInput, Conflict, NotFound
from .store import Connection, Row, Store
from .store import tables as t
from .text import one_line

if TYPE_CHECKING:
    from argon2 import PasswordHasher

ROLES = ("cashier", "manager", "owner")
LEAST_PASSWORD = 12
MOST_PASSWORD = 128
MOST_NAME = 60
SESSION_SECONDS = 12 * 3600
INVITATION_SECONDS = 3 * 86_400
LONGEST_SHIFT_SECONDS = 16 * 3600
# What guessing begins with; longer passwords that hold one of these are no better.
_WELL_KNOWN = ("123456789", "abcdefgh", "password", "passw0rd", "qwerty", "qwertz", "йцукен", "letmein", "iloveyou")


@dataclass(frozen=True)
class Person:
    """Somebody who may log in. `key` names them on receipts, without saying who it is."""

    id: int
    key: str
    email: str
    role: str
    name: str = ""

    @property
    def called(self) -> str:
        """As colleagues know them."""
        return self.name or self.email.partition("@")[0]


@dataclass(frozen=True)
class Presence:
    """A person at one till: the login that a request came with.

    `till` is the key of an enrolled till, whose row and location then are there too, else a word of this
    login's own. `shift_id` is the person's open shift at it.
    """

    person: Person
    till: str
    till_id: int | None = None
    location: str = ""
    shift_id: int | None = None
    by_pin: bool = False
    has_factor: bool = False

    @property
    def stamp(self) -> str:
        """What is written on receipts made here."""
        return f"{self.person.key}@{self.till}"


@dataclass(frozen=True)
class Account:
    """What a login is checked against; somebody unknown has no person and no password."""

    person: Person | None
    password: str | None


def add(tx: Connection, email: str, role: str, now: int, password_hash: str | None = None) -> Person:
    """A new person; without a password they need an invitation (see `invite`)."""
    address = contacts.email(email)
    if _row(tx, address) is not None:
        raise Conflict("Somebody with this e-mail address is there already.", field="email")
    key = secrets.token_hex(6)
    values = {"key": key, "email": address, "role": _known(role), "password": password_hash, "created": now}
    id = tx.execute(insert(t.Staff).values(values).returning(t.Staff.id)).scalar_one()
    return Person(id, key, address, role)


def find(tx: Connection, email: str) -> Person:
    row = _row(tx, email.strip().lower())
    if row is None or row.ended is not None:
        raise NotFound("Nobody with this e-mail address may log in.", field="email")
    return _person(row)


def by_key(tx: Connection, key: str) -> Person | None:
    row = tx.execute(select(t.Staff).where(t.Staff.key == key[:16], t.Staff.ended.is_(None))).first()
    return _person(row) if row else None


def account(tx: Connection, email: str) -> Account:
    """What to check a password against; for somebody unknown, `verify` takes as long and says no."""
    row = _row(tx, email.strip().lower())
    if row is None or row.ended is not None:
        return Account(None, None)
    return Account(_person(row), row.password)


def all(tx: Connection) -> Sequence[Person]:
    rows = tx.execute(select(t.Staff).where(t.Staff.ended.is_(None)).order_by(t.Staff.email)).all()
    return [_person(row) for row in rows]


def colleagues(tx: Connection) -> Sequence[Row]:
    """Whoever works here, with the number of the card that is their own."""
    query = (
        select(t.Staff, t.Card.number)
        .outerjoin(t.StaffCard, t.StaffCard.staff_id == t.Staff.id)
        .outerjoin(t.Card, t.Card.id == t.StaffCard.card_id)
    )
    return tx.execute(query.where(t.Staff.ended.is_(None)).order_by(t.Staff.email)).all()


def link_card(tx: Connection, key: str, card_id: int | None) -> None:
    """This card, or none, is the person's own."""
    id = tx.execute(select(t.Staff.id).where(t.Staff.key == key[:16], t.Staff.ended.is_(None))).scalar()
    if id is None:
        raise NotFound("There is nobody of that name here.", field="person")
    tx.execute(delete(t.StaffCard).where(t.StaffCard.staff_id == id))
    if card_id is not None:
        tx.execute(insert(t.StaffCard).values(staff_id=id, card_id=card_id))


def own_cards() -> Select[int, int]:
    """By row numbers, who works here with every card of theirs: one is linked, and all of that member are meant."""
    linked, every = aliased(t.Card), aliased(t.Card)
    cards = select(t.StaffCard.staff_id, every.id.label("card_id")).join(linked, linked.id == t.StaffCard.card_id)
    return cards.join(every, every.member_id == linked.member_id)


def rename(tx: Connection, person: Person, name: str) -> None:
    """What colleagues call them; empty: the beginning of their e-mail address."""
    called = one_line(name)
    if len(called) > MOST_NAME:
        raise BadInput(f"A name has at most {MOST_NAME} letters.", field="name")
    tx.execute(update(t.Staff).where(t.Staff.id == person.id).values(name=called))


def trained(tx: Connection, person: Person, now: int) -> None:
    """They finished the training at the till."""
    tx.execute(update(t.Staff).where(t.Staff.id == person.id).values(trained=now))


def set_password(tx: Connection, person: Person, password_hash: str) -> None:
    values = {"password": password_hash, "invitation": None, "invited_until": None}
    tx.execute(update(t.Staff).where(t.Staff.id == person.id).values(values))
    log_out_everywhere(tx, person)


def remove(tx: Connection, person: Person, now: int) -> None:
    """The person may not log in any more; what they did stays under their key."""
    values = {"ended": now, "password": None, "invitation": None}
    tx.execute(update(t.Staff).where(t.Staff.id == person.id).values(values))
    log_out_everywhere(tx, person)


def hash_password(password: str, email: str) -> str:
    """The hash to keep, or a `BadInput` when the password would be guessed. Slow: not inside a transaction."""
    low = password.casefold()
    if not LEAST_PASSWORD <= len(password) <= MOST_PASSWORD:
        raise BadInput(f"A password has {LEAST_PASSWORD} to {MOST_PASSWORD} characters.", field="password")
    if len(set(low)) < 5 or any(known in low for known in (*_WELL_KNOWN, email.partition("@")[0].casefold())):
        raise BadInput("This password is easy to guess; a few unrelated words are better.", field="password")
    return _hasher().hash(_one_spelling(password))


def verify(account: Account, password: str) -> bool:
    """Takes as long for somebody unknown. Slow: not inside a transaction."""
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        right = _hasher().verify(account.password or _nobodys(), _one_spelling(password[:MOST_PASSWORD]))
    except (VerificationError, InvalidHashError):
        return False
    return right and account.password is not None


def invite(tx: Connection, person: Person, now: int) -> str:
    """A token to choose a password with, once; an earlier one stops working."""
    token = secrets.token_urlsafe(24)
    values = {"invitation": _hash(token), "invited_until": now + INVITATION_SECONDS}
    tx.execute(update(t.Staff).where(t.Staff.id == person.id).values(values))
    return token


def invited(tx: Connection, token: str, now: int, lock: bool = False) -> Person:
    """Whom this link is for; `lock` keeps it from being used at the same moment."""
    which = (t.Staff.invitation == _hash(token), t.Staff.invited_until > now, t.Staff.ended.is_(None))
    query = select(t.Staff).where(*which)
    row = tx.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise NotFound("This link was used or is too old; ask for a new one.", field="invitation")
    return _person(row)


def log_in(tx: Connection, person: Person, now: int, till: str = "", shift_id: int | None = None) -> str:
    """A new session's token; at the enrolled `till`. One that belongs to a shift may do what a cashier may."""
    tx.execute(delete(t.StaffSession).where(t.StaffSession.created <= now - SESSION_SECONDS))
    token = secrets.token_urlsafe(24)
    values = {"hash": _hash(token), "staff_id": person.id, "till": till or secrets.token_hex(6), "created": now}
    tx.execute(insert(t.StaffSession).values(values | {"shift_id": shift_id}))
    return token


def present(store: Store, token: str, now: int) -> Presence | None:
    """Whoever is logged in with this token; every page behind the login asks."""
    rows = store.glance(_PRESENT, b_hash=_hash(token), b_since=now - SESSION_SECONDS)
    if not rows:
        return None
    row = rows[0]
    runs = row.open_shift is not None and now < row.started + LONGEST_SHIFT_SECONDS
    shift_id = row.open_shift if runs else None
    if row.by_pin is not None and row.by_pin != shift_id:
        return None
    # Four digits open the till, not the console.
    person = _person(row) if row.by_pin is None else replace(_person(row), role="cashier")
    return Presence(
        person, row.till, row.till_id, row.location or "", shift_id, row.by_pin is not None, bool(row.has_factor)
    )


def sessions(tx: Connection, person: Person, now: int) -> Sequence[Row]:
    """Where the person is logged in: when since, and the till's name if it has one."""
    query = select(t.StaffSession.hash, t.StaffSession.created, t.Till.name, t.Till.location)
    query = query.outerjoin(t.Till, t.Till.key == t.StaffSession.till)
    live = (t.StaffSession.staff_id == person.id, t.StaffSession.created > now - SESSION_SECONDS)
    return tx.execute(query.where(*live).order_by(t.StaffSession.created.desc())).all()


def end_session(tx: Connection, person: Person, hash: bytes) -> None:
    """One of the person's own logins."""
    which = (t.StaffSession.hash == hash, t.StaffSession.staff_id == person.id)
    tx.execute(delete(t.StaffSession).where(*which))


def session_hash(token: str) -> bytes:
    """What `sessions` calls the login with this token."""
    return _hash(token)


def needs_factor(rule: str, who: Presence) -> bool:
    """Whether the shop wants this person to set up a second factor first; a PIN counts at its till alone."""
    wanted = rule == "everyone" or (rule == "managers" and who.person.role != "cashier")
    return wanted and not who.has_factor and not who.by_pin


def log_out(tx: Connection, token: str) -> None:
    tx.execute(delete(t.StaffSession).where(t.StaffSession.hash == _hash(token)))


def log_out_everywhere(tx: Connection, person: Person) -> None:
    tx.execute(delete(t.StaffSession).where(t.StaffSession.staff_id == person.id))


def _row(tx: Connection, email: str) -> Row | None:
    return tx.execute(select(t.Staff).where(t.Staff.email == email[:254])).first()


def _person(row: Row) -> Person:
    return Person(row.id, row.key, row.email, row.role, row.name)


def _known(role: str) -> str:
    if role not in ROLES:
        raise BadInput(f"A role is one of {', '.join(ROLES)}.", field="role")
    return role


def _one_spelling(password: str) -> str:
    """Keyboards differ in how they compose ó or й."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "replace").decode()


def _hash(token: str) -> bytes:
    # A token has 192 random bits: a plain hash cannot be guessed back.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


@cache
def _hasher() -> PasswordHasher:
    # Most processes that know of staff never see a password.
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _nobodys() -> str:
    return _hasher().hash(secrets.token_hex())


_PRESENT = (
    select(
        t.Staff.id,
        t.Staff.key,
        t.Staff.email,
        t.Staff.role,
        t.Staff.name,
        t.StaffSession.till,
        t.StaffSession.shift_id.label("by_pin"),
        t.Till.id.label("till_id"),
        t.Till.location,
        t.Shift.id.label("open_shift"),
        t.Shift.started,
        case((or_(t.Staff.totp.is_not(None), exists().where(t.Passkey.staff_id == t.Staff.id)), 1), else_=0).label(
            "has_factor"
        ),
    )
    .join(t.StaffSession, t.StaffSession.staff_id == t.Staff.id)
    .outerjoin(t.Till, (t.Till.key == t.StaffSession.till) & t.Till.revoked.is_(None))
    .outerjoin(t.Shift, (t.Shift.till_id == t.Till.id) & (t.Shift.staff_id == t.Staff.id) & t.Shift.ended.is_(None))
    .where(
        t.StaffSession.hash == bindparam("b_hash"),
        t.StaffSession.created > bindparam("b_since"),
        t.Staff.ended.is_(None),
    )
)
