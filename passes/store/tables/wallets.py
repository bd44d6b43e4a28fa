"""What one wallet alone remembers of its vendor."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Id


class DeviceLog(Base):
    """A line a phone reported, shortened and without secrets, with the cause we know for it."""

    __tablename__ = "device_log"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    line: Mapped[str] = mapped_column(String(1000))
    cause: Mapped[str] = mapped_column(String(40))
    created: Mapped[int]


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
