"""Contacts as a cashier may see them: enough to ask "ends with 12?", not enough to call or write. Pure."""

from __future__ import annotations

import phonenumbers

_DOTS = "···"


def phone(number: str) -> str:
    """+48600100212 as +48 ··· ·· 12."""
    if not number:
        return ""
    try:
        country = f"+{phonenumbers.parse(number).country_code} "
    except phonenumbers.NumberParseException:
        country = ""
    return f"{country}{_DOTS} ·· {number[-2:]}"


def email(address: str) -> str:
    """anna@example.org as a···@e···.org."""
    if not address:
        return ""
    name, _, host = address.partition("@")
    top = host.rpartition(".")[2]
    return f"{name[:1]}{_DOTS}@{host[:1]}{_DOTS}.{top}"
