"""Good certificates load in every form people have them; bad ones are explained, file by file."""

from __future__ import annotations

import contextlib
import os
import random
import ssl
import subprocess
import threading
import traceback
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat

from passes.errors import BadInput, ConfigError
from passes.wallets.apple import certificates, enrolment, keyfiles
from passes.wallets.apple.certificates import CannotSign, Identity, findings, ssl_context
from passes.wallets.apple.enrolment import Certs, install, make_dev, request
from passes.wallets.apple.keychain import Keychain
from tests.corpora.pki import (
    BAD,
    DAY,
    NOW,
    PASS_TYPE,
    PASSWORD,
    TEAM,
    Bad,
    Pki,
    der,
    key_der,
    key_pem,
    leaf_name,
    p12,
    pem,
)

NAMES = {"certificate": "pass.pem", "key": "pass.key", "wwdr": "wwdr.pem"}


@pytest.fixture(scope="session")
def pki() -> Pki:
    return Pki()


def lay(folder: Path, files: dict[str, Any]) -> None:
    for what, name in NAMES.items():
        path, body = folder / name, files[what]
        if body == "folder":
            path.mkdir()
        elif body == "pipe":
            os.mkfifo(path)
        elif body is not None:
            path.write_bytes(body)
            path.chmod(files.get(f"{what} mode", 0o600))
    if "mode" in files:
        (folder / "pass.key").chmod(files["mode"])


def load(folder: Path, password: str | None = None, now: int = NOW) -> Identity:
    return certificates.load(folder / "pass.pem", folder / "pass.key", folder / "wwdr.pem", password, now)


def load_good(folder: Path, pki: Pki, password: str | None = None, **changed: Any) -> Identity:
    lay(folder, pki.files() | changed)
    identity = load(folder, password)
    assert (identity.pass_type, identity.team) == (PASS_TYPE, TEAM)
    assert identity.intermediates[0] == pki.g4
    return identity


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.what)
def test_each_mix_up_is_explained_and_names_its_file(bad: Bad, pki: Pki, tmp_path: Path) -> None:
    files = pki.files() | bad.spoil(pki)
    lay(tmp_path, files)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, files.get("password"))
    sentence = str(caught.value)
    assert sentence.startswith(f"{tmp_path / NAMES[bad.file]}: ")
    assert bad.word in sentence and len(sentence) < 500 and "\n" not in sentence
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("what", NAMES)
def test_bytes_changed_anywhere_are_refused_or_harmless(pki: Pki, tmp_path: Path, what: str) -> None:
    bodies = {"certificate": der(pki.leaf), "key": key_der(pki.key), "wwdr": der(pki.g4)}
    dice = random.Random(what)
    for _ in range(80):
        body = bytearray(bodies[what])
        body[dice.randrange(len(body) if dice.random() < 0.7 else 40)] = dice.randrange(256)
        lay(tmp_path, pki.files() | {what: bytes(body)})
        # A ConfigError or a good identity: anything else fails the test.
        with contextlib.suppress(ConfigError):
            assert load(tmp_path).pass_type == PASS_TYPE


def test_bundles_changed_anywhere_are_refused_or_harmless(pki: Pki, tmp_path: Path) -> None:
    whole, dice = p12(pki.key, pki.leaf, PASSWORD), random.Random(12)
    for _ in range(40):
        body = bytearray(whole)
        body[dice.randrange(len(body) if dice.random() < 0.7 else 60)] = dice.randrange(256)
        lay(tmp_path, pki.files() | {"certificate": bytes(body)})
        with contextlib.suppress(ConfigError):
            assert load(tmp_path, PASSWORD).pass_type == PASS_TYPE


def test_there_are_sixty_mix_ups_and_more() -> None:
    assert len({bad.what for bad in BAD}) == len(BAD) >= 60


