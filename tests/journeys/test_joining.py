"""Joining over plain HTTP: once however often it is sent, only from our own page, and only what was agreed to."""

from __future__ import annotations

import hashlib
import re
import shutil
import time
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from passes import assemble, create_app, home, programmes
from passes.home import EXAMPLE
from passes.service import Service
from passes.store import tables as t


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = float(int(time.time()))

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def new_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home nobody has joined at; copied for each test, because making one takes seconds."""
    made = tmp_path_factory.mktemp("new") / "home"
    home.create(made, int(time.time()))
    assemble(made).store.close()
    return made


@pytest.fixture
def client(new_home: Path, tmp_path: Path, clock: Clock) -> FlaskClient:
    return create_app(Path(shutil.copytree(new_home, tmp_path / "home")), clock).test_client()


@pytest.fixture
def service(client: FlaskClient) -> Service:
    found: Service = client.application.extensions["passes"]
    return found


@pytest.fixture
def send(client: FlaskClient, clock: Clock) -> Callable[..., TestResponse]:
    """Opens the form as a browser does, takes three seconds, and sends it."""

    def filled_in(token: str | None = None, **fields: object) -> TestResponse:
        token = token or _token(client)
        clock.now += 3
        return client.post("/join/cafe", data={"form": token, "language": "en", **fields})

    return filled_in


Send = Callable[..., TestResponse]


def test_the_same_form_sent_twice_is_one_member(client: FlaskClient, service: Service, send: Send) -> None:
    token = _token(client)
    first, second = send(token, name="Anna"), send(token, name="Anna")
    assert first.status_code == second.status_code == 303
    assert first.location == second.location
    assert _members(service) == 1
    assert send(token, name="Bert").status_code == 422
    assert _members(service) == 1


def test_a_form_of_another_browser_or_programme_makes_no_member(
    client: FlaskClient, service: Service, send: Send
) -> None:
    token = _token(client)
    client.delete_cookie("join", path="/join/")
    assert send(token).status_code == 422
    assert send("made.up.token").status_code == 422
    assert _members(service) == 0


def test_a_form_sent_at_once_or_days_later_is_shown_again(
    client: FlaskClient, service: Service, clock: Clock, send: Send
) -> None:
    token = _token(client)
    assert client.post("/join/cafe", data={"form": token}).status_code == 422
    clock.now += 2 * 86_400
    late = send(token, name="Anna")
    assert late.status_code == 422
    assert 'value="Anna"' in late.text
    assert send(_token_in(late), name="Anna").status_code == 303


def test_a_program_that_fills_the_hidden_field_gets_nothing(service: Service, send: Send) -> None:
    answer = send(name="Anna", website="https://spam.example.org")
    assert (answer.status_code, answer.location) == (303, "/")
    assert _members(service) == 0


def test_consents_are_kept_in_exactly_the_words_that_were_read(service: Service, send: Send) -> None:
    send(language="pl", consent=["messages"])
    send(language="en")
    with service.store.reading() as tx:
        kept = tx.execute(select(t.Consent.purpose, t.Consent.language, t.Consent.text_hash)).all()
    shown = "Corner Café może przysyłać mi oferty i nowości."
    assert [tuple(row) for row in kept] == [("messages", "pl", hashlib.sha256(shown.encode()).hexdigest())]


def test_whatever_is_typed_is_shown_as_text(client: FlaskClient, send: Send) -> None:
    for name in ('<script>alert("1")</script>', "{{ 7 * 7 }}", "{name}", "'\"><img src=x>", "\u202eanna"):
        answer = send(name=name[:60], contact="nobody")
        assert "<script>alert" not in answer.text and "<img src=x" not in answer.text
        joined = send(name=name[:60])
        card = client.get(joined.location)
        assert card.status_code == 200
        assert "<script>alert" not in card.text and "<img src=x" not in card.text
        assert "49" not in re.findall(r'card-name">(.*)</p>', card.text)[0]


def test_a_wrong_address_is_met_with_the_cards_there_are(client: FlaskClient) -> None:
    lost = client.get("/join/nothing-here", headers={"Accept-Language": "ru"})
    assert lost.status_code == 404
    assert "Такой карты здесь нет" in lost.text
    assert "/join/cafe" in lost.text


def test_one_card_is_offered_at_once_and_several_side_by_side(client: FlaskClient, service: Service) -> None:
    assert client.get("/").location == "/join/cafe"
    salon = EXAMPLE.model_copy(update={"key": "salon", "look": "salon"})
    with service.store.transaction() as tx:
        programmes.create(tx, salon, service.look_digests, service.settings.contact, service.now)
    window = client.get("/").text
    assert "/join/cafe" in window and "/join/salon" in window
    assert "look-cafe" in window and "look-salon" in window


def test_the_page_speaks_the_visitors_language(client: FlaskClient) -> None:
    asked = {"pl-PL,pl;q=0.9": "pl", "ru": "ru", "de-DE": "en", "": "en", "x" * 5000: "en"}
    for header, language in asked.items():
        assert f'<html lang="{language}">' in client.get("/join/cafe", headers={"Accept-Language": header}).text
    assert '<html lang="ru">' in client.get("/join/cafe?language=ru", headers={"Accept-Language": "pl"}).text
    assert '<html lang="en">' in client.get("/join/cafe?language=../../etc").text


def test_one_address_joins_only_so_often(client: FlaskClient, service: Service, send: Send) -> None:
    answers = [send().status_code for _ in range(31)]
    assert answers == [303] * 30 + [429]
    assert _members(service) == 30


def _token(client: FlaskClient) -> str:
    return _token_in(client.get("/join/cafe"))


def _token_in(page: TestResponse) -> str:
    found = re.search(r'name="form" value="([^"]+)"', page.text)
    assert found
    return unescape(found[1])


def _members(service: Service) -> int:
    with service.store.reading() as tx:
        return int(tx.execute(select(func.count()).select_from(t.Member)).scalar_one())
