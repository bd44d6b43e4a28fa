"""The servers that other tests stand on: real, our own, fresh, and loudly missed."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis
from sqlalchemy import create_engine, inspect, text

from tests import servers

ROOT = Path(__file__).parents[2]


def write_a_table(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE mug (name text)"))
        connection.execute(text("INSERT INTO mug VALUES ('чашка')"))
    engine.dispose()


def tables(url: str) -> list[str]:
    engine = create_engine(url)
    try:
        return inspect(engine).get_table_names()
    finally:
        engine.dispose()


@pytest.mark.parametrize("turn", [1, 2])
def test_every_test_finds_an_empty_database(store_url: str, turn: int) -> None:
    assert tables(store_url) == []
    write_a_table(store_url)
    assert tables(store_url) == ["mug"]


def test_a_prepared_database_is_filled_once_and_copied(postgres: servers.Postgres) -> None:
    prepared: list[str] = []

    def prepare(url: str) -> None:
        prepared.append(url)
        write_a_table(url)

    copies = [postgres.create(prepare) for _ in range(3)]
    assert len(prepared) == 1
    assert len({*copies, *prepared}) == 4
    assert [tables(url) for url in copies] == [["mug"]] * 3


def test_redis_answers(redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url)
    client.set("mug", "full")
    assert client.get("mug") == b"full"


def test_servers_leave_nothing_behind() -> None:
    with servers.redis_server() as url:
        folder = Path(str(redis.Redis.from_url(url).config_get("dir")["dir"]))
        assert folder.is_dir()
    assert not folder.exists()
    with pytest.raises(redis.ConnectionError):
        redis.Redis.from_url(url).ping()


def test_servers_end_with_a_killed_test_run() -> None:
    script = (
        "import time\nfrom tests import servers\n"
        "with servers.redis_server() as url:\n    print(url, flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout
        client = redis.Redis.from_url(run.stdout.readline().strip())
        folder = Path(str(client.config_get("dir")["dir"]))
        run.kill()
    deadline = time.monotonic() + 5
    while True:
        try:
            client.ping()
        except redis.ConnectionError:
            break
        assert time.monotonic() < deadline, "the server outlived the run that started it"
        time.sleep(0.02)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def test_a_missing_program_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with (
        pytest.raises(servers.ServerError, match="need redis-server; install the Debian package"),
        servers.redis_server(),
    ):
        pass


def test_a_server_that_refuses_shows_its_log() -> None:
    with (
        pytest.raises(servers.ServerError, match="unrecognized configuration parameter"),
        servers.postgres({"mugs": "3"}),
    ):
        pass


def test_postgres_listens_to_no_network(postgres: servers.Postgres) -> None:
    with postgres.connect() as connection:
        shown = connection.execute("SHOW listen_addresses").fetchone()
    assert shown == ("",)
