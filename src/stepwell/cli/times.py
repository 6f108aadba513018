"""Times as operators type and read them.

What is typed is an absolute time or how long ago; what is shown is the time of this machine with
its zone, or an age. Programs get RFC 3339 as the server sent it.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from stepwell.wire.durations import DurationInvalid, duration_ms, format_duration

__all__ = [
    "BEGINNING",
    "age_text",
    "local_text",
    "ms_of",
    "parse_point_ms",
    "rfc_3339",
    "span_text",
]

#: The first moment that servers do not take for "no time given".
BEGINNING: Final = "1970-01-01T00:00:00.001Z"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_SECOND_MS: Final = 1_000
_MINUTE_MS: Final = 60 * _SECOND_MS
_HOUR_MS: Final = 60 * _MINUTE_MS
_DAY_MS: Final = 24 * _HOUR_MS
#: An age below it is told in the unit before: 90 minutes rather than one hour.
_AGE_UNITS: Final = (
    (2 * _MINUTE_MS, _SECOND_MS, "s"),
    (2 * _HOUR_MS, _MINUTE_MS, "m"),
    (2 * _DAY_MS, _HOUR_MS, "h"),
)


def parse_point_ms(text: str, *, now_ms: int) -> int | None:
    """When an operator means, in milliseconds since 1970; None if it cannot be told.

    Args:
        text: How long ago ("2h", "1d12h"), "now", or a date or time in ISO 8601; without a zone it
            is one of this machine.
        now_ms: Now.
    """
    if text == "now":
        return now_ms
    try:
        ago_ms = duration_ms(text)
    except DurationInvalid:
        return _absolute_ms(text)
    return None if ago_ms < 0 or ago_ms > now_ms else now_ms - ago_ms


def _absolute_ms(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
        # Without a zone, `astimezone` takes it for a time of this machine.
        ms = (moment.astimezone(UTC) - _EPOCH) // _MS
    except (ValueError, OverflowError, OSError):
        return None
    return ms if ms > 0 else None


def rfc_3339(ms: int) -> str:
    """The time as servers take it.

    >>> rfc_3339(1_795_252_035_250)
    '2026-11-21T09:07:15.250Z'
    """
    moment = _EPOCH + ms * _MS
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ms_of(text: str) -> int:
    """Milliseconds since 1970 of a time in RFC 3339, as servers send it.

    Raises:
        ValueError: It is none.
    """
    return (datetime.fromisoformat(text) - _EPOCH) // _MS


def local_text(text: str) -> str:
    """A time in RFC 3339 in this machine's zone, to the second, such as 2026-11-21 10:07:15 CET."""
    moment = datetime.fromisoformat(text).astimezone()
    return f"{moment:%Y-%m-%d %H:%M:%S} {moment.tzname()}"


def age_text(text: str, *, now_ms: int) -> str:
    """How long ago a time in RFC 3339 is, in one unit; or how long it is until then.

    >>> age_text("2026-11-21T09:07:15.250Z", now_ms=1_795_252_035_250 + 90_000)
    '90s ago'
    """
    away_ms = now_ms - ms_of(text)
    ms = abs(away_ms)
    if ms < _SECOND_MS:
        return "now"
    for below_ms, unit_ms, unit in _AGE_UNITS:
        if ms < below_ms:
            shown = f"{ms // unit_ms}{unit}"
            break
    else:
        shown = f"{ms // _DAY_MS}d"
    return f"{shown} ago" if away_ms > 0 else f"in {shown}"


def span_text(ms: int) -> str:
    """How long something took: to the millisecond below a second, else in two digits or more.

    >>> [span_text(ms) for ms in (0, 250, 1_540, 61_234, 3_600_000)]
    ['0 ms', '250 ms', '1.5 s', '1m1s', '1h']
    """
    if ms < _SECOND_MS:
        return f"{ms} ms"
    if ms < _MINUTE_MS:
        return f"{ms / _SECOND_MS:.1f} s"
    return format_duration(ms // _SECOND_MS * _SECOND_MS)
