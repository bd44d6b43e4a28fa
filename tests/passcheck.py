"""A strict checker of .pkpass files, written from the format's rules and sharing no code with the service.

`check` names every rule that a bundle breaks: B.. for the bundle and its signature, J.. for pass.json; E what a
phone refuses or shows wrongly, W what works and should not be. Zip, CMS, PNG and pass.strings are read here
byte by byte; the signature is verified twice, here and by the `openssl` program.
"""

from __future__ import annotations

import base64
import json
import re
import struct
import subprocess
import time
import uuid
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import new as digest_of
from hashlib import sha1
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

MOST_BYTES = 30_000_000
STYLES = ("storeCard", "coupon", "generic", "eventTicket", "boardingPass")
GROUPS = ("headerFields", "primaryFields", "secondaryFields", "auxiliaryFields", "backFields", "additionalInfoFields")
ROOT_FILES = ("pass.json", "manifest.json", "signature")
DETACHED_FROM_MANIFEST = {"manifest.json", "signature"}


@dataclass(frozen=True)
class Finding:
    id: str
    severity: Literal["E", "W"]
    sentence: str

    def __str__(self) -> str:
        return f"{self.id} {self.severity}: {self.sentence}"


def check(bundle: bytes, root_pem: Path, now: float | None = None, allow_http: bool = False) -> list[Finding]:
    """Every rule the bundle breaks. `allow_http`: as a phone with the developer's setting for plain HTTP."""
    report = _Report()
    files = _unzipped(bundle, report)
    if files is None:
        return report.findings
    _check_files(files, report)
    if set(ROOT_FILES) <= files.keys():
        manifest_ok = _check_manifest(files, report)
        leaf = _signed_by(files["signature"], files["manifest.json"], root_pem, now or time.time(), report)
        card = _parsed(files["pass.json"], report)
        if card is not None:
            words = _check_strings(files, report)
            _check_card(card, words, allow_http, report)
            _check_images(files, card, report)
            if leaf is not None and manifest_ok:
                _check_identity(leaf, card, report)
    return report.findings


def check_many(bundle: bytes, root_pem: Path, now: float | None = None) -> list[Finding]:
    """The same for a .pkpasses file."""
    report = _Report()
    if len(bundle) > 150_000_000:
        report.error("B21", "larger than 150 MB")
    files = _unzipped(bundle, report, most=160_000_000) or {}
    if not 1 <= len(files) <= 10:
        report.error("B21", f"{len(files)} passes, 1 to 10 are allowed")
    for name, each in files.items():
        if not name.endswith(".pkpass") or "/" in name:
            report.error("B21", f"{name} is no pass at the root")
        elif any(finding.severity == "E" for finding in check(each, root_pem, now)):
            report.error("B21", f"{name} is not a valid pass")
    return report.findings


def check_same(one: bytes, other: bytes) -> list[Finding]:
    """Two bundles made of the same member's state must hold the same files, signature aside."""
    report = _Report()
    first, second = _unzipped(one, report) or {}, _unzipped(other, report) or {}
    for name in sorted(first.keys() | second.keys()):
        if name != "signature" and first.get(name) != second.get(name):
            report.error("B22", f"{name} differs although nothing changed")
    return report.findings


@dataclass
class _Report:
    findings: list[Finding] = field(default_factory=list)

    def error(self, id: str, sentence: str) -> None:
        self.findings.append(Finding(id, "E", sentence))

    def warn(self, id: str, sentence: str) -> None:
        self.findings.append(Finding(id, "W", sentence))

    def expect(self, holds: object, id: str, sentence: str) -> bool:
        if not holds:
            self.error(id, sentence)
        return bool(holds)


# B01: the zip file


class _Broken(Exception):
    """The zip file cannot be read; the text says why."""


def _unzipped(bundle: bytes, report: _Report, most: int = MOST_BYTES) -> dict[str, bytes] | None:
    files: dict[str, bytes] = {}
    total = 0
    try:
        for name, content in _entries(bundle, most):
            total += len(content)
            if total > most:
                raise _Broken("unpacks to too much")
            if name in files:
                raise _Broken(f"{name} occurs twice")
            if name.startswith("/") or "\\" in name or ".." in name.split("/") or ":" in name:
                raise _Broken(f"the path {name!r} leads out of the archive")
            if not name.endswith("/"):
                files[name] = content
    except (_Broken, struct.error, zlib.error, UnicodeDecodeError) as wrong:
        report.error("B01", f"not a readable zip file: {wrong}")
        return None
    return files


def _entries(bundle: bytes, most: int) -> Iterator[tuple[str, bytes]]:
    end = bundle.rfind(b"PK\x05\x06", max(0, len(bundle) - 65_557))
    if end < 0:
        raise _Broken("no end of directory")
    disk, start_disk, here, count, size, start, comment = struct.unpack("<4H2IH", bundle[end + 4 : end + 22])
    if disk or start_disk or here != count or end + 22 + comment != len(bundle) or start + size != end:
        raise _Broken("the end of directory does not fit the file")
    at, taken = start, []
    for _ in range(count):
        (magic, _, _, flags, method, _, _, crc, packed, plain, name_size, extra, note, _, _, _, offset) = struct.unpack(
            "<4s6H3I5H2I", bundle[at : at + 46]
        )
        if magic != b"PK\x01\x02":
            raise _Broken("the directory is damaged")
        name = bundle[at + 46 : at + 46 + name_size].decode("utf-8")
        at += 46 + name_size + extra + note
        if flags & 0x2041:
            raise _Broken(f"{name} is encrypted")
        if method not in (0, 8):
            raise _Broken(f"{name} is packed by method {method}")
        begin, content = _content(bundle, name, offset, flags, method, packed, plain, crc, most)
        taken.append((offset, begin + packed))
        yield name, content
    if at != end:
        raise _Broken("the directory has another length than it says")
    taken.sort()
    if any(left[1] > right[0] for left, right in pairwise([*taken, (start, start)])):
        raise _Broken("entries overlap")


