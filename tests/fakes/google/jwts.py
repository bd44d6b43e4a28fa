"""Signed tokens as Google reads them: RS256 alone, three strict base64url pieces, a key we know by its owner."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Callable
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

KeyOf = Callable[[str, str | None], RSAPublicKey | None]
"""The public key of an account by its e-mail and, where the token says it, the id of the key."""


class BadToken(Exception):
    """Why a token is not taken."""


def read(token: str, key_of: KeyOf) -> dict[str, Any]:
    """The claims, once the signature is known to be of the account they name."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", token):
        raise BadToken("it is not three pieces of base64url without padding")
    header, claims = (_object(piece) for piece in token.split(".")[:2])
    if header.get("alg") != "RS256" or header.get("typ", "JWT") != "JWT":
        raise BadToken("its header must say alg RS256 and typ JWT")
    kid, issuer = header.get("kid"), claims.get("iss")
    if not isinstance(issuer, str) or not isinstance(kid, str | None):
        raise BadToken("it does not say whose it is")
    key = key_of(issuer, kid)
    if key is None:
        raise BadToken("its account or key is not known")
    signed, _, signature = token.rpartition(".")
    try:
        key.verify(_bytes(signature), signed.encode(), PKCS1v15(), SHA256())
    except InvalidSignature:
        raise BadToken("Invalid JWT Signature.") from None
    return claims


def _object(piece: str) -> dict[str, Any]:
    try:
        said = json.loads(_bytes(piece).decode())
    except (ValueError, RecursionError):
        raise BadToken("a piece of it is not JSON") from None
    if not isinstance(said, dict):
        raise BadToken("a piece of it is not a JSON object")
    return said


def _bytes(piece: str) -> bytes:
    try:
        return urlsafe_b64decode(piece + "=" * (-len(piece) % 4))
    except ValueError:
        raise BadToken("a piece of it is not base64url") from None
