"""Long lists, a page at a time."""

from collections.abc import Callable, Iterator

from stepwell.cli.client import Json
from stepwell.cli.operators import Console

__all__ = ["nodes_of"]


def nodes_of(
    console: Console,
    ask_page: Callable[[int, str | None], Json],
    *,
    limit: int,
    page_max: int,
    noun: str,
) -> Iterator[Json]:
    """What is on the pages of a connection, up to a limit, asked for as it is needed.

    Says on standard error how far it is, from the second page on. A page may be empty although
    more follow: a search stops from time to time to let others work.

    Args:
        console: Where progress is shown.
        ask_page: Asks for so many nodes after a cursor.
        limit: How many nodes at most.
        page_max: How many the server puts on a page.
        noun: What the nodes are, for people.
    """
    after: str | None = None
    count = 0
    is_told = False
    try:
        while count < limit:
            page = ask_page(min(page_max, limit - count), after)
            if is_told:
                console.progress("")
            for edge in page["edges"]:
                count += 1
                yield edge["node"]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"] or after is None:
                return
            if count < limit:
                console.progress(f"{count:,} {noun} …")
                is_told = True
    finally:
        if is_told:
            console.progress("")
