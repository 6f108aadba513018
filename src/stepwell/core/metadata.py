"""Metadata: facts that apps attach to runs, steps and spans, while they run or afterwards.

An update is appended and never changed; what readers see is all updates folded in order. So two
updates of one thing cannot undo each other, however they arrive. Updates come over the API, and in
the opcodes of steps, where they are part of the journal.

Source: HTTP APIs, 7.4; GraphQL, 9.7; execution semantics, 5.7.
"""

import enum
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from stepwell.core.identity import RunId, StepId
from stepwell.core.journal import (
    Entry,
    StepAttemptFailed,
    StepName,
    StepResolved,
)

__all__ = [
    "EXPERIMENT",
    "KIND_CHARS_MAX",
    "LAST_ATTEMPT",
    "METADATA_BYTES_MAX",
    "SCORE",
    "SCORE_NAME_BYTES_MAX",
    "UPDATES_MAX",
    "UPDATE_BYTES_MAX",
    "Metadata",
    "MetadataOp",
    "MetadataOwner",
    "MetadataScope",
    "MetadataUpdate",
    "is_kind",
    "is_score",
    "metadata_of",
    "size_of",
]

#: Limits of the protocol: of one update, of all updates of a run, of a kind, of a score's name.
UPDATE_BYTES_MAX: Final = 64 * 1024
METADATA_BYTES_MAX: Final = 1024 * 1024
KIND_CHARS_MAX: Final = 128
SCORE_NAME_BYTES_MAX: Final = 128
#: Updates of a run. Small ones would otherwise be without bound, since only values have a size.
UPDATES_MAX: Final = 10_000

SCORE: Final = "inngest.score"
EXPERIMENT: Final = "inngest.experiment"
#: Stands for whichever attempt of a step turns out to be its last.
LAST_ATTEMPT: Final = -1

_RESERVED: Final = "inngest."
_RESERVED_KINDS: Final = frozenset(
    {
        "inngest.ai",
        "inngest.http",
        "inngest.http.timing",
        "inngest.response_headers",
        "inngest.warnings",
        EXPERIMENT,
        SCORE,
    }
)


class MetadataScope(enum.IntEnum):
    """What kind of thing is described. The numbers are stored and sorted by; never renumber."""

    RUN = 1
    STEP = 2
    STEP_ATTEMPT = 3
    EXTENDED_TRACE = 4

    @property
    def wire_name(self) -> str:
        """The name clients use, such as "step_attempt"."""
        return self.name.lower()


class MetadataOp(enum.StrEnum):
    """What an update does with the values that are there. The texts are stored."""

    #: Set the named ones and keep the others.
    MERGE = "merge"
    #: Replace all.
    SET = "set"
    #: Remove the named ones.
    DELETE = "delete"
    #: Add to the named ones; what is no number is set.
    ADD = "add"


class MetadataOwner(msgspec.Struct, frozen=True, gc=False, order=True):
    """What an update describes.

    Attributes:
        step: Hashed id of the step; empty for a run.
        attempt: Which attempt of the step, from 0, or `LAST_ATTEMPT`.
        span_id: A span of the app; empty for anything else.
    """

    scope: MetadataScope
    step: StepId = StepId("")
    attempt: int = LAST_ATTEMPT
    span_id: str = ""


class MetadataUpdate(msgspec.Struct, frozen=True, gc=False):
    """One update as it is stored.

    Attributes:
        number: Counts the updates of the run, from 1; they count in this order.
        values: JSON object.
        size: Of the values in bytes, as `size_of`.
    """

    run_id: RunId
    number: int
    owner: MetadataOwner
    kind: str
    op: MetadataOp
    values: bytes
    size: int
    at_ms: int


class Metadata(msgspec.Struct, frozen=True, gc=False):
    """What all updates of one kind add up to; `values` is a JSON object that is not empty."""

    owner: MetadataOwner
    kind: str
    values: bytes
    updated_ms: int


Values = Mapping[str, msgspec.Raw]

_VALUES: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ENCODE: Final = msgspec.json.Encoder().encode
_RUN: Final = MetadataOwner(MetadataScope.RUN)


def is_kind(kind: str) -> bool:
    """Whether apps may set metadata of that kind."""
    if not kind or len(kind) > KIND_CHARS_MAX:
        return False
    return not kind.startswith(_RESERVED) or kind in _RESERVED_KINDS


def is_score(values: Values) -> bool:
    """Whether these are values of the kind `SCORE`: a number or a truth value by name."""
    for name, raw in values.items():
        if not name or len(name.encode()) > SCORE_NAME_BYTES_MAX:
            return False
        if "'" in name or any(ord(char) < 0x20 or ord(char) == 0x7F for char in name):
            return False
        try:
            _SCORE.decode(raw)
        except (msgspec.MsgspecError, RecursionError):
            return False
    return True


class _Score(msgspec.Struct, frozen=True):
    value: bool | int | float


_SCORE: Final = msgspec.json.Decoder(_Score)


def size_of(values: Values) -> int:
    """The size that counts for limits: of the keys, and of the values as JSON."""
    return sum(len(key.encode()) + len(raw) for key, raw in values.items())


