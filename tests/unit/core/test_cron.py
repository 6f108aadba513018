"""Cron schedules: which texts are refused, when ticks fall, and what an outage does to a chain."""

import time
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwell.core.cron import (
    CRON_CHARACTERS_MAX,
    CRON_MISSED_MAX,
    JITTER_MS_MAX,
    JITTER_MS_MIN,
    CronInvalid,
    fire_at_ms,
    next_tick,
    parse_cron,
    tick_id,
    timer_event_data,
)

_MINUTE_MS = 60_000
_DAY_MS = 86_400_000


def _ms(text: str) -> int:
    """The instant of an ISO 8601 time, in UTC unless it names an offset."""
    at = datetime.fromisoformat(text)
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def _ticks(cron: str, *, after: str, count: int) -> list[str]:
    schedule = parse_cron(cron)
    at_ms = _ms(after)
    found: list[str] = []
    for _ in range(count):
        tick_ms = schedule.next_after(at_ms)
        assert tick_ms is not None
        found.append(tick_id(tick_ms))
        at_ms = tick_ms
    return found


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "exactly five fields, not 0"),
        ("* * * *", "exactly five fields, not 4"),
        ("0 * * * * *", "exactly five fields, not 6"),
        ("@daily", "write five fields instead of @daily"),
        ("@every 1h", "write five fields instead of @every"),
        ("TZ=Europe/Lisbon @daily", "write five fields instead of @daily"),
        ("TZ=Europe/Lisbon", "exactly five fields, not 0"),
        ("60 * * * *", "minute must be between 0 and 59, not 60"),
        ("* 24 * * *", "hour must be between 0 and 23, not 24"),
        ("* * 0 * *", "day of month must be between 1 and 31, not 0"),
        ("* * 32 * *", "day of month must be between 1 and 31, not 32"),
        ("* * * 0 *", "month must be between 1 and 12, not 0"),
        ("* * * 13 *", "month must be between 1 and 12, not 13"),
        ("* * * * 7", "day of week must be between 0 and 6, not 7"),
        ("* * * * 5-7", "day of week must be between 0 and 6, not 7"),
        ("* * L * *", "'L' means nothing in day of month"),
        ("* * 15W * *", "'15W' means nothing in day of month"),
        ("* * * * 5L", "'5L' means nothing in day of week"),
        ("* * * * 1#2", "'1#2' means nothing in day of week"),
        ("* * * * monday", "'monday' means nothing in day of week"),
        ("jan * * * *", "'jan' means nothing in minute"),
        ("* * * mon *", "'mon' means nothing in month"),
        ("*/0 * * * *", "the step of '*/0' in minute must be at least 1"),
        ("*/ * * * *", "'' means nothing in minute"),
        ("*/2/3 * * * *", "'2/3' means nothing in minute"),
        ("9-5 * * * *", "the range '9-5' in minute ends before it begins"),
        ("* * * * sat-sun", "the range 'sat-sun' in day of week ends before it begins"),
        ("1,,2 * * * *", "'' means nothing in minute"),
        ("1-2-3 * * * *", "'2-3' means nothing in minute"),
        ("-1 * * * *", "'' means nothing in minute"),
        ("+1 * * * *", "'+1' means nothing in minute"),
        ("*-5 * * * *", "'*' means nothing in minute"),
        ("1.5 * * * *", "'1.5' means nothing in minute"),
        ("٣ * * * *", "'٣' means nothing in minute"),
        ("TZ=Mars/Olympus * * * * *", "'Mars/Olympus' is not a known time zone"),
        ("TZ=Europe * * * * *", "'Europe' is not a known time zone"),
        ("TZ=../../etc/passwd * * * * *", "'../../etc/passwd' is not a known time zone"),
        ("TZ=localtime * * * * *", "'localtime' is not a known time zone"),
        ("TZ= * * * * *", "'' is not a known time zone"),
        ("ZONE=UTC * * * * *", "exactly five fields, not 6"),
    ],
)
def test_what_is_not_five_plain_fields_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(CronInvalid) as refused:
        parse_cron(text)

    message = str(refused.value)
    assert message.startswith(f"'{text}' isn't a valid cron schedule: ")
    assert message.endswith(reason)


