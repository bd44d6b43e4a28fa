"""Says in plain words what a .pkpass holds, and what a phone would refuse of it.

For anybody's pass, also a broken one: a file is a stranger's, so its size, its number of entries and what they
unpack to are bounded before anything is read, and nothing is written anywhere. The signature is checked against
the certificate inside; whether that certificate comes from Apple is for the phone to say.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import new as digest_of
from hashlib import sha1
from io import BytesIO
from typing import Any
from zipfile import BadZipFile, ZipFile

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.x509.oid import NameOID

from ...errors import BadInput
from . import strings
from .certificates import PASS_SIGNING
from .model import STYLES

MOST_BYTES = 30_000_000
MOST_ENTRIES = 500

GROUPS = {
    "headerFields": "top",
    "primaryFields": "front",
    "secondaryFields": "front",
    "auxiliaryFields": "front",
    "backFields": "back",
}
OTHER_STYLES = ("eventTicket", "boardingPass")
SHA_256_ID, SHA_1_ID = bytes.fromhex("608648016503040201"), bytes.fromhex("2b0e03021a")
MESSAGE_DIGEST, SIGNING_TIME = bytes.fromhex("2a864886f70d010904"), bytes.fromhex("2a864886f70d010905")
DAMAGED = (x509.DuplicateExtension, x509.ExtensionNotFound, x509.InvalidVersion, x509.UnsupportedGeneralNameType)


@dataclass(frozen=True)
class Shown:
    """One field as people see it."""

    place: str
    label: str
    value: str
    is_announced: bool


@dataclass(frozen=True)
class Picture:
    name: str
    width: int
    height: int
    size_bytes: int


@dataclass(frozen=True)
class Certificate:
    """Who signed, and when."""

    pass_type: str
    team: str
    issuer: str
    ends: datetime
    signed_at: datetime | None


@dataclass
class Explanation:
    """What a .pkpass holds. `refused` are the reasons for which a phone does not open it."""

    size_bytes: int
    keys: Mapping[str, Any] = field(default_factory=dict)
    style: str = ""
    fields: dict[str, list[Shown]] = field(default_factory=dict)
    pictures: list[Picture] = field(default_factory=list)
    certificate: Certificate | None = None
    refused: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """The whole explanation, a line at a time."""
        yield f"{self.style or 'A pass'} of {self.size_bytes / 1000:.0f} kB"
        for key in ("organizationName", "serialNumber", "passTypeIdentifier", "webServiceURL", "expirationDate"):
            if key in self.keys:
                yield f"  {key}: {_plain(self.keys[key])}"
        if self.keys.get("voided"):
            yield "  voided: the phone shows that this card no longer holds"
        for language, shown in self.fields.items():
            yield f"In {language or 'every language'}"
            for each in shown:
                yield f"  {each.place}: {each.label}: {each.value}{' (announced)' if each.is_announced else ''}"
        for picture in self.pictures:
            yield f"Picture {picture.name}: {picture.width} x {picture.height}, {picture.size_bytes} bytes"
        if self.certificate:
            yield f"Signed for {self.certificate.pass_type} of team {self.certificate.team}"
            yield f"  issued by {self.certificate.issuer}, valid until {self.certificate.ends:%Y-%m-%d}"
            if self.certificate.signed_at:
                yield f"  signed at {self.certificate.signed_at:%Y-%m-%d %H:%M:%S} UTC"
        yield from (f"A phone refuses it: {why}" for why in self.refused)
        if not self.refused:
            yield "Nothing in it would make a phone refuse it."


def explain(bundle: bytes, now: int) -> Explanation:
    """What this .pkpass holds, or BadInput when it is no archive at all."""
    files = _files(bundle)
    found = Explanation(len(bundle))
    found.refused += [f"{name} is missing" for name in ("pass.json", "manifest.json", "signature") if name not in files]
    if not any(name in files for name in ("icon.png", "icon@2x.png", "icon@3x.png")):
        found.refused.append("it has no icon")
    _explain_manifest(files, found)
    _explain_card(files, found)
    found.pictures = [
        Picture(name, int.from_bytes(raw[16:20], "big"), int.from_bytes(raw[20:24], "big"), len(raw))
        for name, raw in files.items()
        if raw.startswith(b"\x89PNG") and len(raw) > 24
    ]
    if "signature" in files and "manifest.json" in files:
        _explain_signature(files["signature"], files["manifest.json"], now, found)
    return found


def _files(bundle: bytes) -> dict[str, bytes]:
    if len(bundle) > MOST_BYTES:
        raise BadInput("This file is larger than 30 MB; a pass is far smaller.")
    try:
        with ZipFile(BytesIO(bundle)) as archive:
            entries = [each for each in archive.infolist() if not each.is_dir()]
            if len(entries) > MOST_ENTRIES or sum(each.file_size for each in entries) > MOST_BYTES:
                raise BadInput("This file unpacks to more than a pass ever holds.")
            return {each.filename: archive.read(each) for each in entries}
    except (BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError, OSError, zlib.error):
        raise BadInput("This is not a .pkpass: it is no readable zip archive, or a password protects it.") from None


def _explain_manifest(files: Mapping[str, bytes], found: Explanation) -> None:
    manifest = _json(files, "manifest.json", found)
    if manifest is None:
        return
    listed = files.keys() - {"manifest.json", "signature"}
    found.refused += [f"{name} is not in the manifest" for name in sorted(listed - manifest.keys())]
    found.refused += [f"{name} is in the manifest and not in the file" for name in sorted(manifest.keys() - listed)]
    for name in sorted(listed & manifest.keys()):
        if sha1(files[name]).hexdigest() != manifest[name]:
            found.refused.append(f"{name} was changed after the manifest was made")


def _json(files: Mapping[str, bytes], name: str, found: Explanation) -> dict[str, Any] | None:
    if name not in files:
        return None
    try:
        value = json.loads(files[name].decode("utf-8"))
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        found.refused.append(f"{name} is not a JSON object")
        return None
    return value


def _explain_card(files: Mapping[str, bytes], found: Explanation) -> None:
    card = _json(files, "pass.json", found)
    if card is None:
        return
    found.keys = card
    needed = ("passTypeIdentifier", "teamIdentifier", "serialNumber", "organizationName", "description")
    found.refused += [f"pass.json lacks {key}" for key in needed if not (isinstance(card.get(key), str) and card[key])]
    if card.get("formatVersion") != 1:
        found.refused.append("formatVersion must be 1")
    if ("webServiceURL" in card) != ("authenticationToken" in card):
        found.refused.append("webServiceURL and authenticationToken go together")
    styles = [style for style in (*STYLES, *OTHER_STYLES) if isinstance(card.get(style), dict)]
    if len(styles) != 1:
        found.refused.append("it must have exactly one style, such as storeCard")
        return
    found.style = styles[0]
    for language, words in (_words(files, found) or {"": {}}).items():
        found.fields[language] = list(_shown(card[found.style], words))
    keys = [_plain(each.get("key")) for each, _ in _fields(card[found.style])]
    found.refused += [f"the field key {key} occurs twice" for key in sorted(set(keys)) if keys.count(key) > 1]


def _words(files: Mapping[str, bytes], found: Explanation) -> dict[str, dict[str, str]]:
    words = {}
    for name, raw in files.items():
        if match := re.fullmatch(r"([\w-]+)\.lproj/pass\.strings", name):
            try:
                words[match[1]] = strings.read(raw)
            except BadInput as wrong:
                found.refused.append(f"{name}: {wrong}")
    return words


def _fields(style: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    for group, place in GROUPS.items():
        listed = style.get(group)
        for each in listed if isinstance(listed, list) else ():
            if isinstance(each, dict):
                yield each, place


def _shown(style: Mapping[str, Any], words: Mapping[str, str]) -> Iterator[Shown]:
    for each, place in _fields(style):
        label, value = (_plain(each.get(key, "")) for key in ("label", "value"))
        yield Shown(
            place, _plain(words.get(label, label)), _plain(words.get(value, value)), bool(each.get("changeMessage"))
        )


def _plain(value: object) -> str:
    """A stranger's text made fit for a terminal."""
    return "".join(c if c.isprintable() else " / " if c == "\n" else "?" for c in str(value)[:2000])


