"""Functions, as `stepwell functions` shows them."""

from collections.abc import Sequence
from typing import Final

from stepwell.cli.client import Json
from stepwell.cli.tables import Column, clean, facts, painted, table
from stepwell.cli.times import age_text, local_text

__all__ = ["FUNCTION_FACTS", "QUEUE_FACTS", "function_lines", "function_table"]

FUNCTION_FACTS: Final = """
  id slug name version archived updatedAt url
  app { externalID }
  triggers { type value condition }
  pause { since newRuns running isDrain }
  configuration {
    cancellations { event timeout condition }
    retries { value }
    priority
    eventsBatch { maxSize timeout key }
    concurrency { scope limit { value isPlanLimit } key }
    rateLimit { limit period key }
    debounce { period key }
    throttle { burst key limit period }
    singleton { mode key }
  }
  options { idempotency runConcurrency { limit key } startTimeout finishTimeout }
"""
QUEUE_FACTS: Final = """
  runs requests decisions running oldestQueuedAt batches debounces
  waiting { constraint items message }
  timers { kind items }
"""

_FUNCTIONS: Final = (
    Column("FUNCTION", gives_way=True),
    Column("NAME", gives_way=True),
    Column("TRIGGERS", gives_way=True),
    Column("STATE"),
)


def function_table(found: Sequence[Json]) -> list[str]:
    """The lines of a table of functions; none for no functions."""
    rows = [
        (
            function["slug"],
            function["name"],
            ", ".join(_trigger(trigger) for trigger in function["triggers"] or ()),
            _state(function),
        )
        for function in found
    ]
    return table(_FUNCTIONS, rows) if rows else []


def function_lines(function: Json, queue: Json, *, now_ms: int) -> list[str]:
    """Everything about a function and its queue."""
    triggers = [
        _trigger(trigger) + (f" if {trigger['condition']}" if trigger["condition"] else "")
        for trigger in function["triggers"] or ()
    ]
    lines = [f"Function {clean(function['slug'])}  {_state(function)}"]
    rows: list[tuple[str, str | None]] = [
        ("Name", function["name"]),
        ("App", function["app"]["externalID"]),
        ("Version", f"{function['version']}, {age_text(function['updatedAt'], now_ms=now_ms)}"),
        ("Triggers", ", ".join(triggers)),
        *_limits(function),
    ]
    if function["pause"]:
        pause = function["pause"]
        about = f"new runs {pause['newRuns'].lower()}, running ones {pause['running'].lower()}"
        rows.append(("Paused", f"since {local_text(pause['since'])}; {about}"))
    lines += facts(rows, indent="  ")
    lines += ["", painted("Queue", bold=True), *_queue_lines(queue, now_ms=now_ms)]
    return lines


def _queue_lines(queue: Json, *, now_ms: int) -> list[str]:
    oldest = queue["oldestQueuedAt"]
    timers = ", ".join(f"{each['items']} {each['kind']}" for each in queue["timers"])
    lines = facts(
        [
            ("Runs to start", str(queue["runs"])),
            ("Calls to make", str(queue["requests"])),
            ("Under way", str(queue["running"])),
            ("Due later", timers),
            ("Oldest", age_text(oldest, now_ms=now_ms) if oldest else None),
        ],
        indent="  ",
    )
    return lines + [f"  {clean(each['message'])}" for each in queue["waiting"]]


def _limits(function: Json) -> list[tuple[str, str | None]]:
    """What is configured, in the words of the configuration."""
    config, options = function["configuration"], function["options"]
    batch, rate_limit, debounce = config["eventsBatch"], config["rateLimit"], config["debounce"]
    throttle, singleton, runs = config["throttle"], config["singleton"], options["runConcurrency"]
    concurrency = [
        f"{each['limit']['value']}{_key(each)} ({each['scope'].lower()})"
        for each in config["concurrency"]
        # One that says that there is none.
        if not each["limit"]["isPlanLimit"]
    ]
    cancellations = [
        each["event"] + (f" if {each['condition']}" if each["condition"] else "")
        for each in config["cancellations"]
    ]
    return [
        ("Retries", str(config["retries"]["value"])),
        ("Concurrency", ", ".join(concurrency)),
        ("Run concurrency", runs and f"{runs['limit']}{_key(runs)}"),
        ("Throttle", throttle and f"{throttle['limit']} in {throttle['period']}{_key(throttle)}"),
        (
            "Rate limit",
            rate_limit and f"{rate_limit['limit']} in {rate_limit['period']}{_key(rate_limit)}",
        ),
        ("Debounce", debounce and f"{debounce['period']}{_key(debounce)}"),
        ("Batch", batch and f"{batch['maxSize']} or {batch['timeout']}{_key(batch)}"),
        ("Singleton", singleton and f"{singleton['mode'].lower()}{_key(singleton)}"),
        ("Priority", config["priority"]),
        ("Idempotency", options["idempotency"]),
        ("Start timeout", options["startTimeout"]),
        ("Finish timeout", options["finishTimeout"]),
        ("Cancelled on", ", ".join(cancellations)),
    ]


def _key(limit: Json) -> str:
    return f" for each {limit['key']}" if limit["key"] else ""


def _trigger(trigger: Json) -> str:
    return f"cron {trigger['value']}" if trigger["type"] == "CRON" else str(trigger["value"])


def _state(function: Json) -> str:
    if function["archived"]:
        return painted("archived", dim=True)
    if function["pause"]:
        return "drained" if function["pause"]["isDrain"] else "paused"
    return "active"
