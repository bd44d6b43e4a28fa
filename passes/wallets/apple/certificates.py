"""The certificate that makes a pass ours: loaded once, checked to the end, explained in sentences.

An `Identity` is a Pass Type ID certificate with its private key and the intermediates that lead to it.
One that loads is one whose passes a phone opens: the key fits, the pass type and the team can be read from
it, the purpose is right, and the intermediate is the generation that really issued it. Only time can spoil
it later: an expired identity still loads, so that passes signed before can be served, but signs nothing.

Never keeps a password, never writes a decrypted key to a disc, never asks the network.
"""

from __future__ import annotations

import os
import re
import ssl
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID, ObjectIdentifier

from ...errors import ConfigError
from . import keyfiles
from .der import UTF8, der
from .keyfiles import KeyFile

PASS_SIGNING = ObjectIdentifier("1.2.840.113635.100.4.14")
PASS_TYPE = ObjectIdentifier("1.2.840.113635.100.6.1.16")

MIN_KEY_BITS = 2_048
MAX_INTERMEDIATES = 5
DAY = 86_400
WARNING_DAYS = (90, 60, 30, 14, 7, 1)

T = TypeVar("T")

_PASS_TYPE_SHAPE = re.compile(r"pass\.[A-Za-z0-9._-]+")
_TEAM_SHAPE = re.compile(r"[A-Za-z0-9]{10}")
_APPLE_PAGE = "https://www.apple.com/certificateauthority/"
_RENEW = "Renew it: `passes certs request`, then `passes certs install`."
_REPLACE = f"Get the current one from {_APPLE_PAGE} and put it in place of the old."


@dataclass(frozen=True)
class Identity:
    """Who signs: a pass type of a team, by certificate and key. Instants are unix seconds."""

    leaf: x509.Certificate
    intermediates: tuple[x509.Certificate, ...]
    key: rsa.RSAPrivateKey = field(repr=False, compare=False)
    pass_type: str
    team: str

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the leaf, as people compare it."""
        return self.leaf.fingerprint(SHA256()).hex()

    @property
    def not_before(self) -> int:
        return _starts(self.leaf)

    @property
    def not_after(self) -> int:
        return _ends(self.leaf)

    def can_sign(self, now: int) -> bool:
        """Whether a phone would accept a signature made at this moment."""
        starts, ends = self._validity
        return starts <= now <= ends

    def days_left(self, now: int) -> int:
        """Whole days until the first certificate of the chain ends; negative afterwards."""
        return (self._validity[1] - now) // DAY

    @cached_property
    def _validity(self) -> tuple[int, int]:
        """From when until when every certificate of the chain is valid; asked for every pass."""
        chain = (self.leaf, *self.intermediates)
        return max(map(_starts, chain)), min(map(_ends, chain))


class CannotSign(ConfigError):
    """The certificates are in order but not valid now; what is already signed can still be served."""

    status = 503
    code = "certificate_not_valid"

    def __init__(self, identity: Identity, now: int) -> None:
        ended = [each for each in (identity.leaf, *identity.intermediates) if _ends(each) < now]
        if not ended:
            why = "Apple's certificate is not valid yet; check this machine's clock."
        elif ended[0] is identity.leaf:
            why = f"the Pass Type ID certificate expired on {_day(identity.not_after)}. {_RENEW}"
        else:
            why = f"Apple's intermediate certificate expired on {_day(_ends(ended[0]))}. {_REPLACE}"
        super().__init__(f"No pass of {identity.pass_type} can be signed: {why}")


@dataclass(frozen=True)
class Finding:
    """What `doctor` says of one certificate. `threshold` is the last warning day passed, 0 once it is over,
    None while all is well: an alarm rings once for each fingerprint and threshold."""

    level: Literal["good", "warning", "bad"]
    sentence: str
    fingerprint: str
    threshold: int | None = None


def load(certificate: Path, key: Path | None, intermediate: Path, password: str | None, now: int) -> Identity:
    """The identity in these files, or a `ConfigError` that says which file is wrong and what to do.

    A .p12 with a private key in it brings its own key; `key` then need not exist.
    """
    ours = keyfiles.read(certificate, "your Pass Type ID certificate", password)
    private, key_file = _private_key(ours, key, password)
    theirs = keyfiles.read(intermediate, "Apple's WWDR intermediate certificate", password)
    leaf = _leaf(ours, theirs, private, key_file, now)
    pass_type, team = _check_leaf(leaf, ours, now)
    chain = _chain(leaf, ours, theirs, now)
    return Identity(leaf, chain, _check_key(private, key_file), pass_type, team)


def findings(identity: Identity, now: int) -> list[Finding]:
    """How long each certificate still lasts, in plain words, the leaf first."""
    ours = f"The Pass Type ID certificate for {identity.pass_type} (team {identity.team})"
    theirs = [(each, f"The intermediate '{_title(each)}'", _REPLACE) for each in identity.intermediates]
    return [_finding(*each, now) for each in ((identity.leaf, ours, _RENEW), *theirs)]


def ssl_context(identity: Identity, ca: Path | None = None) -> ssl.SSLContext:
    """For speaking HTTP/2 to APNs as this pass type. `ca`: other roots than the system's."""
    try:
        context = ssl.create_default_context(cafile=ca)
    except (OSError, ValueError):
        raise ConfigError(f"{ca}: expected root certificates in PEM; check apns_ca.") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2"])
    with _passing_file(_pem(identity)) as path:
        context.load_cert_chain(path)
    return context


