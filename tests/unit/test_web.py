"""What holds for every page and every answer, whatever blueprint gives it."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from passes import create_app
from tests.home import new_home


@pytest.fixture
def client(tmp_path: Path, store_url: str) -> FlaskClient:
    return create_app(new_home(tmp_path, store_url=store_url)).test_client()


@pytest.mark.parametrize("path", ["/card/%00/x", "/card/a%00b/key", "/join/%00", "/apple/download/%00/x.pkpass"])
def test_a_nul_in_an_address_is_refused_on_both_databases(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code in (404, 422)


def test_a_nul_in_a_form_is_refused_in_words(client: FlaskClient) -> None:
    answer = client.post("/join/cafe", data={"name": "An\0na"}, headers={"Accept": "application/json"})

    assert answer.status_code == 422
    assert "NUL" in answer.get_json()["detail"]