def test_a_key_of_another_user_is_refused(pki: Pki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(tmp_path, pki.files())
    if os.geteuid() == 0:
        os.chown(tmp_path / "pass.key", 12_345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12_345)
    with pytest.raises(ConfigError, match="belongs to another user; run: sudo chown"):
        load(tmp_path)


def test_files_load_in_every_form_they_come_in(pki: Pki, tmp_path: Path) -> None:
    old_key = key_pem(pki.key, PASSWORD, PrivateFormat.TraditionalOpenSSL)
    windows = pem(pki.leaf).replace(b"\n", b"\r\n")
    forms: list[dict[str, Any]] = [
        {"certificate": der(pki.leaf), "wwdr": der(pki.g4), "key": key_der(pki.key)},
        {"key": key_der(pki.key, PASSWORD)},
        {"key": key_pem(pki.key, PASSWORD)},
        {"key": old_key},
        {"key": key_pem(pki.key, how=PrivateFormat.TraditionalOpenSSL)},
        {"certificate": b"Bag Attributes\n    friendlyName: card\n" + windows},
        {"certificate": b"\xef\xbb\xbf" + pem(pki.leaf)},
        {"certificate": p12(pki.key, pki.leaf, PASSWORD), "key": None},
        {"certificate": p12(None, pki.leaf, PASSWORD)},
        {"key": p12(pki.key, pki.leaf, PASSWORD)},
    ]
    for number, form in enumerate(forms):
        (folder := tmp_path / str(number)).mkdir()
        assert load_good(folder, pki, PASSWORD, **form).leaf == pki.leaf


def test_a_p12_brings_its_own_key_whatever_lies_beside_it(pki: Pki, tmp_path: Path) -> None:
    bundle = p12(pki.key, pki.leaf, PASSWORD)
    identity = load_good(tmp_path, pki, PASSWORD, certificate=bundle, key=key_pem(pki.other_key))
    assert identity.key.public_key() == pki.key.public_key()


@pytest.mark.parametrize("password", ["", "secret"])
def test_a_p12_as_old_macs_export_it_loads(pki: Pki, tmp_path: Path, password: str) -> None:
    lay(tmp_path, pki.files())
    bundle = tmp_path / "old.p12"
    command = ["openssl", "pkcs12", "-export", "-legacy", "-passout", f"pass:{password}", "-out", str(bundle)]
    files = ["-inkey", str(tmp_path / "pass.key"), "-in", str(tmp_path / "pass.pem")]
    subprocess.run([*command, *files], check=True, capture_output=True)
    bundle.chmod(0o600)
    assert certificates.load(bundle, None, tmp_path / "wwdr.pem", password, NOW).leaf == pki.leaf


def test_one_pem_may_hold_everything(pki: Pki, tmp_path: Path) -> None:
    together = tmp_path / "all.pem"
    together.write_bytes(pem(pki.root, pki.g1, pki.g4) + key_pem(pki.key) + pem(pki.leaf))
    together.chmod(0o600)
    identity = certificates.load(together, None, together, None, NOW)
    assert (identity.leaf, identity.intermediates) == (pki.leaf, (pki.g4,))


def test_the_right_one_of_several_certificates_is_taken(pki: Pki, tmp_path: Path) -> None:
    old = pki.make_leaf(starts=NOW - 400 * DAY, ends=NOW - DAY)
    coming = pki.make_leaf(starts=NOW + DAY, ends=NOW + 900 * DAY)
    foreign = pki.make_leaf(pki.other_key, ends=NOW + 999 * DAY)
    several = pem(pki.g4, old, foreign, coming, pki.leaf)
    identity = load_good(tmp_path, pki, certificate=several, wwdr=pem(pki.root, pki.g1, pki.g4))
    assert identity.leaf == pki.leaf


def test_a_renewed_intermediate_of_the_same_key_is_preferred_to_an_expired_one(pki: Pki, tmp_path: Path) -> None:
    expired = pki.authority(pki.g4_name, pki.g4_key, pki.root_name, pki.root_key, ends=NOW - DAY)
    assert load_good(tmp_path, pki, wwdr=pem(expired, pki.g4)).can_sign(NOW)


def test_a_chain_of_two_intermediates_is_followed_without_the_root(pki: Pki, tmp_path: Path) -> None:
    below = pki.authority(pki.g4_name, pki.g4_key, pki.g1_name, pki.g1_key)
    lay(tmp_path, pki.files() | {"wwdr": pem(pki.root, pki.g1, below)})
    assert load(tmp_path).intermediates == (below, pki.g1)


def test_the_marked_pass_type_may_agree(pki: Pki, tmp_path: Path) -> None:
    marked = b"\x0c" + bytes([len(PASS_TYPE)]) + PASS_TYPE.encode()
    lay(tmp_path, pki.files() | {"certificate": pem(pki.make_leaf(marked=marked))})
    assert load(tmp_path).pass_type == PASS_TYPE


def test_the_generation_mix_up_says_which_is_wanted_and_which_is_there(pki: Pki, tmp_path: Path) -> None:
    lay(tmp_path, pki.files() | {"wwdr": pem(pki.g1)})
    with pytest.raises(ConfigError, match=r"issued by G4, .* as G1 was; get the one named G4 from https://www.apple"):
        load(tmp_path)


def test_an_expired_certificate_loads_but_cannot_sign(pki: Pki, tmp_path: Path) -> None:
    identity = load_good(tmp_path, pki)
    assert identity.can_sign(identity.not_after) and not identity.can_sign(identity.not_after + 1)
    later = load(tmp_path, now=identity.not_after + 1)
    assert later == identity and later.days_left(identity.not_after + 1) == -1
    assert "expired on 2027-" in str(CannotSign(identity, identity.not_after + 1))
    assert "clock" in str(CannotSign(identity, identity.not_before - 1))


def test_an_expired_intermediate_stops_signing_too(pki: Pki, tmp_path: Path) -> None:
    expired = pki.authority(pki.g4_name, pki.g4_key, pki.root_name, pki.root_key, ends=NOW - DAY)
    lay(tmp_path, pki.files() | {"wwdr": pem(expired)})
    identity = load(tmp_path)
    assert not identity.can_sign(NOW) and "intermediate" in str(CannotSign(identity, NOW))
    assert [each.level for each in findings(identity, NOW)] == ["good", "bad"]


@pytest.mark.parametrize(
    ("days", "threshold", "words"),
    [
        (91, None, "valid until"),
        (90, 90, "in 90 days"),
        (89, 90, "in 89 days"),
        (60, 60, "in 60 days"),
        (30, 30, "in 30 days"),
        (14, 14, "in 14 days"),
        (8, 14, "in 8 days"),
        (7, 7, "in 7 days"),
        (1, 1, "in 1 day,"),
        (0.5, 1, "less than a day"),
        (-0.1, 0, "expired on"),
    ],
)
def test_an_end_is_announced_in_steps(pki: Pki, tmp_path: Path, days: float, threshold: int, words: str) -> None:
    identity = load_good(tmp_path, pki)
    found = findings(identity, identity.not_after - int(days * DAY))[0]
    assert found.threshold == threshold and words in found.sentence
    assert found.level == {None: "good", 0: "bad"}.get(threshold, "warning")


def test_nothing_shows_the_key_or_the_password(pki: Pki, tmp_path: Path) -> None:
    assert "key" not in repr(load_good(tmp_path, pki, PASSWORD)).replace("Pki", "")
    assert PASSWORD not in repr(keyfiles.read(tmp_path / "pass.key", "a key", PASSWORD))


def test_the_push_service_sees_our_certificate(pki: Pki, tmp_path: Path) -> None:
    identity = load_good(tmp_path, pki)
    (tmp_path / "root.pem").write_bytes(pem(pki.root))
    client = ssl_context(identity, tmp_path / "root.pem")
    assert client.verify_mode is ssl.CERT_REQUIRED and client.check_hostname
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "pass.pem", tmp_path / "pass.key")
    server.load_verify_locations(tmp_path / "root.pem")
    server.verify_mode = ssl.CERT_REQUIRED
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    assert shaken_hands(client, server) == der(identity.leaf)


