"""`stepwell runs` against a server in this process."""

import json
from collections.abc import Iterator

import httpx
import pytest
from click.testing import Result

from stepwell.cli.following import PAUSE_S_MIN
from stepwell.cli.outside import Outside
from tests.unit.cli.operator_world import ULID, UNKNOWN_ID, Operator, Scripted, operating, run


@pytest.fixture(scope="module")
def operator() -> Iterator[Operator]:
    with operating() as operator:
        yield operator


def test_a_list_shows_newest_first_and_finds_by_every_filter(operator: Operator) -> None:
    """Filters by status, function, app, time and what the event holds, alone and together."""
    first = operator.invoked("ship", {"order": 4711})["id"]
    second = operator.invoked("ship", {"order": 2})["id"]
    failed = operator.invoked("refuse")["id"]

    def found(*filters: str) -> list[str]:
        return [each["id"] for each in operator.lines("runs", "list", *filters)]

    assert found("--function", "shop-ship", "--limit", "2") == [second, first]
    assert found("--limit", "1", "--function", "ship") == [second]
    assert failed in found("--status", "failed", "--app", "shop")
    assert second not in found("--status", "failed", "--status", "cancelled")
    assert found("--function", "ship", "--search", "event.data.order == 4711") == [first]
    assert second in found("--from", "1h", "--until", "now", "--time-field", "ended")
    assert found("--until", "1h") == []


def test_a_list_for_people_has_a_head_and_says_how_many_more_there_are(operator: Operator) -> None:
    for order in range(2):
        operator.invoked("ship", {"order": order})

    result = operator.run("runs", "list", "--function", "ship", "-n", "1")

    head, row = result.stdout.splitlines()
    assert head.split() == ["RUN", "STATUS", "FUNCTION", "TRIGGER", "QUEUED", "TOOK"]
    assert row.split()[1:3] == ["COMPLETED", "shop-ship"]
    assert "1 of " in result.stderr
    assert "--limit shows more." in result.stderr


def test_an_empty_list_is_no_error(operator: Operator) -> None:
    result = operator.run("runs", "list", "--until", "2001-01-01")

    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "No such run.\n")
    assert operator.lines("runs", "list", "--until", "2001-01-01") == []


def test_a_list_longer_than_a_page_is_put_together(operator: Operator) -> None:
    """The server's pages have 399 runs; a limit beyond that needs a second one."""
    operator.server.post_json("/e/key", [{"name": "shop/nap", "data": {}}] * 400)

    runs = operator.lines("runs", "list", "--function", "nap", "-n", "400")

    assert len({run["id"] for run in runs}) == 400


def test_a_run_is_shown_with_its_steps_and_output(operator: Operator) -> None:
    run_id = operator.invoked("ship", {"order": 7})["id"]

    text = operator.told("runs", "get", run_id)

    assert text.startswith(f"Run {run_id}  COMPLETED\n")
    assert "Function  shop-ship (Ship), version 1" in text
    assert "\nSteps\n" in text
    assert "charge  run   COMPLETED" in text
    assert '"shipped": 7' in text


def test_a_run_for_programs_is_one_object_with_its_output_as_json(operator: Operator) -> None:
    run_id = operator.invoked("ship", {"order": 7})["id"]

    shown = operator.json("runs", "get", run_id)

    assert (shown["id"], shown["status"]) == (run_id, "COMPLETED")
    assert shown["output"] == {"shipped": 7}
    assert shown["queuedAt"].endswith("Z")
    assert shown["trace"]["childrenSpans"][0]["name"] == "charge"


def test_only_the_output_can_be_asked_for(operator: Operator) -> None:
    run_id = operator.invoked("ship", {"order": 7})["id"]

    assert json.loads(operator.told("runs", "get", run_id, "--output")) == {"shipped": 7}


def test_a_run_that_has_not_ended_has_no_output_to_print(operator: Operator) -> None:
    result = operator.run("runs", "get", operator.napping(), "--output")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "The run has no output" in result.stderr


