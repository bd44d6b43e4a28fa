"""The checker is only worth something if it finds each fault alone: one good bundle, one change, one finding."""

from __future__ import annotations

import base64
import json
import struct
import subprocess
import time
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha1
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
from hypothesis import given, settings
from hypothesis import strategies as st

from passes.wallets.apple.bundle import bundle_many

from ..passcheck import check, check_many, check_same
from .apple_cards import ANNA, DAY, NOW, built, certs, files, signer

Files = dict[str, bytes]
Json = dict[str, Any]


def found(bundle: bytes, root: Path | None = None) -> list[str]:
    # openssl signs by the clock on the wall, which goes on while other tests run.
    now = max(NOW + 1, int(time.time()))
    return sorted({f"{f.id}{f.severity}" for f in check(bundle, root or certs() / "dev-root.pem", now)})


def zipped(inside: Files, method: int = 0) -> bytes:
    out = BytesIO()
    with ZipFile(out, "w", method) as archive:
        for name, content in inside.items():
            archive.writestr(name, content)
    return out.getvalue()


def manifest_of(inside: Files) -> bytes:
    sums = {name: sha1(raw).hexdigest() for name, raw in inside.items() if name not in ("manifest.json", "signature")}
    return json.dumps(sums).encode()


def signed(inside: Files, manifest: bytes | None = None, at: int = NOW) -> bytes:
    """The files as a pass with a right manifest (or this one) and a right signature over it."""
    manifest = manifest or manifest_of(inside)
    return zipped({**inside, "manifest.json": manifest, "signature": signer().sign(manifest, at)})


def good() -> Files:
    return files(built())


def changed(change: Callable[[Json], object]) -> bytes:
    """The good pass with another pass.json, signed anew."""
    inside = good()
    card = json.loads(inside["pass.json"])
    change(card)
    return signed({**inside, "pass.json": json.dumps(card).encode()})


def test_a_good_pass_has_no_findings() -> None:
    assert found(built()) == []
    assert found(zipped(good(), ZIP_DEFLATED)) == []


# The archive


def patched(at: bytes, offset: int, value: bytes) -> bytes:
    raw = built()
    begin = raw.index(at) + offset
    return raw[:begin] + value + raw[begin + len(value) :]


def local(name: bytes) -> bytes:
    """The local header's last bytes before and with the name."""
    return struct.pack("<2H", len(name), 0) + name


ARCHIVES: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "no zip": lambda: b"<html>not found</html>",
    "cut short": lambda: built()[:-30],
    "something behind": lambda: built() + b"x",
    "something before": lambda: b"x" + built(),
    "encrypted": lambda: patched(b"PK\x01\x02", 8, b"\x01"),
    "encrypted entry": lambda: patched(b"PK\x03\x04", 6, b"\x01"),
    "unknown packing": lambda: patched(b"PK\x01\x02", 10, b"\x63"),
    "wrong checksum": lambda: patched(b"PK\x01\x02", 16, b"\0\0\0\0"),
    "damaged content": lambda: patched(b'{"formatVersion"', 2, b"F"),
    "damaged header": lambda: patched(b"PK\x03\x04", 0, b"XX"),
    "other name": lambda: patched(local(b"pass.json"), 4, b"Pass"),
    "twice": lambda: _twice(),
    "absolute": lambda: signed({**good(), "/etc/passwd": b"x"}),
    "upwards": lambda: signed({**good(), "../icon.png": b"x"}),
    "backslash": lambda: signed(good()).replace(b"logo@3x.png", b"logo\\3x.png"),
    "more entries than said": lambda: _count(-1),
    "fewer entries than said": lambda: _count(+1),
}


def _twice() -> bytes:
    return signed(good()).replace(b"logo@3x.png", b"logo@2x.png")


def _count(more: int) -> bytes:
    raw = built()
    end = raw.rindex(b"PK\x05\x06")
    count = struct.unpack("<H", raw[end + 8 : end + 10])[0] + more
    return raw[: end + 8] + struct.pack("<2H", count, count) + raw[end + 12 :]


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_broken_archive_is_B01(name: str) -> None:
    assert found(ARCHIVES[name]()) == ["B01E"]


