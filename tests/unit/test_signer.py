"""Signatures a phone would accept: checked by OpenSSL, by another encoder, and element by element."""

from __future__ import annotations

import hashlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from passes.errors import ConfigError
from passes.wallets.apple.certificates import CannotSign, Identity
from passes.wallets.apple.der import der, integer, length
from passes.wallets.apple.signer import Signer
from tests.corpora.pki import DAY, NOW, PASS_TYPE, TEAM, Pki, leaf_name, pem, rsa_key

Options = pkcs7.PKCS7Options
MANIFEST = json.dumps({"pass.json": "a" * 40, "icon.png": "b" * 40}, indent=1).encode()
YEAR_2050 = 2_524_608_000


@pytest.fixture(scope="session")
def pki() -> Pki:
    return Pki()


@pytest.fixture(scope="session")
def identity(pki: Pki) -> Identity:
    return Identity(pki.leaf, (pki.g4,), pki.key, PASS_TYPE, TEAM)


@pytest.fixture(scope="session")
def signer(identity: Identity) -> Signer:
    return Signer(identity)


@pytest.fixture
def openssl(pki: Pki, tmp_path: Path):
    """Whether OpenSSL accepts this signature of this content; its moment is the signing time."""
    (tmp_path / "root.pem").write_bytes(pem(pki.root))

    def accepts(content: bytes, signature: bytes, at: int = NOW) -> bool:
        (tmp_path / "manifest.json").write_bytes(content)
        (tmp_path / "signature").write_bytes(signature)
        command = ["openssl", "cms", "-verify", "-inform", "DER", "-binary", "-purpose", "any", "-attime", str(at)]
        files = ["-CAfile", "root.pem", "-in", "signature", "-content", "manifest.json", "-out", "out"]
        done = subprocess.run([*command, *files], cwd=tmp_path, capture_output=True)
        return done.returncode == 0

    return accepts


MANIFESTS = {
    "empty": b"",
    "an empty object": b"{}",
    "one line": b'{"pass.json": "00"}',
    "many lines": MANIFEST,
    "Windows lines": MANIFEST.replace(b"\n", b"\r\n"),
    "bare returns": b"{\r}",
    "a newline alone": b"\n",
    "Russian and Polish": '{"ru.lproj/карта.png": "żółć"}'.encode(),
    "zero bytes": bytes(4096),
    "every byte": bytes(range(256)),
    "huge": b'{"pass.json": "00"}\n' * 500_000,
}


@pytest.mark.parametrize("manifest", MANIFESTS.values(), ids=MANIFESTS)
def test_openssl_accepts_the_signature_of_these_bytes_only(signer: Signer, openssl, manifest: bytes) -> None:
    signature = signer.sign(manifest, NOW)
    assert openssl(manifest, signature)
    assert not openssl(manifest + b" ", signature)
    assert not openssl(b"x" + manifest[1:], signature)


def test_it_is_byte_for_byte_what_another_encoder_makes(signer: Signer, identity: Identity) -> None:
    options = [Options.DetachedSignature, Options.Binary, Options.NoCapabilities]
    for manifest in MANIFESTS.values():
        builder = pkcs7.PKCS7SignatureBuilder().set_data(manifest)
        builder = builder.add_signer(identity.leaf, identity.key, SHA256())
        theirs = builder.add_certificate(identity.intermediates[0]).sign(Encoding.DER, options)
        # It takes the time from the clock; RSA with this padding has no chance in it.
        at = attributes_of(theirs).signed_at
        assert signer._seal(manifest, at) == theirs


@dataclass
class Element:
    tag: int
    content: bytes

    def __iter__(self) -> Iterator[Element]:
        """The elements within; every length must be the shortest possible and fit."""
        rest = self.content
        while rest:
            tag, first = rest[0], rest[1]
            extra = first & 0x7F if first & 0x80 else 0
            size = int.from_bytes(rest[2 : 2 + extra]) if extra else first
            assert length(size) == rest[1 : 2 + extra], "not the shortest length"
            start, end = 2 + extra, 2 + extra + size
            assert end <= len(rest)
            yield Element(tag, rest[start:end])
            rest = rest[end:]

    @property
    def encoded(self) -> bytes:
        return der(self.tag, self.content)


