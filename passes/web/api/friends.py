"""Friends: a member's personal link, and how many came by it."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify
from flask_openapi.blueprint import APIBlueprint
from pydantic import ConfigDict

from ... import cards, referrals
from ..current import service
from .cards import CardPath
from .document import operation
from .fields import Answer

friends = APIBlueprint("friends", __name__, abp_tags=[{"name": "Friends"}])

_LINK: dict[str, Any] = {
    "code": "7K2M9QRT4W",
    "link": "https://cards.example.org/join/cafe?friend=7K2M9QRT4W",
    "joined": 2,
    "paid": 1,
    "refused": 0,
}


class Referral(Answer):
    """`joined` friends have not paid anything yet; both got what is promised for those that are `paid`."""

    model_config = ConfigDict(json_schema_extra={"examples": [_LINK]})

    code: str
    link: str
    joined: int
    paid: int
    refused: int


@operation(friends, "get", "/cards/<serial>/referral", "cards:read", Referral)
def show(path: CardPath) -> Response:
    """Show the link by which a member brings friends; it stays the same, and is empty where that is not rewarded."""
    here = service()
    with here.store.reading() as tx:
        held = cards.by_serial(tx, path.serial)
        told = referrals.told(tx, held.id)
    card = held.revision.card
    sums = {"joined": told.get("joined", 0), "paid": told.get("paid", 0), "refused": told.get("refused", 0)}
    return jsonify(code=card.friend, link=here.links.friends(card), **sums)
