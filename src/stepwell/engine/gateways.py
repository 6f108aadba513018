"""Requests that the server makes for steps: those that wait for their turn, and those under way.

What is sent may hold credentials, so it is only ever here, in memory. A request that is not here
when its turn comes, after a restart or because too much waited, has to be reported by its SDK
again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol
from urllib.parse import quote, unquote_plus

import msgspec

from stepwell.core.identity import ItemId
from stepwell.core.journal import CallFacts
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.run import RunState
from stepwell.core.steps.requested import RequestReply, RequestResult
from stepwell.core.transition import Transition
from stepwell.engine.clock import Clock
from stepwell.engine.driver import CallHandle
from stepwell.wire.opcodes import (
    AIGatewayOptions,
    Opcode,
    OpName,
    parse_ai_gateway_options,
    parse_gateway_options,
)

__all__ = [
    "EXPECTED_BYTES_MAX",
    "GatewayClient",
    "GatewayRequest",
    "Gateways",
    "RequestAnswered",
    "gateway_request",
]

#: Bodies of requests that wait for their turn. Beyond it the oldest are dropped, which costs each
#: of them one more call of its function.
EXPECTED_BYTES_MAX: Final = 128 * 1024 * 1024

# A shorter "key" may be part of anything, and is nobody's secret.
_SECRET_CHARS_MIN: Final = 8
_REDACTED: Final = b"[redacted]"
_REQUESTING: Final = frozenset({OpName.GATEWAY, OpName.AI_GATEWAY})

RequestAnswered = Callable[[QueueItem, RunState, RequestResult, CallFacts], None]


# A dataclass and not a Struct: serialisers and pretty printers show the fields of a Struct.
@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayRequest:
    """One request as the app asked for it; not checked yet.

    Attributes:
        method: In upper case.
        url: Where to.
        headers: Names as the app wrote them.
        body: May be empty.
        secret: A credential that must not be kept if the other side repeats it in an error.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    secret: str = field(default="", repr=False)


class GatewayClient(Protocol):
    """Makes requests to anywhere that is allowed."""

    def send(self, request: GatewayRequest, done: Callable[[RequestResult], None]) -> CallHandle:
        """Begin the request. `done` is called once, later, on the event loop, with its result.

        Nothing is raised: whatever prevents the request or its answer is a result.
        """
        ...


class _Request(msgspec.Struct):
    item: QueueItem
    run: RunState
    secret: str
    sent_ms: int
    handle: CallHandle | None


