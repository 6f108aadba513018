"""`stepwell events` against a server in this process."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from stepwell.server.options import Mode
from tests.unit.api.api_server import OPERATOR_TOKEN, SIGNING_KEY
from tests.unit.cli.operator_world import ULID, UNKNOWN_ID, Operator, operating


@pytest.fixture(scope="module")
def operator() -> Iterator[Operator]:
    with operating() as operator:
        yield operator


@pytest.fixture(scope="module")
def in_production() -> Iterator[Operator]:
    with operating(Mode.START) as operator:
        yield operator


def _sent(operator: Operator, name: str, *arguments: str) -> str:
    event_id = operator.told("events", "send", name, *arguments).strip()
    assert ULID.fullmatch(event_id)
    return event_id


def test_an_event_is_sent_with_all_that_was_typed(operator: Operator) -> None:
    event_id = _sent(
        operator,
        "test/whole",
        "--data",
        '{"order": 17}',
        "--id",
        "mine",
        "--ts",
        "2026-01-31T09:00:00Z",
    )

    event = operator.json("events", "get", event_id)["event"]
    assert (event["name"], event["data"]) == ("test/whole", {"order": 17})
    assert (event["id"], event["ts"]) == ("mine", 1_769_850_000_000)


def test_data_may_come_from_a_file_or_from_standard_input(
    operator: Operator, tmp_path: Path
) -> None:
    path = tmp_path / "data.json"
    path.write_text('{"from": "file"}')

    of_file = _sent(operator, "test/file", "--data", f"@{path}")
    result = operator.run("events", "send", "test/input", "--data", "-", stdin='{"from":"input"}')

    assert operator.json("events", "get", of_file)["event"]["data"] == {"from": "file"}
    of_input = result.stdout.strip()
    assert operator.json("events", "get", of_input)["event"]["data"] == {"from": "input"}


def test_a_list_finds_by_name_time_and_what_an_event_holds(operator: Operator) -> None:
    first = _sent(operator, "test/listed", "--data", '{"n": 1}')
    second = _sent(operator, "test/listed", "--data", '{"n": 2}')

    def found(*filters: str) -> list[str]:
        return [each["id"] for each in operator.lines("events", "list", *filters)]

    assert found("--name", "test/listed") == [second, first]
    assert found("--name", "test/listed", "--name", "test/other", "-n", "1") == [second]
    assert found("--search", "event.data.n == 1", "--name", "test/listed") == [first]
    assert found("--until", "1h") == []
    assert second in found("--from", "1h")


def test_events_of_the_server_are_listed_when_they_are_asked_for(operator: Operator) -> None:
    operator.invoked("ship")

    def names(*filters: str) -> set[str]:
        return {each["name"] for each in operator.lines("events", "list", *filters)}

    assert not any(name.startswith("inngest/") for name in names())
    assert "inngest/function.invoked" in names("--internal")
    assert names("--name", "inngest/function.invoked") == {"inngest/function.invoked"}


def test_a_listed_event_is_one_line_however_it_was_sent(operator: Operator) -> None:
    """Line breaks of the sender, and characters that steer terminals, are not printed."""
    body = b'{"name": "test/lines", "data": {\n  "a":\r\n1,\t"b": "\xc2\x9b2J"\n}}'
    assert operator.server.post("/e/key", body).status == 200

    (line,) = operator.told("events", "list", "--name", "test/lines", "--json").splitlines()

    assert '"data":{"a":1,"b":"\\u009b2J"}' in line


def test_a_list_for_people_shows_what_became_of_each_event(operator: Operator) -> None:
    event_id = _sent(operator, "shop/nap")

    result = operator.run("events", "list", "--name", "shop/nap", "-n", "1")

    head, row = result.stdout.splitlines()
    assert head.split() == ["EVENT", "NAME", "RECEIVED", "RUNS"]
    assert row.split()[:2] == [event_id, "shop/nap"]
    assert "shop-nap" in row


def test_a_list_longer_than_a_page_is_put_together(operator: Operator) -> None:
    """The server's pages have 51 events."""
    for _ in range(52):
        operator.server.post_json("/e/key", {"name": "test/many"})

    result = operator.run("events", "list", "--name", "test/many", "-n", "51")

    assert len(operator.lines("events", "list", "--name", "test/many", "-n", "100")) == 52
    assert "51 of 52 events; --limit shows more." in result.stderr


