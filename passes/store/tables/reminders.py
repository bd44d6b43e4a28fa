"""Whom to remind, and who was reminded."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Id


class Rhythm(Base):
    """When a card's purchases must be looked at again; none while nothing will follow from them."""

    __tablename__ = "rhythm"

    card_id: Mapped[int] = mapped_column(ForeignKey("card.id"), primary_key=True, autoincrement=False)
    due: Mapped[int | None]

    __table_args__ = (
        Index("ix_rhythm_due", "due", sqlite_where=text("due IS NOT NULL"), postgresql_where=text("due IS NOT NULL")),
    )


class Reminder(Base):
    """That a reminder fell due after a purchase, the `anchor`: a coupon's code, or none for comparison."""

    __tablename__ = "reminder"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    card_id: Mapped[int] = mapped_column(ForeignKey("card.id"))
    key: Mapped[str] = mapped_column(String(40))
    anchor_id: Mapped[int] = mapped_column(ForeignKey("receipt.id"))
    is_control: Mapped[bool]
    coupon: Mapped[str | None] = mapped_column(String(16))
    at: Mapped[int]

    __table_args__ = (
        UniqueConstraint("card_id", "key", "anchor_id"),
        Index("ix_reminder_programme_id_key_at", "programme_id", "key", "at"),
    )