def test_a_text_of_255_characters_is_accepted_and_of_256_refused() -> None:
    longest = "0" * (CRON_CHARACTERS_MAX - 8) + " * * * *"

    assert parse_cron(longest).text == longest
    with pytest.raises(CronInvalid, match="longer than 255 characters"):
        parse_cron("0" + longest)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("7", (7,)),
        ("07", (7,)),
        ("5,1,5", (1, 5)),
        ("10-12", (10, 11, 12)),
        ("10-20/4", (10, 14, 18)),
        ("50/4", (50, 54, 58)),
        ("*/25", (0, 25, 50)),
        ("?/25", (0, 25, 50)),
        ("59/99", (59,)),
        ("1-2,40/10", (1, 2, 40, 50)),
    ],
)
def test_lists_ranges_and_steps_select_values(text: str, minutes: tuple[int, ...]) -> None:
    assert parse_cron(f"{text} * * * *").minutes == minutes


def test_names_of_months_and_days_are_read_in_any_case() -> None:
    schedule = parse_cron("0 0 ? JAN,mar-May,Nov/1 Sun,mon-FRI")

    assert schedule.months == {1, 3, 4, 5, 11, 12}
    assert schedule.days_of_week == {0, 1, 2, 3, 4, 5}


@pytest.mark.parametrize("prefix", ["TZ=", "CRON_TZ="])
def test_a_zone_prefix_moves_the_schedule_to_that_wall_clock(prefix: str) -> None:
    cron = f"{prefix}Asia/Kolkata 30 9 * * *"

    assert _ticks(cron, after="2026-11-21", count=1) == ["2026-11-21T04:00:00Z"]
    assert parse_cron(cron).text == cron


def test_without_a_zone_the_schedule_is_in_utc() -> None:
    assert _ticks("0 12 * * *", after="2026-07-01", count=1) == ["2026-07-01T12:00:00Z"]


def test_two_restricted_day_fields_match_when_either_does() -> None:
    """The 13th, and every Friday."""
    assert _ticks("0 0 13 * fri", after="2026-11-01", count=3) == [
        "2026-11-06T00:00:00Z",
        "2026-11-13T00:00:00Z",
        "2026-11-20T00:00:00Z",
    ]
    assert _ticks("0 0 12 * fri", after="2026-11-07", count=2) == [
        "2026-11-12T00:00:00Z",
        "2026-11-13T00:00:00Z",
    ]


@pytest.mark.parametrize("wildcard", ["*", "?", "*/1", "3,*"])
def test_next_to_a_wildcard_the_other_day_field_decides(wildcard: str) -> None:
    assert _ticks(f"0 0 {wildcard} * fri", after="2026-11-07", count=1) == ["2026-11-13T00:00:00Z"]
    assert _ticks(f"0 0 12 * {wildcard}", after="2026-11-13", count=1) == ["2026-12-12T00:00:00Z"]


def test_a_wildcard_with_a_step_restricts_its_day_field() -> None:
    """Every odd day, and every Monday."""
    assert _ticks("0 0 */2 * mon", after="2026-11-21", count=3) == [
        "2026-11-23T00:00:00Z",
        "2026-11-25T00:00:00Z",
        "2026-11-27T00:00:00Z",
    ]
    assert _ticks("0 0 */2 * mon", after="2026-11-29", count=1) == ["2026-11-30T00:00:00Z"]


def test_the_next_tick_is_strictly_later() -> None:
    schedule = parse_cron("*/5 * * * *")
    tick_ms = _ms("2026-11-21T06:05:00")

    assert schedule.next_after(tick_ms - 1) == tick_ms
    assert schedule.next_after(tick_ms) == tick_ms + 5 * _MINUTE_MS
    assert schedule.next_after(tick_ms + 1) == tick_ms + 5 * _MINUTE_MS


def test_the_search_crosses_hours_days_months_and_years() -> None:
    assert _ticks("59 23 31 12 *", after="2026-12-31T23:59", count=1) == ["2027-12-31T23:59:00Z"]
    assert _ticks("0 0 1 1 *", after="2026-12-31T23:59:59", count=1) == ["2027-01-01T00:00:00Z"]
    assert _ticks("15 3,9 * * *", after="2026-02-28T09:15", count=1) == ["2026-03-01T03:15:00Z"]
    assert _ticks("15 3,9 * * *", after="2026-02-28T03:16", count=1) == ["2026-02-28T09:15:00Z"]


