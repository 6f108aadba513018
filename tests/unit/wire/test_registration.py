"""Registrations of the official SDKs are read; what cannot be read is explained."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stepwell.wire.config import (
    Batch,
    CancelOn,
    Checkpoint,
    ConcurrencyLimit,
    ConcurrencyScope,
    CronTrigger,
    Debounce,
    EventTrigger,
    FunctionConfig,
    RateLimit,
    RunConcurrency,
    Singleton,
    SingletonMode,
    Throttle,
    Timeouts,
)
from stepwell.wire.config_rules import validate
from stepwell.wire.registration import (
    Capabilities,
    RegisterInvalid,
    RegisterRequest,
    checksum,
    is_denied_sdk,
    parse_in_band,
    parse_register,
)

DATA = Path(__file__).parent / "data"
REGISTRATIONS = sorted(path.name for path in DATA.glob("register_*.json"))

STEP = {
    "id": "step",
    "name": "step",
    "runtime": {"type": "http", "url": "http://localhost:8000/api?fnId=shop-charge&stepId=step"},
}


def read(fixture: str) -> RegisterRequest:
    return parse_register((DATA / fixture).read_bytes())


def body_of(**function: Any) -> bytes:
    described = {"id": "shop-charge", "name": "Charge", "steps": {"step": STEP}} | function
    return msgspec.json.encode(
        {"appName": "shop", "url": "http://localhost:8000/api", "functions": [described]}
    )


def function_of(**function: Any) -> FunctionConfig:
    (config,) = parse_register(body_of(**function)).functions
    return config


def refusal_of(body: bytes) -> str:
    with pytest.raises(RegisterInvalid) as refused:
        parse_register(body)
    return str(refused.value)


class TestOfficialSdks:
    @pytest.mark.parametrize("fixture", REGISTRATIONS)
    def test_their_registrations_are_valid(self, fixture: str) -> None:
        assert validate(read(fixture)) == []

    @pytest.mark.parametrize("fixture", REGISTRATIONS)
    def test_their_functions_can_be_stored(self, fixture: str) -> None:
        functions = read(fixture).functions
        stored = msgspec.json.encode(functions)
        assert msgspec.json.decode(stored, type=tuple[FunctionConfig, ...]) == functions

    def test_python(self) -> None:
        request = read("register_python.json")
        assert (request.app_name, request.app_version) == ("bakery", "2026-03-01")
        assert (request.sdk_language, request.sdk_version) == ("py", "0.5.19")
        assert request.framework == "fast_api"
        assert request.url == "http://localhost:8000/api/inngest"
        assert request.protocol == "0.1"
        assert request.capabilities == Capabilities("v1", "v1", "v1")
        assert not request.is_connect
        bake, failure, sweep = request.functions
        assert bake == FunctionConfig(
            slug="bakery-bake-bread",
            name="Bake bread",
            url="http://localhost:8000/api/inngest?fnId=bakery-bake-bread&stepId=step",
            triggers=(
                EventTrigger(event="bakery/order.placed", expression="event.data.loaves > 0"),
                CronTrigger(cron="TZ=Europe/Rome 0 4 * * *", jitter="30s"),
            ),
            retries=3,
            concurrency=(
                ConcurrencyLimit(
                    limit=2, key="event.data.oven", scope=ConcurrencyScope.ENVIRONMENT
                ),
                ConcurrencyLimit(limit=10),
            ),
            throttle=Throttle(limit=5, period="1m", burst=1, key="event.data.shop"),
            rate_limit=RateLimit(limit=100, period="2h"),
            debounce=Debounce(period="10s", key="event.data.shop", timeout="5m"),
            priority="event.data.urgent ? 120 : 0",
            cancel=(
                CancelOn(
                    event="bakery/order.cancelled",
                    condition="async.data.id == event.data.id",
                    timeout="2h",
                ),
            ),
            timeouts=Timeouts(start="10m", finish="1d"),
            singleton=Singleton(mode=SingletonMode.SKIP, key="event.data.id"),
        )
        assert failure.slug == "bakery-bake-bread-failure"
        assert failure.attempts_max == 1
        assert sweep.batch == Batch(size_max=20, timeout="30s", key="event.data.shop")
        assert sweep.idempotency == "event.data.id"
        assert sweep.retries is None

    def test_typescript(self) -> None:
        request = read("register_typescript.json")
        assert (request.app_name, request.app_version) == ("florist", "7")
        assert (request.sdk_language, request.sdk_version) == ("js", "4.24.0")
        assert request.deploy_type == "ping"
        assert "extendedTraces" in json.loads(bytes(request.feature_observations))
        arrange, failure, sweep, number, pair = request.functions
        assert arrange.concurrency == (
            ConcurrencyLimit(limit=3, key="event.data.vase", scope=ConcurrencyScope.ACCOUNT),
        )
        assert arrange.throttle == Throttle(limit=2, period="1m", key="event.data.shop")
        # The SDK could not read "1d12h" and sent an empty text.
        assert arrange.cancel[0].timeout is None
        assert arrange.singleton == Singleton(mode=SingletonMode.CANCEL, key="event.data.id")
        assert failure.attempts_max == 2
        assert sweep.batch == Batch(
            size_max=50, timeout="10s", key="event.data.shop", condition="event.data.size < 3"
        )
        assert number.triggers == ()
        assert number.concurrency == (ConcurrencyLimit(limit=5),)
        assert [limit.scope for limit in pair.concurrency] == ["fn", "env"]

    def test_typescript_3(self) -> None:
        request = read("register_typescript_3.json")
        assert request.sdk_version == "3.54.2"
        assert [cancel.timeout for cancel in request.functions[0].cancel] == [
            "2h",
            None,
            "2027-01-01T00:00:00.000Z",
        ]

    def test_go(self) -> None:
        """Capital letters in keys and enums, two lists of limits, retries beside the step."""
        request = read("register_go_shaped.json")
        (page,) = request.functions
        assert page.singleton == Singleton(mode=SingletonMode.SKIP, key="event.data.page")
        assert page.concurrency == (
            ConcurrencyLimit(limit=2),
            ConcurrencyLimit(limit=8, key="event.data.printer", scope=ConcurrencyScope.ACCOUNT),
        )
        assert page.run_concurrency == RunConcurrency(limit=4, key="event.data.tray")
        assert page.retries == 2
        assert page.triggers == (EventTrigger(event="printer/page.queued"),)
        assert page.checkpoint == Checkpoint(
            batch_steps=5, batch_interval=2_000_000_000, max_runtime="5m"
        )


class TestKeys:
    def test_case_does_not_matter_at_any_level(self) -> None:
        request = parse_register(
            b'{"APPNAME":"shop","Url":"http://localhost/","FUNCTIONS":[{"ID":"a","Name":"A",'
            b'"Triggers":[{"Event":"e","EXPRESSION":"x"}],"BATCHEVENTS":{"MAXSIZE":2,"TimeOut":"1s",'
            b'"IF":"y"},"Steps":{"step":{"NAME":"step","Runtime":{"URL":"http://localhost/"},'
            b'"RETRIES":{"Attempts":1}}}}],"Capabilities":{"CONNECT":"v1"},"DeployType":"connect"}'
        )
        assert request.app_name == "shop"
        assert request.is_connect
        assert request.functions == (
            FunctionConfig(
                slug="a",
                name="A",
                url="http://localhost/",
                triggers=(EventTrigger(event="e", expression="x"),),
                retries=1,
                batch=Batch(size_max=2, timeout="1s", condition="y"),
            ),
        )

    def test_free_maps_keep_their_keys(self) -> None:
        observations = {"Some": {"FUNCTIONS": None, "x": [1]}}
        body = msgspec.json.encode({"appName": "a", "featureobservations": observations})
        assert json.loads(bytes(parse_register(body).feature_observations)) == observations

    def test_unknown_keys_are_ignored_and_null_is_absent(self) -> None:
        nulls = dict.fromkeys(
            ("triggers", "concurrency", "throttle", "priority", "cancel", "timeouts", "singleton")
        )
        assert function_of(**nulls, surprise={"x": 1}) == function_of()
        assert function_of(concurrency=[{"limit": 1, "scope": None}]).concurrency == (
            ConcurrencyLimit(limit=1),
        )

    def test_an_app_is_a_connect_app_only_if_it_says_so_twice(self) -> None:
        def is_connect(**request: Any) -> bool:
            return parse_register(msgspec.json.encode({"appName": "a", **request})).is_connect

        assert is_connect(deployType="connect", capabilities={"connect": "v1"})
        assert not is_connect(deployType="connect")
        assert not is_connect(deployType="ping", capabilities={"connect": "v1"})
        # Python's own spelling is no key of the protocol.
        assert not is_connect(deploy_type="connect", capabilities={"connect": "v1"})

    def test_an_almost_empty_request_can_be_read(self) -> None:
        assert parse_register(b"{}") == RegisterRequest(app_name="", url="")


class TestFunctions:
    def test_empty_texts_are_absent(self) -> None:
        config = function_of(
            triggers=[{"event": "e", "expression": ""}, {"cron": "* * * * *", "jitter": ""}],
            concurrency=[{"limit": 1, "key": ""}],
            debounce={"period": "1s", "key": "", "timeout": ""},
            priority={"run": ""},
            idempotency="",
            cancel=[{"event": "e", "if": "", "timeout": ""}],
            timeouts={"start": "", "finish": ""},
            checkpoint={"batch_interval": "", "max_runtime": ""},
        )
        assert config.triggers == (EventTrigger(event="e"), CronTrigger(cron="* * * * *"))
        assert config.concurrency == (ConcurrencyLimit(limit=1),)
        assert config.debounce == Debounce(period="1s")
        assert (config.priority, config.idempotency) == (None, None)
        assert config.cancel == (CancelOn(event="e"),)
        assert (config.timeouts, config.checkpoint) == (Timeouts(), Checkpoint())

    @pytest.mark.parametrize(
        ("concurrency", "limits"),
        [
            (5, (ConcurrencyLimit(limit=5),)),
            ({"limit": 5}, (ConcurrencyLimit(limit=5),)),
            ([{"limit": 5}], (ConcurrencyLimit(limit=5),)),
            ([], ()),
            ({}, (ConcurrencyLimit(limit=0),)),
            ({"step": [{"limit": 5}]}, (ConcurrencyLimit(limit=5),)),
            ({"fn": [{"limit": 5}]}, ()),
            ({"fn": [], "step": []}, ()),
            (None, ()),
            (0, (ConcurrencyLimit(limit=0),)),
            ({"limit": 5, "scope": None}, (ConcurrencyLimit(limit=5),)),
            (
                [{"limit": 5, "scope": "Env", "key": "k"}, {}],
                (
                    ConcurrencyLimit(limit=5, key="k", scope=ConcurrencyScope.ENVIRONMENT),
                    ConcurrencyLimit(limit=0),
                ),
            ),
        ],
    )
    def test_concurrency_has_many_forms(
        self, concurrency: Any, limits: tuple[ConcurrencyLimit, ...]
    ) -> None:
        assert function_of(concurrency=concurrency).concurrency == limits

    @pytest.mark.parametrize("limit", [{}, {"limit": 0}, {"limit": 1}])
    def test_a_throttle_without_limit_lets_one_run_start(self, limit: dict[str, int]) -> None:
        assert function_of(throttle=limit | {"period": "1m"}).throttle == Throttle(
            limit=1, period="1m"
        )

    def test_retries_of_the_step_win(self) -> None:
        step = STEP | {"retries": {"attempts": 0}}
        assert function_of(retries=7, steps={"step": step}).retries == 0
        assert function_of(retries=7).retries == 7

    def test_a_singleton_skips_unless_told_otherwise(self) -> None:
        assert function_of(singleton={}).singleton == Singleton(mode=SingletonMode.SKIP)

    def test_a_function_without_id_is_named_after_its_name(self) -> None:
        assert function_of(id="", name=" Charge: a Card! ").slug == "charge-a-card"

    def test_step_urls_are_normalised(self) -> None:
        step = STEP | {"runtime": {"url": "http://127.0.0.1:3000/x?stepId=step&fnId=a&probe=x"}}
        assert function_of(steps={"step": step}).url == (
            "http://localhost:3000/x?fnId=a&stepId=step"
        )


class TestUnreadable:
    @pytest.mark.parametrize(
        ("function", "message"),
        [
            ({"id": 5}, "functions[0].id: expected string"),
            ({"triggers": {}}, "functions[0].triggers: expected array"),
            ({"triggers": ["x"]}, "functions[0].triggers[0]: expected object"),
            (
                {"triggers": [{"event": "e"}, {"EVENT": 1}]},
                "functions[0].triggers[1].event: expected string",
            ),
            ({"concurrency": "5"}, "functions[0].concurrency: expected integer or object or array"),
            ({"concurrency": 1.5}, "functions[0].concurrency: expected integer or object or array"),
            (
                {"concurrency": [{"limit": True}]},
                "functions[0].concurrency[0].limit: expected integer",
            ),
            (
                {"concurrency": {"limit": 1, "scope": "zone"}},
                "functions[0].concurrency.scope: 'zone' is no ConcurrencyScope (fn, env, account)",
            ),
            (
                {"concurrency": {"fn": [{"scope": "app"}]}},
                "functions[0].concurrency.fn[0].scope: 'app' is no ConcurrencyScope (fn, env, account)",
            ),
            (
                {"singleton": {"mode": "Replace"}},
                "functions[0].singleton.mode: 'replace' is no SingletonMode (skip, cancel)",
            ),
            ({"singleton": {"mode": 1}}, "functions[0].singleton.mode: expected string"),
            ({"rateLimit": {"limit": "1"}}, "functions[0].rateLimit.limit: expected integer"),
            ({"rateLimit": {"period": 60}}, "functions[0].rateLimit.period: expected string"),
            ({"throttle": 5}, "functions[0].throttle: expected object"),
            ({"throttle": {"key": ["a"]}}, "functions[0].throttle.key: expected string"),
            ({"idempotency": {"key": "a"}}, "functions[0].idempotency: expected string"),
            ({"debounce": "10s"}, "functions[0].debounce: expected object"),
            ({"debounce": {"timeout": 1}}, "functions[0].debounce.timeout: expected string"),
            (
                {"batchEvents": {"maxSize": 1.5}},
                "functions[0].batchEvents.maxSize: expected integer",
            ),
            ({"priority": {"run": 5}}, "functions[0].priority.run: expected string"),
            ({"priority": "5"}, "functions[0].priority: expected object"),
            ({"timeouts": {"start": 60}}, "functions[0].timeouts.start: expected string"),
            ({"cancel": {"event": "e"}}, "functions[0].cancel: expected array"),
            ({"cancel": [{"if": True}]}, "functions[0].cancel[0].if: expected string"),
            ({"singleton": True}, "functions[0].singleton: expected object"),
            ({"retries": "3"}, "functions[0].retries: expected integer"),
            (
                {"throttle": {"limit": 10**30}},
                "functions[0].throttle.limit: expected integer of at most 64 bits",
            ),
            (
                {"concurrency": 2**63},
                "functions[0].concurrency: expected integer of at most 64 bits",
            ),
            (
                {"steps": {"step": {"retries": {"attempts": -(2**63) - 1}}}},
                "functions[0].steps[...].retries.attempts: expected integer of at most 64 bits",
            ),
            (
                {"batchEvents": {"maxSize": None, "if": 1}},
                "functions[0].batchEvents.if: expected string",
            ),
            (
                {"steps": {"step": {"runtime": {"url": 1}}}},
                "functions[0].steps[...].runtime.url: expected string",
            ),
            (
                {"checkpoint": {"max_runtime": []}},
                "functions[0].checkpoint.max_runtime: expected integer or string",
            ),
        ],
    )
    def test_the_message_names_the_place_and_the_type(
        self, function: dict[str, Any], message: str
    ) -> None:
        assert refusal_of(body_of(**function)) == message

    def test_the_body_itself(self) -> None:
        assert refusal_of(b"[]") == "body: expected object"
        assert refusal_of(b'{"functions":{}}') == "functions: expected array"
        assert refusal_of(b"").startswith("not JSON: ")
        assert refusal_of(b'{"appName":').startswith("not JSON: ")
        assert refusal_of(b'{"appName":"\xff"}').startswith("not JSON: ")
        assert refusal_of(b"[" * 100_000) == "nested too deeply"


class TestChecksum:
    def test_spelling_order_and_observations_do_not_matter(self) -> None:
        original = {"appName": "shop", "url": "http://127.0.0.1:80/x", "v": "1"}
        same = {"v": "1", "URL": "http://127.0.0.1/x", "appname": "shop", "featureObservations": {}}
        digest = checksum(parse_register(msgspec.json.encode(original)))
        assert digest == checksum(parse_register(msgspec.json.encode(same)))
        assert len(digest) == 64
        assert set(digest) <= set("0123456789abcdef")

    @pytest.mark.parametrize(
        "change",
        [
            {"v": "2"},
            {"appVersion": "2"},
            {"sdk": "py:v2"},
            {"url": "http://localhost/y"},
            {"capabilities": {"connect": "v1"}},
            {"functions": [{"id": "a", "name": "A", "retries": 1}]},
        ],
    )
    def test_everything_else_matters(self, change: dict[str, Any]) -> None:
        original = {"appName": "shop", "url": "http://localhost/x", "v": "1", "functions": []}
        changed = original | change
        assert checksum(parse_register(msgspec.json.encode(original))) != checksum(
            parse_register(msgspec.json.encode(changed))
        )


class TestDeniedSdks:
    @pytest.mark.parametrize(
        ("sdk", "is_denied"),
        [
            ("js:v3.21.9", False),
            ("js:v3.22.0-beta.1", False),
            ("js:v3.22.0", True),
            ("js:3.40.1", True),
            ("js:v3.53.1-rc.1", True),
            ("js:v3.53.1", True),
            ("js:v3.53.2", False),
            ("js:v3.54.0", False),
            ("js:v4.0.0", False),
            ("py:v3.30.0", False),
            ("js:", False),
            ("js", False),
            ("", False),
        ],
    )
    def test_only_versions_with_the_hole_are_denied(self, sdk: str, is_denied: bool) -> None:
        body = msgspec.json.encode({"appName": "a", "sdk": sdk})
        assert is_denied_sdk(parse_register(body)) is is_denied


class TestInBand:
    def test_python(self) -> None:
        request = parse_in_band((DATA / "in_band_python.json").read_bytes())
        assert (request.app_name, request.framework) == ("bakery", "fast_api")
        assert (request.sdk_language, request.sdk_version) == ("py", "0.5.19")
        assert request.url == "http://localhost:8000/api/inngest"
        assert request.capabilities == Capabilities("v1", "v1", "v1")
        assert [function.slug for function in request.functions] == ["bakery-sweep2"]
        assert validate(request) == []

    def test_typescript(self) -> None:
        request = parse_in_band((DATA / "in_band_typescript.json").read_bytes())
        assert (request.app_name, request.app_version) == ("florist", "7")
        assert (request.sdk_language, request.sdk_version) == ("js", "4.24.0")
        assert request.capabilities == Capabilities(trust_probe="v1", connect="v1")
        assert [function.slug for function in request.functions] == ["florist-arrange"]
        assert "sendEvents" in json.loads(bytes(request.feature_observations))
        assert validate(request) == []

    def test_the_sdk_may_be_named_in_one_text_only(self) -> None:
        """TypeScript leaves language and version empty in dev mode."""
        request = parse_in_band(b'{"app_id":"a","sdk_language":"","sdk":"js:v4.1.0"}')
        assert (request.sdk_language, request.sdk_version) == ("js", "4.1.0")

    def test_a_wrong_type_is_named(self) -> None:
        with pytest.raises(RegisterInvalid, match=r"^app_id: expected string$"):
            parse_in_band(b'{"app_id":5}')
