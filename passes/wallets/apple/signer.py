"""Signs a pass: the manifest's bytes in, a detached CMS signature out.

The phone accepts DER SignedData with SHA-256, the signing time, the leaf and the intermediate that
issued it. Of all those bytes only three runs differ from pass to pass (time, digest, signature), each of a
fixed length, so the rest is encoded once and a pass costs one RSA operation. Never starts a process, never
loads a key, keeps no state between two calls: any number of threads may share one signer.

Why to trust it: at construction it verifies a signature of its own with the certificate's public key
and has its encoding parsed by `cryptography`; the tests compare it byte for byte with that library's
own encoder and have OpenSSL verify it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from ...errors import ConfigError
from .certificates import CannotSign, Identity
from .der import GENERALIZED_TIME, NULL, OCTETS, SEQUENCE, SET, UTC_TIME, der, integer, set_of

# Object identifiers, encoded: PKCS #1, #7 and #9, and SHA-256.
RSA = bytes.fromhex("06092a864886f70d010101")
CONTENT = bytes.fromhex("06092a864886f70d010701")
SIGNED = bytes.fromhex("06092a864886f70d010702")
CONTENT_TYPE = bytes.fromhex("06092a864886f70d010903")
MESSAGE_DIGEST = bytes.fromhex("06092a864886f70d010904")
SIGNING_TIME = bytes.fromhex("06092a864886f70d010905")
SHA_256 = bytes.fromhex("0609608648016503040201")

EXPLICIT = IMPLICIT = 0xA0
DIGEST_BYTES = 32
YEAR_2050 = 2_524_608_000

_PADDING, _HASH = padding.PKCS1v15(), SHA256()


@dataclass(frozen=True)
class _Template:
    """One encoded signature, cut where the three variable runs stand."""

    before: bytes
    opening: bytes
    middle: bytes
    after: bytes


class Signer:
    """Signs manifests for one identity."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self._key = identity.key
        self._utc = _template(identity, UTC_TIME, b"yymmddHHMMSSZ")
        self._generalized = _template(identity, GENERALIZED_TIME, b"yyyymmddHHMMSSZ")
        self._check()

    def sign(self, manifest: bytes, at: int) -> bytes:
        """The signature file for these exact bytes; refuses outside the certificates' validity."""
        if not self.identity.can_sign(at):
            raise CannotSign(self.identity, at)
        return self._seal(manifest, at)

    def _seal(self, manifest: bytes, at: int) -> bytes:
        template, attributes = self._attributes(manifest, at)
        # What is signed is tagged as a plain SET, what is sent as an implicit [0]: RFC 5652, 5.4.
        signature = self._key.sign(b"\x31" + attributes, _PADDING, _HASH)
        return b"".join((template.before, b"\xa0", attributes, template.after, signature))

    def _attributes(self, manifest: bytes, at: int) -> tuple[_Template, bytes]:
        template = self._generalized if at >= YEAR_2050 else self._utc
        return template, b"".join((template.opening, _moment(at), template.middle, sha256(manifest).digest()))

    def _check(self) -> None:
        """Refuse to exist rather than hand out passes no phone opens."""
        if not all(self._verifies(at) for at in (self.identity.not_before, YEAR_2050)):
            raise ConfigError(
                "A trial signature with the Apple key does not verify with its certificate; "
                "run `passes doctor` to see what is wrong with the files."
            )

    def _verifies(self, at: int) -> bool:
        manifest = b'{\n "pass.json": "" }'
        _, attributes = self._attributes(manifest, at)
        sealed = self._seal(manifest, at)
        leaf = self.identity.leaf
        try:
            signature = sealed[-_signature_bytes(self.identity) :]
            _public(leaf).verify(signature, b"\x31" + attributes, _PADDING, _HASH)
            inside = pkcs7.load_der_pkcs7_certificates(sealed)
        except (InvalidSignature, ValueError):
            return False
        # A phone finds the leaf by its issuer, byte for byte as the certificate spells it.
        spelt = leaf.issuer.public_bytes() in leaf.tbs_certificate_bytes
        return spelt and set(inside) == {leaf, *self.identity.intermediates}


@lru_cache(maxsize=16)
def _moment(at: int) -> bytes:
    """CMS says UTCTime until 2049: its year has two digits."""
    return time.strftime("%Y%m%d%H%M%SZ" if at >= YEAR_2050 else "%y%m%d%H%M%SZ", time.gmtime(at)).encode()


def _template(identity: Identity, time_tag: int, moment: bytes) -> _Template:
    digest, signature = bytes(DIGEST_BYTES), bytes(_signature_bytes(identity))
    # In DER order, whatever the time and the digest: the three differ in their length bytes already.
    attributes = der(
        IMPLICIT,
        _attribute(CONTENT_TYPE, CONTENT),
        _attribute(SIGNING_TIME, der(time_tag, moment)),
        _attribute(MESSAGE_DIGEST, der(OCTETS, digest)),
    )
    before, _, after = _signed(identity, attributes, signature).rpartition(attributes)
    opening, _, rest = attributes[1:].partition(moment)
    return _Template(before, opening, rest[:-DIGEST_BYTES], after[: -len(signature)])


def _signed(identity: Identity, attributes: bytes, signature: bytes) -> bytes:
    """The whole of RFC 5652's SignedData: version 1, no content, one signer named by issuer and serial."""
    leaf = identity.leaf
    sha_256 = der(SEQUENCE, SHA_256, der(NULL))
    chain = set_of(*(each.public_bytes(Encoding.DER) for each in (leaf, *identity.intermediates)))
    signer = der(
        SEQUENCE,
        integer(1),
        der(SEQUENCE, leaf.issuer.public_bytes(), integer(leaf.serial_number)),
        sha_256,
        attributes,
        der(SEQUENCE, RSA, der(NULL)),
        der(OCTETS, signature),
    )
    content = der(SEQUENCE, CONTENT)
    signed = der(SEQUENCE, integer(1), der(SET, sha_256), content, der(IMPLICIT, chain), der(SET, signer))
    return der(SEQUENCE, SIGNED, der(EXPLICIT, signed))


def _attribute(name: bytes, value: bytes) -> bytes:
    return der(SEQUENCE, name, der(SET, value))


def _public(leaf: x509.Certificate) -> rsa.RSAPublicKey:
    return cast(rsa.RSAPublicKey, leaf.public_key())


def _signature_bytes(identity: Identity) -> int:
    return (identity.key.key_size + 7) // 8
