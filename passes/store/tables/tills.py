"""Scanning devices, and what people did at them.

Keys and codes are held as hashes alone. The log of actions is only added to and names no member.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Id


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
