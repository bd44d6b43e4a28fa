"""A certificate authority like Apple's, and every way to get its certificates wrong.

`Pki` makes keys once and certificates of any shape from them. `BAD` is a list of mix-ups, each with
the file the complaint must name and a word it must contain.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    pkcs7,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

NOW = 1_780_000_000
DAY = 86_400
PASSWORD = "canary-Пароль-7f3a"
PASS_TYPE = "pass.com.example.card"
TEAM = "A1B2C3D4E5"
SIGNS_PASSES = ObjectIdentifier("1.2.840.113635.100.4.14")
MARKED_TYPE = ObjectIdentifier("1.2.840.113635.100.6.1.16")


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


class Pki:
    """Root, the living generation (G4), a dead one (G1) and the shop's own key."""

    def __init__(self) -> None:
        self.root_key, self.g4_key, self.g1_key, self.key, self.other_key = (rsa_key() for _ in range(5))
        self.root_name = name(CN="Apple Root CA", O="Apple Inc.")
        self.g4_name = name(CN="Apple Worldwide Developer Relations", OU="G4", O="Apple Inc.")
        self.g1_name = name(CN="Apple Worldwide Developer Relations", O="Apple Inc.")
        self.root = self.authority(self.root_name, self.root_key, self.root_name, self.root_key)
        self.g4 = self.authority(self.g4_name, self.g4_key, self.root_name, self.root_key)
        self.g1 = self.authority(self.g1_name, self.g1_key, self.root_name, self.root_key)
        self.leaf = self.make_leaf()

    @cached_property
    def small_key(self) -> rsa.RSAPrivateKey:
        return rsa_key(1024)

    def authority(self, subject, key, issuer, issuer_key, **shape: Any) -> x509.Certificate:
        return certificate(subject, key, issuer, issuer_key, ca=True, **{"ends": NOW + 3000 * DAY} | shape)

    def make_leaf(self, key: Any = None, subject: x509.Name | None = None, **shape: Any) -> x509.Certificate:
        subject = subject or leaf_name()
        shape = {"issuer": self.g4_name, "issuer_key": self.g4_key, **shape}
        return certificate(subject, key or self.key, **shape)

    def files(self) -> dict[str, Any]:
        """Good ones; a case replaces what it spoils."""
        return {"certificate": pem(self.leaf), "key": key_pem(self.key), "wwdr": pem(self.g4)}


def name(**parts: str) -> x509.Name:
    kinds = {
        "UID": NameOID.USER_ID,
        "CN": NameOID.COMMON_NAME,
        "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
        "O": NameOID.ORGANIZATION_NAME,
    }
    return x509.Name([x509.NameAttribute(kinds[kind], value) for kind, value in parts.items()])


def leaf_name(**changes: str) -> x509.Name:
    parts = {"UID": PASS_TYPE, "CN": f"Pass Type ID: {PASS_TYPE}", "OU": TEAM, "O": "Shop"} | changes
    return name(**{kind: value for kind, value in parts.items() if value})


def certificate(
    subject: x509.Name,
    key: Any,
    issuer: x509.Name,
    issuer_key: Any,
    *,
    ca: bool = False,
    starts: int = NOW - 10 * DAY,
    ends: int = NOW + 384 * DAY,
    purposes: Sequence[ObjectIdentifier] = (ExtendedKeyUsageOID.CLIENT_AUTH, SIGNS_PASSES),
    marked: bytes | None = None,
    authority_of: Any = None,
    identified: bool = True,
) -> x509.Certificate:
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(datetime.fromtimestamp(starts, UTC))
    builder = builder.not_valid_after(datetime.fromtimestamp(ends, UTC))
    builder = builder.add_extension(x509.BasicConstraints(ca, None), True)
    if identified:
        by = (authority_of or issuer_key).public_key()
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by), False)
    if purposes and not ca:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), False)
    if marked is not None:
        builder = builder.add_extension(x509.UnrecognizedExtension(MARKED_TYPE, marked), False)
    return builder.sign(issuer_key, SHA256())


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates)


def der(one: x509.Certificate) -> bytes:
    return one.public_bytes(Encoding.DER)


def key_pem(key: Any, password: str | None = None, how: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    return bytes(key.private_bytes(Encoding.PEM, how, _lock(password)))


def key_der(key: Any, password: str | None = None) -> bytes:
    return bytes(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, _lock(password)))


