"""Configuration files: where they are looked for, and what is in them.

Source: HTTP APIs, 14.2.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from stepwell.server.errors import ConfigFileUnreadable

__all__ = ["ConfigFile", "find_config", "read_config"]

#: Ours first, so that both servers can be used side by side.
_NAMES: Final = tuple(
    f"{stem}.{suffix}" for stem in ("stepwell", "inngest") for suffix in ("json", "yaml", "yml")
)
#: Below the home directory, after the working directory and all above it.
_HOME_FOLDERS: Final = (Path(".config/stepwell"), Path(".config/inngest"))
#: Settings are a few lines; whatever is larger is something else.
_BYTES_MAX: Final = 1024 * 1024


class ConfigFile(msgspec.Struct, frozen=True):
    """What a configuration file says.

    Attributes:
        path: The file, or None if there is none.
        values: By key, as written.
        notes: What was skipped while looking for it, for a person.
    """

    path: Path | None = None
    values: Mapping[str, Any] = {}
    notes: tuple[str, ...] = ()


def find_config(directory: Path, home: Path) -> ConfigFile:
    """The first file found in the directory, those above it, and the home directory.

    One that cannot be read is skipped with a note, because nobody asked for it by name.
    """
    notes: list[str] = []
    for path in _candidates(directory, home):
        if not path.is_file():
            continue
        try:
            found = read_config(path)
        except ConfigFileUnreadable as unreadable:
            notes.append(str(unreadable))
        else:
            return ConfigFile(path, found.values, tuple(notes))
    return ConfigFile(notes=tuple(notes))


def read_config(path: Path) -> ConfigFile:
    """What a file says that was asked for by name.

    JSON is told by the name `.json`. Everything else is read as YAML, which includes JSON.

    Raises:
        ConfigFileUnreadable: It is missing, has no valid syntax or is not a mapping of settings.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_BYTES_MAX + 1)
    except OSError as error:
        raise ConfigFileUnreadable(path, error.strerror or str(error)) from error
    if len(text) > _BYTES_MAX:
        raise ConfigFileUnreadable(path, f"it is larger than {_BYTES_MAX} bytes")
    values = _parse(path, text)
    # An empty YAML file is a file in which everything is commented out.
    if values is None:
        values = {}
    if not isinstance(values, dict):
        raise ConfigFileUnreadable(path, "it must consist of names and values")
    return ConfigFile(path, {str(key): value for key, value in values.items()})


def _candidates(directory: Path, home: Path) -> Iterator[Path]:
    folders = [directory, *directory.parents, *(home / folder for folder in _HOME_FOLDERS)]
    for folder in folders:
        for name in _NAMES:
            yield folder / name


def _parse(path: Path, text: bytes) -> object:
    try:
        if path.suffix == ".json":
            return msgspec.json.decode(text)
        return yaml.safe_load(text)
    except (msgspec.DecodeError, yaml.YAMLError, UnicodeDecodeError) as error:
        # The first line says what and where; a YAML error quotes the text, which may hold a key.
        raise ConfigFileUnreadable(path, _reason(error)) from error


def _reason(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return f"{getattr(error, 'problem', 'syntax error')} in line {mark.line + 1}"
    return str(error).partition("\n")[0]
