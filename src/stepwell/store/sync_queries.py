"""What came of synchronisations of apps, as questions in SQL."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection, Row, select

from stepwell.core.app_sync import AppSync, SyncStatus
from stepwell.core.identity import AppId
from stepwell.store.schema import syncs

__all__ = ["syncs_of_apps"]

_SLUGS: Final = msgspec.json.Decoder(tuple[str, ...])


def syncs_of_apps(connection: Connection, app_ids: Sequence[AppId]) -> dict[AppId, list[AppSync]]:
    """What is remembered of each app of which something is, the newest first."""
    asked = select(syncs).where(syncs.c.app_id.in_(app_ids)).order_by(syncs.c.id.desc())
    found: defaultdict[AppId, list[AppSync]] = defaultdict(list)
    for row in connection.execute(asked):
        found[row.app_id].append(_sync(row))
    return found


def _sync(row: Row[tuple[object, ...]]) -> AppSync:
    return AppSync(
        id=row.id,
        app_id=row.app_id,
        status=SyncStatus(row.status),
        url=row.url,
        sdk_language=row.sdk_language,
        sdk_version=row.sdk_version,
        framework=row.framework,
        app_version=row.app_version,
        functions_added=_SLUGS.decode(row.functions_added),
        functions_changed=_SLUGS.decode(row.functions_changed),
        functions_removed=_SLUGS.decode(row.functions_removed),
        error=row.error,
        message=row.message,
    )
