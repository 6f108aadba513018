"""Commits of which only the first half has arrived, from a node that says nothing more.

Such a transaction waits for its second half, and keeps its partition from everybody else. PostgreSQL
17 ends it by itself (`transaction_timeout`); older ones have no limit for one that is not idle, and
keepalives find nothing wrong with a node that is suspended or behind a proxy. So whoever waits for
its partition ends it.
"""

from typing import Final

import structlog

from stepwell.store.postgres.connections import Connections
from stepwell.store.sql.statements import Query, Statement

__all__ = ["HALF_LIMIT_S", "end_halves"]

_log = structlog.get_logger(__name__)

#: A transaction that has waited for more of it for so long is ended. Commits take milliseconds.
HALF_LIMIT_S: Final = 20.0

_END: Final = Statement("""
SELECT pg_terminate_backend(pid)
  FROM pg_stat_activity
 WHERE datname = current_database() AND usename = current_user
   AND application_name = current_setting('application_name') AND pid <> pg_backend_pid()
   AND state <> 'idle' AND wait_event = 'ClientRead'
   AND xact_start < clock_timestamp() - make_interval(secs => CAST(?1 AS float8) / 1000)
""")


async def end_halves(connections: Connections, *, limit_s: float = HALF_LIMIT_S) -> int:
    """End what has waited for its second half for longer than that; how many there were.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    (ended,) = await connections.run("end_halves", [Query(_END, (round(limit_s * 1000),))])
    if ended.rows:
        _log.warning("store.half_commit_ended", count=len(ended.rows))
    return len(ended.rows)
