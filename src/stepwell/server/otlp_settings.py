"""Where runs and steps are exported to, from our settings or from OpenTelemetry's variables.

Source: OpenTelemetry specification, "OTLP exporter configuration" and "SDK configuration".
"""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from stepwell.server.errors import SettingInvalid

__all__ = ["OtlpProtocol", "OtlpSettings", "otlp_settings"]

_VARIABLE: Final = "OTEL_EXPORTER_OTLP"
_TRACES_PATH: Final = "/v1/traces"
_SERVICE: Final = "stepwell"
_TIMEOUT_S: Final = 10.0
_TIMEOUT_MS_DIGITS_MAX: Final = 6
_HEADERS_MAX: Final = 64
_NO_URL: Final = "must be an http or https URL without user name and password"
_GRPC_MISSING: Final = "gRPC needs grpcio; install stepwell[otlp], or use http/protobuf"
_RESOURCE_MAX: Final = 64


class OtlpProtocol(enum.Enum):
    """How a collector is spoken to."""

    HTTP = "http/protobuf"
    GRPC = "grpc"


# A dataclass and not a Struct: serialisers and pretty printers show the fields of a Struct.
@dataclass(frozen=True, slots=True, kw_only=True)
class OtlpSettings:
    """A collector.

    Attributes:
        url: Where spans go; for gRPC only scheme, host and port count.
        headers: Sent with every request; they may be secret.
        timeout_s: For one request.
        resource: Attributes of this server.
    """

    url: str
    protocol: OtlpProtocol = OtlpProtocol.HTTP
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    timeout_s: float = _TIMEOUT_S
    resource: Mapping[str, str] = field(default_factory=lambda: {"service.name": _SERVICE})


def otlp_settings(values: Mapping[str, Any], environ: Mapping[str, str]) -> OtlpSettings | None:
    """The collector, or None to export nothing, which is the default.

    What is given to this program wins over variables that OpenTelemetry defines for all programs.

    Args:
        values: Settings by option name.
        environ: The environment variables.

    Raises:
        SettingInvalid: A value cannot be used. Values of headers are not told.
    """
    protocol = _protocol(values, environ)
    url = _url(values, environ, protocol)
    if url is None:
        return None
    if protocol is OtlpProtocol.GRPC and find_spec("grpc") is None:
        raise SettingInvalid("otlp-protocol", f"--otlp-protocol: {_GRPC_MISSING}")
    return OtlpSettings(
        url=url,
        protocol=protocol,
        headers=_headers(values, environ),
        timeout_s=_timeout_s(environ),
        resource=_resource(environ),
    )


def _url(
    values: Mapping[str, Any], environ: Mapping[str, str], protocol: OtlpProtocol
) -> str | None:
    base: str = values.get("otlp-endpoint", "")
    source, is_base = "--otlp-endpoint", True
    if not base and not _is_switched_off(environ):
        source = f"{_VARIABLE}_TRACES_ENDPOINT"
        base, is_base = environ.get(source, ""), False
        if not base:
            source = f"{_VARIABLE}_ENDPOINT"
            base, is_base = environ.get(source, ""), True
    if not base:
        return None
    if not _is_url(base):
        raise SettingInvalid("otlp-endpoint", f"{source}: {_NO_URL}")
    # The one variable names the place for traces, the other that of all signals.
    if is_base and protocol is OtlpProtocol.HTTP and not base.endswith(_TRACES_PATH):
        return base.rstrip("/") + _TRACES_PATH
    return base


def _is_url(text: str) -> bool:
    # Commands that only show their help read settings, too, so the client to apps is not asked.
    try:
        parts = urlsplit(text)
        has_port = parts.port != 0
    except ValueError:
        return False
    is_known = parts.scheme in {"http", "https"} and bool(parts.hostname)
    return is_known and has_port and "@" not in parts.netloc and text.isprintable()


def _is_switched_off(environ: Mapping[str, str]) -> bool:
    """Whether OpenTelemetry's own switches say that programs export no traces over OTLP."""
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return True
    exporters = environ.get("OTEL_TRACES_EXPORTER", "")
    return bool(exporters) and "otlp" not in exporters.replace(" ", "").split(",")


def _protocol(values: Mapping[str, Any], environ: Mapping[str, str]) -> OtlpProtocol:
    source, text = "--otlp-protocol", values.get("otlp-protocol", "")
    for variable in (f"{_VARIABLE}_TRACES_PROTOCOL", f"{_VARIABLE}_PROTOCOL"):
        if not text and (text := environ.get(variable, "")):
            source = variable
    try:
        return OtlpProtocol(text.lower()) if text else OtlpProtocol.HTTP
    except ValueError:
        known = " nor ".join(protocol.value for protocol in OtlpProtocol)
        raise SettingInvalid("otlp-protocol", f"{source}: {text!r} is neither {known}") from None


def _headers(values: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    given: Sequence[str] = values.get("otlp-headers", ())
    if given:
        return _pairs("--otlp-headers", given, is_encoded=False)
    for variable in (f"{_VARIABLE}_TRACES_HEADERS", f"{_VARIABLE}_HEADERS"):
        if text := environ.get(variable, ""):
            parts = [part for part in text.split(",") if part.strip()]
            return _pairs(variable, parts, is_encoded=True)
    return ()


def _pairs(source: str, parts: Sequence[str], *, is_encoded: bool) -> tuple[tuple[str, str], ...]:
    pairs = []
    for part in parts[: _HEADERS_MAX + 1]:
        name, sign, value = part.partition("=")
        name, value = name.strip().lower(), value.strip()
        if is_encoded:
            value = unquote(value)
        is_name = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
        if not sign or not is_name or not value.isprintable() or not value.isascii():
            raise SettingInvalid("otlp-headers", f"{source}: each must be NAME=VALUE, in ASCII")
        pairs.append((name, value))
    if len(pairs) > _HEADERS_MAX:
        raise SettingInvalid("otlp-headers", f"{source}: more than {_HEADERS_MAX} headers")
    return tuple(pairs)


def _timeout_s(environ: Mapping[str, str]) -> float:
    for variable in (f"{_VARIABLE}_TRACES_TIMEOUT", f"{_VARIABLE}_TIMEOUT"):
        text = environ.get(variable, "")
        if text.isascii() and text.isdecimal() and 0 < len(text) <= _TIMEOUT_MS_DIGITS_MAX:
            return max(int(text), 1) / 1000
    return _TIMEOUT_S


def _resource(environ: Mapping[str, str]) -> dict[str, str]:
    resource = {"service.name": _SERVICE}
    for part in environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(",")[:_RESOURCE_MAX]:
        name, sign, value = part.partition("=")
        if sign and name.strip():
            resource[unquote(name.strip())] = unquote(value.strip())
    if name := environ.get("OTEL_SERVICE_NAME", ""):
        resource["service.name"] = name
    return resource
