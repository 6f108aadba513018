"""Registering what cannot be registered, and registering again what has changed."""

import itertools
from collections.abc import Iterator
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import pytest

from tests.e2e.processes import Answer, ServerProcess, running_servers, wait_until

_URL = "http://localhost:9/api/inngest"
_numbers = itertools.count()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    for servers in running_servers(tmp_path_factory.mktemp("registration")):
        yield servers.dev("--retry-interval", "1")


class Shop:
    """An app with a name of its own, whose endpoint nobody serves."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        self.name = f"shop{next(_numbers)}"

    def function(
        self, short: str = "charge", *, url: str = _URL, **other: object
    ) -> dict[str, Any]:
        """A valid function, but for what is given."""
        slug = f"{self.name}-{short}"
        step = {
            "id": "step",
            "name": "step",
            "runtime": {"type": "http", "url": f"{url}?fnId={slug}&stepId=step"},
            "retries": {"attempts": 0},
        }
        triggers = [{"event": f"{self.name}/{short}"}]
        return {"id": slug, "name": short, "triggers": triggers, "steps": {"step": step}, **other}

    def register(self, *functions: dict[str, Any], **other: object) -> Answer:
        """Register these functions; what else is sent is valid, but for what is given."""
        body = {"url": _URL, "appName": self.name, "sdk": "py:v0.5.18", "v": "0.1"}
        return self.post({**body, "functions": functions, **other})

    def post(self, body: object, *, expected_kind: str = "dev") -> Answer:
        headers = {"x-inngest-expected-server-kind": expected_kind}
        return self.server.post("/fn/register", body, headers=headers)

    def functions(self) -> list[dict[str, Any]]:
        answer = self.server.get(f"/v1/apps/{self.name}/functions")
        assert answer.status == 200, answer
        functions: list[dict[str, Any]] = answer.json()
        return functions

    def function_names(self) -> list[str]:
        return sorted(each["name"] for each in self.functions())

    def send(self, short: str) -> str:
        return self.server.send(f"{self.name}/{short}")


@pytest.fixture
def shop(server: ServerProcess) -> Shop:
    return Shop(server)


class TestRefusing:
    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            (b"{", "not JSON"),
            (b"", "not JSON"),
            (b"[]", "expected object"),
            ({"appName": 7}, "appName: expected string"),
            ({"functions": {}}, "functions: expected array"),
            ({"functions": [{"concurrency": {"scope": "galaxy"}}]}, "scope"),
        ],
    )
    def test_what_cannot_be_read_is_answered_without_a_status_in_the_body(
        self, shop: Shop, body: object, reason: str
    ) -> None:
        """Source: SDK protocol, 4.5."""
        answer = shop.post(body)

        assert answer.status == 400
        assert list(answer.json()) == ["error"]
        assert answer.json()["error"].startswith("Invalid request: ")
        assert reason in answer.json()["error"]

    def test_an_app_for_another_kind_of_server_is_refused(self, shop: Shop) -> None:
        answer = shop.post({}, expected_kind="cloud")

        assert answer.status == 400
        assert answer.json() == {"error": "Expected server kind dev, got cloud"}

    def test_an_app_without_a_name_is_refused(self, shop: Shop) -> None:
        answer = shop.register(shop.function(), appName="")

        assert answer.status == 400
        assert answer.json() == {"error": "App ID required", "data": None, "status": 400}

    def test_an_app_with_a_dangerous_sdk_is_refused(self, shop: Shop) -> None:
        answer = shop.register(shop.function(), sdk="js:v3.53.1")

        assert answer.status == 400
        assert (answer.json()["code"], answer.json()["status"]) == ("sdk_version_denied", 400)
        assert answer.json()["error"].startswith("App sync was blocked")
        assert shop.functions() == []

    @pytest.mark.parametrize(
        ("options", "field"),
        [
            ({"name": ""}, "name"),
            ({"triggers": [{}]}, "triggers[0]"),
            ({"triggers": [{"event": "a"}, {"event": "a"}]}, "triggers[1]"),
            ({"triggers": [{"cron": "every day"}]}, "triggers[0].cron"),
            ({"triggers": [{"event": "a", "expression": "event.data ==="}]}, "triggers[0]"),
            ({"steps": {}}, "steps"),
            ({"concurrency": [{"limit": 1}] * 3}, "concurrency"),
            ({"throttle": {"limit": 1, "period": "soon"}}, "throttle.period"),
            ({"rateLimit": {"limit": 1, "period": "25h"}}, "rateLimit.period"),
            ({"debounce": {"period": "8d"}}, "debounce.period"),
            ({"batchEvents": {"maxSize": 1, "timeout": "5s"}}, "batchEvents"),
            ({"cancel": [{"event": "a"}] * 6}, "cancel"),
        ],
    )
    def test_one_invalid_function_refuses_the_whole_app(
        self, shop: Shop, options: dict[str, Any], field: str
    ) -> None:
        """What was registered before stays. Source: SDK protocol, 4.4 and 4.5."""
        assert shop.register(shop.function()).status == 200

        answer = shop.register(shop.function(), {**shop.function("refund"), **options})

        assert answer.status == 400
        assert answer.json()["error"] == "At least one function is invalid"
        assert answer.json()["status"] == 400
        problems = answer.json()["data"]["problems"]
        assert {each["field"][: len(field)] for each in problems} == {field}
        assert shop.function_names() == ["charge"]


class TestRegisteringAgain:
    def test_the_same_again_is_not_a_change(self, shop: Shop) -> None:
        first = shop.register(shop.function()).json()
        second = shop.register(shop.function()).json()

        app_id = str(uuid5(NAMESPACE_OID, shop.name))
        assert (first["ok"], first["modified"], first["app_id"]) == (True, True, app_id)
        assert (second["ok"], second["modified"], second["app_id"]) == (True, False, app_id)

    def test_a_function_at_a_new_url_is_the_same_function(self, shop: Shop) -> None:
        shop.register(shop.function())
        (before,) = shop.functions()
        url = "http://localhost:7/api/inngest"

        answer = shop.register(shop.function(url=url), url=url)

        (after,) = shop.functions()
        assert answer.json()["modified"]
        assert (after["internal_id"], after["app_id"]) == (before["internal_id"], before["app_id"])
        assert url in str(after["config"])
        assert url not in str(before["config"])

    def test_a_removed_function_is_started_no_more_and_its_runs_go_on(self, shop: Shop) -> None:
        shop.register(shop.function(), shop.function("refund"))
        begun = shop.send("refund")

        assert shop.register(shop.function()).json()["modified"]

        assert shop.function_names() == ["charge"]
        assert shop.server.runs_of(shop.send("refund")) == []
        wait_until(
            lambda: [run["status"] for run in shop.server.runs_of(begun)] == ["Failed"],
            what="end of the run that had begun",
        )

    def test_an_app_without_functions_is_accepted_and_loses_those_it_had(self, shop: Shop) -> None:
        shop.register(shop.function())

        answer = shop.register()

        assert (answer.status, answer.json()["ok"]) == (200, True)
        assert shop.functions() == []