def test_a_failed_run_shows_its_error_and_cannot_steer_the_terminal(operator: Operator) -> None:
    """What an app says is printed without control characters."""
    text = operator.told("runs", "get", operator.invoked("refuse")["id"])

    assert "\nError\n" in text
    assert "CardError: no such card" in text
    assert "at charge" in text
    assert "\x1b" not in text


def test_the_whole_trace_shows_every_call(operator: Operator) -> None:
    text = operator.told("runs", "get", operator.invoked("ship")["id"], "--trace")

    assert "\nTrace\n" in text
    assert "Finalization" in text
    assert "206" in text


def test_a_waiting_run_says_what_it_waits_for(operator: Operator) -> None:
    run_id = operator.napping()
    _until_asleep(operator, run_id)

    text = operator.told("runs", "get", run_id)

    assert "\nWaits\n  Sleeps until " in text
    assert "nap   sleep  WAITING" in text


def _until_asleep(operator: Operator, run_id: str) -> None:
    """Returns when the run sleeps: asking again is all that the API offers for it."""
    for _ in range(10_000):
        waiting = operator.json("runs", "get", run_id)["waiting"]
        if [each["kind"] for each in waiting] == ["sleep"]:
            return
    raise AssertionError("the run does not come to its sleep")


def test_cancelling_ends_runs_and_leaves_ended_ones_alone(operator: Operator) -> None:
    napping, ended = operator.napping(), operator.invoked("ship")["id"]

    result = operator.run("runs", "cancel", napping, ended)

    assert result.exit_code == 0
    assert result.stdout == f"{napping}  CANCELLED\n{ended}  COMPLETED\n"
    assert result.stderr == f"{ended} had ended before; nothing was cancelled.\n"


def test_an_unknown_run_does_not_keep_others_from_being_cancelled(operator: Operator) -> None:
    napping = operator.napping()

    result = operator.run("runs", "cancel", UNKNOWN_ID, "nonsense", napping, "--json")

    assert result.exit_code == 1
    assert json.loads(result.stdout) == {"id": napping, "status": "CANCELLED", "hadEnded": False}
    assert f"There is no run {UNKNOWN_ID}" in result.stderr
    assert "There is no run nonsense" in result.stderr


def test_a_rerun_prints_the_id_of_the_new_run(operator: Operator) -> None:
    run_id = operator.invoked("ship")["id"]

    new_id = operator.told("runs", "rerun", run_id).strip()

    assert ULID.fullmatch(new_id)
    assert operator.json("runs", "get", new_id)["originRunID"] == run_id


def test_a_rerun_may_begin_at_a_step_with_other_arguments(operator: Operator) -> None:
    run_id = operator.invoked("ship")["id"]

    shown = operator.json(
        "runs", "rerun", run_id, "--from-step", "hash-of-charge", "--input", '[{"a":1}]'
    )

    assert shown["rerunOf"] == run_id
    assert ULID.fullmatch(shown["id"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("rerun", UNKNOWN_ID, "--input", "[1]"), "--input is for the step that --from-step names"),
        (("rerun", UNKNOWN_ID, "--from-step", "a", "--input", "{"), "this is not JSON"),
        (("rerun", UNKNOWN_ID, "--from-step", "a", "--input", "{}"), "it must be a JSON array"),
        (("list", "--from", "yesterday"), "'yesterday' is no time"),
        (("list", "--until", "-2h"), "'-2h' is no time"),
        (("list", "--limit", "0"), "0 is not in the range"),
        (("list", "--limit", "100001"), "100001 is not in the range"),
        (("list", "--status", "skipped"), "'skipped' is not one of"),
        (("cancel",), "Missing argument 'RUN_ID...'"),
        (("get", "--timeout", "0", UNKNOWN_ID), "0 is not in the range"),
    ],
)
def test_what_is_typed_wrong_ends_with_status_2(
    operator: Operator, arguments: tuple[str, ...], message: str
) -> None:
    result = operator.run("runs", *arguments)

    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("get", UNKNOWN_ID), f"There is no run {UNKNOWN_ID}"),
        (("get", "nonsense"), "There is no run nonsense"),
        (("rerun", UNKNOWN_ID), f"There is no run {UNKNOWN_ID}"),
        (("list", "--function", "shop-shp"), "There is no function shop-shp. Perhaps shop-ship"),
        (("list", "--app", "nobody"), "There is no app nobody. `stepwell apps list`"),
        (("list", "--search", "event.data.x =="), "error retrieving runs"),
    ],
)
def test_what_the_server_does_not_know_is_one_error_with_its_page(
    operator: Operator, arguments: tuple[str, ...], message: str
) -> None:
    result = operator.run("runs", *arguments)

    assert (result.exit_code, result.stdout) == (1, "")
    assert f"Error: {message}" in result.stderr
    assert "SW1012: https://" in result.stderr


