"""What stories may ask for beside a shop of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser import Site, site
from tests.desk import Shop
from tests.fakes.google.fake import FakeGoogle


@pytest.fixture
def open_shop(shop: Shop) -> Iterator[Site]:
    """The story's own shop, for a browser to visit."""
    with site(shop.app) as opened:
        yield opened


@pytest.fixture
def google() -> Iterator[FakeGoogle]:
    """Google, up and in good order, and asked as often as anybody likes."""
    with FakeGoogle(calls_per_second=None) as google:
        yield google
