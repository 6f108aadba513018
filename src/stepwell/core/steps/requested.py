"""`Gateway` and `AIGateway`: the server makes an HTTP request for the step.

A GATEWAY item stands for the step until the request has been answered. The request itself is
written nowhere, because headers, query and body may hold credentials: it is kept in memory until
the item has its turn. When it is not there any more, or has failed and may be repeated, the item
becomes a call of the function, whose SDK reports the step once more. Such a call names the step,
which has no result yet; that is how the next report finds the number of its attempt.

Source: execution semantics, 3.7 and 3.8; SDK protocol, 6.4 and 7.5.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec

from stepwell.core.draft import RunDraft, World
from stepwell.core.ending import fail_run, state_overflow
from stepwell.core.identity import StepId
from stepwell.core.journal import CallFacts, StepAttemptFailed, StepName, StepRequesting
from stepwell.core.moment import Moment
from stepwell.core.queue import IMMEDIATE, ItemKind, QueueItem
from stepwell.core.run import RunState
from stepwell.core.steps.naming import step_name
from stepwell.core.transition import Transition
from stepwell.wire.durations import retry_after_ms
from stepwell.wire.json_shape import is_deeper_than
from stepwell.wire.opcode_options import (
    STEP_BYTES_MAX,
    OpcodeInvalid,
    parse_ai_gateway_options,
    parse_gateway_options,
)
from stepwell.wire.opcodes import Opcode, OpName, StepErrorBody
from stepwell.wire.response import REPLY_LEVELS_MAX
from stepwell.wire.run_error import RunError
from stepwell.wire.unicode_repair import with_unicode_repaired

__all__ = ["RequestFailed", "RequestReply", "RequestResult", "answered", "lost", "report"]

# More of what a provider says about an error is not kept: it is stored for every attempt.
_ERROR_BODY_BYTES_MAX: Final = 32 * 1024
_URL_CHARS_MAX: Final = 2048
# What is kept of the options. Everything else may be, or contain, a secret.
_OPTIONS_SHOWN: Final = ("type", "format", "stackLine", "parallelMode")
_OPTION_BYTES_MAX: Final = 256
# To these, JavaScript makes a `Response` without a body only.
_STATUSES_WITHOUT_BODY: Final = frozenset({204, 205, 304})


class RequestReply(msgspec.Struct, frozen=True, gc=False):
    """What answered a request.

    Attributes:
        status: Status code of the last answer, after redirects.
        headers: Names in lower case, values of a repeated header joined by ",".
        body: The whole body, decoded.
        url: What answered, without query and without anything secret.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


class RequestFailed(msgspec.Struct, frozen=True, gc=False):
    """Why a request has no answer.

    Attributes:
        message: For people; contains nothing of the request but its host.
        retryable: Whether repeating it may help.
    """

    message: str
    retryable: bool = True


RequestResult = RequestReply | RequestFailed


class _Failure(msgspec.Struct, frozen=True):
    memo: bytes
    retryable: bool = True
    retry_at_ms: int | None = None


class _FetchedData(msgspec.Struct):
    url: str
    headers: dict[str, str]
    body: str | None
    status_code: int


class _Fetched(msgspec.Struct):
    data: _FetchedData


_NAME: Final = msgspec.json.Decoder(StepName)
_OPTIONS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ANY: Final = msgspec.json.Decoder(msgspec.Raw)


def report(draft: RunDraft, op: Opcode) -> RunError | None:
    """Queue the request. A step that is resolved, requested or about to be repeated is left alone.

    Options that cannot be used are an error of the step, which the function can catch.
    """
    step = StepId(op.id)
    if draft.is_resolved(step) or draft.is_open(step) or _is_coming_back(draft, step):
        return None
    name = _name_without_secrets(op, with_options=not draft.is_introduced(step))
    try:
        method, url = _destination(op)
    except OpcodeInvalid as invalid:
        shown = None if draft.is_introduced(step) else name
        memo, call = _error_memo(op.op, str(invalid)), draft.cited_call()
        draft.resolve(step, memo, name=shown, failed=True, call=call)
        return None
    item = draft.item
    assert item is not None
    attempt = item.attempt if _stands_for(item, step) else 0
    call, shown_url = draft.cited_call(), _shown_url(url)
    draft.append(StepRequesting(draft.at.now_ms, step, name, method, shown_url, attempt, call))
    body = msgspec.json.encode(step_name(op, with_options=False))
    draft.open_step(ItemKind.GATEWAY, step, body=body, attempt=attempt)
    return None


