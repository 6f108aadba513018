"""Charts of a function, and what Prometheus is told of an environment."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from stepwell.api.errors import ErrorAnswers
from stepwell.api.prom import FAMILIES, PromEndpoint
from stepwell.api.rollups import RollupsApi
from stepwell.api.routing import router
from stepwell.api.services import ApiServices
from stepwell.core.counted import HOUR_MS, LATENCY_BOUNDS_MS, MINUTE_MS
from stepwell.core.function import FunctionIndex
from stepwell.core.identity import (
    DEFAULT_ENVIRONMENT_ID,
    EventId,
    FunctionId,
    ItemId,
)
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.transition import AnsweredCall, Skip, SkipReason, Transition
from stepwell.engine.store import Ownership, join_alone
from stepwell.store.sqlite import SqliteStore
from tests.unit.api.api_server import NOW_MS, Api, Clock, Ulids, function

F = function("f")
OTHER = function("other")
DAY_MS = 24 * HOUR_MS
TODAY, YESTERDAY = "2026-11-21", "2026-11-20"


class RollupsServer(Api):
    """The routes, on a store in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.backend.functions = FunctionIndex([F, OTHER])
        self.store = SqliteStore.in_memory()
        self.owner: Ownership = asyncio.run(join_alone(self.store))
        self.sent: list[tuple[FunctionId, int]] = []
        readers = self.store.read_models()
        services = ApiServices(
            intake=self.backend,
            runs=self.backend,
            catalogue=self.backend,
            readers=self.backend,
            ids=Ulids(),
            clock=Clock(),
        )
        self.app = ErrorAnswers(
            router(
                [
                    RollupsApi(services, readers, self.under_way).routes(),
                    PromEndpoint(services, readers, self.under_way).routes(),
                ]
            )
        )

    def commit(self, *batch: Transition) -> None:
        async def commit() -> None:
            await self.store.commit(self.owner, batch)

        asyncio.run(commit())

    async def under_way(self) -> list[tuple[FunctionId, int]]:
        return self.sent

    def series(self, query: str) -> dict[str, list[Any]]:
        """The values by name."""
        answer = self.get(f"/v1/functions/shop-f/rollups?{query}")
        assert answer.status == 200, answer.body
        return {each["name"]: each["values"] for each in answer.json["data"]["series"]}

    def prom(self) -> dict[str, float]:
        """The samples of the default environment, without those that are 0."""
        answer = self.get("/v1/prom/default")
        assert answer.status == 200
        lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
        samples = {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}
        return {name: value for name, value in samples.items() if value}


def queued(number: int, at_ms: int = NOW_MS) -> Transition:
    """A first call is queued."""
    return Transition(put=[QueueItem(ItemId(number), ItemKind.START, F.id, queued_ms=at_ms)])


def answered(sent_ms: int, ended_ms: int) -> Transition:
    call = AnsweredCall(ItemId(1), sent_ms, sent_ms, ended_ms, "success")
    return Transition(answered=[call], function_id=F.id)


def limited(at_ms: int) -> Transition:
    skip = Skip(EventId("e"), F.id, SkipReason.RATE_LIMITED, "", at_ms)
    return Transition(skips=[skip])


def test_series_have_the_same_buckets_and_zeros_where_nothing_happened() -> None:
    server = RollupsServer()
    server.commit(limited(NOW_MS), limited(NOW_MS), limited(NOW_MS - 3 * MINUTE_MS))

    answer = server.get(
        "/v1/functions/shop-f/rollups?from=2026-11-21T09:01:00Z"
        "&series=events_rate_limited,runs_started,call_delay"
    )

    assert answer.status == 200
    data = answer.json["data"]
    assert (data["function_id"], data["slug"]) == (F.id, "shop-f")
    assert (data["from"], data["until"]) == (
        "2026-11-21T09:01:00.000Z",
        "2026-11-21T09:08:00.000Z",
    )
    assert data["bucket_seconds"] == 60
    assert data["buckets"][::6] == ["2026-11-21T09:01:00.000Z", "2026-11-21T09:07:00.000Z"]
    assert data["latency_bounds_ms"] == list(LATENCY_BOUNDS_MS)
    assert data["series"] == [
        {"name": "events_rate_limited", "kind": "counter", "values": [0, 0, 0, 1, 0, 0, 2]},
        {"name": "runs_started", "kind": "counter", "values": [0] * 7},
    ]
    assert data["histograms"] == [{"name": "call_delay", "counts": [[0] * 12] * 7}]


def test_without_a_range_the_last_day_is_shown_and_without_names_all_but_the_histograms() -> None:
    server = RollupsServer()

    answer = server.get("/v1/functions/shop-f/rollups")

    data = answer.json["data"]
    assert (data["bucket_seconds"], len(data["buckets"])) == (300, 289)
    names = {each["name"]: each["kind"] for each in data["series"]}
    assert {"runs_started", "calls_limited", "backlog", "invoking"} <= set(names)
    assert data["histograms"] == []


