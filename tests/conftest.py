"""What every test may ask for. A server starts when the first test asks for it, once per worker process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import servers
from tests.browser import chromium as chromium

if TYPE_CHECKING:
    # Read when first asked for: most tests need no cast.
    from tests.cast import Marketer, Member, Service, Till
    from tests.fakes.apns import FakeAPNs


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
    from tests.fakes.apns import FakeAPNs
    from tests.home import dev_root

    with FakeAPNs(trust=[dev_root()]) as apns:
        yield apns


@pytest.fixture(scope="session")
def filled_postgres(postgres: servers.Postgres) -> str:
    """The address of a database that one test after the other may have, empty but for the programme."""
    from tests.home import fill

    return postgres.create(fill)


@pytest.fixture(params=["sqlite", "postgresql"])
def service(request: pytest.FixtureRequest, tmp_path: Path, apns: FakeAPNs) -> Iterator[Service]:
    """A whole service with one programme, whose pushes reach its phones; the test runs once with each engine."""
    from tests.cast import Service
    from tests.home import empty, new_home

    url: str | None = None
    if request.param == "postgresql":
        url = request.getfixturevalue("filled_postgres")
        empty(url)
    home = new_home(tmp_path / "home", store_url=url, apple__apns_url=apns.url, apple__apns_ca=apns.ca)
    service = Service(home)
    apns.on_nudge = service.nudge
    yield service
    service.closes()


@pytest.fixture
def anna(service: Service) -> Member:
    return service.joins("Anna")


@pytest.fixture
def till(service: Service) -> Till:
    from tests.cast import Till

    return Till(service)


@pytest.fixture
def marketer(service: Service) -> Marketer:
    from tests.cast import Marketer

    return Marketer(service)
