"""The index of members' names: by which words each is found. What a word is, `names` says."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, delete, exists, insert, select

from . import names
from .store import Connection
from .store import tables as t

MOST_ASKED = 6
"""So many words of a question are looked up; the others tell nothing more."""


def remember(tx: Connection, member_id: int, name: str) -> None:
    """Let the member be found by these words; by none yet."""
    if found := names.words(name):
        tx.execute(insert(t.NameWord), [{"member_id": member_id, "word": word} for word in found])


def forget(tx: Connection, member_id: int) -> None:
    tx.execute(delete(t.NameWord).where(t.NameWord.member_id == member_id))


def begin(asked: str) -> ColumnElement[bool] | None:
    """Whether words of the member's name begin as these do; None: nothing was asked that is a word."""
    if not (found := sorted(names.words(asked), key=len, reverse=True)[:MOST_ASKED]):
        return None
    # The longest is had by the fewest; they alone are asked for the others.
    longest, *others = found
    of_them = [exists().where(t.NameWord.member_id == t.Member.id, _begins(word)) for word in others]
    return and_(t.Member.id.in_(select(t.NameWord.member_id).where(_begins(longest))), *of_them)


def _begins(first: str) -> ColumnElement[bool]:
    """A range instead of LIKE: both databases serve it from the plain index."""
    return (t.NameWord.word >= first) & (t.NameWord.word < first + "\U0010ffff")