def test_an_event_is_shown_with_its_outcomes(operator: Operator) -> None:
    event_id = _sent(operator, "shop/nap", "--data", '{"bed": "soft"}')

    text = operator.told("events", "get", event_id)

    assert text.startswith(f"Event {event_id}  shop/nap\n")
    assert '"bed": "soft"' in text
    assert "shop-nap" in text
    (outcome,) = operator.json("events", "get", event_id)["outcomes"]
    assert (outcome["slug"], outcome["outcome"]) == ("shop-nap", "run")


def test_an_event_without_listeners_says_so(operator: Operator) -> None:
    text = operator.told("events", "get", _sent(operator, "test/nobody"))

    assert "No function listens to it." in text


@pytest.mark.parametrize("event_id", [UNKNOWN_ID, "nonsense"])
def test_an_unknown_event_is_one_error(operator: Operator, event_id: str) -> None:
    result = operator.run("events", "get", event_id)

    assert (result.exit_code, result.stdout) == (1, "")
    assert f"Error: There is no event {event_id}" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "{"), "this is not JSON"),
        (("--data", "[1]"), "it must be a JSON object"),
        (("--data", "@/nowhere/data.json"), "No such file or directory"),
        (("--ts", "tomorrow"), "'tomorrow' is no time"),
    ],
)
def test_what_is_typed_wrong_is_not_sent(
    operator: Operator, arguments: tuple[str, ...], message: str
) -> None:
    result = operator.run("events", "send", "test/wrong", *arguments)

    assert result.exit_code == 2
    assert message in result.stderr
    assert operator.lines("events", "list", "--name", "test/wrong") == []


def test_an_event_that_the_server_refuses_is_an_error(operator: Operator) -> None:
    result = operator.run("events", "send", "inngest/forged")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "SW1012" in result.stderr


def test_production_takes_only_its_event_key_and_no_error_shows_one(
    in_production: Operator,
) -> None:
    by_flag = in_production.run("events", "send", "test/key", "--event-key", "second-key")
    by_variable = in_production.run("events", "send", "test/key", INNGEST_EVENT_KEY="first-key")

    assert by_variable.exit_code == 0
    assert ULID.fullmatch(by_variable.stdout.strip())
    assert by_flag.exit_code == 1
    assert "does not know the event key" in by_flag.stderr
    assert "second-key" not in by_flag.output


@pytest.mark.parametrize("place", ["flag", "variable"])
def test_production_takes_the_operator_token(in_production: Operator, place: str) -> None:
    flags = ("--token", OPERATOR_TOKEN) if place == "flag" else ()
    environ = {} if place == "flag" else {"STEPWELL_TOKEN": f" {OPERATOR_TOKEN}\n"}

    result = in_production.run("events", "list", "--json", *flags, **environ)

    assert result.exit_code == 0, result.output
    sent = in_production.transport.requests[-1].headers["authorization"]
    assert sent == f"Bearer {OPERATOR_TOKEN}"


def test_what_is_wrong_with_a_token_is_told_apart(in_production: Operator) -> None:
    missing = in_production.run("events", "list")
    wrong = in_production.run("events", "list", "--token", "stepwell_op_abcd")
    of_apps = in_production.run("events", "list", "--token", SIGNING_KEY)

    assert {missing.exit_code, wrong.exit_code, of_apps.exit_code} == {1}
    assert "asks for the operator token; give it with --token" in missing.stderr
    assert "does not take the operator token" in wrong.stderr
    assert "takes no signing key here; give the operator token" in of_apps.stderr
    for result in (missing, wrong, of_apps):
        assert "SW1010: " in result.stderr
        assert "abcd" not in result.output
        assert SIGNING_KEY not in result.output


def test_a_token_that_a_setting_gives_is_not_replaced(in_production: Operator) -> None:
    result = in_production.run("token", "replace", "--token", OPERATOR_TOKEN)

    assert (result.exit_code, result.stdout) == (1, "")
    assert "given by the setting operator-token" in result.stderr


def test_an_id_for_programs_is_an_object(operator: Operator) -> None:
    shown = json.loads(operator.told("events", "send", "test/json", "--json"))

    assert list(shown) == ["id"]