def _private_key(ours: KeyFile, key: Path | None, password: str | None) -> tuple[PrivateKeyTypes, KeyFile]:
    if ours.is_bundle and (private := ours.private_key()) is not None:
        return private, ours
    file = ours if key is None else keyfiles.read(key, "the private key of your certificate", password)
    private = file.private_key()
    if private is None:
        hint = " Are certificate and key swapped?" if ours.certificates() == [] else ""
        raise file.refusal(f"expected the private key of your certificate, found {file.holds()}.{hint}")
    return private, file


def _check_key(private: PrivateKeyTypes, file: KeyFile) -> rsa.RSAPrivateKey:
    if not isinstance(private, rsa.RSAPrivateKey) or private.key_size < MIN_KEY_BITS:
        raise file.refusal(
            f"the private key must be RSA with at least {MIN_KEY_BITS} bits; make one with `passes certs request`."
        )
    return private


def _leaf(ours: KeyFile, theirs: KeyFile, private: PrivateKeyTypes, key_file: KeyFile, now: int) -> x509.Certificate:
    """The certificate of this key; of several, one that is valid now and lasts longest."""
    found = ours.certificates()
    if not found:
        raise ours.refusal(f"expected your Pass Type ID certificate, found {ours.holds()}.")
    leaves = [each for each in found if not _is_authority(each)]
    if not leaves:
        swapped = any(not _is_authority(each) for each in theirs.certificates())
        hint = " Are certificate and wwdr swapped?" if swapped else ""
        raise ours.refusal(f"expected your Pass Type ID certificate, found only '{_title(found[0])}'.{hint}")
    public = private.public_key()
    fitting = [each for each in leaves if each.public_key() == public]
    if not fitting:
        raise key_file.refusal(
            f"this private key does not belong to the certificate in {ours.path}; "
            "use the key its request was made with, or export both together as .p12."
        )
    return max(fitting, key=lambda each: (_starts(each) <= now, _ends(each)))


def _check_leaf(leaf: x509.Certificate, file: KeyFile, now: int) -> tuple[str, str]:
    """Pass type and team of a certificate that may sign passes."""
    purposes = _extension(leaf, x509.ExtendedKeyUsage)
    if purposes is None or PASS_SIGNING not in purposes:
        raise file.refusal(
            f"'{_title(leaf)}' is not a Pass Type ID certificate (its purpose is another); "
            "create one at Apple Developer under Certificates, Pass Type ID Certificate."
        )
    pass_type = _only(leaf, NameOID.USER_ID)
    if not _PASS_TYPE_SHAPE.fullmatch(pass_type):
        raise file.refusal(
            "the subject's UID must be the pass type, like pass.com.example.card; ask Apple for another."
        )
    team = _only(leaf, NameOID.ORGANIZATIONAL_UNIT_NAME)
    if not _TEAM_SHAPE.fullmatch(team):
        raise file.refusal(
            "the subject's OU must be your team's 10 letters and digits; ask Apple for a new certificate."
        )
    _check_marked_type(leaf, file, pass_type)
    if _starts(leaf) > now:
        raise file.refusal(f"the certificate is valid only from {_day(_starts(leaf))}; check this machine's clock.")
    return pass_type, team


def _check_marked_type(leaf: x509.Certificate, file: KeyFile, pass_type: str) -> None:
    """Apple writes the pass type a second time, in an extension of its own; the two must agree."""
    marked = [each.value.public_bytes() for each in leaf.extensions if each.oid == PASS_TYPE]
    if marked and marked != [der(UTF8, pass_type.encode())]:
        raise file.refusal(
            f"the certificate names two pass types: {pass_type} in its subject and another in extension "
            f"{PASS_TYPE.dotted_string}; ask Apple for a new certificate."
        )


def _chain(leaf: x509.Certificate, ours: KeyFile, theirs: KeyFile, now: int) -> tuple[x509.Certificate, ...]:
    """The intermediates from the leaf upwards; the root stays out, phones have it."""
    offered = theirs.certificates()
    if not offered:
        raise theirs.refusal(f"expected Apple's WWDR intermediate certificate, found {theirs.holds()}.")
    pool = [each for each in (*offered, *ours.certificates()) if _is_authority(each) and not _is_root(each)]
    chain: list[x509.Certificate] = []
    below = leaf
    while len(chain) < MAX_INTERMEDIATES:
        issuers = [each for each in pool if each not in chain and _issued(each, below)]
        if not issuers:
            break
        below = max(issuers, key=lambda each: (_starts(each) <= now <= _ends(each), _ends(each)))
        chain.append(below)
    if not chain:
        raise theirs.refusal(_why_not_issuer(leaf, offered))
    return tuple(chain)


