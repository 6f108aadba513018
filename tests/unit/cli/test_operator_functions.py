"""`stepwell functions` and `stepwell apps` against a server in this process."""

import json
from collections.abc import Iterator

import pytest

from tests.unit.cli.operator_world import ULID, Operator, operating


@pytest.fixture(scope="module")
def operator() -> Iterator[Operator]:
    with operating() as operator:
        yield operator


@pytest.fixture
def own() -> Iterator[Operator]:
    """A server of its own, for what changes functions."""
    with operating() as operator:
        yield operator


def test_functions_are_listed_by_slug(operator: Operator) -> None:
    slugs = [each["slug"] for each in operator.lines("functions", "list")]

    assert slugs == ["shop-nap", "shop-refuse", "shop-ship"]
    assert operator.told("functions", "list", "--search", "nap", "--app", "shop").splitlines() == [
        "FUNCTION  NAME  TRIGGERS  STATE",
        "shop-nap  Nap   shop/nap  active",
    ]


def test_an_empty_list_says_where_to_look(operator: Operator) -> None:
    result = operator.run("functions", "list", "--search", "nothing")

    assert (result.exit_code, result.stdout) == (0, "")
    assert "`stepwell apps list`" in result.stderr


@pytest.mark.parametrize("name", ["shop-ship", "ship"])
def test_a_function_is_found_by_slug_with_or_without_its_app(operator: Operator, name: str) -> None:
    shown = operator.json("functions", "get", name)

    assert (shown["slug"], shown["queue"]["runs"]) == ("shop-ship", 0)


def test_a_function_is_shown_with_its_configuration_and_queue(operator: Operator) -> None:
    text = operator.told("functions", "get", "ship")

    assert text.startswith("Function shop-ship  active\n")
    assert "Retries   4" in text
    assert "Runs to start  0" in text


def test_a_paused_function_is_shown_as_such_until_it_is_resumed(own: Operator) -> None:
    paused = own.told("functions", "pause", "ship", "--new-runs", "wait", "--running", "hold")
    text = own.told("functions", "get", "ship")
    state = own.told("functions", "list", "--search", "ship").split()[-1]
    resumed = own.told("functions", "resume", "ship")

    assert paused == "shop-ship  paused\n"
    assert "new runs wait, running ones hold" in text
    assert state == "paused"
    assert resumed == "shop-ship  resumed\n"
    assert own.json("functions", "get", "ship")["pause"] is None


def test_pausing_can_cancel_what_runs(own: Operator) -> None:
    own.napping()

    result = own.run("functions", "pause", "nap", "--running", "cancel")

    assert result.exit_code == 0
    assert "Its runs are being cancelled" in result.stderr


def test_changes_for_programs_show_the_function(own: Operator) -> None:
    paused = own.json("functions", "pause", "ship")
    resumed = own.json("functions", "resume", "ship")

    assert paused["function"]["pause"]["newRuns"] == "SKIP"
    assert resumed["function"] == {"slug": "shop-ship", "pause": None}


def test_invoking_prints_the_run(operator: Operator) -> None:
    run_id = operator.told("functions", "invoke", "ship", "--data", '{"order": 5}').strip()

    assert ULID.fullmatch(run_id)


def test_waiting_prints_the_output_and_succeeds_with_the_run(operator: Operator) -> None:
    result = operator.run("functions", "invoke", "ship", "--data", '{"order": 5}', "--wait")

    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"shipped": 5}
    assert "COMPLETED" in result.stderr


def test_waiting_fails_with_the_run(operator: Operator) -> None:
    people = operator.run("functions", "invoke", "refuse", "--wait")
    programs = operator.run("functions", "invoke", "refuse", "--wait", "--json")

    assert (people.exit_code, programs.exit_code) == (1, 1)
    assert "CardError: no such card" in people.stdout
    assert "FAILED" in people.stderr
    assert json.loads(programs.stdout)["output"]["name"] == "CardError"


def test_waiting_for_a_paused_function_ends_with_the_skipped_run(own: Operator) -> None:
    own.told("functions", "pause", "ship")

    result = own.run("functions", "invoke", "ship", "--wait")

    assert result.exit_code == 1
    assert "SKIPPED" in result.stderr


def test_an_unknown_function_is_not_invoked(operator: Operator) -> None:
    result = operator.run("functions", "invoke", "nothing")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "There is no function nothing. `stepwell functions list`" in result.stderr


def test_apps_are_listed_with_their_state(operator: Operator) -> None:
    (app,) = operator.lines("apps", "list")
    head, row = operator.told("apps", "list").splitlines()

    assert (app["externalID"], app["functionCount"], app["error"]) == ("shop", 3, None)
    assert head.split() == ["APP", "STATE", "FUNCTIONS", "SDK", "SYNCED", "URL"]
    assert row.split()[:3] == ["shop", "ok", "3"]


def test_an_app_that_does_not_register_is_an_error_that_says_why(own: Operator) -> None:
    result = own.run("apps", "sync", "127.0.0.1:9/api/inngest")

    assert result.exit_code == 1
    assert "The app at 127.0.0.1:9/api/inngest did not register: unreachable" in result.stderr
    assert [app["error"] for app in own.lines("apps", "list") if not app["externalID"]] == [
        "unreachable"
    ]


@pytest.mark.parametrize("by", ["externalID", "id", "url"])
def test_an_app_is_asked_to_register_by_what_it_is_known_by(operator: Operator, by: str) -> None:
    (app,) = operator.lines("apps", "list")

    assert operator.told("apps", "sync", app[by]) == "shop  3 functions\n"


def test_an_unknown_app_is_not_taken_for_a_url(operator: Operator) -> None:
    result = operator.run("apps", "sync", "nobody")

    assert result.exit_code == 1
    assert "There is no app nobody" in result.stderr