def _content(
    bundle: bytes, name: str, offset: int, flags: int, method: int, packed: int, plain: int, crc: int, most: int
) -> tuple[int, bytes]:
    header = struct.unpack("<4s5H3I2H", bundle[offset : offset + 30])
    magic, _, local_flags, local_method, _, _, local_crc, local_packed, local_plain, name_size, extra = header
    begin = offset + 30 + name_size + extra
    if magic != b"PK\x03\x04" or bundle[offset + 30 : offset + 30 + name_size].decode() != name:
        raise _Broken(f"{name}: its header is damaged")
    if (local_flags & 1, local_method) != (0, method):
        raise _Broken(f"{name}: header and directory disagree, or it is encrypted")
    if not flags & 8 and (local_crc, local_packed, local_plain) != (crc, packed, plain):
        raise _Broken(f"{name}: header and directory disagree")
    raw = bundle[begin : begin + packed]
    if method == 8:
        inflate = zlib.decompressobj(-15)
        raw = inflate.decompress(raw, most)
    if len(raw) != plain or zlib.crc32(raw) != crc:
        raise _Broken(f"{name}: wrong length or checksum")
    return begin, raw


# B02-B08: files and manifest


def _check_files(files: Mapping[str, bytes], report: _Report) -> None:
    for name in ROOT_FILES:
        report.expect(name in files, "B02", f"{name} is missing at the root")
    icons = {"icon.png", "icon@2x.png", "icon@3x.png"} & files.keys()
    if report.expect(icons, "B03", "no icon: no device opens the pass"):
        for name in {"icon@2x.png", "icon@3x.png"} - icons:
            report.warn("B04", f"{name} is missing")
    for name in files:
        parts = name.split("/")
        report.expect(
            not any(part.startswith(".") or part == "__MACOSX" for part in parts), "B08", f"{name} does not belong here"
        )


def _check_manifest(files: Mapping[str, bytes], report: _Report) -> bool:
    try:
        manifest = json.loads(files["manifest.json"].decode("utf-8"), object_pairs_hook=_distinct)
    except (UnicodeDecodeError, ValueError) as wrong:
        report.error("B05", f"manifest.json: {wrong}")
        return False
    if not isinstance(manifest, dict) or not all(
        isinstance(value, str) and re.fullmatch("[0-9a-f]{40}", value) for value in manifest.values()
    ):
        report.error("B05", "manifest.json is not an object of SHA-1 sums in lowercase hex")
        return False
    expected = files.keys() - DETACHED_FROM_MANIFEST
    for name in expected ^ manifest.keys():
        report.error("B06", f"{name} is only in the {'archive' if name in files else 'manifest'}")
    for name in expected & manifest.keys():
        report.expect(sha1(files[name]).hexdigest() == manifest[name], "B07", f"{name} has another SHA-1")
    return True


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found


# B09-B18: the signature


class _NotDer(Exception):
    """Not the DER that was expected."""


@dataclass(frozen=True)
class _Node:
    tag: int
    content: bytes
    whole: bytes

    def parts(self) -> list[_Node]:
        found, at = [], 0
        while at < len(self.content):
            node, at = _der(self.content, at)
            found.append(node)
        return found


def _der(raw: bytes, at: int = 0) -> tuple[_Node, int]:
    """One element of DER and where the next begins; long tags and indefinite lengths are refused."""
    try:
        tag, first = raw[at], raw[at + 1]
        begin, length = at + 2, first
        if first >= 0x80:
            octets = first & 0x7F
            encoded = raw[begin : begin + octets]
            begin, length = begin + octets, int.from_bytes(encoded, "big")
            if not 1 <= octets <= 4 or len(encoded) != octets or length < 0x80 or encoded[0] == 0:
                raise _NotDer("a length is not DER")
    except IndexError:
        raise _NotDer("ends too early") from None
    if tag & 0x1F == 0x1F or begin + length > len(raw):
        raise _NotDer("an element is longer than what holds it")
    return _Node(tag, raw[begin : begin + length], raw[at : begin + length]), begin + length


def _oid(node: _Node) -> str:
    if node.tag != 6 or not node.content:
        raise _NotDer("expected an object identifier")
    numbers, value = [], 0
    for octet in node.content:
        value = value << 7 | octet & 0x7F
        if octet < 0x80:
            numbers.append(value)
            value = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, (first, numbers[0] - 40 * first, *numbers[1:])))


SIGNED_DATA, DATA = "1.2.840.113549.1.7.2", "1.2.840.113549.1.7.1"
CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_TIME = (f"1.2.840.113549.1.9.{n}" for n in (3, 4, 5))
DIGESTS = {"2.16.840.1.101.3.4.2.1": ("sha256", SHA256()), "1.3.14.3.2.26": ("sha1", SHA1())}


