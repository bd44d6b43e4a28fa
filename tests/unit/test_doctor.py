"""The doctor finds what is wrong, says what to do, and tells no secret."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from passes import assemble, cards, config, create_app, doctor, installations, members, pulse
from passes.doctor import Finding
from passes.points import receipts
from passes.points.orders import Order
from passes.wallets.apple import enrolment
from tests.home import new_home

DAY = 86_400


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return new_home(tmp_path / "home")


def examined(home: Path, now: int | None = None) -> list[Finding]:
    return list(doctor.examine(home, now or int(time.time())))


def bad(found: list[Finding]) -> dict[str, str]:
    """The first bad finding of each kind."""
    return {each.about: each.sentence for each in reversed(found) if each.level == "bad"}


def put_a_card_on_a_phone(home: Path, due: int) -> None:
    service = assemble(home)
    with service.store.transaction() as tx:
        serial = service.members.join(tx, "cafe", members.Person("en", "Anna"), service.now).serial
        held = cards.by_serial(tx, serial, lock=True)
        installations.add(tx, held.id, held.row.revision, "apple", "d" * 32, "a" * 64, due, due * 1000)
    service.store.close()


def sql(home: Path, *statements: str) -> None:
    with closing(sqlite3.connect(home / "passes.db")) as database, database:
        for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {trigger}")
        for statement in statements:
            database.execute(statement)


def test_a_sound_home_has_nothing_bad(home: Path) -> None:
    found = examined(home)
    assert bad(found) == {}
    assert {"config", "keys", "templates", "store", "ledger", "queue", "worker", "apple"} <= {
        each.about for each in found if each.level == "good"
    }
    assert any("test certificates" in each.sentence for each in found if each.level == "warning")
    json.dumps([each.as_mapping() for each in found])


def test_without_a_certificate_it_says_step_by_step_how_to_get_one(tmp_path: Path) -> None:
    found = examined(new_home(tmp_path / "home", apple=False))
    (apple,) = [each for each in found if each.about == "apple"]
    assert apple.level == "warning"
    for step in ("certs request", "Pass Type ID", "request.csr", "certs install", "certs dev"):
        assert step in apple.remedy


def _broken_look(home: Path) -> None:
    templates = (home / "templates").resolve()
    (home / "templates").unlink()
    (home / "templates").mkdir()
    (home / "templates" / "pages").symlink_to(templates / "pages")
    (home / "templates" / "cards").mkdir()


@pytest.mark.parametrize(
    ("spoil", "about", "word"),
    [
        (lambda home: (home / "config.toml").write_text("x"), "config", "not valid TOML"),
        (lambda home: (home / "certs" / "service.keys").unlink(), "keys", "missing"),
        (lambda home: (home / "certs" / "service.keys").chmod(0o640), "keys", "chmod 600"),
        (lambda home: (home / "certs" / "service.keys").write_text("k1 x"), "keys", "line 1"),
        (lambda home: (home / "certs" / "pass.key").chmod(0o644), "keys", "can be read by others"),
        (lambda home: (home / "certs").chmod(0o777), "keys", "put files into certs"),
        (lambda home: (home / "certs" / "pass.pem").write_text("x"), "apple", "pass.pem"),
        (lambda home: (home / "certs" / "wwdr.pem").unlink(), "apple", "wwdr.pem"),
        (lambda home: (home / "passes.db").unlink(), "store", "db upgrade"),
        (lambda home: (home / "passes.db").write_bytes(b"not a database" * 100), "store", "cannot be read"),
        (lambda home: sql(home, "UPDATE alembic_version SET version_num = '9999'"), "store", "newer version"),
        (_broken_look, "templates", "“cafe” wants the look"),
    ],
)
def test_what_is_broken_is_found(home: Path, spoil: Callable[[Path], object], about: str, word: str) -> None:
    spoil(home)
    assert word in bad(examined(home))[about]


def test_a_changed_ledger_is_found_and_located(home: Path) -> None:
    service = assemble(home)
    with service.store.transaction() as tx:
        serial = service.members.join(tx, "cafe", members.Person("en", "Anna"), service.now).serial
        held = cards.by_serial(tx, serial, lock=True)
        receipts.post(tx, held, Order("r", total=500, currency="PLN"), service.now)
    service.store.close()
    sql(home, "UPDATE posting SET amount = 6")
    assert "was changed (programme 1, posting 1)" in bad(examined(home))["ledger"]


@pytest.mark.parametrize(
    ("days", "level", "word"), [(100, "good", "until"), (20, "warning", "days"), (-1, "bad", "exp")]
)
def test_the_end_of_a_certificate_is_seen_coming(home: Path, days: int, level: str, word: str) -> None:
    settings = config.load(home)
    identity = enrolment.Certs(settings.home / "certs").load(None, int(time.time()))
    found = examined(home, identity.not_after - days * DAY)
    assert any(each.about == "apple" and each.level == level and word in each.sentence for each in found)


def test_a_clock_that_went_back_is_found(home: Path) -> None:
    assert "behind" in bad(examined(home, 1_600_000_000))["clock"]


def test_a_missing_worker_is_found_by_what_waits(home: Path) -> None:
    now = int(time.time())
    put_a_card_on_a_phone(home, due=now - 2 * pulse.PATIENCE_SECONDS)
    assert "no worker" in bad(examined(home))["worker"]
    app = create_app(home).test_client()
    ready = app.get("/ready")
    assert (ready.status_code, ready.get_json()["status"]) == (200, "degraded")
    assert "passes_overdue_seconds 2" in app.get("/metrics").text
    sql(home, f"UPDATE installation SET lease = 'a', due = {now + 60}")
    assert "worker" not in bad(examined(home))


def test_a_store_out_of_reach_makes_it_not_ready(home: Path) -> None:
    app = create_app(home).test_client()
    assert app.get("/ready").get_json()["status"] == "good"
    os.rename(home / "passes.db", home / "away.db")
    for name in ("passes.db-wal", "passes.db-shm"):
        (home / name).unlink(missing_ok=True)
    (home / "passes.db").mkdir()
    app = create_app(home).test_client()
    assert app.get("/ready").status_code == 503
    assert app.get("/health").status_code == 200


def test_causes_of_refused_pushes_are_told(home: Path) -> None:
    put_a_card_on_a_phone(home, due=int(time.time()))
    sql(home, "UPDATE installation SET set_aside = 1, due = NULL, why = 'APNs answered 403 Forbidden'")
    (found,) = [each for each in examined(home) if "403" in each.sentence]
    assert found.level == "warning"
    assert "a" * 64 not in found.sentence


def test_no_finding_tells_a_secret(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSES_WORK__QUEUE", "redis://:sesame@127.0.0.1:9/0")
    monkeypatch.setenv("FLASK_DEBUG", "1")
    found = examined(home)
    said = json.dumps([each.as_mapping() for each in found])
    keys = (home / "certs" / "service.keys").read_text().split()[1]
    assert "sesame" not in said
    assert keys not in said
    assert "cannot be reached" in bad(found)["queue"]
    assert "FLASK_DEBUG" in bad(found)["config"]
    assert any("holds a password" in each.sentence for each in found)
