"""Real servers keep to their OpenAPI document, whatever they are asked: Schemathesis tries it."""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from stepwell.api.access import Access, access_of
from stepwell.api.openapi.surface import declared_routes
from tests.e2e.processes import Servers
from tests.openapi.stocked import Names, Stock

SIGNING_KEY: Final = "signkey-test-abc123def456"
EVENT_KEY: Final = "first-key"
#: Given, so that the route that replaces it says 409 and the others go on to know it.
OPERATOR_TOKEN: Final = "stepwell_op_" + "0123456789abcdef" * 3
#: It takes half a minute on a machine that has nothing else to do; the step has to end on any.
LIMIT_S: Final = 300

CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)

#: Whatever is valid by the document is taken by these, and by all that have no body. Others may refuse
#: it: an expression need not compile, and one time has to come after another.
_ACCEPTING: Final = ("sendSignal", "pauseFunction")
#: The state of a run is gone when it ends.
_GONE: Final = ("getEventsOfLiveRun", "getStepsOfLiveRun")


def _settings(names: Names, checks: Sequence[str]) -> str:
    """A configuration: half of the parameters that name something name what there is.

    A development server does not look at who asks.
    """
    lines = [f'hooks = "{Path(__file__).with_name("media_types.py")}"']
    lines.append(f'headers = {{ Authorization = "Bearer {OPERATOR_TOKEN}" }}')
    lines += ["[checks]", "enabled = false", *(f"{check}.enabled = true" for check in checks)]
    for name, values in names.items():
        lines += [f"[dictionaries.{name}]", f"values = {values!r}"]
    lines.append("[parameters]")
    lines += [f'{name} = {{ dictionary = "{name}", probability = 0.5 }}' for name in names]
    left_out = [each.declaration.id for each in declared_routes() if each.declaration.is_endless]
    # Says 501 to everything, which is what the document says.
    left_out.append("startConnect")
    lines += ["[[operations]]", f"include-operation-id = {left_out}", "enabled = false"]
    of_sdks = [
        each.declaration.id
        for each in declared_routes()
        if access_of(each.path) == Access.SIGNING_KEY
    ]
    lines += ["[[operations]]", f"include-operation-id = {of_sdks}"]
    lines.append(f'headers = {{ Authorization = "Bearer {SIGNING_KEY}" }}')
    return "\n".join(lines + _accepting())


def _accepting() -> list[str]:
    """Where valid requests have to be taken."""
    check = "checks.positive_data_acceptance"
    lines = [
        "[[operations]]",
        f"include-operation-id = {list(_ACCEPTING)}",
        f"{check}.enabled = true",
    ]
    lines += ["[[operations]]", f"include-operation-id = {list(_GONE)}", f"{check}.enabled = true"]
    lines += [f'{check}.expected-statuses = ["2xx", 404, 410]']
    lines += ["[[operations]]", 'include-method = ["GET", "DELETE"]', f"{check}.enabled = true"]
    lines += ['exclude-path-regex = "^/(v0/.*|v1/http/.*|.*/rollups)"']
    # There, what a link brings is sometimes replaced by what the document does not allow.
    lines += [f"phases.stateful.{check}.enabled = false"]
    return lines


def _schemathesis(
    url: str, folder: Path, names: Names, checks: Sequence[str], *arguments: str
) -> str:
    """What it prints.

    Raises:
        AssertionError: It found something, or did not try everything.
    """
    settings = folder / "schemathesis.toml"
    settings.write_text(_settings(names, checks))
    program = Path(sys.executable).parent / "schemathesis"
    ended = subprocess.run(
        [
            *(program, "--config-file", settings, "run", f"{url}/v1/openapi.json"),
            *("--generation-database", "none", "--no-color", "--warnings", "off"),
            *("--request-timeout", "30", *arguments),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_S,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def _seed(request: pytest.FixtureRequest) -> str:
    """Of this run of the tests, so that what it finds can be found again."""
    seed: Any = request.config.getoption("randomly_seed", 0)
    return str(seed)


def _all_tested(printed: str) -> bool:
    selected = re.search(r"Selected: (\d+)/\d+\s+Tested: (\d+)", printed)
    assert selected is not None, printed
    return selected[1] == selected[2]


@pytest.mark.timeout(LIMIT_S + 20)
def test_a_development_server_keeps_to_its_document(
    request: pytest.FixtureRequest, servers: Servers, tmp_path: Path
) -> None:
    """No request makes it fail, and every answer is one that the document names, in its shape."""
    server = servers.dev("--no-persist")
    names = Stock(server, event_key="any", headers={}).fill()

    printed = _schemathesis(
        server.url,
        tmp_path,
        names,
        CHECKS,
        *("--phases", "examples,coverage,fuzzing,stateful"),
        *("--max-examples", "8", "--seed", _seed(request)),
    )

    assert _all_tested(printed)
    assert server.stop() == 0
    assert [entry for entry in server.entries if entry["level"] == "error"] == []


@pytest.mark.timeout(LIMIT_S + 20)
def test_a_server_in_production_asks_for_the_keys_that_its_document_names(
    request: pytest.FixtureRequest, servers: Servers, tmp_path: Path
) -> None:
    """With the key all is as in development; without it nothing is told."""
    flags = ("--signing-key", SIGNING_KEY, "--event-key", EVENT_KEY)
    server = servers("start", *flags, "--operator-token", OPERATOR_TOKEN).wait_until_healthy()
    of_apps = {"Authorization": f"Bearer {SIGNING_KEY}"}
    names = Stock(server, event_key=EVENT_KEY, headers=of_apps).fill()

    printed = _schemathesis(
        server.url,
        tmp_path,
        names,
        (*CHECKS, "ignored_auth"),
        *("--phases", "coverage,fuzzing"),
        *("--max-examples", "3", "--seed", _seed(request)),
    )

    assert _all_tested(printed)
    assert server.stop() == 0
    assert [entry for entry in server.entries if entry["level"] == "error"] == []