def test_an_unknown_step_is_the_servers_error(operator: Operator) -> None:
    run_id = operator.invoked("ship")["id"]

    result = operator.run("runs", "rerun", run_id, "--from-step", "nothing")

    assert (result.exit_code, result.stderr.splitlines()[0]) == (1, "Error: rerun step not found")


class Stopped:
    """Waits for nothing, and is stopped with Ctrl-C after so many pauses.

    Attributes:
        pauses: How long it was asked to wait, in seconds.
    """

    def __init__(self, pauses_max: int) -> None:
        self._pauses_max = pauses_max
        self.pauses: list[float] = []

    def __call__(self, seconds: float) -> None:
        if len(self.pauses) == self._pauses_max:
            raise KeyboardInterrupt
        self.pauses.append(seconds)


def _changed(*run_ids: str, is_cut: bool = False) -> dict[str, object]:
    return {"runs": dict.fromkeys(run_ids, ""), "events": [], "apps": False, "cut": is_cut}


def _tail(
    operator: Operator,
    streams: "list[list[dict[str, object]] | Exception]",
    *arguments: str,
    pauses_max: int = 0,
) -> tuple[Result, Stopped]:
    stopped = Stopped(pauses_max)
    outside = Outside(transport=Scripted(operator.transport, [*streams]), pause=stopped)
    return run(outside, "runs", "tail", *arguments), stopped


def test_tail_prints_a_line_for_each_change_of_status_until_ctrl_c(operator: Operator) -> None:
    done, failed = operator.invoked("ship")["id"], operator.invoked("refuse")["id"]
    changes = [_changed(done), _changed(done, failed), _changed(UNKNOWN_ID)]

    result, _ = _tail(operator, [changes])

    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line.split()[3:6] for line in lines] == [
        [done, "COMPLETED", "shop-ship"],
        [failed, "FAILED", "shop-refuse"],
    ]


def test_tail_shows_only_what_is_asked_for(operator: Operator) -> None:
    done, failed = operator.invoked("ship")["id"], operator.invoked("refuse")["id"]
    changes = [_changed(done, failed)]

    by_status, _ = _tail(operator, [changes], "--status", "failed", "--json")
    by_function, _ = _tail(operator, [changes], "--function", "ship", "--json")

    assert json.loads(by_status.stdout)["id"] == failed
    assert json.loads(by_function.stdout)["id"] == done


def test_tail_connects_again_with_growing_pauses(operator: Operator) -> None:
    """A pause doubles while nothing comes, and is short again once something came."""
    done = operator.invoked("ship")["id"]
    down = httpx.ConnectError("refused")

    result, stopped = _tail(operator, [[], down, down, [_changed(done)], []], pauses_max=4)

    assert result.exit_code == 0
    assert [pause / PAUSE_S_MIN for pause in stopped.pauses] == [1, 2, 4, 1]
    assert done in result.stdout
    assert "Connected again." in result.stderr


def test_tail_does_not_begin_without_a_server(operator: Operator) -> None:
    result, _ = _tail(operator, [httpx.ConnectError("refused")])

    assert result.exit_code == 1
    assert "cannot be reached" in result.stderr


def test_tail_says_when_more_changed_than_is_named(operator: Operator) -> None:
    result, _ = _tail(operator, [[_changed(is_cut=True)]])

    assert "More runs changed than can be told." in result.stderr
