"""The till as an app: scripts, styles and the reader of codes, the page for times without a connection, the worker.

Open to all, because it holds nothing of anybody: what counts is asked for behind the login. Every address of a
part carries the version of all of them together, so that a browser keeps them for good and a page never
meets a script of another version.
"""

from __future__ import annotations

import gzip
import json
from functools import cache, lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, jsonify, render_template, request, url_for

from ... import shifts
from ...look import Look
from ...words import Words
from ..current import service
from ..headers import allow_camera
from ..login import enrolled
from ..page import visitors_words

STATIC = Path(__file__).parents[2] / "static"
KINDS = {".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm", ".woff2": "font/woff2"}
SCOPE = "/staff"
_FOLDERS = ("js/till", "fonts", "vendor/scanner")
_SHEETS = ("css/base.css", "css/customer.css", "css/staff.css", "css/till.css")
_FOR_EVER = "public, max-age=31536000, immutable"
_SPOKEN = ("till", "refused")

till_app = Blueprint("till", __name__, url_prefix="/till")
till_app.after_request(allow_camera)


@till_app.get("/parts/<version>/<path:name>")
def part(version: str, name: str) -> Response:
    """One file, packed if the browser likes; another version's address gets today's file and may not keep it."""
    if name not in parts():
        abort(404)
    packed = request.accept_encodings.quality("gzip") > 0 and not name.endswith(".woff2")
    answer = Response(_body(name, packed), mimetype=KINDS[Path(name).suffix])
    answer.headers["Vary"] = "Accept-Encoding"
    if packed:
        answer.headers["Content-Encoding"] = "gzip"
    answer.headers["Cache-Control"] = _FOR_EVER if version == parts_version() else "no-cache"
    return answer


@till_app.get("/offline")
def offline() -> str:
    """The till for times without a connection; the worker keeps it."""
    return render_template(
        "staff/offline.html", words=visitors_words(), away=True, languages=[], organisation=service().settings.shop.name
    )


@till_app.get("/worker.js")
def worker() -> Response:
    """The worker, told what to keep. It is another worker whenever anything it keeps is another."""
    said = visitors_words()
    page = offline()
    kept = {
        "version": _digest(parts_version().encode(), page.encode()),
        "page": offline_address(said),
        "parts": [part_address(name) for name in parts()],
    }
    script = f"const KEPT = {json.dumps(kept)};\n{(STATIC / 'js/till/worker.js').read_text('utf-8')}"
    answer = Response(script, mimetype="text/javascript")
    answer.headers["Service-Worker-Allowed"] = SCOPE
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


@till_app.get("/manifest.webmanifest")
def manifest() -> Response:
    """What a tablet needs to keep the till as an app of its own."""
    said, shop = visitors_words(), service().settings.shop.name
    look = _look()
    icons = [{"src": f"/looks/{look.name}/icon-{side}.png", "sizes": f"{side}x{side}"} for side in (192, 512) if look]
    answer = jsonify(
        name=f"{said.say('staff.title')} · {shop}",
        short_name=said.say("staff.title"),
        lang=said.language,
        id=SCOPE,
        start_url=SCOPE,
        scope=SCOPE,
        display="standalone",
        background_color="#f5f4f0",
        theme_color="#f5f4f0",
        icons=[icon | {"type": "image/png", "purpose": "any maskable"} for icon in icons],
    )
    answer.mimetype = "application/manifest+json"
    return answer


@till_app.app_template_global()
def spoken(said: Words) -> dict[str, Any]:
    """The words that scripts say, by their keys; units are what any of the shop's looks calls them."""
    units: dict[str, Any] = {}
    for look in service().looks.values():
        units |= Words(said.language, look.words[said.language]).under("unit")
    return units | {name: entry for top in _SPOKEN for name, entry in said.under(top).items()}


@till_app.app_template_global()
def alone() -> dict[str, str]:
    """Where this device gets its permission to work alone and sends what it did; neither, unless it is a till."""
    if not enrolled.shows_key():
        return {}
    with service().store.reading() as tx:
        till = enrolled.till(tx)
        if till is None:
            return {}
        runs = till.revoked is None and shifts.running(tx, till.id, service().now)
    sync = {"sync": url_for("offline.sync")}
    return sync | ({"permit": url_for("offline.permit")} if runs else {})


@till_app.app_template_global()
def till_icon() -> str:
    """Where the picture for the tablet's screen is; empty without any look."""
    look = _look()
    return url_for("looks.icon", name=look.name, side=180, v=look.digest) if look else ""


@till_app.app_template_global()
def offline_address(said: Words) -> str:
    """The page for times without a connection that fits this version's scripts."""
    return url_for("till.offline", language=said.language, version=parts_version())


@till_app.app_template_global()
def part_address(name: str) -> str:
    return url_for("till.part", version=parts_version(), name=name)


@cache
def parts() -> tuple[str, ...]:
    """Every file of the till by its name below `static`."""
    found = (path for folder in _FOLDERS for path in (STATIC / folder).iterdir() if path.suffix in KINDS)
    return (*_SHEETS, *sorted(path.relative_to(STATIC).as_posix() for path in found))


@cache
def parts_version() -> str:
    return _digest(*((STATIC / name).read_bytes() for name in parts()))


@lru_cache(maxsize=128)
def _body(name: str, packed: bool) -> bytes:
    body = (STATIC / name).read_bytes()
    return gzip.compress(body, mtime=0) if packed else body


def _look() -> Look | None:
    """The shop's first look, for the icon on the tablet's screen."""
    return next(iter(service().looks.values()), None)


def _digest(*bodies: bytes) -> str:
    whole = blake2b(digest_size=8)
    for body in bodies:
        whole.update(len(body).to_bytes(8, "big") + body)
    return whole.hexdigest()
