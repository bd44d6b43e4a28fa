"""Time zones, and the days that begin and end in them."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator

from .errors import BadInput


def _known(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("a time zone such as Europe/Warsaw")
    return name


_PERIOD = re.compile(r"(20[0-9]{2})(?:-(0[1-9]|1[0-2]))?", re.ASCII)

TimeZone = Annotated[str, AfterValidator(_known)]
"""The name of a time zone, as people and configuration write it."""


def end_of_day(at: int, days: int, zone: ZoneInfo) -> int:
    """The instant at which the day ends that comes `days` days after the one `at` lies in."""
    day = datetime.fromtimestamp(at, zone).date() + timedelta(days=days + 1)
    return int(datetime.combine(day, time(), zone).timestamp())


def span(period: str, zone: ZoneInfo, field: str = "period") -> tuple[int, int]:
    """When a month (2026-11) or a year (2026) begins and when the next one does; `field` is what named it."""
    match = _PERIOD.fullmatch(period)
    if match is None:
        raise BadInput("A month such as 2026-11, or a year such as 2026.", field=field)
    year, month = int(match[1]), int(match[2] or 1)
    following = (year + 1, 1) if match[2] is None or month == 12 else (year, month + 1)
    begins, ends = (datetime.combine(date(*first, 1), time(), zone) for first in ((year, month), following))
    return int(begins.timestamp()), int(ends.timestamp())


def end_of_year_day(at: int, day: str, years: int, zone: ZoneInfo) -> int:
    """The instant at which the next `day` (such as 12-31) ends, `years` later."""
    today = datetime.fromtimestamp(at, zone).date()
    month, number = int(day[:2]), int(day[3:])
    year = today.year + years + ((today.month, today.day) > (month, number))
    end = date(year, month, number) + timedelta(days=1)
    return int(datetime.combine(end, time(), zone).timestamp())
