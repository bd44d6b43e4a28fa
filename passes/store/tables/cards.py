"""A member's card: its newest drawing, the places where it lives, and what it holds beside points.

A card's row is what writers lock (see `cards`); points themselves are the ledger's.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Id

# A condition that a partial index serves must be written as in the index, without a parameter.
NOT_ACTIVE = "status <> 'active'"


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
