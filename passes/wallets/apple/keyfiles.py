"""Reads certificate and key files the way people really have them: PEM, DER, .p12, bundles, mix-ups.

It says what a file holds, never whether that is good for signing passes: `certificates.py` judges.
A file whose private key is asked for must belong to us and be closed to everyone else. Passwords come in
as values and leave in no sentence and no exception; a key is decrypted in memory only.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key, pkcs12

from ...errors import BadInput, ConfigError

MAX_BYTES = 131_072
MAX_PASSWORD_BYTES = 1_000

CERTIFICATES = ("CERTIFICATE", "X509 CERTIFICATE")
KEYS = ("PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY")

_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----.*?-----END \1-----", re.DOTALL)

# The first bytes of DER files, with the label the same thing bears as PEM. H: a SEQUENCE and its length.
_H = rb"0(?:[\x00-\x80]|\x81.|\x82..|\x83...)"
_DER = [
    (re.compile(_H + start, re.DOTALL), label)
    for start, label in (
        (rb"\x02\x01\x03", "PKCS12"),
        (rb"\x02\x01[\x00\x01]", "PRIVATE KEY"),
        (_H + rb"\x06.\x2a\x86\x48\x86\xf7\x0d\x01[\x05\x0c]", "ENCRYPTED PRIVATE KEY"),
        (_H + rb"\x06.\x2a\x86\x48", "PUBLIC KEY"),
        (rb"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07", "PKCS7"),
        (_H + rb"\x02\x01\x00", "CERTIFICATE REQUEST"),
        (_H + rb"\xa0\x03\x02\x01", "CERTIFICATE"),
    )
]

# All that `cryptography` throws at a certificate it cannot make sense of.
_UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)

_REQUEST = "a certificate request; upload it to Apple and use the certificate you get for it"
_NAMES = {
    **dict.fromkeys(CERTIFICATES, "a certificate"),
    **dict.fromkeys(KEYS, "a private key"),
    "PKCS12": "a .p12 bundle in which it is missing; export certificate and private key together",
    "CERTIFICATE REQUEST": _REQUEST,
    "NEW CERTIFICATE REQUEST": _REQUEST,
    "PUBLIC KEY": "a public key",
    "RSA PUBLIC KEY": "a public key",
    "OPENSSH PRIVATE KEY": "an OpenSSH key, which cannot sign passes",
    "PKCS7": "a PKCS #7 bundle; use the .cer file Apple gave you",
}
_OTHER_STARTS = (
    (b"\xff\xfe", "text in UTF-16; save it as plain text"),
    (b"\xfe\xff", "text in UTF-16; save it as plain text"),
    (b"PK\x03\x04", "a zip archive; unpack it first"),
    (b"ssh-", "an OpenSSH key, which cannot sign passes"),
    (b"<", "a web page; sign in to Apple and download the file again"),
)


@dataclass(frozen=True)
class KeyFile:
    """One file as it was read. `purpose` says what it should hold, in the words of a sentence."""

    path: Path
    purpose: str
    body: bytes = field(repr=False)
    password: str | None = field(repr=False)
    mode: int
    owner: int

    def certificates(self) -> list[x509.Certificate]:
        """Every certificate in the file, each once and parsed to the end."""
        found = self._bundle()[1] if self.is_bundle else []
        for label, part in self._parts():
            if label in CERTIFICATES:
                found.append(self._certificate(part))
        return list(dict.fromkeys(found))

    def private_key(self) -> PrivateKeyTypes | None:
        """The private key in the file, decrypted; None when there is none."""
        sealed = [(label, part) for label, part in self._parts() if label in (*KEYS, "PKCS12")]
        if not sealed:
            return None
        self._refuse_open_to_others()
        return self._bundle()[0] if self.is_bundle else self._key(*sealed[0])

    @property
    def is_bundle(self) -> bool:
        return any(label == "PKCS12" for label, _ in self._parts())

    def holds(self) -> str:
        """What is in the file, for a person who expected something else there."""
        text = self.body.strip()
        if not text:
            return "nothing, the file is empty"
        if parts := self._parts():
            return _NAMES.get(parts[0][0], "nothing that belongs here")
        if b"-----BEGIN" in text:
            return "text that is cut off; copy the whole file again"
        return next((what for start, what in _OTHER_STARTS if text.startswith(start)), "nothing we can read")

    def refusal(self, why: str) -> ConfigError:
        return ConfigError(f"{self.path}: {why}")

    def _parts(self) -> list[tuple[str, bytes]]:
        """What the file consists of: PEM blocks, or the whole as DER, each with its PEM label."""
        if b"-----BEGIN" in self.body:
            return [(match[1].decode(), match[0] + b"\n") for match in _PEM.finditer(self.body)]
        return [(label, self.body) for start, label in _DER if start.match(self.body)][:1]

    def _certificate(self, part: bytes) -> x509.Certificate:
        is_pem = part.startswith(b"-----")
        try:
            found = (x509.load_pem_x509_certificate if is_pem else x509.load_der_x509_certificate)(part)
            # Parsed only when asked for: ask now, where the file's name is known.
            found.extensions, found.subject, found.issuer, found.public_key()
        except _UNREADABLE:
            raise self.refusal("the certificate in it is damaged; download or copy it again.") from None
        return found

    def _key(self, label: str, part: bytes) -> PrivateKeyTypes:
        locked = label == "ENCRYPTED PRIVATE KEY" or b"ENCRYPTED" in part
        read = load_pem_private_key if part.startswith(b"-----") else load_der_private_key
        try:
            return read(part, self._password() if locked else None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise self._closed(locked, "the private key in it") from None

    def _bundle(self) -> tuple[PrivateKeyTypes | None, list[x509.Certificate]]:
        try:
            key, first, others = pkcs12.load_key_and_certificates(self.body, self._password())
            return key, [each for each in (first, *others) if each is not None]
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise self._closed(True, "the .p12 bundle") from None

    def _closed(self, locked: bool, what: str) -> ConfigError:
        if not locked:
            return self.refusal(f"{what} is damaged or of an unknown kind; copy the file again.")
        if not self.password:
            return self.refusal(f"{what} is protected by a password; set key_password (env:NAME or file:PATH).")
        return self.refusal(f"the password does not open {what}; check key_password or export the file again.")

    def _password(self) -> bytes | None:
        try:
            return password_bytes(self.password)
        except BadInput as wrong:
            raise self.refusal(str(wrong)) from None

    def _refuse_open_to_others(self) -> None:
        if self.mode & 0o077:
            raise self.refusal(f"others on this machine can reach this key; run: chmod 600 {quote(str(self.path))}")
        us = os.geteuid()
        if self.owner not in (0, us):
            raise self.refusal(f"this key belongs to another user; run: sudo chown {us} {quote(str(self.path))}")


def password_bytes(password: str | None) -> bytes | None:
    """As OpenSSL wants it; an empty one is none."""
    secret = (password or "").encode("utf-8", "surrogateescape")
    # It takes neither, and would print the password in its own trace.
    if b"\0" in secret or len(secret) > MAX_PASSWORD_BYTES:
        raise BadInput(f"key_password must have no zero byte and at most {MAX_PASSWORD_BYTES} bytes.")
    return secret or None


def read(path: Path, purpose: str, password: str | None = None) -> KeyFile:
    """The file at `path`, which should hold `purpose`; nothing is judged but that it can be read."""
    try:
        # Not blocking: someone may have put a pipe here.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status, body = os.fstat(handle), b""
            if stat.S_ISREG(status.st_mode):
                body = _read_all(handle)
        finally:
            os.close(handle)
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file; it should hold {purpose}.") from None
    except (OSError, ValueError) as wrong:
        why = getattr(wrong, "strerror", None) or "the path is not valid"
        raise ConfigError(f"{path}: cannot be read ({why}); it should hold {purpose}.") from None
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(f"{path}: is not a file; it should be one that holds {purpose}.")
    if len(body) > MAX_BYTES:
        raise ConfigError(f"{path}: is larger than {MAX_BYTES // 1024} KB; it should hold only {purpose}.")
    return KeyFile(path, purpose, body, password, stat.S_IMODE(status.st_mode), status.st_uid)


def _read_all(handle: int) -> bytes:
    """The file's bytes, one more than allowed at most."""
    with open(handle, "rb", closefd=False) as file:
        return file.read(MAX_BYTES + 1)
