"""The few bytes of DER this folder writes itself.

Only writing, and only lengths and concatenation: whatever is read goes through `cryptography`.
"""

from __future__ import annotations

SEQUENCE, SET, OCTETS, NULL, INTEGER, UTF8 = 0x30, 0x31, 0x04, 0x05, 0x02, 0x0C
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18


def der(tag: int, *parts: bytes) -> bytes:
    """One element: its tag, the shortest possible length, its content."""
    content = b"".join(parts)
    return bytes([tag]) + length(len(content)) + content


def length(size: int) -> bytes:
    if size < 0x80:
        return bytes([size])
    digits = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([0x80 | len(digits)]) + digits


def integer(value: int) -> bytes:
    """A number of zero or more, with a leading zero byte where the first bit would read as a minus sign."""
    return der(INTEGER, value.to_bytes(value.bit_length() // 8 + 1))


def set_of(*elements: bytes) -> bytes:
    """DER wants the elements of a SET OF in the order of their bytes."""
    return b"".join(sorted(elements))
