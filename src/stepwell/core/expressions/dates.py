"""Timestamps and durations: `date`, `now`, `timestamp`, `duration` and the parts of a date.

Timestamps are aware datetimes in UTC. RFC 3339 texts and duration texts are read by the CEL
library; `date` adds the layouts people write.

Source: execution semantics, 7.1.
"""

import datetime as dt
import email.utils
import functools
import re
import zoneinfo
from collections.abc import Callable
from typing import Any

from stepwell.core.expressions.failures import ExpressionFailed
from stepwell.core.expressions.language import parse_duration, parse_timestamp
from stepwell.core.expressions.values import no_such_overload

DATE_TEXT_CHARS_MAX = 64
"""Longest date, duration or zone text looked at."""

DATE_INT_MIN = 946_684_800
"""2000-01-01 in seconds. From here on the size of an int tells its unit: s, ms or ns."""

_MILLISECOND = dt.timedelta(milliseconds=1)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_FIXED_OFFSET = re.compile(r"([+-]?)(\d{1,2}):(\d{2})")
# By shape: each run of digits is a 0, each run of letters an a. So a text is tried twice at most.
_LAYOUTS: dict[str, tuple[str, ...]] = {
    "0": ("%Y%m%d",),
    "0-0-0": ("%Y-%m-%d",),
    "0-0-0 0:0": ("%Y-%m-%d %H:%M",),
    "0-0-0 0:0:0": ("%Y-%m-%d %H:%M:%S",),
    "0-0-0 0:0:0.0": ("%Y-%m-%d %H:%M:%S.%f",),
    "0-0-0 0:0:0a": ("%Y-%m-%d %H:%M:%S%z",),
    "0-0-0 0:0:0+0": ("%Y-%m-%d %H:%M:%S%z",),
    "0-0-0 0:0:0-0": ("%Y-%m-%d %H:%M:%S%z",),
    "0-0-0 0:0:0+0:0": ("%Y-%m-%d %H:%M:%S%z",),
    "0-0-0 0:0:0-0:0": ("%Y-%m-%d %H:%M:%S%z",),
    "0-0-0 0:0:0 +0": ("%Y-%m-%d %H:%M:%S %z",),
    "0-0-0 0:0:0 -0": ("%Y-%m-%d %H:%M:%S %z",),
    "0-0-0a0:0": ("%Y-%m-%dT%H:%M",),
    "0-0-0a0:0:0": ("%Y-%m-%dT%H:%M:%S",),
    "0-0-0a0:0:0.0": ("%Y-%m-%dT%H:%M:%S.%f",),
    "0-0-0a0:0:0+0": ("%Y-%m-%dT%H:%M:%S%z",),
    "0-0-0a0:0:0-0": ("%Y-%m-%dT%H:%M:%S%z",),
    "0/0/0": ("%Y/%m/%d", "%m/%d/%Y"),
    "0/0/0 0:0:0": ("%Y/%m/%d %H:%M:%S", "%m/%d/%Y %H:%M:%S"),
    "0 a 0": ("%d %b %Y", "%d %B %Y"),
    "a 0, 0": ("%b %d, %Y", "%B %d, %Y"),
    "a a 0 0:0:0 0": ("%a %b %d %H:%M:%S %Y",),
}
_DIGITS = re.compile(r"[0-9]+")
_LETTERS = re.compile(r"[A-Za-z]+")
_SPACES = re.compile(r" +")


def now(now_ms: int) -> dt.datetime:
    """The timestamp of a clock reading."""
    return _EPOCH + dt.timedelta(milliseconds=now_ms)


def move(moment: dt.datetime, span_text: str, *, sign: int) -> dt.datetime:
    """The timestamp a duration such as "1h" after (sign 1) or before (sign -1) another."""
    try:
        return moment + sign * read_duration(span_text)
    except OverflowError as error:
        raise ExpressionFailed("timestamp out of range") from error


def read_date(value: Any) -> dt.datetime:
    """`date(x)`: from a text in one of many layouts, or from an int of seconds, ms or ns.

    A text without zone is UTC. Month comes before day in 01/02/2024.

    Raises:
        ExpressionFailed: No date, a double (write `date(int(event.ts))`), or before 2000 as int.
    """
    if isinstance(value, dt.datetime):
        return value
    if type(value) is int:
        return _date_from_int(value)
    if type(value) is str:
        return _date_from_text(value.strip())
    raise no_such_overload("date", value)


def read_timestamp(value: Any) -> dt.datetime:
    """`timestamp(x)`: from RFC 3339, or from an int of seconds since 1970."""
    if isinstance(value, dt.datetime):
        return value
    if type(value) is str:
        return parse_timestamp(_short(value))
    if type(value) is int:
        return _since_epoch(seconds=value)
    raise no_such_overload("timestamp", value)


