"""Signs what a till without a network may believe: that this card was ours and in order on this day.

Each of the service's keys gives one Ed25519 key, of which tills keep the public half. Whoever has that
half can check a credential and make none; a key that was replaced goes on being listed, because phones without a
connection still show what it signed.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from .secrets import Secrets

LABEL = "day-credential"
_ID_LETTERS = 4


@dataclass(frozen=True)
class PublicKey:
    """What a till keeps. `id` is in every credential that the key signed; `key` is its 32 bytes in base64."""

    id: str
    key: str


class Signer:
    """One signing key. `id` tells it from the others and nothing else."""

    def __init__(self, seed: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self._public = self._private.public_key()
        self.public = self._public.public_bytes_raw()
        self.id = base64.b32encode(hashlib.sha256(self.public).digest()).decode()[:_ID_LETTERS]

    def sign(self, text: bytes) -> bytes:
        return self._private.sign(text)

    def is_signed(self, signature: bytes, text: bytes) -> bool:
        try:
            self._public.verify(signature, text)
        except InvalidSignature:
            return False
        return True


def signer(secrets: Secrets, key_id: str) -> Signer:
    """The signing key that belongs to one of the service's keys."""
    return _signer(secrets.derive(LABEL, key_id=key_id))


def public_keys(secrets: Secrets) -> list[PublicKey]:
    """Every key under which a credential may be met, the present one first."""
    signers = [signer(secrets, key_id) for key_id in secrets.ids()]
    return [PublicKey(each.id, base64.b64encode(each.public).decode()) for each in signers]


# Making one takes longer than using it, and there are as many as lines in service.keys.
_signer = lru_cache(maxsize=64)(Signer)
