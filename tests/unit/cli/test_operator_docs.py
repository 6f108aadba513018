"""The reference page says what the commands of operators do, and shells complete them."""

import re
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from stepwell.cli.operators import OperatorGroup
from stepwell.cli.program import program

PAGE = Path(__file__).parents[3] / "docs" / "cli.md"
WIDTH = 100

GROUPS = {
    name: command
    for name, command in program.commands.items()
    if isinstance(command, OperatorGroup)
}
COMMANDS = [f"{name} {each}" for name, group in GROUPS.items() for each in sorted(group.commands)]


def test_there_is_a_group_for_everything_operators_look_at() -> None:
    assert sorted(GROUPS) == ["apps", "events", "functions", "runs", "token"]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_reference_shows_the_help_of_every_command(command: str) -> None:
    """To bring it up to date, copy what `COLUMNS=100 stepwell <command> --help` prints."""
    arguments = [*command.split(), "--help"]
    result = CliRunner().invoke(program, arguments, prog_name="stepwell", terminal_width=WIDTH)
    shown = dict(
        re.findall(r"```text\n\$ (stepwell[^\n]*--help)\n(.*?)```", PAGE.read_text(), re.DOTALL)
    )

    assert shown[f"stepwell {command} --help"] == result.output


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_takes_the_options_of_its_group(command: str) -> None:
    group, name = command.split()
    taken = {option for each in GROUPS[group].commands[name].params for option in each.opts}

    assert {"--json", "--server", "--token", "--insecure", "--timeout"} <= taken


@pytest.mark.parametrize(
    ("typed", "incomplete", "completed"),
    [
        ([], "ru", ["runs"]),
        (["runs"], "c", ["cancel"]),
        (["runs", "list", "--status"], "c", ["completed", "cancelled"]),
        (["runs", "list"], "--ser", ["--server"]),
        (["functions", "pause", "--running"], "h", ["hold"]),
    ],
)
def test_shells_complete_commands_and_options(
    typed: list[str], incomplete: str, completed: list[str]
) -> None:
    completion = ShellComplete(program, {}, "stepwell", "_STEPWELL_COMPLETE")

    assert [item.value for item in completion.get_completions(typed, incomplete)] == completed


def test_the_program_starts_without_the_http_client() -> None:
    """`stepwell dev` must not wait for what only operators need."""
    import subprocess
    import sys

    code = "import sys, stepwell.cli; sys.exit('httpx' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_help_is_shown_without_a_server() -> None:
    result = CliRunner().invoke(program, ["runs", "list", "-h"], prog_name="stepwell")

    assert result.exit_code == 0
    assert "--json, --server, --token" in result.output
