"""Compiled expressions are kept, within a bound on memory.

A compiled expression takes some 70 bytes per byte of source. Conditions written once per function
are few; texts that an app builds with an id in them are many, so the least recently used ones go.
"""

import functools
from collections.abc import Callable, Hashable
from typing import TypeVar

Compiled = TypeVar("Compiled")
Variables = TypeVar("Variables", bound=Hashable)

COMPILED_MAX = 10_000
"""Compiled expressions of usual length kept: about 26 MB."""

LONG_SOURCE_CHARS = 512
LONG_COMPILED_MAX = 256
"""Longer ones kept: at most about 140 MB."""


def keep_compiled(
    compile_source: Callable[[str, Variables], Compiled],
) -> Callable[[str, Variables], Compiled]:
    """Remember what the function returned for a source and its variables; errors are not kept."""
    usual = functools.lru_cache(maxsize=COMPILED_MAX)(compile_source)
    long = functools.lru_cache(maxsize=LONG_COMPILED_MAX)(compile_source)

    def compiled(source: str, variables: Variables) -> Compiled:
        return (usual if len(source) <= LONG_SOURCE_CHARS else long)(source, variables)

    return compiled
