"""What an operator writes wrongly is one sentence that names the place; what is right is taken as it is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from passes import assemble, config, home
from passes.config import Settings
from passes.errors import ConfigError
from tests.corpora.configs import FILES, SECRET, VARIABLES

NOW = 1_790_000_000


def written(folder: Path, text: str) -> Path:
    (folder / config.FILE).write_text(text, "utf-8")
    return folder


def refusal(folder: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        config.load(folder)
    sentence = str(caught.value)
    assert SECRET not in sentence
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize(("text", "place", "word"), FILES)
def test_a_bad_file_is_a_sentence_that_names_the_setting(text: str, place: str, word: str, tmp_path: Path) -> None:
    sentence = refusal(written(tmp_path, text))
    assert place in sentence
    assert word in sentence


@pytest.mark.parametrize(("name", "value", "word"), VARIABLES)
def test_a_bad_variable_is_a_sentence(
    name: str, value: str, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert word in refusal(written(tmp_path, ""))


def test_a_variable_of_another_program_is_none_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Kubernetes sets such ones for a service called "passes".
    monkeypatch.setenv("PASSES_PORT_80_TCP", "tcp://10.0.0.1:80")
    monkeypatch.setenv("PASSES_BACKUP_PASSPHRASE_FILE", "/run/secrets/passphrase")
    config.load(written(tmp_path, ""))


def test_several_faults_are_a_sentence_each(tmp_path: Path) -> None:
    written(tmp_path, '[server]\nport = 0\nthreads = 0\n[shop]\nlanguage = "de"')
    with pytest.raises(ConfigError) as caught:
        config.load(tmp_path)
    assert len(str(caught.value).splitlines()) == 3


def test_a_folder_without_settings_says_how_to_get_some(tmp_path: Path) -> None:
    assert "passes init" in refusal(tmp_path)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / config.FILE).mkdir()
    assert "cannot be read" in refusal(tmp_path)


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / config.FILE).write_bytes('[shop]\nname = "Café"'.encode("utf-16"))
    assert "not valid TOML" in refusal(tmp_path)


def test_a_variable_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSES_SERVER__PORT", "9000")
    assert config.load(written(tmp_path, "[server]\nport = 8001")).server.port == 9000


def test_a_password_comes_from_where_it_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY_PASSWORD", SECRET)
    (tmp_path / "password").write_text(f"{SECRET}\n", "utf-8")
    for reference in ("env:KEY_PASSWORD", "file:password", f"file:{tmp_path}/password"):
        settings = config.load(written(tmp_path, f'[apple]\nkey_password = "{reference}"'))
        assert settings.apple.key_password == SECRET


def test_shown_settings_hold_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY_PASSWORD", SECRET)
    text = f"""
        [store]
        url = "postgresql://passes:{SECRET}@db/passes"
        [work]
        queue = "redis://:{SECRET}@cache/0"
        [limits]
        storage = "rediss://:{SECRET}@cache/1"
        [apple]
        key_password = "env:KEY_PASSWORD"
    """
    assert SECRET not in str(config.as_mapping(config.load(written(tmp_path, text))))


def test_relative_places_lie_in_home_and_absolute_ones_where_they_say(tmp_path: Path) -> None:
    settings = config.load(written(tmp_path, ""))
    assert settings.database("sqlite:///a.db") == f"sqlite:///{tmp_path}/a.db"
    assert settings.database("sqlite:////var/a.db") == "sqlite:////var/a.db"
    assert settings.path(Path("certs/a.pem")) == tmp_path / "certs/a.pem"


def test_the_file_we_give_has_every_setting_and_explains_it() -> None:
    text = (home.templates() / "home" / config.FILE).read_text("utf-8")
    given = tomllib.loads(text)
    known = {
        name: set(field.annotation.model_fields)
        for name, field in Settings.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, config.Section)
    }
    assert {section: set(values) for section, values in given.items()} == known
    # A setting is explained beside it, or its name says all and the one above is.
    bare = [line for line in text.splitlines() if re.match(r"\w+ = ", line) and "#" not in line]
    assert bare == []


def test_the_file_we_give_holds_the_defaults(tmp_path: Path) -> None:
    given = config.load(written(tmp_path, (home.templates() / "home" / config.FILE).read_text("utf-8")))
    plain = Settings(home=tmp_path)
    assert given.model_dump(exclude={"shop": {"name"}}) == plain.model_dump(exclude={"shop": {"name"}})


def test_a_new_home_is_one_the_service_accepts(tmp_path: Path) -> None:
    home.create(tmp_path / "shop", NOW)
    service = assemble(tmp_path / "shop")
    assert "apple" not in service.wallets
    with pytest.raises(ConfigError, match="is a home already"):
        home.create(tmp_path / "shop", NOW)


def test_paths_are_entered_where_there_are_none_and_comments_stay(tmp_path: Path) -> None:
    written(tmp_path, '[apple]  # phones\ncertificate = ""  # which one\nwwdr = ""\n')
    paths = {"certificate": "certs/pass.pem", "key": "certs/pass.key", "wwdr": "certs/wwdr.pem"}
    assert config.fill(tmp_path, "apple", paths) == list(paths)
    text = (tmp_path / config.FILE).read_text("utf-8")
    assert "# phones" in text
    assert "# which one" in text
    assert config.load(tmp_path).apple.key == Path("certs/pass.key")
    assert config.fill(tmp_path, "apple", {"certificate": "other.pem"}) == []
