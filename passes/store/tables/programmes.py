"""What is promised to members, as marketers wrote it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Id


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
    # Of a hundred it is for, so many never see it.
    control: Mapped[int] = mapped_column(default=0)
    starts: Mapped[int]
    ends: Mapped[int | None]
    created: Mapped[int]


class OfferAudience(Base):
    """Which cards stood in its tier when an offer was published that leaves some out; tiers move, this stays."""

    __tablename__ = "offer_audience"

    offer_id: Mapped[int] = mapped_column(ForeignKey("offer.id"), primary_key=True, autoincrement=False)
    card_id: Mapped[int] = mapped_column(ForeignKey("card.id"), primary_key=True, autoincrement=False)
