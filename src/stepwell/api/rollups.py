"""`/v1/functions/{slug}/rollups`: what happened in a range of time, for charts.

The reference has no such route; shapes and errors follow its other v1 routes, series and buckets
what dashboards draw. Source: dashboard, 6.2.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Final, Protocol
from urllib.parse import parse_qsl

import msgspec
from starlette.types import Receive, Scope, Send

from stepwell.api.bulk_operations import find_function
from stepwell.api.dates import date_text, parse_date_ms
from stepwell.api.errors import send_error
from stepwell.api.openapi import (
    Declaration,
    DeclarationTable,
    Parameter,
    Tag,
    Timestamp,
    Uuid,
    data,
    one_of,
    refused,
)
from stepwell.api.responses import send_data
from stepwell.api.services import ApiServices, RouteTable
from stepwell.core.charts import GAUGE_PLACES, Chart, ChartRange, Gauge, chart_range, gauges
from stepwell.core.counted import (
    HOUR_MS,
    LATENCY_BOUNDS_MS,
    Counted,
    Histogram,
)
from stepwell.core.function import Function
from stepwell.core.identity import FunctionId

__all__ = [
    "DECLARATIONS",
    "HistogramObject",
    "RollupsApi",
    "RollupsObject",
    "SeriesObject",
    "UnderWay",
    "chosen_names",
    "places_of",
    "shown_histograms",
    "shown_series",
]

_RANGE_DEFAULT_MS: Final = 24 * HOUR_MS
#: All names together are shorter.
_SERIES_CHARS_MAX: Final = 2_048

_HISTOGRAMS: Final = {
    "call_delay": Histogram.DELAY,
    "call_duration": Histogram.CALL,
    "step_duration": Histogram.STEP,
}
_COUNTERS: Final = {counted.name.lower(): counted.value for counted in Counted}
_GAUGES: Final = {gauge.value: gauge for gauge in Gauge}
#: What is shown unless it is said what is wanted.
_DEFAULT: Final = (*_COUNTERS, *_GAUGES)
_NAMES: Final = (*_DEFAULT, *_HISTOGRAMS)


class SeriesObject(msgspec.Struct, frozen=True, kw_only=True):
    """One series, with a value for each bucket."""

    name: str
    kind: Annotated[str, one_of("counter", "gauge")]
    values: list[int]


class HistogramObject(msgspec.Struct, frozen=True, kw_only=True):
    """How often something took how long.

    For each bucket of time there is a count for each bound, and one for what took longer.
    """

    name: str
    counts: list[list[int]]


class RollupsObject(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """What happened to a function, as clients read it."""

    function_id: Uuid
    slug: str
    from_: Timestamp
    until: Timestamp
    bucket_seconds: int
    buckets: list[Timestamp]
    latency_bounds_ms: list[int]
    series: list[SeriesObject]
    histograms: list[HistogramObject]


DECLARATIONS: Final[DeclarationTable] = {
    "/v1/functions/{slug:path}/rollups": {
        "GET": Declaration(
            "getRollupsOfFunction",
            "Read what happened to a function in a range of time",
            Tag.FUNCTIONS,
            parameters=(
                Parameter("from", str, "Begin, ISO 8601; a day before the end if it is missing"),
                Parameter("until", str, "End, ISO 8601; now if it is missing"),
                Parameter("series", str, "Names, separated by commas", example="runs_started"),
            ),
            answers=(
                data(RollupsObject),
                refused(400, "Invalid from query parameter", "Unknown series: …"),
                refused(404, "Function not found: …"),
            ),
        )
    },
}


class Charts(Protocol):
    """Who reads the counts. Raises `StoreUnavailable`."""

    async def chart(
        self, functions: Sequence[FunctionId], asked: ChartRange, places: Sequence[int]
    ) -> Chart:
        """What was counted of the functions together, in the buckets of a range."""
        ...


#: The function of each call under way, and when it was sent.
UnderWay = Callable[[], Awaitable[Sequence[tuple[FunctionId, int]]]]


class RollupsApi:
    """Shows series of one function.

    Args:
        services: Functions and the clock.
        charts: Reads the counts.
        under_way: Tells which calls are under way.
    """

    def __init__(self, services: ApiServices, charts: Charts, under_way: UnderWay) -> None:
        self._catalogue = services.catalogue
        self._clock = services.clock
        self._charts = charts
        self._under_way = under_way

    def routes(self) -> RouteTable:
        """Where it is mounted: before routes that take all of the path after `functions`."""
        return {"/v1/functions/{slug:path}/rollups": {"GET": self}}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        now_ms = self._clock.now_ms()
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        asked = _range(query, now_ms=now_ms)
        names = _names(query.get("series", ""))
        problem = next((each for each in (asked, names) if isinstance(each, str)), None)
        if problem is not None:
            await send_error(send, 400, problem)
            return
        assert isinstance(asked, ChartRange)
        slug: str = scope["path_params"]["slug"]
        function = find_function(self._catalogue.functions, slug)
        if function is None:
            await send_error(send, 404, f"Function not found: {slug}")
            return
        # Before reading: a call that is answered meanwhile is then not missing, but counted twice.
        calls = await self._under_way()
        sent_ms = [ms for function_id, ms in calls if function_id == function.id]
        chart = await self._charts.chart([function.id], asked, places_of(names))
        shown = _rollups_object(function, chart, names, sent_ms=sent_ms)
        await send_data(send, shown, now_ms=now_ms)


def _range(query: dict[str, str], *, now_ms: int) -> ChartRange | str:
    """The range in buckets, or what is wrong with it."""
    from_ms: int | None = None
    until_ms: int | None = now_ms + 1
    if text := query.get("until"):
        until_ms = parse_date_ms(text)
    if until_ms is None:
        return "Invalid until query parameter"
    if text := query.get("from"):
        from_ms = parse_date_ms(text)
        if from_ms is None:
            return "Invalid from query parameter"
    if from_ms is None:
        from_ms = max(0, min(until_ms, now_ms) - _RANGE_DEFAULT_MS)
    asked = chart_range(from_ms, until_ms, now_ms=now_ms)
    return asked if isinstance(asked, ChartRange) else f"Invalid range: {asked.value}"


def _names(text: str) -> Sequence[str] | str:
    """The series that are wanted, each once, or what is wrong with them."""
    if len(text) > _SERIES_CHARS_MAX:
        return "Invalid series query parameter"
    return chosen_names(text.split(","))


def chosen_names(wanted: Sequence[str]) -> Sequence[str] | str:
    """The series that are wanted, each once, by default all but histograms; or what is wrong."""
    names = tuple(dict.fromkeys(name for name in wanted if name)) or _DEFAULT
    unknown = [name for name in names if name not in _NAMES]
    if unknown:
        return f"Unknown series: {unknown[0]}; there are {', '.join(_NAMES)}"
    return list(names)


def places_of(names: Sequence[str]) -> list[int]:
    """What has to be read."""
    places = {_COUNTERS[name] for name in names if name in _COUNTERS}
    if any(name in _GAUGES for name in names):
        places.update(GAUGE_PLACES)
    for name in names:
        if name in _HISTOGRAMS:
            places.update(_buckets(_HISTOGRAMS[name]))
    return sorted(places)


def _buckets(histogram: Histogram) -> range:
    return range(histogram, histogram + len(LATENCY_BOUNDS_MS) + 1)


def shown_series(
    chart: Chart, names: Sequence[str], *, sent_ms: Sequence[int]
) -> list[SeriesObject]:
    """The series that are wanted, in their order; histograms are left out.

    Args:
        chart: With everything of `places_of(names)`.
        names: Of series.
        sent_ms: When the calls were sent that are under way now.
    """
    levels = gauges(chart, sent_ms=sent_ms) if any(name in _GAUGES for name in names) else {}
    return [
        SeriesObject(name=name, kind="gauge", values=levels[_GAUGES[name]])
        if name in _GAUGES
        else SeriesObject(name=name, kind="counter", values=list(chart.buckets[_COUNTERS[name]]))
        for name in names
        if name not in _HISTOGRAMS
    ]


def shown_histograms(chart: Chart, names: Sequence[str]) -> list[HistogramObject]:
    """The histograms that are wanted, in their order."""
    return [
        HistogramObject(name=name, counts=_counts(chart, _HISTOGRAMS[name]))
        for name in names
        if name in _HISTOGRAMS
    ]


def _rollups_object(
    function: Function, chart: Chart, names: Sequence[str], *, sent_ms: Sequence[int]
) -> RollupsObject:
    return RollupsObject(
        function_id=function.id,
        slug=function.slug,
        from_=date_text(chart.range.from_ms),
        until=date_text(chart.range.until_ms),
        bucket_seconds=chart.range.bucket_ms // 1000,
        buckets=[date_text(start_ms) for start_ms in chart.range.starts_ms],
        latency_bounds_ms=list(LATENCY_BOUNDS_MS),
        series=shown_series(chart, names, sent_ms=sent_ms),
        histograms=shown_histograms(chart, names),
    )


def _counts(chart: Chart, histogram: Histogram) -> list[list[int]]:
    by_bound = (chart.buckets[place] for place in _buckets(histogram))
    return [list(counts) for counts in zip(*by_bound, strict=True)]
