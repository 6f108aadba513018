"""What came of an app's synchronisations, as far as it is remembered.

Apps are asked again and again, every few seconds while they are developed, and nearly always say
the same as before. So a poll that finds nothing new is not remembered, and an outcome that repeats
the one before takes its place, if somebody asked for it.
"""

import enum
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from stepwell.core.app import App
from stepwell.core.app_sync import SYNCS_MAX, AppSync, SyncMark, SyncStatus
from stepwell.core.identity import AppId
from stepwell.core.moment import Moment
from stepwell.core.sync_failures import SyncFailure, failure_of
from stepwell.core.transition import Transition
from stepwell.wire.config import ConfigProblem
from stepwell.wire.ulid import ulid_ms

__all__ = [
    "REPEATED_MS_MIN",
    "SLUGS_MAX",
    "SyncCause",
    "explained",
    "record_failure",
    "record_registration",
    "remembered",
]

#: An app that registers itself all the time, as some do with every health check, costs no more than
#: a write in this time.
REPEATED_MS_MIN: Final = 60_000
#: Functions that are named as added, as changed and as removed.
SLUGS_MAX: Final = 500
_MESSAGE_CHARS_MAX: Final = 1_000
_PROBLEMS_SHOWN: Final = 3

_NO_ID: Final = ""


class SyncCause(enum.Enum):
    """Why an app said something about itself."""

    #: The server asks by itself, now and then.
    POLL = enum.auto()
    #: The app does of its own accord: it was started or deployed.
    APP = enum.auto()
    #: A person asked for it.
    PERSON = enum.auto()


class FunctionChanges(msgspec.Struct, frozen=True):
    """Slugs of what is different."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def record_registration(
    transition: Transition,
    app: App,
    marks: Sequence[SyncMark],
    cause: SyncCause,
    *,
    active: Iterable[str],
    failure: SyncFailure | None,
    is_unchanged: bool,
    at: Moment,
) -> None:
    """Remember what came of a registration, in the transition that takes it over.

    Args:
        transition: Has everything else that it brings.
        app: As it is then.
        marks: What is remembered of the app, the oldest first.
        cause: Why it registered.
        active: Ids of those functions that were active before.
        failure: Why it is refused; None if it is not.
        is_unchanged: Whether the app said the same before.
        at: Clock and ids for this decision.
    """
    changes = _changes(transition, frozenset(active))
    status = SyncStatus.DUPLICATE if is_unchanged else SyncStatus.SUCCESS
    sync = AppSync(
        id=_NO_ID,
        app_id=app.id,
        status=status if failure is None else SyncStatus.ERROR,
        url=app.url,
        sdk_language=app.sdk_language,
        sdk_version=app.sdk_version,
        framework=app.framework,
        app_version=app.app_version,
        functions_added=changes.added,
        functions_changed=changes.changed,
        functions_removed=changes.removed,
        error="" if failure is None else failure.code,
        message="" if failure is None else failure.message[:_MESSAGE_CHARS_MAX],
    )
    _record(transition, sync, marks, cause, at=at)


def record_failure(
    transition: Transition,
    app: App,
    marks: Sequence[SyncMark],
    cause: SyncCause,
    *,
    error: str,
    at: Moment,
) -> None:
    """Remember why an app could not be reached or did not register, unless that is known.

    An app that was refused repeats that with its answer, in fewer words; then what is known stays.
    """
    code, message = failure_of(error)
    last = marks[-1] if marks else None
    if last is not None and last.status is SyncStatus.ERROR and last.error == code:
        message = last.message
    sync = AppSync(
        id=_NO_ID,
        app_id=app.id,
        status=SyncStatus.ERROR,
        url=app.url,
        error=code,
        message=message[:_MESSAGE_CHARS_MAX],
    )
    _record(transition, sync, marks, cause, at=at)


def explained(error: str, problems: Sequence[ConfigProblem]) -> SyncFailure:
    """Why an app is refused, with the first problems of its functions."""
    failure = failure_of(error)
    if not problems:
        return failure
    told = [f"{each.function}: {each.field}: {each.message}" for each in problems[:_PROBLEMS_SHOWN]]
    left = len(problems) - len(told)
    more = [f"and {left} more"] if left else []
    return SyncFailure(failure.code, "; ".join(told + more))


def remembered(marks: Sequence[SyncMark], app_id: AppId, transition: Transition) -> list[SyncMark]:
    """What is remembered of an app, the oldest first, once a transition is durable."""
    gone = {mark.id for mark in transition.syncs_removed}
    kept = [mark for mark in marks if mark.id not in gone]
    return kept + [sync.mark for sync in transition.syncs if sync.app_id == app_id]


def _record(
    transition: Transition,
    sync: AppSync,
    marks: Sequence[SyncMark],
    cause: SyncCause,
    *,
    at: Moment,
) -> None:
    last = marks[-1] if marks else None
    repeats = (
        last is not None
        and sync.status is not SyncStatus.SUCCESS
        and (last.status, last.error, last.message) == (sync.status, sync.error, sync.message)
    )
    if not _is_worth_it(sync, last if repeats else None, cause, now_ms=at.now_ms):
        return
    # Later than the last one, whatever the clock does: the order of ids is that of time.
    at_ms = at.now_ms if last is None else max(at.now_ms, ulid_ms(last.id) + 1)
    sync = msgspec.structs.replace(sync, id=at.ids.ulid(at_ms))
    transition.syncs.append(sync)
    kept = marks[:-1] if repeats else marks
    surplus = max(0, len(kept) + 1 - SYNCS_MAX)
    transition.syncs_removed += [*kept[:surplus], *marks[len(kept) :]]


def _is_worth_it(
    sync: AppSync, repeated: SyncMark | None, cause: SyncCause, *, now_ms: int
) -> bool:
    match cause:
        case SyncCause.PERSON:
            return True
        case SyncCause.APP:
            return repeated is None or now_ms - ulid_ms(repeated.id) >= REPEATED_MS_MIN
        case SyncCause.POLL:
            return repeated is None and sync.status is not SyncStatus.DUPLICATE


def _changes(transition: Transition, active: frozenset[str]) -> FunctionChanges:
    functions = transition.functions
    return FunctionChanges(
        added=_slugs(f.slug for f in functions if not f.archived and f.id not in active),
        changed=_slugs(f.slug for f in functions if not f.archived and f.id in active),
        removed=_slugs(f.slug for f in functions if f.archived),
    )


def _slugs(slugs: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(slugs)[:SLUGS_MAX])