def without(*names: str) -> Files:
    return {name: raw for name, raw in good().items() if name not in names}


PL, RU = "pl.lproj/pass.strings", "ru.lproj/pass.strings"


def words(language: str, change: Callable[[str], str], encoding: str = "utf-16") -> bytes:
    path = f"{language}.lproj/pass.strings"
    inside = good()
    return signed({**inside, path: change(inside[path].decode("utf-16")).encode(encoding)})


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = zlib.compress((b"\0" + b"\x80" * width) * height)
    header = struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def with_files(**more: bytes) -> bytes:
    return signed({**good(), **{name.replace("__", "/"): raw for name, raw in more.items()}})


def manifested(change: Callable[[Json], object]) -> bytes:
    manifest = json.loads(manifest_of(good()))
    change(manifest)
    return signed(good(), json.dumps(manifest).encode())


CONTENTS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "no pass.json": ("B02E", lambda: zipped(without("pass.json"))),
    "no manifest": ("B02E", lambda: zipped(without("manifest.json"))),
    "no signature": ("B02E", lambda: zipped(without("signature"))),
    "in a folder": ("B02E B03E", lambda: zipped({f"card/{name}": raw for name, raw in good().items()})),
    "no icon": ("B03E", lambda: signed(without("icon.png", "icon@2x.png", "icon@3x.png"))),
    "no icon@3x": ("B04W", lambda: signed(without("icon@3x.png"))),
    "no icon@2x": ("B04W", lambda: signed(without("icon@2x.png"))),
    "manifest a list": ("B05E", lambda: signed(good(), b"[]")),
    "manifest not JSON": ("B05E", lambda: signed(good(), b"pass.json = 1")),
    "manifest twice": ("B05E", lambda: signed(good(), b'{"a":"' + b"0" * 40 + b'","a":"' + b"0" * 40 + b'"}')),
    "sums in capitals": ("B05E", lambda: manifested(lambda m: m.update({"icon.png": "A" * 40}))),
    "sums too short": ("B05E", lambda: manifested(lambda m: m.update({"icon.png": "ab"}))),
    "file not in manifest": ("B06E", lambda: manifested(lambda m: m.pop("icon.png"))),
    "manifest without file": ("B06E", lambda: manifested(lambda m: m.update({"none.png": "0" * 40}))),
    "manifest of itself": ("B06E", lambda: manifested(lambda m: m.update({"manifest.json": "0" * 40}))),
    "wrong sum": ("B07E", lambda: manifested(lambda m: m.update({"icon.png": "0" * 40}))),
    "file changed later": ("B07E", lambda: zipped({**good(), "icon.png": png(38, 38)})),
    "finder leftovers": ("B08E", lambda: signed({**good(), ".DS_Store": b"x"})),
    "archive leftovers": ("B08E", lambda: signed({**good(), "__MACOSX/icon.txt": b"x"})),
    "dot file": ("B08E", lambda: signed({**good(), "ru.lproj/.gitkeep": b""})),
    "icon no PNG": ("B19E", lambda: signed({**good(), "icon.png": b"GIF89a"})),
    "icon cut": ("B19E", lambda: signed({**good(), "icon.png": png(38, 38)[:-4]})),
    "icon with a tail": ("B19E", lambda: signed({**good(), "icon.png": png(38, 38) + b"PK"})),
    "logo too large": ("B19W", lambda: signed({**without("logo.png", "logo@2x.png"), "logo@3x.png": png(900, 30)})),
    "strip not doubled": ("B19W", lambda: signed({**good(), "strip@2x.png": png(375, 144)})),
    "picture not shown": ("B19W", lambda: signed({**good(), "thumbnail.png": png(90, 90)})),
    "no words": ("B20E", lambda: signed({**without(PL), "pl.lproj/logo@2x.txt": b"x"})),
    "words in UTF-8": ("B20W", lambda: words("pl", lambda t: t, "utf-8")),
    "words in Latin-2": ("B20E", lambda: words("pl", lambda t: t, "iso-8859-2")),
    "no semicolon": ("B20E", lambda: words("ru", lambda t: t.replace('";', '"', 1))),
    "open quote": ("B20E", lambda: words("ru", lambda t: t + '"key" = "value')),
    "open comment": ("B20E", lambda: words("ru", lambda t: t + "/* and so on")),
    "a key too many": ("B20E", lambda: words("ru", lambda t: t + '"more" = "больше";\n')),
    "a key twice": ("B20E", lambda: words("ru", lambda t: t + t)),
    "a key missing": ("B20E", lambda: words("en", lambda t: t.partition("\n")[2])),
    "hidden picture": ("B20W", lambda: signed({**good(), "ru.lproj/logo.png": good()["logo.png"]})),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_one_wrong_file_is_one_finding(name: str) -> None:
    rules, make = CONTENTS[name]
    assert found(make()) == rules.split()


