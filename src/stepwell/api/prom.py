"""`GET /v1/prom/{env}`: what happened in an environment, by day, for Prometheus.

Unlike `/metrics` it counts what the database says, so numbers go on after a restart.

Source: HTTP APIs, 7.8.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final, Protocol

from starlette.types import Receive, Scope, Send

from stepwell.api.dates import date_text
from stepwell.api.errors import send_error
from stepwell.api.metrics import CONTENT_TYPE, Metric, Samples, metrics_text, slug_labels
from stepwell.api.openapi import Declaration, DeclarationTable, Parameter, Tag, refused, text_of
from stepwell.api.responses import send_answer
from stepwell.api.rollups import UnderWay
from stepwell.api.services import ApiServices, RouteTable
from stepwell.core.charts import Numbers, open_calls
from stepwell.core.counted import HOUR_MS, Counted
from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID, EnvironmentId, FunctionId

__all__ = ["DECLARATIONS", "FAMILIES", "PromEndpoint"]

#: Today and yesterday: whoever asks after midnight learns how yesterday ended.
_DAYS_SHOWN: Final = 2
_DAY_MS: Final = 24 * HOUR_MS

_ENVIRONMENTS: Final = {
    "default": DEFAULT_ENVIRONMENT_ID,
    DEFAULT_ENVIRONMENT_ID: DEFAULT_ENVIRONMENT_ID,
}

_BY_DAY: Final = ("fn", "date")
_BY_STATUS: Final = ("fn", "date", "status")

_SCHEDULED: Final = Metric(
    "inngest_function_run_scheduled_total", "counter", "Runs created", _BY_DAY
)
_STARTED: Final = Metric(
    "inngest_function_run_started_total", "counter", "Runs that were started", _BY_DAY
)
_ENDED: Final = Metric("inngest_function_run_ended_total", "counter", "Runs that ended", _BY_STATUS)
_REQUESTS_SCHEDULED: Final = Metric(
    "inngest_sdk_req_scheduled_total", "counter", "Calls to apps that were queued", _BY_DAY
)
_REQUESTS_STARTED: Final = Metric(
    "inngest_sdk_req_started_total", "counter", "Calls to apps that were answered", _BY_DAY
)
_REQUESTS_ENDED: Final = Metric(
    "inngest_sdk_req_ended_total", "counter", "Calls to apps that were answered", _BY_STATUS
)
_STEP_BYTES: Final = Metric(
    "inngest_step_output_bytes_total", "counter", "Size of results of steps", _BY_DAY
)
_STEPS_SCHEDULED: Final = Metric(
    "inngest_steps_scheduled", "gauge", "Calls that are queued, those due later included"
)
_STEPS_RUNNING: Final = Metric("inngest_steps_running", "gauge", "Calls under way")

#: All families, in the order in which they are shown.
FAMILIES: Final = (
    _SCHEDULED,
    _STARTED,
    _ENDED,
    _REQUESTS_SCHEDULED,
    _REQUESTS_STARTED,
    _REQUESTS_ENDED,
    _STEP_BYTES,
    _STEPS_SCHEDULED,
    _STEPS_RUNNING,
)

# What is counted, the family it is shown in, and its status there.
_SHOWN: Final[Sequence[tuple[Counted, Metric, str]]] = (
    (Counted.RUNS_SCHEDULED, _SCHEDULED, ""),
    (Counted.RUNS_STARTED, _STARTED, ""),
    (Counted.RUNS_COMPLETED, _ENDED, "completed"),
    (Counted.RUNS_FAILED, _ENDED, "failed"),
    (Counted.RUNS_CANCELLED, _ENDED, "cancelled"),
    (Counted.CALLS_SCHEDULED, _REQUESTS_SCHEDULED, ""),
    (Counted.CALLS_STARTED, _REQUESTS_STARTED, ""),
    (Counted.CALLS_SUCCEEDED, _REQUESTS_ENDED, "success"),
    (Counted.CALLS_ERRORED, _REQUESTS_ENDED, "errored"),
    (Counted.CALLS_FAILED, _REQUESTS_ENDED, "failed"),
    (Counted.STEP_BYTES, _STEP_BYTES, ""),
)
_PLACES: Final = (*(counted.value for counted, _, _ in _SHOWN), Counted.CALLS_DROPPED.value)


DECLARATIONS: Final[DeclarationTable] = {
    "/v1/prom/{env}": {
        "GET": Declaration(
            "getMetricsOfEnvironment",
            "Read what happened in an environment, for Prometheus",
            Tag.SERVER,
            parameters=(
                Parameter(
                    "env",
                    str,
                    "Name or id of the environment",
                    "path",
                    is_required=True,
                    example="default",
                ),
            ),
            answers=(
                text_of("text/plain", "The text format of Prometheus"),
                refused(404, "Environment not found: …"),
            ),
        )
    }
}


class DailyCounts(Protocol):
    """Who reads the counts. Raises `StoreUnavailable`."""

    async def daily_counts(
        self,
        functions: Sequence[FunctionId],
        places: Sequence[int],
        *,
        from_ms: int,
        until_ms: int,
    ) -> dict[tuple[FunctionId, int], Numbers]:
        """What was counted by function and start of the day, UTC."""
        ...

    async def lifetime_counts(
        self, functions: Sequence[FunctionId], places: Sequence[int]
    ) -> dict[FunctionId, Numbers]:
        """What has been counted of each of the functions altogether."""
        ...


class PromEndpoint:
    """Shows the functions of one environment.

    Args:
        services: Functions and the clock.
        counts: Reads the counts.
        under_way: Tells which calls are under way.
    """

    def __init__(self, services: ApiServices, counts: DailyCounts, under_way: UnderWay) -> None:
        self._catalogue = services.catalogue
        self._clock = services.clock
        self._counts = counts
        self._under_way = under_way

    def routes(self) -> RouteTable:
        """Where it is mounted."""
        return {"/v1/prom/{env}": {"GET": self}}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        name: str = scope["path_params"]["env"]
        environment_id = _ENVIRONMENTS.get(name)
        if environment_id is None:
            await send_error(send, 404, f"Environment not found: {name}")
            return
        samples = await self._samples(environment_id)
        await send_answer(send, 200, metrics_text(samples), headers=(CONTENT_TYPE,))

    async def _samples(self, environment_id: EnvironmentId) -> Samples:
        functions = self._catalogue.functions
        inside = {each.id for each in functions if each.environment_id == environment_id}
        slugs = {id_: slug for id_, slug in slug_labels(functions).items() if id_ in inside}
        now_ms = self._clock.now_ms()
        until_ms = now_ms - now_ms % _DAY_MS + _DAY_MS
        running = Counter(function_id for function_id, _ in await self._under_way())
        days = await self._counts.daily_counts(
            list(slugs), _PLACES, from_ms=until_ms - _DAYS_SHOWN * _DAY_MS, until_ms=until_ms
        )
        lifetime = await self._counts.lifetime_counts(list(slugs), _PLACES)
        samples: Samples = {family: [] for family in FAMILIES}
        for (function_id, day_ms), numbers in sorted(days.items()):
            date = date_text(day_ms).partition("T")[0]
            for counted, family, status in _SHOWN:
                if number := numbers[counted]:
                    labels = (slugs[function_id], date, status)
                    samples[family].append((labels[: len(family.labels)], number))
        for function_id, slug in slugs.items():
            under_way = running[function_id]
            queued = max(0, open_calls(lifetime[function_id]) - under_way)
            samples[_STEPS_SCHEDULED].append(((slug,), queued))
            samples[_STEPS_RUNNING].append(((slug,), under_way))
        return samples