def _why_not_issuer(leaf: x509.Certificate, offered: list[x509.Certificate]) -> str:
    generation = _generation(leaf.issuer)
    wanted = f"get {'the one named ' + generation if generation else 'the right one'} from {_APPLE_PAGE}"
    authorities = [each for each in offered if _is_authority(each)]
    if not authorities:
        found = _title(offered[0])
        return f"expected Apple's WWDR intermediate, found '{found}', which issues no certificates; {wanted}."
    between = [each for each in authorities if not _is_root(each)]
    if not between:
        return f"expected Apple's WWDR intermediate, found the root '{_title(authorities[0])}'; {wanted}."
    if any(_names_issuer(leaf, each) for each in between):
        return f"this intermediate bears the right name, but did not sign your certificate; {wanted}."
    if generation and generation == _generation(between[0].subject):
        return f"the intermediate is called {generation}, but it is not the one that issued your certificate; {wanted}."
    have = _generation(between[0].subject) or f"'{_title(between[0])}' without a number, as G1 was"
    return (
        "the intermediate is of the wrong generation: "
        f"your certificate was issued by {generation or 'another'}, this file holds {have}; {wanted}."
    )


def _issued(issuer: x509.Certificate, below: x509.Certificate) -> bool:
    if not _names_issuer(below, issuer):
        return False
    try:
        below.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _names_issuer(below: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether the key identifiers agree. Names do not tell: all WWDR generations bear nearly the same."""
    wanted = _extension(below, x509.AuthorityKeyIdentifier)
    has = _extension(issuer, x509.SubjectKeyIdentifier)
    if wanted is None or has is None:
        return below.issuer == issuer.subject
    return wanted.key_identifier == has.digest


def _is_authority(certificate: x509.Certificate) -> bool:
    basic, usage = _extension(certificate, x509.BasicConstraints), _extension(certificate, x509.KeyUsage)
    return basic is not None and basic.ca and (usage is None or usage.key_cert_sign)


def _is_root(certificate: x509.Certificate) -> bool:
    return certificate.issuer == certificate.subject


def _extension(certificate: x509.Certificate, kind: type[T]) -> T | None:
    return next((each.value for each in certificate.extensions if isinstance(each.value, kind)), None)


def _only(certificate: x509.Certificate, name: ObjectIdentifier) -> str:
    """The one value of this subject attribute; empty when there is none or there are several."""
    values = [str(each.value) for each in certificate.subject.get_attributes_for_oid(name)]
    return values[0] if len(values) == 1 else ""


def _generation(name: x509.Name) -> str:
    units = [str(each.value) for each in name.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)]
    return next((unit for unit in units if re.fullmatch(r"G\d{1,2}", unit)), "")


def _title(certificate: x509.Certificate) -> str:
    """What people call it: its common name, with the generation where it has one."""
    name = _only(certificate, NameOID.COMMON_NAME) or "a certificate without a name"
    printable = "".join(each if each.isprintable() else "?" for each in name[:64])
    return f"{printable} {_generation(certificate.subject)}".strip()


def _finding(certificate: x509.Certificate, what: str, remedy: str, now: int) -> Finding:
    left = _ends(certificate) - now
    day, mark = _day(_ends(certificate)), certificate.fingerprint(SHA256()).hex()
    if left < 0:
        return Finding("bad", f"{what} expired on {day}: no new passes, no updates. {remedy}", mark, 0)
    passed = [days for days in WARNING_DAYS if left <= days * DAY]
    if not passed:
        return Finding("good", f"{what} is valid until {day}.", mark)
    ends = "in less than a day" if left < DAY else "in 1 day" if left < 2 * DAY else f"in {left // DAY} days"
    return Finding("warning", f"{what} ends {ends}, on {day}. {remedy}", mark, passed[-1])


def _starts(certificate: x509.Certificate) -> int:
    return int(certificate.not_valid_before_utc.timestamp())


def _ends(certificate: x509.Certificate) -> int:
    return int(certificate.not_valid_after_utc.timestamp())


def _day(at: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(at))


def _pem(identity: Identity) -> bytes:
    key = identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain = (identity.leaf, *identity.intermediates)
    return key + b"".join(each.public_bytes(Encoding.PEM) for each in chain)


@contextmanager
def _passing_file(body: bytes) -> Iterator[str]:
    """A path for OpenSSL, which reads only files: in memory where the system can, else gone at once."""
    if hasattr(os, "memfd_create"):
        with open(os.memfd_create("apple", os.MFD_CLOEXEC), "wb", buffering=0) as file:
            file.write(body)
            yield f"/proc/self/fd/{file.fileno()}"
    else:
        with tempfile.NamedTemporaryFile() as named:
            named.write(body)
            named.flush()
            yield named.name
