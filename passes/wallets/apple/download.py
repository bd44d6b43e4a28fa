"""The links by which a person gets a pass, or several, onto a phone.

A link proves itself and ends at the time written in it. It works any number of times and without cookies,
because browsers fetch again when they hand a pass to Wallet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response
from sqlalchemy import select
from werkzeug.http import http_date

from ... import cards
from ...errors import NotFound
from ...store import tables as t
from .. import File
from . import DOWNLOAD_LABEL, MEMBER_DOWNLOAD_LABEL, Apple
from .bundle import MEDIA_TYPE_MANY, MOST_PASSES, bundle_many

if TYPE_CHECKING:
    from ...service import Service


class Downloads:
    """The views. A proof is checked before anything is looked up."""

    def __init__(self, service: Service, wallet: Apple) -> None:
        self._service = service
        self._wallet = wallet

    def one(self, serial: str, proof: str) -> Response:
        """A card's pass."""
        self._check(DOWNLOAD_LABEL, serial, proof)
        held = cards.glance(self._service.store, serial)
        if held is None:
            raise NotFound(_NOTHING)
        file = self._wallet.issue(held.revision)
        return _attached(file, min(held.row.modified, self._service.now))

    def many(self, member: str, proof: str) -> Response:
        """The passes of all cards of a member, the newest ones if there are more than a file may hold."""
        self._check(MEMBER_DOWNLOAD_LABEL, member, proof)
        theirs = select(t.Card.id).join(t.Member, t.Member.id == t.Card.member_id).where(t.Member.public_id == member)
        with self._service.store.reading() as tx:
            newest = tx.execute(theirs.order_by(t.Card.id.desc()).limit(MOST_PASSES)).scalars()
            found = [held for id in sorted(newest) if (held := cards.find(tx, "id", id))]
        if not found:
            raise NotFound(_NOTHING)
        bundle = bundle_many([self._wallet.issue(held.revision).body for held in found])
        modified = max(held.row.modified for held in found)
        return _attached(File("cards.pkpasses", MEDIA_TYPE_MANY, bundle), min(modified, self._service.now))

    def _check(self, label: str, subject: str, proof: str) -> None:
        if not self._wallet.links.is_dated(label, subject, proof, self._service.now):
            raise NotFound(_NOTHING)


def _attached(file: File, modified: int) -> Response:
    response = Response(file.body, content_type=file.media_type)
    response.headers.set("Content-Disposition", "attachment", filename=file.name)
    response.headers["Last-Modified"] = http_date(modified)
    response.headers["Cache-Control"] = "private, no-store"
    return response


_NOTHING = "There is no card behind this link. Open your card's page and take a new link from there."
