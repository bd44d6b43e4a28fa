"""Codes that people read, type and print: a coupon's, and the one in a member's link for friends. Pure but for chance.

Five random bits a letter, in letters that cannot be mistaken for each other; what people write for them is read
as it was meant. A coupon's twelve letters are sixty bits: with a million issued, one guess in 10^12 finds one.
"""

from __future__ import annotations

import re
import secrets

LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
COUPON_LENGTH = 12
_CODE = re.compile(rf"C([{LETTERS}]{{{COUPON_LENGTH}}})", re.ASCII)
_MEANT = str.maketrans("OIL", "011", " -\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{EN DASH}\N{EM DASH}")


def new(length: int = COUPON_LENGTH) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(length))


def read(scanned: str) -> str | None:
    """The code of a coupon as it is kept; None when what was scanned cannot be one."""
    match = _CODE.fullmatch(scanned.strip().upper().translate(_MEANT)) if len(scanned) <= 40 else None
    return match[1] if match else None


def written(code: str) -> str:
    """A coupon's code as it is printed: C-7K2M-9QRT-4WXZ."""
    return f"C-{code[:4]}-{code[4:8]}-{code[8:]}"
