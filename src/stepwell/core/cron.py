"""When a cron trigger fires.

An instant is a tick when the wall clock of the schedule's zone shows, at that instant, a whole
minute that all fields accept. This one sentence decides daylight saving time as well: a time the
clock jumps over never shows, so it is no tick; a time shown twice is two ticks, one per offset;
and a schedule of every minute neither loses nor doubles a minute of real time.

The matcher is our own, because scheduling is what Stepwell is for and these rules are visible to
every user. croniter, the usual library, accepts what must be refused (six fields, macros, day 7,
`L`, `#`, ranges that end before they begin), fires a skipped 01:30 at 02:00, and can count the
ticks of a long outage only by visiting each.

Time is walked in stretches in which the zone's offset is constant. Inside one, matching is
arithmetic on days and minutes: the cost of a search grows with the days of accepted months, never
with the minutes, that lie before the next tick.
"""

from bisect import bisect_left
from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime
from hashlib import blake2b
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

__all__ = [
    "CRON_CHARACTERS_MAX",
    "CRON_MISSED_MAX",
    "CRON_SEARCH_DAYS_MAX",
    "JITTER_MS_MAX",
    "JITTER_MS_MIN",
    "CronInvalid",
    "CronSchedule",
    "fire_at_ms",
    "next_tick",
    "parse_cron",
    "tick_id",
    "timer_event_data",
]

CRON_CHARACTERS_MAX: Final = 255
#: Four days of an hourly schedule; more would be a flood after an outage, not a repair.
CRON_MISSED_MAX: Final = 100
CRON_SEARCH_DAYS_MAX: Final = 5 * 366

JITTER_MS_MIN: Final = 1_000
JITTER_MS_MAX: Final = 300_000

_DAY_S: Final = 86_400
_MINUTES_PER_DAY: Final = 1_440
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
# No zone has changed its clock twice within seven days since 1970, so the offset is constant
# between two instants at most this far apart that have the same one.
_STRIDE_S: Final = 5 * _DAY_S


class CronInvalid(ValueError):
    """The text is not a cron schedule we accept; the message says which part and why.

    Raised at registration, before anything is stored. Repeating with the same text cannot help.
    """


class CronSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed cron expression. Made by `parse_cron` only.

    Attributes:
        text: The expression as the app wrote it, zone prefix included; identifies the chain.
        zone: Whose wall clock is compared with the fields.
        minutes: Accepted minutes, ascending, never empty.
        hours: Accepted hours, ascending, never empty.
        days_of_month: Accepted days, 1 to 31.
        months: Accepted months, 1 to 12.
        days_of_week: Accepted days, Sunday 0 to Saturday 6.
        one_day_field_suffices: Both day fields are restricted, so matching either is enough.
    """

    text: str
    zone: ZoneInfo
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days_of_month: frozenset[int]
    months: frozenset[int]
    days_of_week: frozenset[int]
    one_day_field_suffices: bool

    def next_after(self, at_ms: int) -> int | None:
        """The first tick strictly after `at_ms`, in ms since 1970; None without one in five years.

        A schedule such as `0 0 31 2 *` is valid and never fires.

        Source: execution semantics, 6.1.
        """
        from_s = at_ms // 1000 + 1
        day, last_day = from_s // _DAY_S - 1, from_s // _DAY_S + CRON_SEARCH_DAYS_MAX
        while (next_day := self._next_day(day, last_day)) is not None:
            # A wall clock's date is at most one day away from the date in UTC.
            from_s = max(from_s, (next_day - 1) * _DAY_S)
            day = next_day + 1
            for stretch in _stretches(self.zone, from_s, (day + 1) * _DAY_S):
                minute = self._first_minute(stretch.wall_minute, stretch.wall_minute_end)
                if minute is not None:
                    return (minute * 60 - stretch.offset_s) * 1000
        return None

    def count(self, *, after_ms: int, until_ms: int) -> int:
        """How many ticks lie after `after_ms` and at or before `until_ms`."""
        if until_ms <= after_ms:
            return 0
        stretches = _stretches(self.zone, after_ms // 1000 + 1, until_ms // 1000 + 1)
        return sum(self._count(each.wall_minute, each.wall_minute_end) for each in stretches)

    def _next_day(self, day: int, last_day: int) -> int | None:
        while day <= last_day:
            at = date.fromordinal(_EPOCH_ORDINAL + day)
            if at.month not in self.months:
                day += monthrange(at.year, at.month)[1] - at.day + 1
            elif self._has_date(at):
                return day
            else:
                day += 1
        return None

    def _first_minute(self, minute: int, end: int) -> int | None:
        day, minute_of_day = divmod(minute, _MINUTES_PER_DAY)
        while day * _MINUTES_PER_DAY < end:
            if self._has_day(day):
                found = self._first_minute_of_day(minute_of_day)
                if found is not None:
                    minute = day * _MINUTES_PER_DAY + found
                    return minute if minute < end else None
            day, minute_of_day = day + 1, 0
        return None

    def _first_minute_of_day(self, minute_of_day: int) -> int | None:
        hour, minute = divmod(minute_of_day, 60)
        index = bisect_left(self.hours, hour)
        if index == len(self.hours):
            return None
        if self.hours[index] > hour:
            return self.hours[index] * 60 + self.minutes[0]
        if minute <= self.minutes[-1]:
            return hour * 60 + self.minutes[bisect_left(self.minutes, minute)]
        if index + 1 == len(self.hours):
            return None
        return self.hours[index + 1] * 60 + self.minutes[0]

    def _count(self, minute: int, end: int) -> int:
        first_day, minute_of_day = divmod(minute, _MINUTES_PER_DAY)
        last_day, minute_of_day_end = divmod(end, _MINUTES_PER_DAY)
        days = sum(self._has_day(day) for day in range(first_day, last_day))
        count = days * len(self.hours) * len(self.minutes)
        if self._has_day(first_day):
            count -= self._count_of_day(minute_of_day)
        if self._has_day(last_day):
            count += self._count_of_day(minute_of_day_end)
        return count

    def _count_of_day(self, minute_of_day: int) -> int:
        """Accepted times of a day before this minute."""
        hour, minute = divmod(minute_of_day, 60)
        index = bisect_left(self.hours, hour)
        count = index * len(self.minutes)
        if index < len(self.hours) and self.hours[index] == hour:
            count += bisect_left(self.minutes, minute)
        return count

    def _has_day(self, day: int) -> bool:
        at = date.fromordinal(_EPOCH_ORDINAL + day)
        return at.month in self.months and self._has_date(at)

    def _has_date(self, at: date) -> bool:
        """Whether the two day fields accept a date of an accepted month."""
        by_month = at.day in self.days_of_month
        by_week = at.isoweekday() % 7 in self.days_of_week
        return by_month or by_week if self.one_day_field_suffices else by_month and by_week


class _Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds since 1970, end excluded, in which the zone's offset does not change."""

    start_s: int
    end_s: int
    offset_s: int

    @property
    def wall_minute(self) -> int:
        """The first whole minute the wall clock shows, counted from 1970 on that clock."""
        return -(-(self.start_s + self.offset_s) // 60)

    @property
    def wall_minute_end(self) -> int:
        return -(-(self.end_s + self.offset_s) // 60)


class _Field(msgspec.Struct, frozen=True, kw_only=True):
    """What one of the five fields may contain."""

    label: str
    low: int
    high: int
    names: tuple[str, ...] = ()


_MONTHS: Final = (
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
)
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")

_MINUTE = _Field(label="minute", low=0, high=59)
_HOUR = _Field(label="hour", low=0, high=23)
_DAY_OF_MONTH = _Field(label="day of month", low=1, high=31)
_MONTH = _Field(label="month", low=1, high=12, names=_MONTHS)
_DAY_OF_WEEK = _Field(label="day of week", low=0, high=6, names=_DAYS)


def parse_cron(text: str) -> CronSchedule:
    """Read `[TZ=Area/City ]minute hour day-of-month month day-of-week`.

    Without a zone the schedule is in UTC, whatever zone the server's machine is set to.
    A `*/1` is a wildcard; a `*/2` restricts its field.

    Raises:
        CronInvalid: Not exactly five fields, a value out of range, syntax of another cron dialect
            (`@daily`, `L`, `W`, `#`, day of week 7), an unknown zone, or over 255 characters.

    Source: execution semantics, 6.1.
    """
    if len(text) > CRON_CHARACTERS_MAX:
        raise _invalid(text[:40] + "…", f"it is longer than {CRON_CHARACTERS_MAX} characters")
    zone_name, fields = _split(text)
    if fields and fields[0].startswith("@"):
        raise _invalid(text, f"write five fields instead of {fields[0]}")
    if len(fields) != 5:
        raise _invalid(text, f"it must have exactly five fields, not {len(fields)}")
    zone = _zone(text, zone_name)

    days_of_month, is_any_day_of_month = _values(text, _DAY_OF_MONTH, fields[2])
    days_of_week, is_any_day_of_week = _values(text, _DAY_OF_WEEK, fields[4])
    return CronSchedule(
        text=text,
        zone=zone,
        minutes=tuple(sorted(_values(text, _MINUTE, fields[0])[0])),
        hours=tuple(sorted(_values(text, _HOUR, fields[1])[0])),
        days_of_month=days_of_month,
        months=_values(text, _MONTH, fields[3])[0],
        days_of_week=days_of_week,
        one_day_field_suffices=not (is_any_day_of_month or is_any_day_of_week),
    )


def next_tick(schedule: CronSchedule, previous_tick_ms: int, now_ms: int) -> tuple[int | None, int]:
    """The tick that follows in a chain, and how many missed ones were skipped to get there.

    A chain continues from its previous tick, not from now, so a restart neither loses nor repeats
    a tick. Ticks missed while the server was down are replayed oldest first; of more than
    `CRON_MISSED_MAX` only the latest are. Each call applies the rule afresh, so a chain that
    cannot keep up stays at most that far behind. A clock that went back changes nothing.

    Source: execution semantics, 6.4, where the reference replays without a bound.
    """
    # Most calls end here: ticks are at least a minute apart, so no more can have been missed.
    if now_ms - previous_tick_ms <= CRON_MISSED_MAX * 60_000:
        return schedule.next_after(previous_tick_ms), 0

    missed = schedule.count(after_ms=previous_tick_ms, until_ms=now_ms)
    if missed <= CRON_MISSED_MAX:
        return schedule.next_after(previous_tick_ms), 0

    # The earliest second after which few enough ticks remain is that of the last one skipped.
    seconds = range(previous_tick_ms // 1000, now_ms // 1000)
    skipped = missed - CRON_MISSED_MAX
    index = bisect_left(
        seconds,
        skipped,
        key=lambda at_s: schedule.count(after_ms=previous_tick_ms, until_ms=at_s * 1000),
    )
    return schedule.next_after(seconds[index] * 1000), skipped


def fire_at_ms(tick_ms: int, *, jitter_ms: int | None, key: str) -> int:
    """When the run of a tick is due: at the tick, or delayed by up to `jitter_ms`.

    The delay is between one second and the jitter, and always the same for the same tick and
    `key` (whatever names the chain), on every node and after every restart. The hash is BLAKE2b
    because it ships with Python; only its stability matters, no client can observe which it is.

    Source: execution semantics, 6.2.
    """
    if jitter_ms is None:
        return tick_ms
    assert JITTER_MS_MIN <= jitter_ms <= JITTER_MS_MAX
    spread_ms = jitter_ms - JITTER_MS_MIN
    if spread_ms == 0:
        return tick_ms + JITTER_MS_MIN
    digest = blake2b(f"{key}\n{tick_ms}".encode(), digest_size=8).digest()
    return tick_ms + JITTER_MS_MIN + int.from_bytes(digest, "big") % spread_ms


def tick_id(tick_ms: int) -> str:
    """Id of the tick's event and idempotency key of its run, such as `2026-11-21T06:06:00Z`.

    Two schedules of one function with a common tick share the id, hence one run for that tick.

    Source: execution semantics, 2.2 and 6.3.
    """
    return f"{datetime.fromtimestamp(tick_ms // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def timer_event_data(cron: str, tick_ms: int, fire_ms: int) -> bytes:
    """JSON `data` of the tick's `inngest/scheduled.timer` event; times are cut to whole seconds.

    Args:
        cron: The expression exactly as configured, zone prefix included.
        tick_ms: When the schedule matched.
        fire_ms: When the run was due, jitter included.

    Source: execution semantics, 6.3.
    """
    return msgspec.json.encode(
        {"cron": cron, "scheduledAt": tick_id(tick_ms), "fireAt": tick_id(fire_ms)}
    )


def _stretches(zone: ZoneInfo, start_s: int, end_s: int) -> Iterator[_Stretch]:
    """Consecutive stretches that cover the time from start to end; none spans two offsets."""
    while start_s < end_s:
        offset_s = _offset_s(zone, start_s)
        until_s = min(start_s + _STRIDE_S, end_s)
        if _offset_s(zone, until_s - 1) != offset_s:
            until_s = _offset_end_s(zone, start_s, until_s)
        yield _Stretch(start_s=start_s, end_s=until_s, offset_s=offset_s)
        start_s = until_s


def _offset_end_s(zone: ZoneInfo, start_s: int, until_s: int) -> int:
    """The one second in this range at which another offset begins to hold."""
    offset_s = _offset_s(zone, start_s)
    seconds = range(start_s, until_s)
    return seconds[bisect_left(seconds, 1, key=lambda at_s: _offset_s(zone, at_s) != offset_s)]


def _offset_s(zone: ZoneInfo, at_s: int) -> int:
    offset = datetime.fromtimestamp(at_s, zone).utcoffset()
    assert offset is not None
    return offset.days * _DAY_S + offset.seconds


def _split(text: str) -> tuple[str, list[str]]:
    fields = text.split()
    for prefix in ("TZ=", "CRON_TZ="):
        if fields and fields[0].startswith(prefix):
            return fields[0].removeprefix(prefix), fields[1:]
    return "UTC", fields


def _zone(text: str, name: str) -> ZoneInfo:
    # Some systems list their own setting as a zone; a schedule must mean the same on every node.
    if name and name.lower() != "localtime":
        try:
            return ZoneInfo(name)
        except (KeyError, OSError, ValueError):
            pass  # unknown, a folder of zones, or not a name at all
    raise _invalid(text, f"'{name}' is not a known time zone")


def _values(text: str, field: _Field, written: str) -> tuple[frozenset[int], bool]:
    """The accepted values, and whether the field is a wildcard."""
    values: set[int] = set()
    is_any = False
    for item in written.split(","):
        span, slash, step_text = item.partition("/")
        step = _number(text, field, step_text) if slash else 1
        if step == 0:
            raise _invalid(text, f"the step of '{item}' in {field.label} must be at least 1")
        if span in ("*", "?"):
            low, high = field.low, field.high
            is_any = is_any or step == 1
        else:
            low, high = _span(text, field, span, is_open=bool(slash))
        values.update(range(low, high + 1, step))
    return frozenset(values), is_any


def _span(text: str, field: _Field, span: str, *, is_open: bool) -> tuple[int, int]:
    """First and last value of `5`, `5-9`, or of the `5` in `5/2`, which is open to the maximum."""
    low_text, dash, high_text = span.partition("-")
    low = _value(text, field, low_text)
    last = field.high if is_open else low
    high = _value(text, field, high_text) if dash else last
    if high < low:
        raise _invalid(text, f"the range '{span}' in {field.label} ends before it begins")
    return low, high


def _value(text: str, field: _Field, written: str) -> int:
    name = written.lower()
    if name in field.names:
        return field.low + field.names.index(name)
    value = _number(text, field, written)
    if not field.low <= value <= field.high:
        raise _invalid(
            text, f"{field.label} must be between {field.low} and {field.high}, not {value}"
        )
    return value


def _number(text: str, field: _Field, written: str) -> int:
    if not (written.isascii() and written.isdigit()):
        raise _invalid(text, f"'{written}' means nothing in {field.label}")
    return int(written)


def _invalid(text: str, reason: str) -> CronInvalid:
    return CronInvalid(f"'{text}' isn't a valid cron schedule: {reason}")
