"""Times in requests and answers: RFC 3339, in UTC.

Source: HTTP APIs, 7.1.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = ["date_text", "parse_date_ms"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_LAST_MS: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MS


def date_text(ms: int) -> str:
    """The time in RFC 3339 with milliseconds, such as 2026-11-21T09:07:15.250Z.

    What comes after the year 9999, the last that the format has, is its last moment.

    >>> date_text(1_795_252_035_250)
    '2026-11-21T09:07:15.250Z'
    """
    return (
        (_EPOCH + min(ms, _LAST_MS) * _MS).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


def parse_date_ms(text: str) -> int | None:
    """Milliseconds since 1970 of a date or a time in ISO 8601; None if it is neither.

    Without an offset it is UTC; a date alone is its first moment.
    """
    try:
        # In a query, the plus sign of an offset is a space unless it is escaped.
        date = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        aware = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
        return (aware - _EPOCH) // _MS
    except (ValueError, OverflowError):
        return None
