"""The tables: what the service remembers.

Rows say facts; what follows from them (a drawing, a balance's meaning, a rule's outcome) is
computed elsewhere. Instants are whole unix seconds, amounts are integers. Contact data is held
encrypted (`*_sealed`) with a keyed hash for exact look-up (`*_hash`).
"""

from __future__ import annotations

from typing import Any, ClassVar, cast

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# SQLite numbers rows by itself only in a column of the exact type INTEGER.
Id = BigInteger().with_variant(Integer(), "sqlite")


# A condition that a partial index serves must be written as in the index, without a parameter.
NOT_ACTIVE = "status <> 'active'"


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {int: BigInteger, dict[str, Any]: JSON, list[Any]: JSON}


def table(row: type[Base]) -> Table:
    """The plain table of a row class, for statements that are built once and run often."""
    return cast(Table, row.__table__)


class Programme(Base):
    """One promise to members: `definition` as `programmes` checked it.

    `version` is a new random word whenever anything that shows on every card changes (definition,
    look, contact, offers), so what was built from one version may be kept.
    """

    __tablename__ = "programme"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    key: Mapped[str] = mapped_column(String(40), unique=True)
    kind: Mapped[str] = mapped_column(String(20))
    look: Mapped[str] = mapped_column(String(40))
    look_digest: Mapped[str] = mapped_column(String(64))
    contact: Mapped[dict[str, Any]]
    definition: Mapped[dict[str, Any]]
    # The rule set that is in force.
    ruleset: Mapped[int] = mapped_column(default=1)
    version: Mapped[str] = mapped_column(String(32))
    created: Mapped[int]


class Chain(Base):
    """The head of a programme's ledger: last sequence number and its hash."""

    __tablename__ = "chain"

    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(default=0)
    head: Mapped[bytes] = mapped_column(LargeBinary(32), default=bytes(32))


class Member(Base):
    __tablename__ = "member"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True)
    name: Mapped[str] = mapped_column(String(200), default="")
    # Lower case, for look-up by the beginning of a name.
    # Compared by code point on every database, whatever language its server speaks.
    name_key: Mapped[str] = mapped_column(
        String(200).with_variant(String(200, collation="C"), "postgresql"), default="", index=True
    )
    email_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    email_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32), index=True)
    phone_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    phone_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32), index=True)
    key_id: Mapped[str] = mapped_column(String(20))
    external_id: Mapped[str | None] = mapped_column(String(80), unique=True)
    language: Mapped[str] = mapped_column(String(5))
    # 1 to 12; no day and no year, which nobody needs.
    birth_month: Mapped[int | None] = mapped_column(SmallInteger)
    created: Mapped[int]
    erased: Mapped[int | None]


class Consent(Base):
    """What a member agreed to, in which words, when; withdrawing adds a time, never deletes."""

    __tablename__ = "consent"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    purpose: Mapped[str] = mapped_column(String(40))
    text_hash: Mapped[str] = mapped_column(String(64))
    language: Mapped[str] = mapped_column(String(5))
    source: Mapped[str] = mapped_column(String(40))
    given: Mapped[int]
    withdrawn: Mapped[int | None]