def shaken_hands(client: ssl.SSLContext, server: ssl.SSLContext) -> bytes | None:
    """What the server knows of the client after a handshake over memory; TLS 1.2 tells both at once."""
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours, theirs = client.wrap_bio(back, there), server.wrap_bio(there, back, server_side=True)
    for _ in range(4):
        for side in (ours, theirs):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return theirs.getpeercert(binary_form=True)


@pytest.mark.parametrize("body", [None, b"", b"no certificate"])
def test_bad_roots_for_the_push_service_are_named(pki: Pki, tmp_path: Path, body: bytes | None) -> None:
    roots = tmp_path / "roots.pem"
    if body is not None:
        roots.write_bytes(body)
    with pytest.raises(ConfigError, match=r"roots.pem: expected root certificates"):
        ssl_context(load_good(tmp_path, pki), roots)


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keychain(pki: Pki, tmp_path: Path, clock: Clock) -> Keychain:
    lay(tmp_path, pki.files())
    return Keychain(tmp_path / "pass.pem", tmp_path / "pass.key", tmp_path / "wwdr.pem", clock=clock)


def renew(folder: Path, name: str, body: bytes) -> None:
    fresh = folder / "fresh"
    fresh.write_bytes(body)
    fresh.chmod(0o600)
    fresh.replace(folder / name)


