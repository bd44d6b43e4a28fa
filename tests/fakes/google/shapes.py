"""The names and types of the API, read from `shapes.txt`, and the first look at every body that comes.

Like the real one it takes no name it does not know, wants large numbers as text, and turns the older
spellings of an enumeration into today's. What belongs together inside a card is the matter of `rules.py`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .refusals import bad

_INT64 = re.compile(r"-?[0-9]{1,19}", re.ASCII)


@dataclass(frozen=True)
class Field:
    type: str
    is_list: bool


def _read(text: str) -> tuple[dict[str, dict[str, Field]], dict[str, dict[str, str]]]:
    shapes: dict[str, dict[str, Field]] = {}
    spellings: dict[str, dict[str, str]] = {}
    whole = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
    for paragraph in re.sub(r"\n +", " ", whole).strip().splitlines():
        name, _, words = paragraph.partition(":")
        if name.startswith("enum "):
            values = [word.split("|") for word in words.split()]
            spellings[name.removeprefix("enum ")] = {each: value[0] for value in values for each in value}
        elif name:
            shapes[name] = dict(_field(word) for word in words.split())
    return shapes, spellings


def _field(word: str) -> tuple[str, Field]:
    name, _, kind = word.partition(":")
    return name, Field(kind.removesuffix("[]") or "string", kind.endswith("[]"))


SHAPES, SPELLINGS = _read((Path(__file__).parent / "shapes.txt").read_text("utf-8"))


def clean(shape: str, body: object, where: str = "", keep_nulls: bool = False) -> dict[str, Any]:
    """The body with today's spellings, and without empty fields unless they are to clear something."""
    if not isinstance(body, dict):
        raise bad(f"Invalid value at '{where or shape}': an object was expected.")
    fields = SHAPES[shape]
    cleaned: dict[str, Any] = {}
    for name, value in body.items():
        if name not in fields:
            raise bad(
                f"Invalid JSON payload received. Unknown name \"{name}\" at '{where or shape}': Cannot find field."
            )
        if value is None:
            if keep_nulls:
                cleaned[name] = None
            continue
        cleaned[name] = _value(fields[name], value, f"{where}.{name}" if where else name, keep_nulls)
    return cleaned


def _value(field: Field, value: object, where: str, keep_nulls: bool) -> Any:
    if not field.is_list:
        return _single(field.type, value, where, keep_nulls)
    if not isinstance(value, list):
        raise bad(f"Invalid value at '{where}': a list was expected.")
    # A list is replaced whole, so a null inside it clears nothing.
    return [_single(field.type, each, f"{where}[{place}]", False) for place, each in enumerate(value)]


def _single(kind: str, value: object, where: str, keep_nulls: bool) -> Any:
    if kind in SHAPES:
        return clean(kind, value, where, keep_nulls)
    if kind in SPELLINGS:
        if not isinstance(value, str) or value not in SPELLINGS[kind]:
            raise bad(f"Invalid value at '{where}': {value!r} is not one of {', '.join(SPELLINGS[kind])}.")
        return SPELLINGS[kind][value]
    if not _FITS[kind](value):
        raise bad(f"Invalid value at '{where}': expected {kind}.")
    return value


def _is_text(value: object) -> bool:
    try:
        return isinstance(value, str) and value.encode() is not None
    except UnicodeEncodeError:
        return False


def _is_int64(value: object) -> bool:
    """As text: whoever reads JSON numbers as doubles would lose digits."""
    return isinstance(value, str) and bool(_INT64.fullmatch(value)) and -(2**63) <= int(value) < 2**63


def _is_int32(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -(2**31) <= value < 2**31


def _is_double(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


_FITS = {
    "string": _is_text,
    "boolean": lambda value: isinstance(value, bool),
    "int32": _is_int32,
    "int64": _is_int64,
    "double": _is_double,
}
