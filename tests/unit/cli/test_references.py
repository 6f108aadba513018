"""The reference pages say what the program does."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from stepwell.cli.program import program
from stepwell.server.options import OPTIONS, Fate, Option

DOCS = Path(__file__).parents[3] / "docs"
WIDTH = 100

_BLOCK = re.compile(r"```text\n\$ (stepwell[^\n]*--help)\n(.*?)```", re.DOTALL)


def shown_helps() -> dict[str, str]:
    return dict(_BLOCK.findall((DOCS / "cli.md").read_text()))


@pytest.mark.parametrize("command", ["", *sorted(program.commands)])
def test_the_reference_shows_the_help_of_every_command(command: str) -> None:
    """To bring it up to date, copy what `COLUMNS=100 stepwell <command> --help` prints."""
    arguments = [*command.split(), "--help"]
    result = CliRunner().invoke(program, arguments, prog_name="stepwell", terminal_width=WIDTH)

    assert shown_helps()[" ".join(["stepwell", *arguments])] == result.output


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: str(option.name))
def test_the_reference_of_settings_knows_every_setting(option: Option) -> None:
    page = (DOCS / "configuration.md").read_text()

    assert f"| `{option.name}` |" in page
    if option.fate is Fate.USED:
        assert f"| `{option.variables[0]}` |" in page
