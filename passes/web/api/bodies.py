"""Reads a request's JSON more strictly than Python does.

Duplicate keys, NaN, numbers no other language can hold, and text no database can keep are refused here, before
any model sees them; so is nesting that no honest caller needs.
"""

from __future__ import annotations

import json
import math
from typing import Any

from flask import Request
from werkzeug.exceptions import UnsupportedMediaType

from ...errors import BadInput, PassesError

MOST_DEPTH = 12
MOST_INTEGER = 2**53


class NotJson(PassesError):
    code = "not_json"


def check(request: Request) -> None:
    """Refuse a body that is not exactly one JSON object; no body at all passes."""
    raw = request.get_data()
    if not raw:
        return
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if request.mimetype != "application/json" or charset not in ("utf-8", "utf8"):
        raise UnsupportedMediaType("Send the body as JSON: Content-Type: application/json.")
    if not isinstance(body := parse(raw), dict):
        raise BadInput("The body is a JSON object: {…}.")
    _check_values(body)


def parse(raw: bytes) -> Any:
    """The JSON in these bytes. Raises `NotJson`, or `BadInput` for a number that others could not hold."""
    try:
        return json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_distinct,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_exact,
        )
    except UnicodeDecodeError:
        raise NotJson("The body is not UTF-8.") from None
    except json.JSONDecodeError as wrong:
        raise NotJson(f"The body is not JSON: {wrong.msg} at line {wrong.lineno}, column {wrong.colno}.") from None
    except RecursionError:
        raise NotJson("The body is nested too deeply.") from None


def is_storable(text: str) -> bool:
    """Text that every database keeps: no NUL and no half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotJson("The body names a field twice; which one is meant?")
    return found


def _refuse_constant(_name: str) -> None:
    raise NotJson("NaN and Infinity are not JSON.")


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise NotJson("A number in the body is too large.")
    return number


def _exact(text: str) -> int:
    if len(text) > 17 or abs(number := int(text)) > MOST_INTEGER:
        raise BadInput("A number in the body is too large; whole numbers go up to 2^53.")
    return number


def _check_values(body: dict[str, Any]) -> None:
    waiting: list[tuple[Any, int]] = [(body, 1)]
    while waiting:
        value, depth = waiting.pop()
        if depth > MOST_DEPTH:
            raise NotJson("The body is nested too deeply.")
        if isinstance(value, dict):
            waiting += [(key, depth) for key in value] + [(inner, depth + 1) for inner in value.values()]
        elif isinstance(value, list):
            waiting += [(inner, depth + 1) for inner in value]
        elif isinstance(value, str) and not is_storable(value):
            raise BadInput("The body holds text that cannot be stored: a NUL, or half of a surrogate pair.")
