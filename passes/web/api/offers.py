"""Offers: what marketers say, to whom, from when to when."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BeforeValidator, ConfigDict, Field

from ... import controls, programmes
from ... import offers as published
from ...controls import MOST_PERCENT
from ...effect import Arm, Effect
from ...idempotency import Said
from ...offers import MOST_BODY, MOST_TITLE, Draft
from ...store import Connection, Row
from ..current import service
from .answers import listed, once
from .document import operation
from .fields import Answer, Body, Instant, Language, Once, Page, Place, ProgrammeKey, whole

offers = APIBlueprint("offers", __name__, abp_tags=[{"name": "Offers"}])

_OFFER: dict[str, Any] = {
    "programme": "cafe",
    "title": {"en": "Double points on Friday", "pl": "Podwójne punkty w piątek"},
    "body": {"en": "On every coffee, all day."},
    "starts": 1_790_000_000,
    "ends": 1_790_086_400,
    "tier": None,
    "announce": True,
    "control": 10,
}


_COMPARED = (
    *("uplift", "uplift_interval", "members_more", "spent_more", "spent_interval"),
    *("margin", "came_anyway"),
)
_BROUGHT: dict[str, Any] = {
    "until": 1_790_086_400,
    "verdict": "more come",
    "given": {"people": 4_500, "came": 2_250, "spent": 2_250_000},
    "left_out": {"people": 500, "came": 125, "spent": 125_000},
    "uplift": 0.25,
    "uplift_interval": [0.21, 0.29],
    "members_more": 1_125,
    "spent_more": 1_125_000,
    "spent_interval": [930_000, 1_320_000],
    "margin": 337_500,
    "came_anyway": 0.5,
}


class NewOffer(Body):
    """`starts` is now unless said. `announce`: phones show the title when the offer begins.

    `control`: of a hundred cards it is for, so many are left out by lot, so that it shows what the offer brings.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_OFFER]})

    programme: ProgrammeKey
    title: Annotated[
        dict[Language, Annotated[str, Field(min_length=1, max_length=MOST_TITLE)]], Field(min_length=1, max_length=3)
    ]
    body: Annotated[dict[Language, Annotated[str, Field(max_length=MOST_BODY)]], Field(max_length=3)] = {}
    starts: Instant | None = None
    ends: Instant | None = None
    tier: ProgrammeKey | None = None
    announce: bool = Field(default=False, strict=True)
    control: Annotated[int, Field(ge=0, le=MOST_PERCENT), BeforeValidator(whole)] = 0


class Offer(Answer):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"key": "0d9c1e5b7a3f2468", **_OFFER, "created": 1_789_990_000}]}
    )

    key: str
    programme: str
    title: dict[str, str]
    body: dict[str, str]
    starts: int
    ends: int | None
    tier: str | None
    announce: bool
    control: int
    created: int


class Group(Answer):
    """Cards it was for when it was published, how many of them bought while it ran, and for how much."""

    people: int
    came: int
    spent: int


class Brought(Answer):
    """What an offer brought until `until`: those who got it against those left out by lot.

    `verdict` is `nobody left out`, `never ran`, `running` until the offer is over (after 90 days at the latest), then
    `more come`, `fewer come`, `no effect shown` or `too few`. What compares both groups is null unless it is one of
    these four: `uplift` is the difference of their shares, `spent_more` what the first group spent beyond the second,
    each with the interval in which it lies nineteen times out of twenty. `margin` needs the programme's, and is before
    what the offer cost to give.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_BROUGHT]})

    until: int | None
    verdict: Literal["nobody left out", "never ran", "running", "more come", "fewer come", "no effect shown", "too few"]
    given: Group
    left_out: Group
    uplift: float | None
    uplift_interval: tuple[float, float] | None
    members_more: int | None
    spent_more: int | None
    spent_interval: tuple[int, int] | None
    margin: int | None
    came_anyway: float | None


class Offers(Answer):
    offers: list[Offer]
    next: str | None


class Which(Page):
    programme: ProgrammeKey | None = None


class OfferPath(Body):
    key: Place


@operation(offers, "get", "/offers", "programmes:read", Offers)
def all(query: Which) -> Response:
    """List offers, the newest first, with those that are over."""
    with service().store.reading() as tx:
        programme = programmes.find(tx, query.programme).id if query.programme else None
        rows = published.all(tx, programme, query.limit + 1, before=query.after)
    shown = rows[: query.limit]
    return listed("offers", [_shown(row) for row in shown], shown[-1].id if len(rows) > len(shown) else None)


@operation(offers, "post", "/offers", "offers:write", Offer, status=201)
def publish(body: NewOffer, header: Once) -> tuple[Response, int]:
    """Publish an offer; every installed card it is for follows, at its start and at its end."""
    now = service().now

    def do(tx: Connection) -> Said:
        programme = programmes.find(tx, body.programme)
        key = published.publish(tx, programme, _draft(body, now), now)
        return 201, _shown(published.find(tx, key))

    return once(header.key, do)


@operation(offers, "post", "/offers/<key>/end", "offers:write", Offer)
def end(path: OfferPath, header: Once) -> tuple[Response, int]:
    """End an offer now; ending it again changes nothing."""

    def do(tx: Connection) -> Said:
        published.end(tx, path.key, service().now)
        return 200, _shown(published.find(tx, path.key))

    return once(header.key, do)


@operation(offers, "get", "/offers/<key>/effect", "programmes:read", Brought)
def effect(path: OfferPath) -> dict[str, Any]:
    """What an offer brought, by comparison with those who were left out of it."""
    with service().store.reading() as tx:
        offer = published.find(tx, path.key)
        programme = programmes.get(tx, offer.programme_id)
        found = controls.outcome(tx, offer, service().now)
    came = found.effect if found else Effect(Arm(), Arm())
    groups = {"given": _group(came.given), "left_out": _group(came.control)}
    told: dict[str, Any] = {"until": found.until if found else None, **groups, **dict.fromkeys(_COMPARED)}
    if not offer.control:
        return told | {"verdict": "nobody left out"}
    if found is None:
        return told | {"verdict": "never ran"}
    if not found.is_over:
        return told | {"verdict": "running"}
    return told | {"verdict": came.verdict} | _compared(came, programme.definition.margin)


def _compared(came: Effect, margin: int | None) -> dict[str, Any]:
    return {
        "uplift": came.uplift,
        "uplift_interval": came.interval,
        "members_more": came.extra_members,
        "spent_more": came.extra_spent,
        "spent_interval": came.spent_interval,
        "margin": None if margin is None else came.extra_margin(margin),
        "came_anyway": came.came_anyway,
    }


def _group(arm: Arm) -> dict[str, int]:
    return {"people": arm.people, "came": arm.came, "spent": arm.spent}


def _draft(body: NewOffer, now: int) -> Draft:
    starts = now if body.starts is None else body.starts
    title = {str(language): words for language, words in body.title.items()}
    more = {str(language): words for language, words in body.body.items()}
    return Draft(title, starts, body.ends, more, body.tier, body.announce, body.control)


def _shown(row: Row) -> dict[str, Any]:
    return {name: getattr(row, name) for name in Offer.model_fields}
