"""`passes pass FILE`: a good pass is told, a bad one is told why not, and no file breaks the teller."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passes.errors import BadInput
from passes.wallets.apple.explain import explain

from .apple_cards import ANNA, DAY, NOW, built
from .test_passcheck import CARDS, CONTENTS, SIGNATURES, changed, good, zipped


def test_a_good_pass_is_told_in_every_language() -> None:
    told = explain(built(), NOW)
    assert told.refused == []
    assert list(told.fields) == ["en", "ru", "pl"]
    assert ("front", "Punkty", "1234") in [(each.place, each.label, each.value) for each in told.fields["pl"]]
    assert [each.label for each in told.fields["ru"] if each.is_announced] == ["Новое"]
    text = "\n".join(told.lines())
    assert ANNA.name in text and "Picture strip@3x.png: 1125 x 432" in text
    assert "Signed for pass.example.loyalty of team TEAM012345" in text
    assert text.endswith("Nothing in it would make a phone refuse it.")


WRONG = {
    "no pass.json": "pass.json is missing",
    "no manifest": "manifest.json is missing",
    "no icon": "no icon",
    "manifest a list": "manifest.json is not a JSON object",
    "file not in manifest": "icon.png is not in the manifest",
    "manifest without file": "none.png is in the manifest and not in the file",
    "file changed later": "icon.png was changed",
    "open quote": 'expected "key" = "words"',
    "empty": "cannot be read",
    "cut": "cannot be read",
    "no attributes": "cannot be read",
    "not detached": "not of this manifest",
    "of another manifest": "not of this manifest",
    "a bit wrong": "not of this manifest",
    "SHA-512": "not of this manifest",
    "no intermediate": "intermediate certificate",
    "after the certificate": "outside the certificate's validity",
    "other pass type": "another pass type",
    "not for passes": "not one for passes",
}


@pytest.mark.parametrize("name", WRONG)
def test_what_a_phone_refuses_is_said(name: str, tmp_path: Path) -> None:
    bundle = CONTENTS[name][1]() if name in CONTENTS else SIGNATURES[name][1](tmp_path)
    refused = explain(bundle, NOW).refused
    assert any(WRONG[name] in why for why in refused), refused
    assert any(line.startswith("A phone refuses it: ") for line in explain(bundle, NOW).lines())


@pytest.mark.parametrize("name", ["by a chain of its own", "named by key identifier", "SHA-1"])
def test_other_ways_to_sign_are_understood(name: str, tmp_path: Path) -> None:
    signed = SIGNATURES[name][1](tmp_path)

    # openssl signs by the clock on the wall.
    assert explain(signed, int(time.time())).refused == []


def test_a_pass_from_the_future_is_refused() -> None:
    assert explain(built(), NOW - DAY).refused == ["it was signed outside the certificate's validity, or in the future"]


@pytest.mark.parametrize("at", range(len(CARDS)))
def test_any_pass_json_is_told_without_a_crash(at: int) -> None:
    assert list(explain(changed(CARDS[at][1]), NOW).lines())


@pytest.mark.parametrize("raw", [b"", b"PK\x05\x06", b"<html>", bytes(30_000_001)])
def test_what_is_no_pass_is_said_in_a_sentence(raw: bytes) -> None:
    with pytest.raises(BadInput, match="pass"):
        explain(raw, NOW)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["signature", "pass.json", "manifest.json", "en.lproj/pass.strings"]))
def test_no_bytes_break_the_teller(raw: bytes, name: str) -> None:
    assert list(explain(zipped({**good(), name: raw}), NOW).lines())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2500), st.integers(1, 255))
def test_no_damage_to_the_signature_goes_unseen_or_crashes(at: int, change: int) -> None:
    damaged = bytearray(good()["signature"])
    damaged[at] ^= change
    explain(zipped({**good(), "signature": bytes(damaged)}), NOW)


def test_control_characters_of_a_stranger_do_not_reach_the_terminal() -> None:
    text = "\n".join(explain(changed(lambda card: card.update(organizationName="\x1b[31mred")), NOW).lines())
    assert "\x1b" not in text and json.dumps("?[31mred")[1:-1] in text