def read_duration(value: Any) -> dt.timedelta:
    """`duration(x)`: from a text such as "1h30m"."""
    if isinstance(value, dt.timedelta):
        return value
    if type(value) is str:
        return parse_duration(_short(value))
    raise no_such_overload("duration", value)


def part_of(name: str, value: Any, zone: Any = None) -> int:
    """`value.getHours("Europe/Paris")` and its relatives, by method name; UTC without a zone."""
    if isinstance(value, dt.timedelta) and zone is None and name in _DURATION_PARTS:
        return _DURATION_PARTS[name](value)
    if not isinstance(value, dt.datetime) or not isinstance(zone, str | None):
        raise no_such_overload(name, value, *(() if zone is None else (zone,)))
    return _TIMESTAMP_PARTS[name](value if zone is None else _in_zone(value, _short(zone)))


def _whole(span: dt.timedelta, unit: dt.timedelta) -> int:
    return span // unit if span >= dt.timedelta() else -(-span // unit)


_TIMESTAMP_PARTS: dict[str, Callable[[dt.datetime], int]] = {
    "getFullYear": lambda moment: moment.year,
    "getMonth": lambda moment: moment.month - 1,
    "getDate": lambda moment: moment.day,
    "getDayOfMonth": lambda moment: moment.day - 1,
    "getDayOfWeek": lambda moment: moment.isoweekday() % 7,
    "getDayOfYear": lambda moment: moment.timetuple().tm_yday - 1,
    "getHours": lambda moment: moment.hour,
    "getMinutes": lambda moment: moment.minute,
    "getSeconds": lambda moment: moment.second,
    "getMilliseconds": lambda moment: moment.microsecond // 1000,
}
_DURATION_PARTS: dict[str, Callable[[dt.timedelta], int]] = {
    "getHours": lambda span: _whole(span, dt.timedelta(hours=1)),
    "getMinutes": lambda span: _whole(span, dt.timedelta(minutes=1)),
    "getSeconds": lambda span: _whole(span, dt.timedelta(seconds=1)),
    "getMilliseconds": lambda span: _whole(span % dt.timedelta(seconds=1), _MILLISECOND),
}
PARTS = frozenset(_TIMESTAMP_PARTS)
"""The methods `part_of` knows."""


def _in_zone(moment: dt.datetime, name: str) -> dt.datetime:
    zone = _zone(name)
    if zone is None:
        raise ExpressionFailed(f"unknown time zone {name!r}")
    try:
        return moment.astimezone(zone)
    except OverflowError as error:
        raise ExpressionFailed("timestamp out of range") from error


@functools.lru_cache(maxsize=1024)
def _zone(name: str) -> dt.tzinfo | None:
    offset = _FIXED_OFFSET.fullmatch(name)
    if offset is not None:
        sign, hours, minutes = offset.groups()
        span = dt.timedelta(hours=int(hours), minutes=int(minutes))
        if span < dt.timedelta(days=1):
            return dt.timezone(-span if sign == "-" else span)
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _date_from_int(value: int) -> dt.datetime:
    if value >= DATE_INT_MIN * 1_000_000_000:
        return _since_epoch(microseconds=value // 1000)
    if value >= DATE_INT_MIN * 1000:
        return _since_epoch(milliseconds=value)
    if value >= DATE_INT_MIN:
        return _since_epoch(seconds=value)
    raise ExpressionFailed(f"date({value}): an int before 2000-01-01 is not taken for a date")


def _date_from_text(text: str) -> dt.datetime:
    try:
        return parse_timestamp(_short(text))
    except ExpressionFailed:
        pass
    shape = _SPACES.sub(" ", _DIGITS.sub("0", _LETTERS.sub("a", text)))
    for layout in _LAYOUTS.get(shape, ()):
        try:
            return _in_utc(dt.datetime.strptime(text, layout))  # noqa: DTZ007 - _in_utc adds it
        except (ValueError, OverflowError):
            continue
    try:
        return _in_utc(email.utils.parsedate_to_datetime(text))
    except (ValueError, OverflowError) as error:
        raise ExpressionFailed(f"date({text!r}): unknown layout") from error


def _in_utc(moment: dt.datetime) -> dt.datetime:
    if moment.tzinfo is None:
        return moment.replace(tzinfo=dt.UTC)
    return moment.astimezone(dt.UTC)


def _since_epoch(**span: int) -> dt.datetime:
    try:
        return _EPOCH + dt.timedelta(**span)
    except OverflowError as error:
        raise ExpressionFailed("timestamp out of range") from error


def _short(text: str) -> str:
    if len(text) > DATE_TEXT_CHARS_MAX:
        raise ExpressionFailed(f"not a date or duration: longer than {DATE_TEXT_CHARS_MAX}")
    return text
