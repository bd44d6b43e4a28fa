"""The leaderboard, and the nickname by which a member chooses to be on it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from flask import Response, jsonify
from flask_openapi.blueprint import APIBlueprint
from pydantic import BeforeValidator, ConfigDict, Field

from ... import cards, programmes
from ... import leaderboard as board
from ...idempotency import Said
from ...store import Connection
from ..current import service
from .answers import once
from .cards import CardPath
from .document import operation
from .fields import MOST_PAGE, Answer, Body, Once, Place, digits
from .programmes import ProgrammePath

leaderboard = APIBlueprint("leaderboard", __name__, abp_tags=[{"name": "Leaderboard"}])

Period = Annotated[str, Field(pattern="^20[0-9]{2}(-(0[1-9]|1[0-2]))?$", description="A month or a year.")]
_BEST: dict[str, Any] = {"places": [{"rank": 1, "nickname": "Latte Lover", "earned": 320}]}


class Which(Body):
    """One period and location, or all of them."""

    period: Period | None = None
    location: Place | None = None
    limit: Annotated[int, Field(ge=1, le=MOST_PAGE), BeforeValidator(digits)] = 50


class Ranked(Answer):
    rank: int
    nickname: str
    earned: int


class Leaderboard(Answer):
    """Whoever earned the same has the same rank."""

    model_config = ConfigDict(json_schema_extra={"examples": [_BEST]})

    places: list[Ranked]


class NewNickname(Body):
    """Seen by everybody; null leaves the leaderboard."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"nickname": "Latte Lover"}]})

    nickname: Annotated[str, Field(min_length=1, max_length=100)] | None


class Nickname(Answer):
    nickname: str | None


@operation(leaderboard, "get", "/programmes/<key>/leaderboard", "programmes:read", Leaderboard)
def show(path: ProgrammePath, query: Which) -> Response:
    """Show who earned most, among the members who chose to be seen."""
    with service().store.reading() as tx:
        programme = programmes.find(tx, path.key)
        places = board.ranking(tx, programme, query.period, query.location, query.limit)
    return jsonify(places=[asdict(place) for place in places])


@operation(leaderboard, "put", "/cards/<serial>/nickname", "members:write", Nickname)
def choose(path: CardPath, body: NewNickname, header: Once) -> tuple[Response, int]:
    """Put a member on the leaderboard under a nickname of their own choice, or take them off it."""

    def do(tx: Connection) -> Said:
        held = cards.by_serial(tx, path.serial, lock=True)
        if body.nickname is None:
            board.vanish(tx, held)
            return 200, {"nickname": None}
        return 200, {"nickname": board.appear(tx, held, body.nickname, service().now)}

    return once(header.key, do)