@dataclass
class Attributes:
    content_type: bytes
    time_tag: int
    signed_at: int
    digest: bytes
    encoded: bytes
    signature: bytes


def attributes_of(signature: bytes) -> Attributes:
    """The signed attributes, walking RFC 5652 by hand."""
    [outer] = Element(0, signature)
    _, explicit = outer
    [signed] = explicit
    version, algorithms, content, certificates, signers = signed
    assert version.content == b"\x01" and (certificates.tag, algorithms.tag, signers.tag) == (0xA0, 0x31, 0x31)
    assert [each.tag for each in content] == [0x06], "the content must be outside"
    assert list(certificates) == sorted(certificates, key=lambda each: each.encoded)
    [one] = signers
    _, _, _, attributes, _, seal = one
    pairs = [tuple(each) for each in attributes]
    assert [each.encoded for each in attributes] == sorted(each.encoded for each in attributes)
    kind, moment, digest = (next(iter(values)) for _, values in pairs)
    shape = "%y%m%d%H%M%SZ" if moment.tag == 0x17 else "%Y%m%d%H%M%SZ"
    at = datetime.strptime(moment.content.decode(), shape).replace(tzinfo=UTC)
    encoded = der(0x31, attributes.content)
    return Attributes(kind.content, moment.tag, int(at.timestamp()), digest.content, encoded, seal.content)


def check(leaf: x509.Certificate, found: Attributes) -> None:
    public = leaf.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    public.verify(found.signature, found.encoded, padding.PKCS1v15(), SHA256())


def test_the_signed_attributes_say_what_when_and_which_bytes(signer: Signer, identity: Identity) -> None:
    for at in (NOW, NOW + 1, identity.not_before, identity.not_after):
        found = attributes_of(signer.sign(MANIFEST, at))
        assert found.content_type == bytes.fromhex("2a864886f70d010701")
        assert (found.time_tag, found.signed_at) == (0x17, at)
        assert found.digest == hashlib.sha256(MANIFEST).digest()
        check(identity.leaf, found)


def test_the_leaf_and_its_intermediate_travel_along_but_no_root(signer: Signer, pki: Pki) -> None:
    inside = pkcs7.load_der_pkcs7_certificates(signer.sign(MANIFEST, NOW))
    assert sorted(inside, key=hash) == sorted([pki.leaf, pki.g4], key=hash)


def test_a_longer_chain_travels_whole(pki: Pki, openssl) -> None:
    middle = pki.authority(pki.g4_name, pki.g4_key, pki.g1_name, pki.g1_key)
    signature = Signer(Identity(pki.leaf, (middle, pki.g1), pki.key, PASS_TYPE, TEAM)).sign(MANIFEST, NOW)
    assert set(pkcs7.load_der_pkcs7_certificates(signature)) == {pki.leaf, middle, pki.g1}
    assert openssl(MANIFEST, signature) and not openssl(MANIFEST + b"\n", signature)


def far_identity(pki: Pki) -> Identity:
    far = YEAR_2050 + 100 * DAY
    leaf = pki.make_leaf(ends=far)
    middle = pki.authority(pki.g4_name, pki.g4_key, pki.root_name, pki.root_key, ends=far)
    return Identity(leaf, (middle,), pki.key, PASS_TYPE, TEAM)


def test_the_time_has_four_digits_of_year_from_2050(pki: Pki) -> None:
    signer = Signer(far_identity(pki))
    for at, tag in ((YEAR_2050 - 1, 0x17), (YEAR_2050, 0x18), (YEAR_2050 + 90 * DAY, 0x18)):
        signature = signer.sign(MANIFEST, at)
        found = attributes_of(signature)
        assert (found.time_tag, found.signed_at) == (tag, at)
        assert len(pkcs7.load_der_pkcs7_certificates(signature)) == 2
        check(signer.identity.leaf, found)


