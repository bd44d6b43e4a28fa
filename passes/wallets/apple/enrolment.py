"""How certificates come to be in `certs/`: throw-away ones to try, requested and installed ones to go live.

`make_dev` makes a whole chain like Apple's, so that everything runs without an Apple account; no phone
trusts it. `request` makes a private key and the request to upload; `install` puts what Apple answers
beside that key. Real files are never overwritten: `make_dev` refuses, `install` keeps the old ones as `.old`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkstemp

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from ...errors import BadInput, ConfigError
from . import keyfiles
from .certificates import DAY, PASS_SIGNING, PASS_TYPE, CannotSign, Identity, load
from .der import NULL, UTF8, der

# As Apple names them, so that what reads their certificates reads these.
PUSH = ObjectIdentifier("1.2.840.113635.100.6.3.2")
LEAF_DAYS, AUTHORITY_DAYS = 394, 3_650
# A dev leaf with less than this left is made anew rather than kept.
FRESH_DAYS = 30
# The mark by which a later `make_dev` knows its own files.
DEV = "Passes Development (no phone trusts this)"

_PASS_TYPE_SHAPE = re.compile(r"pass\.[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_TEAM_SHAPE = re.compile(r"[A-Z0-9]{10}")
_EMAIL_SHAPE = re.compile(r"[!-?A-~]{1,64}@[A-Za-z0-9.-]{1,189}")


@dataclass(frozen=True)
class Certs:
    """The names of files in a `certs/` folder."""

    folder: Path

    @property
    def certificate(self) -> Path:
        return self.folder / "pass.pem"

    @property
    def key(self) -> Path:
        return self.folder / "pass.key"

    @property
    def intermediate(self) -> Path:
        return self.folder / "wwdr.pem"

    @property
    def dev_root(self) -> Path:
        return self.folder / "dev-root.pem"

    @property
    def request(self) -> Path:
        return self.folder / "request.csr"

    @property
    def requested_key(self) -> Path:
        return self.folder / "request.key"

    def load(self, password: str | None, now: int) -> Identity:
        return load(self.certificate, self.key, self.intermediate, password, now)


def make_dev(
    folder: Path,
    now: int,
    pass_type: str = "pass.example.loyalty",
    team: str = "TEAM012345",
    again: bool = False,
) -> Identity:
    """A throw-away root, intermediate and leaf. Good ones of the same names are kept unless `again`."""
    if not _PASS_TYPE_SHAPE.fullmatch(pass_type) or len(pass_type) > 100:
        raise BadInput("The pass type must look like pass.com.example.card.", field="pass_type")
    if not _TEAM_SHAPE.fullmatch(team):
        raise BadInput("The team must be 10 capital letters and digits.", field="team")
    certs = Certs(folder)
    _refuse_real(certs)
    kept = None if again else _kept(certs, now)
    if kept is not None and (kept.pass_type, kept.team) == (pass_type, team):
        return kept
    _write_dev(certs, now, pass_type, team)
    return certs.load(None, now)


def request(folder: Path, common_name: str, email: str, password: str | None = None) -> Path:
    """A new private key and the request to upload to Apple; returns the request's path."""
    if not 1 <= len(common_name) <= 64 or not common_name.isprintable():
        raise BadInput("The name on the request must have 1 to 64 characters.", field="common_name")
    if not _EMAIL_SHAPE.fullmatch(email):
        raise BadInput("The e-mail address on the request must look like name@example.com.", field="email")
    certs = Certs(folder)
    if certs.requested_key.exists():
        raise ConfigError(
            f"{certs.requested_key}: there is a request already; install its certificate, "
            f"or move this file and {certs.request.name} away to begin anew."
        )
    key = _new_key()
    subject = _name((NameOID.COMMON_NAME, common_name), (NameOID.EMAIL_ADDRESS, email))
    signed = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, SHA256())
    _write({certs.requested_key: _key_pem(key, password), certs.request: signed.public_bytes(Encoding.PEM)})
    return certs.request


def install(folder: Path, downloaded: Path, wwdr: Path | None, now: int, password: str | None = None) -> Identity:
    """Put Apple's answer to the request in its place once it is proven to fit; old files become `.old`."""
    certs = Certs(folder)
    # A certificate renewed for the same request has its key in place already.
    key = certs.requested_key if certs.requested_key.exists() else certs.key
    if not key.exists():
        raise ConfigError(f"{certs.requested_key}: there is no such file; run `passes certs request` first.")
    if keyfiles.read(downloaded, "the certificate you got from Apple").is_bundle:
        raise ConfigError(f"{downloaded}: a .p12 brings its own key; set it as certificate in config.toml instead.")
    identity = load(downloaded, key, wwdr or certs.intermediate, password, now)
    if not identity.can_sign(now):
        raise CannotSign(identity, now)
    chain = b"".join(each.public_bytes(Encoding.PEM) for each in identity.intermediates)
    sealed = keyfiles.read(key, "the private key of the request").body
    leaf = identity.leaf.public_bytes(Encoding.PEM)
    _keep_old(certs.certificate, certs.key, certs.intermediate)
    _write({certs.key: sealed, certs.certificate: leaf, certs.intermediate: chain})
    for done in (certs.requested_key, certs.request):
        done.unlink(missing_ok=True)
    return identity


