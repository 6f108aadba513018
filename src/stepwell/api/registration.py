"""`/fn`: where apps register and are removed, and the limits that test suites change.

Source: SDK protocol, 4.3 to 4.7; HTTP APIs, 5.2 and 5.3.
"""

import re
from collections.abc import Callable
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl

import msgspec
from msgspec import Meta
from starlette.types import ASGIApp, Receive, Scope, Send

from stepwell.api.body import header, headers_of, read_body
from stepwell.api.errors import send_error
from stepwell.api.openapi import (
    Body,
    Declaration,
    DeclarationTable,
    Parameter,
    Tag,
    Uuid,
    empty,
    json,
    one_of,
    refused,
)
from stepwell.api.responses import EMPTY, JSON, encode_json, send_answer, send_json
from stepwell.api.services import RouteTable, ServerKind
from stepwell.core.identity import FunctionId
from stepwell.core.registration import Refusal
from stepwell.engine.registry import Registry
from stepwell.wire import headers as wire_headers
from stepwell.wire.registration import RegisterInvalid, parse_register

__all__ = ["DECLARATIONS", "REGISTER_BYTES_MAX", "RegistrationApi"]

#: A function takes one or two KiB, so this is enough for thousands.
REGISTER_BYTES_MAX: Final = 16 * 1024 * 1024
_FORM_BYTES_MAX: Final = 64 * 1024
_FORM: Final = "application/x-www-form-urlencoded"

_EXPECTED_SERVER_KIND: Final = wire_headers.EXPECTED_SERVER_KIND.encode()
_PLATFORM: Final = wire_headers.PLATFORM.encode()
_POSITIVE: Final = re.compile(r"0*[1-9][0-9]{0,17}", re.ASCII)


class RegisteredAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a registration.

    Attributes:
        modified: Whether anything is different from the registration before.
    """

    ok: bool = True
    modified: bool
    sync_id: Uuid
    app_id: Uuid


class EarlyRefusal(msgspec.Struct, frozen=True):
    """What is wrong before an app is known; the protocol has no status in it."""

    error: str


class SentApp(msgspec.Struct, frozen=True, kw_only=True, rename={"app_name": "appname"}):
    """An app with its functions, as SDKs register it.

    Attributes:
        url: Where the app serves its functions.
        app_name: The app's own id.
        functions: In the spelling of the SDKs.
    """

    url: Annotated[str, Meta(min_length=1)]
    app_name: Annotated[str, Meta(min_length=1)]
    functions: list[dict[str, Any]]
    sdk: str = ""
    v: str = "0.1"
    deploy_type: str = msgspec.field(name="deployType", default="ping")
    framework: str = ""


class LimitForm(msgspec.Struct, frozen=True, kw_only=True, rename={"function_id": "functionId"}):
    """The parameters as a form; those of the query count."""

    function_id: str | msgspec.UnsetType = msgspec.UNSET
    limit: int | msgspec.UnsetType = msgspec.UNSET


def _limit_declarations(name: str, title: str, words: str) -> dict[str, Declaration]:
    function = Parameter("functionId", str, "The function's id")
    limit = Parameter("limit", Annotated[int, Meta(ge=1)], "The limit")
    form = Body(LimitForm, media_type=_FORM, is_required=False)
    return {
        "POST": Declaration(
            f"set{title}",
            f"Set the {name} of a function until the server is restarted",
            Tag.SDK,
            parameters=(function, limit),
            body=form,
            answers=(
                empty(),
                refused(400, "Invalid limit: …"),
                refused(404, "Function not found: …"),
            ),
        ),
        "DELETE": Declaration(
            f"unset{title}",
            f"Remove the {name} of a function",
            Tag.SDK,
            parameters=(function,),
            body=form,
            answers=(empty(), refused(404, f"No {words} set for function: …")),
        ),
    }


DECLARATIONS: Final[DeclarationTable] = {
    "/fn/register": {
        "POST": Declaration(
            "registerApp",
            "Register an app with its functions",
            Tag.SDK,
            text="Answers when they are on disk.",
            parameters=(
                Parameter(
                    wire_headers.EXPECTED_SERVER_KIND,
                    Annotated[str, one_of("dev", "cloud")],
                    "Of which kind the server has to be",
                    place="header",
                ),
            ),
            body=Body(SentApp),
            answers=(
                json(RegisteredAnswer),
                refused(400, "Expected server kind …", "Invalid request: …", kind=EarlyRefusal),
                refused(400, "App ID required", "At least one function is invalid"),
            ),
        )
    },
    "/fn/remove": {
        "DELETE": Declaration(
            "removeApp",
            "Remove an app",
            Tag.SDK,
            parameters=(Parameter("url", str, "Where the app is", is_required=True),),
            answers=(empty(), refused(404, "App not found: …")),
        )
    },
    "/fn/step-limit": _limit_declarations("number of steps", "StepLimit", "step limit"),
    "/fn/state-size-limit": _limit_declarations(
        "size of the state", "StateSizeLimit", "state size limit"
    ),
}


class RegistrationApi:
    """Lets apps in and out."""

    def __init__(self, registry: Registry, server_kind: ServerKind) -> None:
        self._registry = registry
        self._server_kind = server_kind

    def routes(self) -> RouteTable:
        """Where it is mounted."""
        registry = self._registry
        steps = _LimitEndpoint("step limit", registry, registry.set_steps_max)
        state_bytes = _LimitEndpoint("state size limit", registry, registry.set_state_bytes_max)
        return {
            "/fn/register": {"POST": self.register},
            "/fn/remove": {"DELETE": self.remove},
            "/fn/step-limit": steps.methods(),
            "/fn/state-size-limit": state_bytes.methods(),
        }

    async def register(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take over an app and its functions; answers 200 when they are durable.

        Source: SDK protocol, 4.5 and 4.7.
        """
        headers = headers_of(scope)
        body = await read_body(headers, receive, bytes_max=REGISTER_BYTES_MAX)
        expected = header(headers, _EXPECTED_SERVER_KIND)
        if expected and expected != self._server_kind:
            await _send_early_error(
                send, f"Expected server kind {self._server_kind}, got {expected}"
            )
            return
        try:
            request = parse_register(body)
        except RegisterInvalid as invalid:
            await _send_early_error(send, f"Invalid request: {invalid}")
            return
        platform = header(headers, _PLATFORM) or ""
        registration = await self._registry.register(request, platform=platform)
        if registration.refusal is not None:
            await _send_refusal(send, registration.refusal)
            return
        assert registration.app is not None
        answer = RegisteredAnswer(
            modified=registration.modified,
            sync_id=registration.sync_id,
            app_id=registration.app.id,
        )
        await send_json(send, 200, answer)

    async def remove(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Archive the app at the URL that the query names."""
        url = _query(scope).get("url", "")
        if await self._registry.remove(url):
            await send_answer(send, 200, EMPTY)
        else:
            await send_error(send, 404, f"App not found: {url}")


class _LimitEndpoint:
    """A limit of one function's runs, in memory; parameters may stand in query or form.

    Source: HTTP APIs, 5.3.
    """

    def __init__(
        self, name: str, registry: Registry, set_limit: Callable[[FunctionId, int | None], bool]
    ) -> None:
        self._name = name
        self._registry = registry
        self._set_limit = set_limit

    def methods(self) -> dict[str, ASGIApp]:
        return {"POST": self.set, "DELETE": self.unset}

    async def set(self, scope: Scope, receive: Receive, send: Send) -> None:
        parameters = await _parameters(scope, receive)
        limit = parameters.get("limit", "")
        if _POSITIVE.fullmatch(limit) is None:
            await send_error(send, 400, f"Invalid limit: {limit}")
            return
        function_id = FunctionId(parameters.get("functionId", ""))
        # Limits for ids that nobody knows would only take up memory.
        if self._registry.functions.get(function_id) is None:
            await send_error(send, 404, f"Function not found: {function_id}")
            return
        self._set_limit(function_id, int(limit))
        await send_answer(send, 200, EMPTY)

    async def unset(self, scope: Scope, receive: Receive, send: Send) -> None:
        parameters = await _parameters(scope, receive)
        function_id = FunctionId(parameters.get("functionId", ""))
        if self._set_limit(function_id, None):
            await send_answer(send, 200, EMPTY)
        else:
            await send_error(send, 404, f"No {self._name} set for function: {function_id}")


async def _send_early_error(send: Send, message: str) -> None:
    """The answer to what is wrong before an app is known; the protocol has no status in it.

    Source: SDK protocol, 4.5.
    """
    await send_answer(send, 400, encode_json(EarlyRefusal(message)) + b"\n", headers=(JSON,))


async def _send_refusal(send: Send, refusal: Refusal) -> None:
    """As the protocol says, with the problems as data where it has none."""
    body: dict[str, Any] = {"code": refusal.code} if refusal.code else {}
    data = {"problems": refusal.problems} if refusal.problems else None
    body |= {"error": refusal.message, "data": data, "status": refusal.status}
    await send_answer(send, refusal.status, encode_json(body) + b"\n", headers=(JSON,))


def _query(scope: Scope) -> dict[str, str]:
    query: bytes = scope["query_string"]
    return _decoded(query)


async def _parameters(scope: Scope, receive: Receive) -> dict[str, str]:
    """Of query and form; those of the query count."""
    headers = headers_of(scope)
    body = await read_body(headers, receive, bytes_max=_FORM_BYTES_MAX)
    content_type = header(headers, b"content-type") or ""
    is_form = content_type.partition(";")[0].strip().lower() == _FORM
    return (_decoded(body) if is_form else {}) | _query(scope)


def _decoded(form: bytes) -> dict[str, str]:
    """Fields by name, the first of several; none of a form that nobody writes in earnest."""
    try:
        pairs = parse_qsl(form.decode("latin-1"), keep_blank_values=True, max_num_fields=100)
    except ValueError:
        return {}
    return dict(reversed(pairs))
