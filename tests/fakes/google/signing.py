"""The keys by which this Google signs what it says about saved and removed cards, and how it signs.

A root vouches for an intermediate key, which signs messages. Key pairs come from their labels, so that
everybody's tests know the same keys; signatures are deterministic. Everything that the real one does wrong
only when attacked (another sender, another issuer, an expired key) can be asked for here.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from dataclasses import dataclass
from functools import cached_property

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .clock import Clock

PROTOCOL = "ECv2SigningOnly"
SENDER = "GooglePayPasses"
DAY_MS = 24 * 60 * 60 * 1000
ROOT_DAYS, INTERMEDIATE_DAYS = 7, 3
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass
class KeyPair:
    """A P-256 key made of its label. `expires_ms` None: its end is put off whenever it is shown."""

    label: str
    expires_ms: int | None = None

    @cached_property
    def private(self) -> ec.EllipticCurvePrivateKey:
        scalar = int.from_bytes(hashlib.sha256(self.label.encode()).digest()) % (_ORDER - 1) + 1
        return ec.derive_private_key(scalar, ec.SECP256R1())

    @cached_property
    def public(self) -> str:
        der = self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return b64encode(der).decode()

    def sign(self, *parts: str) -> str:
        signed = b"".join(len(part.encode()).to_bytes(4, "little") + part.encode() for part in parts)
        return b64encode(self.private.sign(signed, ec.ECDSA(SHA256(), deterministic_signing=True))).decode()


class Signer:
    """Google's root keys, the intermediate key of the day, and what they sign."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        self.roots = [KeyPair("fake-google-root")]
        self.intermediate = KeyPair("fake-google-intermediate")
        self._made = 1

    def rotate_root(self, keep_old: bool = True) -> None:
        """Sign with a new root from now on; the list shows the old one, too, unless it is dropped."""
        self._made += 1
        old = self.roots if keep_old else []
        self.roots = [KeyPair(f"fake-google-root-{self._made}"), *old]

    def rotate_intermediate(self) -> None:
        self._made += 1
        self.intermediate = KeyPair(f"fake-google-intermediate-{self._made}")

    def expire_roots(self) -> None:
        for root in self.roots:
            root.expires_ms = self._clock.ms - 1

    def expire_intermediate(self) -> None:
        self.intermediate.expires_ms = self._clock.ms - 1

    def key_list(self) -> dict[str, object]:
        """What https://pay.google.com/gp/m/issuer/keys answers."""
        return {
            "keys": [
                {
                    "keyValue": root.public,
                    "protocolVersion": PROTOCOL,
                    "keyExpiration": str(self._ends(root, ROOT_DAYS)),
                }
                for root in self.roots
            ]
        }

    def sign(
        self, message: str, issuer_id: str, *, sender: str = SENDER, protocol: str = PROTOCOL, signed_key: str = ""
    ) -> bytes:
        """The body of a callback that carries this message."""
        signed_key = signed_key or self.signed_key()
        body = {
            "signature": self.intermediate.sign(sender, issuer_id, PROTOCOL, message),
            "intermediateSigningKey": {
                "signedKey": signed_key,
                "signatures": [self.roots[0].sign(sender, PROTOCOL, signed_key)],
            },
            "protocolVersion": protocol,
            "signedMessage": message,
        }
        return compact(body).encode()

    def signed_key(self) -> str:
        ends = self._ends(self.intermediate, INTERMEDIATE_DAYS)
        # Google's writer escapes "=" inside this text.
        return compact({"keyValue": self.intermediate.public, "keyExpiration": str(ends)}).replace("=", "\\u003d")

    def _ends(self, key: KeyPair, days: int) -> int:
        return key.expires_ms if key.expires_ms is not None else self._clock.ms + days * DAY_MS


def compact(said: object) -> str:
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))