class Gateways:
    """Keeps the requests that steps asked for, makes them, and reports what came of them.

    Args:
        client: Makes the requests.
        clock: The wall clock.
        answered: Called with every result, unless the request was given up.
        expected_bytes_max: Bodies that may wait for their turn.
    """

    def __init__(
        self,
        client: GatewayClient,
        clock: Clock,
        *,
        answered: RequestAnswered,
        expected_bytes_max: int = EXPECTED_BYTES_MAX,
    ) -> None:
        self._client = client
        self._clock = clock
        self._answered = answered
        self._expected: dict[ItemId, GatewayRequest] = {}
        self._expected_bytes = 0
        self._expected_bytes_max = expected_bytes_max
        self._requests: dict[ItemId, _Request] = {}

    def __len__(self) -> int:
        """How many requests are under way."""
        return len(self._requests)

    def expect(self, transition: Transition, ops: Sequence[Opcode]) -> None:
        """Keep what the GATEWAY items of a decision are to send.

        Args:
            transition: What was decided about an answer.
            ops: The opcodes of that answer.
        """
        items = [item for item in transition.put if item.kind is ItemKind.GATEWAY]
        if not items:
            return
        # Of several with one id, core acts on the first.
        by_step = {op.id: op for op in reversed(ops) if op.op in _REQUESTING}
        for item in items:
            self._keep(item.id, gateway_request(by_step[item.step]))

    def make(self, item: QueueItem, run: RunState) -> bool:
        """Make the item's request; False when it is not known any more (`requested.lost`)."""
        request = self._forget(item.id)
        if request is None:
            return False
        made = _Request(item, run, request.secret, self._clock.now_ms(), None)
        self._requests[item.id] = made
        made.handle = self._client.send(request, partial(self._done, made))
        return True

    def give_up(self, item_id: ItemId) -> QueueItem | None:
        """Forget an item's request, and stop it; None when it was not under way."""
        self._forget(item_id)
        made = self._requests.pop(item_id, None)
        if made is None:
            return None
        if made.handle is not None:
            made.handle.cancel()
        return made.item

    def give_up_all(self) -> None:
        """Stop everything. The next owner has the steps reported again."""
        self._expected.clear()
        self._expected_bytes = 0
        for item_id in list(self._requests):
            self.give_up(item_id)

    def _keep(self, item_id: ItemId, request: GatewayRequest) -> None:
        self._expected[item_id] = request
        self._expected_bytes += len(request.body)
        # The newest always stays, so that a step which is reported again gets on.
        while self._expected_bytes > self._expected_bytes_max and len(self._expected) > 1:
            self._forget(next(iter(self._expected)))

    def _forget(self, item_id: ItemId) -> GatewayRequest | None:
        request = self._expected.pop(item_id, None)
        if request is not None:
            self._expected_bytes -= len(request.body)
        return request

    def sent_ms(self, item_id: ItemId) -> int | None:
        """When the request under way for the item was sent; None when there is none."""
        made = self._requests.get(item_id)
        return None if made is None else made.sent_ms

    def _done(self, made: _Request, result: RequestResult) -> None:
        item = made.item
        if self._requests.get(item.id) is not made:
            return
        del self._requests[item.id]
        call = CallFacts(item.queued_ms, made.sent_ms, item=item.id, attempt=item.attempt)
        self._answered(item, made.run, _without(made.secret, result), call)


def gateway_request(op: Opcode) -> GatewayRequest:
    """The request that an opcode asks for.

    Raises:
        OpcodeInvalid: The options cannot be used; then core has no item made for the step.

    Source: SDK protocol, 7.5; execution semantics, 3.8.
    """
    if op.op is OpName.AI_GATEWAY:
        return _ai_request(parse_ai_gateway_options(op))
    options = parse_gateway_options(op)
    return GatewayRequest(
        method=options.method,
        url=options.url,
        headers=options.headers,
        body=options.body.encode(),
    )


def _ai_request(options: AIGatewayOptions) -> GatewayRequest:
    """A POST of JSON; `auth_key` is sent in the way of the provider, over what the app set."""
    url, key = options.url, options.auth_key
    own = {"Content-Type": "application/json"}
    if key:
        match options.format:
            case "gemini":
                url = _with_key(url, key)
            case "anthropic":
                own["x-api-key"] = key
            case "bedrock":
                own["Authorization"] = key
            case _:
                own["Authorization"] = f"Bearer {key}"
    names = {name.lower() for name in own}
    headers = {name: text for name, text in options.headers.items() if name.lower() not in names}
    return GatewayRequest(
        method="POST",
        url=url,
        headers=headers | own,
        body=b"" if options.body is None else bytes(options.body),
        secret=key if len(key) >= _SECRET_CHARS_MIN else "",
    )


def _with_key(url: str, key: str) -> str:
    """The URL with `key` set once: the SDKs put it there themselves, too."""
    address = url.partition("#")[0]
    path, _, query = address.partition("?")
    kept = [p for p in query.split("&") if p and unquote_plus(p.partition("=")[0]) != "key"]
    parameters = "&".join([*kept, "key=" + quote(key, safe="")])
    return f"{path}?{parameters}"


def _without(secret: str, result: RequestResult) -> RequestResult:
    """The result, where an error does not repeat the credential."""
    if not secret or not isinstance(result, RequestReply) or result.status <= 299:
        return result
    body = result.body.replace(secret.encode("utf-8", "replace"), _REDACTED)
    return msgspec.structs.replace(result, body=body)
