"""The commands, as far as they start no server."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stepwell import __version__
from stepwell.cli.program import program

KEYS = ("--signing-key", "abcd", "--event-key", "key")


def run(*arguments: str, environ: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(program, arguments, env=environ or {}, prog_name="stepwell")


@pytest.mark.parametrize("arguments", [("version",), ("--version",), ("-v",)])
def test_the_version_is_a_line_of_its_own(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)

    assert (result.exit_code, result.output) == (0, f"{__version__}\n")


def test_the_api_is_printed_without_a_server() -> None:
    result = run("openapi")

    shown = json.loads(result.output)
    assert (result.exit_code, shown["openapi"]) == (0, "3.1.0")
    assert shown["info"]["version"] == __version__
    assert "/v1/openapi.json" in shown["paths"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("-h",),
        ("dev", "-h"),
        ("start", "--help"),
        ("health", "-h"),
        ("version", "-h"),
        ("openapi", "-h"),
    ],
)
def test_every_command_explains_itself(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)

    assert result.exit_code == 0
    assert result.output.startswith("Usage: stepwell")


def test_all_commands_are_listed() -> None:
    output = run("--help").output

    for name in ("dev", "start", "health", "version", "completion"):
        assert re.search(rf"^  {name} ", output, re.MULTILINE)


def test_flags_without_effect_are_not_advertised() -> None:
    output = run("dev", "--help").output

    assert "--queue-workers" in output
    assert "--tick" not in output
    assert "--redis-uri" not in output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_completion_scripts_name_the_program(shell: str) -> None:
    result = run("completion", shell)

    assert result.exit_code == 0
    assert "_STEPWELL_COMPLETE" in result.output


def test_an_unknown_shell_is_refused() -> None:
    result = run("completion", "cmd")

    assert result.exit_code == 2
    assert "'cmd' is not one of" in result.output


@pytest.mark.parametrize("arguments", [("serve",), ("dev", "--prot", "1"), ("version", "extra")])
def test_what_is_not_understood_ends_with_status_2(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("start",), "signing-key is required"),
        (
            ("start", "--signing-key", "abc"),
            "signing-key must be hex string with even number of chars",
        ),
        (("start", "--signing-key", "abcd"), "at least one event-key is required"),
        (
            ("start", *KEYS, "--operator-token", "x" * 40 + " "),
            "operator-token must consist of letters, digits and signs of ASCII, without spaces",
        ),
        (
            ("start", *KEYS, "--operator-token", "short"),
            "operator-token must have 32 to 512 characters, chosen at random",
        ),
        (("dev", "--port", "http"), "--port: 'http' is not a number"),
        (("-l", "loud", "dev"), "--log-level: 'loud' is none of trace, debug, info, warn, error"),
        (
            ("--json", "-l", "loud", "start", *KEYS),
            "--log-level: 'loud' is none of trace, debug, info, warn, error",
        ),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_error_with_its_page(
    arguments: tuple[str, ...], message: str
) -> None:
    result = run(*arguments)

    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        f"Error: {message}",
        "SW2010: https://github.com/stepwell/stepwell/blob/main/docs/errors/SW2010.md",
    ]


def test_a_flag_after_the_command_wins_over_one_before_it() -> None:
    result = run("-l", "info", "dev", "-l", "loud")

    assert "--log-level: 'loud'" in result.stderr


def test_settings_of_the_reference_that_cannot_be_had_are_explained() -> None:
    result = run("start", *KEYS, "--redis-uri", "redis://localhost")

    assert result.exit_code == 1
    assert "--redis-uri is not supported: " in result.stderr
    assert "SW2014: " in result.stderr


@pytest.mark.parametrize(
    "flags",
    [
        ("--signing-key", "not-a-5ecret", "--event-key", "5ecret"),
        (*KEYS, "--operator-token", "5ecret"),
        (*KEYS, "--operator-token", "5ecret" * 6 + " "),
        (*KEYS, "--metrics-token", "5ecret"),
        (*KEYS, "--operator-token", "5ecret" * 6, "--metrics-token", "5ecret" * 6),
        (*KEYS, "--postgres-uri", "postgresql://me:5ecret@host:port/db"),
        (
            *KEYS,
            "--postgres-uri",
            "postgresql://me:5ecret@host/db",
            "--postgres-max-open-conns",
            "1",
        ),
    ],
)
def test_secrets_do_not_appear_in_errors(flags: tuple[str, ...]) -> None:
    result = run("start", *flags)

    assert result.exit_code == 1
    assert "SW2010: " in result.stderr
    assert "5ecret" not in result.output


def test_an_unreadable_configuration_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text("{")

    result = run("dev", environ={"STEPWELL_CONFIG": str(path)})

    assert result.exit_code == 1
    assert str(path) in result.stderr
    assert "SW2011: " in result.stderr


def test_a_server_that_is_not_there_is_not_healthy() -> None:
    # Nothing can listen on port 0.
    result = run("health", "--port", "0")

    assert result.exit_code == 1
    assert "http://127.0.0.1:0/health does not answer" in result.output