@dataclass(frozen=True)
class _Signature:
    certificates: list[x509.Certificate]
    has_content: bool
    signer: _Node
    digest: str
    attributes: _Node | None
    value: bytes


def _cms(raw: bytes) -> _Signature:
    """RFC 5652, 5.1 and 5.3."""
    info, end = _der(raw)
    if end != len(raw) or info.tag != 0x30:
        raise _NotDer("not one sequence")
    kind, wrapped = info.parts()
    if _oid(kind) != SIGNED_DATA or wrapped.tag != 0xA0:
        raise _NotDer("not SignedData")
    (signed,) = wrapped.parts()
    version, digests, content, *rest = signed.parts()
    if version.content not in (b"\x01", b"\x03") or digests.tag != 0x31 or _oid(content.parts()[0]) != DATA:
        raise _NotDer("not SignedData over data, version 1 or 3")
    certificates = [x509.load_der_x509_certificate(each.whole) for node in rest[:-1] if node.tag == 0xA0
                    for each in node.parts()]  # fmt: skip
    signers = rest[-1].parts() if rest and rest[-1].tag == 0x31 else []
    if len(signers) != 1:
        raise _NotDer(f"{len(signers)} signers instead of one")
    revision, signer, digest, *tail = signers[0].parts()
    attributes = tail.pop(0) if tail[0].tag == 0xA0 else None
    if {version.content, revision.content} != {b"\x01" if signer.tag == 0x30 else b"\x03"}:
        raise _NotDer("a version that does not fit how the signer is named")
    if not all(map(_is_plain, (*digests.parts(), digest, tail[0]))):
        raise _NotDer("an algorithm with parameters")
    return _Signature(
        certificates, len(content.parts()) > 1, signer, _oid(digest.parts()[0]), attributes, tail[1].content
    )


def _is_plain(algorithm: _Node) -> bool:
    """An algorithm without parameters, or with NULL for them."""
    return [part.whole for part in algorithm.parts()[1:]] in ([], [b"\x05\x00"])


def _signed_by(raw: bytes, manifest: bytes, root_pem: Path, now: float, report: _Report) -> x509.Certificate | None:
    try:
        return _check_signature(raw, manifest, root_pem, now, report)
    # A certificate is parsed bit by bit as it is asked, so each question may find the damage.
    except (ValueError, TypeError, _NotDer, UnsupportedAlgorithm, x509.DuplicateExtension, x509.InvalidVersion) as no:
        report.error("B09", f"a certificate in the signature is damaged: {type(no).__name__}")
        return None


def _check_signature(
    raw: bytes, manifest: bytes, root_pem: Path, now: float, report: _Report
) -> x509.Certificate | None:
    try:
        cms = _cms(raw)
    except (_NotDer, ValueError, IndexError) as wrong:
        report.error("B09", f"the signature is not CMS with one signer: {wrong}")
        return None
    before = len(report.findings)
    report.expect(not cms.has_content, "B10", "the signature holds the content instead of being detached")
    if cms.digest not in DIGESTS:
        report.error("B13", f"the digest {cms.digest} is neither SHA-256 nor SHA-1")
        return None
    if DIGESTS[cms.digest][0] == "sha1":
        report.warn("B13", "signed with SHA-1")
    leaf = next((each for each in cms.certificates if _is_signer(each, cms.signer)), None)
    if leaf is None:
        report.error("B14", "the signer's certificate is not in the signature")
        return None
    signed_at = _check_attributes(cms, manifest, leaf, report)
    issuer = _check_chain(leaf, cms.certificates, report)
    if signed_at is not None:
        _check_times(signed_at, leaf, issuer, now, report)
    if not any(finding.severity == "E" for finding in report.findings[before:]):
        _check_by_openssl(raw, manifest, root_pem, int(signed_at or now), report)
    return leaf


def _is_signer(certificate: x509.Certificate, signer: _Node) -> bool:
    if signer.tag == 0x80:
        return _identifier(certificate) == signer.content
    issuer, serial = signer.parts()
    return issuer.whole == certificate.issuer.public_bytes() and _integer(serial) == certificate.serial_number


def _integer(node: _Node) -> int:
    return int.from_bytes(node.content, "big", signed=True)


def _identifier(certificate: x509.Certificate) -> bytes | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound:
        return None


def _check_attributes(cms: _Signature, manifest: bytes, leaf: x509.Certificate, report: _Report) -> float | None:
    values = _attributes(cms.attributes)
    for oid, name in ((CONTENT_TYPE, "contentType"), (MESSAGE_DIGEST, "messageDigest"), (SIGNING_TIME, "signingTime")):
        if not report.expect(oid in values, "B11", f"the signed attribute {name} is missing"):
            return None
    name, algorithm = DIGESTS[cms.digest]
    same = values[MESSAGE_DIGEST].content == digest_of(name, manifest).digest()
    if report.expect(same and _oid(values[CONTENT_TYPE]) == DATA, "B12", "the signature is of another manifest"):
        assert cms.attributes is not None
        report.expect(
            _verifies(leaf, cms.value, b"\x31" + cms.attributes.whole[1:], algorithm), "B12", "the signature is wrong"
        )
    try:
        return _instant(values[SIGNING_TIME])
    except ValueError:
        report.error("B11", "signingTime is not a time")
        return None


