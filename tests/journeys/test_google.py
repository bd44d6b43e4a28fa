"""Stories of cards in Google Wallet: from the button to the phone, and everything that can go wrong on the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cast import Till, days, hours, minutes
from tests.fakes.google import faults
from tests.fakes.google.fake import FakeGoogle
from tests.google_shop import FAST, GoogleShop, opened


@pytest.fixture
def google() -> Iterator[FakeGoogle]:
    with FakeGoogle(calls_per_second=None) as google:
        yield google


@pytest.fixture(params=["sqlite", "postgresql"])
def shop(request: pytest.FixtureRequest, google: FakeGoogle, tmp_path: Path) -> Iterator[GoogleShop]:
    url: str | None = None
    if request.param == "postgresql":
        from tests.home import empty

        url = request.getfixturevalue("filled_postgres")
        empty(url)
    with opened(google, tmp_path, url) as shop:
        yield shop


@pytest.fixture
def till(shop: GoogleShop) -> Till:
    return Till(shop)


def test_a_card_is_saved_and_follows_every_purchase(shop: GoogleShop, till: Till) -> None:
    anna = shop.joins("Anna")
    phone = shop.saves(anna)
    assert phone.shows("Points") == "0"
    assert [each.status for each in shop.google.callbacks.letters] == [200]
    assert shop.places(anna) == 1 and shop.known(anna).saved == shop.now
    till.earns(anna, points=50)
    shop.reconciles()
    assert phone.shows("Points") == "50"