class Card(Base):
    """A member's card in one programme, its newest drawing (`face`) and what secrets derive from."""

    __tablename__ = "card"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    serial: Mapped[str] = mapped_column(String(40), unique=True)
    number: Mapped[str] = mapped_column(String(20), unique=True)
    code_id: Mapped[bytes] = mapped_column(LargeBinary(10), unique=True)
    code: Mapped[str] = mapped_column(String(64))
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    status: Mapped[str] = mapped_column(String(10), default="active")
    tier: Mapped[str | None] = mapped_column(String(40))
    nonce: Mapped[bytes] = mapped_column(LargeBinary(16))
    key_id: Mapped[str] = mapped_column(String(20))
    link_version: Mapped[int] = mapped_column(default=1)
    # When something was last earned, spent or given; what idleness is counted from. None: since it was made.
    active: Mapped[int | None]
    tier_since: Mapped[int | None]
    # The turn at which the tier is lost if nothing more is counted.
    tier_until: Mapped[int | None]
    # The newest posting as the card tells it: kind, signed amount, when.
    latest: Mapped[dict[str, Any] | None]
    revision: Mapped[int] = mapped_column(default=0)
    modified: Mapped[int] = mapped_column(default=0)
    digest: Mapped[str] = mapped_column(String(32), default="")
    face: Mapped[str] = mapped_column(Text, default="")
    # When the drawing changes by itself; a posting sets it to "now" until the card is drawn again.
    next_change: Mapped[int | None]
    fetched: Mapped[int] = mapped_column(default=0)
    # The newest half minute of which a rotating code was accepted; and what was spent without one, on which day.
    last_step: Mapped[int] = mapped_column(default=0, server_default="0")
    unproven: Mapped[int] = mapped_column(default=0, server_default="0")
    unproven_day: Mapped[int] = mapped_column(default=0, server_default="0")
    created: Mapped[int]

    __table_args__ = (
        Index("ix_card_next_change", "next_change", postgresql_where=text("next_change IS NOT NULL")),
        Index("ix_card_not_active", "id", sqlite_where=text(NOT_ACTIVE), postgresql_where=text(NOT_ACTIVE)),
        Index("ix_card_programme_id_tier_id", "programme_id", "tier", "id"),
    )


class Purse(Base):
    """What a card holds of one unit ("" is its programme's main one), and all that it ever earned of it."""

    __tablename__ = "purse"

    card_id: Mapped[int] = mapped_column(ForeignKey("card.id"), primary_key=True, autoincrement=False)
    unit: Mapped[str] = mapped_column(String(20), primary_key=True, default="")
    balance: Mapped[int] = mapped_column(default=0)
    earned: Mapped[int] = mapped_column(default=0)

    __table_args__ = (CheckConstraint("balance >= 0", name="balance_not_negative"),)


class Tally(Base):
    """A counter of one card (0: of the whole programme) in one period ("" is ever): caps, goals, counts of tiers."""

    __tablename__ = "tally"

    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), primary_key=True, autoincrement=False)
    card_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    period: Mapped[str] = mapped_column(String(10), primary_key=True)
    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    amount: Mapped[int] = mapped_column(default=0)


class Ruleset(Base):
    """A programme's definition as it is in force from `effective` on, until the next; never changed."""

    __tablename__ = "ruleset"

    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    effective: Mapped[int]
    definition: Mapped[dict[str, Any]]
    created: Mapped[int]


class Offer(Base):
    """What marketers say, to whom, from when to when. `key` names it to the outside."""

    __tablename__ = "offer"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    key: Mapped[str] = mapped_column(String(32), unique=True)
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), index=True)
    title: Mapped[dict[str, Any]]
    body: Mapped[dict[str, Any]]
    tier: Mapped[str | None] = mapped_column(String(40))
    announce: Mapped[bool] = mapped_column(default=False)
    starts: Mapped[int]
    ends: Mapped[int | None]
    created: Mapped[int]


class Touch(Base):
    """Work that is due: draw again every card of a programme (or of one tier), from `after` on."""

    __tablename__ = "touch"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    tier: Mapped[str | None] = mapped_column(String(40))
    after: Mapped[int] = mapped_column(default=0)
    created: Mapped[int]


class Installation(Base):
    """One place where a card lives. Stale while `pushed` is below `wanted`; `due` is set exactly then."""

    __tablename__ = "installation"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    card_id: Mapped[int] = mapped_column(ForeignKey("card.id"))
    wallet: Mapped[str] = mapped_column(String(20))
    place: Mapped[str] = mapped_column(String(200))
    address: Mapped[str] = mapped_column(String(600))
    registered: Mapped[int]
    wanted: Mapped[int] = mapped_column(default=0)
    pushed: Mapped[int] = mapped_column(default=0)
    bulk: Mapped[bool] = mapped_column(default=False)
    due: Mapped[int | None]
    lease: Mapped[str | None] = mapped_column(String(32))
    attempts: Mapped[int] = mapped_column(default=0)
    why: Mapped[str | None] = mapped_column(String(300))
    set_aside: Mapped[bool] = mapped_column(default=False)
    # Milliseconds, for the lag from change to push a person can see.
    changed_ms: Mapped[int | None]
    pushed_ms: Mapped[int | None]

    __table_args__ = (
        UniqueConstraint("card_id", "wallet", "place"),
        Index("ix_installation_place", "wallet", "place"),
        Index(
            "ix_installation_due",
            "bulk",
            "due",
            sqlite_where=text("due IS NOT NULL"),
            postgresql_where=text("due IS NOT NULL"),
        ),
    )


