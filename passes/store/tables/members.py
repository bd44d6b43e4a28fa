"""Who joined, what they agreed to, whom they brought and how others see them."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, LargeBinary, SmallInteger, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Id


class Member(Base):
    __tablename__ = "member"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True)
    name: Mapped[str] = mapped_column(String(200), default="")
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


class NameWord(Base):
    """A word of a member's name, by whose beginning they are found (see `names`)."""

    __tablename__ = "name_word"

    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True, autoincrement=False)
    # Compared by code point on every database, whatever language its server speaks.
    word: Mapped[str] = mapped_column(
        String(200).with_variant(String(200, collation="C"), "postgresql"), primary_key=True
    )

    __table_args__ = (Index("ix_name_word_word_member_id", "word", "member_id"),)


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


class Nickname(Base):
    """The name by which a member chose to be seen by others; `name_key` is how alike names are told."""

    __tablename__ = "nickname"

    card_id: Mapped[int] = mapped_column(ForeignKey("card.id"), primary_key=True, autoincrement=False)
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    name: Mapped[str] = mapped_column(String(24))
    name_key: Mapped[str] = mapped_column(String(72))
    created: Mapped[int]

    __table_args__ = (UniqueConstraint("programme_id", "name_key"),)


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
