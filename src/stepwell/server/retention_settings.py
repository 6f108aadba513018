"""How long what is kept, as settings say it."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from stepwell.core.retention import FOREVER, KEPT_MS_MAX, KEPT_MS_MIN, Retention
from stepwell.server.errors import SettingInvalid
from stepwell.wire.durations import DurationInvalid, duration_ms

__all__ = ["retention"]

_FOREVER: Final = "forever"
_DAY_MS: Final = 86_400_000
#: Memory is dearer than a disk, and what is in it ends with the process anyway. A day is as long
#: as repetitions of an event are recognised.
_IN_MEMORY: Final = Retention(
    events=_DAY_MS, runs=_DAY_MS, journals=_DAY_MS, rollups=_DAY_MS, operations=_DAY_MS
)


def retention(values: Mapping[str, Any], *, in_memory: bool) -> Retention:
    """What the settings `retention` and `retention-…` add up to.

    Raises:
        SettingInvalid: One is no time, or too short or too long.
    """
    kept = _IN_MEMORY if in_memory else Retention()
    every_ms = _kept_ms("retention", values)
    if every_ms is not None:
        kept = msgspec.structs.replace(
            kept, events=every_ms, runs=every_ms, journals=every_ms, operations=every_ms
        )
    runs_ms = _kept_ms("retention-runs", values)
    if runs_ms is not None:
        kept = msgspec.structs.replace(kept, runs=runs_ms, journals=runs_ms)
    of_one = {
        name: ms
        for name in ("events", "journals", "rollups")
        if (ms := _kept_ms(f"retention-{name}", values)) is not None
    }
    return msgspec.structs.replace(kept, **of_one)


def _kept_ms(name: str, values: Mapping[str, Any]) -> int | None:
    """The time in ms; None if the setting was not given."""
    text = values.get(name)
    if text is None:
        return None
    if text.strip().lower() == _FOREVER:
        return FOREVER
    try:
        ms = duration_ms(text.strip())
    except DurationInvalid as invalid:
        raise SettingInvalid(name, f"--{name}: {invalid}, nor {_FOREVER}") from None
    if not KEPT_MS_MIN <= ms <= KEPT_MS_MAX:
        raise SettingInvalid(name, f"--{name}: {text!r} is not between 1m and 36525d")
    return ms