class Receipt(Base):
    """One purchase or action and everything it caused. `answer` is what the till was told."""

    __tablename__ = "receipt"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    card_id: Mapped[int] = mapped_column(ForeignKey("card.id"))
    # The till's own number, kept by programme so that one purchase counts once.
    receipt: Mapped[str] = mapped_column(String(100))
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary(32))
    content: Mapped[dict[str, Any]]
    answer: Mapped[dict[str, Any]]
    staff: Mapped[str] = mapped_column(String(80), default="")
    # Money, 0 for what is no purchase.
    total: Mapped[int] = mapped_column(default=0)
    # What it was judged by: the rule set and where the card stood.
    context: Mapped[dict[str, Any] | None]
    # What it changed beside the ledger and still holds; taken back in reverse order.
    effects: Mapped[list[Any] | None]
    reversed_by: Mapped[int | None] = mapped_column(ForeignKey("receipt.id"))
    # Goods may come back in parts, so a receipt may have several of these.
    reverses: Mapped[int | None] = mapped_column(ForeignKey("receipt.id"), index=True)
    created: Mapped[int]

    __table_args__ = (
        UniqueConstraint("programme_id", "receipt"),
        Index("ix_receipt_card_id_id", "card_id", "id"),
    )


class Posting(Base):
    """An amount from one account to another; never changed, never removed, chained by hash."""

    __tablename__ = "posting"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    seq: Mapped[int]
    card_id: Mapped[int] = mapped_column(ForeignKey("card.id"))
    receipt_id: Mapped[int | None] = mapped_column(ForeignKey("receipt.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    source: Mapped[str] = mapped_column(String(60))
    target: Mapped[str] = mapped_column(String(60))
    amount: Mapped[int]
    # The lot that it filled, if it gave something.
    lot_id: Mapped[int | None] = mapped_column(ForeignKey("lot.id"))
    why: Mapped[dict[str, Any]]
    created: Mapped[int]
    previous: Mapped[bytes] = mapped_column(LargeBinary(32))
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))

    __table_args__ = (
        UniqueConstraint("programme_id", "seq"),
        Index("ix_posting_card_id_id", "card_id", "id"),
        CheckConstraint("amount > 0", name="amount_positive"),
    )


class Lot(Base):
    """What ends at one time, and was earned for it; `left` is what is still unspent. Not to be spent until `ripens`."""

    __tablename__ = "lot"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    card_id: Mapped[int] = mapped_column(ForeignKey("card.id"))
    unit: Mapped[str] = mapped_column(String(20), default="")
    amount: Mapped[int]
    left: Mapped[int]
    expires: Mapped[int | None]
    ripens: Mapped[int | None]

    __table_args__ = (
        CheckConstraint('"left" >= 0 AND "left" <= amount', name="left_within_amount"),
        Index(
            "ix_lot_open",
            "card_id",
            "expires",
            sqlite_where=text('"left" > 0'),
            postgresql_where=text('"left" > 0'),
        ),
    )


class LotUse(Base):
    """How much of a lot a posting took; what a reversal gives back to it."""

    __tablename__ = "lot_use"

    posting_id: Mapped[int] = mapped_column(ForeignKey("posting.id"), primary_key=True, autoincrement=False)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"), primary_key=True, autoincrement=False)
    amount: Mapped[int]


class Answer(Base):
    """What was answered under an idempotency key, so that a repeat gets the same."""

    __tablename__ = "answer"

    scope: Mapped[str] = mapped_column(String(60), primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary(32))
    status: Mapped[int]
    body: Mapped[dict[str, Any]]
    created: Mapped[int] = mapped_column(index=True)


class ApiKey(Base):
    """A key for a shop's system; only its hash is kept."""

    __tablename__ = "api_key"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    scopes: Mapped[list[Any]]
    created: Mapped[int]
    revoked: Mapped[int | None]


