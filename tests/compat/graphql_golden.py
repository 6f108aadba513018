"""Recorded answers: what differs from run to run is masked, the rest is compared as it is.

    STEPWELL_WRITE_GOLDEN=1 .venv/bin/pytest tests/compat/test_graphql_golden.py

writes the files anew; look at the difference before you commit it.
"""

import json
import os
import re
from collections import defaultdict
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

__all__ = ["compare_or_write", "masked", "recorded_names"]

_FOLDER: Final = Path(__file__).parent / "golden"
_WRITES: Final = "STEPWELL_WRITE_GOLDEN"

# By what stands in their place; an id keeps its number within one answer, times have none.
_IDS: Final = {
    "uuid": re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"),
    "ulid": re.compile(r"\b0[0-9A-HJKMNP-TV-Z]{25}\b"),
    "span": re.compile(r"(?<![0-9a-f])(?=[0-9a-f]*[1-9a-f])[0-9a-f]{16}(?![0-9a-f])"),
}
_TIMES: Final = {
    "time": re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"),
    "date": re.compile(r"\b[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"),
    "ms": re.compile(r"\b1[6-9]\d{11}\b"),
    "port": re.compile(r"(?<=//localhost:)\d+|(?<=//127\.0\.0\.1:)\d+"),
}
#: Texts that are ids, whatever is in them.
_OPAQUE: Final = {
    "outputID": "output",
    "cursor": "cursor",
    "startCursor": "cursor",
    "endCursor": "cursor",
}
#: Numbers that measure.
_MEASURED: Final = re.compile(r"_ms$|^metadata_bytes$")


def recorded_names() -> set[str]:
    """The names of the files there are."""
    return {path.stem for path in _FOLDER.glob("*.json")}


def compare_or_write(name: str, answer: Mapping[str, Any]) -> None:
    """Assert that a masked answer is the recorded one; or record it, if that is asked for."""
    path = _FOLDER / f"{name}.json"
    text = json.dumps(masked(answer), indent=2, ensure_ascii=False) + "\n"
    if os.environ.get(_WRITES):
        path.write_text(text, encoding="utf-8")
    assert json.loads(text) == json.loads(path.read_text(encoding="utf-8"))
    assert text == path.read_text(encoding="utf-8"), "only the order of members differs"


def masked(answer: Mapping[str, Any]) -> Any:
    """The answer without what nobody can foresee."""
    return _Mask().value(answer)


class _Mask:
    def __init__(self) -> None:
        self._known: defaultdict[str, dict[str, int]] = defaultdict(dict)

    def value(self, value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: self.value(member, name) for name, member in value.items()}
        if isinstance(value, list):
            return [self.value(member, key) for member in value]
        if isinstance(value, str):
            kind = _OPAQUE.get(key)
            return self._text(value) if kind is None else self._numbered(kind, value)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return "<measured>" if is_number and _MEASURED.search(key) else value

    def _text(self, text: str) -> str:
        for kind, pattern in _IDS.items():
            text = pattern.sub(partial(self._numbered_match, kind), text)
        for kind, pattern in _TIMES.items():
            text = pattern.sub(f"<{kind}>", text)
        return text

    def _numbered_match(self, kind: str, match: re.Match[str]) -> str:
        return self._numbered(kind, match[0])

    def _numbered(self, kind: str, text: str) -> str:
        known = self._known[kind]
        return f"<{kind} {known.setdefault(text, len(known) + 1)}>"