def test_a_renewed_certificate_is_used_a_second_later(
    pki: Pki, tmp_path: Path, clock: Clock, keychain: Keychain
) -> None:
    renewed = pki.make_leaf(ends=NOW + 700 * DAY)
    renew(tmp_path, "pass.pem", pem(renewed))
    assert keychain.identity.leaf == pki.leaf
    clock.now += 1
    assert keychain.identity.leaf == keychain.signer.identity.leaf == renewed
    assert keychain.complaint is None


def test_bad_new_files_leave_the_old_identity_and_a_complaint(
    pki: Pki, tmp_path: Path, clock: Clock, keychain: Keychain
) -> None:
    before = keychain.signer
    for name, body in (("pass.pem", b"oops"), ("pass.key", key_pem(pki.other_key)), ("wwdr.pem", pem(pki.g1))):
        good = (tmp_path / name).read_bytes()
        renew(tmp_path, name, body)
        clock.now += 1
        assert keychain.signer is before
        assert keychain.complaint is not None and str(tmp_path / name) in keychain.complaint
        renew(tmp_path, name, good)
        clock.now += 1
        assert keychain.identity.leaf == pki.leaf and keychain.complaint is None
        before = keychain.signer


def test_a_missing_file_or_a_loose_key_is_a_complaint_until_mended(
    tmp_path: Path, clock: Clock, keychain: Keychain
) -> None:
    (tmp_path / "pass.key").chmod(0o644)
    clock.now += 1
    assert keychain.identity and "chmod 600" in str(keychain.complaint)
    (tmp_path / "pass.key").chmod(0o600)
    clock.now += 1
    assert keychain.identity and keychain.complaint is None
    (tmp_path / "wwdr.pem").rename(tmp_path / "away.pem")
    clock.now += 1
    assert keychain.identity and "no such file" in str(keychain.complaint)


def test_another_pass_type_does_not_slip_in(pki: Pki, tmp_path: Path, clock: Clock, keychain: Keychain) -> None:
    renew(tmp_path, "pass.pem", pem(pki.make_leaf(subject=leaf_name(UID="pass.com.example.other"))))
    clock.now += 1
    assert keychain.identity.pass_type == PASS_TYPE and "restart" in str(keychain.complaint)


def test_an_expired_heir_is_refused_while_the_old_one_lives(
    pki: Pki, tmp_path: Path, clock: Clock, keychain: Keychain
) -> None:
    renew(tmp_path, "pass.pem", pem(pki.make_leaf(starts=NOW - 9 * DAY, ends=NOW - DAY)))
    clock.now += 1
    assert keychain.identity.leaf == pki.leaf and "has expired" in str(keychain.complaint)


def test_time_alone_mends_a_certificate_that_comes_too_early(
    pki: Pki, tmp_path: Path, clock: Clock, keychain: Keychain
) -> None:
    early = pki.make_leaf(starts=NOW + 30, ends=NOW + 500 * DAY)
    renew(tmp_path, "pass.pem", pem(early))
    clock.now += 1
    assert keychain.identity.leaf == pki.leaf and "valid only from" in str(keychain.complaint)
    clock.now += 61
    assert keychain.identity.leaf == early and keychain.complaint is None