def test_names_and_keys_of_any_size_give_valid_der(pki: Pki, openssl) -> None:
    keys = (("A", pki.key), ("Łódź " * 12, pki.key), ("B" * 64, rsa_key(3072)), ("C", rsa_key(4096)))
    for company, key in keys:
        leaf = pki.make_leaf(key, subject=leaf_name(O=company))
        signature = Signer(Identity(leaf, (pki.g4,), key, PASS_TYPE, TEAM)).sign(MANIFEST, NOW)
        assert attributes_of(signature).signed_at == NOW
        assert openssl(MANIFEST, signature)


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 65_535, 65_536, 16_777_215, 16_777_216])
def test_lengths_are_the_shortest_possible(size: int) -> None:
    encoded = length(size)
    if size < 128:
        assert encoded == bytes([size])
    else:
        assert encoded[0] == 0x80 + len(encoded) - 1 and encoded[1] != 0
        assert int.from_bytes(encoded[1:]) == size


@pytest.mark.parametrize(("value", "content"), [(0, "00"), (1, "01"), (127, "7f"), (128, "0080"), (256, "0100")])
def test_numbers_never_read_as_negative(value: int, content: str) -> None:
    assert integer(value) == der(2, bytes.fromhex(content))


def test_no_pass_is_signed_outside_the_validity(signer: Signer, identity: Identity) -> None:
    for at in (identity.not_before - 1, identity.not_after + 1):
        with pytest.raises(CannotSign) as caught:
            signer.sign(MANIFEST, at)
        assert caught.value.status == 503 and PASS_TYPE in str(caught.value)


def test_an_expired_identity_makes_a_signer_that_only_refuses(pki: Pki) -> None:
    leaf = pki.make_leaf(starts=NOW - 9 * DAY, ends=NOW - DAY)
    with pytest.raises(CannotSign, match="expired on"):
        Signer(Identity(leaf, (pki.g4,), pki.key, PASS_TYPE, TEAM)).sign(MANIFEST, NOW)


def test_a_key_that_does_not_fit_makes_no_signer(pki: Pki, identity: Identity) -> None:
    with pytest.raises(ConfigError, match="trial signature"):
        Signer(replace(identity, key=pki.other_key))


def test_eight_threads_share_one_signer(signer: Signer, identity: Identity, openssl) -> None:
    manifests = [b'{"pass.json": "%d"}' % number for number in range(400)]
    with ThreadPoolExecutor(8) as threads:
        signatures = list(threads.map(lambda each: signer.sign(each[1], NOW + each[0]), enumerate(manifests)))
    for number, (manifest, signature) in enumerate(zip(manifests, signatures, strict=True)):
        found = attributes_of(signature)
        assert found.digest == hashlib.sha256(manifest).digest() and found.signed_at == NOW + number
        check(identity.leaf, found)
    assert openssl(manifests[-1], signatures[-1])


def test_signing_starts_no_process_and_opens_no_file() -> None:
    """An audit hook sees every file, process and socket; it stays for the process, so a child runs this."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from tests.corpora.pki import NOW, PASS_TYPE, TEAM, Pki\n"
        "from passes.wallets.apple.certificates import Identity\n"
        "from passes.wallets.apple.signer import Signer\n"
        "pki = Pki()\n"
        "signer = Signer(Identity(pki.leaf, (pki.g4,), pki.key, PASS_TYPE, TEAM))\n"
        "seen = []\n"
        "sys.addaudithook(lambda event, args: seen.append(event))\n"
        "for number in range(50): signer.sign(b'%d' % number, NOW + number)\n"
        "print(sorted(set(seen)))\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_signature_costs_hardly_more_than_the_rsa_in_it(signer: Signer, identity: Identity) -> None:
    """Rounds in turn, so that a busy machine slows both; the bound leaves room for noise."""
    key, scheme, digest, body = identity.key, padding.PKCS1v15(), SHA256(), b"x" * 110

    def seconds(work) -> float:
        start = time.thread_time()
        for _ in range(40):
            work()
        return time.thread_time() - start

    ratios = []
    for _ in range(9):
        bare = seconds(lambda: key.sign(body, scheme, digest))
        ratios.append(bare / seconds(lambda: signer.sign(MANIFEST, NOW)))
    assert statistics.median(ratios) > 0.85


def test_the_leaf_is_named_as_its_certificate_spells_it(signer: Signer, pki: Pki) -> None:
    [outer] = Element(0, signer.sign(MANIFEST, NOW))
    *_, signers = next(iter([*outer][1]))
    [one] = signers
    issuer, serial = [*one][1]
    assert issuer.encoded == pki.leaf.issuer.public_bytes()
    assert int.from_bytes(serial.content) == pki.leaf.serial_number
