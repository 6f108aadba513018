"""The execution request: what a call tells the app about its run.

The body is put together from raw JSON; events and memoised results are copied, never decoded. With
canonical parts (RFC 8785) the whole is canonical, so it can be signed as it is.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from stepwell.wire.canonical import canonical_json

__all__ = ["DISCOVERY", "CallContext", "CallStack", "SentSteps", "execution_body"]

#: `stepId` of a call for no particular step. Source: SDK protocol, 6.1.
DISCOVERY: Final = "step"
#: Larger bodies are sent without events and steps. Source: SDK protocol, 6.5.
BODY_BYTES_MAX: Final = 4 * 1024 * 1024
#: A run with more state is sent without steps; leaves room for the rest of the body.
STATE_BYTES_MAX: Final = BODY_BYTES_MAX - 1024

_StepIdT = TypeVar("_StepIdT", bound=str)
_DeferIdT = TypeVar("_DeferIdT", bound=str)


# The fields below are declared in the order of their names, which is the order they are sent in.


class CallStack(msgspec.Struct, frozen=True, gc=False):
    """Which steps have finished.

    Attributes:
        current: Position in `stack`, from 1, of the step that caused this call; 0 at first.
        stack: Ids of the finished steps, in order of completion.
    """

    current: int
    stack: Sequence[str]


class CallContext(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a call tells the app besides events and results.

    Attributes:
        attempt: Attempt of this queue item, from 0.
        disable_immediate_execution: Whether the app may only report new steps.
        fn_id: The function's UUID. SDKs checkpoint when they get it, so it is left out unless the
            server takes checkpoints.
        generation_id: Number of this dispatch of the queue item.
        job_id: Stable id of the queue item.
        max_attempts: Attempts the item has in all.
        qi_id: Id of the queue item, which the SDK repeats in checkpoints.
        request_id: Id of this dispatch.
        run_id: The run.
        use_api: Whether the app has to fetch events and steps; for `execution_body` to say.
    """

    attempt: int
    disable_immediate_execution: bool = False
    env: str = ""
    fn_id: str | msgspec.UnsetType = msgspec.UNSET
    generation_id: int | msgspec.UnsetType = msgspec.UNSET
    job_id: str | msgspec.UnsetType = msgspec.UNSET
    max_attempts: int
    qi_id: str
    request_id: str | msgspec.UnsetType = msgspec.UNSET
    run_id: str
    stack: CallStack
    step_id: str = DISCOVERY
    use_api: bool = False


class _Defer(msgspec.Struct, gc=False):
    abortable: bool


# Sorts the keys of maps.
_encode: Final = msgspec.json.Encoder(order="deterministic").encode


class SentSteps(msgspec.Struct, gc=False):
    """What the app is told about each step of a run, in the order and the form it is sent in.

    Calls of a run repeat what those before have told. So a step is encoded and put in its place
    once, when it gets its result, and not again for each of the calls that follow.

    Attributes:
        ids: The steps, sorted.
        encoded: For each of them a comma and its id, and then what is told.
        is_canonical: Whether that order is the one of canonical JSON.
    """

    ids: list[str] = []
    encoded: list[bytes] = []
    is_canonical: bool = True

    @classmethod
    def of(cls, told: Mapping[_StepIdT, bytes]) -> "SentSteps":
        """All of these steps."""
        steps = cls()
        for step_id, memo in told.items():
            steps.add(step_id, memo)
        return steps

    def add(self, step_id: str, memo: bytes) -> None:
        """Tell `memo`, raw JSON, about a step of which nothing is told yet."""
        place = bisect_left(self.ids, step_id)
        self.ids.insert(place, step_id)
        self.encoded[2 * place : 2 * place] = (b",%b:" % _encode(step_id), memo)
        # Step ids are hexadecimal in the official SDKs but opaque to the server. Beyond ASCII,
        # text does not always sort as canonical JSON wants it.
        self.is_canonical = self.is_canonical and step_id.isascii()

    def parts(self) -> list[bytes]:
        """What makes up the members of the JSON object, one after the other."""
        parts = self.encoded.copy()
        if parts:
            parts[0] = parts[0][1:]
        return parts


_NO_STEPS: Final = SentSteps()


def execution_body(
    context: CallContext,
    *,
    events: Sequence[bytes],
    steps: SentSteps,
    defers: Mapping[_DeferIdT, bool],
    state_bytes: int,
    version: int = -1,
) -> bytes:
    """The body of a call.

    When a run has become too large to be sent, steps and, if need be, events are left out; the app
    then fetches them from the API. `event` is always there.

    Args:
        context: The rest of what the app is told.
        events: What started the run, at least one; each an event object with `id`, `name`, `data`,
            `ts` and `user`, raw JSON.
        steps: What the app is told about each step.
        defers: Whether each known defer can still be aborted, by hashed id.
        state_bytes: Size of events and step results together.
        version: Version of hashing and parallelism; -1 while unknown.

    Returns:
        JSON without white space. It is canonical if every event and memo is.

    Source: SDK protocol, 6.2 and 6.5.
    """
    if state_bytes > STATE_BYTES_MAX:
        steps = _NO_STEPS
        context = msgspec.structs.replace(context, use_api=True)
    told_defers = {defer_id: _Defer(abortable) for defer_id, abortable in defers.items()}
    encoded = _joined(context, events[0], events, steps, _encode(told_defers), version)
    if len(encoded) > BODY_BYTES_MAX:
        steps = _NO_STEPS
        context = msgspec.structs.replace(context, use_api=True)
        encoded = _joined(context, events[0], (), steps, _encode(told_defers), version)
    # As with steps, the encoder's order, by UTF-8, is not always the canonical one.
    if not steps.is_canonical or not "".join(defers).isascii():
        return canonical_json(encoded)
    return encoded


def _joined(
    context: CallContext,
    event: bytes,
    events: Sequence[bytes],
    steps: SentSteps,
    defers: bytes,
    version: int,
) -> bytes:
    use_api = b"true" if context.use_api else b"false"
    return b"".join(
        (
            b'{"ctx":%b,"defers":%b,"event":' % (_encode(context), defers),
            event,
            b',"events":[',
            b",".join(events),
            b'],"steps":{',
            *steps.parts(),
            b'},"use_api":%b,"version":%d}' % (use_api, version),
        )
    )
