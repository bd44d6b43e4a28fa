"""What moved points, what is left of them, and what is counted beside them.

Receipts and postings are only added to; a receipt's row learns by what it was reversed and what of it still stands.
Purses, lots and tallies follow from them and are checked against them (see `points.audit`).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint, and_, text
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Id


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


BOUGHT = and_(Receipt.total > 0, Receipt.reverses.is_(None), Receipt.reversed_by.is_(None))
"""A purchase that still stands, wholly or in part; `total` is that of the whole."""


class Claim(Base):
    """A purchase without a card, until `ends` for whoever brings its code, of which only the hash is kept.

    `content` is what was bought. Who made it at which till is in `staff`, and in rows where a person did.
    """

    __tablename__ = "claim"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    receipt: Mapped[str] = mapped_column(String(100))
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary(32))
    content: Mapped[dict[str, Any]]
    # The code follows from these and the service's key of that name.
    nonce: Mapped[bytes] = mapped_column(LargeBinary(16))
    key_id: Mapped[str] = mapped_column(String(20))
    hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    staff: Mapped[str] = mapped_column(String(80), default="")
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    shift_id: Mapped[int | None] = mapped_column(ForeignKey("shift.id"), index=True)
    created: Mapped[int]
    ends: Mapped[int] = mapped_column(index=True)
    card_id: Mapped[int | None] = mapped_column(ForeignKey("card.id"))
    claimed: Mapped[int | None]
    voided: Mapped[int | None]
    # The reason of whoever took it back later.
    why: Mapped[str] = mapped_column(String(200), default="", server_default="")

    __table_args__ = (UniqueConstraint("programme_id", "receipt"),)


class Chain(Base):
    """The head of a programme's ledger: last sequence number and its hash."""

    __tablename__ = "chain"

    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"), primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(default=0)
    head: Mapped[bytes] = mapped_column(LargeBinary(32), default=bytes(32))


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