def answered(
    run: RunState,
    item: QueueItem,
    result: RequestResult,
    *,
    call: CallFacts,
    world: World,
    at: Moment,
) -> Transition:
    """Decide what the result of the request means for its step.

    Args:
        run: State before the result; not ended.
        item: The GATEWAY item whose request it was; one of the run's items.
        result: The answer, or why there is none.
        call: When the request was queued and sent.
        world: Functions, waits and settings.
        at: Clock and ids for this decision.
    """
    assert item.kind is ItemKind.GATEWAY
    assert item.id in run.items, "an item is answered once"
    draft = RunDraft(run, item, world=world, at=at, call=call)
    name = _NAME.decode(item.body)
    settled = _settled(OpName(name.op), result, at.now_ms)
    if isinstance(settled, bytes):
        draft.resolve(item.step, settled, call=call)
    elif settled.retryable and item.attempt + 1 < draft.function.attempts_max:
        return _repeat(draft, settled, name)
    else:
        draft.resolve(item.step, settled.memo, failed=True, call=call)
    error = state_overflow(draft)
    if error is not None:
        draft = RunDraft(run, item, world=world, at=at, call=call)
        fail_run(draft, error)
    return draft.finish()


def lost(run: RunState, item: QueueItem, *, world: World, at: Moment) -> Transition:
    """Have the step reported again, as the same attempt: its request is not in memory any more.

    It may have been sent before the server stopped: requests are made at least once.
    """
    assert item.kind is ItemKind.GATEWAY
    draft = RunDraft(run, item, world=world, at=at)
    return _reported_again(draft, attempt=item.attempt, due_ms=IMMEDIATE)


# Reports.


def _stands_for(item: QueueItem, step: StepId) -> bool:
    """Whether the item is the call that has the unresolved step reported again."""
    return item.kind is ItemKind.DISCOVER and item.step == step


def _is_coming_back(draft: RunDraft, step: StepId) -> bool:
    """Whether another call will have the step reported: when it is due, and as its attempt.

    Otherwise two failed steps of a parallel group would start each other over and over.
    """
    item = draft.item
    return any(
        _stands_for(other, step) and (item is None or other.id != item.id)
        for other in draft.run.items.values()
    )


def _destination(op: Opcode) -> tuple[str, str]:
    """Method and URL.

    Raises:
        OpcodeInvalid: The options cannot be used; the text contains no values of them.
    """
    if op.op is OpName.AI_GATEWAY:
        return "POST", parse_ai_gateway_options(op).url
    options = parse_gateway_options(op)
    return options.method, options.url


def _name_without_secrets(op: Opcode, *, with_options: bool) -> StepName:
    name = step_name(op, with_options=False)
    if not with_options or op.opts is None:
        return name
    try:
        options = _OPTIONS.decode(op.opts)
    except msgspec.DecodeError:
        return name
    shown = {key: options[key] for key in _OPTIONS_SHOWN if _is_short_text(options.get(key))}
    if not shown:
        return name
    return msgspec.structs.replace(name, opts=msgspec.Raw(msgspec.json.encode(shown)))


def _is_short_text(value: msgspec.Raw | None) -> bool:
    return value is not None and len(value) <= _OPTION_BYTES_MAX and bytes(value).startswith(b'"')


