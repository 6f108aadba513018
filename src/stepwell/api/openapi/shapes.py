"""Types of texts in bodies and answers: what a text looks like, for readers of the document.

They say what the server sends and check nothing; what comes in is checked where it is read.
"""

from typing import Annotated

from msgspec import Meta

__all__ = ["Timestamp", "Ulid", "UlidInPath", "Uuid", "one_of"]

#: RFC 3339 in UTC, with milliseconds.
Timestamp = Annotated[
    str,
    Meta(extra_json_schema={"format": "date-time", "examples": ["2026-11-21T09:07:15.250Z"]}),
]

#: An id of an event, a run, a batch or a bulk operation, as it is shown.
Ulid = Annotated[str, Meta(extra_json_schema={"pattern": "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"})]

#: The same where it is asked for: letters may be small.
UlidInPath = Annotated[
    str, Meta(extra_json_schema={"pattern": "^[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$"})
]

Uuid = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]


def one_of(*words: str) -> Meta:
    """What says, within `Annotated`, that a text is one of these words."""
    return Meta(extra_json_schema={"enum": list(words)})
