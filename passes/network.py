"""Whose requests count together: an IPv4 address, or the IPv6 network that one household or phone is given."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network, ip_address

HOUSEHOLD_BITS = 64


def counted_as(address: str | None) -> str:
    """The address a limit is kept for; an IPv6 visitor has 2^64 of them and must not have as many tries."""
    try:
        read = ip_address(address or "")
    except ValueError:
        return address or ""
    if not isinstance(read, IPv6Address):
        return str(read)
    if read.ipv4_mapped:
        return str(read.ipv4_mapped)
    return str(IPv6Network((read, HOUSEHOLD_BITS), strict=False))
