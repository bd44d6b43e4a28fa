"""Amounts as people type them at a till, and as they are read back into a form. Pure, exact, no floats.

Money may have a decimal point or comma; points are whole; both may have spaces between thousands. Nothing
else is taken: no signs, no exponents, no digits of other scripts, nothing that Python's `int` would be so
kind as to accept, and no space elsewhere ("12 50" is meant as 12.50 by some and is 1250 to others).
"""

from __future__ import annotations

import re

MOST = 10_000_000
_SPACES = " \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}'"
_DIGITS = rf"[0-9]{{1,10}}|[0-9]{{1,3}}(?:[{_SPACES}][0-9]{{3}}){{1,3}}"
_MONEY = re.compile(rf"({_DIGITS})(?:[.,]([0-9]{{1,4}}))?", re.ASCII)
_WHOLE = re.compile(_DIGITS, re.ASCII)
_TOGETHER = str.maketrans("", "", _SPACES)


class NotAnAmount(ValueError):
    """`why` is a key of the words that say what is wrong."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def money(typed: str, digits: int) -> int:
    """What was typed in the currency's smallest unit, of which `digits` make its decimals; empty is 0."""
    text = typed.strip()
    if not text:
        return 0
    match = _MONEY.fullmatch(text)
    if match is None:
        raise NotAnAmount("amount_form")
    decimals = match[2] or ""
    if len(decimals) > digits:
        raise NotAnAmount("amount_decimals")
    return _at_most(int(match[1].translate(_TOGETHER) + decimals.ljust(digits, "0")))


def points(typed: str) -> int:
    """Whole points; empty is 0."""
    text = typed.strip()
    if not text:
        return 0
    if not _WHOLE.fullmatch(text):
        raise NotAnAmount("points_form")
    return _at_most(int(text.translate(_TOGETHER)))


def _at_most(amount: int) -> int:
    if amount > MOST:
        raise NotAnAmount("amount_large")
    return amount
