"""The code on the card: read however it was scanned, refused however it was made up."""

from __future__ import annotations

import hashlib
import random
import re

import pytest

from passes import codes
from passes.codes import Foreign, Forged, Known

ID = bytes(range(10))


def old(id: bytes) -> bytes:
    return hashlib.sha256(b"old" + id).digest()


def new(id: bytes) -> bytes:
    return hashlib.sha256(b"new" + id).digest()


CODE = codes.make(ID, new)


def test_a_code_names_its_card_and_fits_every_scanner():
    assert re.fullmatch(r"[0-9A-Z.]{34,40}", CODE)
    assert codes.read(CODE, new) == Known(ID)


@pytest.mark.parametrize("scanned", [CODE.lower(), f"  {CODE}\r\n", f"\t{CODE}"])
def test_a_scanner_may_add_space_or_write_small_letters(scanned: str):
    assert codes.read(scanned, new) == Known(ID)


def test_codes_of_an_older_key_are_still_ours():
    assert codes.read(codes.make(ID, old), new, old) == Known(ID)
    assert codes.read(codes.make(ID, old), new) == Forged()


@pytest.mark.parametrize(
    "scanned",
    ["", "5901234123457", "https://example.org", "LC1", "LC1..", "LC2" + CODE[3:], CODE + "A", CODE[:-1],
     CODE.replace(".", " "), "A" * 10_000, "ＬＣ１" + CODE[3:], CODE[:-1] + "1", CODE + "\n" + CODE, "\x00", "ſ" * 34],
)  # fmt: skip
def test_what_is_no_code_of_ours_is_foreign(scanned: str):
    assert codes.read(scanned, new) == Foreign()


def test_no_changed_letter_passes():
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    for place in [*range(4, 20), *range(21, len(CODE))]:
        for letter in alphabet:
            if letter != CODE[place]:
                assert codes.read(CODE[:place] + letter + CODE[place + 1 :], new) == Forged()


def test_no_code_made_up_at_random_passes():
    chance = random.Random(1)
    for _ in range(5000):
        assert codes.read(codes.make(ID, lambda _: chance.randbytes(8)), new) == Forged()
