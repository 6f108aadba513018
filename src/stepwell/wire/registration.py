"""What an app's SDK sends when it registers its functions, read into typed values.

Reading takes three steps: keys get their proper spelling, whatever case an SDK uses for them
(`registration_keys`); types are checked here; then the wire's many ways to say one thing become one
(`sent_functions`). What a *value* may be is the business of `config_rules`.
"""

import hashlib
import re
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from stepwell.wire.config import ConcurrencyScope, ConfigProblem, FunctionConfig, SingletonMode
from stepwell.wire.registration_keys import IN_BAND_KEYS, REGISTER_KEYS, Keys, with_proper_keys
from stepwell.wire.sdk_url import normalise_url
from stepwell.wire.sent_functions import SentFunction, function_configs

__all__ = [
    "Capabilities",
    "RegisterInvalid",
    "RegisterRequest",
    "checksum",
    "is_denied_sdk",
    "parse_in_band",
    "parse_register",
]


_NULL = msgspec.Raw(b"null")
#: A function takes four to fifteen, so this is enough for tens of thousands.
_OBJECTS_MAX = 250_000


class RegisterInvalid(ValueError):
    """A registration cannot be read; the message names the place, such as `functions[0].id`.

    Answered as `{"error":"Invalid request: <message>"}` with status 400.
    """


class Capabilities(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the SDK says it can do: "v1", or empty if it cannot."""

    in_band_sync: str = ""
    trust_probe: str = ""
    connect: str = ""


class RegisterRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A whole registration. URLs are normalised; the functions are not validated yet.

    Attributes:
        app_name: The app's id. Empty is answered with "App ID required".
        url: The SDK endpoint; empty only if the SDK sent none.
        sdk_language: Such as `py`.
        sdk_version: Such as `0.5.18`, without the `v` some SDKs write before it.
        protocol: The `v` of the request.
        functions: In the order they were sent.
        problems: What a `FunctionConfig` cannot express; `validate` returns these, too.
        feature_observations: JSON text, kept for display only; `null` if the SDK sent none.

    Source: SDK protocol, 4.3.
    """

    app_name: str
    url: str
    sdk_language: str = ""
    sdk_version: str = ""
    framework: str = ""
    app_version: str = ""
    protocol: str = ""
    deploy_type: str = ""
    capabilities: Capabilities = Capabilities()
    functions: tuple[FunctionConfig, ...] = ()
    problems: tuple[ConfigProblem, ...] = ()
    feature_observations: msgspec.Raw = _NULL

    @property
    def is_connect(self) -> bool:
        """Whether the app connects to the server instead of being called by it."""
        return self.deploy_type == "connect" and self.capabilities.connect == "v1"


class _WireRegister(msgspec.Struct, frozen=True, rename="camel"):
    v: str = ""
    url: str = ""
    deploy_type: str = ""
    sdk: str = ""
    framework: str = ""
    app_name: str = ""
    app_version: str = ""
    functions: tuple[SentFunction, ...] = ()
    capabilities: Capabilities = Capabilities()
    feature_observations: Any = None


class _WireInspection(msgspec.Struct, frozen=True):
    capabilities: Capabilities = Capabilities()


class _WireInBand(msgspec.Struct, frozen=True):
    app_id: str = ""
    appVersion: str = ""  # noqa: N815 - the answer mixes both spellings
    framework: str = ""
    functions: tuple[SentFunction, ...] = ()
    inspection: _WireInspection = _WireInspection()
    sdk_language: str = ""
    sdk_version: str = ""
    sdk: str = ""
    url: str = ""
    capabilities: Capabilities | None = None
    featureObservations: Any = None  # noqa: N815


def parse_register(body: bytes) -> RegisterRequest:
    """Read the body of `POST /fn/register`.

    Keys are matched without regard to case, unknown ones are ignored, and null counts as absent.

    Raises:
        RegisterInvalid: Not JSON, a value of a wrong type, or far too many functions or entries.

    Source: SDK protocol, 4.3 and 4.6 (step 1).
    """
    wire = _converted(body, REGISTER_KEYS, _WireRegister)
    language, version = _sdk(wire.sdk)
    functions, problems = function_configs(wire.functions)
    return RegisterRequest(
        app_name=wire.app_name,
        url=normalise_url(wire.url),
        sdk_language=language,
        sdk_version=version,
        framework=wire.framework,
        app_version=wire.app_version,
        protocol=wire.v,
        deploy_type=wire.deploy_type,
        capabilities=wire.capabilities,
        functions=functions,
        problems=problems,
        feature_observations=_opaque(wire.feature_observations),
    )


def parse_in_band(body: bytes) -> RegisterRequest:
    """Read an SDK's answer to an in-band sync, which describes the app like a registration.

    Raises:
        RegisterInvalid: As `parse_register`.

    Source: SDK protocol, 4.8.
    """
    wire = _converted(body, IN_BAND_KEYS, _WireInBand)
    language, version = _sdk(wire.sdk)
    functions, problems = function_configs(wire.functions)
    return RegisterRequest(
        app_name=wire.app_id,
        url=normalise_url(wire.url),
        # TypeScript leaves both empty when it takes the server for a dev server.
        sdk_language=wire.sdk_language or language,
        sdk_version=wire.sdk_version.removeprefix("v") or version,
        framework=wire.framework,
        app_version=wire.appVersion,
        # Only TypeScript repeats them outside of the inspection.
        capabilities=wire.capabilities or wire.inspection.capabilities,
        functions=functions,
        problems=problems,
        feature_observations=_opaque(wire.featureObservations),
    )


def checksum(request: RegisterRequest) -> str:
    """What changes exactly if the registration means something else: 64 hex digits.

    The order of keys, their case and the SDK's feature observations do not matter.

    Source: SDK protocol, 4.6 (step 2).
    """
    registered = msgspec.structs.replace(request, feature_observations=_NULL)
    return hashlib.sha256(msgspec.json.encode(registered)).hexdigest()


_SDK_VERSION = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})(-)?")
_DENIED_FIRST = (3, 22, 0, True)
_DENIED_LAST = (3, 53, 1, True)


