"""One synchronisation of an app, as it is remembered."""

import enum
from typing import Final

import msgspec

from stepwell.core.identity import AppId

__all__ = ["SYNCS_MAX", "AppSync", "SyncMark", "SyncStatus"]

#: Synchronisations of one app that are remembered.
SYNCS_MAX: Final = 50


class SyncStatus(enum.IntEnum):
    """What came of it. The numbers are stored; never renumber."""

    #: The app was taken over as it said it is.
    SUCCESS = 0
    #: The app said the same as before.
    DUPLICATE = 1
    #: The app could not be reached, or is refused.
    ERROR = 2


class AppSync(msgspec.Struct, frozen=True, kw_only=True):
    """What an app said about itself at one time, and what came of it.

    Attributes:
        id: ULID; its time is when that was.
        url: Where the app was looked for, or said that it is.
        sdk_language: Empty, like the next three, if the app said nothing.
        functions_added: Slugs, those that came back among them.
        functions_changed: Slugs.
        functions_removed: Slugs.
        error: One of `core.sync_failures.FAILURES`; "" unless it failed.
        message: What is wrong, for people; "" unless it failed.
    """

    id: str
    app_id: AppId
    status: SyncStatus
    url: str
    sdk_language: str = ""
    sdk_version: str = ""
    framework: str = ""
    app_version: str = ""
    functions_added: tuple[str, ...] = ()
    functions_changed: tuple[str, ...] = ()
    functions_removed: tuple[str, ...] = ()
    error: str = ""
    message: str = ""

    @property
    def mark(self) -> "SyncMark":
        """What is needed to decide about the next one."""
        return SyncMark(self.app_id, self.id, self.status, self.error, self.message)


class SyncMark(msgspec.Struct, frozen=True):
    """A synchronisation, without what only people want to know."""

    app_id: AppId
    id: str
    status: SyncStatus
    error: str = ""
    message: str = ""