def metadata_of(
    entries: Iterable[Entry], updates: Iterable[MetadataUpdate]
) -> dict[MetadataOwner, list[Metadata]]:
    """What readers see: by owner, ordered by kind.

    Updates count in the order in which they were recorded. What is addressed to the last attempt of
    a step, or to an attempt that was not repeated, belongs to the step itself. Updates in opcodes
    that break the rules above are left out; they have cost their step nothing.

    Args:
        entries: The journal of a run.
        updates: What came over the API for it, by number.
    """
    entries = list(entries)
    repeated = {
        (entry.step, entry.attempt) for entry in entries if isinstance(entry, StepAttemptFailed)
    }
    arrived = [*_reported(entries), *updates]
    # Sorting keeps the order of those of one millisecond: first what the call itself brought.
    arrived.sort(key=lambda update: update.at_ms)
    folds: defaultdict[tuple[MetadataOwner, str], _Fold] = defaultdict(_Fold)
    for update in arrived:
        folds[_settled(update.owner, repeated), update.kind].take(update)
    folded: dict[MetadataOwner, list[Metadata]] = {}
    for (owner, kind), fold in sorted(folds.items()):
        if fold.values:
            metadata = Metadata(owner, kind, _ENCODE(fold.values), fold.updated_ms)
            folded.setdefault(owner, []).append(metadata)
    return folded


class _Fold:
    """The values of one kind, update by update."""

    __slots__ = ("updated_ms", "values")

    def __init__(self) -> None:
        self.values: dict[str, msgspec.Raw] = {}
        self.updated_ms = 0

    def take(self, update: MetadataUpdate) -> None:
        given = _VALUES.decode(update.values)
        self.updated_ms = update.at_ms
        match update.op:
            case MetadataOp.SET:
                self.values = given
            case MetadataOp.MERGE:
                self.values |= given
            case MetadataOp.DELETE:
                for key in given:
                    self.values.pop(key, None)
            case MetadataOp.ADD:
                for key, raw in given.items():
                    self.values[key] = _sum(self.values.get(key), raw)


def _sum(current: msgspec.Raw | None, added: msgspec.Raw) -> msgspec.Raw:
    if current is None:
        return added
    first, second = _number(current), _number(added)
    if first is None or second is None:
        return added
    return msgspec.Raw(_ENCODE(first + second))


def _number(raw: msgspec.Raw) -> int | float | None:
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, RecursionError):
        return None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _settled(owner: MetadataOwner, repeated: set[tuple[StepId, int]]) -> MetadataOwner:
    """The owner as readers know it: an attempt that was repeated, or the step itself."""
    if not owner.step or owner.scope is MetadataScope.EXTENDED_TRACE:
        return owner
    if (owner.step, owner.attempt) in repeated:
        return owner
    return msgspec.structs.replace(owner, attempt=LAST_ATTEMPT)


# What opcodes bring.


class _Sent(msgspec.Struct, frozen=True):
    kind: str
    op: MetadataOp
    values: msgspec.Raw
    scope: str = "step"


class _Experiment(msgspec.Struct, frozen=True):
    name: str = msgspec.field(name="experimentName")
    variant: str = ""
    strategy: str = msgspec.field(default="", name="selectionStrategy")


_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_SENT: Final = msgspec.json.Decoder(_Sent)
_EXPERIMENT_OPTIONS: Final = msgspec.json.Decoder(_Experiment)
# Options hold a step's input, up to 4 MiB, which is not worth parsing for nothing.
_EXPERIMENT_SIGN: Final = b'"experimentName"'


def _reported(entries: Sequence[Entry]) -> Iterator[MetadataUpdate]:
    """The updates in the journal, as far as they keep the rules."""
    taken_bytes = taken = 0
    for entry in entries:
        name: Any = getattr(entry, "name", None)
        if isinstance(name, StepName) and name.opts:
            yield from _experiment(entry, name.opts)
        if not isinstance(entry, StepResolved | StepAttemptFailed) or not entry.metadata:
            continue
        for update in _sent(entry):
            taken_bytes += update.size
            taken += 1
            if taken_bytes > METADATA_BYTES_MAX or taken > UPDATES_MAX:
                return
            yield update


def _experiment(entry: Any, opts: msgspec.Raw) -> Iterator[MetadataUpdate]:
    """Which variant of an experiment a step belongs to, if it says so."""
    if _EXPERIMENT_SIGN not in bytes(opts):
        return
    try:
        experiment = _EXPERIMENT_OPTIONS.decode(opts)
    except (msgspec.MsgspecError, RecursionError):
        return
    given = {"name": experiment.name, "variant": experiment.variant}
    if experiment.strategy:
        given["selection_strategy"] = experiment.strategy
    owner = MetadataOwner(MetadataScope.STEP, entry.step)
    values = _ENCODE(given)
    yield _update(entry.at_ms, owner, EXPERIMENT, MetadataOp.MERGE, values)


def _sent(entry: StepResolved | StepAttemptFailed) -> Iterator[MetadataUpdate]:
    try:
        items = _ITEMS.decode(entry.metadata)
    except (msgspec.MsgspecError, RecursionError):
        return
    for item in items:
        try:
            sent = _SENT.decode(item)
            values = _VALUES.decode(sent.values)
        except (msgspec.MsgspecError, RecursionError):
            continue
        owner = _owner(entry, sent.scope)
        is_allowed = is_kind(sent.kind) and size_of(values) <= UPDATE_BYTES_MAX
        if owner is None or not is_allowed:
            continue
        if sent.kind == SCORE and sent.op is not MetadataOp.DELETE and not is_score(values):
            continue
        yield _update(entry.at_ms, owner, sent.kind, sent.op, bytes(sent.values))


def _owner(entry: StepResolved | StepAttemptFailed, scope: str) -> MetadataOwner | None:
    match scope:
        case "run":
            return _RUN
        case "step":
            return MetadataOwner(MetadataScope.STEP, entry.step, entry.attempt)
        case "step_attempt":
            return MetadataOwner(MetadataScope.STEP_ATTEMPT, entry.step, entry.attempt)
        case _:
            return None


def _update(
    at_ms: int, owner: MetadataOwner, kind: str, op: MetadataOp, values: bytes
) -> MetadataUpdate:
    size = size_of(_VALUES.decode(values))
    return MetadataUpdate(RunId(""), 0, owner, kind, op, values, size, at_ms)
