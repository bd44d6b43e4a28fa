"""Shops' systems: the keys they hold and what they were answered."""

from __future__ import annotations

from typing import Any

from sqlalchemy import LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Id


class ApiKey(Base):
    """A key for a shop's system; only its hash is kept."""

    __tablename__ = "api_key"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    scopes: Mapped[list[Any]]
    created: Mapped[int]
    revoked: Mapped[int | None]


class Answer(Base):
    """What was answered under an idempotency key, so that a repeat gets the same."""

    __tablename__ = "answer"

    scope: Mapped[str] = mapped_column(String(60), primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary(32))
    status: Mapped[int]
    body: Mapped[dict[str, Any]]
    created: Mapped[int] = mapped_column(index=True)
