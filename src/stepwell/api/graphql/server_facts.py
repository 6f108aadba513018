"""What the server says about itself."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from stepwell.store.sizes import StoreSizes

__all__ = ["ServerFacts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """Facts that do not change while the server runs.

    Attributes:
        kind: "dev" or "cloud".
        store: Where the data is, in one word: memory, sqlite or postgres.
        place: Where it is, as a person would look for it; empty for memory.
        sizes: How large it is now.
        process: Names the process: host and process id.
        calls_max: Calls to apps at the same time, at most.
    """

    version: str
    kind: str
    started_ms: int
    store: str
    place: str
    sizes: Callable[[], Awaitable[StoreSizes]]
    process: str
    calls_max: int
