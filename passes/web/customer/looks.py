"""The colours and pictures of every look, open to all and kept by browsers for as long as they like.

An address carries the look's digest, so a changed look has new addresses and nothing old is shown.
"""

from __future__ import annotations

from functools import lru_cache

from flask import Blueprint, Response, abort, request

from ...look import Look
from ...wallets.ecard.picture import icon_png
from ...wallets.ecard.sheet import style_sheet
from ..current import service

looks = Blueprint("looks", __name__, url_prefix="/looks")
PICTURES = {"logo": "logo", "hero": "hero", "icon": "icon@3x"}
ICON_SIDES = (180, 192, 512)
_FOR_EVER = "public, max-age=31536000, immutable"
_FOR_NOW = "public, max-age=300"


@looks.get("/<name>.css")
def sheet(name: str) -> Response:
    look = _look(name)
    return _kept(look, style_sheet(look), "text/css")


@looks.get("/<name>/<role>.png")
def picture(name: str, role: str) -> Response:
    if role not in PICTURES:
        abort(404)
    look = _look(name)
    return _kept(look, look.images[PICTURES[role]], "image/png")


@looks.get("/<name>/icon-<int:side>.png")
def icon(name: str, side: int) -> Response:
    if side not in ICON_SIDES:
        abort(404)
    look = _look(name)
    return _kept(look, _drawn_icon(look.digest, look.images["icon@3x"], side), "image/png")


@lru_cache(maxsize=64)
def _drawn_icon(digest: str, icon: bytes, side: int) -> bytes:
    return icon_png(icon, side)


def _look(name: str) -> Look:
    look = service().looks.get(name)
    if look is None:
        abort(404)
    return look


def _kept(look: Look, body: bytes | str, media_type: str) -> Response:
    answer = Response(body, mimetype=media_type)
    answer.headers["Cache-Control"] = _FOR_EVER if request.args.get("v") == look.digest else _FOR_NOW
    return answer