def p12(key: Any, leaf: x509.Certificate | None, password: str | None, *others: x509.Certificate) -> bytes:
    return pkcs12.serialize_key_and_certificates(b"card", key, leaf, list(others), _lock(password))


def request_pem(key: Any) -> bytes:
    return x509.CertificateSigningRequestBuilder(leaf_name()).sign(key, SHA256()).public_bytes(Encoding.PEM)


def _lock(password: str | None):
    return BestAvailableEncryption(password.encode()) if password else NoEncryption()


def _public(key: Any, encoding: Encoding) -> bytes:
    return bytes(key.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo))


@dataclass(frozen=True)
class Bad:
    """What a person hands over wrongly. `spoil` returns the files (or "password", "mode") it replaces."""

    what: str
    file: str
    word: str
    spoil: Callable[[Pki], dict[str, Any]]


def _spoilt(body: bytes, at: int) -> bytes:
    lines = body.split(b"\n")
    lines[at] = lines[at][::-1]
    return b"\n".join(lines)


_PLACES = ("certificate", "key", "wwdr")


def _in_every_place(what: str, word: str, body: Callable[[Pki, str], Any]) -> list[Bad]:
    return [
        Bad(f"{file}: {what}", file, word, partial(lambda file, pki: {file: body(pki, file)}, file)) for file in _PLACES
    ]


