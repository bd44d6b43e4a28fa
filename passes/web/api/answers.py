"""Says what came of a request: once per Idempotency-Key, and in a sentence when it was refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from flask import Response, jsonify, request
from pydantic import ValidationError
from sqlalchemy.exc import IntegrityError

from ... import idempotency
from ...errors import BadInput, Conflict
from ...idempotency import Said
from ...store import Connection
from ..current import service
from .callers import caller
from .fields import Answer

MOST_SENTENCES = 3
_UNIQUE_VIOLATION = "23505"


class Problem(Answer):
    """Why a request was refused: `code` for machines and stable, `detail` a sentence for people."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    field: str | None = None


Complete = Callable[[Connection, dict[str, Any]], dict[str, Any]]


def once(key: str, do: Callable[[Connection], Said], complete: Complete | None = None) -> tuple[Response, int]:
    """Do it in one transaction; under a key, a repeat is answered as the first time and does nothing.

    What `do` answers is kept under the key; `complete` adds what must not be: contacts, and links that open cards.
    """
    try:
        with service().store.transaction() as tx:
            status, body = _under(tx, key, do) if key else do(tx)
            if complete:
                body = complete(tx, body)
    except IntegrityError as wrong:
        _refuse_race(wrong)
    return jsonify(body), status


def listed(name: str, items: list[Any], following: int | None) -> Response:
    """A part of a list, and the cursor of the next part."""
    return jsonify({name: items, "next": None if following is None else str(following)})


def refuse(wrong: ValidationError) -> NoReturn:
    """The caller's mistake in sentences. What was sent is never repeated: it may be personal."""
    errors = wrong.errors(include_input=False, include_url=False, include_context=False)
    sentences = [f"{_where(error['loc'])} {_what(error)}." for error in errors[:MOST_SENTENCES]]
    raise BadInput(" ".join(sentences), field=_where(errors[0]["loc"]))


def _under(tx: Connection, key: str, do: Callable[[Connection], Said]) -> Said:
    asked = {"method": request.method, "path": request.path, "body": request.get_json(silent=True)}
    if request.args:
        asked["query"] = sorted(request.args.items(multi=True))
    content = idempotency.veiled(service().secrets, asked)
    return idempotency.once(tx, f"api {caller().id}", key, content, service().now, lambda: do(tx))


def _refuse_race(wrong: IntegrityError) -> NoReturn:
    """Two requests made the same thing at once; anything else is a bug of ours."""
    state = getattr(wrong.orig, "sqlstate", None)
    if state != _UNIQUE_VIOLATION and "UNIQUE constraint failed" not in str(wrong.orig):
        raise wrong
    raise Conflict("Another request made the same at this very moment; look, or send yours again.") from None


def _where(path: tuple[int | str, ...]) -> str:
    """Where the mistake is. A key that the caller invented is not repeated unless it is a plain word."""
    parts = [str(part) if re.fullmatch(r"[\w-]{1,40}", str(part), re.ASCII) else "…" for part in path]
    return ".".join(parts) or "body"


def _what(error: Mapping[str, Any]) -> str:
    match error["type"]:
        case "missing":
            return "is required"
        case "extra_forbidden":
            return "is not known here; check the spelling"
        case "value_error":
            return f"must be {error['msg'].removeprefix('Value error, ')}"
    message: str = error["msg"]
    return re.sub(r"^\w+ should", "must", message)
