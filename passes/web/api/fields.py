"""What the fields of requests may hold, the same wherever they appear.

Whole numbers are whole numbers: `true`, `"5"` and `5.0` are refused rather than guessed at, because a till
that sends them has a bug that would cost somebody points.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ...definition import LAST_INSTANT, MAX_AMOUNT, MOST_MONEY
from ...idempotency import MOST_KEY

MOST_PAGE = 200


def whole(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError("a whole number without quotes or decimals")


def _moves(value: int) -> int:
    if value == 0:
        raise ValueError("above or below zero")
    return value


def digits(value: object) -> object:
    """From a URL everything is text; `int()` would take "1_000", " 12 " and digits of any script."""
    if isinstance(value, int) or (isinstance(value, str) and re.fullmatch("[0-9]{1,11}", value)):
        return value
    raise ValueError("a whole number")


def _said(value: str) -> str:
    if not value.strip():
        raise ValueError("more than spaces")
    return value


_NUMBER = r"^(?=.*\S)(?!/|\.{1,2}$)[^\u0000-\u001f\u007f]+$"


def _number(value: str) -> str:
    """A receipt is reversed at an address that holds its number: those that no address can hold are refused at once."""
    if not re.search(_NUMBER, value):
        raise ValueError("something that can be written in an address: no line breaks, no “/” in front")
    return value


_NOT_BLANK: dict[str, Any] = {"pattern": r"\S"}

# The check comes after the bounds: before them it would drop the bounds from the schema.
Money = Annotated[int, Field(ge=0, le=MOST_MONEY), BeforeValidator(whole)]
Points = Annotated[int, Field(ge=0, le=MAX_AMOUNT), BeforeValidator(whole)]
Change = Annotated[
    int,
    Field(ge=-MAX_AMOUNT, le=MAX_AMOUNT, json_schema_extra={"not": {"const": 0}}),
    BeforeValidator(whole),
    AfterValidator(_moves),
]
Quantity = Annotated[int, Field(ge=1, le=1_000_000), BeforeValidator(whole)]
Month = Annotated[int, Field(ge=1, le=12, description="1 is January."), BeforeValidator(whole)]
Instant = Annotated[int, Field(ge=0, le=LAST_INSTANT), BeforeValidator(whole)]
Language = Literal["en", "ru", "pl"]
ProgrammeKey = Annotated[str, Field(min_length=1, max_length=40)]
Receipt = Annotated[
    str,
    Field(
        min_length=1,
        max_length=80,
        description="The till's own number; unique per programme.",
        json_schema_extra={"pattern": _NUMBER},
    ),
    AfterValidator(_number),
]
Place = Annotated[str, Field(max_length=80)]
Reason = Annotated[str, Field(min_length=1, max_length=200, json_schema_extra=_NOT_BLANK), AfterValidator(_said)]
Code = Annotated[str, Field(min_length=1, max_length=500, description="Exactly as scanned.")]
CouponCode = Annotated[str, Field(min_length=1, max_length=40, description="As scanned or typed.")]
PromoCode = Annotated[str, Field(min_length=1, max_length=40)]
Pin = Annotated[str, Field(pattern="^[0-9]{4,8}$", description="Four to eight digits.")]
Name = Annotated[str, Field(max_length=200)]
Email = Annotated[str, Field(max_length=254)]
Phone = Annotated[str, Field(max_length=40)]
ExternalId = Annotated[str, Field(min_length=1, max_length=80)]
Why = dict[str, Any]


class Body(BaseModel):
    """What a caller sends: nothing but the fields named."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @classmethod
    def may_be_left_out(cls) -> bool:
        return not any(field.is_required() for field in cls.model_fields.values())

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_empty(cls, sent: object) -> object:
        return {} if sent is None and cls.may_be_left_out() else sent


class Answer(BaseModel):
    """What a caller gets: nothing but the fields named."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Page(Body):
    """Which part of a list: `cursor` is the `next` of the part before."""

    cursor: Annotated[str, Field(pattern="^[0-9]{1,15}$")] | None = None
    limit: Annotated[int, Field(ge=1, le=MOST_PAGE), BeforeValidator(digits)] = 50

    @property
    def after(self) -> int | None:
        return int(self.cursor) if self.cursor else None


class Once(BaseModel):
    """The header by which a repeated request is recognised."""

    key: str = Field(
        default="",
        alias="Idempotency-Key",
        max_length=MOST_KEY,
        pattern="^[!-~]*$",
        description="Same key, same request: the same answer, and nothing happens twice. Kept for thirty days.",
    )

    @classmethod
    @cache
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        """Kept, because flask-openapi asks for it with every request that may bring the header."""
        return super().model_json_schema(*args, **kwargs)
