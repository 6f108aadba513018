"""Durations, ends of sleeps and waits, and the header `retry-after`."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inngest._internal import transforms

from stepwell.wire.durations import (
    DurationInvalid,
    deadline_ms,
    duration_ms,
    format_duration,
    go_duration_ms,
    retry_after_ms,
    sleep_until_ms,
)

_SECOND_MS = 1_000
_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
# 2026-01-01T00:00:00Z
_NOW_MS = 1_767_225_600_000


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1ms", 1),
        ("1s", 1_000),
        ("1m", 60_000),
        ("1h", _HOUR_MS),
        ("1d", _DAY_MS),
        ("1w", 7 * _DAY_MS),
        ("1d12h", 36 * _HOUR_MS),
        ("1w2d3h4m5s", 788_645_000),
        ("5s1h", _HOUR_MS + 5_000),
        ("1s1s", 2_000),
        ("90m", 90 * 60_000),
        ("1.5h", 90 * 60_000),
        (".5s", 500),
        ("1.s", 1_000),
        ("0.25d", 6 * _HOUR_MS),
        ("1m0.5s", 60_500),
        ("+2s", 2_000),
        ("-10m", -600_000),
        ("-1h30m", -90 * 60_000),
        ("0", 0),
        ("+0", 0),
        ("-0", 0),
        ("0s", 0),
        ("007s", 7_000),
        ("366d", 366 * _DAY_MS),
        ("106751d", 106_751 * _DAY_MS),
    ],
)
def test_numbers_with_units_are_added_up(text: str, ms: int) -> None:
    assert duration_ms(text) == ms


@pytest.mark.parametrize("micro", ["us", "\u00b5s", "\u03bcs"])
def test_microseconds_may_be_written_in_three_ways(micro: str) -> None:
    assert duration_ms(f"2000{micro}") == 2
    assert go_duration_ms(f"2000{micro}") == 2


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1ns", 1),
        ("999999ns", 1),
        ("1000000ns", 1),
        ("1000001ns", 2),
        ("1.5ms", 2),
        ("-1ns", 0),
        ("-1.5ms", -1),
        ("-2ms", -2),
        ("0.3333333333333333333333333333333333s", 334),
        ("0.0000000000000000000000000000000001s", 0),
    ],
)
def test_parts_of_a_millisecond_are_rounded_to_the_later(text: str, ms: int) -> None:
    """Parts of a nanosecond are dropped, as in Go."""
    assert duration_ms(text) == ms


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "-",
        "+",
        ".",
        "1",
        "10",
        "00",
        "s",
        ".s",
        "1x",
        "1S",
        "1D",
        "1y",
        "1month",
        "1h ",
        " 1h",
        "1h 30m",
        "1 h",
        "1h30",
        "--1s",
        "1h-30m",
        "1,5s",
        "1e3s",
        "1_0s",
        "\u0661s",
        "1..5s",
        "P1D",
        "Infinityw",
        "NaN",
        "9223372036854775808ns",
        "106752d",
        "9" * 99 + "s",
        "1s" * 51,
    ],
)
def test_other_texts_are_no_durations(text: str) -> None:
    with pytest.raises(DurationInvalid):
        duration_ms(text)


def test_the_error_names_the_text() -> None:
    with pytest.raises(DurationInvalid) as raised:
        duration_ms("soon")
    assert str(raised.value) == '\'soon\' is not a duration such as "30s" or "1h30m"'
    assert raised.value.text == "soon"


def test_the_error_does_not_repeat_an_endless_text() -> None:
    with pytest.raises(DurationInvalid) as raised:
        duration_ms("x" * 1_000_000)
    assert len(str(raised.value)) < 200


@given(text=st.text(alphabet="0123456789.+-nuµmshdw ", max_size=120))
def test_a_text_is_a_duration_or_refused(text: str) -> None:
    try:
        ms = duration_ms(text)
    except DurationInvalid:
        return
    assert abs(ms) <= 2**63 // 1_000_000 + 1


def test_the_grammar_of_go_ends_at_hours() -> None:
    assert go_duration_ms("48h") == 2 * _DAY_MS
    assert go_duration_ms("1h2m3.5s") == _HOUR_MS + 123_500
    for text in ("1d", "1w", "1d12h"):
        with pytest.raises(DurationInvalid):
            go_duration_ms(text)


@given(seconds=st.integers(min_value=1, max_value=10**9))
def test_durations_of_the_python_sdk_are_read(seconds: int) -> None:
    text = transforms.to_duration_str(timedelta(seconds=seconds))
    assert isinstance(text, str)
    assert duration_ms(text) == seconds * _SECOND_MS


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0s"),
        (1, "0.001s"),
        (500, "0.5s"),
        (60_500, "1m0.5s"),
        (36 * _HOUR_MS, "1d12h"),
        (7 * _DAY_MS, "1w"),
        (788_645_010, "1w2d3h4m5.01s"),
        (-90 * 60_000, "-1h30m"),
    ],
)
def test_durations_are_written_in_the_largest_units(ms: int, text: str) -> None:
    assert format_duration(ms) == text


@given(ms=st.integers(min_value=-(10**12), max_value=10**12))
def test_a_written_duration_reads_the_same(ms: int) -> None:
    assert duration_ms(format_duration(ms)) == ms


def test_an_empty_sleep_ends_now() -> None:
    assert sleep_until_ms("", _NOW_MS) == _NOW_MS


@pytest.mark.parametrize(
    ("text", "left_ms"),
    [
        ("1d12h", 36 * _HOUR_MS),
        ("1w2d3h4m5s", 788_645_000),  # ten characters, but no date
        ("1.5s", 1_500),
        ("0s", 0),
        ("-5s", 0),
        ("2026-01-01T00:00:10.000Z", 10_000),  # Python, TypeScript
        ("2026-01-01T00:00:10Z", 10_000),  # Go
        ("2026-01-01T00:00:10.123456789Z", 10_000),  # Temporal
        ("2026-01-01T02:00:10+02:00", 10_000),
        ("2026-01-02", _DAY_MS),
        ("2026-01-02T00:00:00", _DAY_MS),
        ("Fri, 02 Jan 2026 00:00:00 GMT", _DAY_MS),
        ("2025-12-31T23:59:59Z", 0),
        ("1970-01-01", 0),
    ],
)
def test_a_sleep_is_a_duration_or_ends_at_a_date(text: str, left_ms: int) -> None:
    assert sleep_until_ms(text, _NOW_MS) == _NOW_MS + left_ms


@pytest.mark.parametrize(
    ("text", "left_ms"),
    [
        ("2026-01-01T00:00:01.499Z", 1_000),
        ("2026-01-01T00:00:01.500Z", 2_000),
        ("2026-01-01T00:00:00.499Z", 0),
        ("2025-12-31T23:59:59.999Z", 0),
    ],
)
def test_the_time_left_until_a_date_is_rounded_to_seconds(text: str, left_ms: int) -> None:
    assert sleep_until_ms(text, _NOW_MS) == _NOW_MS + left_ms


def test_a_sleep_keeps_its_length_although_its_date_was_made_earlier() -> None:
    """Python's SDK sends a sleep of 5 s as the date 5 s after its own clock's now."""
    assert sleep_until_ms("2026-01-01T00:00:05.000Z", _NOW_MS + 80) == _NOW_MS + 80 + 5_000


@pytest.mark.parametrize("text", ["soon", "tomorrow at noon", "2026-1-1", "2026-02-30", "20260101"])
def test_a_sleep_that_is_neither_is_refused(text: str) -> None:
    with pytest.raises(DurationInvalid, match="is not a duration"):
        sleep_until_ms(text, _NOW_MS)


def test_an_empty_timeout_is_left_to_the_kind_of_wait() -> None:
    assert deadline_ms("", _NOW_MS) is None


@pytest.mark.parametrize(
    ("text", "left_ms"),
    [
        ("1h", _HOUR_MS),
        ("400d", 400 * _DAY_MS),
        ("-1s", -1_000),
        ("2026-01-02T00:00:00Z", _DAY_MS),
        ("2026-01-01T00:00:00.0015Z", 1),
        ("2026-01-01T00:30:00.250-01:30", 2 * _HOUR_MS + 250),
        ("2025-12-31T00:00:00Z", -_DAY_MS),
    ],
)
def test_a_timeout_is_a_duration_or_a_time(text: str, left_ms: int) -> None:
    assert deadline_ms(text, _NOW_MS) == _NOW_MS + left_ms


@pytest.mark.parametrize(
    "text",
    [
        "soon",
        "2026-01-02",
        "2026-01-02T00:00:00",
        "2026-01-02 00:00:00Z",
        "2026-02-30T00:00:00Z",
        "Fri, 02 Jan 2026 00:00:00 GMT",
    ],
)
def test_a_timeout_that_is_neither_is_refused(text: str) -> None:
    with pytest.raises(DurationInvalid) as raised:
        deadline_ms(text, _NOW_MS)
    assert text in str(raised.value)


@pytest.mark.parametrize(
    ("value", "left_ms"),
    [
        ("1", 1_000),
        ("3", 3_000),
        ("+60", 60_000),
        (" 60 ", 60_000),
        ("0086399", 86_399_000),
        ("86400", _DAY_MS),
        ("86401", _DAY_MS),
        ("9999999", _DAY_MS),
    ],
)
def test_seconds_are_clipped_to_a_day(value: str, left_ms: int) -> None:
    assert retry_after_ms(value, _NOW_MS) == _NOW_MS + left_ms


@pytest.mark.parametrize(
    "value",
    [
        "2026-01-01T01:00:00Z",  # Go
        "2026-01-01T01:00:00.000Z",  # TypeScript, Python
        "2026-01-01T01:00:00.000000000Z",
        "2026-01-01T03:00:00+02:00",
        "2025-12-31T20:00:00-05:00",
        "2026-01-01T01:00:00",
        "Thu, 01 Jan 2026 01:00:00 GMT",  # RFC 1123
        "Thu, 01 Jan 2026 01:00:00 UTC",
        "Thu, 01 Jan 2026 02:00:00 +0100",
        "Thu, 01 Jan 2026 01:00:00 -0000",
        "Wed, 31 Dec 2025 20:00:00 EST",
        "01 Jan 26 01:00 UTC",  # RFC 822
        "01 Jan 26 02:00 +0100",
        "Thursday, 01-Jan-26 01:00:00 GMT",  # RFC 850
        "Thu Jan 01 02:00:00 +0100 2026",  # Ruby
        "Thu Jan  1 01:00:00 UTC 2026",  # Unix
        "Thu Jan  1 01:00:00 2026",  # ANSI C
        "Jan  1 01:00:00",  # stamp
        "2026-01-01 01:00:00 +0000 UTC",  # Go, time.String
        "2026-01-01 03:00:00.000000001 +0200 CEST",
        "2026-01-01 04:30:00 +0330 +0330",
    ],
)
def test_every_form_of_date_is_read(value: str) -> None:
    assert retry_after_ms(value, _NOW_MS) == _NOW_MS + _HOUR_MS


def test_a_date_alone_means_its_midnight_in_utc() -> None:
    assert retry_after_ms("2026-01-02", _NOW_MS + _HOUR_MS) == _NOW_MS + _DAY_MS


@pytest.mark.parametrize(
    ("value", "left_ms"),
    [
        ("2026-01-01T00:00:00.999Z", 1_000),
        ("2026-01-01T00:00:01.001Z", 1_001),
        ("2026-01-01T00:00:00Z", 1_000),
        ("1999-12-31", 1_000),
        ("0001-01-01T00:00:00+14:00", 1_000),
        ("2026-01-01T23:59:59.999Z", _DAY_MS - 1),
        ("2026-01-02T00:00:00.001Z", _DAY_MS),
        ("9999-12-31T23:59:59-14:00", _DAY_MS),
    ],
)
def test_dates_are_clipped_to_between_a_second_and_a_day(value: str, left_ms: int) -> None:
    assert retry_after_ms(value, _NOW_MS) == _NOW_MS + left_ms


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "0",
        "00",
        "-1",
        "-60",
        "1.5",
        "3s",
        "1h",
        "soon",
        "1_000",
        "\u0663",
        "10000000",  # eight characters are not seconds any more
        "20260101",  # nor are they a date
        "1767229200",
        "2026-13-01",
        "2026-02-30T00:00:00Z",
        "2026-01-01T25:00:00Z",
        "2026-01-01T00:00:00+24:00",
        "2026-W01-1",
        "Thu, 01 Foo 2026 01:00:00 GMT",
        "Thu, 32 Jan 2026 01:00:00 GMT",
        "Thu, 01 Jan 2026 01:00:00 +9999",
        "Thu, 01 Jan 2026",
        "2026-01-01T01:00:00Z, 5",
    ],
)
def test_what_cannot_be_read_is_ignored(value: str) -> None:
    assert retry_after_ms(value, _NOW_MS) is None


@given(
    value=st.one_of(
        st.text(max_size=40),
        st.from_regex(
            r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?[+-][0-9]{2}:[0-9]{2}",
            fullmatch=True,
        ),
        st.from_regex(
            r"[0-9]{1,2} (Jan|Feb|Dec|Foo) ([0-9]{2}|[0-9]{4}) [0-9]{2}:[0-9]{2} ([A-Z]{1,5}|[+-][0-9]{4})",
            fullmatch=True,
        ),
        st.from_regex(
            r"(Jan|Feb|Foo) [0-9]{1,2} [0-9]{2}:[0-9]{2}:[0-9]{2}( [+-][0-9]{4})?( [0-9]{4})?",
            fullmatch=True,
        ),
    )
)
def test_no_header_makes_reading_fail(value: str) -> None:
    due_ms = retry_after_ms(value, _NOW_MS)
    assert due_ms is None or _NOW_MS + _SECOND_MS <= due_ms <= _NOW_MS + _DAY_MS


@given(
    moment=st.datetimes(
        min_value=datetime(2026, 1, 1, 0, 0, 2),  # noqa: DTZ001 - Hypothesis wants it without zone
        max_value=datetime(2026, 1, 1, 23, 59, 59),  # noqa: DTZ001
    )
)
def test_dates_of_the_python_sdk_are_read_to_the_millisecond(moment: datetime) -> None:
    value = transforms.to_iso_utc(moment.replace(tzinfo=UTC))
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    expected_ms = (moment.replace(tzinfo=UTC) - epoch) // timedelta(milliseconds=1)
    assert retry_after_ms(value, _NOW_MS) == expected_ms
    assert deadline_ms(value, _NOW_MS) == expected_ms
