"""Who may log in, by what, and who tried."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Id


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


class Tries(Base):
    """How often a login failed in a row, for one account or one network address (as a keyed hash)."""

    __tablename__ = "tries"

    who: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    failures: Mapped[int]
    latest: Mapped[int] = mapped_column(index=True)