# The signature


def flipped(at: int) -> bytes:
    inside = good()
    raw = bytearray(inside["signature"])
    raw[at] ^= 1
    return zipped({**inside, "signature": bytes(raw)})


@cache
def key(owner: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate(
    owner: str, issuer: str, subject: list[tuple[Any, str]], days: tuple[int, int], *extensions: tuple[Any, bool]
) -> x509.Certificate:
    start = datetime.fromtimestamp(NOW, UTC)
    name = x509.Name([x509.NameAttribute(oid, value) for oid, value in subject])
    public, authority = key(owner).public_key(), key(issuer)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start + timedelta(days=days[0]))
        .not_valid_after(start + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(owner != "leaf", None), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), False)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(authority, SHA256())


def chained(
    tmp: Path,
    *options: str,
    pass_type: str = "pass.example.loyalty",
    special: str | None = None,
    purpose: str = "1.2.840.113635.100.4.14",
    leaf_days: tuple[int, int] = (-1, 300),
    between_days: tuple[int, int] = (-9, 900),
    with_intermediate: bool = True,
    signers: int = 1,
) -> bytes:
    """The good files signed by `openssl` with a chain made for this test; its root is tmp/root.pem."""
    root = certificate("root", "root", [(NameOID.COMMON_NAME, "root")], (-9, 900))
    between = certificate("between", "root", [(NameOID.COMMON_NAME, "between")], between_days)
    named = [
        (NameOID.USER_ID, pass_type),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, signer().identity.team),
        (NameOID.COMMON_NAME, "leaf"),
    ]
    extensions: list[tuple[Any, bool]] = [
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ObjectIdentifier(purpose)]), False)
    ]
    if special:
        encoded = b"\x0c" + bytes([len(special)]) + special.encode()
        extensions.append((x509.UnrecognizedExtension(ObjectIdentifier("1.2.840.113635.100.6.1.16"), encoded), False))
    leaf = certificate("leaf", "between", named, leaf_days, *extensions)
    for name, each in (("root", root), ("between", between), ("leaf", leaf)):
        (tmp / f"{name}.pem").write_bytes(each.public_bytes(Encoding.PEM))
    for owner in ("leaf", "between"):
        (tmp / f"{owner}.key").write_bytes(key(owner).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    inside = good()
    (tmp / "manifest").write_bytes(inside["manifest.json"])
    command = ["openssl", "cms", "-sign", "-binary", "-outform", "DER", "-in", "manifest", "-out", "signature"]
    for owner in ("leaf", "between")[:signers]:
        command += ["-signer", f"{owner}.pem", "-inkey", f"{owner}.key"]
    command += ["-certfile", "between.pem"] if with_intermediate and signers == 1 else []
    subprocess.run([*command, *options], cwd=tmp, check=True, capture_output=True, timeout=30)
    return zipped({**inside, "signature": (tmp / "signature").read_bytes()})


SIGNATURES: dict[str, tuple[str, Callable[[Path], bytes]]] = {
    "by a chain of its own": ("", lambda tmp: chained(tmp)),
    "named by key identifier": ("", lambda tmp: chained(tmp, "-keyid")),
    "empty": ("B09E", lambda _: zipped({**good(), "signature": b""})),
    "text": ("B09E", lambda _: zipped({**good(), "signature": b"-----BEGIN PKCS7-----"})),
    "cut": ("B09E", lambda _: zipped({**good(), "signature": good()["signature"][:-9]})),
    "with a tail": ("B09E", lambda _: zipped({**good(), "signature": good()["signature"] + b"\0"})),
    "two signers": ("B09E", lambda tmp: chained(tmp, signers=2)),
    "not detached": ("B10E", lambda tmp: chained(tmp, "-nodetach")),
    "no attributes": ("B11E", lambda tmp: chained(tmp, "-noattr")),
    "of another manifest": ("B12E", lambda _: zipped({**good(), "manifest.json": good()["manifest.json"] + b" "})),
    "a bit wrong": ("B12E", lambda _: flipped(-1)),
    "SHA-1": ("B13W", lambda tmp: chained(tmp, "-md", "sha1")),
    "SHA-512": ("B13E", lambda tmp: chained(tmp, "-md", "sha512")),
    "no intermediate": ("B14E", lambda tmp: chained(tmp, with_intermediate=False)),
    "no certificates": ("B14E", lambda tmp: chained(tmp, "-nocerts", with_intermediate=False)),
    "tomorrow": ("B15E", lambda _: signed(good(), at=NOW + DAY)),
    "before the certificate": ("B15E", lambda tmp: chained(tmp, leaf_days=(1, 300))),
    "after the certificate": ("B15E", lambda tmp: chained(tmp, leaf_days=(-9, -1))),
    "other pass type": ("B16E", lambda tmp: chained(tmp, pass_type="pass.example.other")),
    "other special type": ("B16E", lambda tmp: chained(tmp, special="pass.example.other")),
    "same special type": ("", lambda tmp: chained(tmp, special="pass.example.loyalty")),
    "not for passes": ("B17E", lambda tmp: chained(tmp, purpose="1.2.3.4")),
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_one_wrong_signature_is_one_finding(name: str, tmp_path: Path) -> None:
    rules, make = SIGNATURES[name]
    bundle = make(tmp_path)
    root = tmp_path / "root.pem"
    assert found(bundle, root if root.exists() else None) == rules.split()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2500), st.integers(1, 255))