def _shown_url(url: str) -> str:
    """Scheme, host and path; empty for what is no URL that could be asked."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        return ""
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"[:_URL_CHARS_MAX]


# Results.


def _settled(op: OpName, result: RequestResult, now_ms: int) -> bytes | _Failure:
    """The step's result, or its error."""
    if isinstance(result, RequestFailed):
        what = "AI request" if op is OpName.AI_GATEWAY else "request"
        memo = _error_memo(op, f"Error making {what}: {result.message}")
        return _Failure(memo, retryable=result.retryable)
    if op is OpName.AI_GATEWAY:
        if result.status > 299:
            return _refused(op, result, now_ms)
        memo = b'{"data":%b}' % _json(result.body)
    else:
        memo = _fetched_memo(result)
    if len(memo) > STEP_BYTES_MAX:
        message = f"The response takes more than {STEP_BYTES_MAX} bytes, as much as a step may have"
        return _Failure(_error_memo(op, message), retryable=False)
    return memo


def _refused(op: OpName, reply: RequestReply, now_ms: int) -> _Failure:
    """A provider did not do what it was asked for."""
    message = f"Error making AI request: unsuccessful status code: {reply.status}"
    retry_after = reply.headers.get("retry-after")
    return _Failure(
        _error_memo(op, message, body=reply.body),
        retry_at_ms=None if retry_after is None else retry_after_ms(retry_after, now_ms),
    )


def _fetched_memo(reply: RequestReply) -> bytes:
    """A null body where the reference gives "" spares the TypeScript SDK a TypeError."""
    text = reply.body.decode("utf-8", "replace")
    fetched = _FetchedData(
        url=reply.url,
        headers={_canonical(name): value for name, value in reply.headers.items()},
        body=None if not text and reply.status in _STATUSES_WITHOUT_BODY else text,
        status_code=reply.status,
    )
    return msgspec.json.encode(_Fetched(fetched))


def _canonical(name: str) -> str:
    """The spelling that the reference and the Go SDK use for names of headers."""
    return "-".join(part.capitalize() for part in name.split("-"))


def _error_memo(op: OpName, message: str, *, body: bytes = b"") -> bytes:
    """What the SDK throws; a provider's answer is in it both as data and as text."""
    text = body[:_ERROR_BODY_BYTES_MAX].decode("utf-8", "replace")
    if len(body) > _ERROR_BODY_BYTES_MAX:
        text += "… (truncated)"
        body = text.encode()
    error = StepErrorBody(
        name="AIGatewayError" if op is OpName.AI_GATEWAY else "GatewayError",
        message=message,
        stack=text or None,
        data=msgspec.Raw(_json(body)) if body else None,
    )
    return error.memo(no_retry=False)


def _json(body: bytes) -> bytes:
    """The body if it is usable JSON, else the text of it; null if there is none."""
    body = with_unicode_repaired(body)
    value = body.strip(b" \t\r\n")
    if not value:
        return b"null"
    try:
        _ANY.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return msgspec.json.encode(body.decode())
    return msgspec.json.encode(body.decode()) if is_deeper_than(REPLY_LEVELS_MAX, value) else value


# What follows.


def _repeat(draft: RunDraft, failure: _Failure, name: StepName) -> Transition:
    """Have the function called again after a while, to make the request again."""
    item, at = draft.item, draft.at
    assert item is not None
    retry_at_ms = failure.retry_at_ms
    if retry_at_ms is None:
        delay_ms = draft.world.retries.delay_ms(item.attempt, jitter=at.ids.jitter())
        retry_at_ms = at.now_ms + delay_ms
    error = msgspec.Raw(failure.memo)
    draft.append(
        StepAttemptFailed(
            at.now_ms, item.step, name, item.attempt, retry_at_ms, error, call=draft.call
        )
    )
    return _reported_again(draft, attempt=item.attempt + 1, due_ms=retry_at_ms)


def _reported_again(draft: RunDraft, *, attempt: int, due_ms: int) -> Transition:
    item, transition = draft.item, draft.transition
    assert item is not None
    following = msgspec.structs.replace(
        item,
        kind=ItemKind.DISCOVER,
        attempt=attempt,
        due_ms=due_ms,
        queued_ms=draft.at.now_ms,
        body=b"",
    )
    if due_ms == item.due_ms:
        transition.renew.append(following)
    else:
        transition.renew_due.append(following)
    transition.closed.append(item)
    return transition
