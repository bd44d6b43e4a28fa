"""Whose requests count together."""

from __future__ import annotations

import pytest

from passes.network import counted_as


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::7", "2001:db8:1:3::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        (None, ""),
        ("unix:", "unix:"),
    ],
)
def test_a_household_counts_once(address: str | None, counted: str) -> None:
    assert counted_as(address) == counted