def test_no_damage_to_the_signature_goes_unseen(at: int, change: int) -> None:
    damaged = bytearray(good()["signature"])
    damaged[at] ^= change
    assert any(each.startswith("B") for each in found(zipped({**good(), "signature": bytes(damaged)})))


def test_a_chain_to_another_root_is_B14(tmp_path: Path) -> None:
    chained(tmp_path)
    assert found(built(), tmp_path / "root.pem") == ["B14E"]


def test_an_expired_intermediate_is_a_warning(tmp_path: Path) -> None:
    bundle = chained(tmp_path, between_days=(-9, 1))
    later = check(bundle, tmp_path / "root.pem", NOW + 2 * DAY)
    assert [(f.id, f.severity) for f in later] == [("B15", "W")]


# pass.json

CARD = "storeCard"


def face(group: str, **more: Any) -> Callable[[Json], object]:
    """One more field in this group, in place of another so that the front stays uncrowded."""

    def change(card: Json) -> None:
        fields = card[CARD].setdefault(group, [])
        if group in ("primaryFields", "auxiliaryFields"):
            fields.pop()
        fields.append({"key": "added", "value": 1, **more})

    return change


def top(**more: Any) -> Callable[[Json], object]:
    return lambda card: card.update(more)


def lose(key: str) -> Callable[[Json], object]:
    return lambda card: card.pop(key)


def code(**more: Any) -> Callable[[Json], object]:
    return lambda card: card["barcodes"][0].update(more)


def place(**more: Any) -> Callable[[Json], object]:
    return lambda card: card["locations"][0].update(more)


