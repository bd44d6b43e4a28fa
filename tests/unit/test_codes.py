"""The code on the card: read however it was scanned, refused however it was made up."""

from __future__ import annotations

import base64
import hashlib
import os
import random
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from passes import cards, codes, credentials
from passes.codes import Credential, Foreign, Forged, Key, Known
from passes.secrets import Secrets

ID = bytes(range(10))
NOW = 1_789_948_805
DAY = NOW // 86_400
SECRETS = Secrets({"k1": bytes(range(32))})
ROTATED = Secrets({"k1": bytes(range(32)), "k2": bytes(32)})
OURS = cards.code_keys(SECRETS)
MANY = int(os.environ.get("CODES", "100000"))


def key(name: bytes) -> Key:
    """As one of our keys would be, with another proof."""
    return replace(OURS[0], prove=lambda id: hashlib.sha256(name + id).digest())


def shown(now: int = NOW, generation: int = 1, secrets: Secrets = SECRETS, key_id: str = "k1") -> str:
    """What a phone with the card's keys shows."""
    return codes.rotating(ID, generation, cards.rotating_keys(secrets, ID, generation, key_id), now)


def page(now: int = NOW, tier: str = "silver", balance: int | None = 1250) -> str:
    """What our own page shows: a credential of the day, and behind it what changes."""
    signer = credentials.signer(SECRETS, "k1")
    said = codes.short(Credential(ID, 1, now // 86_400, signer.id, tier, balance))
    return f"{codes.signed(said, signer.sign)}.{codes.turn(cards.rotating_keys(SECRETS, ID, 1, 'k1'), now)}"


OLD, NEW = key(b"old"), key(b"new")
CODE = codes.make(ID, NEW.prove)
ROTATING, SIGNED = shown(), page()


def test_a_code_names_its_card_and_fits_every_scanner():
    assert re.fullmatch(r"[0-9A-Z.]{34,40}", CODE)
    assert codes.read(CODE, NEW) == Known(ID)
    assert codes.id_of(CODE) == ID


@pytest.mark.parametrize("scanned", [CODE.lower(), f"  {CODE}\r\n", f"\t{CODE}"])
def test_a_scanner_may_add_space_or_write_small_letters(scanned: str):
    assert codes.read(scanned, NEW) == Known(ID)


def test_codes_of_an_older_key_are_still_ours():
    assert codes.read(codes.make(ID, OLD.prove), NEW, OLD) == Known(ID)
    assert codes.read(codes.make(ID, OLD.prove), NEW) == Forged()


@pytest.mark.parametrize(
    "scanned",
    ["", "5901234123457", "https://example.org", "LC1", "LC1..", "LC2" + CODE[3:], CODE + "A", CODE[:-1],
     CODE.replace(".", " "), "A" * 10_000, "ＬＣ１" + CODE[3:], CODE[:-1] + "1", CODE + "\n" + CODE, "\x00", "ſ" * 34,
     ROTATING + "0", ROTATING[:-1], "LC1" + ROTATING[3:], "LC2..1..", SIGNED + "0", SIGNED.rpartition(".")[0],
     "LC3.." + SIGNED, "LC3" + ROTATING[3:], SIGNED[:60]],
)  # fmt: skip
def test_what_is_no_code_of_ours_is_foreign(scanned: str):
    assert codes.read(scanned, NEW) == Foreign()


def test_no_changed_letter_passes():
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    for place in [*range(4, 20), *range(21, len(CODE))]:
        for letter in alphabet:
            if letter != CODE[place]:
                assert codes.read(CODE[:place] + letter + CODE[place + 1 :], NEW) == Forged()


def test_no_code_made_up_at_random_passes():
    chance = random.Random(1)
    for _ in range(5000):
        assert codes.read(codes.make(ID, lambda _: chance.randbytes(8)), NEW) == Forged()


# Codes that change


@pytest.mark.parametrize(
    ("seconds", "value"),
    [(59, "94287082"), (1_111_111_109, "07081804"), (1_111_111_111, "14050471"), (1_234_567_890, "89005924"),
     (2_000_000_000, "69279037"), (20_000_000_000, "65353130")],
)  # fmt: skip
def test_the_values_are_those_of_rfc_6238(seconds: int, value: str):
    assert codes.totp(b"12345678901234567890", codes.step_of(seconds)) == value


def test_a_rotating_code_names_its_card_its_generation_and_its_half_minute():
    assert re.fullmatch(r"[0-9A-Z.]{50,60}", ROTATING)
    assert codes.read(ROTATING, *OURS) == Known(ID, "rotating", 1, NOW // 30)
    assert codes.read(shown(generation=7), *OURS) == Known(ID, "rotating", 7, NOW // 30)


def test_a_wallet_that_fills_in_the_pattern_shows_the_same_code():
    filled = codes.pattern(ID, 1).replace("{totp_timestamp_seconds}", str(NOW))
    for place, key in enumerate(cards.rotating_keys(SECRETS, ID, 1, "k1")):
        filled = filled.replace(f"{{totp_value_{place}}}", codes.totp(key, NOW // 30))
    assert filled == ROTATING


@pytest.mark.parametrize(
    ("away", "is_fresh"),
    [(0, True), (-30, True), (30, True), (-60, False), (60, False), (-90, False), (90, False), (-86_400, False)],
)
def test_a_clock_may_be_a_step_away_and_no_more(away: int, is_fresh: bool):
    known = codes.read(shown(NOW + away), *OURS)
    assert isinstance(known, Known)
    assert known.is_fresh(NOW) == is_fresh


def test_a_rotating_code_is_good_until_it_says():
    known = codes.read(ROTATING, *OURS)
    assert isinstance(known, Known) and known.good_until is not None
    assert known.is_fresh(known.good_until - 1) and not known.is_fresh(known.good_until)
    assert not Known(ID).is_fresh(NOW)


def test_every_card_generation_and_key_has_rotating_keys_of_its_own():
    kinds = [(ID, 1), (ID, 2), (bytes(10), 1)]
    made = [key for id, generation in kinds for key in cards.rotating_keys(ROTATED, id, generation, "k1")]
    made += cards.rotating_keys(ROTATED, ID, 1, "k2")
    assert len(set(made)) == 8


# Codes that are signed


def test_a_signed_code_says_what_it_did_when_it_was_signed():
    assert re.fullmatch(r"[0-9A-Z.-]{160,180}", SIGNED)
    assert codes.read(SIGNED, *OURS) == Known(ID, "signed", 1, NOW // 30)
    credential = codes.read_credential(SIGNED.rsplit(".", 2)[0], *OURS)
    assert credential == Credential(ID, 1, DAY, credentials.signer(SECRETS, "k1").id, "silver", 1250)


def test_it_is_good_for_its_day_and_the_next():
    credential = Credential(ID, 1, DAY, "AAAA")
    assert [credential.is_live((DAY + days) * 86_400) for days in (-1, 0, 1, 2)] == [False, True, True, False]


def test_what_would_make_it_too_large_is_left_out():
    credential = codes.read_credential(page(tier="a-very-long-tier", balance=10**12).rsplit(".", 2)[0], *OURS)
    assert isinstance(credential, Credential)
    assert (credential.tier, credential.balance) == ("", None)
    assert len(page(tier="platinum", balance=999_999_999)) <= 185


def test_its_signature_and_its_changing_part_are_both_checked():
    credential, seconds, digits = SIGNED.rsplit(".", 2)
    wrong_digits = str((int(digits) + 1) % 10**16).zfill(16)
    assert codes.read(f"{credential}.{seconds}.{wrong_digits}", *OURS) == Forged()
    richer = credential.replace(".1250.", ".9250.")
    assert codes.read(f"{richer}.{seconds}.{digits}", *OURS) == Forged()
    assert codes.read(SIGNED.replace("SILVER", "GOLD"), *OURS) == Forged()


def test_a_key_that_was_replaced_still_opens_what_it_signed():
    for code, kind in ((SIGNED, "signed"), (ROTATING, "rotating")):
        known = codes.read(code, *cards.code_keys(ROTATED))
        assert isinstance(known, Known) and known.kind == kind
        assert codes.read(code, *cards.code_keys(Secrets({"k2": bytes(32)}))) == Forged()
    listed = credentials.public_keys(ROTATED)
    assert [each.id for each in listed] == [credentials.signer(ROTATED, name).id for name in ("k2", "k1")]


def test_openssl_verifies_a_credential_with_the_public_key_alone(tmp_path: Path):
    text, _, signature = SIGNED.rsplit(".", 2)[0].rpartition(".")
    raw = base64.b64decode(credentials.public_keys(SECRETS)[0].key)
    (tmp_path / "key.der").write_bytes(bytes.fromhex("302a300506032b6570032100") + raw)
    (tmp_path / "signature").write_bytes(base64.b32decode(signature + "=" * (-len(signature) % 8)))
    for said, is_good in ((text, True), (text.replace("1250", "9250"), False)):
        (tmp_path / "text").write_text(said)
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key.der", "-rawin"]
        done = subprocess.run([*command, "-in", "text", "-sigfile", "signature"], cwd=tmp_path, capture_output=True)
        assert (done.returncode == 0) == is_good


def test_nothing_made_up_or_changed_is_accepted_among_a_hundred_thousand():
    """`CODES=1000000 pytest -k hundred_thousand` tries a million."""
    chance, genuine = random.Random(7), (codes.make(ID, OURS[0].prove), ROTATING, SIGNED)
    for _ in range(MANY):
        original = chance.choices(genuine, (6, 3, 1))[0]
        changed = _mutated(original, chance) if chance.random() < 0.7 else _random(original, chance)
        said = codes.read(changed, *OURS)
        assert not isinstance(said, Known) or _is_same(changed, original, said), changed


def _mutated(code: str, chance: random.Random) -> str:
    letters = list(code)
    for _ in range(chance.randint(1, 3)):
        letters[chance.randrange(4, len(letters))] = chance.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567.0189")
    return "".join(letters)


def _random(code: str, chance: random.Random) -> str:
    """Of the same shape, with nothing right in it but the version."""
    letters = {**dict.fromkeys("0123456789", "0123456789"), ".": "."}
    return code[:4] + "".join(chance.choice(letters.get(sign, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")) for sign in code[4:])


def _is_same(changed: str, original: str, said: Known) -> bool:
    """The same code again: unchanged, or with another second of the same half minute."""
    if changed == original:
        return True
    one, other = changed.split("."), original.split(".")
    return said.step == NOW // 30 and one[:-2] + one[-1:] == other[:-2] + other[-1:]