class DeviceLog(Base):
    """A line a phone reported, shortened and without secrets, with the cause we know for it."""

    __tablename__ = "device_log"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    line: Mapped[str] = mapped_column(String(1000))
    cause: Mapped[str] = mapped_column(String(40))
    created: Mapped[int]


class Staff(Base):
    """Somebody who may log in. `password` is its argon2 hash; none until the person has chosen one."""

    __tablename__ = "staff"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    key: Mapped[str] = mapped_column(String(16), unique=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    role: Mapped[str] = mapped_column(String(20))
    password: Mapped[str | None] = mapped_column(String(200))
    invitation: Mapped[bytes | None] = mapped_column(LargeBinary(32), unique=True)
    invited_until: Mapped[int | None]
    created: Mapped[int]
    ended: Mapped[int | None]
    # What colleagues call them at the till.
    name: Mapped[str] = mapped_column(String(60), default="", server_default="")
    # A keyed hash: four digits are guessed back from any other.
    pin: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    # The second factor's secret, sealed, and the latest of its half minutes that was used.
    totp: Mapped[bytes | None] = mapped_column(LargeBinary)
    totp_used: Mapped[int] = mapped_column(default=0, server_default="0")
    recovery: Mapped[list[Any] | None]
    trained: Mapped[int | None]


class Passkey(Base):
    """A key that a person's phone or computer holds, by which they log in without a password."""

    __tablename__ = "passkey"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    credential: Mapped[bytes] = mapped_column(LargeBinary(1023), unique=True)
    public: Mapped[bytes] = mapped_column(LargeBinary)
    # How often it signed, as it says itself; a copy of the key would be behind.
    signed: Mapped[int]
    name: Mapped[str] = mapped_column(String(60))
    created: Mapped[int]
    used: Mapped[int | None]


class StaffCard(Base):
    """Whose own card a card is: it earns nothing at this person's till."""

    __tablename__ = "staff_card"

    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True, autoincrement=False)
    card_id: Mapped[int] = mapped_column(ForeignKey("card.id"), index=True)


class StaffSession(Base):
    """One login at one till or desk; only the hash of its token is kept. Gone: logged out.

    `till` is an enrolled till's key, else a word of this login's own. A login by PIN belongs to its shift.
    """

    __tablename__ = "staff_session"

    hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    till: Mapped[str] = mapped_column(String(16))
    shift_id: Mapped[int | None]
    created: Mapped[int] = mapped_column(index=True)


class Till(Base):
    """A scanning device at a location. `hash` is of the key it holds; none until it was enrolled."""

    __tablename__ = "till"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    key: Mapped[str] = mapped_column(String(16), unique=True)
    name: Mapped[str] = mapped_column(String(60))
    location: Mapped[str] = mapped_column(String(80))
    invitation: Mapped[bytes | None] = mapped_column(LargeBinary(32), unique=True)
    invited_until: Mapped[int | None]
    hash: Mapped[bytes | None] = mapped_column(LargeBinary(32), unique=True)
    created: Mapped[int]
    enrolled: Mapped[int | None]
    seen: Mapped[int | None]
    revoked: Mapped[int | None]


