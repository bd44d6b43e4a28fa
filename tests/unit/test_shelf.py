"""Signed passes are kept within bounds, and made once however many ask."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from passes.wallets.apple.shelf import Shelf


def test_threads_that_ask_at_once_wait_for_the_one_that_makes_it() -> None:
    shelf, made, all_here = Shelf(), list[int](), threading.Barrier(8)

    def asks(_: int) -> bytes:
        all_here.wait()
        return shelf.get("anna", lambda: made.append(1) or b"pass")  # type: ignore[func-returns-value]

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(asks, range(8))) == [b"pass"] * 8
    assert made == [1]


def test_what_was_asked_for_longest_ago_gives_way() -> None:
    shelf = Shelf(most_bytes=30)
    for name in "abcab":
        shelf.get(name, lambda: bytes(10))
    shelf.get("d", lambda: bytes(10))
    assert {name for name in "abd" if shelf.get(name, lambda: b"new") == bytes(10)} == {"a", "b", "d"}
    assert shelf.get("c", lambda: b"new") == b"new"


def test_a_failure_is_not_kept() -> None:
    shelf = Shelf()

    def fails() -> bytes:
        raise ValueError("no key")

    with pytest.raises(ValueError, match="no key"):
        shelf.get("anna", fails)
    assert shelf.get("anna", lambda: b"pass") == b"pass"