BAD = [
    *_in_every_place("empty", "empty", lambda pki, file: b""),
    *_in_every_place("only spaces", "empty", lambda pki, file: b" \n\n"),
    *_in_every_place("cut off", "cut off", lambda pki, file: pki.files()[file][:200]),
    *_in_every_place("a web page", "web page", lambda pki, file: b"<!DOCTYPE html><title>Sign in</title>"),
    *_in_every_place("noise", "nothing", lambda pki, file: b"\x00\xff" * 300),
    *_in_every_place("missing", "no such file", lambda pki, file: None),
    *_in_every_place("a folder", "not a file", lambda pki, file: "folder"),
    *_in_every_place("a pipe", "not a file", lambda pki, file: "pipe"),
    *_in_every_place("far too large", "larger than", lambda pki, file: bytes(200_000)),
    Bad(
        "certificate: in UTF-16",
        "certificate",
        "UTF-16",
        lambda pki: {"certificate": pem(pki.leaf).decode().encode("utf-16")},
    ),
    Bad("certificate: zipped", "certificate", "zip", lambda pki: {"certificate": b"PK\x03\x04" + bytes(100)}),
    Bad(
        "certificate: damaged PEM",
        "certificate",
        "damaged",
        lambda pki: {"certificate": _spoilt(pem(pki.leaf), 3)},
    ),
    Bad("certificate: damaged DER", "certificate", "damaged", lambda pki: {"certificate": der(pki.leaf)[:-40]}),
    Bad("wwdr: damaged PEM", "wwdr", "damaged", lambda pki: {"wwdr": _spoilt(pem(pki.g4), 3)}),
    Bad("certificate: the request", "certificate", "request", lambda pki: {"certificate": request_pem(pki.key)}),
    Bad(
        "certificate: the request as DER",
        "certificate",
        "request",
        lambda pki: {"certificate": x509.load_pem_x509_csr(request_pem(pki.key)).public_bytes(Encoding.DER)},
    ),
    Bad(
        "certificate: PKCS #7",
        "certificate",
        "PKCS #7",
        lambda pki: {"certificate": pkcs7.serialize_certificates([pki.leaf], Encoding.PEM)},
    ),
    Bad(
        "certificate: PKCS #7 as DER",
        "certificate",
        "PKCS #7",
        lambda pki: {"certificate": pkcs7.serialize_certificates([pki.leaf], Encoding.DER)},
    ),
    Bad(
        "certificate and key swapped",
        "key",
        "swapped",
        lambda pki: {"certificate": key_pem(pki.key), "key": pem(pki.leaf)},
    ),
    Bad(
        "certificate and wwdr swapped",
        "certificate",
        "swapped",
        lambda pki: {"certificate": pem(pki.g4), "wwdr": pem(pki.leaf)},
    ),
    Bad("certificate: the intermediate", "certificate", "found only", lambda pki: {"certificate": pem(pki.g4)}),
    Bad("certificate: the root", "certificate", "found only", lambda pki: {"certificate": pem(pki.root)}),
    Bad("certificate: the key", "certificate", "a private key", lambda pki: {"certificate": key_pem(pki.key)}),
    Bad("certificate: the key as DER", "certificate", "a private key", lambda pki: {"certificate": key_der(pki.key)}),
    Bad("key: the certificate as DER", "key", "a certificate", lambda pki: {"key": der(pki.leaf)}),
    Bad("key: a public key", "key", "public key", lambda pki: {"key": _public(pki.key, Encoding.PEM)}),
    Bad("key: a public key as DER", "key", "public key", lambda pki: {"key": _public(pki.key, Encoding.DER)}),
    Bad("key: OpenSSH", "key", "OpenSSH", lambda pki: {"key": key_pem(pki.key, how=PrivateFormat.OpenSSH)}),
    Bad("key: the request", "key", "request", lambda pki: {"key": request_pem(pki.key)}),
    Bad("key: damaged", "key", "damaged", lambda pki: {"key": _spoilt(key_pem(pki.key), 5)}),
    Bad(
        "key: base64 of nothing",
        "key",
        "damaged",
        lambda pki: {
            "key": b"-----BEGIN PRIVATE KEY-----\n" + base64.b64encode(bytes(99)) + b"\n-----END PRIVATE KEY-----\n"
        },
    ),
    Bad("key: of another certificate", "key", "does not belong", lambda pki: {"key": key_pem(pki.other_key)}),
    Bad(
        "key: of another kind",
        "key",
        "does not belong",
        lambda pki: {"key": key_pem(ec.generate_private_key(ec.SECP256R1()))},
    ),
    Bad("key: protected, no password", "key", "protected", lambda pki: {"key": key_pem(pki.key, PASSWORD)}),
    Bad(
        "key: protected, wrong password",
        "key",
        "does not open",
        lambda pki: {"key": key_pem(pki.key, PASSWORD), "password": PASSWORD + "!"},
    ),
    Bad(
        "key: old protection, wrong password",
        "key",
        "does not open",
        lambda pki: {"key": key_pem(pki.key, "another", PrivateFormat.TraditionalOpenSSL), "password": PASSWORD},
    ),
    Bad(
        "key: protected DER, wrong password",
        "key",
        "does not open",
        lambda pki: {"key": key_der(pki.key, "another"), "password": PASSWORD},
    ),
    Bad("key: protected DER, no password", "key", "protected", lambda pki: {"key": key_der(pki.key, "another")}),
    Bad(
        "key: zero byte in the password",
        "key",
        "zero byte",
        lambda pki: {"key": key_pem(pki.key, "another"), "password": PASSWORD + "\0"},
    ),
    Bad(
        "key: endless password",
        "key",
        "at most",
        lambda pki: {"key": key_pem(pki.key, "another"), "password": PASSWORD * 100},
    ),
    Bad("key: readable by the group", "key", "chmod 600", lambda pki: {"mode": 0o640}),
    Bad("key: readable by all", "key", "chmod 600", lambda pki: {"mode": 0o604}),
    Bad("key: writable by the group", "key", "chmod 600", lambda pki: {"mode": 0o620}),
    Bad(
        "key: 1024 bits",
        "key",
        "2048",
        lambda pki: {"key": key_pem(pki.small_key), "certificate": pem(pki.make_leaf(pki.small_key))},
    ),
    Bad("key: elliptic curve", "key", "RSA", lambda pki: _with_key(pki, ec.generate_private_key(ec.SECP256R1()))),
    Bad("key: Ed25519", "key", "RSA", lambda pki: _with_key(pki, ed25519.Ed25519PrivateKey.generate())),
    Bad(
        ".p12: wrong password",
        "certificate",
        "does not open",
        lambda pki: {"certificate": p12(pki.key, pki.leaf, "another"), "password": PASSWORD},
    ),
    Bad(
        ".p12: no password", "certificate", "protected", lambda pki: {"certificate": p12(pki.key, pki.leaf, "another")}
    ),
    Bad(
        ".p12: damaged",
        "certificate",
        "does not open",
        lambda pki: {"certificate": p12(pki.key, pki.leaf, PASSWORD)[:-99], "password": PASSWORD},
    ),
    Bad(
        ".p12: no key and none elsewhere",
        "key",
        "no such file",
        lambda pki: {"certificate": p12(None, pki.leaf, PASSWORD), "password": PASSWORD, "key": None},
    ),
    Bad(
        ".p12: key without certificate",
        "certificate",
        ".p12",
        lambda pki: {"certificate": p12(pki.key, None, PASSWORD), "password": PASSWORD},
    ),
    Bad(
        ".p12: open to others",
        "certificate",
        "chmod 600",
        lambda pki: {"certificate": p12(pki.key, pki.leaf, PASSWORD), "password": PASSWORD, "certificate mode": 0o644},
    ),
    Bad("leaf: no UID", "certificate", "UID", lambda pki: _with_leaf(pki, subject=leaf_name(UID=""))),
    Bad(
        "leaf: UID of an app",
        "certificate",
        "UID",
        lambda pki: _with_leaf(pki, subject=leaf_name(UID="com.example.app")),
    ),
    Bad("leaf: UID 'pass.' alone", "certificate", "UID", lambda pki: _with_leaf(pki, subject=leaf_name(UID="pass."))),
    Bad(
        "leaf: UID with a path in it",
        "certificate",
        "UID",
        lambda pki: _with_leaf(pki, subject=leaf_name(UID="pass./../x")),
    ),
    Bad(
        "leaf: two UIDs",
        "certificate",
        "UID",
        lambda pki: _with_leaf(pki, subject=x509.Name([*leaf_name(), *name(UID="pass.b")])),
    ),
    Bad("leaf: no OU", "certificate", "OU", lambda pki: _with_leaf(pki, subject=leaf_name(OU=""))),
    Bad("leaf: OU too short", "certificate", "OU", lambda pki: _with_leaf(pki, subject=leaf_name(OU="A1B2"))),
    Bad("leaf: OU too long", "certificate", "OU", lambda pki: _with_leaf(pki, subject=leaf_name(OU="A1B2C3D4E5F"))),
    Bad(
        "leaf: marked for another type",
        "certificate",
        "two pass types",
        lambda pki: _with_leaf(pki, marked=b"\x0c\x06pass.b"),
    ),
    Bad("leaf: mark unreadable", "certificate", "two pass types", lambda pki: _with_leaf(pki, marked=b"\xff")),
    Bad("leaf: no purposes", "certificate", "not a Pass Type ID", lambda pki: _with_leaf(pki, purposes=())),
    Bad(
        "leaf: only for TLS",
        "certificate",
        "not a Pass Type ID",
        lambda pki: _with_leaf(pki, purposes=(ExtendedKeyUsageOID.CLIENT_AUTH,)),
    ),
    Bad("leaf: not valid yet", "certificate", "valid only from", lambda pki: _with_leaf(pki, starts=NOW + DAY)),
    Bad("wwdr: G1 for a G4 leaf", "wwdr", "wrong generation", lambda pki: {"wwdr": pem(pki.g1)}),
    Bad(
        "wwdr: G4 for a G1 leaf",
        "wwdr",
        "wrong generation",
        lambda pki: _with_leaf(pki, issuer=pki.g1_name, issuer_key=pki.g1_key),
    ),
    Bad(
        "wwdr: same name, another key",
        "wwdr",
        "not the one that issued",
        lambda pki: {"wwdr": pem(pki.authority(pki.g4_name, pki.other_key, pki.root_name, pki.root_key))},
    ),
    Bad(
        "wwdr: a forged leaf",
        "wwdr",
        "did not sign",
        lambda pki: _with_leaf(pki, issuer_key=pki.other_key, authority_of=pki.g4_key),
    ),
    Bad(
        "wwdr: a forged leaf without identifiers",
        "wwdr",
        "did not sign",
        lambda pki: _with_leaf(pki, issuer_key=pki.other_key, identified=False),
    ),
    Bad("wwdr: the root", "wwdr", "the root", lambda pki: {"wwdr": pem(pki.root)}),
    Bad("wwdr: the leaf again", "wwdr", "issues no certificates", lambda pki: {"wwdr": pem(pki.leaf)}),
    Bad("wwdr: the key", "wwdr", "a private key", lambda pki: {"wwdr": key_pem(pki.key)}),
    Bad(
        "wwdr: an issuer that is no authority",
        "wwdr",
        "issues no certificates",
        lambda pki: {"wwdr": pem(certificate(pki.g4_name, pki.g4_key, pki.root_name, pki.root_key))},
    ),
]


def _with_key(pki: Pki, key: Any) -> dict[str, Any]:
    return {"key": key_pem(key), "certificate": pem(pki.make_leaf(key))}


def _with_leaf(pki: Pki, **shape: Any) -> dict[str, Any]:
    return {"certificate": pem(pki.make_leaf(**shape))}