class Shift(Base):
    """A person's time at a till; a till has one open shift at most."""

    __tablename__ = "shift"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    till_id: Mapped[int] = mapped_column(ForeignKey("till.id"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    started: Mapped[int]
    ended: Mapped[int | None]

    __table_args__ = (
        Index("ix_shift_till_id_started", "till_id", "started"),
        Index(
            "ix_shift_open",
            "till_id",
            unique=True,
            sqlite_where=text("ended IS NULL"),
            postgresql_where=text("ended IS NULL"),
        ),
    )


class Action(Base):
    """Something a person did at a till, or tried to; never changed, never removed. No personal data.

    `outcome` is "done" or the code of the refusal; `amount` is what counts towards a cap; `at` is the till's
    time and `noted` ours.
    """

    __tablename__ = "action"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    till: Mapped[str] = mapped_column(String(16))
    shift_id: Mapped[int | None] = mapped_column(ForeignKey("shift.id"))
    location: Mapped[str] = mapped_column(String(80))
    card_id: Mapped[int | None] = mapped_column(ForeignKey("card.id"))
    what: Mapped[str] = mapped_column(String(20))
    outcome: Mapped[str] = mapped_column(String(40))
    amount: Mapped[int] = mapped_column(default=0)
    receipt_id: Mapped[int | None] = mapped_column(ForeignKey("receipt.id"), index=True)
    at: Mapped[int] = mapped_column(index=True)
    noted: Mapped[int]

    __table_args__ = (
        Index("ix_action_staff_id_what_at", "staff_id", "what", "at"),
        Index("ix_action_till_what_at", "till", "what", "at"),
        Index("ix_action_card_id_what_at", "card_id", "what", "at"),
        Index("ix_action_shift_id", "shift_id"),
    )


class Queued(Base):
    """An action that a till made while it had no connection, and what became of it; each counts once."""

    __tablename__ = "queued"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    till_id: Mapped[int] = mapped_column(ForeignKey("till.id"))
    seq: Mapped[int]
    name: Mapped[str] = mapped_column(String(36), unique=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary(32))
    kind: Mapped[str] = mapped_column(String(10))
    card_id: Mapped[int | None] = mapped_column(ForeignKey("card.id"))
    outcome: Mapped[str] = mapped_column(String(10))
    why: Mapped[str] = mapped_column(String(40), default="")
    amount: Mapped[int] = mapped_column(default=0)
    balance: Mapped[int | None]
    at: Mapped[int]
    created: Mapped[int]

    __table_args__ = (
        UniqueConstraint("till_id", "seq"),
        Index("ix_queued_card_id_till_id", "card_id", "till_id"),
    )


class Conflict(Base):
    """An offline action that could not be counted as it was made, for a manager to settle. `content`: what it was."""

    __tablename__ = "conflict"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    till_id: Mapped[int] = mapped_column(ForeignKey("till.id"))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    card_id: Mapped[int | None] = mapped_column(ForeignKey("card.id"))
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary(32))
    why: Mapped[str] = mapped_column(String(40))
    content: Mapped[dict[str, Any]]
    at: Mapped[int]
    created: Mapped[int]
    resolved: Mapped[int | None] = mapped_column(index=True)
    resolved_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    note: Mapped[str] = mapped_column(String(300), default="")

    __table_args__ = (UniqueConstraint("till_id", "fingerprint"),)


class Tries(Base):
    """How often a login failed in a row, for one account or one network address (as a keyed hash)."""

    __tablename__ = "tries"

    who: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    failures: Mapped[int]
    latest: Mapped[int] = mapped_column(index=True)


class Coupon(Base):
    """A coupon of one of the programme's kinds. Without a card it is a bearer's, until somebody claims it.

    `state` is issued, redeemed, expired or void, since `changed`; `receipt` is where it was redeemed.
    """

    __tablename__ = "coupon"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), index=True)
    card_id: Mapped[int | None] = mapped_column(ForeignKey("card.id"))
    kind: Mapped[str] = mapped_column(String(40))
    code: Mapped[str] = mapped_column(String(16), unique=True)
    state: Mapped[str] = mapped_column(String(10), default="issued")
    starts: Mapped[int]
    ends: Mapped[int | None]
    receipt: Mapped[str | None] = mapped_column(String(100))
    changed: Mapped[int]
    created: Mapped[int]

    __table_args__ = (
        Index("ix_coupon_card_id_kind", "card_id", "kind"),
        Index(
            "ix_coupon_ends",
            "ends",
            sqlite_where=text("state = 'issued' AND ends IS NOT NULL"),
            postgresql_where=text("state = 'issued' AND ends IS NOT NULL"),
        ),
    )


class CardPin(Base):
    """What spends from a card that has one; kept as a keyed hash."""

    __tablename__ = "card_pin"

    card_id: Mapped[int] = mapped_column(ForeignKey("card.id"), primary_key=True, autoincrement=False)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    changed: Mapped[int]


class Membership(Base):
    """Until when a card's membership is paid; `day` is the day of the month it renews on."""

    __tablename__ = "membership"

    card_id: Mapped[int] = mapped_column(ForeignKey("card.id"), primary_key=True, autoincrement=False)
    paid_until: Mapped[int]
    day: Mapped[int]
    changed: Mapped[int]