# The signature


@dataclass(frozen=True)
class _Element:
    tag: int
    content: bytes
    whole: bytes

    def inside(self) -> list[_Element]:
        found, at = [], 0
        while at < len(self.content):
            found.append(_element(self.content[at:]))
            at += len(found[-1].whole)
        return found


def _element(raw: bytes) -> _Element:
    """The first element of DER (X.690): tag, length, content."""
    octets = raw[1] & 0x7F if raw[1] & 0x80 else 0
    length = int.from_bytes(raw[2 : 2 + octets], "big") if octets else raw[1]
    begin = 2 + octets
    if octets > 4 or begin + length > len(raw):
        raise ValueError("an element is longer than what holds it")
    return _Element(raw[0], raw[begin : begin + length], raw[: begin + length])


def _explain_signature(raw: bytes, manifest: bytes, now: int, found: Explanation) -> None:
    try:
        _judge_signature(raw, manifest, now, found)
    # A certificate is parsed bit by bit as it is asked, so each question may find the damage.
    except (ValueError, IndexError, StopIteration, KeyError, TypeError, UnsupportedAlgorithm, *DAMAGED):
        found.refused.append("the signature cannot be read, or lacks its certificate")


def _judge_signature(raw: bytes, manifest: bytes, now: int, found: Explanation) -> None:
    """RFC 5652, 5.1 and 5.3: the certificates, and the one signer's name, digest, attributes and signature."""
    signed = _element(raw).inside()[1].inside()[0].inside()
    inside = [each for node in signed if node.tag == 0xA0 for each in node.inside()]
    chain = [x509.load_der_x509_certificate(each.whole) for each in inside]
    _, named, digest, attributes, _, signature, *_ = signed[-1].inside()[0].inside()
    leaf = next(each for each in chain if _is_of(each, named))
    values = {pair[0].content: pair[1].inside()[0] for pair in (each.inside() for each in attributes.inside())}
    signed_at = _moment(values.get(SIGNING_TIME))
    found.certificate = _certificate(leaf, signed_at)
    is_detached = len(signed[2].inside()) == 1
    kind, stated = digest.inside()[0].content, values[MESSAGE_DIGEST].content
    if not is_detached or not _verifies(leaf, signature.content, attributes.whole, kind, stated, manifest):
        found.refused.append("the signature is not of this manifest")
    _explain_certificate(leaf, chain, signed_at, now, found)


