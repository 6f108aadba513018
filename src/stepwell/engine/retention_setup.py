"""What retention is given from outside."""

from collections import Counter

import msgspec

from stepwell.core.retention import Retention

__all__ = ["RetentionSetup"]


class RetentionSetup(msgspec.Struct, frozen=True, kw_only=True):
    """The same for all ownerships of a process.

    Attributes:
        server: How long what is kept where an environment says nothing else.
        deleted: Where rows that were deleted are counted, by table.
    """

    server: Retention
    deleted: Counter[str]