def test_a_leap_day_is_found_within_five_years_and_not_beyond() -> None:
    leap_day = parse_cron("0 0 29 2 *")

    assert leap_day.next_after(_ms("2024-02-29")) == _ms("2028-02-29")
    # 2100 is no leap year, so eight years lie between two leap days.
    assert leap_day.next_after(_ms("2096-02-29")) is None
    assert leap_day.next_after(_ms("2099-06-01")) == _ms("2104-02-29")


@pytest.mark.parametrize("cron", ["0 0 31 2 *", "0 0 30,31 feb *", "0 0 31 4,6,9,11 *"])
def test_a_date_that_does_not_exist_is_accepted_and_never_fires(cron: str) -> None:
    assert parse_cron(cron).next_after(_ms("2026-11-21")) is None


@pytest.mark.parametrize(
    "cron",
    ["0 0 29 2 *", "0 0 31 2 *", "TZ=Europe/Lisbon 0 0 31 2,4,6,9,11 *"],
)
def test_the_rarest_schedules_cost_little_to_search(cron: str) -> None:
    """The bound is far above what the search needs, and far below stepping through minutes."""
    schedule = parse_cron(cron)

    started_ns = time.process_time_ns()
    for _ in range(5):
        schedule.next_after(_ms("2024-03-01"))
    assert time.process_time_ns() - started_ns < 5 * 20_000_000


# Europe/Lisbon: 2026-03-29 01:00 becomes 02:00, 2026-10-25 02:00 becomes 01:00.


def test_a_time_the_clock_jumps_over_waits_for_the_next_day() -> None:
    assert _ticks("TZ=Europe/Lisbon 30 1 * * *", after="2026-03-28T00:00", count=2) == [
        "2026-03-28T01:30:00Z",
        "2026-03-30T00:30:00Z",
    ]


def test_a_time_the_clock_shows_twice_fires_once_per_offset() -> None:
    assert _ticks("TZ=Europe/Lisbon 30 1 * * *", after="2026-10-24T12:00", count=3) == [
        "2026-10-25T00:30:00Z",
        "2026-10-25T01:30:00Z",
        "2026-10-26T01:30:00Z",
    ]


def test_a_date_that_a_country_skips_has_no_ticks() -> None:
    """Samoa went from 29 December 2011 straight to the 31st."""
    assert _ticks("TZ=Pacific/Apia 0 12 30,31 12 *", after="2011-12-01", count=1) == [
        "2011-12-30T22:00:00Z"
    ]


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_every_minute_of_real_time_is_one_tick_when_the_clock_changes(day: str) -> None:
    schedule = parse_cron("TZ=Europe/Lisbon * * * * *")
    at_ms = _ms(day)
    for _ in range(240):
        assert schedule.next_after(at_ms) == at_ms + _MINUTE_MS
        at_ms += _MINUTE_MS


# A few days around changes of the clock: by an hour, by half an hour, at midnight (so that one
# date appears twice), of the offset itself, across the date line; and a zone without any change.
_WINDOWS = [
    ("Europe/Lisbon", "2026-03-28"),
    ("Europe/Lisbon", "2026-10-24"),
    ("America/New_York", "2026-03-07"),
    ("America/New_York", "2026-10-31"),
    ("Australia/Lord_Howe", "2026-04-04"),
    ("Australia/Lord_Howe", "2026-10-03"),
    ("Asia/Kolkata", "2026-03-28"),
    ("Asia/Kathmandu", "2026-12-31"),
    ("Africa/Casablanca", "2026-02-14"),
    ("America/Sao_Paulo", "2018-02-17"),
    ("America/St_Johns", "2010-11-06"),
    ("Asia/Pyongyang", "2018-05-03"),
    ("Pacific/Apia", "2011-12-29"),
    ("America/Havana", "2026-11-01"),
    ("UTC", "2028-02-28"),
]
_WINDOW_MINUTES = 3 * 1440


@cache
def _clock(window: tuple[str, str]) -> list[tuple[int, datetime]]:
    """Every whole minute of the window: the instant, and what the wall clock shows."""
    zone, day = window
    start_ms = _ms(day)
    instants = range(start_ms, start_ms + _WINDOW_MINUTES * _MINUTE_MS, _MINUTE_MS)
    return [(at, datetime.fromtimestamp(at / 1000, ZoneInfo(zone))) for at in instants]


