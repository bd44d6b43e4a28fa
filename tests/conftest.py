"""What every test may ask for. A server starts when the first test asks for it, once per worker process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import servers
from tests.browser import chromium as chromium


@pytest.fixture(scope="session")
def postgres() -> Iterator[servers.Postgres]:
    with servers.postgres() as server:
        yield server


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """One Redis for all tests of a worker process; keys of earlier tests may still be there."""
    with servers.redis_server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database; the test runs once with each engine."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/passes.db"
        return
    postgres: servers.Postgres = request.getfixturevalue("postgres")
    url = postgres.create()
    yield url
    postgres.drop(url)


@pytest.fixture
def apns() -> Iterator[FakeAPNs]:
    """Apple's push service, up and in good order."""
    with FakeAPNs() as apns:
        yield apns


@pytest.fixture(params=["sqlite", "postgresql"])
def service(request: pytest.FixtureRequest, tmp_path: Path, apns: FakeAPNs) -> Iterator[Service]:
    """A whole service with one programme, whose pushes reach its phones; the test runs once with each engine."""
    postgres: servers.Postgres | None = None
    url = None
    if request.param == "postgresql":
        postgres = request.getfixturevalue("postgres")
        url = postgres.create(fill)
    home = new_home(tmp_path / "home", store_url=url, apple__apns_url=apns.url, apple__apns_ca=apns.ca)
    apns.trusts(home / "certs" / "dev-root.pem")
    service = Service(home)
    apns.on_nudge = service.nudge
    yield service
    service.closes()
    if postgres and url:
        postgres.drop(url)


@pytest.fixture
def anna(service: Service) -> Member:
    return service.joins("Anna")


@pytest.fixture
def till(service: Service) -> Till:
    return Till(service)


@pytest.fixture
def marketer(service: Service) -> Marketer:
    return Marketer(service)
