"""The integration API: JSON under /api/v1 for a shop's own systems.

Handlers read the request, call one verb of the core in one transaction, and answer; whatever decides about
points, members or offers lies below. The OpenAPI document is at /api/v1/openapi.json, for everybody.
"""

from __future__ import annotations

from flask import Flask, Response, jsonify
from flask_openapi.blueprint import APIBlueprint

from ...service import Service
from . import answers, callers, document
from .cards import cards
from .claims import claims
from .coupons import coupons
from .friends import friends
from .giftcards import giftcards
from .leaderboard import leaderboard
from .members import members
from .memberships import memberships
from .offers import offers
from .partners import partners
from .pins import pins
from .programmes import programmes
from .receipts import receipts

PREFIX = "/api/v1"

api = APIBlueprint("api", __name__, url_prefix=PREFIX)
PARTS = (
    *(members, cards, receipts, claims, coupons, giftcards, pins, memberships, friends),
    *(leaderboard, programmes, partners, offers),
)
for part in PARTS:
    api.register_api(part)
api.before_request(callers.admit)
_document = document.draw(api)


@api.get("/openapi.json", doc_ui=False)
def openapi() -> Response:
    return jsonify(_document())


def register(app: Flask, service: Service) -> None:
    # What the blueprints look for in the application they are registered with.
    app.validation_error_callback = answers.refuse  # type: ignore[attr-defined]
    app.validate_response = False  # type: ignore[attr-defined]
    callers.limit(app, service.settings.limits)
    app.register_blueprint(api)
