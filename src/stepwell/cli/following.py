"""What changes on a server, over connections that may break."""

from collections.abc import Iterator, Sequence
from typing import Final

from stepwell.cli.client import Client, Json
from stepwell.cli.operator_errors import ServerUnreachable, ServerUnsuitable
from stepwell.cli.operators import Console

__all__ = ["PAUSE_S_MAX", "PAUSE_S_MIN", "following"]

#: Between attempts to connect again: short at first, because most servers are back at once.
PAUSE_S_MIN: Final = 0.5
PAUSE_S_MAX: Final = 30.0


def following(
    console: Console, client: Client, run_ids: Sequence[str] = ()
) -> Iterator[Json | None]:
    """Changes, for as long as somebody asks for the next one.

    None comes whenever a connection has been made: what changed before is not known, and from then
    on nothing is missed. A lost connection is told on standard error and made again.

    Args:
        console: Where it is told.
        client: The server.
        run_ids: Only these runs; all of them if empty.

    Raises:
        ServerUnreachable: The first connection cannot be made. Likewise `ServerUnsuitable`.
        KeyRefused: At any time.
    """
    is_first = True
    pause_s = PAUSE_S_MIN
    while True:
        reason = f"{client.target.url} ended the stream"
        try:
            with client.changes(run_ids) as changes:
                if not is_first:
                    console.remark("Connected again.")
                is_first = False
                yield None
                for change in changes:
                    pause_s = PAUSE_S_MIN
                    yield change
        except (ServerUnreachable, ServerUnsuitable) as error:
            # While a server restarts, a proxy before it may answer in its stead.
            if is_first:
                raise
            reason = error.reason
        console.remark(f"{reason}; connecting again in {pause_s:g} s.")
        console.outside.pause(pause_s)
        pause_s = min(2 * pause_s, PAUSE_S_MAX)
