"""The update tag: what a phone was told, written so that only the phone needs to remember it.

A tag states the revision of each of the device's cards. Comparing it with the revisions now tells which changed,
whatever the order of commits, the clock or a restored backup did: nothing can fall between two tags. It is
digits only, begins with the sum of the revisions (so that a later tag is a greater number) and is opaque to
the phone ("PassKit Web Service Reference").
"""

from __future__ import annotations

from collections.abc import Mapping
from zlib import crc32

_LEAD = "1"
_SUM_DIGITS, _SERIAL_DIGITS, _REVISION_DIGITS = 14, 10, 9
_CARD_DIGITS = _SERIAL_DIGITS + _REVISION_DIGITS
MOST_CARDS = 200
MOST_DIGITS = 1 + _SUM_DIGITS + MOST_CARDS * _CARD_DIGITS


def write(revisions: Mapping[str, int]) -> str:
    """The tag that states these revisions by serial number."""
    stated = sorted((_short(serial), revision) for serial, revision in revisions.items())
    cards = "".join(f"{short}{revision:0{_REVISION_DIGITS}d}" for short, revision in stated)
    return f"{_LEAD}{sum(revisions.values()):0{_SUM_DIGITS}d}{cards}"


def changed(tag: str | None, revisions: Mapping[str, int]) -> list[str]:
    """The serial numbers whose revision is not the one the tag states; all for a tag that is not ours.

    Two cards of one device may, rarely, share a short serial number; then both are listed, never neither.
    """
    stated = _read(tag or "")
    shorts = [_short(serial) for serial in revisions]
    return [
        serial
        for serial, short in zip(revisions, shorts, strict=True)
        if stated.get(short) != revisions[serial] or shorts.count(short) > 1
    ]


def _read(tag: str) -> dict[str, int]:
    if not (tag.isascii() and tag.isdigit() and tag.startswith(_LEAD) and len(tag) <= MOST_DIGITS):
        return {}
    cards = tag[1 + _SUM_DIGITS :]
    if len(cards) % _CARD_DIGITS:
        return {}
    places = range(0, len(cards), _CARD_DIGITS)
    return {cards[i : i + _SERIAL_DIGITS]: int(cards[i + _SERIAL_DIGITS : i + _CARD_DIGITS]) for i in places}


def _short(serial: str) -> str:
    return f"{crc32(serial.encode()):0{_SERIAL_DIGITS}d}"
