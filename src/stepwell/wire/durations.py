"""Durations and points in time as apps and their SDKs write them.

What the official SDKs send:

    TypeScript  whole units from `w` to `s` ("1d12h"); nothing for a negative duration; dates as
                "2026-01-31T09:00:00.000Z", with up to nine decimals if made by Temporal
    Python      one unit that divides evenly ("90m"); sleeps always as "2026-01-31T09:00:00.000Z"
    Go          several units ("1d2h0.5s"); times in RFC 3339

Function configurations are written by hand and may use the whole grammar.
"""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

__all__ = [
    "DurationInvalid",
    "deadline_ms",
    "duration_ms",
    "format_duration",
    "go_duration_ms",
    "go_duration_text",
    "retry_after_ms",
    "sleep_until_ms",
]

_SECOND_MS: Final = 1_000
_DAY_MS: Final = 24 * 3_600_000

#: Nanoseconds per unit. Source: flow control, 1.2.
_GO_UNITS: Final = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # the micro sign
    "μs": 1_000,  # the Greek letter, which looks the same
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_UNITS: Final = _GO_UNITS | {"d": 86_400_000_000_000, "w": 604_800_000_000_000}
_NS_PER_MS: Final = 1_000_000
#: Go keeps durations in an int64 of nanoseconds: a little more than 292 years.
_NS_MAX: Final = 2**63 - 1
#: Far more than any duration needs; keeps what is parsed and quoted in errors short.
_DURATION_CHARS_MAX: Final = 100

_PART: Final = re.compile(r"([0-9]*)(?:\.([0-9]*))?([a-zµμ]+)")

#: Shorter texts are never dates. Source: execution semantics, 3.12.
_DATE_CHARS_MIN: Final = 10
_RETRY_SECONDS: Final = re.compile(r"[+-]?[0-9]{1,7}")
_RETRY_SECONDS_CHARS_MAX: Final = 7