def test_what_is_queued_and_under_way_is_shown_as_it_was() -> None:
    server = RollupsServer()
    server.commit(queued(1, NOW_MS - 3 * MINUTE_MS), queued(2, NOW_MS - 2 * MINUTE_MS), queued(3))
    server.commit(answered(NOW_MS - 2 * MINUTE_MS, NOW_MS))
    server.sent = [(F.id, NOW_MS - MINUTE_MS), (OTHER.id, NOW_MS)]

    series = server.series("from=2026-11-21T09:03:00Z&series=running,backlog")

    assert series == {"running": [0, 0, 1, 2, 1], "backlog": [0, 1, 1, 0, 1]}


def test_durations_are_shown_by_bucket() -> None:
    server = RollupsServer()
    server.commit(answered(NOW_MS - 40, NOW_MS), answered(NOW_MS - 11, NOW_MS))

    answer = server.get(
        "/v1/functions/shop-f/rollups?from=2026-11-21T09:07:00Z&series=call_duration,call_ms"
    )

    assert answer.json["data"]["histograms"] == [
        {"name": "call_duration", "counts": [[0, 2] + [0] * 10]}
    ]
    assert answer.json["data"]["series"] == [{"name": "call_ms", "kind": "counter", "values": [51]}]


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("from=yesterday", "Invalid from query parameter"),
        ("until=25:00", "Invalid until query parameter"),
        ("from=2026-11-22", "Invalid range: the range begins in the future"),
        (
            "from=2026-11-21T09:00:00Z&until=2026-11-21T08:00:00Z",
            "Invalid range: the range ends before it begins",
        ),
        ("from=2000-01-01", "Invalid range: the range is longer than 360 days"),
        ("from=1969-12-31", "Invalid range: the range begins before 1970"),
        ("until=1970-01-01", "Invalid range: the range ends before it begins"),
        ("series=runs_started,nothing", "Unknown series: nothing; there are runs_scheduled"),
        ("series=" + "a" * 3_000, "Invalid series query parameter"),
    ],
)
def test_what_cannot_be_shown_is_refused(query: str, error: str) -> None:
    answer = RollupsServer().get(f"/v1/functions/shop-f/rollups?{query}")

    assert answer.status == 400
    assert answer.json["error"].startswith(error)
    assert (answer.json["status"], answer.json["data"]) == (400, None)


@pytest.mark.parametrize(
    "query", ["", "series=,,", "series=runs_started,runs_started", "until=2999-01-01", "from="]
)
def test_what_is_left_open_or_said_twice_is_no_mistake(query: str) -> None:
    assert RollupsServer().get(f"/v1/functions/shop-f/rollups?{query}").status == 200


def test_an_unknown_function_has_no_charts() -> None:
    answer = RollupsServer().get("/v1/functions/nobody/rollups")

    assert (answer.status, answer.json["error"]) == (404, "Function not found: nobody")


def test_prometheus_is_told_what_happened_today_and_yesterday() -> None:
    server = RollupsServer()
    server.commit(
        queued(1, NOW_MS - 2 * DAY_MS), queued(2, NOW_MS - DAY_MS), queued(3), queued(4), queued(5)
    )
    server.commit(answered(NOW_MS - DAY_MS, NOW_MS), answered(NOW_MS, NOW_MS))
    server.sent = [(F.id, NOW_MS)]

    assert server.prom() == {
        f'inngest_sdk_req_scheduled_total{{fn="shop-f",date="{YESTERDAY}"}}': 1,
        f'inngest_sdk_req_scheduled_total{{fn="shop-f",date="{TODAY}"}}': 3,
        f'inngest_sdk_req_started_total{{fn="shop-f",date="{YESTERDAY}"}}': 1,
        f'inngest_sdk_req_started_total{{fn="shop-f",date="{TODAY}"}}': 1,
        f'inngest_sdk_req_ended_total{{fn="shop-f",date="{TODAY}",status="success"}}': 2,
        'inngest_steps_scheduled{fn="shop-f"}': 2,
        'inngest_steps_running{fn="shop-f"}': 1,
    }


def test_every_family_is_introduced_once_and_bounded() -> None:
    text = RollupsServer().get(f"/v1/prom/{DEFAULT_ENVIRONMENT_ID}").text

    kinds = [line.removeprefix("# TYPE ") for line in text.splitlines() if "# TYPE" in line]
    assert kinds == [f"{family.name} {family.kind}" for family in FAMILIES]
    assert {label for family in FAMILIES for label in family.labels} == {"fn", "date", "status"}


def test_the_documentation_knows_every_family() -> None:
    page = (Path(__file__).parents[3] / "docs" / "http-api.md").read_text()
    section = page.partition("### Read the metrics of an environment")[2].partition("\n### ")[0]

    assert re.findall(r"`(inngest_\w+)`", section) == [family.name for family in FAMILIES]


def test_an_unknown_environment_has_no_metrics() -> None:
    answer = RollupsServer().get("/v1/prom/elsewhere")

    assert (answer.status, answer.json["error"]) == (404, "Environment not found: elsewhere")