def is_denied_sdk(request: RegisterRequest) -> bool:
    """Whether the app uses a TypeScript SDK with a known security hole: 3.22.0 to 3.53.1.

    Source: SDK protocol, 4.5.
    """
    match = _SDK_VERSION.match(request.sdk_version)
    if request.sdk_language != "js" or match is None:
        return False
    # A pre-release comes before its release, and False before True.
    version = (int(match[1]), int(match[2]), int(match[3]), match[4] is None)
    return _DENIED_FIRST <= version <= _DENIED_LAST


_Sent = TypeVar("_Sent", _WireRegister, _WireInBand)


def _converted(body: bytes, keys: Keys, kind: type[_Sent]) -> _Sent:
    if body.count(b"{") > _OBJECTS_MAX:
        # Whatever they are, going through them would hold up everything else for seconds.
        raise RegisterInvalid(f"more than {_OBJECTS_MAX} objects; register several smaller apps")
    try:
        decoded = msgspec.json.decode(body)
        return msgspec.convert(with_proper_keys(decoded, keys), kind)
    except msgspec.ValidationError as error:
        raise RegisterInvalid(_explained(str(error))) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RegisterInvalid(f"not JSON: {error}") from error
    except RecursionError as error:
        raise RegisterInvalid("nested too deeply") from error


_ERROR = re.compile(
    r"(?:Expected `(?P<expected>[^`]+)`(?:, got `[^`]+`|(?P<range> [<>]= -?\d+))"
    r"|Invalid enum value (?P<value>.+?))"
    r"(?: - at `\$\.?(?P<path>[^`]*)`)?$"
)
_TYPE_NAMES = {"str": "string", "int": "integer", "bool": "boolean", "float": "number"}
_ENUMS: dict[str, type[StrEnum]] = {"scope": ConcurrencyScope, "mode": SingletonMode}


def _explained(message: str) -> str:
    """The message of msgspec with the place first, in the words of JSON."""
    match = _ERROR.match(message)
    if match is None:
        return message
    path = match["path"] or "body"
    if match["value"]:
        values = _ENUMS[path.rpartition(".")[2]]
        return f"{path}: {match['value']} is no {values.__name__} ({', '.join(values)})"
    if match["range"]:
        return f"{path}: expected integer of at most 64 bits"
    kinds = [kind for kind in match["expected"].split(" | ") if kind != "null"]
    return f"{path}: expected {' or '.join(_TYPE_NAMES.get(kind, kind) for kind in kinds)}"


def _sdk(sdk: str) -> tuple[str, str]:
    """Language and version of `py:v0.5.18`."""
    language, _, version = sdk.partition(":")
    return language, version.removeprefix("v")


def _opaque(value: Any) -> msgspec.Raw:
    return _NULL if value is None else msgspec.Raw(msgspec.json.encode(value))
