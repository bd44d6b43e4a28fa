"""Which application a request is for, and what it does not pay for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask

from passes import create_app
from passes.web.rooms import BACKSTAGE, rooms
from tests.home import new_home

ONLY_MACHINES = """
import sys
from pathlib import Path
from passes import create_app
client = create_app(Path(sys.argv[1])).test_client()
assert client.get("/health").status_code == 200
assert client.get("/apple/v1/passes/a/b").status_code == 401
assert client.get("/api/v1/programmes").status_code == 401
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    return create_app(new_home(tmp_path))


def test_all_that_lies_behind_the_login_is_backstage(app: Flask) -> None:
    rules = [rule for rule in rooms(app).backstage.url_map.iter_rules() if rule.endpoint != "static"]
    own = [rule for rule in rules if rule.endpoint.partition(".")[0] not in ("customer", "looks")]
    assert {rule.rule.split("/")[1] for rule in own} == BACKSTAGE


@pytest.mark.parametrize("path", ["/staff", "/console", "/login", "/health", "/join/cafe", "/api/v1/openapi.json"])
def test_every_room_is_reached(app: Flask, path: str) -> None:
    assert app.test_client().get(path).status_code in (200, 303)


@pytest.mark.parametrize("path", ["/staffroom", "/healthy", "/apples/v1", "/cards"])
def test_what_only_begins_like_a_room_is_nowhere(app: Flask, path: str) -> None:
    assert app.test_client().get(path).status_code == 404


def test_phones_and_open_cards_get_no_cookie(app: Flask) -> None:
    for path in ("/health", "/apple/v1/passes/a/b", "/card/a/b/state"):
        assert "Set-Cookie" not in app.test_client().get(path).headers


def test_a_process_that_serves_machines_never_loads_the_login(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ONLY_MACHINES, str(new_home(tmp_path))]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert "flask" in loaded
    assert not {"flask_security", "flask_wtf", "argon2", "webauthn"} & set(loaded)
