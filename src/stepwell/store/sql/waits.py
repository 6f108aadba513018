"""Looking up waits and claims: who waits for an event, and what it has started before."""

# ruff: noqa: S608 - what is put into the SQL are our own constants

from collections.abc import Collection, Sequence
from typing import Final

from stepwell.core.identity import EnvironmentId, FunctionId, RunId
from stepwell.core.waits import Wait
from stepwell.engine.store import WaitQuery, WaitShape
from stepwell.store.sql import rows
from stepwell.store.sql.statements import Query, Question, Statement

__all__ = ["claims", "wait_paths", "wait_shapes", "waits_for"]

# A range of index waits_match (environment_id, event_name, match_path, match_value, wait_id).
_WAITS_FOR: Final = Statement(f"""
SELECT {rows.WAIT_COLUMNS} FROM waits
 WHERE environment_id = ?1 AND event_name = ?2 AND match_path = ?3 AND match_value = ?4
   AND wait_id > ?5 AND created_ms <= ?6
 ORDER BY wait_id LIMIT ?7
""")

# Reads index waits_match alone.
_WAIT_SHAPES: Final = Statement("""
SELECT event_name, match_path, count(*) FROM waits
 WHERE environment_id = ?1 GROUP BY event_name, match_path
""")

# Steps from path to path along the same index, however many waits each has.
_WAIT_PATHS: Final = Statement("""
WITH RECURSIVE found (match_path) AS (
    SELECT min(match_path) FROM waits WHERE environment_id = ?1 AND event_name = ?2
    UNION ALL
    SELECT (SELECT min(w.match_path) FROM waits AS w
             WHERE w.environment_id = ?1 AND w.event_name = ?2
               AND w.match_path > found.match_path)
      FROM found WHERE found.match_path IS NOT NULL)
SELECT match_path FROM found WHERE match_path IS NOT NULL
""")

_CLAIM: Final = Statement(
    "SELECT run_id FROM claims WHERE function_id = ?1 AND key = ?2 AND expires_ms > ?3"
)

_UNINDEXED: Final = ("", "")


def waits_for(queries: Sequence[WaitQuery]) -> Question[list[list[Wait]]]:
    """A page of waits for each query: the first ones for the event, by id.

    One range read per value, each already in order and limited: a page costs the same, however
    many waits there are.
    """
    asked: list[Query] = []
    of_query: list[int] = []
    for number, query in enumerate(queries):
        name = (query.environment_id, query.event_name)
        bounds = (query.after, query.created_until_ms, query.limit)
        for value in {*query.values, _UNINDEXED}:
            asked.append(Query(_WAITS_FOR, (*name, *value, *bounds)))
            of_query.append(number)
    pages: list[list[Wait]] = [[] for _ in queries]
    for number, found in zip(of_query, (yield asked), strict=True):
        pages[number] += [rows.wait(row) for row in found.rows]
    for page, query in zip(pages, queries, strict=True):
        page.sort(key=lambda wait: wait.id)
        del page[query.limit :]
    return pages


def wait_shapes(environment_id: EnvironmentId) -> Question[list[WaitShape]]:
    """Which waits the environment has, counted by event name and path."""
    (found,) = yield [Query(_WAIT_SHAPES, (environment_id,))]
    return [WaitShape(*row) for row in found.rows]


def wait_paths(environment_id: EnvironmentId, event_name: str) -> Question[list[str] | None]:
    """The paths by which waits for the event can be found; None if nobody waits for it."""
    (found,) = yield [Query(_WAIT_PATHS, (environment_id, event_name))]
    return [path for (path,) in found.rows if path] if found.rows else None


def claims(
    keys: Collection[tuple[FunctionId, str]], now_ms: int
) -> Question[dict[tuple[FunctionId, str], RunId]]:
    """Those of the keys that are claimed at `now_ms`, with the run that holds them."""
    asked = list(keys)
    answers = yield [Query(_CLAIM, (*key, now_ms)) for key in asked]
    return {
        key: RunId(run_id)
        for key, found in zip(asked, answers, strict=True)
        for (run_id,) in found.rows
    }