def test_files_are_looked_at_once_a_second_and_read_only_when_changed(
    tmp_path: Path, clock: Clock, keychain: Keychain, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Path] = []
    looks: list[Path] = []
    read, look = keyfiles.read, os.stat

    def counted_read(path, *rest):
        reads.append(path)
        return read(path, *rest)

    def counted_look(path, **how):
        looks.append(path)
        return look(path, **how)

    monkeypatch.setattr(keyfiles, "read", counted_read)
    monkeypatch.setattr(os, "stat", counted_look)
    for _ in range(200):
        assert keychain.identity
    assert looks == []
    clock.now += 1
    threads = [threading.Thread(target=lambda: keychain.identity) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(looks), reads) == (3, [])


def test_dev_certificates_are_like_apples(tmp_path: Path) -> None:
    identity = make_dev(tmp_path / "certs", NOW, "pass.com.example.coffee", "ABCDE12345")
    certs = Certs(tmp_path / "certs")
    assert (identity.pass_type, identity.team) == ("pass.com.example.coffee", "ABCDE12345")
    assert identity.not_after - identity.not_before == 394 * DAY and identity.can_sign(NOW)
    assert certs.key.stat().st_mode & 0o777 == 0o600
    text = subprocess.run(
        ["openssl", "x509", "-in", certs.certificate, "-noout", "-text"], capture_output=True, text=True, check=True
    ).stdout
    for piece in ("UID", "OU = ABCDE12345", "CN = Pass Type ID: pass.com.example.coffee", "2048 bit"):
        assert piece in text
    for piece in ("Digital Signature", "TLS Web Client Authentication", "1.2.840.113635.100.4.14"):
        assert piece in text
    assert "1.2.840.113635.100.6.1.16" in text and "1.2.840.113635.100.6.3.2" in text
    chain = ["-CAfile", str(certs.dev_root), "-untrusted", str(certs.intermediate), str(certs.certificate)]
    subprocess.run(["openssl", "verify", "-attime", str(NOW), *chain], check=True, capture_output=True)
    basics = identity.intermediates[0].extensions.get_extension_for_class(x509.BasicConstraints).value
    assert basics.ca and basics.path_length == 0


def test_dev_certificates_are_kept_while_good_and_made_anew_on_demand(tmp_path: Path) -> None:
    first = make_dev(tmp_path, NOW)
    assert make_dev(tmp_path, NOW + DAY) == first
    other = make_dev(tmp_path, NOW, pass_type="pass.com.example.other")
    assert other.pass_type == "pass.com.example.other"
    again = make_dev(tmp_path, NOW, pass_type="pass.com.example.other", again=True)
    assert again != other
    assert make_dev(tmp_path, NOW + 380 * DAY, pass_type="pass.com.example.other") != again


@pytest.mark.parametrize("name", ["pass.pem", "pass.key", "wwdr.pem"])
def test_real_files_are_never_overwritten_by_dev_ones(pki: Pki, tmp_path: Path, name: str) -> None:
    lay(tmp_path, pki.files())
    for other in {"pass.pem", "pass.key", "wwdr.pem"} - {name}:
        (tmp_path / other).unlink()
    real = (tmp_path / name).read_bytes()
    with pytest.raises(ConfigError, match=f"{name}: is not a dev"):
        make_dev(tmp_path, NOW, again=True)
    assert (tmp_path / name).read_bytes() == real and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("pass_type", "team"),
    [
        ("com.example", TEAM),
        ("pass.", TEAM),
        ("pass.a/b", TEAM),
        ("pass." + "a" * 100, TEAM),
        (PASS_TYPE, ""),
        (PASS_TYPE, "short"),
        (PASS_TYPE, "a1b2c3d4e5"),
        (PASS_TYPE, "A1B2C3D4E5\n"),
    ],
)
def test_dev_names_are_checked(tmp_path: Path, pass_type: str, team: str) -> None:
    with pytest.raises(BadInput):
        make_dev(tmp_path, NOW, pass_type, team)
    assert list(tmp_path.iterdir()) == []


def apples_answer(pki: Pki, csr: Path, to: Path) -> Path:
    """What Apple does: check the request, replace its subject, answer with a .cer."""
    asked = x509.load_pem_x509_csr(csr.read_bytes())
    assert asked.is_signature_valid

    class Asked:
        public_key = staticmethod(asked.public_key)

    to.write_bytes(der(pki.make_leaf(Asked)))
    return to