def _attributes(node: _Node | None) -> dict[str, _Node]:
    found = {}
    for attribute in node.parts() if node else []:
        name, values = attribute.parts()
        found[_oid(name)] = values.parts()[0]
    return found


def _instant(node: _Node) -> float:
    text = node.content.decode("ascii")
    pattern = "%y%m%d%H%M%SZ" if node.tag == 0x17 else "%Y%m%d%H%M%SZ"
    return datetime.strptime(text, pattern).replace(tzinfo=UTC).timestamp()


def _verifies(leaf: x509.Certificate, signature: bytes, signed: bytes, algorithm: Any) -> bool:
    key = leaf.public_key()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, signed, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, signed, ec.ECDSA(algorithm))
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _check_chain(leaf: x509.Certificate, inside: list[x509.Certificate], report: _Report) -> x509.Certificate | None:
    try:
        wanted = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except x509.ExtensionNotFound:
        wanted = None
    issuer = next((each for each in inside if each != leaf and _identifier(each) == wanted is not None), None)
    if report.expect(issuer, "B14", "the intermediate that issued the certificate is not in the signature"):
        assert issuer is not None
        try:
            leaf.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature):
            report.error("B14", "the intermediate did not issue the certificate")
    return issuer


def _check_times(
    signed_at: float, leaf: x509.Certificate, issuer: x509.Certificate | None, now: float, report: _Report
) -> None:
    valid = leaf.not_valid_before_utc.timestamp() <= signed_at <= leaf.not_valid_after_utc.timestamp()
    report.expect(valid, "B15", "signed outside the certificate's validity")
    report.expect(signed_at <= now + 300, "B15", "signed in the future")
    if issuer and issuer.not_valid_after_utc.timestamp() < now:
        report.warn("B15", "the intermediate has expired")


