"""Every command: a shop's whole life through the real executable, and what each says when it cannot."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.home import new_home
from tests.journeys.running import Running, environment_of, executed, passes, serving

PASSPHRASE = "an open secret of four words"
OWNER = "owner@example.org"
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("commands")


@pytest.fixture(scope="module")
def shop(folder: Path) -> Path:
    """A home made as its operator makes it."""
    home = folder / "shop"
    said = executed("init", home)
    assert said.code == 0, said.complained
    assert f"--home {home} serve" in said.said
    assert executed("--home", home, "certs", "dev").code == 0
    return home


@pytest.fixture(scope="module")
def key(shop: Path) -> str:
    made = executed("--home", shop, "key", "create", "--name", "till", "--scope", "*")
    assert made.code == 0, made.complained
    return made.said.strip()


@pytest.fixture(scope="module")
def service(shop: Path, folder: Path) -> Iterator[Running]:
    with serving(shop, folder) as running:
        yield running


def joined(service: Running, key: str) -> dict[str, object]:
    person = {"programme": "cafe", "name": "Anna", "language": "en"}
    answer = service.client.post("/api/v1/members", json=person, headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_a_point_earned_is_on_the_phone_within_a_second(service: Running, shop: Path, key: str) -> None:
    anna = joined(service, key)
    link, serial = anna["links"]["apple"], anna["card"]["serial"] if isinstance(anna["card"], dict) else anna["card"]  # type: ignore[index]
    root = str(shop / "certs" / "dev-root.pem")
    words = ["phone", str(link), "--changes", "1", "--every", "0.1", "--remove", "--root", root]
    with subprocess.Popen(
        [sys.executable, "-m", "passes", *words], stdout=subprocess.PIPE, text=True, env=environment_of(None)
    ) as phone:
        assert phone.stdout
        for line in phone.stdout:
            if line == "registered\n":
                break
        posted = service.client.post(
            f"/api/v1/cards/{serial}/receipts",
            json={"receipt": "r-1", "total": 5000, "currency": "PLN"},
            headers={"Authorization": f"Bearer {key}", "Idempotency-Key": "r-1"},
        )
        at = time.monotonic()
        assert posted.status_code == 201, posted.text
        first = phone.stdout.readline()
        seconds = time.monotonic() - at
        rest = phone.stdout.read()
    assert " 10 → 60" in first + rest
    assert rest.endswith("removed\n")
    assert phone.returncode == 0
    # The goal is one; a machine that runs all tests at once may need a little more.
    assert seconds < 3


def test_the_example_programme_can_be_joined_by_a_person(service: Running) -> None:
    page = service.client.get("/join/cafe")
    assert page.status_code == 200
    assert "Coffee Club" in page.text
    assert f"customers   {service.url}/join/cafe" in service.said
    assert "staff add" in service.said


def test_a_phone_refuses_what_is_no_pass(service: Running, tmp_path: Path) -> None:
    for link, word in (
        (f"{service.url}/health", "not a .pkpass"),
        (f"{service.url}/card/none/none", "404"),
        ("http://127.0.0.1:9/x", "cannot be reached"),
        ("ftp://x", "begins with"),
    ):
        said = passes("phone", link)
        assert (said.code, word in said.complained) == (1, True), said.complained


def test_a_pass_is_explained(service: Running, shop: Path, key: str, tmp_path: Path) -> None:
    anna = joined(service, key)
    file = tmp_path / "anna.pkpass"
    file.write_bytes(service.client.get(anna["links"]["apple"]).content)  # type: ignore[index]
    good = executed("pass", file)
    assert good.code == 0, good.said
    assert "Corner Café" in good.said
    with ZipFile(file) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    entries["pass.json"] = entries["pass.json"].replace(b"Corner", b"Korner")
    with ZipFile(file, "w") as archive:
        for name, body in entries.items():
            archive.writestr(name, body)
    bad = passes("pass", file)
    assert bad.code == 1
    assert "refuses" in bad.said
    assert "cannot be read" in passes("pass", tmp_path / "none").complained


def test_everything_moves_to_another_place(service: Running, shop: Path, key: str, folder: Path) -> None:
    joined(service, key)
    file = folder / "b.passes"
    made = executed("--home", shop, "backup", file, stdin=f"{PASSPHRASE}\n")
    assert made.code == 0, made.complained
    secret = folder / "passphrase"
    secret.write_text(f"{PASSPHRASE}\n")
    verified = passes("backup", "--verify", file, environment={"PASSES_BACKUP_PASSPHRASE_FILE": str(secret)})
    assert verified.said.startswith("OK:"), verified.complained
    there = folder / "elsewhere"
    restored = executed("restore", file, there, stdin=f"{PASSPHRASE}\n")
    assert restored.code == 0, restored.complained
    assert "not in it" in restored.said
    assert [line for line in passes("--home", there, "key", "list").said.splitlines() if line.startswith("till\t")]
    examined = executed("--home", there, "doctor", "--json")
    assert {each["about"] for each in json.loads(examined.said)["findings"] if each["level"] == "bad"} == set()
    wrong = passes("restore", file, folder / "third", stdin="another passphrase\n")
    assert (wrong.code, "does not open" in wrong.complained) == (1, True)
    assert not (folder / "third").exists()
    assert "not empty" in passes("restore", file, there, stdin=f"{PASSPHRASE}\n").complained
    assert "Passphrase is needed" in passes("restore", file, folder / "third").complained


def test_doctor_asks_the_running_service(service: Running, shop: Path) -> None:
    online = {"PASSES_SERVER__PUBLIC_URL": service.url, "PASSES_APPLE__APNS_URL": "https://127.0.0.1:9"}
    said = passes("--home", shop, "doctor", "--online", environment=online)
    assert f"The service answers at {service.url}" in said.said
    assert "push service at 127.0.0.1:9 cannot be reached" in said.said
    assert said.code == 1


def test_metrics_are_for_this_machine_and_for_keys(service: Running, key: str) -> None:
    assert "passes_overdue_seconds" in service.client.get("/metrics").text
    assert service.client.get("/metrics", headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 403
    bearer = {"X-Forwarded-For": "192.0.2.1", "Authorization": f"Bearer {key}"}
    assert service.client.get("/metrics", headers=bearer).status_code == 200
    assert service.client.get("/health").json() == {"status": "good"}
    assert service.client.get("/ready").json()["status"] == "good"


def test_keys_are_made_shown_once_and_revoked(shop: Path) -> None:
    made = passes("--home", shop, "key", "create", "--name", "shop", "--scope", "cards:read", "--scope", "members:read")
    assert re.fullmatch(r"pk_\S{40,}\n", made.said)
    listed = passes("--home", shop, "key", "list").said
    assert "shop\tcards:read members:read" in listed
    assert made.said.strip() not in listed
    assert "already" in passes("--home", shop, "key", "create", "--name", "shop", "--scope", "*").complained
    assert "Scopes are" in passes("--home", shop, "key", "create", "--name", "x", "--scope", "all").complained
    assert passes("--home", shop, "key", "revoke", "shop").code == 0
    assert "revoked" in passes("--home", shop, "key", "list").said
    assert "no key" in passes("--home", shop, "key", "revoke", "nobody").complained


def test_staff_come_and_go(shop: Path) -> None:
    added = executed("--home", shop, "staff", "add", OWNER, "--role", "owner", stdin=f"{PASSWORD}\n")
    assert added.code == 0, added.complained
    assert f"{OWNER}\towner" in passes("--home", shop, "staff", "list").said
    again = passes("--home", shop, "staff", "add", OWNER, "--role", "owner", stdin=f"{PASSWORD}\n")
    assert "already" in again.complained
    weak = passes("--home", shop, "staff", "add", "b@example.org", "--role", "cashier", stdin="short\n")
    assert (weak.code, "characters" in weak.complained) == (1, True)
    silent = passes("--home", shop, "staff", "add", "b@example.org", "--role", "cashier")
    assert "Password is needed" in silent.complained
    link = passes("--home", shop, "staff", "add", "b@example.org", "--role", "cashier", "--link")
    assert link.said.startswith("http://127.0.0.1:8000/invitation/") and link.said.count("\n") == 1
    assert "It leads to http://127.0.0.1:8000, as [server.public_url] says" in link.complained
    there = {"PASSES_SERVER__PUBLIC_URL": "http://127.0.0.1:9123"}
    again = passes("--home", shop, "staff", "link", "b@example.org", environment=there)
    assert again.said.startswith("http://127.0.0.1:9123/invitation/") and "127.0.0.1:9123" in again.complained
    assert "/invitation/" in passes("--home", shop, "staff", "link", OWNER).said
    assert "password alone" in passes("--home", shop, "staff", "reset", OWNER).said
    assert passes("--home", shop, "staff", "remove", "b@example.org").code == 0
    assert "b@example.org" not in passes("--home", shop, "staff", "list").said


def test_real_certificates_are_asked_for_and_installed(tmp_path: Path) -> None:
    home = new_home(tmp_path / "home", apple=False)
    for file in (home / "certs").glob("*.pem"):
        file.unlink()
    (home / "certs" / "pass.key").unlink()
    request = ("--home", home, "certs", "request", "--name", "Café", "--email", "a@example.org")
    asked = passes(*request, "--protect", stdin="sesame open\n")
    assert asked.code == 0, asked.complained
    assert b"ENCRYPTED" in (home / "certs" / "request.key").read_bytes()
    assert "there is a request already" in passes(*request).complained
    missing = passes("--home", home, "certs", "install", tmp_path / "none.cer", stdin="sesame open\n")
    assert (missing.code, "no such file" in missing.complained) == (1, True)


@pytest.mark.parametrize("words", [["serve"], ["worker"], ["doctor"], ["key", "list"], ["staff", "list"], ["config"]])
def test_without_a_home_every_command_says_so(words: list[str], tmp_path: Path) -> None:
    said = passes("--home", tmp_path, *words)
    assert said.code == 1
    assert "passes init" in said.said + said.complained


def test_settings_are_shown_without_secrets(shop: Path) -> None:
    url = {"PASSES_WORK__QUEUE": "redis://:sesame@127.0.0.1/0"}
    said = passes("--home", shop, "config", environment=url).said
    assert 'queue = "redis://***@127.0.0.1/0"' in said
    assert "sesame" not in said


def test_a_misspelt_variable_stops_it(shop: Path) -> None:
    said = passes("--home", shop, "doctor", environment={"PASSES_SERVER__PRT": "1"})
    assert (said.code, "PASSES_SERVER__PRT names no setting" in said.said) == (1, True)


def test_an_old_database_is_upgraded(tmp_path: Path) -> None:
    home = new_home(tmp_path / "home")
    os.unlink(home / "passes.db")
    assert "passes db upgrade" in passes("--home", home, "key", "list").complained
    assert passes("--home", home, "db", "upgrade").code == 0
    assert passes("--home", home, "key", "list").code == 0
