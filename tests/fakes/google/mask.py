"""Partial answers: `fields=resources(id,hasUsers),pagination/nextPageToken` leaves the rest out."""

from __future__ import annotations

import re
from typing import Any

from .refusals import bad

Mask = dict[str, Any]
"""By name what to keep of it; nothing below a name keeps it whole."""


def apply(said: Any, fields: str) -> Any:
    return _kept(said, _read(fields)) if fields else said


def _kept(said: Any, mask: Mask) -> Any:
    if not mask or "*" in mask:
        return said
    if isinstance(said, list):
        return [_kept(each, mask) for each in said]
    if not isinstance(said, dict):
        return said
    return {name: _kept(value, mask[name]) for name, value in said.items() if name in mask}


def _read(fields: str) -> Mask:
    words = re.findall(r"[A-Za-z0-9_*]+|[(),/]", fields)
    if "".join(words) != fields:
        raise bad(f"Invalid field selection {fields}")
    mask, rest = _names(words)
    if rest:
        raise bad(f"Invalid field selection {fields}")
    return mask


def _names(words: list[str]) -> tuple[Mask, list[str]]:
    mask: Mask = {}
    while words and words[0] not in ")":
        name, words = words[0], words[1:]
        if name in "(),/":
            raise bad(f"Invalid field selection {name}")
        mask[name], words = _below(words)
        words = words[1:] if words[:1] == [","] else words
    return mask, words


def _below(words: list[str]) -> tuple[Mask, list[str]]:
    if words[:1] == ["/"]:
        if len(words) < 2 or words[1] in "(),/":
            raise bad("Invalid field selection /")
        below, rest = _below(words[2:])
        return {words[1]: below}, rest
    if words[:1] == ["("]:
        below, rest = _names(words[1:])
        if rest[:1] != [")"]:
            raise bad("Invalid field selection (")
        return below, rest[1:]
    return {}, words