def _field(low: int, high: int) -> st.SearchStrategy[frozenset[int] | None]:
    """Accepted values, or None for a wildcard."""
    return st.none() | st.frozensets(st.integers(low, high), min_size=1, max_size=6)


def _written(values: frozenset[int] | None) -> str:
    return "*" if values is None else ",".join(str(value) for value in sorted(values))


def _accepts(values: frozenset[int] | None, value: int) -> bool:
    return values is None or value in values


# The first example of a window also lays out its naive clock, which takes longer than the rest.
@settings(deadline=None)
@given(
    window=st.sampled_from(_WINDOWS),
    minutes=_field(0, 59),
    hours=_field(0, 5) | _field(0, 23),
    days_of_month=_field(1, 31),
    months=_field(1, 12),
    days_of_week=_field(0, 6),
    outset=st.integers(0, _WINDOW_MINUTES - 1),
)
def test_ticks_are_the_minutes_at_which_the_wall_clock_matches(
    *,
    window: tuple[str, str],
    minutes: frozenset[int] | None,
    hours: frozenset[int] | None,
    days_of_month: frozenset[int] | None,
    months: frozenset[int] | None,
    days_of_week: frozenset[int] | None,
    outset: int,
) -> None:
    """`next_after` and `count` agree with a matcher that looks at every minute."""

    def is_tick(wall: datetime) -> bool:
        if not (
            _accepts(minutes, wall.minute)
            and _accepts(hours, wall.hour)
            and _accepts(months, wall.month)
        ):
            return False
        by_month = _accepts(days_of_month, wall.day)
        by_week = _accepts(days_of_week, wall.isoweekday() % 7)
        if days_of_month is not None and days_of_week is not None:
            return by_month or by_week
        return by_month and by_week

    clock = _clock(window)
    expected = [at for at, wall in clock[outset:] if is_tick(wall)]
    fields = (minutes, hours, days_of_month, months, days_of_week)
    schedule = parse_cron(f"TZ={window[0]} " + " ".join(_written(field) for field in fields))
    before_ms, last_ms = clock[outset][0] - 1, clock[-1][0]

    assert schedule.count(after_ms=before_ms, until_ms=last_ms) == len(expected)
    # The first few and the last few ticks, and every one at which the offset is another.
    steps = list(pairwise([before_ms, *expected]))
    for previous_ms, tick_ms in steps[:20] + steps[-20:] + steps[20:-20:7]:
        assert schedule.next_after(previous_ms) == tick_ms
    after_last_ms = schedule.next_after(expected[-1] if expected else before_ms)
    assert after_last_ms is None or after_last_ms > last_ms


@given(
    cron=st.sampled_from(
        [
            "* * * * *",
            "TZ=Europe/Lisbon */7 1,2 * * *",
            "0 9 * * mon",
            "TZ=Australia/Lord_Howe 45 1 * * *",
            "* * 1 * *",
        ]
    ),
    at_ms=st.integers(_ms("2020-01-01"), _ms("2035-01-01")),
)
def test_no_tick_lies_between_an_instant_and_the_next_tick(cron: str, at_ms: int) -> None:
    schedule = parse_cron(cron)
    tick_ms = schedule.next_after(at_ms)

    assert tick_ms is not None
    assert tick_ms > at_ms
    assert tick_ms % _MINUTE_MS == 0
    assert schedule.count(after_ms=at_ms, until_ms=tick_ms - 1) == 0
    assert schedule.count(after_ms=at_ms, until_ms=tick_ms) == 1


def test_nothing_is_counted_in_an_empty_or_reversed_range() -> None:
    schedule = parse_cron("* * * * *")

    assert schedule.count(after_ms=_DAY_MS, until_ms=_DAY_MS) == 0
    assert schedule.count(after_ms=_DAY_MS, until_ms=0) == 0


def test_a_chain_on_time_continues_from_its_previous_tick() -> None:
    schedule = parse_cron("* * * * *")
    previous_ms = _ms("2026-11-21T06:06")

    assert next_tick(schedule, previous_ms, previous_ms + 20) == (previous_ms + _MINUTE_MS, 0)


def test_a_clock_that_went_back_neither_repeats_nor_loses_a_tick() -> None:
    schedule = parse_cron("* * * * *")
    previous_ms = _ms("2026-11-21T06:06")

    assert next_tick(schedule, previous_ms, previous_ms - _DAY_MS) == (previous_ms + _MINUTE_MS, 0)


