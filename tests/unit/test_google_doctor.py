"""What the doctor says of Google Wallet: what is wrong, and what to do at Google's console, in plain words."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from passes import config, doctor
from passes.store import Store
from passes.wallets.google import examination
from passes.wallets.google.examination import Found
from tests.fakes.google.fake import FakeGoogle
from tests.google_shop import settings
from tests.home import new_home
from tests.journeys.running import serving


@pytest.fixture
def google() -> Iterator[FakeGoogle]:
    with FakeGoogle(calls_per_second=None) as google:
        google.policy.https_only = False
        yield google


def online(home: Path) -> list[Found]:
    chosen = config.load(home)
    store = Store(chosen.database(chosen.store.url))
    try:
        return list(examination.online(chosen, store))
    finally:
        store.close()


def bad(found: list[Found]) -> str:
    return "\n".join(f"{sentence} {remedy}" for level, sentence, remedy in found if level == "bad")


def test_without_google_it_says_how_to_get_it(tmp_path: Path) -> None:
    found = list(doctor.examine(new_home(tmp_path / "home"), int(time.time())))
    (said,) = [each for each in found if each.about == "google"]
    assert said.level == "warning" and "invite" in said.remedy and "TEST ONLY" in said.remedy


def test_a_wrong_key_file_is_one_finding_and_the_rest_is_examined(google: FakeGoogle, tmp_path: Path) -> None:
    home = new_home(tmp_path / "home", **settings(google, tmp_path))
    file = tmp_path / "google.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"private_key": "lost"}))
    found = {each.about: each for each in doctor.examine(home, int(time.time())) if each.level == "bad"}
    assert set(found) == {"google"} and "private_key" in found["google"].sentence


def test_a_key_that_others_can_read(google: FakeGoogle, tmp_path: Path) -> None:
    home = new_home(tmp_path / "home", **settings(google, tmp_path))
    (tmp_path / "google.json").chmod(0o644)
    assert "chmod 600" in bad(list(examination.offline(config.load(home))))


def test_all_is_well(google: FakeGoogle, tmp_path: Path) -> None:
    """A service that runs: its pictures are fetched and its callback asked as Google would."""
    home = new_home(tmp_path / "home", **settings(google, tmp_path))
    with serving(home, tmp_path) as running:
        (home / "config.toml").write_text(
            (home / "config.toml").read_text().replace("https://cards.example.org", running.url)
        )
        found = online(home)
    assert not bad(found), bad(found)
    assert len([each for each in found if each[0] == "good"]) == 4


def test_an_account_without_rights_and_a_service_out_of_reach(google: FakeGoogle, tmp_path: Path) -> None:
    home = new_home(tmp_path / "home", **settings(google, tmp_path), server__public_url="http://127.0.0.1:9")
    google.accounts.issuer(google.issuer_id).roles.clear()
    said = bad(online(home))
    assert "invite wallet@" in said and "/google/images/" in said and "callback" in said


def test_a_clock_that_is_wrong(google: FakeGoogle, tmp_path: Path) -> None:
    home = new_home(tmp_path / "home", **settings(google, tmp_path))
    google.clock.moves(2 * 3600)
    assert "clock" in bad(online(home))
