"""The service's own keys: made once, kept close, never made up."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from passes.errors import ConfigError
from passes.secrets import Secrets, same, url_text

KEY = base64.b64encode(bytes(32)).decode()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "service.keys"


def written(file: Path, text: str) -> Path:
    file.write_text(text)
    file.chmod(0o600)
    return file


def test_a_new_file_holds_one_key_that_nobody_else_may_read(file: Path):
    Secrets.create(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert Secrets.read(file).ids() == ["k1"]
    with pytest.raises(FileExistsError):
        Secrets.create(file)


def test_the_last_key_is_for_new_things_and_the_others_still_open(file: Path):
    secrets = Secrets.read(written(file, f"k1 {KEY}\n\nk2 {base64.b64encode(bytes(31) + b'!').decode()}\n"))
    assert (secrets.current, secrets.ids()) == ("k2", ["k2", "k1"])
    assert secrets.derive("x") == secrets.derive("x", key_id="k2") != secrets.derive("x", key_id="k1")
    assert secrets.holds("k1") and not secrets.holds("k3")
    with pytest.raises(ConfigError, match="lacks the key k3"):
        secrets.derive("x", key_id="k3")


def test_labels_and_parts_never_run_into_each_other():
    secrets = Secrets({"k1": bytes(32)})
    derived = [
        secrets.derive("a", b"bc"),
        secrets.derive("ab", b"c"),
        secrets.derive("a", b"b", b"c"),
        secrets.derive("a", b"bc", b""),
        secrets.derive("abc"),
    ]
    assert len(set(derived)) == 5 and all(len(bytes_) == 32 for bytes_ in derived)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "at least one key"),
        ("\n \n", "at least one key"),
        ("k1", "line 1"),
        (f"k1 {KEY}\nk2 abc\n", "line 2"),
        (f"k1 {KEY}\nk1 {KEY}\n", "name of its own"),
        (f" {KEY}", "line 1"),
        (f"k1 {KEY[:-4]}", "32 bytes"),
        ("klucz ąę", "cannot be read"),
    ],
)
def test_a_damaged_file_is_refused_in_a_sentence_without_the_key(file: Path, text: str, says: str):
    with pytest.raises(ConfigError, match=says) as refusal:
        Secrets.read(written(file, text))
    assert KEY[:20] not in str(refusal.value)


def test_a_missing_file_is_never_made_silently(file: Path):
    with pytest.raises(ConfigError, match="from your backup"):
        Secrets.read(file)
    assert not file.exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_may_read_is_refused(file: Path, mode: int):
    written(file, f"k1 {KEY}").chmod(mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        Secrets.read(file)


def test_any_two_texts_can_be_compared():
    assert same("ключ", "ключ") and not same("a", "ą") and not same("\ud800", "a") and same("\ud800", "\ud800")
    assert url_text(b"\xff\xfe\xfd") == "__79"