class FriendCode(Base):
    """What a member's personal link to the join page carries."""

    __tablename__ = "friend_code"

    card_id: Mapped[int] = mapped_column(ForeignKey("card.id"), primary_key=True, autoincrement=False)
    code: Mapped[str] = mapped_column(String(16), unique=True)


class Referral(Base):
    """A friend who joined by a member's link. `due` is set while the worker has something to give or to take.

    `state` is joined, earned, paid, returned or refused (`why` says for what); `turn` counts how often it was paid.
    """

    __tablename__ = "referral"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    referrer_id: Mapped[int] = mapped_column(ForeignKey("card.id"), index=True)
    friend_id: Mapped[int] = mapped_column(ForeignKey("card.id"), unique=True)
    state: Mapped[str] = mapped_column(String(10))
    why: Mapped[str | None] = mapped_column(String(40))
    turn: Mapped[int] = mapped_column(default=0)
    due: Mapped[int | None]
    created: Mapped[int]

    __table_args__ = (
        Index("ix_referral_due", "due", sqlite_where=text("due IS NOT NULL"), postgresql_where=text("due IS NOT NULL")),
    )


class Nickname(Base):
    """The name by which a member chose to be seen by others; `name_key` is how alike names are told."""

    __tablename__ = "nickname"

    card_id: Mapped[int] = mapped_column(ForeignKey("card.id"), primary_key=True, autoincrement=False)
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    name: Mapped[str] = mapped_column(String(24))
    name_key: Mapped[str] = mapped_column(String(72))
    created: Mapped[int]

    __table_args__ = (UniqueConstraint("programme_id", "name_key"),)


class GoogleClass(Base):
    """What all cards of a programme (or of a tier) share at Google. `sent`: hash of the state it has; none: unsure."""

    __tablename__ = "google_class"

    id: Mapped[str] = mapped_column(String(120), primary_key=True)
    programme: Mapped[str] = mapped_column(String(40))
    is_there: Mapped[bool] = mapped_column(default=False)
    sent: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    # The asking who holds cards: where the last one stopped, and when the next one begins.
    page: Mapped[str | None] = mapped_column(String(500))
    ask_at: Mapped[int] = mapped_column(index=True)


class GoogleObject(Base):
    """A card at Google, where nothing can be deleted. `tier` and `news_at` are what its holder was last told."""

    __tablename__ = "google_object"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    card_id: Mapped[int] = mapped_column(ForeignKey("card.id"), unique=True)
    is_there: Mapped[bool] = mapped_column(default=False)
    # A state was sent of which no answer was heard: it is there more likely than not.
    is_tried: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    sent: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    is_blank: Mapped[bool] = mapped_column(default=False)
    tier: Mapped[str | None] = mapped_column(String(40))
    news_at: Mapped[int] = mapped_column(default=0)
    # Of the latest callback that counted; Google does not deliver them in order.
    event_ms: Mapped[int] = mapped_column(default=0)
    saved: Mapped[int | None]
    removed: Mapped[int | None]
    created: Mapped[int]


class GoogleNotice(Base):
    """A notice that a pass, or all passes of a class, may have shown; Google allows few a day."""

    __tablename__ = "google_notice"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    pass_id: Mapped[str] = mapped_column(String(120))
    at: Mapped[int] = mapped_column(index=True)

    __table_args__ = (Index("ix_google_notice_pass_id_at", "pass_id", "at"),)


class GoogleAnnouncement(Base):
    """An offer told to all holders of a class; `done` is none while somebody is at it."""

    __tablename__ = "google_announcement"

    class_id: Mapped[str] = mapped_column(String(120), primary_key=True)
    offer: Mapped[str] = mapped_column(String(32), primary_key=True)
    begun: Mapped[int]
    done: Mapped[int | None]


class GoogleNonce(Base):
    """A callback that was taken, so that its repetition has no effect."""

    __tablename__ = "google_nonce"

    nonce: Mapped[str] = mapped_column(String(200), primary_key=True)
    at: Mapped[int] = mapped_column(index=True)


class GooglePace(Base):
    """One row: until when (microseconds) requests are handed out already, so that all processes keep one pace."""

    __tablename__ = "google_pace"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    taken_until: Mapped[int]