_RFC_3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})"
)
#: RFC 3339, the same without zone, the date alone, and what Go prints ("… +0200 CEST").
_YEAR_FIRST: Final = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ](?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?)"
    r" ?(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2})?(?: (?:[A-Z]{1,5}|[+-][0-9]{2,4}))?)?"
)
#: RFC 1123, RFC 822 and RFC 850, each with a named or numeric zone.
_DAY_FIRST: Final = re.compile(
    r"(?:[A-Z][a-z]{2,8}, )?(?P<day>[0-9]{1,2})[ -](?P<month>[A-Z][a-z]{2})[ -]"
    r"(?P<year>[0-9]{4}|[0-9]{2}) (?P<time>[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)"
    r" (?P<zone>[A-Z]{1,5}|[+-][0-9]{4})"
)
#: `ctime`, Unix, Ruby, and a log's stamp without a year.
_MONTH_FIRST: Final = re.compile(
    r"(?:[A-Z][a-z]{2} )?(?P<month>[A-Z][a-z]{2}) +(?P<day>[0-9]{1,2})"
    r" (?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"(?: (?P<zone>[A-Z]{1,5}|[+-][0-9]{4}))?(?: (?P<year>[0-9]{4}))?"
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ONE_MS: Final = timedelta(milliseconds=1)


class DurationInvalid(ValueError):
    """A text is not a duration, or not a time where one would do as well.

    Attributes:
        text: What was given, shortened to 100 characters.
    """

    def __init__(self, text: str, *, expected: str) -> None:
        self.text = text[:_DURATION_CHARS_MAX]
        super().__init__(f"{self.text!r} is not {expected}")


def duration_ms(text: str) -> int:
    """The length of a duration such as "30s", "1.5h", "1d12h" or "-10m", in milliseconds.

    One or more numbers, each with its unit (`w d h m s ms us µs ns`), are added up; a sign may
    stand before the first. "0" needs no unit. Parts of a millisecond are rounded up, so that
    nothing ends earlier than was asked for.

    Raises:
        DurationInvalid: Empty, a unit missing or unknown, or longer than 292 years.

    Source: execution semantics, 3.12; flow control, 1.2.
    """
    return _parsed_ms(text, _UNITS)


def go_duration_ms(text: str) -> int:
    """Like `duration_ms`, but in Go's own grammar, which ends at hours: no `d`, no `w`.

    Source: SDK protocol, 4.4 (`batchEvents.timeout`).
    """
    return _parsed_ms(text, _GO_UNITS)


def sleep_until_ms(text: str, now_ms: int) -> int:
    """When a sleep ends: a duration from now, or a date; never before now.

    A text of ten or more characters may be a date, in any form that `retry_after_ms` knows. The
    time left until then is rounded to whole seconds. Empty text means now.

    Raises:
        DurationInvalid: Neither a duration nor a date.

    Source: execution semantics, 3.12.
    """
    if not text:
        return now_ms
    until_ms = _moment_ms(text, now_ms) if len(text) >= _DATE_CHARS_MIN else None
    if until_ms is not None:
        # Python's SDK sends every sleep as a date. Rounding gives back the time which the answer
        # spent on its way here.
        left_ms = (until_ms - now_ms + _SECOND_MS // 2) // _SECOND_MS * _SECOND_MS
        return now_ms + max(left_ms, 0)
    return now_ms + max(_duration_or_time(text), 0)


def deadline_ms(text: str, now_ms: int) -> int | None:
    """When the timeout of a wait, an invoke, a signal or a cancellation ends.

    Args:
        text: A duration from now, or a time in RFC 3339.
        now_ms: Now, in milliseconds since 1970.

    Returns:
        Milliseconds since 1970, possibly in the past; None for empty text, which means something
        else for each kind of wait.

    Raises:
        DurationInvalid: Neither a duration nor a time in RFC 3339.

    Source: execution semantics, 3.12.
    """
    if not text:
        return None
    until_ms = _moment_ms(text, now_ms) if _RFC_3339.fullmatch(text) else None
    return now_ms + _duration_or_time(text) if until_ms is None else until_ms


def retry_after_ms(value: str, now_ms: int) -> int | None:
    """When the header `retry-after` asks for the next attempt.

    Args:
        value: Seconds, as an integer of at most 7 characters, or a date: RFC 3339 (zone and time
            may be missing), RFC 1123, 822 or 850, as `ctime`, `date`, Ruby or Go print it, or a
            stamp without year, taken as of this year. Without a zone, or with an unknown name of
            one, it is read as UTC.
        now_ms: Now, in milliseconds since 1970.

    Returns:
        Milliseconds since 1970, not before a second from now and not after a day from now. None if
        the header is to be ignored: it cannot be read, or its seconds are zero or negative.

    Source: SDK protocol, 7.2; execution semantics, 3.9.
    """
    text = value.strip()
    if len(text) <= _RETRY_SECONDS_CHARS_MAX and _RETRY_SECONDS.fullmatch(text):
        seconds = int(text)
        due_ms = now_ms + seconds * _SECOND_MS if seconds > 0 else None
    else:
        due_ms = _moment_ms(text, now_ms)
    if due_ms is None:
        return None
    return min(max(due_ms, now_ms + _SECOND_MS), now_ms + _DAY_MS)


def format_duration(ms: int) -> str:
    """The duration in the units which `duration_ms` reads, such as "1d12h" or "1m0.5s".

    Nothing is lost: reading it back gives the same number. Zero is "0s".
    """
    if ms == 0:
        return "0s"
    parts = ["-"] if ms < 0 else []
    rest_ns = abs(ms) * _NS_PER_MS
    for unit in ("w", "d", "h", "m"):
        count, rest_ns = divmod(rest_ns, _UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    if rest_ns:
        seconds, rest_ms = divmod(rest_ns // _NS_PER_MS, _SECOND_MS)
        decimals = f".{rest_ms:03d}".rstrip("0") if rest_ms else ""
        parts.append(f"{seconds}{decimals}s")
    return "".join(parts)


def go_duration_text(ms: int) -> str:
    """The duration as Go writes it, which clients of the compatible API show.

    >>> [go_duration_text(ms) for ms in (0, 250, 1_500, 1_800_000, 172_800_000)]
    ['0s', '250ms', '1.5s', '30m0s', '48h0m0s']
    """
    if abs(ms) < _SECOND_MS:
        return f"{ms}ms" if ms else "0s"
    sign = "-" if ms < 0 else ""
    seconds, rest_ms = divmod(abs(ms), _SECOND_MS)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    decimals = f".{rest_ms:03d}".rstrip("0") if rest_ms else ""
    text = f"{seconds}{decimals}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return f"{sign}{hours}h{text}" if hours else f"{sign}{text}"


def _parsed_ms(text: str, units: dict[str, int]) -> int:
    ms = _milliseconds(text, units)
    if ms is None:
        raise DurationInvalid(text, expected='a duration such as "30s" or "1h30m"')
    return ms


def _duration_or_time(text: str) -> int:
    ms = _milliseconds(text, _UNITS)
    if ms is None:
        expected = 'a duration such as "1d12h" or a time such as "2030-01-31T09:00:00Z"'
        raise DurationInvalid(text, expected=expected)
    return ms


def _milliseconds(text: str, units: dict[str, int]) -> int | None:
    if len(text) > _DURATION_CHARS_MAX:
        return None
    is_signed = text.startswith(("+", "-"))
    unsigned = text[1:] if is_signed else text
    ns = 0 if unsigned == "0" else _nanoseconds(unsigned, units)
    if ns is None or ns > _NS_MAX:
        return None
    # Rounds towards later, also for a negative duration.
    return -(ns // _NS_PER_MS) if text.startswith("-") else -(-ns // _NS_PER_MS)


def _nanoseconds(text: str, units: dict[str, int]) -> int | None:
    total = position = 0
    while match := _PART.match(text, position):
        whole, fraction, unit = match[1], match[2] or "", match[3]
        if unit not in units or not (whole or fraction):
            return None
        total += int(whole or 0) * units[unit]
        total += int(fraction or 0) * units[unit] // 10 ** len(fraction)
        position = match.end()
    return total if text and position == len(text) else None


def _moment_ms(text: str, now_ms: int) -> int | None:
    """The date in any of the known forms, or None."""
    try:
        if match := _YEAR_FIRST.fullmatch(text):
            time, zone = match["time"] or "00:00:00", match["zone"] or "Z"
            moment = datetime.fromisoformat(f"{match['date']}T{time}{zone}")
        elif match := _DAY_FIRST.fullmatch(text) or _MONTH_FIRST.fullmatch(text):
            year = match["year"] or (_EPOCH + timedelta(milliseconds=now_ms)).year
            moment = parsedate_to_datetime(
                f"{match['day']} {match['month']} {year} {match['time']} {match['zone'] or 'GMT'}"
            )
        else:
            return None
    except ValueError:  # the 31st of February
        return None
    # "-0000" gives a time without zone, which is UTC, too.
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // _ONE_MS
