"""Where a push to a phone goes: Apple's push tokens, and those of apps that only borrow the protocol.

Apple's tokens are hexadecimal. Apps for other phones speak the same protocol under a word of their own and bring
tokens of their makers' push services, in other shapes. Nothing is sent to those services: such an app shows a
change when its owner opens it, because then it asks. Its token is kept behind the app's word, so that it can
never be taken for one of Apple's.
"""

from __future__ import annotations

import re

from ...errors import PassesError

APPLE = "ApplePass"
_APPLES = re.compile(r"(?:[0-9A-Fa-f]{2}){16,256}")
_OTHERS = re.compile(r"[A-Za-z0-9._:=+/-]{16,512}")


def address(scheme: str, token: object) -> str:
    """What a phone's token is kept as; `scheme` is the word that its app says of itself."""
    is_apples = scheme == APPLE
    if not (isinstance(token, str) and (_APPLES if is_apples else _OTHERS).fullmatch(token)):
        shape = "32 to 512 hexadecimal digits" if is_apples else "16 to 512 letters, digits or . _ : = + / -"
        raise PassesError(f"pushToken is needed: {shape}.", field="pushToken")
    return token if is_apples else f"{scheme} {token}"


def is_apples(address: str) -> bool:
    """Whether Apple may know it. Apple asks not to assume a length; the bounds keep rubbish out of a path."""
    return _APPLES.fullmatch(address) is not None


def is_anothers(address: str) -> bool:
    scheme, _, token = address.partition(" ")
    return scheme.isalpha() and _OTHERS.fullmatch(token) is not None
