"""Numbers over time. Series and ranges are those of the HTTP API."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from stepwell.api.dates import date_text
from stepwell.api.graphql.answers import Refused
from stepwell.api.graphql.binding import Getter, Resolver
from stepwell.api.graphql.request import Request
from stepwell.api.graphql.values import time_ms
from stepwell.api.rollups import chosen_names, places_of, shown_histograms, shown_series
from stepwell.core.charts import VOLUME_PLACES, Chart, ChartRange, busiest, chart_range, volume
from stepwell.core.counted import LATENCY_BOUNDS_MS, Counted
from stepwell.core.function import Function

__all__ = ["GETTERS", "INPUTS", "RESOLVERS"]

TOTALS_MAX: Final = 10
_NAMED_MAX: Final = 1_000


class ChartsFilter(msgspec.Struct, frozen=True):
    """What is asked for, as sent."""

    from_: str
    until: str | None = None
    function_slugs: tuple[str, ...] | None = None
    app_ids: tuple[str, ...] | None = None
    series: tuple[str, ...] = ()


class Charts(msgspec.Struct, frozen=True):
    """Numbers of some functions together."""

    chart: Chart
    names: Sequence[str]
    sent_ms: Sequence[int]
    functions: Sequence[Function]


async def _charts(_: Any, request: Request, *, filter: ChartsFilter) -> Charts:  # noqa: A002
    asked = _range(filter, request)
    names = chosen_names(filter.series)
    if isinstance(names, str):
        raise Refused(names)
    functions = _functions(filter, request)
    ids = [function.id for function in functions]
    # Before reading: a call that is answered meanwhile is then not missing, but counted twice.
    known = set(ids)
    calls = await request.services.engine.insight.calls()
    sent_ms = [ms for id_, ms in calls if id_ in known]
    chart = await request.services.readers.chart(ids, asked, places_of(names))
    return Charts(chart, names, sent_ms, functions)


def _range(filter: ChartsFilter, request: Request) -> ChartRange:  # noqa: A002
    until_ms = time_ms(filter.until)
    asked = chart_range(
        time_ms(filter.from_) or 0,
        request.now_ms + 1 if until_ms is None else until_ms,
        now_ms=request.now_ms,
    )
    if not isinstance(asked, ChartRange):
        raise Refused(f"Invalid range: {asked.value}")
    return asked


def _functions(filter: ChartsFilter, request: Request) -> list[Function]:  # noqa: A002
    slugs, app_ids = filter.function_slugs, filter.app_ids
    if len(slugs or ()) > _NAMED_MAX or len(app_ids or ()) > _NAMED_MAX:
        raise Refused(f"at most {_NAMED_MAX} functions and apps may be named")
    return [
        function
        for function in request.services.base.catalogue.functions
        if (slugs is None or function.slug in slugs)
        and (app_ids is None or function.app_id in app_ids)
    ]


async def _worst(charts: Charts, request: Request) -> list[dict[str, Any]]:
    return await _most(charts, request, (Counted.RUNS_FAILED,))


async def _busiest(charts: Charts, request: Request) -> list[dict[str, Any]]:
    return await _most(charts, request, VOLUME_PLACES)


async def _most(charts: Charts, request: Request, places: Sequence[int]) -> list[dict[str, Any]]:
    """What the functions did with the most of what is counted at the places."""
    functions = {function.id: function for function in charts.functions}
    counts = await request.services.readers.counts(
        list(functions), charts.chart.range, VOLUME_PLACES
    )
    return [
        {"function": functions[id_], "ended": done.ended, "failed": done.failed}
        for id_ in busiest(counts, places, limit=TOTALS_MAX)
        for done in [volume(counts[id_])]
    ]


RESOLVERS: Mapping[str, Resolver] = {
    "Query.charts": _charts,
    "Charts.worst": _worst,
    "Charts.busiest": _busiest,
}

GETTERS: Mapping[str, Getter] = {
    "Charts.from": lambda charts: date_text(charts.chart.range.from_ms),
    "Charts.until": lambda charts: date_text(charts.chart.range.until_ms),
    "Charts.bucketMs": lambda charts: charts.chart.range.bucket_ms,
    "Charts.buckets": lambda charts: [date_text(ms) for ms in charts.chart.range.starts_ms],
    "Charts.series": lambda charts: shown_series(
        charts.chart, charts.names, sent_ms=charts.sent_ms
    ),
    "Charts.histograms": lambda charts: shown_histograms(charts.chart, charts.names),
    "Charts.latencyBoundsMs": lambda _charts: LATENCY_BOUNDS_MS,
}

INPUTS: Mapping[str, type] = {"ChartsFilter": ChartsFilter}
