"""The functions that the Go suite's assertions are about; each is named after what it shows."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.compat.graphql_raw_app import AnswerError, FunctionSpec, StepError, Steps

__all__ = ["APP", "FUNCTIONS", "RESPONSE_BYTES_MAX"]

APP: Final = "go"
#: What an app may answer with; one byte more is too much.
RESPONSE_BYTES_MAX: Final = 8 * 1024 * 1024

#: So far away that a test never sees the retry.
_FAR: Final = {"retry_after": "3600"}


def _basic(steps: Steps) -> str:
    steps.run("1", lambda: "first")
    steps.run("2", lambda: "second")
    steps.sleep("delay", "2s")
    steps.wait("wait1", f"{APP}/resume", "1m", "async.data.order == event.data.order")
    return "basic done"


def _wait_in_vain(steps: Steps) -> bool:
    return steps.wait("hold", f"{APP}/never", "1s") is None


def _wait_after_failure(steps: Steps) -> str:
    if steps.attempt == 0 and not steps.has("hold"):
        raise ValueError("no wait yet")
    condition = "async.data.order == event.data.order"
    name: str = steps.wait("hold", f"{APP}/resume", "1m", condition)["name"]
    return name


def _fails(_steps: Steps) -> None:
    raise ValueError("nope!")


def _fails_before_far_retry(_steps: Steps) -> None:
    raise AnswerError.error("nope!", **_FAR)


def _retried(steps: Steps) -> str:
    def body() -> str:
        if steps.attempt < 2:
            raise ValueError(f"broken {steps.attempt}")
        return "at last"

    result: str = steps.run("flaky", body)
    if steps.attempt == 0:
        raise ValueError("not at the end either")
    return result


def _fails_step_before_far_retry(steps: Steps) -> None:
    def body() -> None:
        raise ValueError("broken")

    steps.run("flaky", body, headers={"retry-after": "3600"})


def _exhausts_step(steps: Steps) -> str:
    def body() -> None:
        raise ValueError("broken for good")

    try:
        steps.run("doomed", body)
    except StepError as error:
        return str(error)
    return ""


def _sleeps_after_failure(steps: Steps) -> str:
    if steps.attempt == 0 and not steps.has("nap"):
        raise ValueError("not tired")
    steps.sleep("nap", "1s")
    steps.run("after", lambda: "awake")
    return "slept"


def _invokes(target: str) -> Callable[[Steps], Any]:
    def body(steps: Steps) -> Any:
        return steps.invoke("ask", f"{APP}-{target}")

    return body


def _invokes_after_failure(steps: Steps) -> Any:
    if steps.attempt == 0 and not steps.has("ask"):
        raise ValueError("not yet")
    return steps.invoke("ask", f"{APP}-child")


def _invokes_for_a_second(steps: Steps) -> Any:
    return steps.invoke("ask", f"{APP}-slow-child", "1s")


def _stands(steps: Steps) -> str:
    steps.gates.passed(steps.data.get("gate") or steps.data["by"])
    return "stood"


def _sleeps_long(steps: Steps) -> None:
    steps.sleep("nap", "1h")


def _parallel(steps: Steps) -> list[Any]:
    def side(name: str) -> Callable[[], str]:
        def body() -> str:
            steps.gates.passed(steps.data["gate"])
            return name

        return body

    return steps.parallel({name: side(name) for name in ("a", "b", "c")})


def _cancelled(steps: Steps) -> None:
    steps.run("first", lambda: 1)
    steps.sleep("nap", "1h")


def _returns(value: object) -> Callable[[Steps], Any]:
    return lambda _steps: value


def _quick(steps: Steps) -> Any:
    """Two steps; every fourth run fails."""
    n = steps.data["n"]
    steps.run("one", lambda: n)
    steps.run("two", lambda: n + 1)
    if n % 4 == 3:
        raise ValueError(f"run {n} fails")
    return {"n": n}


def _answers(status: int, body: bytes) -> Callable[[Steps], Any]:
    def answer(_steps: Steps) -> Any:
        raise AnswerError(status, body, is_sdk=False, headers={"content-type": "text/html"})

    return answer


def _too_large(_steps: Steps) -> str:
    return "x" * RESPONSE_BYTES_MAX


def _too_many_steps(steps: Steps) -> list[Any]:
    return steps.parallel({f"step {index}": lambda: 1 for index in range(1001)})


def _bad_expression(steps: Steps) -> None:
    steps.wait("hold", f"{APP}/never", "1m", "event.data.x == ")


FUNCTIONS: Final[Mapping[str, FunctionSpec]] = {
    "basic": FunctionSpec(_basic),
    "wait-in-vain": FunctionSpec(_wait_in_vain),
    "wait-after-failure": FunctionSpec(_wait_after_failure, retries=1),
    "fails": FunctionSpec(_fails),
    "fails-twice": FunctionSpec(_fails, retries=1),
    "fails-before-far-retry": FunctionSpec(_fails_before_far_retry, retries=1),
    "retried": FunctionSpec(_retried, retries=3),
    "fails-step-before-far-retry": FunctionSpec(_fails_step_before_far_retry, retries=1),
    "exhausts-step": FunctionSpec(_exhausts_step, retries=1),
    "sleeps-after-failure": FunctionSpec(_sleeps_after_failure, retries=1),
    "invokes": FunctionSpec(_invokes("child")),
    "invokes-failing": FunctionSpec(_invokes("fails-child")),
    "invokes-nobody": FunctionSpec(_invokes("nobody")),
    "invokes-standing": FunctionSpec(_invokes("standing-child")),
    "invokes-after-failure": FunctionSpec(_invokes_after_failure, retries=1),
    "invokes-for-a-second": FunctionSpec(_invokes_for_a_second),
    "child": FunctionSpec(_returns({"answer": 42}), triggers=[]),
    "fails-child": FunctionSpec(_fails, triggers=[]),
    "slow-child": FunctionSpec(_sleeps_long, triggers=[]),
    "standing-child": FunctionSpec(_stands, triggers=[]),
    "stands": FunctionSpec(_stands),
    "quick": FunctionSpec(_quick),
    "parallel": FunctionSpec(_parallel),
    "cancelled": FunctionSpec(
        _cancelled,
        options={
            "cancel": [{"event": f"{APP}/stop", "if": "event.data.order == async.data.order"}]
        },
    ),
    "returns": FunctionSpec(_returns("function output")),
    "lists": FunctionSpec(lambda steps: {"n": steps.data["n"]}),
    "fails-listed": FunctionSpec(_fails),
    "batch": FunctionSpec(
        lambda steps: len(steps.events), options={"batchEvents": {"maxSize": 3, "timeout": "10s"}}
    ),
    "limited": FunctionSpec(
        _stands, options={"concurrency": [{"limit": 1}], "timeouts": {"start": "2s"}}
    ),
    "waits-its-turn": FunctionSpec(_stands, options={"concurrency": [{"limit": 1}]}),
    "single": FunctionSpec(_stands, options={"singleton": {"mode": "skip"}}),
    "html": FunctionSpec(_answers(200, b"<html>hi</html>")),
    "not-found": FunctionSpec(_answers(404, b"<html>where?</html>")),
    "too-large": FunctionSpec(_too_large),
    "too-many-steps": FunctionSpec(_too_many_steps),
    "bad-expression": FunctionSpec(_bad_expression),
}
