"""Offers: what marketers say, to whom, from when to when.

Publishing and ending are one small write each, however many cards there are: the sweep draws the
cards again afterwards, and at the start and end of the offer their own `next_change` brings it up.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, insert, select, update

from . import controls, programmes
from .card import Text
from .errors import BadInput, Conflict, KeyReused, NotFound
from .programmes import Programme
from .store import Connection, Row
from .store import tables as t
from .text import lines, one_line
from .words import LANGUAGES

MOST_TITLE = 80
MOST_BODY = 1000
MOST_LIVE = 20


@dataclass(frozen=True)
class Draft:
    """An offer to be. `announce` lets phones show its title when it begins.

    `control`: of a hundred it is for, so many are left out by lot (see `controls`). `key`: its name if it has one.
    """

    title: Text
    starts: int
    ends: int | None = None
    body: Text = field(default_factory=dict)
    tier: str | None = None
    announce: bool = False
    control: int = 0
    key: str = ""


def publish(tx: Connection, programme: Programme, draft: Draft, now: int) -> str:
    """The new offer's key."""
    _check(programme, draft, now)
    live = select(t.Offer.id).where(t.Offer.programme_id == programme.id, _not_over(now)).limit(MOST_LIVE)
    if len(tx.execute(live).all()) >= MOST_LIVE:
        raise Conflict(f"A programme has at most {MOST_LIVE} offers at a time; end one first.")
    key = draft.key or secrets.token_hex(8)
    values = {
        "key": key,
        "programme_id": programme.id,
        "title": _clean(draft.title, one_line),
        "body": _clean(draft.body, lines),
        "tier": draft.tier,
        "announce": draft.announce,
        "control": draft.control,
        "starts": draft.starts,
        "ends": draft.ends,
        "created": now,
    }
    if draft.key and tx.execute(select(t.Offer.id).where(t.Offer.key == key)).first():
        raise KeyReused("This offer was published already.")
    id = tx.execute(insert(t.Offer).values(values).returning(t.Offer.id)).scalar_one()
    if draft.control and draft.tier is not None:
        controls.remember(tx, id, programme.id, draft.tier)
    programmes.changed(tx, programme.id, now, draft.tier)
    return key


def end(tx: Connection, key: str, now: int) -> None:
    """Stop an offer now; ending it again changes nothing."""
    row = tx.execute(select(t.Offer).where(t.Offer.key == key).with_for_update()).first()
    if row is None:
        raise NotFound("There is no such offer.")
    if row.ends is None or row.ends > now:
        tx.execute(update(t.Offer).where(t.Offer.id == row.id).values(ends=now))
        programmes.changed(tx, row.programme_id, now, row.tier)


def find(tx: Connection, key: str) -> Row:
    row = tx.execute(_with_programme().where(t.Offer.key == key)).first()
    if row is None:
        raise NotFound("There is no such offer.")
    return row


def all(tx: Connection, programme_id: int | None = None, limit: int = 200, before: int | None = None) -> Sequence[Row]:
    """Offers, newest first; `before` is the id of the row to go on after."""
    query = _with_programme()
    if programme_id is not None:
        query = query.where(t.Offer.programme_id == programme_id)
    if before is not None:
        query = query.where(t.Offer.id < before)
    return tx.execute(query.order_by(t.Offer.id.desc()).limit(limit)).all()


def _with_programme() -> Select[*tuple[Any, ...]]:
    programme = t.Programme.key.label("programme")
    return select(t.Offer, programme).join(t.Programme, t.Programme.id == t.Offer.programme_id)


def _not_over(now: int) -> ColumnElement[bool]:
    return t.Offer.ends.is_(None) | (t.Offer.ends > now)


def _check(programme: Programme, draft: Draft, now: int) -> None:
    _check_text(draft.title, MOST_TITLE, "title")
    _check_text(draft.body, MOST_BODY, "body")
    if not any(words.strip() for words in draft.title.values()):
        raise BadInput("An offer needs a title in at least one language.", field="title")
    if draft.ends is not None and draft.ends <= max(draft.starts, now):
        raise BadInput("An offer ends after it begins, and not in the past.", field="ends")
    if draft.tier is not None and draft.tier not in {tier.key for tier in programme.definition.tiers}:
        raise BadInput(f"This programme has no tier “{draft.tier[:40]}”.", field="tier")
    if not 0 <= draft.control <= controls.MOST_PERCENT:
        raise BadInput(f"At most {controls.MOST_PERCENT} in a hundred can be left out.", field="control")


def _check_text(text: Text, most: int, field_name: str) -> None:
    for language, words in text.items():
        if language not in LANGUAGES:
            raise BadInput(f"Words are in {', '.join(LANGUAGES)}.", field=f"{field_name}.{language[:5]}")
        if len(words) > most:
            raise BadInput(f"At most {most} letters; these are {len(words)}.", field=f"{field_name}.{language}")


def _clean(text: Text, shown: Callable[[str], str]) -> dict[str, str]:
    """The words as people will see them; a language without any is left out."""
    return {language: seen for language, words in text.items() if (seen := shown(words))}