def _refuse_real(certs: Certs) -> None:
    ours = [key for path in (certs.certificate, certs.intermediate) if (key := _dev_key(path)) is not None]
    for path in (certs.certificate, certs.intermediate):
        if path.exists() and _dev_key(path) is None:
            raise ConfigError(f"{path}: is not a dev certificate; move it away or choose another folder.")
    if certs.key.exists() and _public_of(certs.key) not in ours:
        raise ConfigError(f"{certs.key}: is not a dev key; move it away or choose another folder.")


def _kept(certs: Certs, now: int) -> Identity | None:
    try:
        identity = certs.load(None, now)
    except ConfigError:
        return None
    fresh = identity.days_left(now) >= FRESH_DAYS and identity.can_sign(now)
    return identity if fresh and certs.dev_root.exists() else None


def _dev_key(path: Path) -> object | None:
    """The public key in a certificate of `make_dev`; None for any other file."""
    try:
        first = keyfiles.read(path, "a certificate").certificates()[0]
    except (ConfigError, IndexError):
        return None
    names = first.issuer.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return first.public_key() if [each.value for each in names] == [DEV] else None


def _public_of(path: Path) -> object | None:
    try:
        key = keyfiles.read(path, "a private key").private_key()
    except ConfigError:
        return None
    return key.public_key() if key is not None else None


def _write_dev(certs: Certs, now: int, pass_type: str, team: str) -> None:
    root_key, middle_key, key = _new_key(), _new_key(), _new_key()
    root_name = _name((NameOID.COMMON_NAME, "Passes Development Root"), (NameOID.ORGANIZATION_NAME, DEV))
    middle_name = _name(
        (NameOID.COMMON_NAME, "Passes Development Intermediate"),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, "G4"),
        (NameOID.ORGANIZATION_NAME, DEV),
    )
    leaf_name = _name(
        (NameOID.USER_ID, pass_type),
        # A common name has 64 characters at most; nobody reads the pass type from it.
        (NameOID.COMMON_NAME, f"Pass Type ID: {pass_type}"[:64]),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, team),
        (NameOID.ORGANIZATION_NAME, "Passes Development"),
    )
    # An hour back: the phone's or another machine's clock may be a little behind.
    start = now - 3_600
    root = _certificate(root_name, root_key, root_name, root_key, start, AUTHORITY_DAYS, _authority(None))
    middle = _certificate(middle_name, middle_key, root_name, root_key, start, AUTHORITY_DAYS, _authority(0))
    leaf = _certificate(leaf_name, key, middle_name, middle_key, start, LEAF_DAYS, _pass_leaf(pass_type))
    _write(
        {
            certs.key: _key_pem(key, None),
            certs.certificate: leaf.public_bytes(Encoding.PEM),
            certs.intermediate: middle.public_bytes(Encoding.PEM),
            certs.dev_root: root.public_bytes(Encoding.PEM),
        }
    )


def _certificate(
    subject: x509.Name,
    key: rsa.RSAPrivateKey,
    issuer: x509.Name,
    issuer_key: rsa.RSAPrivateKey,
    start: int,
    days: int,
    extensions: Iterable[tuple[x509.ExtensionType, bool]],
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.fromtimestamp(start, UTC))
        .not_valid_after(datetime.fromtimestamp(start + days * DAY, UTC))
    )
    identifiers = (
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False),
    )
    for extension, critical in (*identifiers, *extensions):
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer_key, SHA256())


def _authority(path_length: int | None) -> list[tuple[x509.ExtensionType, bool]]:
    return [(x509.BasicConstraints(ca=True, path_length=path_length), True), (_usage(authority=True), True)]


def _pass_leaf(pass_type: str) -> list[tuple[x509.ExtensionType, bool]]:
    """What Apple puts into a Pass Type ID certificate: it signs passes and speaks to the push service."""
    return [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage(authority=False), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, PASS_SIGNING]), True),
        (x509.UnrecognizedExtension(PASS_TYPE, der(UTF8, pass_type.encode())), False),
        (x509.UnrecognizedExtension(PUSH, der(NULL)), False),
    ]


def _usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(*parts: tuple[ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in parts])


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


def _key_pem(key: rsa.RSAPrivateKey, password: str | None) -> bytes:
    secret = keyfiles.password_bytes(password)
    lock = BestAvailableEncryption(secret) if secret else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)


def _keep_old(*paths: Path) -> None:
    for path in paths:
        if path.exists():
            old = keyfiles.read(path, "what was in use").body
            _write({path.with_name(path.name + ".old"): old})


def _write(files: dict[Path, bytes]) -> None:
    for path, body in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, body)
        except OSError as wrong:
            raise ConfigError(f"{path}: cannot be written ({wrong.strerror}).") from None


def _replace(path: Path, body: bytes) -> None:
    """The file whole or not at all; a key is for our eyes only from its first byte on."""
    handle, name = mkstemp(dir=path.parent, prefix=".new-")
    try:
        with open(handle, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o600 if ".key" in path.name else 0o644)
        os.replace(name, path)
    except OSError:
        os.unlink(name)
        raise
