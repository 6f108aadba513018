"""From our settings and OpenTelemetry's variables to a collector, or to none."""

from collections.abc import Mapping
from typing import Any

import pytest

from stepwell.server.errors import SettingInvalid
from stepwell.server.otlp_settings import OtlpProtocol, OtlpSettings, otlp_settings

BASE = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACES = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"


def resolved(values: Mapping[str, Any] | None = None, **environ: str) -> OtlpSettings | None:
    return otlp_settings(values or {}, environ)


def given(values: Mapping[str, Any] | None = None, **environ: str) -> OtlpSettings:
    settings = resolved({"otlp-endpoint": "http://collector:4318"} | dict(values or {}), **environ)
    assert settings is not None
    return settings


def test_nothing_is_exported_by_default() -> None:
    assert resolved() is None
    assert resolved({"otlp-headers": ("a=b",)}, OTEL_SERVICE_NAME="shop") is None


def test_a_collector_needs_only_an_address() -> None:
    assert resolved({"otlp-endpoint": "http://collector:4318"}) == OtlpSettings(
        url="http://collector:4318/v1/traces",
        protocol=OtlpProtocol.HTTP,
        headers=(),
        timeout_s=10.0,
        resource={"service.name": "stepwell"},
    )


@pytest.mark.parametrize(
    ("values", "environ", "url"),
    [
        ({}, {BASE: "http://c:4318"}, "http://c:4318/v1/traces"),
        ({}, {BASE: "http://c:4318/otlp/"}, "http://c:4318/otlp/v1/traces"),
        ({}, {TRACES: "http://c:4318/mine", BASE: "http://other"}, "http://c:4318/mine"),
        ({"otlp-endpoint": "https://c/v1/traces"}, {BASE: "http://o"}, "https://c/v1/traces"),
        ({"otlp-endpoint": "http://c"}, {TRACES: "http://o"}, "http://c/v1/traces"),
        ({"otlp-endpoint": "http://c:1", "otlp-protocol": "grpc"}, {}, "http://c:1"),
    ],
)
def test_our_settings_win_and_the_address_is_completed(
    values: dict[str, str], environ: dict[str, str], url: str
) -> None:
    settings = resolved(values, **environ)

    assert settings is not None
    assert settings.url == url


@pytest.mark.parametrize(
    "switch",
    [
        {"OTEL_SDK_DISABLED": "true"},
        {"OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_TRACES_EXPORTER": "console, zipkin"},
    ],
)
def test_switches_for_all_programs_hold_for_variables_for_all_programs(
    switch: dict[str, str],
) -> None:
    assert resolved(None, **switch, **{BASE: "http://c"}) is None
    assert resolved({"otlp-endpoint": "http://c"}, **switch) is not None
    assert resolved(None, OTEL_TRACES_EXPORTER="otlp", **{BASE: "http://c"}) is not None


def test_the_protocol_is_taken_from_the_nearest_place() -> None:
    variables = {
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
    }

    assert given({"otlp-protocol": "grpc"}, **variables).protocol is OtlpProtocol.GRPC
    assert given(None, **variables).protocol is OtlpProtocol.HTTP
    assert given(None, OTEL_EXPORTER_OTLP_PROTOCOL="grpc").protocol is OtlpProtocol.GRPC


def test_headers_are_named_in_settings_or_variables() -> None:
    encoded = "api-key=a%20b, X-Team=c=d,"

    assert given({"otlp-headers": ("Api-Key=s%20t", "b=")}).headers == (
        ("api-key", "s%20t"),
        ("b", ""),
    )
    assert given(None, OTEL_EXPORTER_OTLP_HEADERS=encoded).headers == (
        ("api-key", "a b"),
        ("x-team", "c=d"),
    )


def test_headers_are_not_shown() -> None:
    assert "s3cr3t" not in repr(given({"otlp-headers": ("api-key=s3cr3t",)}))


def test_the_server_says_who_it_is() -> None:
    settings = given(
        None,
        OTEL_RESOURCE_ATTRIBUTES="deployment.environment=prod,service.name=x,bad,k=a%2Cb",
        OTEL_SERVICE_NAME="shop",
        OTEL_EXPORTER_OTLP_TIMEOUT="2500",
    )

    assert settings.timeout_s == 2.5
    assert settings.resource == {
        "service.name": "shop",
        "deployment.environment": "prod",
        "k": "a,b",
    }


@pytest.mark.parametrize("timeout", ["soon", "-1", "", "99999999"])
def test_a_timeout_that_is_none_is_the_default(timeout: str) -> None:
    assert given(None, OTEL_EXPORTER_OTLP_TIMEOUT=timeout).timeout_s == 10.0


@pytest.mark.parametrize(
    ("values", "environ", "message"),
    [
        ({"otlp-endpoint": "collector:4318"}, {}, "--otlp-endpoint: must be an http"),
        ({"otlp-endpoint": "http://u:s3cr3t@c"}, {}, "--otlp-endpoint: must be an http"),
        ({"otlp-endpoint": "http://c:0"}, {}, "--otlp-endpoint: must be an http"),
        ({"otlp-endpoint": "http://c:x"}, {}, "--otlp-endpoint: must be an http"),
        ({"otlp-endpoint": "http://"}, {}, "--otlp-endpoint: must be an http"),
        ({}, {BASE: "ftp://c"}, f"{BASE}: must be an http"),
        ({"otlp-endpoint": "http://c", "otlp-protocol": "udp"}, {}, "is neither http/protobuf"),
        ({"otlp-endpoint": "http://c", "otlp-headers": ("s3cr3t",)}, {}, "must be NAME=VALUE"),
        ({"otlp-endpoint": "http://c", "otlp-headers": ("a b=s3cr3t",)}, {}, "must be NAME=VALUE"),
        ({"otlp-endpoint": "http://c", "otlp-headers": ("a=s3cr3t\n",) * 2}, {}, None),
        ({"otlp-endpoint": "http://c", "otlp-headers": ("a=s3cr3té",)}, {}, "must be NAME=VALUE"),
        ({"otlp-endpoint": "http://c", "otlp-headers": ("a=b",) * 65}, {}, "more than 64 headers"),
    ],
)
def test_what_cannot_be_used_is_told_without_secrets(
    values: dict[str, Any], environ: dict[str, str], message: str | None
) -> None:
    if message is None:
        assert resolved(values, **environ) is not None, "white space at the ends does not count"
        return
    with pytest.raises(SettingInvalid, match=message) as raised:
        resolved(values, **environ)

    assert "s3cr3t" not in str(raised.value)