def _check_by_openssl(raw: bytes, manifest: bytes, root_pem: Path, at: int, report: _Report) -> None:
    with TemporaryDirectory() as folder:
        signature, content = Path(folder, "signature"), Path(folder, "manifest.json")
        signature.write_bytes(raw)
        content.write_bytes(manifest)
        command = ["openssl", "cms", "-verify", "-inform", "DER", "-in", str(signature), "-content", str(content)]
        command += ["-binary", "-CAfile", str(root_pem), "-purpose", "any", "-attime", str(at), "-out", "/dev/null"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    if done.returncode:
        rule = "B14" if "certificate verify error" in done.stderr else "B12"
        report.error(rule, f"openssl does not verify it: {done.stderr.strip().splitlines()[-1:]}")


def _check_identity(leaf: x509.Certificate, card: Mapping[str, Any], report: _Report) -> None:
    try:
        named = {name.oid: name.value for name in leaf.subject}
    except ValueError:
        report.error("B16", "the certificate's subject cannot be read")
        return
    report.expect(named.get(NameOID.USER_ID) == card.get("passTypeIdentifier"), "B16", "another pass type is signed")
    report.expect(
        named.get(NameOID.ORGANIZATIONAL_UNIT_NAME) == card.get("teamIdentifier"), "B16", "another team signed"
    )
    own = {each.oid.dotted_string: each for each in leaf.extensions}
    if special := own.get("1.2.840.113635.100.6.1.16"):
        try:
            text = _der(special.value.public_bytes())[0].content.decode("utf-8", "replace")
        except _NotDer:
            text = ""
        report.expect(text == card.get("passTypeIdentifier"), "B16", "the certificate's extension names another type")
    usage = own.get(ExtendedKeyUsageOID.CLIENT_AUTH.dotted_string) or own.get("2.5.29.37")
    purposes = set(usage.value) if usage and isinstance(usage.value, x509.ExtendedKeyUsage) else set()
    report.expect(ObjectIdentifier("1.2.840.113635.100.4.14") in purposes, "B17", "the certificate is not for passes")
    if "nfc" in card:
        report.expect("1.2.840.113635.100.6.1.26" in own, "B18", "nfc needs a certificate with NFC")


# B19: pictures

SLOTS = {
    "icon": (38, 38),
    "logo": (160, 50),
    "strip": (375, 144),
    "thumbnail": (90, 90),
    "background": (345, 505),
    "footer": (286, 15),
    "artwork": (358, 448),
    "primaryLogo": (126, 30),
    "secondaryLogo": (135, 12),
    "personalizationLogo": (150, 40),
}
USED = {
    "storeCard": {"icon", "logo", "strip"},
    "coupon": {"icon", "logo", "strip"},
    "generic": {"icon", "logo", "thumbnail"},
    "eventTicket": {"icon", "logo", "strip", "thumbnail", "background"},
    "boardingPass": {"icon", "logo", "footer"},
}
POSTER = {"artwork", "primaryLogo", "secondaryLogo"}


def _check_images(files: Mapping[str, bytes], card: Mapping[str, Any], report: _Report) -> None:
    style = next((each for each in STYLES if each in card), "storeCard")
    used = USED[style] | {"personalizationLogo"} | (POSTER if "posterGeneric" in card else set())
    sizes: dict[tuple[str, int], tuple[int, int]] = {}
    for path, content in files.items():
        folder, _, name = path.rpartition("/")
        match = re.fullmatch(r"([A-Za-z]+)(?:@([23])x)?\.png", name)
        if not match:
            continue
        role, scale = match[1], int(match[2] or 1)
        size = _png_size(content)
        if not report.expect(size, "B19", f"{path} is not a whole PNG"):
            continue
        assert size is not None
        sizes[folder + "/" + role, scale] = size
        if role not in used:
            report.warn("B19", f"{path} is not shown by {style}")
        elif size[0] > SLOTS[role][0] * scale or size[1] > SLOTS[role][1] * scale:
            report.warn("B19", f"{path} is {size[0]} x {size[1]}, larger than its place")
    for (role, scale), size in sizes.items():
        once = sizes.get((role, 1))
        if once and any(abs(large - small * scale) > scale for large, small in zip(size, once, strict=True)):
            report.warn("B19", f"{role}@{scale}x is not {scale} times its @1x")


def _png_size(raw: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG whose chunks are whole, None otherwise."""
    if not raw.startswith(b"\x89PNG\r\n\x1a\n"):
        return None
    at, size, kinds = 8, None, []
    while at + 12 <= len(raw):
        length, kind = struct.unpack(">I4s", raw[at : at + 8])
        content, crc = raw[at + 8 : at + 8 + length], raw[at + 8 + length : at + 12 + length]
        if len(crc) != 4 or zlib.crc32(kind + content) != int.from_bytes(crc, "big"):
            return None
        if kind == b"IHDR" and length == 13:
            size = struct.unpack(">2I", content[:8])
        kinds.append(kind)
        at += 12 + length
    whole = at == len(raw) and kinds[:1] == [b"IHDR"] and kinds[-1:] == [b"IEND"] and b"IDAT" in kinds
    return (size[0], size[1]) if whole and size and min(size) > 0 else None


# B20: words

Words = dict[str, dict[str, str]]
_LPROJ = re.compile(r"([A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)\.lproj/(.+)")


def _check_strings(files: Mapping[str, bytes], report: _Report) -> Words:
    words: Words = {}
    for path in files:
        if match := _LPROJ.fullmatch(path):
            words.setdefault(match[1], {})
            if match[2].endswith(".png") and match[2] in files:
                report.warn("B20", f"{match[2]} at the root hides {path}")
    for language in words:
        raw = files.get(f"{language}.lproj/pass.strings")
        if report.expect(raw is not None, "B20", f"{language}.lproj has no pass.strings"):
            assert raw is not None
            try:
                words[language] = _strings(raw, language, report)
            except ValueError as wrong:
                report.error("B20", f"{language}.lproj/pass.strings: {wrong}")
                return {}
    keys = {frozenset(entries) for entries in words.values()}
    report.expect(len(keys) <= 1, "B20", "the languages have different keys")
    return words


def _strings(raw: bytes, language: str, report: _Report) -> dict[str, str]:
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = raw.decode("utf-16")
    else:
        text = raw.decode("utf-8-sig")
        report.warn("B20", f"{language}.lproj/pass.strings is UTF-8, not UTF-16 with a byte order mark")
    found: dict[str, str] = {}
    at = _skip(text, 0)
    while at < len(text):
        key, at = _quoted(text, at)
        at = _expect(text, _skip(text, at), "=")
        value, at = _quoted(text, _skip(text, at))
        at = _skip(text, _expect(text, _skip(text, at), ";"))
        if key in found:
            raise ValueError(f"the key {key!r} occurs twice")
        found[key] = value
    return found


def _skip(text: str, at: int) -> int:
    while at < len(text):
        if text[at].isspace():
            at += 1
        elif text.startswith("/*", at):
            closing = text.find("*/", at + 2)
            if closing < 0:
                raise ValueError("a comment is not closed")
            at = closing + 2
        elif text.startswith("//", at):
            at = (text.find("\n", at) + 1) or len(text)
        else:
            break
    return at


def _expect(text: str, at: int, sign: str) -> int:
    if text[at : at + 1] != sign:
        raise ValueError(f"expected {sign} at character {at}")
    return at + 1


def _quoted(text: str, at: int) -> tuple[str, int]:
    at = _expect(text, at, '"')
    letters = []
    while at < len(text) and text[at] != '"':
        if text[at] == "\\":
            at += 1
            letters.append({"n": "\n", "t": "\t", "r": "\r"}.get(text[at : at + 1], text[at : at + 1]))
        else:
            if text[at] == "\n" or ord(text[at]) < 32:
                raise ValueError(f"a bare control character at {at}")
            letters.append(text[at])
        at += 1
    return "".join(letters), _expect(text, at, '"')


# J01-J29: pass.json

Check = Callable[[Mapping[str, Any], _Report], None]
_DATE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?)(Z|[+-]\d\d:\d\d)")
_KEY = re.compile(r"[a-z_]+(\.[a-z0-9_-]+)+")


def _parsed(raw: bytes, report: _Report) -> dict[str, Any] | None:
    def constant(name: str) -> None:
        raise ValueError(f"{name} is not JSON")

    try:
        card = json.loads(raw.decode("utf-8"), object_pairs_hook=_distinct, parse_constant=constant)
    except (UnicodeDecodeError, ValueError, RecursionError) as wrong:
        report.error("J01", f"pass.json: {wrong}")
        return None
    return card if report.expect(isinstance(card, dict), "J01", "pass.json is not an object") else None


def _check_card(card: dict[str, Any], words: Words, allow_http: bool, report: _Report) -> None:
    for rule in (
        *(_check_required, _check_styles, _check_fields, _check_dates, _check_barcodes, _check_places, _check_colours),
        *(_check_nfc, _check_actions, _check_types),
    ):
        rule(card, report)
    _check_service(card, allow_http, report)
    _check_back(card, words, report)
    if words:
        _check_translated(card, words, report)


def _check_required(card: Mapping[str, Any], report: _Report) -> None:
    report.expect(_is_number(card.get("formatVersion")) and card["formatVersion"] == 1, "J02", "formatVersion is not 1")
    shapes = {
        "passTypeIdentifier": ("J05", r"pass\.[A-Za-z0-9.-]+"),
        "teamIdentifier": ("J05", r"[A-Z0-9]{10}"),
        "serialNumber": ("J06", r"[A-Za-z0-9_-]{1,64}"),
        "organizationName": ("J03", r"(?s).+"),
        "description": ("J03", r"(?s).+"),
    }
    for key, (rule, shape) in shapes.items():
        value = card.get(key)
        if report.expect(isinstance(value, str) and value.strip(), "J03", f"{key} is missing or empty"):
            report.expect(re.fullmatch(shape, str(value)), rule, f"{key} has not the right shape")


def _check_styles(card: Mapping[str, Any], report: _Report) -> None:
    found = [style for style in STYLES if style in card]
    report.expect(len(found) == 1, "J04", f"exactly one style is needed, found {found}")
    for style in found:
        report.expect(isinstance(card[style], dict), "J04", f"{style} is not an object")


def _check_service(card: Mapping[str, Any], allow_http: bool, report: _Report) -> None:
    url, token = card.get("webServiceURL"), card.get("authenticationToken")
    if url is None and token is None:
        return
    if not (isinstance(url, str) and isinstance(token, str)):
        report.expect(False, "J07", "URL and token go together")
        return
    secure = url.startswith(("https://", "http://") if allow_http else "https://")
    report.expect(secure and "?" not in url and "#" not in url, "J07", "webServiceURL must be plain https")
    report.expect(len(token) >= 16, "J07", "authenticationToken is shorter than 16 characters")


def _fields(card: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for style in STYLES:
        for group in GROUPS:
            fields = card[style].get(group, []) if isinstance(card.get(style), dict) else []
            for each in fields if isinstance(fields, list) else [None]:
                yield style, group, each


ENUMS = {
    "textAlignment": {f"PKTextAlignment{each}" for each in ("Left", "Center", "Right", "Natural")},
    "dateStyle": {f"PKDateStyle{each}" for each in ("None", "Short", "Medium", "Long", "Full")},
    "timeStyle": {f"PKDateStyle{each}" for each in ("None", "Short", "Medium", "Long", "Full")},
    "numberStyle": {f"PKNumberStyle{each}" for each in ("Decimal", "Percent", "Scientific", "SpellOut")},
}
DETECTORS = {f"PKDataDetectorType{each}" for each in ("PhoneNumber", "Link", "Address", "CalendarEvent")}


def _check_fields(card: Mapping[str, Any], report: _Report) -> None:
    seen: set[str] = set()
    counts: dict[str, int] = {}
    for style, group, each in _fields(card):
        counts[group] = counts.get(group, 0) + 1
        if not report.expect(isinstance(each, dict), "J09", f"{group} holds something that is no field"):
            continue
        key = each.get("key")
        whole = isinstance(key, str) and key and isinstance(each.get("value"), (str, int, float))
        if not report.expect(whole and not isinstance(each["value"], bool), "J09", f"{key}: key or value is missing"):
            continue
        report.expect(key not in seen, "J08", f"the field key {key} occurs twice")
        seen.add(key)
        _check_field(style, group, each, report)
    crowded = counts.get("headerFields", 0) > 3 or counts.get("primaryFields", 0) > 1
    if ("storeCard" in card or "coupon" in card or "generic" in card) and (
        crowded or counts.get("secondaryFields", 0) + counts.get("auxiliaryFields", 0) > 4
    ):
        report.warn("J17", "more fields on the front than a phone shows")


def _check_field(style: str, group: str, field: Mapping[str, Any], report: _Report) -> None:
    key, value = field["key"], field["value"]
    if "changeMessage" in field:
        message = field["changeMessage"]
        report.expect(isinstance(message, str) and "%@" in message, "J10", f"{key}: changeMessage without %@")
    for name, known in ENUMS.items():
        report.expect(name not in field or field[name] in known, "J11", f"{key}: {name} is {field.get(name)!r}")
    detectors = field.get("dataDetectorTypes", [])
    report.expect(isinstance(detectors, list) and DETECTORS.issuperset(detectors), "J11", f"{key}: dataDetectorTypes")
    if group in ("primaryFields", "backFields"):
        report.expect("textAlignment" not in field, "J12", f"{key}: textAlignment is not allowed here")
    if "row" in field:
        allowed = (style, group) == ("eventTicket", "auxiliaryFields") and field["row"] in (0, 1)
        report.expect(allowed, "J13", f"{key}: row is not allowed here")
    _check_number(field, report)
    if {"dateStyle", "timeStyle", "isRelative", "ignoresTimeZone"} & field.keys():
        report.expect(_is_date(value), "J15", f"{key}: a date needs ISO 8601 with a zone")


def _check_number(field: Mapping[str, Any], report: _Report) -> None:
    key, value = field["key"], field["value"]
    styled = {"numberStyle", "currencyCode"} & field.keys()
    if styled and isinstance(value, str) and re.fullmatch(r"[+-]?\d+([.,]\d+)?", value):
        report.error("J29", f"{key}: the number is written as text")
    elif styled:
        report.expect(_is_number(value) and len(styled) == 1, "J14", f"{key}: a number with one style is needed")
    if "currencyCode" in field:
        code = field["currencyCode"]
        report.expect(isinstance(code, str) and re.fullmatch("[A-Z]{3}", code), "J14", f"{key}: currency {code!r}")


def _check_dates(card: Mapping[str, Any], report: _Report) -> None:
    for key in ("expirationDate", "relevantDate"):
        report.expect(key not in card or _is_date(card[key]), "J16", f"{key} is not ISO 8601 with a zone")
    if "relevantDate" in card and ("storeCard" in card or "coupon" in card):
        report.warn("J23", "relevantDate has no effect on this style")
    for each in card.get("relevantDates", []):
        report.expect(isinstance(each, dict) and _is_relevant(each), "J24", f"relevantDates holds {each!r}")


def _is_relevant(entry: Mapping[str, Any]) -> bool:
    if "date" in entry:
        return not {"startDate", "endDate"} & entry.keys() and _is_date(entry["date"])
    start, end = entry.get("startDate"), entry.get("endDate")
    if not (_is_date(start) and _is_date(end)):
        return False
    length = datetime.fromisoformat(str(end)) - datetime.fromisoformat(str(start))
    return 0 <= length.total_seconds() <= 86_400


def _is_date(value: object) -> bool:
    match = _DATE.fullmatch(value) if isinstance(value, str) else None
    try:
        return match is not None and bool(datetime.fromisoformat(match[0]))
    except ValueError:
        return False


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


OLD_FORMATS = {f"PKBarcodeFormat{each}" for each in ("QR", "PDF417", "Aztec", "Code128")}
NEW_FORMATS = {f"PKBarcodeFormat{each}" for each in ("Code39", "Codabar", "EAN13", "I2of5")}


def _check_barcodes(card: Mapping[str, Any], report: _Report) -> None:
    if "barcodes" not in card:
        return
    codes = card["barcodes"]
    if not report.expect(isinstance(codes, list) and codes, "J18", "barcodes is not a list with something in it"):
        return
    formats = [code.get("format") if isinstance(code, dict) else None for code in codes]
    for code, kind in zip(codes, formats, strict=True):
        if report.expect(kind in OLD_FORMATS | NEW_FORMATS, "J18", f"unknown barcode format {kind!r}"):
            _check_code(code, report)
    if formats[0] in NEW_FORMATS and not OLD_FORMATS & set(formats):
        report.warn("J18", "phones before iOS 27 have no code to show")
    if set(formats) == {"PKBarcodeFormatCode128"}:
        report.warn("J18", "a watch shows no Code 128")


def _check_code(code: Mapping[str, Any], report: _Report) -> None:
    message, encoding = code.get("message"), code.get("messageEncoding")
    try:
        assert isinstance(message, str) and message and isinstance(encoding, str)
        message.encode(encoding)
    except (AssertionError, LookupError, UnicodeEncodeError):
        report.error("J18", "the code's message does not fit its messageEncoding")
        return
    match code["format"]:
        case "PKBarcodeFormatEAN13":
            report.expect(_is_ean13(message), "J19", "not 12 or 13 digits with a right check digit")
        case "PKBarcodeFormatI2of5":
            report.expect(re.fullmatch(r"(\d\d)+", message, re.ASCII), "J19", "not an even number of digits")
        case "PKBarcodeFormatCode39":
            report.expect(re.fullmatch(r"[0-9A-Z \-.$/+%]+", message), "J19", "a character that Code 39 lacks")


def _is_ean13(message: str) -> bool:
    if not re.fullmatch(r"\d{12,13}", message, re.ASCII):
        return False
    check = -sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(message[:12])) % 10
    return len(message) == 12 or check == int(message[12])


def _check_places(card: Mapping[str, Any], report: _Report) -> None:
    places = card.get("locations", [])
    if report.expect(isinstance(places, list) and len(places) <= 10, "J20", "locations is not a list of at most 10"):
        for place in places:
            right = isinstance(place, dict) and all(
                _is_number(place.get(key)) and abs(place[key]) <= most
                for key, most in (("latitude", 90), ("longitude", 180))
            )
            right = right and all(_is_number(place[key]) for key in ("altitude",) if key in place)
            report.expect(right and isinstance(place.get("relevantText", ""), str), "J20", f"location {place!r}")
    report.expect(_is_number(card.get("maxDistance", 0)), "J20", "maxDistance is not a number")
    beacons = card.get("beacons", [])
    if report.expect(isinstance(beacons, list), "J21", "beacons is not a list"):
        report.expect(all(map(_is_beacon, beacons)), "J21", "a beacon has a wrong UUID, major or minor")
        kinds = {str(each.get("proximityUUID")).lower() for each in beacons if isinstance(each, dict)}
        report.expect(len(kinds) <= 10, "J21", "more than 10 beacon UUIDs")
    grouped = "groupingIdentifier" in card and not {"eventTicket", "boardingPass"} & card.keys()
    report.expect(not grouped, "J22", "groupingIdentifier is not allowed on this style")


def _is_beacon(beacon: Any) -> bool:
    try:
        uuid.UUID(beacon["proximityUUID"])
        numbers = [beacon[key] for key in ("major", "minor") if key in beacon]
    except (KeyError, TypeError, ValueError, AttributeError):
        return False
    return all(isinstance(n, int) and not isinstance(n, bool) and 0 <= n <= 65_535 for n in numbers)


def _check_colours(card: Mapping[str, Any], report: _Report) -> None:
    colours: dict[str, tuple[int, int, int]] = {}
    for key in ("backgroundColor", "foregroundColor", "labelColor", "stripColor"):
        if key in card:
            colour = _colour(card[key])
            if report.expect(colour, "J25", f"{key} is not rgb(r, g, b)"):
                assert colour is not None
                colours[key] = colour
    ground = colours.get("backgroundColor")
    for key in ("foregroundColor", "labelColor"):
        if ground and key in colours and _contrast(colours[key], ground) < 3:
            report.warn("J25", f"{key} can hardly be read on the background")


def _colour(value: object) -> tuple[int, int, int] | None:
    if not isinstance(value, str):
        return None
    if match := re.fullmatch(r"rgb\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)", value, re.ASCII):
        red, green, blue = (int(part) for part in match.groups())
        return (red, green, blue) if max(red, green, blue) <= 255 else None
    if re.fullmatch(r"#[0-9A-Fa-f]{6}", value):
        return int(value[1:3], 16), int(value[3:5], 16), int(value[5:7], 16)
    return None


def _contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    def light(colour: tuple[int, int, int]) -> float:
        linear = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, bright = sorted((light(one), light(other)))
    return (bright + 0.05) / (dark + 0.05)


def _check_nfc(card: Mapping[str, Any], report: _Report) -> None:
    if "nfc" not in card:
        return
    nfc = card["nfc"]
    try:
        assert len(nfc["message"].encode()) <= 64
        key = load_der_public_key(base64.b64decode(nfc["encryptionPublicKey"], validate=True))
        assert isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    except (AssertionError, KeyError, TypeError, ValueError, AttributeError):
        report.error("J26", "nfc needs a message of at most 64 bytes and a P-256 key")


ACTIONS = {
    *("membershipBenefits", "viewOffersRewards", "addToBalance", "shop", "order", "call", "place", "bookAppointment"),
    *("bookCar", "bookFlight", "bookStay", "viewSchedule", "watchTrailer", "listenToMusic"),
}


def _check_actions(card: Mapping[str, Any], report: _Report) -> None:
    actions = card.get("featuredActions", [])
    if not report.expect(isinstance(actions, list) and len(actions) <= 2, "J28", "more than two featuredActions"):
        return
    names = [each.get("identifier") if isinstance(each, dict) else None for each in actions]
    right = all(isinstance(name, str) and name for name in names) and len(set(names)) == len(names)
    for each in actions if right else []:
        right = right and each.get("type") in ACTIONS and (each["type"] == "place" or bool(each.get("url")))
    report.expect(right, "J28", "a featuredAction lacks a known type, an identifier of its own or a url")


def _check_types(card: Mapping[str, Any], report: _Report) -> None:
    for key in ("voided", "sharingProhibited", "suppressStripShine"):
        report.expect(isinstance(card.get(key, False), bool), "J29", f"{key} is not true or false")
    apps = card.get("associatedStoreIdentifiers", [])
    report.expect(isinstance(apps, list) and all(map(_is_number, apps)), "J29", "store identifiers are not numbers")
    for _, _, each in _fields(card):
        for key in ("isRelative", "ignoresTimeZone"):
            fine = not isinstance(each, dict) or isinstance(each.get(key, False), bool)
            report.expect(fine, "J29", f"{key} of a field is not true or false")


def _check_back(card: Mapping[str, Any], words: Words, report: _Report) -> None:
    some = next(iter(words.values()), {})
    back = [each for _, group, each in _fields(card) if group == "backFields" and isinstance(each, dict)]
    texts = [some.get(str(each.get("value")), str(each.get("value"))) for each in back if "attributedValue" not in each]
    if not any(re.search(r"\S@\S+\.\S|https?://|(^|\s)\+\d[\d ()-]{5,}", text) for text in texts):
        report.warn("J27", "the back says nothing of how to reach the issuer")
    if card.get("sharingProhibited") is not True:
        report.warn("J27", "a card that its bearer may use can be shared")
    for each in back:
        markup = re.sub(r'<a href="https?://[^"<>\s]+">[^<>]*</a>', "", str(each.get("attributedValue", "")))
        report.expect("<" not in markup, "J09", f"{each.get('key')}: attributedValue may hold links only")


def _check_translated(card: Mapping[str, Any], words: Words, report: _Report) -> None:
    """A key that no language explains is shown to people as it is."""
    known = set.intersection(*(set(entries) for entries in words.values()))
    shown = [("description", card.get("description")), ("logoText", card.get("logoText"))]
    for _, _, each in _fields(card):
        if isinstance(each, dict):
            shown += [(f"label of {each.get('key')}", each.get("label"))]
    for where, text in shown:
        missing = isinstance(text, str) and _KEY.fullmatch(text) and text not in known
        report.expect(not missing, "B20", f"{where}: no words for {text!r}")
