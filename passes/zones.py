"""Time zones, and the days that begin and end in them."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator


def _known(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("a time zone such as Europe/Warsaw")
    return name


TimeZone = Annotated[str, AfterValidator(_known)]
"""The name of a time zone, as people and configuration write it."""


def end_of_day(at: int, days: int, zone: ZoneInfo) -> int:
    """The instant at which the day ends that comes `days` days after the one `at` lies in."""
    day = datetime.fromtimestamp(at, zone).date() + timedelta(days=days + 1)
    return int(datetime.combine(day, time(), zone).timestamp())


def end_of_year_day(at: int, day: str, years: int, zone: ZoneInfo) -> int:
    """The instant at which the next `day` (such as 12-31) ends, `years` later."""
    today = datetime.fromtimestamp(at, zone).date()
    month, number = int(day[:2]), int(day[3:])
    year = today.year + years + ((today.month, today.day) > (month, number))
    end = date(year, month, number) + timedelta(days=1)
    return int(datetime.combine(end, time(), zone).timestamp())
