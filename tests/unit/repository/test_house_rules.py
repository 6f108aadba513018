"""Rules of the house that no linter knows; the limits may be lowered, never raised."""

import ast
import importlib
import os
import pkgutil
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import stepwell
from stepwell.wire.errors import StepwellError

_ROOT = Path(__file__).resolve().parents[3]
_SOURCE = _ROOT / "src" / "stepwell"
_ERROR_PAGES = _ROOT / "docs" / "errors"

MODULE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70

# Importing a migration runs it; it needs the database that Alembic gives it.
_NOT_IMPORTABLE = ("stepwell.store.migrations", "__main__")


Modules = dict[Path, ast.Module]


def _paths(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*.py")) if "node_modules" not in path.parts]


def _modules(folder: Path) -> Iterator[tuple[Path, ast.Module]]:
    for path in _paths(folder):
        yield path, ast.parse(path.read_text(), filename=str(path))


@pytest.fixture(scope="module")
def source() -> Modules:
    """The program as it is written; let go afterwards, for it is a million objects."""
    return dict(_modules(_SOURCE))


def _place(path: Path, node: ast.AST | None = None) -> str:
    line = getattr(node, "lineno", None)
    return f"{path.relative_to(_ROOT)}" + (f":{line}" if line else "")


def test_no_module_is_longer_than_one_can_keep_in_mind() -> None:
    lines = {_place(path): len(path.read_text().splitlines()) for path in _paths(_SOURCE)}

    assert {place: count for place, count in lines.items() if count > MODULE_LINES_MAX} == {}


def test_no_function_is_longer_than_a_screen(source: Modules) -> None:
    """Counted from `def` to the last line, docstring included."""
    lines: dict[str, int] = {}
    for path, module in source.items():
        for node in ast.walk(module):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                lines[f"{_place(path, node)} {node.name}"] = node.end_lineno - node.lineno + 1

    assert {place: count for place, count in lines.items() if count > FUNCTION_LINES_MAX} == {}


def test_no_test_sleeps() -> None:
    """A sleep is slow on a fast machine and flaky on a slow one.

    Use virtual time, or wait for what must happen. `asyncio.sleep(0)` passes no time: it lets the
    other tasks run, and is allowed.
    """
    assert [
        _place(path, node)
        for path, module in _modules(_ROOT / "tests")
        for node in ast.walk(module)
        if _is_sleep(node)
    ] == []


def _is_sleep(node: ast.AST) -> bool:
    match node:
        case ast.Call(args=[ast.Constant(value=0)], func=ast.Attribute(value=ast.Name("asyncio"))):
            return False
        case ast.Call(func=ast.Attribute(value=ast.Name("time" | "asyncio"), attr="sleep")):
            return True
        case ast.ImportFrom(module="time" | "asyncio", names=names):
            return any(name.name == "sleep" for name in names)
        case _:
            return False


@pytest.mark.parametrize(
    ("code", "is_sleep"),
    [
        ("time.sleep(1)", True),
        ("asyncio.sleep(0.01)", True),
        ("from time import sleep", True),
        ("asyncio.sleep(0)", False),
        ("step.sleep('nap', 1000)", False),
        ("from time import monotonic", False),
    ],
)
def test_a_sleep_is_told_from_what_only_looks_like_one(code: str, *, is_sleep: bool) -> None:
    assert any(_is_sleep(node) for node in ast.walk(ast.parse(code))) is is_sleep


def test_only_the_command_line_prints(source: Modules) -> None:
    """A server's standard output belongs to its log."""
    assert [
        _place(path, node)
        for path, module in source.items()
        if _SOURCE / "cli" not in path.parents
        for node in ast.walk(module)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ] == []


def test_nothing_is_marked_as_unfinished() -> None:
    """What is worth a mark is worth an issue, or a sentence about when it matters."""
    # Put together here, so that this file does not find itself.
    marks = re.compile(rf"\b({'FIX' + 'ME'}|{'X' * 3})\b")
    found = [
        f"{_place(path)}:{number}"
        for path in _texts()
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if marks.search(line)
    ]

    assert found == []


def _texts() -> Iterator[Path]:
    suffixes = {".py", ".md", ".toml", ".sql", ".ts", ".mjs", ".js", ".sh"}
    yield from (path for path in _ROOT.glob("*.*") if path.suffix in suffixes)
    for top in ("src", "tests", "scripts", "bench", "docs", "changes", "examples", ".ci"):
        for folder, folders, names in os.walk(_ROOT / top):
            folders[:] = [name for name in folders if name not in ("node_modules", "__pycache__")]
            for name in names:
                if Path(name).suffix in suffixes:
                    yield Path(folder, name)


@cache
def _errors() -> tuple[type[StepwellError], ...]:
    """Every concrete error class of the program, wherever it is defined."""
    for module in pkgutil.walk_packages(stepwell.__path__, "stepwell."):
        if not any(part in module.name for part in _NOT_IMPORTABLE):
            importlib.import_module(module.name)

    found: list[type[StepwellError]] = []
    pending = [StepwellError]
    while pending:
        error = pending.pop()
        pending.extend(error.__subclasses__())
        if "code" in vars(error) and error.__module__.startswith("stepwell."):
            found.append(error)
    return tuple(found)


def test_every_error_code_belongs_to_one_class() -> None:
    codes = Counter(error.code for error in _errors())

    assert [code for code, count in codes.items() if count > 1] == []
    assert [code for code in codes if not re.fullmatch(r"SW[1239]\d{3}", code)] == []


def test_every_error_code_has_a_page_and_every_page_an_error() -> None:
    pages = {path.stem for path in _ERROR_PAGES.glob("SW*.md")}

    assert pages == {error.code for error in _errors()}


def test_every_room_is_held_to_the_direction_of_imports() -> None:
    """import-linter knows each package of the program, and no package that does not exist."""
    settings = tomllib.loads((_ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    rooms = {
        room.strip()
        for contract in settings["contracts"]
        if contract["type"] == "layers"
        for layer in contract["layers"]
        for room in layer.split("|")
    }
    packages = {f"stepwell.{path.parent.name}" for path in _SOURCE.glob("*/__init__.py")}

    assert rooms == packages


def test_ci_runs_the_test_command_of_the_readme() -> None:
    script = _ROOT / ".ci" / "run"
    command = script.read_text().splitlines()[-1].removeprefix("exec ")

    assert os.access(script, os.X_OK)
    assert command in (_ROOT / "README.md").read_text()
