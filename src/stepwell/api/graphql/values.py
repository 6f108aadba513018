"""Values of the schema's own kinds, as they are written and as they are read.

What clients send as a time or id is checked where it is used, so that a bad one is an error of the
field and not of the query. Source: GraphQL, 1.6 and 2.
"""

from typing import Final

from stepwell.api.dates import date_text, parse_date_ms
from stepwell.api.graphql.answers import Refused
from stepwell.core.identity import EventId, RunId
from stepwell.core.status import RunStatus
from stepwell.wire.ulid import is_ulid

__all__ = ["event_id_of", "run_id_of", "status_text", "statuses_of", "time_ms", "time_text"]

_STATUS_TEXTS: Final = {
    status: "QUEUED" if status is RunStatus.SCHEDULED else status.name for status in RunStatus
}
_STATUSES: Final = {text: status for status, text in _STATUS_TEXTS.items()}
_TEXT_CHARS_MAX: Final = 200


def time_text(ms: int) -> str | None:
    """A time; None for 0, which stands for none."""
    return date_text(ms) if ms else None


def time_ms(value: object) -> int | None:
    """The time that is meant; None for year 1, which clients send for none."""
    if value is None:
        return None
    ms = parse_date_ms(value) if isinstance(value, str) else None
    if ms is None:
        raise Refused(f"parsing time {_shown(value)}: it must be in RFC 3339")
    return ms if ms > 0 else None


def run_id_of(text: object) -> RunId:
    """The run id that is meant."""
    if not isinstance(text, str) or not is_ulid(text):
        raise Refused(f"error parsing runID: {_shown(text)} is not a ULID")
    return RunId(text.upper())


def event_id_of(text: object) -> EventId:
    """The event id that is meant."""
    if not isinstance(text, str):
        raise Refused(f"{_shown(text)} is not a ULID")
    if not is_ulid(text):
        raise Refused("ulid: bad data size when unmarshaling")
    return EventId(text.upper())


def status_text(status: RunStatus) -> str:
    """The status in the words of the schema."""
    return _STATUS_TEXTS[status]


def statuses_of(texts: list[str] | None) -> tuple[RunStatus, ...]:
    """The statuses that are meant; none for all."""
    return tuple(_STATUSES[text] for text in texts or ())


def _shown(value: object) -> str:
    return repr(value)[:_TEXT_CHARS_MAX]