@cache
def public_key(curve: str) -> str:
    private = ec.generate_private_key(getattr(ec, curve)())
    return base64.b64encode(private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


UUID = "f7826da6-4fa2-4e98-8024-bc5b71e0893e"
SHOP = {"identifier": "a", "type": "shop", "url": "https://example.org"}
_REACH = ("phone", "email", "website")
CARDS: list[tuple[str, Callable[[Json], object]]] = [
    ("J02E", top(formatVersion=2)),
    ("J02E", top(formatVersion="1")),
    ("J02E", top(formatVersion=True)),
    ("J03E", lose("description")),
    ("J03E", top(organizationName=" ")),
    ("J03E", top(serialNumber=12)),
    ("J04E", lambda c: c.update(coupon={})),
    ("B16E J05E", top(passTypeIdentifier="com.example.card")),
    ("B16E J05E", top(teamIdentifier="team012345")),
    ("B16E", top(teamIdentifier="OTHERTEAM1")),
    ("B16E", top(passTypeIdentifier="pass.example.other")),
    ("J06E", top(serialNumber="анна")),
    ("J06E", top(serialNumber="a" * 65)),
    ("J07E", lose("authenticationToken")),
    ("J07E", lose("webServiceURL")),
    ("J07E", top(webServiceURL="http://cards.example.org/apple")),
    ("J07E", top(webServiceURL="https://cards.example.org/apple?a=1")),
    ("J07E", top(authenticationToken="short")),
    ("J08E", face("backFields", key="balance")),
    ("J09E", face("backFields", value=None)),
    ("J09E", face("backFields", key="")),
    ("J09E", face("backFields", value=["a"])),
    ("J09E", lambda c: c[CARD]["backFields"].append("text")),
    ("J09E", face("backFields", attributedValue='<a href="javascript:alert(1)">x</a>')),
    ("J10E", face("backFields", changeMessage="")),
    ("J10E", face("backFields", changeMessage="Changed")),
    ("J11E", face("auxiliaryFields", textAlignment="PKTextAlignmentJustified")),
    ("J11E", face("auxiliaryFields", numberStyle="decimal")),
    ("J11E", face("backFields", dataDetectorTypes=["link"])),
    ("J12E", face("primaryFields", textAlignment="PKTextAlignmentLeft")),
    ("J12E", face("backFields", textAlignment="PKTextAlignmentLeft")),
    ("J13E", face("auxiliaryFields", row=1)),
    ("J14E", face("backFields", value="many", numberStyle="PKNumberStyleDecimal")),
    ("J14E", face("backFields", numberStyle="PKNumberStyleDecimal", currencyCode="PLN")),
    ("J14E", face("backFields", currencyCode="zł")),
    ("J15E", face("backFields", value="2026-05-31T10:00:00", dateStyle="PKDateStyleShort")),
    ("J15E", face("backFields", value="2026-05-31T10:00:00+0200", dateStyle="PKDateStyleShort")),
    ("J15E", face("backFields", value="2026-13-31T10:00:00Z", timeStyle="PKDateStyleShort")),
    ("J16E", top(expirationDate="2030-01-01")),
    ("J17W", lambda c: c[CARD]["auxiliaryFields"].append({"key": "fifth", "value": 5})),
    ("J17W", lambda c: c[CARD]["primaryFields"].append({"key": "second", "value": 2})),
    ("J17W", lambda c: c[CARD]["headerFields"].extend({"key": f"h{n}", "value": n} for n in range(3))),
    ("J18E", top(barcodes=[])),
    ("J18E", lambda c: c.update(barcodes=c["barcodes"][0])),
    ("J18E", code(format="PKBarcodeFormatITF")),
    ("J18E", code(message="Анна")),
    ("J18E", code(messageEncoding="latin-99")),
    ("J18E", lambda c: c["barcodes"][0].pop("messageEncoding")),
    ("J18W", code(format="PKBarcodeFormatCode39", message="ABC")),
    ("J18W", code(format="PKBarcodeFormatCode128")),
    ("J18W J19E", code(format="PKBarcodeFormatEAN13", message="4006381333932")),
    ("J18W", code(format="PKBarcodeFormatEAN13", message="4006381333931")),
    ("J18W J19E", code(format="PKBarcodeFormatI2of5", message="123")),
    ("J18W J19E", code(format="PKBarcodeFormatCode39", message="abc")),
    ("J20E", place(latitude="52.1")),
    ("J20E", place(latitude=91)),
    ("J20E", place(longitude=-181)),
    ("J20E", place(altitude=None)),
    ("J20E", lambda c: c["locations"][0].pop("latitude")),
    ("J20E", lambda c: c.update(locations=c["locations"] * 6)),
    ("J20E", top(maxDistance="100")),
    ("J21E", top(beacons=[{"proximityUUID": "one"}])),
    ("J21E", top(beacons=[{"proximityUUID": UUID, "major": 65_536}])),
    ("J21E", top(beacons=[{"proximityUUID": UUID[:-2] + f"{n:02}"} for n in range(11)])),
    ("J22E", top(groupingIdentifier="cards")),
    ("J23W", top(relevantDate="2030-01-01T10:00:00Z")),
    ("J16E J23W", top(relevantDate="tomorrow")),
    ("J24E", top(relevantDates=[{}])),
    ("J24E", top(relevantDates=[{"startDate": "2030-01-01T10:00:00Z"}])),
    ("J24E", top(relevantDates=[{"startDate": "2030-01-01T10:00:00Z", "endDate": "2030-01-03T10:00:00Z"}])),
    ("J25E", top(backgroundColor="brown")),
    ("J25E", top(labelColor="rgb(1, 2, 256)")),
    ("J25W", top(foregroundColor="rgb(50, 30, 20)")),
    ("B18E", lambda c: c.update(nfc={"message": "a", "encryptionPublicKey": public_key("SECP256R1")})),
    ("B18E J26E", lambda c: c.update(nfc={"message": "a" * 65, "encryptionPublicKey": public_key("SECP256R1")})),
    ("B18E J26E", lambda c: c.update(nfc={"message": "a", "encryptionPublicKey": public_key("SECP384R1")})),
    ("J27W", top(sharingProhibited=False)),
    ("J27W", lambda c: c[CARD].update(backFields=[f for f in c[CARD]["backFields"] if f["key"] not in _REACH])),
    ("J28E", top(featuredActions=[SHOP, {**SHOP, "identifier": "b"}, {**SHOP, "identifier": "c"}])),
    ("J28E", top(featuredActions=[SHOP, SHOP])),
    ("J28E", top(featuredActions=[{**SHOP, "type": "buy"}])),
    ("J28E", top(featuredActions=[{**SHOP, "url": ""}])),
    ("J29E", face("backFields", value="10", numberStyle="PKNumberStyleDecimal")),
    ("J29E", face("backFields", value="12.50", currencyCode="PLN")),
    ("J29E", top(voided="true")),
    ("J29E", top(associatedStoreIdentifiers=["1234"])),
    ("J29E", face("backFields", value="2030-01-01T10:00:00Z", isRelative="yes")),
    ("B20E", face("backFields", label="label.unknown")),
    ("B20E", top(logoText="programme.unknown")),
]


@pytest.mark.parametrize("at", range(len(CARDS)), ids=lambda at: f"{at}-{CARDS[at][0]}")
def test_one_wrong_line_of_pass_json_is_one_finding(at: int) -> None:
    rules, change = CARDS[at]
    assert found(changed(change)) == rules.split()


@pytest.mark.parametrize(
    "text", [b'{"formatVersion":1,"formatVersion":1}', b'{"a":NaN}', b"[]", b"\xff", b"{", b"[" * 99_999]
)
def test_what_is_not_plain_json_is_J01(text: bytes) -> None:
    assert found(signed({**good(), "pass.json": text})) == ["J01E"]


# Several passes, and the same pass twice


def test_several_passes_are_checked_together() -> None:
    root = certs() / "dev-root.pem"
    assert check_many(bundle_many([built(), built(style="coupon")]), root, NOW + 1) == []
    bad = {
        "none": zipped({}),
        "eleven": zipped({f"{n}.pkpass": built() for n in range(11)}),
        "a stranger": zipped({"1.pkpass": built(), "readme.txt": b"hello"}),
        "a broken one": zipped({"1.pkpass": built()[:-1]}),
    }
    for name, bundle in bad.items():
        assert {f.id for f in check_many(bundle, root, NOW + 1)} == {"B21"}, name


def test_the_same_card_gives_the_same_files() -> None:
    assert check_same(built(), built()) == []
    differs = check_same(built(), built(link="https://cards.example.org/other"))
    assert [(f.id, f.sentence.split()[0]) for f in differs] == [("B22", "manifest.json"), ("B22", "pass.json")]


def test_the_card_used_here_shows_every_kind_of_field() -> None:
    assert ANNA.tier and ANNA.progress and ANNA.expiring and ANNA.news and ANNA.offers and ANNA.worth
