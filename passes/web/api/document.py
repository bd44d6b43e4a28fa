"""Describes every operation where it is written, and draws the OpenAPI document from that.

An operation names the scope it needs, what it takes and what it answers; the same lines admit the request, check
it and document it, so the document cannot say anything else than what happens.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any, Literal

from flask_openapi.blueprint import APIBlueprint
from flask_openapi.openapi import OpenAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from ... import keys
from .answers import Problem
from .fields import Body

Method = Literal["get", "post", "put", "patch", "delete"]
View = Callable[..., Any]

SECURITY = "key"
_INTRODUCTION = """\
The card service for a shop's own systems: tills, web shops, CRM.

Amounts are whole numbers: points in the programme's unit, money in the currency's smallest unit (1250 is 12.50).
Instants are seconds since 1970 in UTC. Send an `Idempotency-Key` with whatever must not happen twice and repeat the
request until it is answered: the same key with the same content gets the same answer, with other content 409.
A refusal is `application/problem+json` with a stable `code` and a sentence in `detail`. Lists come in parts: pass
`next` as `cursor` until it is null. Every answer tells in `X-RateLimit-Remaining` how many more requests this key has.
"""
_PROBLEMS = {
    400: "Not readable as JSON",
    401: "No valid key",
    403: "The key lacks the scope",
    404: "There is no such thing",
    409: "Does not fit what there is",
    413: "More than 256 KiB",
    415: "Not application/json",
    422: "A field does not hold what was expected",
    429: "Too many requests; see Retry-After",
    500: "A bug of ours, with a number to tell us",
    503: "Busy; send it again after Retry-After seconds",
}
_described: list[tuple[type[BaseModel], Literal["validation", "serialization"]]] = []


def operation(
    api: APIBlueprint,
    method: Method,
    rule: str,
    scope: str,
    answer: type[BaseModel] | None,
    status: int = 200,
) -> Callable[[View], View]:
    """Registers a view whose docstring is its documentation."""

    def describe(view: View) -> View:
        body = inspect.get_annotations(view, eval_str=True).get("body")
        _described.extend([(body, "validation")] if body else [])
        _described.extend([(answer, "serialization")] if answer else [])
        summary, _, rest = inspect.cleandoc(view.__doc__ or "").partition("\n\n")
        said = {"description": " ".join(rest.split())} if rest else {"description": summary}
        view.scope = scope  # type: ignore[attr-defined]
        register = getattr(api, method)
        registered: View = register(
            rule,
            summary=summary.rstrip("."),
            responses={**_problems(), status: answer},
            security=[{SECURITY: [scope]}],
            **said,
        )(view)
        return registered

    return describe


def draw(api: APIBlueprint) -> Callable[[], dict[str, Any]]:
    """The document, drawn when first asked for."""

    @cache
    def document() -> dict[str, Any]:
        book = OpenAPI(
            __name__,
            info={"title": "Card service", "version": "1", "description": _INTRODUCTION},
            security_schemes={SECURITY: {"type": "http", "scheme": "bearer", "description": _scopes()}},
            validation_error_model=Problem,
            doc_ui=False,
        )
        book.openapi_version = "3.1.0"
        book.register_api(api)
        drawn: dict[str, Any] = book.api_doc
        drawn["components"]["schemas"] = _schemas()
        for path in drawn["paths"].values():
            for described in path.values():
                _loosen(described)
        return drawn

    return document


def _schemas() -> dict[str, Any]:
    """Straight from the models: the book would drop what it does not know of JSON Schema."""
    described = dict.fromkeys([*_described, (Problem, "serialization")])
    _, schemas = models_json_schema(list(described), ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
    found: dict[str, Any] = schemas["$defs"]
    return found


def _loosen(described: dict[str, Any]) -> None:
    """A body none of whose fields is required may be left out."""
    if body := described.get("requestBody"):
        name = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        model = next(model for model, _ in _described if model.__name__ == name)
        body["required"] = not (issubclass(model, Body) and model.may_be_left_out())


def _problems() -> dict[int, dict[str, Any]]:
    schema = {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}
    return {
        status: {"description": why, "content": {"application/problem+json": schema}}
        for status, why in _PROBLEMS.items()
    }


def _scopes() -> str:
    return f"A key made by `passes key create`. Scopes: {', '.join(keys.SCOPES)}, or {keys.EVERYTHING} for all."