def test_as_many_missed_ticks_as_the_bound_are_all_replayed() -> None:
    schedule = parse_cron("0 * * * *")
    previous_ms = _ms("2026-11-21T06:00")
    hour_ms = 60 * _MINUTE_MS
    now_ms = previous_ms + CRON_MISSED_MAX * hour_ms

    assert next_tick(schedule, previous_ms, now_ms) == (previous_ms + hour_ms, 0)
    assert next_tick(schedule, previous_ms, now_ms + hour_ms - 1) == (previous_ms + hour_ms, 0)
    assert next_tick(schedule, previous_ms, now_ms + hour_ms) == (previous_ms + 2 * hour_ms, 1)


@pytest.mark.parametrize(
    "cron", ["* * * * *", "*/7 1,2 * * *", "TZ=Europe/Lisbon 30 1 * * *", "* * 1 3 *"]
)
def test_after_a_long_outage_the_latest_missed_ticks_are_replayed_in_order(cron: str) -> None:
    schedule = parse_cron(cron)
    previous_ms, now_ms = _ms("2025-06-01T00:00"), _ms("2026-11-21T06:06:30")
    missed = schedule.count(after_ms=previous_ms, until_ms=now_ms)

    tick_ms, skipped = next_tick(schedule, previous_ms, now_ms)
    replayed: list[int] = []
    while tick_ms is not None and tick_ms <= now_ms:
        replayed.append(tick_ms)
        tick_ms, skipped_later = next_tick(schedule, tick_ms, now_ms)
        assert skipped_later == 0

    assert len(replayed) == CRON_MISSED_MAX
    assert skipped == missed - CRON_MISSED_MAX
    assert schedule.count(after_ms=replayed[0] - 1, until_ms=now_ms) == CRON_MISSED_MAX


def test_a_chain_whose_schedule_never_fires_again_ends() -> None:
    schedule = parse_cron("0 0 29 2 *")

    assert next_tick(schedule, _ms("2096-02-29"), _ms("2096-03-01")) == (None, 0)


def test_without_jitter_a_tick_is_due_when_it_falls() -> None:
    assert fire_at_ms(60_000, jitter_ms=None, key="chain") == 60_000


def test_the_smallest_jitter_delays_by_exactly_one_second() -> None:
    assert fire_at_ms(60_000, jitter_ms=JITTER_MS_MIN, key="chain") == 61_000


@given(
    tick=st.integers(0, 10**7),
    jitter_ms=st.integers(JITTER_MS_MIN, JITTER_MS_MAX),
    key=st.text(alphabet="abc:-1"),
)
def test_jitter_delays_by_a_second_up_to_its_length(tick: int, jitter_ms: int, key: str) -> None:
    tick_ms = tick * _MINUTE_MS
    fire_ms = fire_at_ms(tick_ms, jitter_ms=jitter_ms, key=key)

    assert 1_000 <= fire_ms - tick_ms <= jitter_ms
    assert fire_ms == fire_at_ms(tick_ms, jitter_ms=jitter_ms, key=key)


def test_jitter_is_the_same_after_a_restart() -> None:
    """Fixed values: a stored tick must be due at the same time under every later version."""
    tick_ms = _ms("2026-11-21T06:06:00")

    assert fire_at_ms(tick_ms, jitter_ms=5_000, key="chain") - tick_ms == 3_398
    assert fire_at_ms(tick_ms, jitter_ms=300_000, key="chain") - tick_ms == 174_398


def test_jitter_spreads_the_chains_of_one_tick() -> None:
    delays_ms = {fire_at_ms(0, jitter_ms=300_000, key=f"chain {n}") for n in range(200)}

    assert len(delays_ms) > 190
    assert min(delays_ms) < 60_000
    assert max(delays_ms) > 240_000


def test_a_tick_is_named_by_its_time_in_utc() -> None:
    assert tick_id(_ms("2026-11-21T07:06:00+01:00")) == "2026-11-21T06:06:00Z"


def test_event_data_names_tick_and_due_time_in_whole_seconds() -> None:
    tick_ms = _ms("2026-11-21T06:06:00")

    assert msgspec.json.decode(timer_event_data("* * * * *", tick_ms, tick_ms + 4_410)) == {
        "cron": "* * * * *",
        "scheduledAt": "2026-11-21T06:06:00Z",
        "fireAt": "2026-11-21T06:06:04Z",
    }