def _is_of(certificate: x509.Certificate, named: _Element) -> bool:
    """Signers are named by issuer and serial number, or by the identifier of their key."""
    if named.tag == 0x80:
        identifier = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        return identifier.value.digest == named.content
    issuer, serial = named.inside()
    same = issuer.whole == certificate.issuer.public_bytes()
    return same and int.from_bytes(serial.content, "big") == certificate.serial_number


def _verifies(
    leaf: x509.Certificate, signature: bytes, attributes: bytes, digest: bytes, stated: bytes, manifest: bytes
) -> bool:
    key = leaf.public_key()
    name, algorithm = ("sha1", SHA1()) if digest == SHA_1_ID else ("sha256", SHA256())
    if digest not in (SHA_1_ID, SHA_256_ID) or not isinstance(key, rsa.RSAPublicKey):
        return False
    try:
        key.verify(signature, b"\x31" + attributes[1:], padding.PKCS1v15(), algorithm)
    except InvalidSignature:
        return False
    return digest_of(name, manifest).digest() == stated


def _explain_certificate(
    leaf: x509.Certificate, chain: list[x509.Certificate], signed_at: datetime | None, now: int, found: Explanation
) -> None:
    assert found.certificate is not None
    if found.keys and found.certificate.pass_type != found.keys.get("passTypeIdentifier"):
        found.refused.append("the certificate is for another pass type than pass.json says")
    if found.keys and found.certificate.team != found.keys.get("teamIdentifier"):
        found.refused.append("the certificate is of another team than pass.json says")
    if not any(each.subject == leaf.issuer for each in chain):
        found.refused.append("the intermediate certificate that issued the signer's is not inside")
    try:
        purposes = set(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        purposes = set()
    if PASS_SIGNING not in purposes:
        found.refused.append("the certificate is not one for passes")
    if signed_at is None:
        found.refused.append("the signature does not say when it was made")
    elif not leaf.not_valid_before_utc <= signed_at <= leaf.not_valid_after_utc or signed_at.timestamp() > now + 300:
        found.refused.append("it was signed outside the certificate's validity, or in the future")


def _certificate(leaf: x509.Certificate, signed_at: datetime | None) -> Certificate:
    def named(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
        return next((_plain(each.value) for each in name.get_attributes_for_oid(oid)), "")

    return Certificate(
        named(leaf.subject, NameOID.USER_ID),
        named(leaf.subject, NameOID.ORGANIZATIONAL_UNIT_NAME),
        named(leaf.issuer, NameOID.COMMON_NAME),
        leaf.not_valid_after_utc,
        signed_at,
    )


def _moment(stated: _Element | None) -> datetime | None:
    try:
        text = stated.content.decode("ascii") if stated else ""
        return datetime.strptime(text, "%y%m%d%H%M%SZ" if len(text) == 13 else "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
