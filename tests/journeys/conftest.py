"""What stories may ask for beside a shop of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser import Site, site
from tests.desk import Shop


@pytest.fixture
def open_shop(shop: Shop) -> Iterator[Site]:
    """The story's own shop, for a browser to visit."""
    with site(shop.app) as opened:
        yield opened