@pytest.mark.parametrize("password", [None, PASSWORD])
def test_a_request_and_apples_answer_become_an_identity(pki: Pki, tmp_path: Path, password: str | None) -> None:
    folder, wwdr = tmp_path / "certs", tmp_path / "AppleWWDRCAG4.cer"
    wwdr.write_bytes(der(pki.g4))
    csr = request(folder, "Anna's café", "anna@example.com", password)
    key = folder / "request.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert (b"ENCRYPTED" in key.read_bytes()) == (password is not None)
    downloaded = apples_answer(pki, csr, tmp_path / "pass.cer")

    identity = install(folder, downloaded, wwdr, NOW, password)
    assert Certs(folder).load(password, NOW) == identity and identity.pass_type == PASS_TYPE
    assert sorted(path.name for path in folder.iterdir()) == ["pass.key", "pass.pem", "wwdr.pem"]
    assert (folder / "pass.key").stat().st_mode & 0o777 == 0o600

    renewed = apples_answer(pki, request(folder, "Anna", "anna@example.com", password), downloaded)
    assert install(folder, renewed, None, NOW, password) != identity
    assert (folder / "pass.pem.old").read_bytes() == identity.leaf.public_bytes(Encoding.PEM)
    assert (folder / "pass.key.old").stat().st_mode & 0o777 == 0o600


def test_a_second_request_does_not_lose_the_key_of_the_first(tmp_path: Path) -> None:
    request(tmp_path, "Anna", "anna@example.com")
    key = (tmp_path / "request.key").read_bytes()
    with pytest.raises(ConfigError, match="there is a request already"):
        request(tmp_path, "Anna", "anna@example.com")
    assert (tmp_path / "request.key").read_bytes() == key


@pytest.mark.parametrize(
    ("common_name", "email"),
    [("", "a@b.c"), ("x" * 65, "a@b.c"), ("a\nb", "a@b.c"), ("Anna", ""), ("Anna", "anna"), ("Anna", "a b@c.d")],
)
def test_names_on_a_request_are_checked(tmp_path: Path, common_name: str, email: str) -> None:
    with pytest.raises(BadInput):
        request(tmp_path, common_name, email)
    assert list(tmp_path.iterdir()) == []


def test_only_what_fits_the_request_is_installed(pki: Pki, tmp_path: Path) -> None:
    folder, downloaded, wwdr = tmp_path / "certs", tmp_path / "pass.cer", tmp_path / "wwdr.cer"
    wwdr.write_bytes(der(pki.g4))
    downloaded.write_bytes(der(pki.leaf))
    with pytest.raises(ConfigError, match=r"run `passes certs request` first"):
        install(folder, downloaded, wwdr, NOW)
    csr = request(folder, "Anna", "anna@example.com")
    before = sorted(folder.iterdir())
    with pytest.raises(ConfigError, match=r"request.key: this private key does not belong"):
        install(folder, downloaded, wwdr, NOW)
    apples_answer(pki, csr, downloaded)
    with pytest.raises(ConfigError, match=r"wwdr.pem: there is no such file"):
        install(folder, downloaded, None, NOW)
    with pytest.raises(CannotSign):
        install(folder, downloaded, wwdr, NOW + 999 * DAY)
    downloaded.write_bytes(p12(pki.key, pki.leaf, PASSWORD))
    with pytest.raises(ConfigError, match=r"pass.cer: a .p12 brings its own key"):
        install(folder, downloaded, wwdr, NOW, PASSWORD)
    assert sorted(folder.iterdir()) == before


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "certs").write_text("a file")
    with pytest.raises(ConfigError, match="certs"):
        request(tmp_path / "certs", "Anna", "anna@example.com")


def test_what_is_made_holds_no_password(tmp_path: Path) -> None:
    request(tmp_path, "Anna", "anna@example.com", PASSWORD)
    assert all(PASSWORD.encode() not in path.read_bytes() for path in tmp_path.iterdir())
    with pytest.raises(BadInput) as caught:
        request(tmp_path / "other", "Anna", "anna@example.com", PASSWORD + "\0")
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))
    assert enrolment.Certs(tmp_path).requested_key.exists()
