"""What we know of our classes and objects at Google: whether they are there, and which state they have.

`sent` is the hash of a state that Google has for certain. It is taken away before another state is sent and set
when Google has confirmed it, so a process that dies in between leaves "unsure" behind, never a wrong certainty.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import and_, or_, select, update

from ...store import Connection, Row, insert_into
from ...store import tables as t

CLASS_ASK_SECONDS = 86_400
ABANDONED_SECONDS = 30 * 86_400


def add_object(tx: Connection, object_id: str, card_id: int, now: int) -> None:
    """Remember an object that is about to be made; one that is known stays as it is."""
    _add(tx, t.GoogleObject, id=object_id, card_id=card_id, created=now, is_there=False, is_blank=False)


def objects(tx: Connection, ids: Iterable[str]) -> dict[str, Row]:
    rows = tx.execute(select(t.GoogleObject).where(t.GoogleObject.id.in_(list(ids))))
    return {row.id: row for row in rows}


def object_(tx: Connection, object_id: str, lock: bool = False) -> Row | None:
    query = select(t.GoogleObject).where(t.GoogleObject.id == object_id)
    return tx.execute(query.with_for_update() if lock else query).first()


def is_told(tx: Connection, object_id: str) -> bool:
    """Whether somebody has the lease of its installation."""
    here = (t.Installation.wallet == "google", t.Installation.place == object_id)
    return tx.execute(select(t.Installation.id).where(*here, t.Installation.lease.is_not(None))).first() is not None


def unsure(tx: Connection, object_id: str) -> None:
    """A state is about to be sent, and until an answer is heard nobody knows whether it arrived."""
    tx.execute(update(t.GoogleObject).where(t.GoogleObject.id == object_id).values(sent=None, is_tried=True))


def not_sent(tx: Connection, object_id: str) -> None:
    """Google said that it did not take the state."""
    tx.execute(update(t.GoogleObject).where(t.GoogleObject.id == object_id).values(is_tried=False))


def sent(tx: Connection, object_id: str, digest: bytes, is_blank: bool, tier: str | None, news_at: int) -> None:
    """Google has this state now."""
    is_there = {"sent": digest, "is_there": True, "is_tried": False, "is_blank": is_blank}
    values = is_there | {"tier": tier, "news_at": news_at}
    tx.execute(update(t.GoogleObject).where(t.GoogleObject.id == object_id).values(values))


def saved(tx: Connection, object_id: str, now: int, event_ms: int | None = None) -> None:
    """A holder has it."""
    values = {"saved": now, "removed": None} | ({} if event_ms is None else {"event_ms": event_ms})
    tx.execute(update(t.GoogleObject).where(t.GoogleObject.id == object_id).values(values))


def removed(tx: Connection, object_id: str, now: int, event_ms: int | None = None) -> None:
    """Nobody has it any more."""
    values = {"removed": now} | ({} if event_ms is None else {"event_ms": event_ms})
    tx.execute(update(t.GoogleObject).where(t.GoogleObject.id == object_id).values(values))


def to_blank(tx: Connection, limit: int) -> Sequence[Row]:
    """Objects of ended cards that still say whose they were, and that nobody is about to tell."""
    told = and_(t.Installation.card_id == t.GoogleObject.card_id, t.Installation.wallet == "google")
    query = (
        select(t.GoogleObject.id, t.GoogleObject.card_id)
        .join(t.Card, t.Card.id == t.GoogleObject.card_id)
        .outerjoin(t.Installation, told)
        .where(t.GoogleObject.is_there, t.GoogleObject.is_blank.is_(False))
        .where(t.Card.status == "closed", t.Installation.id.is_(None))
    )
    return tx.execute(query.order_by(t.GoogleObject.card_id).limit(limit)).all()


# Classes


def classes(tx: Connection, ids: Iterable[str]) -> dict[str, Row]:
    return {row.id: row for row in tx.execute(select(t.GoogleClass).where(t.GoogleClass.id.in_(list(ids))))}


def class_unsure(tx: Connection, class_id: str, programme: str, now: int) -> None:
    """Another state is about to be sent, to a class that may be new."""
    _add(tx, t.GoogleClass, id=class_id, programme=programme, ask_at=now + CLASS_ASK_SECONDS, is_there=False)
    tx.execute(update(t.GoogleClass).where(t.GoogleClass.id == class_id).values(sent=None))


def class_sent(tx: Connection, class_id: str, digest: bytes) -> None:
    tx.execute(update(t.GoogleClass).where(t.GoogleClass.id == class_id).values(sent=digest, is_there=True))


def class_lost(tx: Connection, class_id: str) -> None:
    """Google says that there is no such class."""
    tx.execute(update(t.GoogleClass).where(t.GoogleClass.id == class_id).values(sent=None, is_there=False))


def class_to_ask(tx: Connection, now: int) -> Row | None:
    """A class of which it is time to ask who holds its cards."""
    due = select(t.GoogleClass).where(t.GoogleClass.is_there, t.GoogleClass.ask_at <= now)
    return tx.execute(due.order_by(t.GoogleClass.ask_at).limit(1)).first()


def next_asking(tx: Connection) -> int | None:
    due = select(t.GoogleClass.ask_at).where(t.GoogleClass.is_there).order_by(t.GoogleClass.ask_at).limit(1)
    return tx.execute(due).scalar()


def class_asked(tx: Connection, class_id: str, page: str | None, ask_at: int) -> None:
    tx.execute(update(t.GoogleClass).where(t.GoogleClass.id == class_id).values(page=page, ask_at=ask_at))


# Announcements


def claim_announcement(tx: Connection, class_id: str, offer: str, now: int, again_after_seconds: int) -> bool:
    """Whether it is ours to make; an attempt that ended halfway may be taken up by another after a while."""
    if _add(tx, t.GoogleAnnouncement, class_id=class_id, offer=offer, begun=now):
        return True
    here = (t.GoogleAnnouncement.class_id == class_id, t.GoogleAnnouncement.offer == offer)
    left = (t.GoogleAnnouncement.done.is_(None), t.GoogleAnnouncement.begun <= now - again_after_seconds)
    return tx.execute(update(t.GoogleAnnouncement).where(*here, *left).values(begun=now)).rowcount > 0


def announced(tx: Connection, class_id: str, offer: str, now: int) -> None:
    here = (t.GoogleAnnouncement.class_id == class_id, t.GoogleAnnouncement.offer == offer)
    tx.execute(update(t.GoogleAnnouncement).where(*here).values(done=now))


def unannounced(tx: Connection, pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Of these classes and offers, those of which no announcement is done."""
    if not pairs:
        return []
    row = t.GoogleAnnouncement
    mine = or_(*(and_(row.class_id == class_id, row.offer == offer) for class_id, offer in pairs))
    done = {(each.class_id, each.offer) for each in tx.execute(select(row).where(mine, row.done.is_not(None)))}
    return [pair for pair in pairs if pair not in done]


# Callbacks


def is_new(tx: Connection, nonce: str, now: int) -> bool:
    """Remember a callback; False when it came before, be it at this very moment."""
    return _add(tx, t.GoogleNonce, nonce=nonce, at=now)


def _add(tx: Connection, into: type[t.Base], **values: object) -> bool:
    """Insert unless it is there; whether it was not."""
    key = next(iter(t.table(into).primary_key))
    return tx.execute(insert_into(tx, into).values(values).on_conflict_do_nothing().returning(key)).first() is not None
