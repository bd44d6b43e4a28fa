"""What unit tests may ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from passes.store import Store, schema


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """A store with all its tables and nothing in them; the test runs once with each engine."""
    store = Store(store_url)
    schema.upgrade(store)
    yield store
    store.close()
